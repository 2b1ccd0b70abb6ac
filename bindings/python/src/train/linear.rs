//! Training a `linear` router.

use pyo3::prelude::*;
use routellm_core::train::linear::{LinearOptions, train};

use super::{Common, Given, report, run, settings};
use crate::text;

/// Keywords of `train.linear`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct LinearSettings {
    bits: u32,
    lambdas: Vec<f64>,
    lexical_scales: Vec<f32>,
    folds: usize,
    projection: Option<usize>,
    per_candidate: bool,
    max_bytes: usize,
    seed: u64,
}

impl LinearSettings {
    fn options(self) -> LinearOptions {
        let mut options = LinearOptions::new();
        options.cap.max_bytes = self.max_bytes;
        options.projection = self.projection;
        options
            .bits(self.bits)
            .lambdas(self.lambdas)
            .lexical_scales(self.lexical_scales)
            .folds(self.folds)
            .per_candidate(self.per_candidate)
            .seed(self.seed)
    }
}

/// Trains a `linear` router; returns its report as JSON.
#[pyfunction]
#[pyo3(signature = (out, gold, common, options, progress=None))]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_linear(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    gold: &Bound<'_, PyAny>,
    common: &Bound<'_, PyAny>,
    options: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let out = text::path("out", out)?;
    let given = Given::new(None, Some(gold))?;
    let common: Common = settings(common)?;
    let options = settings::<LinearSettings>(options)?.options();
    run(py, progress.as_ref(), common.timeout(py)?, |control| {
        let sources = given.read(common.models.as_ref())?;
        report(&train(&out, &sources, &options.common(common.options()?), control)?)
    })
}
