//! All figures of a router on graded prompts of a strong and a weak model, from one pass over the draws.

mod draw;
mod figures;

use std::collections::BTreeMap;

use serde::Serialize;

use super::curve::{Order, check};
use super::reference::{self, BINS, Questions, Sample};
use super::resample::{Resample, Sheet};
use super::units::Units;
use super::{Curve, Definition, Estimate, EvalOptions, Graded, Prices};
use crate::{Error, Result};

use draw::Work;
pub use figures::{CostFigures, Cpt, CurvePoint, HistogramBin, ReliabilityBin, Summary};

/// Most points of a curve in a report.
const MOST_POINTS: usize = 200;

/// How many random routers the reference's script takes the mean of, by default.
const ITERATIONS: usize = 10;

/// Everything about a router on a pair of models.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairReport {
    /// Rows.
    pub rows: usize,
    /// Prompts: rows of one group are one.
    pub prompts: usize,
    /// Which definitions the figures have.
    pub definition: Definition,
    /// Draws of the bootstrap.
    pub draws: usize,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Mean quality of the strong model alone.
    pub strong_quality: Estimate,
    /// Mean quality of the weak model alone.
    pub weak_quality: Estimate,
    /// The router.
    pub router: Summary,
    /// A router that knows the grades.
    pub oracle_figures: Summary,
    /// A router that draws lots. Its value is what is expected; its interval is where such routers fall on these prompts.
    pub random_figures: Summary,
    /// Expected calibration error over the bins of `reliability`. Its interval lies high on few prompts.
    pub calibration_error: Option<Estimate>,
    /// Cost, where prices or costs were given.
    pub cost: Option<CostFigures>,
    /// Quality against strong share, at most 200 points.
    pub curve: Vec<CurvePoint>,
    /// Likewise of the oracle.
    pub oracle: Vec<CurvePoint>,
    /// Likewise of the random router.
    pub random: Vec<CurvePoint>,
    /// Ten bins of the score, where all scores are in [0, 1].
    pub reliability: Vec<ReliabilityBin>,
    /// Twenty bins of the score.
    pub histogram: Vec<HistogramBin>,
    /// Why a figure is missing.
    pub undefined: BTreeMap<String, String>,
}

fn summary(sheet: &mut Sheet<'_>, levels: &[f64]) -> Summary {
    Summary {
        auc: sheet.take(),
        apgr: sheet.take_defined(),
        cpt: levels
            .iter()
            .map(|level| Cpt {
                level: *level,
                strong_share: sheet.take_defined(),
                saving: sheet.take_defined(),
            })
            .collect(),
    }
}

/// At most `MOST_POINTS` strong shares of the curve, its ends among them.
fn thinned(curve: &Curve) -> Vec<f64> {
    let shares: Vec<f64> = curve.points().iter().map(|point| point.strong_share).collect();
    if shares.len() <= MOST_POINTS {
        return shares;
    }
    (0..MOST_POINTS).map(|i| shares[i * (shares.len() - 1) / (MOST_POINTS - 1)]).collect()
}

