//! The shared library: every function comes from `routellm-ffi`.

pub use routellm_ffi::*;
