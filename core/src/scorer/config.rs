//! `config.json`: what a model says of itself.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::files::tolerant_json;
use crate::{Error, Result};

/// File of the model's configuration.
pub const CONFIG_FILE: &str = "config.json";

/// The contents of a model's configuration, read once and understood as what the model turns out to be.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    text: Vec<u8>,
}

impl ConfigFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub fn read(path: PathBuf) -> Result<Self> {
        let text = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
        Ok(Self { path, text })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Class names that it gives, as [`ModelConfig::architectures`].
    pub fn architectures(&self) -> Vec<String> {
        ModelConfig::architectures(&self.text)
    }

    /// The whole of it.
    ///
    /// # Errors
    /// `InvalidModel` if it is no object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>> {
        self.parse().map_err(|error| Error::invalid_model(format!("{}: {error}", self.path.display())))
    }

    /// What it says as the settings of a Hugging Face or onnxruntime-genai model.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed.
    pub fn model(&self) -> Result<ModelConfig> {
        ModelConfig::parse(&self.text).map_err(|error| error.context(self.path.display()))
    }

    /// What it says as a `T`.
    ///
    /// # Errors
    /// Why it is none, as text.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&tolerant_json(&self.text))
    }
}

/// What `config.json` (or `genai_config.json`) says of a model, as far as it matters for scoring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelConfig {
    /// Architecture family: `bert`, `llama` ...
    pub model_type: String,
    /// Number of token ids.
    pub vocab_size: Option<usize>,
    /// Largest number of tokens in a sequence.
    pub max_positions: Option<usize>,
    /// Position of the first token: 0, but for families that count from behind the padding id.
    pub first_position: usize,
    /// Names of a classifier's outputs, in their order.
    pub labels: Vec<String>,
    /// Token id that fills a batch.
    pub pad_token_id: Option<u32>,
    /// Token ids that end a generated text.
    pub eos_token_ids: Vec<i64>,
    /// Heads of a key/value cache.
    pub key_value_heads: Option<usize>,
    /// Length of a key or value in it.
    pub head_dim: Option<usize>,
}

/// Families whose position ids begin after the padding id, so that fewer positions are left than there are rows.
const OFFSET_POSITIONS: [&str; 6] =
    ["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet"];

impl ModelConfig {
    /// Reads the contents of the file.
    ///
    /// # Errors
    /// `InvalidModel` if it is malformed.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(&tolerant_json(text))
            .map_err(|error| Error::invalid_model(error.to_string()))?;
        let object = value
            .as_object()
            .ok_or_else(|| Error::invalid_model("expected an object with the model's settings"))?;
        match object.get("model").and_then(Value::as_object) {
            Some(genai) => Self::genai(genai),
            None => Self::hugging_face(object),
        }
    }

    /// Class names that a configuration gives, `BertForSequenceClassification` ...; none if it is malformed.
    pub fn architectures(text: &[u8]) -> Vec<String> {
        let value: Value = serde_json::from_slice(&tolerant_json(text)).unwrap_or_default();
        match value.get("architectures") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(name)) => vec![name.clone()],
            _ => Vec::new(),
        }
    }

    fn hugging_face(object: &Map<String, Value>) -> Result<Self> {
        let model_type = string(object, "model_type");
        let pad_token_id = number(object, "pad_token_id")?;
        let mut max_positions = number(object, "max_position_embeddings")?.or(number(object, "n_positions")?);
        let mut first_position = 0;
        if OFFSET_POSITIONS.contains(&model_type.as_str()) {
            first_position = pad_token_id.unwrap_or(1) + 1;
            max_positions = max_positions.map(|positions| positions.saturating_sub(first_position));
        }
        let heads = number(object, "num_attention_heads")?;
        let hidden = number(object, "hidden_size")?;
        let per_head =
            hidden.zip(heads).filter(|(_, heads)| *heads > 0).map(|(hidden, heads)| hidden / heads);
        Ok(Self {
            vocab_size: number(object, "vocab_size")?,
            max_positions,
            first_position,
            labels: labels(object)?,
            pad_token_id: pad_token_id.and_then(|id| u32::try_from(id).ok()),
            eos_token_ids: ids(object.get("eos_token_id")),
            key_value_heads: number(object, "num_key_value_heads")?.or(heads),
            head_dim: number(object, "head_dim")?.or(per_head),
            model_type,
        })
    }

    fn genai(model: &Map<String, Value>) -> Result<Self> {
        let empty = Map::new();
        let decoder = model.get("decoder").and_then(Value::as_object).unwrap_or(&empty);
        Ok(Self {
            model_type: string(model, "type"),
            vocab_size: number(model, "vocab_size")?,
            max_positions: number(model, "context_length")?,
            first_position: 0,
            labels: Vec::new(),
            pad_token_id: number(model, "pad_token_id")?.and_then(|id| u32::try_from(id).ok()),
            eos_token_ids: ids(model.get("eos_token_id")),
            key_value_heads: number(decoder, "num_key_value_heads")?,
            head_dim: number(decoder, "head_size")?,
        })
    }
}

fn string(object: &Map<String, Value>, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A count that may be absent or null.
fn number(object: &Map<String, Value>, name: &str) -> Result<Option<usize>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number < 1 << 40)
            .map(Some)
            // Some configurations write -1 for "none".
            .or_else(|| value.as_i64().filter(|number| *number < 0).map(|_| None))
            .ok_or_else(|| Error::invalid_model(format!("{name} is {value}, expected a count"))),
    }
}

/// One id, or a list of them.
fn ids(value: Option<&Value>) -> Vec<i64> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_i64).collect(),
        Some(value) => value.as_i64().into_iter().collect(),
        None => Vec::new(),
    }
}

/// `id2label` in the order of its ids, which have to be 0, 1, 2 ...
fn labels(object: &Map<String, Value>) -> Result<Vec<String>> {
    let Some(map) = object.get("id2label").and_then(Value::as_object) else { return Ok(Vec::new()) };
    (0..map.len())
        .map(|id| {
            map.get(&id.to_string()).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
                Error::invalid_model(format!("id2label has {} entries and none for {id}", map.len()))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_roberta_begin_after_the_padding() {
        let config = ModelConfig::parse(
            br#"{"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1,
                 "id2label": {"1": "b", "0": "a"}, "eos_token_id": [2, 3], "hidden_size": 64,
                 "num_attention_heads": 4, "vocab_size": 10}"#,
        )
        .unwrap();
        assert_eq!((config.max_positions, config.first_position), (Some(512), 2));
        assert_eq!(config.labels, ["a", "b"]);
        assert_eq!(config.eos_token_ids, [2, 3]);
        assert_eq!((config.key_value_heads, config.head_dim), (Some(4), Some(16)));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in ["", "[]", "{", r#"{"vocab_size": "many"}"#, r#"{"id2label": {"0": "a", "2": "b"}}"#] {
            assert!(ModelConfig::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(ModelConfig::parse(br#"{"pad_token_id": -1}"#).unwrap().pad_token_id, None);
    }

    #[test]
    fn what_python_writes_is_read() {
        let text = "\u{feff}{\"architectures\": [\"BertModel\"], \"time_step_limit\": [0.0, Infinity], \"vocab_size\": 7}";
        assert_eq!(ModelConfig::parse(text.as_bytes()).unwrap().vocab_size, Some(7));
        assert_eq!(ModelConfig::architectures(text.as_bytes()), ["BertModel"]);
    }
}
