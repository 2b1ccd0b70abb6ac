//! A training that is data.

use pyo3::prelude::*;
use routellm_core::train::{self, TrainSpec};

use super::{report, run};
use crate::error::to_python;
use crate::text;

/// Trains as a specification says, which is JSON, or the path of a file of it; returns its report as JSON.
#[pyfunction]
#[pyo3(signature = (spec, path, progress=None))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_run(
    py: Python<'_>,
    spec: Option<&Bound<'_, PyAny>>,
    path: Option<&Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let spec = match (spec, path) {
        (Some(spec), _) => TrainSpec::from_json(text::argument("spec", spec)?.as_bytes()),
        (None, path) => {
            let path = path.map(|path| text::path("spec", path)).transpose()?;
            TrainSpec::read(path.unwrap_or_default())
        }
    };
    let spec = spec.map_err(|error| to_python(py, &error))?;
    // The specification has a timeout of its own.
    run(py, progress.as_ref(), None, |control| report(&train::run(&spec, control)?))
}
