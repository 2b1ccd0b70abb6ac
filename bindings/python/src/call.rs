//! What every call begins with and ends in: options from keywords, tokens, plain data.

use std::time::Duration;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use routellm_core::options::{OptionValue, milliseconds};
use routellm_core::{CallOptions, Error, ErrorKind, Result};
use serde::Serialize;

use crate::cancel::CancelToken;
use crate::error::to_python;
use crate::{guard, input, open, text};

/// What a decision costs beside the bytes of its prompt, as bytes.
const CALL_BYTES: usize = 64;

/// The options of a call.
pub(crate) fn options(
    py: Python<'_>,
    threshold: Option<f64>,
    strong_share: Option<f64>,
    on_error: Option<&Bound<'_, PyAny>>,
    timeout_ms: Option<f64>,
    read: Option<&Bound<'_, PyAny>>,
    more: Option<&Bound<'_, PyTuple>>,
) -> PyResult<CallOptions> {
    let on_error = on_error.map(|value| text::argument("on_error", value)).transpose()?;
    let read = read.map(|value| text::argument("read", value)).transpose()?;
    let parse = || -> Result<CallOptions> {
        let mut options = CallOptions::new();
        if let Some(threshold) = threshold {
            options = options.threshold(threshold);
        }
        if let Some(share) = strong_share {
            options = options.strong_share(share);
        }
        if let Some(name) = on_error {
            options.set("on_error", &OptionValue::Text(name.to_owned()))?;
        }
        if let Some(milliseconds) = timeout_ms {
            options.set_timeout_ms(milliseconds)?;
        }
        if let Some(name) = read {
            options = options.read(name.parse()?);
        }
        Ok(options)
    };
    let mut options = parse().map_err(|error| to_python(py, &error))?;
    for (name, value) in MORE.into_iter().zip(more.into_iter().flatten()) {
        if !value.is_none() {
            let value = open::call_option(name, &value)?;
            options.set(name, &value).map_err(|error| to_python(py, &error))?;
        }
    }
    Ok(options)
}

/// What the face passes of the options that compare candidates, in its order; None is as good as absent.
const MORE: [&str; 7] =
    ["cost_weight", "min_quality", "budget", "candidates", "requires", "input_tokens", "output_tokens"];

/// Begins a call that does not wait; the token stops it.
pub(crate) fn begin(
    py: Python<'_>,
    options: &CallOptions,
    call: impl FnOnce(&CallOptions) -> Result<()> + Send,
) -> PyResult<CancelToken> {
    let token = routellm_core::CancelToken::new();
    let options = options.clone().cancel(token.clone());
    guard::in_place(py, || call(&options))?;
    Ok(CancelToken { token })
}

/// What the prompts of a batch cost, as bytes.
pub(crate) fn total(prompts: &[input::Prompt<'_>]) -> usize {
    prompts.iter().map(|prompt| prompt.len() + CALL_BYTES).sum()
}

/// Plain data of the core as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// Arrays need numpy, and the crate that makes them panics without it.
pub(crate) fn need_numpy(py: Python<'_>) -> PyResult<()> {
    match py.import("numpy") {
        Ok(_) => Ok(()),
        Err(error) if error.is_instance_of::<PyImportError>(py) => {
            let message =
                "this returns a numpy array, and numpy is not installed: pip install 'routellm-rs[numpy]'";
            let missing = PyImportError::new_err(message);
            missing.set_cause(py, Some(error));
            Err(missing)
        }
        Err(error) => Err(error),
    }
}

/// A time in milliseconds.
pub(crate) fn timeout(py: Python<'_>, timeout_ms: f64) -> PyResult<Duration> {
    milliseconds("timeout_ms", timeout_ms).map_err(|error| to_python(py, &error))
}
