//! The clustered store: the sum of a group's weights over a cluster of votes is a property of the cluster.
//!
//! Votes lie cluster by cluster, in each cluster group by group. For a query `q` the nearest clusters are
//! **probed** (`probe.rs`): their votes are read one by one, which also finds the largest similarity. Every other vote
//! `x = c + r` of cluster `c` weighs `exp(a q.x) = exp(a q.c) exp(a q.r)`, and the second factor is expanded:
//!
//! - `W_c = exp(a q.c + a^2 v_c / 2)` with `v_c` the mean of `(q.r)^2` over the cluster, as the pooled second
//!   moments of the residuals give it for this query. Its sum over the votes of a group is `base`.
//! - To first order, `a sum of W_c q.r`. The weights `W_c` of all clusters are close to a combination of a few
//!   fixed **profiles**, `W_c ~ sum of phi_j psi_j(c)`, so the sums `R_jg = sum over the group of psi_j(c) r`
//!   serve every query.
//! - To second order, `a^2 / 2 sum of W_c ((q.r)^2 - v_c)`, with the first profile for `W_c`, and `q.r` in the few
//!   directions in which residuals vary most: one row of **moments** a group, and the products of the query's
//!   coordinates two by two.
//!
//! The work is that of a thousand centroids, two thousand rows of residuals and a hundred rows of moments,
//! however many votes there are. What is left averages out over a group: it shrinks as votes are added, so
//! this is a store for many votes.

use serde::{Deserialize, Serialize};

use super::probe::{Probe, Probed};
use crate::error::Result;
use crate::numeric::{dispatch, exp};
use crate::scorer::sw_ranking::model::{ScoreOptions, Scratch, SwModel};
use crate::scorer::sw_ranking::solve::groups::{Group, Mode, Weighting};
use crate::scorer::sw_ranking::solve::score::{Reach, SwScore, deviation};
use crate::scorer::sw_ranking::store::rows::{RowQuery, Rows, StoreKind};
use crate::scorer::sw_ranking::store::section::Section;

/// Size of a clustered store's index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterMeta {
    /// Clusters of votes.
    pub clusters: usize,
    /// Profiles of the clusters' weights, over each of which residuals are summed.
    pub profiles: usize,
    /// Directions of the second moments.
    pub directions: usize,
    /// [`Probe::Default`] probes the nearest clusters until they have this many votes.
    pub open_votes: usize,
}

impl ClusterMeta {
    /// Numbers in the second moments of vectors with one coordinate a direction.
    pub(crate) const fn pairs(directions: usize) -> usize {
        directions * (directions + 1) / 2
    }
}

/// How the rows of the index are stored.
pub(crate) const INDEX_KIND: StoreKind = StoreKind::Int8;
/// Most directions of second moments: their pairs have to fit a row.
pub(crate) const MAX_DIRECTIONS: usize = 256;
/// Rounds in which the profiles learn what they can of the probed clusters, whose weights do not bind them.
const FILL_ROUNDS: usize = 3;
/// Largest logarithm by which the expansion may change a group's sum: beyond it, it has no meaning.
const LARGEST_CHANGE: f64 = 3.0;

/// The index over the votes of a clustered store.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    pub(crate) probe_votes: usize,
    pub(crate) centroids: Rows,
    /// First stored vote of each cluster, and their number at the end.
    pub(crate) offsets: Section,
    /// Per cluster the mean squared residual of a vote.
    pub(crate) spread: Section,
    /// Votes per cluster and group.
    pub(crate) counts: Section,
    /// `psi_j(c)` per cluster and profile: orthonormal over the votes, the first nearly constant.
    pub(crate) profiles: Section,
    /// `R_jg`: groups between tiers first, profile by profile, then the groups inside a tier.
    pub(crate) residuals: Rows,
    /// The directions, each as long as residuals vary along it.
    pub(crate) basis: Rows,
    /// Mean over all votes of the products of their residuals' coordinates.
    pub(crate) pooled: Section,
    /// Per group, in the order of the residuals, the sum of `psi_0` times the products of the residuals'
    /// coordinates, less what `pooled` and the cluster's spread make of it.
    pub(crate) moments: Rows,
    /// Per stored vote its position in the order of the groups.
    pub(crate) position: Section,
    pub(crate) derived: Derived,
}

