//! The `mf` scorer: matrix factorization (section 4.2 of the paper; `MFModel` of the reference).
//!
//! `win_rate = sigmoid(c . ((norm(P_strong) - norm(P_weak)) * (W e)))` with rows of `P` scaled to unit length
//! and no bias. Everything but the embedding `e` is constant, so it folds: to one vector for a pair, and to a
//! `candidates x d` matrix for all of them. The folding and the dot product are in double precision; the
//! reference works in single precision, and its own win rates are up to 7e-4 away from the exact ones (on
//! embeddings of very large norm).

use super::{Pair, finite};
use crate::artifact::{Artifact, Tensors};
use crate::features::Features;
use crate::numeric::{dot_f64, sigmoid};
use crate::{Error, Result};

/// File of the weights in an artifact, with the reference's tensor names.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// Smallest length of a row of `P`, as in the reference's `normalize`.
const EPSILON: f64 = 1e-12;

/// The weights of a factorization.
#[derive(Debug, Clone, PartialEq)]
pub struct MfWeights {
    /// Number of candidates.
    pub models: usize,
    /// Dimension of the latent space.
    pub dim: usize,
    /// Dimension of the prompt embedding.
    pub text_dim: usize,
    /// `P`, `models x dim`, row-major.
    pub p: Vec<f32>,
    /// `W`, `dim x text_dim`, row-major.
    pub w: Vec<f32>,
    /// `c`, `dim`.
    pub c: Vec<f32>,
}

impl MfWeights {
    /// Reads tensors of the published layout: `P.weight`, `text_proj.0.weight`, `classifier.0.weight`.
    ///
    /// # Errors
    /// `InvalidModel` if one is missing, has another shape, or holds a value that is not finite.
    pub fn read(tensors: &Tensors, models: usize, dim: usize, text_dim: usize) -> Result<Self> {
        Ok(Self {
            models,
            dim,
            text_dim,
            p: tensors.f32("P.weight", &[models, dim])?,
            w: tensors.f32("text_proj.0.weight", &[dim, text_dim])?,
            c: tensors.f32("classifier.0.weight", &[1, dim])?,
        })
    }

    /// One vector of `text_dim` numbers for each candidate: its logit on an embedding is their dot product.
    pub fn fold(&self) -> Vec<Vec<f64>> {
        (0..self.models)
            .map(|model| {
                let row = &self.p[model * self.dim..][..self.dim];
                let squares: f64 = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
                let norm = squares.sqrt().max(EPSILON);
                let mut folded = vec![0.0; self.text_dim];
                for ((p, c), w) in row.iter().zip(&self.c).zip(self.w.chunks(self.text_dim)) {
                    let factor = f64::from(*p) / norm * f64::from(*c);
                    for (sum, w) in folded.iter_mut().zip(w) {
                        *sum += factor * f64::from(*w);
                    }
                }
                folded
            })
            .collect()
    }
}

/// A folded factorization, bound to a pair.
#[derive(Debug, Clone)]
pub struct MfScorer {
    pair: Vec<f64>,
    candidates: Vec<Vec<f64>>,
}

impl MfScorer {
    /// Folds the weights.
    ///
    /// # Errors
    /// `InvalidModel` if the pair is not among the candidates.
    pub fn new(weights: &MfWeights, pair: Pair) -> Result<Self> {
        let candidates = weights.fold();
        let row = |index: usize| {
            candidates.get(index).ok_or_else(|| {
                Error::invalid_model(format!("mf: no row for candidate {index} of {}", weights.models))
            })
        };
        let difference = row(pair.strong)?.iter().zip(row(pair.weak)?).map(|(s, w)| s - w).collect();
        Ok(Self { pair: difference, candidates })
    }

    pub(crate) fn load(artifact: &Artifact, pair: Pair) -> Result<Self> {
        let manifest = artifact.manifest();
        let tensors = artifact.tensors(WEIGHTS_FILE)?;
        let dim = tensors.shape("classifier.0.weight")?.last().copied().unwrap_or(0);
        let weights =
            MfWeights::read(&tensors, manifest.models.names.len(), dim, manifest.featurizer.dimension())?;
        Self::new(&weights, pair)
    }

    /// The win rate of the pair for a dense embedding.
    ///
    /// # Errors
    /// `InvalidArgument` if it holds NaN or infinity; `InvalidModel` on sparse features.
    pub fn win_rate(&self, features: Features<'_>) -> Result<f64> {
        let embedding = dense(features)?;
        Ok(sigmoid(finite(dot_f64(embedding, &self.pair), features)?))
    }

    /// The logit of each candidate; the win rate of any two is the sigmoid of their difference.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate).
    pub fn candidate_scores(&self, features: Features<'_>) -> Result<Vec<f64>> {
        let embedding = dense(features)?;
        self.candidates.iter().map(|row| finite(dot_f64(embedding, row), features)).collect()
    }
}

fn dense(features: Features<'_>) -> Result<&[f32]> {
    match features {
        Features::Dense(values) => Ok(values),
        Features::Sparse(_) => {
            Err(Error::invalid_model("mf reads dense embeddings, the featurizer is sparse"))
        }
    }
}
