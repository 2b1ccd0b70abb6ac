//! Scorers: what turns features into win rates and candidate scores.

pub mod bert;
pub mod causal_llm;
pub mod checkpoint;
pub mod linear;
pub mod mf;
pub mod sw_ranking;

pub use bert::BertScorer;
pub use causal_llm::CausalLlmScorer;
pub use linear::{LinearScorer, LinearTarget, Link};
pub use mf::{MfScorer, MfWeights};
pub use sw_ranking::SwScorer;

use crate::embed::{Features, TextCap};
use crate::runtime::SessionPool;
use crate::{CancelToken, Result};

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

/// A scorer that is bound to one pair of candidates.
#[derive(Debug)]
pub enum Scorer {
    /// A linear model of the quality gap.
    Linear(LinearScorer),
    /// Matrix factorization.
    Mf(MfScorer),
    /// Similarity-weighted ranking.
    SwRanking(Box<SwScorer>),
    /// A model that reads the prompt itself.
    Prompt(PromptScorer),
}

/// A scorer that reads prompts, not features.
#[derive(Debug)]
pub enum PromptScorer {
    /// A sequence classifier.
    Bert(Box<BertScorer>),
    /// A language model that predicts a score.
    CausalLlm(Box<CausalLlmScorer>),
}

impl PromptScorer {
    /// The score of one prompt.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline.
    pub fn score(&self, prompt: &str, cancel: Option<&CancelToken>) -> Result<Score> {
        match self {
            Self::Bert(bert) => bert.score(prompt, cancel),
            Self::CausalLlm(causal) => causal.score(prompt, cancel),
        }
    }

    /// The scores of many prompts, each with the bits that it has alone.
    ///
    /// # Errors
    /// For each prompt its own, as [`score`](Self::score).
    pub fn score_batch(&self, prompts: &[&str], cancel: Option<&CancelToken>) -> Vec<Result<Score>> {
        match self {
            Self::Bert(bert) => bert.score_batch(prompts, cancel),
            Self::CausalLlm(causal) => causal.score_batch(prompts, cancel),
        }
    }

    /// One score for each candidate, higher is better.
    ///
    /// # Errors
    /// `Unsupported` if the scorer knows the pair only; else as [`score`](Self::score).
    pub fn candidate_scores(&self, prompt: &str) -> Result<Vec<f64>> {
        match self {
            Self::Bert(bert) => bert.candidate_scores(prompt, None),
            Self::CausalLlm(_) => Err(crate::Error::unsupported(
                "this router (causal_llm) scores its pair only: there is no score for each candidate",
            )),
        }
    }

    /// The sessions behind it.
    pub fn pool(&self) -> &SessionPool {
        match self {
            Self::Bert(bert) => bert.pool(),
            Self::CausalLlm(causal) => causal.pool(),
        }
    }

    /// Cap on the bytes of a prompt.
    pub fn cap(&self) -> TextCap {
        match self {
            Self::Bert(bert) => bert.cap(),
            Self::CausalLlm(causal) => causal.cap(),
        }
    }

    /// Tokens that are read of a prompt.
    pub fn max_tokens(&self) -> usize {
        match self {
            Self::Bert(bert) => bert.max_tokens(),
            Self::CausalLlm(causal) => causal.max_tokens(),
        }
    }
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
            Self::Prompt(_) => Err(reads_prompts()),
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
            Self::Prompt(_) => Err(reads_prompts()),
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
            Self::Prompt(PromptScorer::Bert(bert)) => bert.scores_tell_pairs().then_some(candidates),
            Self::Prompt(PromptScorer::CausalLlm(_)) => None,
        }
    }

    /// The win rate of any pair from the scores of one prompt: [`candidate_scores`](Self::candidate_scores), or the
    /// strengths of the tiers.
    pub(crate) fn rate_of_scores(&self, scores: &[f64], pair: Pair) -> f64 {
        let gap = match self {
            Self::SwRanking(sw) => {
                let tiers = sw.model().tiers();
                scores[tiers[pair.strong]] - scores[tiers[pair.weak]]
            }
            _ => scores[pair.strong] - scores[pair.weak],
        };
        match self {
            Self::Linear(linear) => linear.rate_of_gap(gap),
            _ => crate::kernel::sigmoid(gap),
        }
    }

    /// Why every prompt has one win rate of this pair, if that is known without a prompt.
    pub(crate) fn constant(&self, names: &[String], pair: Pair) -> Option<String> {
        if pair.strong == pair.weak {
            return Some(format!(
                "strong and weak are both {:?}: every win rate is one half",
                names[pair.strong]
            ));
        }
        match self {
            Self::SwRanking(sw) => sw.model().one_tier(pair.strong, pair.weak),
            _ => None,
        }
    }

    /// The scorer that reads prompts, if that is what this is.
    pub fn prompt(&self) -> Option<&PromptScorer> {
        match self {
            Self::Prompt(scorer) => Some(scorer),
            _ => None,
        }
    }
}

fn reads_prompts() -> crate::Error {
    crate::Error::unsupported("this router's scorer reads the prompt itself, not features of it")
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
