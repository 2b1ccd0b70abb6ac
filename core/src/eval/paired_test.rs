//! Whether two routers differ on the same rows, and how many prompts would tell them apart.

use serde::Serialize;

use super::curve::{Order, check};
use super::resample::Resample;
use super::{Curve, Estimate, EvalOptions, Graded};
use crate::numeric::normal_quantile;
use crate::{Error, Result};

/// How often a test is to find a difference that is there: what [`PairedTest::prompts_needed`] is for.
pub const POWER: f64 = 0.8;

/// Whether two routers differ in one figure on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTest {
    /// The figure of the first minus that of the second.
    pub difference: Estimate,
    /// Two-sided, from the share of the draws on the other side of 0.
    pub p_value: f64,
    /// The standard error of the difference: its deviation over the draws. `None` if it is undefined in a tenth of them, and
    /// without draws.
    pub standard_error: Option<f64>,
    /// How many prompts of this kind a test has to have to find the difference [four times out of five](POWER), if it is as
    /// large as it was here; `None` for no difference and where the standard error is not known.
    pub prompts_needed: Option<f64>,
    #[serde(skip)]
    prompts: usize,
    #[serde(skip)]
    confidence: f64,
}

/// The paired tests of the figures of two routers, from the same draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTests {
    /// Area under quality against strong share.
    pub auc: PairedTest,
    /// Average performance gap recovered; `None` unless the strong model is the better one.
    pub apgr: Option<PairedTest>,
    /// CPT at each level that was asked for.
    pub cpt: Vec<CptTest>,
}

/// The paired test of CPT at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CptTest {
    /// Share of the gap that is recovered.
    pub level: f64,
    /// The smallest strong share of the first router minus that of the second: below 0 the first is the better one. `None`
    /// where one of them never recovers so much.
    pub test: Option<PairedTest>,
}

