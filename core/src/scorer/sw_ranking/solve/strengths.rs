//! From group sums to the ratings of the tiers.

#![allow(clippy::needless_range_loop, reason = "indices are those of the matrices in the formulas")]

use super::groups::{Group, GroupSum, Mode};
use crate::error::Result;
use crate::preference::newton::{self, Buffers, Duels};

/// Which tiers can be rated against each other in one mode.
///
/// A finite maximum of the likelihood exists within a strongly connected set of tiers (each beats each, if
/// only through others). Votes between two such sets push them apart without end, and in that limit say
/// nothing about the ratings inside a set, so each set is solved alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solvable {
    tiers: usize,
    mode: Mode,
    /// Sets of at least two tiers (or of one and the anchor), with whether the anchor is among them.
    sets: Vec<(Vec<usize>, bool)>,
    /// The set of each tier.
    pub(crate) set_of: Vec<Option<usize>>,
    /// Strengths at equal weights, where the solves begin.
    start: Vec<f64>,
}

impl Solvable {
    pub(crate) fn new(tiers: usize, groups: &[Group], mode: Mode) -> Result<Self> {
        let mut edges = vec![false; (tiers + 1) * (tiers + 1)];
        for group in groups.iter().filter(|g| g.votes > 0) {
            let (first, second) = ends(group, tiers);
            if group.inside_tier() && mode == Mode::Exact {
                continue;
            }
            edges[first * (tiers + 1) + second] |= group.first_wins() > 0.0;
            edges[second * (tiers + 1) + first] |= group.first_wins() < 1.0;
        }
        let component = newton::strong_components(tiers + 1, |i, j| edges[i * (tiers + 1) + j]);
        let mut sets = Vec::new();
        let mut set_of = vec![None; tiers];
        for c in 0..=tiers {
            let members: Vec<usize> = (0..tiers).filter(|t| component[*t] == c).collect();
            let anchored = component[tiers] == c;
            if members.len() + usize::from(anchored) >= 2 {
                for member in &members {
                    set_of[*member] = Some(sets.len());
                }
                sets.push((members, anchored));
            }
        }
        let mut solvable = Self { tiers, mode, sets, set_of, start: vec![0.0; tiers] };
        let equal: Vec<GroupSum> = groups
            .iter()
            .map(|g| GroupSum { weight: f64::from(g.votes), square: f64::from(g.votes) })
            .collect();
        solvable.start = solvable.solve(groups, &equal)?;
        Ok(solvable)
    }

    /// The strengths of the tiers, in natural units; NaN for a tier that no set has.
    pub(crate) fn solve(&self, groups: &[Group], sums: &[GroupSum]) -> Result<Vec<f64>> {
        let problem = Problem::new(self, groups, sums);
        let mut strengths = vec![f64::NAN; self.tiers];
        let mut buffers = Buffers::default();
        for (members, anchored) in &self.sets {
            let part = problem.part(members, *anchored);
            let mut e: Vec<f64> = members.iter().map(|t| self.start[*t]).collect();
            newton::maximize(&part.duels(), &mut e, &mut buffers)?;
            for (tier, e) in members.iter().zip(e) {
                strengths[*tier] = e;
            }
        }
        Ok(strengths)
    }

    /// Covariance (`tiers x tiers`, natural units) of the strengths when the sum of each group varies
    /// independently as if by votes: `variances[g]` is the sum of the squared weights for the sampling of
    /// votes (the sandwich estimate), or the variance of the group's sum for an error of computation.
    /// NaN where a tier has no strength.
    pub(crate) fn covariance(
        &self,
        groups: &[Group],
        sums: &[GroupSum],
        strengths: &[f64],
        variances: &[f64],
    ) -> Vec<f64> {
        let t = self.tiers;
        let problem = Problem::new(self, groups, sums);
        let mut out = vec![f64::NAN; t * t];
        for (members, anchored) in &self.sets {
            let n = members.len();
            let part = problem.part(members, *anchored);
            let e: Vec<f64> = members.iter().map(|m| strengths[*m]).collect();
            let Some(inverse) = newton::covariance(&part.duels(), &e) else { continue };
            // The score of a vote is (y - p) along e_first - e_second.
            let mut meat = vec![0.0; n * n];
            for (group, variance) in groups.iter().zip(variances) {
                let (first, second) = ends(group, t);
                let i = members.iter().position(|m| *m == first);
                let j = members.iter().position(|m| *m == second);
                let used = match (i, j) {
                    (Some(_), Some(_)) => true,
                    (None, Some(_)) => group.inside_tier() && *anchored && self.mode == Mode::Reference,
                    _ => false,
                };
                if !used {
                    continue;
                }
                let strength = |k: Option<usize>| k.map_or(0.0, |k| e[k]);
                let residual = group.first_wins() - crate::numeric::sigmoid(strength(i) - strength(j));
                let v = variance * residual * residual;
                for (a, sign_a) in [(i, 1.0), (j, -1.0)] {
                    for (b, sign_b) in [(i, 1.0), (j, -1.0)] {
                        if let (Some(a), Some(b)) = (a, b) {
                            meat[a * n + b] += sign_a * sign_b * v;
                        }
                    }
                }
            }
            let c = product(&product(&inverse, &meat, n), &inverse, n);
            for (i, a) in members.iter().enumerate() {
                for (j, b) in members.iter().enumerate() {
                    out[a * t + b] = c[i * n + j];
                }
            }
        }
        out
    }
}

