//! Trainers end to end on small data.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use routellm_core::artifact::{Artifact, default_router, sha256_hex};
use routellm_core::features::FeaturizerSpec;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{EmbeddedVotes, GoldTable, VoteTable, Votes, Winner};
use routellm_core::scorer::sw_ranking::BuildOptions;
use routellm_core::train::{
    Control, Encoder, OnError, Sample, Sources, TrainOptions, linear, mf, sw_ranking,
};
use routellm_core::{CallOptions, CancelToken, ErrorKind, Input, OpenOptions, Read, Router};

use crate::support::{mf_minilm, root, tiny_model};

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
    let share = CallOptions::new().strong_share(0.4);
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
    let options = small().projection(8).per_candidate(true);
    train_linear(&out, &options);
    let router = Router::open(&out).unwrap();
    let scores = router.candidate_scores("integral number 3 of x", &CallOptions::new()).unwrap();
    assert!(scores[0] > scores[1] + 0.3, "{scores:?}");
    assert_eq!(router.embed("greet person 5", &CallOptions::new()).unwrap().len(), 8);
    let swapped = OpenOptions::new().strong("small").weak("big").open(&out).unwrap();
    let (a, b) = (
        router.win_rate(HARD, &CallOptions::new()).unwrap(),
        swapped.win_rate(HARD, &CallOptions::new()).unwrap(),
    );
    assert!(a > 0.5 && b < 0.5, "{a} {b}");
    // The scores in the artifact calibrate any pair.
    assert!(swapped.route("x", &CallOptions::new()).is_ok());
}

#[test]
fn mf_trains_on_the_dense_projection_without_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let (dense, out) = (folder.path().join("dense"), folder.path().join("mf"));
    train_linear(&dense, &small().projection(8));
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
    assert!(Router::open(&out).unwrap().route("integral", &CallOptions::new()).is_ok());
    // The artifact says what of a chat is read; opening says otherwise, and so does a call.
    let router = Router::open(&out).unwrap();
    assert_eq!(router.info().read, Read::AllUser);
    let chat = br#"[{"role":"user","content":"integral"},{"role":"user","content":"greet"}]"#;
    let route =
        |router: &Router, options: &CallOptions| router.route(Input::Messages(chat), options).unwrap();
    let all = CallOptions::new();
    assert_eq!(route(&router, &all), router.route("integral\ngreet", &all).unwrap());
    let last = CallOptions::new().read(Read::LastUser);
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

#[test]
fn rows_from_files_say_where_they_come_from_and_which_model_is_better() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("gold.jsonl"), folder.path().join("a"));
    let lines: Vec<String> = (0..90)
        .map(|i| {
            let (prompt, hard) = if i % 3 == 0 { ("integral", true) } else { ("greet", false) };
            format!(r#"{{"prompt": "{prompt} {i}", "small": {}, "big": true}}"#, !hard)
        })
        .collect();
    fs::write(&path, lines.join("\n")).unwrap();
    let sources = Sources::new().gold_file(&path).unwrap();
    let provenance = r#"{"owner": "me"}"#.parse().unwrap();
    let common = TrainOptions::new().rename("big", "huge").provenance(provenance);
    linear::train(&out, &sources, &small().common(common), Control::new()).unwrap();
    let router = Router::open(&out).unwrap();
    assert_eq!((router.strong(), router.weak()), ("huge", "small"));
    let of = |pointer: &str| router.info().provenance.get(pointer).unwrap().read::<String>().unwrap();
    assert_eq!((of("/owner"), of("/sources/0/name")), ("me".to_owned(), "gold.jsonl".to_owned()));
    assert_eq!(of("/sources/0/sha256"), sha256_hex(&fs::read(&path).unwrap()));
    // One of a pair follows from the other.
    let swapped = small().common(TrainOptions::new().weak("big"));
    linear::train(&out, &sources, &swapped, Control::new()).map(|_| ()).unwrap_err();
    let named = small().common(TrainOptions::new().strong("big"));
    linear::train(&out, &sources, &named, Control::new()).unwrap();
    assert_eq!(Router::open(&out).unwrap().weak(), "small");
}

