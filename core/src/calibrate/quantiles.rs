//! Quantiles: numpy's, and the form in which artifacts of version 1 keep a calibration.

use super::Calibration;

/// The `q`-quantile of ascending values with linear interpolation, as numpy's and pandas' default.
///
/// # Panics
/// If there is no value.
pub fn quantile(ascending: &[f64], q: f64) -> f64 {
    quantile_of(ascending.len(), |i| ascending[i], q)
}

/// As [`quantile`], of `count` ascending values that `value` gives.
pub(super) fn quantile_of(count: usize, value: impl Fn(usize) -> f64, q: f64) -> f64 {
    let last = count - 1;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = position - below as f64;
    // numpy's `_lerp`: from the nearer end, so that both ends are met to the digit.
    let (low, high) = (value(below), value(above));
    if fraction >= 0.5 { high - (high - low) * (1.0 - fraction) } else { low + (high - low) * fraction }
}

/// The calibration of a version 1 artifact: the sample's quantiles at evenly spaced probabilities.
#[allow(clippy::struct_field_names, reason = "the names of the form of version 1")]
pub(super) struct Quantiles {
    pub(super) sample: String,
    pub(super) count: usize,
    pub(super) default_strong_share: f64,
    pub(super) quantiles: Vec<f64>,
}

impl Quantiles {
    /// The table that these quantiles come to: each stands for the values of the sample from it to the next one.
    /// So the share of a quantile is that of the sample itself, but for values that equal it from below.
    ///
    /// # Errors
    /// What contradicts itself, as text.
    pub(super) fn table(self) -> Result<Calibration, &'static str> {
        let Self { sample, count, default_strong_share, quantiles } = self;
        let in_range = quantiles.iter().all(|q| (0.0..=1.0).contains(q)) && quantiles.is_sorted();
        if quantiles.len() < 2 || !in_range || !(0.0..=1.0).contains(&default_strong_share) {
            return Err("quantiles and share must be ascending numbers in [0, 1]");
        }
        if count == 0 {
            return Err("the sample is empty");
        }
        let steps = quantiles.len() as u128 - 1;
        // How many values of the sample lie before quantile `k`.
        let before = |k: usize| (k as u128 * (count as u128 - 1)).div_ceil(steps) as usize;
        let (mut win_rates, mut counts, mut coarsest) = (Vec::new(), Vec::new(), 0);
        for (k, value) in quantiles.iter().enumerate() {
            let values = if k as u128 == steps { 1 } else { before(k + 1) - before(k) } as u64;
            // Between equal quantiles every value is known.
            coarsest = values.max(coarsest);
            match (counts.last_mut(), win_rates.last() == Some(value)) {
                _ if values == 0 => {}
                (Some(count), true) => *count += values,
                _ => {
                    win_rates.push(*value);
                    counts.push(values);
                }
            }
        }
        Ok(Calibration {
            sample,
            count,
            sha256: None,
            date: None,
            default_strong_share,
            share_error: coarsest as f64 / count as f64,
            win_rates,
            counts,
            scores: None,
            quantiles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(sample: &[f64]) -> Calibration {
        let quantiles = (0..=1000).map(|k| quantile(sample, f64::from(k) / 1000.0)).collect();
        Quantiles { sample: "s".into(), count: sample.len(), default_strong_share: 0.5, quantiles }
            .table()
            .unwrap()
    }

    #[test]
    fn quantiles_keep_the_shares_of_their_sample() {
        for n in [2, 3, 51, 80, 120, 1001, 5000] {
            let sample: Vec<f64> = (0..n).map(|i| (f64::from(i) / f64::from(n)).powi(2)).collect();
            let table = table(&sample);
            assert_eq!(table.counts.iter().sum::<u64>(), n as u64);
            table.check().unwrap();
            let mut left = n as u64;
            for (rate, count) in table.win_rates.iter().zip(&table.counts) {
                // Interpolation may round a quantile to just above its value.
                let reached = sample.iter().filter(|value| *value >= rate).count() as u64;
                assert!(reached == left || reached + 1 == left, "{n}: {reached} {left}");
                left -= count;
            }
        }
    }

    #[test]
    fn odd_counts_do_no_harm() {
        let table = |count: usize| {
            let quantiles = vec![0.25, 0.5, 0.5, 0.75];
            Quantiles { sample: "s".into(), count, default_strong_share: 0.5, quantiles }.table()
        };
        for count in [1, usize::MAX] {
            assert_eq!(table(count).unwrap().counts.iter().sum::<u64>(), count as u64);
        }
        assert!(table(0).is_err());
    }
}
