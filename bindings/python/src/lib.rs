//! Glue between `routellm-core` and Python: argument conversion, one panic boundary, one table of errors.
//!
//! The face that people use is hand-written Python (`python/routellm_rs`); nothing here decides anything.

mod ask;
mod call;
mod cancel;
mod completion;
mod decision;
mod embedding;
mod error;
mod guard;
mod hooks;
mod input;
mod labels;
mod open;
mod router;
mod text;
mod train;

use pyo3::prelude::*;

/// The native half of `routellm_rs`. Its classes are immutable, and what changes behind them is the core's, with locks of
/// its own: it needs none of the interpreter's.
#[pymodule(gil_used = false)]
mod _native {
    use std::path::PathBuf;

    use pyo3::prelude::*;
    use pyo3::types::PyMapping;
    use routellm_core::{ErrorKind, onnx};

    use crate::call::json;
    #[pymodule_export]
    use crate::cancel::CancelToken;
    #[pymodule_export]
    use crate::decision::Decision;
    use crate::error::to_python;
    #[pymodule_export]
    use crate::hooks::DecisionEvent;
    #[pymodule_export]
    use crate::labels::Job;
    #[pymodule_export]
    use crate::open::open_option_names;
    #[pymodule_export]
    use crate::router::Router;
    #[pymodule_export]
    use crate::train::{
        evaluate, train_decontaminate, train_from_export, train_linear, train_mf, train_run,
        train_sw_ranking, train_sw_ranking_columns,
    };
    use crate::{guard, input, text};

    /// The prompt of a chat.
    #[pyfunction]
    #[pyo3(signature = (messages, read=None))]
    fn prompt_from_messages(
        py: Python<'_>,
        messages: &Bound<'_, PyAny>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let read = input::read_of(read)?.unwrap_or_default();
        let prompt = input::messages(messages, read)?;
        prompt.text().map(str::to_owned).map_err(|error| to_python(py, &error))
    }

    /// Rewrites an older artifact's manifest in today's form; False if it has that form already.
    #[pyfunction]
    fn upgrade_artifact(py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<bool> {
        let path = text::path("path", path)?;
        guard::detached(py, || routellm_core::artifact::upgrade(&path))
    }

    /// What was found on this machine, as JSON.
    #[pyfunction]
    #[pyo3(signature = (artifact=None))]
    fn doctor(py: Python<'_>, artifact: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        let path = artifact.map(|artifact| text::path("artifact", artifact)).transpose()?;
        guard::detached(py, || json(&routellm_core::doctor(path.as_deref())))
    }

    /// Tells where Python's own package keeps `libonnxruntime`.
    #[pyfunction]
    #[pyo3(signature = (path, description))]
    fn set_package_library(path: Option<PathBuf>, description: String) {
        onnx::set_package_library(path, description);
    }

    /// The table of errors: name of the kind, its number, name of the class.
    #[pyfunction]
    fn error_kinds() -> Vec<(&'static str, i32, &'static str)> {
        ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.code(), kind.python_class())).collect()
    }

    /// Panics where every call does its work: shows that a panic comes out as `InternalError`.
    #[pyfunction]
    fn panic_in_core(py: Python<'_>) -> PyResult<()> {
        guard::detached(py, || panic!("asked to panic"))
    }

    /// Hands nothing over to Python from now on: the interpreter is about to end.
    #[pyfunction]
    fn end_completions(py: Python<'_>) {
        crate::completion::end(py);
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // So that `isinstance` and patterns like `{"model": name}` know it.
        PyMapping::register::<Decision>(module.py())?;
        module.add("__version__", routellm_core::VERSION)
    }
}
