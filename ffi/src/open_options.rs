//! How a router is opened.

use std::ffi::c_char;
use std::mem;

use routellm_core::scorer::causal_llm::ScoreToken;
use routellm_core::{Mode, OpenOptions, OutOfDistribution, Result};

use crate::args::{handle, invalid, name};
use crate::error::routellm_error;
use crate::guard::{guard, guard_or};
use crate::messages::read_of;
use crate::status::routellm_status;

/// Mode: the mathematically right one.
pub const ROUTELLM_MODE_EXACT: i32 = 0;
/// Mode: that of lm-sys/RouteLLM, to the digit where that is possible. Routers that know one mode take either.
pub const ROUTELLM_MODE_REFERENCE: i32 = 1;

/// Out of distribution: the win rate decides as for any prompt. The default.
pub const ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE: i32 = 0;
/// Out of distribution: decide for the strong model.
pub const ROUTELLM_OUT_OF_DISTRIBUTION_STRONG: i32 = 1;
/// Out of distribution: decide for the weak model.
pub const ROUTELLM_OUT_OF_DISTRIBUTION_WEAK: i32 = 2;

/// How a router is opened. `NULL` stands for every default.
///
/// You own it. Setting is exclusive: one thread at a time. Opening only reads it, and keeps nothing of it.
/// An option that has no effect on the router that is opened is an error, with the exception of the mode.
#[derive(Debug, Default)]
pub struct routellm_open_options {
    pub(crate) options: OpenOptions,
    /// What was added so far; `options` has the same.
    pub(crate) score_tokens: Vec<ScoreToken>,
}

impl routellm_open_options {
    pub(crate) fn change(&mut self, change: impl FnOnce(OpenOptions) -> OpenOptions) {
        self.options = change(mem::take(&mut self.options));
    }
}

/// Sets one option: `apply` with what `value` gives.
///
/// # Safety
/// As [`guard`].
pub(crate) unsafe fn set<T>(
    options: Option<&mut routellm_open_options>,
    err: *mut *mut routellm_error,
    value: impl FnOnce() -> Result<T>,
    apply: impl FnOnce(OpenOptions, T) -> OpenOptions,
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

/// Options with every default. You own them. Never `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_open_options_new() -> Box<routellm_open_options> {
    Box::default()
}

/// Frees options. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_open_options_free(options: Option<Box<routellm_open_options>>) {
    guard_or((), || drop(options));
}

/// Sets the strong model, one of the artifact's candidates (checked when opening). The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_strong(
    options: Option<&mut routellm_open_options>,
    model: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(model, "model"), OpenOptions::strong) }
}

/// Sets the weak model, one of the artifact's candidates (checked when opening). The text is copied. A router with votes
/// refuses two models of one tier, which would get one half on every prompt, unless its mode is `reference`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_weak(
    options: Option<&mut routellm_open_options>,
    model: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(model, "model"), OpenOptions::weak) }
}

/// Sets the mode: `ROUTELLM_MODE_EXACT` (the default) or `ROUTELLM_MODE_REFERENCE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_mode(
    options: Option<&mut routellm_open_options>,
    mode: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let mode = match mode {
                ROUTELLM_MODE_EXACT => Mode::Exact,
                ROUTELLM_MODE_REFERENCE => Mode::Reference,
                other => {
                    return Err(invalid(format!(
                        "mode is {other}, expected ROUTELLM_MODE_EXACT (0) or ROUTELLM_MODE_REFERENCE (1)"
                    )));
                }
            };
            handle(options, "options")?.change(|options| options.mode(mode));
            Ok(())
        })
    }
}

/// Sets what of a chat is read, unless a call says otherwise: `ROUTELLM_READ_LAST_USER`, `ROUTELLM_READ_ALL_USER` or
/// `ROUTELLM_READ_CONVERSATION`. By default, what the artifact says. Routers of prompts only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_read(
    options: Option<&mut routellm_open_options>,
    read: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || read_of(read), OpenOptions::read) }
}

/// Sets what is decided for a prompt that no vote resembles: `ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE` (the default),
/// `_STRONG` or `_WEAK`. A strong share of 0 or 1 and a threshold above 1 still send nothing, everything and nothing to
/// the strong model. Similarity-weighted ranking only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_out_of_distribution(
    options: Option<&mut routellm_open_options>,
    decision: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let decision = match decision {
                ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE => OutOfDistribution::Ignore,
                ROUTELLM_OUT_OF_DISTRIBUTION_STRONG => OutOfDistribution::Strong,
                ROUTELLM_OUT_OF_DISTRIBUTION_WEAK => OutOfDistribution::Weak,
                other => {
                    return Err(invalid(format!(
                        "out_of_distribution is {other}, expected ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE (0), _STRONG (1) \
                         or _WEAK (2)"
                    )));
                }
            };
            handle(options, "options")?.change(|options| options.out_of_distribution(decision));
            Ok(())
        })
    }
}

/// Sets the least similarity, in [-1, 1] (checked when opening): a prompt whose largest cosine similarity to any
/// vote is below it is out of distribution. Without it, only a prompt is whose every similarity is 0 or less.
/// Similarity-weighted ranking only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_min_similarity(
    options: Option<&mut routellm_open_options>,
    similarity: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(similarity), OpenOptions::min_similarity) }
}

/// Sets whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the default,
/// reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file must not
/// change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the process
/// with `SIGBUS`. Similarity-weighted ranking only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_mmap(
    options: Option<&mut routellm_open_options>,
    map: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(map, "mmap")?.parse(), OpenOptions::mmap) }
}

/// Sets how many of the nearest clusters have their votes read one by one, at least 1 (checked when opening);
/// `SIZE_MAX` reads all of them, for the exact answer. It excludes an error target. Clustered stores of
/// similarity-weighted ranking only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_open_clusters(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::open_clusters) }
}

/// Sets the largest estimated error of a win rate, in (0, 1] (checked when opening): clusters are read until it is
/// reached. It excludes a number of clusters. Clustered stores of similarity-weighted ranking only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_error_target(
    options: Option<&mut routellm_open_options>,
    error: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(error), OpenOptions::error_target) }
}
