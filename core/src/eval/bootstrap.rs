//! Bootstrap intervals, by prompt.

use super::{Curve, Graded, descending};
use crate::Result;
use crate::calibrate::quantile;
use crate::numeric::Rng;

/// A 95 % percentile interval.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// 2.5 % quantile.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// The interval of a `metric` of the curve over `resamples` samples of the prompts with replacement, seeded.
/// Samples in which the metric is undefined are left out.
///
/// # Errors
/// As [`Curve::new`].
pub fn bootstrap(
    scores: &[f64],
    graded: &[Graded],
    resamples: usize,
    seed: u64,
    metric: impl Fn(&Curve) -> f64,
) -> Result<Interval> {
    Curve::new(scores, graded)?;
    let order = descending(scores);
    let mut rng = Rng::new(seed);
    let mut counts = vec![0.0_f64; scores.len()];
    let mut values: Vec<f64> = (0..resamples)
        .map(|_| {
            counts.fill(0.0);
            for _ in 0..scores.len() {
                counts[rng.below(scores.len())] += 1.0;
            }
            metric(&Curve::from_order(&order, scores, graded, |i| counts[i]))
        })
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        return Ok(Interval { low: f64::NAN, high: f64::NAN });
    }
    Ok(Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
}
