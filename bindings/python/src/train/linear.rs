//! Training a `linear` router.

use pyo3::prelude::*;
use routellm_core::train::linear::{self, LinearOptions, LinearReport};
use serde_json::json;

use super::{Common, Rows, run, settings};
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
    let rows = Rows::new("gold", gold)?;
    let common: Common = settings(common)?;
    let options: LinearSettings = settings(options)?;
    let report = run(py, progress.as_ref(), |progress| {
        let gold = common.gold(&rows)?;
        let (strong, weak) = common.pair(Some(&gold))?;
        let sources = common.sources(vec![rows.source("D_gold", gold.rows.len())?])?;
        let mut cap = LinearOptions::default().cap;
        cap.max_bytes = options.max_bytes;
        let options = LinearOptions {
            name: common.name.clone(),
            bits: options.bits,
            lambdas: options.lambdas,
            lexical_scales: options.lexical_scales,
            folds: options.folds,
            seed: options.seed,
            cap,
            projection: options.projection,
            per_candidate: options.per_candidate,
            calibration_date: common.calibration_date.clone(),
            read: common.read()?,
            ..LinearOptions::default()
        };
        let calibration = common.calibration.as_ref().map(|(name, prompts)| (name.as_str(), &**prompts));
        linear::train(&out, &gold, (&strong, &weak), calibration, &options, sources, progress)
    })?;
    let LinearReport { lambda, lexical_scale, error, baseline_error, link, out_of_fold } = report;
    Ok(json!({
        "strength": lambda, "lexical_scale": lexical_scale, "error": error, "baseline_error": baseline_error,
        "link_a": link.a, "link_b": link.b, "out_of_fold": out_of_fold,
    })
    .to_string())
}
