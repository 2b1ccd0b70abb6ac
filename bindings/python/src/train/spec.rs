//! A training that is data.

use pyo3::prelude::*;
use routellm_core::eval::run_training;
use routellm_core::train::TrainSpec;

use super::{Rows, report, run};
use crate::error::to_python;

/// Trains as a specification says, which is JSON, or the path of a file of it; returns its report as JSON.
#[pyfunction]
#[pyo3(signature = (spec, progress=None))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_run(
    py: Python<'_>,
    spec: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let spec = match Rows::new("spec", spec)? {
        Rows::Lines(text) => TrainSpec::from_json(&text),
        Rows::File(path) => TrainSpec::read(path),
    };
    let spec = spec.map_err(|error| to_python(py, &error))?;
    // The specification has a timeout of its own.
    run(py, progress.as_ref(), None, |control| report(&run_training(&spec, control)?))
}
