//! Scores of prompts and of embeddings.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of Worker is of one lifetime, and a call is of any"
)]

use napi::Env;
use napi::bindgen_prelude::{Float32Array, Float32ArraySlice, Float64Array, Float64ArraySlice, Object};
use napi_derive::napi;
use routellm_core::Worker;

use crate::cancel::NativeCancel;
use crate::convert::{json, numbers, owned, utf8};
use crate::error::{Result, guarded};
use crate::promise::{Arrival, promise};
use crate::router::NativeRouter;
use crate::text::Text;

#[napi]
impl NativeRouter {
    /// The win rate of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rate_sync(&self, #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text) -> Result<f64> {
        guarded(|| self.router().win_rate(prompt.utf8()?))
    }

    /// The win rate of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn win_rate<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        self.later(env, prompt, cancel, |worker, prompt| worker.win_rate(prompt))
    }

    /// The win rates of many prompts into `out`.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rates_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<()> {
        guarded(|| {
            let rates = self.router().win_rates(&utf8(&prompts)?, None)?;
            numbers(&mut out, rates.len())?.copy_from_slice(&rates);
            Ok(())
        })
    }

    /// The win rates of many prompts, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn win_rates<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        promise(env, |done| {
            self.router()
                .win_rates_async(owned(&prompts), cancel, move |rates| done(rates.map(Float64Array::new)))
        })
    }

    /// The win rates of `out.length` embeddings, row after row, into `out`; nothing is copied.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rates_from_embeddings(
        &self,
        embeddings: Float32ArraySlice<'_>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<()> {
        let length = out.len();
        guarded(|| self.router().win_rates_from_embeddings(&embeddings, numbers(&mut out, length)?))
    }

    /// One score for each candidate.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> Result<Float64Array> {
        guarded(|| Ok(Float64Array::new(self.router().candidate_scores(prompt.utf8()?)?)))
    }

    /// One score for each candidate, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn candidate_scores<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        self.later(env, prompt, cancel, |worker, prompt| {
            worker.candidate_scores(prompt).map(Float64Array::new)
        })
    }

    /// One score for each candidate, for an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_from_embedding(&self, embedding: Float32ArraySlice<'_>) -> Result<Float64Array> {
        guarded(|| Ok(Float64Array::new(self.router().candidate_scores_from_embedding(&embedding)?)))
    }

    /// The largest cosine similarity of a prompt to any vote.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_sync(&self, #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text) -> Result<f64> {
        guarded(|| self.router().similarity(prompt.utf8()?))
    }

    /// The largest cosine similarity of a prompt to any vote, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn similarity<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        self.later(env, prompt, cancel, |worker, prompt| worker.similarity(prompt))
    }

    /// The largest cosine similarity of an embedding to any vote.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_from_embedding(&self, embedding: Float32ArraySlice<'_>) -> Result<f64> {
        guarded(|| self.router().similarity_from_embedding(&embedding))
    }

    /// Why a prompt gets its score, with the `k` votes that weighed most, as JSON.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
    ) -> Result<String> {
        guarded(|| json(serde_json::to_string(&self.router().explain(prompt.utf8()?, k as usize)?)))
    }

    /// Why a prompt gets its score, as JSON, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn explain<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        self.later(env, prompt, cancel, move |worker, prompt| {
            json(serde_json::to_string(&worker.explain(prompt, k as usize)?))
        })
    }

    /// Why an embedding gets its score, as JSON.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_embedding(&self, embedding: Float32ArraySlice<'_>, k: u32) -> Result<String> {
        guarded(|| json(serde_json::to_string(&self.router().explain_embedding(&embedding, k as usize)?)))
    }

    /// The embedding of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn embed_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> Result<Float32Array> {
        guarded(|| Ok(Float32Array::new(self.router().embed(prompt.utf8()?)?)))
    }

    /// The embedding of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn embed<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        self.later(env, prompt, cancel, |worker, prompt| worker.embed(prompt).map(Float32Array::new))
    }
}

impl NativeRouter {
    /// The promise of what `work` makes of a prompt on a thread of the library.
    fn later<'env, T: Arrival>(
        &self,
        env: &'env Env,
        prompt: Text,
        cancel: Option<&NativeCancel>,
        work: impl FnOnce(&mut Worker<'_>, &str) -> routellm_core::Result<T> + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        promise(env, |done| {
            self.router().call_async(cancel, move |worker| work(worker, prompt.utf8()?), done)
        })
    }
}
