//! Finding `libonnxruntime`.
//!
//! In this order: the path given to the call, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that is
//! already in this process, the host language's package, the system name. A path that somebody named is
//! the only one tried: to fall back silently from it would hide a mistake.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Environment variable with the path of the library, for this project only.
pub const ENV_ROUTELLM_ORT_PATH: &str = "ROUTELLM_ORT_PATH";
/// Environment variable with the path of the library, shared with other users of `ort`.
pub const ENV_ORT_DYLIB_PATH: &str = "ORT_DYLIB_PATH";
/// Oldest ONNX Runtime 1.x that works.
pub const ORT_MINOR_VERSION: u32 = 24;

/// Where the host language's own package keeps the library, and what to say if it is not installed.
static PACKAGE_LIBRARY: Mutex<Option<PackageLibrary>> = Mutex::new(None);

#[derive(Debug, Clone)]
struct PackageLibrary {
    path: Option<PathBuf>,
    description: String,
}

/// Tells where the host language's package keeps the library: the binding looks, because only it knows how.
/// `description` is what the error says was looked at, for example `Python package onnxruntime: not installed`.
pub fn set_package_library(path: Option<PathBuf>, description: impl Into<String>) {
    *PACKAGE_LIBRARY.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(PackageLibrary { path, description: description.into() });
}

/// One place to try.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// What is handed to the loader.
    pub(super) path: PathBuf,
    /// How the error names it.
    pub(super) description: String,
}

/// The places to try, in order, and the descriptions of those that hold nothing to try.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) candidates: Vec<Candidate>,
    pub(super) looked_at: Vec<String>,
}

/// Where to look. A named path comes alone.
pub(super) fn search(explicit: Option<&Path>) -> Search {
    let mut search = Search::default();
    let named = explicit.map(|path| (path.to_path_buf(), "the path given".to_owned())).or_else(|| {
        [ENV_ROUTELLM_ORT_PATH, ENV_ORT_DYLIB_PATH].into_iter().find_map(|variable| {
            let value = std::env::var_os(variable).filter(|value| !value.is_empty());
            if value.is_none() {
                search.looked_at.push(format!("{variable}: not set"));
            }
            value.map(|value| (PathBuf::from(value), variable.to_owned()))
        })
    });
    if let Some((path, origin)) = named {
        let path = std::path::absolute(&path).unwrap_or(path);
        let description = format!("{} ({origin})", path.display());
        search.candidates.push(Candidate { path, description });
        return search;
    }
    match resident() {
        Some(path) => search
            .candidates
            .push(Candidate { description: format!("{} (already in this process)", path.display()), path }),
        None => search.looked_at.push("libraries already in this process: none is ONNX Runtime".to_owned()),
    }
    if let Some(package) = PACKAGE_LIBRARY.lock().unwrap_or_else(PoisonError::into_inner).clone() {
        match package.path {
            Some(path) => search.candidates.push(Candidate { path, description: package.description }),
            None => search.looked_at.push(package.description),
        }
    }
    let name = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    for name in [name.clone(), format!("{name}.1")] {
        let description = format!("{name} (system library path)");
        search.candidates.push(Candidate { path: PathBuf::from(name), description });
    }
    search
}

/// Path of an ONNX Runtime that the process has loaded under its usual name.
#[cfg(unix)]
#[allow(unsafe_code, reason = "asks the dynamic loader about libraries that are already resident")]
fn resident() -> Option<PathBuf> {
    use std::ffi::CStr;

    use crate::dynamic::Library;

    [c"libonnxruntime.so.1", c"libonnxruntime.so"].into_iter().find_map(|name: &CStr| {
        // SAFETY: RTLD_NOLOAD never loads or runs anything; the name is a C string; the handle is closed below.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        if handle.is_null() {
            return None;
        }
        // SAFETY: the handle is open and the name a C string.
        let symbol = unsafe { libc::dlsym(handle, c"OrtGetApiBase".as_ptr()) };
        let path = if symbol.is_null() { None } else { Library::file_of(symbol) };
        // SAFETY: closes the reference that dlopen gave; the library stays with its first loader.
        unsafe { libc::dlclose(handle) };
        path
    })
}

/// The version that the library at `path`, which is loaded, gives.
#[cfg(unix)]
#[allow(unsafe_code, reason = "asks a library that is already resident for its version")]
pub(super) fn version(path: &Path) -> Option<String> {
    use std::ffi::{CStr, CString};
    use std::os::unix::ffi::OsStrExt;

    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: RTLD_NOLOAD never loads or runs anything; the name is a C string; the handle is closed below.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: the handle is open and the name a C string.
    let symbol = unsafe { libc::dlsym(handle, c"OrtGetApiBase".as_ptr()) };
    let version = (!symbol.is_null()).then(|| {
        // SAFETY: that is the type of this function in every release of ONNX Runtime.
        let base = unsafe { std::mem::transmute::<*mut libc::c_void, GetApiBase>(symbol)() };
        // SAFETY: the base API has the same form in every release, and gives a C string that belongs to the library.
        let text = unsafe { CStr::from_ptr(((*base).GetVersionString)()) };
        text.to_string_lossy().into_owned()
    });
    // SAFETY: closes the reference that dlopen gave; the library stays with its first loader.
    unsafe { libc::dlclose(handle) };
    version
}

#[cfg(not(unix))]
pub(super) fn version(_path: &Path) -> Option<String> {
    None
}

#[cfg(not(unix))]
fn resident() -> Option<PathBuf> {
    None
}
