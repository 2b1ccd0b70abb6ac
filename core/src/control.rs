//! Watching and stopping long work: a training, the scoring of a calibration.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::{CancelToken, Error, ErrorKind, Result};

/// How far a long work has come.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What is being done: `features`, `cross-validation`, `embedding`, `epoch`, `calibration` ...
    pub stage: &'a str,
    /// Steps of this stage that are done.
    pub done: usize,
    /// Steps of this stage.
    pub total: usize,
    /// Loss of the step, where there is one.
    pub loss: Option<f64>,
    /// Steps of this stage a second, since its first report; `None` there.
    pub rate: Option<f64>,
}

/// Is told how far a long work has come, and stops it by `ControlFlow::Break`.
pub type ProgressFn<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// How one long work, such as a training, is watched and stopped; [`new`](Self::new) does neither.
///
/// ```
/// use routellm_core::{CancelToken, Control};
/// use std::ops::ControlFlow;
/// use std::time::Duration;
///
/// let token = CancelToken::new();
/// let control = Control::new().cancel(&token).timeout(Duration::from_secs(600)).progress(|step| {
///     println!("{} {}/{}", step.stage, step.done, step.total);
///     ControlFlow::Continue(())
/// });
/// # drop(control);
/// ```
#[derive(Default)]
pub struct Control<'a> {
    progress: Option<Box<ProgressFn<'a>>>,
    cancel: Option<CancelToken>,
    /// Since when, and how long.
    timeout: Option<(Instant, Duration)>,
}

impl<'a> Control<'a> {
    /// Watches and stops nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells `progress` how far the work has come. It runs on the thread that works.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(Progress<'_>) -> ControlFlow<()> + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Stops the work when `token` is cancelled, also a model that runs: the error is `Cancelled`.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// Stops the work after this time from now: the error is `ResourceExhausted`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some((Instant::now(), timeout));
        self
    }

    /// The same for one part of the work, of several.
    pub(crate) fn part(&mut self) -> Control<'_> {
        let progress = self.progress.as_mut();
        Control {
            progress: progress
                .map(|progress| Box::new(move |step: Progress<'_>| progress(step)) as Box<ProgressFn<'_>>),
            cancel: self.cancel.clone(),
            timeout: self.timeout,
        }
    }

    /// Begins the work.
    ///
    /// # Errors
    /// `InvalidArgument` for a time of 0.
    pub(crate) fn start(self) -> Result<Watch<'a>> {
        let Self { progress, cancel, timeout } = self;
        let stop = match timeout {
            None => cancel,
            Some((_, Duration::ZERO)) => {
                return Err(Error::invalid_argument("timeout is 0, expected a positive time"));
            }
            Some((since, allowed)) => Some(cancel.unwrap_or_default().with_timeout_since(since, allowed)),
        };
        Ok(Watch { progress, stop, stage: None })
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Work that is watched.
pub(crate) struct Watch<'a> {
    progress: Option<Box<ProgressFn<'a>>>,
    stop: Option<CancelToken>,
    /// The stage, and when and at which step it was reported first.
    stage: Option<(String, Instant, usize)>,
}

/// Less time says nothing of a rate.
const LEAST: Duration = Duration::from_millis(1);

impl Watch<'_> {
    /// What stops calls that the work makes.
    pub(crate) fn stop(&self) -> Option<&CancelToken> {
        self.stop.as_ref()
    }

    /// # Errors
    /// `Cancelled`; `ResourceExhausted` if the time is over.
    pub(crate) fn check(&self) -> Result<()> {
        self.stop.as_ref().map_or(Ok(()), CancelToken::check)
    }

    /// Tells how far it is, and finds out whether it has to stop.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(crate) fn report(&mut self, stage: &str, done: usize, total: usize, loss: Option<f64>) -> Result<()> {
        self.check()?;
        let Some(progress) = &mut self.progress else { return Ok(()) };
        let rate = match &self.stage {
            Some((known, since, first)) if known == stage => {
                let elapsed = since.elapsed();
                (elapsed >= LEAST && done > *first).then(|| (done - first) as f64 / elapsed.as_secs_f64())
            }
            _ => {
                self.stage = Some((stage.to_owned(), Instant::now(), done));
                None
            }
        };
        match progress(Progress { stage, done, total, loss, rate }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(
                ErrorKind::Cancelled,
                format!("training was cancelled (stage {stage}, {done} of {total})"),
            )),
        }
    }
}
