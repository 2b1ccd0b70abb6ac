//! Trainers on small data of every kind, from a specification to a router.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use routellm_core::candidates::{Candidate, Price};
use routellm_core::train::{self, Control, TrainReport, TrainSpec};
use routellm_core::{CallOptions, ErrorKind, Json, OpenOptions, Policy, Router};
use serde_json::{Value, json};

/// Hard prompts are those with "integral" in them: big solves all, small the easy ones, and mid two thirds of the hard ones.
fn prompt(i: usize) -> (String, bool) {
    let hard = i.is_multiple_of(2);
    let text = if hard { format!("integral number {i} of x") } else { format!("greet person {i}") };
    (text, hard)
}

fn gold(rows: usize) -> Vec<Value> {
    (0..rows)
        .map(|i| {
            let (prompt, hard) = prompt(i);
            json!({"prompt": prompt, "big": true, "small": !hard, "mid": if hard { 0.5 } else { 1.0 }})
        })
        .collect()
}

fn pair(rows: usize) -> Vec<Value> {
    let mut rows = gold(rows);
    // Not all as expected, so that no link is infinitely steep.
    for (i, row) in rows.iter_mut().enumerate() {
        row.as_object_mut().unwrap().remove("mid");
        if i % 10 == 0 {
            row["small"] = json!(true);
        } else if i % 10 == 1 {
            row["small"] = json!(false);
        }
    }
    rows
}

/// One model answered each prompt; hard ones mostly big, with the probability that is said.
fn logs(rows: usize) -> Vec<Value> {
    (0..rows)
        .map(|i| {
            let (prompt, hard) = prompt(i);
            let big = if hard { i % 8 != 0 } else { i % 8 == 1 };
            let propensity = if hard == big { 0.75 } else { 0.25 };
            let right = big || !hard;
            json!({"prompt": prompt, "model": if big { "big" } else { "small" }, "score": right,
                   "propensity": propensity})
        })
        .collect()
}

fn votes(rows: usize) -> Vec<Value> {
    (0..rows)
        .map(|i| {
            let (prompt, hard) = prompt(i);
            let winner = if i % 5 == 0 {
                "tie"
            } else if hard {
                "model_a"
            } else {
                "model_b"
            };
            json!({"prompt": prompt, "model_a": "big", "model_b": "small", "winner": winner})
        })
        .collect()
}

fn run(value: &Value) -> routellm_core::Result<TrainReport> {
    train::run(&value.to_string().parse::<TrainSpec>().unwrap(), Control::new())
}

fn files(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<_> = names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect();
    files.sort();
    files
}

fn rate(folder: &Path, prompt: &str) -> f64 {
    Router::open(folder).unwrap().win_rate(prompt, &CallOptions::new()).unwrap()
}

/// A small artifact whose dense features the others take over.
fn encoder(folder: &Path) -> std::path::PathBuf {
    let out = folder.join("encoder");
    run(&json!({
        "trainer": {"kind": "linear", "bits": 10, "lambdas": [0.1, 1.0], "folds": 4, "projection": 8},
        "sources": [{"kind": "gold", "rows": pair(90)}], "strong": "big", "weak": "small", "out": out,
    }))
    .unwrap();
    out
}

