//! Budgets: the cost weight with which the calibration sample stays within one.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Inner;
use super::candidates::{Left, Tokens};
use crate::calibrate::CandidateScores;
use crate::choice::{Choice, LARGEST_WEIGHT, Rated, smallest_weight};
use crate::{Error, Result};

/// Weights that are kept; a program that asks for ever new budgets starts over.
const KEPT: usize = 256;

/// What a weight depends on: the budget, the tokens of answers, those of requests where the sample does not know them, and who
/// is left.
type Key = (u64, u64, Option<u64>, Vec<bool>);

/// The sample of a router, and the weights that were found on it. No lock is held anywhere: a forked child goes on.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    sample: Option<Arc<CandidateScores>>,
    weights: ArcSwap<HashMap<Key, f64>>,
}

impl Budgets {
    pub(super) fn new(sample: Option<CandidateScores>) -> Self {
        Self { sample: sample.map(Arc::new), weights: ArcSwap::default() }
    }

    /// On the same sample, of a router that takes the place of another one.
    pub(super) fn again(&self) -> Self {
        Self { sample: self.sample.clone(), weights: ArcSwap::default() }
    }
}

impl Inner {
    /// The weight of a budget in USD per 1,000 requests.
    ///
    /// # Errors
    /// `InvalidArgument` if the artifact has no sample with the scores of its candidates, or even the cheapest of them exceed
    /// the budget.
    pub(super) fn weight_of_budget(&self, budget: f64, left: Option<&Left>, tokens: &Tokens) -> Result<f64> {
        let Some(sample) = &self.budgets.sample else {
            return Err(Error::invalid_argument(
                "this router has no calibration sample with the scores of its candidates, on which a budget could be met: pass \
                 cost_weight",
            ));
        };
        let given = if sample.tokens().is_some() { None } else { tokens.given() };
        if sample.tokens().is_none() && given.is_none() {
            return Err(Error::invalid_argument(
                "this artifact does not know how long the prompts of its calibration sample are: pass input_tokens, or \
                 cost_weight instead of budget",
            ));
        }
        let who: Vec<bool> =
            (0..self.models.len()).map(|index| left.is_none_or(|left| left.has(index))).collect();
        let key = (budget.to_bits(), tokens.output.to_bits(), given, who);
        if let Some(weight) = self.budgets.weights.load().get(&key) {
            return Ok(*weight);
        }
        let rows = self.rated_sample(sample, given, left, tokens.output);
        let mean = |weight: f64| mean_cost(&rows, weight);
        let weight = smallest_weight(budget, mean).ok_or_else(|| {
            Error::invalid_argument(format!(
                "budget is {budget} USD per 1,000 requests, and on the calibration sample even the cheapest candidates cost {}",
                mean(LARGEST_WEIGHT)
            ))
        })?;
        self.budgets.weights.rcu(|known| {
            let mut weights = if known.len() < KEPT { HashMap::clone(known) } else { HashMap::new() };
            weights.insert(key.clone(), weight);
            Arc::new(weights)
        });
        Ok(weight)
    }

    /// The candidates that may be chosen for each prompt of the sample. A prompt that nobody reads is left out.
    fn rated_sample(
        &self,
        sample: &CandidateScores,
        given: Option<u64>,
        left: Option<&Left>,
        output: f64,
    ) -> Vec<Vec<Rated>> {
        let row = |(i, scores): (usize, &[f64])| {
            let input = sample.tokens().map_or(given.unwrap_or(1) as f64, |tokens| tokens[i]);
            let qualities = self.qualities(scores);
            let rated = |index: usize| Rated {
                index,
                quality: qualities[index],
                cost: self.cost_of_thousand(index, input, output),
            };
            let may = |index: &usize| self.may_choose(*index, left, Some(input as u64));
            (0..self.models.len()).filter(may).map(rated).collect::<Vec<_>>()
        };
        sample.rows().enumerate().map(row).filter(|row| !row.is_empty()).collect()
    }
}

/// What a request of the sample costs on average, in USD per 1,000 requests.
fn mean_cost(rows: &[Vec<Rated>], weight: f64) -> f64 {
    let choice = Choice::CostWeight(weight);
    let costs = rows.iter().filter_map(|row| choice.choose(row.iter().copied())).map(|chosen| chosen.cost);
    costs.sum::<f64>() / rows.len().max(1) as f64
}
