//! Evaluations as data.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use routellm_core::eval::{
    self, BenchmarkName, DataSource, EvalReport, EvalSpec, PairChoice, ReadOptions, ResultReport, Role,
    RouterSource, Table, TableKind,
};
use routellm_core::train::{self, EncoderSource, Labels, Source, TrainSpec, Trainer};
use routellm_core::{CancelToken, Control, ErrorKind, Json};
use serde_json::{Value, json};

use crate::support::{self, shared};

/// Hard prompts are those with a proof in them: the strong model solves all, the weak one the easy ones.
fn gold(i: usize) -> Value {
    let hard = i.is_multiple_of(3);
    let prompt =
        if hard { format!("Prove that {i} is no square") } else { format!("Greet person number {i}") };
    json!({"prompt": prompt, "big": true, "small": !hard, "task": if hard { "proof" } else { "chat" }})
}

fn rows(make: impl Fn(usize) -> Value, count: usize) -> Vec<Json> {
    (0..count).map(|i| Json::of(&make(i)).unwrap()).collect()
}

fn spec(data: DataSource) -> EvalSpec {
    let mut spec = EvalSpec::new([RouterSource::new("default")]);
    spec.data = vec![data];
    (spec.draws, spec.robustness) = (50, 0);
    spec
}

fn run(spec: &EvalSpec) -> EvalReport {
    eval::run(spec, Control::new()).unwrap()
}

fn names(report: &EvalReport, role: Role) -> Vec<&str> {
    let of_role = report.tables[0].results.iter().filter(|result| result.role == role);
    of_role.map(|result| result.name.as_str()).collect()
}

fn apgr(result: &ResultReport) -> f64 {
    result.pair.as_ref().unwrap().router.apgr.unwrap().value
}

#[test]
fn a_report_holds_routers_baselines_slices_and_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("seen.jsonl");
    fs::write(&list, format!("{}\n", json!({"eval_prompt": "Greet person number 1"}))).unwrap();
    let mut data = DataSource::rows(rows(gold, 60));
    data.contaminated = Some(list);
    let mut spec = spec(data);
    spec.baselines =
        serde_json::from_value(json!([{"kind": "gold", "rows": (60..150).map(gold).collect::<Vec<_>>()}]))
            .unwrap();
    let report = run(&spec);
    let table = &report.tables[0];
    assert_eq!((table.rows, table.prompts, table.contaminated, table.missing), (59, 59, 1, 0));
    assert_eq!((table.strong.as_str(), table.weak.as_str()), ("big", "small"));
    assert_eq!(table.pair_choice, PairChoice::TwoModels);
    assert_eq!(names(&report, Role::Router), ["default"]);
    let baselines = ["random", "length", "oracle", "best single model", "linear", "knn"];
    assert_eq!(names(&report, Role::Baseline), baselines);
    assert_eq!(table.baseline_overlap, Some(0));
    // The oracle is as good as can be: all of the gap by the third that needs it.
    let share = 20.0 / 59.0;
    assert!((apgr(table.result("oracle").unwrap()) - (1.0 - share / 2.0)).abs() < 1e-9);
    assert!(apgr(table.result("linear").unwrap()) > 0.8);
    let single = table.result("best single model").unwrap().single.as_ref().unwrap();
    assert_eq!((single.name.as_str(), single.quality, single.cost_per_1000), ("big", Some(1.0), None));
    let columns: Vec<&str> = table.slices.iter().map(|slice| slice.column.as_str()).collect();
    assert_eq!(columns, ["length", "code", "task"]);
    let task = &table.slices[2].values;
    assert_eq!((task[0].value.as_str(), task[0].rows, task[0].weak_quality), ("chat", 39, Some(1.0)));
    // Within a slice in which both models are equally good there is no gap, and the report says so.
    assert!(task[0].results[0].apgr.is_none() && task[0].results[0].why.is_some());
    let empty = &table.slices[0].values[3];
    assert_eq!((empty.value.as_str(), empty.rows, empty.strong_quality), ("4000 and more", 0, None));
    assert_eq!(empty.results[0].why.as_deref(), Some("no row has this value"));
    // Texts only where they were asked for.
    let wrong = &table.results[0].most_wrong;
    assert!(!wrong.is_empty() && wrong.iter().all(|row| row.prompt.is_none()));
    assert!(wrong.windows(2).all(|pair| pair[0].wrong >= pair[1].wrong));
    spec.with_prompts = true;
    let told = run(&spec);
    assert!(told.tables[0].results[0].most_wrong.iter().all(|row| row.prompt.is_some()));
    let thresholds = &table.results[0].thresholds;
    assert_eq!((thresholds[0].strong_share, thresholds.last().unwrap().strong_share), (0.0, 1.0));
    assert!(thresholds.windows(2).all(|pair| pair[0].threshold > pair[1].threshold));
    assert!(table.results[0].at_default.is_some());
    // What is private stays in the data.
    assert!(!serde_json::to_string(&report).unwrap().contains("Prove that"));
}

