// Written by tools/faces/generate.py from core/options.toml: change that.

//! The setters of the options of a call.

use routellm_core::options::{CallOptions, OnError, Read};

use crate::args::number_of;
use crate::error::routellm_error;
use crate::route_options::{duration, routellm_route_options, set};
use crate::status::routellm_status;

/// Sets the threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
/// too, and sends nothing to strong, whatever the prompt and whatever `routellm_open_options_set_out_of_distribution()`
/// says. Without a threshold and a strong share the router's own default counts; both together are an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_threshold(
    options: Option<&mut routellm_route_options>,
    threshold: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(threshold), CallOptions::threshold) }
}

/// Sets the strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to strong, or the
/// nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt and whatever
/// `routellm_open_options_set_out_of_distribution()` says; only `routellm_route_options_set_on_error()` may decide
/// otherwise. It excludes `routellm_route_options_set_threshold()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_strong_share(
    options: Option<&mut routellm_route_options>,
    share: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(share), CallOptions::strong_share) }
}

/// Sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode.
/// `ROUTELLM_ON_ERROR_RAISE` (the default) is an error. `ROUTELLM_ON_ERROR_STRONG` and `ROUTELLM_ON_ERROR_WEAK` decide
/// for that side, with a fallback in the decision, which is counted; in calls that decide nothing, what could not be
/// computed is NaN then. Wrong options, and what is no prompt at all (a number, a list of texts), are errors all the
/// same, and so is cancellation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_on_error(
    options: Option<&mut routellm_route_options>,
    on_error: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        set(
            options,
            err,
            || number_of(&OnError::ALL, OnError::name, on_error, "on_error"),
            CallOptions::on_error,
        )
    }
}

/// Sets the longest time of the whole call in milliseconds, above 0, waiting for a session included. What is not scored
/// by then is `ROUTELLM_RESOURCE_EXHAUSTED`, or what `routellm_route_options_set_on_error()` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_timeout_ms(
    options: Option<&mut routellm_route_options>,
    milliseconds: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || duration(milliseconds), CallOptions::timeout) }
}

/// Sets what of a chat is read, instead of what the artifact says: `ROUTELLM_READ_LAST_USER`, `ROUTELLM_READ_ALL_USER`
/// or `ROUTELLM_READ_CONVERSATION`. Of a text all of it is; an embedding has nothing to read, which is an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_read(
    options: Option<&mut routellm_route_options>,
    read: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || number_of(&Read::ALL, Read::name, read, "read"), CallOptions::read) }
}