#[test]
fn options_without_effect_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a");
    let votes = VoteTable::from_jsonl(&b""[..], "votes").unwrap();
    let refused = |sources: &Sources, common: TrainOptions, expected: &str| {
        let error = linear::train(&out, sources, &small().common(common), Control::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(expected), "{error}");
    };
    refused(&gold_of(90), common().cache("x"), "cache has no effect");
    refused(&gold_of(90), common().on_error(OnError::LeaveOut), "on_error has no effect");
    refused(&gold_of(90).votes(votes.clone()), common(), "votes have no effect");
    refused(&Sources::new(), common(), "no gold rows");
    refused(&Sources::new(), common().rename("a", "b"), "rename has no effect");
    refused(&gold_of(90), common().provenance("[1]".parse().unwrap()), "provenance is no JSON object");
    let sample = sw_ranking::SwOptions::new().common(TrainOptions::new().calibration(Sample::new(["a"])));
    let numbers = Votes::from_names(&["a"], &["b"], &[Winner::Tie]).unwrap();
    let input = EmbeddedVotes { votes: &numbers, embeddings: &[1.0], dim: 1 };
    let error = sw_ranking::train_columns(&out, &input, "x", &sample, Control::new()).unwrap_err();
    assert!(error.message().contains("calibration has no effect"), "{error}");
    assert!(!out.exists());
    assert_eq!("leave_out".parse::<OnError>().unwrap(), OnError::LeaveOut);
    assert!(
        "strong".parse::<OnError>().unwrap_err().message().contains("expected \"raise\" or \"leave_out\"")
    );
}

/// A classifier as an encoder of three dimensions, which fails on prompts that are longer than it has positions for.
fn short_sighted() -> Encoder {
    let parameters =
        r#"{"id": "tiny", "dimension": 3, "pooling": "mean", "normalize": false, "max_tokens": 5000}"#;
    let folder = tiny_model("bert-tiny");
    Encoder::from_parameters(&folder, &parameters.parse().unwrap(), &SessionOptions::default()).unwrap()
}