impl PairedTest {
    /// Exact APGR of the scores `a` minus that of the scores `b` over the same rows and draws; `None` if both models are
    /// equally good.
    ///
    /// # Errors
    /// As [`PairReport::new`](super::PairReport::new).
    pub fn apgr(a: &[f64], b: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Option<Self>> {
        Ok(PairedTests::new(a, b, graded, &options.clone().levels(Vec::new()))?.apgr)
    }

    /// How many prompts of this kind tell routers apart that differ by `difference` in this figure: a two-sided test at this
    /// one's level finds it with the probability `power`. The normal approximation, with the standard error found here, which
    /// falls with the root of the number of prompts. `None` where the standard error is not known.
    ///
    /// # Errors
    /// `InvalidArgument` for a difference of 0 and a power outside (0, 1).
    pub fn prompts_for(&self, difference: f64, power: f64) -> Result<Option<f64>> {
        if difference == 0.0 || !difference.is_finite() {
            return Err(Error::invalid_argument(format!(
                "difference is {difference}: no number of prompts finds it, give one beside 0"
            )));
        }
        if !(power > 0.0 && power < 1.0) {
            return Err(Error::invalid_argument(format!(
                "power is {power}: give one between 0 and 1, as 0.8"
            )));
        }
        Ok(self.needed(difference, power))
    }

    fn needed(&self, difference: f64, power: f64) -> Option<f64> {
        let sides = normal_quantile(f64::midpoint(1.0, self.confidence)) + normal_quantile(power);
        let errors = sides * self.standard_error? / difference.abs();
        Some((self.prompts as f64 * errors * errors).ceil().max(2.0))
    }

    fn of(value: f64, mut draws: Vec<f64>, prompts: usize, confidence: f64) -> Self {
        let known: Vec<f64> = draws.iter().copied().filter(|draw| draw.is_finite()).collect();
        let share = |is: fn(&f64) -> bool| {
            // One more on each side, so that no p-value is 0 for want of draws.
            (known.iter().filter(|draw| is(draw)).count() + 1) as f64 / (known.len() + 1) as f64
        };
        let p_value = (2.0 * share(|draw| *draw <= 0.0).min(share(|draw| *draw >= 0.0))).min(1.0);
        let standard_error = (known.len() > 1 && known.len() * 10 >= draws.len() * 9).then(|| {
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            let squares = known.iter().map(|draw| (draw - mean) * (draw - mean)).sum::<f64>();
            (squares / (known.len() - 1) as f64).sqrt()
        });
        let difference = Estimate::of_draws(value, &mut draws, confidence);
        let mut test =
            Self { difference, p_value, standard_error, prompts_needed: None, prompts, confidence };
        test.prompts_needed = if value == 0.0 { None } else { test.needed(value, POWER) };
        test
    }
}

/// AUC, APGR and CPT at each level.
fn figures(curve: &Curve, levels: &[f64]) -> Vec<f64> {
    let cpt = levels.iter().map(|level| curve.cpt(*level));
    [curve.auc(), curve.apgr()].into_iter().chain(cpt).collect()
}

impl PairedTests {
    /// The exact figures of the scores `a` minus those of the scores `b` over the same rows and draws.
    ///
    /// # Errors
    /// As [`PairReport::new`](super::PairReport::new).
    pub fn new(a: &[f64], b: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Self> {
        check(a, graded)?;
        check(b, graded)?;
        options.check(a.len())?;
        let (resample, levels) = (Resample::new(options, a.len()), &options.levels);
        let orders = [a, b].map(|scores| Order::new(scores, graded, None));
        let [value_a, value_b] = orders.each_ref().map(|order| figures(&order.curve(), levels));
        let draws = resample.draws(
            || orders.each_ref().map(|order| (order.room(), Vec::with_capacity(a.len()))),
            |rooms, counts, _| {
                let mut found = orders.iter().zip(rooms).map(|(order, (curve, weights))| {
                    weights.clear();
                    weights.extend(order.rows.iter().map(|row| counts[resample.group[*row]]));
                    order.draw(weights, curve);
                    figures(curve, levels)
                });
                let (a, b) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
                a.iter().zip(b).map(|(a, b)| a - b).collect()
            },
        );
        let test = |i: usize| {
            let draws = draws.iter().map(|draw| draw[i]).collect();
            PairedTest::of(value_a[i] - value_b[i], draws, resample.count, options.confidence)
        };
        // Undefined where the figure of one of them is.
        let defined = |i: usize| (value_a[i] - value_b[i]).is_finite().then(|| test(i));
        let cpt = |(i, level): (usize, &f64)| CptTest { level: *level, test: defined(i + 2) };
        Ok(Self { auc: test(0), apgr: defined(1), cpt: levels.iter().enumerate().map(cpt).collect() })
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
        let needed = test.prompts_needed.unwrap();
        assert!(needed > 2.0 && needed < 600.0, "{test:?}");
        assert_eq!(test.prompts_for(test.difference.value, POWER).unwrap(), Some(needed));
        // Half the difference takes four times the prompts, and more power more of them.
        let half = test.prompts_for(test.difference.value / 2.0, POWER).unwrap().unwrap();
        assert!(
            (half / needed - 4.0).abs() < 0.1
                && test.prompts_for(0.1, 0.9).unwrap() > test.prompts_for(0.1, 0.8).unwrap()
        );
        assert!(test.prompts_for(0.0, 0.8).is_err() && test.prompts_for(0.1, 1.0).is_err());
        let tests = PairedTests::new(&good, &bad, &graded, &options.clone().levels(vec![0.5, 3.0])).unwrap();
        assert_eq!(tests.apgr.as_ref(), Some(&test));
        assert!(tests.auc.difference.low > 0.0 && tests.cpt[0].test.as_ref().unwrap().difference.high < 0.0);
        assert_eq!(tests.cpt[1].test, None);
        let same = PairedTest::apgr(&good, &good, &graded, &options).unwrap().unwrap();
        assert_eq!((same.difference.value, same.p_value, same.prompts_needed), (0.0, 1.0, None));
        let equal = vec![Graded::new(1.0, 1.0), Graded::new(0.0, 0.0)];
        assert_eq!(PairedTest::apgr(&[0.1, 0.2], &[0.2, 0.1], &equal, &options).unwrap(), None);
    }
}
