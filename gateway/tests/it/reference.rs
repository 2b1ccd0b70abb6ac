//! The requests that the reference's server was asked, and what is answered here instead (row 18 of its behaviour): everything is
//! accepted and passed on as it came, and errors have OpenAI's form.

use serde_json::Value;

use crate::support::{Fake, get, pair, post_with, shared, start};

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_reference_are_answered() {
    let Some(path) = shared("golden/server/server.json") else {
        assert_ne!(std::env::var("ROUTELLM_REQUIRE_ALL").as_deref(), Ok("1"), "golden files are missing");
        println!("skipped: requests of the reference: no golden files");
        return;
    };
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 21);
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    for case in cases {
        let label = case["label"].as_str().unwrap();
        let path = case["path"].as_str().unwrap();
        if case["method"] == "GET" {
            // The reference has neither; here are the list of models and the page.
            assert_eq!(get(gateway.address, path).await.status, 200, "{label}");
            continue;
        }
        let body = case["request"].to_string();
        let before = fake.seen().len();
        let reply = post_with(gateway.address, path, &body, &[]).await;
        let sent: Vec<Value> =
            fake.seen()[before..].iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
        match label {
            "bad_threshold" | "no_model" => {
                assert_eq!(reply.status, 400, "{label}");
                let error = &reply.json()["error"];
                assert_eq!(error["type"], "invalid_request_error", "{label}");
                assert_eq!(error["param"], "model", "{label}");
                assert!(!error["message"].as_str().unwrap().is_empty() && sent.is_empty(), "{label}");
            }
            "no_v1" => {
                assert_eq!(reply.status, 404, "{label}");
                assert!(reply.message().contains("path") && sent.is_empty(), "{label}");
            }
            _ => {
                assert_eq!(reply.status, 200, "{label}: {}", reply.text());
                let mut expected = case["request"].clone();
                // A plain name is passed through; `router-random-0` sends everything to the strong model.
                if label != "plain_model_two_parts" {
                    expected["model"] = "STRONG".into();
                }
                assert_eq!(sent, [expected], "{label}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_reference_rejects_is_passed_on() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    for more in [
        r#""tools":[{"type":"function","function":{"name":"f","parameters":{}}}]"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}"#,
        r#""audio":{"voice":"alloy","format":"wav"},"modalities":["text","audio"]"#,
        r#""n":0,"logit_bias":{"50256":-100},"never_heard_of":true"#,
    ] {
        let body = format!(
            r#"{{"model":"router-random-0","messages":[{{"role":"assistant","content":null}},{{"role":"user","content":"hi"}}],{more}}}"#
        );
        let reply = post_with(gateway.address, "/v1/chat/completions", &body, &[]).await;
        assert_eq!(reply.status, 200, "{more}");
        assert_eq!(fake.seen().last().unwrap().body, body.replace("router-random-0", "STRONG"));
    }
}
