//! An endpoint: what it costs and how much it may be asked.

use std::collections::VecDeque;

use serde::Serialize;

use crate::candidates::Price;

/// Milliseconds that limits count in.
const MINUTE: u64 = 60_000;

/// An endpoint that answers for one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Endpoint {
    /// The address that requests are posted to; it is part of their keys.
    pub address: String,
    /// What its tokens cost.
    pub price: Price,
    /// The most requests in any minute; none without it.
    pub requests_per_minute: Option<u64>,
    /// The most tokens in any minute, as estimated, with the most tokens of the answers; none without it.
    pub tokens_per_minute: Option<u64>,
    /// Whether an answer counts that says it is of another model.
    pub any_model: bool,
}

impl Endpoint {
    /// An endpoint without limits.
    pub fn new(address: impl Into<String>, price: Price) -> Self {
        let address = address.into();
        Self { address, price, requests_per_minute: None, tokens_per_minute: None, any_model: false }
    }

    /// Sets the most requests in any minute.
    #[must_use]
    pub fn requests_per_minute(mut self, most: u64) -> Self {
        self.requests_per_minute = Some(most);
        self
    }

    /// Sets the most tokens in any minute.
    #[must_use]
    pub fn tokens_per_minute(mut self, most: u64) -> Self {
        self.tokens_per_minute = Some(most);
        self
    }

    /// Sets whether an answer counts that says it is of another model.
    #[must_use]
    pub fn any_model(mut self, any: bool) -> Self {
        self.any_model = any;
        self
    }
}

/// What was sent in the last minute. No minute of the clock has more than the limits, wherever it begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    /// When, and how many tokens.
    sent: VecDeque<(u64, u64)>,
    tokens: u64,
}

impl Window {
    /// When a request of so many tokens may be sent: `now`, or later. What is more than the limit of tokens alone waits for an
    /// empty minute.
    pub(super) fn opens(&mut self, endpoint: &Endpoint, tokens: u64, now: u64) -> u64 {
        while self.sent.front().is_some_and(|(at, _)| at + MINUTE <= now) {
            self.tokens -= self.sent.pop_front().map_or(0, |(_, tokens)| tokens);
        }
        let (mut count, mut sum, mut opens) = (self.sent.len() as u64, self.tokens, now);
        for (at, theirs) in &self.sent {
            let fits = endpoint.requests_per_minute.is_none_or(|most| count < most.max(1))
                && endpoint.tokens_per_minute.is_none_or(|most| sum + tokens <= most);
            if fits {
                break;
            }
            (count, sum, opens) = (count - 1, sum - theirs, at + MINUTE);
        }
        opens
    }

    /// Notes what is sent.
    pub(super) fn note(&mut self, endpoint: &Endpoint, tokens: u64, now: u64) {
        if endpoint.requests_per_minute.is_some() || endpoint.tokens_per_minute.is_some() {
            self.sent.push_back((now, tokens));
            self.tokens += tokens;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_than_the_limits() {
        let endpoint = Endpoint::new("a", Price::new(1.0, 1.0)).requests_per_minute(3).tokens_per_minute(100);
        let (mut window, mut now, mut sent) = (Window::default(), 5, Vec::new());
        for i in 0..40 {
            let tokens = [10, 60, 150, 5][i % 4];
            let opens = window.opens(&endpoint, tokens, now);
            if opens > now {
                // Not a moment earlier.
                assert!(window.opens(&endpoint, tokens, opens - 1) >= opens);
            }
            now = opens;
            window.note(&endpoint, tokens, now);
            sent.push((now, tokens));
        }
        for (at, _) in &sent {
            let minute: Vec<u64> = sent
                .iter()
                .filter(|(other, _)| (*at..at + MINUTE).contains(other))
                .map(|(_, tokens)| *tokens)
                .collect();
            assert!(minute.len() <= 3, "{minute:?}");
            assert!(minute.len() == 1 || minute.iter().sum::<u64>() <= 100, "{minute:?}");
        }
    }
}
