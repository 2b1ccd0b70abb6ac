//! From a prompt to its score, and from a score to a decision.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::call::{Call, Worker};
use super::{Inner, Router};
use crate::features::Features;
use crate::input::{Input, Subject};
use crate::options::CallOptions;
use crate::policy::{Decision, Fallback, OnError, OutOfDistribution, Policy, Side};
use crate::scorer::Score;
use crate::{Error, ErrorKind, Result};

impl Router {
    /// Decides for one input: a text, a chat or an embedding.
    ///
    /// `on_error` covers what cannot be scored, a chat without text, text that is not Unicode and malformed JSON.
    ///
    /// ```
    /// use routellm_core::{CallOptions, Input, OnError, Router};
    ///
    /// let router = Router::default_router()?;
    /// let options = CallOptions::new().on_error(OnError::Strong);
    /// let body = br#"{"model": "auto", "messages": [{"role": "user", "content": "What is 17 * 23?"}]}"#;
    /// let decision = router.route(Input::Messages(body), &options)?;
    /// assert_eq!(decision, router.route("What is 17 * 23?", &options)?);
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for a threshold or share outside [0, 1], or a share (but 0 and 1) of a router without
    /// calibration; for JSON that is no chat; for an embedding that does not fit or is not finite. What scoring reports,
    /// unless [`on_error`](CallOptions::on_error) decides instead; `Cancelled`.
    pub fn route<'a>(&self, input: impl Into<Input<'a>>, options: &CallOptions) -> Result<Decision> {
        let decider = self.begin(options, 1)?;
        let score =
            self.subject(input.into(), options)?.and_then(|subject| self.score(subject, &decider.call));
        decider.decide(score)
    }

    /// As [`route`](Self::route), without waiting: `done` gets the decision, exactly once unless this returns an error. It
    /// may run before this returns, on this thread, and should return soon, for it may hold up other calls. A decision
    /// that takes less time than handing it over is made in place. The input is read at once.
    ///
    /// # Errors
    /// `InvalidArgument` for wrong options, JSON that is no chat, or a router that is closed; then `done` is never called.
    pub fn route_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
        done: impl FnOnce(Result<Decision>) + Send + 'static,
    ) -> Result<()> {
        let decider = self.begin(options, 1)?;
        let subject = self.subject(input.into(), options)?;
        let watch = decider.call.watch.clone();
        let (stop, finish) = (decider.call.stop.clone(), move |score| done(decider.decide(score)));
        let work =
            move |worker: &mut Worker<'_>, subject: &Subject<'_>| watch.time(&[0], || worker.score(subject));
        self.start(subject, true, stop, work, finish);
        Ok(())
    }

    /// What every decision begins with: the threshold, and a call of this many prompts, whose time counts from now.
    pub(super) fn begin(&self, options: &CallOptions, prompts: usize) -> Result<Decider> {
        self.inner.check_open()?;
        let watch = self.inner.watch(prompts);
        let policy = options.chosen_policy()?;
        Ok(Decider {
            inner: Arc::clone(&self.inner),
            threshold: self.threshold_in(policy, options.spelling)?,
            policy,
            on_error: options.failing(),
            call: Call { stop: options.stop()?, watch },
        })
    }

    /// The score of one subject.
    fn score(&self, subject: Subject<'_>, call: &Call) -> Result<Score> {
        let watch = call.watch.clone();
        self.call(subject, call.stop.as_ref(), move |worker, subject| {
            watch.time(&[0], || worker.score(subject))
        })
    }
}

impl Worker<'_> {
    /// The score of one subject.
    pub(super) fn score(&mut self, subject: &Subject<'_>) -> Result<Score> {
        match subject {
            Subject::Text(prompt) => self.inner.pipeline.score(self.slot, prompt, self.stop),
            Subject::Embedding(embedding) => {
                self.inner.pipeline.scorer_of_embedding(embedding)?.score(Features::Dense(embedding))
            }
        }
    }
}

/// What makes decisions of the scores of one call.
#[derive(Debug, Clone)]
pub(super) struct Decider {
    inner: Arc<Inner>,
    threshold: f64,
    policy: Policy,
    on_error: OnError,
    pub(super) call: Call,
}

impl Decider {
    /// Whether the first failure ends the others of a batch.
    pub(super) fn halts(&self) -> bool {
        self.on_error == OnError::Raise
    }

    /// The decision of a call on one prompt, which the hook hears of.
    pub(super) fn decide(&self, score: Result<Score>) -> Result<Decision> {
        let decision = self.decide_untold(score)?;
        self.tell(std::slice::from_ref(&decision));
        Ok(decision)
    }

    /// Tells the hook of all decisions of the call.
    pub(super) fn tell(&self, decisions: &[Decision]) {
        self.inner.tell(&self.call.watch, decisions);
    }

    /// The decision that a score comes to, or a fallback where the options ask for one.
    pub(super) fn decide_untold(&self, score: Result<Score>) -> Result<Decision> {
        let inner = &*self.inner;
        let (side, score, fallback) = match score {
            Ok(score) => {
                let side = if score.win_rate >= self.threshold { Side::Strong } else { Side::Weak };
                (side, Some(score), None)
            }
            Err(error) => {
                let side = match self.on_error {
                    OnError::Strong if inner.may_fall_back(&error) => Side::Strong,
                    OnError::Weak if inner.may_fall_back(&error) => Side::Weak,
                    _ => return Err(error),
                };
                let warning = inner.fallbacks.record(error.kind());
                (side, None, Some(Fallback { kind: error.kind(), reason: error.message().into(), warning }))
            }
        };
        let far = score.is_some_and(|score| inner.is_far(score));
        // A share of everything or nothing leaves no prompt to `out_of_distribution`.
        let side = match inner.out_of_distribution {
            _ if self.policy.decides_all(self.threshold) => side,
            OutOfDistribution::Strong if far => Side::Strong,
            OutOfDistribution::Weak if far => Side::Weak,
            _ => side,
        };
        let index = match side {
            Side::Strong => inner.pair.strong,
            Side::Weak => inner.pair.weak,
        };
        inner.decisions.fetch_add(1, Ordering::Relaxed);
        Ok(Decision {
            side,
            model: Arc::clone(&inner.models[index]),
            win_rate: score.map(|score| score.win_rate),
            threshold: self.threshold,
            truncated: score.is_some_and(|score| score.truncated),
            similarity: score.and_then(|score| score.similarity),
            out_of_distribution: far,
            no_score: score.is_some_and(|score| score.no_score),
            fallback,
            propensity: 1.0,
            id: inner.decision_id(&self.call.watch),
        })
    }
}

impl Inner {
    /// Whether `on_error` covers an error: who cancels or closes wants no answer.
    pub(super) fn may_fall_back(&self, error: &Error) -> bool {
        error.kind() != ErrorKind::Cancelled && self.check_open().is_ok()
    }

    /// Whether a score is of a prompt that no vote resembles.
    pub(super) fn is_far(&self, score: Score) -> bool {
        let below = self.min_similarity.zip(score.similarity).is_some_and(|(least, found)| found < least);
        score.flat || below
    }
}
