//! A training as data: what a program, a file or a command says of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::knn::KnnOptions;
use super::linear::LinearOptions;
use super::logistic::LogisticOptions;
use super::mf::FitOptions;
use super::{Labels, OnError, Sample, Ties, TrainOptions};
use crate::files::Json;
use crate::input::Read;
use crate::options::{OpenOptions, SessionOptions, milliseconds};
use crate::{Error, Result};

/// A training as data, which [`run`](super::run) carries out. As JSON, with everything but `trainer`, `sources` and `out`
/// left out where it is not needed:
///
/// ```
/// use routellm_core::train::TrainSpec;
/// let spec: TrainSpec = r#"{
///     "trainer": {"kind": "linear", "folds": 5},
///     "sources": [{"kind": "gold", "path": "gold.jsonl"}],
///     "strong": "big", "weak": "small", "seed": 7,
///     "calibration": {"path": "traffic.jsonl", "date": "2026-01-31"},
///     "out": "my-router"
/// }"#.parse()?;
/// assert_eq!(spec.strong.as_deref(), Some("big"));
/// let wrong = r#"{"trainer": {"kind": "linear", "fold": 5}, "sources": [], "out": "x"}"#;
/// assert!(wrong.parse::<TrainSpec>().unwrap_err().message().contains("unknown field `fold`"));
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// Paths are relative to the working directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainSpec {
    /// Which trainer, with its hyperparameters.
    pub trainer: Trainer,
    /// What it learns from. Sources of one kind are read one after the other, as if they were one.
    pub sources: Vec<Source>,
    /// The folder to write. An artifact that is there already is replaced at once, at the end.
    pub out: PathBuf,
    /// Name of the artifact; the kind by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The strong model. What it is without, the trainers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strong: Option<String>,
    /// The weak model, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weak: Option<String>,
    /// The columns of gold rows that are models; by default all whose values are scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Other names for models of the gold rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Seed of everything that is left to chance; the trainer's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What turns prompts into vectors. Trainers of hashed features have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderSource>,
    /// Prompts as the router will meet them, from which strong shares are resolved; those it learned from by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationSource>,
    /// What of a chat the router reads, unless it is told otherwise: `last_user`, `all_user` or `conversation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
    /// What a tie says: `drop` (nothing), `half` (half a win for each) or `weak_not_worse` (a win of the weaker model). What it
    /// is without, the trainers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
    /// What becomes of a prompt that cannot be embedded: `raise` or `leave_out`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_error: OnError,
    /// Longest time of the training, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
    /// An object whose members go into the artifact's provenance, over what is noted anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Json>,
}

/// Which trainer, with its hyperparameters. In JSON `kind` names it, and the hyperparameters stand beside that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trainer {
    /// Ridge regression of the quality gap on hashed features, from gold rows.
    Linear(Box<LinearOptions>),
    /// Nearest neighbours on any features.
    Knn(Box<KnnOptions>),
    /// Logistic regression on dense vectors; the artifact is of kind `linear`.
    Logistic(Box<LogisticOptions>),
    /// Matrix factorization on dense vectors.
    Mf(FitOptions),
    /// Similarity-weighted ranking on dense vectors.
    SwRanking(SwParameters),
}

impl Trainer {
    /// `linear`, `knn`, `logistic`, `mf` or `sw_ranking`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Linear(_) => "linear",
            Self::Knn(_) => "knn",
            Self::Logistic(_) => "logistic",
            Self::Mf(_) => "mf",
            Self::SwRanking(_) => "sw_ranking",
        }
    }

    /// A trainer of this name with the defaults of its hyperparameters.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that there is none of.
    pub fn named(name: &str) -> Result<Self> {
        Json::of(&BTreeMap::from([("kind", name)]))?.read().map_err(|error| error.context("trainer"))
    }
}

/// Hyperparameters of similarity-weighted ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SwParameters {
    /// Number of tiers (10 in the paper).
    pub tiers: usize,
    /// How embeddings are stored: `f32`, `f16`, `int8`, `int4`, `int2`, or `clustered` (int8 with an index).
    pub store: String,
    /// Exponent of the weights; 1 is the paper's.
    pub weight_exponent: f64,
    /// Whether the texts of the votes' prompts go into the artifact, for explanations. They may be private.
    pub texts: bool,
}

impl Default for SwParameters {
    fn default() -> Self {
        Self { tiers: 10, store: "int8".to_owned(), weight_exponent: 1.0, texts: false }
    }
}

/// Rows to learn from: a file, or rows that stand in the specification itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Source {
    /// What their labels are.
    pub kind: Labels,
    /// The file: `.jsonl`, `.csv`, `.parquet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The rows, objects as they would stand in the lines of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Json>>,
    /// What its columns are called, by the name that they are read by: `{"prompt": "question"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// How much each row counts, above 0.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: f64,
}

const fn one() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(weight: &f64) -> bool {
    *weight == one()
}

impl Source {
    /// A file.
    pub fn file(kind: Labels, path: impl Into<PathBuf>) -> Self {
        Self { kind, path: Some(path.into()), rows: None, columns: BTreeMap::new(), weight: one() }
    }

    /// Rows in memory.
    pub fn rows(kind: Labels, rows: impl IntoIterator<Item = Json>) -> Self {
        Self { rows: Some(rows.into_iter().collect()), path: None, ..Self::file(kind, "") }
    }
}

