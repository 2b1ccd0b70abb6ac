//! A training as data: what a program, a file or a command says of it.

mod inputs;
mod trainer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{OnError, Ties, TrainOptions};
use crate::candidates::Candidate;
use crate::files::{Json, from_text};
use crate::input::Read;
use crate::options::milliseconds;
use crate::{Error, Result};

pub use inputs::{CalibrationSource, EncoderSource, Source, SplitSource};
pub use trainer::{SwParameters, Trainer};

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
    /// The models that requests may be sent to, as names or as objects with what is known about them, which the artifact keeps.
    /// What sources say of other models is left out and counted. Of more than two, `linear` and `logistic` learn each.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "inputs::candidates")]
    pub candidates: Vec<Candidate>,
    /// The tokens that an answer has on average, which the artifact keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_output_tokens: Option<f64>,
    /// A share of the prompts that nothing is learned from, for an evaluation; every row of a prompt is on one side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitSource>,
    /// How the held-out rows are evaluated afterwards, if they shall be: an evaluation as data, without routers and data.
    /// [`train::run`](super::run) leaves it to [`eval::run_training`](crate::eval::run_training).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Json>,
    /// Seed of everything that is left to chance; the trainer's own by default. The split has its own.
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
            candidates: Vec::new(),
            mean_output_tokens: None,
            split: None,
            evaluation: None,
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
        from_text("training specification", text)
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
            candidates: self.candidates.clone(),
            mean_output_tokens: self.mean_output_tokens,
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
