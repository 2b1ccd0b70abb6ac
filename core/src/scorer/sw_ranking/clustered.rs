//! The clustered store: the sum of a group's weights over a cluster of votes is a property of the cluster.
//!
//! Votes lie cluster by cluster, in each cluster group by group. For a query the nearest clusters are
//! **opened**: their votes are read one by one, which also finds the largest similarity. Every other vote
//! `x` of cluster `c` weighs `exp(a q.x) = exp(a q.c) exp(a q.(x - c))`, and per coarse cluster and group
//! the second factor is replaced by `exp(a r + a^2 v (1 - 1/n) / 2)` with `r` the mean of `q.(x - c)`, which
//! one inner product with the sum of the residuals gives exactly, `v` the mean squared residual a dimension
//! and `n` the number of votes. The work is that of a thousand centroids and two thousand residuals however
//! many votes there are. What is left is the average of an error over a group: it shrinks as votes are
//! added, so this is a store for many votes.

use serde::{Deserialize, Serialize};

use super::exp::exp;
use super::groups::{Group, GroupSum, Weighting};
use super::model::{Open, ScoreOptions, Scratch, SwModel};
use super::rows::{RowQuery, Rows, StoreKind};
use super::score::{Reach, SwScore};
use super::section::Section;
use crate::error::{Error, Result};
use crate::kernel::dispatch;

/// Size of a clustered store's index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClusterMeta {
    /// Clusters of votes.
    pub clusters: usize,
    /// Clusters of clusters, over which residuals are summed.
    pub coarse: usize,
    /// [`Open::Default`] opens the nearest clusters until they have this many votes.
    pub open_votes: usize,
}

/// How the format of centroids and residuals is stored.
pub(crate) const INDEX_KIND: StoreKind = StoreKind::Int8;

/// The index over the votes of a clustered store.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    pub(crate) open_votes: usize,
    pub(crate) centroids: Rows,
    /// First stored vote of each cluster, and their number at the end.
    pub(crate) offsets: Section,
    /// Coarse cluster of each cluster, in rising order.
    pub(crate) coarse_of: Section,
    /// Per cluster the mean squared residual of a vote, divided by the dimension.
    pub(crate) spread: Section,
    /// Votes per cluster and group.
    pub(crate) counts: Section,
    /// Sums of residuals per coarse cluster and group.
    pub(crate) residuals: Rows,
    /// Per stored vote its position in the order of the groups.
    pub(crate) position: Section,
    /// Derived on opening: votes, and mean spread, per coarse cluster and group.
    pub(crate) coarse_counts: Vec<f64>,
    pub(crate) coarse_spread: Vec<f64>,
}

#[inline(always)]
fn add_scaled_body(sums: &mut [f64], scale: f64, counts: &[f32]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += scale * f64::from(*count);
    }
}

dispatch! {
    /// `sums[g] += scale * counts[g]`
    fn add_scaled(sums: &mut [f64], scale: f64, counts: &[f32]) -> () = add_scaled_body
}

#[inline(always)]
fn block_sums_body(sums: &mut [f64], scales: &[f64], counts: &[f32]) {
    let width = sums.len();
    let mut fours = scales.chunks_exact(4);
    let mut tables = counts.chunks_exact(4 * width);
    for (s, table) in fours.by_ref().zip(tables.by_ref()) {
        let (a, rest) = table.split_at(width);
        let (b, rest) = rest.split_at(width);
        let (c, d) = rest.split_at(width);
        for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let ab = s[0] * f64::from(*a) + s[1] * f64::from(*b);
            *sum += ab + (s[2] * f64::from(*c) + s[3] * f64::from(*d));
        }
    }
    for (scale, counts) in fours.remainder().iter().zip(tables.remainder().chunks_exact(width)) {
        add_scaled_body(sums, *scale, counts);
    }
}

dispatch! {
    /// `sums[g] += sum over c of scales[c] * counts[c][g]`
    fn block_sums(sums: &mut [f64], scales: &[f64], counts: &[f32]) -> () = block_sums_body
}

#[inline(always)]
fn centroid_weights_body(near: &[f32], spread: &[f32], slope: f64, shift: f64, out: &mut [f64]) {
    for ((out, s), v) in out.iter_mut().zip(near).zip(spread) {
        *out = exp(slope * f64::from(*s) + 0.5 * slope * slope * f64::from(*v) - shift);
    }
}

dispatch! {
    /// Mean weight of the votes of each cluster: `exp(a q.c + a^2 v / 2 - shift)`.
    fn centroid_weights(near: &[f32], spread: &[f32], slope: f64, shift: f64, out: &mut [f64]) -> ()
        = centroid_weights_body
}

#[inline(always)]
fn correct_body(base: &mut [f64], residuals: &[f64], counts: &[f64], slope: f64, spread: f64) {
    for ((base, r), n) in base.iter_mut().zip(residuals).zip(counts) {
        let known = *n > 0.5;
        let n = if known { *n } else { 1.0 };
        let factor = exp((slope * r - 0.5 * slope * slope * spread) / n);
        *base = if known { *base * factor } else { 0.0 };
    }
}

