//! What requests cost: expected, and spent.

use serde::Serialize;

use super::usd::Usd;

/// What a job costs, before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Requests that will be sent.
    pub requests: usize,
    /// Requests that are answered already.
    pub cached: usize,
    /// Tokens of the requests: a quarter of their bytes.
    pub input_tokens: u64,
    /// The most tokens of the answers.
    pub output_tokens: u64,
    /// What these tokens cost: what to expect if answers are as long as they may be.
    pub usd: Usd,
    /// The most that it can cost if every request is tried once: no text has more tokens than bytes.
    pub most_usd: Usd,
}

/// The bill of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bill {
    /// Requests, each counted once however often it was asked for.
    pub requests: usize,
    /// Those that have an answer.
    pub answered: usize,
    /// Those whose answer an earlier run or job had paid for.
    pub cached: usize,
    /// Those without an answer.
    pub failed: usize,
    /// Those that the budget did not reach for.
    pub over_budget: usize,
    /// Those that were not sent because the work was stopped.
    pub stopped: usize,
    /// Attempts of this run.
    pub sent: usize,
    /// Those of them that were not the first for their request.
    pub retries: usize,
    /// Attempts of earlier runs that were in flight when those were killed: they count as paid, and are paid again.
    pub interrupted: usize,
    /// Replies that came twice, or for nothing that was sent.
    pub ignored: usize,
    /// What is on the bill by what endpoints have said, earlier runs of the job included.
    pub spent_usd: Usd,
    /// What may be on the bill as well: requests that were sent and brought no whole answer, at their most.
    pub uncertain_usd: Usd,
    /// What endpoints have charged above the most that a request could cost. It is in what was spent.
    pub overrun_usd: Usd,
    /// Tokens of the requests of this run, as endpoints have counted them.
    pub input_tokens: u64,
    /// Tokens of the answers of this run, as endpoints have counted them.
    pub output_tokens: u64,
}
