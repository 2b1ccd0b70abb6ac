//! Decides, per prompt and before any LLM is called, whether a strong or a weak model should answer.

#![deny(unsafe_code)]

pub mod artifact;
pub mod calibrate;
pub mod cancel;
pub mod embed;
pub mod error;
pub mod eval;
mod kernel;
pub mod messages;
pub mod policy;
pub mod preference;
pub mod router;
pub mod runtime;
pub mod scorer;
pub mod train;

pub use cancel::CancelToken;
pub use error::{Error, ErrorKind, Result};
pub use messages::prompt_from_messages;
pub use policy::{Decision, Fallback, OnError, Policy, RouteOptions, Side};
pub use router::{Info, Mode, OpenOptions, Router};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
