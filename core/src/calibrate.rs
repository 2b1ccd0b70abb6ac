//! Calibration: from a strong share to a threshold, by the distribution of win rates on a sample.

use crate::artifact::Calibration;
use crate::{Error, Result};

/// Number of quantiles that an artifact stores.
pub const QUANTILES: usize = 1001;

/// The `q`-quantile of ascending values with linear interpolation, as numpy's and pandas' default.
///
/// # Panics
/// If there is no value.
pub fn quantile(ascending: &[f64], q: f64) -> f64 {
    let last = ascending.len() - 1;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = position - below as f64;
    // numpy's `_lerp`: from the nearer end, so that both ends are met to the digit.
    let (low, high) = (ascending[below], ascending[above]);
    if fraction >= 0.5 { high - (high - low) * (1.0 - fraction) } else { low + (high - low) * fraction }
}

impl Calibration {
    /// Summarises win rates of a sample as [`QUANTILES`] quantiles.
    ///
    /// # Errors
    /// `InvalidArgument` without win rates, or if one is outside [0, 1].
    pub fn from_win_rates(sample: impl Into<String>, mut win_rates: Vec<f64>) -> Result<Self> {
        if win_rates.is_empty() {
            return Err(Error::invalid_argument("calibration needs at least one win rate"));
        }
        if let Some(bad) = win_rates.iter().find(|rate| !(0.0..=1.0).contains(*rate)) {
            return Err(Error::invalid_argument(format!("a win rate is {bad}, expected a number in [0, 1]")));
        }
        win_rates.sort_by(f64::total_cmp);
        let step = 1.0 / (QUANTILES - 1) as f64;
        Ok(Self {
            sample: sample.into(),
            count: win_rates.len(),
            default_strong_share: 0.5,
            quantiles: (0..QUANTILES).map(|i| quantile(&win_rates, i as f64 * step)).collect(),
        })
    }

    /// The threshold at which this share of the sample goes to the strong model: the `1 - share` quantile.
    pub fn threshold(&self, strong_share: f64) -> f64 {
        quantile(&self.quantiles, 1.0 - strong_share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_thresholds() {
        let rates: Vec<f64> = (0..=100).rev().map(|i| f64::from(i) / 100.0).collect();
        let calibration = Calibration::from_win_rates("test", rates).unwrap();
        for share in [0.0, 0.1, 0.5, 0.873, 1.0] {
            assert!((calibration.threshold(share) - (1.0 - share)).abs() < 1e-12);
        }
        assert_eq!(calibration.count, 101);
    }

    #[test]
    fn bad_samples_are_refused() {
        assert!(Calibration::from_win_rates("none", vec![]).is_err());
        assert!(Calibration::from_win_rates("nan", vec![f64::NAN]).is_err());
        assert!(Calibration::from_win_rates("big", vec![1.5]).is_err());
    }
}
