//! An evaluation that is data.

use pyo3::prelude::*;
use routellm_core::eval::{self, EvalSpec};

use super::{Rows, report, run};
use crate::error::to_python;

/// Evaluates as a specification says, which is JSON, or the path of a file of it; returns its report as JSON.
#[pyfunction]
#[pyo3(signature = (spec, progress=None))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn evaluate(
    py: Python<'_>,
    spec: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let spec = match Rows::new("spec", spec)? {
        Rows::Lines(text) => EvalSpec::from_json(&text),
        Rows::File(path) => EvalSpec::read(path),
    };
    let spec = spec.map_err(|error| to_python(py, &error))?;
    // The specification has a timeout of its own.
    run(py, progress.as_ref(), None, |control| report(&eval::run(&spec, control)?))
}
