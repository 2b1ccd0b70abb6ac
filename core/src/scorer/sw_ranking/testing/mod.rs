//! For tests and benchmarks: simulated votes, measures of agreement, and the parts of a score one by one.

mod simulate;

pub use simulate::{SimulatedVotes, Simulation, flips, lift, simulate, spearman, synthetic_base};

use std::collections::BTreeMap;

use super::model::{SwMeta, SwModel, unit_query};
use super::solve::groups::{self, GroupSum, Mode, Similarity, Weighting};
use super::store::section::Section;
use crate::preference::bradley_terry;
use crate::{Error, Result};

/// The arrays of a model by name, little-endian and row-major.
pub type SwParts = BTreeMap<String, Vec<u8>>;

impl SwModel {
    /// The arrays of the model.
    pub fn to_parts(&self) -> SwParts {
        self.tensors().into_iter().map(|tensor| (tensor.name.to_owned(), tensor.bytes.to_vec())).collect()
    }

    /// A model of a description and arrays.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of_parts(meta: SwMeta, parts: SwParts) -> Result<Self> {
        Self::from_parts(meta, parts.into_iter().map(|(name, bytes)| (name, Section::Bytes(bytes))).collect())
    }

    /// The stored vectors.
    pub fn vectors(&self) -> &[u8] {
        self.rows.data.bytes()
    }

    /// The scan alone, as a benchmark wants it: similarities of all votes to the queries, in the order of
    /// storage, into `out` (`queries x votes`).
    ///
    /// # Errors
    /// `InvalidArgument` as [`Self::score`], or for an `out` of the wrong length.
    pub fn scan(&self, queries: &[f32], threads: usize, out: &mut [f32]) -> Result<()> {
        let dim = self.meta.dim;
        let mut prepared = Vec::new();
        for query in queries.chunks(dim) {
            prepared.push(self.rows.query(&unit_query(query, dim)?));
        }
        if out.len() != prepared.len() * self.meta.votes {
            return Err(Error::invalid_argument("the output is not queries x votes long"));
        }
        self.rows.scan_all(&prepared, out, threads);
        Ok(())
    }

    /// The group sums alone, from similarities in the order of storage (as [`Self::scan`] gives them) of a
    /// model without clusters. What a benchmark, or a service that shards its votes, wants.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong number of similarities; `Inference` as [`Self::score`].
    pub fn sums(&self, similarities: &[f32], mode: Mode) -> Result<Vec<GroupSum>> {
        if similarities.len() != self.meta.votes || self.clusters.is_some() {
            return Err(Error::invalid_argument(
                "one similarity per vote of a model without clusters is expected",
            ));
        }
        let (max, min) = f32::extremes(similarities);
        let weighting = Weighting::new(max.into(), min.into(), self.meta.weight_exponent, mode)?;
        Ok(groups::sums(&self.layout.groups, similarities, &weighting))
    }

    /// The ratings of the tiers (Elo scale) from group sums.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong number of sums; `Inference` if they have no finite optimum.
    pub fn solve(&self, sums: &[GroupSum], mode: Mode) -> Result<Vec<f64>> {
        if sums.len() != self.layout.groups.len() {
            return Err(Error::invalid_argument(format!(
                "{} group sums are expected",
                self.layout.groups.len()
            )));
        }
        let strengths = self.layout.solvable(mode).solve(&self.layout.groups, sums)?;
        Ok(strengths.into_iter().map(|e| bradley_terry::MEAN + bradley_terry::POINTS * e).collect())
    }
}
