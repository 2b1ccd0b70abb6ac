//! A session of each model of a router, and how they run.

use std::borrow::Cow;
use std::sync::Arc;

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session};

use super::tensor::{Input, Outputs, TensorSpec, inference};
use crate::cancel::CancelToken;
use crate::jobs::Slot;
use crate::process::{self, Running};
use crate::{Error, Result};

/// Runs of at least this many tokens give the arena's memory back afterwards: one batch of
/// 16 x 512 tokens would otherwise keep 470 MB for good.
const BIG_RUN: usize = 1024;

/// A session of each model of a router: what is in the slots of one.
#[derive(Default)]
pub(super) struct Sessions(Vec<OpenSession>);

/// One session and what is known about its model.
pub(super) struct OpenSession {
    pub(super) session: Session,
    pub(super) inputs: Arc<[TensorSpec]>,
    pub(super) on_gpu: bool,
}

impl Sessions {
    pub(super) fn add(&mut self, session: OpenSession) {
        self.0.push(session);
    }
}

impl Slot {
    /// Runs the model number `model` and hands the outputs named in `wanted` to `consume`.
    ///
    /// # Errors
    /// `Cancelled`, `ResourceExhausted` at a deadline, `Inference`; and what `consume` returns.
    pub(crate) fn run<T>(
        &mut self,
        model: usize,
        inputs: &[(&str, Input<'_>)],
        wanted: &[&str],
        stop: Option<&CancelToken>,
        consume: impl FnOnce(Outputs<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        process::check_alive()?;
        stop.map_or(Ok(()), CancelToken::check)?;
        let session = self.resource::<Sessions>().and_then(|sessions| sessions.0.get_mut(model));
        let OpenSession { session, inputs: specs, on_gpu } = session.ok_or_else(|| {
            Error::new(crate::ErrorKind::Internal, "a model was run where there is no session of it")
        })?;
        let values = inputs
            .iter()
            .map(|(name, input)| {
                let spec = specs
                    .iter()
                    .find(|spec| spec.name == *name)
                    .ok_or_else(|| Error::invalid_model(format!("the model has no input {name:?}")))?;
                Ok((Cow::Borrowed(*name), input.to_session(spec)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let big = inputs
            .iter()
            .any(|(_, input)| matches!(input, Input::Integers(data, _) if data.len() >= BIG_RUN));
        let options = run_options(wanted, big, *on_gpu)?;
        let Some(token) = stop else {
            let mut outputs =
                session.run_with_options(values, &options).map_err(|error| inference(&error))?;
            return consume(Outputs { values: &mut outputs });
        };
        let options = Arc::new(StoppableRun(options));
        let stopped = Arc::clone(&options);
        let guard = token.on_stop(move || stopped.terminate())?;
        let run = session.run_with_options(values, &options.0).map_err(|error| inference(&error));
        drop(guard);
        // A run that was stopped reports a failure of inference; what the caller did comes first.
        token.check()?;
        consume(Outputs { values: &mut run? })
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            let _running = Running::new();
            self.0.clear();
        }
    }
}

fn run_options(wanted: &[&str], big: bool, on_gpu: bool) -> Result<RunOptions<HasSelectedOutputs>> {
    let mut options = RunOptions::new().map_err(|error| inference(&error))?;
    if big {
        let arenas = if on_gpu { "cpu:0;gpu:0" } else { "cpu:0" };
        options.set("memory.enable_memory_arena_shrinkage", arenas).map_err(|error| inference(&error))?;
    }
    let outputs = wanted.iter().fold(OutputSelector::no_default(), |outputs, name| outputs.with(*name));
    Ok(options.with_outputs(outputs))
}

/// Options of a run that other threads may only stop.
struct StoppableRun(RunOptions<HasSelectedOutputs>);

#[allow(unsafe_code, reason = "ort withholds Sync because of outputs that are allocated beforehand")]
// SAFETY: no output is allocated beforehand here; other threads only set the flag that ends the run, which the
// C API allows from any thread.
unsafe impl Sync for StoppableRun {}

impl StoppableRun {
    fn terminate(&self) {
        // It can only fail without a runtime, and then nothing runs.
        let _ = self.0.terminate();
    }
}
