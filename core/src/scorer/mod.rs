//! Scorers: what turns features into win rates and candidate scores.

pub mod linear;
pub mod mf;

pub use linear::{LinearScorer, LinearTarget, Link};
pub use mf::{MfScorer, MfWeights};

use crate::Result;
use crate::embed::Features;

/// A pair of candidates, as their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Index of the strong model.
    pub strong: usize,
    /// Index of the weak model.
    pub weak: usize,
}

/// A scorer that is bound to one pair of candidates.
#[derive(Debug)]
pub enum Scorer {
    /// A linear model of the quality gap.
    Linear(LinearScorer),
    /// Matrix factorization.
    Mf(MfScorer),
}

impl Scorer {
    /// The win rate of the pair: P(strong model's answer is preferred or needed), in [0, 1].
    ///
    /// # Errors
    /// `InvalidArgument` if an embedding holds NaN or infinity.
    pub fn win_rate(&self, features: Features<'_>) -> Result<f64> {
        match self {
            Self::Linear(linear) => linear.win_rate(features),
            Self::Mf(mf) => mf.win_rate(features),
        }
    }

    /// One score for each candidate, higher is better; what a score means depends on the scorer.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the scorer knows the pair only.
    pub fn candidate_scores(&self, features: Features<'_>) -> Result<Vec<f64>> {
        match self {
            Self::Linear(linear) => linear.candidate_scores(features),
            Self::Mf(mf) => mf.candidate_scores(features),
        }
    }
}

/// Refuses a score that is not finite: the only way to one is an embedding that holds NaN or infinity,
/// because weights are finite and sums are in double precision.
fn finite(score: f64, features: Features<'_>) -> Result<f64> {
    if score.is_finite() {
        return Ok(score);
    }
    let place = match features {
        Features::Dense(values) => values.iter().position(|value| !value.is_finite()),
        Features::Sparse(_) => None,
    };
    Err(crate::Error::invalid_argument(match (place, features) {
        (Some(i), Features::Dense(values)) => format!("the embedding's element {i} is {}", values[i]),
        _ => "the features are not finite".to_owned(),
    }))
}
