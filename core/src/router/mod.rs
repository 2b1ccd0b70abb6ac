//! The router: an immutable handle from a prompt to a decision.

mod bare;
mod batch;
mod call;
mod decide;
mod explain;
#[cfg(feature = "onnx")]
mod export;
#[cfg(not(feature = "onnx"))]
#[path = "without_export.rs"]
mod export;
mod hooks;
mod info;
mod input;
mod open;
mod published;
mod reloadable;
mod stats;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use call::Call;
pub use call::Worker;
pub use explain::{ExplainedVote, Explanation, ModelRating, Reach};
#[cfg(feature = "onnx")]
pub use export::{ExportSample, write_export};
use hooks::Hooks;
pub use hooks::{DecisionEvent, Latency};
pub use info::{CalibrationInfo, FeaturizerInfo, ModelInfo, RouterInfo, VotesInfo};
pub use published::REFERENCE_MODELS;
pub use reloadable::Reloadable;
pub use stats::Stats;

pub use crate::fallbacks::FallbackWarning;
pub use crate::input::utf8;
pub use crate::onnx::RuntimeUse;

use crate::calibrate::{EVERYTHING, NOTHING, Shares};
use crate::fallbacks::Fallbacks;
use crate::features::{Features, TextCap};
use crate::input::Read;
use crate::options::OpenOptions;
use crate::pipeline::Pipeline;
use crate::policy::{Decision, OutOfDistribution, Policy, RouteOptions, threshold_value, unit_interval};
use crate::scorer::{Pair, Scorer};
use crate::{CancelToken, Error, ErrorKind, Result};

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
    pipeline: Pipeline,
    models: Vec<Arc<str>>,
    pair: Pair,
    shares: Option<Shares>,
    default_threshold: Option<f64>,
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

    /// Decides for one prompt.
    ///
    /// # Errors
    /// `InvalidArgument` for a threshold or share outside [0, 1], or a share (but 0 and 1) of a router without
    /// calibration; what scoring reports, unless `options.on_error` decides instead; `Cancelled`.
    pub fn route(&self, prompt: &str, options: &RouteOptions) -> Result<Decision> {
        let (threshold, call) = self.begin(options, 1)?;
        self.inner.decide(threshold, options, &call, self.score(prompt, &call))
    }

    /// As [`route`](Self::route), for bytes that should be UTF-8.
    ///
    /// # Errors
    /// As [`route`](Self::route); `InvalidArgument` if they are not UTF-8.
    pub fn route_utf8(&self, prompt: &[u8], options: &RouteOptions) -> Result<Decision> {
        let (threshold, call) = self.begin(options, 1)?;
        let score = utf8(prompt).and_then(|prompt| self.score(prompt, &call));
        self.inner.decide(threshold, options, &call, score)
    }

    /// Decides for an embedding that the caller computed, `dimension` numbers.
    ///
    /// # Errors
    /// As [`route`](Self::route); `InvalidArgument` if the embedding does not fit or is not finite.
    pub fn route_embedding(&self, embedding: &[f32], options: &RouteOptions) -> Result<Decision> {
        if options.read.is_some() {
            return Err(Error::invalid_argument("read has no effect on an embedding: it is for chats"));
        }
        let (threshold, call) = self.begin(options, 1)?;
        self.inner.decide(threshold, options, &call, self.score_embedding(embedding, &call))
    }

    /// Decides for many prompts, with the same bits as one by one.
    ///
    /// # Errors
    /// As [`route`](Self::route), for the first prompt that fails, naming its index.
    pub fn route_batch<P: AsRef<str> + Sync>(
        &self,
        prompts: &[P],
        options: &RouteOptions,
    ) -> Result<Vec<Decision>> {
        self.route_many(prompts.iter().map(|prompt| Ok(prompt.as_ref())).collect(), options)
    }

    /// As [`route_batch`](Self::route_batch), for bytes that should be UTF-8.
    ///
    /// # Errors
    /// As [`route_utf8`](Self::route_utf8), for the first prompt that fails, naming its index.
    pub fn route_batch_utf8(&self, prompts: &[&[u8]], options: &RouteOptions) -> Result<Vec<Decision>> {
        self.route_many(prompts.iter().map(|prompt| utf8(prompt)).collect(), options)
    }

    /// P(strong model's answer is preferred or needed) for `prompt`, in [0, 1].
    ///
    /// # Errors
    /// What scoring reports.
    pub fn win_rate(&self, prompt: &str) -> Result<f64> {
        Ok(self.score(prompt, &Call::default())?.win_rate)
    }

    /// Win rates of many prompts, with the same bits as one by one.
    ///
    /// # Errors
    /// What scoring reports for the first prompt that fails, naming its index; `Cancelled`.
    pub fn win_rates<P: AsRef<str> + Sync>(
        &self,
        prompts: &[P],
        cancel: Option<&CancelToken>,
    ) -> Result<Vec<f64>> {
        self.inner.check_open()?;
        let texts = prompts.iter().map(|prompt| Ok(prompt.as_ref())).collect();
        self.score_many(texts, &Call::unwatched(cancel.cloned()), true, |score| Ok(score?.win_rate))
    }

    /// The win rate for an embedding that the caller computed, `dimension` numbers.
    ///
    /// # Errors
    /// `InvalidArgument` if it has another length, holds NaN or infinity, or the router reads hashed features.
    pub fn win_rate_from_embedding(&self, embedding: &[f32]) -> Result<f64> {
        Ok(self.score_embedding(embedding, &Call::default())?.win_rate)
    }

    /// Largest cosine similarity of `prompt` to any vote, in [-1, 1]: the paper's measure of how far a prompt is
    /// from the training data.
    ///
    /// # Errors
    /// What scoring reports; `Unsupported` if the router has no votes.
    pub fn similarity(&self, prompt: &str) -> Result<f64> {
        self.call(prompt, None, |worker, prompt| worker.similarity(prompt))
    }

    /// As [`similarity`](Self::similarity), for an embedding that the caller computed.
    ///
    /// # Errors
    /// As [`win_rate_from_embedding`](Self::win_rate_from_embedding); `Unsupported` if the router has no votes.
    pub fn similarity_from_embedding(&self, embedding: &[f32]) -> Result<f64> {
        self.inner.check_open()?;
        let votes = self.inner.pipeline.votes()?;
        self.inner.pipeline.scorer_of_embedding(embedding)?;
        votes.similarity(Features::Dense(embedding))
    }

    /// Win rates of `out.len()` embeddings, `out.len() x dimension`, row-major, into `out`.
    ///
    /// # Errors
    /// As [`win_rate_from_embedding`](Self::win_rate_from_embedding), naming the row.
    pub fn win_rates_from_embeddings(&self, embeddings: &[f32], out: &mut [f64]) -> Result<()> {
        self.inner.check_open()?;
        if out.is_empty() && embeddings.is_empty() {
            return Ok(());
        }
        if out.is_empty() || embeddings.is_empty() || !embeddings.len().is_multiple_of(out.len()) {
            return Err(Error::invalid_argument(format!(
                "{} numbers are no {} equal rows",
                embeddings.len(),
                out.len()
            )));
        }
        let dimension = embeddings.len() / out.len();
        if let Ok(Scorer::SwRanking(sw)) = self.inner.pipeline.scorer_of_embedding(&embeddings[..dimension]) {
            for (out, score) in out.iter_mut().zip(sw.score_batch(embeddings)?) {
                *out = score.win_rate;
            }
            return Ok(());
        }
        let rows = embeddings.chunks(dimension);
        for (i, (row, out)) in rows.zip(out).enumerate() {
            *out = self.win_rate_from_embedding(row).map_err(|error| error.context(format!("row {i}")))?;
        }
        Ok(())
    }

    /// One score for each candidate of [`models`](Self::models), higher is better.
    ///
    /// # Errors
    /// What scoring reports; `Unsupported` if the router knows its pair only.
    pub fn candidate_scores(&self, prompt: &str) -> Result<Vec<f64>> {
        self.call(prompt, None, |worker, prompt| worker.candidate_scores(prompt))
    }

    /// As [`candidate_scores`](Self::candidate_scores), for an embedding that the caller computed.
    ///
    /// # Errors
    /// As [`win_rate_from_embedding`](Self::win_rate_from_embedding).
    pub fn candidate_scores_from_embedding(&self, embedding: &[f32]) -> Result<Vec<f64>> {
        self.inner.check_open()?;
        self.inner.pipeline.scorer_of_embedding(embedding)?.candidate_scores(Features::Dense(embedding))
    }

    /// The dense embedding of `prompt` by this router's featurizer, `dimension` numbers.
    ///
    /// # Errors
    /// What the featurizer reports; `Unsupported` if its features are sparse or come from the caller.
    pub fn embed(&self, prompt: &str) -> Result<Vec<f32>> {
        self.call(prompt, None, |worker, prompt| worker.embed(prompt))
    }

    /// The threshold that a policy comes to: for a strong share of 0 the next double above 1 ([`NOTHING`]), for 1 it is 0.
    /// As [`Policy::Threshold`] it decides alike, but that 0 leaves prompts that no vote resembles to
    /// `out_of_distribution`, where the share of 1 does not.
    ///
    /// # Errors
    /// `InvalidArgument` for a number outside [0, 1] (the threshold [`NOTHING`] excepted), or without calibration.
    pub fn threshold(&self, policy: Policy) -> Result<f64> {
        match policy {
            Policy::Default => self.inner.default_threshold.ok_or_else(|| self.uncalibrated()),
            Policy::Threshold(threshold) => threshold_value(threshold),
            Policy::StrongShare(share) => Ok(self.share(share)?.0),
        }
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

impl Worker<'_> {
    /// As [`Router::win_rate`].
    ///
    /// # Errors
    /// What scoring reports; `Cancelled`, or `ResourceExhausted` at a deadline.
    pub fn win_rate(&mut self, prompt: &str) -> Result<f64> {
        Ok(self.score(prompt)?.win_rate)
    }

    /// As [`Router::candidate_scores`].
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the router knows its pair only.
    pub fn candidate_scores(&mut self, prompt: &str) -> Result<Vec<f64>> {
        self.inner.pipeline.candidate_scores(self.slot, prompt, self.stop)
    }

    /// As [`Router::embed`].
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the features are sparse or come from the caller.
    pub fn embed(&mut self, prompt: &str) -> Result<Vec<f32>> {
        self.inner.pipeline.with_features(self.slot, prompt, self.stop, |features, _| match features {
            Features::Dense(values) => Ok(values.to_vec()),
            Features::Sparse(_) => {
                Err(Error::unsupported("this router's features are sparse: it has no embedding"))
            }
        })
    }
}
