//! The `onnx` featurizer: a sentence encoder through ONNX Runtime.

#[cfg(feature = "onnx")]
mod encoder;

use serde::{Deserialize, Serialize};

#[cfg(feature = "onnx")]
pub use encoder::OnnxEncoder;

use super::{CapSide, TextCap};
use crate::ControlTokens;

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token's vector.
    Cls,
    /// The last token's vector, special ones included. Nothing is padded, so that it is the last one of the text on either
    /// side of which other tools pad.
    Last,
}

/// Parameters of an encoder, as they stand in an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OnnxSpec {
    /// Name of the encoder, for example `all-MiniLM-L6-v2/int8-weights`.
    pub id: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// File of the model in the artifact.
    pub model: String,
    /// File of the tokenizer in the artifact.
    pub tokenizer: String,
    /// How token vectors become one vector.
    pub pooling: Pooling,
    /// Name of the model's output that is read: token vectors `[1, tokens, dimension]`, or the vector of the whole text
    /// `[1, dimension]`, which needs no pooling. Without it, the token vectors wherever they stand among the outputs, or
    /// else the only vector of the whole text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Whether the vector is scaled to unit length.
    pub normalize: bool,
    /// Put before every prompt, for example `query: `.
    #[serde(default)]
    pub prefix: String,
    /// Largest number of tokens, special ones included.
    pub max_tokens: usize,
    /// Cap on the text, before it is tokenised; its side is also the side that truncation keeps.
    pub cap: TextCap,
    /// What becomes of control tokens that a prompt spells out.
    #[serde(default, skip_serializing_if = "ControlTokens::is_default")]
    pub control_tokens: ControlTokens,
}

impl OnnxSpec {
    /// An encoder in the files `model.onnx` and `tokenizer.json`, whose vectors are scaled to unit length. It reads the
    /// beginning of a prompt, 16,384 bytes at most, and puts nothing before it.
    pub fn new(id: impl Into<String>, dimension: usize, pooling: Pooling, max_tokens: usize) -> Self {
        Self {
            id: id.into(),
            dimension,
            model: "model.onnx".to_owned(),
            tokenizer: "tokenizer.json".to_owned(),
            pooling,
            output: None,
            normalize: true,
            prefix: String::new(),
            max_tokens,
            cap: TextCap::new(16_384, CapSide::Head),
            control_tokens: ControlTokens::default(),
        }
    }

    /// The file of the model.
    #[must_use]
    pub fn model(mut self, file: impl Into<String>) -> Self {
        self.model = file.into();
        self
    }

    /// The file of the tokenizer.
    #[must_use]
    pub fn tokenizer(mut self, file: impl Into<String>) -> Self {
        self.tokenizer = file.into();
        self
    }

    /// The name of the model's output that is read.
    #[must_use]
    pub fn output(mut self, name: impl Into<String>) -> Self {
        self.output = Some(name.into());
        self
    }

    /// Whether the vector is scaled to unit length.
    #[must_use]
    pub fn normalize(mut self, on: bool) -> Self {
        self.normalize = on;
        self
    }

    /// What is put before every prompt.
    #[must_use]
    pub fn prefix(mut self, text: impl Into<String>) -> Self {
        self.prefix = text.into();
        self
    }

    /// What becomes of control tokens that a prompt spells out.
    #[must_use]
    pub fn control_tokens(mut self, meaning: ControlTokens) -> Self {
        self.control_tokens = meaning;
        self
    }

    /// The cap on the text, before it is tokenised.
    #[must_use]
    pub fn cap(mut self, cap: TextCap) -> Self {
        self.cap = cap;
        self
    }
}
