//! Bradley-Terry ratings by Newton's method on a matrix of wins.
//!
//! Ratings are on the Elo scale of the reference (`compute_elo_mle_with_tie`): model `i` beats `j` with
//! probability `1 / (1 + 10^((r_j - r_i) / 400))`, and the mean rating of the models that meet is 1000. A
//! tie is half a win each way. The matrix of wins is a sufficient statistic, so a fit costs the same for a
//! thousand votes and for a million. The iteration ends when no rating moves by more than 2e-7 points; the
//! error that is then left is of the order of rounding.

use super::newton::{self, Buffers, Duels};
use super::votes::{ModelIndex, VoteTable, Winner};
use crate::error::{Error, Result};

/// Elo points per natural unit of strength: `400 / ln 10`.
pub const POINTS: f64 = 400.0 / std::f64::consts::LN_10;
/// The mean rating.
pub const MEAN: f64 = 1000.0;
/// The model that the reference gives a fixed rating, and the rating.
pub const ANCHOR: (&str, f64) = ("llama-2-70b-chat", 1082.0);

/// What becomes of a vote between a model and itself (or between two models of one tier).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelfBattles {
    /// It says nothing about differences and is left out (`exact` mode).
    Drop,
    /// As in the reference, where it becomes a row with the single feature `-ln 10`: a duel with an anchor
    /// of rating 1000, lost if `model_a` won and won if `model_b` did (`reference` mode).
    Anchor,
}

/// Weights of the wins between models: what the ratings depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct WinMatrix {
    names: Vec<String>,
    wins: Vec<f64>,
    anchor_wins: Vec<f64>,
    anchor_losses: Vec<f64>,
}

impl WinMatrix {
    /// An empty matrix over these models.
    pub fn new(models: &ModelIndex) -> Self {
        let n = models.len();
        Self {
            names: models.names().to_vec(),
            wins: vec![0.0; n * n],
            anchor_wins: vec![0.0; n],
            anchor_losses: vec![0.0; n],
        }
    }

    /// Sums votes given as (number of `model_a`, number of `model_b`, winner, weight).
    ///
    /// # Errors
    /// `InvalidArgument` for a number that is no model's, or a weight that is negative or not finite.
    pub fn from_votes(
        models: &ModelIndex,
        votes: impl IntoIterator<Item = (usize, usize, Winner, f64)>,
        self_battles: SelfBattles,
    ) -> Result<Self> {
        let mut matrix = Self::new(models);
        for (row, (a, b, winner, weight)) in votes.into_iter().enumerate() {
            matrix.add(a, b, winner, weight, self_battles).map_err(|e| e.context(format!("vote {row}")))?;
        }
        Ok(matrix)
    }

    /// Sums the votes of a table, each with weight 1.
    ///
    /// # Errors
    /// `InvalidArgument` for a model that `models` does not have.
    pub fn from_table(models: &ModelIndex, table: &VoteTable, self_battles: SelfBattles) -> Result<Self> {
        let mut matrix = Self::new(models);
        for vote in &table.votes {
            let (a, b) = (models.number(&vote.model_a)?, models.number(&vote.model_b)?);
            matrix.add(a, b, vote.winner, 1.0, self_battles)?;
        }
        Ok(matrix)
    }

    /// Adds one vote.
    ///
    /// # Errors
    /// `InvalidArgument` for a number that is no model's, or a weight that is negative or not finite.
    pub fn add(
        &mut self,
        a: usize,
        b: usize,
        winner: Winner,
        weight: f64,
        self_battles: SelfBattles,
    ) -> Result<()> {
        let n = self.names.len();
        if a >= n || b >= n {
            return Err(Error::invalid_argument(format!("model number {} of {n} models", a.max(b))));
        }
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::invalid_argument(format!(
                "weight is {weight}, expected a finite number >= 0"
            )));
        }
        let (win, loss) = match winner {
            Winner::ModelA => (weight, 0.0),
            Winner::ModelB => (0.0, weight),
            Winner::Tie => (weight / 2.0, weight / 2.0),
        };
        if a != b {
            self.wins[a * n + b] += win;
            self.wins[b * n + a] += loss;
        } else if self_battles == SelfBattles::Anchor {
            self.anchor_wins[a] += loss;
            self.anchor_losses[a] += win;
        }
        Ok(())
    }

    /// Weight with which model `i` beat model `j`.
    pub fn wins(&self, i: usize, j: usize) -> f64 {
        self.wins[i * self.names.len() + j]
    }
}

