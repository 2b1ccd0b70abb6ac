//! The router: an immutable handle from a prompt to a decision.

mod ask;
mod bare;
mod batch;
mod budget;
mod calibrate;
mod call;
mod candidates;
mod decide;
mod explain;
#[cfg(feature = "onnx")]
mod export;
#[cfg(not(feature = "onnx"))]
#[path = "without_export.rs"]
mod export;
#[cfg(all(feature = "onnx", feature = "train"))]
mod export_qualities;
mod hooks;
mod info;
mod many;
mod names;
mod notices;
mod open;
mod published;
mod reloadable;
mod stats;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use budget::Budgets;
pub use candidates::CandidateInfo;
use candidates::Candidates;
pub use explain::{ExplainedVote, Explanation, ModelRating, Reach};
#[cfg(feature = "onnx")]
pub use export::{ExportSample, write_export};
use hooks::Hooks;
pub use hooks::{DecisionEvent, Latency};
pub use info::{CalibrationInfo, FeaturizerInfo, ModelInfo, RouterInfo, VotesInfo};
use notices::Notices;
pub(crate) use open::kind_of_folder;
pub use published::REFERENCE_MODELS;
pub use reloadable::Reloadable;
pub use stats::Stats;

pub use crate::fallbacks::FallbackWarning;
pub use crate::onnx::RuntimeUse;

use crate::calibrate::{Calibration, CalibrationFile, DefaultPolicy, EVERYTHING, NOTHING, Shares};
use crate::fallbacks::Fallbacks;
use crate::features::TextCap;
use crate::input::Read;
use crate::names::Spelling;
use crate::options::{CallOptions, OpenOptions};
use crate::pipeline::Pipeline;
use crate::policy::{OutOfDistribution, Policy, threshold_value, unit_interval};
use crate::scorer::Pair;
use crate::{Error, ErrorKind, Result};

/// Decides which model should answer a prompt.
///
/// A router is immutable and may be used from many threads at once; clones share it. To reload, open
/// another one and swap: calls that run on the old one finish on it.
#[derive(Debug, Clone)]
pub struct Router {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Shared with the routers that were calibrated from this one.
    pipeline: Arc<Pipeline>,
    /// How many of them are open, this one included: the last one closes the sessions.
    sharers: Arc<AtomicUsize>,
    models: Vec<Arc<str>>,
    candidates: Candidates,
    budgets: Budgets,
    pair: Pair,
    shares: Option<Shares>,
    /// The table that the artifact has for this pair.
    table: Option<Arc<Calibration>>,
    default_threshold: Option<f64>,
    /// Of calls that name no policy, where it compares candidates.
    default_policy: Option<DefaultPolicy>,
    /// Checksum of what win rates depend on; `None` without an artifact.
    scoring_sha256: Option<String>,
    /// What was put in the place of the artifact's calibration.
    recalibration: Option<Arc<CalibrationFile>>,
    notices: Notices,
    out_of_distribution: OutOfDistribution,
    min_similarity: Option<f64>,
    info: RouterInfo,
    /// What of a chat is read, unless a call says otherwise.
    read: Read,
    fallbacks: Fallbacks,
    hooks: Hooks,
    /// Whether decisions have ids without a hook, too.
    ids: bool,
    decisions: AtomicU64,
    closed: AtomicBool,
}

impl AsRef<Self> for Router {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Router {
    /// The router that ships with this library: hashed features and a linear model, no ONNX Runtime.
    ///
    /// # Errors
    /// None in a sound build.
    pub fn default_router() -> Result<Self> {
        OpenOptions::new().open_default()
    }

