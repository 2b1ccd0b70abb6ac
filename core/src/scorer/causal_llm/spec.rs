//! Parameters of a causal LM as a scorer, as they stand in `router.json`.

use serde::{Deserialize, Serialize};

use super::format::TemplateSpec;
use crate::date::Day;
use crate::{ControlTokens, Error, Result};

/// Parameters of a causal LM as a scorer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CausalLlmSpec {
    /// How a question becomes the text that the model reads.
    pub template: TemplateSpec,
    /// The tokens of the scores 1, 2, 3 ..., ascending.
    #[serde(default = "score_tokens")]
    pub score_tokens: Vec<ScoreToken>,
    /// The win rate is 1 - P(score >= this).
    #[serde(default = "score_threshold")]
    pub score_threshold: usize,
    /// How many tokens are generated at most until one is a score; 0 takes the scores' probabilities as the next token
    /// whatever the most likely one is.
    #[serde(default = "max_new_tokens")]
    pub max_new_tokens: usize,
    /// Tokens that are read, the instruction included; the model's positions if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// The day that a chat template gets where it asks for today's date, `2026-01-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What becomes of control tokens that a prompt spells out.
    #[serde(default, skip_serializing_if = "ControlTokens::is_default")]
    pub control_tokens: ControlTokens,
    /// File of the model, a path in the folder; the first of the usual names if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A token by its text or its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ScoreToken {
    /// Its id.
    Id(u32),
    /// Its text, one token of the vocabulary.
    Text(String),
}

impl std::fmt::Display for ScoreToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// Largest number of tokens that may be generated.
const MOST_NEW_TOKENS: usize = 64;
/// Largest number of scores.
const MOST_SCORES: usize = 256;

/// The published router's tokens: `[[1]]` to `[[5]]`.
pub(crate) fn score_tokens() -> Vec<ScoreToken> {
    (1..=5).map(|score| ScoreToken::Text(format!("[[{score}]]"))).collect()
}

fn score_threshold() -> usize {
    4
}

fn max_new_tokens() -> usize {
    6
}

impl CausalLlmSpec {
    /// The published router's parameters with another template. What a prompt spells out is text in a chat template.
    pub fn new(template: TemplateSpec) -> Self {
        let control_tokens = match template {
            TemplateSpec::Chat { .. } => ControlTokens::Text,
            _ => ControlTokens::AsWritten,
        };
        Self {
            template,
            control_tokens,
            score_tokens: score_tokens(),
            score_threshold: score_threshold(),
            max_new_tokens: max_new_tokens(),
            max_tokens: None,
            date: None,
            file: None,
        }
    }

    /// The tokens that stand for the scores 1, 2, 3 ...
    #[must_use]
    pub fn score_tokens(mut self, tokens: impl IntoIterator<Item = ScoreToken>) -> Self {
        self.score_tokens = tokens.into_iter().collect();
        self
    }

    /// The score from which on the weak model is good enough.
    #[must_use]
    pub fn score_threshold(mut self, threshold: usize) -> Self {
        self.score_threshold = threshold;
        self
    }

    /// How many tokens are generated at most until one is a score.
    #[must_use]
    pub fn max_new_tokens(mut self, count: usize) -> Self {
        self.max_new_tokens = count;
        self
    }

    /// The tokens that are read, special ones and the instruction included.
    #[must_use]
    pub fn max_tokens(mut self, count: usize) -> Self {
        self.max_tokens = Some(count);
        self
    }

    /// The day that a chat template gets where it asks for today's date, `2026-01-31`.
    #[must_use]
    pub fn date(mut self, day: impl Into<String>) -> Self {
        self.date = Some(day.into());
        self
    }

    /// What becomes of control tokens that a prompt spells out.
    #[must_use]
    pub fn control_tokens(mut self, meaning: ControlTokens) -> Self {
        self.control_tokens = meaning;
        self
    }

    /// The file of the model, a path in the folder.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>) -> Self {
        self.file = Some(name.into());
        self
    }

    /// # Errors
    /// `InvalidModel` if a parameter is out of range.
    pub fn check(&self) -> Result<()> {
        let scores = self.score_tokens.len();
        if !(2..=MOST_SCORES).contains(&scores) {
            return Err(Error::invalid_model(format!(
                "score_tokens has {scores} entries, expected 2 to {MOST_SCORES}"
            )));
        }
        if let Some(token) =
            self.score_tokens.iter().enumerate().find(|(i, token)| self.score_tokens[..*i].contains(token))
        {
            return Err(Error::invalid_model(format!("score_tokens has {} twice", token.1)));
        }
        if !(2..=scores).contains(&self.score_threshold) {
            return Err(Error::invalid_model(format!(
                "score_threshold is {}, expected 2 to {scores} (scores are 1 to {scores})",
                self.score_threshold
            )));
        }
        if self.max_new_tokens > MOST_NEW_TOKENS {
            return Err(Error::invalid_model(format!(
                "max_new_tokens is {}, expected at most {MOST_NEW_TOKENS}",
                self.max_new_tokens
            )));
        }
        if let Some(date) = self.date.as_ref().filter(|date| Day::parse(date).is_none()) {
            return Err(Error::invalid_model(format!("date is {date:?}, expected the form 2026-01-31")));
        }
        self.template.check()
    }
}