/// Ratings of models, on the Elo scale.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BradleyTerry {
    /// Names of the models, in the order of everything else here.
    pub models: Vec<String>,
    /// Rating of each model; NaN for a model without votes.
    pub ratings: Vec<f64>,
    /// Standard error of each rating against the mean of its component, for votes that each count as one
    /// observation: the square root of the diagonal of the inverse information. Infinite without votes.
    pub standard_errors: Vec<f64>,
    /// Models with the same number met, directly or through others; ratings compare within a component
    /// only. `None` for a model without votes.
    pub components: Vec<Option<usize>>,
    /// Newton steps of the longest solve.
    pub steps: u32,
}

impl BradleyTerry {
    /// Probability that model `i` beats model `j`.
    ///
    /// # Errors
    /// `InvalidArgument` if the two models never met, not even through others.
    pub fn win_rate(&self, i: usize, j: usize) -> Result<f64> {
        if self.components[i].is_none() || self.components[i] != self.components[j] {
            return Err(Error::invalid_argument(format!(
                "{:?} and {:?} never met in the votes, not even through other models",
                self.models[i], self.models[j]
            )));
        }
        Ok(crate::numeric::sigmoid((self.ratings[i] - self.ratings[j]) / POINTS))
    }

    /// Shifts all ratings so that `llama-2-70b-chat` has 1082, as the reference does where that model
    /// occurs. Win rates do not change.
    pub fn shift_to_anchor(&mut self) {
        if let Some(i) = self.models.iter().position(|name| name == ANCHOR.0) {
            let shift = ANCHOR.1 - self.ratings[i];
            if shift.is_finite() {
                for r in &mut self.ratings {
                    *r += shift;
                }
            }
        }
    }

    /// Numbers of the rated models, best first; equal ratings in the order of their numbers.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ratings.len()).filter(|i| !self.ratings[*i].is_nan()).collect();
        order.sort_by(|i, j| self.ratings[*j].total_cmp(&self.ratings[*i]));
        order
    }
}

