//! Quality against cost: PGR, APGR and CPT of a router on prompts whose answers were graded.
//!
//! The `exact` definitions: the curve has one point for each distinct score, and prompts of one score are
//! sent together, so that between two points the quality is that of a fair coin among them.

mod attack;
mod baselines;
mod benchmark;
mod bootstrap;
mod cache;
mod columns;
mod cost;
mod estimate;
mod folder;
mod many;
mod models_figures;
mod options;
mod pair_choice;
mod pair_figures;
mod read;
pub mod reformat;
mod report;
mod resample;
mod robust;
mod rows;
mod run;
mod score;
mod slices;
mod spec;
mod table;

pub use attack::Attack;
pub use benchmark::Benchmark;
pub use bootstrap::{Interval, bootstrap};
pub use cost::{aiq, arena_score, cost_save, hull, perf_gain};
pub use estimate::Estimate;
pub use folder::BenchmarkName;
pub use models_figures::{ModelsReport, TradeOff};
pub use options::{Definition, EvalOptions, Prices};
pub use pair_figures::{CptLevel, PairReport, PairedTest};
pub use read::ReadOptions;
pub use report::{
    AttackReport, Clothes, Comparison, EvalReport, ModelFacts, PairChoice, REPORT_FORM, ResultReport,
    Robustness, Role, RouterFacts, SliceReport, SliceResult, SliceValue, TableReport, ThresholdPoint,
    WrongPrompt,
};
pub use run::{Label, run, run_labelled};
pub use slices::{has_code, length_band, script};
pub use spec::{DataSource, EvalSpec, RouterSource};
pub use table::{PairRows, Table, TableKind};

use crate::{Error, Result};

/// How well both models answered one prompt, in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Graded {
    /// Quality of the strong model's answer.
    pub strong: f64,
    /// Quality of the weak model's answer.
    pub weak: f64,
}

impl Graded {
    /// The quality of the strong and of the weak model's answer.
    pub const fn new(strong: f64, weak: f64) -> Self {
        Self { strong, weak }
    }
}

/// Share of prompts sent to strong, and the mean quality that this gives.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Point {
    /// In [0, 1].
    pub strong_share: f64,
    /// Mean quality.
    pub quality: f64,
}

/// Quality against strong share, from all weak to all strong.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
}

impl Curve {
    /// The curve of `scores` (higher is sent to strong first) over `graded` prompts.
    ///
    /// # Errors
    /// `InvalidArgument` if the lengths differ, there is no prompt, or a score is NaN.
    pub fn new(scores: &[f64], graded: &[Graded]) -> Result<Self> {
        if scores.len() != graded.len() || scores.is_empty() {
            return Err(Error::invalid_argument(format!(
                "{} scores for {} graded prompts: one each, and at least one, are needed",
                scores.len(),
                graded.len()
            )));
        }
        if let Some(i) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::invalid_argument(format!("score {i} is NaN")));
        }
        let order = descending(scores);
        Ok(Self::from_order(&order, scores, graded, |_| 1.0))
    }

    /// The curve over prompts in the order of descending score, each with a weight.
    fn from_order(order: &[usize], scores: &[f64], graded: &[Graded], weight: impl Fn(usize) -> f64) -> Self {
        let total: f64 = order.iter().map(|i| weight(*i)).sum();
        let mut quality: f64 = order.iter().map(|i| weight(*i) * graded[*i].weak).sum::<f64>() / total;
        let mut sent = 0.0;
        let mut points = vec![Point { strong_share: 0.0, quality }];
        for (at, &i) in order.iter().enumerate() {
            sent += weight(i);
            quality += weight(i) * (graded[i].strong - graded[i].weak) / total;
            let last_of_score = order.get(at + 1).is_none_or(|next| scores[*next] != scores[i]);
            if last_of_score {
                points.push(Point { strong_share: sent / total, quality });
            }
        }
        Self { points }
    }

    /// The points, by rising strong share.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Mean quality of the weak model alone.
    pub fn weak_quality(&self) -> f64 {
        self.points[0].quality
    }

    /// Mean quality of the strong model alone.
    pub fn strong_quality(&self) -> f64 {
        self.points[self.points.len() - 1].quality
    }

    /// Performance gap recovered: 0 at the weak model's quality, 1 at the strong model's.
    pub fn pgr(&self, quality: f64) -> f64 {
        (quality - self.weak_quality()) / (self.strong_quality() - self.weak_quality())
    }

    /// Average performance gap recovered: the integral of PGR over the strong share, by trapezoids. A random
    /// router has 0.5. NaN if both models are equally good.
    pub fn apgr(&self) -> f64 {
        self.points
            .windows(2)
            .map(|pair| {
                let width = pair[1].strong_share - pair[0].strong_share;
                width * (self.pgr(pair[0].quality) + self.pgr(pair[1].quality)) / 2.0
            })
            .sum()
    }

    /// Call-performance threshold: the smallest strong share, in [0, 1], at which PGR reaches `level`
    /// (0.5 for CPT(50%)). NaN if it never does.
    pub fn cpt(&self, level: f64) -> f64 {
        for pair in self.points.windows(2) {
            let (from, to) = (self.pgr(pair[0].quality), self.pgr(pair[1].quality));
            if from >= level {
                return pair[0].strong_share;
            }
            if to >= level {
                let fraction = (level - from) / (to - from);
                return pair[0].strong_share + fraction * (pair[1].strong_share - pair[0].strong_share);
            }
        }
        f64::NAN
    }
}

