//! Fallbacks are never silent: a callback hears of them.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use routellm_core::router::FallbackWarning;
use routellm_core::{ErrorKind, Result};

use crate::args::{Out, handle, invalid};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::router::routellm_router;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// Hears that decisions were fallbacks: the status of the errors behind them, how many of this kind there were since the
/// last warning of it, and both as a text with advice, NUL-terminated and valid during the call. `user` is yours.
///
/// It runs in the thread of the routing call, before that returns, and must not throw or jump out.
pub type routellm_fallback_callback = Option<
    unsafe extern "C" fn(user: *mut c_void, status: routellm_status, count: u64, message: *const c_char),
>;

/// Frees what is yours.
pub type routellm_free_callback = Option<unsafe extern "C" fn(user: *mut c_void)>;

type Callback =
    unsafe extern "C" fn(user: *mut c_void, status: routellm_status, count: u64, message: *const c_char);

/// A callback with what belongs to it.
#[derive(Debug)]
pub(crate) struct Listener<C> {
    pub(crate) callback: C,
    pub(crate) user: *mut c_void,
    release: routellm_free_callback,
}

// SAFETY: the header demands that callback and `user` may be used from any thread.
unsafe impl<C: Send> Send for Listener<C> {}
// SAFETY: as above.
unsafe impl<C: Sync> Sync for Listener<C> {}

impl<C> Listener<C> {
    /// Who listens from now on; nobody if `callback` is `NULL`.
    ///
    /// # Errors
    /// `InvalidArgument` for what would belong to nobody.
    pub(crate) fn new(
        callback: Option<C>,
        user: *mut c_void,
        release: routellm_free_callback,
    ) -> Result<Option<Self>> {
        if callback.is_none() && (release.is_some() || !user.is_null()) {
            return Err(invalid("callback is NULL, so that user and release have no effect"));
        }
        Ok(callback.map(|callback| Self { callback, user, release }))
    }
}

impl<C> Drop for Listener<C> {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: nobody uses `user` any more, and it is freed once.
            unsafe { release(self.user) };
        }
    }
}

/// Who hears of a router's fallbacks, through whichever handle they come.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Mutex<Option<Arc<Listener<Callback>>>>);

impl Listeners {
    /// Passes a warning on. No lock is held meanwhile: the callback may route, too.
    pub(crate) fn tell(&self, warning: FallbackWarning) {
        let listener = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(listener) = listener else { return };
        let message = CString::new(warning.to_string()).unwrap_or_default();
        // SAFETY: the callback keeps to the header, and its `user` lives as long as the listener.
        unsafe {
            (listener.callback)(listener.user, warning.kind.code(), warning.count, message.as_ptr());
        }
    }
}

/// Sets who hears of fallbacks of this router, through any of its handles: in the first fallback of a kind of error,
/// and at most once a minute after it. `callback` `NULL` takes the last one away.
///
/// `callback` may be called by any thread that routes, by several at once, with `user` as its first argument. `release`,
/// unless it is `NULL`, is called with `user` once nobody needs it any more: after another callback was set, or after
/// the last handle was freed. If the call fails, `user` stays yours and is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_on_fallback(
    router: Option<&routellm_router>,
    callback: routellm_fallback_callback,
    user: *mut c_void,
    release: routellm_free_callback,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let listener = Listener::new(callback, user, release)?.map(Arc::new);
            let mut place = router.names.listeners.0.lock().unwrap_or_else(PoisonError::into_inner);
            let old = std::mem::replace(&mut *place, listener);
            // The old one's `release` may call the library: it must find no lock.
            drop(place);
            drop(old);
            Ok(())
        })
    }
}

/// The text of a warning: that `count` decisions were fallbacks because of errors of this status, and what to do. For
/// programs that take `fallback_warning` from decisions; a callback gets it. On success `*message` is a new string, which
/// you free.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a status that is none of an error, or a count of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_fallback_message(
    status: routellm_status,
    count: u64,
    message: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(message, "message")?;
            let Some(kind) = ErrorKind::from_code(status).filter(|_| count > 0) else {
                return Err(invalid(format!("status {status} and count {count} are those of no warning")));
            };
            out.give(routellm_string::new(FallbackWarning::new(kind, count).to_string()));
            Ok(())
        })
    }
}
