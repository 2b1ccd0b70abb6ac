//! What the paper says (arXiv 2406.18665v4), GPT-4-1106-preview against Mixtral-8x7B.

/// A row of its tables 1 to 3.
pub(super) struct Published {
    /// What the router learned from: `votes`, or what helped most on the benchmark beside them.
    pub(super) training: &'static str,
    pub(super) router: &'static str,
    /// CPT(50%) and CPT(80%), in percent, and APGR.
    pub(super) mt_bench: Figures,
    pub(super) mmlu: Figures,
    pub(super) gsm8k: Figures,
}

/// CPT(50%) and CPT(80%) in percent, and APGR.
pub(super) type Figures = (f64, f64, f64);

const fn row(
    training: &'static str,
    router: &'static str,
    mt_bench: Figures,
    mmlu: Figures,
    gsm8k: Figures,
) -> Published {
    Published { training, router, mt_bench, mmlu, gsm8k }
}

/// Augmented is with `D_gold` (about 1,500 questions) for MMLU, with `D_judge` (about 120,000 pairs) for the other two.
pub(super) const ROUTERS: [Published; 9] = [
    row("none", "random", (49.0, 78.1, 0.500), (50.1, 79.9, 0.500), (50.0, 80.1, 0.497)),
    row("votes", "BERT", (78.1, 87.6, 0.391), (49.4, 77.8, 0.502), (58.8, 83.8, 0.438)),
    row("votes", "causal LLM", (28.8, 77.5, 0.573), (48.9, 77.9, 0.499), (56.1, 83.6, 0.461)),
    row("votes", "MF", (25.3, 74.3, 0.580), (45.0, 76.9, 0.524), (53.6, 85.2, 0.475)),
    row("votes", "SW", (37.9, 59.0, 0.610), (55.8, 80.3, 0.473), (54.4, 82.1, 0.475)),
    row("augmented", "BERT", (19.6, 34.0, 0.751), (41.3, 72.2, 0.572), (44.8, 79.1, 0.531)),
    row("augmented", "causal LLM", (31.5, 48.8, 0.679), (35.5, 70.3, 0.600), (33.6, 63.3, 0.622)),
    row("augmented", "MF", (13.4, 31.3, 0.802), (35.5, 71.4, 0.597), (38.8, 72.6, 0.565)),
    row("augmented", "SW", (23.2, 36.0, 0.759), (35.4, 71.6, 0.603), (41.2, 72.2, 0.568)),
];

/// Router, USD for a million requests, requests a second: SW on 8 cores of a CPU, the others on one L4 GPU (table 7).
pub(super) const OVERHEAD: [(&str, f64, f64); 4] =
    [("SW", 39.26, 2.9), ("MF", 3.32, 155.0), ("BERT", 3.19, 70.0), ("causal LLM", 5.23, 42.0)];

/// USD for a thousand requests of 95 tokens and 264 tokens of answer, as the paper's appendix D has them: GPT-4 at 10 and 30
/// USD a million tokens, Mixtral at 0.24.
pub(super) const STRONG_USD: f64 = (95.0 * 10.0 + 264.0 * 30.0) / 1e3;
/// As [`STRONG_USD`].
pub(super) const WEAK_USD: f64 = (95.0 + 264.0) * 0.24 / 1e3;
