//! Running a training so that Python hears of it and can stop it.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBool;
use routellm_core::{CancelToken, Control, Error, ErrorKind, Result};

use crate::cancel::SIGNAL_INTERVAL;
use crate::error::to_python;
use crate::guard;

/// A report of progress on its way to Python.
struct Step {
    stage: String,
    done: usize,
    total: usize,
}

/// Runs `work` on a thread of its own, with the GIL released, for at most `timeout`. The thread of the caller meanwhile
/// calls `progress` with (stage, done, total), which stops the work by returning False or by raising, and looks for
/// signals: a handler that raises (Ctrl-C) stops it too, even inside a long call of a model.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    timeout: Option<Duration>,
    work: impl FnOnce(Control<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let token = CancelToken::new();
    let (result, raised) = py.detach(|| {
        let (steps, told) = channel();
        let (answers, answered) = channel();
        let watched = progress.is_some();
        let mut raised = None;
        let result = thread::scope(|scope| {
            let control = token.clone();
            let worker =
                thread::Builder::new().name("routellm-train".to_owned()).spawn_scoped(scope, move || {
                    // The end of the steps is the end of the work.
                    let steps = steps;
                    guard::caught(|| {
                        work(control_of(&control, timeout, watched.then_some((&steps, &answered))))
                    })
                });
            let worker = worker.map_err(|error| {
                Error::new(ErrorKind::ResourceExhausted, format!("no thread to train on: {error}"))
            })?;
            raised = attend(progress, &token, &told, &answers);
            worker.join().unwrap_or_else(|panic| Err(guard::internal(panic.as_ref())))
        });
        (result, raised)
    });
    match raised {
        Some(error) => Err(error),
        None => result.map_err(|error| to_python(py, &error)),
    }
}

fn control_of<'a>(
    token: &CancelToken,
    timeout: Option<Duration>,
    watcher: Option<(&'a Sender<Step>, &'a Receiver<bool>)>,
) -> Control<'a> {
    let mut control = Control::new().cancel(token);
    if let Some(timeout) = timeout {
        control = control.timeout(timeout);
    }
    let Some((steps, answered)) = watcher else { return control };
    control.progress(move |step| {
        let step = Step { stage: step.stage.to_owned(), done: step.done, total: step.total };
        match steps.send(step).map(|()| answered.recv()) {
            Ok(Ok(true)) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    })
}

/// Answers the steps until there are no more, and returns what stopped them.
fn attend(
    progress: Option<&Py<PyAny>>,
    token: &CancelToken,
    told: &Receiver<Step>,
    answers: &Sender<bool>,
) -> Option<PyErr> {
    let mut raised = None;
    loop {
        let step = match told.recv_timeout(SIGNAL_INTERVAL) {
            Ok(step) => Some(step),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return raised,
        };
        let go_on = raised.is_none()
            && match Python::attach(|py| ask(py, progress, step.as_ref())) {
                Ok(go_on) => go_on,
                Err(error) => {
                    token.cancel();
                    raised = Some(error);
                    false
                }
            };
        if step.is_some() {
            // Nobody waits for it only if the work has ended.
            let _ = answers.send(go_on);
        }
    }
}

/// Whether the work may go on: signals have no objection, nor has `progress` to a step.
fn ask(py: Python<'_>, progress: Option<&Py<PyAny>>, step: Option<&Step>) -> PyResult<bool> {
    py.check_signals()?;
    let (Some(progress), Some(Step { stage, done, total })) = (progress, step) else { return Ok(true) };
    let answer = progress.bind(py).call1((stage.as_str(), *done, *total))?;
    Ok(!answer.is(&*PyBool::new(py, false)))
}