/// What follows from the stored tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Derived {
    /// The counts as bytes, a quarter of what is read for every query, and what is too large for a byte: cluster,
    /// group and the rest.
    counts: Vec<u8>,
    larger: Vec<(u32, u16, f64)>,
    /// Group of each stored vote.
    pub(super) group_of: Vec<u16>,
    /// Place of each group in the order of residuals and moments.
    slot: Vec<usize>,
    /// Number of groups between tiers.
    between: usize,
    /// Mean of the spread over all votes.
    spread: f64,
    /// Squared length of each direction.
    lengths: Vec<f64>,
    /// Mean squared residual along a direction outside the basis.
    outside: f64,
}

/// Places of the groups in the order of residuals and moments: those between tiers first. Votes inside a tier
/// count in `reference` mode only, so `exact` mode reads the first part of the tables.
pub(crate) fn slots(groups: &[Group]) -> (Vec<usize>, usize) {
    let between = groups.iter().filter(|g| !g.inside_tier()).count();
    let (mut next, mut next_inside) = (0, between);
    let slot = groups
        .iter()
        .map(|g| {
            let counter = if g.inside_tier() { &mut next_inside } else { &mut next };
            *counter += 1;
            *counter - 1
        })
        .collect();
    (slot, between)
}

/// Row of a profile's residuals of the group in `slot`.
pub(crate) fn residual_row(slot: usize, between: usize, groups: usize, profiles: usize, j: usize) -> usize {
    if slot < between {
        j * between + slot
    } else {
        profiles * between + j * (groups - between) + (slot - between)
    }
}

/// Rows of a table whose products are added in single precision.
const BLOCK: usize = 8;

/// A number of a table of counts or profiles.
trait Cell: Copy {
    fn float(self) -> f32;
}

impl Cell for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }
}

impl Cell for u8 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from(self)
    }
}

#[inline(always)]
fn block_sums_body<T: Cell>(sums: &mut [f64], scales: &[f32], table: &[T]) {
    let width = sums.len();
    let mut blocks = scales.chunks_exact(BLOCK);
    let mut tables = table.chunks_exact(BLOCK * width);
    for (s, table) in blocks.by_ref().zip(tables.by_ref()) {
        let rows: [&[T]; BLOCK] = std::array::from_fn(|i| &table[i * width..(i + 1) * width]);
        for (g, sum) in sums.iter_mut().enumerate() {
            let products: [f32; BLOCK] = std::array::from_fn(|i| s[i] * rows[i][g].float());
            let [a, b, c, d, e, f, g, h] = products;
            *sum += f64::from(((a + b) + (c + d)) + ((e + f) + (g + h)));
        }
    }
    for (scale, row) in blocks.remainder().iter().zip(tables.remainder().chunks_exact(width)) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += f64::from(scale * x.float());
        }
    }
}

#[inline(always)]
fn profile_sums_body(sums: &mut [f64], scales: &[f32], table: &[f32]) {
    block_sums_body(sums, scales, table);
}

#[inline(always)]
fn count_sums_body(sums: &mut [f64], scales: &[f32], table: &[u8]) {
    block_sums_body(sums, scales, table);
}

dispatch! {
    /// `sums[j] += sum over c of scales[c] * table[c][j]`
    fn profile_sums(sums: &mut [f64], scales: &[f32], table: &[f32]) -> () = profile_sums_body
}
dispatch! {
    /// `sums[g] += sum over c of scales[c] * table[c][g]`
    fn count_sums(sums: &mut [f64], scales: &[f32], table: &[u8]) -> () = count_sums_body
}

#[inline(always)]
fn centroid_weights_body(near: &[f32], spread: &[f32], a: (f64, f64), shift: f64, out: &mut [f64]) {
    for ((out, s), v) in out.iter_mut().zip(near).zip(spread) {
        *out = exp(a.0 * f64::from(*s) + a.1 * f64::from(*v) - shift);
    }
}

dispatch! {
    /// Mean weight of the votes of each cluster, `exp(a.0 q.c + a.1 spread - shift)`.
    fn centroid_weights(near: &[f32], spread: &[f32], a: (f64, f64), shift: f64, out: &mut [f64]) -> ()
        = centroid_weights_body
}

/// What the index says about a query before any cluster is probed.
pub(super) struct Products {
    /// `q.c` of each cluster.
    pub(super) near: Vec<f32>,
    /// `q.R_jg`, as far as the mode needs it.
    residuals: Vec<f32>,
    /// The query's products with the moments.
    moments: Vec<f32>,
    /// Mean of `(q.r)^2` over all votes, and its part inside the basis.
    variance: f64,
    inside: f64,
}