#[test]
fn the_same_evaluation_says_the_same_with_a_cache_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let mut plain = spec(DataSource::rows(rows(gold, 40)));
    plain.robustness = 15;
    let mut cached = plain.clone();
    cached.cache = Some(folder.path().join("scores"));
    let mut stages = [Vec::new(), Vec::new()];
    let [first, second] = stages.each_mut().map(|stages| {
        let control = Control::new().progress(|step| {
            stages.push(step.stage.to_owned());
            ControlFlow::Continue(())
        });
        eval::run(&cached, control).unwrap()
    });
    assert_eq!(first, run(&plain));
    assert_eq!(first, second);
    let scored = |stages: &[String]| stages.iter().any(|stage| stage == "scoring default");
    assert!(scored(&stages[0]) && !scored(&stages[1]), "{stages:?}");
    let robustness = first.tables[0].results[0].robustness.as_ref().unwrap();
    assert_eq!((robustness.rows, robustness.clothes.len(), robustness.attacks.len()), (15, 16, 9));
    let fifth = robustness.strong_share;
    assert!(
        fifth > 0.0 && robustness.attacks.iter().all(|a| (a.raised - (a.strong_share - fifth)).abs() < 1e-12)
    );
    // What it says of clothes agrees with itself.
    for clothes in &robustness.clothes {
        assert!(clothes.changed > 0.0 || clothes.moved == 0.0, "{clothes:?}");
    }
}

#[test]
fn routers_on_one_encoder_share_its_embeddings() {
    support::needs_onnxruntime();
    let folder = tempfile::tempdir().unwrap();
    let encoder = support::root().join("artifacts/mf-minilm");
    let mut training = TrainSpec::new(Trainer::named("knn").unwrap(), folder.path().join("knn"));
    training.sources = vec![Source::rows(Labels::Gold, rows(gold, 20))];
    training.encoder = Some(EncoderSource::new(&encoder));
    train::run(&training, Control::new()).unwrap();
    let mut plain = spec(DataSource::rows(rows(gold, 12)));
    (plain.robustness, plain.strong, plain.weak) = (0, Some("big".into()), Some("small".into()));
    let of = |paths: &[&Path]| {
        let mut spec = plain.clone();
        spec.routers = paths.iter().map(|path| RouterSource::new(*path)).collect();
        spec.cache = Some(folder.path().join("cache"));
        let mut stages = Vec::new();
        let control = Control::new().progress(|step| {
            stages.push(step.stage.to_owned());
            ControlFlow::Continue(())
        });
        (eval::run(&spec, control).unwrap(), stages)
    };
    let knn = folder.path().join("knn");
    let (_, stages) = of(&[&encoder]);
    assert!(stages.iter().any(|stage| stage == "embedding for mf-minilm"), "{stages:?}");
    let (report, stages) = of(&[&knn]);
    assert!(!stages.iter().any(|stage| stage.starts_with("embedding")), "{stages:?}");
    assert!(stages.iter().any(|stage| stage == "scoring knn"), "{stages:?}");
    let mut without = plain.clone();
    without.routers = vec![RouterSource::new(&knn)];
    assert_eq!(report.tables[0].results[0], run(&without).tables[0].results[0]);
}

