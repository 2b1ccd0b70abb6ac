//! Votes behind a score: how near they are, and which weighed most.

use std::ffi::c_char;

use routellm_core::{Input, Router};

use crate::args::{Out, bytes, slice};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::input::routellm_input;
use crate::route_options::routellm_route_options;
use crate::router::routellm_router;
use crate::score::ask;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// The largest cosine similarity of a prompt to any vote, in [-1, 1], into `*similarity`: how far the prompt is from
/// the data that the router was made of.
///
/// Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_similarity(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    similarity: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(similarity, "similarity")?;
            out.set(ask(router, bytes(prompt, len, "prompt").map(Input::Utf8), None, Router::similarity)?);
            Ok(())
        })
    }
}

/// As `routellm_similarity()`, for an embedding that you computed.
///
/// Errors as of `routellm_win_rate_from_embedding()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_similarity_from_embedding(
    router: Option<&routellm_router>,
    embedding: *const f32,
    dimension: usize,
    similarity: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, arrays and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(similarity, "similarity")?;
            out.set(ask(
                router,
                slice(embedding, dimension, "embedding").map(Input::Embedding),
                None,
                Router::similarity,
            )?);
            Ok(())
        })
    }
}

/// As `routellm_similarity()`, for an input of any kind and with options, as `routellm_win_rates_of()` takes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_similarity_of(
    router: Option<&routellm_router>,
    input: *const routellm_input,
    options: Option<&routellm_route_options>,
    similarity: *mut f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(similarity, "similarity")?;
            out.set(ask(router, crate::input::input(input), options, Router::similarity)?);
            Ok(())
        })
    }
}

/// Why a prompt got its score, with the `k` votes that weighed most, as a JSON object: `win_rate`,
/// `win_rate_error` (its standard error), `similarity`, `out_of_distribution`, `ratings` (a list of `model`,
/// `tier`, `rating`, `standard_error`), `votes` (a list, heaviest first, of `row`, `id`, `text`, `similarity`,
/// `weight`, `model_a`, `model_b`, and `winner`: `model_a`, `model_b` or `tie`) and `reach` (of a clustered store:
/// `opened_clusters`, `opened_votes`, `error`; else null). What is unknown is null. On success `*json` is a new
/// string, which you free.
///
/// Errors as of `routellm_win_rate()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_explain(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    k: usize,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            let explanation = ask(
                router,
                bytes(prompt, len, "prompt").map(Input::Utf8),
                None,
                |router, input, options| router.explain(input, k, options),
            )?;
            out.give(routellm_string::json(serde_json::to_string(&explanation), "explanation")?);
            Ok(())
        })
    }
}

/// As `routellm_explain()`, for an embedding that you computed.
///
/// Errors as of `routellm_win_rate_from_embedding()`; `ROUTELLM_UNSUPPORTED` if the router has no votes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_explain_embedding(
    router: Option<&routellm_router>,
    embedding: *const f32,
    dimension: usize,
    k: usize,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, arrays and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            let explanation = ask(
                router,
                slice(embedding, dimension, "embedding").map(Input::Embedding),
                None,
                |router, input, options| router.explain(input, k, options),
            )?;
            out.give(routellm_string::json(serde_json::to_string(&explanation), "explanation")?);
            Ok(())
        })
    }
}

/// As `routellm_explain()`, for an input of any kind and with options, as `routellm_win_rates_of()` takes them. If `on_error`
/// covers an error, the object has a member `fallback` with the `kind` and the `reason` of it, its numbers are null, and its
/// lists are empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_explain_of(
    router: Option<&routellm_router>,
    input: *const routellm_input,
    k: usize,
    options: Option<&routellm_route_options>,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, inputs and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            let explanation = ask(router, crate::input::input(input), options, |router, input, options| {
                router.explain(input, k, options)
            })?;
            out.give(routellm_string::json(serde_json::to_string(&explanation), "explanation")?);
            Ok(())
        })
    }
}
