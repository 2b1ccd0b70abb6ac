//! A figure with its interval.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::calibrate::quantile;

/// A figure with its bootstrap interval.
///
/// An end that the data leave open is infinite, and `null` in JSON: with a single prompt there is no interval, and a figure
/// that is undefined in too many draws (the models are about equally good, so that hardly any gap is there to recover) has
/// no known bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Estimate {
    /// The figure on the prompts themselves.
    pub value: f64,
    /// Lower end of the interval; negative infinity where it is open.
    #[serde(serialize_with = "finite", deserialize_with = "open_below")]
    pub low: f64,
    /// Upper end of the interval; infinity where it is open.
    #[serde(serialize_with = "finite", deserialize_with = "open_above")]
    pub high: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn finite<S: Serializer>(end: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    end.is_finite().then_some(*end).serialize(serializer)
}

fn open_below<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NEG_INFINITY))
}

fn open_above<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

impl Estimate {
    /// A figure and the ends of its interval, infinite where they are open.
    pub const fn new(value: f64, low: f64, high: f64) -> Self {
        Self { value, low, high }
    }

    /// A figure of which nothing more is known.
    pub(super) const fn open(value: f64) -> Self {
        Self::new(value, f64::NEG_INFINITY, f64::INFINITY)
    }

    /// The percentile interval of `draws`, which are sorted for it. A draw that leaves the figure undefined (NaN) counts as
    /// below the lower end and above the upper one: leaving it out would make the interval too narrow.
    pub(super) fn of_draws(value: f64, draws: &mut [f64], confidence: f64) -> Self {
        if draws.is_empty() {
            return Self::open(value);
        }
        let tail = (1.0 - confidence) / 2.0;
        // NaN of either sign comes last.
        draws.iter_mut().filter(|draw| draw.is_nan()).for_each(|draw| *draw = f64::NAN);
        draws.sort_unstable_by(f64::total_cmp);
        let undefined = draws.iter().rev().take_while(|draw| draw.is_nan()).count();
        draws[..].iter_mut().rev().take(undefined).for_each(|draw| *draw = f64::INFINITY);
        let high = quantile(draws, 1.0 - tail);
        draws.rotate_right(undefined);
        draws[..undefined].fill(f64::NEG_INFINITY);
        let low = quantile(draws, tail);
        // Between a number and an infinity lies no number.
        let or = |end: f64, open: f64| if end.is_nan() { open } else { end };
        Self { value, low: or(low, f64::NEG_INFINITY), high: or(high, f64::INFINITY) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_percentiles() {
        let mut draws: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let found = Estimate::of_draws(50.0, &mut draws, 0.9);
        assert!((found.low - 5.0).abs() < 1e-9 && (found.high - 95.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn undefined_draws_widen_the_interval_at_both_ends() {
        let mut draws: Vec<f64> = (0..1000).map(f64::from).collect();
        let all = Estimate::of_draws(500.0, &mut draws, 0.95);
        draws[500..510].fill(f64::NAN);
        let some = Estimate::of_draws(500.0, &mut draws, 0.95);
        assert!(some.low < all.low && some.high > all.high && some.low >= 0.0);
        draws[500..600].fill(f64::NAN);
        assert_eq!(Estimate::of_draws(500.0, &mut draws, 0.95), Estimate::open(500.0));
    }

    #[test]
    fn open_ends_are_null_in_json() {
        let text = serde_json::to_string(&Estimate::open(1.5)).unwrap();
        assert_eq!(text, r#"{"value":1.5,"low":null,"high":null}"#);
        assert_eq!(serde_json::from_str::<Estimate>(&text).unwrap(), Estimate::open(1.5));
    }
}
