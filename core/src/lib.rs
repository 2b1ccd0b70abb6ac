//! routellm-core

#![deny(unsafe_code)]

pub mod error;
mod kernel;
pub mod preference;
pub mod scorer;

pub use error::{Error, ErrorKind, Result};
