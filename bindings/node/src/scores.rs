//! Scores, explanations and embeddings, of a prompt or an embedding, in place or without waiting.

use napi::Env;
use napi::bindgen_prelude::{Float32Array, Float32ArraySlice, Float64Array, Float64ArraySlice, Object};
use napi_derive::napi;
use routellm_core::{CallOptions, Explanation, Result as CoreResult};

use crate::cancel::NativeCancel;
use crate::convert::{inputs, json, numbers};
use crate::decision::options;
use crate::error::{Result, guarded};
use crate::promise::promise;
use crate::router::NativeRouter;
use crate::text::Text;

/// The options of a call that decides nothing.
fn plain(on_error: u32, timeout_ms: f64, cancel: Option<&NativeCancel>) -> CoreResult<CallOptions> {
    options(f64::NAN, f64::NAN, on_error, timeout_ms, None, NativeCancel::token(cancel))
}

fn explanation(why: CoreResult<Explanation>) -> CoreResult<String> {
    json(serde_json::to_string(&why?))
}

#[napi]
impl NativeRouter {
    /// The win rate, of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rate_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<f64> {
        guarded(|| self.router().win_rate(prompt.input(), &plain(on_error, timeout_ms, None)?))
    }

    /// The win rate, of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn win_rate<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            self.router().win_rate_async(prompt.input(), &options, done)
        })
    }

    /// One score for each candidate, of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<Float64Array> {
        guarded(|| {
            self.router()
                .candidate_scores(prompt.input(), &plain(on_error, timeout_ms, None)?)
                .map(Float64Array::new)
        })
    }

    /// One score for each candidate, of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn candidate_scores<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            self.router().candidate_scores_async(prompt.input(), &options, move |answer| {
                done(answer.map(Float64Array::new));
            })
        })
    }

    /// One score for each candidate, of an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_from_embedding(
        &self,
        embedding: Float32ArraySlice<'_>,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<Float64Array> {
        guarded(|| {
            self.router()
                .candidate_scores(&*embedding, &plain(on_error, timeout_ms, None)?)
                .map(Float64Array::new)
        })
    }

    /// The quality of each candidate for each of some prompts, one after the other.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn qualities_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<Float64Array> {
        guarded(|| {
            let options = plain(on_error, timeout_ms, None)?;
            if let [prompt] = &prompts[..] {
                return self.router().qualities(prompt.input(), &options).map(Float64Array::new);
            }
            let rows = self.router().qualities_batch(inputs(&prompts), &options)?;
            Ok(Float64Array::new(rows.concat()))
        })
    }

    /// The quality of each candidate for each of some prompts, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn qualities<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            if let [prompt] = &prompts[..] {
                return self.router().qualities_async(prompt.input(), &options, move |answer| {
                    done(answer.map(Float64Array::new));
                });
            }
            self.router().qualities_batch_async(inputs(&prompts), &options, move |rows| {
                done(rows.map(|rows| Float64Array::new(rows.concat())));
            })
        })
    }

    /// The quality of each candidate, of an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn qualities_from_embedding(
        &self,
        embedding: Float32ArraySlice<'_>,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<Float64Array> {
        guarded(|| {
            self.router().qualities(&*embedding, &plain(on_error, timeout_ms, None)?).map(Float64Array::new)
        })
    }

    /// The largest cosine similarity to any vote, of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<f64> {
        guarded(|| self.router().similarity(prompt.input(), &plain(on_error, timeout_ms, None)?))
    }

    /// The largest cosine similarity to any vote, of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn similarity<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            self.router().similarity_async(prompt.input(), &options, done)
        })
    }

    /// The largest cosine similarity to any vote, of an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_from_embedding(
        &self,
        embedding: Float32ArraySlice<'_>,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<f64> {
        guarded(|| self.router().similarity(&*embedding, &plain(on_error, timeout_ms, None)?))
    }

    /// Why it gets its score, with the `k` votes that weighed most, as JSON, of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<String> {
        guarded(|| {
            explanation(self.router().explain(
                prompt.input(),
                k as usize,
                &plain(on_error, timeout_ms, None)?,
            ))
        })
    }

    /// Why it gets its score, with the `k` votes that weighed most, as JSON, of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn explain<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            self.router()
                .explain_async(prompt.input(), k as usize, &options, move |answer| done(explanation(answer)))
        })
    }

    /// Why it gets its score, with the `k` votes that weighed most, as JSON, of an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_embedding(
        &self,
        embedding: Float32ArraySlice<'_>,
        k: u32,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<String> {
        guarded(|| {
            explanation(self.router().explain(&*embedding, k as usize, &plain(on_error, timeout_ms, None)?))
        })
    }

    /// The embedding, of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn embed_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
    ) -> Result<Float32Array> {
        guarded(|| {
            self.router().embed(prompt.input(), &plain(on_error, timeout_ms, None)?).map(Float32Array::new)
        })
    }

    /// The embedding, of a prompt, without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn embed<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            self.router()
                .embed_async(prompt.input(), &options, move |answer| done(answer.map(Float32Array::new)))
        })
    }

    /// The win rates of many prompts into `out`.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rates_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        on_error: u32,
        timeout_ms: f64,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<()> {
        guarded(|| {
            let rates = self.router().win_rates(inputs(&prompts), &plain(on_error, timeout_ms, None)?)?;
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
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        promise(env, |done| {
            let options = plain(on_error, timeout_ms, cancel)?;
            self.router().win_rates_async(inputs(&prompts), &options, move |rates| {
                done(rates.map(Float64Array::new));
            })
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
        on_error: u32,
        timeout_ms: f64,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<()> {
        let length = out.len();
        guarded(|| {
            let dimension = (embeddings.len() / length.max(1)).max(1);
            let rows = embeddings.chunks(dimension);
            let rates = self.router().win_rates(rows, &plain(on_error, timeout_ms, None)?)?;
            numbers(&mut out, rates.len())?.copy_from_slice(&rates);
            Ok(())
        })
    }
}
