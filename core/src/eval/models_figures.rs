//! Choosing among N models: quality against cost.

use serde::Serialize;

use super::cost::{aiq, hull};

/// Weights of cost in the sweep, beside 0.
const WEIGHTS: i32 = 60;

/// What a router does with N models, over the rows that know all of them. Costs are in USD per 1,000 requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelsReport {
    /// The models that it may choose.
    pub models: Vec<String>,
    /// Mean quality and cost by the weight of cost, from 0 (what is expected to be best, whatever it costs) to where cost
    /// decides alone. A choice knows the expected quality of each model on the prompt and the mean cost of each model.
    pub curve: Vec<TradeOff>,
    /// The convex hull of the curve, by rising cost: cost and quality.
    pub hull: Vec<(f64, f64)>,
    /// Average quality over the costs of the hull (AIQ of `RouterBench`, arXiv 2403.12031); null where all costs are one.
    pub aiq: Option<f64>,
    /// The best single model.
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
    pub quality: f64,
    /// USD per 1,000 requests.
    pub cost_per_1000: f64,
}

impl ModelsReport {
    /// Of `rows x models` matrices: what the router expects, what the answers were worth, and what they cost in USD per
    /// request.
    pub(super) fn new(models: Vec<String>, predicted: &[f64], quality: &[f64], costs: &[f64]) -> Self {
        let width = models.len();
        let rows = quality.len() / width;
        let mean = |values: &[f64], model: usize| {
            values.iter().skip(model).step_by(width).sum::<f64>() / rows as f64
        };
        let mean_costs: Vec<f64> = (0..width).map(|model| 1000.0 * mean(costs, model)).collect();
        let chosen = |weight: Option<f64>, choose: &dyn Fn(usize) -> usize| {
            let places = (0..rows).map(|row| row * width + choose(row));
            let (mut worth, mut cost) = (0.0, 0.0);
            for place in places {
                worth += quality[place];
                cost += 1000.0 * costs[place];
            }
            TradeOff { weight, model: None, quality: worth / rows as f64, cost_per_1000: cost / rows as f64 }
        };
        let dearest = mean_costs.iter().copied().fold(0.0, f64::max);
        // From where cost hardly counts to where hardly anything else does.
        let weight = |step: i32| libm::pow(10.0, f64::from(step) / f64::from(WEIGHTS) * 7.0 - 3.0) / dearest;
        let weights = (0..=WEIGHTS).map(weight).filter(|weight| weight.is_finite());
        let curve: Vec<TradeOff> = [0.0]
            .into_iter()
            .chain(weights)
            .map(|weight| {
                let worth =
                    |row: usize, model: usize| predicted[row * width + model] - weight * mean_costs[model];
                chosen(Some(weight), &|row| best(width, |model| (worth(row, model), mean_costs[model])))
            })
            .collect();
        let oracle = chosen(None, &|row| {
            best(width, |model| (quality[row * width + model], costs[row * width + model]))
        });
        let single = best(width, |model| (mean(quality, model), mean_costs[model]));
        let best_single = TradeOff { model: Some(models[single].clone()), ..chosen(None, &|_| single) };
        let points: Vec<(f64, f64)> =
            curve.iter().map(|point| (point.cost_per_1000, point.quality)).collect();
        let hull = hull(&points);
        let cheapest = mean_costs.iter().copied().fold(f64::INFINITY, f64::min);
        Self { aiq: aiq(&hull, cheapest, dearest), models, curve, hull, best_single, oracle }
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
        let report = ModelsReport::new(models, &quality, &quality, &costs);
        assert_eq!((report.best_single.model.as_deref(), report.best_single.quality), (Some("cheap"), 0.75));
        assert_eq!((report.oracle.quality, report.oracle.cost_per_1000), (1.0, (10.0 + 3.0) / 4.0));
        // What expects the truth chooses as the oracle does, and at last the cheapest for all.
        assert_eq!((report.curve[0].quality, report.curve[0].cost_per_1000), (1.0, 13.0 / 4.0));
        let last = report.curve.last().unwrap();
        assert!((last.quality - 0.75).abs() < 1e-12 && (last.cost_per_1000 - 1.0).abs() < 1e-12);
        assert!(report.curve.windows(2).all(|pair| pair[1].cost_per_1000 <= pair[0].cost_per_1000 + 1e-12));
        assert!(report.aiq.unwrap() > 0.75);
    }
}
