//! Score tokens: which they are, and what their logits come to.

use std::ops::Range;

use super::format::TemplateSpec;
use super::spec::{CausalLlmSpec, ScoreToken};
use crate::scorer::bert::{softmax, softmax_f32};
use crate::scorer::config::ModelConfig;
use crate::tokenize::TextTokenizer;
use crate::{Error, ErrorKind, Mode, Result};

/// The score tokens of a model.
#[derive(Debug)]
pub(super) struct Scores {
    ids: Vec<usize>,
    threshold: usize,
    mode: Mode,
    /// Whether the reference would take padding of the vocabulary for scores too.
    padded: bool,
}

/// What is kept of all logits of a position.
#[derive(Debug)]
pub(super) struct Picked {
    /// The most likely token.
    pub(super) best: i64,
    /// The scores' logits.
    pub(super) logits: Vec<f32>,
}

impl Scores {
    /// # Errors
    /// `InvalidModel` if a score token is missing, out of range, or the same as another.
    pub(super) fn new(
        tokenizer: &TextTokenizer,
        spec: &CausalLlmSpec,
        config: &ModelConfig,
        mode: Mode,
    ) -> Result<Self> {
        let ids = score_ids(tokenizer, &spec.score_tokens, config)?;
        let in_a_row = ids.iter().enumerate().all(|(i, &id)| id == ids[0] + i);
        let padded = mode == Mode::Reference && in_a_row && spec.template == TemplateSpec::Routellm;
        Ok(Self { ids, threshold: spec.score_threshold, mode, padded })
    }

    /// Their ids, ascending by score.
    pub(super) fn ids(&self) -> &[usize] {
        &self.ids
    }

    pub(super) fn is_score(&self, token: i64) -> bool {
        self.ids.iter().any(|&id| id as i64 == token)
    }

    /// # Errors
    /// `Inference` if a logit is NaN; `InvalidModel` if there is none for a score.
    pub(super) fn pick(&self, logits: &[f32]) -> Result<Picked> {
        let mut best = 0;
        for (i, value) in logits.iter().enumerate() {
            if value.is_nan() {
                return Err(Error::new(ErrorKind::Inference, format!("the model's logit {i} is NaN")));
            }
            if *value > logits[best] {
                best = i;
            }
        }
        let missing = |id: usize| {
            Error::invalid_model(format!("the score token {id} is above the model's {} logits", logits.len()))
        };
        let picked = match self.padded_range(logits.len()) {
            Some(range) => logits[range].to_vec(),
            None => self
                .ids
                .iter()
                .map(|&id| logits.get(id).copied().ok_or_else(|| missing(id)))
                .collect::<Result<_>>()?,
        };
        Ok(Picked { best: best as i64, logits: picked })
    }

    /// The reference takes every logit from the first score token on, padding of the vocabulary included.
    fn padded_range(&self, size: usize) -> Option<Range<usize>> {
        let first = *self.ids.first()?;
        (self.padded && first + self.ids.len() <= size).then_some(first..size)
    }

    pub(super) fn win_rate(&self, logits: &[f32]) -> Result<f64> {
        win_rate(logits, self.threshold, self.mode)
    }
}

/// The win rate for the logits of the scores 1, 2, 3 ..., in [0, 1]: 1 - P(score >= `threshold`).
///
/// # Errors
/// `Inference` if a logit is not finite.
pub fn win_rate(logits: &[f32], threshold: usize, mode: Mode) -> Result<f64> {
    if let Some(i) = logits.iter().position(|x| !x.is_finite()) {
        return Err(Error::new(
            ErrorKind::Inference,
            format!("the logit of score {} is {}", i + 1, logits[i]),
        ));
    }
    Ok(match mode {
        Mode::Exact => softmax(logits)[..threshold - 1].iter().sum::<f64>().min(1.0),
        Mode::Reference => {
            let likely: f32 = softmax_f32(logits)[threshold - 1..].iter().sum();
            f64::from(1.0 - likely).clamp(0.0, 1.0)
        }
    })
}

/// The published router adds its score tokens to the tokenizer when it is loaded: with the next ids, those that the
/// checkpoint was trained with.
pub(super) fn add_published_tokens(tokenizer: &mut TextTokenizer, tokens: &[ScoreToken]) -> Result<()> {
    let texts = tokens.iter().filter_map(|token| match token {
        ScoreToken::Text(text) => Some(text.as_str()),
        ScoreToken::Id(_) => None,
    });
    let missing: Vec<&str> = texts.filter(|text| tokenizer.id_of(text).is_none()).collect();
    if missing.is_empty() { Ok(()) } else { tokenizer.add_special(&missing) }
}

/// The ids of the score tokens.
fn score_ids(tokenizer: &TextTokenizer, tokens: &[ScoreToken], config: &ModelConfig) -> Result<Vec<usize>> {
    let size = config.vocab_size.unwrap_or_else(|| tokenizer.vocabulary_end());
    let ids = tokens
        .iter()
        .map(|token| {
            let id = match token {
                ScoreToken::Id(id) => *id as usize,
                ScoreToken::Text(text) => one_token(tokenizer, text)?,
            };
            if id < size {
                return Ok(id);
            }
            Err(Error::invalid_model(format!(
                "the score token {token} has the id {id}, the model has a vocabulary of {size}"
            )))
        })
        .collect::<Result<Vec<usize>>>()?;
    if let Some((i, id)) = ids.iter().enumerate().find(|(i, id)| ids[..*i].contains(id)) {
        return Err(Error::invalid_model(format!(
            "the score tokens {} and another one are the same token {id}",
            tokens[i]
        )));
    }
    Ok(ids)
}

/// The id of a text that is one token: in the vocabulary as it is, or after the tokenizer's own normalisation.
fn one_token(tokenizer: &TextTokenizer, text: &str) -> Result<usize> {
    if let Some(id) = tokenizer.id_of(text) {
        return Ok(id as usize);
    }
    let ids = tokenizer.ids(text, false)?;
    match ids[..] {
        [id] => Ok(id as usize),
        _ => Err(Error::invalid_model(format!(
            "the score token {text:?} is not in the tokenizer's vocabulary (it comes to {} tokens): name tokens of the \
             vocabulary, or pass their ids",
            ids.len()
        ))),
    }
}
