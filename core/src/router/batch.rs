//! Many inputs in one call.

use std::borrow::Cow;
use std::sync::Arc;

use super::ask::{Rate, WinRate};
use super::call::{Call, Worker, check_read, wait};
use super::decide::{Decider, Reading};
use super::{Inner, Router};
use crate::features::Features;
use crate::input::{Input, Readable, Subject, owned_text};
use crate::jobs::{self, RowResults, Slot, Unit};
use crate::options::CallOptions;
use crate::policy::Decision;
use crate::scorer::{Score, Scorer};
use crate::{CancelToken, ErrorKind, Result};

/// Embeddings for which the votes are read once. Between them a call can be stopped.
const TOGETHER: usize = 256;

/// What to score in a batch, or why something cannot be scored.
pub(super) struct Subjects<'a> {
    pub(super) rows: Vec<Readable<'a>>,
    /// What errors call one of them.
    pub(super) what: &'static str,
}

impl Router {
    /// Decides for many inputs, with the same bits as one by one. In a batch a message by itself is refused: its chat is
    /// one input, and a list of chats a batch.
    ///
    /// ```
    /// # use routellm_core::{CallOptions, Router};
    /// let router = Router::default_router()?;
    /// let decisions = router.route_batch(["What is 17 * 23?", "Hello!"], &CallOptions::new().strong_share(0.5))?;
    /// assert_eq!(decisions.len(), 2);
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`route`](Self::route), for the first input that fails, naming its index.
    pub fn route_batch<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
    ) -> Result<Vec<Decision>> {
        let subjects = self.subjects(inputs, options)?;
        let mut decider = self.begin(options, subjects.rows.len())?;
        decider.look_at(&subjects.rows);
        let (call, halts) = (&decider.call, decider.halts());
        let decisions = if decider.rates() {
            let decide = |row, ratings| decider.decide_untold(row, decider.reading(ratings));
            self.answer_many(Rate, subjects, call, halts, decide)?
        } else {
            let decide = |row, score: Result<Score>| decider.decide_untold(row, score.map(Reading::of));
            self.score_many(subjects, call, halts, decide)?
        };
        // A batch that fails has decided nothing, so that none of it is told before the end.
        decider.tell(&decisions);
        Ok(decisions)
    }

    /// As [`route_batch`](Self::route_batch), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async).
    pub fn route_batch_async<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
        done: impl FnOnce(Result<Vec<Decision>>) + Send + 'static,
    ) -> Result<()> {
        let subjects = self.subjects(inputs, options)?;
        let mut decider = self.begin(options, subjects.rows.len())?;
        decider.look_at(&subjects.rows);
        let (call, halts, rates) = (decider.call.clone(), decider.halts(), decider.rates());
        let finished = move |decisions: Result<Vec<Decision>>, decider: &Decider| {
            if let Ok(decisions) = &decisions {
                decider.tell(decisions);
            }
            done(decisions);
        };
        if rates {
            self.start_answers(Rate, subjects, &call, halts, move |results, what| {
                let decide = |row, ratings| decider.decide_untold(row, decider.reading(ratings));
                finished(finish(results, what, decide), &decider);
            });
        } else {
            self.start_many(subjects, &call, halts, move |results, what| {
                let decide = |row, score: Result<Score>| decider.decide_untold(row, score.map(Reading::of));
                finished(finish(results, what, decide), &decider);
            });
        }
        Ok(())
    }

    /// Win rates of many inputs, with the same bits as one by one.
    ///
    /// # Errors
    /// As [`win_rate`](Self::win_rate), for the first input that fails, naming its index.
    pub fn win_rates<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
    ) -> Result<Vec<f64>> {
        let subjects = self.subjects(inputs, options)?;
        let call = Call::unwatched(self.inquire(options)?);
        let rate = self.inner.rate(options.falls_back());
        self.score_many(subjects, &call, !options.falls_back(), rate)
    }

    /// As [`win_rates`](Self::win_rates), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async).
    pub fn win_rates_async<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
        done: impl FnOnce(Result<Vec<f64>>) + Send + 'static,
    ) -> Result<()> {
        let subjects = self.subjects(inputs, options)?;
        let call = Call::unwatched(self.inquire(options)?);
        let (inner, falls_back) = (Arc::clone(&self.inner), options.falls_back());
        self.start_many(subjects, &call, !falls_back, move |results, what| {
            done(finish(results, what, inner.rate(falls_back)));
        });
        Ok(())
    }

    /// What to score of each input. What is no input fails the batch before anything is scored.
    pub(super) fn subjects<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
    ) -> Result<Subjects<'a>> {
        let read = self.read(options);
        let mut what = "prompt";
        let one = |(i, input): (usize, I)| {
            let input = input.into();
            check_read(&input, options)?;
            if matches!(input, Input::Embedding(_)) {
                what = "row";
            }
            input.subject_in_batch(read).map_err(|error| error.context(format!("prompt {i}")))
        };
        let rows = inputs.into_iter().enumerate().map(one).collect::<Result<_>>()?;
        Ok(Subjects { rows, what })
    }

    /// What `make` makes of the score of each subject.
    ///
    /// # Errors
    /// The first one's error that `make` returns, naming its index.
    fn score_many<T>(
        &self,
        subjects: Subjects<'_>,
        call: &Call,
        halts: bool,
        make: impl Fn(usize, Result<Score>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.check_begins(call)?;
        let what = subjects.what;
        let (mut results, prompts) = self.inner.score_embeddings(subjects.rows, call, halts);
        if self.inner.pool().is_some() {
            let cap = self.cap();
            let prompts = prompts.into_iter().map(|(row, text)| (row, owned_text(text, cap))).collect();
            let results = wait(|done| self.score_prompts(prompts, results, call, halts, done))?;
            return finish(results, what, make);
        }
        let mut worker = Worker { inner: &self.inner, slot: &mut Slot::default(), stop: call.stop.as_ref() };
        let mut prompts = prompts.into_iter().peekable();
        let one = |(i, result): (usize, &mut Option<Result<Score>>)| {
            let score = match prompts.next_if(|(row, _)| *row == i) {
                Some((_, text)) => call.watch.time(&[i], || worker.checked_score(&text)),
                None => result.take()?,
            };
            Some(named(what, i, make(i, score)))
        };
        results.iter_mut().enumerate().filter_map(one).collect()
    }

    /// # Errors
    /// `Cancelled`, also where there is nothing to do; `InvalidArgument` of a router that is closed. A deadline that has passed
    /// is every row's own.
    pub(super) fn check_begins(&self, call: &Call) -> Result<()> {
        self.inner.check_open()?;
        match call.stop.as_ref().map(CancelToken::check) {
            Some(Err(error)) if error.kind() == ErrorKind::Cancelled => Err(error),
            _ => Ok(()),
        }
    }

    /// The scores of many subjects on threads of this library, and what errors call one of them.
    fn start_many(
        &self,
        subjects: Subjects<'_>,
        call: &Call,
        halts: bool,
        done: impl FnOnce(RowResults<Score>, &'static str) + Send + 'static,
    ) {
        let (what, cap) = (subjects.what, self.cap());
        let done = move |results| done(results, what);
        let rows = subjects.rows.into_iter().map(|row| row.map(|subject| subject.into_owned(cap)));
        let rows: Vec<Readable<'static>> = rows.collect();
        if what == "prompt" {
            let (results, prompts) = self.inner.score_embeddings(rows, call, halts);
            let prompts = prompts.into_iter().map(|(row, text)| (row, text.into_owned())).collect();
            return self.score_prompts(prompts, results, call, halts, done);
        }
        // Embeddings need no session, and so wait for none.
        let queue = match jobs::workers() {
            Ok(queue) => queue,
            Err(error) => return done(vec![Some(Err(error))]),
        };
        let (router, inner) = (self.clone(), Arc::clone(&self.inner));
        let (scoring, call, stop) = (call.clone(), call.clone(), call.stop.clone());
        let score = move |_: &mut Slot| {
            inner.begin_turn(scoring.stop.as_ref())?;
            Ok(inner.score_embeddings(rows, &scoring, halts))
        };
        jobs::start(queue, stop, score, move |scored| match scored {
            Ok((results, prompts)) => {
                let prompts = prompts.into_iter().map(|(row, text)| (row, text.into_owned())).collect();
                router.score_prompts(prompts, results, &call, halts, done);
            }
            Err(error) => done(vec![Some(Err(error))]),
        });
    }

    /// Fills the results of prompts, on the sessions of the router or a thread of this library.
    fn score_prompts(
        &self,
        prompts: Vec<(usize, String)>,
        results: RowResults<Score>,
        call: &Call,
        halts: bool,
        done: impl FnOnce(RowResults<Score>) + Send + 'static,
    ) {
        if prompts.is_empty() || halts && results.iter().flatten().any(Result::is_err) {
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
            Ok(units(&inner, slot, prompts, &planned))
        };
        jobs::start_rows(queue, call.stop.clone(), results, halts, plan, done);
    }
}

/// The prompts of a batch with their rows.
type Prompts<'a> = Vec<(usize, Cow<'a, str>)>;

