//! What lies beside an exported model: `config.json`, tokenizer, prompt files.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::artifact::Artifact;
use crate::runtime::graph::Graph;
use crate::tokenize::{TOKENIZER_FILE, TextTokenizer, TokenizerConfig};
use crate::{Error, ErrorKind, Result};

/// File of the model's configuration.
pub const CONFIG_FILE: &str = "config.json";
/// The configuration that onnxruntime-genai writes instead.
const GENAI_CONFIG_FILE: &str = "genai_config.json";

/// The files of an exported model: a bare folder, or an artifact, whose files are all listed and verified.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    directory: &'a Path,
    artifact: Option<&'a Artifact>,
}

impl<'a> Files<'a> {
    /// The files in a folder.
    pub fn bare(directory: &'a Path) -> Self {
        Self { directory, artifact: None }
    }

    /// The files of an artifact.
    ///
    /// # Errors
    /// `Unsupported` for an artifact that is compiled in: a runtime reads files.
    pub fn listed(artifact: &'a Artifact) -> Result<Self> {
        let directory = artifact
            .directory()
            .ok_or_else(|| Error::unsupported("an exported model cannot be compiled in"))?;
        Ok(Self { directory, artifact: Some(artifact) })
    }

    /// The folder.
    pub fn directory(&self) -> &'a Path {
        self.directory
    }

    /// The artifact, if the folder is one's.
    pub fn artifact(&self) -> Option<&'a Artifact> {
        self.artifact
    }

    /// Path of a file that has to be there.
    ///
    /// # Errors
    /// `InvalidModel` if it is not there or not listed.
    pub fn required(&self, name: &str) -> Result<PathBuf> {
        match self.artifact {
            Some(artifact) => artifact.path_of(name),
            None => self.optional(name).ok_or_else(|| {
                Error::invalid_model(format!(
                    "{}: no such file; an export has it beside the model",
                    self.directory.join(name).display()
                ))
            }),
        }
    }

    /// Path of a file that may be there.
    pub fn optional(&self, name: &str) -> Option<PathBuf> {
        match self.artifact {
            Some(artifact) => artifact.path_of(name).ok(),
            None => Some(self.directory.join(name)).filter(|path| path.is_file()),
        }
    }

    /// Path of the model: the first of these files that is there.
    ///
    /// # Errors
    /// `InvalidModel` naming them all, or a file of its weights that an artifact does not list.
    pub fn model(&self, names: &[&str]) -> Result<PathBuf> {
        let found = names.iter().find_map(|name| Some((name, self.optional(name)?)));
        let (name, path) = found.ok_or_else(|| {
            Error::invalid_model(format!(
                "{}: there is no model in this folder; looked for {}",
                self.directory.display(),
                names.join(", ")
            ))
        })?;
        if let Some(artifact) = self.artifact {
            for weights in Graph::read(&path)?.external_files() {
                let listed = artifact.path_of(&beside(name, weights))?;
                // The runtime looks for them there, and nowhere else.
                if path.parent().map(|folder| folder.join(weights)) != Some(listed) {
                    return Err(Error::invalid_model(format!(
                        "{}: its weights in {weights:?} are not beside it",
                        path.display()
                    )));
                }
            }
        }
        Ok(path)
    }

    /// The configuration of the model.
    ///
    /// # Errors
    /// `InvalidModel` if there is none or it is malformed; `Io`.
    pub fn config(&self) -> Result<ModelConfig> {
        let path = match self.optional(CONFIG_FILE).or_else(|| self.optional(GENAI_CONFIG_FILE)) {
            Some(path) => path,
            None => self.required(CONFIG_FILE)?,
        };
        let text = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
        ModelConfig::parse(&text).map_err(|error| error.context(path.display()))
    }

    /// The tokenizer and its settings, whose vocabulary fits the model's.
    ///
    /// # Errors
    /// `InvalidModel` if there is none, it is malformed, or knows more tokens than the model; `Io`.
    pub fn tokenizer(&self, config: &ModelConfig) -> Result<(TextTokenizer, TokenizerConfig)> {
        let path = self.required(TOKENIZER_FILE)?;
        let tokenizer = TextTokenizer::open(&path)?;
        let end = tokenizer.vocabulary_end();
        if let Some(size) = config.vocab_size
            && end > size
        {
            return Err(Error::invalid_model(format!(
                "{}: its largest token id is {}, the model's configuration has a vocabulary of {size}: tokenizer and \
                 model do not belong together",
                path.display(),
                end - 1
            )));
        }
        let settings = match self.optional(TokenizerConfig::FILE) {
            Some(path) => TokenizerConfig::read(&path)?,
            None => TokenizerConfig::default(),
        };
        Ok((tokenizer, settings))
    }

    /// A text file that may be there.
    ///
    /// # Errors
    /// `Io`; `InvalidModel` if it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(path) = self.optional(name) else { return Ok(None) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(Error::new(ErrorKind::InvalidModel, format!("{}: not UTF-8", path.display())))
            }
            Err(error) => Err(Error::io(&path, error)),
        }
    }
}

/// The name in an artifact of a file that is named by the model `model`, relative to it.
pub(crate) fn beside(model: &str, file: &str) -> String {
    match model.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{file}"),
        None => file.to_owned(),
    }
}

/// What `config.json` (or `genai_config.json`) says of a model, as far as it matters for scoring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelConfig {
    /// Architecture family: `bert`, `llama` ...
    pub model_type: String,
    /// Number of token ids.
    pub vocab_size: Option<usize>,
    /// Largest number of tokens in a sequence.
    pub max_positions: Option<usize>,
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
        let value: Value =
            serde_json::from_slice(text).map_err(|error| Error::invalid_model(error.to_string()))?;
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
        let value: Value = serde_json::from_slice(text).unwrap_or_default();
        let names = value.get("architectures").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn hugging_face(object: &Map<String, Value>) -> Result<Self> {
        let model_type = string(object, "model_type");
        let pad_token_id = number(object, "pad_token_id")?;
        let mut max_positions = number(object, "max_position_embeddings")?.or(number(object, "n_positions")?);
        if OFFSET_POSITIONS.contains(&model_type.as_str()) {
            let offset = pad_token_id.unwrap_or(1) + 1;
            max_positions = max_positions.map(|positions| positions.saturating_sub(offset));
        }
        let heads = number(object, "num_attention_heads")?;
        let hidden = number(object, "hidden_size")?;
        let per_head =
            hidden.zip(heads).filter(|(_, heads)| *heads > 0).map(|(hidden, heads)| hidden / heads);
        Ok(Self {
            vocab_size: number(object, "vocab_size")?,
            max_positions,
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
        assert_eq!(config.max_positions, Some(512));
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
}
