//! An evaluation as data: what a program, a file or a command says of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Definition, Table, TableKind};
use crate::files::from_text;
use crate::options::milliseconds;
use crate::train::{OnError, Source, SplitSource};
use crate::{Error, Json, Result};

/// How the router that is compiled in is called.
pub(super) const DEFAULT: &str = "default";

/// An evaluation as data, which [`run`](super::run) carries out. As JSON, where everything but `routers` and either
/// `benchmarks` with `folder` or `data` may be left out:
///
/// ```
/// use routellm_core::eval::EvalSpec;
/// let spec: EvalSpec = r#"{
///     "routers": ["default", "artifacts/mf-minilm"],
///     "benchmarks": ["mmlu", "gsm8k"], "folder": "routellm/evals",
///     "draws": 200
/// }"#.parse()?;
/// assert_eq!(spec.routers[1].name, "mf-minilm");
/// let wrong = r#"{"routers": ["default"], "data": ["mine.csv"], "draw": 1}"#;
/// assert!(wrong.parse::<EvalSpec>().unwrap_err().message().contains("unknown field `draw`"));
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// Paths are relative to the working directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EvalSpec {
    /// What is evaluated: `default` (the router that is compiled in), folders of artifacts or of models, or objects.
    pub routers: Vec<RouterSource>,
    /// Benchmarks of the paper: `mmlu`, `gsm8k`, `mt-bench`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub benchmarks: Vec<String>,
    /// The folder that has them, in the layout of RouteLLM's `routellm/evals`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Rows of one's own: files, or objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataSource>,
    /// The strong model of the pair that is evaluated. Without a pair it is the first router's own where a table has both
    /// models, otherwise what [`PairChoice`](super::PairChoice) says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strong: Option<String>,
    /// The weak model, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weak: Option<String>,
    /// Costs of models in USD per 1,000 requests, where rows say none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub costs: BTreeMap<String, f64>,
    /// Draws of the bootstrap.
    #[serde(default = "draws")]
    pub draws: usize,
    /// Seed of everything that is left to chance.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Level of the intervals, in (0, 1).
    #[serde(default = "confidence")]
    pub confidence: f64,
    /// The levels of CPT, in (0, 1].
    #[serde(default = "levels")]
    pub levels: Vec<f64>,
    /// `exact`, or `reference`: as RouteLLM's own evaluation computes it.
    #[serde(default)]
    pub definition: Definition,
    /// Columns that the rows are parted by: `length`, `code`, `script`, or a column of the rows. By default these and every
    /// column of 2 to 100 values that has rows enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<Vec<String>>,
    /// How many rows are scored again in other clothes and under attack, drawn by the seed; 0 for none.
    #[serde(default = "robustness")]
    pub robustness: usize,
    /// Rows to train the baselines `knn` and `linear` on: those that the routers learned from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Source>,
    /// How many of the most wrong prompts are told of each router.
    #[serde(default = "wrong")]
    pub wrong: usize,
    /// Whether their texts are told. They may be private.
    #[serde(default)]
    pub with_prompts: bool,
    /// A folder that keeps scores, by the router and the text: what was scored before is not scored again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
    /// What becomes of a prompt that a router cannot score: `raise`, or `leave_out` (of the table, for all routers).
    #[serde(default)]
    pub on_error: OnError,
    /// Longest time of the evaluation, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
}

const fn draws() -> usize {
    1000
}
const fn seed() -> u64 {
    1
}
const fn confidence() -> f64 {
    0.95
}
fn levels() -> Vec<f64> {
    vec![0.2, 0.5, 0.8]
}
const fn robustness() -> usize {
    500
}
const fn wrong() -> usize {
    20
}

/// A router that is evaluated; in JSON an object, or its path alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RouterSource {
    /// `default`, or a folder of an artifact or of a model.
    pub path: PathBuf,
    /// How the report calls it; the last part of the path by default.
    pub name: String,
    /// Options of opening, by name: `{"strong": "gpt-4", "sessions": 2}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Json>,
}

impl RouterSource {
    /// The router that is compiled in, by the name `default`, or the one in a folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path
            .file_name()
            .map_or_else(|| path.to_string_lossy().into_owned(), |name| name.to_string_lossy().into_owned());
        Self { path, name, options: None }
    }

    /// Whether it is the router that is compiled in.
    pub fn is_default(&self) -> bool {
        self.path == Path::new(DEFAULT)
    }
}

impl<'de> Deserialize<'de> for RouterSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            path: PathBuf,
            #[serde(default)]
            name: Option<String>,
            #[serde(default)]
            options: Option<Json>,
        }
        // Not an untagged enum, whose errors say nothing of what was wrong.
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::new(path)),
            other => {
                let Whole { path, name, options } =
                    serde_json::from_value(other).map_err(serde::de::Error::custom)?;
                let named = Self::new(path);
                Ok(Self { name: name.unwrap_or(named.name), options, ..named })
            }
        }
    }
}

