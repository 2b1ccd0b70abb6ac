//! Upstreams that stall, reset, answer 429, 500, nothing or half a chunk.

use crate::support::client::open;
use crate::support::{Fake, pair, post, post_with, start};

const BODY: &str = r#"{"model":"router-random-0","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str =
    r#"{"model":"router-random-0","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

/// STRONG at an upstream that behaves so, WEAK at one that is well.
fn unlike(fake: &Fake, strong: &str, more: &str) -> String {
    format!(
        r#"
        {}
        [upstreams.bad]
        base_url = "{}"
        retries = 1
        first_byte_timeout_ms = 300
        idle_timeout_ms = 300
        breaker = {{ failures = 1000 }}
        {more}
        "#,
        pair(fake, "ok").replace(
            "[models.STRONG]\n        upstream = \"up\"",
            "[models.STRONG]\n        upstream = \"bad\""
        ),
        fake.base(strong),
    )
}

/// How often each model was asked.
fn asked(fake: &Fake) -> (usize, usize) {
    let of =
        |model: &str| fake.seen().iter().filter(|seen| seen.body.contains(&format!("\"{model}\""))).count();
    (of("STRONG"), of("WEAK"))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_candidate_answers_before_the_first_byte() {
    // Whether the same upstream is asked again: not after a wait, and not where it asks for an hour.
    for (behaviour, tries) in
        [("500", 2), ("503", 2), ("429", 1), ("reset", 2), ("garbage", 2), ("stall", 1), ("stall-body", 1)]
    {
        let fake = Fake::start().await;
        let gateway = start(&unlike(&fake, behaviour, "")).await;
        for body in [BODY, STREAM] {
            let reply = post(gateway.address, "/v1/chat/completions", body).await;
            assert_eq!(reply.status, 200, "{behaviour}");
            assert!(reply.complete);
            assert_eq!(reply.header("x-routellm-model"), Some("WEAK"), "{behaviour}");
            assert_eq!(reply.header("x-routellm-decided"), Some("STRONG"), "{behaviour}");
        }
        assert_eq!(asked(&fake), (2 * tries, 2), "{behaviour}");
        assert_eq!(gateway.metric("routellm_fallbacks_total").await, Some(2.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_not_there_is_passed_over() {
    let fake = Fake::start().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = unlike(&fake, "nobody", "").replace(&fake.base("nobody"), &format!("http://{nobody}/v1"));
    let gateway = start(&config).await;
    let reply = post(gateway.address, "/v1/chat/completions", BODY).await;
    assert_eq!((reply.status, reply.header("x-routellm-model")), (200, Some("WEAK")));
    let errors = "routellm_upstream_errors_total{upstream=\"bad\",kind=\"connect\"}";
    assert_eq!(gateway.metric(errors).await, Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_first_byte_an_answer_breaks_off_and_is_not_begun_again() {
    for (behaviour, outcome) in [("half", "broken"), ("then-stall", "stalled")] {
        let fake = Fake::start().await;
        let gateway = start(&unlike(&fake, behaviour, "")).await;
        let reply = open(gateway.address, "/v1/chat/completions", STREAM, &[]).await.unwrap().whole().await;
        assert_eq!(reply.status, 200);
        assert!(reply.text().starts_with("data: ") && !reply.complete, "{behaviour}");
        assert_eq!(asked(&fake), (1, 0), "{behaviour}");
        let line = format!("routellm_outcomes_total{{outcome=\"{outcome}\"}}");
        assert_eq!(gateway.metric(&line).await, Some(1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_fallback_the_upstreams_own_answer_is_passed_on() {
    for (behaviour, status, message) in
        [("500", 500, "trouble"), ("429", 429, "slow down"), ("400", 400, "trouble")]
    {
        let fake = Fake::start().await;
        let config = unlike(&fake, behaviour, "")
            .replace("[routers.random]", "[routers.random]\n        fallback = false");
        let gateway = start(&config).await;
        let reply = post(gateway.address, "/v1/chat/completions", BODY).await;
        assert_eq!((reply.status, reply.message()), (status, message.to_owned()));
        if behaviour == "429" {
            assert_eq!(reply.header("retry-after"), Some("3600"));
        }
    }
    for (behaviour, status, code) in [("reset", 502, "broken"), ("stall", 504, "timeout")] {
        let fake = Fake::start().await;
        let config = unlike(&fake, behaviour, "")
            .replace("[routers.random]", "[routers.random]\n        fallback = false");
        let gateway = start(&config).await;
        let reply = post(gateway.address, "/v1/chat/completions", BODY).await;
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (status, Some(code)));
        assert!(reply.message().contains("\"bad\"") && reply.message().contains("try again"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_once_is_tried_again() {
    let fake = Fake::start().await;
    let gateway = start(&unlike(&fake, "flaky", "")).await;
    let reply = post(gateway.address, "/v1/chat/completions", BODY).await;
    assert_eq!((reply.status, reply.header("x-routellm-model")), (200, Some("STRONG")));
    assert_eq!(asked(&fake), (2, 0));
    assert_eq!(gateway.metric("routellm_upstream_retries_total{upstream=\"bad\"}").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_wrong_is_sent_once() {
    let fake = Fake::start().await;
    let gateway = start(&unlike(&fake, "400", "")).await;
    let reply = post(gateway.address, "/v1/chat/completions", BODY).await;
    assert_eq!((reply.status, reply.header("x-routellm-model")), (400, Some("STRONG")));
    assert_eq!(asked(&fake), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_stay_within_their_budget() {
    let fake = Fake::start().await;
    let gateway = start(&unlike(&fake, "500", "retry_budget = 0.1")).await;
    for _ in 0..40 {
        assert_eq!(post(gateway.address, "/v1/chat/completions", BODY).await.status, 200);
    }
    // 10 in hand, and a tenth of 40 requests.
    let (strong, weak) = asked(&fake);
    assert!((40 + 10..=40 + 14).contains(&strong), "{strong}");
    assert_eq!(weak, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_fails_in_a_row_is_left_alone() {
    let fake = Fake::start().await;
    let config = unlike(&fake, "500", "").replace(
        "retries = 1\n        first_byte_timeout_ms = 300",
        "retries = 0\n        first_byte_timeout_ms = 300",
    );
    let config = config.replace("failures = 1000", "failures = 3, open_ms = 600000");
    let gateway = start(&config).await;
    for _ in 0..10 {
        assert_eq!(post(gateway.address, "/v1/chat/completions", BODY).await.status, 200);
    }
    assert_eq!(asked(&fake), (3, 10));
    assert_eq!(gateway.metric("routellm_upstream_breaker_open{upstream=\"bad\"}").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_an_upstream_hold() {
    let fake = Fake::start().await;
    let config = unlike(&fake, "gated", "concurrency = 1");
    let gateway = start(&config).await;
    let first = open(gateway.address, "/v1/chat/completions", STREAM, &[]).await.unwrap();
    // The second finds no place there, and is answered by the other candidate.
    let second = post(gateway.address, "/v1/chat/completions", STREAM).await;
    assert_eq!(second.header("x-routellm-model"), Some("WEAK"));
    fake.release(3);
    assert!(first.whole().await.complete);
    let slow = start(&unlike(&fake, "ok", "requests_per_second = 0.001")).await;
    let mut models = Vec::new();
    for _ in 0..3 {
        let reply = post(slow.address, "/v1/chat/completions", BODY).await;
        models.push(reply.header("x-routellm-model").unwrap().to_owned());
    }
    assert_eq!(models, ["STRONG", "WEAK", "WEAK"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_may_ask_for_an_earlier_answer() {
    let fake = Fake::start().await;
    let config =
        pair(&fake, "stall").replace("[routers.random]", "[routers.random]\n        fallback = false");
    let gateway = start(&config).await;
    let hurry = [("x-routellm-timeout-ms", "200")];
    let reply = post_with(gateway.address, "/v1/chat/completions", BODY, &hurry).await;
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (504, Some("deadline")));
    let wrong = [("x-routellm-timeout-ms", "soon")];
    assert_eq!(post_with(gateway.address, "/v1/chat/completions", BODY, &wrong).await.status, 400);
}
