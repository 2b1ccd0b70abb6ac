//! Exported models in the conformance file that every language reads: `tests/conformance/exports.json`, on the tiny
//! models in `tests/models`.
//!
//! `ROUTELLM_BLESS=1` writes the expectations anew.

use routellm_core::onnx::Provider;
use routellm_core::scorer::causal_llm::ScoreToken;
use routellm_core::{CallOptions, Decision, OpenOptions, Result, Router};
use serde_json::{Map, Value, json};

use crate::support::{json as read, needs_onnxruntime, root};

const FILE: &str = "tests/conformance/exports.json";

/// Options of a case, as every language's runner applies them.
fn open(case: &Value) -> Result<Router> {
    let options = &case["open"];
    let mut open = OpenOptions::new();
    for (key, value) in options.as_object().unwrap() {
        let text = || value.as_str().unwrap();
        let count = || value.as_u64().unwrap() as usize;
        open = match key.as_str() {
            "kind" => open.kind(text()),
            "strong" => open.strong(text()),
            "weak" => open.weak(text()),
            "mode" => open.mode(text().parse()?),
            "provider" => open.provider(text().parse::<Provider>()?),
            "device_id" => open.device_id(count() as u32),
            "preset" => open.preset(text().parse()?),
            "sessions" => open.sessions(count()),
            "intra_threads" => open.intra_threads(count()),
            "head" => open.head(text().parse()?),
            "long_prompts" => open.long_prompts(text().parse()?),
            "template" => open.template(text().parse()?),
            "score_tokens" => open.score_tokens(value.as_array().unwrap().iter().map(|token| match token {
                Value::String(text) => ScoreToken::Text(text.clone()),
                id => ScoreToken::Id(id.as_u64().unwrap() as u32),
            })),
            "score_threshold" => open.score_threshold(count()),
            "max_new_tokens" => open.max_new_tokens(count()),
            "date" => open.date(text()),
            "control_tokens" => open.control_tokens(text().parse()?),
            "file" => open.file(text()),
            "max_tokens" => open.max_tokens(count()),
            other => panic!("unknown option {other}"),
        };
    }
    open.open(root().join(case["router"].as_str().unwrap()))
}

fn outcome(decision: &Decision) -> Value {
    json!({
        "win_rate": decision.win_rate.unwrap(),
        "side": decision.side.map(routellm_core::Side::name),
        "truncated": decision.truncated,
        "no_score": decision.no_score,
    })
}

fn matches(found: &Value, expected: &Value, tolerance: f64, threshold: f64, what: &str) {
    let rate = |value: &Value| value["win_rate"].as_f64().unwrap();
    assert!((rate(found) - rate(expected)).abs() <= tolerance, "{what}: {found} {expected}");
    for flag in ["truncated", "no_score"] {
        assert_eq!(found[flag], expected[flag], "{what}: {flag}");
    }
    if (rate(expected) - threshold).abs() > tolerance {
        assert_eq!(found["side"], expected["side"], "{what}");
    }
}

#[test]
fn exported_models_agree_with_the_conformance_file() {
    needs_onnxruntime();
    let path = root().join(FILE);
    let mut file = read(&path);
    let bless = std::env::var_os("ROUTELLM_BLESS").is_some();
    let mut bits = Map::new();
    for case in file["cases"].as_array_mut().unwrap() {
        let name = case["name"].as_str().unwrap().to_owned();
        let opened = open(case);
        if let Some(kind) = case["error"].as_str() {
            let error = opened.map(|_| ()).expect_err(&name);
            assert_eq!(error.kind().name(), kind, "{name}: {error}");
            let part = case["message"].as_str().unwrap();
            assert!(error.message().contains(part), "{name}: {part:?} is not in {error}");
            continue;
        }
        let router = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        let threshold = case["threshold"].as_f64().unwrap();
        let route = CallOptions::new().threshold(threshold);
        let prompts: Vec<String> =
            case["prompts"].as_array().unwrap().iter().map(|p| p.as_str().unwrap().to_owned()).collect();
        let single: Vec<Decision> = prompts.iter().map(|p| router.route(p, &route).unwrap()).collect();
        assert_eq!(router.route_batch(&prompts, &route).unwrap(), single, "{name}");
        let found: Vec<Value> = single.iter().map(outcome).collect();
        let hex = |decision: &Decision| json!(format!("{:016x}", decision.win_rate.unwrap().to_bits()));
        bits.insert(name.clone(), single.iter().map(hex).collect());
        if bless {
            case["expected"] = Value::Array(found);
            continue;
        }
        let expected = case["expected"].as_array().unwrap();
        assert_eq!(expected.len(), found.len(), "{name}");
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            matches(found, expected, case["tolerance"].as_f64().unwrap(), threshold, &format!("{name} {i}"));
        }
    }
    if bless {
        let mut text = serde_json::to_string_pretty(&file).unwrap();
        text.push('\n');
        std::fs::write(&path, text).unwrap();
    }
    if let Some(out) = std::env::var_os("ROUTELLM_CONFORMANCE_OUT") {
        let out = std::path::PathBuf::from(out).with_extension("exports.json");
        std::fs::write(out, Value::Object(bits).to_string()).unwrap();
    }
}
