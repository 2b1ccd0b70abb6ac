//! Which rows a training as data learns from, and the qualities of scorers that only compare candidates.

use std::path::Path;

use routellm_core::eval::{self, DataSource, EvalSpec, RouterSource, run_training};
use routellm_core::numeric::Rng;
use routellm_core::train::{Control, SplitSource, TrainSpec};
use routellm_core::{CallOptions, Json, Result, Router, train};
use serde_json::{Value, json};

const MODELS: [&str; 4] = ["large", "medium", "small", "tiny"];

/// Four models of falling quality, on hard and on easy prompts; the seed says which answers are right.
fn gold(rows: usize) -> Vec<Value> {
    let mut rng = Rng::new(5);
    (0..rows)
        .map(|i| {
            let hard = i % 2 == 0;
            let mut row = serde_json::Map::new();
            let prompt = if hard { format!("integral of curve {i}") } else { format!("greet person {i}") };
            row.insert("prompt".into(), json!(prompt));
            for (model, (on_hard, on_easy)) in
                MODELS.iter().zip([(0.9, 0.95), (0.6, 0.9), (0.3, 0.8), (0.05, 0.7)])
            {
                let right = rng.uniform() < if hard { on_hard } else { on_easy };
                row.insert((*model).into(), json!(right));
            }
            Value::Object(row)
        })
        .collect()
}

fn run(value: &Value) -> Result<train::TrainReport> {
    train::run(&value.to_string().parse::<TrainSpec>()?, Control::new())
}

fn spec(folder: &Path, trainer: &Value) -> Value {
    json!({
        "trainer": trainer,
        "sources": [{"kind": "gold", "rows": gold(400)}],
        "calibration": {"date": "2026-01-31"},
        "out": folder.join("router"),
    })
}

fn linear() -> Value {
    json!({"kind": "linear", "bits": 10, "lambdas": [1.0], "lexical_scales": [0.1], "folds": 3})
}

/// An artifact whose featurizer gives a few dense dimensions.
fn encoder(folder: &Path) -> Value {
    let mut dense = spec(folder, &linear());
    dense["trainer"]["projection"] = json!(6);
    dense["strong"] = json!("large");
    dense["weak"] = json!("tiny");
    dense["out"] = json!(folder.join("encoder"));
    run(&dense).unwrap();
    json!(folder.join("encoder"))
}

#[test]
fn candidates_are_kept_with_what_is_known_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut value = spec(folder.path(), &linear());
    let votes: Vec<Value> = (0..9)
        .map(|i| json!({"prompt": format!("integral {i}"), "model_a": "large", "model_b": if i < 6 { "tiny" } else { "small" }, "winner": "model_a"}))
        .collect();
    let logs: Vec<Value> = (0..8)
        .map(|i| json!({"prompt": format!("log {i}"), "model": if i < 3 { "medium" } else { "other" }, "quality": 1}))
        .collect();
    value["sources"] = json!([{"kind": "gold", "rows": gold(200)}, {"kind": "log", "rows": logs}]);
    value["candidates"] = json!([
        "large",
        {"name": "small", "price": {"input": 0.2, "output": 0.4, "date": "2026-01-31"}, "capabilities": ["text"]},
        "medium",
    ]);
    value["mean_output_tokens"] = json!(120);
    let report = run(&value).unwrap();
    // The best and the worst of the three.
    assert_eq!((report.models.strong.as_str(), report.models.weak.as_str()), ("large", "small"));
    assert_eq!(report.models.names, ["large", "medium", "small"]);
    assert_eq!((report.left_out_rows.votes, report.left_out_rows.gold, report.left_out_rows.logs), (0, 0, 5));
    let router = Router::open(folder.path().join("router")).unwrap();
    let info = Json::of(&router.info()).unwrap().to_string();
    assert!(info.contains("\"input\":0.2"), "{info}");
    let qualities = router.qualities("integral of curve 4", &CallOptions::new()).unwrap();
    assert!(qualities[0] > qualities[2], "{qualities:?}");
    let text = value.to_string();
    assert_eq!(
        text.parse::<TrainSpec>().unwrap().to_string().parse::<TrainSpec>().unwrap(),
        text.parse().unwrap()
    );

    // Votes of others are left out and counted.
    let mut two = spec(folder.path(), &json!({"kind": "mf", "epochs": 2, "held_out": 0.0}));
    two["encoder"] = encoder(folder.path());
    two["sources"] = json!([{"kind": "votes", "rows": votes}]);
    two["candidates"] = json!(["large", "tiny"]);
    (two["strong"], two["weak"]) = (json!("large"), json!("tiny"));
    let report = run(&two).unwrap();
    assert_eq!((report.models.names.len(), report.left_out_rows.votes), (2, 3));
}

