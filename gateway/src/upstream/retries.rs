//! How often, and after how long, a request is sent again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a provider has in hand for retries at the beginning, and at most.
const MOST: f64 = 10.0;

/// The wait before the first retry; it doubles.
const FIRST_WAIT_MS: u64 = 50;

/// What may be spent on retries: a share of the requests, so that a provider in trouble does not get a multiple of them.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    share: f64,
    left: Mutex<f64>,
}

impl RetryBudget {
    pub(crate) fn new(share: f64) -> Self {
        Self { share, left: Mutex::new(if share > 0.0 { MOST } else { 0.0 }) }
    }

    /// Counts a request.
    pub(crate) fn deposit(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + self.share).min(MOST);
    }

    /// Whether there is enough for a retry, which this takes.
    pub(crate) fn withdraw(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = *left >= 1.0;
        if enough {
            *left -= 1.0;
        }
        enough
    }
}

/// How long to wait before retry number `retry`, from 0. `random` spreads callers out, in [0, 1). What the provider asks for
/// counts, if it is not more than `most`; otherwise nothing should be sent again: `None`.
pub(crate) fn wait(retry: u32, asked: Option<Duration>, most: Duration, random: f64) -> Option<Duration> {
    if asked.is_some_and(|asked| asked > most) {
        return None;
    }
    let doubled = Duration::from_millis(FIRST_WAIT_MS.saturating_mul(1 << retry.min(16)));
    let drawn = doubled.min(most).mul_f64(0.5 + 0.5 * random);
    Some(asked.unwrap_or_default().max(drawn).min(most))
}

/// What `Retry-After` asks for: seconds. A date is none, because clocks differ.
pub(crate) fn asked(header: Option<&axum::http::HeaderValue>) -> Option<Duration> {
    let seconds = header?.to_str().ok()?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_requests() {
        let budget = RetryBudget::new(0.25);
        assert_eq!((0..20).filter(|_| budget.withdraw()).count(), 10);
        (0..8).for_each(|_| budget.deposit());
        assert_eq!((0..20).filter(|_| budget.withdraw()).count(), 2);
        assert!(!RetryBudget::new(0.0).withdraw());
    }

    #[test]
    fn waits_double_and_obey() {
        let ms = Duration::from_millis;
        let most = ms(2_000);
        assert_eq!(wait(0, None, most, 0.0), Some(ms(25)));
        assert_eq!(wait(3, None, most, 0.0), Some(ms(200)));
        assert_eq!(wait(30, None, most, 0.0), Some(ms(1_000)));
        assert_eq!(wait(0, Some(ms(1_500)), most, 0.5), Some(ms(1_500)));
        assert_eq!(wait(0, Some(ms(2_500)), most, 0.5), None);
        let header = axum::http::HeaderValue::from_static("1.5");
        assert_eq!(asked(Some(&header)), Some(ms(1_500)));
    }
}
