//! Errors on their way to JavaScript.

use std::error::Error as _;

use napi_derive::napi;
use routellm_core::{Error, ErrorKind};

use crate::guard::guard;

/// What an entry returns: the status is the `code` of the JavaScript error.
pub(crate) type Result<T> = napi::Result<T, &'static str>;

/// Runs the body of a synchronous entry under the guard.
pub(crate) fn guarded<T>(call: impl FnOnce() -> routellm_core::Result<T>) -> Result<T> {
    guard(call).map_err(|error| to_js(&error))
}

/// The error as JavaScript gets it, with what caused it as `cause`.
pub(crate) fn to_js(error: &Error) -> napi::Error<&'static str> {
    let mut js = napi::Error::new(error.kind().node_code(), error.message().to_owned());
    js.cause = error.source().map(|cause| Box::new(cause_of(cause)));
    js
}

fn cause_of(error: &(dyn std::error::Error + 'static)) -> napi::Error {
    let mut js = napi::Error::from_reason(error.to_string());
    js.cause = error.source().map(|cause| Box::new(cause_of(cause)));
    js
}

/// One row of the table of errors.
#[napi(object, object_from_js = false)]
pub struct ErrorKindRow {
    /// The stable number, the same in every language.
    pub number: i32,
    /// Its name, as in `InvalidArgument`.
    pub name: &'static str,
    /// The `code` of the error.
    pub code: &'static str,
}

/// The table of errors, in the order of their numbers.
#[napi]
pub fn error_kinds() -> Vec<ErrorKindRow> {
    ErrorKind::ALL
        .into_iter()
        .map(|kind| ErrorKindRow { number: kind.code(), name: kind.name(), code: kind.node_code() })
        .collect()
}
