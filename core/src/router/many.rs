//! One question about many inputs.

use std::sync::Arc;

use super::Router;
use super::ask::{QualityOfEach, Question};
use super::batch::{Subjects, finish, named};
use super::call::{Call, Worker, wait};
use crate::input::{Input, Subject};
use crate::jobs::{self, RowResults, Slot, Unit};
use crate::options::CallOptions;
use crate::{CancelToken, Result};

impl Router {
    /// The qualities of all candidates for many inputs, with the same bits as one by one: see
    /// [`qualities`](Self::qualities).
    ///
    /// # Errors
    /// As [`qualities`](Self::qualities), for the first input that fails, naming its index.
    pub fn qualities_batch<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
    ) -> Result<Vec<Vec<f64>>> {
        let call = Call::unwatched(self.inquire(options)?);
        QualityOfEach.check(&self.inner)?;
        let subjects = self.subjects(inputs, options)?;
        let falls_back = options.falls_back();
        let told = |_, answer| self.inner.told(QualityOfEach, falls_back, answer);
        self.answer_many(QualityOfEach, subjects, &call, !falls_back, told)
    }

    /// As [`qualities_batch`](Self::qualities_batch), without waiting: as [`route_async`](Self::route_async).
    ///
    /// # Errors
    /// As [`route_async`](Self::route_async); `Unsupported` if the router knows its pair only.
    pub fn qualities_batch_async<'a, I: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: &CallOptions,
        done: impl FnOnce(Result<Vec<Vec<f64>>>) + Send + 'static,
    ) -> Result<()> {
        let call = Call::unwatched(self.inquire(options)?);
        QualityOfEach.check(&self.inner)?;
        let subjects = self.subjects(inputs, options)?;
        let (inner, falls_back) = (Arc::clone(&self.inner), options.falls_back());
        self.start_answers(QualityOfEach, subjects, &call, !falls_back, move |results, what| {
            done(finish(results, what, |_, answer| inner.told(QualityOfEach, falls_back, answer)));
        });
        Ok(())
    }

    /// What `make` makes of the answer for each subject.
    ///
    /// # Errors
    /// The first one's error that `make` returns, naming its index.
    pub(super) fn answer_many<Q: Question, T>(
        &self,
        question: Q,
        subjects: Subjects<'_>,
        call: &Call,
        halts: bool,
        make: impl Fn(usize, Result<Q::Answer>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.check_begins(call)?;
        if self.inner.pool().is_some() {
            let what = subjects.what;
            let results = wait(|done| {
                self.start_answers(question, subjects, call, halts, move |results, _| done(results));
            })?;
            return finish(results, what, make);
        }
        let mut worker = Worker { inner: &self.inner, slot: &mut Slot::default(), stop: call.stop.as_ref() };
        let rows = subjects.rows.into_iter().enumerate();
        rows.map(|(i, subject)| {
            let answer = subject
                .and_then(|subject| call.watch.time(&[i], || worker.checked_answer(question, &subject)));
            named(subjects.what, i, make(i, answer))
        })
        .collect()
    }

    /// The answers for many subjects on threads of this library, and what errors call one of them.
    pub(super) fn start_answers<Q: Question>(
        &self,
        question: Q,
        subjects: Subjects<'_>,
        call: &Call,
        halts: bool,
        done: impl FnOnce(RowResults<Q::Answer>, &'static str) + Send + 'static,
    ) {
        let (what, cap) = (subjects.what, self.cap());
        let mut results: RowResults<Q::Answer> = Vec::with_capacity(subjects.rows.len());
        let mut rows: Vec<(usize, Subject<'static>)> = Vec::new();
        for (row, subject) in subjects.rows.into_iter().enumerate() {
            results.push(None);
            match subject {
                Ok(subject) => rows.push((row, subject.into_owned(cap))),
                Err(error) => results[row] = Some(Err(error)),
            }
        }
        if rows.is_empty() || halts && results.iter().flatten().any(Result::is_err) {
            return done(results, what);
        }
        // Embeddings need no session, and so wait for none.
        let texts = rows.iter().any(|(_, subject)| matches!(subject, Subject::Text(_)));
        let queue = match if texts { self.queue() } else { jobs::workers() } {
            Ok(queue) => queue,
            Err(error) => {
                let failed = |result: Option<Result<Q::Answer>>| result.or_else(|| Some(Err(error.copy())));
                return done(results.into_iter().map(failed).collect(), what);
            }
        };
        let sessions = texts && self.inner.pool().is_some();
        let (inner, planned) = (Arc::clone(&self.inner), call.clone());
        let plan = move |_: &mut Slot| {
            inner.begin_turn(planned.stop.as_ref())?;
            // What needs no session is too short to be worth more than one thread.
            let parts: Vec<Vec<_>> =
                if sessions { rows.into_iter().map(|row| vec![row]).collect() } else { vec![rows] };
            let unit = |part: Vec<(usize, Subject<'static>)>| {
                let rows = part.iter().map(|(row, _)| *row).collect();
                let (inner, call) = (Arc::clone(&inner), planned.clone());
                let work = move |slot: &mut Slot| {
                    let mut worker = Worker { inner: &inner, slot, stop: call.stop.as_ref() };
                    let mut one = |(row, subject): &(usize, Subject<'static>)| {
                        call.watch.time(&[*row], || worker.checked_answer(question, subject))
                    };
                    part.iter().map(&mut one).collect()
                };
                Unit { rows, work: Box::new(work) }
            };
            Ok(parts.into_iter().map(unit).collect())
        };
        jobs::start_rows(queue, call.stop.clone(), results, halts, plan, move |results| done(results, what));
    }
}

impl Worker<'_> {
    fn checked_answer<Q: Question>(&mut self, question: Q, subject: &Subject<'_>) -> Result<Q::Answer> {
        self.stop.map_or(Ok(()), CancelToken::check)?;
        question.answer(self, subject)
    }
}
