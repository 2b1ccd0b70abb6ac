//! Choosing among N models: quality against cost.

use std::collections::HashMap;

use serde::Serialize;

use super::cost::{aiq, hull};
use super::resample::{Resample, Sheet};
use super::{Estimate, EvalOptions};

/// Weights of cost in the sweep, beside 0.
const WEIGHTS: i32 = 60;

/// What a router does with N models, over the rows that know all of them. Costs are in USD per 1,000 requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelsReport {
    /// The models that it may choose.
    pub models: Vec<String>,
    /// The rows, which know all of them.
    pub rows: usize,
    /// Mean quality and cost by the weight of cost, from 0 (what is expected to be best, whatever it costs) to where cost
    /// decides alone. A choice knows the expected quality of each model on the prompt and the mean cost of each model.
    pub curve: Vec<TradeOff>,
    /// The convex hull of the curve, by rising cost: cost and quality.
    pub hull: Vec<(f64, f64)>,
    /// Average quality over the costs of the hull (AIQ of `RouterBench`, arXiv 2403.12031); null where all costs are one.
    pub aiq: Option<Estimate>,
    /// The best single model; which one it is is settled on all rows, not in each draw.
    pub best_single: TradeOff,
    /// The best choice for each row, the cheaper one of equally good ones.
    pub oracle: TradeOff,
}

/// A choice for each row, on average.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TradeOff {
    /// The weight of cost, in quality per USD per 1,000 requests; null of what has none.
    pub weight: Option<f64>,
    /// The model, of a single one.
    pub model: Option<String>,
    /// Mean quality.
    pub quality: Estimate,
    /// USD per 1,000 requests.
    pub cost_per_1000: Estimate,
}

impl ModelsReport {
    /// Of `rows x models` matrices: what the router expects, what the answers were worth, and what they cost in USD per
    /// request. The rows of one group are drawn together.
    pub(super) fn new(
        models: Vec<String>,
        predicted: &[f64],
        quality: &[f64],
        costs: &[f64],
        options: &EvalOptions,
    ) -> Self {
        let width = models.len();
        let rows = quality.len() / width;
        let mean = |values: &[f64], model: usize| {
            values.iter().skip(model).step_by(width).sum::<f64>() / rows as f64
        };
        let mean_costs: Vec<f64> = (0..width).map(|model| 1000.0 * mean(costs, model)).collect();
        let dearest = mean_costs.iter().copied().fold(0.0, f64::max);
        let cheapest = mean_costs.iter().copied().fold(f64::INFINITY, f64::min);
        // From where cost hardly counts to where hardly anything else does.
        let weight = |step: i32| libm::pow(10.0, f64::from(step) / f64::from(WEIGHTS) * 7.0 - 3.0) / dearest;
        let weights: Vec<f64> =
            [0.0].into_iter().chain((0..=WEIGHTS).map(weight).filter(|weight| weight.is_finite())).collect();
        let worth = |row: usize, model: usize, weight: f64| {
            predicted[row * width + model] - weight * mean_costs[model]
        };
        let single = best(width, |model| (mean(quality, model), mean_costs[model]));
        // What each policy chooses does not depend on the draw: one column each, the oracle and the single model last.
        let mut policies: Vec<Vec<usize>> = weights
            .iter()
            .map(|weight| {
                let choose = |row| best(width, |model| (worth(row, model, *weight), mean_costs[model]));
                (0..rows).map(choose).collect()
            })
            .collect();
        let answer = |row: usize, model: usize| (quality[row * width + model], costs[row * width + model]);
        policies.push((0..rows).map(|row| best(width, |model| answer(row, model))).collect());
        policies.push(vec![single; rows]);
        // Neighbours in the sweep mostly choose alike.
        let mut sums = Sums::new(options, rows);
        let columns: Vec<usize> = policies
            .iter()
            .map(|choices| {
                let answers = choices.iter().enumerate().map(|(row, model)| answer(row, *model));
                sums.column(choices, answers)
            })
            .collect();
        let bounds = (cheapest, dearest);
        let trade_offs = |totals: &[(f64, f64)]| -> Vec<(f64, f64)> {
            columns.iter().map(|column| totals[*column]).collect()
        };
        let figures = |totals: &[(f64, f64)]| {
            let points = trade_offs(totals);
            let hull = hull(&points[..weights.len()]);
            let mut sheet = vec![aiq(&hull, bounds.0, bounds.1).unwrap_or(f64::NAN)];
            sheet.extend(points.iter().flat_map(|(cost, quality)| [*quality, *cost]));
            sheet
        };
        let every = sums.every();
        let draws = sums.draws(figures);
        let hull = hull(&trade_offs(&every)[..weights.len()]);
        let mut sheet = Sheet::new(figures(&every), &draws, options.confidence);
        let aiq = sheet.take_defined();
        let mut take = |weight: Option<f64>, model: Option<String>| TradeOff {
            weight,
            model,
            quality: sheet.take(),
            cost_per_1000: sheet.take(),
        };
        let curve = weights.iter().map(|weight| take(Some(*weight), None)).collect();
        let oracle = take(None, None);
        let best_single = take(None, Some(models[single].clone()));
        Self { models, rows, curve, hull, aiq, best_single, oracle }
    }
}

