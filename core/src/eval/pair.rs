//! All figures of a router on graded prompts of a strong and a weak model, from one pass over the draws.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cost::{aiq, arena_score, cost_save, hull, perf_gain};
use super::curve::{Order, check};
use super::reference::{self, BINS, Row, Sample};
use super::resample::{Resample, Sheet};
use super::units::Units;
use super::{Curve, Definition, Estimate, EvalOptions, Graded, Point, Prices};
use crate::{Error, Result};

/// Most points of a curve in a report.
const MOST_POINTS: usize = 200;

/// Call-performance threshold at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cpt {
    /// Share of the gap that is recovered.
    pub level: f64,
    /// The smallest strong share, in [0, 1], at which it is.
    pub strong_share: Option<Estimate>,
    /// Cost-saving ratio: the strong calls of a random router (`level`) over those of this one. The paper's 3.66 is 49.03 % over
    /// 13.40 %, at CPT(50%) of MT-Bench.
    pub saving: Option<Estimate>,
}

/// The figures of a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Area under quality against strong share: mean quality over all shares.
    pub auc: Estimate,
    /// Average performance gap recovered.
    pub apgr: Option<Estimate>,
    /// CPT at each level that was asked for.
    pub cpt: Vec<Cpt>,
}

/// A point of a curve with its pointwise band.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// Share of rows sent to strong, in [0, 1].
    pub strong_share: f64,
    /// Mean quality at this share.
    pub quality: Estimate,
}

/// Scores of one bin against how often the strong model was the better one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// Lower end of the bin.
    pub low: f64,
    /// Upper end, which belongs to the last bin only.
    pub high: f64,
    /// Rows in it.
    pub count: usize,
    /// Mean score; none in an empty bin.
    pub score: Option<Estimate>,
    /// Share of rows whose strong answer is the better one; ties are not.
    pub strong_better: Option<Estimate>,
}

/// How many rows have scores from `low` to `high`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HistogramBin {
    /// Lower end of the bin.
    pub low: f64,
    /// Upper end, which belongs to the last bin only.
    pub high: f64,
    /// Rows in it.
    pub count: usize,
}

/// Figures of cost; amounts are USD per 1,000 requests. What takes the best point of the curve does so in every draw, and
/// is somewhat too good on few prompts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CostFigures {
    /// The strong model alone.
    pub strong: Estimate,
    /// The weak model alone.
    pub weak: Estimate,
    /// As [`perf_gain`](super::perf_gain).
    pub perf_gain: Option<Estimate>,
    /// As [`cost_save`](super::cost_save).
    pub cost_save: Option<Estimate>,
    /// As [`aiq`](super::aiq), over the costs between both models.
    pub aiq: Option<Estimate>,
    /// As [`arena_score`](super::arena_score), at the best point of the curve.
    pub arena_score: Option<Estimate>,
}

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

/// What is computed of each draw.
struct Work<'a> {
    options: &'a EvalOptions,
    order: Order,
    sample: Sample,
    units: Units,
    group: &'a [usize],
    shares: Vec<f64>,
    better: Vec<f64>,
    in_unit: bool,
    /// Every prompt once, and the weak model's mean quality then: what routers that draw lots are about.
    every: &'a [f64],
    weak: f64,
}

