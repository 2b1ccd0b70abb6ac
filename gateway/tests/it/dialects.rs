//! Each dialect to its own upstreams.

use crate::support::{Fake, get, pair, post, post_with, start};

fn both(openai: &Fake, anthropic: &Fake) -> String {
    let more = format!(
        r#"
        [upstreams.claude]
        dialect = "anthropic"
        base_url = "{}"
        [models.OPUS]
        upstream = "claude"
        name = "opus-1"
        [models.HAIKU]
        upstream = "claude"
        [routers.mixed]
        strong = "STRONG"
        weak = "HAIKU"
        [routers.claude]
        strong = "OPUS"
        weak = "HAIKU"
        "#,
        anthropic.base("ok")
    );
    pair(openai, "ok") + &more
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_to_upstreams_of_their_own_dialect_only() {
    let (openai, anthropic) = (Fake::start().await, Fake::start().await);
    let gateway = start(&both(&openai, &anthropic)).await;
    let body = |model: &str| {
        format!(r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]}}"#)
    };
    let ask = async |path: &str, model: &str| post(gateway.address, path, &body(model)).await;

    let reply = ask("/v1/messages", "router-claude-0").await;
    assert_eq!((reply.status, reply.header("x-routellm-model")), (200, Some("OPUS")));
    let seen = anthropic.seen();
    assert_eq!(seen[0].path, "/ok/v1/messages");
    assert_eq!(seen[0].body, body("opus-1"));
    assert_eq!(seen[0].header("anthropic-version"), Some("2023-06-01"));

    // A router over both dialects has one candidate in each.
    assert_eq!(ask("/v1/messages", "router-mixed-0").await.header("x-routellm-model"), Some("HAIKU"));
    assert_eq!(
        ask("/v1/chat/completions", "router-mixed-share-0").await.header("x-routellm-model"),
        Some("STRONG")
    );

    // A router of the other dialect, and a model of it.
    let wrong = ask("/v1/messages", "router-random-0").await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["type"], "error");
    assert!(wrong.json()["error"]["message"].as_str().unwrap().contains("speaks openai"));
    assert_eq!(ask("/v1/chat/completions", "OPUS").await.status, 400);
    assert_eq!(openai.seen().len(), 1);
    assert_eq!(anthropic.seen().len(), 2);

    // Names that nobody configured go to the only upstream of the dialect.
    assert_eq!(ask("/v1/messages", "claude-new").await.status, 200);
    assert_eq!(anthropic.seen()[2].body, body("claude-new"));
    assert_eq!(ask("/v1/messages/count_tokens", "OPUS").await.status, 200);
    assert_eq!(anthropic.seen()[3].path, "/ok/v1/messages/count_tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_paths_of_openai_pass() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    for (path, body) in [
        ("/v1/completions", r#"{"model":"router-random-0","prompt":"hi"}"#),
        ("/v1/completions", r#"{"model":"router-random-0","prompt":["a","b"]}"#),
        ("/v1/completions", r#"{"model":"router-random-0","prompt":[1,2,3]}"#),
        ("/v1/responses", r#"{"model":"router-random-0","input":"hi"}"#),
        (
            "/v1/responses",
            r#"{"model":"router-random-0","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#,
        ),
        ("/v1/embeddings", r#"{"model":"WEAK","input":"hi"}"#),
    ] {
        let reply = post(gateway.address, path, body).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
        let seen = fake.seen().last().unwrap().clone();
        assert_eq!(seen.path, format!("/ok{path}"));
        assert_eq!(seen.body, body.replace("router-random-0", "STRONG"));
    }
    let routed = post(gateway.address, "/v1/embeddings", r#"{"model":"router-random-0","input":"hi"}"#).await;
    assert!(routed.status == 400 && routed.message().contains("embeddings"));
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed() {
    let (openai, anthropic) = (Fake::start().await, Fake::start().await);
    let gateway = start(&both(&openai, &anthropic)).await;
    let list = get(gateway.address, "/v1/models").await.json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["router-claude", "router-mixed", "router-random", "HAIKU", "OPUS", "STRONG", "WEAK"]);
    assert_eq!(get(gateway.address, "/v1/models/router-mixed-0.25").await.json()["object"], "model");
    assert_eq!(get(gateway.address, "/v1/models/nobody").await.json()["error"]["code"], "model_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_explained_where_nobody_has_them() {
    let (first, second) = (Fake::start().await, Fake::start().await);
    let config = format!("{}\n[upstreams.other]\nbase_url = \"{}\"", pair(&first, "ok"), second.base("ok"));
    let gateway = start(&config).await;
    let ask = async |model: &str| {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
        post_with(gateway.address, "/v1/chat/completions", &body, &[]).await
    };
    let plain = ask("gpt-4").await;
    assert_eq!((plain.status, plain.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
    assert!(plain.message().contains("default_upstream.openai"));
    let router = ask("router-bert-0.5").await;
    assert!(router.status == 404 && router.message().contains("/v1/models"));
    for wrong in ["router-random-2", "router-random-nan", "router-random-", "router-random-share-x"] {
        assert_eq!(ask(wrong).await.status, 400, "{wrong}");
    }
    let default = start(&format!("default_upstream = {{ openai = \"other\" }}\n{config}")).await;
    let body = r#"{"model":"gpt-4","messages":[]}"#;
    assert_eq!(post(default.address, "/v1/chat/completions", body).await.status, 200);
    assert_eq!(second.seen().len(), 1);
}
