//! Similarity-weighted ranking in the conformance file that every language reads:
//! `tests/conformance/sw_ranking.json`, on small artifacts beside it that need no ONNX Runtime.
//!
//! `ROUTELLM_BLESS=1` builds the artifacts and writes the expectations anew.

use std::path::Path;

use routellm_core::artifact::Artifact;
use routellm_core::numeric::Rng;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{EmbeddedVotes, GoldTable, VoteTable, Votes, Winner};
use routellm_core::scorer::sw_ranking::BuildOptions;
use routellm_core::train::sw_ranking::{SwOptions, train, train_columns};
use routellm_core::train::{Control, Encoder, Sources, TrainOptions, linear};
use routellm_core::{CallOptions, Decision, Error, Explanation, OpenOptions, Result, Router};
use serde_json::{Map, Value, json};

use crate::support::root;

const FOLDER: &str = "tests/conformance";
const FILE: &str = "tests/conformance/sw_ranking.json";
const DIM: usize = 8;
const MODELS: [&str; 5] = ["huge", "large", "medium", "small", "tiny"];

/// Options of a case, as every language's runner applies them.
fn open(artifact: &str, options: &Value) -> Result<Router> {
    let mut open = OpenOptions::new();
    let text = |key: &str| options[key].as_str();
    if let Some(name) = text("strong") {
        open = open.strong(name);
    }
    if let Some(name) = text("weak") {
        open = open.weak(name);
    }
    if let Some(mode) = text("mode") {
        open = open.mode(mode.parse()?);
    }
    if let Some(decision) = text("out_of_distribution") {
        open = open.out_of_distribution(decision.parse()?);
    }
    if let Some(similarity) = options["min_similarity"].as_f64() {
        open = open.min_similarity(similarity);
    }
    match &options["open_clusters"] {
        Value::String(all) if all == "all" => open = open.open_clusters(usize::MAX),
        Value::Number(count) => open = open.open_clusters(count.as_u64().unwrap() as usize),
        _ => {}
    }
    if let Some(error) = options["error_target"].as_f64() {
        open = open.error_target(error);
    }
    open.open(root().join(artifact))
}

fn outcome(decision: Result<Decision, Error>, explanation: Result<Explanation, Error>) -> Value {
    match decision {
        Err(error) => json!({ "error": error.kind().name() }),
        Ok(decision) => json!({
            "win_rate_bits": format!("{:016x}", decision.win_rate.unwrap().to_bits()),
            "win_rate": decision.win_rate.unwrap(),
            "side": decision.side.map(routellm_core::Side::name),
            "similarity_bits": format!("{:016x}", decision.similarity.unwrap().to_bits()),
            "out_of_distribution": decision.out_of_distribution,
            "explanation": serde_json::to_value(explanation.unwrap()).unwrap(),
        }),
    }
}

