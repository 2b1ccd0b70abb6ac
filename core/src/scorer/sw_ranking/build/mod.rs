//! Building a model from embedded votes.

mod runs;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::numeric;
use crate::preference::bradley_terry::{self, BradleyTerry, WinMatrix};
use crate::preference::{Ballot, EmbeddedVotes, ModelIndex, SelfBattles, Votes, tiers};
use crate::scorer::sw_ranking::index::cluster;
use crate::scorer::sw_ranking::index::clustered::{Clusters, MAX_DIRECTIONS};
use crate::scorer::sw_ranking::model::{Residuals, SwMeta, SwModel, pack};
use crate::scorer::sw_ranking::solve::groups::{Group, Mode};
use crate::scorer::sw_ranking::solve::score::Layout;
use crate::scorer::sw_ranking::solve::strengths::Solvable;
use crate::scorer::sw_ranking::store::rows::{MAX_DIM, Rows, StoreKind};
use crate::scorer::sw_ranking::store::section::Section;
use crate::setters::options_struct;

/// How tiers are formed from the votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TierRule {
    /// [`tiers::tiers`] on maximum likelihood ratings.
    #[default]
    Exact,
    /// [`tiers::reference_tiers`] on ratings with the reference's rows for a model against itself, sorted as
    /// there.
    Reference,
}

options_struct! {
    /// Size of the index of a clustered store.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ClusterOptions {
        /// Clusters of votes; at most a quarter of the votes are used.
        clusters: usize = 1024,
        /// Profiles of the clusters' weights, over each of which the residuals of a group are summed.
        profiles: usize = 16,
        /// Directions in which the second moments of a group's residuals are kept. `None`: 64 up to 768 dimensions,
        /// then 96.
        directions: Option<usize> = None => usize,
        /// Votes that are read one by one for a query by default. `None`: 1024 up to 768 dimensions, then 2048.
        open_votes: Option<usize> = None => usize,
        /// Iterations of k-means.
        iterations: usize = 10,
    }
}

impl ClusterOptions {
    /// The directions and the probed votes for embeddings of this dimension.
    pub(crate) fn sizes(&self, dim: usize) -> (usize, usize) {
        // In more dimensions a query costs more whatever the index holds, and win rates lie closer together.
        let (directions, votes) = if dim <= 768 { (64, 1024) } else { (96, 2048) };
        (self.directions.unwrap_or(directions).min(dim), self.open_votes.unwrap_or(votes))
    }
}

options_struct! {
    /// How a model is built.
    #[derive(Debug, Clone, PartialEq)]
    pub struct BuildOptions {
        /// Number of tiers (10 in the paper).
        tiers: usize = 10,
        /// How tiers are formed.
        tier_rule: TierRule = TierRule::Exact,
        /// How embeddings are stored.
        store: StoreKind = StoreKind::Int8,
        /// Adds the index of a clustered store.
        clusters: Option<ClusterOptions> = None => ClusterOptions,
        /// 1 is the paper's.
        weight_exponent: f64 = 1.0,
        /// Seed of the rotation and of the clustering.
        seed: u64 = 0,
        /// Virtual ties per model in the ratings behind the tiers. `None`: none if all ratings are finite without,
        /// else one.
        prior_ties: Option<f64> = None => f64,
        /// The tiers come from this many of the first votes; `None`: from all. Votes of another kind (gold rows, most
        /// of which are ties) count in every score, but would pull the models that they compare into one tier.
        rated: Option<usize> = None => usize,
        /// Threads for the clustering. The result does not depend on it.
        threads: usize = 1,
    }
}

/// What a build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Embeddings are checked and scaled to unit length; counted in votes.
    Normalize,
    /// Models are rated and grouped.
    Rate,
    /// Clusters are formed; counted in iterations.
    Cluster,
    /// Embeddings are stored; counted in votes.
    Store,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Units done.
    pub done: usize,
    /// Units in all.
    pub total: usize,
}

/// Called now and then; `Break` stops the build, which then fails with `Cancelled`.
pub type ProgressFn<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Votes between two reports of progress.
const REPORT: usize = 8192;

pub(crate) fn report(
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    stage: Stage,
    done: usize,
    total: usize,
) -> Result<()> {
    match progress(Progress { stage, done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, "the build was cancelled")),
    }
}

