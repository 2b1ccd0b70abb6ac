//! Decides, per prompt and before any LLM is called, whether a strong expensive model or a weak cheap one
//! should answer.
//!
//! ```
//! use routellm_core::{CallOptions, Router};
//!
//! let router = Router::default_router()?;
//! let decision = router.route("Prove that there are infinitely many primes.", &CallOptions::new())?;
//! println!("{} (win rate {:.3})", decision.model, decision.win_rate.unwrap_or(f64::NAN));
//!
//! // Send about a fifth of ordinary traffic to the strong model.
//! let fifth = CallOptions::new().strong_share(0.2);
//! for decision in router.route_batch(["hi", "What is 17 * 23?"], &fifth)? {
//!     assert_eq!(decision.side == routellm_core::Side::Strong, decision.win_rate >= Some(decision.threshold));
//! }
//! # Ok::<(), routellm_core::Error>(())
//! ```
//!
//! The score of a router is the **win rate**, P(the strong model's answer is preferred or needed); a
//! **threshold** in \[0, 1\] trades cost for quality: strong if and only if `win_rate >= threshold`. An
//! artifact knows the distribution of its win rates on ordinary traffic, so a **strong share** can be asked for
//! instead.
//!
//! # The parts
//! - [`Router`], [`OpenOptions`], [`CallOptions`], [`Decision`]: deciding. A router is immutable, `Send` and
//!   `Sync`.
//! - [`Router::on_decision`], [`DecisionEvent`]: watching every decision, with its id and where the time went.
//! - [`features`]: featurizers, which turn a prompt into numbers. [`scorer`]: scorers, which turn those into win
//!   rates. [`artifact`]: the folder that holds both.
//! - [`preference`]: votes and gold rows. [`train`]: from those to an artifact. [`eval`]: quality against cost.
//! - [`augment`]: labels where there are none, by known answers or by a model that judges, within a budget.
//! - [`doctor()`]: what was found on this machine, as a report of a defect needs it.
//! - [`onnx`]: ONNX Runtime, which is looked for only when an artifact holds an encoder.
//!
//! This is an implementation of RouteLLM (Ong et al., arXiv 2406.18665). Where the reference implementation
//! computes in single precision, its win rates of matrix factorization are up to 7e-4 away from the exact ones
//! given here.
//!
//! # Features
//! Without any, a program routes with the default router, and with artifacts of hashed features or of embeddings that it
//! computes itself. On by default are `onnx` (encoders, classifiers and language models through ONNX Runtime), `train`
//! (readers of votes and the trainers) and `eval`; `parquet` reads votes of that form. `ort` lets a program that uses `ort`
//! itself share its environment (`onnx::adopt`), of which a process can have only one; nothing else public names that
//! crate. What an artifact needs and a program was built without is an error of kind `Unsupported` that names the feature.
//!
//! # Errors
//! Every fallible call returns [`Error`], whose [`ErrorKind`] has a stable number in every language. Nothing is
//! ignored silently: an option without effect, an unknown model or an altered file is an error.
//!
//! # Same bits everywhere
//! Everything on the way to a decision that is this crate's own arithmetic gives the same bits on every CPU,
//! alone and in any batch: sums have a fixed order and no fused multiply-add, `exp` and `log` come from `libm`.
//! An encoder runs each prompt by itself, so its result does not depend on what else is asked.

#![deny(unsafe_code)]
#![cfg_attr(
    not(all(feature = "onnx", feature = "train", feature = "eval")),
    allow(dead_code, unused_imports, reason = "what only a feature uses that is left out")
)]

pub mod artifact;
#[cfg(feature = "train")]
pub mod augment;
pub mod calibrate;
pub mod cancel;
pub mod candidates;
mod choice;
mod control;
mod data;
mod date;
pub mod doctor;
mod dynamic;
pub mod error;
#[cfg(feature = "eval")]
pub mod eval;
mod fallbacks;
pub mod features;
pub mod files;
mod id;
pub mod input;
pub mod jobs;
mod names;
pub mod numeric;
pub mod onnx;
pub mod options;
pub mod pipeline;
pub mod policy;
pub mod preference;
mod process;
pub mod quality;
mod queue;
pub mod router;
pub mod scorer;
mod setters;
mod strict;
mod sync;
#[cfg(feature = "testing")]
pub mod testing {
    //! For tests and benchmarks of this crate: no promise is made of it.

    pub use crate::scorer::sw_ranking::testing::*;
}
mod timer;
#[cfg(feature = "onnx")]
pub mod tokenize;
#[cfg(feature = "train")]
pub mod train;

pub use cancel::CancelToken;
pub use control::{Control, Progress, ProgressFn};
pub use doctor::{Diagnosis, doctor};
pub use error::{Error, ErrorKind, Result};
pub use files::Json;
pub use id::DecisionId;
pub use input::{Input, Read, prompt_from_messages};
pub use names::{ControlTokens, Mode, OnError, OutOfDistribution};
pub use options::{CallOptions, OpenOptions};
pub use policy::{Decision, Fallback, Policy, Side};
pub use process::PerProcess;
pub use router::{DecisionEvent, Explanation, Latency, Reloadable, Router, RouterInfo, Stats};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