/// Rates the models. `prior_ties` adds that many ties of every model with an anchor of rating 1000, which
/// makes every rating finite and comparable; 0 gives the maximum likelihood itself.
///
/// # Errors
/// `InvalidArgument` if a rating is unbounded, because some models never win (or never lose) against the
/// rest of their component: the message names them. Also for a negative prior.
pub fn fit(matrix: &WinMatrix, prior_ties: f64) -> Result<BradleyTerry> {
    let n = matrix.names.len();
    if !(prior_ties >= 0.0 && prior_ties.is_finite()) {
        return Err(Error::invalid_argument(format!(
            "prior_ties is {prior_ties}, expected a finite number >= 0"
        )));
    }
    let anchor_wins: Vec<f64> = matrix.anchor_wins.iter().map(|w| w + prior_ties / 2.0).collect();
    let anchor_losses: Vec<f64> = matrix.anchor_losses.iter().map(|w| w + prior_ties / 2.0).collect();
    // The anchor is node n.
    let edge = |i: usize, j: usize| match (i == n, j == n) {
        (false, false) => i != j && matrix.wins[i * n + j] > 0.0,
        (false, true) => anchor_wins[i] > 0.0,
        (true, false) => anchor_losses[j] > 0.0,
        (true, true) => false,
    };
    let weak = newton::strong_components(n + 1, |i, j| edge(i, j) || edge(j, i));
    let strong = newton::strong_components(n + 1, edge);
    let mut fit = BradleyTerry {
        models: matrix.names.clone(),
        ratings: vec![f64::NAN; n],
        standard_errors: vec![f64::INFINITY; n],
        components: vec![None; n],
        steps: 0,
    };
    let count = weak.iter().max().map_or(0, |m| m + 1);
    for component in 0..count {
        let members: Vec<usize> = (0..n).filter(|i| weak[*i] == component).collect();
        let has_anchor = weak[n] == component;
        if members.len() + usize::from(has_anchor) < 2 {
            continue;
        }
        refuse_unbounded(&fit.models, &members, has_anchor.then_some(n), &strong, &edge)?;
        let m = members.len();
        let mut wins = vec![0.0; m * m];
        for (i, a) in members.iter().enumerate() {
            for (j, b) in members.iter().enumerate() {
                wins[i * m + j] = matrix.wins[a * n + b];
            }
        }
        let take = |from: &[f64]| -> Vec<f64> { members.iter().map(|i| from[*i]).collect() };
        let (aw, al) = (take(&anchor_wins), take(&anchor_losses));
        let duels = Duels { n: m, wins: &wins, anchor: has_anchor.then_some((&aw[..], &al[..])) };
        let mut strengths = vec![0.0; m];
        let steps = newton::maximize(&duels, &mut strengths, &mut Buffers::default())?;
        let covariance = newton::covariance(&duels, &strengths);
        for (i, model) in members.iter().enumerate() {
            fit.ratings[*model] = MEAN + POINTS * strengths[i];
            fit.components[*model] = Some(component);
            if let Some(c) = &covariance {
                fit.standard_errors[*model] = POINTS * c[i * m + i].max(0.0).sqrt();
            }
        }
        fit.steps = fit.steps.max(steps);
    }
    Ok(fit)
}

