//! A similarity-weighted ranking over one set of votes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::index::clustered::{ClusterMeta, Clusters};
use super::index::probe::Probe;
use super::solve::groups::{self, Group, GroupSum, Mode, Similarity, Weighting};
use super::solve::score::{Layout, Reach, SwScore, cosine};
use super::store::rows::{RowQuery, Rows, StoreKind};
use super::store::section::Section;
use crate::error::{Error, Result};
use crate::numeric;
use crate::preference::{ModelIndex, Winner};

/// Bytes of similarities that a batch keeps at a time; with the mapped store this bounds the memory.
const BATCH_BYTES: usize = 17 << 20;
/// Most models that a refusal names.
const NAMED: usize = 10;
/// Most queries that meet a row while it is in the cache.
const BATCH_QUERIES: usize = 64;

/// Everything about a model that is no array: kept as JSON beside the arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SwMeta {
    /// Version of the layout, now 2.
    pub format_version: u32,
    /// Dimension of the embeddings.
    pub dim: usize,
    /// Number of votes.
    pub votes: usize,
    /// Names of the models.
    pub models: Vec<String>,
    /// The tier of each model; 0 is the best.
    pub tiers: Vec<usize>,
    /// Rating of each model over all votes at equal weights (Elo scale), from which the tiers come.
    pub ratings: Vec<f64>,
    /// Virtual ties that were needed to make every rating finite; 0 for the plain maximum likelihood.
    pub prior_ties: f64,
    /// Weights are `10 * 10^(weight_exponent * s / max s)`; 1 is the paper's.
    pub weight_exponent: f64,
    /// How the embeddings are stored.
    pub store: StoreKind,
    /// Seed of the rotation and of the clustering.
    pub seed: u64,
    /// The groups, in the order of their votes and sums.
    pub groups: Vec<Group>,
    /// Runs of similar votes, each of one group and with its own sum of what the store lost: one a group, or more
    /// for the kinds of few bits; 0 for the kinds without codes.
    pub runs: usize,
    /// Set for a clustered store.
    pub clusters: Option<ClusterMeta>,
}

/// How a query is scored.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ScoreOptions {
    /// `exact` or `reference`.
    pub mode: Mode,
    /// Threads for the scan. The result does not depend on it.
    pub threads: usize,
    /// How much of a clustered store is read.
    pub probe: Probe,
    /// Whether a clustered store estimates the error of what it did not read ([`Reach::error`]).
    pub estimate_error: bool,
    /// A clustered store knows the largest similarity to the votes that it probed, which is nearly always the
    /// largest to any. Where it is below this, every vote is read for the largest (infinity: always), so that a
    /// comparison with this number comes out as if it were known. Win rates do not depend on it.
    pub sure_similarity: Option<f64>,
}

impl ScoreOptions {
    /// `exact` mode on one thread, with the defaults of the store.
    pub fn new() -> Self {
        Self::default()
    }

    /// `exact` or `reference`.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The number of threads for the scan.
    #[must_use]
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = count;
        self
    }

    /// How much of a clustered store is read.
    #[must_use]
    pub fn probe(mut self, probe: Probe) -> Self {
        self.probe = probe;
        self
    }

    /// Whether a clustered store estimates the error of what it did not read.
    #[must_use]
    pub fn estimate_error(mut self, on: bool) -> Self {
        self.estimate_error = on;
        self
    }

    /// The similarity that is compared with.
    #[must_use]
    pub fn sure_similarity(mut self, similarity: f64) -> Self {
        self.sure_similarity = Some(similarity);
        self
    }
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Exact,
            threads: 1,
            probe: Probe::Default,
            estimate_error: false,
            sure_similarity: None,
        }
    }
}

/// Buffers that queries share. One per thread of the caller; it grows to 4 bytes a vote (17 MiB for a batch).
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) similarities: Vec<f32>,
    pub(crate) ordered: Vec<f32>,
}