fn answer(router: &Router, case: &Value) -> Value {
    let options = CallOptions::new().threshold(case["threshold"].as_f64().unwrap());
    let k = case["k"].as_u64().unwrap() as usize;
    if let Some(text) = case["text"].as_str() {
        return outcome(router.route(text, &options), router.explain(text, k, &CallOptions::new()));
    }
    let values: Vec<f32> =
        case["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    outcome(router.route(&values, &options), router.explain(&values, k, &CallOptions::new()))
}

#[test]
fn every_case() {
    let path = root().join(FILE);
    let bless = std::env::var_os("ROUTELLM_BLESS").is_some();
    if bless {
        build_fixtures();
        std::fs::write(&path, cases().to_string()).unwrap();
    }
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let routers: Map<String, Value> = file["routers"].as_object().unwrap().clone();
    let opened: Vec<(String, Router)> = routers
        .iter()
        .map(|(name, spec)| {
            (name.clone(), open(spec["artifact"].as_str().unwrap(), &spec["options"]).unwrap())
        })
        .collect();
    for case in file["cases"].as_array_mut().unwrap() {
        let (_, router) = opened.iter().find(|(name, _)| case["router"] == name.as_str()).unwrap();
        let ours = answer(router, case);
        if bless {
            case["expect"] = ours;
        } else {
            assert_eq!(ours, case["expect"], "{}", case["id"]);
        }
    }
    for case in file["open_errors"].as_array().unwrap() {
        let error = open(case["artifact"].as_str().unwrap(), &case["options"]).unwrap_err();
        assert_eq!(error.kind().name(), case["error"], "{case}");
    }
    if bless {
        let lines = |key: &str| -> String {
            let cases: Vec<String> = file[key].as_array().unwrap().iter().map(Value::to_string).collect();
            cases.join(",\n")
        };
        let text = format!(
            "{{\"format\": 1,\n\"routers\": {},\n\"cases\": [\n{}\n],\n\"open_errors\": [\n{}\n]}}\n",
            file["routers"],
            lines("cases"),
            lines("open_errors")
        );
        std::fs::write(&path, text).unwrap();
    }
    assert!(file["cases"].as_array().unwrap().len() >= 40);
}

fn cases() -> Value {
    let (hashed, caller, clustered, lopsided) = (
        "tests/conformance/sw-hashed",
        "tests/conformance/sw-caller",
        "tests/conformance/sw-clustered",
        "tests/conformance/sw-lopsided",
    );
    let routers = json!({
        "hashed": { "artifact": hashed, "options": {} },
        "hashed-abstains": {
            "artifact": hashed, "options": { "out_of_distribution": "weak", "min_similarity": 0.95 }
        },
        "hashed-flags": { "artifact": hashed, "options": { "min_similarity": 0.95 } },
        "caller": { "artifact": caller, "options": {} },
        "caller-reference": { "artifact": caller, "options": { "mode": "reference" } },
        "caller-other-pair": { "artifact": caller, "options": { "strong": "large", "weak": "small" } },
        "lopsided": { "artifact": lopsided, "options": {} },
        "lopsided-strong": { "artifact": lopsided, "options": { "out_of_distribution": "strong" } },
        "lopsided-weak": { "artifact": lopsided, "options": { "out_of_distribution": "weak" } },
        "clustered": { "artifact": clustered, "options": {} },
        "clustered-two": { "artifact": clustered, "options": { "open_clusters": 2 } },
        "clustered-all": { "artifact": clustered, "options": { "open_clusters": "all" } },
        "clustered-error": { "artifact": clustered, "options": { "error_target": 0.001 } },
    });
    let mut rng = Rng::new(4);
    let mut vector = || -> Vec<f64> { (0..DIM).map(|_| (rng.normal() * 1000.0).round() / 1000.0).collect() };
    let queries: Vec<Vec<f64>> = (0..5).map(|_| vector()).collect();
    let texts = ["integral number 5 of x", "greet person 8", "something else entirely", "", "\u{1f642}"];
    let mut cases = Vec::new();
    for (name, spec) in routers.as_object().unwrap() {
        for i in 0..5 {
            let mut case = json!({ "id": format!("{name}-{i}"), "router": name, "threshold": 0.5, "k": i });
            if spec["artifact"] == hashed {
                case["text"] = json!(texts[i]);
            } else {
                case["values"] = json!(queries[i]);
            }
            cases.push(case);
        }
    }
    let embedding = |id: &str, values: Vec<f64>| json!({ "id": id, "router": "caller", "values": values, "threshold": 0.5, "k": 1 });
    // A high threshold shows the other side.
    for (name, threshold) in [("hashed", 0.999), ("caller", 0.999), ("clustered", 0.999)] {
        let mut case =
            json!({ "id": format!("{name}-high"), "router": name, "threshold": threshold, "k": 2 });
        if name == "hashed" {
            case["text"] = json!(texts[0]);
        } else {
            case["values"] = json!(queries[0]);
        }
        cases.push(case);
    }
    // Opposite to the mean of the votes of `lopsided`: every similarity is negative.
    let opposite: Vec<f64> = (0..DIM).map(|i| if i == 0 { -1.0 } else { 0.0 }).collect();
    for name in ["lopsided", "lopsided-strong", "lopsided-weak"] {
        for (what, values) in [("far", &opposite), ("near", &opposite.iter().map(|x| -x).collect())] {
            cases.push(json!({
                "id": format!("{name}-{what}"), "router": name, "values": values, "threshold": 0.5, "k": 3
            }));
        }
    }
    cases.push(embedding("zeros", vec![0.0; DIM]));
    cases.push(embedding("too-short", vec![1.0; DIM - 1]));
    cases.push(json!({ "id": "hashed-takes-no-embedding", "router": "hashed", "values": vec![1.0; DIM], "threshold": 0.5, "k": 1 }));
    cases.push(
        json!({ "id": "caller-reads-no-prompt", "router": "caller", "text": "x", "threshold": 0.5, "k": 1 }),
    );
    let refused = |artifact: &str, options: Value| json!({ "artifact": artifact, "options": options, "error": "InvalidArgument" });
    json!({
        "format": 1,
        "routers": routers,
        "cases": cases,
        "open_errors": [
            refused(caller, json!({ "strong": "unknown" })),
            refused(caller, json!({ "strong": "tiny", "weak": "tiny" })),
            refused(caller, json!({ "min_similarity": 1.5 })),
            refused(caller, json!({ "out_of_distribution": "maybe" })),
            refused(caller, json!({ "open_clusters": 2 })),
            refused(clustered, json!({ "open_clusters": 0 })),
            refused(clustered, json!({ "open_clusters": 1, "error_target": 0.1 })),
            refused(clustered, json!({ "error_target": 2.0 })),
            refused("core/default-router", json!({ "out_of_distribution": "weak" })),
            refused("core/default-router", json!({ "min_similarity": 0.5 })),
        ],
    })
}

/// Made-up votes: better models win more often, and more so along the first direction.
struct Made {
    embeddings: Vec<f32>,
    model_a: Vec<String>,
    model_b: Vec<String>,
    winner: Vec<Winner>,
    ids: Vec<String>,
}

fn made(n: usize, seed: u64) -> Made {
    let mut rng = Rng::new(seed);
    let mut made = Made {
        embeddings: Vec::new(),
        model_a: Vec::new(),
        model_b: Vec::new(),
        winner: Vec::new(),
        ids: Vec::new(),
    };
    for i in 0..n {
        let x: Vec<f64> = (0..DIM).map(|_| rng.normal()).collect();
        let a = rng.below(MODELS.len());
        let b = (a + 1 + rng.below(MODELS.len() - 1)) % MODELS.len();
        let strength = (b as f64 - a as f64) * (0.5 + 0.4 * x[0]);
        let u = rng.uniform();
        let p = 1.0 / (1.0 + libm::exp(-strength));
        made.embeddings.extend(x.iter().map(|v| *v as f32));
        made.model_a.push(MODELS[a].to_owned());
        made.model_b.push(MODELS[b].to_owned());
        made.winner.push(if u < 0.1 {
            Winner::Tie
        } else if u < 0.1 + 0.9 * p {
            Winner::ModelA
        } else {
            Winner::ModelB
        });
        made.ids.push(format!("made-{i}"));
    }
    made
}

/// A fixed day, so that the artifacts are the same on every one.
fn dated(name: &str) -> TrainOptions {
    TrainOptions::new().name(name).calibration_date("2026-01-31")
}

fn build_fixtures() {
    let folder = root().join(FOLDER);
    let build = |name: &str, made: &Made, store: &str, build: BuildOptions| {
        let votes = Votes::from_names(&made.model_a, &made.model_b, &made.winner).unwrap();
        let votes = votes.with_ids(made.ids.clone()).unwrap();
        let input = EmbeddedVotes { votes: &votes, embeddings: &made.embeddings, dim: DIM };
        let mut options = SwOptions::new().common(dated(name)).build(build).store(store).unwrap();
        if let Some(clusters) = &mut options.build.clusters {
            *clusters = clusters.clusters(12).profiles(3).directions(4).open_votes(60).iterations(5);
        }
        train_columns(folder.join(name), &input, "made-up", &options, Control::new()).unwrap();
    };
    build("sw-caller", &made(120, 1), "f32", BuildOptions::new().tiers(4));
    build("sw-clustered", &made(600, 2), "clustered", BuildOptions::new());
    // All votes on one side of the space.
    let mut one_side = made(100, 3);
    for row in one_side.embeddings.chunks_mut(DIM) {
        row[0] = row[0].abs() + 3.0;
    }
    build("sw-lopsided", &one_side, "int4", BuildOptions::new().tiers(3));
    hashed_fixture(&folder.join("sw-hashed"));
}

/// Votes on texts, through a dense projection of hashed features.
fn hashed_fixture(out: &Path) {
    let prompt = |i: usize| {
        if i.is_multiple_of(3) { format!("integral number {i} of x") } else { format!("greet person {i}") }
    };
    let rows: Vec<String> = (0..90_usize)
        .map(|i| json!({ "prompt": prompt(i), "huge": true, "tiny": !i.is_multiple_of(3) }).to_string())
        .collect();
    let gold = GoldTable::from_jsonl(rows.join("\n").as_bytes(), "made").unwrap();
    let dense = tempfile::tempdir().unwrap();
    let dense = dense.path().join("dense");
    let options = linear::LinearOptions::new().bits(8).folds(4).lambdas(vec![1.0]).projection(DIM);
    let options = options.common(TrainOptions::new().pair("huge", "tiny"));
    linear::train(&dense, &Sources::new().gold(gold), &options, Control::new()).unwrap();
    let mut rng = Rng::new(9);
    let votes: Vec<String> = (0..80_usize)
        .map(|i| {
            let wins = rng.uniform() < if i.is_multiple_of(3) { 0.9 } else { 0.55 };
            json!({
                "id": format!("vote-{i}"), "prompt": prompt(i), "model_a": "huge", "model_b": "tiny",
                "winner": if wins { "model_a" } else { "model_b" },
            })
            .to_string()
        })
        .collect();
    let votes = VoteTable::from_jsonl(votes.join("\n").as_bytes(), "made").unwrap();
    let encoder =
        Encoder::from_artifact(Artifact::open(&dense).unwrap(), &SessionOptions::default()).unwrap();
    let common = dated("sw-hashed").pair("huge", "tiny");
    let options = SwOptions::new().common(common).texts(true).build(BuildOptions::new().tiers(2));
    train(out, &Sources::new().votes(votes), &encoder, &options, Control::new()).unwrap();
}