/// Rows that are evaluated on; in JSON an object, or the path of a file alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DataSource {
    /// The file: `.jsonl`, `.csv`, `.parquet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The rows, objects as they would stand in the lines of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Json>>,
    /// What the rows are: `gold`, `votes` or `log`; what their columns say by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<TableKind>,
    /// The columns of gold rows that are models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// What columns are called, by the name that they are read by: `{"prompt": "question"}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// How the report calls it; the name of the file without its ending by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A file of prompts that resemble training data, with `eval_prompt` or `prompt` in each row: they are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contaminated: Option<PathBuf>,
    /// Other names for its models, by the name that they have there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Only the rows that a training with this `split` holds out, and learns nothing from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<SplitSource>,
}

impl DataSource {
    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// Rows in memory.
    pub fn rows(rows: impl IntoIterator<Item = Json>) -> Self {
        Self { rows: Some(rows.into_iter().collect()), ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for DataSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            path: Option<PathBuf>,
            rows: Option<Vec<Json>>,
            kind: Option<TableKind>,
            models: Option<Vec<String>>,
            #[serde(default)]
            columns: BTreeMap<String, String>,
            name: Option<String>,
            contaminated: Option<PathBuf>,
            #[serde(default)]
            rename: BTreeMap<String, String>,
            held_out: Option<SplitSource>,
        }
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::file(path)),
            other => {
                let Whole { path, rows, kind, models, columns, name, contaminated, rename, held_out } =
                    serde_json::from_value(other).map_err(serde::de::Error::custom)?;
                Ok(Self { path, rows, kind, models, columns, name, contaminated, rename, held_out })
            }
        }
    }
}

impl EvalSpec {
    /// An evaluation of these routers; what they are evaluated on has to be said, everything else has a default.
    pub fn new(routers: impl IntoIterator<Item = RouterSource>) -> Self {
        Self {
            routers: routers.into_iter().collect(),
            benchmarks: Vec::new(),
            folder: None,
            data: Vec::new(),
            strong: None,
            weak: None,
            costs: BTreeMap::new(),
            draws: draws(),
            seed: seed(),
            confidence: confidence(),
            levels: levels(),
            definition: Definition::default(),
            slices: None,
            robustness: robustness(),
            baselines: Vec::new(),
            wrong: wrong(),
            with_prompts: false,
            cache: None,
            on_error: OnError::default(),
            timeout_ms: None,
        }
    }

    /// What an answer cost in USD per request: what its row says, or else what the specification does.
    pub(super) fn cost_of(&self, table: &Table, row: usize, model: usize) -> Option<f64> {
        let known = table.cost_of(row, model);
        if known.is_nan() {
            self.costs.get(&table.models[model]).map(|usd| usd / 1000.0)
        } else {
            Some(known)
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
        from_text("evaluation specification", text)
    }

    /// The longest time.
    ///
    /// # Errors
    /// `InvalidArgument` unless it is above 0.
    pub(super) fn timeout(&self) -> Result<Option<Duration>> {
        self.timeout_ms.map(|given| milliseconds("timeout_ms", given)).transpose()
    }

    /// Looks for what contradicts itself, before any work.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid_argument(what));
        if self.routers.is_empty() {
            return wrong("routers is empty: name \"default\" or the folder of an artifact".to_owned());
        }
        for (i, router) in self.routers.iter().enumerate() {
            if self.routers[..i].iter().any(|before| before.name == router.name) {
                return wrong(format!(
                    "two routers are called {:?}: give one of them another name",
                    router.name
                ));
            }
        }
        match (&self.folder, self.benchmarks.is_empty(), self.data.is_empty()) {
            (None, true, true) => {
                return wrong(
                    "there is nothing to evaluate on: pass data, or benchmarks and the folder that has them"
                        .to_owned(),
                );
            }
            (None, false, _) => {
                return wrong(
                    "folder is missing: pass the folder of the benchmarks, laid out as RouteLLM's routellm/evals".to_owned(),
                );
            }
            (Some(_), true, _) => {
                return wrong(
                    "folder has no effect without benchmarks: name mmlu, gsm8k or mt-bench".to_owned(),
                );
            }
            _ => {}
        }
        for (i, source) in self.data.iter().enumerate() {
            match (&source.path, &source.rows) {
                (None, None) => {
                    return wrong(format!("data[{i}] has neither path nor rows: pass one of them"));
                }
                (Some(_), Some(_)) => {
                    return wrong(format!("data[{i}] has both path and rows: pass one of them"));
                }
                _ => {}
            }
        }
        if self.strong.is_some() != self.weak.is_some() {
            return wrong("a pair has two models: pass both strong and weak, or neither".to_owned());
        }
        if let Some((model, cost)) = self.costs.iter().find(|(_, cost)| !(**cost >= 0.0 && cost.is_finite()))
        {
            return wrong(format!(
                "costs: that of {model:?} is {cost}, expected USD per 1,000 requests of at least 0"
            ));
        }
        Ok(())
    }
}

impl FromStr for EvalSpec {
    type Err = Error;

    /// # Errors
    /// As [`from_json`](Self::from_json).
    fn from_str(text: &str) -> Result<Self> {
        Self::from_json(text.as_bytes())
    }
}

impl fmt::Display for EvalSpec {
    /// The specification as JSON, which is read as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}
