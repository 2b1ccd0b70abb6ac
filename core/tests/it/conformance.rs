//! The conformance file that every language reads: `tests/conformance/routing.json`.
//!
//! `ROUTELLM_BLESS=1` writes the expectations anew from what this core answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use routellm_core::{CallOptions, Decision, Error, Input, Result, Router, Side, prompt_from_messages};
use serde_json::{Map, Value, json};

use crate::support::{default_router, mf_minilm, root};

const FILE: &str = "tests/conformance/routing.json";
/// Encoder results of another CPU may differ by this much; everything else is compared to the bit.
const ENCODER_TOLERANCE: f64 = 1e-4;

/// The bytes of a prompt case; `None` if only languages with UTF-16 strings can make it.
fn bytes_of(case: &Value) -> Option<Result<Vec<u8>>> {
    if let Some(text) = case["text"].as_str() {
        return Some(Ok(text.as_bytes().to_vec()));
    }
    if let Some(repeat) = case["repeat"].as_array() {
        let count = repeat[1].as_u64().unwrap() as usize;
        return Some(Ok(repeat[0].as_str().unwrap().repeat(count).into_bytes()));
    }
    if let Some(hex) = case["utf8_hex"].as_str() {
        return Some(Ok(from_hex(hex)));
    }
    if case["messages"].is_array() {
        return Some(prompt_from_messages(&case["messages"].to_string()).map(String::into_bytes));
    }
    let units: Vec<u16> = from_hex(case["utf16_hex"].as_str().unwrap())
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u16::from_be_bytes(*pair))
        .collect();
    String::from_utf16(&units).ok().map(|text| Ok(text.into_bytes()))
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn embedding_of(case: &Value) -> Vec<f32> {
    let mut values: Vec<f32> = match case["values"].as_array() {
        Some(values) => values.iter().map(|v| v.as_f64().unwrap() as f32).collect(),
        None => vec![case["fill"][0].as_f64().unwrap() as f32; case["fill"][1].as_u64().unwrap() as usize],
    };
    for (key, value) in [("nan_at", f32::NAN), ("inf_at", f32::INFINITY)] {
        if let Some(i) = case[key].as_u64() {
            values[i as usize] = value;
        }
    }
    values
}

fn outcome(result: &Result<Decision, Error>) -> Value {
    match result {
        Ok(decision) => {
            let rate = decision.win_rate.unwrap();
            json!({
                "win_rate_bits": format!("{:016x}", rate.to_bits()),
                "win_rate": rate,
                "side": decision.side.map(Side::name),
                "truncated": decision.truncated,
            })
        }
        Err(error) => json!({ "error": error.kind().name() }),
    }
}

/// What an outcome may differ by: nothing, or the tolerance of an encoder.
fn compare(id: &str, router: &str, ours: &Value, expected: &Value, tolerance: f64) {
    let context = format!("{id} on {router}: {ours}, expected {expected}");
    if tolerance == 0.0 || expected.get("error").is_some() {
        assert_eq!(ours, expected, "{context}");
        return;
    }
    let rate = |value: &Value| value["win_rate"].as_f64().unwrap();
    assert!((rate(ours) - rate(expected)).abs() <= tolerance, "{context}");
    assert_eq!(ours["truncated"], expected["truncated"], "{context}");
}

#[test]
fn every_case_on_the_default_router() {
    every_case("default", &default_router());
}

#[test]
fn every_case_on_mf_minilm() {
    every_case("mf-minilm", &mf_minilm());
}

fn every_case(name: &str, router: &Router) {
    // Two tests that bless write one file.
    static FILE_IN_USE: Mutex<()> = Mutex::new(());
    let _guard = FILE_IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = root().join(FILE);
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let bless = std::env::var_os("ROUTELLM_BLESS").is_some();
    let options = CallOptions::new();
    let mut encoder_bits = BTreeMap::new();
    for case in file["prompts"].as_array_mut().unwrap() {
        let id = case["id"].as_str().unwrap().to_owned();
        let bytes = bytes_of(case);
        let ours = match &bytes {
            // What cannot be said in UTF-8 has only one answer in the languages that can say it.
            None => json!({ "error": "InvalidArgument" }),
            Some(Err(error)) => json!({ "error": error.kind().name() }),
            Some(Ok(bytes)) => outcome(&router.route(Input::Utf8(bytes), &options)),
        };
        if bless {
            case["expect"][name] = ours;
            continue;
        }
        let tolerance = if name == "default" { 0.0 } else { ENCODER_TOLERANCE };
        compare(&id, name, &ours, &case["expect"][name], tolerance);
        if let Some(bits) = ours.get("win_rate_bits") {
            encoder_bits.insert(id, bits.clone());
        }
    }
    for case in file["embeddings"].as_array_mut().unwrap() {
        let id = case["id"].as_str().unwrap().to_owned();
        let embedding = embedding_of(case);
        let ours = outcome(&router.route(&embedding, &options));
        if bless {
            case["expect"][name] = ours;
        } else {
            compare(&id, name, &ours, &case["expect"][name], 0.0);
        }
    }
    if bless {
        let lines = |key: &str| -> String {
            let cases: Vec<String> = file[key].as_array().unwrap().iter().map(Value::to_string).collect();
            cases.join(",\n")
        };
        let text = format!(
            "{{\"format\": 1,\n\"routers\": {},\n\"prompts\": [\n{}\n],\n\"embeddings\": [\n{}\n]}}\n",
            file["routers"],
            lines("prompts"),
            lines("embeddings")
        );
        std::fs::write(&path, text).unwrap();
    }
    if name == "mf-minilm"
        && let Some(out) = std::env::var_os("ROUTELLM_CONFORMANCE_OUT")
    {
        let map: Map<String, Value> = encoder_bits.into_iter().collect();
        std::fs::write(out, Value::Object(map).to_string()).unwrap();
    }
}

#[test]
fn the_file_covers_what_it_should() {
    let file: Value = serde_json::from_slice(&std::fs::read(root().join(FILE)).unwrap()).unwrap();
    let prompts = file["prompts"].as_array().unwrap();
    let embeddings = file["embeddings"].as_array().unwrap();
    assert!(prompts.len() >= 60 && embeddings.len() >= 20);
    let sides = |router: &str| {
        let of = |side: Side| prompts.iter().filter(|c| c["expect"][router]["side"] == side.name()).count();
        (of(Side::Strong), of(Side::Weak))
    };
    for router in ["default", "mf-minilm"] {
        let (strong, weak) = sides(router);
        assert!(strong >= 10 && weak >= 10, "{router}: {strong} strong, {weak} weak");
    }
    assert!(embeddings.iter().all(|case| case["expect"]["default"]["error"] == "InvalidArgument"));
}
