//! Busy routers: calls that wait, are cancelled, come too late or find the router closed.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use routellm_core::{
    CallOptions, CancelToken, Decision, ErrorKind, Input, OnError, OpenOptions, Reloadable, Result, Router,
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

fn begin(router: &Router, prompt: &str, options: &CallOptions) -> Receiver<Result<Decision>> {
    let (sender, receiver) = mpsc::channel();
    let done = move |decision| sender.send(decision).unwrap();
    router.route_async(prompt, options, done).unwrap();
    receiver
}

fn end(receiver: &Receiver<Result<Decision>>) -> Result<Decision> {
    receiver.recv_timeout(EVER).expect("a call that was begun is answered once")
}

#[test]
fn every_plain_call_in_a_storm_of_cancelled_and_timed_ones_is_answered() {
    let router = one_session();
    let expected = router.route(LONG, &CallOptions::new()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0_u32..12 {
            let (router, expected) = (&router, &expected);
            scope.spawn(move || {
                for round in 0_u32..40 {
                    let pause = Duration::from_micros(u64::from((round * 7919 + caller * 104_729) % 9_000));
                    match caller % 3 {
                        // Half of the callers wait on their own threads, half by callback.
                        0 if caller % 2 == 0 => {
                            assert_eq!(router.route(LONG, &CallOptions::new()).unwrap(), *expected);
                        }
                        0 => {
                            let call = begin(router, LONG, &CallOptions::new());
                            assert_eq!(end(&call).unwrap(), *expected);
                        }
                        1 => {
                            let token = CancelToken::new();
                            let options = CallOptions::new().cancel(token.clone());
                            let call = begin(router, LONG, &options);
                            std::thread::sleep(pause);
                            token.cancel();
                            match end(&call) {
                                Ok(decision) => assert_eq!(decision, *expected),
                                Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
                            }
                        }
                        _ => {
                            let timeout = pause + Duration::from_nanos(1);
                            let options = CallOptions::new().timeout(timeout);
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
    assert_eq!(router.route(LONG, &CallOptions::new()).unwrap(), expected);
    let stats = router.stats();
    assert_eq!((stats.sessions, stats.busy, stats.waiting), (1, 0, 0));
}

#[test]
fn a_timeout_counts_from_the_call_and_waiting_calls_end_where_they_stand() {
    let router = one_session();
    let expected = router.route("hello", &CallOptions::new()).unwrap();
    let running: Vec<_> = (0..60).map(|_| begin(&router, LONG, &CallOptions::new())).collect();
    let timeout = Duration::from_millis(1);
    let late = begin(&router, "hello", &CallOptions::new().timeout(timeout));
    let token = CancelToken::new();
    let cancelled = begin(&router, "hello", &CallOptions::new().cancel(token.clone()));
    token.cancel();
    // Told by the call that cancels: nobody else is waited for.
    assert_eq!(cancelled.try_recv().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(end(&late).unwrap_err().kind(), ErrorKind::ResourceExhausted);
    let options = CallOptions::new().timeout(timeout).on_error(OnError::Weak);
    let fallback = router.route("hello", &options).unwrap().fallback.unwrap();
    assert_eq!(fallback.kind, ErrorKind::ResourceExhausted);
    // The last of those that were there before has not begun.
    assert!(running[59].try_recv().is_err());
    assert!(running.iter().all(|call| end(call).is_ok()));
    assert_eq!(end(&begin(&router, "hello", &CallOptions::new())).unwrap(), expected);
}

#[test]
fn no_more_wait_than_may_wait_and_a_batch_counts_once() {
    needs_onnxruntime();
    let router = options().max_waiting(1).open(root().join("artifacts/mf-minilm")).unwrap();
    let first = begin(&router, LONG, &CallOptions::new());
    let (sender, batch) = mpsc::channel();
    let done = move |decisions: Result<Vec<Decision>>| sender.send(decisions).unwrap();
    router.route_batch_async([LONG; 8], &CallOptions::new(), done).unwrap();
    let refused = end(&begin(&router, "hello", &CallOptions::new())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ResourceExhausted);
    assert!(refused.message().contains("max_waiting"), "{refused}");
    let fallback = CallOptions::new().on_error(OnError::Strong);
    assert!(end(&begin(&router, "hello", &fallback)).unwrap().fallback.is_some());
    let also = router.route_batch(["hello", "there"], &fallback).unwrap();
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
    let expected = router.route(LONG, &CallOptions::new()).unwrap();
    let calls: Vec<_> = (0..100).map(|_| begin(&router, LONG, &CallOptions::new())).collect();
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
    let options = CallOptions::new().on_error(OnError::Weak);
    let late = [
        router.route("hello", &options).map(drop),
        router.route_batch(["hello"], &options).map(drop),
        router.route(&[0.0; 384], &options).map(drop),
        router.win_rate("hello", &CallOptions::new()).map(drop),
        router.win_rates(["hello"], &CallOptions::new()).map(drop),
        router.embed("hello", &CallOptions::new()).map(drop),
        router.route_async("hello", &options, |_| panic!("never called")),
    ];
    for result in late {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("closed"), "{error}");
    }
    let quick = default_router();
    quick.close();
    assert!(quick.route("hello", &CallOptions::new()).is_err());
}

#[test]
fn a_batch_that_has_begun_outlives_the_closing_and_does_not_wait() {
    let router = one_session();
    let prompts = [LONG; 6];
    let expected = router.route_batch(prompts, &CallOptions::new()).unwrap();
    for _ in 0..20 {
        let router = one_session();
        let (sender, receiver) = mpsc::channel();
        let done = move |decisions| sender.send(decisions).unwrap();
        router.route_batch_async(prompts, &CallOptions::new(), done).unwrap();
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
        router.route_async("hello", &CallOptions::new(), done).unwrap();
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
            (again.route_batch(["hello"], &CallOptions::new()), again.win_rate("hello", &CallOptions::new()));
        sender.send((wait.unwrap_err(), other.is_ok())).unwrap();
    };
    router.route_async(LONG, &CallOptions::new(), done).unwrap();
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
        router.route_async(LONG, &CallOptions::new(), panics).unwrap();
    }
    assert!(router.route("hello", &CallOptions::new()).is_ok());
}

#[test]
fn callers_on_their_own_threads_and_by_callback_get_the_same_bits() {
    let router = one_session();
    let alone = mf_minilm();
    let prompts: Vec<String> = (0..12).map(|i| format!("{LONG} {i}")).collect();
    let expected = alone.win_rates(&prompts, &CallOptions::new()).unwrap();
    let (sender, batch) = mpsc::channel();
    router.win_rates_async(&prompts, &CallOptions::new(), move |rates| sender.send(rates).unwrap()).unwrap();
    let singles: Vec<f64> = std::thread::scope(|scope| {
        let calls: Vec<_> = prompts
            .iter()
            .map(|prompt| {
                let router = router.clone();
                scope.spawn(move || router.win_rate(prompt, &CallOptions::new()).unwrap())
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(singles, expected);
    assert_eq!(batch.recv_timeout(EVER).unwrap().unwrap(), expected);
}

#[test]
fn embeddings_explanations_and_models_without_sessions_are_served_too() {
    let router = default_router();
    let (sender, receiver) = mpsc::channel();
    router.win_rate_async("hello", &CallOptions::new(), move |rate| sender.send(rate).unwrap()).unwrap();
    assert_eq!(
        receiver.recv_timeout(EVER).unwrap().unwrap(),
        router.win_rate("hello", &CallOptions::new()).unwrap()
    );
    assert!(router.is_quick(600) && !router.is_quick(10 << 20));
    let classifier = OpenOptions::new().strong("a").weak("b").open(tiny_model("bert-tiny")).unwrap();
    let (sender, receiver) = mpsc::channel();
    let options = CallOptions::new().threshold(0.5).timeout(EVER);
    classifier.route_batch_async(["hello", "there"], &options, move |all| sender.send(all).unwrap()).unwrap();
    let together = receiver.recv_timeout(EVER).unwrap().unwrap();
    assert_eq!(together, classifier.route_batch(["hello", "there"], &options).unwrap());
}

#[test]
fn a_reload_disturbs_no_call() {
    let place = Reloadable::new(one_session());
    let expected = place.get().win_rate("hello", &CallOptions::new()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(place.get().win_rate("hello", &CallOptions::new()).unwrap(), expected);
                }
            });
        }
        for _ in 0..3 {
            drop(place.replace(one_session()));
        }
    });
}

/// What each question that decides nothing comes to, as its kind of error or its numbers.
fn asked(router: &Router, input: &Input<'_>, options: &CallOptions) -> Vec<Result<Vec<f64>>> {
    let numbers = |row: Vec<f32>| row.into_iter().map(f64::from).collect();
    vec![
        router.win_rate(input, options).map(|rate| vec![rate]),
        router.win_rates([input, input], options),
        router.candidate_scores(input, options),
        router.similarity(input, options).map(|similarity| vec![similarity]),
        router.embed(input, options).map(numbers),
        router.explain(input, 3, options).map(|explanation| {
            assert_eq!(explanation.fallback.is_some(), explanation.win_rate.is_nan());
            vec![explanation.win_rate, explanation.similarity]
        }),
    ]
}

/// The same, without waiting.
fn asked_async(router: &Router, input: &Input<'_>, options: &CallOptions) -> Vec<Result<Vec<f64>>> {
    fn awaited<T: Send + 'static>(
        begin: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>) -> Result<()>,
    ) -> Result<T> {
        let (sender, receiver) = mpsc::channel();
        begin(Box::new(move |outcome| sender.send(outcome).unwrap()))?;
        receiver.recv_timeout(EVER).expect("a call that was begun is answered")
    }
    let numbers = |row: Vec<f32>| row.into_iter().map(f64::from).collect();
    vec![
        awaited(|done| router.win_rate_async(input, options, done)).map(|rate: f64| vec![rate]),
        awaited(|done| router.win_rates_async([input, input], options, done)),
        awaited(|done| router.candidate_scores_async(input, options, done)),
        awaited(|done| router.similarity_async(input, options, done)).map(|similarity: f64| vec![similarity]),
        awaited(|done| router.embed_async(input, options, done)).map(numbers),
        awaited(|done| router.explain_async(input, 3, options, done)).map(
            |explanation: routellm_core::Explanation| vec![explanation.win_rate, explanation.similarity],
        ),
    ]
}

/// Every question of a router, with an input; those that the router cannot answer are errors.
fn every_question(router: &Router, input: &Input<'_>, options: &CallOptions) -> Vec<Result<Vec<f64>>> {
    let waiting = asked(router, input, options);
    let kinds = |outcomes: &[Result<Vec<f64>>]| -> Vec<Option<ErrorKind>> {
        outcomes.iter().map(|outcome| outcome.as_ref().err().map(routellm_core::Error::kind)).collect()
    };
    if waiting.iter().all(|outcome| !matches!(outcome, Err(error) if error.kind() == ErrorKind::Unsupported))
    {
        let begun = asked_async(router, input, options);
        assert_eq!(kinds(&waiting), kinds(&begun));
        for (waiting, begun) in waiting.iter().flatten().zip(begun.iter().flatten()) {
            let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(waiting), bits(begun));
        }
    }
    waiting
}

#[test]
fn every_question_can_be_stopped_and_fall_back() {
    let votes = OpenOptions::new().open(root().join("tests/conformance/sw-hashed")).unwrap();
    let sessions = one_session();
    let token = CancelToken::new();
    token.cancel();
    let expired = CallOptions::new().timeout(Duration::from_nanos(1));
    for router in [&votes, &sessions] {
        for input in [Input::Text(LONG), Input::Utf8(b"hello"), Input::Messages(br#"["a chat"]"#)] {
            let plain = every_question(router, &input, &CallOptions::new());
            let unsupported = |outcome: &Result<Vec<f64>>| matches!(outcome, Err(error) if error.kind() == ErrorKind::Unsupported);
            let of = |options: &CallOptions| {
                let outcomes = every_question(router, &input, options);
                plain
                    .iter()
                    .zip(outcomes)
                    .filter(|(plain, _)| !unsupported(plain))
                    .map(|(_, outcome)| outcome)
            };
            if plain
                .iter()
                .any(|outcome| matches!(outcome, Err(error) if error.kind() == ErrorKind::InvalidArgument))
            {
                // A list of texts is no chat, whatever `on_error` says.
                assert!(of(&CallOptions::new().on_error(OnError::Weak)).all(|outcome| outcome.is_err()));
                continue;
            }
            assert!(
                of(&CallOptions::new())
                    .all(|outcome| outcome.unwrap().iter().all(|number| number.is_finite()))
            );
            let cancelled = CallOptions::new().cancel(token.clone()).on_error(OnError::Weak);
            assert!(of(&cancelled).all(|outcome| outcome.unwrap_err().kind() == ErrorKind::Cancelled));
            assert!(of(&expired).all(|outcome| outcome.unwrap_err().kind() == ErrorKind::ResourceExhausted));
            let fallback = expired.clone().on_error(OnError::Strong);
            assert!(of(&fallback).all(|outcome| {
                let numbers = outcome.unwrap();
                !numbers.is_empty() && numbers.iter().all(|number| number.is_nan())
            }));
            let deciding = CallOptions::new().strong_share(0.5);
            assert!(
                of(&deciding)
                    .all(|outcome| outcome.unwrap_err().message().contains("strong_share has no effect"))
            );
        }
        let unreadable =
            every_question(router, &Input::Utf8(b"\xff"), &CallOptions::new().on_error(OnError::Weak));
        assert!(unreadable[0].as_ref().unwrap()[0].is_nan());
        assert!(unreadable[1].as_ref().unwrap().iter().all(|rate| rate.is_nan()));
        // Scores are no decisions.
        assert_eq!((router.stats().decisions, router.fallbacks()), (0, 0));
    }
    let explanation = votes.explain("hello", 1, &expired.on_error(OnError::Weak)).unwrap();
    assert_eq!(explanation.fallback.as_ref().unwrap().kind, ErrorKind::ResourceExhausted);
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!((&json["fallback"]["kind"], &json["win_rate"]), (&"ResourceExhausted".into(), &().into()));
}

#[test]
fn options_of_a_call_are_a_json_object() {
    let router = default_router();
    let mut options = CallOptions::new();
    let json = br#"{"strong_share": 0.5, "on_error": "weak", "timeout_ms": 1e9, "read": "all_user", "threshold": null}"#;
    options.set_json(json).unwrap();
    let same = CallOptions::new().strong_share(0.5).on_error(OnError::Weak);
    assert_eq!(router.route("hello", &options).unwrap(), router.route("hello", &same).unwrap());
    for (json, part) in [
        (
            r#"{"strong_shar": 0.5}"#,
            "unknown option \"strong_shar\" of a call; it knows: threshold, strong_share",
        ),
        (r#"{"threshold": "0.5"}"#, "threshold is \"0.5\", expected a number in [0, 1]"),
        (r#"{"timeout_ms": 0}"#, "timeout_ms is 0, expected a positive number of milliseconds"),
        (
            r#"{"on_error": 1}"#,
            "on_error is 1, expected \"raise\", \"strong\", \"weak\" or the name of a candidate",
        ),
        (r#"{"read": 1}"#, "read is 1, expected \"last_user\""),
        ("[]", "expected a JSON object"),
    ] {
        let error = CallOptions::new().set_json(json.as_bytes()).unwrap_err();
        assert!(error.message().contains(part), "{json}: {error}");
    }
    // Which candidates there are, the router knows.
    options.set_json(br#"{"on_error": "ignore"}"#).unwrap();
    let error = router.route("hello", &options).unwrap_err().to_string();
    let asked = router.win_rate("hello", &CallOptions::new().on_error_candidate("ignore")).unwrap_err();
    assert_eq!(error, asked.to_string());
    let expected = "on_error is \"ignore\", expected \"raise\", \"strong\", \"weak\" or one of: ";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn embeddings_go_wherever_prompts_go() {
    let router = one_session();
    let prompts = ["hello", "What is 17 * 23?", "Prove that there are infinitely many primes."];
    let plain = CallOptions::new();
    let embeddings = prompts.map(|prompt| router.embed(prompt, &plain).unwrap());
    let rates = router.win_rates(prompts, &plain).unwrap();
    assert_eq!(router.win_rates(&embeddings, &plain).unwrap(), rates);
    let mixed = [Input::Text(prompts[0]), Input::Embedding(&embeddings[1]), Input::Text(prompts[2])];
    assert_eq!(router.win_rates(&mixed, &plain).unwrap(), rates);
    let (sender, receiver) = mpsc::channel();
    router.win_rates_async(&mixed, &plain, move |rates| sender.send(rates).unwrap()).unwrap();
    assert_eq!(receiver.recv_timeout(EVER).unwrap().unwrap(), rates);
    let decisions = router.route_batch(&mixed, &plain).unwrap();
    assert_eq!(decisions.iter().map(|decision| decision.win_rate.unwrap()).collect::<Vec<_>>(), rates);
    let wrong =
        [Input::Embedding(&embeddings[0]), Input::Embedding(&[0.5]), Input::Embedding(&embeddings[2])];
    let error = router.win_rates(&wrong, &plain).unwrap_err();
    assert!(error.message().starts_with("row 1: "), "{error}");
    let partly = router.win_rates(&wrong, &plain.clone().on_error(OnError::Weak)).unwrap();
    assert!(partly[1].is_nan() && partly[0] == rates[0] && partly[2] == rates[2]);
    let error = router.embed(&embeddings[0], &plain).unwrap_err();
    assert!(error.message().contains("pass a prompt"), "{error}");
}
