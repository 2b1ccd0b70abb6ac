//! The figures of a pair, each with an interval from the same draws, and the test of two routers.

use serde::Serialize;

use super::resample::Resample;
use super::{Curve, Definition, Estimate, EvalOptions, Graded, Point, descending};
use crate::{Error, Result};

/// Points of a curve that are told, at most.
const POINTS: usize = 200;

/// The figures of a router on the rows of a pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairReport {
    /// Mean quality of the weak model.
    pub weak_quality: Estimate,
    /// Mean quality of the strong model.
    pub strong_quality: Estimate,
    /// Average performance gap recovered; null if both models are equally good.
    pub apgr: Option<Estimate>,
    /// The smallest strong share that recovers each level of the gap.
    pub cpt: Vec<CptLevel>,
    /// Quality against strong share, at most 200 points and the last.
    pub curve: Vec<Point>,
    /// Why figures are missing, if some are.
    pub why: Option<String>,
}

/// CPT at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CptLevel {
    /// The share of the gap that is recovered.
    pub level: f64,
    /// The smallest strong share that recovers it; null if none does.
    pub strong_share: Option<Estimate>,
}

/// Whether two routers differ on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTest {
    /// The figure of the first minus that of the second.
    pub difference: Estimate,
    /// Two-sided, from the share of the draws on the other side of 0.
    pub p_value: f64,
}

/// The figures of one sample: both qualities, APGR, CPT at each level.
fn figures(curve: &Curve, levels: &[f64]) -> Vec<f64> {
    let fixed = [curve.weak_quality(), curve.strong_quality(), curve.apgr()];
    fixed.into_iter().chain(levels.iter().map(|level| curve.cpt(*level))).collect()
}

fn check(options: &EvalOptions, rows: usize) -> Result<()> {
    options.check(rows)?;
    match options.definition {
        Definition::Exact => Ok(()),
        Definition::Reference => {
            Err(Error::unsupported("definition reference: a report has the exact figures; pass exact"))
        }
    }
}

/// The figure of each draw.
fn drawn(scores: &[f64], graded: &[Graded], options: &EvalOptions) -> Vec<Vec<f64>> {
    let (order, resample) = (descending(scores), Resample::new(options, scores.len()));
    let work = |_: &mut (), counts: &[f64], _: &mut crate::numeric::Rng| {
        let weight = |row: usize| counts[resample.group[row]];
        figures(&Curve::from_order(&order, scores, graded, weight), &options.levels)
    };
    resample.draws(|| (), work)
}

fn estimate(value: f64, place: usize, draws: &[Vec<f64>], confidence: f64) -> Option<Estimate> {
    let mut column: Vec<f64> = draws.iter().map(|draw| draw[place]).collect();
    value.is_finite().then(|| Estimate::of_draws(value, &mut column, confidence))
}

