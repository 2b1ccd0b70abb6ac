//! How a router's ONNX sessions are opened.

use std::ffi::c_char;

use routellm_core::OpenOptions;

use crate::args::{handle, invalid, name, path};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::open_options::{routellm_open_options, set};
use crate::status::routellm_status;

/// Sets the path of `libonnxruntime`. Without it the environment variables `ROUTELLM_ORT_PATH` and
/// `ORT_DYLIB_PATH` are looked at, then a library that the process has loaded, then the system's. Only routers
/// with a model to run need it. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_onnxruntime(
    options: Option<&mut routellm_open_options>,
    library: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for paths.
    unsafe { set(options, err, || path(library, "library"), OpenOptions::onnxruntime) }
}

/// Sets the number of ONNX sessions, which run side by side: 1 to 256 (checked when opening), 1 by default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_sessions(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::sessions) }
}

/// Sets the number of threads inside one ONNX session: 1 to 256 (checked when opening), by default the smaller
/// of the number of cores and 4. A router with votes reads them with as many, by default with one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_intra_threads(
    options: Option<&mut routellm_open_options>,
    count: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(count), OpenOptions::intra_threads) }
}

/// Sets one single-threaded ONNX session for each core: most requests a second for many callers. The same as the preset
/// `throughput`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_throughput(
    options: Option<&mut routellm_open_options>,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            handle(options, "options")?.change(OpenOptions::throughput);
            Ok(())
        })
    }
}

/// Sets the numbers of sessions and threads by name, and excludes both numbers (checked when opening): `latency`, one
/// session with a thread for each core, four at most, or `throughput`, one single-threaded session for each core.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_preset(
    options: Option<&mut routellm_open_options>,
    preset: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(preset, "preset")?.parse(), OpenOptions::preset) }
}

/// Sets how many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
/// `ROUTELLM_RESOURCE_EXHAUSTED` at once, or a fallback decision if `on_error` says so. Routers with sessions only
/// (checked when opening).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_max_waiting(
    options: Option<&mut routellm_open_options>,
    calls: usize,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(calls), OpenOptions::max_waiting) }
}

/// Sets where ONNX models run: `cpu` (the default), `cuda`, an NVIDIA GPU, which is `ROUTELLM_RUNTIME_UNAVAILABLE` when
/// opening if it cannot be had, or `auto`, a GPU if it can be had and else the processor: `runtime.provider` of
/// `routellm_router_info_json()` tells which. A GPU needs the `libonnxruntime` that was built for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_provider(
    options: Option<&mut routellm_open_options>,
    provider: *const c_char,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and for names.
    unsafe { set(options, err, || name(provider, "provider")?.parse(), OpenOptions::provider) }
}

/// Sets which GPU, from 0; 0 by default. Providers `cuda` and `auto` only (checked when opening).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_device_id(
    options: Option<&mut routellm_open_options>,
    device_id: u32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(device_id), OpenOptions::device_id) }
}

/// Sets the bytes of GPU memory that the sessions' arena may take, at least 1; no limit of its own by default. Providers
/// `cuda` and `auto` only (checked when opening).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_memory_limit(
    options: Option<&mut routellm_open_options>,
    bytes: u64,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, || Ok(bytes), OpenOptions::memory_limit) }
}

/// Sets whether a GPU may compute float32 in TF32 (`1`; `0` is the default): faster, with 10 bits of mantissa, so that
/// win rates differ from those of the processor by about 1e-3. Providers `cuda` and `auto` only (checked when opening).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_open_options_set_tf32(
    options: Option<&mut routellm_open_options>,
    on: i32,
    err: *mut *mut routellm_error,
) -> routellm_status {
    let on = || match on {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(invalid(format!("tf32 is {other}, expected 0 or 1"))),
    };
    // SAFETY: the rules of the header for `err`.
    unsafe { set(options, err, on, OpenOptions::tf32) }
}
