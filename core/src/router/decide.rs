//! From a prompt to its score, and from a score to a decision.

use std::sync::Arc;

use super::{Inner, Router};
use crate::embed::Features;
use crate::policy::{Decision, Fallback, OnError, OutOfDistribution, RouteOptions, Side};
use crate::runtime::spread;
use crate::scorer::Score;
use crate::{CancelToken, Error, ErrorKind, Result};

impl Router {
    /// The score of one prompt.
    pub(super) fn score(&self, prompt: &str, cancel: Option<&CancelToken>) -> Result<Score> {
        // Also for a router that is too fast to be interrupted: a token that has no effect would be a surprise.
        if let Some(token) = cancel {
            token.check()?;
        }
        let Inner { featurizer, scorer, .. } = &*self.inner;
        if let Some(scorer) = scorer.prompt() {
            return scorer.score(prompt, cancel);
        }
        featurizer.with_features(prompt, cancel, |features, truncated| {
            Ok(Score { truncated, ..scorer.score(features)? })
        })
    }

    pub(super) fn score_embedding(&self, embedding: &[f32], cancel: Option<&CancelToken>) -> Result<Score> {
        if let Some(token) = cancel {
            token.check()?;
        }
        self.inner.featurizer.check_embedding(embedding)?;
        self.inner.scorer.score(Features::Dense(embedding))
    }

    /// What `finish` makes of the score of each of `count` prompts, whose texts `text` gives.
    ///
    /// # Errors
    /// The first prompt's error that `finish` returns, naming its index.
    pub(super) fn score_many<'a, T: Send>(
        &self,
        count: usize,
        text: impl Fn(usize) -> Result<&'a str> + Sync,
        cancel: Option<&CancelToken>,
        finish: impl Fn(Result<Score>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let named = |i: usize, result: Result<T>| {
            result.map_err(|error| match error.kind() {
                ErrorKind::Cancelled => error,
                _ => error.context(format!("prompt {i}")),
            })
        };
        let Some(scorer) = self.inner.scorer.prompt() else {
            let workers = self.inner.featurizer.encoder().map_or(1, |encoder| encoder.pool().size());
            let one = |i: usize| named(i, finish(text(i).and_then(|text| self.score(text, cancel))));
            // After a failure the rest does not run; the first one in order is what the caller gets.
            return spread(count, workers, one).into_iter().flatten().collect();
        };
        let texts: Vec<Result<&str>> = (0..count).map(text).collect();
        let readable: Vec<&str> = texts.iter().filter_map(|text| text.as_ref().ok().copied()).collect();
        let mut scores = scorer.score_batch(&readable, cancel).into_iter();
        texts
            .into_iter()
            .enumerate()
            .map(|(i, text)| {
                let score = text.and_then(|_| {
                    scores
                        .next()
                        .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "a prompt has no score")))
                });
                named(i, finish(score))
            })
            .collect()
    }

    /// The decision that a score comes to, or a fallback where the options ask for one.
    pub(super) fn decide(
        &self,
        threshold: f64,
        options: &RouteOptions,
        score: Result<Score>,
    ) -> Result<Decision> {
        let (side, score, fallback) = match score {
            Ok(score) => {
                let side = if score.win_rate >= threshold { Side::Strong } else { Side::Weak };
                (side, Some(score), None)
            }
            // Who cancels wants no decision.
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                let side = match options.on_error {
                    OnError::Raise => return Err(error),
                    OnError::Strong => Side::Strong,
                    OnError::Weak => Side::Weak,
                };
                let warning = self.inner.fallbacks.record(error.kind());
                (side, None, Some(Fallback { kind: error.kind(), reason: error.message().into(), warning }))
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
            truncated: score.is_some_and(|score| score.truncated),
            similarity: score.and_then(|score| score.similarity),
            out_of_distribution: far,
            no_score: score.is_some_and(|score| score.no_score),
            fallback,
        })
    }

    /// Whether a score is of a prompt that no vote resembles.
    pub(super) fn is_far(&self, score: Score) -> bool {
        let below =
            self.inner.min_similarity.zip(score.similarity).is_some_and(|(least, found)| found < least);
        score.flat || below
    }
}
