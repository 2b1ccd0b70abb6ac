//! Watching decisions: a router tells each of them to one hook, if it has one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::{Inner, Router};
use crate::ErrorKind;
use crate::id::DecisionId;
use crate::policy::{Decision, Side};

/// What a hook hears of a decision. The prompt is not in it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DecisionEvent<'a> {
    /// The decision's [`id`](Decision::id).
    pub id: DecisionId,
    /// The name of the chosen model.
    pub model: &'a str,
    /// The chosen candidate's place among the router's [`models`](Router::models).
    pub candidate: usize,
    /// The chosen side; `None` outside the policies of the pair.
    pub side: Option<Side>,
    /// P(strong model's answer is preferred or needed), in [0, 1]; `None` in a fallback and outside the policies of the
    /// pair.
    pub win_rate: Option<f64>,
    /// The threshold that the win rate was compared with; NaN outside the policies of the pair.
    pub threshold: f64,
    /// The quality that the chosen candidate is expected to have, in [0, 1]; `None` in a fallback and for the policies of the
    /// pair.
    pub quality: Option<f64>,
    /// What the request is expected to cost in USD; `None` if that is not known.
    pub expected_cost: Option<f64>,
    /// The probability that the side had of being chosen, in (0, 1].
    pub propensity: f64,
    /// The kind of the error behind a fallback; else `None`.
    pub fallback: Option<ErrorKind>,
    /// Where the time went.
    pub latency: Latency,
    /// The prompt's place in its batch, from 0; 0 for a prompt alone.
    pub index: usize,
    /// How many prompts the call had; 1 for a prompt alone.
    pub batch_size: usize,
}

/// The time that a decision took, by stage. The parts may be less than the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// From the beginning of the call until the prompt's turn: the wait for a session, and for prompts of the same batch
    /// that came before. All of the time, if the turn never came.
    pub queue: Duration,
    /// Features and score together. Prompts that a model reads in one run have the time of that run each.
    pub score: Duration,
    /// From the beginning of the call until all of its decisions were made.
    pub total: Duration,
}

type Hook = dyn Fn(&DecisionEvent<'_>) + Send + Sync;

/// The place for a hook, which can be filled and emptied while calls run.
#[derive(Default)]
pub(super) struct Hooks(ArcSwapOption<Box<Hook>>);

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").field("set", &self.0.load().is_some()).finish()
    }
}

/// The clock of a call; without a hook there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Option<Arc<Times>>);

#[derive(Debug)]
struct Times {
    start: Instant,
    prompts: Box<[Turn]>,
}

/// When a prompt's turn began and ended, in nanoseconds from the start; [`NEVER`] before that.
#[derive(Debug)]
struct Turn {
    begun: AtomicU64,
    ended: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Watch {
    fn new(prompts: usize) -> Self {
        let turn = || Turn { begun: AtomicU64::new(NEVER), ended: AtomicU64::new(NEVER) };
        let prompts = std::iter::repeat_with(turn).take(prompts).collect();
        Self(Some(Arc::new(Times { start: Instant::now(), prompts })))
    }

    /// Does `work`, the scoring of these prompts of the call.
    pub(super) fn time<T>(&self, prompts: &[usize], work: impl FnOnce() -> T) -> T {
        let Self(Some(times)) = self else { return work() };
        let note = |moment: fn(&Turn) -> &AtomicU64| {
            let now = times.now();
            for &prompt in prompts {
                moment(&times.prompts[prompt]).store(now, Ordering::Relaxed);
            }
        };
        note(|turn| &turn.begun);
        let result = work();
        note(|turn| &turn.ended);
        result
    }
}

impl Times {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(NEVER - 1)
    }

    fn latency(&self, prompt: usize, total: u64) -> Latency {
        // Without a beginning all was waiting, without an end all the rest was work.
        let turn = &self.prompts[prompt];
        let begun = turn.begun.load(Ordering::Relaxed).min(total);
        let ended = turn.ended.load(Ordering::Relaxed).clamp(begun, total);
        Latency {
            queue: Duration::from_nanos(begun),
            score: Duration::from_nanos(ended - begun),
            total: Duration::from_nanos(total),
        }
    }
}

