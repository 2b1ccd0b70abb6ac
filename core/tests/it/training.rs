//! Trainers end to end on small data.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use routellm_core::artifact::{Artifact, default_router};
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{GoldTable, VoteTable};
use routellm_core::train::{Control, Encoder, Sources, TrainOptions, linear, mf};
use routellm_core::{ErrorKind, Input, OpenOptions, Read, RouteOptions, Router};

/// Hard prompts are those with "integral" in them; the strong model solves all, the weak one the easy ones.
fn gold(rows: usize) -> GoldTable {
    let lines: Vec<String> = (0..rows)
        .map(|i| {
            let hard = i % 3 == 0;
            let prompt = if hard { format!("integral number {i} of x") } else { format!("greet person {i}") };
            format!(r#"{{"prompt": "{prompt}", "big": true, "small": {}}}"#, !hard)
        })
        .collect();
    GoldTable::from_jsonl(lines.join("\n").as_bytes(), "gold").unwrap()
}

const HARD: &str = "integral number 5 of x";

fn common() -> TrainOptions {
    // The bytes of an artifact depend on the day otherwise.
    TrainOptions::new().pair("big", "small").calibration_date("2026-01-31")
}

fn small() -> linear::LinearOptions {
    linear::LinearOptions::new().common(common()).bits(10).lambdas(vec![0.1, 1.0]).folds(4)
}

fn gold_of(rows: usize) -> Sources {
    Sources::new().gold(gold(rows))
}

fn train_linear(out: &Path, options: &linear::LinearOptions) -> linear::LinearReport {
    linear::train(out, &gold_of(90), options, Control::new()).unwrap()
}

#[test]
fn a_linear_router_learns_and_is_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let report = train_linear(&a, &small());
    assert!(report.error < report.baseline_error / 2.0, "{report:?}");
    train_linear(&b, &small());
    let files = |folder: &Path| -> Vec<_> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<_> =
            names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect();
        files.sort();
        files
    };
    assert_eq!(files(&a), files(&b));
    assert_eq!(files(&a).len(), 3);
    let router = Router::open(&a).unwrap();
    // A third of the sample is hard; the threshold of a third would be the easiest of them.
    let share = RouteOptions::strong_share(0.4);
    assert_eq!(&*router.route("integral number 7 of x", &share).unwrap().model, "big");
    assert_eq!(&*router.route("greet person 1000", &share).unwrap().model, "small");
    // Training again into the same place replaces the artifact.
    train_linear(&a, &small().common(common().name("again")));
    assert_eq!(Router::open(&a).unwrap().info().name, "again");
}

#[test]
fn the_dense_projection_and_rows_per_candidate_work() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("dense");
    let options = small().projection(Some(8)).per_candidate(true);
    train_linear(&out, &options);
    let router = Router::open(&out).unwrap();
    let scores = router.candidate_scores("integral number 3 of x").unwrap();
    assert!(scores[0] > scores[1] + 0.3, "{scores:?}");
    assert_eq!(router.embed("greet person 5").unwrap().len(), 8);
    let swapped = OpenOptions::new().strong("small").weak("big").open(&out).unwrap();
    let (a, b) = (router.win_rate(HARD).unwrap(), swapped.win_rate(HARD).unwrap());
    assert!(a > 0.5 && b < 0.5, "{a} {b}");
    // Quantiles describe the trained pair only.
    assert!(swapped.route("x", &RouteOptions::default()).is_err());
}

