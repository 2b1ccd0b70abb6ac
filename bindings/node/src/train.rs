//! Trainings, on a thread of their own.

use std::ops::ControlFlow;

use napi::bindgen_prelude::{Function, Object};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use routellm_core::train::{TrainSpec, run};
use routellm_core::{Control, Json};

use crate::cancel::NativeCancel;
use crate::promise::{on_thread, promise};

/// How far a training has come.
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
/// a training that runs keeps the program alive.
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
    let token = NativeCancel::token(Some(cancel)).unwrap_or_default();
    let listener: Option<Listener> =
        progress.map(|callback| callback.build_threadsafe_function().build()).transpose()?;
    promise(env, move |done| {
        let spec = TrainSpec::from_json(spec.as_bytes())?;
        on_thread(done, move || {
            run(&spec, control(&token, listener))
                .and_then(|report| Json::of(&report))
                .map(|report| report.to_string())
        })
    })
}
