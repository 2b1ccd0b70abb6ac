//! Text that comes from Python: a `str` may hold lone surrogates, which are no Unicode text.

use std::path::PathBuf;

use pyo3::exceptions::PyUnicodeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyFloat, PyInt, PyString};

use crate::error::invalid_argument;

/// Bytes in place of a string that is not Unicode, which are not UTF-8 either, so that the core refuses it (or falls
/// back) as it does in every language.
pub(crate) fn surrogates_passed(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().to_vec())
}

/// Whether a value has no fields and no elements that a chat could be made of.
pub(crate) fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
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
