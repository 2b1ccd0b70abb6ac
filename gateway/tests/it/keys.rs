//! Callers with keys, routers and budgets of their own.

use crate::support::client::get_with;
use crate::support::{Fake, Running, get, pair, post_with, start_in};

async fn start(fake: &Fake, more: &str) -> Running {
    let folder = tempfile::tempdir().unwrap();
    for name in ["alice", "bob", "upstream"] {
        std::fs::write(folder.path().join(name), format!("{name}-key\n")).unwrap();
    }
    let config =
        pair(fake, "ok").replace("[upstreams.up]", "[upstreams.up]\n        key = { file = \"upstream\" }")
            + r#"
        [routers.other]
        strong = "STRONG"
        weak = "WEAK"
        [keys.alice]
        key = { file = "alice" }
        [keys.bob]
        key = { file = "bob" }
        routers = ["other"]
        models = ["WEAK"]
        "# + more;
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    start_in(folder, None).await
}

fn body(model: &str) -> String {
    format!(r#"{{"model":"{model}","max_tokens":10,"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_what_they_are_for() {
    let fake = Fake::start().await;
    let gateway = start(&fake, "").await;
    let ask = async |key: &str, model: &str| {
        let bearer = format!("Bearer {key}");
        post_with(gateway.address, "/v1/chat/completions", &body(model), &[("authorization", &bearer)]).await
    };
    for wrong in ["", "alice", "alice-key-", "upstream-key"] {
        let reply = ask(wrong, "router-random-0").await;
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (401, Some("invalid_api_key")));
    }
    assert!(fake.seen().is_empty());
    assert_eq!(ask("alice-key", "router-random-0").await.status, 200);
    assert_eq!(ask("alice-key", "anything").await.status, 200);
    assert_eq!(ask("bob-key", "router-other-0").await.status, 200);
    assert_eq!(ask("bob-key", "WEAK").await.status, 200);
    for forbidden in ["router-random-0", "STRONG", "anything"] {
        assert_eq!(ask("bob-key", forbidden).await.status, 403, "{forbidden}");
    }
    // No caller's key goes further than the gateway; its own does.
    for seen in fake.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer upstream-key"));
        assert_eq!(seen.header("x-api-key"), None);
    }
    let models = get_with(gateway.address, "/v1/models", &[("x-api-key", "bob-key")]).await.json();
    let ids: Vec<&str> =
        models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["router-other", "WEAK"]);
    for path in ["/v1/models", "/v1/gateway"] {
        assert_eq!(get(gateway.address, path).await.status, 401, "{path}");
    }
    assert_eq!(get(gateway.address, "/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_and_rates_hold_and_outlive_a_restart() {
    let fake = Fake::start().await;
    // Each request to STRONG costs (10 x 100 + 20 x 50) / 1e6 = 0.002 USD, as the upstream tells its tokens.
    let config = |state: &str| {
        format!(
            "{state}\n[keys.carol]\nkey = {{ file = \"carol\" }}\nbudget = {{ usd = 0.005, per = \"total\" }}\n\
                 [keys.dave]\nkey = {{ file = \"dave\" }}\nrequests_per_minute = 0.01"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["carol", "dave"] {
        std::fs::write(folder.path().join(name), format!("{name}-key")).unwrap();
    }
    let text = format!("state = \"state\"\n{}{}", pair(&fake, "ok"), config(""));
    std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
    let ask = async |gateway: &Running, key: &str| {
        post_with(gateway.address, "/v1/chat/completions", &body("STRONG"), &[("x-api-key", key)]).await
    };
    let gateway = start_in(folder, None).await;
    for _ in 0..3 {
        assert_eq!(ask(&gateway, "carol-key").await.status, 200);
    }
    let spent = ask(&gateway, "carol-key").await;
    assert_eq!((spent.status, spent.json()["error"]["code"].as_str()), (429, Some("insufficient_quota")));
    assert_eq!(gateway.metric("routellm_spent_usd{key=\"carol\"}").await, Some(0.006));
    assert_eq!(ask(&gateway, "dave-key").await.status, 200);
    let fast = ask(&gateway, "dave-key").await;
    assert_eq!((fast.status, fast.json()["error"]["code"].as_str()), (429, Some("rate_limit_exceeded")));
    assert!(fast.header("retry-after").unwrap().parse::<u64>().unwrap() > 60);
    let folder = gateway.stopped().await;
    let again = start_in(folder, None).await;
    assert_eq!(ask(&again, "carol-key").await.status, 429);
    assert_eq!(fake.seen().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_needs_prices() {
    let fake = Fake::start().await;
    let gateway = start(&fake, "budget = { usd = 1.0 }").await;
    let free =
        post_with(gateway.address, "/v1/chat/completions", &body("WEAK"), &[("x-api-key", "bob-key")]).await;
    assert_eq!(free.status, 200);
    let folder = gateway.stopped().await;
    let path = folder.path().join("gateway.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("price =", "# price =");
    std::fs::write(&path, text).unwrap();
    let gateway = start_in(folder, None).await;
    let reply =
        post_with(gateway.address, "/v1/chat/completions", &body("WEAK"), &[("x-api-key", "bob-key")]).await;
    assert!(reply.status == 403 && reply.message().contains("price"));
}
