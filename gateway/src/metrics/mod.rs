//! Numbers for Prometheus: counters and histograms that cost an atomic addition each. No label holds what a caller wrote,
//! but for names of the configuration.

mod family;
mod text;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use family::Family;
pub(crate) use text::Gauges;

/// Microseconds since this program first asked.
pub(crate) fn now_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A number that grows, or goes up and down by `add` and `sub`.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// USD, counted in units of 1e-9.
#[derive(Debug, Default)]
pub(crate) struct Money(AtomicU64);

impl Money {
    pub(crate) fn add(&self, usd: f64) {
        self.0.fetch_add((usd.max(0.0) * 1e9) as u64, Ordering::Relaxed);
    }

    pub(crate) fn usd(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// Upper ends of the buckets of times, in microseconds; everything longer is in one more.
const BOUNDS_US: [u64; 18] = [
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
];

/// Times.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe_us(&self, us: u64) {
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }
}

/// Bins of win rates, by the tenths of the calibration sample.
pub(crate) const BINS: usize = 10;

/// What a router did.
#[derive(Debug, Default)]
pub(crate) struct RouterCounters {
    /// Decisions by the model that was decided for.
    pub(crate) decisions: Family<String, Counter>,
    /// Decisions for the strong model.
    pub(crate) strong: Counter,
    /// All decisions.
    pub(crate) all: Counter,
    /// Decisions without a score.
    pub(crate) unscored: Counter,
    /// Requests that stayed with the model of their conversation.
    pub(crate) kept: Counter,
    /// Requests that were sent elsewhere than decided, because the router only watches.
    pub(crate) shadowed: Counter,
    /// Time of a decision.
    pub(crate) decide: Histogram,
    /// Win rates by the tenths of the calibration sample.
    pub(crate) win_rates: [Counter; BINS],
    /// What its requests cost.
    pub(crate) cost: Money,
    /// What they would have cost at the strong model.
    pub(crate) strong_cost: Money,
}

impl RouterCounters {
    /// The population stability index of the win rates over the shares that the calibration sample has in the same bins;
    /// `None` before there are some.
    pub(crate) fn stability(&self, expected: &[f64; BINS]) -> Option<f64> {
        let counts: Vec<u64> = self.win_rates.iter().map(Counter::get).collect();
        let all: u64 = counts.iter().sum();
        if all == 0 {
            return None;
        }
        // Half a count keeps the logarithm finite.
        let whole = all as f64 + BINS as f64 / 2.0;
        let of_bin = |(count, expected): (&u64, &f64)| {
            let (p, q) = ((*count as f64 + 0.5) / whole, expected.max(1e-6));
            (p - q) * (p / q).ln()
        };
        Some(counts.iter().zip(expected).map(of_bin).sum())
    }
}

/// What a provider did.
#[derive(Debug, Default)]
pub(crate) struct UpstreamCounters {
    /// Failures by their kind.
    failures: Family<&'static str, Counter>,
    pub(crate) retries: Counter,
    /// Time to the first byte of an answer.
    pub(crate) first_byte: Histogram,
}

impl UpstreamCounters {
    pub(crate) fn failed(&self, kind: &'static str) {
        self.failures.of(&kind).add(1);
    }
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Answers by path and status.
    pub(crate) requests: Family<(&'static str, u16), Counter>,
    /// How answers ended, by outcome.
    pub(crate) outcomes: Family<&'static str, Counter>,
    /// Requests by the model that answered.
    pub(crate) answers: Family<String, Counter>,
    /// Requests that another candidate than the first answered.
    pub(crate) fallbacks: Counter,
    pub(crate) connections: Counter,
    pub(crate) in_flight: Counter,
    /// Lines of logs that were not written, because the disk was slower.
    pub(crate) log_drops: Counter,
    pub(crate) reloads: Family<&'static str, Counter>,
    pub(crate) feedback: Counter,
    /// Time until the body of a request is there.
    pub(crate) read: Histogram,
    /// Time until an answer begins.
    pub(crate) begin: Histogram,
    /// Time until an answer has ended.
    pub(crate) whole: Histogram,
    pub(crate) tokens_in: Counter,
    pub(crate) tokens_out: Counter,
    routers: Family<String, RouterCounters>,
    upstreams: Family<String, UpstreamCounters>,
}

impl Metrics {
    /// The numbers of a router, which outlive a reload.
    pub(crate) fn router(&self, name: &str) -> Arc<RouterCounters> {
        self.routers.of(name)
    }

    /// The numbers of a provider, likewise.
    pub(crate) fn upstream(&self, name: &str) -> Arc<UpstreamCounters> {
        self.upstreams.of(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_bucket() {
        let histogram = Histogram::default();
        for us in [0, 5, 6, 200_000_000] {
            histogram.observe_us(us);
        }
        let counts: Vec<u64> =
            histogram.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        assert_eq!((counts[0], counts[1], counts[BOUNDS_US.len()]), (2, 1, 1));
    }

    #[test]
    fn drift_is_none_where_shares_are_met() {
        let counters = RouterCounters::default();
        let even = [0.1; BINS];
        assert_eq!(counters.stability(&even), None);
        counters.win_rates.iter().for_each(|bin| bin.add(1_000));
        assert!(counters.stability(&even).is_some_and(|psi| psi < 1e-9));
        counters.win_rates[9].add(10_000);
        assert!(counters.stability(&even).is_some_and(|psi| psi > 0.25));
    }
}
