//! Text that comes from Python: a `str` may hold lone surrogates, which are no Unicode text.

use std::borrow::Cow;
use std::path::PathBuf;

use pyo3::exceptions::PyUnicodeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::error::invalid_argument;

/// The bytes of a prompt: its UTF-8, borrowed; or, for one that is not Unicode, bytes that are not UTF-8
/// either, so that the core refuses it (or falls back) as it does in every language.
pub(crate) fn prompt<'a>(text: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    let text = text.cast::<PyString>().map_err(|_| {
        let message = format!("the prompt is of type {}, expected str", type_name(text));
        invalid_argument(text.py(), message)
    })?;
    if let Ok(utf8) = text.to_str() {
        return Ok(Cow::Borrowed(utf8.as_bytes()));
    }
    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(Cow::Owned(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// An argument that is text, such as the name of a model.
pub(crate) fn argument<'a>(name: &str, value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = value.cast::<PyString>().map_err(|_| {
        let message = format!("{name} is of type {}, expected str", type_name(value));
        invalid_argument(value.py(), message)
    })?;
    text.to_str().map_err(|_| {
        invalid_argument(value.py(), format!("{name} is not Unicode text (it holds a lone surrogate)"))
    })
}

/// An argument that is a path: `str`, `bytes` or `os.PathLike`.
pub(crate) fn path(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    value.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyUnicodeError>(value.py()) {
            invalid_argument(value.py(), format!("{name} is not Unicode text (it holds a lone surrogate)"))
        } else {
            let message = format!("{name} is of type {}, expected str or os.PathLike", type_name(value));
            invalid_argument(value.py(), message)
        }
    })
}

/// How the class of `value` is called, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
