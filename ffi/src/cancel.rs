//! Cancelling a call from another thread.

use routellm_core::CancelToken;

use crate::guard::guard_or;

/// Cancels calls from another thread.
///
/// Every function on a living token may be called by many threads at once. Options keep their own share of
/// it: it may be freed once they have it. A token that was cancelled stays so: make a new one for the next
/// call.
#[derive(Debug)]
pub struct routellm_cancel_token {
    pub(crate) token: CancelToken,
}

/// A token that is not cancelled. You own it. Never `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_cancel_token_new() -> Box<routellm_cancel_token> {
    Box::new(routellm_cancel_token { token: CancelToken::new() })
}

/// Cancels every call that was given this token, now and from now on. They return `ROUTELLM_CANCELLED` soon: an
/// ONNX session that is running is stopped. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_cancel_token_cancel(token: Option<&routellm_cancel_token>) {
    guard_or((), || {
        if let Some(handle) = token {
            handle.token.cancel();
        }
    });
}

/// 1 if the token was cancelled, else 0. 0 for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_cancel_token_is_cancelled(token: Option<&routellm_cancel_token>) -> i32 {
    i32::from(token.is_some_and(|handle| handle.token.is_cancelled()))
}

/// Frees a token; calls that still use it are not disturbed. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_cancel_token_free(token: Option<Box<routellm_cancel_token>>) {
    guard_or((), || drop(token));
}
