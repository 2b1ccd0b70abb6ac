//! Hooks: every decision is told once, and nothing else is.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use routellm_core::{
    CallOptions, CancelToken, Decision, DecisionEvent, DecisionId, ErrorKind, Input, Latency, OnError,
    OpenOptions, Reloadable, Result, Router,
};

use crate::support::{default_router, mf_minilm, tiny_model};

const EVER: Duration = Duration::from_mins(5);

/// What a hook keeps of an event.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    id: DecisionId,
    model: String,
    win_rate: Option<f64>,
    fallback: Option<ErrorKind>,
    latency: Latency,
    place: (usize, usize),
}

/// A hook's notebook.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Heard>>>);

impl Notes {
    fn of(router: &Router) -> Self {
        let notes = Self::default();
        let mine = notes.clone();
        router.on_decision(move |event| mine.note(event));
        notes
    }

    fn note(&self, event: &DecisionEvent<'_>) {
        assert_eq!(event.propensity.to_bits(), 1.0_f64.to_bits());
        let Latency { queue, score, total, .. } = event.latency;
        assert!(queue + score <= total && total > Duration::ZERO, "{event:?}");
        self.0.lock().unwrap().push(Heard {
            id: event.id,
            model: event.model.to_owned(),
            win_rate: event.win_rate,
            fallback: event.fallback,
            latency: event.latency,
            place: (event.index, event.batch_size),
        });
    }

    fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Whether these decisions, and no other ones, were told in this order since the last time.
    fn hold(&self, decisions: &[Decision]) {
        let heard = self.take();
        assert_eq!(heard.len(), decisions.len());
        for (i, (heard, decision)) in heard.iter().zip(decisions).enumerate() {
            assert_eq!(Some(heard.id), decision.id);
            assert_eq!((&*heard.model, heard.win_rate), (&*decision.model, decision.win_rate));
            assert_eq!(heard.fallback, decision.fallback.as_ref().map(|fallback| fallback.kind));
            assert_eq!(heard.place, (i, decisions.len()));
            assert!(decision.fallback.is_none() || heard.latency.score == Duration::ZERO, "{heard:?}");
        }
    }
}

/// What a call without waiting comes to.
fn awaited<T: Send + 'static>(
    begin: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>) -> Result<()>,
) -> Result<T> {
    let (sender, receiver) = mpsc::channel();
    begin(Box::new(move |outcome| sender.send(outcome).unwrap()))?;
    receiver.recv_timeout(EVER).expect("a call that was begun is answered")
}