/// The weights of the votes that are not read one by one, for one query.
pub(super) struct Expansion {
    /// Mean weight of the votes of each cluster; 0 for the probed ones.
    scales: Vec<f64>,
    /// Coefficients of the profiles, and what they make of the probed clusters.
    pub(super) fit: Vec<f64>,
    pub(super) fit_probed: Vec<f64>,
    /// Both orders, summed over the votes of each group.
    pub(super) first: Vec<f64>,
    pub(super) second: Vec<f64>,
    /// The formula's `a`, and half its square.
    pub(super) slope: f64,
    pub(super) half_square: f64,
    /// `v_c` in units of the cluster's spread.
    pub(super) relative: f64,
}

impl Clusters {
    pub(crate) fn count(&self) -> usize {
        self.offsets.words().len() - 1
    }

    pub(crate) fn profile_count(&self) -> usize {
        self.profiles.floats().len() / self.count()
    }

    pub(crate) fn meta(&self) -> ClusterMeta {
        ClusterMeta {
            clusters: self.count(),
            profiles: self.profile_count(),
            directions: self.basis.n,
            open_votes: self.probe_votes,
        }
    }

    /// Fills what is derived from the stored tables, which have been checked.
    pub(crate) fn derive(&mut self, groups: &[Group]) {
        let (slot, between) = slots(groups);
        let mut group_of = Vec::with_capacity(self.position.words().len());
        let mut larger = Vec::new();
        for (cluster, counts) in self.counts.floats().chunks_exact(groups.len()).enumerate() {
            for (group, count) in counts.iter().enumerate() {
                group_of.extend(std::iter::repeat_n(group as u16, *count as usize));
                if *count > 255.0 {
                    larger.push((cluster as u32, group as u16, f64::from(*count) - 255.0));
                }
            }
        }
        let counts = self.counts.floats().iter().map(|count| *count as u8).collect();
        let total: f64 =
            self.spread.floats().iter().enumerate().map(|(c, s)| self.votes(c) * f64::from(*s)).sum();
        let spread = total / group_of.len().max(1) as f64;
        let dim = self.basis.dim;
        let mut row = vec![0.0; dim];
        let lengths: Vec<f64> = (0..self.basis.n)
            .map(|i| {
                self.basis.decode_rotated(i, &mut row);
                row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum()
            })
            .collect();
        // Coordinates are in units of the directions' lengths: their mean squares are about 1.
        let mut at = 0;
        let mut inside = 0.0;
        for (i, length) in lengths.iter().enumerate() {
            inside += length * f64::from(self.pooled.floats()[at]);
            at += lengths.len() - i;
        }
        let outside = ((spread - inside) / (dim - lengths.len()).max(1) as f64).max(0.0);
        self.derived = Derived { counts, larger, group_of, slot, between, spread, lengths, outside };
    }

    pub(super) fn range(&self, cluster: usize) -> std::ops::Range<usize> {
        let offsets = self.offsets.words();
        offsets[cluster] as usize..offsets[cluster + 1] as usize
    }

    fn votes(&self, cluster: usize) -> f64 {
        self.range(cluster).len() as f64
    }

    pub(super) fn products(&self, query: &RowQuery, mode: Mode) -> Products {
        let queries = std::slice::from_ref(query);
        let mut near = vec![0.0_f32; self.count()];
        self.centroids.scan_all(queries, &mut near, 1);
        let mut coordinates = vec![0.0_f32; self.basis.n];
        self.basis.scan_all(queries, &mut coordinates, 1);
        let pairs = pairs(&coordinates);
        let exact = mode == Mode::Exact;
        let read = if exact { self.derived.between } else { self.moments.n };
        let mut moments = vec![0.0; read];
        self.moments.scan(0, &[self.moments.query(&pairs)], &mut [&mut moments]);
        let mut residuals = vec![0.0; read * self.profile_count()];
        self.residuals.scan(0, queries, &mut [&mut residuals]);
        let inside: f64 =
            pairs.iter().zip(self.pooled.floats()).map(|(p, m)| f64::from(*p) * f64::from(*m)).sum();
        let inside = inside.max(0.0);
        let along: f64 = coordinates
            .iter()
            .zip(&self.derived.lengths)
            .filter(|(_, length)| **length > 0.0)
            .map(|(x, length)| f64::from(*x) * f64::from(*x) / length)
            .sum();
        let variance = inside + self.derived.outside * (1.0 - along).max(0.0);
        Products { near, residuals, moments, variance, inside }
    }

