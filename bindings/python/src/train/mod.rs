//! Training, with progress told to a Python callable.

mod export;
mod linear;
mod mf;
mod sw_ranking;

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub(crate) use export::train_from_export;
pub(crate) use linear::train_linear;
pub(crate) use mf::train_mf;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};
use routellm_core::artifact::sha256_hex;
use routellm_core::features::OnnxSpec;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{GoldTable, VoteTable};
use routellm_core::train::{Encoder, Progress, ProgressFn};
use routellm_core::{Error, ErrorKind, Read, Result};
use serde_json::{Map, Value, json};
pub(crate) use sw_ranking::{train_sw_ranking, train_sw_ranking_columns};

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
                let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
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
    calibration_date: Option<String>,
    provenance: String,
    read: Option<String>,
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

    /// What of a chat the router will read.
    fn read(&self) -> Result<Option<Read>> {
        self.read.as_deref().map(str::parse).transpose()
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

/// The options of the encoder's sessions among the settings of a training.
fn session(settings: &Bound<'_, PyAny>) -> PyResult<SessionOptions> {
    crate::open::session(settings.get_item("session")?.cast::<PyDict>()?)
}

fn open_encoder(path: &Path, spec: Option<&str>, session: &SessionOptions) -> Result<Encoder> {
    match spec {
        None => Encoder::open(path, session),
        Some(spec) => {
            let spec: OnnxSpec = serde_json::from_str(spec)
                .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("encoder: {error}")))?;
            Encoder::from_onnx(spec, path, session)
        }
    }
}
