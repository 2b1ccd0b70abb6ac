//! Cancelling a call from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
}

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    next_hook: AtomicU64,
    hooks: Mutex<Vec<(u64, Hook)>>,
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
    /// `Cancelled` if the token is.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the call was cancelled"));
        }
        Ok(())
    }

    /// Runs `hook` on cancellation (at once if that was before) until the guard is dropped.
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
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
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
