//! Busy routers: calls that wait, are cancelled, come too late or find the router closed.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use routellm_core::{
    CancelToken, Decision, ErrorKind, OnError, OpenOptions, Reloadable, Result, RouteOptions, Router,
};

use crate::support::{default_router, mf_minilm, needs_onnxruntime, root, tiny_model};

/// Some ten milliseconds of an encoder's time.
const LONG: &str = "Explain why the longest increasing subsequence can be found in n log n steps. Explain why the \
                    longest increasing subsequence can be found in n log n steps. Explain why it is optimal.";

/// Long enough for any machine: who waits longer waits for ever.
const EVER: Duration = Duration::from_mins(5);

fn options() -> OpenOptions {
    OpenOptions::new().sessions(1).intra_threads(1)
}

fn one_session() -> Router {
    needs_onnxruntime();
    options().open(root().join("artifacts/mf-minilm")).unwrap()
}

fn begin(router: &Router, prompt: &str, options: &RouteOptions) -> Receiver<Result<Decision>> {
    let (sender, receiver) = mpsc::channel();
    let done = move |decision| sender.send(decision).unwrap();
    router.route_async(Ok(prompt.to_owned()), options, done).unwrap();
    receiver
}

fn end(receiver: &Receiver<Result<Decision>>) -> Result<Decision> {
    receiver.recv_timeout(EVER).expect("a call that was begun is answered once")
}

#[test]
fn every_plain_call_in_a_storm_of_cancelled_and_timed_ones_is_answered() {
    let router = one_session();
    let expected = router.route(LONG, &RouteOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0_u32..12 {
            let (router, expected) = (&router, &expected);
            scope.spawn(move || {
                for round in 0_u32..40 {
                    let pause = Duration::from_micros(u64::from((round * 7919 + caller * 104_729) % 9_000));
                    match caller % 3 {
                        // Half of the callers wait on their own threads, half by callback.
                        0 if caller % 2 == 0 => {
                            assert_eq!(router.route(LONG, &RouteOptions::default()).unwrap(), *expected);
                        }
                        0 => {
                            let call = begin(router, LONG, &RouteOptions::default());
                            assert_eq!(end(&call).unwrap(), *expected);
                        }
                        1 => {
                            let token = CancelToken::new();
                            let options =
                                RouteOptions { cancel: Some(token.clone()), ..RouteOptions::default() };
                            let call = begin(router, LONG, &options);
                            std::thread::sleep(pause);
                            token.cancel();
                            match end(&call) {
                                Ok(decision) => assert_eq!(decision, *expected),
                                Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
                            }
                        }
                        _ => {
                            let timeout = Some(pause + Duration::from_nanos(1));
                            let options = RouteOptions { timeout, ..RouteOptions::default() };
                            match router.route(LONG, &options) {
                                Ok(decision) => assert_eq!(decision, *expected),
                                Err(error) => assert_eq!(error.kind(), ErrorKind::ResourceExhausted),
                            }
                        }
                    }
                }
            });
        }
    });
    assert_eq!(router.route(LONG, &RouteOptions::default()).unwrap(), expected);
    let stats = router.stats();
    assert_eq!((stats.sessions, stats.busy, stats.waiting), (1, 0, 0));
}

