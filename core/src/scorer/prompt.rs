//! Scorers that read prompts, not features.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;

use super::bert::BertSpec;
use super::causal_llm::CausalLlmSpec;
use super::{Kind, Score};
use crate::features::TextCap;
use crate::jobs::{Pool, Slot};
use crate::onnx::RuntimeUse;
use crate::{CancelToken, Result};

/// A scorer that reads the prompt itself, bound to one pair of candidates.
pub trait PromptScorer: Any + std::fmt::Debug + Send + Sync {
    /// Its parameters, as they stand in an artifact.
    fn parameters(&self) -> Parameters<'_>;

    /// Cap on the bytes of a prompt.
    fn cap(&self) -> TextCap;

    /// Tokens that are read of a prompt, special ones included.
    fn max_tokens(&self) -> usize;

    /// What its calls run on.
    fn slots(&self) -> &Pool;

    /// The runtime that it uses.
    fn runtime(&self) -> Option<RuntimeUse>;

    /// Whether activations are quantised at run time; then every prompt runs alone.
    fn dynamically_quantized(&self) -> bool;

    /// Tokens of an instruction whose keys and values are kept, where there is such a thing.
    fn cached_tokens(&self) -> Option<usize> {
        None
    }

    /// Whether the win rate of any pair follows from [`candidate_scores_in`](Self::candidate_scores_in).
    fn scores_tell_pairs(&self) -> bool {
        false
    }

    /// The score of one prompt.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline.
    fn score_in(&self, slot: &mut Slot, prompt: &str, stop: Option<&CancelToken>) -> Result<Score>;

    /// One score for each candidate, higher is better.
    ///
    /// # Errors
    /// `Unsupported` if the scorer knows the pair only; else as scoring.
    fn candidate_scores_in(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
    ) -> Result<Vec<f64>>;

    /// Whether there is a score for each candidate.
    fn knows_candidates(&self) -> bool {
        self.scores_tell_pairs()
    }

    /// As [`candidate_scores_in`](Self::candidate_scores_in), with whether the prompt was cut.
    ///
    /// # Errors
    /// As [`candidate_scores_in`](Self::candidate_scores_in).
    fn rate_in(&self, slot: &mut Slot, prompt: &str, stop: Option<&CancelToken>) -> Result<(Vec<f64>, bool)> {
        Ok((self.candidate_scores_in(slot, prompt, stop)?, false))
    }

    /// Parts the prompts of a batch, each with its row, into groups that run together.
    fn plan(self: Arc<Self>, slot: &mut Slot, prompts: Vec<(usize, String)>) -> Vec<Group>;
}

impl dyn PromptScorer {
    /// This scorer, if it is a `T`.
    pub fn downcast_ref<T: PromptScorer>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// Parameters of a scorer that reads prompts. They serialise as what stands in `router.json`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Parameters<'a> {
    /// Of a sequence classifier.
    Bert(&'a BertSpec),
    /// Of a language model.
    CausalLlm(&'a CausalLlmSpec),
}

impl Parameters<'_> {
    /// The kind of scorer that has such parameters.
    pub fn kind(self) -> Kind {
        match self {
            Self::Bert(_) => Kind::Bert,
            Self::CausalLlm(_) => Kind::CausalLlm,
        }
    }
}

/// Prompts of a batch that run together, each with the bits that it has alone.
#[non_exhaustive]
pub struct Group {
    /// Their rows in the batch.
    pub rows: Vec<usize>,
    /// Gives a score for each of the rows.
    pub work: GroupWork,
}

/// Gives the scores of some prompts.
pub type GroupWork = Box<dyn FnOnce(&mut Slot, Option<&CancelToken>) -> Vec<Result<Score>> + Send>;

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("rows", &self.rows).finish_non_exhaustive()
    }
}
