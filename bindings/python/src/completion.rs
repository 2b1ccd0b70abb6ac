//! From the threads of the library to Python: one thread of ours takes the interpreter's lock, so that no session
//! stands idle while another thread computes with it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use routellm_core::{Error, ErrorKind, PerProcess, Result};

use crate::error::to_python;
use crate::hooks::untold;

/// Makes the Python object of a result, and hands it over.
type Delivery = Box<dyn FnOnce(Python<'_>) + Send>;

/// Of each process its own: a forked child has no thread of its parent's.
static DELIVERIES: PerProcess<Mutex<Sender<Delivery>>> = PerProcess::new();

/// Whether the interpreter is about to end; held while its lock is asked for. A thread that asked later would be ended
/// by Python in the middle of our frames.
static ENDING: Mutex<bool> = Mutex::new(false);

/// A Python function that takes a result or an error: `done(value, None)` or `done(None, error)`.
pub(crate) struct Completion {
    done: Py<PyAny>,
}

impl Completion {
    /// # Errors
    /// `ResourceExhausted` if there is no thread to call it on.
    pub(crate) fn new(py: Python<'_>, done: Py<PyAny>) -> PyResult<Self> {
        DELIVERIES.get_or_try_init(start).map_err(|error| to_python(py, &error))?;
        Ok(Self { done })
    }

    /// Hands over what a call came to, as `convert` makes a Python object of it, and before it what a hook is to hear of
    /// it. From any thread, without waiting.
    pub(crate) fn tell<T: Send + 'static>(
        self,
        outcome: Result<T>,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        let told = untold();
        let delivery: Delivery = Box::new(move |py| {
            for told in told {
                told.tell(py);
            }
            let arguments =
                match outcome.map_err(|error| to_python(py, &error)).and_then(|value| convert(py, value)) {
                    Ok(value) => (value, py.None()),
                    Err(error) => (py.None(), error.into_value(py).into_any()),
                };
            // It fails if the event loop was closed: then nobody waits.
            let _ = self.done.call1(py, arguments);
        });
        let sent = DELIVERIES
            .get()
            .map(|sender| sender.lock().unwrap_or_else(PoisonError::into_inner).send(delivery));
        debug_assert!(matches!(sent, Some(Ok(()))), "the thread lives as long as the process");
    }
}

fn start() -> Result<Mutex<Sender<Delivery>>> {
    let (sender, deliveries) = channel();
    std::thread::Builder::new()
        .name("routellm-python".to_owned())
        .spawn(move || deliver(&deliveries))
        .map_err(|error| {
            Error::new(ErrorKind::ResourceExhausted, format!("no thread for results: {error}"))
                .with_source(error)
        })?;
    Ok(Mutex::new(sender))
}

fn deliver(deliveries: &Receiver<Delivery>) {
    while let Ok(first) = deliveries.recv() {
        let ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
        if *ending {
            // What is left holds Python objects, which nobody can free any more.
            std::mem::forget(first);
            continue;
        }
        let _ = Python::try_attach(|py| {
            first(py);
            // What came meanwhile costs the lock no second time.
            while let Ok(next) = deliveries.try_recv() {
                next(py);
            }
        });
        drop(ending);
    }
}

/// Hands nothing over from now on; waits for what is being handed over.
pub(crate) fn end(py: Python<'_>) {
    py.detach(|| *ENDING.lock().unwrap_or_else(PoisonError::into_inner) = true);
}
