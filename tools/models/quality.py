"""APGR and CPT of classifiers on the paper's benchmarks, with the intervals of `routellm-core`'s example `evaluate`.

    quality.py EVALS [--model DIR ...] [--default]

EVALS is a folder in the layout of RouteLLM's `routellm/evals`. Every DIR is an exported classifier, run by ONNX
Runtime one prompt at a time; `--default` adds the router inside the Python package `routellm_rs`. Curve, bootstrap
and random numbers are those of `routellm_core::eval`, so that the same win rates give the same digits.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

STRONG = "gpt-4-1106-preview"
WEAK = "mistralai/Mixtral-8x7B-Instruct-v0.1"
RESAMPLES = 1000
SEED = 1
MASK = (1 << 64) - 1

Scorer = Callable[[list[str]], np.ndarray]


class Benchmark:
    """Prompts, and how well both models answered each: `strong` and `weak` in [0, 1]."""

    def __init__(self, name: str, prompts: list[str], strong: list[float], weak: list[float]) -> None:
        self.name, self.prompts = name, prompts
        self.strong, self.weak = np.array(strong), np.array(weak)


def json_lines(path: Path) -> list[dict]:
    """The objects of a file, one a line; none without the file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def graded_tables(name: str, folder: Path, files: list[Path]) -> Benchmark:
    """Tables of right and wrong answers, less the prompts that resemble training data."""
    contaminated = {row["eval_prompt"] for row in json_lines(folder / "contaminated_prompts.jsonl")}
    prompts, strong, weak = [], [], []
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row["prompt"] not in contaminated:
                    prompts.append(row["prompt"])
                    strong.append(float(row[STRONG].lower() in ("true", "1")))
                    weak.append(float(row[WEAK].lower() in ("true", "1")))
    return Benchmark(name, prompts, strong, weak)


def mt_bench(folder: Path) -> Benchmark:
    """One entry for each turn that both models have a judgement of; the first turn routes both."""
    contaminated = {row["eval_prompt"] for row in json_lines(folder / "contaminated_prompts.jsonl")}
    scores: dict[tuple, list[float]] = {}
    for row in json_lines(folder / "judgements.jsonl"):
        if row["score"] >= 0:
            scores.setdefault((row["question_id"], row["turn"], row["model"]), []).append(row["score"] / 10)
    prompts, strong, weak = [], [], []
    for row in json_lines(folder / "question.jsonl"):
        prompt = row["turns"][0]
        if prompt in contaminated:
            continue
        for turn in (1, 2):
            both = [scores.get((row["question_id"], turn, model)) for model in (STRONG, WEAK)]
            if both[0] and both[1]:
                prompts.append(prompt)
                strong.append(sum(both[0]) / len(both[0]))
                weak.append(sum(both[1]) / len(both[1]))
    return Benchmark("MT-Bench", prompts, strong, weak)


def benchmarks(evals: Path) -> list[Benchmark]:
    """MMLU, GSM8K and MT-Bench."""
    return [
        graded_tables("MMLU", evals / "mmlu", sorted((evals / "mmlu" / "responses").glob("*.csv"))),
        graded_tables("GSM8K", evals / "gsm8k", [evals / "gsm8k" / "gsm8k_responses.csv"]),
        mt_bench(evals / "mt_bench"),
    ]


class Rng:
    """xoshiro256++ seeded by splitmix64, as `routellm_core::train::Rng`."""

    def __init__(self, seed: int) -> None:
        self.state = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & MASK
            z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            self.state.append(z ^ (z >> 31))

    def below(self, n: int, count: int) -> list[int]:
        """`count` integers below n."""
        a, b, c, d = self.state
        out = []
        for _ in range(count):
            x = (a + d) & MASK
            out.append(((((x << 23) | (x >> 41)) + a & MASK) * n) >> 64)
            t = (b << 17) & MASK
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= t
            d = ((d << 45) | (d >> 19)) & MASK
        self.state = [a, b, c, d]
        return out


