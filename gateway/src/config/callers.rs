//! Who may call, and what for.

use serde::Deserialize;

use super::Secret;

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
