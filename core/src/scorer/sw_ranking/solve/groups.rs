//! Votes of one pair of tiers and one outcome form a **group**; its sum of weights is all that the ratings
//! need of it.

use serde::{Deserialize, Serialize};

pub use crate::Mode;
use crate::error::{Error, ErrorKind, Result};
use crate::numeric::{LANES, dispatch, exp, fold};
use crate::preference::Winner;

/// One group of votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// The tier with the smaller number.
    pub first: u16,
    /// The tier with the larger number; equal to `first` for votes inside a tier.
    pub second: u16,
    /// 0: the first tier won (inside a tier: `model_a` won), 1: the second (`model_b`), 2: tie.
    pub outcome: u8,
    /// Number of votes.
    pub votes: u32,
}

impl Group {
    /// The group (with no votes yet) of a vote between these tiers.
    pub(crate) fn of(tier_a: usize, tier_b: usize, winner: Winner) -> Self {
        let outcome = match winner {
            Winner::Tie => 2,
            Winner::ModelA => u8::from(tier_a > tier_b),
            Winner::ModelB => u8::from(tier_a <= tier_b),
        };
        Self { first: tier_a.min(tier_b) as u16, second: tier_a.max(tier_b) as u16, outcome, votes: 0 }
    }

    /// Whether its votes are between models of one tier.
    pub const fn inside_tier(&self) -> bool {
        self.first == self.second
    }

    /// Share of a win that the first tier gets from a vote: 1, 0 or one half.
    pub(crate) fn first_wins(&self) -> f64 {
        [1.0, 0.0, 0.5][usize::from(self.outcome.min(2))]
    }
}

/// Sums over the votes of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct GroupSum {
    /// Sum of the weights.
    pub weight: f64,
    /// Sum of the squared weights, for standard errors.
    pub square: f64,
}

/// Weights `exp(slope * s - shift)` of similarities `s`: the paper's, up to a common factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weighting {
    pub(crate) slope: f64,
    pub(crate) shift: f64,
    /// No vote has a positive similarity, and so all weigh the same (`exact` only).
    pub(crate) flat: bool,
}

impl Weighting {
    /// For a largest similarity `max` (and a smallest, which only `reference` uses, and only below 0).
    pub(crate) fn new(max: f64, min: f64, exponent: f64, mode: Mode) -> Result<Self> {
        let unit = std::f64::consts::LN_10 * exponent;
        if max > 0.0 {
            return Ok(Self { slope: unit / max, shift: unit, flat: false });
        }
        match mode {
            Mode::Exact => Ok(Self { slope: 0.0, shift: 0.0, flat: true }),
            Mode::Reference if max < 0.0 => {
                let slope = unit / max;
                Ok(Self { slope, shift: slope * min, flat: false })
            }
            Mode::Reference => Err(Error::new(
                ErrorKind::Inference,
                "the largest similarity to a vote is 0, so the reference's weights are not numbers; use exact mode",
            )),
        }
    }

    #[inline(always)]
    fn weight(&self, similarity: f64) -> f64 {
        exp(self.slope * similarity - self.shift)
    }
}

/// The weights of the reference's `get_weightings`, `10 * 10^(exponent * s / max s)`, one per similarity.
///
/// In `exact` mode all are 10 where no similarity is positive. In `reference` mode a negative maximum
/// inverts them and a maximum of 0 gives NaN, as there.
pub fn weights(similarities: &[f64], exponent: f64, mode: Mode) -> Vec<f64> {
    let max = similarities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let power = |s: f64| if mode == Mode::Exact && max <= 0.0 { 0.0 } else { exponent * (s / max) };
    similarities.iter().map(|s| 10.0 * libm::pow(10.0, power(*s))).collect()
}

/// Similarities whose weights are computed before they are added: enough for many vectors in flight.
const BLOCK: usize = 64;

#[inline(always)]
fn sum_body<T: Copy + Into<f64>>(similarities: &[T], weighting: &Weighting) -> GroupSum {
    let (mut first, mut second) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let mut weights = [0.0_f64; BLOCK];
    for block in similarities.chunks(BLOCK) {
        if block.len() == BLOCK {
            for (w, s) in weights.iter_mut().zip(block) {
                *w = weighting.weight((*s).into());
            }
        } else {
            weights = [0.0; BLOCK];
            for (w, s) in weights.iter_mut().zip(block) {
                *w = weighting.weight((*s).into());
            }
        }
        for chunk in weights[..block.len().next_multiple_of(LANES)].chunks_exact(LANES) {
            for lane in 0..LANES {
                first[lane] += chunk[lane];
                second[lane] += chunk[lane] * chunk[lane];
            }
        }
    }
    GroupSum { weight: fold(first), square: fold(second) }
}

/// A similarity that can be summed.
pub(crate) trait Similarity: Copy + Into<f64> {
    fn sum(similarities: &[Self], weighting: &Weighting) -> GroupSum;
    fn extremes(similarities: &[Self]) -> (Self, Self);
}

