//! The one ONNX Runtime environment of the process.

use std::path::{Path, PathBuf};

use once_cell::sync::OnceCell;
use ort::environment::Environment;

use super::locate;
use crate::{Error, ErrorKind, Result};

/// Created once and never dropped: ONNX Runtime allows one environment a process, even after a drop, and
/// tearing it down while another thread runs a session is not safe. A failed load can be tried again.
static RUNTIME: OnceCell<Runtime> = OnceCell::new();

pub(super) struct Runtime {
    pub(super) environment: Environment,
    info: RuntimeInfo,
}

impl Runtime {
    pub(super) fn info(&self) -> &RuntimeInfo {
        &self.info
    }
}

/// The ONNX Runtime in use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeInfo {
    /// Path or name that was loaded.
    pub library: PathBuf,
    /// Version of the library, for example `1.32.0`.
    pub version: String,
    /// What the library says of its build.
    pub build: String,
}

impl RuntimeInfo {
    fn of(library: PathBuf) -> Self {
        let version = locate::version(&library).unwrap_or_else(|| "unknown".to_owned());
        Self { library, version, build: ort::info().to_owned() }
    }
}

/// The runtime in use, if one was loaded.
pub fn loaded() -> Option<&'static RuntimeInfo> {
    RUNTIME.get().map(|runtime| &runtime.info)
}

/// The runtime, loaded on first use.
///
/// # Errors
/// `RuntimeUnavailable` naming every place that was looked at; `InvalidArgument` if `explicit` names
/// another library than the one that this process already uses.
pub(super) fn runtime(explicit: Option<&Path>) -> Result<&'static Runtime> {
    let runtime = RUNTIME.get_or_try_init(|| load(explicit))?;
    if let Some(path) = explicit {
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if canonical(path) != canonical(&runtime.info.library) {
            return Err(Error::invalid_argument(format!(
                "ONNX Runtime {} was asked for, but this process already uses {}; one process can use one",
                path.display(),
                runtime.info.library.display()
            )));
        }
    }
    Ok(runtime)
}

/// Uses an environment that a Rust program already made with its own `ort`: a process can have only one. To be
/// called before the first router with an encoder is opened; the version of `ort` must be this crate's.
///
/// # Errors
/// `InvalidArgument` if a runtime is already in use.
#[cfg(feature = "ort")]
pub fn adopt(environment: Environment, library: impl Into<PathBuf>) -> Result<()> {
    let info = RuntimeInfo::of(library.into());
    RUNTIME.set(Runtime { environment, info }).map_err(|_| {
        Error::invalid_argument("this process already uses an ONNX Runtime environment of routellm")
    })
}

/// Keeps the library from sending usage data, and from starting the thread that would: nothing here talks to the network
/// unasked, and a forked child would wait for that thread when it exits. Who sets the variable decides.
pub(super) fn refuse_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none() {
        #[allow(
            unsafe_code,
            reason = "the library reads nothing but the environment before its thread starts"
        )]
        // SAFETY: once in a process, while its first router with a model is opened. Another thread that reads the
        // environment at that moment through the C library could see a list of variables that is being replaced; so
        // could it when Python or Node set one, as they do at any time.
        unsafe {
            std::env::set_var(VARIABLE, "1");
        }
    }
}

/// What the system said of a library that it could not load, which `ort` leaves out: it tells a wrong architecture from an
/// older C library and a truncated file.
fn reason(error: &ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::Dlopen { error, .. } => {
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    }
}

fn load(explicit: Option<&Path>) -> Result<Runtime> {
    refuse_telemetry();
    let search = locate::search(explicit);
    let mut looked_at = search.looked_at;
    for candidate in search.candidates {
        // `ort` panics on some malformed libraries; a panic here must not reach the caller as one.
        let attempt = std::panic::catch_unwind(|| -> Result<Environment, String> {
            ort::init_from(&candidate.path)
                .map_err(|error| reason(&error))?
                .with_name("routellm")
                .with_telemetry(false)
                .build()
                .map_err(|error| error.to_string())
        });
        match attempt {
            Ok(Ok(environment)) => {
                let info = RuntimeInfo::of(candidate.path);
                return Ok(Runtime { environment, info });
            }
            Ok(Err(reason)) => looked_at.push(format!("{}: {reason}", candidate.description)),
            Err(_) => looked_at.push(format!("{}: not a usable ONNX Runtime", candidate.description)),
        }
    }
    Err(Error::new(
        ErrorKind::RuntimeUnavailable,
        format!(
            "this router needs ONNX Runtime 1.{} or newer (libonnxruntime), and none could be loaded. Install it \
             (Python: pip install 'routellm-rs[onnx]'; Node: npm install onnxruntime-node; else set {} to its \
             path). Looked at:\n  - {}",
            locate::ORT_MINOR_VERSION,
            locate::ENV_ROUTELLM_ORT_PATH,
            looked_at.join("\n  - ")
        ),
    ))
}
