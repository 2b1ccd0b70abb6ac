//! Similarity-weighted ranking (the paper's section 4.2): every vote counts, by how similar its prompt is.
//!
//! For a query `q` and votes with unit embeddings `x_i` the weights are `10 * 10^(e * s_i / max s)`, with
//! `s_i = q . x_i` and `e` the weight exponent. The ratings of the tiers are the maximum of the
//! Bradley-Terry likelihood of the weighted votes. It depends on the votes only through the sums of weights
//! per pair of tiers and outcome, so a query is one pass over the store, a few hundred sums and a Newton
//! solve of microseconds.
//!
//! Stores ([`StoreKind`]) trade memory and time for precision; the compressed ones carry per group the sum
//! of what they lost, which removes most of the error. A model built with [`ClusterOptions`] answers from an
//! index whose size does not depend on the number of votes.
//!
//! Votes can be added without embedding the old ones again: keep the embeddings of a build in an
//! [`EmbeddingCache`](crate::train::EmbeddingCache) and build from it. The stored rows themselves are quantised and in the order of their
//! groups, so a model is rebuilt (seconds), not appended to.
//!
//! ```
//! use routellm_core::preference::{EmbeddedVotes, Votes, Winner};
//! use routellm_core::scorer::sw_ranking::{BuildOptions, Mode, ScoreOptions, Scratch, SwModel};
//! use std::ops::ControlFlow;
//!
//! let votes = Votes::from_names(
//!     &["large", "large", "large", "small"],
//!     &["small", "small", "small", "large"],
//!     &[Winner::ModelA, Winner::ModelA, Winner::Tie, Winner::ModelA],
//! )?;
//! let embeddings = &[1.0, 0.0, 0.9, 0.1, 0.8, 0.2, 0.0, 1.0];
//! let input = EmbeddedVotes { votes: &votes, embeddings, dim: 2 };
//! let model = SwModel::build(&input, &BuildOptions::default(), &mut |_| ControlFlow::Continue(()))?;
//! let (large, small) = model.pair("large", "small", Mode::Exact)?;
//! let mut scratch = Scratch::default();
//! let hard = model.score(&[1.0, 0.0], &ScoreOptions::default(), &mut scratch)?;
//! let easy = model.score(&[0.0, 1.0], &ScoreOptions::default(), &mut scratch)?;
//! assert!(hard.win_rate(large, small)? > easy.win_rate(large, small)?);
//! # Ok::<(), routellm_core::Error>(())
//! ```

#![allow(
    clippy::inline_always,
    reason = "a body compiled once per instruction set must end up inside the function with the target feature"
)]

mod build;
mod explain;
mod index;
mod model;
mod scan;
mod scorer;
mod solve;
mod store;
#[cfg(feature = "testing")]
pub(crate) mod testing;

pub use build::{BuildOptions, ClusterOptions, Progress, ProgressFn, Stage, TierRule};
pub use explain::{ExplainedVote, Explanation};
pub use index::clustered::ClusterMeta;
pub use index::probe::Probe;
pub use model::{ScoreOptions, Scratch, SwMeta, SwModel};
pub(crate) use scorer::SwSpec;
pub use scorer::{STORE_FILE, SwScorer, TEXTS_FILE};
pub use solve::groups::{Group, GroupSum, Mode, weights};
pub use solve::score::{Reach, SwScore};
pub use store::memory::MapStore;
pub use store::rows::{MAX_DIM, StoreKind};