#[inline(always)]
fn sum_f32_body(similarities: &[f32], weighting: &Weighting) -> GroupSum {
    sum_body(similarities, weighting)
}

#[inline(always)]
fn sum_f64_body(similarities: &[f64], weighting: &Weighting) -> GroupSum {
    sum_body(similarities, weighting)
}

dispatch! { fn sum_f32(similarities: &[f32], weighting: &Weighting) -> GroupSum = sum_f32_body }
dispatch! { fn sum_f64(similarities: &[f64], weighting: &Weighting) -> GroupSum = sum_f64_body }

#[inline(always)]
fn extremes_f32_body(similarities: &[f32]) -> (f32, f32) {
    let (mut max, mut min) = ([f32::NEG_INFINITY; LANES], [f32::INFINITY; LANES]);
    for chunk in similarities.chunks(LANES) {
        for ((max, min), s) in max.iter_mut().zip(&mut min).zip(chunk) {
            *max = if *s > *max { *s } else { *max };
            *min = if *s < *min { *s } else { *min };
        }
    }
    (max.into_iter().fold(f32::NEG_INFINITY, f32::max), min.into_iter().fold(f32::INFINITY, f32::min))
}

dispatch! { fn extremes_f32(similarities: &[f32]) -> (f32, f32) = extremes_f32_body }

impl Similarity for f32 {
    fn sum(similarities: &[Self], weighting: &Weighting) -> GroupSum {
        sum_f32(similarities, weighting)
    }
    fn extremes(similarities: &[Self]) -> (Self, Self) {
        extremes_f32(similarities)
    }
}

impl Similarity for f64 {
    fn sum(similarities: &[Self], weighting: &Weighting) -> GroupSum {
        sum_f64(similarities, weighting)
    }
    fn extremes(similarities: &[Self]) -> (Self, Self) {
        similarities
            .iter()
            .fold((Self::NEG_INFINITY, Self::INFINITY), |(max, min), s| (max.max(*s), min.min(*s)))
    }
}

/// The sums of all groups, whose votes lie one group after the other.
pub(crate) fn sums<S: Similarity>(
    groups: &[Group],
    similarities: &[S],
    weighting: &Weighting,
) -> Vec<GroupSum> {
    let mut rest = similarities;
    groups
        .iter()
        .map(|group| {
            let (mine, others) = rest.split_at(group.votes as usize);
            rest = others;
            S::sum(mine, weighting)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_right_and_the_same_on_every_cpu(s in prop::collection::vec(-1f32..1., 0..300), max in 0.1..1f64) {
            let weighting = Weighting::new(max, -1.0, 1.5, Mode::Exact).unwrap();
            let got = sum_f32(&s, &weighting);
            prop_assert_eq!(got, sum_f32_body(&s, &weighting));
            let wide: Vec<f64> = s.iter().map(|s| f64::from(*s)).collect();
            prop_assert_eq!(got, sum_f64(&wide, &weighting));
            let naive: f64 = wide.iter().map(|s| 10f64.powf(1.5 * (s / max - 1.0))).sum();
            prop_assert!((got.weight - naive).abs() <= 1e-12 * naive.max(1e-300), "{got:?} {naive}");
            prop_assert_eq!(extremes_f32(&s), extremes_f32_body(&s));
            if let Some(max) = s.iter().copied().reduce(f32::max) {
                prop_assert_eq!(extremes_f32(&s).0, max);
            }
        }
    }

    #[test]
    fn weights_without_a_positive_similarity() {
        assert_eq!(weights(&[-0.5, -0.1], 1.0, Mode::Exact), [10.0, 10.0]);
        assert!((weights(&[-0.5, -0.1], 1.0, Mode::Reference)[0] - 1e6).abs() < 1e-6);
        assert!(weights(&[0.0], 1.0, Mode::Reference)[0].is_nan());
        assert!(Weighting::new(0.0, 0.0, 1.0, Mode::Reference).is_err());
        let flat = Weighting::new(0.0, -1.0, 1.0, Mode::Exact).unwrap();
        assert!(flat.flat && f64::sum(&[0.0, -1.0], &flat).weight == 2.0);
        let inverted = Weighting::new(-0.1, -0.5, 1.0, Mode::Reference).unwrap();
        let (low, high) = (f64::sum(&[-0.5], &inverted).weight, f64::sum(&[-0.1], &inverted).weight);
        assert!((low / high - 1e4).abs() < 1e-6, "{low} {high}");
    }

    #[test]
    fn groups_do_not_depend_on_the_order_of_the_models() {
        assert_eq!(Group::of(2, 5, Winner::ModelA), Group::of(5, 2, Winner::ModelB));
        assert_eq!(Group::of(2, 5, Winner::ModelA).first_wins(), 1.0);
        assert_eq!(Group::of(5, 2, Winner::ModelA).first_wins(), 0.0);
        assert_eq!(Group::of(3, 3, Winner::ModelA).outcome, 0);
        assert_eq!(Group::of(3, 3, Winner::ModelB).outcome, 1);
        assert_eq!(Group::of(3, 4, Winner::Tie).first_wins(), 0.5);
    }
}