/// Votes on short prompts, every tenth of them on one that is too long.
fn uneven_votes(rows: usize) -> VoteTable {
    let lines: Vec<String> = (0..rows)
        .map(|i| {
            let prompt = if i % 10 == 9 { "too long ".repeat(900) } else { format!("number {i}") };
            let winner = if i % 3 == 0 { "model_b" } else { "model_a" };
            format!(r#"{{"prompt": "{prompt}", "model_a": "big", "model_b": "small", "winner": "{winner}"}}"#)
        })
        .collect();
    VoteTable::from_jsonl(lines.join("\n").as_bytes(), "votes").unwrap()
}

#[test]
fn a_prompt_that_cannot_be_embedded_is_named_or_left_out() {
    let encoder = short_sighted();
    let folder = tempfile::tempdir().unwrap();
    let (out, cache) = (folder.path().join("a"), folder.path().join("cache.safetensors"));
    let sources = Sources::new().votes(uneven_votes(40));
    let leave_out = common().on_error(OnError::LeaveOut);
    let build = BuildOptions::new().tiers(2);
    let sw = |common: TrainOptions| {
        let options = sw_ranking::SwOptions::new().common(common).build(build.clone()).texts(true);
        sw_ranking::train(&out, &sources, &encoder, &options, Control::new())
    };
    let error = sw(common().cache(&cache)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Inference);
    assert!(error.message().starts_with("the prompt of vote \"line 10\": "), "{error}");
    assert!(!out.exists());
    let report = sw(leave_out.clone().cache(&cache)).unwrap();
    // One prompt of four votes; nine were embedded before it was found.
    assert_eq!((report.votes, report.left_out, report.embedded), (36, 1, 27));
    let router = Router::open(&out).unwrap();
    assert_eq!(router.info().provenance.get("/left_out").unwrap().read::<u64>().unwrap(), 1);
    assert_eq!(
        router.explain("number 7", 1, &CallOptions::new()).unwrap().votes[0].text.as_deref(),
        Some("number 7")
    );

    let mf = |common: TrainOptions, sources: &Sources| {
        let options = mf::MfOptions::new().common(common).fit(mf::FitOptions::new().dim(2).epochs(2));
        mf::train(&out, sources, &encoder, &options, Control::new())
    };
    assert_eq!(mf(common(), &sources).unwrap_err().kind(), ErrorKind::Inference);
    let sample = Sample::new(["number 1".to_owned(), "number 2".to_owned(), "too long ".repeat(901)]);
    let error = mf(common().calibration(sample.clone()), &Sources::new().votes(uneven_votes(9))).unwrap_err();
    assert!(error.message().starts_with("prompt 2 of the calibration: "), "{error}");
    let report = mf(leave_out.clone().calibration(sample).cache(&cache), &sources).unwrap();
    assert_eq!((report.left_out, report.embedded), (2, 0));
    assert_eq!(Router::open(&out).unwrap().info().calibration.as_ref().unwrap().count, 2);
    let mut only = uneven_votes(40);
    only.votes.retain(|vote| vote.prompt.len() > 100);
    let error = mf(leave_out, &Sources::new().votes(only)).unwrap_err();
    assert!(
        error.message().starts_with("no prompt of the votes could be embedded: the prompt of vote "),
        "{error}"
    );
}

#[test]
fn a_training_ends_at_its_deadline_and_when_its_token_is_cancelled() {
    let encoder = short_sighted();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a");
    let votes = Sources::new().votes(uneven_votes(9));
    let stopped = |control: &dyn Fn() -> Control<'static>, expected: ErrorKind| {
        let errors = [
            linear::train(&out, &gold_of(90), &small(), control()).unwrap_err(),
            mf::train(&out, &votes, &encoder, &mf::MfOptions::new().common(common()), control()).unwrap_err(),
            sw_ranking::train(
                &out,
                &votes,
                &encoder,
                &sw_ranking::SwOptions::new().common(common()),
                control(),
            )
            .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), expected, "{error}");
        }
        assert!(!out.exists());
    };
    stopped(&|| Control::new().timeout(Duration::from_nanos(1)), ErrorKind::ResourceExhausted);
    stopped(&|| Control::new().timeout(Duration::ZERO), ErrorKind::InvalidArgument);
    let token = CancelToken::new();
    token.cancel();
    stopped(&|| Control::new().cancel(&token), ErrorKind::Cancelled);
    // Leaving prompts out leaves no prompt out for being too late.
    let late = sw_ranking::SwOptions::new().common(common().on_error(OnError::LeaveOut));
    let control = Control::new().timeout(Duration::from_nanos(1));
    let error = sw_ranking::train(&out, &votes, &encoder, &late, control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
}

#[test]
fn a_running_encoder_is_stopped() {
    // Skips where there is no runtime.
    mf_minilm();
    let folder = root().join("artifacts/mf-minilm");
    let opened = Encoder::open(&folder, &SessionOptions::default()).unwrap();
    let FeaturizerSpec::Onnx(mut spec) = opened.spec().clone() else { panic!("{:?}", opened.spec()) };
    (spec.max_tokens, spec.cap.max_bytes) = (512, 1 << 20);
    let encoder = Encoder::from_onnx(spec, &folder, &SessionOptions::default()).unwrap();
    let lines: Vec<String> = (0..400)
        .map(|i| {
            let prompt = format!("{i} and so on").repeat(300);
            format!(r#"{{"prompt": "{prompt}", "model_a": "big", "model_b": "small", "winner": "model_a"}}"#)
        })
        .collect();
    let sources = Sources::new().votes_jsonl(lines.join("\n").as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = mf::MfOptions::new().common(common());
    let token = CancelToken::new();
    let begun = Instant::now();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            token.cancel();
        });
        let control = Control::new().cancel(&token);
        mf::train(folder.path().join("a"), &sources, &encoder, &options, control).unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