/// An embedding of a batch with its row.
type Row<'a> = (usize, Cow<'a, [f32]>);

impl Inner {
    /// What a score becomes as a win rate, where `on_error` says what of errors.
    fn rate(&self, falls_back: bool) -> impl Fn(usize, Result<Score>) -> Result<f64> + use<'_> {
        move |_, score| self.told(WinRate, falls_back, score.map(|score| score.win_rate))
    }

    /// The scores of those subjects that need no session, and the others. A row without a result comes after an error
    /// that halts.
    fn score_embeddings<'a>(
        &self,
        rows: Vec<Readable<'a>>,
        call: &Call,
        halts: bool,
    ) -> (RowResults<Score>, Prompts<'a>) {
        let mut results: RowResults<Score> = Vec::with_capacity(rows.len());
        let (mut prompts, mut embeddings) = (Vec::new(), Vec::new());
        for (row, subject) in rows.into_iter().enumerate() {
            results.push(None);
            match subject {
                Ok(Subject::Text(text)) => prompts.push((row, text)),
                Ok(Subject::Embedding(embedding)) => embeddings.push((row, embedding)),
                Err(error) => results[row] = Some(Err(error)),
            }
        }
        for part in embeddings.chunks(TOGETHER) {
            if !self.score_together(part, call, &mut results)
                && !self.score_each(part, call, halts, &mut results)
            {
                break;
            }
        }
        (results, prompts)
    }

    /// Scores some embeddings in one pass over the votes, if there are any and every embedding is sound.
    fn score_together(&self, part: &[Row<'_>], call: &Call, results: &mut RowResults<Score>) -> bool {
        let sound = |(_, row): &Row<'_>| self.pipeline.scorer_of_embedding(row).is_ok();
        let stopped = call.stop.as_ref().is_some_and(|token| token.check().is_err());
        let Some(Scorer::SwRanking(votes)) = self.pipeline.scorer() else { return false };
        if stopped || part.len() < 2 || !part.iter().all(sound) {
            return false;
        }
        let places: Vec<usize> = part.iter().map(|(row, _)| *row).collect();
        let together: Vec<f32> = part.iter().flat_map(|(_, row)| row.iter().copied()).collect();
        let Ok(scores) = call.watch.time(&places, || votes.score_batch(&together)) else { return false };
        for (row, score) in places.into_iter().zip(scores) {
            results[row] = Some(Ok(score));
        }
        true
    }

    /// Scores embeddings one by one; false after an error that halts.
    fn score_each(
        &self,
        part: &[Row<'_>],
        call: &Call,
        halts: bool,
        results: &mut RowResults<Score>,
    ) -> bool {
        for (row, embedding) in part {
            let score = call.watch.time(&[*row], || {
                call.stop.as_ref().map_or(Ok(()), CancelToken::check)?;
                self.pipeline.scorer_of_embedding(embedding)?.score(Features::Dense(embedding))
            });
            let failed = score.is_err();
            results[*row] = Some(score);
            if failed && halts {
                return false;
            }
        }
        true
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
        self.inner.pipeline.score(self.slot, prompt, self.stop)
    }
}

/// What `make` makes of each result; those that did not run follow an error.
pub(super) fn finish<A, T>(
    results: RowResults<A>,
    what: &str,
    make: impl Fn(usize, Result<A>) -> Result<T>,
) -> Result<Vec<T>> {
    let made = |(i, result): (usize, Option<Result<A>>)| Some(named(what, i, make(i, result?)));
    results.into_iter().enumerate().filter_map(made).collect()
}

pub(super) fn named<T>(what: &str, i: usize, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::Cancelled => error,
        _ => error.context(format!("{what} {i}")),
    })
}
