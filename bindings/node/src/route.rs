//! Decisions.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Float32ArraySlice, Float64ArraySlice, Object};
use napi_derive::napi;
use routellm_core::{CancelToken, RouteOptions};

use crate::cancel::NativeCancel;
use crate::convert::{inputs, numbers, owned};
use crate::decision::{Decided, FallbackReason, NUMBERS, fallbacks, on_error, policy, write};
use crate::error::{Result, guarded};
use crate::promise::promise;
use crate::router::NativeRouter;
use crate::text::Text;

/// The core's options of what one call asks for, as numbers; see `decision` for those of policy and fallback.
/// `timeout_ms` is 0 if there is none; it counts from the core's call, which begins at once.
fn options(
    (kind, value): (u32, f64),
    wanted: u32,
    timeout_ms: f64,
    cancel: Option<CancelToken>,
) -> routellm_core::Result<RouteOptions> {
    // A time that no clock holds is as good as none.
    let timeout = (timeout_ms > 0.0)
        .then(|| Duration::try_from_secs_f64(timeout_ms / 1000.0).unwrap_or(Duration::MAX))
        .map(|timeout| timeout.max(Duration::from_nanos(1)));
    // JavaScript has read the chats.
    Ok(RouteOptions {
        policy: policy(kind, value)?,
        on_error: on_error(wanted)?,
        cancel,
        timeout,
        read: None,
    })
}

#[napi]
impl NativeRouter {
    /// Decides into `out`; returns why, if the decision is a fallback.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn route_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Option<FallbackReason>> {
        guarded(|| {
            let options = options((policy, value), on_error, timeout_ms, None)?;
            let decision = self.router().route_input(prompt.input(), &options)?;
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
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        promise(env, |done| {
            let options = options((policy, value), on_error, timeout_ms, cancel)?;
            let prompt = prompt.utf8().map(str::to_owned);
            self.router().route_async(prompt, &options, move |decision| {
                done(decision.map(|decision| Decided::new(&[decision])));
            })
        })
    }

    /// Decides for an embedding into `out`, without copying it; returns why, if the decision is a fallback.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn route_embedding_sync(
        &self,
        embedding: Float32ArraySlice<'_>,
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Option<FallbackReason>> {
        guarded(|| {
            let options = options((policy, value), on_error, timeout_ms, None)?;
            let decision = self.router().route_embedding(&embedding, &options)?;
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
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        let embedding = embedding.to_vec();
        promise(env, |done| {
            let options = options((policy, value), on_error, timeout_ms, cancel)?;
            self.router().route_embedding_async(embedding, &options, move |decision| {
                done(decision.map(|decision| Decided::new(&[decision])));
            })
        })
    }

    /// Decides for many prompts into `out`; returns why some decisions are fallbacks.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn route_batch_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Vec<FallbackReason>> {
        guarded(|| {
            let options = options((policy, value), on_error, timeout_ms, None)?;
            let decisions = self.router().route_inputs(&inputs(&prompts), &options)?;
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
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> napi::Result<Object<'env>> {
        let cancel = NativeCancel::token(cancel);
        promise(env, |done| {
            let options = options((policy, value), on_error, timeout_ms, cancel)?;
            self.router().route_batch_async(owned(&prompts), &options, move |decisions| {
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
