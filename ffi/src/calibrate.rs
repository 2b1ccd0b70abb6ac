//! Calibrating routers, and what they notice.

use std::ffi::{CString, c_char, c_void};

use routellm_core::calibrate::CalibrateSpec;
use routellm_core::{Control, Result};

use crate::args::{Out, bytes, handle, path, slice};
use crate::cancel::routellm_cancel_token;
use crate::error::routellm_error;
use crate::fallbacks::{Listener, routellm_free_callback};
use crate::guard::guard;
use crate::router::{of, routellm_router};
use crate::status::routellm_status;
use crate::string::routellm_string;
use crate::train::{routellm_progress_callback, tell};

/// Calibrates a router on requests of your own as a specification says, `len` bytes of JSON: `*calibrated` is a new router,
/// which you free. It shares the models of this one, which stays as it is, and has another table and default.
///
/// ```json
/// {"path": "traffic.jsonl", "strong_share": 0.2, "further_requests": 10000}
/// ```
///
/// - One sample: `prompts`, `chats`, `embeddings` or `win_rates` (arrays), `rows` (objects), or the `path` of a file of rows
///   (`.jsonl`, `.csv`, `.parquet`). A row has `prompt`, `messages`, `body` (a request of OpenAI's API), `embedding` or
///   `win_rate`.
/// - One target: `strong_share`; `cost` in USD per 1,000 requests, by the candidates' prices; or, with labels, `pgr`, `quality`
///   or `p_success`. Labels are columns of the models' names, or `strong_quality` and `weak_quality`.
/// - Where they are needed: `further_requests`, `input_tokens`, `groups`, `group_by`, `slice_by`, `columns`, `policy`, `name`,
///   `date`, `seed` and `draws`.
///
/// `progress` and `cancel` may be `NULL`; `user` is handed to `progress`. `*report` is a text of JSON that you own: the
/// threshold, the share, its confidence interval and the prediction interval of further requests, costs, qualities, slices and
/// warnings. `report` may be `NULL`.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a wrong specification, a sample that is malformed or has one win rate only, and a target that
/// cannot be met; `ROUTELLM_NOT_FOUND` or `ROUTELLM_IO` for files; `ROUTELLM_CANCELLED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_calibrate(
    router: Option<&routellm_router>,
    spec: *const c_char,
    len: usize,
    progress: routellm_progress_callback,
    user: *mut c_void,
    cancel: Option<&routellm_cancel_token>,
    calibrated: *mut *mut routellm_router,
    report: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and texts.
    unsafe {
        guard(err, || {
            let out = Out::new(calibrated, "calibrated")?;
            let told = if report.is_null() { None } else { Some(Out::new(report, "report")?) };
            let spec = CalibrateSpec::from_json(bytes(spec, len, "spec")?)?;
            let mut control = Control::new();
            if let Some(handle) = cancel {
                control = control.cancel(&handle.token);
            }
            if let Some(callback) = progress {
                control = control.progress(move |step| tell(callback, user, step));
            }
            calibrate(router, &spec, control, out, told)
        })
    }
}

/// As `routellm_router_calibrate()`, from `count` win rates that this router gave, to a strong share in [0, 1]. The prediction
/// interval in the report is for `further_requests`; 0 means as many as there are win rates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_calibrate_win_rates(
    router: Option<&routellm_router>,
    win_rates: *const f64,
    count: usize,
    strong_share: f64,
    further_requests: u64,
    calibrated: *mut *mut routellm_router,
    report: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and arrays.
    unsafe {
        guard(err, || {
            let out = Out::new(calibrated, "calibrated")?;
            let told = if report.is_null() { None } else { Some(Out::new(report, "report")?) };
            let rates = slice(win_rates, count, "win_rates")?;
            let mut spec = CalibrateSpec::new().win_rates(rates.to_vec()).strong_share(strong_share);
            spec.further_requests = (further_requests > 0).then_some(further_requests);
            calibrate(router, &spec, Control::new(), out, told)
        })
    }
}

fn calibrate(
    router: Option<&routellm_router>,
    spec: &CalibrateSpec,
    control: Control<'_>,
    out: Out<*mut routellm_router>,
    told: Option<Out<*mut routellm_string>>,
) -> Result<()> {
    let (calibrated, report) = handle(router, "router")?.router.calibrate(spec, control)?;
    if let Some(told) = told {
        told.give(routellm_string::json(serde_json::to_string(&report), "the report of a calibration")?);
    }
    out.give(of(calibrated)?);
    Ok(())
}

/// What the calibration of this router found, as JSON: `*json` is a new text, which you free, or `NULL` of a router that was
/// neither calibrated nor opened with the option `calibration`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_calibration_report(
    router: Option<&routellm_router>,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            if let Some(report) = handle(router, "router")?.router.calibration_report() {
                out.give(routellm_string::new(report.to_string()));
            }
            Ok(())
        })
    }
}

/// Keeps the calibration of a router that was calibrated: in a file, if `file_or_folder` ends in `.json`, which the option
/// `calibration` of opening takes; else with the artifact in a folder, that of this router or a new one.
///
/// `ROUTELLM_INVALID_ARGUMENT` for a router that was not calibrated, and a folder that holds something else; `ROUTELLM_IO`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_save_calibration(
    router: Option<&routellm_router>,
    file_or_folder: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and paths.
    unsafe {
        guard(err, || {
            let to = path(file_or_folder, "file_or_folder")?;
            handle(router, "router")?.router.save_calibration(to)
        })
    }
}

/// Hears what a router notices about calls: a text, NUL-terminated and valid during the call. `user` is yours.
///
/// It runs in the thread of the call, before anything is decided, and must not throw or jump out.
pub type routellm_notice_callback = Option<unsafe extern "C" fn(user: *mut c_void, message: *const c_char)>;

type Callback = unsafe extern "C" fn(user: *mut c_void, message: *const c_char);

impl Listener<Callback> {
    fn hear(&self, text: &str) {
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: the callback keeps to the header, and its `user` lives as long as the listener.
        unsafe { (self.callback)(self.user, text.as_ptr()) };
    }
}

/// Sets who hears what this router notices about calls, each thing once: that a threshold is above, or below, every win rate of
/// the calibration sample. The statistics of the router have it, too. `callback` `NULL` takes the last one away. `user` and
/// `release` are as of `routellm_router_on_decision()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_on_notice(
    router: Option<&routellm_router>,
    callback: routellm_notice_callback,
    user: *mut c_void,
    release: routellm_free_callback,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            match Listener::new(callback, user, release)? {
                Some(listener) => router.router.on_notice(move |text| listener.hear(text)),
                None => router.router.off_notice(),
            }
            Ok(())
        })
    }
}
