//! What a report of a defect has to say.

use std::ffi::c_char;
use std::path::Path;

use crate::args::{Out, path};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::status::routellm_status;
use crate::string::routellm_string;
use crate::version::ROUTELLM_ABI_VERSION;

const _: () = assert!(ROUTELLM_ABI_VERSION == routellm_core::doctor::C_ABI_VERSION);

fn tell(artifact: Option<&Path>, out: Out<*mut routellm_string>) -> routellm_core::Result<()> {
    let diagnosis = routellm_core::doctor(artifact);
    out.give(routellm_string::json(serde_json::to_string(&diagnosis), "diagnosis")?);
    Ok(())
}

/// What was found on this machine, as a report of a defect needs it: a JSON object, in which what is not known is null.
///
/// - `versions`: `routellm`, `c_abi`, `format` (of artifacts), `target`, `optimized`, `ort`, `tokenizers`, `system`,
///   `language` (null in C);
/// - `runtime`: `found`, `in_use`, `library`, `located` (how), `version`, `build`, `providers`, `needed` (the oldest
///   version that works), `looked_at` (places before, with what the system said of each);
/// - `gpu`: `cuda`, `driver`, `cuda_version`, `devices`, `problem`;
/// - `cpu`: `architecture`, `model`, `cores` (that this process may use), `features`, `kernel` (`avx512`, `avx2` or
///   `baseline`);
/// - `artifact`: `path`, `form` (`compiled_in`, `artifact`, `folder` or `missing`), `name`, `kind`, `version`,
///   `candidates`, `files`, `bytes`, `checksums`, `problem`;
/// - `settings`: `environment` (variables that are read and set, with values), `unset`.
///
/// What is missing or broken is told and is no failure. No router is opened and no model loaded. The ONNX Runtime that a
/// router would use is loaded to be asked, and stays so, without binding the process to it. No prompt is in the report;
/// paths and the values of those variables are. Members may be added in later versions. On success `*json` is a new
/// string, which you free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_doctor(
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe { guard(err, || tell(None, Out::new(json, "json")?)) }
}

/// As `routellm_doctor()`, about the artifact, or the model, in a folder instead of the router that is compiled in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_doctor_of(
    folder: *const c_char,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and paths.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            tell(Some(&path(folder, "folder")?), out)
        })
    }
}
