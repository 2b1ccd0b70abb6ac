//! Building the index of a clustered store.

use super::clustered::{ClusterMeta, Clusters, Derived, INDEX_KIND, pairs, residual_row, slots};
use super::directions::directions;
use super::kmeans;
use crate::error::Result;
use crate::numeric::SplitMix;
use crate::numeric::dispatch;
use crate::numeric::{add, dot};
use crate::scorer::sw_ranking::build::{BuildOptions, ClusterOptions, ProgressFn, Stage, report};
use crate::scorer::sw_ranking::solve::groups::Group;
use crate::scorer::sw_ranking::store::rows::{RowQuery, Rows, StoreKind};
use crate::scorer::sw_ranking::store::section::Section;

/// Votes that stand for queries where the profiles of the clusters' weights are found.
const PROFILE_SAMPLE: usize = 2048;
/// Residuals in which the directions are found.
const DIRECTION_SAMPLE: usize = 8192;
/// Votes whose coordinates are computed at once.
const BLOCK: usize = 64;

/// Centroids, and the cluster of each vote.
pub(crate) struct Plan {
    centroids: Vec<f32>,
    pub(crate) cluster_of: Vec<u32>,
}

/// Steps of progress that the index takes after the iterations of k-means.
const STEPS: usize = 4;

pub(crate) fn plan(
    unit: &[f32],
    dim: usize,
    clusters: &ClusterOptions,
    options: &BuildOptions,
    progress: ProgressFn<'_>,
) -> Result<Plan> {
    let n = unit.len() / dim;
    let k = clusters.clusters.min(n / 4).max(1);
    let mut random = SplitMix(options.seed ^ 0x636c_7573_7465_7273);
    let total = clusters.iterations + STEPS;
    let mut step = |done| report(progress, Stage::Cluster, done, total);
    let centroids =
        kmeans::centroids(unit, dim, k, clusters.iterations, &mut random, options.threads, &mut step)?;
    let mut cluster_of = vec![0; n];
    kmeans::assign(unit, dim, &centroids, options.threads, &mut cluster_of);
    Ok(Plan { centroids, cluster_of })
}

#[inline(always)]
fn add_wide_body(sum: &mut [f64], factor: f64, x: &[f32]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += factor * f64::from(*x);
    }
}

dispatch! { fn add_wide(sum: &mut [f64], factor: f64, x: &[f32]) -> () = add_wide_body }

/// What the parts of the index are computed from.
struct Source<'a> {
    unit: &'a [f32],
    dim: usize,
    /// The votes in the order of storage.
    order: &'a [u32],
    offsets: &'a [u32],
    group_of: &'a [u32],
    groups: &'a [Group],
    /// The centroids as they are stored, so that their rounding is part of the residuals.
    centroids: &'a [f32],
    threads: usize,
}

