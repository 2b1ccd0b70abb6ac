//! The `knn` scorer: what is known of the prompts that are most similar.
//!
//! The quality of a candidate on a prompt is the mean of its qualities on the `k` known prompts of the largest cosine
//! similarity `s` among those that it answered, weighted by `w exp(s / temperature)`, where `w` is the weight of the label.
//! `win_rate = sigmoid(a + b (quality of strong - quality of weak))`.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use super::{Link, Pair, Score};
use crate::artifact::{Artifact, Tensors};
#[cfg(any(feature = "train", test))]
use crate::artifact::{Tensor, tensor_f32, tensor_u32};
use crate::features::{Features, SparseVector};
use crate::numeric::{dot, normalize, sigmoid};
use crate::{Error, Result};

/// File of the known prompts' vectors and labels in an artifact.
pub const NEIGHBOURS_FILE: &str = "neighbours.safetensors";
/// File of the known prompts' ids, and their texts if the owner stored them: one JSON object a line.
pub const NAMES_FILE: &str = "neighbours.jsonl";
/// Stands for a label that is not known, in a file, whose numbers are finite.
const UNKNOWN: f32 = -1.0;

/// Parameters of the scorer in an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnnSpec {
    /// How many known prompts count.
    pub(crate) k: usize,
    /// How fast weights fall with similarity.
    pub(crate) temperature: f64,
    /// From the gap of two qualities to a win rate.
    pub(crate) link: Link,
}

impl KnnSpec {
    fn check(&self) -> Result<()> {
        let right = self.k > 0
            && self.temperature > 0.0
            && [self.temperature, self.link.a, self.link.b].iter().all(|number| number.is_finite());
        if right {
            return Ok(());
        }
        Err(Error::invalid_model(format!("knn scorer: {self:?}, expected k and temperature above 0")))
    }
}

/// Vectors of unit length.
#[derive(Debug, Clone, PartialEq)]
enum Vectors {
    /// Row-major.
    Dense { dim: usize, values: Vec<f32> },
    /// Row after row: where each begins, and its entries.
    Sparse { dim: usize, offsets: Vec<u32>, indices: Vec<u32>, values: Vec<f32> },
}

/// Known prompts: their vectors, and how well each candidate answered them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Neighbours {
    vectors: Vectors,
    candidates: usize,
    /// `prompts x candidates`, in [0, 1]; [`UNKNOWN`] where a candidate's answer is not known.
    labels: Vec<f32>,
    /// `prompts x candidates`
    weights: Vec<f32>,
}

/// A known prompt that counts in a quality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Neighbour {
    pub(crate) row: usize,
    pub(crate) similarity: f32,
}

/// Buffers of a score.
#[derive(Debug, Default)]
pub(crate) struct KnnScratch {
    query: Vec<f32>,
    /// All zeros between two scores.
    spread: Vec<f32>,
    similarities: Vec<f32>,
    order: Vec<u32>,
}

thread_local! {
    static SCRATCH: RefCell<KnnScratch> = RefCell::default();
}

impl Neighbours {
    /// No prompts yet, with vectors of `dim` dimensions, of which few are not zero if they are `sparse`.
    #[cfg(any(feature = "train", test))]
    pub(crate) fn new(dim: usize, sparse: bool, candidates: usize) -> Self {
        let vectors = if sparse {
            Vectors::Sparse { dim, offsets: vec![0], indices: Vec::new(), values: Vec::new() }
        } else {
            Vectors::Dense { dim, values: Vec::new() }
        };
        Self { vectors, candidates, labels: Vec::new(), weights: Vec::new() }
    }

