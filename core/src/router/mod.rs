//! The router: an immutable handle from a prompt to a decision.

mod explain;
mod info;
mod open;
mod published;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use explain::{ExplainedVote, Explanation, ModelRating, Reach};
pub use info::{CalibrationInfo, FeaturizerInfo, Info, RuntimeUse, VotesInfo};
pub(crate) use open::FEATURIZER_FILE;
pub use open::{OpenOptions, load_featurizer};
pub use published::REFERENCE_MODELS;

use crate::artifact::Calibration;
use crate::embed::{Features, Featurizer};
use crate::policy::{
    Decision, Fallback, OnError, OutOfDistribution, Policy, RouteOptions, Side, unit_interval,
};
use crate::scorer::{Pair, Score, Scorer};
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
    featurizer: Featurizer,
    scorer: Scorer,
    models: Vec<Arc<str>>,
    pair: Pair,
    calibration: Option<Calibration>,
    default_threshold: Option<f64>,
    out_of_distribution: OutOfDistribution,
    min_similarity: Option<f64>,
    info: Info,
    fallbacks: AtomicU64,
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
    /// `InvalidArgument` for a threshold or share outside [0, 1], or a share of a router without calibration;
    /// what scoring reports, unless `options.on_error` decides instead; `Cancelled`.
    pub fn route(&self, prompt: &str, options: &RouteOptions) -> Result<Decision> {
        let threshold = self.threshold(options.policy)?;
        self.decide(threshold, options, || self.score(prompt, options.cancel.as_ref()))
    }

    /// As [`route`](Self::route), for bytes that should be UTF-8.
    ///
    /// # Errors
    /// As [`route`](Self::route); `InvalidArgument` if they are not UTF-8.
    pub fn route_utf8(&self, prompt: &[u8], options: &RouteOptions) -> Result<Decision> {
        let threshold = self.threshold(options.policy)?;
        self.decide(threshold, options, || self.score(utf8(prompt)?, options.cancel.as_ref()))
    }

    /// Decides for an embedding that the caller computed, `dimension` numbers.
    ///
    /// # Errors
    /// As [`route`](Self::route); `InvalidArgument` if the embedding does not fit or is not finite.
    pub fn route_embedding(&self, embedding: &[f32], options: &RouteOptions) -> Result<Decision> {
        let threshold = self.threshold(options.policy)?;
        self.decide(threshold, options, || Ok((self.score_embedding(embedding)?, false)))
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
        let threshold = self.threshold(options.policy)?;
        self.for_each(prompts.len(), options.cancel.as_ref(), |i| {
            self.decide(threshold, options, || self.score(prompts[i].as_ref(), options.cancel.as_ref()))
        })
    }

    /// As [`route_batch`](Self::route_batch), for bytes that should be UTF-8.
    ///
    /// # Errors
    /// As [`route_utf8`](Self::route_utf8), for the first prompt that fails, naming its index.
    pub fn route_batch_utf8(&self, prompts: &[&[u8]], options: &RouteOptions) -> Result<Vec<Decision>> {
        let threshold = self.threshold(options.policy)?;
        self.for_each(prompts.len(), options.cancel.as_ref(), |i| {
            self.decide(threshold, options, || self.score(utf8(prompts[i])?, options.cancel.as_ref()))
        })
    }

    /// P(strong model's answer is preferred or needed) for `prompt`, in [0, 1].
    ///
    /// # Errors
    /// What scoring reports.
    pub fn win_rate(&self, prompt: &str) -> Result<f64> {
        Ok(self.score(prompt, None)?.0.win_rate)
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
        self.for_each(prompts.len(), cancel, |i| Ok(self.score(prompts[i].as_ref(), cancel)?.0.win_rate))
    }

    /// The win rate for an embedding that the caller computed, `dimension` numbers.
    ///
    /// # Errors
    /// `InvalidArgument` if it has another length, holds NaN or infinity, or the router reads hashed features.
    pub fn win_rate_from_embedding(&self, embedding: &[f32]) -> Result<f64> {
        Ok(self.score_embedding(embedding)?.win_rate)
    }

    /// Largest cosine similarity of `prompt` to any vote, in [-1, 1]: the paper's measure of how far a prompt is
    /// from the training data.
    ///
    /// # Errors
    /// What scoring reports; `Unsupported` if the router has no votes.
    pub fn similarity(&self, prompt: &str) -> Result<f64> {
        self.largest_similarity(prompt, None)
    }

    /// As [`similarity`](Self::similarity), for an embedding that the caller computed.
    ///
    /// # Errors
    /// As [`win_rate_from_embedding`](Self::win_rate_from_embedding); `Unsupported` if the router has no votes.
    pub fn similarity_from_embedding(&self, embedding: &[f32]) -> Result<f64> {
        let votes = self.inner.scorer.votes()?;
        self.inner.featurizer.check_embedding(embedding)?;
        votes.similarity(Features::Dense(embedding))
    }

    /// Win rates of `out.len()` embeddings, `out.len() x dimension`, row-major, into `out`.
    ///
    /// # Errors
    /// As [`win_rate_from_embedding`](Self::win_rate_from_embedding), naming the row.
    pub fn win_rates_from_embeddings(&self, embeddings: &[f32], out: &mut [f64]) -> Result<()> {
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
        if let (Scorer::SwRanking(sw), Ok(())) =
            (&self.inner.scorer, self.inner.featurizer.check_embedding(&embeddings[..dimension]))
        {
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
        let Inner { featurizer, scorer, .. } = &*self.inner;
        featurizer.with_features(prompt, None, |features, _| scorer.candidate_scores(features))
    }

    /// As [`candidate_scores`](Self::candidate_scores), for an embedding that the caller computed.
    ///
    /// # Errors
    /// As [`win_rate_from_embedding`](Self::win_rate_from_embedding).
    pub fn candidate_scores_from_embedding(&self, embedding: &[f32]) -> Result<Vec<f64>> {
        self.inner.featurizer.check_embedding(embedding)?;
        self.inner.scorer.candidate_scores(Features::Dense(embedding))
    }

    /// The dense embedding of `prompt` by this router's featurizer, `dimension` numbers.
    ///
    /// # Errors
    /// What the featurizer reports; `Unsupported` if its features are sparse or come from the caller.
    pub fn embed(&self, prompt: &str) -> Result<Vec<f32>> {
        self.inner.featurizer.with_features(prompt, None, |features, _| match features {
            Features::Dense(values) => Ok(values.to_vec()),
            Features::Sparse(_) => {
                Err(Error::unsupported("this router's features are sparse: it has no embedding"))
            }
        })
    }

    /// The threshold that a policy comes to.
    ///
    /// # Errors
    /// `InvalidArgument` for a number outside [0, 1], or without calibration.
    pub fn threshold(&self, policy: Policy) -> Result<f64> {
        let Inner { calibration, default_threshold, .. } = &*self.inner;
        let uncalibrated = || {
            Error::invalid_argument(format!(
                "this router has no calibration for strong={:?}, weak={:?}: pass a threshold in [0, 1]",
                self.strong(),
                self.weak()
            ))
        };
        match policy {
            Policy::Default => default_threshold.ok_or_else(uncalibrated),
            Policy::Threshold(threshold) => unit_interval("threshold", threshold),
            Policy::StrongShare(share) => {
                let share = unit_interval("strong_share", share)?;
                calibration.as_ref().map(|table| table.threshold(share)).ok_or_else(uncalibrated)
            }
        }
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

    /// Length of the embeddings that this router takes; `None` if it reads hashed features.
    pub fn embedding_dimension(&self) -> Option<usize> {
        match &self.inner.featurizer {
            Featurizer::Hashed(_) => None,
            Featurizer::Onnx(encoder) => Some(encoder.spec().dimension),
            Featurizer::Caller(spec) => Some(spec.dimension),
        }
    }

    /// What is known about this router: kind, models, featurizer, calibration, runtime, provenance.
    pub fn info(&self) -> &Info {
        &self.inner.info
    }

    /// The featurizer of this router.
    pub fn featurizer(&self) -> &Featurizer {
        &self.inner.featurizer
    }

    /// How many decisions of this router were fallbacks.
    pub fn fallbacks(&self) -> u64 {
        self.inner.fallbacks.load(Ordering::Relaxed)
    }

    fn score(&self, prompt: &str, cancel: Option<&CancelToken>) -> Result<(Score, bool)> {
        let Inner { featurizer, scorer, .. } = &*self.inner;
        featurizer
            .with_features(prompt, cancel, |features, truncated| Ok((scorer.score(features)?, truncated)))
    }

    fn score_embedding(&self, embedding: &[f32]) -> Result<Score> {
        self.inner.featurizer.check_embedding(embedding)?;
        self.inner.scorer.score(Features::Dense(embedding))
    }

    fn decide(
        &self,
        threshold: f64,
        options: &RouteOptions,
        score: impl FnOnce() -> Result<(Score, bool)>,
    ) -> Result<Decision> {
        // Also for a router that is too fast to be interrupted: a token that has no effect would be a surprise.
        if let Some(token) = &options.cancel {
            token.check()?;
        }
        let (side, score, truncated, fallback) = match score() {
            Ok((score, truncated)) => {
                let side = if score.win_rate >= threshold { Side::Strong } else { Side::Weak };
                (side, Some(score), truncated, None)
            }
            // Who cancels wants no decision.
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                let side = match options.on_error {
                    OnError::Raise => return Err(error),
                    OnError::Strong => Side::Strong,
                    OnError::Weak => Side::Weak,
                };
                self.inner.fallbacks.fetch_add(1, Ordering::Relaxed);
                (side, None, false, Some(Fallback { kind: error.kind(), reason: error.message().into() }))
            }
        };
        let far = score.is_some_and(|score| self.is_far(score));
        let side = match self.inner.out_of_distribution {
            OutOfDistribution::Strong if far => Side::Strong,
            OutOfDistribution::Weak if far => Side::Weak,
            _ => side,
        };
        let index = match side {
            Side::Strong => self.inner.pair.strong,
            Side::Weak => self.inner.pair.weak,
        };
        Ok(Decision {
            side,
            model: Arc::clone(&self.inner.models[index]),
            win_rate: score.map(|score| score.win_rate),
            threshold,
            truncated,
            similarity: score.and_then(|score| score.similarity),
            out_of_distribution: far,
            fallback,
        })
    }

    /// Whether a score is of a prompt that no vote resembles.
    fn is_far(&self, score: Score) -> bool {
        let below =
            self.inner.min_similarity.zip(score.similarity).is_some_and(|(least, found)| found < least);
        score.flat || below
    }

    /// `call(i)` for every index, in as many threads as there are sessions to keep busy.
    fn for_each<T: Send>(
        &self,
        count: usize,
        cancel: Option<&CancelToken>,
        call: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let one = |i: usize| -> Result<T> {
            if let Some(token) = cancel {
                token.check()?;
            }
            call(i).map_err(|error| match error.kind() {
                ErrorKind::Cancelled => error,
                _ => error.context(format!("prompt {i}")),
            })
        };
        let workers = self.inner.featurizer.encoder().map_or(1, |encoder| encoder.pool().size()).min(count);
        if workers <= 1 {
            return (0..count).map(one).collect();
        }
        let next = std::sync::atomic::AtomicUsize::new(0);
        let run = || {
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= count {
                    return done;
                }
                let result = one(i);
                if result.is_err() {
                    // The others stop too: the caller gets an error whatever they do.
                    next.store(count, Ordering::Relaxed);
                }
                done.push((i, result));
            }
        };
        let mut all: Vec<(usize, Result<T>)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, result)| result).collect()
    }
}

/// Text of bytes.
///
/// # Errors
/// `InvalidArgument` if they are not UTF-8, naming the place.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        Error::invalid_argument(format!("the prompt is not UTF-8 (byte {})", error.valid_up_to()))
    })
}
