//! The `bert` scorer: a sequence classifier through ONNX Runtime (section 4.2 of the paper; `BERTRouter` of the
//! reference).
//!
//! Any export of a sequence classifier (BERT, XLM-R, `DistilBERT`, `RoBERTa`, `DeBERTa`, `ModernBERT`) in float32, float16 or
//! int8: which inputs it has and of which types is read from the model, what its outputs mean is the [`Head`].

#[cfg(feature = "onnx")]
mod classifier;
mod head;
#[cfg(feature = "onnx")]
mod labels;
#[cfg(feature = "onnx")]
mod scorer;
mod spec;

pub use head::{Head, RegressionLink, softmax, softmax_f32};
#[cfg(feature = "onnx")]
pub use scorer::BertScorer;
pub use spec::{BertSpec, LongPrompts, WindowPooling};
