//! Building an `sw_ranking` router.

use pyo3::prelude::*;
use pyo3::types::PyList;
use routellm_core::preference::Winner;
use routellm_core::train::sw_ranking::{self, SwOptions, SwReport, VoteColumns};
use routellm_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::{Common, Rows, open_encoder, run, session, settings};
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
    fn build(&self, common: &Common) -> Result<SwOptions> {
        let pair = match (&common.strong, &common.weak) {
            (Some(strong), Some(weak)) => Some((strong.clone(), weak.clone())),
            (None, None) => None,
            _ => {
                let message =
                    "pass strong and weak together, or neither for the best and the worst rated model";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
        };
        let mut options = SwOptions {
            name: common.name.clone(),
            pair,
            texts: self.texts,
            read: common.read()?,
            ..SwOptions::default()
        };
        options.calibration_date.clone_from(&common.calibration_date);
        options.build.tiers = self.tiers;
        options.build.weight_exponent = self.weight_exponent;
        options.build.seed = self.seed;
        options.build.threads = std::thread::available_parallelism().map_or(1, usize::from);
        options.store(&self.store)
    }
}

/// Builds an `sw_ranking` router from rows, whose prompts the encoder embeds; returns its report as JSON. The
/// encoder is as for `train_mf`.
#[pyfunction]
#[pyo3(signature = (out, votes, gold, encoder, spec, cache, common, options, progress=None))]
#[allow(clippy::too_many_arguments, reason = "one for each kind of thing that the face takes")]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
pub(crate) fn train_sw_ranking(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    votes: Option<&Bound<'_, PyAny>>,
    gold: Option<&Bound<'_, PyAny>>,
    encoder: &Bound<'_, PyAny>,
    spec: Option<&Bound<'_, PyAny>>,
    cache: Option<&Bound<'_, PyAny>>,
    common: &Bound<'_, PyAny>,
    options: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let out = text::path("out", out)?;
    let votes = votes.map(|value| Rows::new("votes", value)).transpose()?;
    let gold = gold.map(|value| Rows::new("gold", value)).transpose()?;
    let encoder = text::path("encoder", encoder)?;
    let spec = spec.map(|spec| text::argument("encoder", spec)).transpose()?;
    let cache = cache.map(|path| text::path("cache", path)).transpose()?;
    let common: Common = settings(common)?;
    let session = session(options)?;
    let settings: SwSettings = settings(options)?;
    let report = run(py, progress.as_ref(), |progress| {
        let options = settings.build(&common)?;
        let mut sources = Vec::new();
        let mut vote_table = None;
        if let Some(rows) = &votes {
            let table = rows.votes()?;
            sources.push(rows.source("D_arena", table.counts.read)?);
            vote_table = Some(table);
        }
        let mut gold_table = None;
        if let Some(rows) = &gold {
            let table = common.gold(rows)?;
            sources.push(rows.source("D_gold", table.rows.len())?);
            gold_table = Some(table);
        }
        let sources = common.sources(sources)?;
        let encoder = open_encoder(&encoder, spec, &session)?;
        let (votes, gold) = (vote_table.as_ref(), gold_table.as_ref());
        sw_ranking::train(&out, votes, gold, &encoder, cache.as_deref(), &options, sources, progress)
    })?;
    Ok(sw_report(&report))
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
    let report = run(py, progress.as_ref(), |progress| {
        let source =
            json!({"name": "columns given in memory", "label_kind": "D_arena", "rows": winner.len()});
        let columns = VoteColumns {
            embeddings: embeddings.values(),
            dim,
            encoder,
            model_a: &model_a,
            model_b: &model_b,
            winner: &winner,
            ids: ids.as_deref(),
        };
        let sources = common.sources(vec![source])?;
        sw_ranking::train_columns(&out, &columns, &settings.build(&common)?, sources, progress)
    })?;
    Ok(sw_report(&report))
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

/// The ratings as pairs, so that their order survives.
fn sw_report(report: &SwReport) -> String {
    let SwReport { votes, embedded, tiers, ratings } = report;
    json!({"votes": votes, "embedded": embedded, "tiers": tiers, "ratings": ratings}).to_string()
}