    /// Opens an artifact, or a checkpoint in the published layout, with its own pair of models.
    ///
    /// # Errors
    /// `NotFound`, `InvalidModel`, `Io`; `RuntimeUnavailable` if it needs ONNX Runtime and there is none.
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// The threshold that a policy comes to: for a strong share of 0 the next double above 1 ([`NOTHING`]), for 1 it is 0.
    /// As [`Policy::Threshold`] it decides alike, but that 0 leaves prompts that no vote resembles to
    /// `out_of_distribution`, where the share of 1 does not.
    ///
    /// # Errors
    /// `InvalidArgument` for a number outside [0, 1] (the threshold [`NOTHING`] excepted), or without calibration.
    pub fn threshold(&self, policy: Policy) -> Result<f64> {
        self.threshold_in(policy, Spelling::Snake)
    }

    /// As [`threshold`](Self::threshold), with errors that spell options as the caller's language does.
    pub(super) fn threshold_in(&self, policy: Policy, spelling: Spelling) -> Result<f64> {
        match self.inner.policy_of(policy) {
            Policy::Default => self.inner.default_threshold.ok_or_else(|| self.uncalibrated()),
            Policy::Threshold(threshold) => threshold_value(threshold),
            Policy::StrongShare(share) => {
                unit_interval(&spelling.of("strong_share"), share)?;
                Ok(self.share(share)?.0)
            }
            Policy::CostWeight(_) | Policy::MinQuality(_) | Policy::Budget(_) => {
                Err(Error::invalid_argument(format!(
                    "{} compares qualities, not win rates with a threshold",
                    spelling.of(policy.name())
                )))
            }
        }
    }

    /// The threshold that a call with these options compares win rates with.
    ///
    /// # Errors
    /// As [`threshold`](Self::threshold); `InvalidArgument` if both a threshold and a strong share are given.
    pub fn threshold_of(&self, options: &CallOptions) -> Result<f64> {
        self.threshold_in(options.chosen_policy()?, options.spelling)
    }

    /// The threshold that a strong share comes to, and the share of the calibration sample that it sends to strong. It
    /// is the nearest that some threshold reaches, because equal win rates go to one side together. In `reference`
    /// mode the threshold is numpy's interpolated quantile.
    ///
    /// # Errors
    /// `InvalidArgument` for a share outside [0, 1], or one between 0 and 1 without calibration.
    pub fn share(&self, strong_share: f64) -> Result<(f64, f64)> {
        let share = unit_interval("strong_share", strong_share)?;
        match &self.inner.shares {
            Some(shares) => Ok(shares.resolve(share)),
            None if share == 0.0 => Ok((NOTHING, 0.0)),
            None if share == 1.0 => Ok((EVERYTHING, 1.0)),
            None => Err(self.uncalibrated()),
        }
    }

    fn uncalibrated(&self) -> Error {
        Error::invalid_argument(format!(
            "this router has no calibration for strong={:?}, weak={:?}: pass a threshold in [0, 1]",
            self.strong(),
            self.weak()
        ))
    }

    /// Names of the candidates.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.inner.models.iter().map(|name| &**name)
    }

    /// Name of the strong model.
    pub fn strong(&self) -> &str {
        &self.inner.models[self.inner.pair.strong]
    }

    /// Name of the weak model.
    pub fn weak(&self) -> &str {
        &self.inner.models[self.inner.pair.weak]
    }

    /// Length of the embeddings that this router takes; `None` if it reads prompts only.
    pub fn embedding_dimension(&self) -> Option<usize> {
        self.inner.pipeline.featurizer()?.embedding_dimension()
    }

    /// What is known about this router: kind, models, featurizer, calibration, runtime, provenance.
    pub fn info(&self) -> &RouterInfo {
        &self.inner.info
    }

    /// What this router scores with.
    pub fn pipeline(&self) -> &Pipeline {
        &self.inner.pipeline
    }

    /// How much of a prompt is looked at; `None` if the router reads no prompts.
    pub fn cap(&self) -> Option<TextCap> {
        self.inner.pipeline.cap()
    }

    /// How many decisions of this router were fallbacks.
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks_by_kind().map(|(_, count)| count).sum()
    }

    /// How many decisions of this router were fallbacks of each kind of error, in the order of their numbers.
    pub fn fallbacks_by_kind(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        self.inner.fallbacks.by_kind()
    }
}
