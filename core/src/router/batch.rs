//! Many prompts in one call.

use std::sync::Arc;

use super::call::{Call, Worker, wait};
use super::{Inner, Router};
use crate::features::TextCap;
use crate::jobs::{self, RowResults, Slot, Unit};
use crate::policy::{Decision, OnError, RouteOptions};
use crate::scorer::Score;
use crate::{CancelToken, ErrorKind, Result};

/// The texts of a batch, or why there is none.
pub(super) type Texts<'a> = Vec<Result<&'a str>>;

impl Router {
    pub(super) fn route_many(&self, texts: Texts<'_>, options: &RouteOptions) -> Result<Vec<Decision>> {
        let (threshold, call) = self.begin(options, texts.len())?;
        call.stop.as_ref().map_or(Ok(()), CancelToken::check)?;
        let halts = options.on_error == OnError::Raise;
        let decide = |score| self.inner.decide_untold(threshold, options, &call, score);
        let decisions = self.score_many(texts, &call, halts, decide)?;
        // A batch that fails has decided nothing, so that none of it is told before the end.
        self.inner.tell(&call.watch, &decisions);
        Ok(decisions)
    }

    /// As [`route_batch`](Self::route_batch), without waiting: `done` gets the decisions, as
    /// [`call_async`](Self::call_async) says.
    ///
    /// # Errors
    /// `InvalidArgument` for wrong options or a router that is closed; then `done` is never called.
    pub fn route_batch_async(
        &self,
        prompts: Vec<Result<String>>,
        options: &RouteOptions,
        done: impl FnOnce(Result<Vec<Decision>>) + Send + 'static,
    ) -> Result<()> {
        let (threshold, call) = self.begin(options, prompts.len())?;
        let halts = options.on_error == OnError::Raise;
        let (inner, options, told) = (Arc::clone(&self.inner), options.clone(), call.clone());
        self.score_rows(prompts, &call, halts, move |results| {
            let decide = |score| inner.decide_untold(threshold, &options, &told, score);
            let decisions = finish(results, decide);
            if let Ok(decisions) = &decisions {
                inner.tell(&told.watch, decisions);
            }
            done(decisions);
        });
        Ok(())
    }

    /// As [`win_rates`](Self::win_rates), without waiting.
    ///
    /// # Errors
    /// `InvalidArgument` for a router that is closed; then `done` is never called.
    pub fn win_rates_async(
        &self,
        prompts: Vec<Result<String>>,
        stop: Option<CancelToken>,
        done: impl FnOnce(Result<Vec<f64>>) + Send + 'static,
    ) -> Result<()> {
        self.inner.check_open()?;
        self.score_rows(prompts, &Call::unwatched(stop), true, move |results| {
            done(finish(results, |score| Ok(score?.win_rate)));
        });
        Ok(())
    }

    /// What `make` makes of the score of each prompt.
    ///
    /// # Errors
    /// The first prompt's error that `make` returns, naming its index.
    pub(super) fn score_many<T>(
        &self,
        texts: Texts<'_>,
        call: &Call,
        halts: bool,
        make: impl Fn(Result<Score>) -> Result<T>,
    ) -> Result<Vec<T>> {
        if self.inner.pool().is_none() {
            let mut worker =
                Worker { inner: &self.inner, slot: &mut Slot::default(), stop: call.stop.as_ref() };
            let one = |(i, text): (usize, Result<&str>)| {
                let score = text.and_then(|text| call.watch.time(&[i], || worker.checked_score(text)));
                named(i, make(score))
            };
            return texts.into_iter().enumerate().map(one).collect();
        }
        let cap = self.cap();
        let owned = texts.into_iter().map(|text| text.map(|text| kept(text, cap).to_owned())).collect();
        finish(wait(|done| self.score_rows(owned, call, halts, done))?, make)
    }

