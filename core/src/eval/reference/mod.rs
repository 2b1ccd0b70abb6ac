//! The figures as the reference implementation computes them (`routellm/evals` of the published code), to the digit where
//! their own rounding decides: qualities and shares are compared as percentages.

mod interp;
mod mersenne;
mod optimal;

pub use interp::interp;
pub use mersenne::Mersenne;
pub(super) use optimal::Questions;
pub use optimal::{optimal, optimal_judged};

use super::curve::{Order, check, descending};
use super::{Curve, Graded, Point};
use crate::{Error, Result};

/// How many quantile bins the reference takes.
pub const BINS: usize = 10;

/// One of the reference's operating points.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Scores from this on go to strong; above it, at the highest threshold.
    pub threshold: f64,
    /// Share of the rows that go to strong, in [0, 1].
    pub strong_share: f64,
    /// Mean quality.
    pub quality: f64,
}

/// The `bins + 1` points at the quantiles of the scores, by rising strong share.
///
/// # Errors
/// `InvalidArgument` as [`Curve::new`], for no bins, and where quantiles coincide: `pandas.qcut` refuses them.
pub fn rows(scores: &[f64], graded: &[Graded], bins: usize) -> Result<Vec<Row>> {
    check(scores, graded)?;
    if bins == 0 {
        return Err(Error::invalid_argument("0 bins: give at least 1"));
    }
    let sample = Sample::new(scores, graded, &(0..scores.len()).collect::<Vec<_>>());
    let rows = sample.rows(&vec![1.0; scores.len()], bins);
    if rows.windows(2).any(|pair| pair[0].threshold == pair[1].threshold) {
        return Err(Error::invalid_argument(format!(
            "the {} quantiles of the scores are not distinct, where the reference fails: use the exact definition",
            bins + 1
        )));
    }
    Ok(rows)
}

/// CPT(`level`): the strong share, in [0, 1], that `numpy.interp` finds for the level's quality.
pub fn cpt(rows: &[Row], graded: &[Graded], level: f64) -> f64 {
    let total = graded.len() as f64;
    let mean = |of: &dyn Fn(&Graded) -> f64| graded.iter().map(of).sum::<f64>() / total;
    cpt_between(rows, mean(&|row| row.weak), mean(&|row| row.strong), level)
}

pub(super) fn cpt_between(rows: &[Row], weak: f64, strong: f64, level: f64) -> f64 {
    let (weak, strong) = (weak * 100.0, strong * 100.0);
    let accuracy: Vec<f64> = rows.iter().map(|row| row.quality * 100.0).collect();
    let shares: Vec<f64> = rows.iter().map(|row| row.strong_share * 100.0).collect();
    interp(level * (strong - weak) + weak, &accuracy, &shares) / 100.0
}

/// The area under the points, by trapezoids over the strong share in [0, 1].
pub fn auc(rows: &[Row]) -> f64 {
    let part = |pair: &[Row]| {
        (pair[1].strong_share - pair[0].strong_share) * (pair[0].quality + pair[1].quality) / 2.0
    };
    rows.windows(2).map(part).sum()
}

/// APGR over the points. Its sign turns where the strong model is the worse one; infinite or NaN for equal ones.
pub fn apgr(rows: &[Row], graded: &[Graded]) -> f64 {
    let total = graded.len() as f64;
    let weak = graded.iter().map(|row| row.weak).sum::<f64>() / total;
    let strong = graded.iter().map(|row| row.strong).sum::<f64>() / total;
    (auc(rows) - weak) / (strong - weak)
}

/// The random router: the mean of `iterations` runs of Python's `random.random()` after `random.seed(0)`, which go on from one
/// another.
///
/// # Errors
/// As [`rows`]; `InvalidArgument` for no iterations.
pub fn random_rows(graded: &[Graded], bins: usize, iterations: usize) -> Result<Vec<Row>> {
    if iterations == 0 {
        return Err(Error::invalid_argument("0 iterations: give at least 1"));
    }
    random_rows_of(graded, &(0..graded.len()).collect::<Vec<_>>(), bins, iterations)
}

