//! Decisions.

use std::time::{Duration, Instant};

use napi::bindgen_prelude::{AsyncTask, Float32ArraySlice, Float64ArraySlice};
use napi_derive::napi;
use routellm_core::{CancelToken, RouteOptions};

use crate::cancel::NativeCancel;
use crate::convert::{check, inputs, numbers};
use crate::decision::{Decided, FallbackReason, NUMBERS, fallbacks, on_error, policy, write};
use crate::error::{Result, guarded};
use crate::router::NativeRouter;
use crate::text::Text;
use crate::work::Work;

/// What one call asks for, as numbers; see `decision` for those of policy and fallback.
struct Call {
    policy: u32,
    value: f64,
    on_error: u32,
    timeout: Option<Duration>,
    start: Instant,
}

impl Call {
    /// `timeout_ms` is 0 if there is none.
    fn new(policy: u32, value: f64, on_error: u32, timeout_ms: f64) -> Self {
        // A time that no clock holds is as good as none.
        let timeout = (timeout_ms > 0.0)
            .then(|| Duration::try_from_secs_f64(timeout_ms / 1000.0).unwrap_or(Duration::MAX));
        Self { policy, value, on_error, timeout, start: Instant::now() }
    }

    /// The core's options. The time in libuv's queue is part of the call.
    fn options(&self, cancel: Option<CancelToken>) -> routellm_core::Result<RouteOptions> {
        let waited = self.start.elapsed();
        let left = |timeout: Duration| timeout.saturating_sub(waited).max(Duration::from_nanos(1));
        Ok(RouteOptions {
            policy: policy(self.policy, self.value)?,
            on_error: on_error(self.on_error)?,
            cancel,
            timeout: self.timeout.map(left),
            // JavaScript has read the chats.
            read: None,
        })
    }
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
            let options = Call::new(policy, value, on_error, timeout_ms).options(None)?;
            let decision = self.router().route_input(prompt.input(), &options)?;
            write(&decision, numbers(&mut out, NUMBERS)?);
            Ok(FallbackReason::of(0, &decision))
        })
    }

    /// Decides on a worker thread.
    #[napi(ts_return_type = "Promise<Decided>")]
    pub fn route(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Decided>> {
        let call = Call::new(policy, value, on_error, timeout_ms);
        let (router, cancel) = (self.router().clone(), NativeCancel::token(cancel));
        Work::queue(move || {
            check(cancel.as_ref())?;
            let options = call.options(cancel)?;
            Ok(Decided::new(&[router.route_input(prompt.input(), &options)?]))
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
            let options = Call::new(policy, value, on_error, timeout_ms).options(None)?;
            let decision = self.router().route_embedding(&embedding, &options)?;
            write(&decision, numbers(&mut out, NUMBERS)?);
            Ok(FallbackReason::of(0, &decision))
        })
    }

    /// Decides for a copy of an embedding on a worker thread.
    #[napi(ts_return_type = "Promise<Decided>")]
    pub fn route_embedding(
        &self,
        embedding: Float32ArraySlice<'_>,
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Decided>> {
        let call = Call::new(policy, value, on_error, timeout_ms);
        let (router, cancel) = (self.router().clone(), NativeCancel::token(cancel));
        let embedding = embedding.to_vec();
        Work::queue(move || {
            check(cancel.as_ref())?;
            let options = call.options(cancel)?;
            Ok(Decided::new(&[router.route_embedding(&embedding, &options)?]))
        })
    }

    /// Decides for many prompts into `out`, seven numbers each; returns why some decisions are fallbacks.
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
            let options = Call::new(policy, value, on_error, timeout_ms).options(None)?;
            let decisions = self.router().route_inputs(&inputs(&prompts), &options)?;
            let numbers = numbers(&mut out, decisions.len() * NUMBERS)?;
            for (decision, out) in decisions.iter().zip(numbers.chunks_exact_mut(NUMBERS)) {
                write(decision, out);
            }
            Ok(fallbacks(&decisions))
        })
    }

    /// Decides for many prompts on a worker thread.
    #[napi(ts_return_type = "Promise<Decided>")]
    pub fn route_batch(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        policy: u32,
        value: f64,
        on_error: u32,
        timeout_ms: f64,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Decided>> {
        let call = Call::new(policy, value, on_error, timeout_ms);
        let (router, cancel) = (self.router().clone(), NativeCancel::token(cancel));
        Work::queue(move || {
            let options = call.options(cancel)?;
            Ok(Decided::new(&router.route_inputs(&inputs(&prompts), &options)?))
        })
    }
}
