//! Training an `mf` router.

use pyo3::prelude::*;
use routellm_core::train::mf::{self, MfFit, MfOptions, MfTraining};
use serde_json::json;

use super::{Common, Rows, open_encoder, run, session, settings};
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
    shuffle: bool,
    seed: u64,
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
    let votes = votes.map(|value| Rows::new("votes", value)).transpose()?;
    let gold = gold.map(|value| Rows::new("gold", value)).transpose()?;
    let encoder = text::path("encoder", encoder)?;
    let spec = spec.map(|spec| text::argument("encoder", spec)).transpose()?;
    let common: Common = settings(common)?;
    let session = session(options)?;
    let options: MfSettings = settings(options)?;
    let fit = run(py, progress.as_ref(), |progress| {
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
        let alone = gold_table.as_ref().filter(|_| vote_table.is_none());
        let (strong, weak) = common.pair(alone)?;
        let sources = common.sources(sources)?;
        let encoder = open_encoder(&encoder, spec, &session)?;
        let fit = MfOptions {
            dim: options.dim,
            epochs: options.epochs,
            batch: options.batch,
            learning_rate: options.learning_rate,
            weight_decay: options.weight_decay,
            noise: options.noise,
            held_out: options.held_out,
            shuffle: options.shuffle,
            seed: options.seed,
        };
        let training = MfTraining {
            name: common.name.clone(),
            fit,
            calibration_date: common.calibration_date.clone(),
            read: common.read()?,
        };
        let calibration = common.calibration.as_ref().map(|(name, prompts)| (name.as_str(), &**prompts));
        let pair = (&*strong, &*weak);
        let (votes, gold) = (vote_table.as_ref(), gold_table.as_ref());
        mf::train(&out, votes, gold, pair, &encoder, calibration, &training, sources, progress)
    })?;
    let MfFit { train_losses, held_out_losses, best_epoch, .. } = fit;
    Ok(json!({"best_epoch": best_epoch, "train_losses": train_losses, "held_out_losses": held_out_losses})
        .to_string())
}
