//! The configuration: a TOML file, read and checked as a whole before anything listens.
//!
//! Every field that may be left out has its default here; `docs/gateway.md` has the table. Times end in `_ms`.

mod callers;
mod check;
mod limits;
mod read;
mod routers;
mod secret;
mod upstreams;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub use callers::{Budget, Key, Period};
pub use limits::{Feedback, Limits, Log, Reload, Shutdown};
pub use read::Fault;
pub use routers::{OnError, Policy, Router, Side, Sticky};
pub use secret::Secret;
pub use upstreams::{Breaker, Dialect, Model, Price, Upstream};

/// What a gateway is told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; 127.0.0.1:6060 by default, so that no other machine reaches it.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// The upstream that gets model names which no `[models.NAME]` has, by dialect. Without it the only upstream of the
    /// dialect does, if there is one alone.
    #[serde(default)]
    pub default_upstream: BTreeMap<Dialect, String>,
    /// Whether the page at `/` is served.
    #[serde(default = "yes")]
    pub page: bool,
    /// Origins whose pages may call, beside the gateway's own at an address: `https://chat.example.com`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The folder for what survives a restart: what keys have spent. Without it nothing does.
    #[serde(default)]
    pub state: Option<PathBuf>,
    /// Limits of what callers may send, and how long they may take.
    #[serde(default)]
    pub limits: Limits,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// When the configuration is read again.
    #[serde(default)]
    pub reload: Reload,
    /// How the gateway ends.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// Where feedback is kept.
    #[serde(default)]
    pub feedback: Feedback,
    /// Providers of models, by name.
    pub upstreams: BTreeMap<String, Upstream>,
    /// Models that callers may name and routers may pick.
    #[serde(default)]
    pub models: BTreeMap<String, Model>,
    /// Routers, by the name that `router-NAME` has.
    #[serde(default)]
    pub routers: BTreeMap<String, Router>,
    /// Who may call. Without any, everybody who reaches the address may.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 6060))
}

const fn yes() -> bool {
    true
}
