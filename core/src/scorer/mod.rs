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
use crate::runtime::{SessionPool, Slot};
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

/// Prompts of a batch that run together.
#[derive(Debug)]
pub(crate) struct Group {
    /// Their rows in the batch.
    pub(crate) rows: Vec<usize>,
    pub(crate) work: GroupWork,
}

/// What a group runs.
#[derive(Debug)]
pub(crate) enum GroupWork {
    /// The token windows of prompts of a classifier.
    Windows(Vec<bert::Prepared>),
    /// One prompt.
    Text(String),
    /// Nothing: the prompt cannot be read.
    Failed(crate::Error),
}

impl PromptScorer {
    /// The score of one prompt.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline.
    pub(crate) fn score_in(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
    ) -> Result<Score> {
        match self {
            Self::Bert(bert) => bert.score_in(slot, prompt, stop),
            Self::CausalLlm(causal) => causal.score_in(slot, prompt, stop),
        }
    }

    /// Parts the prompts of a batch, each with its row, into groups that run together.
    pub(crate) fn plan(&self, slot: &mut Slot, prompts: Vec<(usize, String)>) -> Vec<Group> {
        match self {
            Self::Bert(bert) => bert.plan(slot, &prompts),
            Self::CausalLlm(_) => CausalLlmScorer::plan(prompts),
        }
    }

    /// The scores of a group, each with the bits that its prompt has alone.
    pub(crate) fn score_group(
        &self,
        slot: &mut Slot,
        work: &GroupWork,
        stop: Option<&CancelToken>,
    ) -> Vec<Result<Score>> {
        match (work, self) {
            (GroupWork::Failed(error), _) => vec![Err(error.copy())],
            (GroupWork::Windows(prompts), Self::Bert(bert)) => bert.score_group(slot, prompts, stop),
            (GroupWork::Windows(_), Self::CausalLlm(_)) => Vec::new(),
            (GroupWork::Text(prompt), _) => vec![self.score_in(slot, prompt, stop)],
        }
    }

    /// One score for each candidate, higher is better.
    ///
    /// # Errors
    /// `Unsupported` if the scorer knows the pair only; else as scoring.
    pub(crate) fn candidate_scores_in(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
    ) -> Result<Vec<f64>> {
        match self {
            Self::Bert(bert) => bert.candidate_scores_in(slot, prompt, stop),
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

    /// About how long a score of features takes, in nanoseconds, rather too long than too short.
    pub(crate) fn cost_ns(&self) -> u64 {
        match self {
            Self::Linear(_) | Self::Mf(_) => 1_000,
            // One pass over the votes: a fifth of a nanosecond a dimension, and a weight each.
            Self::SwRanking(sw) => {
                let meta = sw.model().meta();
                5_000 + meta.votes as u64 * (meta.dim as u64 / 5 + 2)
            }
            Self::Prompt(_) => u64::MAX / 2,
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
    /// As [`score`](Self::score); `Unsupported` if the scorer knows the pair only.
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
