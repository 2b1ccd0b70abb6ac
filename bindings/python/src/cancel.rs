//! Cancelling: a token for Python, and calls that Ctrl-C can interrupt.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use pyo3::prelude::*;
use routellm_core::{CancelToken as Token, Error, ErrorKind, Result};

use crate::error::to_python;
use crate::hooks::{from_python, untold};

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
pub(crate) const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Waits, with the GIL released, for what `begin` starts on a thread of the library, and looks for signals meanwhile: a
/// handler that raises (Ctrl-C) cancels `token`, and its exception comes out.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    token: &Token,
    begin: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>) -> Result<()> + Send,
) -> PyResult<T> {
    let (result, told, interrupt) = py.detach(|| {
        let (sender, receiver) = sync_channel(1);
        let done = Box::new(move |outcome| {
            // It fails only if this thread has stopped to wait, which it does not.
            let _ = sender.send((outcome, untold()));
        });
        if let Err(error) = from_python(|| begin(done)) {
            return (Err(error), Vec::new(), None);
        }
        let mut interrupt = None;
        loop {
            match receiver.recv_timeout(SIGNAL_INTERVAL) {
                Ok((result, told)) => return (result, told, interrupt),
                Err(RecvTimeoutError::Disconnected) => {
                    let lost = Error::new(ErrorKind::Internal, "a call ended without a result");
                    return (Err(lost), Vec::new(), interrupt);
                }
                Err(RecvTimeoutError::Timeout) if interrupt.is_none() => {
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
                // Cancelled: the end is near.
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    });
    for told in told {
        told.tell(py);
    }
    match interrupt {
        Some(raised) => Err(raised),
        None => result.map_err(|error| to_python(py, &error)),
    }
}
