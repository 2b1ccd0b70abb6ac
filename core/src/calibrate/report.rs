//! What a calibration found.

use serde::Serialize;

use super::{Bounds, DefaultPolicy, Shift};

/// What a calibration found, on its own sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CalibrationReport {
    /// What it aimed at: `strong_share`, `cost`, `pgr`, `quality` or `p_success`.
    pub target: &'static str,
    /// The number that it aimed at.
    pub value: f64,
    /// The strong model.
    pub strong: String,
    /// The weak model.
    pub weak: String,
    /// The policy of calls that name none, where that compares candidates; `None` for the threshold.
    pub policy: Option<DefaultPolicy>,
    /// The threshold of calls that name none; `None` where a policy compares candidates.
    pub threshold: Option<f64>,
    /// Share of the sample that goes to the strong model, in [0, 1].
    pub strong_share: f64,
    /// 95 % interval of the share of all requests, of which the sample is a part.
    pub confidence_interval: Bounds,
    /// Number of requests that the prediction interval is for.
    pub further_requests: u64,
    /// 95 % interval of the share of so many further requests.
    pub prediction_interval: Bounds,
    /// USD per 1,000 requests; `None` where prices or tokens are not known.
    pub expected_cost: Option<f64>,
    /// The same, if every request went to the strong model.
    pub cost_of_strong: Option<f64>,
    /// The same, if every request went to the weak model.
    pub cost_of_weak: Option<f64>,
    /// How good the answers are; `None` without labels.
    pub quality: Option<LabelledQuality>,
    /// The sample.
    pub sample: ReportedSample,
    /// How unlike the sample before it is; `None` without one.
    pub shift: Option<Shift>,
    /// Parts of the sample.
    pub slices: Vec<Slice>,
    /// What to know before the numbers are relied on.
    pub warnings: Vec<CalibrationWarning>,
    /// Seed of the bootstrap intervals.
    pub seed: u64,
}

/// A sample that was calibrated on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReportedSample {
    /// Its name.
    pub name: String,
    /// Number of prompts.
    pub count: usize,
    /// Number of groups of equal and nearly equal prompts, or of what the specification groups by.
    pub groups: usize,
    /// By how much the groups widen the variance of the share, 1 or more.
    pub design_effect: f64,
    /// Number of distinct win rates.
    pub distinct_win_rates: usize,
    /// SHA-256 of the sample.
    pub sha256: Option<String>,
    /// Its day.
    pub date: Option<String>,
}

/// How good answers are where the sample is labelled: means over it, in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelledQuality {
    /// Of the chosen models.
    pub mean: f64,
    /// Its 95 % bootstrap interval, by groups.
    pub interval: Bounds,
    /// Of the strong model.
    pub strong: f64,
    /// Of the weak model.
    pub weak: f64,
    /// Performance gap recovered; `None` if the strong model is not the better one.
    pub pgr: Option<f64>,
    /// The calibrated chance that the chosen model succeeds; `None` unless that was the target.
    pub p_success: Option<f64>,
}

/// A part of the sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Slice {
    /// What it is a part by: `length`, `code`, or a column.
    pub by: String,
    /// Its value there.
    pub value: String,
    /// Number of prompts.
    pub count: usize,
    /// Share of them that goes to the strong model.
    pub strong_share: f64,
    /// 95 % interval of that share of all such requests.
    pub interval: Bounds,
    /// Mean quality of the chosen models; `None` without labels.
    pub quality: Option<f64>,
}

/// What to know before a calibration is relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CalibrationWarning {
    /// `small_sample`, `old_sample`, `unlike_before`, `few_win_rates`, `share_missed` or `duplicates`.
    pub kind: &'static str,
    /// What it is about and what to do.
    pub message: String,
}
