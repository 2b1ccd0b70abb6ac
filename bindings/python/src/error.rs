//! Errors of the core as exceptions of `routellm_rs.errors`.

use std::error::Error as _;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use routellm_core::{Error, ErrorKind};

/// The exception for `error`: the class that the table names, with the message, and with `errno` where the
/// operating system gave one.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let exception = || -> PyResult<PyErr> {
        let class = py.import("routellm_rs.errors")?.getattr(error.kind().python_class())?;
        let exception = class.call1((error.message(),))?;
        let number = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
        if let Some(number) = number.and_then(std::io::Error::raw_os_error) {
            exception.setattr("errno", number)?;
        }
        Ok(PyErr::from_value(exception))
    };
    // Only while the interpreter shuts down can the import fail: the message must not be lost then.
    exception().unwrap_or_else(|_| PyRuntimeError::new_err(error.message().to_owned()))
}

/// An `InvalidArgumentError`.
pub(crate) fn invalid_argument(py: Python<'_>, message: impl Into<String>) -> PyErr {
    to_python(py, &Error::new(ErrorKind::InvalidArgument, message))
}