#[test]
fn every_form_of_rows_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let read = |path: &Path| Table::read(path, &ReadOptions::new()).unwrap();
    let costs = "sample_id,prompt,eval_name,b,a,a|total_cost,b|total_cost,oracle_model_to_route_to\n\
                 1,p,x,1.0,0,0.001,0.01,b\n2,q,y,0.5,,0.002,,b\n3,p,x,1,1,0.001,0.02,no_model_correct\n";
    let table = read(&write("costs.csv", costs));
    assert_eq!(
        (table.name.as_str(), table.kind, &table.models[..]),
        ("costs", TableKind::Gold, &["a".to_owned(), "b".into()][..])
    );
    assert_eq!((table.quality_of(0, 1), table.quality_of(1, 1), table.cost_of(2, 1)), (1.0, 0.5, 0.02));
    assert!(table.quality_of(1, 0).is_nan() && table.cost_of(1, 1).is_nan());
    assert_eq!(table.groups, [0, 1, 0]);
    assert_eq!(table.columns.keys().collect::<Vec<_>>(), ["eval_name", "oracle_model_to_route_to"]);
    let pair = table.graded(1, 0).unwrap();
    assert_eq!((&pair.rows[..], pair.missing), (&[0, 2][..], 1));

    let votes = [
        json!({"prompt": "p", "model_a": "a", "model_b": "b", "winner": "model_a", "lang": "en"}),
        json!({"prompt": "q", "model_a": "b", "model_b": "a", "winner": "tie", "lang": "de"}),
        json!({"prompt": "r", "model_a": "b", "model_b": "c", "winner": null}),
        json!({"prompt": "s", "model_a": "c", "model_b": "a", "p_model_a": 0.25}),
    ];
    let lines = |rows: &[Value]| rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat();
    let table = read(&write("votes.jsonl", &lines(&votes)));
    assert_eq!((table.kind, table.models.join(" ")), (TableKind::Votes, "a b c".to_owned()));
    assert_eq!(table.dropped.get("the winner is not known"), Some(&1));
    let graded = table.graded(0, 1).unwrap();
    let pairs: Vec<(f64, f64)> = graded.graded.iter().map(|g| (g.strong, g.weak)).collect();
    assert_eq!((pairs, graded.missing), (vec![(1.0, 0.0), (0.5, 0.5)], 1));
    assert_eq!((table.quality_of(2, 2), table.quality_of(2, 0)), (0.25, 0.75));
    assert_eq!(table.columns["lang"], ["en", "de", ""]);

    // Logs of both models to one prompt are a row that knows both.
    let logs = [
        json!({"prompt": "p", "model": "a", "quality": 1}),
        json!({"prompt": "p", "model": "b", "quality": 0}),
        json!({"prompt": "q", "model": "b", "score": 0.5}),
    ];
    let table = read(&write("logs.jsonl", &lines(&logs)));
    assert_eq!((table.kind, table.prompts.len()), (TableKind::Log, 2));
    assert_eq!((table.graded(0, 1).unwrap().rows, table.graded(0, 1).unwrap().missing), (vec![0], 1));

    for (rows, what) in [
        (json!([{"prompt": "p", "words": "two"}]), "no column holds the scores of a model"),
        (json!([{"prompt": "p", "a": 1}, {"a": 1}]), "line 2"),
        (json!([{"prompt": "p", "a": 1, "a|cost": -1}]), "a cost in USD of at least 0"),
        (json!([]), "there are no rows"),
    ] {
        let rows: Vec<Json> = serde_json::from_value(rows).unwrap();
        let error = Table::from_rows(&rows, &ReadOptions::new()).unwrap_err();
        assert!(error.message().contains(what), "{error}");
    }
}

#[test]
fn logs_of_one_model_each_are_weighted_by_their_propensities() {
    // Hard prompts went to the strong model nine times of ten, easy ones once: plain means of the logs would say that the
    // strong model is much worse than it is.
    let log = |i: usize| {
        let hard = i.is_multiple_of(2);
        let strong = (i / 2) % 10 < if hard { 9 } else { 1 };
        let propensity = if strong == hard { 0.9 } else { 0.1 };
        let quality = if strong {
            0.9
        } else if hard {
            0.1
        } else {
            0.9
        };
        json!({
            "prompt": format!("{} {i}", if hard { "Prove" } else { "Greet" }), "propensity": propensity,
            "model": if strong { "big" } else { "small" }, "quality": quality,
        })
    };
    let mut evaluation = spec(DataSource::rows(rows(log, 400)));
    let table = &run(&evaluation).tables[0];
    assert!(table.weighted && table.rows == 400 && table.results[0].most_wrong.is_empty());
    let points = &table.results[0].thresholds;
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    close(points[0].quality, 0.5);
    close(points.last().unwrap().quality, 0.9);
    // Without propensities nothing is known, and nothing is said.
    let bare = |i: usize| {
        let mut row = log(i);
        row.as_object_mut().unwrap().remove("propensity");
        row
    };
    evaluation.data = vec![DataSource::rows(rows(bare, 400))];
    let error = eval::run(&evaluation, Control::new()).unwrap_err();
    assert!(error.message().contains("add propensity, in (0, 1], to every row"), "{error}");
}