impl SwModel {
    /// Builds a model in memory. Embeddings may be of any length but zero.
    ///
    /// # Errors
    /// `InvalidArgument` for no votes, a vote without an embedding, a zero, NaN or infinite embedding (with its row), a
    /// model without votes, unbounded ratings with a prior of 0, or an option out of range; `Cancelled` if `progress`
    /// said so.
    pub fn build(input: &EmbeddedVotes<'_>, options: &BuildOptions, progress: ProgressFn) -> Result<Self> {
        let n = check(input, options)?;
        let (dim, ballots) = (input.dim, input.votes.ballots());
        let unit = unit_vectors(input, progress)?;
        report(progress, Stage::Rate, 0, 1)?;
        let (fit, prior_ties) = rate(input.votes, options)?;
        let tier_of = tiers_of(&fit, options)?;

        let (groups, group_of) = group(ballots, &tier_of);
        let plan = match &options.clusters {
            Some(clusters) => Some((clusters, cluster::plan(&unit, dim, clusters, options, progress)?)),
            None => None,
        };
        let no_cluster = vec![0; n];
        let cluster_of = plan.as_ref().map_or(&no_cluster, |(_, plan)| &plan.cluster_of);
        // Votes inside a tier count in `reference` mode only, and `int8` loses too little to need runs.
        let cut = |group: usize| options.store.rotates() && !groups[group].inside_tier();
        let (run_of, runs) = runs::runs(&unit, dim, &group_of, groups.len(), cut);
        let order = cluster::storage_order(cluster_of, &run_of);

        let rows = encode(options, dim, &unit, &order, progress)?;
        let residuals =
            options.store.format().map(|_| quantisation_residuals(&rows, &unit, &order, &run_of, runs));
        let clusters = match plan {
            None => None,
            Some((c, plan)) => {
                let by_group = cluster::storage_order(&no_cluster, &run_of);
                Some(cluster::index(
                    &plan, &unit, dim, c, options, &groups, &group_of, &order, &by_group, progress,
                )?)
            }
        };
        let ballot = |row: &u32| ballots[*row as usize];
        let battles = order.iter().map(ballot).map(|vote| pack(vote.model_a, vote.model_b, vote.winner));
        let ids = input.votes.ids().map(|ids| joined_ids(ids, &order));
        let meta = SwMeta {
            format_version: 2,
            dim,
            votes: n,
            models: input.votes.models().names().to_vec(),
            tiers: tier_of,
            ratings: fit.ratings,
            prior_ties,
            weight_exponent: options.weight_exponent,
            store: options.store,
            seed: options.seed,
            groups,
            runs: residuals.as_ref().map_or(0, |_| runs),
            clusters: clusters.as_ref().map(Clusters::meta),
        };
        Ok(Self {
            layout: Arc::new(layout(&meta)?),
            battles: Section::Words(battles.collect()),
            source: Section::Words(order),
            meta,
            rows,
            residuals,
            ids,
            clusters,
        })
    }
}

/// The ids in the order of storage, one a line.
fn joined_ids(ids: &[String], order: &[u32]) -> Section {
    let text: Vec<&str> = order.iter().map(|row| ids[*row as usize].as_str()).collect();
    Section::Bytes(text.join("\n").into_bytes())
}

/// What scores share, from the description of a model.
pub(crate) fn layout(meta: &SwMeta) -> Result<Layout> {
    let tier_count = meta.tiers.iter().max().map_or(0, |t| t + 1);
    Ok(Layout {
        models: ModelIndex::new(&meta.models)?,
        tiers: meta.tiers.clone(),
        tier_count,
        groups: meta.groups.clone(),
        exact: Solvable::new(tier_count, &meta.groups, Mode::Exact)?,
        reference: Solvable::new(tier_count, &meta.groups, Mode::Reference)?,
    })
}

/// The groups of votes in a fixed order, and the group of every vote.
fn group(ballots: &[Ballot], tier_of: &[usize]) -> (Vec<Group>, Vec<u32>) {
    let keys: Vec<Group> = ballots
        .iter()
        .map(|ballot| Group::of(tier_of[ballot.model_a], tier_of[ballot.model_b], ballot.winner))
        .collect();
    let mut groups = keys.clone();
    groups.sort_unstable();
    groups.dedup();
    let group_of: Vec<u32> =
        keys.iter().map(|key| groups.partition_point(|group| group < key) as u32).collect();
    for group in &group_of {
        groups[*group as usize].votes += 1;
    }
    (groups, group_of)
}

/// The embedding of every vote, of unit length.
fn unit_vectors(input: &EmbeddedVotes<'_>, progress: ProgressFn) -> Result<Vec<f32>> {
    let ballots = input.votes.ballots();
    let mut unit = Vec::with_capacity(ballots.len() * input.dim);
    for (row, ballot) in ballots.iter().enumerate() {
        if row % REPORT == 0 {
            report(progress, Stage::Normalize, row, ballots.len())?;
        }
        let vector = input.embedding(ballot);
        if let Some(x) = vector.iter().find(|x| !x.is_finite()) {
            return Err(Error::invalid_argument(format!("embedding {} has a coordinate {x}", ballot.prompt)));
        }
        unit.extend_from_slice(vector);
        if numeric::normalize(&mut unit[row * input.dim..]) == 0.0 {
            return Err(Error::invalid_argument(format!("embedding {} is all zeros", ballot.prompt)));
        }
    }
    Ok(unit)
}