/// Similarity-weighted ranking (section 4.2 of the paper): immutable, `Send` and `Sync`.
///
/// Win rates of any pair of models on a query come from a Bradley-Terry model of the tiers, fitted to all
/// votes weighted by how similar their prompts are to the query.
#[derive(Debug, Clone)]
pub struct SwModel {
    pub(crate) meta: SwMeta,
    pub(crate) layout: Arc<Layout>,
    pub(crate) rows: Rows,
    /// For the kinds with codes.
    pub(crate) residuals: Option<Residuals>,
    /// Per stored vote: its row in the input.
    pub(crate) source: Section,
    /// Per stored vote: models and winner, see [`pack`].
    pub(crate) battles: Section,
    /// Ids in the order of storage, separated by newlines.
    pub(crate) ids: Option<Section>,
    pub(crate) clusters: Option<Clusters>,
}

/// What a store lost of its vectors, summed over runs of similar votes of a group.
#[derive(Debug, Clone)]
pub(crate) struct Residuals {
    /// Votes per run; the runs follow each other in the order of the groups.
    pub(crate) votes: Section,
    /// Sum of the lost parts per run, in the store's rotation.
    pub(crate) rows: Rows,
}

/// Models and winner of a vote in one word.
pub(crate) fn pack(model_a: usize, model_b: usize, winner: Winner) -> u32 {
    model_a as u32 | (model_b as u32) << 15 | (winner as u32) << 30
}

/// The numbers in a packed vote; the winner may be out of range in a damaged file.
pub(crate) fn unpack(word: u32) -> (usize, usize, Option<Winner>) {
    let winner = Some((word >> 30) as u8).filter(|code| *code < 3).and_then(Winner::from_code);
    ((word & 0x7fff) as usize, (word >> 15 & 0x7fff) as usize, winner)
}

/// A finite, non-zero vector of the right dimension, at unit length.
pub(crate) fn unit_query(query: &[f32], dim: usize) -> Result<Vec<f32>> {
    if query.len() != dim {
        return Err(Error::invalid_argument(format!(
            "embedding has {} dimensions, this router needs {dim}",
            query.len()
        )));
    }
    if let Some(i) = query.iter().position(|x| !x.is_finite()) {
        return Err(Error::invalid_argument(format!("embedding has {} in dimension {i}", query[i])));
    }
    let mut unit = query.to_vec();
    if numeric::normalize(&mut unit) == 0.0 {
        return Err(Error::invalid_argument("embedding is all zeros"));
    }
    Ok(unit)
}

impl SwModel {
    /// What the model was built from and with.
    pub fn meta(&self) -> &SwMeta {
        &self.meta
    }

    /// The models, by number.
    pub fn models(&self) -> &ModelIndex {
        &self.layout.models
    }

    /// The tier of each model.
    pub fn tiers(&self) -> &[usize] {
        &self.layout.tiers
    }

    pub(crate) fn tier_count(&self) -> usize {
        self.layout.tier_count
    }

    /// Why two models have the same win rate on every prompt, if they are in one tier; what the votes that led to it
    /// were, and what helps.
    pub(crate) fn one_tier(&self, strong: usize, weak: usize) -> Option<String> {
        let Layout { models, tiers, tier_count, .. } = &*self.layout;
        let (names, tier) = (models.names(), tiers[strong]);
        if tiers[weak] != tier {
            return None;
        }
        let others: Vec<&str> =
            (0..names.len()).filter(|i| tiers[*i] != tier).map(|i| names[i].as_str()).collect();
        let more = if others.len() > NAMED { " ..." } else { "" };
        let pair = if others.is_empty() {
            "all models are in this tier".to_owned()
        } else {
            format!(
                "name a pair of two tiers (in others: {}{more})",
                others[..others.len().min(NAMED)].join(", ")
            )
        };
        Some(format!(
            "{:?} and {:?} are both in tier {tier} of {tier_count} (0 is the best), where models share a rating: every \
             win rate is one half. What helps: {pair}, or more votes, above all votes that compare these two, or more \
             tiers",
            names[strong], names[weak],
        ))
    }

    /// As [`pair`](Self::pair), for a router: in `exact` mode also refuses two models of one tier, which would get one
    /// half on every prompt. In `reference` mode that is what the reference does.
    ///
    /// # Errors
    /// `InvalidArgument` as [`pair`](Self::pair), and for two models of one tier.
    pub fn routable_pair(&self, strong: &str, weak: &str, mode: Mode) -> Result<(usize, usize)> {
        let pair = self.pair(strong, weak, mode)?;
        match self.one_tier(pair.0, pair.1) {
            Some(why) if mode == Mode::Exact => Err(Error::invalid_argument(why)),
            _ => Ok(pair),
        }
    }