/// Indices by descending score; equal scores by their index.
fn descending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    fn graded(pairs: &[(u8, u8)]) -> Vec<Graded> {
        pairs.iter().map(|(s, w)| Graded { strong: f64::from(*s), weak: f64::from(*w) }).collect()
    }

    #[test]
    fn known_values() {
        // One prompt needs the strong model; the others do not care.
        let prompts = graded(&[(1, 0), (1, 1), (0, 0), (1, 1)]);
        let first = Curve::new(&[0.9, 0.1, 0.2, 0.3], &prompts).unwrap();
        assert_eq!((first.weak_quality(), first.strong_quality()), (0.5, 0.75));
        assert!((first.apgr() - 0.875).abs() < 1e-12);
        assert!((first.cpt(0.5) - 0.125).abs() < 1e-12);
        let last = Curve::new(&[0.0, 0.1, 0.2, 0.3], &prompts).unwrap();
        assert!((last.apgr() - 0.125).abs() < 1e-12);
        assert!((last.cpt(0.5) - 0.875).abs() < 1e-12);
    }

    #[test]
    fn equal_scores_are_a_random_router() {
        let prompts = graded(&[(1, 0), (1, 1), (0, 0), (0, 1), (1, 0)]);
        let curve = Curve::new(&[0.5; 5], &prompts).unwrap();
        assert!((curve.apgr() - 0.5).abs() < 1e-12);
        assert!((curve.cpt(0.8) - 0.8).abs() < 1e-12);
        assert_eq!(curve.points().len(), 2);
    }

    #[test]
    fn ties_equal_the_mean_over_their_orders() {
        let prompts = graded(&[(1, 0), (0, 1), (1, 0)]);
        let tied = Curve::new(&[0.7, 0.7, 0.1], &prompts).unwrap().apgr();
        let one = Curve::new(&[0.8, 0.7, 0.1], &prompts).unwrap().apgr();
        let other = Curve::new(&[0.7, 0.8, 0.1], &prompts).unwrap().apgr();
        assert!((tied - f64::midpoint(one, other)).abs() < 1e-12);
    }

    #[test]
    fn a_dented_curve_crosses_where_it_first_does() {
        let prompts = graded(&[(1, 0), (0, 1), (1, 0), (1, 0)]);
        let curve = Curve::new(&[0.9, 0.8, 0.7, 0.6], &prompts).unwrap();
        assert!((curve.cpt(0.5) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_the_value_and_shrink() {
        let mut rng = Rng::new(11);
        let make = |n: usize, rng: &mut Rng| -> (Vec<f64>, Vec<Graded>) {
            (0..n)
                .map(|_| {
                    let x = rng.uniform();
                    let strong = f64::from(u8::from(rng.uniform() < 0.8));
                    let weak = f64::from(u8::from(rng.uniform() < 0.8 - 0.4 * x));
                    (x, Graded { strong, weak })
                })
                .unzip()
        };
        let mut widths = Vec::new();
        for n in [200, 3200] {
            let (scores, prompts) = make(n, &mut rng);
            let curve = Curve::new(&scores, &prompts).unwrap();
            let interval = bootstrap(&scores, &prompts, 400, 1, Curve::apgr).unwrap();
            assert!(interval.low < curve.apgr() && curve.apgr() < interval.high);
            widths.push(interval.high - interval.low);
            let again = bootstrap(&scores, &prompts, 400, 1, Curve::apgr).unwrap();
            assert_eq!(again, interval);
        }
        assert!(widths[1] < widths[0] / 2.5);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(Curve::new(&[], &[]).is_err());
        assert!(Curve::new(&[0.1], &[]).is_err());
        assert!(Curve::new(&[f64::NAN], &graded(&[(1, 0)])).is_err());
    }
}
