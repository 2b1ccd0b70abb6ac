//! Parameters of a classifier, as they stand in `router.json`.

use serde::{Deserialize, Serialize};

use super::Head;
use crate::{ControlTokens, Error, Result};

/// Parameters of a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BertSpec {
    /// What its outputs mean.
    pub head: Head,
    /// What happens to prompts that are longer than it reads.
    #[serde(default)]
    pub long_prompts: LongPrompts,
    /// Tokens that it reads, special ones included; what the tokenizer's files say if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// What becomes of control tokens that a prompt spells out.
    #[serde(default, skip_serializing_if = "ControlTokens::is_default")]
    pub control_tokens: ControlTokens,
    /// File of the model, a path in the folder; the first of the usual names if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl BertSpec {
    /// A classifier with this head; the ends of long prompts are cut.
    pub fn new(head: Head) -> Self {
        Self {
            head,
            long_prompts: LongPrompts::default(),
            max_tokens: None,
            control_tokens: ControlTokens::default(),
            file: None,
        }
    }

    /// What happens to prompts that are longer than it reads.
    #[must_use]
    pub fn long_prompts(mut self, long_prompts: LongPrompts) -> Self {
        self.long_prompts = long_prompts;
        self
    }

    /// The tokens that it reads, special ones included.
    #[must_use]
    pub fn max_tokens(mut self, count: usize) -> Self {
        self.max_tokens = Some(count);
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
}

/// What happens to prompts that are longer than the model reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LongPrompts {
    /// One end is kept, the one that the tokenizer says; the decision carries `truncated`.
    #[default]
    Truncate,
    /// The prompt is read in windows; what lies beyond the last one is cut, and the decision carries `truncated`.
    Windows {
        /// Tokens that neighbouring windows share.
        #[serde(default = "overlap")]
        overlap: usize,
        /// How the win rates of the windows become one.
        #[serde(default)]
        pooling: WindowPooling,
        /// Largest number of windows.
        #[serde(default = "max_windows")]
        max_windows: usize,
    },
}

/// How the win rates of several windows become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WindowPooling {
    /// Their mean.
    #[default]
    Mean,
    /// The largest: a prompt needs the strong model if any part of it does.
    Max,
}

fn overlap() -> usize {
    32
}

fn max_windows() -> usize {
    8
}

/// Largest number of windows that is accepted.
const MOST_WINDOWS: usize = 256;

impl LongPrompts {
    /// # Errors
    /// `InvalidModel` if a number is out of range.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Windows { max_windows, .. } if !(1..=MOST_WINDOWS).contains(&max_windows) => {
                Err(Error::invalid_model(format!(
                    "long_prompts: max_windows is {max_windows}, expected 1 to {MOST_WINDOWS}"
                )))
            }
            _ => Ok(()),
        }
    }
}

impl std::str::FromStr for LongPrompts {
    type Err = Error;

    /// A name (`truncate`, `windows`), or JSON with the name as `kind` and parameters:
    /// `{"kind": "windows", "overlap": 64, "pooling": "max", "max_windows": 4}`.
    fn from_str(text: &str) -> Result<Self> {
        let long: Self = crate::strict::from_name_or_json(text).map_err(|error| {
            Error::invalid_argument(format!(
                "long_prompts is {text:?}: {error}; expected \"truncate\" or \"windows\", or JSON with one of them as \
                 \"kind\""
            ))
        })?;
        long.check().map_err(|error| Error::invalid_argument(error.message().to_owned()))?;
        Ok(long)
    }
}

impl BertSpec {
    /// # Errors
    /// `InvalidModel` if a parameter is out of range.
    pub fn check(&self) -> Result<()> {
        self.head.check()?;
        self.long_prompts.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_parameters_and_bounds() {
        let windows: LongPrompts = "windows".parse().unwrap();
        assert_eq!(
            windows,
            LongPrompts::Windows { overlap: 32, pooling: WindowPooling::Mean, max_windows: 8 }
        );
        assert_eq!("truncate".parse::<LongPrompts>().unwrap(), LongPrompts::Truncate);
        for text in
            ["", "split", r#"{"kind": "windows", "max_windows": 0}"#, r#"{"kind": "truncate", "overlap": 1}"#]
        {
            assert!(text.parse::<LongPrompts>().is_err(), "{text}");
        }
    }
}
