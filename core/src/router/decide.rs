//! From a prompt to its score, and from a score to a decision.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::call::{Call, Worker};
use super::{Inner, Router};
use crate::features::Features;
use crate::policy::{Decision, Fallback, OnError, OutOfDistribution, RouteOptions, Side};
use crate::scorer::Score;
use crate::{CancelToken, ErrorKind, Result};

impl Router {
    /// What every decision begins with: the threshold, and a call of this many prompts, whose time counts from now.
    pub(super) fn begin(&self, options: &RouteOptions, prompts: usize) -> Result<(f64, Call)> {
        self.inner.check_open()?;
        let watch = self.inner.watch(prompts);
        Ok((self.threshold(options.policy)?, Call { stop: options.stop()?, watch }))
    }

    /// The score of one prompt.
    pub(super) fn score(&self, prompt: &str, call: &Call) -> Result<Score> {
        let watch = call.watch.clone();
        self.call(prompt, call.stop.as_ref(), move |worker, prompt| watch.time(&[0], || worker.score(prompt)))
    }

    pub(super) fn score_embedding(&self, embedding: &[f32], call: &Call) -> Result<Score> {
        call.stop.as_ref().map_or(Ok(()), CancelToken::check)?;
        self.inner.check_open()?;
        let scorer = self.inner.pipeline.scorer_of_embedding(embedding)?;
        call.watch.time(&[0], || scorer.score(Features::Dense(embedding)))
    }
}

impl Worker<'_> {
    /// The score of one prompt.
    pub(super) fn score(&mut self, prompt: &str) -> Result<Score> {
        self.inner.pipeline.score(self.slot, prompt, self.stop)
    }
}

impl Inner {
    /// The decision of a call on one prompt, which the hook hears of.
    pub(super) fn decide(
        &self,
        threshold: f64,
        options: &RouteOptions,
        call: &Call,
        score: Result<Score>,
    ) -> Result<Decision> {
        let decision = self.decide_untold(threshold, options, call, score)?;
        self.tell(&call.watch, std::slice::from_ref(&decision));
        Ok(decision)
    }

    /// The decision that a score comes to, or a fallback where the options ask for one.
    pub(super) fn decide_untold(
        &self,
        threshold: f64,
        options: &RouteOptions,
        call: &Call,
        score: Result<Score>,
    ) -> Result<Decision> {
        let (side, score, fallback) = match score {
            Ok(score) => {
                let side = if score.win_rate >= threshold { Side::Strong } else { Side::Weak };
                (side, Some(score), None)
            }
            // Who cancels or closes wants no decision.
            Err(error) if error.kind() == ErrorKind::Cancelled || self.check_open().is_err() => {
                return Err(error);
            }
            Err(error) => {
                let side = match options.on_error {
                    OnError::Raise => return Err(error),
                    OnError::Strong => Side::Strong,
                    OnError::Weak => Side::Weak,
                };
                let warning = self.fallbacks.record(error.kind());
                (side, None, Some(Fallback { kind: error.kind(), reason: error.message().into(), warning }))
            }
        };
        let far = score.is_some_and(|score| self.is_far(score));
        // A share of everything or nothing leaves no prompt to `out_of_distribution`.
        let side = match self.out_of_distribution {
            _ if options.policy.decides_all(threshold) => side,
            OutOfDistribution::Strong if far => Side::Strong,
            OutOfDistribution::Weak if far => Side::Weak,
            _ => side,
        };
        let index = match side {
            Side::Strong => self.pair.strong,
            Side::Weak => self.pair.weak,
        };
        self.decisions.fetch_add(1, Ordering::Relaxed);
        Ok(Decision {
            side,
            model: Arc::clone(&self.models[index]),
            win_rate: score.map(|score| score.win_rate),
            threshold,
            truncated: score.is_some_and(|score| score.truncated),
            similarity: score.and_then(|score| score.similarity),
            out_of_distribution: far,
            no_score: score.is_some_and(|score| score.no_score),
            fallback,
            propensity: 1.0,
            id: self.decision_id(&call.watch),
        })
    }

    /// Whether a score is of a prompt that no vote resembles.
    pub(super) fn is_far(&self, score: Score) -> bool {
        let below = self.min_similarity.zip(score.similarity).is_some_and(|(least, found)| found < least);
        score.flat || below
    }
}
