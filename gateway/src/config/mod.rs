//! The configuration: a TOML file, read and checked as a whole before anything listens.
//!
//! Every field that may be left out has its default here; `docs/gateway.md` has the table. Times end in `_ms`.

mod check;
mod read;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub use read::Fault;
pub use secret::Secret;

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

/// What a provider speaks: the form of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// That of `OpenAI`: `/chat/completions`, `/completions`, `/responses`, `/embeddings`.
    Openai,
    /// That of Anthropic: `/messages`.
    Anthropic,
}

impl Dialect {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Upstream {
    /// What it speaks.
    #[serde(default = "openai")]
    pub dialect: Dialect,
    /// Its address up to and without the path of the endpoint: `https://api.openai.com/v1`.
    pub base_url: String,
    /// Its key. Without one the caller's own `Authorization` or `x-api-key` is passed on, unless the gateway has keys of its own.
    #[serde(default)]
    pub key: Option<Secret>,
    /// Whether a key may be sent over plain HTTP to another machine.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Headers that every request gets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The longest time to connect.
    #[serde(default = "ms::<5_000>")]
    pub connect_timeout_ms: u64,
    /// The longest time from the request to the first byte of the answer's body.
    #[serde(default = "ms::<120_000>")]
    pub first_byte_timeout_ms: u64,
    /// The longest time between two parts of an answer.
    #[serde(default = "ms::<60_000>")]
    pub idle_timeout_ms: u64,
    /// How often a request is sent again that failed before its first byte; 0 for never.
    #[serde(default = "two")]
    pub retries: u32,
    /// Retries as a share of requests: each request adds so much to what may be spent on retries, each retry takes 1.
    #[serde(default = "fifth")]
    pub retry_budget: f64,
    /// The longest wait before a retry, also where the provider asks for more.
    #[serde(default = "ms::<2_000>")]
    pub retry_wait_ms: u64,
    /// The circuit breaker.
    #[serde(default)]
    pub breaker: Breaker,
    /// The most requests per second on average; no limit by default.
    #[serde(default)]
    pub requests_per_second: Option<f64>,
    /// The most requests at once; no limit by default.
    #[serde(default)]
    pub concurrency: Option<usize>,
}

/// When a provider is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Breaker {
    /// After so many failures in a row; 0 for never.
    pub failures: u32,
    /// For so long. Then one request tries.
    pub open_ms: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, open_ms: 10_000 }
    }
}

/// A model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Model {
    /// Who has it.
    pub upstream: String,
    /// What the provider calls it; the name of the table by default.
    #[serde(default)]
    pub name: Option<String>,
    /// What its tokens cost.
    #[serde(default)]
    pub price: Option<Price>,
    /// The tokens that a request and its answer may have together; not limited by default.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// What it can do of `vision`, `audio`, `files`, `tools`, `json_schema`; without the list it can do everything.
    #[serde(default)]
    pub capabilities: Option<Vec<String>>,
}

/// USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Price {
    /// Of the request.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

impl Price {
    /// What a request of so many tokens costs in USD.
    pub fn cost(self, input: u64, output: u64) -> f64 {
        (self.input * input as f64 + self.output * output as f64) / 1e6
    }
}

/// A router.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Router {
    /// The folder of an artifact, or `default` for the router that is compiled in.
    #[serde(default = "default_artifact")]
    pub artifact: String,
    /// The model that stands for the artifact's strong one.
    pub strong: String,
    /// The model that stands for the artifact's weak one.
    pub weak: String,
    /// Models for other candidates of the artifact, by its names for them.
    #[serde(default)]
    pub candidates: BTreeMap<String, String>,
    /// What `router-NAME` alone decides by: one of `threshold`, `strong_share`, `cost_weight`, `min_quality`, `budget`.
    /// Without it what the artifact says.
    #[serde(default)]
    pub policy: Option<Policy>,
    /// Options of opening, as the library has them: `sessions = 2`.
    #[serde(default)]
    pub open: toml::Table,
    /// Where a request goes that cannot be scored: `strong`, `weak`, or `raise` to refuse it.
    #[serde(default)]
    pub on_error: OnError,
    /// Whether another candidate answers where the chosen one's provider fails before the first byte.
    #[serde(default = "yes")]
    pub fallback: bool,
    /// Whether conversations stay with a model.
    #[serde(default)]
    pub sticky: Option<Sticky>,
    /// Decide and log, but send everything to this side.
    #[serde(default)]
    pub shadow: Option<Side>,
    /// Whether streams are asked for their usage, so that their cost is exact. The caller then sees the chunk with it, too.
    #[serde(default)]
    pub include_usage: bool,
}

