// Written by tools/faces/generate.py from core/options.toml: change that.

//! The setters of the options of a call.

use std::ffi::c_char;

use routellm_core::options::{CallOptions, OnError, Read};

use crate::args::{name, names_of, number_of};
use crate::error::routellm_error;
use crate::route_options::{duration, routellm_route_options, set};
use crate::status::routellm_status;

/// Sets the threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
/// too, and sends nothing to strong, whatever the prompt and whatever `routellm_open_options_set_out_of_distribution()`
/// says. Without any policy the router's own default counts; two of them together are an error.
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

/// Sets the cost weight, 0 or more: the candidate with the most `quality - cost_weight x cost` is chosen, where `cost`
/// is the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one dollar on
/// 1,000 requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every candidate
/// that is left needs a price. It excludes the other policies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_cost_weight(
    options: Option<&mut routellm_route_options>,
    weight: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(weight), CallOptions::cost_weight) }
}

/// Sets the least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of equally cheap
/// ones the one that the artifact names first, and if none reaches it the best, of equally good ones the cheaper. Every
/// candidate that is left needs a price. It excludes the other policies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_min_quality(
    options: Option<&mut routellm_route_options>,
    quality: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(quality), CallOptions::min_quality) }
}

/// Sets the budget in USD per 1,000 requests: it decides as the smallest `routellm_route_options_set_cost_weight()`
/// does with which the calibration sample costs no more than that on average, among the same candidates and with the
/// same output tokens. The weight is looked for once and kept. A budget that even the cheapest candidates exceed is an
/// error that says what they cost. It excludes the other policies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_budget(
    options: Option<&mut routellm_route_options>,
    usd: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(usd), CallOptions::budget) }
}

/// Sets the candidates that may be chosen, by name; by default all of them. With
/// `routellm_route_options_set_threshold()` and `routellm_route_options_set_strong_share()`, a prompt whose side is
/// left out goes to the other side; it is an error if neither is left.
/// `names` is an array of `count` texts, which are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_candidates(
    options: Option<&mut routellm_route_options>,
    names: *const *const c_char,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, names and arrays.
    unsafe { set(options, err, || names_of(names, count, "names"), CallOptions::candidates) }
}

/// Sets the capabilities that the chosen candidate has to have, `text`, `vision`, `tools`, `json` and `audio` for
/// example, as the artifact or `routellm_open_options_set_candidates()` says. Other candidates are left out as by
/// `routellm_route_options_set_candidates()`. If nobody is left, the error says what each of them lacks.
/// `capabilities` is an array of `count` texts, which are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_requires(
    options: Option<&mut routellm_route_options>,
    capabilities: *const *const c_char,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, names and arrays.
    unsafe { set(options, err, || names_of(capabilities, count, "capabilities"), CallOptions::requires) }
}

/// Sets the number of tokens that the request has, each one of a batch. Without it they are estimated from the prompt
/// that is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1. Candidates whose
/// context is shorter than that are left out as by `routellm_route_options_set_candidates()`. An embedding has no
/// bytes, so that its cost is known with this option only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_input_tokens(
    options: Option<&mut routellm_route_options>,
    tokens: u64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(tokens), CallOptions::input_tokens) }
}

/// Sets the number of tokens that the answer is expected to have; by default
/// `routellm_open_options_set_mean_output_tokens()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_output_tokens(
    options: Option<&mut routellm_route_options>,
    tokens: u64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(tokens), CallOptions::output_tokens) }
}

/// Sets what happens when a prompt cannot be scored, a chat has no text or a text is not Unicode.
/// `ROUTELLM_ON_ERROR_RAISE` (the default) is an error. `ROUTELLM_ON_ERROR_STRONG` and `ROUTELLM_ON_ERROR_WEAK` decide
/// for that side, and the name of a candidate for that one, with a fallback in the decision, which is counted; in calls
/// that decide nothing, what could not be computed is NaN then. A side that is left out of the call gives way to the
/// other one; a candidate that is left out is an error. Wrong options, and what is no prompt at all (a number, a list
/// of texts), are errors all the same, and so is cancellation.
/// Candidates are named by `routellm_route_options_set_on_error_candidate()`.
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

/// As `routellm_route_options_set_on_error()`, with the name of a candidate, to which such prompts go. The last of both
/// calls counts. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_options_set_on_error_candidate(
    options: Option<&mut routellm_route_options>,
    candidate: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(candidate, "candidate"), CallOptions::on_error_candidate) }
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
