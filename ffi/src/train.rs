//! Trainings.

use std::ffi::{CString, c_char, c_void};
use std::ops::ControlFlow;

use routellm_core::train::{TrainSpec, run};
use routellm_core::{Control, Progress};

use crate::args::{Out, bytes};
use crate::cancel::routellm_cancel_token;
use crate::error::routellm_error;
use crate::guard::guard;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// How far a training has come. Later versions may append members: `struct_size` tells which ones there are.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct routellm_progress {
    /// Size of this struct, in bytes.
    pub struct_size: usize,
    /// What is being done: `features`, `cross-validation`, `embedding`, `epoch`, `calibration` and others. It ends with
    /// NUL, and is valid until the callback returns.
    pub stage: *const c_char,
    /// Steps of this stage that are done.
    pub done: usize,
    /// Steps of this stage.
    pub total: usize,
    /// Loss of the step; NaN where there is none.
    pub loss: f64,
    /// Steps of this stage a second, since its first report; NaN there.
    pub rate: f64,
}

/// Hears how far a training has come, on the thread that trains. It returns 0 to go on; anything else stops the training,
/// which then is `ROUTELLM_CANCELLED`. It must not throw.
pub type routellm_progress_callback =
    Option<unsafe extern "C" fn(user: *mut c_void, progress: *const routellm_progress) -> i32>;

/// Trains a router as a specification says, `len` bytes of JSON, and writes its artifact, which `routellm_router_open()`
/// opens. It returns when the training is done.
///
/// ```json
/// {"trainer": {"kind": "linear", "folds": 5},
///  "sources": [{"kind": "gold", "path": "gold.jsonl"}],
///  "strong": "big", "weak": "small", "seed": 7,
///  "calibration": {"path": "traffic.jsonl", "date": "2026-01-31"},
///  "out": "my-router"}
/// ```
///
/// - `trainer`: its `kind`, `linear`, `knn`, `logistic`, `mf` or `sw_ranking`, and beside it its hyperparameters, each of which
///   has a default.
/// - `sources`: what it learns from. Each has a `kind`, `votes`, `gold`, `judge` (votes of a model that judges) or `log` (the
///   outcome of one model a row), and either a `path` (`.jsonl`, `.csv`, `.parquet`) or the `rows` themselves; where they are
///   needed `weight` and `columns`. Sources of one kind are read one after the other.
/// - `out`: the folder to write. An artifact that is there is replaced at once, at the end; whatever fails before leaves it
///   as it was.
/// - Where they are needed: `strong` and `weak`; `encoder`, a folder, or an object with `path`, `parameters`, `session` and
///   `cache`, or with `id` and a `path` to embeddings, for trainers on vectors; `calibration` with `path` or `prompts`, `name`
///   and `date`; `candidates`, names or objects with what is known of each, to which the sources are then restricted;
///   `mean_output_tokens`; `split`, a share of the prompts that nothing is learned from; `models`, `rename`, `ties`, `read`,
///   `seed`, `name`, `on_error`, `timeout_ms` and `provenance`.
///
/// `progress` and `cancel` may be `NULL`; `user` is handed to `progress`. `*report` is a text of JSON that you own: `kind`,
/// `out`, `name`, `models`, `sources` (with their numbers of rows and checksums), `left_out_rows`, `held_out`,
/// `calibration_prompts`, and in `trained` what the trainer found. `report` may be `NULL`.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a wrong specification, an unknown model, or rows that are malformed (naming file and
/// line) or too few; `ROUTELLM_NOT_FOUND` or `ROUTELLM_IO` for files; `ROUTELLM_RESOURCE_EXHAUSTED` after `timeout_ms`;
/// `ROUTELLM_CANCELLED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_train(
    spec: *const c_char,
    len: usize,
    progress: routellm_progress_callback,
    user: *mut c_void,
    cancel: Option<&routellm_cancel_token>,
    report: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and texts.
    unsafe {
        guard(err, || {
            let spec = TrainSpec::from_json(bytes(spec, len, "spec")?)?;
            let out = if report.is_null() { None } else { Some(Out::new(report, "report")?) };
            let mut control = Control::new();
            if let Some(handle) = cancel {
                control = control.cancel(&handle.token);
            }
            if let Some(callback) = progress {
                control = control.progress(move |step| tell(callback, user, step));
            }
            let made = run(&spec, control)?;
            if let Some(out) = out {
                out.give(routellm_string::json(serde_json::to_string(&made), "the report of a training")?);
            }
            Ok(())
        })
    }
}

/// # Safety
/// `callback` may be called with `user`.
pub(crate) unsafe fn tell(
    callback: unsafe extern "C" fn(*mut c_void, *const routellm_progress) -> i32,
    user: *mut c_void,
    step: Progress<'_>,
) -> ControlFlow<()> {
    // Stages are names of ours, without NUL.
    let stage = CString::new(step.stage).unwrap_or_default();
    let told = routellm_progress {
        struct_size: size_of::<routellm_progress>(),
        stage: stage.as_ptr(),
        done: step.done,
        total: step.total,
        loss: step.loss.unwrap_or(f64::NAN),
        rate: step.rate.unwrap_or(f64::NAN),
    };
    // SAFETY: promised by the caller.
    if unsafe { callback(user, &raw const told) } == 0 {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}