#[test]
fn candidates_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let value = spec(folder.path(), &linear());
    let refused = |change: &dyn Fn(&mut Value), what: &str| {
        let mut value = value.clone();
        change(&mut value);
        let error = run(&value).unwrap_err();
        assert!(error.message().contains(what), "{error}");
        assert!(!folder.path().join("router/router.json").exists());
    };
    refused(&|value| value["candidates"] = json!(["large", "Small"]), "did you mean \"small\"");
    refused(&|value| value["candidates"] = json!(["large", {"nam": "x"}]), "unknown field `nam`");
    refused(
        &|value| {
            value["candidates"] = json!(["large", "small"]);
            value["models"] = json!(["large"]);
        },
        "models has no effect",
    );
    refused(
        &|value| {
            value["candidates"] = json!([{"name": "large", "price": {"input": -1, "output": 0}}, "small"]);
        },
        "price.input is -1",
    );
    refused(
        &|value| {
            value["candidates"] = json!(["large", "small"]);
            value["mean_output_tokens"] = json!(-3);
        },
        "mean_output_tokens is -3",
    );
    refused(&|value| value["split"] = json!(1.5), "share is 1.5");
    refused(&|value| value["split"] = json!({"share": 0.2, "sed": 1}), "unknown field `sed`");
    refused(&|value| value["split"] = json!("a fifth"), "split: a share, or an object");
}

#[test]
fn a_split_holds_prompts_out_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut value = spec(folder.path(), &linear());
    (value["strong"], value["weak"]) = (json!("large"), json!("tiny"));
    value["split"] = json!({"share": 0.25, "seed": 3});
    let report = run(&value).unwrap();
    let held_out = report.held_out.unwrap();
    assert_eq!((held_out.share, held_out.seed), (0.25, 3));
    assert!((60..140).contains(&held_out.rows.gold), "{held_out:?}");
    assert_eq!(report.calibration_prompts as usize, 400 - held_out.rows.gold);
    // It is what the rows alone would have made, and the artifact says so.
    let by = routellm_core::preference::Split::new(0.25, 3).unwrap();
    let mut rows = gold(400);
    rows.retain(|row| !by.holds_out(row["prompt"].as_str().unwrap()));
    let mut alone = value.clone();
    alone["sources"] = json!([{"kind": "gold", "rows": rows}]);
    alone["out"] = json!(folder.path().join("alone"));
    alone.as_object_mut().unwrap().remove("split");
    assert!(run(&alone).unwrap().held_out.is_none());
    let weights = |name: &str| {
        let manifest = std::fs::read_to_string(folder.path().join(name).join("router.json")).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        (manifest["files"].clone(), manifest["provenance"]["split"].clone())
    };
    let ((files, split), (of_alone, none)) = (weights("router"), weights("alone"));
    assert_eq!((files, split), (of_alone, json!({"share": 0.25, "seed": 3})));
    assert!(none.is_null());
    value["split"] = json!(0.25);
    assert_eq!(run(&value).unwrap().held_out.unwrap().seed, 0);
}

#[test]
fn held_out_rows_are_evaluated_as_a_report_of_their_own_would() {
    let folder = tempfile::tempdir().unwrap();
    let mut value = spec(folder.path(), &linear());
    (value["strong"], value["weak"]) = (json!("large"), json!("tiny"));
    (value["split"], value["evaluation"]) = (json!({"share": 0.25, "seed": 3}), json!({"draws": 50}));
    let train = |value: &Value| run_training(&value.to_string().parse::<TrainSpec>()?, Control::new());
    let report = train(&value).unwrap();
    assert_eq!(report.not_evaluated, Vec::<String>::new());
    let evaluation = report.evaluation.unwrap();
    let table = &evaluation.tables[0];
    assert_eq!(table.rows, report.training.held_out.unwrap().rows.gold);
    assert_eq!((table.name.as_str(), evaluation.draws), ("source 1, held out", 50));
    assert!(table.results[0].pair.as_ref().unwrap().router.apgr.unwrap().value > 0.6);
    // The same rows, asked for by whoever evaluates.
    let mut alone = EvalSpec::new([RouterSource::new(folder.path().join("router"))]);
    let mut data = DataSource::rows(gold(400).into_iter().map(|row| Json::of(&row).unwrap()));
    data.held_out = Some(SplitSource::new(0.25, 3));
    (alone.draws, alone.data) = (50, vec![data]);
    let again = eval::run(&alone, Control::new()).unwrap();
    assert_eq!(again.tables[0].results[0].pair, table.results[0].pair);
    // Without it there is none.
    value.as_object_mut().unwrap().remove("evaluation");
    assert_eq!(train(&value).unwrap().evaluation, None);
    let refused = |change: &dyn Fn(&mut Value), why: &str| {
        let mut wrong = value.clone();
        change(&mut wrong);
        let error = train(&wrong).unwrap_err();
        assert!(error.message().contains(why), "{error}");
    };
    refused(&|value| value["evaluation"] = json!({"routers": []}), "evaluation.routers has no effect");
    refused(&|value| value["evaluation"] = json!({"draw": 1}), "unknown field `draw`");
    refused(&|value| value["evaluation"] = json!(7), "evaluation is no JSON object");
    let without = |value: &mut Value| {
        value.as_object_mut().unwrap().remove("split");
        value["evaluation"] = json!({});
    };
    refused(&without, "evaluation has no effect without split");
    let mut data = DataSource::rows(gold(3).into_iter().map(|row| Json::of(&row).unwrap()));
    data.rename = [("large".to_owned(), "big".to_owned())].into();
    (alone.data, alone.strong, alone.weak) = (vec![data.clone()], Some("big".into()), Some("tiny".into()));
    assert_eq!(eval::run(&alone, Control::new()).unwrap().tables[0].strong, "big");
    data.held_out = Some(SplitSource::new(1e-9, 0));
    alone.data = vec![data];
    let error = eval::run(&alone, Control::new()).unwrap_err();
    assert!(error.message().contains("holds out none of its 3 rows"), "{error}");
}

