//! Figures of a pair and of N models.

use serde::Serialize;

use super::{Curve, Estimate, EvalOptions, Graded};
use crate::Result;
use crate::calibrate::quantile;
use crate::numeric::Rng;

/// Figures of a pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairReport {
    /// APGR.
    pub apgr: Option<Estimate>,
    /// CPT.
    pub cpts: Vec<(f64, Option<Estimate>)>,
}

/// Many.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelsReport {}

/// Paired.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedTest {
    /// Difference.
    pub difference: Estimate,
}

fn draws(scores: &[f64], graded: &[Graded], options: &EvalOptions) -> Vec<Vec<f64>> {
    let mut rng = Rng::new(options.seed);
    (0..options.draws)
        .map(|_| {
            let rows: Vec<usize> = (0..scores.len()).map(|_| rng.below(scores.len())).collect();
            let s: Vec<f64> = rows.iter().map(|i| scores[*i]).collect();
            let g: Vec<Graded> = rows.iter().map(|i| graded[*i]).collect();
            let curve = Curve::new(&s, &g).unwrap();
            [curve.apgr()].into_iter().chain(options.levels.iter().map(|level| curve.cpt(*level))).collect()
        })
        .collect()
}

fn estimate(value: f64, mut draws: Vec<f64>) -> Option<Estimate> {
    draws.retain(|d| d.is_finite());
    draws.sort_by(f64::total_cmp);
    value.is_finite().then(|| match draws.is_empty() {
        true => Estimate::new(value, f64::NEG_INFINITY, f64::INFINITY),
        false => Estimate::new(value, quantile(&draws, 0.025), quantile(&draws, 0.975)),
    })
}

impl PairReport {
    /// CPT.
    pub fn cpt(&self, level: f64) -> Option<Estimate> {
        self.cpts.iter().find(|(known, _)| *known == level).and_then(|(_, cpt)| *cpt)
    }

    /// New.
    pub fn new(scores: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Self> {
        options.check(scores.len())?;
        let curve = Curve::new(scores, graded)?;
        let drawn = draws(scores, graded, options);
        let column = |i: usize| drawn.iter().map(|d| d[i]).collect::<Vec<_>>();
        let cpts = options.levels.iter().enumerate();
        let cpts = cpts.map(|(i, l)| (*l, estimate(curve.cpt(*l), column(i + 1)))).collect();
        Ok(Self { apgr: estimate(curve.apgr(), column(0)), cpts })
    }
}

impl PairedTest {
    /// New.
    pub fn new(a: &[f64], b: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Option<Self>> {
        let value = Curve::new(a, graded)?.apgr() - Curve::new(b, graded)?.apgr();
        let (da, db) = (draws(a, graded, options), draws(b, graded, options));
        let d = da.iter().zip(&db).map(|(a, b)| a[0] - b[0]).collect();
        Ok(estimate(value, d).map(|difference| Self { difference }))
    }
}
