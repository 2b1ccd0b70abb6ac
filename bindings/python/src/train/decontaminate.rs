//! Which prompts of training data an evaluation has too.

use std::path::PathBuf;

use pyo3::prelude::*;
use routellm_core::onnx::SessionOptions;
use routellm_core::train::Encoder;
use routellm_core::train::decontaminate::{DecontaminationOptions, decontaminate};
use serde::Deserialize;

use super::run;
use crate::error::to_python;
use crate::text;

#[derive(Deserialize)]
struct Given {
    prompts: Vec<String>,
    against: Vec<String>,
    words: Option<usize>,
    cosine: f64,
}

/// Compares the prompts of a JSON object `prompts`, `against`, `words`, `cosine`; returns what was found as JSON.
#[pyfunction]
#[pyo3(signature = (given, encoder=None, progress=None))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_decontaminate(
    py: Python<'_>,
    given: &Bound<'_, PyAny>,
    encoder: Option<&Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let given = text::argument("prompts", given)?;
    let given = given.parse::<routellm_core::Json>().and_then(|json| json.read::<Given>());
    let given = given.map_err(|error| to_python(py, &error.context("decontaminate")))?;
    let encoder: Option<PathBuf> = encoder.map(|folder| text::path("encoder", folder)).transpose()?;
    run(py, progress.as_ref(), None, |control| {
        let encoder = encoder.map(|folder| Encoder::open(&folder, &SessionOptions::default())).transpose()?;
        let mut options = DecontaminationOptions::new().cosine(given.cosine);
        options.words = given.words;
        let found = decontaminate(&given.prompts, &given.against, encoder.as_ref(), &options, control)?;
        let keep = found.keep();
        let mut report = serde_json::to_value(&found).map_err(|error| {
            routellm_core::Error::new(routellm_core::ErrorKind::Internal, error.to_string())
        })?;
        report["keep"] = keep.into();
        Ok(report.to_string())
    })
}
