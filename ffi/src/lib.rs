//! The C interface of routellm: opaque handles, status numbers, and nothing of its own to decide.
//!
//! `include/routellm.h` is generated from this crate and is the manual for its users. Three rules hold for
//! every function, so that they are said here and not at each one:
//!
//! - Pointer ownership is a type. `Option<&T>` is `const T *` (shared, any thread), `Option<&mut T>` is
//!   `T *` used by one thread at a time, `Option<Box<T>>` is a `T *` that the call takes over. `None` is
//!   `NULL`. Raw pointers are left where C has arrays, bytes and places for results; `args` turns them
//!   into slices or refuses them.
//! - Every body runs inside `guard`: a panic becomes `Internal` and never reaches the caller's frames.
//! - Errors come out through the last parameter. There is no last error of a thread: goroutines and
//!   executors change threads between two calls.

#![allow(
    non_camel_case_types,
    reason = "Rust names are the C names, so that the generated header needs no table of renames"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "what C callers must keep to is said once, at the top of the header"
)]

mod args;
mod guard;

// The header follows this order, which blank lines keep.
mod version;

mod status;

mod error;

mod string;

mod names;

mod open_options;

mod open_setters;

mod option_table;

mod router;

mod upgrade;

mod doctor;

mod decision;

mod input;

mod route_options;

mod call_setters;

mod route;

mod route_async;

mod score;

mod explain;

mod messages;

mod fallbacks;

mod hooks;

mod cancel;

mod reloadable;

mod train;

mod calibrate;

pub use calibrate::*;
pub use call_setters::*;
pub use cancel::*;
pub use decision::*;
pub use doctor::*;
pub use error::*;
pub use explain::*;
pub use fallbacks::*;
pub use hooks::*;
pub use input::*;
pub use messages::*;
pub use names::*;
pub use open_options::*;
pub use open_setters::*;
pub use option_table::*;
pub use reloadable::*;
pub use route::*;
pub use route_async::*;
pub use route_options::*;
pub use router::*;
pub use score::*;
pub use status::*;
pub use string::*;
pub use train::*;
pub use upgrade::*;
pub use version::*;
