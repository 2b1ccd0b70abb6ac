//! How unlike two samples are by their win rates.

use serde::Serialize;

use super::Calibration;
use libm::log;

/// Bins of the population stability index.
const BINS: usize = 10;

/// How far the win rates of a sample are from those of the sample before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Shift {
    /// The sample before it, by name.
    pub from: String,
    /// The largest distance between the two distributions, in [0, 1] (Kolmogorov-Smirnov).
    pub ks: f64,
    /// The probability of at least that distance between samples of one distribution. Groups of equal prompts count as the design
    /// effect says.
    pub p_value: f64,
    /// Population stability index over the deciles of the sample before: below 0.1 little has changed, above 0.25 much.
    pub psi: f64,
}

impl Shift {
    /// From one table to another; `effect` is the design effect of the second one's groups.
    pub(crate) fn between(before: &Calibration, after: &Calibration, effect: f64) -> Self {
        let ks = largest_distance(before, after);
        let (n, m) = (before.count as f64, after.count as f64 / effect);
        Self {
            from: before.sample.clone(),
            ks,
            p_value: p_value(ks, n * m / (n + m)),
            psi: stability(before, after),
        }
    }
}

fn largest_distance(one: &Calibration, other: &Calibration) -> f64 {
    let (mut i, mut j, mut below, mut below_other, mut most) = (0, 0, 0, 0, 0.0_f64);
    while i < one.win_rates.len() && j < other.win_rates.len() {
        let (x, y) = (one.win_rates[i], other.win_rates[j]);
        if x <= y {
            below += one.counts[i];
            i += 1;
        }
        if y <= x {
            below_other += other.counts[j];
            j += 1;
        }
        let distance = below as f64 / one.count as f64 - below_other as f64 / other.count as f64;
        most = most.max(distance.abs());
    }
    most
}

/// Kolmogorov's limit with Stephens' correction for finite samples.
fn p_value(distance: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    if lambda < 0.2 {
        // The series does not converge there, and the probability is 1 to twelve digits.
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        libm::exp(-2.0 * k * k * lambda * lambda)
    };
    let sum: f64 = (1..=100).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

fn stability(before: &Calibration, after: &Calibration) -> f64 {
    let shares = before.shares(crate::Mode::Exact);
    let mut edges: Vec<f64> = (1..BINS).map(|k| shares.resolve(1.0 - k as f64 / BINS as f64).0).collect();
    edges.dedup();
    // Half a prompt more in each bin: an empty one is no infinite distance.
    let parts = |table: &Calibration| {
        let mut counts = vec![0.5; edges.len() + 1];
        for (rate, count) in table.win_rates.iter().zip(&table.counts) {
            counts[edges.partition_point(|edge| edge <= rate)] += *count as f64;
        }
        let total: f64 = counts.iter().sum();
        counts.into_iter().map(move |count| count / total).collect::<Vec<f64>>()
    };
    let (before, after) = (parts(before), parts(after));
    before.iter().zip(&after).map(|(p, q)| (q - p) * log(q / p)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    #[test]
    fn samples_of_one_distribution_are_alike_and_others_not() {
        let mut rng = Rng::new(9);
        let mut table = |n: usize, power: f64| {
            let rates = (0..n).map(|_| libm::pow(rng.uniform(), power)).collect();
            Calibration::from_win_rates("s", rates).unwrap()
        };
        let (one, same, other) = (table(800, 1.0), table(600, 1.0), table(600, 2.0));
        let alike = Shift::between(&one, &same, 1.0);
        assert!(alike.p_value > 0.01 && alike.psi < 0.1 && alike.ks < 0.1, "{alike:?}");
        let unlike = Shift::between(&one, &other, 1.0);
        // The distance between x and sqrt(x) is a quarter.
        assert!(unlike.p_value < 1e-6 && unlike.psi > 0.1 && (unlike.ks - 0.25).abs() < 0.06, "{unlike:?}");
        assert_eq!(Shift::between(&one, &one, 1.0).ks, 0.0);
        assert!(Shift::between(&one, &other, 100.0).p_value > 0.01, "six prompts tell nothing");
    }

    #[test]
    fn the_probability_is_that_of_tables() {
        // scipy.special.kolmogorov(1.0) is 0.26999967167735456; a large sample needs no correction.
        let n = 1e12_f64;
        assert!((p_value(1.0 / n.sqrt(), n) - 0.269_999_671_677_354_56).abs() < 1e-6);
        assert_eq!(p_value(0.0, 100.0), 1.0);
    }
}
