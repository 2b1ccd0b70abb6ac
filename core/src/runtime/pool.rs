//! A pool of equal sessions: `Session::run` needs exclusive access, and two single-threaded sessions serve
//! two callers faster than one locked session with two threads.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::TensorRef;

use super::env;
use super::fork::Generation;
use crate::cancel::CancelToken;
use crate::{Error, ErrorKind, Result};

/// How sessions are opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Path of `libonnxruntime`, or `None` to look for it.
    pub library: Option<PathBuf>,
    /// Number of sessions, each with its own threads and working memory; 1 if `None`.
    pub sessions: Option<usize>,
    /// Threads inside one session; the smaller of the number of cores and 4 if `None`.
    pub intra_threads: Option<usize>,
}

/// Largest number of sessions or threads that is accepted: more is a typing mistake.
const MAX_THREADS: usize = 256;

impl SessionOptions {
    /// # Errors
    /// `InvalidArgument` if a number is 0 or absurd.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("sessions", self.sessions), ("intra_threads", self.intra_threads)] {
            if let Some(value) = value
                && !(1..=MAX_THREADS).contains(&value)
            {
                return Err(Error::invalid_argument(format!(
                    "{name} is {value}, expected 1 to {MAX_THREADS}"
                )));
            }
        }
        Ok(())
    }

    /// Whether every option is at its default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Equal sessions of one model, and the names of its inputs and outputs.
pub struct SessionPool {
    idle: Mutex<Vec<Session>>,
    returned: Condvar,
    size: usize,
    intra_threads: usize,
    generation: Generation,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl std::fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionPool")
            .field("size", &self.size)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

impl SessionPool {
    /// Opens the model at `path`.
    ///
    /// # Errors
    /// `RuntimeUnavailable` without ONNX Runtime, `InvalidModel` if the file is no model that it can run.
    pub fn open(path: &Path, options: &SessionOptions) -> Result<Self> {
        options.check()?;
        let runtime = env::runtime(options.library.as_deref())?;
        let generation = Generation::now();
        let size = options.sessions.unwrap_or(1);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let intra_threads = options.intra_threads.unwrap_or(cores.min(4));
        let open = || -> Result<Session> {
            let model = |error: &dyn std::fmt::Display| {
                Error::invalid_model(format!("{}: ONNX Runtime cannot open it: {error}", path.display()))
            };
            Session::builder(&runtime.environment)
                .map_err(|e| model(&e))?
                .with_optimization_level(GraphOptimizationLevel::All)
                .map_err(|e| model(&e))?
                .with_intra_threads(intra_threads)
                .map_err(|e| model(&e))?
                .with_intra_op_spinning(false)
                .map_err(|e| model(&e))?
                .commit_from_file(path)
                .map_err(|e| model(&e))
        };
        let sessions = (0..size).map(|_| open()).collect::<Result<Vec<_>>>()?;
        let names = |outlets: &[ort::value::Outlet]| outlets.iter().map(|o| o.name().to_owned()).collect();
        Ok(Self {
            inputs: names(sessions[0].inputs()),
            outputs: names(sessions[0].outputs()),
            idle: Mutex::new(sessions),
            returned: Condvar::new(),
            size,
            intra_threads,
            generation,
        })
    }

    /// Names of the model's inputs.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Names of the model's outputs.
    pub fn outputs(&self) -> &[String] {
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

    /// Runs the model on integer inputs of one shape and hands the first output, a float tensor, with its
    /// shape to `consume`. Waits for an idle session.
    ///
    /// # Errors
    /// `Cancelled`, `Inference`, `Unsupported` in a forked child; and what `consume` returns.
    pub fn run<T>(
        &self,
        inputs: &[(&str, &[i64])],
        shape: [usize; 2],
        cancel: Option<&CancelToken>,
        consume: impl FnOnce(&[i64], &[f32]) -> Result<T>,
    ) -> Result<T> {
        self.generation.check()?;
        let inference =
            |error: ort::Error| Error::new(ErrorKind::Inference, format!("ONNX Runtime failed: {error}"));
        let values = inputs
            .iter()
            .map(|(name, data)| {
                let tensor = TensorRef::from_array_view((shape, *data)).map_err(inference)?;
                Ok((Cow::Borrowed(*name), SessionInputValue::from(tensor)))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut session = self.lend(cancel)?;
        let result = match cancel {
            None => {
                session.get().run(values).map_err(inference).and_then(|outputs| extract(&outputs, consume))
            }
            Some(token) => {
                let options = Arc::new(RunOptions::new().map_err(inference)?);
                let stop = Arc::clone(&options);
                let _guard = token.on_cancel(move || {
                    // It can only fail without a runtime, and then nothing runs.
                    let _ = stop.terminate();
                });
                let run = session.get().run_with_options(values, &options).map_err(inference);
                // A run that was stopped reports a failure of inference; what the caller did comes first.
                token.check()?;
                run.and_then(|outputs| extract(&outputs, consume))
            }
        };
        drop(session);
        result
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
            idle = if cancel.is_none() {
                self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner)
            } else {
                let step = std::time::Duration::from_millis(5);
                self.returned.wait_timeout(idle, step).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

fn extract<T>(
    outputs: &ort::session::SessionOutputs<'_>,
    consume: impl FnOnce(&[i64], &[f32]) -> Result<T>,
) -> Result<T> {
    let (shape, data) = outputs[0].try_extract_tensor::<f32>().map_err(|error| {
        Error::invalid_model(format!("the model's first output is not a float tensor: {error}"))
    })?;
    consume(shape, data)
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
