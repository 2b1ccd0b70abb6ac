//! What every encoder is to a router.

use std::any::Any;

use super::TextCap;
use crate::jobs::{Pool, Slot};
use crate::onnx::RuntimeUse;
use crate::{CancelToken, Result};

/// What turns a text into a dense vector. A text has the same bits alone and beside any others.
pub trait TextEncoder: Any + std::fmt::Debug + Send + Sync {
    /// Its name, for example `all-MiniLM-L6-v2/int8-weights`.
    fn id(&self) -> &str;

    /// Length of its vectors.
    fn dimension(&self) -> usize;

    /// Cap on the bytes of a text.
    fn cap(&self) -> TextCap;

    /// Tokens of a text that are read; `None` if it has no tokenizer.
    fn max_tokens(&self) -> Option<usize>;

    /// What its calls run on.
    fn slots(&self) -> &Pool;

    /// The runtime that it uses, if it uses one.
    fn runtime(&self) -> Option<RuntimeUse> {
        None
    }

    /// How many texts it reads side by side.
    fn parallelism(&self) -> usize {
        self.slots().size()
    }

    /// The vector of `text`, and whether the text was cut, computed in `slot`, one of its own.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline.
    fn embed_in(&self, slot: &mut Slot, text: &str, stop: Option<&CancelToken>) -> Result<(Vec<f32>, bool)>;

    /// As [`embed_in`](Self::embed_in), in an idle slot; it waits for none.
    ///
    /// # Errors
    /// As [`embed_in`](Self::embed_in); `ResourceExhausted` if every slot is in use.
    fn embed(&self, text: &str, stop: Option<&CancelToken>) -> Result<(Vec<f32>, bool)> {
        self.embed_in(self.slots().lease()?.slot(), text, stop)
    }

    /// The vectors of many texts, in one idle slot.
    ///
    /// # Errors
    /// As [`embed`](Self::embed), for the first text that fails.
    fn embed_many(&self, texts: &[&str], stop: Option<&CancelToken>) -> Result<Vec<(Vec<f32>, bool)>> {
        let mut lease = self.slots().lease()?;
        texts.iter().map(|text| self.embed_in(lease.slot(), text, stop)).collect()
    }
}

impl dyn TextEncoder {
    /// This encoder, if it is a `T`.
    pub fn downcast_ref<T: TextEncoder>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}
