//! Featurizers: what turns a prompt into numbers.
//!
//! Which one a router uses is a choice of its artifact: [`hashed`] (sparse words and lexical counts, no
//! runtime), [`onnx`] (a sentence encoder through ONNX Runtime) or `caller` (vectors handed in). Nothing
//! outside this module assumes a dense vector or a loaded runtime.

mod encoder;
pub mod hashed;
pub mod onnx;
mod sparse;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use encoder::{EmbedDone, Embedding, TextEncoder};
pub use hashed::{Hashed, HashedSpec};
#[cfg(feature = "onnx")]
pub use onnx::OnnxEncoder;
pub use onnx::{OnnxSpec, Pooling};
pub use sparse::SparseVector;

pub use crate::input::{CapSide, TextCap};

use crate::cancel::CancelToken;
use crate::jobs::{Slot, SlotLease};
use crate::{Error, Result};

/// The featurizer of an artifact, as it stands in `router.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FeaturizerSpec {
    /// Hashed words and lexical features.
    Hashed(HashedSpec),
    /// A sentence encoder.
    Onnx(OnnxSpec),
    /// Embeddings come from the caller.
    Caller(CallerSpec),
    /// There are no features: the scorer reads the prompt itself.
    None,
}

/// Parameters of the `caller` featurizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CallerSpec {
    /// Name of the embedding model that the scorer was trained on.
    pub id: String,
    /// Length of its vectors.
    pub dimension: usize,
}

impl CallerSpec {
    /// Embeddings of `dimension` numbers by the model `id`.
    pub fn new(id: impl Into<String>, dimension: usize) -> Self {
        Self { id: id.into(), dimension }
    }
}

impl FeaturizerSpec {
    /// `hashed`, `onnx`, `caller` or `none`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hashed(_) => "hashed",
            Self::Onnx(_) => "onnx",
            Self::Caller(_) => "caller",
            Self::None => "none",
        }
    }

    /// Name of the featurizer or embedding model.
    pub fn id(&self) -> &str {
        match self {
            Self::Hashed(spec) => &spec.id,
            Self::Onnx(spec) => &spec.id,
            Self::Caller(spec) => &spec.id,
            Self::None => "",
        }
    }

    /// Number of dimensions of its vectors; 0 if there are none.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Hashed(spec) => spec.dimension,
            Self::Onnx(spec) => spec.dimension,
            Self::Caller(spec) => spec.dimension,
            Self::None => 0,
        }
    }
}

/// What a scorer reads.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Features<'a> {
    /// Indices and values; every other dimension is zero.
    Sparse(&'a SparseVector),
    /// Every dimension.
    Dense(&'a [f32]),
}

/// A featurizer ready for use.
#[derive(Debug)]
#[non_exhaustive]
pub enum Featurizer {
    /// Hashed words and lexical features.
    Hashed(Box<Hashed>),
    /// An encoder.
    Encoder(Arc<dyn TextEncoder>),
    /// Embeddings come from the caller.
    Caller(CallerSpec),
}

impl Featurizer {
    /// Computes the features of `prompt` and hands them to `consume`, with whether the prompt was cut. An encoder takes
    /// an idle session and waits for none.
    ///
    /// # Errors
    /// `Unsupported` for the `caller` featurizer, which has no way to read a prompt; what the encoder
    /// reports (`Tokenize`, `Inference`, `Cancelled`); `ResourceExhausted` if every session is in use; and what
    /// `consume` returns.
    pub fn with_features<T>(
        &self,
        prompt: &str,
        cancel: Option<&CancelToken>,
        consume: impl FnOnce(Features<'_>, bool) -> Result<T>,
    ) -> Result<T> {
        let mut lease = match self {
            Self::Encoder(encoder) => encoder.slots().lease()?,
            _ => SlotLease::empty(),
        };
        self.features_in(lease.slot(), prompt, cancel, consume)
    }

    /// As [`with_features`](Self::with_features), on the session of `slot`.
    pub(crate) fn features_in<T>(
        &self,
        slot: &mut Slot,
        prompt: &str,
        cancel: Option<&CancelToken>,
        consume: impl FnOnce(Features<'_>, bool) -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Hashed(hashed) => hashed.with_sparse(prompt, |sparse, truncated| {
                let Some(projection) = hashed.projection() else {
                    return consume(Features::Sparse(sparse), truncated);
                };
                let mut dense = Vec::new();
                projection.apply(sparse, &mut dense);
                consume(Features::Dense(&dense), truncated)
            }),
            Self::Encoder(encoder) => {
                let (embedding, truncated) = encoder.embed_in(slot, prompt, cancel)?;
                consume(Features::Dense(&embedding), truncated)
            }
            Self::Caller(spec) => Err(Error::unsupported(format!(
                "this router has no featurizer of its own: pass an embedding of {} ({} dimensions) instead of \
                 a prompt",
                spec.id, spec.dimension
            ))),
        }
    }

    /// Checks an embedding that the caller computed.
    ///
    /// # Errors
    /// `InvalidArgument` if this router reads prompts only, or if the length is not its dimension.
    pub fn check_embedding(&self, embedding: &[f32]) -> Result<()> {
        let (id, dimension) = match self {
            Self::Hashed(hashed) => {
                return Err(Error::invalid_argument(format!(
                    "this router reads hashed features ({}) and takes no embedding: pass the prompt",
                    hashed.spec().id
                )));
            }
            Self::Encoder(encoder) => (encoder.id(), encoder.dimension()),
            Self::Caller(spec) => (spec.id.as_str(), spec.dimension),
        };
        if embedding.len() == dimension {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "the embedding has {} dimensions, this router expects {dimension} ({id})",
            embedding.len()
        )))
    }

    /// Length of the embeddings that it takes; `None` if it reads prompts only.
    pub fn embedding_dimension(&self) -> Option<usize> {
        match self {
            Self::Hashed(_) => None,
            Self::Encoder(encoder) => Some(encoder.dimension()),
            Self::Caller(spec) => Some(spec.dimension),
        }
    }

    /// Length of the dense vectors that it makes of prompts; `None` if it makes none.
    pub fn dense_dimension(&self) -> Option<usize> {
        match self {
            Self::Hashed(hashed) => hashed.projection().map(|_| hashed.spec().dimension),
            Self::Encoder(encoder) => Some(encoder.dimension()),
            Self::Caller(_) => None,
        }
    }

    /// How much of a prompt is looked at; `None` if it reads no prompts.
    pub fn cap(&self) -> Option<TextCap> {
        match self {
            Self::Hashed(hashed) => Some(hashed.spec().cap),
            Self::Encoder(encoder) => Some(encoder.cap()),
            Self::Caller(_) => None,
        }
    }

    /// The encoder, if that is what this is.
    pub fn encoder(&self) -> Option<&Arc<dyn TextEncoder>> {
        match self {
            Self::Encoder(encoder) => Some(encoder),
            _ => None,
        }
    }
}