    /// Numbers of a pair of models that scores can compare.
    ///
    /// # Errors
    /// `InvalidArgument` for a model that the votes do not know (naming the known ones), the same model twice,
    /// or models that the votes do not connect.
    pub fn pair(&self, strong: &str, weak: &str, mode: Mode) -> Result<(usize, usize)> {
        let pair = (self.layout.models.number(strong)?, self.layout.models.number(weak)?);
        self.layout.check_pair(pair.0, pair.1, mode)?;
        Ok(pair)
    }

    /// Scores one embedding (of any length but zero).
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong dimension, NaN, infinities or zeros, or an error target that is not
    /// positive; `Inference` in `reference` mode when the largest similarity is exactly 0.
    pub fn score(&self, query: &[f32], options: &ScoreOptions, scratch: &mut Scratch) -> Result<SwScore> {
        let unit = unit_query(query, self.meta.dim)?;
        if let (Some(clusters), false) = (&self.clusters, options.probe == Probe::All) {
            return clusters.score(self, &unit, options, scratch);
        }
        let mut scores = self.score_units(&[unit], options, scratch)?;
        Ok(scores.remove(0))
    }

    /// Largest cosine similarity of an embedding to any vote. Reads every vote, clustered or not.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong dimension, NaN, infinities or zeros.
    pub fn similarity(&self, query: &[f32], threads: usize, scratch: &mut Scratch) -> Result<f64> {
        Ok(cosine(self.largest_similarity(&unit_query(query, self.meta.dim)?, threads, scratch)))
    }

    pub(crate) fn largest_similarity(&self, unit: &[f32], threads: usize, scratch: &mut Scratch) -> f64 {
        self.similarities(&[unit.to_vec()], threads, scratch);
        f32::extremes(&scratch.similarities[..self.meta.votes]).0.into()
    }

    /// Scores `queries.len() / dim` embeddings, one after the other in `queries`: the same bits as one by one,
    /// but each block of the store is read once for many queries.
    ///
    /// # Errors
    /// As [`Self::score`], with the number of the query; also if `queries` is no multiple of the dimension.
    pub fn score_batch(
        &self,
        queries: &[f32],
        options: &ScoreOptions,
        scratch: &mut Scratch,
    ) -> Result<Vec<SwScore>> {
        let dim = self.meta.dim;
        if !queries.len().is_multiple_of(dim) {
            return Err(Error::invalid_argument(format!(
                "{} numbers are no whole number of embeddings of {dim} dimensions",
                queries.len()
            )));
        }
        let mut units = Vec::with_capacity(queries.len() / dim);
        for (i, query) in queries.chunks_exact(dim).enumerate() {
            units.push(unit_query(query, dim).map_err(|e| e.context(format!("query {i}")))?);
        }
        if let (Some(clusters), false) = (&self.clusters, options.probe == Probe::All) {
            let score = |(i, unit): (usize, &Vec<f32>)| {
                clusters.score(self, unit, options, scratch).map_err(|e| e.context(format!("query {i}")))
            };
            return units.iter().enumerate().map(score).collect();
        }
        let fit = (BATCH_BYTES / (4 * self.meta.votes)).clamp(1, BATCH_QUERIES);
        // Tiles of four queries are the fastest.
        let tile = if fit >= 4 { fit / 4 * 4 } else { fit };
        let mut scores = Vec::with_capacity(units.len());
        for part in units.chunks(tile) {
            scores.extend(self.score_units(part, options, scratch)?);
        }
        Ok(scores)
    }

    fn score_units(
        &self,
        units: &[Vec<f32>],
        options: &ScoreOptions,
        scratch: &mut Scratch,
    ) -> Result<Vec<SwScore>> {
        let n = self.meta.votes;
        self.similarities(units, options.threads, scratch);
        (0..units.len()).map(|i| self.weigh(&scratch.similarities[i * n..(i + 1) * n], options)).collect()
    }

