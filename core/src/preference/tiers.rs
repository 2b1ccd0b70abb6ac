//! Tiers: models of similar rating, grouped so that the sum over the tiers of the variance of the ratings
//! is smallest. Tier 0 is the first (with ratings in falling order: the best).
//!
//! The objective is that of the reference (`compute_tiers`): population variances, added without regard
//! to the size of a tier.

#![allow(clippy::needless_range_loop, reason = "indices are those of the recurrence")]

use crate::error::{Error, Result};

/// Up to this many models [`reference_tiers`] computes variances with `NumPy`'s own order of summation, which
/// decides between equally good splits; above it sums of prefixes keep the cost at `O(n^2 k)`.
const NUMPY_BITS: usize = 512;

/// Tiers of models by their ratings: the tier of each model, in the order of `ratings`, for at most
/// `count` tiers. Costs `O(n^2 count)`.
///
/// Models of equal rating share a tier, every tier has a model, and with no more distinct ratings than
/// tiers each rating is a tier of its own. Among splits of equal cost the one with the smallest first
/// tiers is taken. Ratings need not be sorted.
///
/// # Errors
/// `InvalidArgument` for no tier, no model, or a rating that is not finite.
pub fn tiers(ratings: &[f64], count: usize) -> Result<Vec<usize>> {
    check(ratings, count)?;
    let mut order: Vec<usize> = (0..ratings.len()).collect();
    order.sort_by(|i, j| ratings[*j].total_cmp(&ratings[*i]));
    // Runs of equal ratings: a boundary before position b is allowed only where a run begins.
    let mut starts: Vec<usize> =
        (0..order.len()).filter(|b| *b == 0 || ratings[order[*b]] != ratings[order[b - 1]]).collect();
    let runs = starts.len();
    starts.push(order.len());
    let sorted: Vec<f64> = order.iter().map(|i| ratings[*i]).collect();
    let sums = Prefix::new(&sorted);
    let cost = |first: usize, last: usize| {
        if first == last { 0.0 } else { sums.variance(starts[first], starts[last + 1] - 1) }
    };
    let used = count.min(runs);
    let mut best: Vec<f64> = (0..runs).map(|last| cost(0, last)).collect();
    let mut splits = vec![vec![0; runs]; used];
    for tier in 1..used {
        let mut next = vec![f64::INFINITY; runs];
        for last in tier..runs {
            for split in tier - 1..last {
                let total = best[split] + cost(split + 1, last);
                if total < next[last] {
                    next[last] = total;
                    splits[tier][last] = split;
                }
            }
        }
        best = next;
    }
    let mut tier_of = vec![0; ratings.len()];
    let mut last = runs - 1;
    for tier in (0..used).rev() {
        let first = if tier == 0 { 0 } else { splits[tier][last] + 1 };
        for position in starts[first]..starts[last + 1] {
            tier_of[order[position]] = tier;
        }
        last = first.saturating_sub(1);
    }
    Ok(tier_of)
}

/// Tiers exactly as the reference's `compute_tiers` gives them for ratings in this order, accidents
/// included: a single model costs 0 in any number of tiers, so tiers can stay empty; the first strict
/// improvement wins; a remaining single model is tier 0. Ratings are not sorted.
///
/// # Errors
/// `InvalidArgument` for no tier, no model, or a rating that is not finite.
pub fn reference_tiers(ratings: &[f64], count: usize) -> Result<Vec<usize>> {
    check(ratings, count)?;
    let n = ratings.len();
    let sums = Prefix::new(ratings);
    let exact: Vec<f64> = if n <= NUMPY_BITS { numpy_variances(ratings) } else { Vec::new() };
    let variance = |first: usize, last: usize| {
        if first == last {
            0.0
        } else if n <= NUMPY_BITS {
            exact[first * n + last]
        } else {
            sums.variance(first, last)
        }
    };
    // cost[last]: of the models 0..=last in tier + 1 tiers. Rows that begin elsewhere are never read.
    let mut cost: Vec<f64> = (0..n).map(|last| variance(0, last)).collect();
    let mut splits = vec![vec![0; n]; count];
    for tier in 1..count {
        let mut next = vec![0.0; n];
        for last in 1..n {
            next[last] = 1e9;
            for split in 0..last {
                let total = cost[split] + variance(split + 1, last);
                if next[last] > total {
                    splits[tier][last] = split;
                    next[last] = total;
                }
            }
        }
        cost = next;
    }
    let mut ends = vec![n - 1];
    let mut length = n;
    for tier in (1..count).rev() {
        let split = splits[tier][length - 1];
        ends.push(split);
        length = split + 1;
    }
    let mut tier_of = vec![0; n];
    let mut start = 0;
    for (tier, end) in ends.into_iter().rev().enumerate() {
        for slot in tier_of.iter_mut().take(end + 1).skip(start) {
            *slot = tier;
        }
        start = end + 1;
    }
    Ok(tier_of)
}