fn check(input: &EmbeddedVotes<'_>, options: &BuildOptions) -> Result<usize> {
    let n = input.votes.ballots().len();
    let models = input.votes.models().len();
    let bad = |message: String| Err(Error::invalid_argument(message));
    if input.dim == 0 || input.dim > MAX_DIM {
        return bad(format!("dimension is {}, expected 1 to {MAX_DIM}", input.dim));
    }
    if n == 0 || u32::try_from(n).is_err() {
        return bad(format!("{n} votes: at least one and less than 2^32 are needed"));
    }
    input.prompts()?;
    if models >= 1 << 15 {
        return bad(format!("{models} models: at most {} are supported", (1 << 15) - 1));
    }
    if !(options.weight_exponent > 0.0 && options.weight_exponent <= 100.0) {
        return bad(format!(
            "weight_exponent is {}, expected above 0 and at most 100",
            options.weight_exponent
        ));
    }
    if options.tiers == 0 || options.tiers > 1000 {
        return bad(format!("tiers is {}, expected 1 to 1000", options.tiers));
    }
    if let Some(c) = options.clusters {
        let (directions, open_votes) = c.sizes(input.dim);
        if c.clusters == 0 || c.profiles == 0 || directions == 0 || open_votes == 0 {
            return bad("clusters, profiles, directions and open_votes must be at least 1".to_owned());
        }
        if directions > MAX_DIRECTIONS {
            return bad(format!("directions is {directions}, expected at most {MAX_DIRECTIONS}"));
        }
    }
    Ok(n)
}

fn rate(votes: &Votes, options: &BuildOptions) -> Result<(BradleyTerry, f64)> {
    let rated = votes.ballots().iter().take(options.rated.unwrap_or(usize::MAX));
    let rows = rated.map(|ballot| (ballot.model_a, ballot.model_b, ballot.winner, 1.0));
    let self_battles = match options.tier_rule {
        TierRule::Exact => SelfBattles::Drop,
        TierRule::Reference => SelfBattles::Anchor,
    };
    let wins = WinMatrix::from_votes(votes.models(), rows, self_battles)?;
    let (mut fit, prior) = match options.prior_ties {
        Some(prior) => (bradley_terry::fit(&wins, prior)?, prior),
        None => match bradley_terry::fit(&wins, 0.0) {
            Ok(fit) => (fit, 0.0),
            Err(_) => (bradley_terry::fit(&wins, 1.0)?, 1.0),
        },
    };
    if let Some(i) = fit.components.iter().position(Option::is_none) {
        return Err(Error::invalid_argument(format!("model {:?} has no votes", fit.models[i])));
    }
    if options.tier_rule == TierRule::Reference {
        fit.shift_to_anchor();
    }
    Ok((fit, prior))
}

fn tiers_of(fit: &BradleyTerry, options: &BuildOptions) -> Result<Vec<usize>> {
    match options.tier_rule {
        TierRule::Exact => tiers::tiers(&fit.ratings, options.tiers),
        TierRule::Reference => {
            let order = fit.order();
            let sorted: Vec<f64> = order.iter().map(|i| fit.ratings[*i]).collect();
            let mut tier_of = vec![0; sorted.len()];
            for (model, tier) in order.into_iter().zip(tiers::reference_tiers(&sorted, options.tiers)?) {
                tier_of[model] = tier;
            }
            Ok(tier_of)
        }
    }
}

fn encode(
    options: &BuildOptions,
    dim: usize,
    unit: &[f32],
    order: &[u32],
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Rows> {
    let mut stopped = Ok(());
    let vectors = order.iter().enumerate().map_while(|(i, row)| {
        if i % REPORT == 0 {
            stopped = report(progress, Stage::Store, i, order.len());
        }
        let start = *row as usize * dim;
        stopped.is_ok().then(|| &unit[start..start + dim])
    });
    let rows = Rows::encode(options.store, dim, options.seed, vectors);
    stopped.map(|()| rows)
}

/// Per run, the sum of what the store lost of each vector, in the store's rotation.
fn quantisation_residuals(
    rows: &Rows,
    unit: &[f32],
    order: &[u32],
    run_of: &[u32],
    runs: usize,
) -> Residuals {
    let dim = rows.dim;
    let mut sums = vec![0.0_f64; runs * dim];
    let mut votes = vec![0_u32; runs];
    let (mut exact, mut stored) = (vec![0.0; dim], vec![0.0; dim]);
    for (i, row) in order.iter().map(|row| *row as usize).enumerate() {
        exact.copy_from_slice(&unit[row * dim..(row + 1) * dim]);
        rows.rotate(&mut exact);
        rows.decode_rotated(i, &mut stored);
        let run = run_of[row] as usize;
        votes[run] += 1;
        let sum = &mut sums[run * dim..][..dim];
        for ((sum, x), c) in sum.iter_mut().zip(&exact).zip(&stored) {
            *sum += f64::from(*x) - f64::from(*c);
        }
    }
    let sums: Vec<f32> = sums.into_iter().map(|x| x as f32).collect();
    let rows = Rows::encode(rows.kind.residual_kind(), dim, 0, sums.chunks_exact(dim));
    Residuals { votes: Section::Words(votes), rows }
}