    /// The coefficients of the profiles that come closest to the clusters' weights, over the votes of all
    /// clusters but the probed ones, and what they make of the probed ones.
    fn fit_profiles(&self, weights: &[f64], probed: &[u32]) -> (Vec<f64>, Vec<f64>) {
        let count = self.profile_count();
        let table = self.profiles.floats();
        let mut fixed = vec![0.0; count];
        let scales: Vec<f32> = weights.iter().enumerate().map(|(c, w)| (w * self.votes(c)) as f32).collect();
        profile_sums(&mut fixed, &scales, table);
        let mut fit = fixed.clone();
        let mut filled = vec![0.0; probed.len()];
        for _ in 0..FILL_ROUNDS {
            let mut next = fixed.clone();
            for (filled, c) in filled.iter_mut().zip(probed) {
                let c = *c as usize;
                let profile = &table[c * count..(c + 1) * count];
                *filled = product(&fit, profile);
                let scale = *filled * self.votes(c);
                for (next, p) in next.iter_mut().zip(profile) {
                    *next += scale * f64::from(*p);
                }
            }
            fit = next;
        }
        for (filled, c) in filled.iter_mut().zip(probed) {
            *filled = product(&fit, &table[*c as usize * count..(*c as usize + 1) * count]);
        }
        (fit, filled)
    }

    /// The expansion of the weights of all votes but those of the `probed` clusters. Of these it still holds both orders,
    /// which [`Probed`] takes out.
    fn expand(&self, products: &Products, weighting: &Weighting, probed: &[u32], width: usize) -> Expansion {
        let derived = &self.derived;
        let a = weighting.slope;
        let half_square = 0.5 * a * a;

        // The clusters' weights without the probed ones, and the profiles that come closest.
        let relative = products.variance / derived.spread.max(f64::MIN_POSITIVE);
        let mut scales = vec![0.0; self.count()];
        let factors = (a, half_square * relative);
        centroid_weights(&products.near, self.spread.floats(), factors, weighting.shift, &mut scales);
        for cluster in probed {
            scales[*cluster as usize] = 0.0;
        }
        let (fit, fit_probed) = self.fit_profiles(&scales, probed);
        let count = fit.len();

        let read = products.moments.len();
        let (mut first, mut second) = (vec![0.0; width], vec![0.0; width]);
        for (group, slot) in derived.slot.iter().enumerate().filter(|(_, slot)| **slot < read) {
            second[group] = half_square * fit[0] * f64::from(products.moments[*slot]);
            for (j, fit) in fit.iter().enumerate() {
                let row = residual_row(*slot, derived.between, width, count, j);
                first[group] += a * fit * f64::from(products.residuals[row]);
            }
        }
        Expansion { scales, fit, fit_probed, first, second, slope: a, half_square, relative }
    }