    /// Similarities of every vote to each query, in the order of the groups, into `scratch.similarities`.
    pub(super) fn similarities(&self, units: &[Vec<f32>], threads: usize, scratch: &mut Scratch) {
        let n = self.meta.votes;
        let queries: Vec<RowQuery> = units.iter().map(|unit| self.rows.query(unit)).collect();
        // Kept at its size: clearing a buffer that is overwritten anyway costs a pass over it.
        scratch.similarities.resize(n * units.len().max(scratch.similarities.len() / n), 0.0);
        self.rows.scan_all(&queries, &mut scratch.similarities[..n * units.len()], threads);
        if let Some(clusters) = &self.clusters {
            scratch.ordered.resize(n, 0.0);
            for part in scratch.similarities[..n * units.len()].chunks_exact_mut(n) {
                for (similarity, position) in part.iter().zip(clusters.position.words()) {
                    scratch.ordered[*position as usize] = *similarity;
                }
                part.copy_from_slice(&scratch.ordered);
            }
        }
        if let Some(residuals) = &self.residuals {
            for (unit, part) in units.iter().zip(scratch.similarities.chunks_exact_mut(n)) {
                self.correct(residuals, unit, part);
            }
        }
    }

    /// Adds to each similarity, in the order of the groups, the mean of what the store lost of its run: that
    /// removes most of the error from the sums, and some of it from the largest similarity, on which all weights
    /// depend.
    fn correct(&self, residuals: &Residuals, unit: &[f32], similarities: &mut [f32]) {
        let mut rotated = unit.to_vec();
        self.rows.rotate(&mut rotated);
        let mut products = vec![0.0_f32; residuals.rows.n];
        residuals.rows.scan_all(&[residuals.rows.query(&rotated)], &mut products, 1);
        let mut rest = similarities;
        for (votes, product) in residuals.votes.words().iter().zip(products) {
            let (run, others) = rest.split_at_mut(*votes as usize);
            rest = others;
            let mean = product / *votes as f32;
            for similarity in run {
                *similarity += mean;
            }
        }
    }

    /// Scores a query from its cosine similarities to all votes, computed elsewhere in double precision:
    /// `similarities[i]` belongs to the vote in row `i` of the input of the build.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong number of similarities or one that is not finite; `Inference` as
    /// [`Self::score`].
    pub fn score_similarities(&self, similarities: &[f64], options: &ScoreOptions) -> Result<SwScore> {
        if similarities.len() != self.meta.votes || similarities.iter().any(|s| !s.is_finite()) {
            return Err(Error::invalid_argument(format!(
                "{} finite similarities expected, one per vote; got {}",
                self.meta.votes,
                similarities.len()
            )));
        }
        let mut ordered = vec![0.0; similarities.len()];
        for (stored, row) in self.source.words().iter().enumerate() {
            let position = self.clusters.as_ref().map_or(stored, |c| c.position.words()[stored] as usize);
            ordered[position] = similarities[*row as usize];
        }
        self.weigh(&ordered, options)
    }

    fn weigh<S: Similarity>(&self, similarities: &[S], options: &ScoreOptions) -> Result<SwScore> {
        let (max, min) = S::extremes(similarities);
        let weighting = Weighting::new(max.into(), min.into(), self.meta.weight_exponent, options.mode)?;
        let sums = groups::sums(&self.layout.groups, similarities, &weighting);
        let reach = self.clusters.as_ref().map(|clusters| Reach {
            probed_clusters: clusters.count(),
            probed_votes: self.meta.votes,
            error: Some(0.0),
        });
        self.finish(max.into(), &weighting, sums, options.mode, reach)
    }

    pub(crate) fn finish(
        &self,
        similarity: f64,
        weighting: &Weighting,
        sums: Vec<GroupSum>,
        mode: Mode,
        reach: Option<Reach>,
    ) -> Result<SwScore> {
        let strengths = self.layout.solvable(mode).solve(&self.layout.groups, &sums)?;
        let layout = Arc::clone(&self.layout);
        Ok(SwScore { layout, mode, similarity, flat: weighting.flat, strengths, sums, reach })
    }
}
