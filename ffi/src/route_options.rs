//! Options of one call.

use std::ffi::c_char;
use std::mem;
use std::time::Duration;

use routellm_core::{CallOptions, Result};

use crate::args::{bytes, flag, handle, invalid};
use crate::cancel::routellm_cancel_token;
use crate::error::routellm_error;
use crate::guard::{guard, guard_or};
use crate::status::routellm_status;

/// Options of one call, of whatever kind. `NULL` stands for every default.
///
/// You own it. Setting is exclusive: one thread at a time. Calls only read it: once set, many threads may
/// use the same options at once.
#[derive(Debug, Default)]
pub struct routellm_route_options {
    options: CallOptions,
    keep_fallback_errors: bool,
}

/// What a call without options uses.
const DEFAULTS: &CallOptions = &CallOptions::new();

impl routellm_route_options {
    fn change(&mut self, change: impl FnOnce(CallOptions) -> CallOptions) {
        self.options = change(mem::take(&mut self.options));
    }

    /// The options of a call that decides nothing.
    pub(crate) fn plain(options: Option<&Self>) -> &CallOptions {
        options.map_or(DEFAULTS, |this| &this.options)
    }

    /// The options of a call, and whether it hands out the errors behind fallbacks.
    pub(crate) fn of(options: Option<&Self>) -> Result<(&CallOptions, bool)> {
        let Some(this) = options else { return Ok((DEFAULTS, false)) };
        if this.keep_fallback_errors && !this.options.falls_back() {
            return Err(invalid(
                "fallback errors are kept, but on_error is ROUTELLM_ON_ERROR_RAISE: there are no fallbacks",
            ));
        }
        Ok((&this.options, this.keep_fallback_errors))
    }
}

/// Sets one option: `apply` with what `value` gives.
///
/// # Safety
/// As [`guard`].
pub(crate) unsafe fn set<T>(
    options: Option<&mut routellm_route_options>,
    err: *mut *mut routellm_error,
    value: impl FnOnce() -> Result<T>,
    apply: impl FnOnce(CallOptions, T) -> CallOptions,
) -> routellm_status {
    // SAFETY: promised by the caller.
    unsafe {
        guard(err, || {
            let value = value()?;
            handle(options, "options")?.change(|options| apply(options, value));
            Ok(())
        })
    }
}

/// Sets options of a call from a JSON object of `len` bytes, whose members are named as the rows of the table
/// (`routellm_option_at()`, group `call`); null leaves one as it is. On failure nothing is set.
///
/// `ROUTELLM_INVALID_ARGUMENT` for what is no JSON object, for a name that is no option's, or a value of another type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_json(
    options: Option<&mut routellm_route_options>,
    json: *const c_char,
    len: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and texts.
    unsafe { guard(err, || handle(options, "options")?.options.set_json(bytes(json, len, "json")?)) }
}

/// Options with every default. You own them. Never `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_route_options_new() -> Box<routellm_route_options> {
    Box::default()
}

/// Frees options. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_route_options_free(options: Option<Box<routellm_route_options>>) {
    guard_or((), || drop(options));
}

/// Sets whether a fallback decision comes with the error behind it in `fallback_error`, which you then own and
/// free: 1 or 0, 0 by default. The status of that error is in `fallback_status` either way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_keep_fallback_errors(
    options: Option<&mut routellm_route_options>,
    keep: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            handle(options, "options")?.keep_fallback_errors = flag(keep, "keep")?;
            Ok(())
        })
    }
}

/// Sets the token that cancels the calls with these options; `NULL` takes it away. The options keep their own
/// share of the token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_cancel(
    options: Option<&mut routellm_route_options>,
    token: Option<&routellm_cancel_token>,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let options = handle(options, "options")?;
            options.options.set_cancel(token.map(|handle| handle.token.clone()));
            Ok(())
        })
    }
}

/// A time in milliseconds, which C gives as a finite number above 0.
pub(crate) fn duration(milliseconds: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(milliseconds / 1e3) {
        Ok(time) if milliseconds > 0.0 => Ok(time.max(Duration::from_nanos(1))),
        _ => {
            Err(invalid(format!("timeout_ms is {milliseconds}, expected a positive number of milliseconds")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_positive_finite_number() {
        assert_eq!(duration(1.5).unwrap(), Duration::from_micros(1500));
        // Never none at all by rounding.
        assert_eq!(duration(1e-9).unwrap(), Duration::from_nanos(1));
        for wrong in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
