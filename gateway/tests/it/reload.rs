//! Another configuration while requests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Fake, pair, post, start, until};

const BODY: &str = r#"{"model":"router-random-0","messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_again_and_no_request_fails() {
    let fake = Fake::start().await;
    let config = format!("{}\n[reload]\npoll_ms = 5", pair(&fake, "ok"));
    let gateway = start(&config).await;
    let (address, done) = (gateway.address, Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let mut models = std::collections::BTreeSet::new();
                while !done.load(Ordering::SeqCst) {
                    let reply = post(address, "/v1/chat/completions", BODY).await;
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    models.insert(reply.json()["model"].as_str().unwrap().to_owned());
                }
                models
            })
        })
        .collect();
    let reloads = "routellm_reloads_total{result=\"ok\"}";
    for round in 1..=5 {
        // The length changes, so that no clock has to tell.
        let name = format!("strong-{}", "x".repeat(round));
        let changed =
            config.replace("[models.STRONG]", &format!("[models.STRONG]\n        name = \"{name}\""));
        std::fs::write(gateway.path("staged"), changed).unwrap();
        std::fs::rename(gateway.path("staged"), gateway.path("gateway.toml")).unwrap();
        until(async || gateway.metric(reloads).await == Some(round as f64)).await;
        assert_eq!(post(address, "/v1/chat/completions", BODY).await.json()["model"], name.as_str());
    }
    done.store(true, Ordering::SeqCst);
    for caller in callers {
        assert!(!caller.await.unwrap().is_empty());
    }
    // What is wrong is not taken over.
    std::fs::write(gateway.path("gateway.toml"), "listen = 7").unwrap();
    until(async || gateway.metric("routellm_reloads_total{result=\"failed\"}").await == Some(1.0)).await;
    assert_eq!(post(address, "/v1/chat/completions", BODY).await.status, 200);
    // Numbers go on.
    assert!(gateway.metric("routellm_decisions_total{router=\"random\",model=\"STRONG\"}").await > Some(6.0));
}
