//! ONNX Runtime: finding the library, the one environment, sessions and the queue in front of them.
//!
//! The only place that names `ort`. Nothing here is touched until an artifact asks for an encoder.

pub mod batch;
mod env;
pub mod graph;
mod jobs;
mod locate;
mod options;
mod pool;
mod seal;
mod session;
mod slot;
mod tensor;

pub use batch::{BatchLimits, plan};
pub use env::{RuntimeInfo, adopt, loaded};
pub use jobs::SlotLease;
pub(crate) use jobs::{
    RowResults, SlotQueue, Unit, check_may_wait, closed, closed_meanwhile, start, start_rows, workers,
};
pub use locate::{ENV_ORT_DYLIB_PATH, ENV_ROUTELLM_ORT_PATH, ORT_MINOR_VERSION, set_package_library};
pub use options::{Preset, Provider, SessionOptions};
pub(crate) use pool::Opening;
pub use pool::SessionPool;
pub use slot::Slot;
pub use tensor::{Dim, Input, Outputs, TensorSpec, Value};
