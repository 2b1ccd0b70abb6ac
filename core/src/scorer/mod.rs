//! Scorers: what turns features into win rates and candidate scores.

pub mod linear;
pub mod mf;
pub mod sw_ranking;

pub use linear::{LinearScorer, LinearTarget, Link};
pub use mf::{MfScorer, MfWeights};
pub use sw_ranking::SwScorer;

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

/// What a scorer says of one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// P(strong model's answer is preferred or needed), in [0, 1].
    pub win_rate: f64,
    /// Largest cosine similarity to any vote; `None` for scorers without votes.
    pub similarity: Option<f64>,
    /// Whether the prompt is so far from every vote that all weighed the same.
    pub flat: bool,
}

impl Score {
    fn of(win_rate: f64) -> Self {
        Self { win_rate, similarity: None, flat: false }
    }
}

/// A scorer that is bound to one pair of candidates.
#[derive(Debug)]
pub enum Scorer {
    /// A linear model of the quality gap.
    Linear(LinearScorer),
    /// Matrix factorization.
    Mf(MfScorer),
    /// Similarity-weighted ranking.
    SwRanking(Box<SwScorer>),
}

impl Scorer {
    /// The score of the pair.
    ///
    /// # Errors
    /// `InvalidArgument` if an embedding holds NaN or infinity.
    pub fn score(&self, features: Features<'_>) -> Result<Score> {
        match self {
            Self::Linear(linear) => linear.win_rate(features).map(Score::of),
            Self::Mf(mf) => mf.win_rate(features).map(Score::of),
            Self::SwRanking(sw) => sw.score(features),
        }
    }

    /// Similarity-weighted ranking, if that is what this is.
    ///
    /// # Errors
    /// `Unsupported` for another scorer.
    pub fn votes(&self) -> Result<&SwScorer> {
        match self {
            Self::SwRanking(sw) => Ok(sw),
            _ => Err(crate::Error::unsupported(
                "only similarity-weighted ranking (kind sw_ranking) has votes to explain a score by",
            )),
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
            Self::SwRanking(sw) => {
                let score = sw.rank(features)?;
                Ok((0..sw.model().models().len()).map(|model| score.rating(model)).collect())
            }
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
