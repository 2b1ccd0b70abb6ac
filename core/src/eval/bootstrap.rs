//! Bootstrap intervals of a figure of the curve, by prompt.

use super::curve::{Order, check};
use super::{Curve, Graded};
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
/// Samples in which the metric is undefined are left out. [`PairReport`](super::PairReport) has the intervals of all
/// figures from one pass.
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
    check(scores, graded)?;
    let order = Order::new(scores, graded, None);
    let mut rng = Rng::new(seed);
    let (mut counts, mut weights) = (vec![0.0_f64; scores.len()], vec![0.0_f64; scores.len()]);
    let mut curve = order.room();
    let mut values: Vec<f64> = (0..resamples)
        .map(|_| {
            counts.fill(0.0);
            for _ in 0..scores.len() {
                counts[rng.below(scores.len())] += 1.0;
            }
            for (weight, row) in weights.iter_mut().zip(&order.rows) {
                *weight = counts[*row];
            }
            order.draw(&weights, &mut curve);
            metric(&curve)
        })
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        return Ok(Interval { low: f64::NAN, high: f64::NAN });
    }
    Ok(Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
}
