//! The `causal_llm` scorer: a language model that predicts a score (section 4.2 of the paper; `CausalLLMRouter` of the
//! reference).
//!
//! The model reads an instruction and the question, and answers with a score token; the win rate is
//! `1 - P(score >= score_threshold)` among the score tokens. The instruction is the same for every prompt, so its keys
//! and values are computed once, at opening.

#[cfg(feature = "onnx")]
mod decoder;
mod format;
#[cfg(feature = "onnx")]
mod jinja;
#[cfg(feature = "onnx")]
mod scorer;
#[cfg(feature = "onnx")]
mod scores;
mod spec;
#[cfg(feature = "onnx")]
mod template;

pub use format::{CLASSIFIER_FILE, SYSTEM_FILE, TemplateSpec};
#[cfg(feature = "onnx")]
pub use scorer::CausalLlmScorer;
#[cfg(feature = "onnx")]
pub use scores::win_rate;
pub use spec::{CausalLlmSpec, ScoreToken};
#[cfg(feature = "onnx")]
pub(crate) use template::template_file;
#[cfg(feature = "onnx")]
pub use template::{Rendered, Template};
