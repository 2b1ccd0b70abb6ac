//! Training and evaluating, with progress told to a Python callable. What values mean is the core's to know.

mod decontaminate;
mod evaluation;
mod export;
mod linear;
mod mf;
mod run;
mod spec;
mod sw_ranking;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use decontaminate::train_decontaminate;
pub(crate) use evaluation::evaluate;
pub(crate) use export::train_from_export;
pub(crate) use linear::train_linear;
pub(crate) use mf::train_mf;
use pyo3::exceptions::{PyOverflowError, PyUnicodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use routellm_core::calibrate::Sample;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::GoldReader;
use routellm_core::train::{Encoder, Sources, TrainOptions};
use routellm_core::{Json, Result};
pub(crate) use run::run;
use serde::Serialize;
pub(crate) use spec::train_run;
pub(crate) use sw_ranking::{train_sw_ranking, train_sw_ranking_columns};

use crate::error::invalid_argument;
use crate::text;

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
}

/// Votes and gold rows as they were passed.
struct Given {
    votes: Option<Rows>,
    gold: Option<Rows>,
}

impl Given {
    fn new(votes: Option<&Bound<'_, PyAny>>, gold: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let rows =
            |name, value: Option<&Bound<'_, PyAny>>| value.map(|value| Rows::new(name, value)).transpose();
        Ok(Self { votes: rows("votes", votes)?, gold: rows("gold", gold)? })
    }

    /// With `models`, those are the columns of the gold rows that are models.
    fn read(&self, models: Option<&Vec<String>>) -> Result<Sources> {
        let mut sources = Sources::new();
        if let Some(models) = models {
            if self.gold.is_none() {
                return Err(routellm_core::Error::new(
                    routellm_core::ErrorKind::InvalidArgument,
                    "models has no effect without gold rows",
                ));
            }
            sources = sources.gold_reader(GoldReader::new().models(models));
        }
        sources = match &self.votes {
            None => sources,
            Some(Rows::File(path)) => sources.votes_file(path)?,
            Some(Rows::Lines(lines)) => sources.votes_jsonl(lines)?,
        };
        match &self.gold {
            None => Ok(sources),
            Some(Rows::File(path)) => sources.gold_file(path),
            Some(Rows::Lines(lines)) => sources.gold_jsonl(lines),
        }
    }
}

/// Prompts of a calibration as they were passed: a file, JSON lines made of a table in memory, or texts.
enum Prompts {
    File(PathBuf),
    Lines(Vec<u8>),
    Texts(Vec<String>),
}

impl Prompts {
    fn sample(&self, name: Option<&str>) -> Result<Sample> {
        let sample = match self {
            Self::File(path) => Sample::read(path)?,
            Self::Lines(lines) => Sample::from_jsonl(lines.as_slice(), "calibration")?,
            Self::Texts(texts) => Sample::new(texts),
        };
        Ok(match name {
            Some(name) => sample.named(name),
            None => sample,
        })
    }
}

impl<'py> FromPyObject<'_, 'py> for Rows {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Self::new("gold", &value)
    }
}

impl<'py> FromPyObject<'_, 'py> for Prompts {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(lines) = value.cast::<PyBytes>() {
            return Ok(Self::Lines(lines.as_bytes().to_vec()));
        }
        match value.extract::<Vec<String>>() {
            Ok(texts) => Ok(Self::Texts(texts)),
            Err(error) if value.is_instance_of::<pyo3::types::PyList>() => Err(error),
            Err(_) => text::path("calibration", &value).map(Self::File),
        }
    }
}

/// What is common to all trainings.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Common {
    name: String,
    strong: Option<String>,
    weak: Option<String>,
    models: Option<Vec<String>>,
    rename: BTreeMap<String, String>,
    calibration: Option<Prompts>,
    calibration_name: Option<String>,
    calibration_date: Option<String>,
    provenance: String,
    read: Option<String>,
    cache: Option<PathBuf>,
    on_error: Option<String>,
    ties: Option<String>,
    timeout_ms: Option<f64>,
}