    /// The scores of many prompts, on the sessions of the router or a thread of this library.
    fn score_rows(
        &self,
        prompts: Vec<Result<String>>,
        call: &Call,
        halts: bool,
        done: impl FnOnce(RowResults<Score>) + Send + 'static,
    ) {
        let mut results: RowResults<Score> = Vec::with_capacity(prompts.len());
        let mut readable = Vec::with_capacity(prompts.len());
        for (row, prompt) in prompts.into_iter().enumerate() {
            match prompt {
                Ok(prompt) => {
                    readable.push((row, prompt));
                    results.push(None);
                }
                Err(error) => results.push(Some(Err(error))),
            }
        }
        if readable.is_empty() || halts && readable.len() < results.len() {
            return done(results);
        }
        let queue = match self.queue() {
            Ok(queue) => queue,
            Err(error) => {
                let failed = |result: Option<Result<Score>>| result.or_else(|| Some(Err(error.copy())));
                return done(results.into_iter().map(failed).collect());
            }
        };
        let (inner, planned) = (Arc::clone(&self.inner), call.clone());
        let plan = move |slot: &mut Slot| {
            inner.begin_turn(planned.stop.as_ref())?;
            Ok(units(&inner, slot, readable, &planned))
        };
        jobs::start_rows(queue, call.stop.clone(), results, halts, plan, done);
    }
}

/// The prompts of a batch in parts that run together.
fn units(
    inner: &Arc<Inner>,
    slot: &mut Slot,
    prompts: Vec<(usize, String)>,
    call: &Call,
) -> Vec<Unit<Score>> {
    if let Some(scorer) = inner.pipeline.prompts() {
        let groups = Arc::clone(scorer).plan(slot, prompts);
        let unit = |crate::scorer::Group { rows, work }| {
            let (call, timed) = (call.clone(), rows.clone());
            let work = move |slot: &mut Slot| call.watch.time(&timed, || work(slot, call.stop.as_ref()));
            Unit { rows, work: Box::new(work) }
        };
        return groups.into_iter().map(unit).collect();
    }
    if inner.pool().is_none() {
        // One after the other on one thread: what needs no session is too short to be worth more.
        let rows = prompts.iter().map(|(row, _)| *row).collect();
        let (inner, call) = (Arc::clone(inner), call.clone());
        let work = move |slot: &mut Slot| {
            let mut worker = Worker { inner: &inner, slot, stop: call.stop.as_ref() };
            let mut one =
                |(row, prompt): &(usize, String)| call.watch.time(&[*row], || worker.checked_score(prompt));
            prompts.iter().map(&mut one).collect()
        };
        return vec![Unit { rows, work: Box::new(work) }];
    }
    let unit = |(row, prompt): (usize, String)| {
        let (inner, call) = (Arc::clone(inner), call.clone());
        let work = move |slot: &mut Slot| {
            let mut worker = Worker { inner: &inner, slot, stop: call.stop.as_ref() };
            vec![call.watch.time(&[row], || worker.checked_score(&prompt))]
        };
        Unit { rows: vec![row], work: Box::new(work) }
    };
    prompts.into_iter().map(unit).collect()
}

impl Worker<'_> {
    fn checked_score(&mut self, prompt: &str) -> Result<Score> {
        self.stop.map_or(Ok(()), CancelToken::check)?;
        self.score(prompt)
    }
}

/// What `make` makes of each result; those that did not run follow an error.
fn finish<T>(results: RowResults<Score>, make: impl Fn(Result<Score>) -> Result<T>) -> Result<Vec<T>> {
    let made = |(i, result): (usize, Option<Result<Score>>)| Some(named(i, make(result?)));
    results.into_iter().enumerate().filter_map(made).collect()
}

fn named<T>(i: usize, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::Cancelled => error,
        _ => error.context(format!("prompt {i}")),
    })
}

/// The part of `text` from which a router makes what it makes of the whole: a long text need not be copied.
fn kept(text: &str, cap: Option<TextCap>) -> &str {
    cap.map_or(text, |cap| cap.enough(text))
}
