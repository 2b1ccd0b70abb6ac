//! Training, with progress told to a Python callable.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyList};
use routellm_core::artifact::{Artifact, sha256_hex};
use routellm_core::embed::OnnxSpec;
use routellm_core::preference::{GoldTable, VoteTable, Winner};
use routellm_core::runtime::SessionOptions;
use routellm_core::train::linear::{self, LinearOptions, LinearReport};
use routellm_core::train::mf::{self, MfFit, MfOptions, MfTraining};
use routellm_core::train::sw_ranking::{self, SwOptions, SwReport, VoteColumns};
use routellm_core::train::{Encoder, Progress, ProgressFn};
use routellm_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use crate::embedding::Embeddings;
use crate::error::{invalid_argument, to_python};
use crate::{guard, text};

/// Where rows come from: a file, or JSON lines made of objects in memory.
enum Rows {
    File(PathBuf),
    Lines(Vec<u8>),
}

impl Rows {
    fn new(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match value.cast::<PyBytes>() {
            Ok(lines) => Ok(Self::Lines(lines.as_bytes().to_vec())),
            Err(_) => Ok(Self::File(text::path(name, value)?)),
        }
    }

    fn gold(&self) -> Result<GoldTable> {
        match self {
            Self::File(path) => GoldTable::read(path),
            Self::Lines(lines) => GoldTable::from_jsonl(Cursor::new(lines), "gold"),
        }
    }

    fn votes(&self) -> Result<VoteTable> {
        match self {
            Self::File(path) => VoteTable::read(path),
            Self::Lines(lines) => VoteTable::from_jsonl(Cursor::new(lines), "votes"),
        }
    }

    /// What the provenance says of this source.
    fn source(&self, label_kind: &str, rows: usize) -> Result<Value> {
        let (name, sha256) = match self {
            Self::File(path) => {
                let bytes = std::fs::read(path).map_err(|error| {
                    Error::new(ErrorKind::Io, format!("{}: {error}", path.display())).with_source(error)
                })?;
                let name =
                    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                (name, sha256_hex(&bytes))
            }
            Self::Lines(lines) => ("rows given in memory".to_owned(), sha256_hex(lines)),
        };
        Ok(json!({"name": name, "label_kind": label_kind, "rows": rows, "sha256": sha256}))
    }
}

/// What is common to all trainings.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Common {
    name: String,
    strong: Option<String>,
    weak: Option<String>,
    rename: HashMap<String, String>,
    calibration: Option<(String, Vec<String>)>,
    provenance: String,
}

impl Common {
    /// The pair. Of two models the better one is the strong one; among more it must be said.
    fn pair(&self, gold: Option<&GoldTable>) -> Result<(String, String)> {
        if let (Some(strong), Some(weak)) = (&self.strong, &self.weak) {
            return Ok((strong.clone(), weak.clone()));
        }
        let names = gold.map_or(&[][..], |gold| gold.models.names());
        let (Some(gold), [first, second]) = (gold, names) else {
            let message =
                "pass strong and weak: only where the rows compare just two models can they be left out";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        };
        let lead: f64 = gold.rows.iter().map(|row| row.scores[0] - row.scores[1]).sum();
        let (better, worse) = if lead >= 0.0 { (first, second) } else { (second, first) };
        let other = |name: &String| if name == first { second.clone() } else { first.clone() };
        Ok(match (&self.strong, &self.weak) {
            (Some(strong), _) => (strong.clone(), other(strong)),
            (_, Some(weak)) => (other(weak), weak.clone()),
            _ => (better.clone(), worse.clone()),
        })
    }

    fn gold(&self, rows: &Rows) -> Result<GoldTable> {
        let mut names: Vec<_> = self.rename.iter().collect();
        names.sort();
        names.into_iter().try_fold(rows.gold()?, |gold, (from, to)| gold.renamed(from, to))
    }

    fn sources(&self, sources: Vec<Value>) -> Result<Map<String, Value>> {
        let mut map = Map::new();
        map.insert("sources".to_owned(), Value::Array(sources));
        let given: Map<String, Value> = serde_json::from_str(&self.provenance)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("provenance: {error}")))?;
        map.extend(given);
        Ok(map)
    }
}

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
    onnxruntime: Option<PathBuf>,
    sessions: Option<usize>,
    intra_threads: Option<usize>,
}

/// Keywords of `train.sw_ranking`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct SwSettings {
    tiers: usize,
    store: String,
    weight_exponent: f64,
    seed: u64,
    texts: bool,
    onnxruntime: Option<PathBuf>,
    intra_threads: Option<usize>,
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
        let mut options =
            SwOptions { name: common.name.clone(), pair, texts: self.texts, ..SwOptions::default() };
        options.build.tiers = self.tiers;
        options.build.weight_exponent = self.weight_exponent;
        options.build.seed = self.seed;
        options.build.threads = std::thread::available_parallelism().map_or(1, usize::from);
        options.store(&self.store)
    }
}

/// Settings from their mapping; a value of a wrong type or sign is a wrong argument.
fn settings<'py, T: FromPyObject<'py, 'py, Error = PyErr>>(value: &'py Bound<'py, PyAny>) -> PyResult<T> {
    value.extract().map_err(|error: PyErr| {
        let cause = error.cause(value.py()).map_or_else(String::new, |cause| format!(": {cause}"));
        invalid_argument(value.py(), format!("{}{cause}", error.value(value.py())))
    })
}

/// Runs a training with the GIL released. `progress` is called with (stage, done, total); it stops the
/// training by returning False or by raising, and so does a signal.
fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&mut ProgressFn<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let (result, raised) = py.detach(|| {
        let mut raised = None;
        let mut tell = |step: Progress<'_>| {
            let told = Python::attach(|py| -> PyResult<bool> {
                py.check_signals()?;
                let Some(progress) = progress else { return Ok(true) };
                let answer = progress.bind(py).call1((step.stage, step.done, step.total))?;
                Ok(!answer.is(&*PyBool::new(py, false)))
            });
            match told {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(error) => {
                    raised = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let result = guard::caught(|| work(&mut tell));
        (result, raised)
    });
    match raised {
        Some(error) => Err(error),
        None => result.map_err(|error| to_python(py, &error)),
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
        let session = SessionOptions {
            library: options.onnxruntime,
            sessions: options.sessions,
            intra_threads: options.intra_threads,
        };
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
        let training = MfTraining { name: common.name.clone(), fit };
        let calibration = common.calibration.as_ref().map(|(name, prompts)| (name.as_str(), &**prompts));
        let pair = (&*strong, &*weak);
        let (votes, gold) = (vote_table.as_ref(), gold_table.as_ref());
        mf::train(&out, votes, gold, pair, &encoder, calibration, &training, sources, progress)
    })?;
    let MfFit { train_losses, held_out_losses, best_epoch, .. } = fit;
    Ok(json!({"best_epoch": best_epoch, "train_losses": train_losses, "held_out_losses": held_out_losses})
        .to_string())
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
        let session = SessionOptions {
            library: settings.onnxruntime,
            sessions: None,
            intra_threads: settings.intra_threads,
        };
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

fn open_encoder(path: &Path, spec: Option<&str>, session: &SessionOptions) -> Result<Encoder> {
    match spec {
        None => Encoder::from_artifact(Artifact::open(path)?, session),
        Some(spec) => {
            let spec: OnnxSpec = serde_json::from_str(spec)
                .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("encoder: {error}")))?;
            Encoder::from_onnx(spec, path, session)
        }
    }
}
