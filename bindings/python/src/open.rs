//! The options of opening, from a mapping of keywords.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyMapping, PyString};
use routellm_core::OpenOptions;
use routellm_core::options::{CALL, OPEN, OptionInfo, OptionType, OptionValue, SessionOptions};

use crate::error::{invalid_argument, to_python};
use crate::text;

/// The options of a mapping whose keys are the keywords of the face; None is as good as absent.
pub(crate) fn options(keywords: &Bound<'_, PyDict>) -> PyResult<OpenOptions> {
    let mut open = OpenOptions::new();
    for (name, value) in keywords {
        if value.is_none() {
            continue;
        }
        let name = text::argument("the name of an option", &name)?;
        let value = match OPEN.iter().find(|info| info.name == name) {
            Some(info) => option(info, &value)?,
            // The core names those that it knows.
            None => OptionValue::Flag(true),
        };
        open.set(name, &value).map_err(|error| to_python(keywords.py(), &error))?;
    }
    Ok(open)
}

/// The options of sessions among such keywords.
pub(crate) fn session(keywords: &Bound<'_, PyDict>) -> PyResult<SessionOptions> {
    options(keywords)?.into_session().map_err(|error| to_python(keywords.py(), &error))
}

/// Names of the options, in the order of the documentation.
#[pyfunction]
pub(crate) fn open_option_names() -> Vec<&'static str> {
    OPEN.iter().map(|info| info.name).collect()
}

/// The value of an option of a call.
pub(crate) fn call_option(name: &str, value: &Bound<'_, PyAny>) -> PyResult<OptionValue> {
    match CALL.iter().find(|info| info.name == name) {
        Some(info) => option(info, value),
        None => Ok(OptionValue::Flag(true)),
    }
}

fn option(info: &OptionInfo, value: &Bound<'_, PyAny>) -> PyResult<OptionValue> {
    if info.value == OptionType::Path {
        return text::path(info.name, value).map(OptionValue::Path);
    }
    // A file, where the core takes its path as a text.
    if info.value == OptionType::Spec && value.hasattr("__fspath__")? {
        let path: std::path::PathBuf = text::path(info.name, value)?;
        return Ok(OptionValue::Text(path.to_string_lossy().into_owned()));
    }
    let converted = converted(info.name, info.expected, value)?;
    if fits(info.value, &converted) {
        return Ok(converted);
    }
    let found = text::type_name(value);
    Err(invalid_argument(value.py(), format!("{} is of type {found}, expected {}", info.name, info.expected)))
}

/// Whether a value has a type that the option takes; what it is, the core checks.
fn fits(wanted: OptionType, value: &OptionValue) -> bool {
    match value {
        OptionValue::Text(_) => {
            matches!(wanted, OptionType::Text | OptionType::Name | OptionType::Spec | OptionType::Clusters)
        }
        OptionValue::Whole(_) => matches!(
            wanted,
            OptionType::Count
                | OptionType::Index
                | OptionType::Bytes
                | OptionType::Number
                | OptionType::Clusters
        ),
        OptionValue::Number(_) => wanted == OptionType::Number,
        OptionValue::Flag(_) => wanted == OptionType::Flag,
        OptionValue::List(_) => {
            matches!(wanted, OptionType::Tokens | OptionType::Texts | OptionType::Candidates)
        }
        OptionValue::Object(_) => matches!(wanted, OptionType::Spec | OptionType::Labels),
        OptionValue::Path(_) => wanted == OptionType::Path,
        _ => true,
    }
}

/// What an element of a list may be; the core says it better where it knows the list.
const ELEMENT: &str = "a text, a number or an object";

/// The value of an option as the core takes it.
fn converted(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyResult<OptionValue> {
    let py = value.py();
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(OptionValue::Flag(flag.is_true()));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(OptionValue::Text(text::argument(name, value)?.to_owned()));
    }
    if value.is_instance_of::<PyFloat>() {
        return value.extract().map(OptionValue::Number);
    }
    let wrong = |found: String| invalid_argument(py, format!("{name} is {found}, expected {expected}"));
    if value.is_instance_of::<PyBytes>() {
        return Err(wrong("of type bytes".to_owned()));
    }
    if value.cast::<PyMapping>().is_ok() || value.hasattr("keys")? {
        let members = value.call_method0("items")?;
        let member = |member: PyResult<Bound<'_, PyAny>>| {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = member?.extract()?;
            let key = text::argument(&format!("a name in {name}"), &key)?.to_owned();
            let part = format!("{name}.{key}");
            let value = if value.is_none() {
                None
            } else {
                Some(converted(&part, "a text, a number, true or false", &value)?)
            };
            Ok((key, value))
        };
        return members.try_iter()?.map(member).collect::<PyResult<_>>().map(OptionValue::Object);
    }
    // An array can be a number, too: what has elements is a list.
    let Ok(elements) = value.try_iter() else {
        if value.is_instance_of::<PyInt>() || value.hasattr("__index__")? {
            let whole = value.extract().map(OptionValue::Whole);
            return whole
                .map_err(|_| wrong(value.str().map_or_else(|_| "?".to_owned(), |text| text.to_string())));
        }
        if value.hasattr("__float__")? {
            return value.extract().map(OptionValue::Number);
        }
        return Err(wrong(format!("of type {}", text::type_name(value))));
    };
    let element = |(i, element): (usize, PyResult<Bound<'_, PyAny>>)| {
        converted(&format!("{name}[{i}]"), ELEMENT, &element?)
    };
    elements.enumerate().map(element).collect::<PyResult<_>>().map(OptionValue::List)
}