dispatch! {
    /// Multiplies each group's sum by `exp((a sum of residual products - a^2 v / 2) / n)`.
    fn correct(base: &mut [f64], residuals: &[f64], counts: &[f64], slope: f64, spread: f64) -> () = correct_body
}

impl Clusters {
    pub(crate) fn count(&self) -> usize {
        self.offsets.words().len() - 1
    }

    /// Fills what is derived from the stored tables.
    pub(crate) fn derive(&mut self, groups: usize) {
        let coarse = self.residuals.n / groups.max(1);
        self.coarse_counts = vec![0.0; coarse * groups];
        self.coarse_spread = vec![0.0; coarse];
        let mut votes = vec![0.0; coarse];
        for (cluster, c) in self.coarse_of.words().iter().enumerate() {
            let c = *c as usize;
            let counts = &self.counts.floats()[cluster * groups..(cluster + 1) * groups];
            add_scaled(&mut self.coarse_counts[c * groups..(c + 1) * groups], 1.0, counts);
            let offsets = &self.offsets.words()[cluster..cluster + 2];
            let n = f64::from(offsets[1] - offsets[0]);
            self.coarse_spread[c] += n * f64::from(self.spread.floats()[cluster]);
            votes[c] += n;
        }
        for (spread, votes) in self.coarse_spread.iter_mut().zip(votes) {
            *spread /= votes.max(1.0);
        }
    }

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
        let mut near = vec![0.0_f32; self.count()];
        self.centroids.scan_all(std::slice::from_ref(&query), &mut near, 1);
        let mut order: Vec<usize> = (0..near.len()).collect();
        let nearer = |i: &usize, j: &usize| near[*j].total_cmp(&near[*i]).then(i.cmp(j));
        let products = self.residual_products(&query);
        let mut opened = match options.open {
            Open::Clusters(n) => n.clamp(1, self.count()),
            Open::Error(target) if target.is_nan() || target <= 0.0 => {
                return Err(Error::invalid_argument(format!(
                    "error target is {target}, expected a positive number"
                )));
            }
            _ => 0,
        };
        if opened == 0 {
            // Few are opened by default: a partial selection is enough to find them.
            let most = self.open_votes.min(64).min(self.count());
            if most < order.len() {
                order.select_nth_unstable_by(most, nearer);
            }
            order[..most].sort_unstable_by(nearer);
            let mut votes = 0;
            opened = order[..most]
                .iter()
                .position(|c| {
                    votes += self.range(*c).len();
                    votes >= self.open_votes
                })
                .map_or(most, |last| last + 1);
        } else {
            order.sort_unstable_by(nearer);
        }
        loop {
            if opened >= self.count() {
                return model.score(unit, &ScoreOptions { open: Open::All, ..*options }, scratch);
            }
            let estimate = options.estimate_error || matches!(options.open, Open::Error(_));
            let score = self.score_opened(
                model,
                &near,
                &order[..opened],
                &row_query,
                &products,
                options,
                estimate,
                scratch,
            )?;
            match (options.open, score.reach.and_then(|r| r.error)) {
                (Open::Error(target), Some(error)) if error > target => {
                    opened = (2 * opened).min(self.count());
                    order.sort_unstable_by(nearer);
                }
                _ => return Ok(score),
            }
        }
    }

    fn range(&self, cluster: usize) -> std::ops::Range<usize> {
        let offsets = self.offsets.words();
        offsets[cluster] as usize..offsets[cluster + 1] as usize
    }

    fn residual_products(&self, query: &RowQuery) -> Vec<f32> {
        let mut products = vec![0.0; self.residuals.n];
        self.residuals.scan_all(std::slice::from_ref(query), &mut products, 1);
        products
    }

    /// Variance of a vote's weight, relative to the squared weight, that the sums of a coarse cluster leave
    /// open, for a variance `spread` of `a q.(x - c)`: the mean of that term is known and taken out, but not
    /// with which weights of the clusters it goes (their variance times `spread`), nor its square.
    fn unknown(&self, range: std::ops::Range<usize>, scales: &[f64], spread: f64) -> f64 {
        let (mut n, mut sum, mut square) = (0.0, 0.0, 0.0);
        for c in range.filter(|c| scales[*c] > 0.0) {
            let votes = self.range(c).len() as f64;
            n += votes;
            sum += votes * scales[c];
            square += votes * scales[c] * scales[c];
        }
        if n == 0.0 || sum == 0.0 {
            return 0.0;
        }
        spread * (n * square / (sum * sum) - 1.0).max(0.0) + spread * spread / 2.0
    }

    #[allow(clippy::too_many_arguments, reason = "one step of `score`, which owns all of these")]
    fn score_opened(
        &self,
        model: &SwModel,
        near: &[f32],
        opened: &[usize],
        query: &RowQuery,
        products: &[f32],
        options: &ScoreOptions,
        estimate: bool,
        scratch: &mut Scratch,
    ) -> Result<SwScore> {
        let groups = &model.layout.groups;
        let width = groups.len();
        let votes: usize = opened.iter().map(|c| self.range(*c).len()).sum();
        if scratch.similarities.len() < votes {
            scratch.similarities.resize(votes, 0.0);
        }
        let mut filled = 0;
        for cluster in opened {
            let range = self.range(*cluster);
            let out = &mut scratch.similarities[filled..filled + range.len()];
            filled += range.len();
            model.rows.scan(range.start, std::slice::from_ref(query), &mut [out]);
        }
        let similarities = &scratch.similarities[..votes];
        let max = f64::from(similarities.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let min = f64::from(near.iter().copied().fold(f32::INFINITY, f32::min));
        let weighting = Weighting::new(max, min, model.meta.weight_exponent, options.mode)?;
        let a = weighting.slope;

        // Opened votes one by one; what they contribute to the tables of their coarse cluster is taken out.
        let mut sums = vec![GroupSum::default(); width];
        let mut counts = self.coarse_counts.clone();
        let mut residuals: Vec<f64> = products.iter().map(|p| f64::from(*p)).collect();
        let mut at = 0;
        let mut seen = 0.0;
        for cluster in opened {
            let coarse = self.coarse_of.words()[*cluster] as usize * width;
            for (group, count) in
                self.counts.floats()[cluster * width..(cluster + 1) * width].iter().enumerate()
            {
                let count = *count as usize;
                if count == 0 {
                    continue;
                }
                let mine = &similarities[at..at + count];
                at += count;
                for s in mine {
                    let w = exp(a * f64::from(*s) - weighting.shift);
                    sums[group].weight += w;
                    sums[group].square += w * w;
                    let residual = f64::from(*s) - f64::from(near[*cluster]);
                    residuals[coarse + group] -= residual;
                    seen += residual * residual;
                }
                counts[coarse + group] -= count as f64;
            }
        }

        // All others by their clusters.
        let mut scales = vec![0.0; self.count()];
        centroid_weights(near, self.spread.floats(), a, weighting.shift, &mut scales);
        for cluster in opened {
            scales[*cluster] = 0.0;
        }
        // Embeddings do not vary alike in all directions: the opened votes show how much along the query.
        let seen = seen / (votes.max(1) as f64);
        let mut variances = vec![0.0; if estimate { width } else { 0 }];
        let mut first = 0;
        let mut base = vec![0.0; width];
        while first < self.count() {
            let coarse = self.coarse_of.words()[first] as usize;
            let last = first + self.coarse_of.words()[first..].partition_point(|c| *c as usize == coarse);
            let table = &self.counts.floats()[first * width..last * width];
            base.fill(0.0);
            block_sums(&mut base, &scales[first..last], table);
            let v = self.coarse_spread[coarse];
            let unknown =
                if estimate { self.unknown(first..last, &scales, a * a * v.max(seen)) } else { 0.0 };
            let table = coarse * width..(coarse + 1) * width;
            correct(&mut base, &residuals[table.clone()], &counts[table.clone()], a, v);
            for ((g, weight), n) in base.iter().enumerate().zip(&counts[table]) {
                if *n > 0.5 {
                    sums[g].weight += weight;
                    // As if the votes of a coarse cluster and group weighed alike.
                    let square = weight * weight / n;
                    sums[g].square += square;
                    if estimate {
                        variances[g] += square * unknown;
                    }
                }
            }
            first = last;
        }
        let reach = Reach { opened_clusters: opened.len(), opened_votes: votes, error: None };
        let mut score = model.finish(max, &weighting, sums, options.mode, Some(reach))?;
        if estimate {
            let error = largest_error(&score, &variances);
            score.reach = Some(Reach { error: Some(error), ..reach });
        }
        Ok(score)
    }
}

