//! The options of opening, from a mapping of keywords.

use std::fmt::Display;
use std::str::FromStr;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyString};
use routellm_core::scorer::causal_llm::ScoreToken;
use routellm_core::{Error, OpenOptions};

use crate::error::{invalid_argument, to_python};
use crate::text;

/// The options of a mapping whose keys are the keywords of the face; None is as good as absent.
pub(crate) fn options(keywords: &Bound<'_, PyDict>) -> PyResult<OpenOptions> {
    let mut open = OpenOptions::new();
    for (name, value) in keywords {
        if !value.is_none() {
            open = option(open, text::argument("the name of an option", &name)?, &value)?;
        }
    }
    Ok(open)
}

fn option(open: OpenOptions, name: &str, value: &Bound<'_, PyAny>) -> PyResult<OpenOptions> {
    Ok(match name {
        "strong" => open.strong(text::argument(name, value)?),
        "weak" => open.weak(text::argument(name, value)?),
        "kind" => open.kind(text::argument(name, value)?),
        "mode" => open.mode(parsed(name, value)?),
        "read" => open.read(parsed(name, value)?),
        "onnxruntime" => open.onnxruntime(text::path(name, value)?),
        "provider" => open.provider(parsed(name, value)?),
        "device_id" => open.device_id(whole(name, value)?),
        "memory_limit" => open.memory_limit(whole(name, value)?),
        "tf32" => open.tf32(flag(name, value)?),
        "preset" => open.preset(parsed(name, value)?),
        "sessions" => open.sessions(at_least_one(name, value)?),
        "intra_threads" => open.intra_threads(at_least_one(name, value)?),
        "max_waiting" => open.max_waiting(whole(name, value)?),
        "out_of_distribution" => open.out_of_distribution(parsed(name, value)?),
        "min_similarity" => open.min_similarity(number(name, value)?),
        "mmap" => open.mmap(parsed(name, value)?),
        "open_clusters" => open.open_clusters(cluster_count(value)?),
        "error_target" => open.error_target(number(name, value)?),
        "head" => open.head(parsed(name, value)?),
        "long_prompts" => open.long_prompts(parsed(name, value)?),
        "template" => open.template(parsed(name, value)?),
        "score_tokens" => open.score_tokens(score_tokens(value)?),
        "score_threshold" => open.score_threshold(whole(name, value)?),
        "max_new_tokens" => open.max_new_tokens(whole(name, value)?),
        "max_tokens" => open.max_tokens(whole(name, value)?),
        other => return Err(invalid_argument(value.py(), format!("no option is called {other:?}"))),
    })
}

/// What the core reads from a text.
fn parsed<T: FromStr<Err = Error>>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    text::argument(name, value)?.parse().map_err(|error| to_python(value.py(), &error))
}

/// True or False, and nothing that only counts as such.
fn flag(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.extract().map_err(|_| {
        let found = text::type_name(value);
        invalid_argument(value.py(), format!("{name} is of type {found}, expected True or False"))
    })
}

/// A number, as Python converts it.
fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    value.extract().map_err(|error| wrong_number(name, value, &error, "a number"))
}

/// A whole number, 0 or more.
fn whole<T: TryFrom<i64>>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    let expected = "a whole number, 0 or more";
    let number: i64 = value.extract().map_err(|error| wrong_number(name, value, &error, expected))?;
    T::try_from(number)
        .map_err(|_| invalid_argument(value.py(), format!("{name} is {number}, expected {expected}")))
}

/// A whole number; a negative one is as wrong as 0, which the core refuses with the range that it accepts.
fn at_least_one(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let expected = "a whole number, 1 or more";
    let number: i64 = value.extract().map_err(|error| wrong_number(name, value, &error, expected))?;
    Ok(usize::try_from(number).unwrap_or(0))
}

/// Says what came instead of a number: something of another type, or one that no machine integer holds.
fn wrong_number(name: &str, value: &Bound<'_, PyAny>, error: &PyErr, expected: impl Display) -> PyErr {
    let py = value.py();
    if error.is_instance_of::<PyTypeError>(py) {
        let found = text::type_name(value);
        return invalid_argument(py, format!("{name} is of type {found}, expected {expected}"));
    }
    let found = value.str().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    invalid_argument(py, format!("{name} is {found}, expected {expected}"))
}

/// Texts and ids of tokens.
fn score_tokens(value: &Bound<'_, PyAny>) -> PyResult<Vec<ScoreToken>> {
    let py = value.py();
    let expected = "expected a sequence of texts and ids of tokens";
    // A text would be a sequence of its characters.
    let is_text = value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>();
    let Some(tokens) = (!is_text).then(|| value.try_iter().ok()).flatten() else {
        let found = text::type_name(value);
        return Err(invalid_argument(py, format!("score_tokens is of type {found}, {expected}")));
    };
    tokens
        .enumerate()
        .map(|(i, token)| {
            let token = token?;
            let name = format!("score_tokens[{i}]");
            if token.is_instance_of::<PyString>() {
                return Ok(ScoreToken::Text(text::argument(&name, &token)?.to_owned()));
            }
            Ok(ScoreToken::Id(whole(&name, &token)?))
        })
        .collect()
}

/// A number of clusters, or "all" of them.
fn cluster_count(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = value.py();
    let expected = "expected a number of clusters, at least 1, or \"all\"";
    if let Ok(number) = value.cast::<PyInt>() {
        return match number.extract::<i64>() {
            Ok(count @ 1..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
            _ => Err(invalid_argument(py, format!("open_clusters is {}, {expected}", number.str()?))),
        };
    }
    if !value.is_instance_of::<PyString>() {
        let name = text::type_name(value);
        return Err(invalid_argument(py, format!("open_clusters is of type {name}, {expected}")));
    }
    match text::argument("open_clusters", value)? {
        "all" => Ok(usize::MAX),
        other => Err(invalid_argument(py, format!("open_clusters is {other:?}, {expected}"))),
    }
}