impl Inner {
    /// What watches a call of this many prompts that begins now.
    pub(super) fn watch(&self, prompts: usize) -> Watch {
        if self.hooks.0.load().is_some() { Watch::new(prompts) } else { Watch::default() }
    }

    /// The id of a decision, if somebody wants one.
    pub(super) fn decision_id(&self, watch: &Watch) -> Option<DecisionId> {
        (watch.0.is_some() || self.ids).then(DecisionId::next)
    }

    /// Tells the hook of all decisions of a call.
    pub(super) fn tell(&self, watch: &Watch, decisions: &[Decision]) {
        let Watch(Some(times)) = watch else { return };
        let Some(hook) = self.hooks.0.load_full() else { return };
        let total = times.now();
        for (index, decision) in decisions.iter().enumerate() {
            let Some(id) = decision.id else { continue };
            let event = DecisionEvent {
                id,
                model: &decision.model,
                candidate: decision.candidate.unwrap_or(usize::MAX),
                side: decision.side,
                win_rate: decision.win_rate,
                threshold: decision.threshold,
                quality: decision.quality,
                expected_cost: decision.expected_cost,
                propensity: decision.propensity,
                fallback: decision.fallback.as_ref().map(|fallback| fallback.kind),
                latency: times.latency(index, total),
                index,
                batch_size: decisions.len(),
            };
            // The decision is made: no panic of who watches takes it away.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&event)));
        }
    }
}

impl Router {
    /// Lets `hook` hear of every decision of this router and its clones: of each prompt once, those of a batch in their
    /// order, fallbacks too. It takes the place of the hook before. Calls that end with an error decide nothing, and
    /// scores are no decisions. Decisions have an [`id`](Decision::id) as long as there is a hook.
    ///
    /// It runs on the thread that decides, after the decision is made and before the call returns or calls back. That may
    /// be a thread that serves other calls: it must be quick, and must not wait for the router. A panic in it ends
    /// nothing. It hears of the decisions that it makes itself, too. The router keeps it: one that holds the router
    /// keeps that for ever. Calls that began without a hook are not told.
    ///
    /// Without a hook a call looks whether there is one, reads no clock and makes no id.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use routellm_core::{CallOptions, Router};
    ///
    /// let router = Router::default_router()?;
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let sink = Arc::clone(&seen);
    /// router.on_decision(move |event| {
    ///     sink.lock().unwrap().push((event.id, event.model.to_owned(), event.latency.total));
    /// });
    /// let decision = router.route("What is 17 * 23?", &CallOptions::default())?;
    /// assert_eq!(decision.id, Some(seen.lock().unwrap()[0].0));
    /// router.off_decision();
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    pub fn on_decision(&self, hook: impl Fn(&DecisionEvent<'_>) + Send + Sync + 'static) {
        self.inner.hooks.0.store(Some(Arc::new(Box::new(hook))));
    }

    /// Takes the hook away, if there is one. Calls that are telling it go on; no other one tells it any more.
    pub fn off_decision(&self) {
        self.inner.hooks.0.store(None);
    }

    /// Takes over the hook of `other`, which keeps it too, unless this router has one: for a router that takes the place
    /// of another one.
    pub fn inherit_hook(&self, other: &Self) {
        let Some(hook) = other.inner.hooks.0.load_full() else { return };
        self.inner.hooks.0.rcu(|own| Some(Arc::clone(own.as_ref().unwrap_or(&hook))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_never_came_was_waiting_and_parts_are_no_more_than_the_whole() {
        let Watch(Some(times)) = Watch::new(3) else { panic!("a watch has times") };
        let nanoseconds = |prompt| {
            let Latency { queue, score, total } = times.latency(prompt, 100);
            [queue, score, total].map(|time| time.as_nanos())
        };
        times.prompts[1].begun.store(10, Ordering::Relaxed);
        times.prompts[2].begun.store(10, Ordering::Relaxed);
        times.prompts[2].ended.store(70, Ordering::Relaxed);
        assert_eq!(nanoseconds(0), [100, 0, 100]);
        assert_eq!(nanoseconds(1), [10, 90, 100]);
        assert_eq!(nanoseconds(2), [10, 60, 100]);
    }
}