#[test]
fn every_trainer_learns_from_every_source_that_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path());
    let knn = json!({"kind": "knn", "neighbours": [3, 8], "temperatures": [0.1, 0.5], "bits": 10});
    let candidates = json!({"kind": "logistic", "per_candidate": true, "penalties": [0.01, 0.1, 1.0]});
    let mf = json!({"kind": "mf", "dim": 4, "epochs": 60, "learning_rate": 0.02, "noise": 0.01});
    let cases = [
        ("knn on hashed words, gold", &knn, "gold", gold(80), false, "knn"),
        ("knn on vectors, gold", &knn, "gold", gold(80), true, "knn"),
        ("knn, votes", &knn, "votes", votes(80), false, "knn"),
        ("knn, judge", &knn, "judge", votes(80), true, "knn"),
        ("knn, logs", &knn, "log", logs(80), false, "knn"),
        (
            "logistic, pair",
            &json!({"kind": "logistic", "penalties": [0.01, 0.1]}),
            "gold",
            pair(80),
            true,
            "linear",
        ),
        ("logistic, candidates", &candidates, "gold", pair(80), true, "linear"),
        ("logistic, logs", &candidates, "log", logs(80), true, "linear"),
        (
            "linear, logs",
            &json!({"kind": "linear", "per_candidate": true, "bits": 10, "folds": 4,
            "lambdas": [0.1, 1.0]}),
            "log",
            logs(80),
            false,
            "linear",
        ),
        ("mf, gold with differences", &mf, "gold", gold(80), true, "mf"),
        ("mf, votes", &mf, "votes", votes(80), true, "mf"),
    ];
    for (i, (name, trainer, kind, rows, dense, router)) in cases.into_iter().enumerate() {
        let spec = |out: &Path| {
            let mut spec = json!({
                "trainer": trainer, "sources": [{"kind": kind, "rows": rows}], "strong": "big", "weak": "small",
                "calibration": {"date": "2026-01-31"}, "out": out,
            });
            if dense {
                spec["encoder"] = json!(encoder);
            }
            spec
        };
        let (a, b) = (folder.path().join(format!("a{i}")), folder.path().join(format!("b{i}")));
        let report = run(&spec(&a)).unwrap_or_else(|error| panic!("{name}: {error}"));
        run(&spec(&b)).unwrap();
        assert!(files(&a) == files(&b), "{name}: the same specification gives the same files");
        let (hard, easy) = (rate(&a, "integral number 7 of x"), rate(&a, "greet person 12"));
        assert!(hard > easy + 0.05, "{name}: {hard} {easy} {report:?}");
        let info = Router::open(&a).unwrap();
        assert_eq!(info.info().kind.as_str(), router, "{name}");
        let share = info.route("integral number 7 of x", &CallOptions::new().strong_share(0.5)).unwrap();
        assert!(share.win_rate == Some(hard), "{name}");
        let json = Json::of(&report).unwrap();
        assert_eq!(json.get("/sources/0/rows").unwrap().to_string(), "80", "{name}");
        assert_eq!(
            fs::read_dir(folder.path())
                .unwrap()
                .filter(|entry| {
                    entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".checkpoint")
                })
                .count(),
            0,
            "{name}"
        );
    }
}

#[test]
fn knn_scores_each_candidate_and_names_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("knn");
    run(&json!({
        "trainer": {"kind": "knn", "neighbours": [4], "temperatures": [0.2], "bits": 10, "texts": true},
        "sources": [{"kind": "gold", "rows": gold(60)}], "strong": "big", "weak": "small", "out": out,
    }))
    .unwrap();
    let router = Router::open(&out).unwrap();
    let options = CallOptions::new();
    let scores = router.candidate_scores("integral number of x", &options).unwrap();
    // big, mid, small
    assert!(scores[0] > 0.99 && (scores[1] - 0.5).abs() < 0.01 && scores[2] < 0.01, "{scores:?}");
    let explanation = router.explain("integral number of x", 3, &options).unwrap();
    assert_eq!((explanation.votes.len(), explanation.ratings.len()), (3, 3));
    let first = &explanation.votes[0];
    assert!(first.text.as_ref().unwrap().starts_with("integral") && first.id.is_some());
    assert_eq!((first.weight, first.model_a.as_str(), first.winner), (100.0, "big", "model_a"));
    assert_eq!(explanation.win_rate, router.win_rate("integral number of x", &options).unwrap());
    assert_eq!((explanation.ratings[1].tier, explanation.ratings[1].rating), (1, Some(scores[1])));
    // What is far from all that is known is told.
    let near = routellm_core::OpenOptions::new().min_similarity(0.3).open(&out).unwrap();
    assert!(near.route("zzz qqq www", &CallOptions::new()).unwrap().out_of_distribution);
    assert!(!near.route("integral number 3 of x", &CallOptions::new()).unwrap().out_of_distribution);
    let error = routellm_core::OpenOptions::new().open_clusters(3).open(&out).unwrap_err();
    assert!(error.message().contains("open_clusters has no effect"), "{error}");
}