    /// Adds a prompt, with the label and the weight of each candidate; `None` where its answer is not known.
    ///
    /// # Errors
    /// `InvalidArgument` for features without a direction.
    #[cfg(any(feature = "train", test))]
    pub(crate) fn push(
        &mut self,
        features: Features<'_>,
        labels: impl Iterator<Item = Option<(f64, f64)>>,
    ) -> Result<()> {
        let zero = || Error::invalid_argument("its vector is all zeros");
        match (&mut self.vectors, features) {
            (Vectors::Dense { values, .. }, Features::Dense(row)) => {
                let from = values.len();
                values.extend_from_slice(row);
                if !is_direction(normalize(&mut values[from..])) {
                    values.truncate(from);
                    return Err(zero());
                }
            }
            (Vectors::Sparse { offsets, indices, values, .. }, Features::Sparse(row)) => {
                let norm = sparse_norm(row);
                if !is_direction(norm) {
                    return Err(zero());
                }
                for (index, value) in row.iter() {
                    indices.push(index);
                    values.push((f64::from(value) / norm) as f32);
                }
                offsets.push(values.len() as u32);
            }
            _ => return Err(other_form()),
        }
        for label in labels {
            let (label, weight) =
                label.map_or((UNKNOWN, 0.0), |(label, weight)| (label as f32, weight as f32));
            self.labels.push(label);
            self.weights.push(weight);
        }
        Ok(())
    }

    /// How many prompts there are.
    pub(crate) fn len(&self) -> usize {
        self.labels.len() / self.candidates
    }

    /// The quality of a candidate's answer to a prompt, if it is known.
    pub(crate) fn label(&self, row: usize, candidate: usize) -> Option<f64> {
        let label = self.labels[row * self.candidates + candidate];
        (label >= 0.0).then_some(f64::from(label))
    }

    /// How much that counts.
    pub(crate) fn weight(&self, row: usize, candidate: usize) -> f64 {
        f64::from(self.weights[row * self.candidates + candidate])
    }

    /// Cosine similarities to all prompts, in `scratch`.
    fn compare(&self, features: Features<'_>, scratch: &mut KnnScratch) -> Result<()> {
        let far = "the vector of the prompt has no direction (all zeros), or is not finite";
        scratch.similarities.clear();
        match (&self.vectors, features) {
            (Vectors::Dense { dim, values }, Features::Dense(row)) => {
                scratch.query.clear();
                scratch.query.extend_from_slice(row);
                if !is_direction(normalize(&mut scratch.query)) {
                    return Err(Error::invalid_argument(far));
                }
                let rows = values.chunks_exact(*dim);
                scratch.similarities.extend(rows.map(|row| dot(row, &scratch.query)));
            }
            (Vectors::Sparse { dim, offsets, indices, values }, Features::Sparse(row)) => {
                let norm = sparse_norm(row);
                if !is_direction(norm) {
                    return Err(Error::invalid_argument(far));
                }
                // Zero but for the query's entries, which are cleared again.
                scratch.spread.resize((*dim).max(scratch.spread.len()), 0.0);
                for (index, value) in row.iter() {
                    scratch.spread[index as usize] = (f64::from(value) / norm) as f32;
                }
                scratch.similarities.extend(offsets.windows(2).map(|ends| {
                    let place = ends[0] as usize..ends[1] as usize;
                    let terms = indices[place.clone()].iter().zip(&values[place]);
                    terms.map(|(index, value)| value * scratch.spread[*index as usize]).sum::<f32>()
                }));
                row.iter().for_each(|(index, _)| scratch.spread[index as usize] = 0.0);
            }
            _ => return Err(other_form()),
        }
        Ok(())
    }

    /// Hands the prompts of largest similarity to `each`, nearest first and of equal ones by row, until it returns false.
    /// `but` is a prompt that does not count.
    fn nearest(
        &self,
        features: Features<'_>,
        but: Option<usize>,
        k: usize,
        scratch: &mut KnnScratch,
        mut each: impl FnMut(Neighbour) -> bool,
    ) -> Result<()> {
        self.compare(features, scratch)?;
        let similarities = &scratch.similarities;
        let nearer =
            |a: &u32, b: &u32| similarities[*b as usize].total_cmp(&similarities[*a as usize]).then(a.cmp(b));
        let order = &mut scratch.order;
        order.clear();
        order.extend((0..similarities.len() as u32).filter(|row| Some(*row as usize) != but));
        // Mostly the first few tell all, and the others need no order.
        let mut from = 0;
        let mut step = k.max(16);
        while from < order.len() {
            let rest = &mut order[from..];
            if step < rest.len() {
                rest.select_nth_unstable_by(step, nearer);
            }
            let until = step.min(rest.len());
            rest[..until].sort_unstable_by(nearer);
            for row in &rest[..until] {
                let row = *row as usize;
                if !each(Neighbour { row, similarity: similarities[row] }) {
                    return Ok(());
                }
            }
            from += until;
            step *= 4;
        }
        Ok(())
    }

