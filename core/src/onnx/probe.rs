//! Which ONNX Runtime a router would use, without binding the process to it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use super::{env, locate};
use crate::dynamic::Library;

/// What was found.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) found: Option<Found>,
    /// Whether this process uses it already.
    pub(crate) in_use: bool,
    /// What was looked at before, and what the system said.
    pub(crate) looked_at: Vec<String>,
}

/// A library that can be used.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) library: PathBuf,
    pub(crate) located: String,
    pub(crate) version: String,
    pub(crate) build: String,
    pub(crate) providers: Vec<String>,
}

/// Looks where opening a router would, in the same order.
pub(crate) fn probe() -> Probe {
    if let Some(info) = env::loaded() {
        let located = format!("{} (in use by this process)", info.library.display());
        let providers = ask(&info.library).map(|answer| answer.providers).unwrap_or_default();
        let (library, version, build) = (info.library.clone(), info.version.clone(), info.build.clone());
        let found = Found { library, located, version, build, providers };
        return Probe { found: Some(found), in_use: true, looked_at: Vec::new() };
    }
    env::refuse_telemetry();
    let search = locate::search(None);
    let mut looked_at = search.looked_at;
    for candidate in search.candidates {
        match ask(&candidate.path) {
            Ok(answer) => {
                let Answer { file, version, build, providers } = answer;
                let library = file.unwrap_or(candidate.path);
                let found = Found { library, located: candidate.description, version, build, providers };
                return Probe { found: Some(found), in_use: false, looked_at };
            }
            Err(reason) => looked_at.push(format!("{}: {reason}", candidate.description)),
        }
    }
    Probe { found: None, in_use: false, looked_at }
}

struct Answer {
    file: Option<PathBuf>,
    version: String,
    build: String,
    providers: Vec<String>,
}

/// Asks the library at `path` who it is.
#[allow(unsafe_code, reason = "calls the functions of ONNX Runtime that need no environment")]
fn ask(path: &Path) -> Result<Answer, String> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;

    let symbol = Library::open(path)?
        .symbol(c"OrtGetApiBase")
        .ok_or_else(|| format!("{} does not export `OrtGetApiBase`", path.display()))?;
    // SAFETY: that is the type of this function in every release of ONNX Runtime.
    let base = unsafe { std::mem::transmute::<*mut c_void, GetApiBase>(symbol)() };
    if base.is_null() {
        return Err("not a usable ONNX Runtime".to_owned());
    }
    // SAFETY: the base API has the same form in every release, and gives a C string that belongs to the library.
    let version = unsafe { CStr::from_ptr(((*base).GetVersionString)()) }.to_string_lossy().into_owned();
    let minor = version.split('.').nth(1).and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    // An older one would complain of the question on the standard error.
    let api = if minor < locate::ORT_MINOR_VERSION {
        std::ptr::null()
    } else {
        // SAFETY: as above.
        unsafe { ((*base).GetApi)(locate::ORT_MINOR_VERSION) }
    };
    if api.is_null() {
        return Err(format!("version {version}, 1.{} or newer is needed", locate::ORT_MINOR_VERSION));
    }
    // SAFETY: the API of this version, which belongs to the library, as its text does.
    let build = unsafe { CStr::from_ptr(((*api).GetBuildInfoString)()) }.to_string_lossy().into_owned();
    // SAFETY: as above.
    let providers = unsafe { providers(&*api) };
    Ok(Answer { file: Library::file_of(symbol), version, build, providers })
}

/// The providers that a library was built with.
///
/// # Safety
/// `api` is of a loaded library.
#[allow(unsafe_code, reason = "reads a list that ONNX Runtime made")]
unsafe fn providers(api: &ort::sys::OrtApi) -> Vec<String> {
    let mut names: *mut *mut c_char = std::ptr::null_mut();
    let mut count: c_int = 0;
    // SAFETY: both places are writable.
    let status = unsafe { (api.GetAvailableProviders)(&raw mut names, &raw mut count) };
    if !status.0.is_null() {
        // SAFETY: the status is ours.
        unsafe { (api.ReleaseStatus)(status.0) };
        return Vec::new();
    }
    let length = usize::try_from(count).unwrap_or(0);
    let name = |i: usize| {
        // SAFETY: the list has `length` C strings until it is released.
        unsafe { CStr::from_ptr(*names.add(i)) }.to_string_lossy().into_owned()
    };
    let list = (0..length).map(name).collect();
    // SAFETY: the list is the one that was given.
    let status = unsafe { (api.ReleaseAvailableProviders)(names, count) };
    if !status.0.is_null() {
        // SAFETY: the status is ours.
        unsafe { (api.ReleaseStatus)(status.0) };
    }
    list
}
