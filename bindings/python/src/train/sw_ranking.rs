//! Building an `sw_ranking` router.

use pyo3::prelude::*;
use pyo3::types::PyList;
use routellm_core::Result;
use routellm_core::preference::{EmbeddedVotes, Votes, Winner};
use routellm_core::train::sw_ranking::{SwOptions, train, train_columns};

use super::{Common, Given, GivenEncoder, report, run, settings};
use crate::embedding::Embeddings;
use crate::error::invalid_argument;
use crate::text;

/// Keywords of `train.sw_ranking`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct SwSettings {
    tiers: usize,
    store: String,
    weight_exponent: f64,
    seed: u64,
    texts: bool,
}

impl SwSettings {
    fn options(self) -> Result<SwOptions> {
        let mut options = SwOptions::new().texts(self.texts);
        options.build = options.build.tiers(self.tiers).weight_exponent(self.weight_exponent).seed(self.seed);
        options.store(&self.store)
    }
}

/// Builds an `sw_ranking` router from rows, whose prompts the encoder embeds; returns its report as JSON. The
/// encoder is as for `train_mf`.
#[pyfunction]
#[pyo3(signature = (out, votes, gold, encoder, spec, common, options, progress=None))]
#[allow(clippy::too_many_arguments, reason = "one for each kind of thing that the face takes")]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_sw_ranking(
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
    let settings: SwSettings = settings(options)?;
    run(py, progress.as_ref(), common.timeout(py)?, |control| {
        let sources = given.read(common.models.as_ref())?;
        let options = settings.options()?.common(common.options()?);
        report(&train(&out, &sources, &encoder.open()?, &options, control)?)
    })
}

/// Builds an `sw_ranking` router from columns of votes with embeddings; returns its report as JSON.
#[pyfunction]
#[pyo3(signature = (
    out, embeddings, model_a, model_b, winner, ids, embedding_model, common, options, progress=None
))]
#[allow(clippy::too_many_arguments, reason = "one for each column and kind of thing that the face takes")]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_sw_ranking_columns(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    embeddings: &Bound<'_, PyAny>,
    model_a: &Bound<'_, PyList>,
    model_b: &Bound<'_, PyList>,
    winner: &Bound<'_, PyList>,
    ids: Option<&Bound<'_, PyList>>,
    embedding_model: &Bound<'_, PyAny>,
    common: &Bound<'_, PyAny>,
    options: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let out = text::path("out", out)?;
    let (embeddings, dim) = Embeddings::matrix(embeddings)?;
    let encoder = text::argument("embedding_model", embedding_model)?;
    let text = |name, values| column(name, values, |text| Ok(text.to_owned()));
    let (model_a, model_b) = (text("model_a", model_a)?, text("model_b", model_b)?);
    let winner = column("winner", winner, |text| {
        Winner::from_name(text).ok_or_else(|| {
            format!("winner is {text:?}, expected \"model_a\", \"model_b\", \"tie\" or \"tie (bothbad)\"")
        })
    })?;
    let ids = ids.map(|ids| text("ids", ids)).transpose()?;
    let common: Common = settings(common)?;
    let settings: SwSettings = settings(options)?;
    run(py, progress.as_ref(), common.timeout(py)?, |control| {
        let options = settings.options()?.common(common.options()?);
        let mut votes = Votes::from_names(&model_a, &model_b, &winner)?;
        if let Some(ids) = ids {
            votes = votes.with_ids(ids)?;
        }
        let votes = EmbeddedVotes { votes: &votes, embeddings: embeddings.values(), dim };
        report(&train_columns(&out, &votes, encoder, &options, control)?)
    })
}

/// The values of a column of text; an error names the row.
fn column<T>(
    name: &str,
    values: &Bound<'_, PyList>,
    parse: impl Fn(&str) -> std::result::Result<T, String>,
) -> PyResult<Vec<T>> {
    let py = values.py();
    let refuse = |row: usize, what: String| invalid_argument(py, format!("row {row}: {what}"));
    values
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let text =
                text::argument(name, &value).map_err(|error| refuse(row, error.value(py).to_string()))?;
            parse(text).map_err(|what| refuse(row, what))
        })
        .collect()
}
