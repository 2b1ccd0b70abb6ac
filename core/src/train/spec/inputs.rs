//! What a specification reads: rows, vectors, prompts to calibrate on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::candidates::Candidate;
use crate::files::Json;
use crate::options::{OpenOptions, SessionOptions};
use crate::preference::Split;
use crate::train::{Labels, Sample};
use crate::{Error, Result};

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
    pub(in crate::train) fn session(&self) -> Result<SessionOptions> {
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
        #[serde(deny_unknown_fields, expecting = "encoder: a path, or an object with path")]
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
    pub(super) fn sample(&self) -> Result<Option<Sample>> {
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

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// Which prompts a training holds out; in JSON an object, or the share alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SplitSource {
    /// About this share of the prompts, in (0, 1).
    pub share: f64,
    /// Which ones: those that `routellm data split` takes with the same share and seed. 0 by default.
    pub seed: u64,
}

impl SplitSource {
    /// About this share of the prompts, by a hash of their text.
    pub fn new(share: f64, seed: u64) -> Self {
        Self { share, seed }
    }

    /// # Errors
    /// As [`Split::new`].
    pub(crate) fn split(self) -> Result<Split> {
        Split::new(self.share, self.seed).map_err(|error| error.context("split"))
    }
}

impl<'de> Deserialize<'de> for SplitSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, expecting = "split: a share, or an object with share and seed")]
        struct Whole {
            share: f64,
            #[serde(default)]
            seed: u64,
        }
        // Not an untagged enum, whose errors say nothing of what was wrong.
        match Value::deserialize(deserializer)? {
            Value::Number(share) => Ok(Self::new(share.as_f64().unwrap_or(f64::NAN), 0)),
            other => {
                let Whole { share, seed } =
                    serde_json::from_value(other).map_err(serde::de::Error::custom)?;
                Ok(Self { share, seed })
            }
        }
    }
}

/// Reads candidates: objects, or names alone.
pub(super) fn candidates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Candidate>, D::Error> {
    let list: Vec<Value> = Vec::deserialize(deserializer)?;
    list.into_iter()
        .map(|one| match one {
            Value::String(name) => Ok(Candidate::new(name)),
            other => serde_json::from_value(other).map_err(serde::de::Error::custom),
        })
        .collect()
}