impl Common {
    fn options(self) -> Result<TrainOptions> {
        let mut options = TrainOptions::new().name(self.name);
        let sample = self.calibration.map(|prompts| prompts.sample(self.calibration_name.as_deref()));
        options.calibration = sample.transpose()?;
        options.read = self.read.as_deref().map(str::parse).transpose()?;
        options.on_error = self.on_error.as_deref().map_or(Ok(options.on_error), str::parse)?;
        options.ties = self.ties.as_deref().map(str::parse).transpose()?;
        options.provenance =
            Some(self.provenance.parse().map_err(|error: routellm_core::Error| error.context("provenance"))?);
        (options.strong, options.weak, options.rename) = (self.strong, self.weak, self.rename);
        (options.calibration_date, options.cache) = (self.calibration_date, self.cache);
        Ok(options)
    }

    fn timeout(&self, py: Python<'_>) -> PyResult<Option<Duration>> {
        self.timeout_ms.map(|milliseconds| crate::call::timeout(py, milliseconds)).transpose()
    }
}

/// Settings from their mapping; a value of a wrong type or sign is a wrong argument.
fn settings<'py, T: FromPyObject<'py, 'py, Error = PyErr>>(value: &'py Bound<'py, PyAny>) -> PyResult<T> {
    value.extract().map_err(|error: PyErr| {
        let py = value.py();
        let said = error.value(py).to_string();
        // It names the field of the structure, which the keyword is called after.
        let name = said.rsplit('.').next().unwrap_or_default();
        match (value.get_item(name), error.cause(py)) {
            (Ok(given), Some(cause)) => invalid_argument(py, unlike(name, &given, &cause)),
            _ => error,
        }
    })
}

/// What is wrong with the value of a keyword, by what the conversion of it, or of an element of it, said.
fn unlike(name: &str, given: &Bound<'_, PyAny>, cause: &PyErr) -> String {
    let py = given.py();
    if cause.is_instance_of::<PyUnicodeError>(py) {
        return format!("{name} is not Unicode text (it holds a lone surrogate)");
    }
    let shown = given.repr().map_or_else(|_| text::type_name(given), |text| text.to_string());
    if cause.is_instance_of::<PyOverflowError>(py) {
        return format!("{name} is {shown}, which is out of range");
    }
    let said = cause.value(py).to_string();
    let expected = [
        ("interpreted as an integer", "an integer"),
        ("real number", "a number"),
        ("'bool'", "true or false"),
        ("'str'", "a text"),
    ];
    let expected =
        expected.iter().find(|(part, _)| said.contains(part)).map_or("something else", |found| found.1);
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyDict>() {
        return format!("an element of {name} is not {expected}");
    }
    format!("{name} is of type {}, expected {expected}", text::type_name(given))
}

/// An encoder as it was passed: the folder of an artifact, or, with parameters as JSON, of a model and a tokenizer.
struct GivenEncoder {
    folder: PathBuf,
    parameters: Option<String>,
    session: SessionOptions,
}

impl GivenEncoder {
    /// The options of its sessions are among the settings of a training.
    fn new(
        folder: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyAny>>,
        settings: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let parameters = parameters.map(|text| text::argument("encoder", text)).transpose()?;
        Ok(Self {
            folder: text::path("encoder", folder)?,
            parameters: parameters.map(str::to_owned),
            session: crate::open::session(settings.get_item("session")?.cast::<PyDict>()?)?,
        })
    }

    fn open(&self) -> Result<Encoder> {
        match &self.parameters {
            None => Encoder::open(&self.folder, &self.session),
            Some(parameters) => {
                let parameters =
                    parameters.parse().map_err(|error: routellm_core::Error| error.context("encoder"))?;
                Encoder::from_parameters(&self.folder, &parameters, &self.session)
            }
        }
    }
}

/// A report as JSON.
fn report(report: &impl Serialize) -> Result<String> {
    Json::of(report).map(|json| json.to_string())
}
