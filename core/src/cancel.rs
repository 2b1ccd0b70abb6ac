//! Stopping a call: from another thread, or at a deadline.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::timer::{self, TimerGuard};
use crate::{Error, ErrorKind, Result};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// A flag that calls look at, and that stops a running ONNX session too. Clones share the flag.
///
/// ```
/// use routellm_core::CancelToken;
/// let token = CancelToken::new();
/// let other = token.clone();
/// std::thread::spawn(move || other.cancel()).join().unwrap();
/// assert!(token.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct CancelToken {
    inner: Arc<Inner>,
    deadline: Option<Deadline>,
}

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    hooks: Mutex<Hooks>,
}

#[derive(Default)]
struct Hooks {
    next: u64,
    by_id: BTreeMap<u64, Hook>,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every call that was given this token, now and from now on. Calls that wait for a session end
    /// before this returns.
    pub fn cancel(&self) {
        let hooks: Vec<Hook> = {
            let hooks = self.inner.hooks();
            self.inner.cancelled.store(true, Ordering::SeqCst);
            hooks.by_id.values().cloned().collect()
        };
        // Without the lock: a hook may end a call, and that takes its hooks away.
        for hook in hooks {
            hook();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::SeqCst)
    }

    /// # Errors
    /// `Cancelled` if the token is; `ResourceExhausted` if its deadline has passed.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the call was cancelled"));
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline.at => Err(Error::new(
                ErrorKind::ResourceExhausted,
                format!("the call took longer than its timeout of {} ms", milliseconds(deadline.allowed)),
            )),
            _ => Ok(()),
        }
    }

    /// A token that shares this one's flag and also stops what it was given to after `allowed` from now.
    pub(crate) fn with_timeout(&self, allowed: Duration) -> Self {
        self.with_timeout_since(Instant::now(), allowed)
    }

    /// As [`with_timeout`](Self::with_timeout), after `allowed` from `since`.
    pub(crate) fn with_timeout_since(&self, since: Instant, allowed: Duration) -> Self {
        // A time that the clock cannot hold is no deadline.
        let deadline = since.checked_add(allowed).map(|at| Deadline { at, allowed });
        Self { inner: Arc::clone(&self.inner), deadline }
    }

    /// Runs `hook` on cancellation and at the deadline, at once if that was before, until the guard is dropped. It may
    /// run once more just after that, and so has to be harmless then.
    ///
    /// # Errors
    /// `ResourceExhausted` if there is a deadline and no thread to watch it.
    pub(crate) fn on_stop(&self, hook: impl Fn() + Send + Sync + 'static) -> Result<StopGuard> {
        let hook: Hook = Arc::new(hook);
        let timed = Arc::clone(&hook);
        let timer = self.deadline.map(|deadline| timer::at(deadline.at, move || timed())).transpose()?;
        let mut hooks = self.inner.hooks();
        let id = hooks.next;
        hooks.next += 1;
        hooks.by_id.insert(id, Arc::clone(&hook));
        drop(hooks);
        if self.is_cancelled() {
            hook();
        }
        Ok(StopGuard { token: Arc::clone(&self.inner), id, _timer: timer })
    }
}

impl Inner {
    fn hooks(&self) -> MutexGuard<'_, Hooks> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Takes a hook away again.
pub(crate) struct StopGuard {
    token: Arc<Inner>,
    id: u64,
    _timer: Option<TimerGuard>,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        let hook = self.token.hooks().by_id.remove(&self.id);
        drop(hook);
    }
}

/// A time in milliseconds as a caller wrote it: 250 or 0.5. One division of whole numbers gives the nearest number, so that
/// its shortest form is the given one.
fn milliseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_and_leaves_the_first_token_alone() {
        let token = CancelToken::new();
        let timed = token.with_timeout(Duration::ZERO);
        assert_eq!(timed.check().unwrap_err().kind(), ErrorKind::ResourceExhausted);
        assert!(token.check().is_ok());
        let long = token.with_timeout(Duration::MAX);
        assert!(long.check().is_ok());
        token.cancel();
        assert_eq!(long.check().unwrap_err().kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn an_error_names_the_timeout_as_it_was_given() {
        for (given, shown) in [(0.5, "0.5"), (0.3, "0.3"), (1.0, "1"), (2.7, "2.7"), (0.000_01, "0.00001")] {
            let allowed = Duration::try_from_secs_f64(given / 1e3).unwrap();
            let timed = CancelToken::new().with_timeout(allowed);
            std::thread::sleep(allowed);
            let message = timed.check().unwrap_err().to_string();
            assert!(message.ends_with(&format!("its timeout of {shown} ms")), "{message}");
        }
        assert_eq!(milliseconds(Duration::from_millis(250)).to_string(), "250");
        assert_eq!(milliseconds(Duration::from_mins(1)).to_string(), "60000");
    }
}
