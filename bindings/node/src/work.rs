//! Calls on libuv's worker threads.

use napi::bindgen_prelude::{AsyncTask, Float32Array, Float64Array, JsValue, ToNapiValue, TypeName};
use napi::{Env, JsError, Task};
use routellm_core::Result;

use crate::decision::Decided;
use crate::error::to_js;
use crate::guard::guard;
use crate::router::NativeRouter;

type Job<T> = Box<dyn FnOnce() -> Result<T> + Send>;

/// One call: it computes on a worker thread and settles its promise on the thread of JavaScript.
pub struct Work<T> {
    job: Option<Job<T>>,
}

impl<T: Arrival> Work<T> {
    /// Queues `job`; its errors, panics included, reject the promise.
    pub(crate) fn queue(job: impl FnOnce() -> Result<T> + Send + 'static) -> AsyncTask<Self> {
        AsyncTask::new(Self { job: Some(Box::new(job)) })
    }
}

/// What a call can come to.
pub trait Arrival: ToNapiValue + TypeName + Send + 'static {
    /// Runs on the thread of JavaScript, just before the promise is resolved.
    fn arrive(&self, _env: Env) {}
}

impl Arrival for f64 {}
impl Arrival for String {}
impl Arrival for Float32Array {}
impl Arrival for Float64Array {}
impl Arrival for Decided {}
impl Arrival for NativeRouter {
    fn arrive(&self, env: Env) {
        self.report_memory(env);
    }
}

impl<T: Arrival> Task for Work<T> {
    type Output = Result<T>;
    type JsValue = T;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        // An `Err` of napi has no room for our kinds, so the whole result is the output.
        let job = self.job.take();
        Ok(guard(move || job.map_or_else(|| unreachable!("a task is computed once"), |job| job())))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        match output {
            Ok(value) => {
                value.arrive(env);
                Ok(value)
            }
            Err(error) => Err(napi::Error::from_unknown_without_coercion(
                JsError::from(to_js(&error)).into_unknown(env).to_unknown(),
            )),
        }
    }
}
