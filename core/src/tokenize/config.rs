//! `tokenizer_config.json`.

use std::path::Path;

use serde_json::Value;

use crate::files::tolerant_json;
use crate::input::CapSide;
use crate::{Error, Result};

/// Larger lengths mean that whoever saved the tokenizer knew none (the usual value is 10^30).
const NO_LENGTH: f64 = 1e9;

/// What `tokenizer_config.json` says, as far as it matters for scoring.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TokenizerConfig {
    /// Largest number of tokens.
    pub model_max_length: Option<usize>,
    /// Which end of a long text is kept.
    pub truncation_side: Option<CapSide>,
    /// The chat template, Jinja; of several the one named `default`, or the only one.
    pub chat_template: Option<String>,
    /// Chat templates that have a name, with it.
    pub named_templates: Vec<(String, String)>,
    /// Text of the token that begins a sequence.
    pub bos_token: Option<String>,
    /// Text of the token that ends a sequence.
    pub eos_token: Option<String>,
    /// Text of the token that fills a batch.
    pub pad_token: Option<String>,
}

impl TokenizerConfig {
    /// File name.
    pub const FILE: &'static str = "tokenizer_config.json";

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `Io`; `InvalidModel` if it is malformed.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        Self::parse(&text).map_err(|error| error.context(path.display()))
    }

    /// Reads the contents of the file.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(&tolerant_json(text))
            .map_err(|error| Error::invalid_model(error.to_string()))?;
        let object = value
            .as_object()
            .ok_or_else(|| Error::invalid_model("expected an object with the tokenizer's settings"))?;
        let truncation_side = match object.get("truncation_side").and_then(Value::as_str) {
            None => None,
            Some("right") => Some(CapSide::Head),
            Some("left") => Some(CapSide::Tail),
            Some(other) => {
                return Err(Error::invalid_model(format!(
                    "truncation_side is {other:?}, expected \"right\" or \"left\""
                )));
            }
        };
        let length =
            object.get("model_max_length").and_then(Value::as_f64).filter(|length| *length < NO_LENGTH);
        if length.is_some_and(|length| length < 1.0) {
            return Err(Error::invalid_model("model_max_length is below 1"));
        }
        // A token is its text, or an object that has it.
        let token = |name: &str| match object.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Object(token)) => token.get("content").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let named_templates = named_templates(object.get("chat_template"));
        let chat_template = match (object.get("chat_template"), &named_templates[..]) {
            (Some(Value::String(text)), _) => Some(text.clone()),
            (_, [(_, only)]) => Some(only.clone()),
            (_, named) => {
                named.iter().find(|(name, _)| name == "default").map(|(_, template)| template.clone())
            }
        };
        Ok(Self {
            model_max_length: length.map(|length| length as usize),
            truncation_side,
            chat_template,
            named_templates,
            bos_token: token("bos_token"),
            eos_token: token("eos_token"),
            pad_token: token("pad_token"),
        })
    }
}

/// The templates of a list, which has each with its name, or an object of them by name.
fn named_templates(value: Option<&Value>) -> Vec<(String, String)> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    match value {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|entry| Some((text(entry.get("name"))?, text(entry.get("template"))?)))
            .collect(),
        Some(Value::Object(object)) => {
            object.iter().filter_map(|(name, template)| Some((name.clone(), text(Some(template))?))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lengths_and_templates_have_several_forms() {
        let config = TokenizerConfig::parse(
            br#"{"model_max_length": 1000000000000000019884624838656, "truncation_side": "left",
                 "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
                 "chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}"#,
        )
        .unwrap();
        assert_eq!(config.model_max_length, None);
        assert_eq!(config.truncation_side, Some(CapSide::Tail));
        assert_eq!(config.bos_token.as_deref(), Some("<s>"));
        assert_eq!(config.eos_token.as_deref(), Some("</s>"));
        assert_eq!(config.pad_token, None);
        assert_eq!(config.chat_template.as_deref(), Some("d"));
        let named = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(config.named_templates, [named("tool_use", "t"), named("default", "d")]);
        assert_eq!(TokenizerConfig::parse(b"{}").unwrap(), TokenizerConfig::default());
        let endless = "\u{feff}{\"model_max_length\": Infinity}";
        assert_eq!(TokenizerConfig::parse(endless.as_bytes()).unwrap(), TokenizerConfig::default());
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["", "[]", "{", "1", r#"{"truncation_side": "middle"}"#, r#"{"model_max_length": 0}"#] {
            assert!(TokenizerConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