impl PairReport {
    /// The report of `scores` (higher is sent to strong first) over `graded` rows.
    ///
    /// # Errors
    /// `InvalidArgument` as [`Curve::new`], for an infinite score, and for options that contradict themselves.
    #[expect(
        clippy::too_many_lines,
        reason = "one list of figures, in the order in which a draw writes them"
    )]
    pub fn new(scores: &[f64], graded: &[Graded], options: &EvalOptions) -> Result<Self> {
        check(scores, graded)?;
        options.check(scores.len())?;
        if let Some(i) = scores.iter().position(|score| score.is_infinite()) {
            return Err(Error::invalid_argument(format!("score {i} is infinite: give a finite number")));
        }
        let resample = Resample::new(options, scores.len());
        let price = |row: usize| options.costs.as_ref().map(|costs| costs[row]).or(options.prices);
        let priced = |row: usize| price(row).unwrap_or(Prices::new(0.0, 0.0));
        let costs: Option<&dyn Fn(usize) -> Prices> = price(0).map(|_| &priced as &dyn Fn(usize) -> Prices);
        let order = Order::new(scores, graded, costs);
        let sample = Sample::new(scores, graded, &resample.group);
        let every = vec![1.0; resample.count];
        let mut undefined = BTreeMap::new();
        let (mut shares, mut random) = (thinned(&order.curve()), Vec::new());
        if options.definition == Definition::Reference {
            let rows = sample.rows(&every, BINS);
            if rows.windows(2).any(|pair| pair[0].threshold == pair[1].threshold) {
                return Err(Error::invalid_argument(
                    "the quantiles of the scores are not distinct, where the reference fails: use the exact definition",
                ));
            }
            shares = rows.iter().map(|row| row.strong_share).collect();
            random = reference::random_rows_of(graded, &resample.group, BINS, ITERATIONS)?;
        }
        let work = Work {
            options,
            better: order
                .rows
                .iter()
                .map(|row| f64::from(u8::from(graded[*row].strong > graded[*row].weak)))
                .collect(),
            in_unit: scores.iter().all(|score| (0.0..=1.0).contains(score)),
            questions: Questions::new(graded, &resample.group, resample.count),
            random,
            units: Units::new(scores, graded, &resample.group),
            group: &resample.group,
            every: &every,
            weak: order.curve().weak_quality(),
            order,
            sample,
            shares,
        };
        let draws = resample.draws(
            || (0..work.units.size.len()).collect::<Vec<usize>>(),
            |lots, counts, rng| {
                // Whoever drew before on this thread changes nothing.
                lots.iter_mut().enumerate().for_each(|(place, lot)| *lot = place);
                rng.shuffle(lots);
                work.figures(counts, Some(lots))
            },
        );
        let mut sheet = Sheet::new(work.figures(&every, None), &draws, options.confidence);
        let (strong_quality, weak_quality) = (sheet.take(), sheet.take());
        let [router, oracle_figures, random_figures] =
            std::array::from_fn(|_| summary(&mut sheet, &options.levels));
        let mut points = || {
            work.shares
                .iter()
                .map(|share| CurvePoint { strong_share: *share, quality: sheet.take() })
                .collect()
        };
        let (curve, oracle, random) = (points(), points(), points());
        let histogram = histogram(scores);
        let (mut calibration_error, mut reliability) = (None, Vec::new());
        if work.in_unit {
            calibration_error = Some(sheet.take());
            for i in 0..10_u8 {
                let low = f64::from(i) / 10.0;
                let count = scores
                    .iter()
                    .filter(|score| ((**score * 10.0) as usize).min(9) == usize::from(i))
                    .count();
                let (score, strong_better) = (sheet.take_defined(), sheet.take_defined());
                reliability.push(ReliabilityBin {
                    low,
                    high: f64::from(i + 1) / 10.0,
                    count,
                    score,
                    strong_better,
                });
            }
        } else {
            undefined.insert(
                "calibration_error".into(),
                "the scores are no win rates: some lie outside [0, 1]".into(),
            );
        }
        let cost = costs.map(|_| CostFigures {
            strong: sheet.take(),
            weak: sheet.take(),
            perf_gain: sheet.take_defined(),
            cost_save: sheet.take_defined(),
            aiq: sheet.take_defined(),
            arena_score: sheet.take_defined(),
        });
        debug_assert!(sheet.is_empty(), "figures are taken in the order in which they are written");
        if cost.is_none() {
            undefined.insert("cost".into(), "neither prices nor costs were given".into());
        }
        if router.apgr.is_none() {
            let why = "the strong model is not better than the weak one on these prompts: there is no gap to recover";
            undefined.insert("apgr".into(), why.into());
            undefined.insert("cpt".into(), why.into());
        } else if router.cpt.iter().any(|cpt| cpt.strong_share.is_none()) {
            undefined.insert("cpt".into(), "so much of the gap is recovered at no strong share".into());
        } else if router.cpt.iter().any(|cpt| cpt.saving.is_none()) {
            undefined.insert("saving".into(), "the weak model alone recovers so much of the gap".into());
        }
        let figures = cost.as_ref().map(|of| [of.perf_gain, of.cost_save, of.aiq, of.arena_score]);
        for (name, why) in [
            ("perf_gain", "the best single model's quality is 0"),
            ("cost_save", "the best single model costs nothing, or the router never is as good"),
            ("aiq", "both models cost the same"),
            ("arena_score", "costs are 0 or above 200 USD per 1,000 requests, or qualities outside [0, 1]"),
        ]
        .into_iter()
        .zip(figures.into_iter().flatten())
        .filter_map(|(named, figure)| figure.is_none().then_some(named))
        {
            undefined.insert(name.into(), why.into());
        }
        let (rows, prompts, definition, confidence) =
            (scores.len(), resample.count, options.definition, options.confidence);
        let draws = draws.len();
        Ok(Self {
            rows,
            prompts,
            definition,
            draws,
            confidence,
            strong_quality,
            weak_quality,
            router,
            oracle_figures,
            random_figures,
            calibration_error,
            cost,
            curve,
            oracle,
            random,
            reliability,
            histogram,
            undefined,
        })
    }
}

/// Twenty bins over [0, 1], or over the range of the scores where they leave it.
fn histogram(scores: &[f64]) -> Vec<HistogramBin> {
    const COUNT: usize = 20;
    let (low, high) =
        scores.iter().fold((0.0_f64, 1.0_f64), |(low, high), score| (low.min(*score), high.max(*score)));
    let edge = |i: usize| low + (high - low) * i as f64 / COUNT as f64;
    let mut counts = [0; COUNT];
    for score in scores {
        counts[(((score - low) / (high - low) * COUNT as f64) as usize).min(COUNT - 1)] += 1;
    }
    (0..COUNT).map(|i| HistogramBin { low: edge(i), high: edge(i + 1), count: counts[i] }).collect()
}