fn refuse_unbounded(
    names: &[String],
    members: &[usize],
    anchor: Option<usize>,
    strong: &[usize],
    edge: &impl Fn(usize, usize) -> bool,
) -> Result<()> {
    let nodes: Vec<usize> = members.iter().copied().chain(anchor).collect();
    if nodes.iter().all(|i| strong[*i] == strong[nodes[0]]) {
        return Ok(());
    }
    // A group of models without an edge to the outside never wins there, without one from it never loses.
    let without = |inside_first: bool| -> Vec<&str> {
        let lacks = |group: usize| {
            !nodes.iter().any(|i| {
                strong[*i] == group
                    && nodes.iter().any(|j| {
                        strong[*j] != group && if inside_first { edge(*i, *j) } else { edge(*j, *i) }
                    })
            })
        };
        members.iter().filter(|i| lacks(strong[**i])).map(|i| names[*i].as_str()).collect()
    };
    Err(Error::invalid_argument(format!(
        "ratings are unbounded: against the other models, [{}] never win or tie and [{}] never lose or tie; \
         leave them out, add votes, or give prior ties",
        without(true).join(", "),
        without(false).join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(n: usize) -> ModelIndex {
        ModelIndex::new((0..n).map(|i| format!("m{i}"))).unwrap()
    }

    fn fit_votes(n: usize, votes: &[(usize, usize, Winner)], prior: f64) -> Result<BradleyTerry> {
        let votes = votes.iter().map(|(a, b, w)| (*a, *b, *w, 1.0));
        fit(&WinMatrix::from_votes(&index(n), votes, SelfBattles::Drop)?, prior)
    }

    #[test]
    fn three_wins_to_one() {
        use Winner::{ModelA, ModelB};
        let fit =
            fit_votes(2, &[(0, 1, ModelA), (0, 1, ModelA), (1, 0, ModelB), (0, 1, ModelB)], 0.0).unwrap();
        // The reference's edge case `three_to_one`.
        assert!((fit.ratings[0] - 1_095.424_250_943_932_5).abs() < 1e-9, "{:?}", fit.ratings);
        // The log odds of 3 to 1 have the variance 1/3 + 1/1; a rating is half of the difference.
        let expected = POINTS * (4.0_f64 / 3.0).sqrt() / 2.0;
        assert!((fit.standard_errors[0] - expected).abs() < 1e-9, "{:?}", fit.standard_errors);
        assert!((fit.win_rate(0, 1).unwrap() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn unbounded_ratings_name_the_models() {
        let votes = [(0, 1, Winner::ModelA), (1, 2, Winner::Tie)];
        let error = fit_votes(3, &votes, 0.0).unwrap_err();
        assert!(error.message().contains("[m1, m2] never win or tie and [m0] never lose or tie"), "{error}");
        let fit = fit_votes(3, &votes, 1.0).unwrap();
        assert!(fit.ratings[0] > fit.ratings[1] && fit.ratings.iter().all(|r| r.is_finite()));
    }

    #[test]
    fn models_that_never_meet_have_no_win_rate() {
        let votes = [(0, 1, Winner::Tie), (2, 3, Winner::Tie)];
        let fit = fit_votes(5, &votes, 0.0).unwrap();
        assert!(fit.win_rate(0, 2).unwrap_err().message().contains("never met"));
        assert!(fit.win_rate(4, 4).is_err());
        assert!(fit.ratings[4].is_nan() && fit.standard_errors[4].is_infinite());
        assert_eq!(fit.ratings[..4], [1000.0; 4]);
        assert_eq!(fit.order(), [0, 1, 2, 3]);
    }

    #[test]
    fn bad_weights_are_refused_with_the_row() {
        for weight in [-1.0, f64::NAN, f64::INFINITY] {
            let votes = [(0, 1, Winner::Tie, 1.0), (0, 1, Winner::Tie, weight)];
            let error = WinMatrix::from_votes(&index(2), votes, SelfBattles::Drop).unwrap_err();
            assert!(error.message().starts_with("vote 1: weight is"), "{error}");
        }
        assert!(WinMatrix::from_votes(&index(2), [(0, 2, Winner::Tie, 1.0)], SelfBattles::Drop).is_err());
    }

    /// Plain gradient ascent on the rows themselves: slow, and nothing to do with Newton or matrices.
    fn naive(n: usize, votes: &[(usize, usize, Winner, f64)]) -> Vec<f64> {
        let mut e = vec![0.0; n];
        let total: f64 = votes.iter().map(|v| v.3).sum();
        for _ in 0..20_000 {
            let mut g = vec![0.0; n];
            for (a, b, winner, weight) in votes {
                let p = 1.0 / (1.0 + f64::exp(e[*b] - e[*a]));
                let y = match winner {
                    Winner::ModelA => 1.0,
                    Winner::ModelB => 0.0,
                    Winner::Tie => 0.5,
                };
                g[*a] += weight * (y - p);
                g[*b] -= weight * (y - p);
            }
            for (e, g) in e.iter_mut().zip(&g) {
                *e += 2.0 * g / total;
            }
        }
        e
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn agrees_with_gradient_ascent(
            rows in prop::collection::vec((0..4usize, 0..3usize, 0..3u8, 0.2f64..3.), 1..30),
        ) {
            // A tie between every pair makes the maximum finite.
            let mut votes: Vec<_> = (0..4).flat_map(|i| (0..i).map(move |j| (i, j, Winner::Tie, 1.0))).collect();
            votes.extend(rows.iter().map(|(a, b, w, weight)| {
                (*a, if b >= a { b + 1 } else { *b }, Winner::from_code(*w).unwrap(), *weight)
            }));
            let matrix = WinMatrix::from_votes(&index(4), votes.iter().copied(), SelfBattles::Drop).unwrap();
            let fit = fit(&matrix, 0.0).unwrap();
            for (r, e) in fit.ratings.iter().zip(naive(4, &votes)) {
                prop_assert!((r - (MEAN + POINTS * e)).abs() < 1e-6, "{r} {}", MEAN + POINTS * e);
            }
        }
    }
}