/// How a router decides if a request says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Policy {
    /// The least win rate of the strong model.
    Threshold(f64),
    /// The share of ordinary traffic that the strong model gets.
    StrongShare(f64),
    /// Quality per USD per 1,000 requests.
    CostWeight(f64),
    /// The least quality.
    MinQuality(f64),
    /// USD per 1,000 requests.
    Budget(f64),
}

/// What becomes of a request that cannot be scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnError {
    /// The strong model gets it.
    #[default]
    Strong,
    /// The weak model gets it.
    Weak,
    /// It is refused.
    Raise,
}

/// A side of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Side {
    /// The strong model.
    Strong,
    /// The weak model.
    Weak,
}

/// How conversations stay with a model.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sticky {
    /// How far a win rate has to be beyond the threshold for a conversation to change its model.
    pub switch_cost: f64,
    /// Whether conversations without the header `x-routellm-session` are known by how they begin.
    pub by_prefix: bool,
    /// How long a conversation is remembered after its last request.
    pub remember_ms: u64,
    /// The most conversations that are remembered.
    pub conversations: usize,
}

impl Default for Sticky {
    fn default() -> Self {
        Self { switch_cost: 0.1, by_prefix: true, remember_ms: 3_600_000, conversations: 100_000 }
    }
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Key {
    /// The key.
    pub key: Secret,
    /// The routers that it may use; all by default.
    #[serde(default)]
    pub routers: Option<Vec<String>>,
    /// The models that it may name; all by default.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// The most requests per minute on average.
    #[serde(default)]
    pub requests_per_minute: Option<f64>,
    /// What it may spend.
    #[serde(default)]
    pub budget: Option<Budget>,
}

/// A sum for a time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Budget {
    /// How much, in USD.
    pub usd: f64,
    /// For each day (UTC), or once and for all.
    #[serde(default)]
    pub per: Period,
}

/// How long a budget lasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Period {
    /// A day, from midnight UTC.
    #[default]
    Day,
    /// For ever.
    Total,
}

/// Limits of what callers may send.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes of a body.
    pub body_bytes: usize,
    /// The most bytes of a request's head; at least 8,192.
    pub header_bytes: usize,
    /// The most headers.
    pub headers: usize,
    /// The longest time until a request's head is there, and that a connection may be idle.
    pub header_timeout_ms: u64,
    /// The longest time until a body is there.
    pub body_timeout_ms: u64,
    /// The longest time that a caller may leave an answer unread.
    pub write_timeout_ms: u64,
    /// The longest time until an answer begins, all tries together. The header `x-routellm-timeout-ms` may ask for less.
    pub request_timeout_ms: u64,
    /// The most connections.
    pub connections: usize,
    /// The most prompts of one call of `/v1/route`.
    pub route_inputs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            header_bytes: 64 << 10,
            headers: 100,
            header_timeout_ms: 30_000,
            body_timeout_ms: 60_000,
            write_timeout_ms: 60_000,
            request_timeout_ms: 300_000,
            connections: 8_192,
            route_inputs: 1_000,
        }
    }
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// Whether each request has a line of JSON on the standard error.
    pub requests: bool,
    /// The file of decisions, a line of JSON each. None by default.
    pub decisions: Option<PathBuf>,
    /// Its size at which a new one begins.
    pub max_bytes: u64,
    /// How many full ones are kept.
    pub keep: u32,
    /// Whether prompts stand in it.
    pub prompts: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { requests: true, decisions: None, max_bytes: 64 << 20, keep: 5, prompts: false }
    }
}

/// When the configuration is read again, beside on SIGHUP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Reload {
    /// How often files are looked at; 0 for never.
    pub poll_ms: u64,
}

/// How the gateway ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Shutdown {
    /// How long connections that are open may still send requests, each of which is the last of its connection.
    pub linger_ms: u64,
    /// How long answers may still take.
    pub grace_ms: u64,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { linger_ms: 500, grace_ms: 30_000 }
    }
}

/// Where feedback is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Feedback {
    /// The file, a line of JSON for each. Without it `/v1/feedback` is refused.
    pub file: Option<PathBuf>,
    /// How many of the newest decisions feedback may name.
    pub decisions: usize,
}

impl Default for Feedback {
    fn default() -> Self {
        Self { file: None, decisions: 100_000 }
    }
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 6060))
}

const fn yes() -> bool {
    true
}

const fn openai() -> Dialect {
    Dialect::Openai
}

const fn ms<const MS: u64>() -> u64 {
    MS
}

const fn two() -> u32 {
    2
}

const fn fifth() -> f64 {
    0.2
}

fn default_artifact() -> String {
    "default".to_owned()
}
