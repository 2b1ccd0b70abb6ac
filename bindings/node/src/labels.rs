//! Jobs that make labels: what is to be sent goes out to JavaScript, and what came back comes in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use napi_derive::napi;
use routellm_core::augment::{JobRun, JobSpec, Reply, Step};
use routellm_core::{Error, ErrorKind};

use crate::convert::json;
use crate::error::{Result, guarded};

/// What to do next with a job.
#[napi(object, object_from_js = false)]
pub struct NativeStep {
    /// Whether all is done.
    pub finished: bool,
    /// For how many milliseconds to wait at most; until a reply comes without it.
    pub wait_ms: Option<f64>,
    /// The attempt that is to be sent, if there is one.
    pub attempt: Option<f64>,
    /// The model that it goes to.
    pub model: Option<String>,
    /// Its body, JSON.
    pub body: Option<String>,
}

/// How far a job has come.
#[napi(object, object_from_js = false)]
pub struct NativeJobProgress {
    /// What is being done.
    pub stage: String,
    /// Requests that have their outcome.
    pub done: f64,
    /// Requests.
    pub total: f64,
}

/// A job, and its journal on the disk.
#[napi]
pub struct NativeJob {
    run: Mutex<JobRun>,
}

impl NativeJob {
    fn run(&self) -> MutexGuard<'_, JobRun> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The job of a specification, JSON.
///
/// # Errors
/// What the core reports.
#[napi]
pub fn open_job(spec: String) -> Result<NativeJob> {
    guarded(|| {
        let run = JobRun::open(JobSpec::from_json(spec.as_bytes())?)?;
        Ok(NativeJob { run: Mutex::new(run) })
    })
}

#[napi]
impl NativeJob {
    /// What to do at this time in milliseconds.
    ///
    /// # Errors
    /// None but a defect.
    #[napi]
    pub fn next(&self, now_ms: f64) -> Result<NativeStep> {
        guarded(|| {
            let mut run = self.run();
            let nothing =
                NativeStep { finished: false, wait_ms: None, attempt: None, model: None, body: None };
            match run.next(now_ms as u64)? {
                Step::Send(out) => {
                    let model = run.job().model(out.endpoint).unwrap_or_default().to_owned();
                    Ok(NativeStep {
                        attempt: Some(out.attempt as f64),
                        model: Some(model),
                        body: Some(out.body),
                        ..nothing
                    })
                }
                Step::Wait(wait) => Ok(NativeStep { wait_ms: wait.map(|wait| wait as f64), ..nothing }),
                Step::Finished => Ok(NativeStep { finished: true, ..nothing }),
                _ => Err(Error::new(ErrorKind::Internal, "a step that is not known")),
            }
        })
    }

    /// Hands over an answer with its status, or without one why there is none; `sent` tells whether it may be on the bill.
    ///
    /// # Errors
    /// None but a defect.
    #[napi]
    pub fn receive(
        &self,
        attempt: f64,
        now_ms: f64,
        status: Option<u32>,
        retry_after_ms: Option<f64>,
        body: String,
        sent: bool,
    ) -> Result<()> {
        guarded(|| {
            let status = status.map(|status| u16::try_from(status).unwrap_or(u16::MAX));
            let reply = match status {
                Some(status) => Reply::http(status, retry_after_ms.map(|wait| wait as u64), body),
                None if sent => Reply::Lost(body),
                None => Reply::NotSent(body),
            };
            self.run().receive(attempt as u64, &reply, now_ms as u64)?;
            Ok(())
        })
    }

    /// Sends nothing more.
    #[napi]
    pub fn stop(&self) {
        self.run().stop();
    }

    /// Lets go of the journal.
    #[napi]
    pub fn close(&self) {
        self.run().close();
    }

    /// What it will cost, JSON.
    ///
    /// # Errors
    /// None but a defect.
    #[napi]
    pub fn estimate(&self) -> Result<String> {
        guarded(|| json(serde_json::to_string(self.run().job().estimate())))
    }

    /// How far it has come.
    #[napi]
    pub fn progress(&self) -> NativeJobProgress {
        let run = self.run();
        let (all, done) = run.job().requests().progress();
        NativeJobProgress { stage: run.job().stage().to_owned(), done: done as f64, total: all as f64 }
    }

    /// The answers that are to be graded, JSON.
    ///
    /// # Errors
    /// None but a defect.
    #[napi]
    pub fn to_grade(&self) -> Result<String> {
        guarded(|| Ok(self.run().to_grade()?.to_string()))
    }

    /// What has become of it, JSON.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn result(&self, grades: Option<String>) -> Result<String> {
        guarded(|| Ok(self.run().result(grades.as_deref().map(str::as_bytes))?.to_string()))
    }
}
