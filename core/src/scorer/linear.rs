//! The `linear` scorer: a linear model of the quality gap, and a logistic link to the win rate.

use serde::{Deserialize, Serialize};

use super::{Pair, finite};
use crate::artifact::Artifact;
use crate::features::Features;
use crate::numeric::{dot_f64, sigmoid};
use crate::{Error, Result};

/// File of the weights in an artifact.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// What the rows of weights predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinearTarget {
    /// One row: the quality gap of the artifact's pair, strong minus weak.
    Gap,
    /// One row for each candidate: its quality. The gap of any pair is a difference.
    Candidates,
}

/// `win_rate = sigmoid(a + b * gap)`, fitted by logistic regression of "strong is better" on gaps that were
/// predicted out of fold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Intercept.
    pub a: f64,
    /// Slope.
    pub b: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinearSpec {
    pub(crate) target: LinearTarget,
    pub(crate) link: Link,
}

/// Linear weights, bound to a pair.
#[derive(Debug, Clone)]
pub struct LinearScorer {
    /// Rows for sparse features; one of the two forms is filled.
    sparse: Vec<Vec<f32>>,
    /// Rows for dense features, in double precision as the dot product reads them.
    dense: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    target: LinearTarget,
    link: Link,
    pair: Pair,
}

impl LinearScorer {
    /// A scorer from rows of weights, `rows * dimension` row-major, and an intercept for each.
    /// `sparse` tells the form of the features.
    ///
    /// # Errors
    /// `InvalidModel` if the numbers do not fit each other or are not finite.
    pub fn new(
        weights: &[f32],
        intercepts: Vec<f64>,
        sparse: bool,
        target: LinearTarget,
        link: Link,
        pair: Pair,
    ) -> Result<Self> {
        let rows = intercepts.len();
        let invalid = |message: &str| Err(Error::invalid_model(format!("linear scorer: {message}")));
        if rows == 0 || weights.is_empty() || !weights.len().is_multiple_of(rows) {
            return invalid("weights are not whole rows");
        }
        if target == LinearTarget::Gap && rows != 1 {
            return invalid("a gap has one row of weights");
        }
        if target == LinearTarget::Candidates && pair.strong.max(pair.weak) >= rows {
            return invalid("a candidate has no row of weights");
        }
        let all_finite = weights.iter().all(|w| w.is_finite()) && intercepts.iter().all(|w| w.is_finite());
        if !(all_finite && link.a.is_finite() && link.b.is_finite()) {
            return invalid("a weight is not finite");
        }
        let dimension = weights.len() / rows;
        let mut scorer = Self { sparse: Vec::new(), dense: Vec::new(), intercepts, target, link, pair };
        for row in weights.chunks(dimension) {
            if sparse {
                scorer.sparse.push(row.to_vec());
            } else {
                scorer.dense.push(row.iter().map(|w| f64::from(*w)).collect());
            }
        }
        Ok(scorer)
    }

    pub(crate) fn load(artifact: &Artifact, sparse_dimension: Option<usize>, pair: Pair) -> Result<Self> {
        let manifest = artifact.manifest();
        let spec: LinearSpec = manifest
            .scorer
            .read()
            .map_err(|error| Error::invalid_model(format!("router.json: scorer: {}", error.message())))?;
        let rows = match spec.target {
            LinearTarget::Gap => 1,
            LinearTarget::Candidates => manifest.models.names.len(),
        };
        let names = &manifest.models.names;
        let trained = (&manifest.models.strong, &manifest.models.weak);
        if spec.target == LinearTarget::Gap && (&names[pair.strong], &names[pair.weak]) != trained {
            return Err(Error::invalid_argument(format!(
                "this router was trained for the pair strong={:?}, weak={:?} and cannot score strong={:?}, \
                 weak={:?}",
                trained.0, trained.1, names[pair.strong], names[pair.weak]
            )));
        }
        let dimension = sparse_dimension.unwrap_or(manifest.featurizer.dimension());
        let tensors = artifact.tensors(WEIGHTS_FILE)?;
        let weights = tensors.f32("weights", &[rows, dimension])?;
        let intercepts = tensors.f64("intercepts", &[rows])?;
        Self::new(&weights, intercepts, sparse_dimension.is_some(), spec.target, spec.link, pair)
    }

