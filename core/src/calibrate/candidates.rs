//! Scores of every candidate on a sample, from which any pair is calibrated at opening.

use serde::{Deserialize, Serialize};

use super::Calibration;
use crate::files::Tensors;
use crate::{Error, Result};

/// File of the scores in an artifact.
pub const SCORES_FILE: &str = "calibration.safetensors";
/// Its tensor, `prompts x columns`.
pub(crate) const SCORES_TENSOR: &str = "scores";

/// Its tensor of the tokens of each prompt, if they are known.
pub(crate) const TOKENS_TENSOR: &str = "input_tokens";

/// Most prompts whose scores are kept; of a larger sample evenly spaced ones.
pub const SCORES_PROMPTS: usize = 2000;

/// What the manifest says of the scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScoresSpec {
    /// How many prompts of the sample.
    pub prompts: usize,
    /// The sample, where it is not that of the table: a router that was calibrated anew keeps the scores that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Box<ScoresSample>>,
}

/// The sample of scores that are older than the table beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScoresSample {
    /// Which prompts, for people.
    pub sample: String,
    /// How many prompts it had.
    pub count: usize,
    /// SHA-256 of the sample.
    pub sha256: Option<String>,
    /// Its day.
    pub date: Option<String>,
    /// The default strong share on it, in [0, 1].
    pub default_strong_share: f64,
}

/// Scores of every candidate on prompts: a logit for each candidate, or for each tier where candidates share one. The
/// win rate of a pair is a function of two of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CandidateScores {
    columns: usize,
    values: Vec<f64>,
    /// Tokens of each prompt, if they are known.
    tokens: Vec<f64>,
}

impl CandidateScores {
    /// Collects the scores of a scorer's prompts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The places of the prompts that are scored, of a sample of `count`: all, or [`SCORES_PROMPTS`] evenly spaced ones.
    pub fn places(count: usize) -> impl Iterator<Item = usize> {
        let kept = count.min(SCORES_PROMPTS);
        (0..kept).map(move |i| i * count / kept)
    }

    /// Adds the scores of one prompt, as many as of the others.
    pub fn push(&mut self, scores: &[f64]) {
        self.columns = scores.len();
        self.values.extend_from_slice(scores);
    }

    /// Says how many tokens the prompt that was added last has, as a request.
    pub fn push_tokens(&mut self, tokens: u64) {
        self.tokens.push(tokens as f64);
    }

    /// The scores of each prompt.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks(self.columns.max(1))
    }

    /// The tokens of each prompt, if they are known.
    pub(crate) fn tokens(&self) -> Option<&[f64]> {
        let known = !self.tokens.is_empty() && self.tokens.len() * self.columns == self.values.len();
        known.then_some(&self.tokens[..])
    }

    /// The scores as a tensor of [`SCORES_FILE`], `prompts x columns`, and what the manifest then says of them.
    pub(crate) fn tensor(&self) -> (ScoresSpec, [usize; 2], &[f64]) {
        let prompts = self.values.len() / self.columns.max(1);
        (ScoresSpec { prompts, of: None }, [prompts, self.columns], &self.values)
    }

    fn read(tensors: &Tensors, spec: &ScoresSpec, columns: usize) -> Result<Self> {
        let has_tokens = tensors.names()?.iter().any(|name| name == TOKENS_TENSOR);
        Ok(Self {
            columns,
            values: tensors.f64(SCORES_TENSOR, &[spec.prompts, columns])?,
            tokens: if has_tokens { tensors.f64(TOKENS_TENSOR, &[spec.prompts])? } else { Vec::new() },
        })
    }
}

impl Calibration {
    /// The scores of the candidates on the sample, if the artifact has them.
    ///
    /// # Errors
    /// `InvalidModel` if they do not fit the router; `Io`.
    pub(crate) fn candidate_scores(
        &self,
        tensors: impl FnOnce(&str) -> Result<Tensors>,
        columns: usize,
    ) -> Result<Option<CandidateScores>> {
        let spec = self.scores.as_ref();
        spec.map(|spec| CandidateScores::read(&tensors(SCORES_FILE)?, spec, columns)).transpose()
    }

    /// The calibration of a pair that is not the one that this table describes, from the scores in the artifact, whose
    /// files `tensors` reads. A prompt has `columns` scores, which `rate` makes the win rate of the pair. `None` without
    /// such scores, and for a pair whose win rate is the same everywhere.
    ///
    /// # Errors
    /// `InvalidModel` if the scores do not fit the router; `Io`.
    pub(crate) fn of_pair(
        &self,
        tensors: impl FnOnce(&str) -> Result<Tensors>,
        columns: Option<usize>,
        rate: impl Fn(&[f64]) -> f64,
    ) -> Result<Option<Self>> {
        let Some(spec) = &self.scores else { return Ok(None) };
        let Some(columns) = columns else {
            return Err(Error::invalid_model("calibration: this kind of router has no scores of candidates"));
        };
        let scores = CandidateScores::read(&tensors(SCORES_FILE)?, spec, columns)?;
        let rates = scores.values.chunks(columns.max(1)).map(rate).collect();
        let of = spec.of.as_deref().cloned().unwrap_or_else(|| self.sample_of_scores());
        let name = if spec.prompts == of.count {
            of.sample
        } else {
            format!("{} evenly spaced of: {}", spec.prompts, of.sample)
        };
        // A model against itself, where that can be asked for, has one win rate and no shares.
        let Ok(table) = Self::from_win_rates(name, rates) else { return Ok(None) };
        Ok(Some(Self {
            sha256: of.sha256,
            date: of.date,
            default_strong_share: of.default_strong_share,
            ..table
        }))
    }

    fn sample_of_scores(&self) -> ScoresSample {
        ScoresSample {
            sample: self.sample.clone(),
            count: self.count,
            sha256: self.sha256.clone(),
            date: self.date.clone(),
            default_strong_share: self.default_strong_share,
        }
    }

    /// Keeps the scores of the table that this one takes the place of, under the name of their own sample.
    #[must_use]
    pub(crate) fn with_scores_of(mut self, before: Option<&Self>) -> Self {
        let Some((before, scores)) = before.and_then(|before| Some((before, before.scores.clone()?))) else {
            return self;
        };
        let of = scores.of.unwrap_or_else(|| Box::new(before.sample_of_scores()));
        self.scores = Some(ScoresSpec { prompts: scores.prompts, of: Some(of) });
        self
    }
}