    /// For each candidate the `k` nearest prompts that it answered, and the largest similarity of all.
    ///
    /// # Errors
    /// `InvalidArgument` for a vector without a direction; `InvalidModel` for features of another form.
    pub(crate) fn of_candidates(
        &self,
        features: Features<'_>,
        but: Option<usize>,
        k: usize,
        scratch: &mut KnnScratch,
    ) -> Result<(Vec<Vec<Neighbour>>, f64)> {
        let mut found: Vec<Vec<Neighbour>> = vec![Vec::with_capacity(k); self.candidates];
        let (mut open, mut largest) = (self.candidates, None);
        self.nearest(features, but, k, scratch, |neighbour| {
            largest.get_or_insert(neighbour.similarity);
            for (candidate, found) in found.iter_mut().enumerate() {
                if found.len() < k && self.label(neighbour.row, candidate).is_some() {
                    found.push(neighbour);
                    open -= usize::from(found.len() == k);
                }
            }
            open > 0
        })?;
        Ok((found, f64::from(largest.unwrap_or(0.0))))
    }

    /// The quality of a candidate, from its nearest prompts, the nearest first; one half where there are none.
    pub(crate) fn quality(&self, candidate: usize, nearest: &[Neighbour], temperature: f64) -> f64 {
        let Some(first) = nearest.first() else { return 0.5 };
        let (mut sum, mut total) = (0.0, 0.0);
        for neighbour in nearest {
            let near = near(*neighbour, *first, temperature);
            let weight = near * self.weight(neighbour.row, candidate);
            sum += weight * self.label(neighbour.row, candidate).unwrap_or(0.5);
            total += weight;
        }
        if total > 0.0 { sum / total } else { 0.5 }
    }

    /// As tensors of [`NEIGHBOURS_FILE`].
    #[cfg(any(feature = "train", test))]
    pub(crate) fn tensors(&self) -> Vec<(&'static str, Tensor)> {
        let shape = [self.len(), self.candidates];
        let mut tensors = vec![
            ("labels", tensor_f32(&shape, &self.labels)),
            ("weights", tensor_f32(&shape, &self.weights)),
        ];
        match &self.vectors {
            Vectors::Dense { dim, values } => {
                tensors.push(("vectors", tensor_f32(&[self.len(), *dim], values)));
            }
            Vectors::Sparse { offsets, indices, values, .. } => {
                tensors.push(("offsets", tensor_u32(&[offsets.len()], offsets)));
                tensors.push(("indices", tensor_u32(&[indices.len()], indices)));
                tensors.push(("values", tensor_f32(&[values.len()], values)));
            }
        }
        tensors
    }

    fn read(tensors: &Tensors, dim: usize, sparse: bool, candidates: usize) -> Result<Self> {
        let bad = |what: &str| Error::invalid_model(format!("{NEIGHBOURS_FILE}: {what}"));
        let rows = tensors.shape("labels")?.first().copied().unwrap_or(0);
        let labels = tensors.f32("labels", &[rows, candidates])?;
        let weights = tensors.f32("weights", &[rows, candidates])?;
        if rows == 0
            || labels.iter().any(|label| *label != UNKNOWN && !(0.0..=1.0).contains(label))
            || weights.iter().any(|weight| *weight < 0.0)
        {
            return Err(bad("a label is outside [0, 1], or a weight is negative, or there are none"));
        }
        let vectors = if sparse {
            let offsets = tensors.u32("offsets", &[rows + 1])?;
            let entries = tensors.shape("values")?.first().copied().unwrap_or(0);
            let indices = tensors.u32("indices", &[entries])?;
            let whole = offsets[0] == 0
                && offsets[rows] as usize == entries
                && offsets.windows(2).all(|ends| ends[0] <= ends[1])
                && indices.iter().all(|index| (*index as usize) < dim);
            if !whole {
                return Err(bad("the entries of the vectors do not fit"));
            }
            Vectors::Sparse { dim, offsets, indices, values: tensors.f32("values", &[entries])? }
        } else {
            Vectors::Dense { dim, values: tensors.f32("vectors", &[rows, dim])? }
        };
        Ok(Self { vectors, candidates, labels, weights })
    }

