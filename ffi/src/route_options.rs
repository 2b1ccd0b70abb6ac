//! Options of one call.

use std::time::Duration;

use routellm_core::{OnError, Policy, Result, RouteOptions};

use crate::args::{flag, handle, invalid, number_of};
use crate::cancel::routellm_cancel_token;
use crate::error::routellm_error;
use crate::guard::{guard, guard_or};
use crate::messages::read_of;
use crate::status::routellm_status;

/// Options of a routing call. `NULL` stands for every default.
///
/// You own it. Setting is exclusive: one thread at a time. Calls only read it: once set, many threads may
/// route with the same options at once.
#[derive(Debug, Default)]
pub struct routellm_route_options {
    threshold: Option<f64>,
    strong_share: Option<f64>,
    /// Follows the two above unless they contradict each other; ready, so that calls copy nothing.
    options: RouteOptions,
    keep_fallback_errors: bool,
}

/// What a call without options uses.
const DEFAULTS: &RouteOptions = &RouteOptions {
    policy: Policy::Default,
    on_error: OnError::Raise,
    cancel: None,
    timeout: None,
    read: None,
};

impl routellm_route_options {
    fn policy_changed(&mut self) {
        // A contradiction is reported by the call: setters come in any order.
        if let Ok(policy) = Policy::from_options(self.threshold, self.strong_share) {
            self.options.policy = policy;
        }
    }

    /// The options of a call, and whether it hands out the errors behind fallbacks.
    pub(crate) fn of(options: Option<&Self>) -> Result<(&RouteOptions, bool)> {
        let Some(this) = options else { return Ok((DEFAULTS, false)) };
        Policy::from_options(this.threshold, this.strong_share)?;
        if this.keep_fallback_errors && this.options.on_error == OnError::Raise {
            return Err(invalid(
                "fallback errors are kept, but on_error is ROUTELLM_ON_ERROR_RAISE: there are no fallbacks",
            ));
        }
        Ok((&this.options, this.keep_fallback_errors))
    }
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

/// Sets the threshold, in [0, 1] (checked by the call): strong if and only if `win_rate >= threshold`. The next
/// double above 1 is taken too, and sends nothing to the strong model, whatever the prompt and whatever was chosen for
/// prompts that no vote resembles. Without a threshold and a strong share the
/// artifact's own default counts; with both the call fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_threshold(
    options: Option<&mut routellm_route_options>,
    threshold: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let options = handle(options, "options")?;
            options.threshold = Some(threshold);
            options.policy_changed();
            Ok(())
        })
    }
}

/// Sets the strong share, in [0, 1] (checked by the call): the threshold at which this share of the artifact's
/// calibration sample goes to the strong model, or the nearest that some threshold reaches (`routellm_share()` tells
/// which). 0 sends nothing to the strong model and 1 everything, whatever the prompt and whatever was chosen for
/// prompts that no vote resembles; only a fallback of `on_error` may decide otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_strong_share(
    options: Option<&mut routellm_route_options>,
    share: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let options = handle(options, "options")?;
            options.strong_share = Some(share);
            options.policy_changed();
            Ok(())
        })
    }
}

/// Sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode:
/// `ROUTELLM_ON_ERROR_RAISE`, `ROUTELLM_ON_ERROR_STRONG` or `ROUTELLM_ON_ERROR_WEAK`. With the last two the call succeeds
/// with a decision whose `fallback` is 1. Wrong options are errors all the same, and so is cancellation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_on_error(
    options: Option<&mut routellm_route_options>,
    on_error: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let on_error = number_of(&OnError::ALL, OnError::name, on_error, "on_error")?;
            handle(options, "options")?.options.on_error = on_error;
            Ok(())
        })
    }
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
            handle(options, "options")?.options.cancel = token.map(|handle| handle.token.clone());
            Ok(())
        })
    }
}

/// Sets what of a chat is read, instead of what the artifact says: `ROUTELLM_READ_LAST_USER`, `ROUTELLM_READ_ALL_USER`
/// or `ROUTELLM_READ_CONVERSATION`. Of a text all of it is read; of an embedding nothing, which is an error then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_read(
    options: Option<&mut routellm_route_options>,
    read: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let read = read_of(read)?;
            handle(options, "options")?.options.read = Some(read);
            Ok(())
        })
    }
}

/// Sets the longest time that a call may take, all of its prompts together, in milliseconds: a finite number above 0.
/// A prompt that is not scored by then is `ROUTELLM_RESOURCE_EXHAUSTED`, or a fallback decision if `on_error` says so.
/// Without it, there is no limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_timeout_ms(
    options: Option<&mut routellm_route_options>,
    milliseconds: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            handle(options, "options")?.options.timeout = Some(timeout(milliseconds)?);
            Ok(())
        })
    }
}

fn timeout(milliseconds: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(milliseconds / 1e3) {
        Ok(timeout) if milliseconds > 0.0 => Ok(timeout.max(Duration::from_nanos(1))),
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
        assert_eq!(timeout(1.5).unwrap(), Duration::from_micros(1500));
        // Never none at all by rounding.
        assert_eq!(timeout(1e-9).unwrap(), Duration::from_nanos(1));
        for wrong in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(timeout(wrong).is_err(), "{wrong}");
        }
    }
}