impl Source<'_> {
    fn votes(&self, cluster: usize) -> &[u32] {
        &self.order[self.offsets[cluster] as usize..self.offsets[cluster + 1] as usize]
    }

    fn vector(&self, row: u32) -> &[f32] {
        &self.unit[row as usize * self.dim..][..self.dim]
    }

    fn centroid(&self, cluster: usize) -> &[f32] {
        &self.centroids[cluster * self.dim..][..self.dim]
    }

    fn clusters(&self) -> usize {
        self.offsets.len() - 1
    }

    fn residual(&self, row: u32, cluster: usize, out: &mut [f32]) {
        for ((out, x), c) in out.iter_mut().zip(self.vector(row)).zip(self.centroid(cluster)) {
            *out = x - c;
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "one step of the build, which owns all of these")]
pub(crate) fn index(
    plan: &Plan,
    unit: &[f32],
    dim: usize,
    clusters: &ClusterOptions,
    options: &BuildOptions,
    groups: &[Group],
    group_of: &[u32],
    order: &[u32],
    by_group: &[u32],
    progress: ProgressFn<'_>,
) -> Result<Clusters> {
    let k = plan.centroids.len() / dim;
    let total = clusters.iterations + STEPS;
    let mut step = |done| report(progress, Stage::Cluster, clusters.iterations + done, total);
    let centroids = Rows::encode(INDEX_KIND, dim, options.seed, plan.centroids.chunks_exact(dim));
    let mut stored = vec![0.0_f32; k * dim];
    for (c, stored) in stored.chunks_exact_mut(dim).enumerate() {
        centroids.decode_rotated(c, stored);
    }
    let offsets = offsets(k, &plan.cluster_of);
    let source = Source {
        unit,
        dim,
        order,
        offsets: &offsets,
        group_of,
        groups,
        centroids: &stored,
        threads: options.threads,
    };
    step(1)?;
    let mut random = SplitMix(options.seed ^ 0x7072_6f66_696c_6573);
    let profiles = profiles(&source, clusters.profiles.min(k), options.weight_exponent, &mut random);
    step(2)?;
    let (directions, probe_votes) = clusters.sizes(dim);
    let basis = basis(&source, directions, &mut random);
    let spread = spread(&source);
    let (pooled, moments) = moments(&source, &basis, &spread, &profiles);
    step(3)?;
    let residuals = residuals(&source, &profiles);
    let mut clusters = Clusters {
        probe_votes,
        centroids,
        spread: Section::Floats(spread),
        counts: Section::Floats(counts(k, groups, &plan.cluster_of, group_of)),
        profiles: Section::Floats(profiles),
        residuals,
        basis,
        pooled: Section::Floats(pooled),
        moments,
        position: Section::Words(positions(order, by_group)),
        derived: Derived::default(),
        offsets: Section::Words(offsets),
    };
    clusters.derive(groups);
    Ok(clusters)
}

/// First stored vote of each cluster, and their number at the end.
fn offsets(clusters: usize, cluster_of: &[u32]) -> Vec<u32> {
    let mut offsets = vec![0_u32; clusters + 1];
    for cluster in cluster_of {
        offsets[*cluster as usize + 1] += 1;
    }
    for c in 0..clusters {
        offsets[c + 1] += offsets[c];
    }
    offsets
}

/// Where each stored vote stands in the order of the groups.
fn positions(order: &[u32], by_group: &[u32]) -> Vec<u32> {
    let mut rank = vec![0_u32; order.len()];
    for (position, row) in by_group.iter().enumerate() {
        rank[*row as usize] = position as u32;
    }
    order.iter().map(|row| rank[*row as usize]).collect()
}

/// Votes per cluster and group.
fn counts(clusters: usize, groups: &[Group], cluster_of: &[u32], group_of: &[u32]) -> Vec<f32> {
    let mut counts = vec![0.0; clusters * groups.len()];
    for (cluster, group) in cluster_of.iter().zip(group_of) {
        counts[*cluster as usize * groups.len() + *group as usize] += 1.0;
    }
    counts
}

/// Mean squared residual of the votes of each cluster.
fn spread(source: &Source<'_>) -> Vec<f32> {
    let mut residual = vec![0.0; source.dim];
    (0..source.clusters())
        .map(|c| {
            let mut sum = 0.0;
            for row in source.votes(c) {
                source.residual(*row, c, &mut residual);
                sum += f64::from(dot(&residual, &residual));
            }
            (sum / source.votes(c).len().max(1) as f64) as f32
        })
        .collect()
}