#[test]
fn a_timeout_counts_from_the_call_and_waiting_calls_end_where_they_stand() {
    let router = one_session();
    let expected = router.route("hello", &RouteOptions::default()).unwrap();
    let running: Vec<_> = (0..60).map(|_| begin(&router, LONG, &RouteOptions::default())).collect();
    let timeout = Some(Duration::from_millis(1));
    let late = begin(&router, "hello", &RouteOptions { timeout, ..RouteOptions::default() });
    let token = CancelToken::new();
    let cancelled =
        begin(&router, "hello", &RouteOptions { cancel: Some(token.clone()), ..RouteOptions::default() });
    token.cancel();
    // Told by the call that cancels: nobody else is waited for.
    assert_eq!(cancelled.try_recv().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(end(&late).unwrap_err().kind(), ErrorKind::ResourceExhausted);
    let options = RouteOptions { timeout, on_error: OnError::Weak, ..RouteOptions::default() };
    let fallback = router.route("hello", &options).unwrap().fallback.unwrap();
    assert_eq!(fallback.kind, ErrorKind::ResourceExhausted);
    // The last of those that were there before has not begun.
    assert!(running[59].try_recv().is_err());
    assert!(running.iter().all(|call| end(call).is_ok()));
    assert_eq!(end(&begin(&router, "hello", &RouteOptions::default())).unwrap(), expected);
}

#[test]
fn no_more_wait_than_may_wait_and_a_batch_counts_once() {
    needs_onnxruntime();
    let router = options().max_waiting(1).open(root().join("artifacts/mf-minilm")).unwrap();
    let first = begin(&router, LONG, &RouteOptions::default());
    let (sender, batch) = mpsc::channel();
    let prompts = (0..8).map(|_| Ok(LONG.to_owned())).collect();
    let done = move |decisions: Result<Vec<Decision>>| sender.send(decisions).unwrap();
    router.route_batch_async(prompts, &RouteOptions::default(), done).unwrap();
    let refused = end(&begin(&router, "hello", &RouteOptions::default())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ResourceExhausted);
    assert!(refused.message().contains("max_waiting"), "{refused}");
    let fallback = RouteOptions { on_error: OnError::Strong, ..RouteOptions::default() };
    assert!(end(&begin(&router, "hello", &fallback)).unwrap().fallback.is_some());
    let also = router.route_batch(&["hello", "there"], &fallback).unwrap();
    assert!(also.iter().all(|decision| decision.fallback.is_some()));
    assert!(end(&first).is_ok());
    assert_eq!(batch.recv_timeout(EVER).unwrap().unwrap().len(), 8);
    let stats = router.stats();
    assert_eq!(stats.fallbacks.into_iter().collect::<Vec<_>>(), [("ResourceExhausted", 3)]);
    assert_eq!((stats.decisions, router.fallbacks()), (1 + 8 + 3, 3));
    let error = OpenOptions::new().max_waiting(1).open_default().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_closed_router_ends_what_waits_and_lets_go_on_what_runs() {
    let router = one_session();
    let expected = router.route(LONG, &RouteOptions::default()).unwrap();
    let calls: Vec<_> = (0..100).map(|_| begin(&router, LONG, &RouteOptions::default())).collect();
    while router.stats().busy == 0 {
        std::thread::yield_now();
    }
    router.close();
    let ends: Vec<_> = calls.iter().map(end).collect();
    let began = ends.iter().take_while(|end| end.is_ok()).count();
    assert!((1..100).contains(&began), "{began} of 100 calls began");
    for decision in &ends[..began] {
        assert_eq!(decision.as_ref().unwrap(), &expected);
    }
    for end in &ends[began..] {
        assert_eq!(end.as_ref().unwrap_err().kind(), ErrorKind::Cancelled);
    }
    assert!(router.is_closed());
    // Whatever on_error says: this is no prompt that cannot be scored.
    let options = RouteOptions { on_error: OnError::Weak, ..RouteOptions::default() };
    let late = [
        router.route("hello", &options).map(drop),
        router.route_batch(&["hello"], &options).map(drop),
        router.route_embedding(&[0.0; 384], &options).map(drop),
        router.win_rate("hello").map(drop),
        router.win_rates(&["hello"], None).map(drop),
        router.embed("hello").map(drop),
        router.route_async(Ok("hello".to_owned()), &options, |_| panic!("never called")),
    ];
    for result in late {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("closed"), "{error}");
    }
    let quick = default_router();
    quick.close();
    assert!(quick.route("hello", &RouteOptions::default()).is_err());
}

#[test]
fn a_batch_that_has_begun_outlives_the_closing_and_does_not_wait() {
    let router = one_session();
    let prompts = [LONG; 6];
    let expected = router.route_batch(&prompts, &RouteOptions::default()).unwrap();
    for _ in 0..20 {
        let router = one_session();
        let (sender, receiver) = mpsc::channel();
        let texts = prompts.iter().map(|&prompt| Ok(prompt.to_owned())).collect();
        let done = move |decisions| sender.send(decisions).unwrap();
        router.route_batch_async(texts, &RouteOptions::default(), done).unwrap();
        while router.stats().busy == 0 {
            std::thread::yield_now();
        }
        assert_eq!(router.stats().waiting, 0);
        router.close();
        assert_eq!(receiver.recv_timeout(EVER).unwrap().unwrap(), expected);
    }
}

#[test]
fn a_callback_may_begin_the_next_call() {
    fn next(router: &Router, left: usize, sender: mpsc::Sender<usize>) {
        let again = router.clone();
        let done = move |decision: Result<Decision>| {
            decision.unwrap();
            if left == 0 { sender.send(left).unwrap() } else { next(&again, left - 1, sender) }
        };
        router.route_async(Ok("hello".to_owned()), &RouteOptions::default(), done).unwrap();
    }
    let router = one_session();
    let (sender, receiver) = mpsc::channel();
    next(&router, 20, sender);
    assert_eq!(receiver.recv_timeout(EVER).unwrap(), 0);
}

#[test]
fn a_callback_that_waits_is_refused_and_not_for_ever() {
    let router = one_session();
    let (sender, receiver) = mpsc::channel();
    let again = router.clone();
    let done = move |_: Result<Decision>| {
        // The batch takes the session, which has been given back.
        let (wait, other) =
            (again.route_batch(&["hello"], &RouteOptions::default()), again.win_rate("hello"));
        sender.send((wait.unwrap_err(), other.is_ok())).unwrap();
    };
    router.route_async(Ok(LONG.to_owned()), &RouteOptions::default(), done).unwrap();
    let (error, lone) = receiver.recv_timeout(EVER).unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("callback"), "{error}");
    // What needs no waiting is done.
    assert!(lone);
}

