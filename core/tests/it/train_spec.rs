//! Trainings as data.

use std::fs;
use std::path::Path;

use routellm_core::artifact::Artifact;
use routellm_core::train::{
    Control, EncoderSource, Labels, Source, Sources, SwParameters, TrainOptions, TrainSpec, Trainer, linear,
};
use routellm_core::{CallOptions, CancelToken, ErrorKind, Json, Router, train};
use serde_json::json;

/// Hard prompts are those with "integral" in them; the strong model solves all, the weak one the easy ones.
fn gold(rows: std::ops::Range<usize>) -> String {
    let rows = rows.map(|i| {
        let hard = i % 3 == 0;
        let prompt = if hard { format!("integral number {i} of x") } else { format!("greet person {i}") };
        json!({"prompt": prompt, "big": true, "small": !hard}).to_string()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn votes(rows: usize) -> Vec<serde_json::Value> {
    (0..rows)
        .map(|i| {
            let hard = i % 4 != 0;
            json!({
                "prompt": if hard { format!("integral {i}") } else { format!("greet {i}") },
                "model_a": "big", "model_b": "small",
                "winner": if hard { "model_a" } else { "model_b" },
            })
        })
        .collect()
}

fn files(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<_> = names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect();
    files.sort();
    files
}

fn spec(value: &serde_json::Value) -> TrainSpec {
    value.to_string().parse().unwrap()
}

type Change = fn(&mut serde_json::Value);

fn linear_spec(folder: &Path, out: &str) -> serde_json::Value {
    let path = folder.join("gold.jsonl");
    fs::write(&path, gold(0..90)).unwrap();
    json!({
        "trainer": {"kind": "linear", "bits": 10, "lambdas": [0.1, 1.0], "folds": 4},
        "sources": [{"kind": "gold", "path": path}],
        "strong": "big", "weak": "small", "seed": 7, "name": "mine",
        "calibration": {"date": "2026-01-31"},
        "out": folder.join(out),
    })
}

#[test]
fn a_specification_trains_what_the_function_does() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&linear_spec(folder.path(), "a"));
    let mut steps = Vec::new();
    let control = Control::new().progress(|step| {
        steps.push((step.stage.to_owned(), step.done, step.total));
        std::ops::ControlFlow::Continue(())
    });
    let report = train::run(&spec, control).unwrap();
    assert!(steps.iter().any(|step| step.0 == "cross-validation"), "{steps:?}");
    let common = TrainOptions::new().pair("big", "small").name("mine").calibration_date("2026-01-31");
    let options =
        linear::LinearOptions::new().common(common).bits(10).lambdas(vec![0.1, 1.0]).folds(4).seed(7);
    let sources = Sources::new().gold_file(folder.path().join("gold.jsonl")).unwrap();
    let direct = linear::train(folder.path().join("b"), &sources, &options, Control::new()).unwrap();
    assert_eq!(report.trained, train::Trained::Linear(direct));
    assert_eq!(files(&folder.path().join("a")), files(&folder.path().join("b")));
    let json = Json::of(&report).unwrap();
    let at = |pointer: &str| json.get(pointer).unwrap_or_else(|| panic!("{pointer} in {json}")).to_string();
    assert_eq!(at("/kind"), r#""linear""#);
    assert_eq!((at("/models/strong"), at("/name")), (r#""big""#.to_owned(), r#""mine""#.to_owned()));
    assert_eq!((at("/sources/0/rows"), at("/sources/0/label_kind")), ("90".into(), r#""D_gold""#.into()));
    assert_eq!(at("/calibration_prompts"), "90");
    assert!(json.get("/trained/error").is_some());
    // Written as JSON it is read as the same.
    assert_eq!(spec.to_string().parse::<TrainSpec>().unwrap(), spec);
    let path = folder.path().join("spec.json");
    fs::write(&path, format!("\u{feff}{spec}")).unwrap();
    assert_eq!(TrainSpec::read(&path).unwrap(), spec);
}

#[test]
fn sources_of_one_kind_are_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = linear_spec(folder.path(), "whole");
    train::run(&spec(&whole), Control::new()).unwrap();
    let mut parts = whole.clone();
    fs::write(folder.path().join("first.jsonl"), gold(0..40)).unwrap();
    let rest: Vec<serde_json::Value> =
        gold(40..90).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    parts["sources"] = json!([
        {"kind": "gold", "path": folder.path().join("first.jsonl")},
        {"kind": "gold", "rows": rest},
    ]);
    parts["out"] = json!(folder.path().join("parts"));
    let report = train::run(&spec(&parts), Control::new()).unwrap();
    assert_eq!(report.sources.get("/1/rows").unwrap().to_string(), "50");
    let weights = |name: &str| {
        let mut files = files(&folder.path().join(name));
        files.retain(|(name, _)| name != "router.json");
        files
    };
    assert_eq!(weights("whole"), weights("parts"));
    // Of tables with other models, what both know is learned from.
    let more = json!([{"prompt": "integral of y", "tiny": 0.5, "small": false, "big": true}]);
    parts["sources"].as_array_mut().unwrap().push(json!({"kind": "gold", "rows": more}));
    let report = train::run(&spec(&parts), Control::new()).unwrap();
    assert_eq!(report.models.names, ["big", "small"]);
}

#[test]
fn trainers_on_vectors_take_an_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let mut dense = linear_spec(folder.path(), "dense");
    dense["trainer"]["projection"] = json!(8);
    train::run(&spec(&dense), Control::new()).unwrap();
    for (trainer, kind) in [
        (json!({"kind": "mf", "dim": 4, "epochs": 60, "learning_rate": 0.01, "noise": 0.01}), "mf"),
        (json!({"kind": "sw_ranking", "tiers": 2, "store": "f32"}), "sw_ranking"),
    ] {
        let cache = folder.path().join(format!("{kind}.cache"));
        let value = json!({
            "trainer": trainer,
            "sources": [{"kind": "votes", "rows": votes(30)}, {"kind": "judge", "rows": votes(40)}],
            "strong": "big", "weak": "small",
            "encoder": {"path": folder.path().join("dense"), "cache": cache},
            "out": folder.path().join(kind),
        });
        let report = train::run(&spec(&value), Control::new()).unwrap();
        assert_eq!((report.kind, cache.is_file()), (kind, true));
        assert_eq!(report.sources.get("/1/label_kind").unwrap().to_string(), r#""D_judge""#);
        let router = Router::open(folder.path().join(kind)).unwrap();
        let rate = |prompt: &str| router.win_rate(prompt, &CallOptions::new()).unwrap();
        assert!(rate("integral 5") > rate("greet 4"));
        let provenance = Artifact::open(&folder.path().join(kind)).unwrap().manifest().provenance.clone();
        assert_eq!(provenance.get("/sources/0/rows").unwrap().to_string(), "30");
        let mut session = value.clone();
        session["encoder"]["session"] = json!({"sessions": 2});
        let error = train::run(&spec(&session), Control::new()).unwrap_err();
        assert!(error.message().starts_with("sessions has no effect"), "{error}");
        session["encoder"]["session"] = json!({"strong": "big"});
        let error = train::run(&spec(&session), Control::new()).unwrap_err();
        assert!(error.message().starts_with("encoder.session: strong has no effect"), "{error}");
        // A path alone is an encoder, too.
        let mut short = value;
        short["encoder"] = json!(folder.path().join("dense"));
        assert_eq!(spec(&short).encoder, Some(EncoderSource::new(folder.path().join("dense"))));
        short.as_object_mut().unwrap().remove("encoder");
        let error = train::run(&spec(&short), Control::new()).unwrap_err();
        assert!(error.message().starts_with("encoder is missing"), "{error}");
    }
}

#[test]
fn what_contradicts_itself_is_refused_and_the_old_artifact_stays() {
    let folder = tempfile::tempdir().unwrap();
    let good = linear_spec(folder.path(), "a");
    train::run(&spec(&good), Control::new()).unwrap();
    let before = files(&folder.path().join("a"));
    let wrong: [(&str, Change); 14] = [
        ("sources is empty", |s| s["sources"] = json!([])),
        ("sources[0] has neither path nor rows", |s| s["sources"] = json!([{"kind": "gold"}])),
        ("sources[0] has both path and rows", |s| s["sources"][0]["rows"] = json!([])),
        ("encoder has no effect", |s| s["encoder"] = json!("x")),
        ("calibration has both path and prompts", |s| {
            s["calibration"] = json!({"path": "x", "prompts": ["a"]});
        }),
        ("calibration.name has no effect", |s| s["calibration"] = json!({"name": "x"})),
        ("timeout_ms is 0", |s| s["timeout_ms"] = json!(0)),
        ("unknown model \"huge\"", |s| s["strong"] = json!("huge")),
        ("votes have no effect", |s| {
            s["sources"][0] = json!({"kind": "votes", "rows": [
                {"prompt": "p", "model_a": "big", "model_b": "small", "winner": "tie"}]});
        }),
        ("sources[0]: gold, line 1", |s| s["sources"][0] = json!({"kind": "gold", "rows": [{"big": 1}]})),
        ("the date of a calibration", |s| s["calibration"] = json!({"date": "yesterday"})),
        ("on_error has no effect", |s| s["on_error"] = json!("leave_out")),
        ("provenance is no JSON object", |s| s["provenance"] = json!([])),
        ("no such file", |s| s["sources"][0]["path"] = json!("/nowhere/gold.jsonl")),
    ];
    for (said, change) in wrong {
        let mut value = good.clone();
        change(&mut value);
        let error = train::run(&spec(&value), Control::new()).unwrap_err();
        assert!(error.message().to_lowercase().contains(&said.to_lowercase()), "{said}: {error}");
        assert_ne!(error.kind(), ErrorKind::Internal);
    }
    let unread: [(&str, Change); 8] = [
        ("unknown field `fold`", |s| s["trainer"]["fold"] = json!(3)),
        ("unknown variant `forest`", |s| s["trainer"]["kind"] = json!("forest")),
        ("unknown field `seeds`", |s| s["seeds"] = json!(3)),
        ("unknown variant `labels`", |s| s["sources"][0]["kind"] = json!("labels")),
        ("missing field `out`", |s| drop(s.as_object_mut().unwrap().remove("out"))),
        ("missing field `path`", |s| s["encoder"] = json!({})),
        ("unknown field `seed`", |s| s["trainer"]["seed"] = json!(3)),
        ("invalid type", |s| s["seed"] = json!("seven")),
    ];
    for (said, change) in unread {
        let mut value = good.clone();
        change(&mut value);
        let error = value.to_string().parse::<TrainSpec>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(said), "{said}: {error}");
    }
    let token = CancelToken::new();
    token.cancel();
    let error = train::run(&spec(&good), Control::new().cancel(&token)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let mut late = good;
    late["timeout_ms"] = json!(1e-6);
    let error = train::run(&spec(&late), Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    assert_eq!(files(&folder.path().join("a")), before);
}

#[test]
fn trainers_have_names_and_the_defaults_of_their_functions() {
    for name in ["linear", "mf", "sw_ranking"] {
        assert_eq!(Trainer::named(name).unwrap().name(), name);
    }
    assert_eq!(Trainer::named("linear").unwrap(), Trainer::Linear(Box::new(linear::LinearOptions::new())));
    assert_eq!(Trainer::named("sw_ranking").unwrap(), Trainer::SwRanking(SwParameters::default()));
    assert!(Trainer::named("forest").unwrap_err().message().contains("expected one of `linear`"));
    let mut spec = TrainSpec::new(Trainer::named("mf").unwrap(), "x");
    spec.sources = vec![Source::file(Labels::Votes, "v.jsonl"), Source::rows(Labels::Gold, [])];
    assert_eq!(spec.to_string().parse::<TrainSpec>().unwrap(), spec);
}
