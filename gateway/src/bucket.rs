//! A bucket of tokens: so many per second on average, and a burst.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may be taken, and how it grows.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    most: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket, which holds what comes in a second, and at least one.
    pub(crate) fn new(per_second: f64, now: Instant) -> Self {
        let most = per_second.max(1.0);
        Self { per_second, most, state: Mutex::new((most, now)) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long until there is one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, at) = *state;
        let passed = now.saturating_duration_since(at).as_secs_f64();
        let tokens = (tokens + passed * self.per_second).min(self.most);
        let left = if tokens >= 1.0 { tokens - 1.0 } else { tokens };
        *state = (left, at.max(now));
        if tokens >= 1.0 {
            return Ok(());
        }
        let wait = (1.0 - tokens) / self.per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let bucket = Bucket::new(2.0, start);
        assert_eq!((bucket.take(start), bucket.take(start)), (Ok(()), Ok(())));
        assert_eq!(bucket.take(start), Err(Duration::from_millis(500)));
        let later = start + Duration::from_millis(500);
        assert_eq!(bucket.take(later), Ok(()));
        assert!(bucket.take(later).is_err());
        let much_later = start + Duration::from_secs(100);
        assert!(bucket.take(much_later).is_ok() && bucket.take(much_later).is_ok());
        assert!(bucket.take(much_later).is_err());
    }

    #[test]
    fn slow_rates_have_one_at_the_beginning() {
        let start = Instant::now();
        let bucket = Bucket::new(0.1, start);
        assert!(bucket.take(start).is_ok());
        assert_eq!(bucket.take(start), Err(Duration::from_secs(10)));
    }
}
