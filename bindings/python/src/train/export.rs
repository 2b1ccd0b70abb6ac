//! An artifact from an exported model.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use routellm_core::options::OPEN;
use routellm_core::preference::GoldReader;
use routellm_core::router::{ExportSample, write_export};

use super::{Prompts, Rows, run, settings};
use crate::router::Router;
use crate::{open, text};

/// Keywords of `train.from_export` beside those of opening.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ExportSettings {
    calibration: Option<Prompts>,
    gold: Option<Rows>,
    calibration_name: Option<String>,
    calibration_date: Option<String>,
    default_strong_share: Option<f64>,
    timeout_ms: Option<f64>,
}

impl ExportSettings {
    fn sample(&self) -> routellm_core::Result<Option<ExportSample>> {
        let Some(prompts) = &self.calibration else { return Ok(None) };
        let mut sample = ExportSample::new(prompts.sample(self.calibration_name.as_deref())?);
        sample.date.clone_from(&self.calibration_date);
        sample.default_strong_share = self.default_strong_share.unwrap_or(sample.default_strong_share);
        sample.gold = match &self.gold {
            None => None,
            Some(Rows::File(path)) => Some(GoldReader::new().read(path)?),
            Some(Rows::Lines(lines)) => Some(GoldReader::new().from_jsonl(lines.as_slice(), "gold")?),
        };
        Ok(Some(sample))
    }
}

/// Writes the exported model in a folder as the artifact `out`, and opens that. `given` are the options of opening.
#[pyfunction]
#[pyo3(signature = (out, directory, given, calibration, progress=None))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_from_export(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    directory: &Bound<'_, PyAny>,
    given: &Bound<'_, PyDict>,
    calibration: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Router> {
    let out: PathBuf = text::path("out", out)?;
    let directory = text::path("directory", directory)?;
    let options = open::options(given)?;
    let of_sample: ExportSettings = settings(calibration)?;
    let timeout =
        of_sample.timeout_ms.map(|milliseconds| crate::call::timeout(py, milliseconds)).transpose()?;
    let core = run(py, progress.as_ref(), timeout, |control| {
        write_export(&options, &directory, &out, of_sample.sample()?.as_ref(), control)
    })?;
    // The artifact keeps what tells of the model, and takes it from nobody.
    let again = given.copy()?;
    for info in OPEN.iter().filter(|info| info.group == "export") {
        if again.contains(info.name)? {
            again.del_item(info.name)?;
        }
    }
    Router::of_folder(py, core, &out, again)
}