/// Every kind of call that decides, of a router that reads texts.
fn every_call_is_told(router: &Router, options: &CallOptions) {
    let notes = Notes::of(router);
    let prompts = ["hello", "What is 17 * 23?", "Prove that there are infinitely many primes."];
    let long = "many words here ".repeat(2000);
    let chat = || Input::Messages(br#"[{"role": "user", "content": "hello"}]"#);
    let inputs = [chat(), Input::Text("there")];
    notes.hold(&[router.route("hello", options).unwrap()]);
    router.route("hello", options).unwrap();
    assert!(notes.take()[0].latency.score > Duration::ZERO);
    notes.hold(&[router.route(Input::Utf8(b"hello"), options).unwrap()]);
    notes.hold(&[router.route(chat(), options).unwrap()]);
    notes.hold(&router.route_batch(prompts, options).unwrap());
    notes.hold(&router.route_batch(prompts.map(|prompt| Input::Utf8(prompt.as_bytes())), options).unwrap());
    notes.hold(&router.route_batch(&inputs, options).unwrap());
    notes.hold(&[awaited(|done| router.route_async("hello", options, done)).unwrap()]);
    notes.hold(&[awaited(|done| router.route_async(&long, options, done)).unwrap()]);
    notes.hold(&[awaited(|done| router.route_async(chat(), options, done)).unwrap()]);
    notes.hold(&awaited(|done| router.route_batch_async(prompts, options, done)).unwrap());
    notes.hold(&awaited(|done| router.route_batch_async(&inputs, options, done)).unwrap());
    // Nothing to decide, and scores.
    notes.hold(&router.route_batch([""; 0], options).unwrap());
    router.win_rate("hello", &CallOptions::new()).unwrap();
    router.win_rates(prompts, &CallOptions::new()).unwrap();
    awaited(|done| router.win_rates_async(prompts, &CallOptions::new(), done)).unwrap();
    notes.hold(&[]);
}

#[test]
fn every_call_of_the_default_router_is_told() {
    every_call_is_told(&default_router(), &CallOptions::new());
}

#[test]
fn every_call_of_a_router_with_sessions_is_told() {
    let router = mf_minilm();
    every_call_is_told(&router, &CallOptions::new());
    let notes = Notes::of(&router);
    let embedding = router.embed("hello", &CallOptions::new()).unwrap();
    let options = CallOptions::new();
    notes.hold(&[router.route(&embedding, &options).unwrap()]);
    notes.hold(&[awaited(|done| router.route_async(&embedding, &options, done)).unwrap()]);
}

#[test]
fn every_call_of_a_model_that_reads_the_prompt_is_told() {
    let router = OpenOptions::new().strong("a").weak("b").open(tiny_model("bert-tiny")).unwrap();
    every_call_is_told(&router, &CallOptions::new().threshold(0.5));
}

#[test]
fn fallbacks_are_told_with_their_kind_and_errors_are_not() {
    let router = default_router();
    let notes = Notes::of(&router);
    let fallback = CallOptions::new().on_error(OnError::Strong);
    let decision = router.route(Input::Utf8(b"\xff"), &fallback).unwrap();
    assert_eq!(decision.propensity.to_bits(), 1.0_f64.to_bits());
    notes.hold(&[decision]);
    let decisions = router.route_batch([Input::Utf8(b"hello"), Input::Utf8(b"\xff")], &fallback).unwrap();
    assert_eq!(notes.0.lock().unwrap()[1].fallback, Some(ErrorKind::InvalidArgument));
    notes.hold(&decisions);
    // The batch fails as a whole: what came before the second prompt is not told either.
    let plain = CallOptions::new();
    router.route(Input::Utf8(b"\xff"), &plain).unwrap_err();
    router.route_batch([Input::Utf8(b"hello"), Input::Utf8(b"\xff")], &plain).unwrap_err();
    awaited(|done| {
        let prompts = [
            Input::Text("hello"),
            Input::Unreadable(routellm_core::Error::new(ErrorKind::InvalidArgument, "no")),
        ];
        router.route_batch_async(prompts, &plain, done)
    })
    .unwrap_err();
    router.route("hello", &CallOptions::new().threshold(2.0)).unwrap_err();
    let token = CancelToken::new();
    token.cancel();
    router.route("hello", &fallback.cancel(token)).unwrap_err();
    notes.hold(&[]);
}

#[test]
fn a_call_that_came_too_late_has_only_waited() {
    let router = mf_minilm();
    let notes = Notes::of(&router);
    let options = CallOptions::new().on_error(OnError::Weak).timeout(Duration::from_nanos(1));
    router.route("hello", &options).unwrap();
    let heard = notes.take();
    assert_eq!(heard[0].fallback, Some(ErrorKind::ResourceExhausted));
    assert_eq!((heard[0].latency.queue, heard[0].latency.score), (heard[0].latency.total, Duration::ZERO));
}

#[test]
fn ids_are_there_with_a_hook_only_ascend_and_never_repeat() {
    let router = default_router();
    let options = CallOptions::new();
    assert_eq!(router.route("hello", &options).unwrap().id, None);
    let notes = Notes::of(&router);
    let twin = router.clone();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let made: Vec<_> =
                    (0..500).map(|_| twin.route("hello", &options).unwrap().id.unwrap()).collect();
                assert!(made.is_sorted());
                let together = twin.route_batch(["a", "b", "c"], &options).unwrap();
                assert!(together.is_sorted_by_key(|decision| decision.id));
                assert!(together[0].id > made.last().copied());
            });
        }
    });
    let heard = notes.take();
    assert_eq!(heard.len(), 4 * 503);
    assert_eq!(heard.iter().map(|heard| heard.id).collect::<HashSet<_>>().len(), heard.len());
    router.off_decision();
    assert_eq!(twin.route("hello", &options).unwrap().id, None);
    assert_eq!(notes.take(), []);
}

#[test]
fn a_hook_that_panics_ends_nothing_and_the_next_event_comes() {
    let router = mf_minilm();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    router.on_decision(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("a hook that fails");
    });
    let options = CallOptions::new();
    router.route("hello", &options).unwrap();
    router.route_batch(["a", "b", "c"], &options).unwrap();
    awaited(|done| router.route_async("hello", &options, done)).unwrap();
    awaited(|done| router.route_batch_async(["a", "b"], &options, done)).unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 1 + 3 + 1 + 2);
}

#[test]
fn a_hook_may_be_changed_and_ask_the_router_while_it_is_told() {
    let router = default_router();
    let notes = Notes::default();
    let (mine, again) = (notes.clone(), default_router());
    let other = router.clone();
    router.on_decision(move |event| {
        mine.note(event);
        again.win_rate("hello", &CallOptions::new()).unwrap();
        // From the next call on.
        other.off_decision();
    });
    router.route_batch(["a", "b"], &CallOptions::new()).unwrap();
    router.route("hello", &CallOptions::new()).unwrap();
    assert_eq!(notes.take().len(), 2);
}

#[test]
fn hooks_come_and_go_while_calls_run() {
    let router = default_router();
    let (options, heard) = (CallOptions::new(), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..2000).for_each(|_| drop(router.route("hello", &options).unwrap())));
        }
        for _ in 0..500 {
            let count = Arc::clone(&heard);
            router.on_decision(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            router.off_decision();
        }
    });
    assert!(heard.load(Ordering::Relaxed) <= 6000);
    // Nobody keeps a hook that was taken away.
    assert_eq!(Arc::strong_count(&heard), 1);
}

#[test]
fn a_reload_hands_the_hook_on_unless_the_next_router_has_its_own() {
    let options = CallOptions::new();
    let place = Reloadable::new(default_router());
    let notes = Notes::of(&place.get());
    let old = place.replace(default_router());
    notes.hold(&[place.get().route("hello", &options).unwrap()]);
    notes.hold(&[old.route("hello", &options).unwrap()]);
    let next = default_router();
    let own = Notes::of(&next);
    place.replace(next);
    own.hold(&[place.get().route("hello", &options).unwrap()]);
    assert_eq!(notes.take(), []);
}
