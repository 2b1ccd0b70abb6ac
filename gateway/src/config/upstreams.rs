//! Providers and their models.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Secret;

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