/// The profiles whose combinations come closest to the weights of the clusters, over queries that are votes.
fn profiles(source: &Source<'_>, count: usize, exponent: f64, random: &mut SplitMix) -> Vec<f32> {
    let (k, dim, n) = (source.clusters(), source.dim, source.order.len());
    let sample = n.min(PROFILE_SAMPLE);
    let stored: Vec<usize> = (0..sample).map(|i| i * n / sample).collect();
    // The largest similarity of a query is about that of a vote to the nearest other vote of its cluster.
    let (mut sum, mut known) = (0.0, 0.0);
    for i in &stored {
        let cluster = source.offsets.partition_point(|o| *o as usize <= *i) - 1;
        let mine = source.order[*i];
        let others = source.votes(cluster).iter().filter(|row| **row != mine);
        let best =
            others.map(|row| dot(source.vector(mine), source.vector(*row))).fold(f32::NEG_INFINITY, f32::max);
        if best > 0.0 {
            sum += f64::from(best);
            known += 1.0;
        }
    }
    let largest = if known > 0.0 { (sum / known).max(0.1) } else { 1.0 };
    let slope = std::f64::consts::LN_10 * exponent / largest;

    let rows = Rows::encode(StoreKind::F32, dim, 0, source.centroids.chunks_exact(dim));
    let roots: Vec<f64> = (0..k).map(|c| (source.votes(c).len() as f64).sqrt()).collect();
    let mut weights = Vec::with_capacity(sample * k);
    let mut near = vec![0.0_f32; k];
    for i in stored {
        rows.scan_all(&[rows.query(source.vector(source.order[i]))], &mut near, 1);
        let largest = f64::from(near.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let row: Vec<f64> =
            near.iter().zip(&roots).map(|(s, r)| r * libm::exp(slope * (f64::from(*s) - largest))).collect();
        // Every query counts alike.
        let mean = row.iter().zip(&roots).map(|(w, r)| w * r).sum::<f64>() / n as f64;
        weights.extend(row.into_iter().map(|w| (w / mean) as f32));
    }
    let directions = directions(&weights, k, count, random, source.threads);
    let total: f64 = directions[..k].iter().zip(&roots).map(|(d, r)| f64::from(*d) * r).sum();
    let mut table = vec![0.0; k * count];
    for (j, direction) in directions.chunks_exact(k).enumerate() {
        // The first profile is positive, as weights are.
        let sign = if j == 0 && total < 0.0 { -1.0 } else { 1.0 };
        for (c, (d, root)) in direction.iter().zip(&roots).enumerate() {
            table[c * count + j] = if *root > 0.0 { (sign * f64::from(*d) / root) as f32 } else { 0.0 };
        }
    }
    table
}

/// The directions in which residuals vary most, each as long as their standard deviation along it.
fn basis(source: &Source<'_>, count: usize, random: &mut SplitMix) -> Rows {
    let (dim, n) = (source.dim, source.order.len());
    let sample = n.min(DIRECTION_SAMPLE);
    let mut residuals = vec![0.0; sample * dim];
    for (i, out) in residuals.chunks_exact_mut(dim).enumerate() {
        let stored = i * n / sample;
        let cluster = source.offsets.partition_point(|o| *o as usize <= stored) - 1;
        source.residual(source.order[stored], cluster, out);
    }
    let mut basis = directions(&residuals, dim, count, random, source.threads);
    for direction in basis.chunks_exact_mut(dim) {
        let square: f64 =
            residuals.chunks_exact(dim).map(|r| f64::from(dot(r, direction)).powi(2)).sum::<f64>();
        let deviation = (square / sample as f64).sqrt() as f32;
        for x in direction {
            *x *= deviation;
        }
    }
    Rows::encode(INDEX_KIND, dim, 0, basis.chunks_exact(dim))
}

/// The pooled second moments of the residuals' coordinates, and those of each group.
fn moments(source: &Source<'_>, basis: &Rows, spread: &[f32], profiles: &[f32]) -> (Vec<f32>, Rows) {
    let (dim, n) = (source.dim, source.order.len());
    let count = basis.n;
    let rows = in_units_of_length(basis);
    let width = ClusterMeta::pairs(count);
    let profile_count = profiles.len() / source.clusters();
    let (slot, _) = slots(source.groups);
    let mean: f64 =
        (0..source.clusters()).map(|c| source.votes(c).len() as f64 * f64::from(spread[c])).sum::<f64>()
            / n as f64;
    let mut sums = vec![0.0_f64; source.groups.len() * width];
    let mut pooled = vec![0.0_f64; width];
    let mut expected = vec![0.0_f64; source.groups.len()];
    let mut residuals = vec![0.0; BLOCK * dim];
    let mut coordinates = vec![0.0; BLOCK * count];
    for c in 0..source.clusters() {
        let weight = f64::from(profiles[c * profile_count]);
        let relative = if mean > 0.0 { f64::from(spread[c]) / mean } else { 0.0 };
        for votes in source.votes(c).chunks(BLOCK) {
            for (row, out) in votes.iter().zip(residuals.chunks_exact_mut(dim)) {
                source.residual(*row, c, out);
            }
            let queries: Vec<RowQuery> =
                residuals.chunks_exact(dim).take(votes.len()).map(|r| rows.query(r)).collect();
            rows.scan_all(&queries, &mut coordinates[..votes.len() * count], 1);
            for (row, coordinates) in votes.iter().zip(coordinates.chunks_exact(count)) {
                let slot = slot[source.group_of[*row as usize] as usize];
                let pairs = pairs(coordinates);
                add_wide(&mut sums[slot * width..(slot + 1) * width], weight, &pairs);
                add_wide(&mut pooled, 1.0 / n as f64, &pairs);
                expected[slot] += weight * relative;
            }
        }
    }
    let pooled: Vec<f32> = pooled.into_iter().map(|x| x as f32).collect();
    let mut sums: Vec<f32> = sums.into_iter().map(|x| x as f32).collect();
    for (sums, expected) in sums.chunks_exact_mut(width).zip(expected) {
        add(sums, -expected as f32, &pooled);
    }
    let mut pooled = pooled;
    double_mixed(&mut pooled, count);
    sums.chunks_exact_mut(width).for_each(|sums| double_mixed(sums, count));
    (pooled, Rows::encode(INDEX_KIND, width, 0, sums.chunks_exact(width)))
}

/// What gives the coordinates along the stored directions, in units of their length.
fn in_units_of_length(basis: &Rows) -> Rows {
    let dim = basis.dim;
    let mut decoded = vec![0.0; basis.n * dim];
    for (i, row) in decoded.chunks_exact_mut(dim).enumerate() {
        basis.decode_rotated(i, row);
        let square = dot(row, row);
        for x in row.iter_mut() {
            *x = if square > 0.0 { *x / square } else { 0.0 };
        }
    }
    Rows::encode(StoreKind::F32, dim, 0, decoded.chunks_exact(dim))
}

/// Doubles the products of two different coordinates of `count`, which stand in a square twice.
fn double_mixed(products: &mut [f32], count: usize) {
    let mut at = 0;
    for i in 0..count {
        for product in &mut products[at + 1..at + count - i] {
            *product *= 2.0;
        }
        at += count - i;
    }
}

/// Sums of the residuals per profile and group.
fn residuals(source: &Source<'_>, profiles: &[f32]) -> Rows {
    let (dim, width) = (source.dim, source.groups.len());
    let count = profiles.len() / source.clusters();
    let (slot, between) = slots(source.groups);
    let mut sums = vec![0.0_f64; count * width * dim];
    let mut residual = vec![0.0; dim];
    let mut sum = vec![0.0_f32; dim];
    for c in 0..source.clusters() {
        // Votes of a cluster lie group by group.
        for votes in
            source.votes(c).chunk_by(|a, b| source.group_of[*a as usize] == source.group_of[*b as usize])
        {
            sum.fill(0.0);
            for row in votes {
                source.residual(*row, c, &mut residual);
                add(&mut sum, 1.0, &residual);
            }
            let slot = slot[source.group_of[votes[0] as usize] as usize];
            for (j, profile) in profiles[c * count..(c + 1) * count].iter().enumerate() {
                let row = residual_row(slot, between, width, count, j);
                add_wide(&mut sums[row * dim..(row + 1) * dim], f64::from(*profile), &sum);
            }
        }
    }
    let sums: Vec<f32> = sums.into_iter().map(|x| x as f32).collect();
    Rows::encode(INDEX_KIND, dim, 0, sums.chunks_exact(dim))
}

/// The rows in the order of storage: cluster by cluster, in each run by run (and so group by group), then by row.
pub(crate) fn storage_order(cluster_of: &[u32], run_of: &[u32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..cluster_of.len() as u32).collect();
    order.sort_by_key(|row| (cluster_of[*row as usize], run_of[*row as usize], *row));
    order
}
