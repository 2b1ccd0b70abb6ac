//! Options of exported models: classifiers and causal LMs without an artifact around them.

use std::ffi::c_char;

use routellm_core::OpenOptions;
use routellm_core::scorer::causal_llm::ScoreToken;

use crate::args::{handle, name};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::open_options::{routellm_open_options, set};
use crate::status::routellm_status;

/// Sets what a folder without `router.json` is: `bert`, `causal_llm` or `mf` (checked when opening). Without it, the
/// model's `config.json` tells. For an artifact, it is the kind that the artifact has to be. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_kind(
    options: Option<&mut routellm_open_options>,
    kind: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(kind, "kind"), OpenOptions::kind) }
}

/// Sets what the outputs of an exported classifier mean, by name or, with parameters, as a JSON object:
///
/// - `three_labels`: strong wins, tie, weak wins, as in the paper. The default for a model with three outputs; there is
///   none for others.
/// - `binary`: two labels. `{"kind": "binary", "strong_label": 0}` says which label is that of the strong
///   model, 1 by default.
/// - `regression`: one score `x`. `{"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0}` is the win rate
///   `link(scale * x + offset)`; the default link is `identity`, which holds it within [0, 1].
/// - `candidates`: one logit for each model. Then the strong and the weak model are two of the labels in `config.json`.
///
/// A head that does not fit the model's outputs is an error when opening.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_head(
    options: Option<&mut routellm_open_options>,
    head: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(head, "head")?.parse(), OpenOptions::head) }
}

/// Sets what an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as a
/// JSON object: `truncate` (the default) cuts them, `windows` reads them piece by piece:
/// `{"kind": "windows", "overlap": 32, "pooling": "mean", "max_windows": 8}` are its defaults, and `pooling` may be
/// `max`. A prompt that was cut has `truncated` in its decision.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_long_prompts(
    options: Option<&mut routellm_open_options>,
    long_prompts: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(long_prompts, "long_prompts")?.parse(), OpenOptions::long_prompts) }
}

/// Sets how a question becomes the text that an exported causal LM reads:
///
/// - a text with `{question}` (or `{prompt}`) in it; braces that are meant are doubled;
/// - `chat`, the model's own chat template, or with parameters
///   `{"kind": "chat", "system": "...", "user": "{question}", "add_generation_prompt": true}`;
/// - `routellm`, the published router's prompt, whose two files are beside its model. Then it is the default; there is
///   none for other models.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_template(
    options: Option<&mut routellm_open_options>,
    template: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(template, "template")?.parse(), OpenOptions::template) }
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

/// Sets the score from which on the weak model is good enough, 2 to the number of scores (checked when opening), 4 by
/// default: the win rate of an exported causal LM is 1 - P(score >= this).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_score_threshold(
    options: Option<&mut routellm_open_options>,
    threshold: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(threshold), OpenOptions::score_threshold) }
}

/// Sets how many tokens an exported causal LM generates at most until one is a score, 0 to 64 (checked when opening),
/// 6 by default. 0 takes the scores' probabilities as the next token, whatever the most likely one is. If none is a score,
/// the win rate is 1, and the decision has `no_score`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_max_new_tokens(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::max_new_tokens) }
}

/// Sets the number of tokens that an exported model reads of a prompt, special ones and an instruction included; by
/// default what its files say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_max_tokens(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::max_tokens) }
}

fn add(options: &mut routellm_open_options, token: ScoreToken) {
    options.score_tokens.push(token);
    let tokens = options.score_tokens.clone();
    options.change(|options| options.score_tokens(tokens));
}
