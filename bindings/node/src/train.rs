//! Trainings and evaluations, on a thread of their own.

use std::ops::ControlFlow;

use napi::bindgen_prelude::{Function, Object};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use routellm_core::eval::run_training;
use routellm_core::eval::{self, EvalSpec};
use routellm_core::train::TrainSpec;
use routellm_core::{CancelToken, Control, Json, Result};

use crate::cancel::NativeCancel;
use crate::promise::{on_thread, promise};

/// How far a training or an evaluation has come.
#[napi(object, object_from_js = false)]
pub struct NativeProgress {
    /// What is being done.
    pub stage: String,
    /// Steps of this stage that are done.
    pub done: f64,
    /// Steps of this stage.
    pub total: f64,
    /// Loss of the step, where there is one.
    pub loss: Option<f64>,
    /// Steps of this stage a second; none at its first report.
    pub rate: Option<f64>,
}

/// Its first argument is the step: what it throws is the program's to catch. Unlike the listener of a hook it is not weak:
/// work that runs keeps the program alive.
pub(crate) type Listener = ThreadsafeFunction<NativeProgress, (), NativeProgress, Status, false>;

/// What tells a listener of the steps of long work.
pub(crate) fn control(token: &routellm_core::CancelToken, listener: Option<Listener>) -> Control<'static> {
    let control = Control::new().cancel(token);
    let Some(listener) = listener else { return control };
    control.progress(move |step| {
        let step = NativeProgress {
            stage: step.stage.to_owned(),
            done: step.done as f64,
            total: step.total as f64,
            loss: step.loss,
            rate: step.rate,
        };
        // It fails only while the environment is going away.
        listener.call(step, ThreadsafeFunctionCallMode::NonBlocking);
        ControlFlow::Continue(())
    })
}

/// Trains as a specification says, JSON; the promise is of the report, JSON too.
///
/// # Errors
/// Those of Node.
#[napi(
    ts_args_type = "spec: string, cancel: NativeCancel, progress: ((step: NativeProgress) => void) | null",
    ts_return_type = "Promise<string>"
)]
pub fn train<'env>(
    env: &'env Env,
    spec: String,
    cancel: &NativeCancel,
    progress: Option<Function<'_, NativeProgress, ()>>,
) -> napi::Result<Object<'env>> {
    watched(env, cancel, progress, TrainSpec::from_json(spec.as_bytes()), |spec, control| {
        Json::of(&run_training(spec, control)?)
    })
}

/// Evaluates as a specification says, JSON; the promise is of the report, JSON too.
///
/// # Errors
/// Those of Node.
#[napi(
    ts_args_type = "spec: string, cancel: NativeCancel, progress: ((step: NativeProgress) => void) | null",
    ts_return_type = "Promise<string>"
)]
pub fn evaluate<'env>(
    env: &'env Env,
    spec: String,
    cancel: &NativeCancel,
    progress: Option<Function<'_, NativeProgress, ()>>,
) -> napi::Result<Object<'env>> {
    watched(env, cancel, progress, EvalSpec::from_json(spec.as_bytes()), |spec, control| {
        Json::of(&eval::run(spec, control)?)
    })
}

/// Work on a specification, on a thread of its own; the promise is of its report, JSON.
fn watched<'env, S: Send + 'static>(
    env: &'env Env,
    cancel: &NativeCancel,
    progress: Option<Function<'_, NativeProgress, ()>>,
    spec: Result<S>,
    work: fn(&S, Control<'_>) -> Result<Json>,
) -> napi::Result<Object<'env>> {
    let token: CancelToken = NativeCancel::token(Some(cancel)).unwrap_or_default();
    let listener: Option<Listener> =
        progress.map(|callback| callback.build_threadsafe_function().build()).transpose()?;
    promise(env, move |done| {
        let spec = spec?;
        on_thread(done, move || work(&spec, control(&token, listener)).map(|report| report.to_string()))
    })
}