/// What different ways to choose for each row add up to, in any draw of the prompts.
struct Sums<'a> {
    resample: Resample,
    known: HashMap<&'a [usize], usize>,
    /// Quality and USD per 1,000 requests of each way, by prompt.
    columns: Vec<Vec<(f64, f64)>>,
    /// Rows of each prompt.
    size: Vec<f64>,
}

impl<'a> Sums<'a> {
    fn new(options: &EvalOptions, rows: usize) -> Self {
        let resample = Resample::new(options, rows);
        let mut size = vec![0.0; resample.count];
        resample.group.iter().for_each(|prompt| size[*prompt] += 1.0);
        Self { resample, known: HashMap::new(), columns: Vec::new(), size }
    }

    /// The number of the column of these choices, with the quality and the cost in USD of each row.
    fn column(&mut self, choices: &'a [usize], answers: impl Iterator<Item = (f64, f64)>) -> usize {
        if let Some(known) = self.known.get(choices) {
            return *known;
        }
        let mut column = vec![(0.0, 0.0); self.size.len()];
        for ((quality, usd), prompt) in answers.zip(&self.resample.group) {
            column[*prompt].0 += quality;
            column[*prompt].1 += 1000.0 * usd;
        }
        self.columns.push(column);
        self.known.insert(choices, self.columns.len() - 1);
        self.columns.len() - 1
    }

    /// Mean cost and quality of each column, of prompts that occur `counts` times.
    fn means(&self, counts: &[f64]) -> Vec<(f64, f64)> {
        let rows: f64 = self.size.iter().zip(counts).map(|(size, count)| size * count).sum();
        let mean = |column: &Vec<(f64, f64)>| {
            let (mut quality, mut cost) = (0.0, 0.0);
            for (of, count) in column.iter().zip(counts) {
                quality += of.0 * count;
                cost += of.1 * count;
            }
            (cost / rows, quality / rows)
        };
        self.columns.iter().map(mean).collect()
    }

    fn every(&self) -> Vec<(f64, f64)> {
        self.means(&vec![1.0; self.size.len()])
    }

    fn draws(&self, figures: impl Fn(&[(f64, f64)]) -> Vec<f64> + Sync) -> Vec<Vec<f64>> {
        self.resample.draws(|| (), |(), counts, _| figures(&self.means(counts)))
    }
}

/// The model of the highest worth, of equal ones the cheaper, then the first.
fn best(models: usize, of: impl Fn(usize) -> (f64, f64)) -> usize {
    (1..models).fold(0, |best, model| {
        let ((worth, cost), (most, price)) = (of(model), of(best));
        if worth > most || (worth == most && cost < price) { model } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_knows_is_between_the_best_model_and_the_oracle() {
        let models: Vec<String> = ["dear", "cheap"].map(str::to_owned).into();
        let quality = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
        let costs = [0.01, 0.001].repeat(4);
        let options = EvalOptions::new().draws(200);
        let report = ModelsReport::new(models, &quality, &quality, &costs, &options);
        let of = |point: &TradeOff| (point.quality.value, point.cost_per_1000.value);
        let single = &report.best_single;
        assert_eq!((single.model.as_deref(), single.quality.value), (Some("cheap"), 0.75));
        assert_eq!(of(&report.oracle), (1.0, (10.0 + 3.0) / 4.0));
        // What expects the truth chooses as the oracle does, and at last the cheapest for all.
        assert_eq!(of(&report.curve[0]), (1.0, 13.0 / 4.0));
        let last = report.curve.last().unwrap();
        assert!((of(last).0 - 0.75).abs() < 1e-12 && (of(last).1 - 1.0).abs() < 1e-12);
        assert!(report.curve.windows(2).all(|pair| of(&pair[1]).1 <= of(&pair[0]).1 + 1e-12));
        assert!(report.aiq.unwrap().value > 0.75);
        // The cheap model fails one prompt of four; its cost is the same in every draw.
        assert!(single.quality.low < 0.75 && single.quality.high == 1.0, "{single:?}");
        assert!((single.cost_per_1000.high - single.cost_per_1000.low).abs() < 1e-12);
        assert!(report.aiq.unwrap().low < report.aiq.unwrap().high);
        // Rows of one prompt are drawn together: with one prompt there is no interval.
        let names = report.models.clone();
        let one = options.groups(vec![7; 4]);
        let report = ModelsReport::new(names, &quality, &quality, &costs, &one);
        assert_eq!((report.oracle.quality.value, report.oracle.quality.high), (1.0, f64::INFINITY));
    }
}
