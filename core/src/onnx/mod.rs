//! ONNX Runtime: finding the library, the one environment, and sessions.
//!
//! The only place that names `ort`, and outside the feature `ort` nothing public does. Nothing here is touched until an artifact asks for a model.

mod batch;
#[cfg(feature = "onnx")]
mod env;
pub mod graph;
#[cfg(feature = "onnx")]
mod locate;
mod options;
#[cfg(feature = "onnx")]
mod pool;
#[cfg(feature = "onnx")]
mod probe;
#[cfg(feature = "onnx")]
mod seal;
#[cfg(feature = "onnx")]
mod session;
mod session_options;
#[cfg(feature = "onnx")]
mod sessions;
#[cfg(feature = "onnx")]
mod tensor;
mod usage;

pub(crate) use batch::{BatchLimits, plan};
#[cfg(feature = "ort")]
pub use env::adopt;
#[cfg(feature = "onnx")]
pub use env::{RuntimeInfo, loaded};
#[cfg(feature = "onnx")]
pub use locate::{ENV_ORT_DYLIB_PATH, ENV_ROUTELLM_ORT_PATH, ORT_MINOR_VERSION, set_package_library};
pub use options::{Preset, Provider};
#[cfg(feature = "onnx")]
pub(crate) use pool::{Opening, SessionPool};
#[cfg(feature = "onnx")]
pub(crate) use probe::probe;
pub use session_options::SessionOptions;
#[cfg(feature = "onnx")]
pub(crate) use tensor::{Dim, Input, Outputs, TensorSpec, Value};
pub use usage::RuntimeUse;
