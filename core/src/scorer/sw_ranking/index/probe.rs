//! Probing a clustered store: which clusters' votes are read one by one, and what they take out of the expansion of
//! all others.

use super::clustered::{Clusters, Expansion, INDEX_KIND};
use crate::error::{Error, Result};
use crate::numeric::{dispatch, exp};
use crate::scorer::sw_ranking::model::{ScoreOptions, Scratch, SwModel};
use crate::scorer::sw_ranking::solve::groups::{Group, GroupSum};
use crate::scorer::sw_ranking::solve::score::SwScore;
use crate::scorer::sw_ranking::store::rows::RowQuery;

/// How many votes of a clustered store are read one by one. The other stores always read every vote.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Probe {
    /// The nearest clusters, until they have the number of votes that the artifact names.
    #[default]
    Default,
    /// This many of the nearest clusters (at least one).
    Clusters(usize),
    /// The nearest clusters until the estimated error of every win rate is at most this.
    Error(f64),
    /// Everything: the answer of the store without clusters, to the bit.
    All,
}

/// Most clusters that are probed by default.
const MOST_PROBED: usize = 128;

/// What the probed votes say of their groups.
pub(super) struct Probed {
    /// Their weights, by group.
    pub(super) sums: Vec<GroupSum>,
    /// Votes of each group that were not probed.
    pub(super) left: Vec<f64>,
    /// Sum of the squared `q.r` of the probed votes.
    pub(super) seen: f64,
}

#[inline(always)]
fn vote_weights_body(similarities: &[f32], slope: f64, shift: f64, out: &mut [f64]) {
    for (out, s) in out.iter_mut().zip(similarities) {
        *out = exp(slope * f64::from(*s) - shift);
    }
}

dispatch! {
    /// Weight of each probed vote.
    fn vote_weights(similarities: &[f32], slope: f64, shift: f64, out: &mut [f64]) -> () = vote_weights_body
}

impl Clusters {
    /// Scores a query of unit length.
    pub(crate) fn score(
        &self,
        model: &SwModel,
        unit: &[f32],
        options: &ScoreOptions,
        scratch: &mut Scratch,
    ) -> Result<SwScore> {
        let query = self.centroids.query(unit);
        let row_query = if model.rows.kind == INDEX_KIND { query.clone() } else { model.rows.query(unit) };
        let products = self.products(&query, options.mode);
        let near = &products.near;
        let nearer = |i: &u32, j: &u32| near[*j as usize].total_cmp(&near[*i as usize]).then(i.cmp(j));
        let mut order: Vec<u32> = (0..near.len() as u32).collect();
        let mut probed = self.choose(options.probe, &mut order, nearer)?;
        loop {
            if probed >= self.count() {
                return model.score(unit, &ScoreOptions { probe: Probe::All, ..*options }, scratch);
            }
            let mut score =
                self.score_probed(model, unit, &order[..probed], &row_query, &products, options, scratch)?;
            if let Probe::Error(target) = options.probe
                && score.reach.and_then(|reach| reach.error).is_none_or(|error| error > target)
            {
                probed = (2 * probed).min(self.count());
                order.sort_unstable_by(nearer);
                continue;
            }
            if options.sure_similarity.is_some_and(|sure| score.similarity < sure) {
                score.similarity = model.largest_similarity(unit, options.threads, scratch);
            }
            return Ok(score);
        }
    }

    /// How many clusters are probed first; puts as many of the nearest to the front of `order`, the nearest first.
    fn choose(
        &self,
        probe: Probe,
        order: &mut [u32],
        nearer: impl Fn(&u32, &u32) -> std::cmp::Ordering,
    ) -> Result<usize> {
        match probe {
            Probe::Clusters(n) => {
                order.sort_unstable_by(nearer);
                return Ok(n.clamp(1, self.count()));
            }
            Probe::Error(target) if target.is_nan() || target <= 0.0 => {
                return Err(Error::invalid_argument(format!(
                    "error target is {target}, expected a positive number"
                )));
            }
            _ => {}
        }
        // Few are probed by default: a partial selection is enough to find them.
        let most = self.probe_votes.min(MOST_PROBED).min(self.count());
        if most < order.len() {
            order.select_nth_unstable_by(most, &nearer);
        }
        order[..most].sort_unstable_by(nearer);
        let mut votes = 0;
        let enough = order[..most].iter().position(|c| {
            votes += self.range(*c as usize).len();
            votes >= self.probe_votes
        });
        Ok(enough.map_or(most, |last| last + 1))
    }

    /// The similarities of the votes of the `probed` clusters, cluster by cluster.
    pub(super) fn read_votes<'s>(
        &self,
        model: &SwModel,
        probed: &[u32],
        query: &RowQuery,
        scratch: &'s mut Scratch,
    ) -> &'s [f32] {
        let votes: usize = probed.iter().map(|c| self.range(*c as usize).len()).sum();
        if scratch.similarities.len() < votes {
            scratch.similarities.resize(votes, 0.0);
        }
        let mut filled = 0;
        for cluster in probed {
            let range = self.range(*cluster as usize);
            let out = &mut scratch.similarities[filled..filled + range.len()];
            filled += range.len();
            model.rows.scan(range.start, std::slice::from_ref(query), &mut [out]);
        }
        &scratch.similarities[..votes]
    }

    /// Sums the weights of the votes of the `probed` clusters, and takes those votes out of both orders of the
    /// expansion. `near` are the clusters' `q.c`, `shift` what is taken from the logarithm of every weight.
    pub(super) fn take_out(
        &self,
        groups: &[Group],
        probed: &[u32],
        similarities: &[f32],
        near: &[f32],
        shift: f64,
        expansion: &mut Expansion,
    ) -> Probed {
        let (a, half_square, relative) = (expansion.slope, expansion.half_square, expansion.relative);
        let fit = expansion.fit.as_slice();
        let (first, second) = (expansion.first.as_mut_slice(), expansion.second.as_mut_slice());
        let mut weights = vec![0.0; similarities.len()];
        vote_weights(similarities, a, shift, &mut weights);
        let mut sums = vec![GroupSum::default(); groups.len()];
        let mut left: Vec<f64> = groups.iter().map(|g| f64::from(g.votes)).collect();
        let mut at = 0;
        let mut seen = 0.0;
        for (cluster, fitted) in probed.iter().map(|c| *c as usize).zip(&expansion.fit_probed) {
            let fitted_0 = fit[0] * f64::from(self.profiles.floats()[cluster * fit.len()]);
            let expected = relative * f64::from(self.spread.floats()[cluster]);
            for group in &self.derived.group_of[self.range(cluster)] {
                let group = usize::from(*group);
                let (weight, residual) =
                    (weights[at], f64::from(similarities[at]) - f64::from(near[cluster]));
                at += 1;
                sums[group].weight += weight;
                sums[group].square += weight * weight;
                left[group] -= 1.0;
                first[group] -= a * fitted * residual;
                second[group] -= half_square * fitted_0 * (residual * residual - expected);
                seen += residual * residual;
            }
        }
        Probed { sums, left, seen }
    }
}
