//! Whether two routers differ on the same rows.

use serde::Serialize;

use super::curve::{Order, check};
use super::resample::Resample;
use super::{Curve, Estimate, EvalOptions, Graded};
use crate::Result;

/// Whether two routers differ on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTest {
    /// The figure of the first minus that of the second.
    pub difference: Estimate,
    /// Two-sided, from the share of the draws on the other side of 0.
    pub p_value: f64,
}

/// APGR of each draw, NaN where it is undefined.
fn drawn(scores: &[f64], graded: &[Graded], options: &EvalOptions) -> Vec<f64> {
    let (order, resample) = (Order::new(scores, graded, None), Resample::new(options, scores.len()));
    let work = |curve: &mut Curve, counts: &[f64], _: &mut crate::numeric::Rng| {
        let weights: Vec<f64> = order.rows.iter().map(|row| counts[resample.group[*row]]).collect();
        order.draw(&weights, curve);
        vec![curve.apgr()]
    };
    resample.draws(|| order.room(), work).into_iter().flatten().collect()
}

impl PairedTest {
    /// Exact APGR of the scores `a` minus that of the scores `b` over the same rows and draws; `None` if both models are
    /// equally good.
    ///
    /// # Errors
    /// As [`PairReport::new`](super::PairReport::new).
    pub fn apgr(a: &[f64], b: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Option<Self>> {
        check(a, graded)?;
        options.check(a.len())?;
        let value = Curve::new(a, graded)?.apgr() - Curve::new(b, graded)?.apgr();
        if !value.is_finite() {
            return Ok(None);
        }
        let draws = drawn(a, graded, options).into_iter().zip(drawn(b, graded, options));
        let mut draws: Vec<f64> = draws.map(|(a, b)| a - b).collect();
        let share = |is: fn(&f64) -> bool| {
            let known = draws.iter().filter(|draw| !draw.is_nan());
            // One more on each side, so that no p-value is 0 for want of draws.
            (known.clone().filter(|draw| is(draw)).count() + 1) as f64 / (known.count() + 1) as f64
        };
        let p_value = (2.0 * share(|draw| *draw <= 0.0).min(share(|draw| *draw >= 0.0))).min(1.0);
        Ok(Some(Self { difference: Estimate::of_draws(value, &mut draws, options.confidence), p_value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    #[test]
    fn a_better_router_is_told_from_a_coin_and_not_from_itself() {
        let mut rng = Rng::new(3);
        let (mut good, mut bad, mut graded) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..600 {
            let x = rng.uniform();
            good.push(x);
            bad.push(rng.uniform());
            let weak = f64::from(u8::from(rng.uniform() < 0.9 - 0.6 * x));
            graded.push(Graded::new(f64::from(u8::from(rng.uniform() < 0.9)), weak));
        }
        let options = EvalOptions::new().draws(200);
        let test = PairedTest::apgr(&good, &bad, &graded, &options).unwrap().unwrap();
        assert!(test.difference.low > 0.0 && test.p_value < 0.05, "{test:?}");
        let other = PairedTest::apgr(&bad, &good, &graded, &options.clone().threads(3)).unwrap().unwrap();
        assert_eq!((other.difference.value, other.p_value), (-test.difference.value, test.p_value));
        let same = PairedTest::apgr(&good, &good, &graded, &options).unwrap().unwrap();
        assert_eq!((same.difference.value, same.p_value), (0.0, 1.0));
        let equal = vec![Graded::new(1.0, 1.0), Graded::new(0.0, 0.0)];
        assert_eq!(PairedTest::apgr(&[0.1, 0.2], &[0.2, 0.1], &equal, &options).unwrap(), None);
    }
}