/// Largest standard deviation of a win rate between two tiers, for group sums with these variances.
fn largest_error(score: &SwScore, variances: &[f64]) -> f64 {
    let layout = &score.layout;
    let (t, e) = (layout.tier_count, &score.strengths);
    let c = layout.solvable(score.mode).covariance(&layout.groups, &score.sums, e, variances);
    let mut largest = 0.0_f64;
    for i in 0..t {
        for j in 0..i {
            let p = crate::kernel::sigmoid(e[i] - e[j]);
            let variance = c[i * t + i] + c[j * t + j] - c[i * t + j] - c[j * t + i];
            // NaN (tiers without votes between them) is passed over by `max`.
            largest = largest.max(p * (1.0 - p) * variance.max(0.0).sqrt());
        }
    }
    largest
}

/// The rows in the order of storage: cluster by cluster, in each group by group, then by cell and row.
pub(crate) fn storage_order(cluster_of: &[u32], group_of: &[u32], cell_of: &[u32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..cluster_of.len() as u32).collect();
    order.sort_by_key(|row| {
        let i = *row as usize;
        (cluster_of[i], group_of[i], cell_of[i], *row)
    });
    order
}

/// Votes per cluster and group.
pub(crate) fn count_table(
    clusters: usize,
    groups: &[Group],
    cluster_of: &[u32],
    group_of: &[u32],
) -> Vec<f32> {
    let mut counts = vec![0.0; clusters * groups.len()];
    for (cluster, group) in cluster_of.iter().zip(group_of) {
        counts[*cluster as usize * groups.len() + *group as usize] += 1.0;
    }
    counts
}
