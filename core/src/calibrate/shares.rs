//! From a strong share to a threshold, at every call.

use super::Calibration;
use super::quantiles::quantile_of;
use crate::Mode;

/// The threshold that sends everything to strong: no win rate is below it.
pub const EVERYTHING: f64 = 0.0;
/// The threshold that sends nothing to strong: the next double above 1, which no win rate reaches.
pub const NOTHING: f64 = 1.0_f64.next_up();

/// A calibration, ready to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// Distinct win rates, ascending, at least one.
    win_rates: Vec<f64>,
    /// How many of the sample have at least each.
    at_least: Vec<u64>,
    mode: Mode,
    /// The quantiles of a version 1 artifact, which `reference` mode interpolates as they are.
    quantiles: Vec<f64>,
}

impl Shares {
    pub(super) fn new(table: &Calibration, mode: Mode) -> Self {
        let mut at_least: Vec<u64> = table
            .counts
            .iter()
            .rev()
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect();
        at_least.reverse();
        Self { win_rates: table.win_rates.clone(), at_least, mode, quantiles: table.quantiles.clone() }
    }

    fn total(&self) -> u64 {
        self.at_least[0]
    }

    /// The threshold of a strong share in [0, 1], and the share of the sample that it sends to strong.
    ///
    /// In `exact` mode a share of 0 is [`NOTHING`] and 1 is [`EVERYTHING`]. Between, the threshold is the win rate of
    /// the rank nearest to the share, the greater share of two that are equally near; equal win rates are on one
    /// side together. Rank 0, where no win rate of the sample comes nearer, is the next double above the largest.
    ///
    /// In `reference` mode the threshold is numpy's interpolated `1 - strong_share` quantile, also for 0 and 1.
    pub fn resolve(&self, strong_share: f64) -> (f64, f64) {
        if self.mode == Mode::Reference {
            let threshold = self.reference(strong_share);
            return (threshold, self.reached(threshold));
        }
        if strong_share <= 0.0 {
            return (NOTHING, 0.0);
        }
        if strong_share >= 1.0 {
            return (EVERYTHING, 1.0);
        }
        let wanted = strong_share * self.total() as f64;
        let distance = |reached: u64| (reached as f64 - wanted).abs();
        // The last win rate that at least as many reach as are wanted; all reach the first one.
        let more = self.at_least.partition_point(|reached| *reached as f64 >= wanted).max(1) - 1;
        let fewer = self.at_least.get(more + 1).copied().unwrap_or(0);
        if distance(self.at_least[more]) <= distance(fewer) {
            return (self.win_rates[more], self.share_of(self.at_least[more]));
        }
        match self.win_rates.get(more + 1) {
            Some(threshold) => (*threshold, self.share_of(fewer)),
            None => (self.win_rates[more].next_up(), 0.0),
        }
    }

    /// The least and the greatest win rate of the sample.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.win_rates[0], self.win_rates[self.win_rates.len() - 1])
    }

    /// The share of the sample that a threshold sends to strong.
    pub fn reached(&self, threshold: f64) -> f64 {
        let below = self.win_rates.partition_point(|rate| *rate < threshold);
        self.share_of(self.at_least.get(below).copied().unwrap_or(0))
    }

    fn share_of(&self, reached: u64) -> f64 {
        reached as f64 / self.total() as f64
    }

    fn reference(&self, strong_share: f64) -> f64 {
        if !self.quantiles.is_empty() {
            return super::quantile(&self.quantiles, 1.0 - strong_share);
        }
        let total = self.total();
        let value = |i: usize| {
            let points = self.at_least.partition_point(|at_least| total - at_least <= i as u64);
            self.win_rates[points.max(1) - 1]
        };
        quantile_of(total as usize, value, 1.0 - strong_share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(rates: &[f64], mode: Mode) -> Shares {
        Calibration::from_win_rates("test", rates.to_vec()).unwrap().shares(mode)
    }

    /// The nearest rank by trying them all.
    fn naive(rates: &[f64], share: f64) -> (f64, f64) {
        let n = rates.len() as f64;
        let largest = rates.iter().copied().fold(0.0, f64::max);
        let mut best = (largest.next_up(), 0.0);
        let mut sorted = rates.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for threshold in sorted {
            let reached = rates.iter().filter(|rate| **rate >= threshold).count() as f64;
            if (reached - share * n).abs() <= (best.1 * n - share * n).abs() {
                best = (threshold, reached / n);
            }
        }
        best
    }

    #[test]
    fn the_threshold_is_the_nearest_rank_and_ties_stay_together() {
        let mut rng = crate::numeric::Rng::new(5);
        for n in 2..60_usize {
            // Few distinct values make ties; the first two differ.
            let mut rates: Vec<f64> = (0..n).map(|_| (rng.uniform() * 9.0).floor() / 8.0 * 0.9).collect();
            (rates[0], rates[1]) = (0.9, 0.1);
            let ours = shares(&rates, Mode::Exact);
            for i in 1..40 {
                let share = f64::from(i) / 40.0;
                let (threshold, reached) = ours.resolve(share);
                let (expected, expected_share) = naive(&rates, share);
                assert_eq!((threshold, reached), (expected, expected_share), "{rates:?} {share}");
                let counted = rates.iter().filter(|rate| **rate >= threshold).count() as f64 / n as f64;
                assert_eq!((reached, ours.reached(threshold)), (counted, counted));
            }
        }
    }

    #[test]
    fn the_ends_send_nothing_and_everything() {
        assert_eq!(NOTHING.to_bits(), 1.0_f64.to_bits() + 1);
        let ours = shares(&[0.0, 0.25, 1.0], Mode::Exact);
        assert_eq!(ours.resolve(0.0), (NOTHING, 0.0));
        assert_eq!(ours.resolve(1.0), (EVERYTHING, 1.0));
        assert_eq!(ours.resolve(0.3), (1.0, 1.0 / 3.0));
        // Nearer to nothing than to a third.
        assert_eq!(ours.resolve(0.1), (NOTHING, 0.0));
        assert_eq!(shares(&[0.25, 0.5], Mode::Exact).resolve(0.2), (0.5_f64.next_up(), 0.0));
    }

    #[test]
    fn reference_mode_interpolates_as_numpy_does() {
        let mut rng = crate::numeric::Rng::new(6);
        for n in [2, 3, 10, 101, 2000] {
            let mut rates: Vec<f64> = (0..n).map(|_| (rng.uniform() * 50.0).floor() / 50.0).collect();
            (rates[0], rates[1]) = (0.9, 0.1);
            let ours = shares(&rates, Mode::Reference);
            rates.sort_by(f64::total_cmp);
            for i in 0..=100 {
                let share = f64::from(i) / 100.0;
                let (threshold, reached) = ours.resolve(share);
                assert_eq!(threshold, super::super::quantile(&rates, 1.0 - share));
                let counted = rates.iter().filter(|rate| **rate >= threshold).count() as f64;
                assert_eq!(reached, counted / f64::from(n));
            }
        }
    }
}
