//! What goes in and out of [`Requests`](super::Requests): how requests are sent, what to do next, what has become of each.

use serde::{Deserialize, Serialize};

use super::reply::Completion;
use super::usd::Usd;
use crate::setters::options_struct;

options_struct! {
    /// How requests are sent.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct RequestOptions {
        /// The most that the job may cost, with what earlier runs of it have cost; no limit without it.
        budget: Option<Usd> = None => Usd,
        /// How many requests are in flight at once, at least 1.
        concurrency: usize = 8,
        /// How often a request is tried, at least 1.
        tries: u32 = 6,
        /// The first wait before a request is tried again, in milliseconds; it doubles each time.
        first_wait_ms: u64 = 1_000,
        /// The longest wait that is not asked for by `Retry-After`, in milliseconds.
        longest_wait_ms: u64 = 60_000,
        /// The longest `Retry-After` that is waited for, in milliseconds; a longer one ends the work with that endpoint.
        longest_retry_after_ms: u64 = 600_000,
        /// After how many failures in a row an endpoint counts as dead.
        dead_after: u32 = 20,
        /// Whether requests go out in batches, so that those which earlier runs have under way are taken over.
        batches: bool = false,
        /// Seed of the waits.
        seed: u64 = 0,
    }
}

/// What has become of a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was answered, now or by an earlier run.
    Answered(Completion),
    /// It has no answer, and why.
    Failed(String),
    /// The budget did not reach for it.
    OverBudget,
    /// The work was stopped before it.
    Stopped,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Write the line to the journal, see to it that it is on the disk, and send the request.
    Send(Outgoing),
    /// Wait for a reply, but at most so many milliseconds if there is a number.
    Wait(Option<u64>),
    /// Every request has its outcome.
    Finished,
}

/// A request that is to be sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outgoing {
    /// The attempt, for [`Requests::receive`](super::Requests::receive).
    pub attempt: u64,
    /// The number of the endpoint.
    pub endpoint: usize,
    /// The body to post.
    pub body: String,
    /// The line for the journal, which has to be on the disk before the request is sent.
    pub journal: String,
}

/// What a reply has led to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// The line for the journal; none for a reply that came twice.
    pub journal: Option<String>,
    /// Why the attempt has failed, if it has.
    pub failed: Option<String>,
}
