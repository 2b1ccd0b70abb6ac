//! What can be asked about an input beside a decision: each question once, for whatever input, waiting or not.

use std::sync::Arc;

use super::call::Worker;
use super::{Explanation, Inner, Router};
use crate::features::Features;
use crate::input::{Input, Subject};
use crate::options::CallOptions;
use crate::policy::Fallback;
use crate::scorer::Ratings;
use crate::{CancelToken, Error, Result};

/// A question about an input.
pub(super) trait Question: Copy + Send + Sync + 'static {
    type Answer: Send + 'static;

    /// Whether it takes no longer than a decision.
    const QUICK: bool = true;

    /// Whether this router can answer.
    fn check(&self, _inner: &Inner) -> Result<()> {
        Ok(())
    }

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<Self::Answer>;

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<Self::Answer>;

    /// What is told instead of an error that `on_error` covers.
    fn unknown(&self, inner: &Inner, error: &Error) -> Self::Answer;

    fn answer(&self, worker: &mut Worker<'_>, subject: &Subject<'_>) -> Result<Self::Answer> {
        match subject {
            Subject::Text(prompt) => self.of_prompt(worker, prompt),
            Subject::Embedding(embedding) => self.of_embedding(worker.inner, embedding),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct WinRate;

impl Question for WinRate {
    type Answer = f64;

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<f64> {
        Ok(worker.inner.pipeline.score(worker.slot, prompt, worker.stop)?.win_rate)
    }

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<f64> {
        Ok(inner.pipeline.scorer_of_embedding(embedding)?.score(Features::Dense(embedding))?.win_rate)
    }

    fn unknown(&self, _: &Inner, _: &Error) -> f64 {
        f64::NAN
    }
}

#[derive(Clone, Copy)]
struct CandidateScores;

impl Question for CandidateScores {
    type Answer = Vec<f64>;

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<Vec<f64>> {
        worker.inner.pipeline.candidate_scores(worker.slot, prompt, worker.stop)
    }

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<Vec<f64>> {
        inner.pipeline.scorer_of_embedding(embedding)?.candidate_scores(Features::Dense(embedding))
    }

    fn unknown(&self, inner: &Inner, _: &Error) -> Vec<f64> {
        vec![f64::NAN; inner.models.len()]
    }
}

/// What is said of all candidates, for a policy that chooses among them.
#[derive(Clone, Copy)]
pub(super) struct Rate;

impl Question for Rate {
    type Answer = Ratings;

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<Ratings> {
        worker.inner.pipeline.ratings(worker.slot, prompt, worker.stop)
    }

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<Ratings> {
        inner.ratings_of_embedding(embedding)
    }

    fn unknown(&self, inner: &Inner, _: &Error) -> Ratings {
        Ratings::of(vec![f64::NAN; inner.models.len()])
    }
}

#[derive(Clone, Copy)]
pub(super) struct QualityOfEach;

impl Question for QualityOfEach {
    type Answer = Vec<f64>;

    fn check(&self, inner: &Inner) -> Result<()> {
        inner.candidates.qualities.check()
    }

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<Vec<f64>> {
        Ok(worker.inner.qualities(&Rate.of_prompt(worker, prompt)?.scores))
    }

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<Vec<f64>> {
        Ok(inner.qualities(&inner.ratings_of_embedding(embedding)?.scores))
    }

    fn unknown(&self, inner: &Inner, _: &Error) -> Vec<f64> {
        vec![f64::NAN; inner.models.len()]
    }
}

#[derive(Clone, Copy)]
struct Similarity;

impl Question for Similarity {
    type Answer = f64;

    fn check(&self, inner: &Inner) -> Result<()> {
        inner.pipeline.votes().map(drop)
    }

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<f64> {
        let Worker { inner, slot, stop } = worker;
        let votes = inner.pipeline.votes()?;
        inner.pipeline.with_features(slot, prompt, *stop, |features, _| {
            // Embedding took the time; the votes are read in milliseconds.
            stop.map_or(Ok(()), CancelToken::check)?;
            votes.similarity(features)
        })
    }

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<f64> {
        inner.pipeline.scorer_of_embedding(embedding)?;
        inner.pipeline.votes()?.similarity(Features::Dense(embedding))
    }

    fn unknown(&self, _: &Inner, _: &Error) -> f64 {
        f64::NAN
    }
}

#[derive(Clone, Copy)]
struct Explain {
    k: usize,
}

impl Question for Explain {
    type Answer = Explanation;

    // Every vote is read for it, or every known prompt.
    const QUICK: bool = false;

    fn check(&self, inner: &Inner) -> Result<()> {
        inner.pipeline.explains()
    }

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<Explanation> {
        let Worker { inner, slot, stop } = worker;
        inner.pipeline.with_features(slot, prompt, *stop, |features, _| {
            stop.map_or(Ok(()), CancelToken::check)?;
            inner.explain_features(features, self.k)
        })
    }

    fn of_embedding(&self, inner: &Inner, embedding: &[f32]) -> Result<Explanation> {
        inner.pipeline.scorer_of_embedding(embedding)?;
        inner.explain_features(Features::Dense(embedding), self.k)
    }

    fn unknown(&self, _: &Inner, error: &Error) -> Explanation {
        Explanation::unknown(Fallback { kind: error.kind(), reason: error.message().into(), warning: None })
    }
}

#[derive(Clone, Copy)]
struct Embed;

impl Question for Embed {
    type Answer = Vec<f32>;

    fn of_prompt(&self, worker: &mut Worker<'_>, prompt: &str) -> Result<Vec<f32>> {
        worker.inner.pipeline.with_features(worker.slot, prompt, worker.stop, |features, _| match features {
            Features::Dense(values) => Ok(values.to_vec()),
            Features::Sparse(_) => {
                Err(Error::unsupported("this router's features are sparse: it has no embedding"))
            }
        })
    }

    fn of_embedding(&self, _: &Inner, _: &[f32]) -> Result<Vec<f32>> {
        Err(Error::invalid_argument("an embedding has no embedding of its own: pass a prompt"))
    }

    fn unknown(&self, inner: &Inner, _: &Error) -> Vec<f32> {
        let dimension = inner.pipeline.featurizer().and_then(crate::features::Featurizer::dense_dimension);
        vec![f32::NAN; dimension.unwrap_or(0)]
    }
}

impl Router {
    /// P(strong model's answer is preferred or needed), in [0, 1]; NaN where [`on_error`](CallOptions::on_error) covers an
    /// error.
    ///
    /// # Errors
    /// As [`route`](Self::route); `InvalidArgument` if a threshold or a strong share is given: nothing is decided.
    pub fn win_rate<'a>(&self, input: impl Into<Input<'a>>, options: &CallOptions) -> Result<f64> {
        self.ask(WinRate, input.into(), options)
    }

    /// As [`win_rate`](Self::win_rate), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async).
    pub fn win_rate_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
        done: impl FnOnce(Result<f64>) + Send + 'static,
    ) -> Result<()> {
        self.ask_async(WinRate, input.into(), options, done)
    }

    /// One score for each candidate of [`models`](Self::models), higher is better; NaN where
    /// [`on_error`](CallOptions::on_error) covers an error.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the router knows its pair only.
    pub fn candidate_scores<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
    ) -> Result<Vec<f64>> {
        self.ask(CandidateScores, input.into(), options)
    }

    /// As [`candidate_scores`](Self::candidate_scores), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async).
    pub fn candidate_scores_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
        done: impl FnOnce(Result<Vec<f64>>) + Send + 'static,
    ) -> Result<()> {
        self.ask_async(CandidateScores, input.into(), options, done)
    }

    /// The quality of each candidate of [`models`](Self::models) on this input, in [0, 1]: the score that a gold answer would
    /// give it, as expected from held-out rows, or its expected win rate against the others;
    /// [`CandidateInfo::quality`](crate::router::CandidateInfo::quality) says which. NaN for a candidate that the votes compare
    /// with no other, and where [`on_error`](CallOptions::on_error) covers an error.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the router knows its pair only.
    pub fn qualities<'a>(&self, input: impl Into<Input<'a>>, options: &CallOptions) -> Result<Vec<f64>> {
        self.ask(QualityOfEach, input.into(), options)
    }

    /// As [`qualities`](Self::qualities), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async); `Unsupported` if the router knows its pair only.
    pub fn qualities_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
        done: impl FnOnce(Result<Vec<f64>>) + Send + 'static,
    ) -> Result<()> {
        self.ask_async(QualityOfEach, input.into(), options, done)
    }

    /// Largest cosine similarity to any vote, in [-1, 1]: the paper's measure of how far a prompt is from the training
    /// data. NaN where [`on_error`](CallOptions::on_error) covers an error.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the router has no votes.
    pub fn similarity<'a>(&self, input: impl Into<Input<'a>>, options: &CallOptions) -> Result<f64> {
        self.ask(Similarity, input.into(), options)
    }

    /// As [`similarity`](Self::similarity), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async); `Unsupported` if the router has no votes.
    pub fn similarity_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
        done: impl FnOnce(Result<f64>) + Send + 'static,
    ) -> Result<()> {
        self.ask_async(Similarity, input.into(), options, done)
    }

    /// The score with the `k` votes that weighed most. Where [`on_error`](CallOptions::on_error) covers an error, the
    /// explanation says which in its [`fallback`](Explanation::fallback).
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the router has no votes.
    pub fn explain<'a>(
        &self,
        input: impl Into<Input<'a>>,
        k: usize,
        options: &CallOptions,
    ) -> Result<Explanation> {
        self.ask(Explain { k }, input.into(), options)
    }

    /// As [`explain`](Self::explain), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async); `Unsupported` if the router has no votes.
    pub fn explain_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        k: usize,
        options: &CallOptions,
        done: impl FnOnce(Result<Explanation>) + Send + 'static,
    ) -> Result<()> {
        self.ask_async(Explain { k }, input.into(), options, done)
    }

    /// The dense embedding of a prompt by this router's featurizer, `dimension` numbers; all NaN where
    /// [`on_error`](CallOptions::on_error) covers an error.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate); `Unsupported` if the features are sparse or come from the caller.
    pub fn embed<'a>(&self, input: impl Into<Input<'a>>, options: &CallOptions) -> Result<Vec<f32>> {
        self.ask(Embed, input.into(), options)
    }

    /// As [`embed`](Self::embed), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async).
    pub fn embed_async<'a>(
        &self,
        input: impl Into<Input<'a>>,
        options: &CallOptions,
        done: impl FnOnce(Result<Vec<f32>>) + Send + 'static,
    ) -> Result<()> {
        self.ask_async(Embed, input.into(), options, done)
    }

    /// What every question begins with: what stops the call.
    pub(super) fn inquire(&self, options: &CallOptions) -> Result<Option<CancelToken>> {
        self.inner.check_open()?;
        let deciding = options.deciding();
        if let Some(error) = options.spelling.without_effect(&deciding, "this call decides nothing") {
            return Err(error);
        }
        self.inner.check_on_error(options)?;
        options.stop()
    }

    fn ask<Q: Question>(&self, question: Q, input: Input<'_>, options: &CallOptions) -> Result<Q::Answer> {
        let stop = self.inquire(options)?;
        question.check(&self.inner)?;
        let answer = self.subject(input, options)?.and_then(|subject| {
            self.call(subject, stop.as_ref(), move |worker, subject| question.answer(worker, subject))
        });
        self.inner.told(question, options.falls_back(), answer)
    }

    fn ask_async<Q: Question>(
        &self,
        question: Q,
        input: Input<'_>,
        options: &CallOptions,
        done: impl FnOnce(Result<Q::Answer>) + Send + 'static,
    ) -> Result<()> {
        let stop = self.inquire(options)?;
        question.check(&self.inner)?;
        let subject = self.subject(input, options)?;
        let (inner, falls_back) = (Arc::clone(&self.inner), options.falls_back());
        self.start(
            subject,
            Q::QUICK,
            stop,
            move |worker, subject| question.answer(worker, subject),
            move |answer| done(inner.told(question, falls_back, answer)),
        );
        Ok(())
    }
}

impl Inner {
    /// The answer, or what stands for it where `on_error` covers the error.
    pub(super) fn told<Q: Question>(
        &self,
        question: Q,
        falls_back: bool,
        answer: Result<Q::Answer>,
    ) -> Result<Q::Answer> {
        match answer {
            Err(error) if falls_back && self.may_fall_back(&error) => Ok(question.unknown(self, &error)),
            answer => answer,
        }
    }
}