#[test]
fn ties_weights_and_columns_are_read_as_the_source_says() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path());
    let counts = |ties: Option<&str>| {
        let out = folder.path().join("mf");
        let mut spec = json!({
            "trainer": {"kind": "mf", "dim": 4, "epochs": 2},
            "sources": [{"kind": "votes", "rows": votes(50)}], "strong": "big", "weak": "small",
            "encoder": encoder, "out": out,
        });
        if let Some(ties) = ties {
            spec["ties"] = json!(ties);
        }
        let report = run(&spec).unwrap();
        let text = fs::read_to_string(out.join("router.json")).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        let comparisons = match &report.trained {
            train::Trained::Mf(report) => report.fit.comparisons + report.fit.held_out_comparisons,
            other => panic!("{other:?}"),
        };
        (comparisons, manifest["provenance"]["tie_rule"].as_str().unwrap().to_owned())
    };
    assert_eq!(counts(None), (40, "ties are dropped".to_owned()));
    assert_eq!(counts(Some("half")), (50, "a tie is half a win each way".to_owned()));
    assert_eq!(counts(Some("weak_not_worse")).0, 50);

    // Other names of columns, in a file; and two sources, of which one outweighs the other.
    let rows: Vec<String> = votes(40)
        .iter()
        .map(|row| {
            json!({"question": row["prompt"], "left": row["model_a"], "right": row["model_b"],
                   "winner": row["winner"], "prompt": "something else"})
            .to_string()
        })
        .collect();
    let path = folder.path().join("votes.jsonl");
    fs::write(&path, rows.join("\n")).unwrap();
    let columns = json!({"prompt": "question", "model_a": "left", "model_b": "right"});
    let inverse: Vec<Value> = votes(40)
        .into_iter()
        .map(|mut row| {
            (row["model_a"], row["model_b"]) = (json!("small"), json!("big"));
            row
        })
        .collect();
    let spec = |weight: f64| {
        json!({
            "trainer": {"kind": "knn", "neighbours": [8], "temperatures": [0.5], "bits": 10},
            "sources": [
                {"kind": "votes", "path": path, "columns": columns, "weight": weight},
                {"kind": "votes", "rows": inverse},
            ],
            "strong": "big", "weak": "small", "out": folder.path().join("knn"),
        })
    };
    run(&spec(9.0)).unwrap();
    let scores = |prompt: &str| {
        let router = Router::open(folder.path().join("knn")).unwrap();
        router.candidate_scores(prompt, &CallOptions::new()).unwrap()
    };
    let hard = scores("integral number 7 of x");
    assert!(hard[0] > 0.7 && hard[1] < 0.3, "{hard:?}");
    let text = fs::read_to_string(folder.path().join("knn/router.json")).unwrap();
    assert!(text.contains("\"weight\": 9.0"), "{text}");
    let error = run(&spec(0.0)).unwrap_err();
    assert!(error.message().contains("weight is 0"), "{error}");
    let mut wrong = spec(1.0);
    wrong["sources"][0]["columns"]["model_a"] = json!("middle");
    let error = run(&wrong).unwrap_err();
    assert!(error.message().contains("votes.jsonl, line 1: no \"middle\""), "{error}");
    // What a trainer cannot weigh, or cannot read, it says.
    let mut sw = spec(2.0);
    sw["trainer"] = json!({"kind": "sw_ranking"});
    sw["encoder"] = json!(encoder);
    assert!(run(&sw).unwrap_err().message().starts_with("weight has no effect"));
    sw["sources"] = json!([{"kind": "log", "rows": logs(10)}]);
    assert!(run(&sw).unwrap_err().message().starts_with("logs have no effect"));
}

#[test]
fn embeddings_that_are_given_make_a_router_of_embeddings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embeddings.jsonl");
    let vector = |hard: bool, i: usize| json!([f64::from(u8::from(hard)), 1.0, (i % 7) as f64 / 10.0]);
    let rows: Vec<String> = (0..60)
        .map(|i| {
            let (prompt, hard) = prompt(i);
            json!({"prompt": prompt, "embedding": vector(hard, i)}).to_string()
        })
        .collect();
    fs::write(&path, rows.join("\n")).unwrap();
    for trainer in [
        json!({"kind": "mf", "dim": 4, "epochs": 80, "learning_rate": 0.02, "noise": 0.01}),
        json!({"kind": "knn", "neighbours": [5], "temperatures": [0.1]}),
        json!({"kind": "logistic", "penalties": [0.1]}),
        json!({"kind": "sw_ranking", "tiers": 2, "store": "f32"}),
    ] {
        let out = folder.path().join("out");
        let spec = |rows: Vec<Value>| {
            json!({
                "trainer": trainer, "sources": [{"kind": "gold", "rows": rows}], "strong": "big", "weak": "small",
                "encoder": {"path": path, "id": "mine"}, "out": out,
            })
        };
        run(&spec(pair(60))).unwrap_or_else(|error| panic!("{trainer}: {error}"));
        let router = Router::open(&out).unwrap();
        let rate = |embedding: &[f32]| router.win_rate(embedding, &CallOptions::new()).unwrap();
        assert!(rate(&[1.0, 1.0, 0.2]) > rate(&[0.0, 1.0, 0.2]), "{trainer}");
        assert_eq!(router.info().featurizer.id, "mine");
        let error = run(&spec(pair(62))).unwrap_err();
        assert!(error.message().contains("not among the embeddings that are given"), "{error}");
        let mut cached = spec(pair(60));
        cached["encoder"]["cache"] = json!("cache");
        assert!(run(&cached).unwrap_err().message().starts_with("cache has no effect"));
    }
}