/// As [`random_rows`], for rows of which several belong to one prompt: `group` counts prompts in the order of their first row.
pub(super) fn random_rows_of(
    graded: &[Graded],
    group: &[usize],
    bins: usize,
    iterations: usize,
) -> Result<Vec<Row>> {
    let mut random = Mersenne::new(0);
    let prompts = group.iter().max().map_or(0, |last| last + 1);
    let mut sums: Vec<Row> = Vec::new();
    for _ in 0..iterations {
        let rates: Vec<f64> = (0..prompts).map(|_| random.random()).collect();
        let scores: Vec<f64> = group.iter().map(|prompt| rates[*prompt]).collect();
        check(&scores, graded)?;
        let rows = Sample::new(&scores, graded, group).rows(&vec![1.0; prompts], bins);
        if sums.is_empty() {
            sums = rows;
            continue;
        }
        for (sum, row) in sums.iter_mut().zip(rows) {
            sum.threshold += row.threshold;
            sum.strong_share += row.strong_share;
            sum.quality += row.quality;
        }
    }
    for sum in &mut sums {
        sum.threshold /= iterations as f64;
        sum.strong_share /= iterations as f64;
        sum.quality /= iterations as f64;
    }
    Ok(sums)
}

/// Rows sorted once, for the reference's points of any draw of their prompts.
#[derive(Debug)]
pub(super) struct Sample {
    order: Order,
    graded: Vec<Graded>,
    /// The prompt of each place.
    group: Vec<usize>,
    /// The score of each prompt, and the prompts by rising score: the reference takes quantiles over prompts.
    rates: Vec<f64>,
    rising: Vec<usize>,
}

impl Sample {
    pub(super) fn new(scores: &[f64], graded: &[Graded], group: &[usize]) -> Self {
        let order = Order::new(scores, graded, None);
        let prompts = group.iter().max().map_or(0, |last| last + 1);
        let mut rates = vec![f64::NAN; prompts];
        for (score, prompt) in scores.iter().zip(group).rev() {
            rates[*prompt] = *score;
        }
        let mut rising = descending(&rates);
        rising.reverse();
        Self {
            graded: order.rows.iter().map(|row| graded[*row]).collect(),
            group: order.rows.iter().map(|row| group[*row]).collect(),
            order,
            rates,
            rising,
        }
    }

    /// The points of prompts that occur `counts` times each, by rising strong share; without a look at equal quantiles.
    pub(super) fn rows(&self, counts: &[f64], bins: usize) -> Vec<Row> {
        let thresholds = self.quantiles(counts, bins);
        let (mut total, mut quality) = (0.0, 0.0);
        for (grade, prompt) in self.graded.iter().zip(&self.group) {
            total += counts[*prompt];
            quality += counts[*prompt] * grade.weak;
        }
        let (mut at, mut sent) = (0, 0.0);
        let mut rows = Vec::with_capacity(bins + 1);
        for (i, threshold) in thresholds.iter().enumerate().rev() {
            let selected = |score: f64| if i == bins { score > *threshold } else { score >= *threshold };
            while at < self.graded.len() && selected(self.order.scores[at]) {
                let weight = counts[self.group[at]];
                sent += weight;
                quality += weight * (self.graded[at].strong - self.graded[at].weak);
                at += 1;
            }
            rows.push(Row { threshold: *threshold, strong_share: sent / total, quality: quality / total });
        }
        rows
    }

    /// The curve through the points of [`rows`](Self::rows).
    pub(super) fn curve(rows: &[Row]) -> Curve {
        let point = |row: &Row| Point { strong_share: row.strong_share, quality: row.quality };
        Curve::from_points(rows.iter().map(point).collect())
    }

    /// numpy's linear quantiles at `bins + 1` evenly spaced probabilities, rising.
    fn quantiles(&self, counts: &[f64], bins: usize) -> Vec<f64> {
        let total: f64 = counts.iter().sum();
        let step = 1.0 / bins as f64;
        let (mut at, mut before) = (0, 0.0);
        (0..=bins)
            .map(|i| {
                let probability = if i == bins { 1.0 } else { i as f64 * step };
                // pandas asks numpy for percentiles, which divides them again.
                let position = probability * 100.0 / 100.0 * (total - 1.0);
                let below = position.floor().min(total - 1.0);
                while before + counts[self.rising[at]] <= below {
                    before += counts[self.rising[at]];
                    at += 1;
                }
                let low = self.rates[self.rising[at]];
                let (mut next, mut end) = (at, before + counts[self.rising[at]]);
                while end <= (below + 1.0).min(total - 1.0) {
                    next += 1;
                    end += counts[self.rising[next]];
                }
                let high = self.rates[self.rising[next]];
                let fraction = position - below;
                if fraction >= 0.5 {
                    high - (high - low) * (1.0 - fraction)
                } else {
                    low + (high - low) * fraction
                }
            })
            .collect()
    }
}
