//! The one place that stops a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use routellm_core::{Error, ErrorKind, Result};

/// Runs `call`; a panic in it becomes an error of kind `Internal`.
///
/// Whatever state a panic leaves behind belongs to the call: routers are immutable, and the core's locks
/// survive poisoning. So nothing broken is seen afterwards.
pub(crate) fn guard<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Err(Error::new(ErrorKind::Internal, format!("a defect of routellm: {text}")))
    })
}