    /// About how long a pass over all prompts takes, in nanoseconds.
    fn cost_ns(&self) -> u64 {
        let numbers = match &self.vectors {
            Vectors::Dense { values, .. } => values.len() / 8,
            Vectors::Sparse { values, .. } => values.len(),
        };
        2_000 + numbers as u64 + 8 * self.len() as u64
    }
}

/// The weight of a neighbour; 1 for the nearest.
pub(crate) fn near(neighbour: Neighbour, first: Neighbour, temperature: f64) -> f64 {
    libm::exp((f64::from(neighbour.similarity) - f64::from(first.similarity)) / temperature)
}

fn is_direction(norm: f64) -> bool {
    norm > 0.0 && norm.is_finite()
}

fn sparse_norm(row: &SparseVector) -> f64 {
    row.iter().map(|(_, value)| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}

fn other_form() -> Error {
    Error::invalid_model("knn: its vectors are of another form than the featurizer's")
}

/// The known prompts and what they say, bound to a pair.
#[derive(Debug)]
pub struct KnnScorer {
    neighbours: Neighbours,
    spec: KnnSpec,
    pair: Pair,
    names: Vec<NeighbourName>,
}

/// What a known prompt is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NeighbourName {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

/// A known prompt that an explanation names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExplainedNeighbour {
    /// Its row in the artifact.
    pub row: usize,
    /// Its id in the data.
    pub id: Option<String>,
    /// Its text, if the artifact's owner stored the texts.
    pub text: Option<String>,
    /// Its cosine similarity.
    pub similarity: f64,
    /// Its weight: 100 for the nearest.
    pub weight: f64,
    /// The strong model's quality on it less the weak one's, or, where only one of them is known, by how much that is above
    /// one half, as a gap.
    pub gap: f64,
}

impl KnnScorer {
    /// # Errors
    /// `InvalidModel` for parameters out of range.
    pub(crate) fn new(
        neighbours: Neighbours,
        spec: KnnSpec,
        pair: Pair,
        names: Vec<NeighbourName>,
    ) -> Result<Self> {
        spec.check()?;
        Ok(Self { neighbours, spec, pair, names })
    }

