//! ONNX Runtime: finding the library, the one environment, sessions and their pool.
//!
//! The only place that names `ort`. Nothing here is touched until an artifact asks for an encoder.

mod env;
mod fork;
mod locate;
mod pool;

pub use env::{RuntimeInfo, adopt, loaded};
pub use locate::{ENV_ORT_DYLIB_PATH, ENV_ROUTELLM_ORT_PATH, ORT_MINOR_VERSION, set_package_library};
pub use pool::{SessionOptions, SessionPool};
