//! The figures of a pair, by what they are about.

use serde::Serialize;

use crate::eval::Estimate;

/// Call-performance threshold at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cpt {
    /// Share of the gap that is recovered.
    pub level: f64,
    /// The smallest strong share, in [0, 1], at which it is.
    pub strong_share: Option<Estimate>,
    /// Cost-saving ratio: the strong calls of a random router (`level`) over those of this one. The paper's 3.66 is 49.03 % over
    /// 13.40 %, at CPT(50%) of MT-Bench.
    pub saving: Option<Estimate>,
}

/// The figures of a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Area under quality against strong share: mean quality over all shares.
    pub auc: Estimate,
    /// Average performance gap recovered.
    pub apgr: Option<Estimate>,
    /// CPT at each level that was asked for.
    pub cpt: Vec<Cpt>,
}

/// A point of a curve with its pointwise band.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// Share of rows sent to strong, in [0, 1].
    pub strong_share: f64,
    /// Mean quality at this share.
    pub quality: Estimate,
}

/// Scores of one bin against how often the strong model was the better one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// Lower end of the bin.
    pub low: f64,
    /// Upper end, which belongs to the last bin only.
    pub high: f64,
    /// Rows in it.
    pub count: usize,
    /// Mean score; none in an empty bin.
    pub score: Option<Estimate>,
    /// Share of rows whose strong answer is the better one; ties are not.
    pub strong_better: Option<Estimate>,
}

/// How many rows have scores from `low` to `high`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HistogramBin {
    /// Lower end of the bin.
    pub low: f64,
    /// Upper end, which belongs to the last bin only.
    pub high: f64,
    /// Rows in it.
    pub count: usize,
}

/// Figures of cost; amounts are USD per 1,000 requests. What takes the best point of the curve does so in every draw, and
/// is somewhat too good on few prompts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CostFigures {
    /// The strong model alone.
    pub strong: Estimate,
    /// The weak model alone.
    pub weak: Estimate,
    /// As [`perf_gain`](crate::eval::perf_gain).
    pub perf_gain: Option<Estimate>,
    /// As [`cost_save`](crate::eval::cost_save).
    pub cost_save: Option<Estimate>,
    /// As [`aiq`](crate::eval::aiq), over the costs between both models.
    pub aiq: Option<Estimate>,
    /// As [`arena_score`](crate::eval::arena_score), at the best point of the curve.
    pub arena_score: Option<Estimate>,
}
