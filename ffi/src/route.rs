//! Decisions.

use std::ffi::c_char;

use routellm_core::{Input, Result};

use crate::args::{Out, bytes, handle, slice, texts};
use crate::decision::{Decisions, routellm_decision, routellm_text};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::input::{input, inputs, routellm_input};
use crate::route_options::routellm_route_options;
use crate::router::routellm_router;
use crate::status::routellm_status;

/// Decides for one input.
///
/// # Safety
/// As [`guard`] and [`Decisions::new`].
pub(crate) unsafe fn decide<'a>(
    router: Option<&routellm_router>,
    input: impl FnOnce() -> Result<Input<'a>>,
    options: Option<&routellm_route_options>,
    decision: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: promised by the caller.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let out = Decisions::new(decision, "decision")?;
            let input = input()?;
            let (options, keep) = routellm_route_options::of(options)?;
            let decided = router.router.route(input, options)?;
            out.set(0, &router.names, &decided, keep);
            Ok(())
        })
    }
}

/// Decides for `count` inputs.
///
/// # Safety
/// As [`guard`]; `decisions` is as for [`Decisions::new`], or `count` is 0.
pub(crate) unsafe fn decide_many<'a>(
    router: Option<&routellm_router>,
    inputs: impl FnOnce() -> Result<Vec<Input<'a>>>,
    count: usize,
    options: Option<&routellm_route_options>,
    decisions: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: promised by the caller.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let out = if count == 0 { None } else { Some(Decisions::new(decisions, "decisions")?) };
            let inputs = inputs()?;
            let (options, keep) = routellm_route_options::of(options)?;
            // Wrong options are errors even if there is nothing to decide.
            let decided = router.router.route_batch(inputs, options)?;
            if let Some(out) = out {
                for (i, decided) in decided.iter().enumerate() {
                    out.set(i, &router.names, decided, keep);
                }
            }
            Ok(())
        })
    }
}

/// Decides for one prompt: `len` bytes of UTF-8, `NULL` if `len` is 0.
///
/// `options` may be `NULL`. `decision->struct_size` must be set.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a prompt that is not UTF-8, a threshold or share outside [0, 1], both of them, or
/// a share where the router has no calibration; `ROUTELLM_CANCELLED`; `ROUTELLM_RESOURCE_EXHAUSTED` after the timeout;
/// what scoring reports. Errors of the prompt and of scoring, and the timeout, become fallback decisions if `on_error`
/// says so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    options: Option<&routellm_route_options>,
    decision: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and decisions.
    unsafe { decide(router, || bytes(prompt, len, "prompt").map(Input::Utf8), options, decision, err) }
}

/// Decides for `count` prompts, with the same bits as one by one.
///
/// `decisions` is an array of `count`. Set `struct_size` of the first: it counts for all, and is written into the
/// others. With `count` 0 both arrays may be `NULL`.
///
/// Errors as of `routellm_route()`, for the first prompt that fails, naming its index; then no decision is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_batch(
    router: Option<&routellm_router>,
    prompts: *const routellm_text,
    count: usize,
    options: Option<&routellm_route_options>,
    decisions: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and decisions.
    unsafe {
        let inputs = || Ok(texts(prompts, count)?.into_iter().map(Input::Utf8).collect());
        decide_many(router, inputs, count, options, decisions, err)
    }
}

/// Decides for an embedding that you computed: `dimension` numbers.
///
/// Errors as of `routellm_route()`; `ROUTELLM_INVALID_ARGUMENT` if `dimension` is not that of the router, a number
/// is NaN or infinite, or the router reads hashed features.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_embedding(
    router: Option<&routellm_router>,
    embedding: *const f32,
    dimension: usize,
    options: Option<&routellm_route_options>,
    decision: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, arrays and decisions.
    unsafe {
        let input = || slice(embedding, dimension, "embedding").map(Input::Embedding);
        decide(router, input, options, decision, err)
    }
}

/// Decides for `count` inputs of any kinds, with the same bits as one by one: what `routellm_route()` and its like do for
/// one kind each. Of a single input a message by itself is a chat; in a batch it is refused.
///
/// Arrays and errors as of `routellm_route_batch()`, and of each input as of the function for its kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_inputs(
    router: Option<&routellm_router>,
    inputs: *const routellm_input,
    count: usize,
    options: Option<&routellm_route_options>,
    decisions: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and decisions.
    unsafe {
        if count == 1 {
            return decide(router, || input(inputs), options, decisions, err);
        }
        decide_many(router, || self::inputs(inputs, count), count, options, decisions, err)
    }
}

/// The threshold that a call with these options compares win rates with: a number in [0, 1], or for a strong share of
/// 0 the next double above 1. `routellm_route_options_set_threshold()` takes either, and a call then decides alike (but
/// that a threshold of 0, other than the share of 1, leaves prompts that no vote resembles to what was chosen for them).
/// `options` may be `NULL`: then it is the artifact's default.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a number outside [0, 1] (a threshold of the next double above 1 excepted), for both a
/// threshold and a share, or where the router has no calibration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_threshold(
    router: Option<&routellm_router>,
    options: Option<&routellm_route_options>,
    threshold: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let out = Out::new(threshold, "threshold")?;
            let (options, _) = routellm_route_options::of(options)?;
            out.set(router.router.threshold_of(options)?);
            Ok(())
        })
    }
}

/// The threshold that a strong share in [0, 1] comes to, and the share of the calibration sample that it sends to the
/// strong model. That is the nearest share that some threshold reaches, because equal win rates go to one side
/// together; 0 and 1 are always reached, and need no calibration. In the mode `reference` the threshold is numpy's
/// interpolated quantile of the sample, for 0 and 1 too.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a share outside [0, 1], or one between where the router has no calibration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_share(
    router: Option<&routellm_router>,
    strong_share: f64,
    threshold: *mut f64,
    share: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let (threshold, share) = (Out::new(threshold, "threshold")?, Out::new(share, "share")?);
            let (found, reached) = router.router.share(strong_share)?;
            threshold.set(found);
            share.set(reached);
            Ok(())
        })
    }
}
