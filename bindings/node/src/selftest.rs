//! What the tests and the benchmark of the package ask of the very binary that ships: to panic, so that they
//! see the guard hold, and to time the library without the way from JavaScript.

use std::hint::black_box;
use std::time::Instant;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use routellm_core::CallOptions;

use crate::error::{Result, guarded};
use crate::promise::{on_thread, promise};
use crate::router::NativeRouter;
use crate::text::Text;

/// Panics under the guard of a synchronous call.
///
/// # Errors
/// Always `Internal`.
#[napi]
pub fn panic_sync() -> Result<()> {
    guarded(|| panic!("on purpose"))
}

/// Panics on a thread of the addon.
///
/// # Errors
/// None: the panic rejects the promise as `Internal`.
#[napi(ts_return_type = "Promise<number>")]
pub fn panic_async(env: &Env) -> napi::Result<Object<'_>> {
    promise::<f64>(env, |done| on_thread(done, || panic!("on purpose")))
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
        let options = CallOptions::new();
        let begin = Instant::now();
        for prompt in &prompts {
            black_box(router.router().route(black_box(prompt.input()), &options)?);
        }
        Ok(begin.elapsed().as_nanos() as f64 / prompts.len() as f64)
    })
}
