//! Cancelling: a token for Python, and calls that Ctrl-C can interrupt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pyo3::prelude::*;
use routellm_core::{CancelToken as Token, Result};

use crate::error::to_python;
use crate::guard;

/// Cancels the calls that were given it, from any thread.
#[pyclass(frozen, module = "routellm_rs._native")]
pub(crate) struct CancelToken {
    pub(crate) token: Token,
}

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self { token: Token::new() }
    }

    /// Cancels every call that was given this token, now and from now on.
    fn cancel(&self, py: Python<'_>) {
        py.detach(|| self.token.cancel());
    }

    /// Whether `cancel` was called.
    #[getter]
    fn cancelled(&self) -> bool {
        self.token.is_cancelled()
    }
}

/// How often a long call looks for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs long `work` with the GIL released, in a thread of its own so that this one can look for signals: a
/// handler that raises (Ctrl-C) cancels `token`, and its exception comes out.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    token: &Token,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    let (result, interrupt) = py.detach(|| {
        std::thread::scope(|scope| {
            let (done, finished) = channel::<()>();
            let worker = scope.spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(work));
                drop(done);
                result.unwrap_or_else(|panic| Err(guard::internal(panic.as_ref())))
            });
            let mut interrupt = None;
            while interrupt.is_none()
                && finished.recv_timeout(SIGNAL_INTERVAL) == Err(RecvTimeoutError::Timeout)
            {
                #[allow(
                    clippy::redundant_closure_for_method_calls,
                    reason = "the method is for one lifetime only"
                )]
                let signals = Python::attach(|py| py.check_signals());
                if let Err(raised) = signals {
                    token.cancel();
                    interrupt = Some(raised);
                }
            }
            (worker.join().unwrap_or_else(|panic| Err(guard::internal(panic.as_ref()))), interrupt)
        })
    });
    match interrupt {
        Some(raised) => Err(raised),
        None => result.map_err(|error| to_python(py, &error)),
    }
}
