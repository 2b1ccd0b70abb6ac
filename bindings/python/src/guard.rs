//! The panic boundary: a defect of the core becomes `InternalError`, never a `PanicException`, which
//! `except Exception` would not catch.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;
use routellm_core::{Error, ErrorKind, Result};

use crate::error::to_python;
use crate::hooks::from_python;

/// Runs `work` with the GIL released, so that other threads go on meanwhile.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| caught(work)).map_err(|error| to_python(py, &error))
}

/// Runs `work` with the GIL held: for what takes less time than it may take to get the GIL back.
pub(crate) fn in_place<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    caught(work).map_err(|error| to_python(py, &error))
}

/// `work`, with a panic turned into an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // A router is immutable, so a panic leaves nothing half done that a later call could see.
    catch_unwind(AssertUnwindSafe(|| from_python(work))).unwrap_or_else(|panic| Err(internal(panic.as_ref())))
}

/// Runs `work` with the GIL held, where a crate between us and Python may panic.
pub(crate) fn attached<T>(py: Python<'_>, work: impl FnOnce() -> T) -> PyResult<T> {
    caught(|| Ok(work())).map_err(|error| to_python(py, &error))
}

/// The error of a caught panic.
pub(crate) fn internal(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    Error::new(ErrorKind::Internal, format!("a defect of routellm: {message}"))
}
