//! What is said of a runtime in use.

use std::path::PathBuf;

use serde::Serialize;

/// An ONNX Runtime in use.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RuntimeUse {
    // <faces:record-runtime_info>
    /// The path of the library.
    pub library: PathBuf,
    /// Its version.
    pub version: String,
    /// What it says of its build.
    pub build: String,
    /// Where the model runs, whatever was asked for: `cpu` or `cuda`.
    pub provider: &'static str,
    /// The number of sessions.
    pub sessions: usize,
    /// The number of threads inside each.
    pub intra_threads: usize,
    // </faces:record-runtime_info>
}
