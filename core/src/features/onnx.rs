//! The `onnx` featurizer: a sentence encoder through ONNX Runtime.

#[cfg(feature = "onnx")]
mod encoder;

use serde::{Deserialize, Serialize};

#[cfg(feature = "onnx")]
pub use encoder::OnnxEncoder;

use super::TextCap;

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token's vector.
    Cls,
}

/// Parameters of an encoder, as they stand in an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Whether the vector is scaled to unit length.
    pub normalize: bool,
    /// Put before every prompt, for example `query: `.
    #[serde(default)]
    pub prefix: String,
    /// Largest number of tokens, special ones included.
    pub max_tokens: usize,
    /// Cap on the text, before it is tokenised; its side is also the side that truncation keeps.
    pub cap: TextCap,
}
