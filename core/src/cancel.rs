//! Stopping a call: from another thread, or at a deadline.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, Result};

type Hook = Box<dyn Fn() + Send + Sync>;

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
    next_hook: AtomicU64,
    hooks: Mutex<Vec<(u64, Hook)>>,
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

    /// Cancels every call that was given this token, now and from now on.
    pub fn cancel(&self) {
        let hooks = self.inner.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        self.inner.cancelled.store(true, Ordering::SeqCst);
        for (_, hook) in hooks.iter() {
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
                format!("the call took longer than its timeout of {} ms", deadline.allowed.as_millis()),
            )),
            _ => Ok(()),
        }
    }

    /// A token that shares this one's flag and also stops what it was given to after `allowed` from now.
    pub(crate) fn with_timeout(&self, allowed: Duration) -> Self {
        // A time that the clock cannot hold is no deadline.
        let deadline = Instant::now().checked_add(allowed).map(|at| Deadline { at, allowed });
        Self { inner: Arc::clone(&self.inner), deadline }
    }

    /// Time until the deadline, if there is one.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.at.saturating_duration_since(Instant::now()))
    }

    /// Runs `hook` on cancellation (at once if that was before) until the guard is dropped. A deadline does not
    /// run it: who waits for one has to watch [`remaining`](Self::remaining).
    pub(crate) fn on_cancel(&self, hook: impl Fn() + Send + Sync + 'static) -> HookGuard<'_> {
        let id = self.inner.next_hook.fetch_add(1, Ordering::Relaxed);
        let mut hooks = self.inner.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_cancelled() {
            hook();
        }
        hooks.push((id, Box::new(hook)));
        HookGuard { token: self, id }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// Takes a hook away again.
pub(crate) struct HookGuard<'a> {
    token: &'a CancelToken,
    id: u64,
}

impl Drop for HookGuard<'_> {
    fn drop(&mut self) {
        let mut hooks = self.token.inner.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.retain(|(id, _)| *id != self.id);
    }
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
}
