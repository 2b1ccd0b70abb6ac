// Written by tools/faces/generate.py from core/options.toml: change that.

//! The setters of the options of opening.

use std::ffi::c_char;

use routellm_core::OpenOptions;
use routellm_core::candidates::Candidate;
use routellm_core::options::{Mode, OutOfDistribution, Read};

use crate::args::{flag, name, number_of, path};
use crate::error::routellm_error;
use crate::open_options::{routellm_open_options, set};
use crate::status::routellm_status;

/// Sets the strong model, one of the router's candidates. An exported model knows no names, and needs it. The text is
/// copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_strong(
    options: Option<&mut routellm_open_options>,
    model: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(model, "model"), OpenOptions::strong) }
}

/// Sets the weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every
/// prompt, unless `routellm_open_options_set_mode()` is `reference`. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_weak(
    options: Option<&mut routellm_open_options>,
    model: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(model, "model"), OpenOptions::weak) }
}

/// Sets the mathematics: `ROUTELLM_MODE_EXACT` (the default), or `ROUTELLM_MODE_REFERENCE` to do as lm-sys/RouteLLM
/// does. Routers that know one mode take either.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_mode(
    options: Option<&mut routellm_open_options>,
    mode: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || number_of(&Mode::ALL, Mode::name, mode, "mode"), OpenOptions::mode) }
}

/// Sets what of a chat is read, unless a call says otherwise: `ROUTELLM_READ_LAST_USER`, `ROUTELLM_READ_ALL_USER` or
/// `ROUTELLM_READ_CONVERSATION`; by default what the artifact says. Routers of prompts only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_read(
    options: Option<&mut routellm_open_options>,
    read: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || number_of(&Read::ALL, Read::name, read, "read"), OpenOptions::read) }
}

/// Sets whether every decision has an id: 128 bits, sortable by time, unlike that of any other decision. Without it a
/// decision has one only if a hook or an adapter asks for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_ids(
    options: Option<&mut routellm_open_options>,
    on: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || flag(on, "ids"), OpenOptions::ids) }
}

/// Sets what is known about candidates, instead of what the artifact says: a list (JSON where the language has texts
/// only) of objects with the `name` of a candidate and, if known, `price` (`{"input": 2.5, "output": 10, "date":
/// "2026-01-31"}`, in USD per million tokens), `context_length` in tokens and `capabilities` (`["text", "vision"]`).
/// Members that are absent leave what the artifact says, and so do candidates that are not named.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_candidates(
    options: Option<&mut routellm_open_options>,
    candidates: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe {
        set(options, err, || Candidate::read_list(name(candidates, "candidates")?), OpenOptions::candidates)
    }
}

/// Sets the number of tokens that an answer has on average, for expected costs; by default what the artifact says, or
/// 256.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_mean_output_tokens(
    options: Option<&mut routellm_open_options>,
    tokens: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(tokens), OpenOptions::mean_output_tokens) }
}

/// Sets a calibration instead of the artifact's: the path of the file that calibrating this router wrote, or what
/// stands in it. One of another router or pair is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_calibration(
    options: Option<&mut routellm_open_options>,
    calibration: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(calibration, "calibration")?.parse(), OpenOptions::calibration) }
}

/// Sets what a folder without `router.json` is: `bert` (any sequence classifier), `causal_llm` or `mf`; by default what
/// the model's `config.json` tells. For an artifact, the kind that it has to be. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_kind(
    options: Option<&mut routellm_open_options>,
    kind: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(kind, "kind"), OpenOptions::kind) }
}

/// Sets the path of `libonnxruntime`. Without it, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that the process has
/// loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to run
/// need it. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_onnxruntime(
    options: Option<&mut routellm_open_options>,
    library: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for paths.
    unsafe { set(options, err, || path(library, "library"), OpenOptions::onnxruntime) }
}

/// Sets where ONNX models run: `cpu` (the default); `cuda`, an NVIDIA GPU, which is `ROUTELLM_RUNTIME_UNAVAILABLE` if
/// it cannot be had; or `auto`, a GPU if it can be had and else the processor, and the router's information tells
/// which. A GPU needs the `libonnxruntime` that was built for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_provider(
    options: Option<&mut routellm_open_options>,
    provider: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(provider, "provider")?.parse(), OpenOptions::provider) }
}

/// Sets which GPU, from 0; 0 by default. Providers `cuda` and `auto` only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_device_id(
    options: Option<&mut routellm_open_options>,
    device: u32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(device), OpenOptions::device_id) }
}

/// Sets the bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers `cuda` and
/// `auto` only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_memory_limit(
    options: Option<&mut routellm_open_options>,
    bytes: u64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(bytes), OpenOptions::memory_limit) }
}

/// Sets whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from
/// those of the processor by about 1e-3. It does not by default. Providers `cuda` and `auto` only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_tf32(
    options: Option<&mut routellm_open_options>,
    on: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || flag(on, "tf32"), OpenOptions::tf32) }
}

/// Sets the numbers of sessions and threads by name: `latency`, one session with a thread for each core, four at most,
/// or `throughput`, one single-threaded session for each core. It excludes `routellm_open_options_set_sessions()` and
/// `routellm_open_options_set_intra_threads()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_preset(
    options: Option<&mut routellm_open_options>,
    preset: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(preset, "preset")?.parse(), OpenOptions::preset) }
}

/// Sets the number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_sessions(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::sessions) }
}

