//! Jobs that make labels: what is to be sent goes out to Python, and what came back comes in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use routellm_core::augment::{JobRun, JobSpec, Reply, Step};
use routellm_core::{Error, ErrorKind, Result};

use crate::call::json;
use crate::guard;

/// A request that is to be sent: its attempt, the model, and the body.
type Sent = (u64, String, String);

/// What came back: its status, what `Retry-After` asks for in milliseconds, its body or why there is none, and whether it was
/// sent.
type Arrived = (Option<u16>, Option<u64>, String, bool);

/// A job, and its journal on the disk.
#[pyclass(frozen, module = "routellm_rs._native")]
pub(crate) struct Job {
    run: Mutex<JobRun>,
}

impl Job {
    fn run(&self) -> MutexGuard<'_, JobRun> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Job {
    /// The job of a specification, JSON.
    #[new]
    fn new(py: Python<'_>, spec: &str) -> PyResult<Self> {
        let run = guard::detached(py, || JobRun::open(JobSpec::from_json(spec.as_bytes())?))?;
        Ok(Self { run: Mutex::new(run) })
    }

    /// What to do at this time in milliseconds: a request to send, or else for how long to wait, None for until a reply
    /// comes; and whether all is done.
    fn next(&self, py: Python<'_>, now_ms: u64) -> PyResult<(Option<Sent>, Option<u64>, bool)> {
        guard::detached(py, || {
            let mut run = self.run();
            match run.next(now_ms)? {
                Step::Send(out) => {
                    let model = run.job().model(out.endpoint).unwrap_or_default().to_owned();
                    Ok((Some((out.attempt, model, out.body)), None, false))
                }
                Step::Wait(wait) => Ok((None, wait, false)),
                Step::Finished => Ok((None, None, true)),
                _ => Err(Error::new(ErrorKind::Internal, "a step that is not known")),
            }
        })
    }

    /// Hands over an answer with its status, or without one why there is none; `sent` tells whether it may be on the bill.
    fn receive(&self, py: Python<'_>, attempt: u64, now_ms: u64, reply: Arrived) -> PyResult<Option<String>> {
        let (status, retry_after_ms, body, sent) = reply;
        guard::detached(py, || {
            let reply = match status {
                Some(status) => Reply::http(status, retry_after_ms, body),
                None if sent => Reply::Lost(body),
                None => Reply::NotSent(body),
            };
            Ok(self.run().receive(attempt, &reply, now_ms)?.failed)
        })
    }

    /// Sends nothing more.
    fn stop(&self) {
        self.run().stop();
    }

    /// What it will cost, JSON.
    fn estimate(&self, py: Python<'_>) -> PyResult<String> {
        guard::in_place(py, || json(self.run().job().estimate()))
    }

    /// What is being done, how much of it, and of how much.
    fn progress(&self) -> (&'static str, usize, usize) {
        let run = self.run();
        let (all, done) = run.job().requests().progress();
        (run.job().stage(), done, all)
    }

    /// The answers that are to be graded, JSON.
    fn to_grade(&self, py: Python<'_>) -> PyResult<String> {
        guard::detached(py, || Ok(self.run().to_grade()?.to_string()))
    }

    /// What has become of it, JSON.
    #[pyo3(signature = (grades=None))]
    fn result(&self, py: Python<'_>, grades: Option<&str>) -> PyResult<String> {
        guard::detached(py, || -> Result<String> {
            Ok(self.run().result(grades.map(str::as_bytes))?.to_string())
        })
    }
}
