//! The gateway behind `routellm serve`: a router and the requests that it is for, in one program.
//!
//! It takes requests as OpenAI and Anthropic define them, lets a router decide which model should answer, and sends each on with
//! nothing changed but the value of `model`. Answers come back part by part as they arrive. What it is told stands in a file
//! ([`Config`]); `docs/gateway.md` lists its keys and paths.
//!
//! ```no_run
//! use std::path::Path;
//!
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.block_on(async {
//!     let gateway = routellm_gateway::Gateway::open(Path::new("gateway.toml"), None).await?;
//!     println!("listening at {}", gateway.address());
//!     gateway.run(std::future::pending()).await;
//!     Ok::<(), routellm_gateway::Fault>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What runs where
//! Each connection is a task. A decision of the compiled-in router takes microseconds and is made in place; one that runs a model
//! waits for its session elsewhere. Logs are written by a thread of their own. A configuration is opened in full before it takes
//! the place of the one before, and requests keep the one that they began with.

#![deny(unsafe_code)]

mod bucket;
mod closing;
pub mod config;
mod demo;
mod gateway;
mod guarded;
mod handlers;
mod keys;
mod learner;
mod logs;
mod metrics;
mod naming;
mod recent;
mod refusal;
mod reload;
mod request;
mod routing;
mod server;
mod signals;
mod spending;
mod state;
mod upstream;

pub use config::{Config, Fault};
pub use gateway::{Gateway, Report, check};
pub use learner::{Feedback, Learner, Outcome};
pub use signals::{serve, serve_demo};