    pub(crate) fn load(artifact: &Artifact, sparse_dimension: Option<usize>, pair: Pair) -> Result<Self> {
        let manifest = artifact.manifest();
        let spec: KnnSpec = manifest
            .scorer
            .read()
            .map_err(|error| Error::invalid_model(format!("router.json: scorer: {}", error.message())))?;
        let dim = sparse_dimension.unwrap_or(manifest.featurizer.dimension());
        let tensors = artifact.tensors(NEIGHBOURS_FILE)?;
        let neighbours =
            Neighbours::read(&tensors, dim, sparse_dimension.is_some(), manifest.models.names.len())?;
        let bytes = artifact.read(NAMES_FILE)?;
        let bad = |what: &dyn std::fmt::Display| Error::invalid_model(format!("{NAMES_FILE}: {what}"));
        let names: Vec<NeighbourName> = std::str::from_utf8(&bytes)
            .map_err(|error| bad(&error))?
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|error| bad(&error)))
            .collect::<Result<_>>()?;
        if names.len() != neighbours.len() {
            return Err(bad(&format!("{} names for {} prompts", names.len(), neighbours.len())));
        }
        Self::new(neighbours, spec, pair, names)
    }

    /// How many candidates there are.
    pub fn candidates(&self) -> usize {
        self.neighbours.candidates
    }

    /// The quality of each candidate, and the largest similarity to any known prompt.
    ///
    /// # Errors
    /// `InvalidArgument` for a vector without a direction, or that is not finite.
    pub fn qualities(&self, features: Features<'_>) -> Result<(Vec<f64>, f64)> {
        self.qualities_but(features, None)
    }

    /// The win rate of the pair and the qualities, as if the known prompt `but` were not known.
    #[cfg(feature = "train")]
    pub(crate) fn rated(&self, features: Features<'_>, but: Option<usize>) -> Result<(f64, Vec<f64>)> {
        let qualities = self.qualities_but(features, but)?.0;
        Ok((self.rate_of_gap(self.pair.gap(&qualities)), qualities))
    }

    fn qualities_but(&self, features: Features<'_>, but: Option<usize>) -> Result<(Vec<f64>, f64)> {
        let KnnSpec { k, temperature, .. } = self.spec;
        let (nearest, largest) =
            SCRATCH.with_borrow_mut(|scratch| self.neighbours.of_candidates(features, but, k, scratch))?;
        let of = |(candidate, nearest): (usize, &Vec<Neighbour>)| {
            self.neighbours.quality(candidate, nearest, temperature)
        };
        Ok((nearest.iter().enumerate().map(of).collect(), largest))
    }

    /// The score of the pair.
    ///
    /// # Errors
    /// As [`qualities`](Self::qualities).
    pub fn score(&self, features: Features<'_>) -> Result<Score> {
        let (qualities, largest) = self.qualities(features)?;
        Ok(Score { similarity: Some(largest), ..Score::of(self.rate_of_gap(self.pair.gap(&qualities))) })
    }

    /// The win rate of the gap of two qualities.
    pub(crate) fn rate_of_gap(&self, gap: f64) -> f64 {
        sigmoid(self.spec.link.a + self.spec.link.b * gap)
    }

    /// The score of the pair and the qualities, with the `k` nearest prompts that one of the pair answered.
    ///
    /// # Errors
    /// As [`qualities`](Self::qualities).
    pub fn explain(
        &self,
        features: Features<'_>,
        k: usize,
    ) -> Result<(Score, Vec<f64>, Vec<ExplainedNeighbour>)> {
        let Pair { strong, weak } = self.pair;
        let mut nearest = Vec::new();
        SCRATCH.with_borrow_mut(|scratch| {
            self.neighbours.nearest(features, None, k, scratch, |neighbour| {
                let known = |candidate| self.neighbours.label(neighbour.row, candidate).is_some();
                if nearest.len() < k && (known(strong) || known(weak)) {
                    nearest.push(neighbour);
                }
                nearest.len() < k
            })
        })?;
        let explained = nearest.iter().map(|neighbour| {
            let label = |candidate| self.neighbours.label(neighbour.row, candidate);
            let name = self.names.get(neighbour.row);
            ExplainedNeighbour {
                row: neighbour.row,
                id: name.map(|name| name.id.clone()),
                text: name.and_then(|name| name.text.clone()),
                similarity: f64::from(neighbour.similarity).clamp(-1.0, 1.0),
                weight: 100.0 * near(*neighbour, nearest[0], self.spec.temperature),
                gap: label(strong).unwrap_or(0.5) - label(weak).unwrap_or(0.5),
            }
        });
        let explained = explained.collect();
        Ok((self.score(features)?, self.qualities(features)?.0, explained))
    }

    pub(crate) fn cost_ns(&self) -> u64 {
        self.neighbours.cost_ns()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    const LINK: Link = Link { a: 0.1, b: 3.0 };

    /// The definition, written down plainly.
    fn plain(rows: &[Vec<f32>], labels: &[Option<f64>], query: &[f32], k: usize, temperature: f64) -> f64 {
        let cosine = |row: &[f32]| {
            let product = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            product(row, query) / (product(row, row) * product(query, query)).sqrt()
        };
        let mut known: Vec<(f64, f64)> =
            rows.iter().zip(labels).filter_map(|(row, label)| Some((cosine(row), (*label)?))).collect();
        known.sort_by(|a, b| b.0.total_cmp(&a.0));
        known.truncate(k);
        let weights: Vec<f64> = known.iter().map(|(s, _)| (s / temperature).exp()).collect();
        known.iter().zip(&weights).map(|((_, label), w)| label * w).sum::<f64>() / weights.iter().sum::<f64>()
    }

    #[test]
    fn qualities_are_those_of_the_definition() {
        let mut rng = Rng::new(9);
        let (n, dim, candidates) = (150, 20, 3);
        let rows: Vec<Vec<f32>> = (0..n).map(|_| (0..dim).map(|_| rng.normal() as f32).collect()).collect();
        let mut labels = Vec::new();
        for _ in 0..n * candidates {
            labels.push((rng.uniform() < 0.3).then(|| rng.uniform()));
        }
        let sparse = |row: &[f32]| {
            let mut out = SparseVector::new();
            row.iter().enumerate().for_each(|(i, x)| out.push(i as u32, *x));
            out
        };
        let (mut dense, mut thin) =
            (Neighbours::new(dim, false, candidates), Neighbours::new(dim, true, candidates));
        for (row, labels) in rows.iter().zip(labels.chunks(candidates)) {
            let labels = || labels.iter().map(|label| label.map(|label| (label, 1.0)));
            dense.push(Features::Dense(row), labels()).unwrap();
            thin.push(Features::Sparse(&sparse(row)), labels()).unwrap();
        }
        let spec = KnnSpec { k: 7, temperature: 0.2, link: LINK };
        let pair = Pair { strong: 0, weak: 2 };
        let fixed: Vec<f32> = (0..dim).map(|_| rng.normal() as f32).collect();
        let mut fixed_sparse = SparseVector::new();
        fixed.iter().enumerate().skip(3).for_each(|(i, x)| fixed_sparse.push(i as u32, *x));
        let fixed: Vec<f32> = fixed.iter().enumerate().map(|(i, x)| if i < 3 { 0.0 } else { *x }).collect();
        let mut seen: Vec<Vec<f64>> = Vec::new();
        for neighbours in [dense, thin] {
            let is_sparse = matches!(neighbours.vectors, Vectors::Sparse { .. });
            let bytes = neighbours.tensors();
            assert!(bytes.len() >= 3);
            let scorer = KnnScorer::new(neighbours, spec, pair, Vec::new()).unwrap();
            for _ in 0..10 {
                let query: Vec<f32> = (0..dim).map(|_| rng.normal() as f32).collect();
                let thin = sparse(&query);
                let features = if is_sparse { Features::Sparse(&thin) } else { Features::Dense(&query) };
                let (found, largest) = scorer.qualities(features).unwrap();
                for (candidate, found) in found.iter().enumerate() {
                    let labels: Vec<_> = labels.iter().skip(candidate).step_by(candidates).copied().collect();
                    let expected = plain(&rows, &labels, &query, 7, 0.2);
                    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
                }
                let score = scorer.score(features).unwrap();
                assert_eq!(score.win_rate, sigmoid(0.1 + 3.0 * (found[0] - found[2])));
                assert_eq!(score.similarity, Some(largest));
                let (_, _, explained) = scorer.explain(features, 4).unwrap();
                assert!(explained.len() == 4 && explained[0].weight == 100.0);
                assert!(explained.windows(2).all(|two| two[0].similarity >= two[1].similarity));
            }
            // Routers of both forms may score on one thread.
            let again = scorer.qualities(if is_sparse {
                Features::Sparse(&fixed_sparse)
            } else {
                Features::Dense(&fixed)
            });
            seen.push(again.unwrap().0);
            let zero = vec![0.0; dim];
            let empty = SparseVector::new();
            let features = if is_sparse { Features::Sparse(&empty) } else { Features::Dense(&zero) };
            assert!(scorer.score(features).unwrap_err().message().contains("no direction"));
        }
        assert!(seen[0].iter().zip(&seen[1]).all(|(a, b)| (a - b).abs() < 1e-5), "{seen:?}");
    }
}