    /// Adds the weights of the votes that were not probed, by their clusters, to the sums of the groups. Returns the sum
    /// of the squares of those weights.
    fn add_others(&self, expansion: &Expansion, probed: &mut Probed, variance: f64) -> f64 {
        let Expansion { scales, first, second, .. } = expansion;
        let Probed { sums, left, .. } = probed;
        let mut base = vec![0.0; sums.len()];
        let single: Vec<f32> = scales.iter().map(|w| *w as f32).collect();
        count_sums(&mut base, &single, &self.derived.counts);
        for (cluster, group, more) in &self.derived.larger {
            base[usize::from(*group)] += scales[*cluster as usize] * more;
        }
        let (mut others, mut mass, mut squares) = (0.0, 0.0, 0.0);
        for (c, w) in scales.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            let n = self.votes(c);
            others += n;
            mass += n * w;
            squares += n * w * w;
        }
        // Squared weights as if those of each group varied like those of all.
        let variation = if mass > 0.0 { others * squares / (mass * mass) } else { 1.0 };
        let variation = variation * exp(2.0 * expansion.half_square * variance);
        for (group, base) in base.iter().enumerate().filter(|(_, base)| **base > 0.0) {
            // The logarithm to second order: a group of one vote then gets the weight of that vote.
            let (first, second) = (first[group] / base, second[group] / base);
            let change = (first + second - 0.5 * first * first).clamp(-LARGEST_CHANGE, LARGEST_CHANGE);
            let weight = base * exp(change);
            sums[group].weight += weight;
            sums[group].square += weight * weight / left[group].max(1.0) * variation;
        }
        squares
    }

    /// The score with the votes of the `probed` clusters read one by one, and all others by the expansion.
    #[allow(clippy::too_many_arguments, reason = "one step of `score`, which owns all of these")]
    pub(super) fn score_probed(
        &self,
        model: &SwModel,
        unit: &[f32],
        probed: &[u32],
        query: &RowQuery,
        products: &Products,
        options: &ScoreOptions,
        scratch: &mut Scratch,
    ) -> Result<SwScore> {
        let groups = &model.layout.groups;
        let similarities = self.read_votes(model, probed, query, scratch);
        let mut max = f64::from(similarities.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        if max <= 0.0 {
            // Whether any similarity is positive decides over all weights, so here it has to be known.
            max = model.largest_similarity(unit, options.threads, &mut Scratch::default());
        }
        let min = f64::from(products.near.iter().copied().fold(f32::INFINITY, f32::min));
        let weighting = Weighting::new(max, min, model.meta.weight_exponent, options.mode)?;
        let mut expansion = self.expand(products, &weighting, probed, groups.len());
        let votes = similarities.len();
        let reach = Reach { probed_clusters: probed.len(), probed_votes: votes, error: None };
        let mut probed =
            self.take_out(groups, probed, similarities, &products.near, weighting.shift, &mut expansion);
        let squares = self.add_others(&expansion, &mut probed, products.variance);
        let Probed { sums, left, seen } = probed;
        let mut score = model.finish(max, &weighting, sums, options.mode, Some(reach))?;
        if options.estimate_error || matches!(options.probe, Probe::Error(_)) {
            // Embeddings do not vary alike in all directions: the probed votes show how much along the query.
            let variance = products.variance.max(seen / votes.max(1) as f64);
            let inside = products.inside * variance / products.variance.max(f64::MIN_POSITIVE);
            let Expansion { scales, fit, slope: a, .. } = &expansion;
            let unknown = self.unknown(scales, fit, a * a * variance, a * a * inside) / squares;
            let variances: Vec<f64> = score
                .sums
                .iter()
                .zip(&left)
                .map(|(sum, n)| if *n > 0.0 && squares > 0.0 { sum.square * unknown } else { 0.0 })
                .collect();
            score.reach = Some(Reach { error: largest_error(&score, &variances), ..reach });
        }
        Ok(score)
    }

    /// Sum over the votes of the other clusters of the variance that the expansion leaves open in their weights,
    /// for a variance `spread` of `a q.r`, `inside` of it in the basis: to first order where the profiles miss
    /// the cluster's weight, to second order what lies outside the basis and where the first profile misses it.
    fn unknown(&self, weights: &[f64], fit: &[f64], spread: f64, inside: f64) -> f64 {
        let mut sum = 0.0;
        for (c, w) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            let profile = &self.profiles.floats()[c * fit.len()..(c + 1) * fit.len()];
            let missed = w - product(fit, profile);
            let missed_0 = w - fit[0] * f64::from(profile[0]);
            let second =
                w * w * (spread * spread - inside * inside).max(0.0) + missed_0 * missed_0 * inside * inside;
            sum += self.votes(c) * (missed * missed * spread + second / 2.0);
        }
        sum
    }
}

fn product(fit: &[f64], profile: &[f32]) -> f64 {
    fit.iter().zip(profile).map(|(f, p)| f * f64::from(*p)).sum()
}

/// The products of coordinates two by two, `i <= j`, row by row.
pub(crate) fn pairs(coordinates: &[f32]) -> Vec<f32> {
    let mut pairs = Vec::with_capacity(ClusterMeta::pairs(coordinates.len()));
    for (i, x) in coordinates.iter().enumerate() {
        pairs.extend(coordinates[i..].iter().map(|y| x * y));
    }
    pairs
}

/// Largest standard deviation of a win rate between two tiers, for group sums with these variances; `None` if it
/// is known for no two.
fn largest_error(score: &SwScore, variances: &[f64]) -> Option<f64> {
    let layout = &score.layout;
    let (t, e) = (layout.tier_count, &score.strengths);
    let c = layout.solvable(score.mode).covariance(&layout.groups, &score.sums, e, variances);
    let mut largest = None;
    for i in 0..t {
        for j in 0..i {
            let p = crate::numeric::sigmoid(e[i] - e[j]);
            let variance = c[i * t + i] + c[j * t + j] - c[i * t + j] - c[j * t + i];
            let error = p * (1.0 - p) * deviation(variance);
            if largest.is_none_or(|largest| error > largest) && !error.is_nan() {
                largest = Some(error);
            }
        }
    }
    largest
}
