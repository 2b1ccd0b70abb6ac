//! What goes through unchanged.

use crate::support::client::open;
use crate::support::fake::EVENTS;
use crate::support::{Fake, get, pair, post, post_with, start, until};

/// A body with everything that a strict server would trip over.
const ODD: &str = "{ \"model\" :\"router-random-0\",\t\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"h\\u0069\"},\
    {\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]},{\"role\":\"assistant\",\"content\":null,\
    \"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\
    \"content\":\"\\ud83d\"}], \"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"model\":\"kept\"}}}],\
    \"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\",\"schema\":{}}}, \"n\":1.0, \"logprobs\":true,\
    \"temperature\":null,\"seed\":123456789012345678901234567890, \"unknown\" : {\"a\" : [ ] } }\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn of_a_body_only_the_model_changes() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    let reply = post(gateway.address, "/v1/chat/completions?beta=true", ODD).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-routellm-model"), Some("STRONG"));
    let seen = &fake.seen()[0];
    assert_eq!(seen.body, ODD.replace("router-random-0", "STRONG"));
    assert_eq!(seen.path, "/ok/v1/chat/completions?beta=true");
    let nothing = ODD.replace("router-random-0", "router-random-share-0");
    let reply = post(gateway.address, "/v1/chat/completions", &nothing).await;
    assert_eq!(reply.header("x-routellm-model"), Some("WEAK"));
    assert_eq!(fake.seen()[1].body, ODD.replace("router-random-0", "WEAK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_as_they_come_and_as_they_are() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "gated")).await;
    let body = r#"{"model":"router-random-0","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut answer = open(gateway.address, "/v1/chat/completions", body, &[]).await.unwrap();
    assert_eq!(answer.reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    for (i, event) in EVENTS.iter().enumerate() {
        // The next event is not even sent before this one is here.
        assert_eq!(String::from_utf8(answer.part().await.unwrap()).unwrap(), *event);
        if i + 1 < EVENTS.len() {
            fake.release(1);
        }
    }
    assert_eq!(answer.part().await, None);
    assert!(answer.reply.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_go_both_ways_but_for_what_is_nobodys_business() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    let body = r#"{"model":"router-random-0","messages":[{"role":"user","content":"hi"}]}"#;
    let sent = [
        ("authorization", "Bearer callers-own"),
        ("openai-organization", "o"),
        ("cookie", "a=b"),
        ("x-routellm-session", "s"),
        ("connection", "x-once"),
        ("x-once", "1"),
        ("accept-encoding", "gzip"),
    ];
    let reply = post_with(gateway.address, "/v1/chat/completions", body, &sent).await;
    let seen = &fake.seen()[0];
    // Without a key of its own and of the upstream's, the gateway passes on the caller's.
    assert_eq!(seen.header("authorization"), Some("Bearer callers-own"));
    assert_eq!(seen.header("openai-organization"), Some("o"));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    for gone in ["cookie", "x-routellm-session", "x-once"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert_eq!(reply.header("x-request-id"), Some("r"));
    assert_eq!(reply.header("set-cookie"), None);
    assert_eq!(reply.header("x-routellm-model"), Some("STRONG"));
    assert_eq!(reply.header("x-routellm-threshold"), Some("0"));
    let win_rate: f64 = reply.header("x-routellm-win-rate").unwrap().parse().unwrap();
    assert!((0.0..=1.0).contains(&win_rate));
    assert_eq!(reply.header("x-routellm-id").map(str::len), Some(36));
    assert!(reply.header("x-routellm-decision-us").unwrap().parse::<u64>().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_pass() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "big")).await;
    let text = "x".repeat(10 << 20);
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"router-random-0"}}"#);
    let reply = post(gateway.address, "/v1/chat/completions", &body).await;
    assert_eq!(reply.json()["bytes"], body.len() - "router-random-0".len() + "STRONG".len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_ends_the_request_upstream() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "gated")).await;
    let body = r#"{"model":"router-random-0","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut answer = open(gateway.address, "/v1/chat/completions", body, &[]).await.unwrap();
    assert!(answer.part().await.is_some());
    drop(answer);
    until(async || fake.left() == 1).await;
    // Before the first byte, too.
    let stalled = start(&pair(&fake, "stall")).await;
    let address = stalled.address;
    let waiting = tokio::spawn(async move { post(address, "/v1/chat/completions", body).await });
    until(async || fake.seen().len() == 2).await;
    waiting.abort();
    until(async || fake.left() == 2).await;
    until(async || stalled.metric("routellm_in_flight").await == Some(0.0)).await;
    assert_eq!(stalled.metric("routellm_outcomes_total{outcome=\"abandoned\"}").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_probes_answer() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    let page = get(gateway.address, "/").await;
    assert!(page.status == 200 && page.text().contains("<html lang=\"en\">"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for path in ["/page.js", "/page.css", "/health", "/ready", "/metrics", "/v1/gateway"] {
        assert_eq!(get(gateway.address, path).await.status, 200, "{path}");
    }
    assert_eq!(get(gateway.address, "/nowhere").await.status, 404);
    assert_eq!(get(gateway.address, "/v1/chat/completions").await.status, 405);
}