impl Work<'_> {
    fn summary(&self, curve: &Curve, rows: Option<&[Row]>, sheet: &mut Vec<f64>) {
        let (auc, weak, strong) = (curve.auc(), curve.weak_quality(), curve.strong_quality());
        sheet.push(auc);
        sheet.push(if rows.is_some() { (auc - weak) / (strong - weak) } else { curve.apgr() });
        for level in &self.options.levels {
            let cpt = match rows {
                Some(rows) => reference::cpt_between(rows, weak, strong, *level),
                None => curve.cpt(*level),
            };
            sheet.extend([cpt, level / cpt]);
        }
    }

    fn points(&self, curve: &Curve, sheet: &mut Vec<f64>) {
        let start = sheet.len();
        sheet.resize(start + self.shares.len(), 0.0);
        curve.qualities_at(&self.shares, &mut sheet[start..]);
    }

    /// Figures of prompts that occur `counts` times, in the order in which [`report`](PairReport::new) takes them. `lots` is the
    /// random router's order; what is expected of it without.
    fn figures(&self, counts: &[f64], lots: Option<&[usize]>) -> Vec<f64> {
        let mut sheet = Vec::with_capacity(700);
        let weights: Vec<f64> = self.order.rows.iter().map(|row| counts[self.group[*row]]).collect();
        let mut exact = self.order.room();
        self.order.draw(&weights, &mut exact);
        let (weak, strong) = (exact.weak_quality(), exact.strong_quality());
        sheet.extend([strong, weak]);
        let rows = (self.options.definition == Definition::Reference).then(|| self.sample.rows(counts, BINS));
        let through = rows.as_ref().map(|rows| Sample::curve(rows));
        let curve = through.as_ref().unwrap_or(&exact);
        self.summary(curve, rows.as_deref(), &mut sheet);
        let mut gains = Vec::with_capacity(weights.len() + 2);
        let curve_of = |gains: &[(f64, f64)], weak: f64| {
            Curve::from_points(
                gains
                    .iter()
                    .map(|(strong_share, gain)| Point { strong_share: *strong_share, quality: weak + gain })
                    .collect(),
            )
        };
        self.units.oracle(counts, &mut gains);
        let oracle = curve_of(&gains, weak);
        // The oracle's gap is that of the models: its curve does not end at the strong model.
        self.scaled(&oracle, strong - weak, &mut sheet);
        let random = match lots {
            Some(lots) => {
                self.units.ordered(lots, self.every, &mut gains);
                curve_of(&gains, self.weak)
            }
            None => curve_of(&[(0.0, 0.0), (1.0, strong - weak)], weak),
        };
        self.summary(&random, None, &mut sheet);
        self.points(curve, &mut sheet);
        self.points(&oracle, &mut sheet);
        self.points(&random, &mut sheet);
        if self.in_unit {
            self.reliability(&weights, &mut sheet);
        }
        if !exact.costs().is_empty() {
            cost_figures(&exact, &mut sheet);
        }
        sheet
    }

    fn scaled(&self, curve: &Curve, gap: f64, sheet: &mut Vec<f64>) {
        let gap = if gap > 1e-12 { gap } else { f64::NAN };
        let (auc, weak) = (curve.auc(), curve.weak_quality());
        sheet.extend([auc, (auc - weak) / gap]);
        for level in &self.options.levels {
            let target = weak + level * gap;
            let place = if target.is_nan() { None } else { curve.reaches_quality(target) };
            let cpt = Curve::between(place, |point| curve.points()[point].strong_share);
            sheet.extend([cpt, level / cpt]);
        }
    }

    fn reliability(&self, weights: &[f64], sheet: &mut Vec<f64>) {
        let mut bins = [(0.0, 0.0, 0.0); 10];
        for ((weight, score), better) in weights.iter().zip(&self.order.scores).zip(&self.better) {
            let bin = &mut bins[((score * 10.0) as usize).min(9)];
            bin.0 += weight;
            bin.1 += weight * score;
            bin.2 += weight * better;
        }
        let total: f64 = bins.iter().map(|bin| bin.0).sum();
        sheet.push(bins.iter().map(|bin| (bin.1 - bin.2).abs()).sum::<f64>() / total);
        sheet.extend(bins.iter().flat_map(|bin| [bin.1 / bin.0, bin.2 / bin.0]));
    }
}

fn cost_figures(curve: &Curve, sheet: &mut Vec<f64>) {
    let costs = curve.costs();
    let (weak, strong) = (costs[0], costs[costs.len() - 1]);
    let (low, high) = (curve.weak_quality(), curve.strong_quality());
    let single = match low.total_cmp(&high) {
        std::cmp::Ordering::Less => (strong, high),
        std::cmp::Ordering::Greater => (weak, low),
        std::cmp::Ordering::Equal => (weak.min(strong), low),
    };
    let points: Vec<(f64, f64)> =
        costs.iter().copied().zip(curve.points().iter().map(|p| p.quality)).collect();
    let best = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let hull = hull(&points);
    // A coin between two points of the hull is a policy too.
    let cheapest = hull.iter().position(|point| point.1 >= single.1).map_or(f64::NAN, |at| {
        let b = hull[at];
        let Some(a) = at.checked_sub(1).map(|before| hull[before]) else { return b.0 };
        a.0 + (single.1 - a.1) / (b.1 - a.1) * (b.0 - a.0)
    });
    // The hull has the best point for every cost, and the score rises with quality and falls with cost.
    let arena =
        hull.iter().filter_map(|point| arena_score(point.1, point.0 * 1000.0)).fold(f64::NAN, f64::max);
    let number = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
    sheet.extend([
        strong * 1000.0,
        weak * 1000.0,
        number(perf_gain(best, single.1)),
        number(cost_save(cheapest, single.0)),
        number(aiq(&hull, weak.min(strong), weak.max(strong))),
        arena,
    ]);
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
        let mut shares = thinned(&order.curve());
        if options.definition == Definition::Reference {
            let rows = sample.rows(&every, BINS);
            if rows.windows(2).any(|pair| pair[0].threshold == pair[1].threshold) {
                return Err(Error::invalid_argument(
                    "the quantiles of the scores are not distinct, where the reference fails: use the exact definition",
                ));
            }
            shares = rows.iter().map(|row| row.strong_share).collect();
        }
        let work = Work {
            options,
            better: order
                .rows
                .iter()
                .map(|row| f64::from(u8::from(graded[*row].strong > graded[*row].weak)))
                .collect(),
            in_unit: scores.iter().all(|score| (0.0..=1.0).contains(score)),
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
