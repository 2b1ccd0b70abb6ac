//! Trainings and evaluations.

use std::ffi::{CString, c_char, c_void};
use std::ops::ControlFlow;

use routellm_core::eval::run_training;
use routellm_core::eval::{self, EvalSpec};
use routellm_core::train::TrainSpec;
use routellm_core::{Control, Progress, Result};

use crate::args::{Out, bytes};
use crate::cancel::routellm_cancel_token;
use crate::error::routellm_error;
use crate::guard::guard;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// How far a training or an evaluation has come. Later versions may append members: `struct_size` tells which ones there are.
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

/// Hears how far a training or an evaluation has come, on the thread that works. It returns 0 to go on; anything else stops
/// the work, which then is `ROUTELLM_CANCELLED`. It must not throw.
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
///   `mean_output_tokens`; `split`, a share of the prompts that nothing is learned from, and `evaluation`, how these are
///   evaluated afterwards (members of `routellm_evaluate()` but `routers` and data, or `{}`); `models`, `rename`, `ties`, `read`,
///   `seed`, `name`, `on_error`, `timeout_ms` and `provenance`.
///
/// `progress` and `cancel` may be `NULL`; `user` is handed to `progress`. `*report` is a text of JSON that you own: `kind`,
/// `out`, `name`, `models`, `sources` (with their numbers of rows and checksums), `left_out_rows`, `held_out`,
/// `calibration_prompts`, in `trained` what the trainer found, and `evaluation`. `report` may be `NULL`.
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
    // SAFETY: as this function's.
    unsafe {
        watched(
            spec,
            len,
            progress,
            user,
            cancel,
            report,
            err,
            "a training",
            TrainSpec::from_json,
            |spec, control| Ok(serde_json::to_string(&run_training(spec, control)?)),
        )
    }
}

/// Evaluates routers as a specification says, `len` bytes of JSON: quality against cost with intervals, baselines, slices,
/// other clothes and attacks. It returns when the evaluation is done.
///
/// ```json
/// {"routers": ["default", "my-router"],
///  "data": ["gold.csv"],
///  "strong": "big", "weak": "small"}
/// ```
///
/// - `routers`: `default` (the one that is compiled in), folders of artifacts or of models, or objects with `path`, `name` and
///   `options` of opening.
/// - `benchmarks` (`mmlu`, `gsm8k`, `mt-bench`) with `folder`, laid out as RouteLLM's `routellm/evals`; or `data`: files
///   (`.jsonl`, `.csv`), or objects with a `path` or the `rows` themselves, and where they are needed `kind` (`gold`, `votes`,
///   `log`), `models`, `columns`, `name`, `contaminated`, `rename` and `held_out` (the `split` of a training). Or both.
/// - Where they are needed: `strong` and `weak`, `costs` (USD per 1,000 requests by model), `baselines` (sources as a training
///   has them), `slices`, `robustness` (rows that are scored again; 0 for none), `draws`, `seed`, `confidence`, `levels`,
///   `definition`, `wrong`, `with_prompts`, `cache` (a folder that keeps scores), `on_error` and `timeout_ms`.
///
/// `progress`, `user`, `cancel` and `report` are as for `routellm_train()`. `*report` is a text of JSON that you own: `routers`,
/// and in `tables` the `results`, `comparisons` and `slices` of each benchmark and file; it is what the command `routellm eval`
/// writes.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a wrong specification, an unknown model, or rows that are malformed (naming file and
/// line); `ROUTELLM_NOT_FOUND` or `ROUTELLM_IO` for files; as opening a router; `ROUTELLM_RESOURCE_EXHAUSTED` after
/// `timeout_ms`; `ROUTELLM_CANCELLED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_evaluate(
    spec: *const c_char,
    len: usize,
    progress: routellm_progress_callback,
    user: *mut c_void,
    cancel: Option<&routellm_cancel_token>,
    report: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: as this function's.
    unsafe {
        watched(
            spec,
            len,
            progress,
            user,
            cancel,
            report,
            err,
            "an evaluation",
            EvalSpec::from_json,
            |spec, control| Ok(serde_json::to_string(&eval::run(spec, control)?)),
        )
    }
}

/// Work on a specification, whose report is JSON.
///
/// # Safety
/// The rules of the header for `err`, places of results and texts; `progress` may be called with `user`.
#[allow(clippy::too_many_arguments, reason = "those of the functions of C, and what differs")]
unsafe fn watched<S>(
    spec: *const c_char,
    len: usize,
    progress: routellm_progress_callback,
    user: *mut c_void,
    cancel: Option<&routellm_cancel_token>,
    report: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
    what: &str,
    read: fn(&[u8]) -> Result<S>,
    work: fn(&S, Control<'_>) -> Result<serde_json::Result<String>>,
) -> routellm_status {
    // SAFETY: promised by the caller.
    unsafe {
        guard(err, || {
            let spec = read(bytes(spec, len, "spec")?)?;
            let out = if report.is_null() { None } else { Some(Out::new(report, "report")?) };
            let mut control = Control::new();
            if let Some(handle) = cancel {
                control = control.cancel(&handle.token);
            }
            if let Some(callback) = progress {
                control = control.progress(move |step| tell(callback, user, step));
            }
            let json = work(&spec, control)?;
            if let Some(out) = out {
                out.give(routellm_string::json(json, &format!("the report of {what}"))?);
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
