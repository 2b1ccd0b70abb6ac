//! What the tests and the benchmark of the package ask of the very binary that ships: to panic, so that they
//! see the guard hold, and to time the library without the way from JavaScript.

use std::hint::black_box;
use std::time::Instant;

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use routellm_core::RouteOptions;

use crate::error::{Result, guarded};
use crate::router::NativeRouter;
use crate::text::Text;
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

/// Nanoseconds that the library takes to decide for each of `prompts`, one by one, once they are in Rust.
///
/// # Errors
/// What the core reports.
#[napi]
pub fn time_route(
    router: &NativeRouter,
    #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
) -> Result<f64> {
    guarded(|| {
        let options = RouteOptions::default();
        let begin = Instant::now();
        for prompt in &prompts {
            black_box(router.router().route_input(black_box(prompt.input()), &options)?);
        }
        Ok(begin.elapsed().as_nanos() as f64 / prompts.len() as f64)
    })
}
