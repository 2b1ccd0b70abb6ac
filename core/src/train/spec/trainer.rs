//! Which trainer a specification names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::files::Json;
use crate::train::knn::KnnOptions;
use crate::train::linear::LinearOptions;
use crate::train::logistic::LogisticOptions;
use crate::train::mf::FitOptions;

/// Which trainer, with its hyperparameters. In JSON `kind` names it, and the hyperparameters stand beside that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trainer {
    /// Ridge regression of the quality gap on hashed features, from gold rows.
    Linear(Box<LinearOptions>),
    /// Nearest neighbours on any features.
    Knn(Box<KnnOptions>),
    /// Logistic regression on dense vectors; the artifact is of kind `linear`.
    Logistic(Box<LogisticOptions>),
    /// Matrix factorization on dense vectors.
    Mf(FitOptions),
    /// Similarity-weighted ranking on dense vectors.
    SwRanking(SwParameters),
}

impl Trainer {
    /// `linear`, `knn`, `logistic`, `mf` or `sw_ranking`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Linear(_) => "linear",
            Self::Knn(_) => "knn",
            Self::Logistic(_) => "logistic",
            Self::Mf(_) => "mf",
            Self::SwRanking(_) => "sw_ranking",
        }
    }

    /// A trainer of this name with the defaults of its hyperparameters.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that there is none of.
    pub fn named(name: &str) -> Result<Self> {
        Json::of(&BTreeMap::from([("kind", name)]))?.read().map_err(|error| error.context("trainer"))
    }
}

/// Hyperparameters of similarity-weighted ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SwParameters {
    /// Number of tiers (10 in the paper).
    pub tiers: usize,
    /// How embeddings are stored: `f32`, `f16`, `int8`, `int4`, `int2`, or `clustered` (int8 with an index).
    pub store: String,
    /// Exponent of the weights; 1 is the paper's.
    pub weight_exponent: f64,
    /// Whether the texts of the votes' prompts go into the artifact, for explanations. They may be private.
    pub texts: bool,
}

impl Default for SwParameters {
    fn default() -> Self {
        Self { tiers: 10, store: "int8".to_owned(), weight_exponent: 1.0, texts: false }
    }
}