/// The two sides of a group. Inside a tier the reference makes it a duel between an anchor, which wins if
/// `model_a` did, and the tier.
fn ends(group: &Group, anchor: usize) -> (usize, usize) {
    if group.inside_tier() {
        (anchor, usize::from(group.second))
    } else {
        (usize::from(group.first), usize::from(group.second))
    }
}

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for i in 0..n {
        for k in 0..n {
            for j in 0..n {
                out[i * n + j] += a[i * n + k] * b[k * n + j];
            }
        }
    }
    out
}

/// Wins between tiers, and with the anchor.
struct Problem {
    tiers: usize,
    wins: Vec<f64>,
    anchor_wins: Vec<f64>,
    anchor_losses: Vec<f64>,
}

struct Part {
    n: usize,
    wins: Vec<f64>,
    anchor: Option<(Vec<f64>, Vec<f64>)>,
}

impl Part {
    fn duels(&self) -> Duels<'_> {
        Duels { n: self.n, wins: &self.wins, anchor: self.anchor.as_ref().map(|(w, l)| (&w[..], &l[..])) }
    }
}

impl Problem {
    fn new(solvable: &Solvable, groups: &[Group], sums: &[GroupSum]) -> Self {
        let tiers = solvable.tiers;
        let mut problem = Self {
            tiers,
            wins: vec![0.0; tiers * tiers],
            anchor_wins: vec![0.0; tiers],
            anchor_losses: vec![0.0; tiers],
        };
        for (group, sum) in groups.iter().zip(sums) {
            let (i, j) = (usize::from(group.first), usize::from(group.second));
            let won = sum.weight * group.first_wins();
            let lost = sum.weight - won;
            if i != j {
                problem.wins[i * tiers + j] += won;
                problem.wins[j * tiers + i] += lost;
            } else if solvable.mode == Mode::Reference {
                problem.anchor_losses[i] += won;
                problem.anchor_wins[i] += lost;
            }
        }
        problem
    }

    fn part(&self, members: &[usize], anchored: bool) -> Part {
        let mut wins = Vec::with_capacity(members.len() * members.len());
        for i in members {
            wins.extend(members.iter().map(|j| self.wins[i * self.tiers + j]));
        }
        let take = |from: &[f64]| members.iter().map(|i| from[*i]).collect::<Vec<f64>>();
        let anchor = anchored.then(|| (take(&self.anchor_wins), take(&self.anchor_losses)));
        Part { n: members.len(), wins, anchor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(first: u16, second: u16, outcome: u8) -> Group {
        Group { first, second, outcome, votes: 5 }
    }

    #[test]
    fn sets_without_wins_both_ways_are_solved_apart() {
        // 0 and 1 tie, 2 and 3 tie, and 1 always beats 2; 4 meets nobody.
        let groups = [group(0, 1, 2), group(1, 2, 0), group(2, 3, 2)];
        let solvable = Solvable::new(5, &groups, Mode::Exact).unwrap();
        assert_eq!(solvable.set_of[0], solvable.set_of[1]);
        assert_eq!(solvable.set_of[2], solvable.set_of[3]);
        assert!(solvable.set_of[1] != solvable.set_of[2] && solvable.set_of[4].is_none());
        assert!(solvable.start[4].is_nan() && solvable.start[0] == 0.0);
    }

    #[test]
    fn votes_inside_a_tier_count_in_reference_mode_only() {
        let groups = [group(0, 0, 0), group(0, 0, 1), group(0, 1, 0), group(0, 1, 1)];
        let sums: Vec<GroupSum> =
            [3.0, 1.0, 3.0, 1.0].map(|weight| GroupSum { weight, square: weight }).to_vec();
        let exact = Solvable::new(2, &groups, Mode::Exact).unwrap().solve(&groups, &sums).unwrap();
        assert!((exact[0] - exact[1] - 3.0_f64.ln()).abs() < 1e-12);
        assert!((exact[0] + exact[1]).abs() < 1e-12);
        // model_a won inside tier 0: the anchor (0) beat it 3 to 1.
        let reference = Solvable::new(2, &groups, Mode::Reference).unwrap().solve(&groups, &sums).unwrap();
        assert!((reference[0] + 3.0_f64.ln()).abs() < 1e-9, "{reference:?}");
    }

    #[test]
    fn the_sandwich_equals_the_inverse_information_for_equal_votes() {
        // 3 wins and 1 loss of weight 1: variance of the log odds 1/3 + 1/1.
        let groups = [
            Group { first: 0, second: 1, outcome: 0, votes: 3 },
            Group { first: 0, second: 1, outcome: 1, votes: 1 },
        ];
        let sums = [GroupSum { weight: 3.0, square: 3.0 }, GroupSum { weight: 1.0, square: 1.0 }];
        let solvable = Solvable::new(2, &groups, Mode::Exact).unwrap();
        let e = solvable.solve(&groups, &sums).unwrap();
        let c = solvable.covariance(&groups, &sums, &e, &[3.0, 1.0]);
        assert!((c[0] + c[3] - c[1] - c[2] - 4.0 / 3.0).abs() < 1e-9, "{c:?}");
    }
}
