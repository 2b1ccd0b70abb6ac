//! Decisions.

use napi::Env;
use napi::bindgen_prelude::{Float32ArraySlice, Float64ArraySlice, Object};
use napi_derive::napi;

use crate::cancel::NativeCancel;
use crate::convert::{inputs, numbers};
use crate::decision::{Decided, FallbackReason, NUMBERS, fallbacks, options, write};
use crate::error::{Result, guarded};
use crate::promise::promise;
use crate::router::NativeRouter;
use crate::text::Text;

#[napi]
impl NativeRouter {
    /// Decides into `out`; returns why, if the decision is a fallback.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    #[allow(clippy::too_many_arguments, reason = "options come as numbers")]
    pub fn route_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        threshold: f64,
        strong_share: f64,
        on_error: u32,
        timeout_ms: f64,
        more: Option<String>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Option<FallbackReason>> {
        guarded(|| {
            let options = options(threshold, strong_share, on_error, timeout_ms, more.as_deref(), None)?;
            let decision = self.router().route(prompt.input(), &options)?;
            write(&decision, numbers(&mut out, NUMBERS)?);
            Ok(FallbackReason::of(0, &decision))
        })
    }

    /// Decides without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Decided>")]
    #[allow(clippy::too_many_arguments, reason = "options come as numbers")]
    pub fn route<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        threshold: f64,
        strong_share: f64,
        on_error: u32,
        timeout_ms: f64,
        more: Option<String>,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        promise(env, |done| {
            let options = options(threshold, strong_share, on_error, timeout_ms, more.as_deref(), cancel)?;
            self.router().route_async(prompt.input(), &options, move |decision| {
                done(decision.map(|decision| Decided::new(&[decision])));
            })
        })
    }

    /// Decides for an embedding into `out`, without copying it; returns why, if the decision is a fallback.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    #[allow(clippy::too_many_arguments, reason = "options come as numbers")]
    pub fn route_embedding_sync(
        &self,
        embedding: Float32ArraySlice<'_>,
        threshold: f64,
        strong_share: f64,
        on_error: u32,
        timeout_ms: f64,
        more: Option<String>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Option<FallbackReason>> {
        guarded(|| {
            let options = options(threshold, strong_share, on_error, timeout_ms, more.as_deref(), None)?;
            let decision = self.router().route(&*embedding, &options)?;
            write(&decision, numbers(&mut out, NUMBERS)?);
            Ok(FallbackReason::of(0, &decision))
        })
    }

    /// Decides for a copy of an embedding without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Decided>")]
    #[allow(clippy::too_many_arguments, reason = "options come as numbers")]
    pub fn route_embedding<'env>(
        &self,
        env: &'env Env,
        embedding: Float32ArraySlice<'_>,
        threshold: f64,
        strong_share: f64,
        on_error: u32,
        timeout_ms: f64,
        more: Option<String>,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        let embedding = embedding.to_vec();
        promise(env, |done| {
            let options = options(threshold, strong_share, on_error, timeout_ms, more.as_deref(), cancel)?;
            self.router().route_async(&embedding, &options, move |decision| {
                done(decision.map(|decision| Decided::new(&[decision])));
            })
        })
    }

    /// Decides for many prompts into `out`; returns why some decisions are fallbacks.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    #[allow(clippy::too_many_arguments, reason = "options come as numbers")]
    pub fn route_batch_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        threshold: f64,
        strong_share: f64,
        on_error: u32,
        timeout_ms: f64,
        more: Option<String>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Vec<FallbackReason>> {
        guarded(|| {
            let options = options(threshold, strong_share, on_error, timeout_ms, more.as_deref(), None)?;
            let decisions = self.router().route_batch(inputs(&prompts), &options)?;
            let numbers = numbers(&mut out, decisions.len() * NUMBERS)?;
            for (decision, out) in decisions.iter().zip(numbers.chunks_exact_mut(NUMBERS)) {
                write(decision, out);
            }
            Ok(fallbacks(&decisions))
        })
    }

    /// Decides for many prompts without waiting.
    ///
    /// # Errors
    /// None: what the core reports rejects the promise.
    #[napi(ts_return_type = "Promise<Decided>")]
    #[allow(clippy::too_many_arguments, reason = "options come as numbers")]
    pub fn route_batch<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        threshold: f64,
        strong_share: f64,
        on_error: u32,
        timeout_ms: f64,
        more: Option<String>,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        promise(env, |done| {
            let options = options(threshold, strong_share, on_error, timeout_ms, more.as_deref(), cancel)?;
            self.router().route_batch_async(inputs(&prompts), &options, move |decisions| {
                done(decisions.map(|decisions| Decided::new(&decisions)));
            })
        })
    }

    /// Whether this many prompts of this many bytes in all take so little time that they are decided on the event loop.
    #[napi]
    pub fn is_quick(&self, prompts: u32, bytes: f64) -> bool {
        self.router().is_quick_batch(prompts as usize, bytes as usize)
    }

    /// Whether an embedding takes so little time that it is decided on the event loop.
    #[napi]
    pub fn is_quick_for_embedding(&self) -> bool {
        self.router().is_quick_for_embedding()
    }
}
