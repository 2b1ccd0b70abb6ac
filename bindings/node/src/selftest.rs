//! Panics on purpose: so the tests of the package see that the guard holds in the very binary that ships.

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::error::{Result, guarded};
use crate::work::Work;

/// Panics under the guard of a synchronous call.
///
/// # Errors
/// Always `Internal`.
#[napi]
pub fn panic_sync() -> Result<()> {
    guarded(|| panic!("on purpose"))
}

/// Panics under the guard of a worker thread.
#[napi(ts_return_type = "Promise<number>")]
pub fn panic_async() -> AsyncTask<Work<f64>> {
    Work::queue(|| panic!("on purpose"))
}
