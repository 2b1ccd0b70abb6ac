//! Routers, and how they decide.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::yes;

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

fn default_artifact() -> String {
    "default".to_owned()
}
