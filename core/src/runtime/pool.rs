//! A pool of equal sessions: `Session::run` needs exclusive access, and two single-threaded sessions serve
//! two callers faster than one locked session with two threads.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use ort::session::{
    HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue, SessionOutputs,
};

use super::env;
use super::fork::Generation;
use super::graph::Graph;
use super::options::SessionOptions;
use super::session;
use super::tensor::{Input, Outputs, TensorSpec, inference};
use crate::cancel::CancelToken;
use crate::{Error, Result};

/// Runs of at least this many tokens give the arena's memory back afterwards: one batch of
/// 16 x 512 tokens would otherwise keep 470 MB for good.
const BIG_RUN: usize = 1024;

/// How long a queued call with a token sleeps before it looks at the token again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Equal sessions of one model, and its inputs and outputs.
pub struct SessionPool {
    idle: Mutex<Vec<Session>>,
    returned: Condvar,
    size: usize,
    intra_threads: usize,
    provider: &'static str,
    generation: Generation,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    dynamically_quantized: bool,
}

impl std::fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionPool")
            .field("size", &self.size)
            .field("provider", &self.provider)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

impl SessionPool {
    /// Opens the model at `path`.
    ///
    /// # Errors
    /// `RuntimeUnavailable` without ONNX Runtime or the provider that was asked for; `InvalidModel` if the file is no
    /// model that it can run, or names weights outside its folder.
    pub fn open(path: &Path, options: &SessionOptions) -> Result<Self> {
        options.check()?;
        let graph = Graph::read(path)?;
        graph.check_external_files(path)?;
        let runtime = env::runtime(options.library.as_deref())?;
        let generation = Generation::now();
        let (size, intra_threads) = options.counts();
        let mut sessions = Vec::with_capacity(size);
        let mut provider = "cpu";
        for _ in 0..size {
            let (session, used) = session::open(runtime, path, options, intra_threads)?;
            provider = used;
            sessions.push(session);
        }
        let specs = |outlets: &[ort::value::Outlet]| outlets.iter().map(TensorSpec::of).collect();
        Ok(Self {
            inputs: specs(sessions[0].inputs()),
            outputs: specs(sessions[0].outputs()),
            idle: Mutex::new(sessions),
            returned: Condvar::new(),
            size,
            intra_threads,
            provider,
            generation,
            dynamically_quantized: graph.dynamically_quantized(),
        })
    }

    /// The model's inputs.
    pub fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    /// The model's outputs.
    pub fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    /// Number of sessions.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Threads inside each session.
    pub fn intra_threads(&self) -> usize {
        self.intra_threads
    }

    /// The provider in use, `cpu` or `cuda`.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// Whether activations are quantised by the range that they have in a run: then a row's result depends on the
    /// other rows of its batch.
    pub fn dynamically_quantized(&self) -> bool {
        self.dynamically_quantized
    }

    /// Runs the model and hands the outputs named in `wanted` to `consume`. Waits for an idle session.
    ///
    /// # Errors
    /// `Cancelled`, `ResourceExhausted` at a deadline, `Inference`, `Unsupported` in a forked child; and what
    /// `consume` returns.
    pub fn run<T>(
        &self,
        inputs: &[(&str, Input<'_>)],
        wanted: &[&str],
        cancel: Option<&CancelToken>,
        consume: impl FnOnce(Outputs<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        self.generation.check()?;
        let values = inputs
            .iter()
            .map(|(name, input)| {
                let spec = self
                    .inputs
                    .iter()
                    .find(|spec| spec.name == *name)
                    .ok_or_else(|| Error::invalid_model(format!("the model has no input {name:?}")))?;
                Ok((Cow::Borrowed(*name), input.to_session(spec)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let big = inputs
            .iter()
            .any(|(_, input)| matches!(input, Input::Integers(data, _) if data.len() >= BIG_RUN));
        let options = self.run_options(wanted, big)?;
        let mut session = self.lend(cancel)?;
        let Some(token) = cancel else {
            let mut outputs = session.get().run_with_options(values, &options).map_err(|e| inference(&e))?;
            return consume(Outputs { values: &mut outputs });
        };
        let options = Arc::new(StoppableRun(options));
        let run = run_watched(session.get(), values, &options, token);
        // A run that was stopped reports a failure of inference; what the caller did comes first.
        token.check()?;
        consume(Outputs { values: &mut run? })
    }

    fn run_options(&self, wanted: &[&str], big: bool) -> Result<RunOptions<HasSelectedOutputs>> {
        let mut options = RunOptions::new().map_err(|error| inference(&error))?;
        if big {
            let arenas = if self.provider == "cuda" { "cpu:0;gpu:0" } else { "cpu:0" };
            options.set("memory.enable_memory_arena_shrinkage", arenas).map_err(|error| inference(&error))?;
        }
        let outputs = wanted.iter().fold(OutputSelector::no_default(), |outputs, name| outputs.with(*name));
        Ok(options.with_outputs(outputs))
    }

    fn lend(&self, cancel: Option<&CancelToken>) -> Result<Lent<'_>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(token) = cancel {
                token.check()?;
            }
            if let Some(session) = idle.pop() {
                return Ok(Lent { pool: self, session: Some(session) });
            }
            // With a token the wait is cut into pieces, so that a queued call notices its cancellation.
            idle = match cancel {
                None => self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
                Some(token) => {
                    let step = token.remaining().map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN));
                    self.returned.wait_timeout(idle, step).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Runs a session that a token or its deadline can stop.
fn run_watched<'s>(
    session: &'s mut Session,
    values: Vec<(Cow<'_, str>, SessionInputValue<'_>)>,
    options: &'s Arc<StoppableRun>,
    token: &CancelToken,
) -> Result<SessionOutputs<'s>> {
    let stop = Arc::clone(options);
    let _guard = token.on_cancel(move || stop.terminate());
    let Some(remaining) = token.remaining() else {
        return session.run_with_options(values, &options.0).map_err(|error| inference(&error));
    };
    // One thread for this one run: it needs no state that a fork would have to repair.
    std::thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        let watched = Arc::clone(options);
        scope.spawn(move || {
            if wait.recv_timeout(remaining) == Err(mpsc::RecvTimeoutError::Timeout) {
                watched.terminate();
            }
        });
        let outcome = session.run_with_options(values, &options.0).map_err(|error| inference(&error));
        drop(done);
        outcome
    })
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

/// A session that goes back to its pool when dropped, also by a panic.
struct Lent<'a> {
    pool: &'a SessionPool,
    session: Option<Session>,
}

impl Lent<'_> {
    fn get(&mut self) -> &mut Session {
        self.session.as_mut().expect("a lent session is there until the drop")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
            self.pool.returned.notify_one();
        }
    }
}