/// What turns prompts into vectors; in JSON an object, or its path alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EncoderSource {
    /// The folder of an artifact, whose encoder is taken over, or, with `parameters`, of an ONNX model and its tokenizer.
    /// With `id`, a file of embeddings that some other model computed, with `prompt` and `embedding` in each row.
    #[serde(skip_serializing_if = "is_empty")]
    pub path: PathBuf,
    /// Such rows in the specification itself, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Json>>,
    /// The model of embeddings that are given. The router takes embeddings of that model only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Parameters of a model that is in no artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Json>,
    /// Options of opening that say how it runs, by name: `{"sessions": 2}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Json>,
    /// A file of embeddings that were computed before: read if it exists, and written, even by a training that is
    /// stopped, so that the next one goes on where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
}

impl EncoderSource {
    /// The encoder of the artifact in a folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), rows: None, id: None, parameters: None, session: None, cache: None }
    }

    /// Embeddings of the model `id` in a file.
    pub fn embeddings(path: impl Into<PathBuf>, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::new(path) }
    }

    /// How it runs.
    ///
    /// # Errors
    /// `InvalidArgument` for an option that is not one of sessions.
    pub(super) fn session(&self) -> Result<SessionOptions> {
        let mut options = OpenOptions::new();
        if let Some(session) = &self.session {
            options
                .set_json(session.to_string().as_bytes())
                .map_err(|error| error.context("encoder.session"))?;
        }
        options.into_session().map_err(|error| error.context("encoder.session"))
    }
}

impl<'de> Deserialize<'de> for EncoderSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            #[serde(default)]
            path: PathBuf,
            #[serde(default)]
            rows: Option<Vec<Json>>,
            #[serde(default)]
            id: Option<String>,
            #[serde(default)]
            parameters: Option<Json>,
            #[serde(default)]
            session: Option<Json>,
            #[serde(default)]
            cache: Option<PathBuf>,
        }
        // Not an untagged enum, whose errors say nothing of what was wrong.
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::new(path)),
            other => {
                let Whole { path, rows, id, parameters, session, cache } =
                    serde_json::from_value(other).map_err(serde::de::Error::custom)?;
                match (is_empty(&path), &rows) {
                    (true, None) => return Err(serde::de::Error::missing_field("path")),
                    (false, Some(_)) => {
                        return Err(serde::de::Error::custom(
                            "encoder has both path and rows: pass one of them",
                        ));
                    }
                    _ => {}
                }
                Ok(Self { path, rows, id, parameters, session, cache })
            }
        }
    }
}

/// Prompts to calibrate on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CalibrationSource {
    /// A file with a `prompt` in each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<String>>,
    /// How the artifact calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their day, `2026-01-31`; today (UTC) by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

impl CalibrationSource {
    /// # Errors
    /// As [`Sample::read`]; `InvalidArgument` if there are both, or a name of nothing.
    fn sample(&self) -> Result<Option<Sample>> {
        let sample = match (&self.path, &self.prompts) {
            (Some(path), None) => Sample::read(path)?,
            (None, Some(prompts)) => Sample::new(prompts),
            (None, None) if self.name.is_none() => return Ok(None),
            (None, None) => {
                return Err(Error::invalid_argument(
                    "calibration.name has no effect without path or prompts",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Error::invalid_argument(
                    "calibration has both path and prompts: pass one of them",
                ));
            }
        };
        Ok(Some(match &self.name {
            Some(name) => sample.named(name),
            None => sample,
        }))
    }
}

impl TrainSpec {
    /// A training into the folder `out`; everything else has to be said, or has a default.
    pub fn new(trainer: Trainer, out: impl Into<PathBuf>) -> Self {
        Self {
            trainer,
            sources: Vec::new(),
            out: out.into(),
            name: None,
            strong: None,
            weak: None,
            models: None,
            rename: BTreeMap::new(),
            seed: None,
            encoder: None,
            calibration: None,
            read: None,
            ties: None,
            on_error: OnError::Raise,
            timeout_ms: None,
            provenance: None,
        }
    }

    /// Reads a specification from a file of JSON.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for another form.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        Self::from_json(&text).map_err(|error| error.context(path.display()))
    }

    /// Reads a specification from JSON.
    ///
    /// # Errors
    /// `InvalidArgument` for another form: an unknown field, a value of a wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        serde_json::from_slice(text)
            .map_err(|error| Error::invalid_argument(format!("training specification: {error}")))
    }

    /// What all trainers take.
    ///
    /// # Errors
    /// As the calibration's sample is read.
    pub(super) fn common(&self) -> Result<TrainOptions> {
        let calibration = self.calibration.as_ref();
        Ok(TrainOptions {
            name: self.name.clone(),
            strong: self.strong.clone(),
            weak: self.weak.clone(),
            rename: self.rename.clone(),
            calibration: calibration.map_or(Ok(None), CalibrationSource::sample)?,
            calibration_date: calibration.and_then(|calibration| calibration.date.clone()),
            read: self.read,
            provenance: self.provenance.clone(),
            cache: self.encoder.as_ref().and_then(|encoder| encoder.cache.clone()),
            on_error: self.on_error,
            ties: self.ties,
        })
    }

    /// The longest time.
    ///
    /// # Errors
    /// `InvalidArgument` unless it is above 0.
    pub(super) fn timeout(&self) -> Result<Option<Duration>> {
        self.timeout_ms.map(|given| milliseconds("timeout_ms", given)).transpose()
    }
}

impl FromStr for TrainSpec {
    type Err = Error;

    /// # Errors
    /// As [`from_json`](Self::from_json).
    fn from_str(text: &str) -> Result<Self> {
        Self::from_json(text.as_bytes())
    }
}

impl fmt::Display for TrainSpec {
    /// The specification as JSON, which is read as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
