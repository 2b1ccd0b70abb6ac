//! Version numbers.

use std::ffi::c_char;

/// The number of the binary interface, also the suffix of the shared library's name. It is separate from the
/// version: it changes only when a program that was compiled before would no longer work.
pub const ROUTELLM_ABI_VERSION: u32 = 0;

/// The number of the binary interface of the library that is loaded. Compare it with `ROUTELLM_ABI_VERSION`
/// when you load the library by hand.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_abi_version() -> u32 {
    ROUTELLM_ABI_VERSION
}

/// The version of the library that is loaded, as in `0.1.0`. Valid for ever. `ROUTELLM_VERSION` is the version
/// that a program was compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
