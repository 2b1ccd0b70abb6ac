//! Scores and embeddings, without a decision.

use std::ffi::c_char;

use routellm_core::{CallOptions, Input, Result, Router};

use crate::args::{Number, Out, bytes, handle, invalid, slice, slice_mut, texts};
use crate::cancel::routellm_cancel_token;
use crate::decision::routellm_text;
use crate::error::routellm_error;
use crate::guard::guard;
use crate::input::{input, inputs, routellm_input};
use crate::route_options::routellm_route_options;
use crate::router::routellm_router;
use crate::status::routellm_status;

/// Asks about one input.
pub(crate) fn ask<'a, T>(
    router: Option<&routellm_router>,
    input: Result<Input<'a>>,
    options: Option<&routellm_route_options>,
    question: impl FnOnce(&Router, Input<'a>, &CallOptions) -> Result<T>,
) -> Result<T> {
    question(&handle(router, "router")?.router, input?, routellm_route_options::plain(options))
}

/// P(strong model's answer is preferred or needed) for a prompt of `len` bytes, in [0, 1], into `*win_rate`.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a prompt that is not UTF-8; what scoring reports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_win_rate(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    win_rate: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(win_rate, "win_rate")?;
            out.set(ask(router, bytes(prompt, len, "prompt").map(Input::Utf8), None, Router::win_rate)?);
            Ok(())
        })
    }
}

/// Win rates of `count` prompts, with the same bits as one by one, into `win_rates`, an array of `count`.
/// `token` may be `NULL`.
///
/// Errors as of `routellm_win_rate()`, for the first prompt that fails, naming its index; `ROUTELLM_CANCELLED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_win_rates(
    router: Option<&routellm_router>,
    prompts: *const routellm_text,
    count: usize,
    token: Option<&routellm_cancel_token>,
    win_rates: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and arrays.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let prompts = texts(prompts, count)?.into_iter().map(Input::Utf8);
            let out = slice_mut(win_rates, count, "win_rates")?;
            let mut options = CallOptions::new();
            options.set_cancel(token.map(|handle| handle.token.clone()));
            out.copy_from_slice(&router.router.win_rates(prompts, &options)?);
            Ok(())
        })
    }
}

/// The win rate for an embedding that you computed, `dimension` numbers, into `*win_rate`.
///
/// `ROUTELLM_INVALID_ARGUMENT` if `dimension` is not that of the router, a number is NaN or infinite, or the router
/// reads hashed features.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_win_rate_from_embedding(
    router: Option<&routellm_router>,
    embedding: *const f32,
    dimension: usize,
    win_rate: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, arrays and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(win_rate, "win_rate")?;
            out.set(ask(
                router,
                slice(embedding, dimension, "embedding").map(Input::Embedding),
                None,
                Router::win_rate,
            )?);
            Ok(())
        })
    }
}

/// Win rates of `rows` embeddings: `rows` x `dimension` numbers, row after row, into `win_rates`, an array of
/// `rows`.
///
/// Errors as of `routellm_win_rate_from_embedding()`, naming the row.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_win_rates_from_embeddings(
    router: Option<&routellm_router>,
    embeddings: *const f32,
    rows: usize,
    dimension: usize,
    win_rates: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and arrays.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let count = rows.checked_mul(dimension).ok_or_else(|| {
                invalid(format!("{rows} rows of {dimension} are more than memory can hold"))
            })?;
            if rows > 0 && dimension == 0 {
                return Err(invalid(format!("0 numbers are no {rows} equal rows")));
            }
            let embeddings = slice(embeddings, count, "embeddings")?.chunks(dimension.max(1));
            let out = slice_mut(win_rates, rows, "win_rates")?;
            out.copy_from_slice(&router.router.win_rates(embeddings, &CallOptions::new())?);
            Ok(())
        })
    }
}

/// One score for each candidate, higher is better, in the order of `routellm_router_model()`, into `scores`, an
/// array of `count`, which must be `routellm_router_model_count()`.
///
/// Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if the router knows its pair only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_candidate_scores(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    scores: *mut f64,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and arrays.
    unsafe {
        guard(err, || {
            let values =
                ask(router, bytes(prompt, len, "prompt").map(Input::Utf8), None, Router::candidate_scores)?;
            fill(&values, scores, count, "scores")
        })
    }
}

/// As `routellm_candidate_scores()`, for an embedding that you computed.
///
/// Errors as of `routellm_win_rate_from_embedding()`; `ROUTELLM_UNSUPPORTED` if the router knows its pair only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_candidate_scores_from_embedding(
    router: Option<&routellm_router>,
    embedding: *const f32,
    dimension: usize,
    scores: *mut f64,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and arrays.
    unsafe {
        guard(err, || {
            let values = ask(
                router,
                slice(embedding, dimension, "embedding").map(Input::Embedding),
                None,
                Router::candidate_scores,
            )?;
            fill(&values, scores, count, "scores")
        })
    }
}

