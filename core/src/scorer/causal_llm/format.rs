//! How a question becomes a text: what an artifact or an option says of it.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// File of the published router's instruction.
pub const SYSTEM_FILE: &str = "system_ft_v5.txt";
/// File of the published router's question, a Python format string with `{question}`.
pub const CLASSIFIER_FILE: &str = "classifier_ft_v5.txt";
/// How a question becomes the text that the model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TemplateSpec {
    /// The published router's: `system_ft_v5.txt` and `classifier_ft_v5.txt` beside the model, in Llama-3 markers and
    /// without the assistant's header at the end (`generate_prompt` of the reference).
    Routellm,
    /// A text with `{question}` (or `{prompt}`) in it; braces that are meant are doubled.
    Plain {
        /// The text.
        text: String,
    },
    /// The model's own chat template.
    Chat {
        /// The system message, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        system: Option<String>,
        /// The user's message, with `{question}` (or `{prompt}`) in it.
        #[serde(default = "question")]
        user: String,
        /// Whether the assistant's header comes at the end.
        #[serde(default = "yes")]
        add_generation_prompt: bool,
        /// Which of several templates, by its name in `tokenizer_config.json` or of its file in
        /// `additional_chat_templates`; the one named `default` if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

fn question() -> String {
    "{question}".to_owned()
}

fn yes() -> bool {
    true
}

impl std::str::FromStr for TemplateSpec {
    type Err = Error;

    /// `routellm`, `chat`, JSON with a `kind`, or else a text with `{question}` or `{prompt}` in it.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |what: String| Error::invalid_argument(format!("template: {what}"));
        let spec = match text {
            "routellm" => Self::Routellm,
            "chat" => Self::Chat { system: None, user: question(), add_generation_prompt: true, name: None },
            _ => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(value @ serde_json::Value::Object(_)) => {
                    crate::strict::from_value(&value).map_err(|error| {
                        invalid(format!("{error}; expected \"routellm\" or \"chat\", JSON with one of them as \"kind\", or a text with {{question}} in it"))
                    })?
                }
                _ => Self::Plain { text: text.to_owned() },
            },
        };
        spec.check().map_err(|error| invalid(error.message().to_owned()))?;
        Ok(spec)
    }
}

impl TemplateSpec {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Routellm => "routellm",
            Self::Plain { .. } => "plain",
            Self::Chat { .. } => "chat",
        }
    }

    /// # Errors
    /// `InvalidModel` if the text has no place for the question, or braces that mean nothing.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Routellm => Ok(()),
            Self::Plain { text } | Self::Chat { user: text, .. } => Format::parse(text).map(|_| ()),
        }
    }
}

/// A Python format string whose only field is the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    /// The texts between the places of the question.
    texts: Vec<String>,
}

impl Format {
    /// # Errors
    /// `InvalidModel` if there is no place for the question, another field, or a single brace.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut texts = vec![String::new()];
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let last = texts.len() - 1;
            texts[last].push_str(&rest[..at]);
            let tail = &rest[at..];
            rest = if let Some(tail) = tail.strip_prefix("{{") {
                texts[last].push('{');
                tail
            } else if let Some(tail) = tail.strip_prefix("}}") {
                texts[last].push('}');
                tail
            } else if let Some(tail) =
                ["{question}", "{prompt}"].iter().find_map(|field| tail.strip_prefix(field))
            {
                texts.push(String::new());
                tail
            } else {
                let shown: String = tail.chars().take(20).collect();
                return Err(Error::invalid_model(format!(
                    "{shown:?} is no {{question}} or {{prompt}}; braces that are meant are doubled: {{{{ and }}}}"
                )));
            };
        }
        let last = texts.len() - 1;
        texts[last].push_str(rest);
        if last == 0 {
            return Err(Error::invalid_model(
                "there is no place for the question in the text: write {question} or {prompt} where it goes",
            ));
        }
        Ok(Self { texts })
    }

    /// The text without the question.
    #[cfg(feature = "onnx")]
    pub(super) fn texts(&self) -> String {
        self.texts.concat()
    }

    /// The text for a question, and where in it the question is, if it is there once.
    #[cfg(feature = "onnx")]
    pub(super) fn render(&self, question: &str) -> (String, Option<std::ops::Range<usize>>) {
        let place = match &self.texts[..] {
            [before, _] => Some(before.len()..before.len() + question.len()),
            _ => None,
        };
        (self.texts.join(question), place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_texts_are_refused() {
        for text in ["", "no place", "{question", "{other} {question}", "{question!r}", "} {question}", "{}"]
        {
            let error = text.parse::<TemplateSpec>().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument, "{text}");
        }
        assert!(r#"{"kind": "chat", "unknown": 1}"#.parse::<TemplateSpec>().is_err());
        assert!(matches!("{prompt}".parse().unwrap(), TemplateSpec::Plain { .. }));
    }
}