#[test]
fn a_callback_that_panics_ends_no_thread() {
    let router = one_session();
    let panics = |_: Result<Decision>| panic!("a callback that fails");
    for _ in 0..3 {
        router.route_async(Ok(LONG.to_owned()), &RouteOptions::default(), panics).unwrap();
    }
    assert!(router.route("hello", &RouteOptions::default()).is_ok());
}

#[test]
fn callers_on_their_own_threads_and_by_callback_get_the_same_bits() {
    let router = one_session();
    let alone = mf_minilm();
    let prompts: Vec<String> = (0..12).map(|i| format!("{LONG} {i}")).collect();
    let expected = alone.win_rates(&prompts, None).unwrap();
    let (sender, batch) = mpsc::channel();
    let owned = prompts.iter().cloned().map(Ok).collect();
    router.win_rates_async(owned, None, move |rates| sender.send(rates).unwrap()).unwrap();
    let singles: Vec<f64> = std::thread::scope(|scope| {
        let calls: Vec<_> =
            prompts.iter().map(|prompt| scope.spawn(|| router.win_rate(prompt).unwrap())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(singles, expected);
    assert_eq!(batch.recv_timeout(EVER).unwrap().unwrap(), expected);
}

#[test]
fn embeddings_explanations_and_models_without_sessions_are_served_too() {
    let router = default_router();
    let (sender, receiver) = mpsc::channel();
    let work = |worker: &mut routellm_core::Worker<'_>| worker.win_rate("hello");
    router.call_async(None, work, move |rate| sender.send(rate).unwrap()).unwrap();
    assert_eq!(receiver.recv_timeout(EVER).unwrap().unwrap(), router.win_rate("hello").unwrap());
    assert!(router.is_quick(600) && !router.is_quick(10 << 20));
    let classifier = OpenOptions::new().strong("a").weak("b").open(tiny_model("bert-tiny")).unwrap();
    let (sender, receiver) = mpsc::channel();
    let options = RouteOptions { timeout: Some(EVER), ..RouteOptions::threshold(0.5) };
    let prompts = vec![Ok("hello".to_owned()), Ok("there".to_owned())];
    classifier.route_batch_async(prompts, &options, move |all| sender.send(all).unwrap()).unwrap();
    let together = receiver.recv_timeout(EVER).unwrap().unwrap();
    assert_eq!(together, classifier.route_batch(&["hello", "there"], &options).unwrap());
}

#[test]
fn a_reload_disturbs_no_call() {
    let place = Reloadable::new(one_session());
    let expected = place.get().win_rate("hello").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(place.get().win_rate("hello").unwrap(), expected);
                }
            });
        }
        for _ in 0..3 {
            drop(place.replace(one_session()));
        }
    });
}