/// The embedding of a prompt by the router's own encoder or hashed features into `embedding`, an array of
/// `dimension`, which must be `routellm_router_embed_dimension()`.
///
/// Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if its features are sparse or come from the caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_embed(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    embedding: *mut f32,
    dimension: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and arrays.
    unsafe {
        guard(err, || {
            let values = ask(router, bytes(prompt, len, "prompt").map(Input::Utf8), None, Router::embed)?;
            fill(&values, embedding, dimension, "embedding")
        })
    }
}

/// Win rates of `count` inputs of any kinds, with the same bits as one by one, into `win_rates`, an array of `count`.
/// `options` may be `NULL`; a threshold and a strong share have no effect, which is an error. An input that cannot be scored
/// is NaN if `on_error` is `ROUTELLM_ON_ERROR_STRONG` or `ROUTELLM_ON_ERROR_WEAK`.
///
/// Errors as of `routellm_route_inputs()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_win_rates_of(
    router: Option<&routellm_router>,
    inputs: *const routellm_input,
    count: usize,
    options: Option<&routellm_route_options>,
    win_rates: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and arrays.
    unsafe {
        guard(err, || {
            let router = &handle(router, "router")?.router;
            let out = slice_mut(win_rates, count, "win_rates")?;
            let options = routellm_route_options::plain(options);
            match out {
                [one] => *one = router.win_rate(input(inputs)?, options)?,
                many => many.copy_from_slice(&router.win_rates(self::inputs(inputs, count)?, options)?),
            }
            Ok(())
        })
    }
}

/// As `routellm_candidate_scores()`, for an input of any kind and with options, as `routellm_win_rates_of()` takes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_candidate_scores_of(
    router: Option<&routellm_router>,
    input: *const routellm_input,
    options: Option<&routellm_route_options>,
    scores: *mut f64,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and arrays.
    unsafe {
        guard(err, || {
            let values = ask(router, self::input(input), options, Router::candidate_scores)?;
            fill(&values, scores, count, "scores")
        })
    }
}

/// The quality of each candidate for `count` inputs of any kinds, with the same bits as one by one, into `qualities`, an array of
/// `count` x `models` numbers, those of one input after the other, in the order of `routellm_router_model()`; `models` must be
/// `routellm_router_model_count()`. A quality is in [0, 1]: the score that a gold answer would give the candidate, as expected
/// from rows that the training held out, or its expected win rate against the others; `routellm_router_info()` says which.
/// NaN for a candidate that the votes compare with no other. Options as of `routellm_win_rates_of()`.
///
/// Errors as of `routellm_win_rates_of()`; `ROUTELLM_UNSUPPORTED` if the router knows its pair only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_qualities_of(
    router: Option<&routellm_router>,
    inputs: *const routellm_input,
    count: usize,
    options: Option<&routellm_route_options>,
    qualities: *mut f64,
    models: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and arrays.
    unsafe {
        guard(err, || {
            let router = &handle(router, "router")?.router;
            let known = router.models().count();
            if models != known {
                return Err(invalid(format!("models is {models}, and the router has {known}")));
            }
            let numbers = count
                .checked_mul(models)
                .ok_or_else(|| invalid(format!("{count} rows of {models} are more than memory can hold")))?;
            let out = slice_mut(qualities, numbers, "qualities")?;
            let options = routellm_route_options::plain(options);
            if count == 1 {
                out.copy_from_slice(&router.qualities(input(inputs)?, options)?);
                return Ok(());
            }
            let rows = router.qualities_batch(self::inputs(inputs, count)?, options)?;
            for (out, row) in out.chunks_exact_mut(models).zip(rows) {
                out.copy_from_slice(&row);
            }
            Ok(())
        })
    }
}

/// As `routellm_embed()`, for a text or a chat and with options, as `routellm_win_rates_of()` takes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_embed_of(
    router: Option<&routellm_router>,
    input: *const routellm_input,
    options: Option<&routellm_route_options>,
    embedding: *mut f32,
    dimension: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and arrays.
    unsafe {
        guard(err, || {
            let values = ask(router, self::input(input), options, Router::embed)?;
            fill(&values, embedding, dimension, "embedding")
        })
    }
}

/// Copies results into the caller's array, which must be exactly as long.
///
/// # Safety
/// As [`slice_mut`].
unsafe fn fill<T: Number>(values: &[T], data: *mut T, len: usize, name: &str) -> Result<()> {
    if values.len() != len {
        return Err(invalid(format!("{name} has room for {len} numbers, expected {}", values.len())));
    }
    // SAFETY: promised by the caller.
    unsafe { slice_mut(data, len, name) }?.copy_from_slice(values);
    Ok(())
}
