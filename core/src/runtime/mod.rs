//! ONNX Runtime: finding the library, the one environment, sessions and their pool.
//!
//! The only place that names `ort`. Nothing here is touched until an artifact asks for an encoder.

pub mod batch;
mod env;
mod fork;
pub mod graph;
mod locate;
mod options;
mod pool;
mod session;
mod tensor;

pub use batch::{BatchLimits, plan, spread, spread_all};
pub use env::{RuntimeInfo, adopt, loaded};
pub use locate::{ENV_ORT_DYLIB_PATH, ENV_ROUTELLM_ORT_PATH, ORT_MINOR_VERSION, set_package_library};
pub use options::{Preset, Provider, SessionOptions};
pub use pool::SessionPool;
pub use tensor::{Dim, Input, Outputs, TensorSpec, Value};
