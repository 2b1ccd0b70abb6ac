//! Training an `mf` router.

use pyo3::prelude::*;
use routellm_core::train::mf::{FitOptions, MfOptions, train};

use super::{Common, Given, GivenEncoder, report, run, settings};
use crate::text;

/// Keywords of `train.mf`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct MfSettings {
    dim: usize,
    epochs: usize,
    batch: usize,
    learning_rate: f64,
    weight_decay: f64,
    noise: f64,
    held_out: f64,
    patience: Option<usize>,
    shuffle: bool,
    seed: u64,
}

impl MfSettings {
    fn options(self) -> MfOptions {
        let mut fit = FitOptions::new()
            .dim(self.dim)
            .epochs(self.epochs)
            .batch(self.batch)
            .learning_rate(self.learning_rate)
            .weight_decay(self.weight_decay)
            .noise(self.noise)
            .held_out(self.held_out)
            .shuffle(self.shuffle)
            .seed(self.seed);
        fit.patience = self.patience;
        MfOptions::new().fit(fit)
    }
}

/// Trains an `mf` router; returns its report as JSON. The encoder is an artifact's, or, with `spec` (JSON), a
/// model and a tokenizer in the folder.
#[pyfunction]
#[pyo3(signature = (out, votes, gold, encoder, spec, common, options, progress=None))]
#[allow(clippy::too_many_arguments, reason = "one for each kind of thing that the face takes")]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_mf(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    votes: Option<&Bound<'_, PyAny>>,
    gold: Option<&Bound<'_, PyAny>>,
    encoder: &Bound<'_, PyAny>,
    spec: Option<&Bound<'_, PyAny>>,
    common: &Bound<'_, PyAny>,
    options: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let out = text::path("out", out)?;
    let given = Given::new(votes, gold)?;
    let encoder = GivenEncoder::new(encoder, spec, options)?;
    let common: Common = settings(common)?;
    let options = settings::<MfSettings>(options)?.options();
    run(py, progress.as_ref(), common.timeout(py)?, |control| {
        let (sources, options) = (given.read(common.models.as_ref())?, options.common(common.options()?));
        report(&train(&out, &sources, &encoder.open()?, &options, control)?)
    })
}
