//! What one query's votes say about the models.

use std::sync::Arc;

use super::groups::{Group, GroupSum, Mode};
use super::strengths::Solvable;
use crate::error::{Error, Result};
use crate::preference::ModelIndex;
use crate::preference::bradley_terry::{MEAN, POINTS};

/// What all scores of a model share.
#[derive(Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) models: ModelIndex,
    /// The tier of each model.
    pub(crate) tiers: Vec<usize>,
    pub(crate) tier_count: usize,
    pub(crate) groups: Vec<Group>,
    pub(crate) exact: Solvable,
    pub(crate) reference: Solvable,
}

impl Layout {
    pub(crate) fn solvable(&self, mode: Mode) -> &Solvable {
        match mode {
            Mode::Exact => &self.exact,
            Mode::Reference => &self.reference,
        }
    }

    /// Refuses a pair that no score can compare.
    pub(crate) fn check_pair(&self, strong: usize, weak: usize, mode: Mode) -> Result<()> {
        let names = self.models.names();
        let n = names.len();
        if strong >= n || weak >= n {
            return Err(Error::invalid_argument(format!("model number {} of {n} models", strong.max(weak))));
        }
        if strong == weak {
            return Err(Error::invalid_argument(format!(
                "a pair needs two models, got {:?} twice",
                names[strong]
            )));
        }
        let (s, w) = (self.tiers[strong], self.tiers[weak]);
        let set_of = &self.solvable(mode).set_of;
        if s != w && (set_of[s].is_none() || set_of[s] != set_of[w]) {
            return Err(Error::invalid_argument(format!(
                "{:?} (tier {s}) and {:?} (tier {w}) cannot be compared: between their tiers, not even through \
                 others, there are no votes won both ways; use fewer tiers or more votes",
                names[strong], names[weak]
            )));
        }
        Ok(())
    }
}

/// A similarity as it is told: rounding, and what a compressed store adds, put some beyond 1. Weights are made of what was
/// computed.
pub(crate) fn cosine(computed: f64) -> f64 {
    computed.clamp(-1.0, 1.0)
}

/// The root of a variance that rounding may have made a little negative. An unknown one stays unknown: `max` alone
/// would turn NaN into 0, a claim of certainty.
pub(crate) fn deviation(variance: f64) -> f64 {
    if variance.is_nan() { variance } else { variance.max(0.0).sqrt() }
}

/// How much of a clustered store a score has read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Reach {
    /// Clusters whose votes were read one by one.
    pub probed_clusters: usize,
    /// Votes that were read one by one.
    pub probed_votes: usize,
    /// Estimated standard deviation of the error, in win rate, that reading every vote would remove: the
    /// largest over all pairs of tiers. It does not cover a nearest vote that was not read, on which all weights
    /// depend a little. 0 when everything was read; `None` where it was not asked for or is not known.
    pub error: Option<f64>,
}

/// The score of one query: ratings of all tiers, and so the win rate of any pair of models.
#[derive(Debug, Clone)]
pub struct SwScore {
    pub(crate) layout: Arc<Layout>,
    pub(crate) mode: Mode,
    /// As it was computed.
    pub(crate) similarity: f64,
    pub(crate) flat: bool,
    pub(crate) strengths: Vec<f64>,
    pub(crate) sums: Vec<GroupSum>,
    pub(crate) reach: Option<Reach>,
}

impl SwScore {
    /// Largest cosine similarity of the query to any vote: the paper's measure of how far a prompt is from
    /// the training data. A compressed store knows it up to its precision. Of a clustered store it is the largest
    /// over the probed votes (a lower bound) unless [`ScoreOptions::sure_similarity`] asks for more.
    ///
    /// [`ScoreOptions::sure_similarity`]: crate::scorer::sw_ranking::ScoreOptions::sure_similarity
    pub fn similarity(&self) -> f64 {
        cosine(self.similarity)
    }

    /// Whether no vote has a positive similarity. In `exact` mode all votes then weigh the same.
    pub fn out_of_distribution(&self) -> bool {
        self.flat || self.similarity <= 0.0
    }