def resamples(n: int, count: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """How often each of n prompts is in each of `count` samples with replacement: [count, n]."""
    rng = Rng(seed)
    return np.stack([np.bincount(rng.below(n, n), minlength=n) for _ in range(count)]).astype(np.float64)


def curve(scores: np.ndarray, benchmark: Benchmark, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Strong share and PGR at every distinct score, for each row of weights: two arrays [rows, points]."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    weights = weights[:, order]
    total = weights.sum(1, keepdims=True)
    gain = weights * (benchmark.strong - benchmark.weak)[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        recovered = np.cumsum(gain, axis=1) / gain.sum(1, keepdims=True)
    share = np.cumsum(weights, axis=1) / total
    start = np.zeros((len(weights), 1))
    return np.hstack([start, share[:, last]]), np.hstack([start, recovered[:, last]])


def apgr(share: np.ndarray, recovered: np.ndarray) -> np.ndarray:
    """The integral of PGR over the strong share, by trapezoids."""
    return (np.diff(share) * (recovered[:, 1:] + recovered[:, :-1]) / 2).sum(1)


def cpt(share: np.ndarray, recovered: np.ndarray, level: float = 0.5) -> np.ndarray:
    """The smallest strong share at which PGR reaches the level; NaN where it never does."""
    reached = recovered >= level
    at = reached.argmax(1)
    rows = np.arange(len(share))
    before = np.maximum(at - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = (level - recovered[rows, before]) / (recovered[rows, at] - recovered[rows, before])
        value = share[rows, before] + fraction * (share[rows, at] - share[rows, before])
    value = np.where(at == 0, share[rows, 0], value)
    return np.where(reached.any(1), value, np.nan)


def summary(scores: np.ndarray, benchmark: Benchmark, samples: np.ndarray) -> str:
    """APGR and CPT(50%) with 95 % intervals, as cells of a table."""
    whole = curve(scores, benchmark, np.ones((1, len(scores))))
    sampled = curve(scores, benchmark, samples)
    cells = []
    for metric, factor, digits in ((apgr, 1, 3), (cpt, 100, 1)):
        values = metric(*sampled)
        low, high = np.quantile(values[np.isfinite(values)], [0.025, 0.975]) * factor
        unit = " %" if factor == 100 else ""
        cells.append(f"{metric(*whole)[0] * factor:.{digits}f}{unit} [{low:.{digits}f}, {high:.{digits}f}]")
    return " | ".join(cells)


def classifier(folder: Path, threads: int) -> Scorer:
    """Win rates of an exported classifier: p(strong wins) of three labels, the score itself of one."""
    import onnxruntime as ort
    from tokenizers import Tokenizer

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"])
    names = [i.name for i in session.get_inputs()]

    def score(prompts: list[str]) -> np.ndarray:
        out = []
        for prompt in prompts:
            coded = tokenizer.encode(prompt)
            feed = {"input_ids": coded.ids, "attention_mask": coded.attention_mask, "token_type_ids": coded.type_ids}
            logits = session.run(["logits"], {n: np.array([feed[n]], np.int64) for n in names})[0][0]
            logits = logits.astype(np.float64)
            shares = np.exp(logits - logits.max())
            out.append(shares[0] / shares.sum() if len(logits) == 3 else logits[0])
        return np.array(out)

    return score


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evals", type=Path)
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    parser.add_argument("--default", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    scorers: list[tuple[str, Scorer]] = [
        ("prompt length", lambda prompts: np.array([float(len(prompt)) for prompt in prompts]))
    ]
    if args.default:
        import routellm_rs

        router = routellm_rs.Router.default()
        scorers.append(("default", lambda prompts: np.array(router.win_rates(prompts))))
    scorers += [(folder.name, classifier(folder, args.threads)) for folder in args.model]
    print("| benchmark | router | APGR | CPT(50%) |\n|---|---|---|---|")
    for benchmark in benchmarks(args.evals):
        samples = resamples(len(benchmark.prompts))
        for name, score in scorers:
            row = summary(score(benchmark.prompts), benchmark, samples)
            print(f"| {benchmark.name} ({len(benchmark.prompts)}) | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