impl PairReport {
    /// The figures of `scores` (higher is sent to strong first) over `graded` rows.
    ///
    /// # Errors
    /// As [`Curve::new`]; `InvalidArgument` for options that contradict themselves.
    pub fn new(scores: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Self> {
        check(options, scores.len())?;
        let curve = Curve::new(scores, graded)?;
        let (values, draws) = (figures(&curve, &options.levels), drawn(scores, graded, options));
        let of = |place: usize| estimate(values[place], place, &draws, options.confidence);
        let quality = |place: usize| of(place).unwrap_or(Estimate::open(values[place]));
        let apgr = of(2);
        Ok(Self {
            weak_quality: quality(0),
            strong_quality: quality(1),
            why: apgr
                .is_none()
                .then(|| "both models are equally good: there is no gap to recover".to_owned()),
            apgr,
            cpt: (0..options.levels.len())
                .map(|i| CptLevel { level: options.levels[i], strong_share: of(3 + i) })
                .collect(),
            curve: thinned(curve.points()),
        })
    }

    /// CPT at one of the levels that were asked for.
    pub fn cpt(&self, level: f64) -> Option<Estimate> {
        self.cpt.iter().find(|known| known.level == level)?.strong_share
    }
}

impl PairedTest {
    /// APGR of the scores `a` minus APGR of the scores `b` over the same rows and draws; `None` if both models are equally
    /// good.
    ///
    /// # Errors
    /// As [`PairReport::new`].
    pub fn apgr(a: &[f64], b: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Option<Self>> {
        check(options, a.len())?;
        let value = Curve::new(a, graded)?.apgr() - Curve::new(b, graded)?.apgr();
        let draws = drawn(a, graded, options).into_iter().zip(drawn(b, graded, options));
        let mut draws: Vec<f64> = draws.map(|(a, b)| a[2] - b[2]).collect();
        if !value.is_finite() {
            return Ok(None);
        }
        let share = |is: fn(&f64) -> bool| {
            let known = draws.iter().filter(|draw| !draw.is_nan());
            // One more on each side, so that no p-value is 0 for want of draws.
            (known.clone().filter(|draw| is(draw)).count() + 1) as f64 / (known.count() + 1) as f64
        };
        let p_value = (2.0 * share(|draw| *draw <= 0.0).min(share(|draw| *draw >= 0.0))).min(1.0);
        Ok(Some(Self { difference: Estimate::of_draws(value, &mut draws, options.confidence), p_value }))
    }
}

/// Points at about equal distances, with the first and the last.
fn thinned(points: &[Point]) -> Vec<Point> {
    let last = points.len() - 1;
    let step = last.div_ceil(POINTS).max(1);
    points.iter().step_by(step).chain((last % step != 0).then(|| &points[last])).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    fn rows(count: usize) -> (Vec<f64>, Vec<f64>, Vec<Graded>) {
        let mut rng = Rng::new(3);
        let (mut good, mut bad, mut graded) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let x = rng.uniform();
            good.push(x);
            bad.push(rng.uniform());
            let weak = f64::from(u8::from(rng.uniform() < 0.9 - 0.6 * x));
            graded.push(Graded::new(f64::from(u8::from(rng.uniform() < 0.9)), weak));
        }
        (good, bad, graded)
    }

    #[test]
    fn figures_have_intervals_that_threads_do_not_change() {
        let (good, bad, graded) = rows(600);
        let options = EvalOptions::new().draws(200).threads(1);
        let report = PairReport::new(&good, &graded, &options).unwrap();
        let apgr = report.apgr.unwrap();
        assert!(apgr.low < apgr.value && apgr.value < apgr.high && apgr.high - apgr.low < 0.3);
        assert_eq!(report, PairReport::new(&good, &graded, &options.clone().threads(3)).unwrap());
        assert!(report.curve.len() <= POINTS + 1 && report.curve.last().unwrap().strong_share == 1.0);
        assert!(report.cpt(0.5).unwrap().value < 0.5 && report.cpt(0.3).is_none());
        let test = PairedTest::apgr(&good, &bad, &graded, &options).unwrap().unwrap();
        assert!(test.difference.low > 0.0 && test.p_value < 0.05, "{test:?}");
        let same = PairedTest::apgr(&good, &good, &graded, &options).unwrap().unwrap();
        assert_eq!((same.difference.value, same.p_value), (0.0, 1.0));
        // Every row twice, drawn together, is no more than every row once.
        let twice = |values: &[f64]| values.iter().chain(values).copied().collect::<Vec<_>>();
        let both: Vec<Graded> = graded.iter().chain(&graded).copied().collect();
        let groups: Vec<usize> = (0..600).chain(0..600).collect();
        let grouped = PairReport::new(&twice(&good), &both, &options.groups(groups)).unwrap().apgr.unwrap();
        assert!((grouped.value - apgr.value).abs() < 1e-12 && (grouped.low - apgr.low).abs() < 1e-9);
    }

    #[test]
    fn what_is_undefined_is_said() {
        let equal = vec![Graded::new(1.0, 1.0), Graded::new(0.0, 0.0)];
        let options = EvalOptions::new().draws(20);
        let report = PairReport::new(&[0.1, 0.2], &equal, &options).unwrap();
        assert!(report.apgr.is_none() && report.why.is_some() && report.cpt[0].strong_share.is_none());
        assert_eq!(PairedTest::apgr(&[0.1, 0.2], &[0.2, 0.1], &equal, &options).unwrap(), None);
        assert!(PairReport::new(&[f64::NAN, 0.2], &equal, &options).is_err());
        assert!(PairReport::new(&[], &[], &options).is_err());
    }
}
