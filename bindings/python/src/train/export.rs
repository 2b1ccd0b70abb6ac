//! An artifact from an exported model.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use routellm_core::router::write_export;

use crate::router::Router;
use crate::{guard, open, text};

/// Writes the exported model in a folder as the artifact `out`, and opens that. `options` are those of opening;
/// `sample` names the prompts of the calibration and holds them.
#[pyfunction]
#[pyo3(signature = (out, directory, options, sample, default_strong_share, calibration_date))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_from_export(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    directory: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
    sample: Option<(String, Vec<String>)>,
    default_strong_share: f64,
    calibration_date: Option<String>,
) -> PyResult<Router> {
    let out = text::path("out", out)?;
    let directory = text::path("directory", directory)?;
    let options = open::options(options)?;
    let core = guard::detached(py, || {
        let sample = sample.as_ref().map(|(name, prompts)| (name.as_str(), &**prompts));
        write_export(&options, &directory, &out, sample, default_strong_share, calibration_date.as_deref())
    })?;
    Ok(Router::new(py, core))
}
