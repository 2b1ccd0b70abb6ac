//! What is computed of each draw of the prompts.

use crate::eval::cost::{aiq, arena_score, cost_save, hull, perf_gain};
use crate::eval::curve::Order;
use crate::eval::reference::{self, BINS, Questions, Row, Sample};
use crate::eval::units::Units;
use crate::eval::{Curve, Definition, EvalOptions, Point};

/// What is computed of each draw.
pub(super) struct Work<'a> {
    pub(super) options: &'a EvalOptions,
    pub(super) order: Order,
    pub(super) sample: Sample,
    /// What the reference's optimal curve is made of.
    pub(super) questions: Questions,
    /// The reference's random router; empty by the exact definitions.
    pub(super) random: Vec<Row>,
    pub(super) units: Units,
    pub(super) group: &'a [usize],
    pub(super) shares: Vec<f64>,
    pub(super) better: Vec<f64>,
    pub(super) in_unit: bool,
    /// Every prompt once, and the weak model's mean quality then: what routers that draw lots are about.
    pub(super) every: &'a [f64],
    pub(super) weak: f64,
}

impl Work<'_> {
    fn summary(&self, curve: &Curve, sheet: &mut Vec<f64>) {
        sheet.extend([curve.auc(), curve.apgr()]);
        for level in &self.options.levels {
            let cpt = curve.cpt(*level);
            sheet.extend([cpt, level / cpt]);
        }
    }

    /// As [`summary`](Self::summary), by the reference's definitions, for models of these mean qualities.
    fn reference_summary(&self, rows: &[Row], (weak, strong): (f64, f64), sheet: &mut Vec<f64>) {
        let auc = reference::auc(rows);
        sheet.extend([auc, (auc - weak) / (strong - weak)]);
        for level in &self.options.levels {
            let cpt = reference::cpt_between(rows, weak, strong, *level);
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
    pub(super) fn figures(&self, counts: &[f64], lots: Option<&[usize]>) -> Vec<f64> {
        let mut sheet = Vec::with_capacity(700);
        let weights: Vec<f64> = self.order.rows.iter().map(|row| counts[self.group[*row]]).collect();
        let mut exact = self.order.room();
        self.order.draw(&weights, &mut exact);
        let (weak, strong) = (exact.weak_quality(), exact.strong_quality());
        sheet.extend([strong, weak]);
        let reference = self.options.definition == Definition::Reference;
        let models = (weak, strong);
        let curve = if reference {
            let rows = self.sample.rows(counts, BINS);
            self.reference_summary(&rows, models, &mut sheet);
            &Sample::curve(&rows)
        } else {
            self.summary(&exact, &mut sheet);
            &exact
        };
        let mut gains = Vec::with_capacity(weights.len() + 2);
        let oracle = if reference {
            let rows = self.questions.optimal_rows(counts, BINS);
            self.reference_summary(&rows, models, &mut sheet);
            Sample::curve(&rows)
        } else {
            self.units.oracle(counts, &mut gains);
            let oracle = curve_of(&gains, weak);
            self.scaled(&oracle, strong - weak, &mut sheet);
            oracle
        };
        let random = match (lots, reference) {
            (Some(lots), _) => {
                self.units.ordered(lots, self.every, &mut gains);
                let random = curve_of(&gains, self.weak);
                self.summary(&random, &mut sheet);
                random
            }
            (None, true) => {
                self.reference_summary(&self.random, models, &mut sheet);
                Sample::curve(&self.random)
            }
            (None, false) => {
                let random = curve_of(&[(0.0, 0.0), (1.0, strong - weak)], weak);
                self.summary(&random, &mut sheet);
                random
            }
        };
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

    /// As [`summary`](Self::summary), of the oracle: its gap is that of the models, for its curve does not end at the strong
    /// model.
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

fn curve_of(gains: &[(f64, f64)], weak: f64) -> Curve {
    let point =
        |(strong_share, gain): &(f64, f64)| Point { strong_share: *strong_share, quality: weak + gain };
    Curve::from_points(gains.iter().map(point).collect())
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
