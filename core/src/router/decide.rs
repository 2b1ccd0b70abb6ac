//! From a prompt to its score, and from a score to a decision.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ask::{Question, Rate};
use super::call::{Call, Worker};
use super::candidates::{Left, Tokens};
use super::{Inner, Router};
use crate::calibrate::DefaultPolicy;
use crate::choice::{Choice, Rated};
use crate::features::Features;
use crate::input::{Input, Readable, Subject};
use crate::options::CallOptions;
use crate::policy::{Decision, Fallback, OnError, OutOfDistribution, Policy, Side, unit_interval};
use crate::scorer::{Ratings, Score};
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
        let mut decider = self.begin(options, 1)?;
        let subject = self.subject(input.into(), options)?;
        decider.look_at(std::slice::from_ref(&subject));
        if decider.rates() {
            let ratings = subject.and_then(|subject| self.answer(Rate, subject, &decider.call));
            return decider.decide(decider.reading(ratings));
        }
        let score = subject.and_then(|subject| self.score(subject, &decider.call));
        decider.decide(score.map(Reading::of))
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
        let mut decider = self.begin(options, 1)?;
        let subject = self.subject(input.into(), options)?;
        decider.look_at(std::slice::from_ref(&subject));
        let watch = decider.call.watch.clone();
        let stop = decider.call.stop.clone();
        if decider.rates() {
            let work = move |worker: &mut Worker<'_>, subject: &Subject<'_>| {
                watch.time(&[0], || Rate.answer(worker, subject))
            };
            let finish = move |ratings| done(decider.decide(decider.reading(ratings)));
            self.start(subject, true, stop, work, finish);
            return Ok(());
        }
        let work =
            move |worker: &mut Worker<'_>, subject: &Subject<'_>| watch.time(&[0], || worker.score(subject));
        let finish = move |score: Result<Score>| done(decider.decide(score.map(Reading::of)));
        self.start(subject, true, stop, work, finish);
        Ok(())
    }

    /// What every decision begins with: the policy, who is left, and a call of this many prompts, whose time counts from
    /// now.
    pub(super) fn begin(&self, options: &CallOptions, prompts: usize) -> Result<Decider> {
        let inner = &self.inner;
        inner.check_open()?;
        let watch = inner.watch(prompts);
        let policy = inner.policy_of(options.chosen_policy()?);
        let (left, tokens) = (inner.left(options)?, inner.tokens(options));
        let (threshold, choice) = match policy {
            Policy::CostWeight(_) | Policy::MinQuality(_) | Policy::Budget(_) => {
                (f64::NAN, Some(inner.choice(policy, options, left.as_ref(), &tokens)?))
            }
            _ => (self.threshold_in(policy, options.spelling)?, None),
        };
        if let Policy::Threshold(threshold) = policy {
            inner.look_at(threshold);
        }
        let call = Call { stop: options.stop()?, watch };
        Ok(Decider {
            threshold,
            policy,
            choice,
            failing: inner.failing(options, left.as_ref())?,
            left,
            tokens,
            call,
            inner: Arc::clone(inner),
        })
    }

    /// What a question comes to for one subject.
    fn answer<Q: Question>(&self, question: Q, subject: Subject<'_>, call: &Call) -> Result<Q::Answer> {
        let watch = call.watch.clone();
        self.call(subject, call.stop.as_ref(), move |worker, subject| {
            watch.time(&[0], || question.answer(worker, subject))
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

/// What a policy reads of a prompt.
#[derive(Debug)]
pub(super) struct Reading {
    score: Score,
    /// Of each candidate, for the policies that compare them. Then the score has no win rate.
    qualities: Option<Vec<f64>>,
}

impl Reading {
    pub(super) fn of(score: Score) -> Self {
        Self { score, qualities: None }
    }
}

/// Where a prompt goes that cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failing {
    Raise,
    To(Side),
    ToCandidate(usize),
}

/// What makes decisions of the scores of one call.
#[derive(Debug, Clone)]
pub(super) struct Decider {
    inner: Arc<Inner>,
    threshold: f64,
    policy: Policy,
    /// Of a policy that compares candidates.
    choice: Option<Choice>,
    failing: Failing,
    left: Option<Left>,
    tokens: Tokens,
    pub(super) call: Call,
}

impl Decider {
    /// Whether the first failure ends the others of a batch.
    pub(super) fn halts(&self) -> bool {
        self.failing == Failing::Raise
    }

    /// Whether the policy compares candidates.
    pub(super) fn rates(&self) -> bool {
        self.choice.is_some()
    }

    /// Estimates how long the requests are, if that makes a difference.
    pub(super) fn look_at(&mut self, subjects: &[Readable<'_>]) {
        self.tokens.estimate(&self.inner, subjects);
    }

    /// What the policy reads of what was said of all candidates.
    pub(super) fn reading(&self, ratings: Result<Ratings>) -> Result<Reading> {
        let Ratings { scores, similarity, flat, truncated } = ratings?;
        let score = Score { win_rate: f64::NAN, similarity, flat, truncated, no_score: false };
        Ok(Reading { score, qualities: Some(self.inner.qualities(&scores)) })
    }

    /// The decision of a call on one prompt, which the hook hears of.
    pub(super) fn decide(&self, reading: Result<Reading>) -> Result<Decision> {
        let decision = self.decide_untold(0, reading)?;
        self.tell(std::slice::from_ref(&decision));
        Ok(decision)
    }

    /// Tells the hook of all decisions of the call.
    pub(super) fn tell(&self, decisions: &[Decision]) {
        self.inner.tell(&self.call.watch, decisions);
    }

    /// The decision for the prompt of this row that what was read of it comes to, or a fallback where the options ask for
    /// one.
    pub(super) fn decide_untold(&self, row: usize, reading: Result<Reading>) -> Result<Decision> {
        let inner = &*self.inner;
        let tokens = self.tokens.input(row);
        let (reading, fallback) = match reading {
            Ok(reading) => (Some(reading), None),
            Err(error) if self.failing == Failing::Raise || !inner.may_fall_back(&error) => {
                return Err(error);
            }
            Err(error) => (None, Some(error)),
        };
        let index = match &reading {
            None => self.fallen_back(tokens)?,
            Some(reading) => self.chosen(reading, tokens)?,
        };
        let fallback = fallback.map(|error| {
            let warning = inner.fallbacks.record(error.kind());
            Fallback { kind: error.kind(), reason: error.message().into(), warning }
        });
        let score = reading.as_ref().map(|reading| reading.score);
        let qualities = reading.as_ref().and_then(|reading| reading.qualities.as_ref());
        inner.decisions.fetch_add(1, Ordering::Relaxed);
        Ok(Decision {
            side: self.side_of(index),
            model: Arc::clone(&inner.models[index]),
            win_rate: score.map(|score| score.win_rate).filter(|_| self.choice.is_none()),
            threshold: self.threshold,
            truncated: score.is_some_and(|score| score.truncated),
            similarity: score.and_then(|score| score.similarity),
            out_of_distribution: score.is_some_and(|score| inner.is_far(score)),
            no_score: score.is_some_and(|score| score.no_score),
            fallback,
            propensity: 1.0,
            id: inner.decision_id(&self.call.watch),
            candidate: Some(index),
            quality: qualities.map(|qualities| qualities[index]).filter(|quality| !quality.is_nan()),
            expected_cost: inner.cost(index, tokens, self.tokens.output),
        })
    }

    /// The candidate that the policy chooses.
    fn chosen(&self, reading: &Reading, tokens: Option<u64>) -> Result<usize> {
        let (inner, score) = (&*self.inner, reading.score);
        let far = inner.is_far(score);
        // A share of everything or nothing leaves no prompt to `out_of_distribution`.
        let abstains = match inner.out_of_distribution {
            _ if self.policy.decides_all(self.threshold) => None,
            OutOfDistribution::Strong if far => Some(Side::Strong),
            OutOfDistribution::Weak if far => Some(Side::Weak),
            _ => None,
        };
        let (Some(choice), Some(qualities)) = (self.choice, &reading.qualities) else {
            let by_rate = if score.win_rate >= self.threshold { Side::Strong } else { Side::Weak };
            return self.of_side(abstains.unwrap_or(by_rate), tokens);
        };
        if let Some(index) = abstains.map(|side| inner.of_side(side)).filter(|index| self.may(*index, tokens))
        {
            return Ok(index);
        }
        let Some(input) = tokens else {
            return Err(Error::invalid_argument(
                "input_tokens is needed: an embedding has no text from which they could be estimated",
            ));
        };
        let rated = |index: usize| Rated {
            index,
            quality: qualities[index],
            cost: inner.cost_of_thousand(index, input as f64, self.tokens.output),
        };
        let all = 0..inner.models.len();
        let chosen = choice.choose(all.clone().filter(|index| self.may(*index, tokens)).map(rated));
        chosen.map(|chosen| chosen.index).ok_or_else(|| inner.nobody(all, self.left.as_ref(), tokens))
    }

    /// The candidate of a prompt that cannot be scored.
    fn fallen_back(&self, tokens: Option<u64>) -> Result<usize> {
        match self.failing {
            Failing::ToCandidate(index) if self.may(index, tokens) => Ok(index),
            Failing::ToCandidate(index) => Err(self.inner.nobody([index], self.left.as_ref(), tokens)),
            Failing::To(side) => self.of_side(side, tokens),
            Failing::Raise => self.of_side(Side::Strong, tokens),
        }
    }

    /// The candidate of a side, or of the other one where it is left out.
    fn of_side(&self, side: Side, tokens: Option<u64>) -> Result<usize> {
        let index = self.inner.of_side(side);
        if self.may(index, tokens) {
            return Ok(index);
        }
        let other = self.inner.of_side(side.other());
        if self.may(other, tokens) {
            return Ok(other);
        }
        Err(self.inner.nobody([index, other], self.left.as_ref(), tokens))
    }

    fn may(&self, index: usize, tokens: Option<u64>) -> bool {
        if self.left.is_none() && !self.inner.candidates.contexts {
            return true;
        }
        self.inner.may_choose(index, self.left.as_ref(), tokens)
    }

    /// The side that a candidate is on, where sides are decided between.
    fn side_of(&self, index: usize) -> Option<Side> {
        let pair = self.inner.pair;
        let sides = [(pair.strong, Side::Strong), (pair.weak, Side::Weak)];
        let found = sides.into_iter().find(|(candidate, _)| *candidate == index);
        found.filter(|_| self.choice.is_none()).map(|(_, side)| side)
    }
}

impl Inner {
    /// The policy of a call: that of the router where the call names none.
    pub(super) fn policy_of(&self, policy: Policy) -> Policy {
        match (policy, self.default_policy) {
            (Policy::Default, Some(DefaultPolicy::CostWeight(weight))) => Policy::CostWeight(weight),
            _ => policy,
        }
    }

    /// The candidate of a side.
    fn of_side(&self, side: Side) -> usize {
        match side {
            Side::Strong => self.pair.strong,
            Side::Weak => self.pair.weak,
        }
    }

    /// The choice of a policy that compares candidates.
    fn choice(
        &self,
        policy: Policy,
        options: &CallOptions,
        left: Option<&Left>,
        tokens: &Tokens,
    ) -> Result<Choice> {
        let name = options.spelling.of(policy.name());
        self.candidates.qualities.check()?;
        if let Some(left) = left.filter(|left| !(0..self.models.len()).any(|index| left.has(index))) {
            return Err(self.nobody(0..self.models.len(), Some(left), None));
        }
        self.check_prices(&name, left)?;
        let positive = |value: f64| match value {
            value if value >= 0.0 && value.is_finite() => Ok(value),
            value => Err(Error::invalid_argument(format!("{name} is {value}, expected a number from 0 on"))),
        };
        match policy {
            Policy::MinQuality(quality) => unit_interval(&name, quality).map(Choice::MinQuality),
            Policy::Budget(usd) => {
                self.weight_of_budget(positive(usd)?, left, tokens).map(Choice::CostWeight)
            }
            Policy::CostWeight(weight) => positive(weight).map(Choice::CostWeight),
            Policy::Default | Policy::Threshold(_) | Policy::StrongShare(_) => {
                Err(Error::new(ErrorKind::Internal, "a policy of the pair compares no candidates"))
            }
        }
    }

    /// # Errors
    /// `InvalidArgument` if prompts that cannot be scored should go to a candidate that there is not.
    pub(super) fn check_on_error(&self, options: &CallOptions) -> Result<()> {
        self.failing(options, None).map(drop)
    }

    /// Where prompts go that cannot be scored.
    fn failing(&self, options: &CallOptions, left: Option<&Left>) -> Result<Failing> {
        let Some(name) = &options.on_error_candidate else {
            return Ok(match options.on_error.unwrap_or_default() {
                OnError::Raise => Failing::Raise,
                OnError::Strong => Failing::To(Side::Strong),
                OnError::Weak => Failing::To(Side::Weak),
            });
        };
        let option = options.spelling.of("on_error");
        let index = self.candidate_named(&option, name).map_err(|_| {
            let known: Vec<&str> = self.candidates.all.iter().map(|one| one.name.as_str()).collect();
            Error::invalid_argument(format!(
                "{option} is {name:?}, expected \"raise\", \"strong\", \"weak\" or one of: {}{}",
                known.join(", "),
                crate::names::suggestion(name, known.iter().copied())
            ))
        })?;
        match self.why_not(index, left, None) {
            None => Ok(Failing::ToCandidate(index)),
            Some(why) => {
                Err(Error::invalid_argument(format!("{option} is {name:?}, which is left out: {why}")))
            }
        }
    }

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