#[test]
fn sources_without_the_pair_are_not_evaluated_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut value = spec(folder.path(), &json!({"kind": "knn"}));
    (value["strong"], value["weak"]) = (json!("large"), json!("tiny"));
    (value["split"], value["evaluation"]) = (json!(0.25), json!({"draws": 0, "robustness": 0}));
    let vote = |i: usize| json!({"prompt": format!("Say {i}"), "model_a": "small", "model_b": "medium", "winner": "tie"});
    let votes: Vec<Value> = (0..60).map(vote).collect();
    value["sources"].as_array_mut().unwrap().push(json!({"kind": "votes", "rows": votes}));
    let spec: TrainSpec = value.to_string().parse().unwrap();
    let report = run_training(&spec, Control::new()).unwrap();
    assert_eq!(report.evaluation.unwrap().tables.len(), 1);
    assert!(report.not_evaluated[0].starts_with("source 2, held out: "), "{:?}", report.not_evaluated);
}

#[test]
fn rankings_and_factorizations_have_qualities_of_gold_rows() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = encoder(folder.path());
    for trainer in [
        json!({"kind": "mf", "dim": 8, "epochs": 30, "learning_rate": 0.01, "noise": 0.01, "held_out": 0.2}),
        json!({"kind": "sw_ranking", "tiers": 4, "store": "f32"}),
    ] {
        let mut value = spec(folder.path(), &trainer);
        value["encoder"] = encoder.clone();
        (value["strong"], value["weak"]) = (json!("large"), json!("tiny"));
        run(&value).unwrap();
        let router = Router::open(folder.path().join("router")).unwrap();
        let manifest = std::fs::read_to_string(folder.path().join("router/router.json")).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        assert_eq!(manifest["qualities"]["of"], "win_rate", "{trainer}");
        let rows = manifest["qualities"]["rows"].as_u64().unwrap();
        assert!((40..140).contains(&rows), "{rows} rows");
        // The mean quality of each model is what its answers are worth, not how often it wins.
        let prompts: Vec<String> =
            gold(400).iter().map(|row| row["prompt"].as_str().unwrap().to_owned()).collect();
        let mut means = [0.0; 4];
        for prompt in &prompts {
            let qualities = router.qualities(prompt.as_str(), &CallOptions::new()).unwrap();
            for (mean, quality) in means.iter_mut().zip(qualities) {
                *mean += quality / prompts.len() as f64;
            }
        }
        let rows = gold(400);
        let right = |model: &str| rows.iter().filter(|row| row[model] == true).count() as f64 / 400.0;
        for (mean, truth) in means.into_iter().zip(MODELS.map(right)) {
            assert!((mean - truth).abs() < 0.1, "{trainer}: {means:?}");
        }
        // From votes alone a quality is a win rate.
        let votes: Vec<Value> = gold(200)
            .iter()
            .map(|row| {
                let better = row["large"] == true && row["tiny"] == false;
                json!({"prompt": row["prompt"], "model_a": "large", "model_b": "tiny", "winner": if better { "model_a" } else { "model_b" }})
            })
            .collect();
        value["sources"] = json!([{"kind": "votes", "rows": votes}]);
        if trainer["kind"] == "sw_ranking" {
            value["trainer"]["tiers"] = json!(2);
        }
        run(&value).unwrap();
        let manifest = std::fs::read_to_string(folder.path().join("router/router.json")).unwrap();
        assert!(serde_json::from_str::<Value>(&manifest).unwrap()["qualities"].is_null(), "{trainer}");
    }
}
