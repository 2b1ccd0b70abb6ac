//! What is said of a runtime in use.

use std::path::PathBuf;

use serde::Serialize;

/// An ONNX Runtime in use.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RuntimeUse {
    /// Path of the library.
    pub library: PathBuf,
    /// Its version.
    pub version: String,
    /// What it says of its build.
    pub build: String,
    /// Execution provider, `cpu` or `cuda`.
    pub provider: &'static str,
    /// Number of sessions.
    pub sessions: usize,
    /// Threads inside each.
    pub intra_threads: usize,
}
