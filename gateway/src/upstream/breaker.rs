//! A circuit breaker: a provider that fails again and again is left alone for a while.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config;

/// Counts failures in a row.
#[derive(Debug)]
pub(crate) struct Breaker {
    options: config::Breaker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when nothing is sent. Then one request tries, and moves it on by as much, so that a try that never ends
    /// closes the way for no longer.
    closed_until: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(options: config::Breaker) -> Self {
        Self { options, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.options.open_ms)
    }

    /// Whether a request may be sent.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + self.pause());
                true
            }
        }
    }

    /// Whether nothing is sent now.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.state().closed_until.is_some_and(|until| now < until)
    }

    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if self.options.failures > 0 && state.failures >= self.options.failures {
            state.closed_until = Some(now + self.pause());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(failures: u32) -> Breaker {
        Breaker::new(config::Breaker { failures, open_ms: 1_000 })
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try() {
        let (start, breaker) = (Instant::now(), breaker(2));
        breaker.failed(start);
        breaker.succeeded();
        breaker.failed(start);
        assert!(breaker.allows(start));
        breaker.failed(start);
        assert!(!breaker.allows(start) && breaker.is_open(start));
        let later = start + Duration::from_secs(1);
        assert!(breaker.allows(later), "one tries");
        assert!(!breaker.allows(later), "and only one");
        breaker.failed(later);
        assert!(!breaker.allows(later + Duration::from_millis(999)));
        let again = later + Duration::from_secs(1);
        assert!(breaker.allows(again));
        breaker.succeeded();
        assert!(breaker.allows(again) && breaker.allows(again));
    }

    #[test]
    fn a_try_that_never_ends_is_forgotten() {
        let (start, breaker) = (Instant::now(), breaker(1));
        breaker.failed(start);
        let later = start + Duration::from_secs(1);
        assert!(breaker.allows(later) && !breaker.allows(later));
        assert!(breaker.allows(later + Duration::from_secs(1)));
    }

    #[test]
    fn none_is_for_ever_closed() {
        let (start, breaker) = (Instant::now(), breaker(0));
        (0..100).for_each(|_| breaker.failed(start));
        assert!(breaker.allows(start));
    }
}
