//! Limits, logs, and how the gateway reads anew and ends.

use std::path::PathBuf;

use serde::Deserialize;

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
