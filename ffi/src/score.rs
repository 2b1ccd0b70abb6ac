//! Scores and embeddings, without a decision.

use std::ffi::c_char;

use routellm_core::router::utf8;
use routellm_core::{Error, Result};

use crate::args::{Number, Out, bytes, handle, invalid, slice, slice_mut, texts};
use crate::cancel::routellm_cancel_token;
use crate::decision::routellm_text;
use crate::error::routellm_error;
use crate::guard::guard;
use crate::router::routellm_router;
use crate::status::routellm_status;

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
            let router = handle(router, "router")?;
            let out = Out::new(win_rate, "win_rate")?;
            let prompt = utf8(bytes(prompt, len, "prompt")?)?;
            out.set(router.router.win_rate(prompt)?);
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
            let prompts = texts(prompts, count)?;
            let text = |(i, prompt): (usize, &&'static [u8])| {
                utf8(prompt).map_err(|error: Error| error.context(format!("prompt {i}")))
            };
            let prompts = prompts.iter().enumerate().map(text).collect::<Result<Vec<&str>>>()?;
            let out = slice_mut(win_rates, count, "win_rates")?;
            out.copy_from_slice(&router.router.win_rates(&prompts, token.map(|handle| &handle.token))?);
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
            let router = handle(router, "router")?;
            let out = Out::new(win_rate, "win_rate")?;
            out.set(router.router.win_rate_from_embedding(slice(embedding, dimension, "embedding")?)?);
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
            let embeddings = slice(embeddings, count, "embeddings")?;
            let out = slice_mut(win_rates, rows, "win_rates")?;
            router.router.win_rates_from_embeddings(embeddings, out)
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
            let router = handle(router, "router")?;
            let prompt = utf8(bytes(prompt, len, "prompt")?)?;
            fill(&router.router.candidate_scores(prompt)?, scores, count, "scores")
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
            let router = handle(router, "router")?;
            let embedding = slice(embedding, dimension, "embedding")?;
            fill(&router.router.candidate_scores_from_embedding(embedding)?, scores, count, "scores")
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
            let router = handle(router, "router")?;
            let prompt = utf8(bytes(prompt, len, "prompt")?)?;
            fill(&router.router.embed(prompt)?, embedding, dimension, "embedding")
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
