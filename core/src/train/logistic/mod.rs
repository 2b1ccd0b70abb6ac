//! Training of a `linear` router by logistic regression on embeddings: the plain baseline.

mod fit;
mod router;

pub use router::{LogisticOptions, LogisticReport, train};
