//! Errors of the core as exceptions of `routellm_rs.errors`.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use routellm_core::{Error, ErrorKind};

/// The exception for `error`: the class that the table names, with the message, and with `errno` where the
/// operating system gave one.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let exception = || -> PyResult<PyErr> {
        let errors = py.import("routellm_rs.errors")?;
        let class = errors.getattr(error.kind().python_class())?;
        let exception = match error.os_error().and_then(std::io::Error::raw_os_error) {
            Some(number) => {
                errors.getattr("_of_system")?.call1((class, number, error.message(), error.path()))?
            }
            None => class.call1((error.message(),))?,
        };
        Ok(PyErr::from_value(exception))
    };
    // Only while the interpreter shuts down can the import fail: the message must not be lost then.
    exception().unwrap_or_else(|_| PyRuntimeError::new_err(error.message().to_owned()))
}

/// An `InvalidArgumentError`.
pub(crate) fn invalid_argument(py: Python<'_>, message: impl Into<String>) -> PyErr {
    to_python(py, &Error::new(ErrorKind::InvalidArgument, message))
}