#[test]
fn a_training_that_was_stopped_goes_on_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path());
    let spec = |name: &str| -> TrainSpec {
        json!({
            "trainer": {"kind": "mf", "dim": 4, "epochs": 12, "learning_rate": 0.02},
            "sources": [{"kind": "votes", "rows": votes(60)}], "strong": "big", "weak": "small",
            "calibration": {"date": "2026-01-31"}, "encoder": encoder, "out": folder.path().join(name),
        })
        .to_string()
        .parse()
        .unwrap()
    };
    train::run(&spec("whole"), Control::new()).unwrap();
    let mut epochs = Vec::new();
    let stop_at = |stage: &'static str, at: usize, seen: &mut Vec<usize>| {
        let control = Control::new().progress(|step| {
            if step.stage == "epoch" {
                seen.push(step.done);
            }
            if step.stage == stage && step.done == at {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        train::run(&spec("parts"), control)
    };
    // In the middle of the embeddings, then of the epochs.
    assert_eq!(stop_at("embedding", 30, &mut epochs).unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(folder.path().join(".parts.embeddings.checkpoint").is_file());
    assert_eq!(stop_at("epoch", 5, &mut epochs).unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(folder.path().join(".parts.fit.checkpoint").is_file());
    assert!(!folder.path().join("parts").exists());
    let report = stop_at("never", 0, &mut epochs).unwrap();
    assert_eq!(epochs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(files(&folder.path().join("whole")), files(&folder.path().join("parts")));
    assert!(!folder.path().join(".parts.fit.checkpoint").exists());
    assert!(!folder.path().join(".parts.embeddings.checkpoint").exists());
    match &report.trained {
        train::Trained::Mf(report) => assert_eq!(report.fit.train_losses.len(), 12),
        other => panic!("{other:?}"),
    }
}

#[test]
fn new_votes_embed_the_new_prompts_only() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path());
    // Two models that win equally often share a tier.
    let uneven = |rows: usize| {
        let mut votes = votes(rows);
        votes.iter_mut().step_by(4).for_each(|vote| vote["winner"] = json!("model_a"));
        votes
    };
    let run = |rows: usize, kind: &str| {
        let trainer =
            if kind == "sw_ranking" { json!({"kind": kind, "tiers": 2}) } else { json!({"kind": kind}) };
        let report = run(&json!({
            "trainer": trainer, "sources": [{"kind": "votes", "rows": uneven(rows)}],
            "strong": "big", "weak": "small",
            "encoder": {"path": encoder, "cache": folder.path().join("cache")}, "out": folder.path().join(kind),
        }));
        Json::of(&report.unwrap()).unwrap().get("/trained/embedded").unwrap().to_string()
    };
    assert_eq!(
        (run(40, "sw_ranking"), run(40, "sw_ranking"), run(48, "sw_ranking")),
        ("40".into(), "0".into(), "8".into())
    );
    assert_eq!((run(48, "mf"), run(50, "knn")), ("0".into(), "2".into()));
}

#[test]
fn new_trainers_give_qualities_and_meet_budgets() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path());
    let sources = [("gold", pair(120)), ("log", logs(120))];
    for (trainer, encoded) in [
        (json!({"kind": "knn"}), false),
        (json!({"kind": "knn"}), true),
        (json!({"kind": "logistic", "per_candidate": true}), true),
        (json!({"kind": "linear", "per_candidate": true, "bits": 10, "folds": 3}), false),
    ] {
        for (kind, rows) in &sources {
            let out = folder.path().join("router");
            let mut spec = json!({
                "trainer": trainer, "sources": [{"kind": kind, "rows": rows}], "strong": "big", "weak": "small",
                "out": out,
            });
            if encoded {
                spec["encoder"] = json!({"path": encoder});
            }
            run(&spec).unwrap();
            let priced = |name: &str, price: f64| Candidate::new(name).price(Price::new(price, price));
            let prices = [priced("big", 10.0), priced("small", 1.0)];
            let router = OpenOptions::new().candidates(prices).open(&out).unwrap();
            let qualities = router.qualities("integral number 4 of x", &CallOptions::new()).unwrap();
            assert!(qualities.iter().all(|quality| (0.0..=1.0).contains(quality)), "{spec} {qualities:?}");
            let info = router.info();
            assert!(
                info.candidates.iter().all(|one| matches!(one.quality, Some("platt" | "isotonic"))),
                "{spec}"
            );
            let models = &info.models;
            let at = |name: &str| models.iter().position(|model| model == name).unwrap();
            assert!(qualities[at("big")] > qualities[at("small")], "{trainer} {kind} {qualities:?}");
            // Enough for the dear one, and just enough for the cheap one.
            let thrifty = CallOptions::new().policy(Policy::Budget(0.26)).output_tokens(250);
            assert_eq!(&*router.route("greet person 3", &thrifty).unwrap().model, "small");
            let rich = CallOptions::new().policy(Policy::Budget(100.0)).output_tokens(250);
            assert_eq!(&*router.route("integral number 4 of x", &rich).unwrap().model, "big");
        }
    }
}