    /// The predicted quality gap of the pair, strong minus weak.
    ///
    /// # Errors
    /// `InvalidArgument` if an embedding holds NaN or infinity.
    pub fn gap(&self, features: Features<'_>) -> Result<f64> {
        match self.target {
            LinearTarget::Gap => self.row(0, features),
            LinearTarget::Candidates => {
                Ok(self.row(self.pair.strong, features)? - self.row(self.pair.weak, features)?)
            }
        }
    }

    /// `sigmoid(a + b * gap)`.
    ///
    /// # Errors
    /// As [`gap`](Self::gap).
    pub fn win_rate(&self, features: Features<'_>) -> Result<f64> {
        Ok(self.rate_of_gap(self.gap(features)?))
    }

    /// The win rate of a quality gap.
    pub(crate) fn rate_of_gap(&self, gap: f64) -> f64 {
        sigmoid(self.link.a + self.link.b * gap)
    }

    /// How many candidates have a row of their own; `None` if only the gap was trained.
    pub(crate) fn candidates(&self) -> Option<usize> {
        (self.target == LinearTarget::Candidates).then_some(self.intercepts.len())
    }

    /// The predicted quality of each candidate.
    ///
    /// # Errors
    /// As [`gap`](Self::gap); `Unsupported` if only the gap was trained.
    pub fn candidate_scores(&self, features: Features<'_>) -> Result<Vec<f64>> {
        if self.target == LinearTarget::Gap {
            return Err(Error::unsupported(
                "this router was trained on the gap of one pair and has no score for a single candidate",
            ));
        }
        (0..self.intercepts.len()).map(|row| self.row(row, features)).collect()
    }

    #[inline]
    fn row(&self, row: usize, features: Features<'_>) -> Result<f64> {
        let score = match features {
            Features::Sparse(sparse) => sparse.dot(&self.sparse[row]),
            Features::Dense(dense) => dot_f64(dense, &self.dense[row]),
        };
        finite(self.intercepts[row] + score, features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::SparseVector;

    const LINK: Link = Link { a: 0.5, b: 2.0 };
    const PAIR: Pair = Pair { strong: 0, weak: 1 };

    #[test]
    fn sparse_and_dense_agree() {
        let weights = [1.0, -2.0, 0.5, 0.25, 0.0, 1.0];
        let build = |sparse| {
            LinearScorer::new(&weights, vec![0.1, 0.2], sparse, LinearTarget::Candidates, LINK, PAIR).unwrap()
        };
        let mut features = SparseVector::new();
        features.push(2, 4.0);
        features.push(0, 1.0);
        let sparse = build(true).win_rate(Features::Sparse(&features)).unwrap();
        let dense = build(false).win_rate(Features::Dense(&[1.0, 0.0, 4.0])).unwrap();
        assert!((sparse - dense).abs() < 1e-15);
        let expected = sigmoid(0.5 + 2.0 * ((0.1 + 1.0 + 2.0) - (0.2 + 0.25 + 4.0)));
        assert!((dense - expected).abs() < 1e-12);
        assert_eq!(build(false).candidate_scores(Features::Dense(&[0.0; 3])).unwrap(), [0.1, 0.2]);
    }

    #[test]
    fn bad_numbers_are_refused() {
        let gap = |weights: &[f32], intercepts: Vec<f64>| {
            LinearScorer::new(weights, intercepts, false, LinearTarget::Gap, LINK, PAIR)
        };
        assert!(gap(&[1.0, f32::NAN], vec![0.0]).is_err());
        assert!(gap(&[1.0; 4], vec![0.0, 0.0]).is_err());
        let scorer = gap(&[1.0, 0.0], vec![0.0]).unwrap();
        let error = scorer.win_rate(Features::Dense(&[0.0, f32::INFINITY])).unwrap_err();
        assert_eq!(error.to_string(), "the embedding's element 1 is inf");
        assert_eq!(
            scorer.candidate_scores(Features::Dense(&[0.0; 2])).unwrap_err().kind(),
            crate::ErrorKind::Unsupported
        );
    }
}