#[test]
fn what_contradicts_itself_is_refused_before_any_work() {
    let good = json!({"routers": ["default"], "data": [{"rows": (0..9).map(gold).collect::<Vec<_>>()}], "robustness": 0});
    for (name, value, what) in [
        ("routers", json!([]), "routers is empty"),
        ("routers", json!(["default", {"path": "default"}]), "two routers are called \"default\""),
        ("routers", json!(["no/such/folder"]), "router folder: "),
        ("routers", json!([{"path": "default", "option": 1}]), "unknown field `option`"),
        ("data", json!([]), "nothing to evaluate on"),
        ("data", json!([{}]), "data[0] has neither path nor rows"),
        ("data", json!([{"rows": [{"prompt": "p", "a": 1}]}]), "a pair needs two"),
        ("benchmarks", json!(["mmlu"]), "folder is missing"),
        ("folder", json!("x"), "folder has no effect"),
        ("strong", json!("big"), "pass both strong and weak"),
        ("costs", json!({"big": -1}), "USD per 1,000 requests"),
        ("slices", json!(["tasks"]), "no slice \"tasks\"; there are: length, code, script, task"),
        ("confidence", json!(2), "confidence is 2"),
        ("definition", json!("mine"), "expected `exact` or `reference`"),
        ("timeout_ms", json!(0), "timeout_ms is 0"),
        ("draw", json!(1), "unknown field `draw`"),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        let done = bad.to_string().parse::<EvalSpec>().and_then(|spec| eval::run(&spec, Control::new()));
        let error = done.unwrap_err();
        assert!(error.message().contains(what), "{name}: {error}");
    }
    let good: EvalSpec = good.to_string().parse().unwrap();
    assert_eq!(good.to_string().parse::<EvalSpec>().unwrap(), good);
    let token = CancelToken::new();
    token.cancel();
    let error = eval::run(&good, Control::new().cancel(&token)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let stopped = Control::new().progress(|_| ControlFlow::Break(()));
    assert_eq!(eval::run(&good, stopped).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn the_benchmarks_of_the_paper_are_read_from_their_folder() {
    let evals = shared("data/routellm-evals");
    let mmlu = BenchmarkName::named("mmlu").unwrap().read(&evals).unwrap();
    assert_eq!(mmlu.prompts.len() + mmlu.contaminated, 4123);
    assert_eq!(mmlu.models.join(" "), "gpt-4-1106-preview mistralai/Mixtral-8x7B-Instruct-v0.1");
    assert_eq!(mmlu.columns["subject"].iter().collect::<std::collections::HashSet<_>>().len(), 57);
    let bench = BenchmarkName::named("MT_Bench").unwrap().read(&evals).unwrap();
    assert_eq!(bench.prompts.len(), 2 * bench.groups.iter().collect::<std::collections::HashSet<_>>().len());
    let mut spec = EvalSpec::new([RouterSource::new("default")]);
    (spec.benchmarks, spec.folder) = (vec!["gsm8k".into(), "mt-bench".into()], Some(evals));
    (spec.draws, spec.robustness) = (20, 0);
    let report = run(&spec);
    assert_eq!(report.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["gsm8k", "mt-bench"]);
    // The README's figures.
    let table = &report.tables[0];
    assert_eq!(format!("{:.3}", apgr(table.result("default").unwrap())), "0.598");
    assert_eq!(format!("{:.3}", apgr(table.result("random").unwrap())), "0.492");
    assert_eq!(format!("{:.3}", apgr(table.result("length").unwrap())), "0.566");
}

#[test]
fn tables_of_many_models_have_a_pair_and_costs() {
    let nway = shared("data/nway");
    let mut spec = spec(DataSource::file(nway.join("routerbench_sample.csv")));
    let report = run(&spec);
    let table = &report.tables[0];
    assert_eq!((table.rows, table.models.len(), table.complete_rows), (365, 11, Some(365)));
    assert_eq!(table.pair_choice, PairChoice::BestAndCheapest);
    let at_all = table.results[0].thresholds.last().unwrap();
    let strong = table.models.iter().find(|model| model.name == table.strong).unwrap();
    assert!((at_all.cost_per_1000.unwrap() - strong.cost_per_1000.unwrap()).abs() < 1e-9);
    let length: usize = table.slices[0].values.iter().map(|value| value.rows).sum();
    assert_eq!((table.slices[0].column.as_str(), length), ("length", 365));
    spec.data = vec![DataSource::file(nway.join("llmrouter_tasks.jsonl"))];
    let (strong, weak) = ("llama-3.1-nemotron-51b-instruct", "mistral-7b-instruct-v0.3");
    (spec.strong, spec.weak, spec.draws) = (Some(strong.into()), Some(weak.into()), 0);
    let report = run(&spec);
    let table = &report.tables[0];
    assert_eq!((table.rows, table.pair_choice), (3082, PairChoice::Given));
    assert_eq!(table.slices.iter().find(|slice| slice.column == "task").unwrap().values.len(), 14);
}
