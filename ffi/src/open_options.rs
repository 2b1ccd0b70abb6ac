//! How a router is opened.

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::mem;

use routellm_core::scorer::causal_llm::ScoreToken;
use routellm_core::{OpenOptions, Result};

use crate::args::{bytes, handle, name};
use crate::error::routellm_error;
use crate::guard::{guard, guard_or};
use crate::status::routellm_status;

/// How a router is opened. `NULL` stands for every default.
///
/// You own it. Setting is exclusive: one thread at a time. Opening only reads it, and keeps nothing of it.
/// An option that has no effect on the router that is opened is an error, with the exception of the mode.
#[derive(Debug, Default)]
pub struct routellm_open_options {
    pub(crate) options: OpenOptions,
    /// What was added so far; `options` has the same.
    pub(crate) score_tokens: Vec<ScoreToken>,
    /// Likewise of names of one's own.
    names: BTreeMap<String, String>,
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

/// Sets one single-threaded ONNX session for each core: most requests a second for many callers. The same as the preset
/// `throughput`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_throughput(
    options: Option<&mut routellm_open_options>,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            handle(options, "options")?.change(OpenOptions::throughput);
            Ok(())
        })
    }
}

/// Adds the token that stands for the next score of an exported causal LM: the first one added for score 1, the second
/// one for score 2, and so on. A text has to be one token of its vocabulary (checked when opening). Without any, they
/// are `[[1]]` to `[[5]]`. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_add_score_token(
    options: Option<&mut routellm_open_options>,
    token: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe {
        guard(err, || {
            let token = ScoreToken::Text(name(token, "token")?.to_owned());
            add(handle(options, "options")?, token);
            Ok(())
        })
    }
}

/// As `routellm_open_options_add_score_token()`, with the id of a token in place of its text. Texts and ids may be mixed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_add_score_token_id(
    options: Option<&mut routellm_open_options>,
    token: u32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            add(handle(options, "options")?, ScoreToken::Id(token));
            Ok(())
        })
    }
}

fn add(options: &mut routellm_open_options, token: ScoreToken) {
    options.score_tokens.push(token);
    let tokens = options.score_tokens.clone();
    options.change(|options| options.score_tokens(tokens));
}

/// Gives a candidate a name of your own: `of` is `strong`, `weak` or the router's name of it, and `own` what decisions,
/// scores, explanations, hooks and the router's information call it from then on. Candidates go on being chosen by the
/// router's names. Every call names one more (checked when opening). The texts are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_add_name(
    options: Option<&mut routellm_open_options>,
    of: *const c_char,
    own: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe {
        guard(err, || {
            let (of, own) = (name(of, "of")?.to_owned(), name(own, "own")?.to_owned());
            let options = handle(options, "options")?;
            options.names.insert(of, own);
            let names = options.names.clone();
            options.change(|options| options.names(names));
            Ok(())
        })
    }
}

/// Sets options from a JSON object of `len` bytes, whose members are named as the setters are:
/// `{"strong": "gpt-4", "sessions": 2, "head": {"kind": "binary", "strong_label": 0}}`. It is for languages that the
/// library has no package for; `routellm_option_at()` lists what there is. `null` leaves an option as it is. On failure
/// nothing is set.
///
/// Errors: `ROUTELLM_INVALID_ARGUMENT` for text that is no JSON object, a name that is no option's, and a value of another
/// type or out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_json(
    options: Option<&mut routellm_open_options>,
    json: *const c_char,
    len: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for texts with their length.
    unsafe {
        guard(err, || {
            let json = bytes(json, len, "json")?;
            handle(options, "options")?.options.set_json(json)
        })
    }
}
