//! What the optimisation goes over.

use crate::preference::{Votes, Winner};

/// How likely one model's answer is the better one of two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Comparison {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) prompt: usize,
    /// P(the first model's answer is better).
    pub(super) target: f64,
    /// How much it counts.
    pub(super) weight: f64,
}

impl Comparison {
    /// The comparisons of votes. Ties without a target, and models against themselves, say nothing here. Weights come
    /// out with mean 1.
    pub(super) fn of(votes: &Votes) -> Vec<Self> {
        let of = |(row, ballot): (usize, &crate::preference::Ballot)| {
            let (first, second, target) = match (votes.targets(), ballot.winner) {
                (Some(targets), _) => (ballot.model_a, ballot.model_b, targets[row]),
                (None, Winner::ModelA) => (ballot.model_a, ballot.model_b, 1.0),
                (None, Winner::ModelB) => (ballot.model_b, ballot.model_a, 1.0),
                (None, Winner::Tie) => return None,
            };
            let weight = votes.weights().map_or(1.0, |weights| weights[row]);
            let comparison = Self { first, second, prompt: ballot.prompt, target, weight };
            (first != second && weight > 0.0).then_some(comparison)
        };
        let mut all: Vec<Self> = votes.ballots().iter().enumerate().filter_map(of).collect();
        let mean = all.iter().map(|comparison| comparison.weight).sum::<f64>() / all.len() as f64;
        for comparison in &mut all {
            comparison.weight /= mean;
        }
        all
    }

    /// The loss at a logit: the cross entropy of the target.
    pub(super) fn loss(&self, logit: f64) -> f64 {
        let softplus = |x: f64| {
            if x > 0.0 { x + libm::log1p(libm::exp(-x)) } else { libm::log1p(libm::exp(x)) }
        };
        self.weight * (self.target * softplus(-logit) + (1.0 - self.target) * softplus(logit))
    }

    /// The derivative of the loss by the logit.
    pub(super) fn slope(&self, logit: f64) -> f64 {
        // Of the smaller side, so that nothing is lost near a target of 1.
        self.weight
            * ((1.0 - self.target) * crate::numeric::sigmoid(logit)
                - self.target * crate::numeric::sigmoid(-logit))
    }
}
