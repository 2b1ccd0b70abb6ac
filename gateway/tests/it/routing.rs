//! Which model gets a request, and who hears of it.

use std::sync::{Arc, Mutex};

use routellm_gateway::{Feedback, Learner, Outcome};

use crate::support::{Fake, Running, pair, post, post_with, start, start_with};

fn chat(model: &str, content: &str, more: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":{content}}}]{more}}}"#)
}

async fn model_of(gateway: &Running, body: &str, headers: &[(&str, &str)]) -> Option<String> {
    let reply = post_with(gateway.address, "/v1/chat/completions", body, headers).await;
    reply.header("x-routellm-model").map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_name_of_a_router_wins() {
    let fake = Fake::start().await;
    let config = pair(&fake, "ok")
        + "\n[routers.random-mini]\nstrong = \"WEAK\"\nweak = \"STRONG\"\npolicy = { threshold = 0.0 }\n";
    let gateway = start(&config).await;
    for (model, expected) in [
        ("router-random-0", "STRONG"),
        ("router-random-mini-0", "WEAK"),
        ("router-random-mini", "WEAK"),
        ("router-random-mini-share-0", "STRONG"),
        ("router-random-share-1", "STRONG"),
        ("router-random-1.0000000000000002", "WEAK"),
    ] {
        assert_eq!(
            model_of(&gateway, &chat(model, "\"hi\"", ""), &[]).await.as_deref(),
            Some(expected),
            "{model}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_decision_is_the_librarys() {
    use routellm_core::{CallOptions, Router, Side};
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    let router = Router::default_router().unwrap();
    for prompt in ["hi", "What is 17 * 23?", "Prove that there are infinitely many primes.", "Write a haiku."]
    {
        let body = chat("router-random-share-0.5", &serde_json::Value::from(prompt).to_string(), "");
        let reply = post(gateway.address, "/v1/chat/completions", &body).await;
        let decision = router.route(prompt, &CallOptions::new().strong_share(0.5)).unwrap();
        let win_rate: f64 = reply.header("x-routellm-win-rate").unwrap().parse().unwrap();
        assert_eq!(Some(win_rate), decision.win_rate);
        let expected = if decision.side == Side::Strong { "STRONG" } else { "WEAK" };
        assert_eq!(reply.header("x-routellm-model"), Some(expected));
        let alone = post(gateway.address, "/v1/route", &body).await.json();
        assert_eq!(
            (alone["win_rate"].as_f64(), alone["model"].as_str()),
            (decision.win_rate, Some(expected))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_models_that_can_take_it_get_a_request() {
    let fake = Fake::start().await;
    let config = pair(&fake, "ok").replace(
        "[models.WEAK]",
        "[models.WEAK]\n        capabilities = [\"tools\"]\n        context_length = 1000",
    );
    let gateway = start(&config).await;
    let image = r#"[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"http://x"}}]"#;
    let schema = r#","response_format":{"type":"json_schema","json_schema":{}}"#;
    let long = format!("\"{}\"", "word ".repeat(2_000));
    for (content, more, expected) in [
        ("\"hi\"", "", "WEAK"),
        ("\"hi\"", r#","tools":[{"type":"function"}]"#, "WEAK"),
        (image, "", "STRONG"),
        ("\"hi\"", schema, "STRONG"),
        (&long, "", "STRONG"),
        ("\"hi\"", r#","max_tokens":1000"#, "STRONG"),
    ] {
        let body = chat("router-random-share-0", content, more);
        assert_eq!(model_of(&gateway, &body, &[]).await.as_deref(), Some(expected), "{more}");
    }
    let nobody = pair(&fake, "ok")
        .replace("[models.WEAK]", "[models.WEAK]\n        capabilities = []")
        .replace("[models.STRONG]", "[models.STRONG]\n        context_length = 10");
    let gateway = start(&nobody).await;
    let reply =
        post(gateway.address, "/v1/chat/completions", &chat("router-random-0", image, r#","max_tokens":50"#))
            .await;
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (400, Some("no_candidate")));
    assert!(
        reply.message().contains("WEAK: it has no vision") && reply.message().contains("STRONG: its context")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_scored_goes_where_on_error_says() {
    let fake = Fake::start().await;
    for (on_error, expected) in [("strong", Some("STRONG")), ("weak", Some("WEAK")), ("raise", None)] {
        let config = pair(&fake, "ok")
            .replace("[routers.random]", &format!("[routers.random]\n        on_error = \"{on_error}\""));
        let gateway = start(&config).await;
        for body in [
            r#"{"model":"router-random-0.5","messages":[]}"#,
            r#"{"model":"router-random-0.5","messages":[{"role":"user","content":"\ud83d"}]}"#,
            r#"{"model":"router-random-0.5"}"#,
            r#"{"model":"router-random-0.5","messages":7}"#,
        ] {
            assert_eq!(model_of(&gateway, body, &[]).await.as_deref(), expected, "{on_error}: {body}");
        }
    }
}

/// A prompt of each side at a strong share of one half, and their win rates.
async fn two_sides(gateway: &Running) -> ((String, f64), (String, f64), f64) {
    let (mut strong, mut weak, mut threshold) = (None, None, 0.5);
    for prompt in [
        "hi",
        "Thanks!",
        "What is the capital of France?",
        "Prove that there are infinitely many primes.",
        "Find all c in Z_3 such that Z_3[x]/(x^2 + c) is a field.",
        "Implement a lock-free queue in C++ and prove that it is linearizable.",
    ] {
        let body = chat("router-random-share-0.5", &serde_json::Value::from(prompt).to_string(), "");
        let decision = post(gateway.address, "/v1/route", &body).await.json();
        let rate = decision["win_rate"].as_f64().unwrap();
        threshold = decision["threshold"].as_f64().unwrap();
        let side = if decision["side"] == "strong" { &mut strong } else { &mut weak };
        *side = Some((prompt.to_owned(), rate));
    }
    (strong.expect("a prompt for the strong model"), weak.expect("one for the weak model"), threshold)
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_stay_with_their_model_unless_a_switch_is_worth_it() {
    let fake = Fake::start().await;
    let plain = start(&pair(&fake, "ok")).await;
    let ((strong, high), (weak, low), threshold) = two_sides(&plain).await;
    let sticky = |cost: f64| {
        let line = format!("[routers.random]\n        sticky = {{ switch_cost = {cost:?} }}");
        pair(&fake, "ok").replace("[routers.random]", &line)
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let ask = async |gateway: &Running, text: &str, session: &str| {
        let body = chat("router-random-share-0.5", &quoted(text), "");
        model_of(gateway, &body, &[("x-routellm-session", session)]).await.unwrap()
    };
    // Nothing is worth a cost of 1, and everything one of 0.
    let stays = start(&sticky(1.0)).await;
    assert_eq!(ask(&stays, &weak, "a").await, "WEAK");
    assert_eq!(ask(&stays, &strong, "a").await, "WEAK");
    assert_eq!(ask(&stays, &strong, "b").await, "STRONG");
    assert_eq!(ask(&stays, &weak, "b").await, "STRONG");
    assert_eq!(stays.metric("routellm_sticky_total{router=\"random\"}").await, Some(2.0));
    assert_eq!(stays.metric("routellm_sessions{router=\"random\"}").await, Some(2.0));
    let switches = start(&sticky(0.0)).await;
    assert_eq!(ask(&switches, &weak, "a").await, "WEAK");
    assert_eq!(ask(&switches, &strong, "a").await, "STRONG");
    // A cost between the distances of the two prompts from the threshold lets one of them switch.
    let (up, down) = (high - threshold, threshold - low);
    if (up - down).abs() > 1e-6 {
        let between = start(&sticky(f64::midpoint(up, down))).await;
        assert_eq!(ask(&between, &weak, "a").await, "WEAK");
        assert_eq!(ask(&between, &strong, "a").await, if up > down { "STRONG" } else { "WEAK" });
    }
    // Without the header a conversation is known by how it begins.
    let turn = format!(
        r#"{{"model":"router-random-share-0.5","messages":[{{"role":"user","content":{}}},{{"role":"assistant","content":"ok"}},{{"role":"user","content":{}}}]}}"#,
        quoted(&weak),
        quoted(&strong)
    );
    assert_eq!(
        model_of(&stays, &chat("router-random-share-0.5", &quoted(&weak), ""), &[]).await.as_deref(),
        Some("WEAK")
    );
    assert_eq!(model_of(&stays, &turn, &[]).await.as_deref(), Some("WEAK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_everything_goes_to_one_side_and_decisions_are_logged() {
    let fake = Fake::start().await;
    let config = pair(&fake, "ok")
        .replace("[log]", "[log]\n        decisions = \"decisions.jsonl\"")
        .replace("[routers.random]", "[routers.random]\n        shadow = \"weak\"");
    let gateway = start(&config).await;
    for model in ["router-random-0", "router-random-share-0"] {
        assert_eq!(model_of(&gateway, &chat(model, "\"hi\"", ""), &[]).await.as_deref(), Some("WEAK"));
    }
    assert_eq!(gateway.metric("routellm_shadowed_total{router=\"random\"}").await, Some(1.0));
    let folder = gateway.stopped().await;
    let log = std::fs::read_to_string(folder.path().join("decisions.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decided: Vec<&str> = lines.iter().map(|line| line["decided"].as_str().unwrap()).collect();
    assert_eq!(decided, ["STRONG", "WEAK"]);
    assert!(
        lines
            .iter()
            .all(|line| line["model"] == "WEAK" && line["shadow"] == true && line["prompt"].is_null())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_asked_for_where_the_router_says_so() {
    let fake = Fake::start().await;
    let config =
        pair(&fake, "ok").replace("[routers.random]", "[routers.random]\n        include_usage = true");
    let gateway = start(&config).await;
    let body = chat("router-random-0", "\"hi\"", r#","stream":true"#);
    assert_eq!(post(gateway.address, "/v1/chat/completions", &body).await.status, 200);
    let expected = body.replace("router-random-0", "STRONG").replacen(
        '{',
        "{\"stream_options\":{\"include_usage\":true},",
        1,
    );
    assert_eq!(fake.seen()[0].body, expected);
    // 100 tokens in and 50 out, as the stream tells: at STRONG (10 x 100 + 20 x 50) / 1e6 USD.
    assert_eq!(gateway.metric("routellm_cost_usd_total{router=\"random\"}").await, Some(0.002));
    let weak = chat("router-random-share-0", "\"hi\"", "");
    assert_eq!(post(gateway.address, "/v1/chat/completions", &weak).await.status, 200);
    assert_eq!(gateway.metric("routellm_cost_usd_total{router=\"random\"}").await, Some(0.0022));
    assert_eq!(gateway.metric("routellm_strong_cost_usd_total{router=\"random\"}").await, Some(0.004));
    assert_eq!(gateway.metric("routellm_strong_share{router=\"random\"}").await, Some(0.5));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_decided_in_one_call() {
    let fake = Fake::start().await;
    let gateway = start(&(pair(&fake, "ok") + "\n[limits]\nroute_inputs = 3")).await;
    let body = r#"{"model":"router-random-share-0.5","inputs":["hi",[{"role":"user","content":"hi"}],{"messages":[{"role":"user","content":"hi"}]}],"explain":3}"#;
    let reply = post(gateway.address, "/v1/route", body).await.json();
    let decisions = reply["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 3);
    assert!(decisions.iter().all(|one| one["win_rate"] == decisions[0]["win_rate"] && one["id"].is_string()));
    let ids: std::collections::HashSet<&str> =
        decisions.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let many = body.replace("\"hi\",", "\"hi\",\"hi\",");
    assert_eq!(post(gateway.address, "/v1/route", &many).await.status, 400);
    for wrong in [r#"{"model":"WEAK","prompt":"hi"}"#, r#"{"model":"router-random-0","inputs":"hi"}"#] {
        assert_eq!(post(gateway.address, "/v1/route", wrong).await.status, 400, "{wrong}");
    }
    assert!(fake.seen().is_empty());
}

#[derive(Default)]
struct Heard(Mutex<Vec<(String, String, Outcome)>>);

impl Learner for Heard {
    fn observe(&self, feedback: &Feedback<'_>) -> Result<(), String> {
        let told = (feedback.id.to_string(), feedback.model.to_owned(), feedback.outcome);
        self.0.lock().unwrap().push(told);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_is_kept_and_told() {
    let fake = Fake::start().await;
    let config = pair(&fake, "ok") + "\n[feedback]\nfile = \"feedback.jsonl\"";
    let heard = Arc::new(Heard::default());
    let gateway = start_with(&config, Some(heard.clone())).await;
    let reply = post(gateway.address, "/v1/chat/completions", &chat("router-random-0", "\"hi\"", "")).await;
    let id = reply.header("x-routellm-id").unwrap().to_owned();
    let tell = async |more: &str| {
        post(gateway.address, "/v1/feedback", &format!("{{\"id\":\"{id}\",{more}}}")).await.status
    };
    assert_eq!(tell("\"quality\":0.75").await, 200);
    assert_eq!(tell("\"preferred\":\"weak\"").await, 200);
    for wrong in ["\"quality\":2", "\"preferred\":\"both\"", "\"quality\":1,\"preferred\":\"tie\"", "\"x\":1"]
    {
        assert_eq!(tell(wrong).await, 400, "{wrong}");
    }
    let other = r#"{"id":"00000000-0005-7000-8000-000000000000","quality":1}"#;
    assert_eq!(post(gateway.address, "/v1/feedback", other).await.status, 404);
    let lines: Vec<serde_json::Value> =
        gateway.read("feedback.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0]["id"].as_str(), lines[0]["quality"].as_f64()), (Some(id.as_str()), Some(0.75)));
    assert_eq!((lines[1]["preferred"].as_str(), lines[1]["router"].as_str()), (Some("weak"), Some("random")));
    let told = heard.0.lock().unwrap().clone();
    assert_eq!(told[0], (id.clone(), "STRONG".to_owned(), Outcome::Quality(0.75)));
    assert_eq!(told[1].2, Outcome::Preferred(Some(routellm_core::Side::Weak)));
    let without = start(&pair(&fake, "ok")).await;
    assert_eq!(post(without.address, "/v1/feedback", other).await.json()["error"]["code"], "no_feedback");
}
