//! No prompt stands in a log, a metric or an error.

use crate::support::{Fake, get, pair, post, start};

/// What must not be found again.
const SECRET: &str = "correct-horse-battery-staple";

fn bodies() -> Vec<String> {
    let message = format!(r#"{{"role":"user","content":"{SECRET}"}}"#);
    [
        format!(r#"{{"model":"router-random-0","messages":[{message}]}}"#),
        format!(r#"{{"model":"router-random-9","messages":[{message}]}}"#),
        format!(r#"{{"model":"router-random-0","messages":[{message}],"bad":}}"#),
        format!(r#"{{"model":7,"messages":[{message}]}}"#),
        format!(r#"{{"messages":[{message}]}}"#),
        format!(r#"{{"model":"router-random-0","messages":["{SECRET}","{SECRET}"]}}"#),
        format!(r#"{{"model":"router-random-0","messages":"{SECRET}","{SECRET}":1}}"#),
        format!(r#"{{"model":"router-random-0","messages":[{{"role":"{SECRET}"}}]}}"#),
    ]
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_logs_nor_metrics_nor_errors_have_it() {
    for on_error in ["strong", "raise"] {
        let fake = Fake::start().await;
        let config = pair(&fake, "stall")
            .replace("[log]", "[log]\n        decisions = \"decisions.jsonl\"")
            .replace(
                "[upstreams.up]",
                "[feedback]\n        file = \"feedback.jsonl\"\n        [upstreams.up]\n        first_byte_timeout_ms = 50",
            )
            .replace("[routers.random]", &format!("[routers.random]\n        on_error = \"{on_error}\""));
        let gateway = start(&config).await;
        for body in bodies() {
            for path in ["/v1/chat/completions", "/v1/route", "/v1/messages", "/v1/feedback", "/nowhere"] {
                let reply = post(gateway.address, path, &body).await;
                let told = format!("{} {:?}", reply.text(), reply);
                assert!(reply.status >= 400 || path == "/v1/route", "{path}: {}", reply.text());
                assert!(!told.contains(SECRET), "{path}: {told}");
            }
        }
        // Paths are anybody's words, too.
        get(gateway.address, &format!("/{SECRET}")).await;
        let metrics = gateway.metrics().await;
        assert!(metrics.contains("routellm_requests_total") && !metrics.contains(SECRET));
        let folder = gateway.stopped().await;
        let log = std::fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
        assert!(!log.is_empty());
        assert!(!log.contains(SECRET));
        assert!(!folder.path().join("feedback.jsonl").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_decision_log_has_it_if_it_is_asked_to() {
    let fake = Fake::start().await;
    let config = pair(&fake, "ok")
        .replace("[log]", "[log]\n        decisions = \"decisions.jsonl\"\n        prompts = true");
    let gateway = start(&config).await;
    assert_eq!(post(gateway.address, "/v1/chat/completions", &bodies()[0]).await.status, 200);
    let folder = gateway.stopped().await;
    let log = std::fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(line["prompt"], SECRET);
}
