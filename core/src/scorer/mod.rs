//! Scorers: what turns features into win rates and candidate scores ([`Scorer`]), or reads the prompt itself
//! ([`PromptScorer`]).

pub mod bert;
pub mod causal_llm;
#[cfg(feature = "onnx")]
pub mod checkpoint;
pub mod config;
pub mod knn;
pub mod linear;
pub mod mf;
pub(crate) mod model_files;
mod prompt;
pub mod sw_ranking;

pub use crate::names::Kind;
#[cfg(feature = "onnx")]
pub use bert::BertScorer;
#[cfg(feature = "onnx")]
pub use causal_llm::CausalLlmScorer;
pub use knn::KnnScorer;
pub use linear::{LinearScorer, LinearTarget, Link};
pub use mf::{MfScorer, MfWeights};
pub use prompt::{Group, GroupWork, Parameters, PromptScorer};
pub use sw_ranking::SwScorer;

use crate::Result;
use crate::features::Features;

/// A pair of candidates, as their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Index of the strong model.
    pub strong: usize,
    /// Index of the weak model.
    pub weak: usize,
}

impl Pair {
    /// By how much the strong model's score is the higher one.
    pub(crate) fn gap(self, scores: &[f64]) -> f64 {
        scores[self.strong] - scores[self.weak]
    }
}

/// What a scorer says of one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// P(strong model's answer is preferred or needed), in [0, 1].
    pub win_rate: f64,
    /// Largest cosine similarity to any vote; `None` for scorers without votes.
    pub similarity: Option<f64>,
    /// Whether the prompt is so far from every vote that all weighed the same.
    pub flat: bool,
    /// Whether the scorer read the prompt itself and cut it.
    pub truncated: bool,
    /// Whether a causal LM gave no score, so that the win rate is 1 as in the reference.
    pub no_score: bool,
}

impl Score {
    fn of(win_rate: f64) -> Self {
        Self { win_rate, similarity: None, flat: false, truncated: false, no_score: false }
    }
}

/// What a scorer says of all candidates on one prompt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ratings {
    /// What [`rate_of_scores`](Scorer::rate_of_scores) takes: a score for each candidate, or for each tier.
    pub(crate) scores: Vec<f64>,
    /// As in a [`Score`].
    pub(crate) similarity: Option<f64>,
    /// As in a [`Score`].
    pub(crate) flat: bool,
    /// As in a [`Score`].
    pub(crate) truncated: bool,
}

impl Ratings {
    pub(crate) fn of(scores: Vec<f64>) -> Self {
        Self { scores, similarity: None, flat: false, truncated: false }
    }
}

/// A scorer of features, bound to one pair of candidates.
#[derive(Debug)]
#[non_exhaustive]
pub enum Scorer {
    /// A linear model of the quality gap.
    Linear(LinearScorer),
    /// Matrix factorization.
    Mf(MfScorer),
    /// Similarity-weighted ranking.
    SwRanking(Box<SwScorer>),
    /// Nearest neighbours.
    Knn(Box<KnnScorer>),
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
            Self::Knn(knn) => knn.score(features),
        }
    }

    /// About how long a score of features takes, in nanoseconds, rather too long than too short.
    pub(crate) fn cost_ns(&self) -> u64 {
        match self {
            Self::Linear(_) | Self::Mf(_) => 1_000,
            // One pass over the votes: a fifth of a nanosecond a dimension, and a weight each.
            Self::SwRanking(sw) => {
                let meta = sw.model().meta();
                5_000 + meta.votes as u64 * (meta.dim as u64 / 5 + 2)
            }
            Self::Knn(knn) => knn.cost_ns(),
        }
    }

    /// Similarity-weighted ranking, if that is what this is.
    pub fn votes(&self) -> Option<&SwScorer> {
        match self {
            Self::SwRanking(sw) => Some(sw),
            Self::Linear(_) | Self::Mf(_) | Self::Knn(_) => None,
        }
    }

    /// Whether a score can be explained by what the router knows.
    pub(crate) fn explains(&self) -> bool {
        matches!(self, Self::SwRanking(_) | Self::Knn(_))
    }

    /// One score for each candidate, higher is better; what a score means depends on the scorer.
    ///
    /// # Errors
    /// As [`score`](Self::score); `Unsupported` if the scorer knows the pair only.
    pub fn candidate_scores(&self, features: Features<'_>) -> Result<Vec<f64>> {
        match self {
            Self::Linear(linear) => linear.candidate_scores(features),
            Self::Mf(mf) => mf.candidate_scores(features),
            Self::SwRanking(sw) => {
                let score = sw.rank(features)?;
                Ok((0..sw.model().models().len()).map(|model| score.rating(model)).collect())
            }
            Self::Knn(knn) => Ok(knn.qualities(features)?.0),
        }
    }

    /// The scores that tell the win rate of every pair.
    ///
    /// # Errors
    /// As [`candidate_scores`](Self::candidate_scores).
    pub(crate) fn ratings(&self, features: Features<'_>) -> Result<Ratings> {
        match self {
            Self::Linear(_) | Self::Mf(_) => self.candidate_scores(features).map(Ratings::of),
            Self::Knn(knn) => {
                let (scores, similarity) = knn.qualities(features)?;
                Ok(Ratings { similarity: Some(similarity), ..Ratings::of(scores) })
            }
            Self::SwRanking(sw) => {
                let score = sw.rank(features)?;
                Ok(Ratings {
                    scores: score.strengths().to_vec(),
                    similarity: Some(score.similarity()),
                    flat: score.out_of_distribution(),
                    truncated: false,
                })
            }
        }
    }

    /// The place of a candidate's own score among those.
    pub(crate) fn place_of_score(&self, candidate: usize) -> usize {
        match self {
            Self::Linear(_) | Self::Mf(_) | Self::Knn(_) => candidate,
            Self::SwRanking(sw) => sw.model().tiers()[candidate],
        }
    }

    /// Whether two candidates can be compared.
    pub(crate) fn compares(&self, pair: Pair) -> bool {
        match self {
            Self::Linear(_) | Self::Mf(_) | Self::Knn(_) => true,
            Self::SwRanking(sw) => sw.compares(pair),
        }
    }

    /// How many scores of one prompt tell the win rate of every pair, for [`rate_of_scores`](Self::rate_of_scores): one
    /// for each candidate, or for each tier. `None` if the scorer knows its pair only.
    /// `candidates` is the number of models that the router knows.
    pub(crate) fn score_columns(&self, candidates: usize) -> Option<usize> {
        match self {
            Self::Linear(linear) => linear.candidates(),
            Self::Mf(_) => Some(candidates),
            Self::SwRanking(sw) => Some(sw.model().tier_count()),
            Self::Knn(knn) => Some(knn.candidates()),
        }
    }

    /// The win rate of any pair from the scores of one prompt: [`candidate_scores`](Self::candidate_scores), or the
    /// strengths of the tiers.
    pub(crate) fn rate_of_scores(&self, scores: &[f64], pair: Pair) -> f64 {
        match self {
            Self::Linear(linear) => linear.rate_of_gap(pair.gap(scores)),
            Self::Mf(_) => crate::numeric::sigmoid(pair.gap(scores)),
            Self::Knn(knn) => knn.rate_of_gap(pair.gap(scores)),
            Self::SwRanking(sw) => {
                let tiers = sw.model().tiers();
                crate::numeric::sigmoid(scores[tiers[pair.strong]] - scores[tiers[pair.weak]])
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