/// Sets the number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A
/// router with votes reads them with as many, by default with one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_intra_threads(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::intra_threads) }
}

/// Sets how many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
/// `ROUTELLM_RESOURCE_EXHAUSTED` at once, or a fallback if `routellm_route_options_set_on_error()` says so. Routers
/// with sessions only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_max_waiting(
    options: Option<&mut routellm_open_options>,
    calls: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(calls), OpenOptions::max_waiting) }
}

/// Sets what is decided for a prompt that no vote resembles: `ROUTELLM_OUT_OF_DISTRIBUTION_IGNORE` (the default) leaves
/// it to the win rate, as for any prompt; or `ROUTELLM_OUT_OF_DISTRIBUTION_STRONG`, or
/// `ROUTELLM_OUT_OF_DISTRIBUTION_WEAK`. A strong share of 0 or 1 and a threshold above 1 still send nothing, everything
/// and nothing to the strong model. Routers with votes only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_out_of_distribution(
    options: Option<&mut routellm_open_options>,
    decision: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        set(
            options,
            err,
            || number_of(&OutOfDistribution::ALL, OutOfDistribution::name, decision, "out_of_distribution"),
            OpenOptions::out_of_distribution,
        )
    }
}

/// Sets the least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of
/// distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_min_similarity(
    options: Option<&mut routellm_open_options>,
    similarity: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(similarity), OpenOptions::min_similarity) }
}

/// Sets whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the
/// default, reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file
/// must not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the
/// process with `SIGBUS`. Routers with votes only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_mmap(
    options: Option<&mut routellm_open_options>,
    map: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(map, "mmap")?.parse(), OpenOptions::mmap) }
}

/// Sets how many of the nearest clusters have their votes read one by one, at least 1; `SIZE_MAX` gives the exact
/// answer. It excludes `routellm_open_options_set_error_target()`. Clustered stores of routers with votes only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_open_clusters(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::open_clusters) }
}

/// Sets the largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes
/// `routellm_open_options_set_open_clusters()`, of which `all` is exact. Clustered stores of routers with votes only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_error_target(
    options: Option<&mut routellm_open_options>,
    error: f64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(error), OpenOptions::error_target) }
}

/// Sets what the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the
/// language has texts only):
///
/// - `three_labels`: strong wins, tie, weak wins, as in the paper. The default for a model with three outputs; there is
///   none for others.
/// - `binary`: two labels. `{"kind": "binary", "strong_label": 0}` says which label is that of the strong model, 1 by
///   default. A single output is the logit of label 1.
/// - `regression`: one score `x`. `{"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0}` is the win rate
///   `link(scale * x + offset)`; the default link is `identity`, which holds it within [0, 1].
/// - `candidates`: one logit for each model. Then the strong and the weak model are two of the labels in `config.json`.
///
/// A model that ends in the softmax is seen to give probabilities, which are taken as they are. Where its graph does
/// not tell, `{"kind": "three_labels", "probabilities": true}` does, and likewise for `binary` and `candidates`. A head
/// that does not fit the model's outputs is an error when opening.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_head(
    options: Option<&mut routellm_open_options>,
    head: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(head, "head")?.parse(), OpenOptions::head) }
}

/// Sets what an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an
/// object: `truncate` (the default) cuts them, `windows` reads them piece by piece: `{"kind": "windows", "overlap": 32,
/// "pooling": "mean", "max_windows": 8}` are its defaults, and `pooling` may be `max`. A prompt that was cut has
/// `truncated` in its decision.
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
/// - `chat`, the model's own chat template, or with parameters `{"kind": "chat", "system": "...", "user": "{question}",
///   "add_generation_prompt": true}`, and `"name"` where the model has several, in `tokenizer_config.json` or as files
///   in `additional_chat_templates`;
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

/// Sets the score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of
/// an exported causal LM is 1 - P(score >= this).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_score_threshold(
    options: Option<&mut routellm_open_options>,
    threshold: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(threshold), OpenOptions::score_threshold) }
}

/// Sets how many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes
/// the scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1,
/// and the decision has `no_score`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_max_new_tokens(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::max_new_tokens) }
}

/// Sets the day that a chat template gets where it asks for today's date (`strftime_now`), of the form `2026-01-31`.
/// The clock is never read, so that a router decides alike on every day, and such a template is refused without it. The
/// template `chat` of exported models without an artifact only: an artifact keeps what it was written with. The text is
/// copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_date(
    options: Option<&mut routellm_open_options>,
    day: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(day, "day"), OpenOptions::date) }
}

/// Sets what becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example: `as_written`
/// makes them control tokens, as the reference does, and `text` reads them as text, those of the template excepted.
/// They are the added tokens that `tokenizer.json` marks as special and, with a template or a prefix, those in brackets
/// that it spells out, `<think>` for example; what a model reads as common text, as many do `[INST]`, is text either
/// way. By default `as_written`, but `text` where `routellm_open_options_set_template()` is `chat`. Exported models
/// without an artifact only: an artifact keeps what it was written with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_control_tokens(
    options: Option<&mut routellm_open_options>,
    meaning: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(meaning, "control_tokens")?.parse(), OpenOptions::control_tokens) }
}

/// Sets which model in the folder is read, by its path in it, `onnx/model_fp16.onnx` for example; by default the first
/// of the usual names, in the folder itself and then in its `onnx`. Exported models without an artifact only: an
/// artifact has one model. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_file(
    options: Option<&mut routellm_open_options>,
    path: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(path, "path"), OpenOptions::file) }
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
