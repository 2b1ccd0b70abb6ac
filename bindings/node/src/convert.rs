//! Conversions that several calls need.

use napi::bindgen_prelude::Float64ArraySlice;
use routellm_core::{Error, ErrorKind, Input};

use crate::text::Text;

/// The first `length` numbers of a caller's array.
pub(crate) fn numbers<'a>(
    out: &'a mut Float64ArraySlice<'_>,
    length: usize,
) -> routellm_core::Result<&'a mut [f64]> {
    // SAFETY: the array is private to the JavaScript side, which stands still until this call returns.
    let numbers = unsafe { out.as_mut() };
    numbers.get_mut(..length).ok_or_else(|| {
        Error::new(ErrorKind::Internal, format!("JavaScript's array has no room for {length} numbers"))
    })
}

/// The inputs of a batch.
pub(crate) fn inputs(texts: &[Text]) -> Vec<Input<'_>> {
    texts.iter().map(Text::input).collect()
}

/// A mapping on its way to JavaScript.
pub(crate) fn json(written: serde_json::Result<String>) -> routellm_core::Result<String> {
    written.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}