#[test]
fn mf_trains_on_the_dense_projection_without_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let (dense, out) = (folder.path().join("dense"), folder.path().join("mf"));
    train_linear(&dense, &small().projection(Some(8)));
    let votes = r#"{"id": "1", "prompt": "integral of x squared", "model_a": "big", "model_b": "small", "winner": "model_a"}
{"id": "2", "prompt": "greet a person", "model_a": "big", "model_b": "small", "winner": "model_b"}
{"id": "3", "prompt": "greet two", "model_a": "big", "model_b": "small", "winner": "tie"}
{"id": "4", "prompt": "greet three", "model_a": "big", "model_b": "small", "winner": null}"#;
    let votes = VoteTable::from_jsonl(votes.as_bytes(), "votes").unwrap();
    let encoder =
        Encoder::from_artifact(Artifact::open(&dense).unwrap(), &SessionOptions::default()).unwrap();
    let options = mf::MfOptions::new()
        .common(common().name("test").read(Read::AllUser))
        .fit(mf::FitOptions::new().dim(4).epochs(5).learning_rate(1e-2).noise(0.01));
    let sources = gold_of(90).votes(votes.clone());
    let fit = || mf::train(&out, &sources, &encoder, &options, Control::new()).unwrap().fit;
    let first = fit();
    assert_eq!(first, fit());
    assert_eq!(first.train_losses.len(), 5);
    assert!(first.train_losses[4] < first.train_losses[0]);
    let counts = Artifact::open(&out).unwrap().manifest().provenance.get("/counts").unwrap();
    let counts: BTreeMap<String, usize> = counts.read().unwrap();
    assert_eq!(counts["votes_dropped_null_winner"], 1);
    assert_eq!(counts["votes_dropped_tie"], 1);
    assert_eq!(counts["votes_used"], 2);
    assert_eq!(counts["gold_comparisons_used"], 30);
    assert!(Router::open(&out).unwrap().route("integral", &RouteOptions::default()).is_ok());
    // The artifact says what of a chat is read; opening says otherwise, and so does a call.
    let router = Router::open(&out).unwrap();
    assert_eq!(router.info().read, Read::AllUser);
    let chat = br#"[{"role":"user","content":"integral"},{"role":"user","content":"greet"}]"#;
    let route =
        |router: &Router, options: &RouteOptions| router.route_input(Input::Messages(chat), options).unwrap();
    let all = RouteOptions::default();
    assert_eq!(route(&router, &all), router.route("integral\ngreet", &all).unwrap());
    let last = RouteOptions { read: Some(Read::LastUser), ..RouteOptions::default() };
    assert_eq!(route(&router, &last), router.route("greet", &all).unwrap());
    let opened = OpenOptions::new().read(Read::LastUser).open(&out).unwrap();
    assert_eq!(opened.info().read, Read::LastUser);
    assert_eq!(route(&opened, &all), router.route("greet", &all).unwrap());
    // Sparse features are no embedding.
    let sparse = Encoder::from_artifact(default_router().unwrap(), &SessionOptions::default()).unwrap();
    let error = mf::train(&out, &Sources::new().votes(votes), &sparse, &options, Control::new());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn cancelling_leaves_the_old_artifact_whole() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a");
    train_linear(&out, &small());
    let before = fs::read(out.join("router.json")).unwrap();
    let mut seen = Vec::new();
    let control = Control::new().progress(|progress| {
        seen.push(progress.stage.to_owned());
        if progress.stage == "calibration" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let error = linear::train(&out, &gold_of(60), &small(), control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(seen.contains(&"features".to_owned()) && seen.contains(&"cross-validation".to_owned()));
    assert_eq!(fs::read(out.join("router.json")).unwrap(), before);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["a"]);
}

#[test]
fn data_that_teaches_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a");
    let train = |gold: GoldTable, pair: (&str, &str)| {
        let options = small().common(TrainOptions::new().pair(pair.0, pair.1));
        linear::train(&out, &Sources::new().gold(gold), &options, Control::new()).unwrap_err()
    };
    assert!(train(gold(90), ("big", "medium")).to_string().contains("medium"));
    assert_eq!(train(gold(90), ("big", "big")).kind(), ErrorKind::InvalidArgument);
    assert!(train(gold(3), ("big", "small")).to_string().contains("folds"));
    let mut flat = gold(90);
    for row in &mut flat.rows {
        row.scores = vec![1.0, 1.0];
    }
    assert!(train(flat, ("big", "small")).to_string().contains("both outcomes"));
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("precious.txt"), "x").unwrap();
    let trained = linear::train(&foreign, &gold_of(90), &small(), Control::new());
    assert!(trained.is_ok() && foreign.join("precious.txt").exists());
}