    /// Probability that model number `strong` wins against model number `weak` on this query (two models of
    /// one tier: one half).
    ///
    /// # Errors
    /// `InvalidArgument` for a number that is no model's, the same model twice, or two models whose tiers
    /// the votes do not connect.
    pub fn win_rate(&self, strong: usize, weak: usize) -> Result<f64> {
        self.layout.check_pair(strong, weak, self.mode)?;
        let (s, w) = (self.layout.tiers[strong], self.layout.tiers[weak]);
        if s == w {
            return Ok(0.5);
        }
        Ok(crate::numeric::sigmoid(self.strengths[s] - self.strengths[w]))
    }

    /// Win rates of each candidate against `baseline`, from the same pass; one half against itself.
    ///
    /// # Errors
    /// As [`Self::win_rate`].
    pub fn win_rates(&self, candidates: &[usize], baseline: usize) -> Result<Vec<f64>> {
        candidates
            .iter()
            .map(|c| if *c == baseline { Ok(0.5) } else { self.win_rate(*c, baseline) })
            .collect()
    }

    /// Strengths of the tiers: the win rate of two is the sigmoid of their difference, to the bit.
    pub(crate) fn strengths(&self) -> &[f64] {
        &self.strengths
    }

    /// Ratings of the tiers on the Elo scale (`400 c + 1000` in the reference); NaN for a tier without votes.
    /// In `exact` mode their mean is 1000.
    pub fn tier_ratings(&self) -> Vec<f64> {
        self.strengths.iter().map(|e| MEAN + POINTS * e).collect()
    }

    /// Rating of a model: that of its tier.
    ///
    /// # Panics
    /// If there is no model with this number.
    pub fn rating(&self, model: usize) -> f64 {
        MEAN + POINTS * self.strengths[self.layout.tiers[model]]
    }

    /// Covariance of the tiers' ratings (`tiers x tiers`, squared Elo points), as votes of these weights
    /// determine them: the sandwich estimate `I^-1 (sum w^2 g g') I^-1`, which does not depend on the scale
    /// of the weights.
    pub fn covariance(&self) -> Vec<f64> {
        let squares: Vec<f64> = self.sums.iter().map(|s| s.square).collect();
        let solvable = self.layout.solvable(self.mode);
        let mut c = solvable.covariance(&self.layout.groups, &self.sums, &self.strengths, &squares);
        for c in &mut c {
            *c *= POINTS * POINTS;
        }
        c
    }

    /// Standard error of each tier's rating, in Elo points, against the mean of the tiers; NaN where the votes do not
    /// determine it.
    pub fn standard_errors(&self) -> Vec<f64> {
        let t = self.layout.tier_count;
        let c = self.covariance();
        (0..t).map(|i| deviation(c[i * t + i])).collect()
    }

    /// Standard error of [`Self::win_rate`]; NaN if the votes do not determine it.
    ///
    /// # Errors
    /// As [`Self::win_rate`].
    pub fn win_rate_error(&self, strong: usize, weak: usize) -> Result<f64> {
        let p = self.win_rate(strong, weak)?;
        let (t, c) = (self.layout.tier_count, self.covariance());
        let (s, w) = (self.layout.tiers[strong], self.layout.tiers[weak]);
        if s == w {
            return Ok(0.0);
        }
        let variance = c[s * t + s] + c[w * t + w] - c[s * t + w] - c[w * t + s];
        Ok(p * (1.0 - p) * deviation(variance) / POINTS)
    }

    /// Sums of the weights per group, up to a common factor: what the ratings were computed from.
    pub fn sums(&self) -> &[GroupSum] {
        &self.sums
    }

    /// What was read of a clustered store; `None` for the other stores, which read every vote.
    pub fn reach(&self) -> Option<Reach> {
        self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variance_stays_unknown() {
        assert!(deviation(f64::NAN).is_nan());
        assert_eq!((deviation(-1e-18), deviation(4.0)), (0.0, 2.0));
    }
}