fn check(ratings: &[f64], count: usize) -> Result<()> {
    if count == 0 || ratings.is_empty() {
        return Err(Error::invalid_argument(format!(
            "{} models into {count} tiers: at least one of each is needed",
            ratings.len()
        )));
    }
    match ratings.iter().position(|r| !r.is_finite()) {
        Some(i) => {
            Err(Error::invalid_argument(format!("rating {i} is {}, expected a finite number", ratings[i])))
        }
        None => Ok(()),
    }
}

/// Sums of prefixes of ratings, taken from their mean to keep digits.
struct Prefix {
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Prefix {
    fn new(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let (mut first, mut second) = (vec![0.0], vec![0.0]);
        for value in values {
            let v = value - mean;
            first.push(first[first.len() - 1] + v);
            second.push(second[second.len() - 1] + v * v);
        }
        Self { first, second }
    }

    /// Population variance of the values `first..=last`.
    fn variance(&self, first: usize, last: usize) -> f64 {
        let n = (last + 1 - first) as f64;
        let mean = (self.first[last + 1] - self.first[first]) / n;
        ((self.second[last + 1] - self.second[first]) / n - mean * mean).max(0.0)
    }
}

/// `np.var` of every range `[i, j]`, row-major `n x n`.
fn numpy_variances(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut out = vec![0.0; n * n];
    let mut squares = Vec::with_capacity(n);
    for i in 0..n {
        for j in i + 1..n {
            let range = &values[i..=j];
            let length = range.len() as f64;
            let mean = pairwise_sum(range) / length;
            squares.clear();
            squares.extend(range.iter().map(|v| (v - mean) * (v - mean)));
            out[i * n + j] = pairwise_sum(&squares) / length;
        }
    }
    out
}

/// `NumPy`'s pairwise summation: 8 running sums in blocks of at most 128 values.
fn pairwise_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().sum();
    }
    if n > 128 {
        let half = n / 2 - (n / 2) % 8;
        return pairwise_sum(&values[..half]) + pairwise_sum(&values[half..]);
    }
    let mut r = [0.0; 8];
    r.copy_from_slice(&values[..8]);
    let mut chunks = values[8..].chunks_exact(8);
    for chunk in chunks.by_ref() {
        for (r, v) in r.iter_mut().zip(chunk) {
            *r += v;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    chunks.remainder().iter().fold(sum, |sum, v| sum + v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variance(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
    }

    /// Smallest cost over every way to cut `values` into at most `count` runs.
    fn brute(values: &[f64], count: usize) -> f64 {
        if values.is_empty() {
            return 0.0;
        }
        if count == 1 {
            return variance(values);
        }
        (1..=values.len())
            .map(|cut| variance(&values[..cut]) + brute(&values[cut..], count - 1))
            .fold(f64::INFINITY, f64::min)
    }

    fn cost(values: &[f64], tier_of: &[usize]) -> f64 {
        (0..=*tier_of.iter().max().unwrap())
            .map(|tier| {
                let group: Vec<f64> =
                    values.iter().zip(tier_of).filter(|(_, t)| **t == tier).map(|(v, _)| *v).collect();
                if group.is_empty() { 0.0 } else { variance(&group) }
            })
            .sum()
    }

    proptest! {
        #[test]
        fn both_find_the_smallest_cost(values in prop::collection::vec(0..60i32, 1..9), count in 1..5usize) {
            let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
            values.sort_by(|a, b| b.total_cmp(a));
            let best = brute(&values, count);
            let ours = tiers(&values, count).unwrap();
            prop_assert!((cost(&values, &ours) - best).abs() < 1e-9, "{ours:?}");
            let reference = reference_tiers(&values, count).unwrap();
            prop_assert!((cost(&values, &reference) - best).abs() < 1e-9, "{reference:?}");
            // Ours are contiguous, start at 0, skip no tier, and equal ratings share one.
            prop_assert_eq!(ours[0], 0);
            for i in 1..values.len() {
                prop_assert!(ours[i] == ours[i - 1] || (ours[i] == ours[i - 1] + 1 && values[i] != values[i - 1]));
            }
        }
    }

    #[test]
    fn order_of_the_input_does_not_matter() {
        let ratings = [1000.0, 1500.0, 1010.0, 1490.0];
        assert_eq!(tiers(&ratings, 2).unwrap(), [1, 0, 1, 0]);
        assert_eq!(tiers(&ratings, 9).unwrap(), [3, 0, 2, 1]);
        assert_eq!(tiers(&[5.0, 5.0, 5.0], 2).unwrap(), [0, 0, 0]);
        assert!(tiers(&[f64::NAN], 1).is_err() && tiers(&[], 1).is_err() && tiers(&[1.0], 0).is_err());
    }

    #[test]
    fn many_models_take_little_time() {
        let ratings: Vec<f64> =
            (0..2000_u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761) % 10_007)).collect();
        let start = std::time::Instant::now();
        let tier_of = tiers(&ratings, 10).unwrap();
        assert_eq!(*tier_of.iter().max().unwrap(), 9);
        assert!(start.elapsed().as_secs() < 20, "n^2 k is 40 million steps");
    }
}
