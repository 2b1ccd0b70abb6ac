//! Calibrating routers: forms of samples, targets, what is kept and where, notices of thresholds.

use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use routellm_core::artifact::Artifact;
use routellm_core::calibrate::{CalibrateSpec, CalibrationFile, NOTHING};
use routellm_core::candidates::{Candidate, Price};
use routellm_core::{
    CallOptions, CancelToken, Control, ErrorKind, Json, Mode, OpenOptions, Policy, Router, Side,
};

use crate::support::{default_router, root};

const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mixtral-8x7b-instruct-v0.1";

/// Different prompts of rising length.
fn prompts(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| format!("Question {i}: what is {} plus {}? {}", i * 7, i * i, "Explain. ".repeat(i % 9)))
        .collect()
}

fn calibrate(router: &Router, spec: &CalibrateSpec) -> (Router, routellm_core::calibrate::CalibrationReport) {
    router.calibrate(spec, Control::new()).unwrap()
}

fn error(router: &Router, spec: &CalibrateSpec) -> String {
    router.calibrate(spec, Control::new()).unwrap_err().to_string()
}

fn priced() -> Router {
    let candidates = [
        Candidate::new(STRONG).price(Price::new(10.0, 30.0)),
        Candidate::new(WEAK).price(Price::new(0.6, 0.6)),
    ];
    OpenOptions::new().candidates(candidates).open_default().unwrap()
}

#[test]
fn a_new_router_has_the_share_and_the_old_one_stays() {
    let router = default_router();
    let before = router.threshold(Policy::Default).unwrap();
    let sample = prompts(400);
    let spec = CalibrateSpec::new().prompts(sample.clone()).strong_share(0.2).date("2026-01-31".into());
    let (calibrated, report) = calibrate(&router, &spec);
    assert_eq!(router.threshold(Policy::Default).unwrap(), before);
    assert!(router.calibration_report().is_none());
    let decisions = calibrated.route_batch(&sample, &CallOptions::new()).unwrap();
    let strong = decisions.iter().filter(|decision| decision.side == Side::Strong).count();
    assert_eq!(strong as f64 / 400.0, report.strong_share);
    assert!((report.strong_share - 0.2).abs() < 0.01 && report.threshold == Some(decisions[0].threshold));
    assert!(report.confidence_interval.contains(0.2) && report.prediction_interval.contains(0.2));
    assert_eq!((report.further_requests, report.sample.count), (400, 400));
    // The same bits again, and whatever the number of threads.
    let (_, again) = calibrate(&router, &spec);
    assert_eq!(again, report);
    let told = calibrated.calibration_report().unwrap();
    assert_eq!(told.get("/strong_share").unwrap().read::<f64>().unwrap(), report.strong_share);
    let info = calibrated.info().calibration.as_ref().unwrap();
    assert_eq!((info.count, info.date.as_deref()), (400, Some("2026-01-31")));
    assert_eq!(calibrated.share(0.2).unwrap(), (report.threshold.unwrap(), report.strong_share));
}

#[test]
fn every_form_of_a_sample_gives_one_calibration() {
    let router = default_router();
    let sample = prompts(60);
    let rates = router.win_rates(&sample, &CallOptions::new()).unwrap();
    let json = |text: String| text.parse::<Json>().unwrap();
    let chats: Vec<Json> = sample
        .iter()
        .map(|text| {
            json(
                serde_json::json!([{"role": "system", "content": "x"}, {"role": "user", "content": text}])
                    .to_string(),
            )
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, line: &dyn Fn(usize) -> String| {
        let path = folder.path().join(name);
        let lines: Vec<String> = (0..sample.len()).map(line).collect();
        fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let messages = |i: usize| serde_json::json!([{"role": "user", "content": sample[i]}]);
    let bare = CalibrateSpec::new().strong_share(0.3);
    let specs = [
        bare.clone().prompts(sample.clone()),
        bare.clone().chats(chats),
        bare.clone().win_rates(rates.clone()),
        bare.clone().path(write("prompts.jsonl", &|i| serde_json::json!({"prompt": sample[i]}).to_string())),
        bare.clone().path(write("log.jsonl", &|i| {
            serde_json::json!({"model": "auto", "messages": messages(i)}).to_string()
        })),
        bare.clone().path(write("batch.jsonl", &|i| {
            serde_json::json!({"custom_id": "x", "body": {"model": "auto", "messages": messages(i)}})
                .to_string()
        })),
        bare.clone().path(write("rates.jsonl", &|i| format!("{{\"win_rate\": {:?}}}", rates[i]))),
        bare.clone().path(write("rates.csv", &|i| {
            format!("{}{:?}", if i == 0 { "win_rate\n" } else { "" }, rates[i])
        })),
        bare.clone()
            .path(write("named.jsonl", &|i| serde_json::json!({"question": sample[i]}).to_string()))
            .columns([("prompt".to_owned(), "question".to_owned())].into()),
        bare.clone().rows(
            (0..sample.len()).map(|i| json(serde_json::json!({"prompt": sample[i]}).to_string())).collect(),
        ),
    ];
    for spec in &specs {
        let (_, report) = calibrate(&router, spec);
        let (_, first) = calibrate(&router, &specs[0]);
        assert_eq!(
            (report.threshold, report.strong_share),
            (first.threshold, first.strong_share),
            "{spec:?}"
        );
    }
    let texts = CalibrateSpec::new().strong_share(0.3).prompts(sample.clone());
    let (_, report) = calibrate(&router, &texts);
    assert!(
        report.slices.iter().any(|slice| slice.by == "length")
            && report.slices.iter().any(|slice| slice.by == "code")
    );
    assert_eq!(
        report.slices.iter().filter(|slice| slice.by == "length").map(|slice| slice.count).sum::<usize>(),
        60
    );
}

#[test]
fn embeddings_are_a_sample_too() {
    let router = Router::open(root().join("tests/conformance/sw-lopsided")).unwrap();
    let rows: Vec<Vec<f32>> =
        (0..40_u16).map(|i| (0..8_u16).map(|k| f32::from((i * 7 + k * 3) % 11) - 4.5).collect()).collect();
    let (calibrated, report) =
        calibrate(&router, &CalibrateSpec::new().embeddings(rows.clone()).strong_share(0.5));
    let strong = rows
        .iter()
        .filter(|row| calibrated.route(*row, &CallOptions::new()).unwrap().side == Side::Strong)
        .count();
    assert_eq!(strong as f64 / 40.0, report.strong_share);
}

#[test]
fn costs_and_labels_are_aimed_at() {
    let router = priced();
    let sample = prompts(300);
    let rates = router.win_rates(&sample, &CallOptions::new()).unwrap();
    let middle = {
        let mut sorted = rates.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[150]
    };
    let spec = CalibrateSpec::new().prompts(sample.clone());
    let (_, all) = calibrate(&router, &spec.clone().strong_share(1.0));
    let (strong, weak) = (all.cost_of_strong.unwrap(), all.cost_of_weak.unwrap());
    assert_eq!(all.expected_cost, Some(strong));
    assert_eq!((all.prediction_interval.low, all.prediction_interval.high), (1.0, 1.0));
    let usd = f64::midpoint(strong, weak);
    let (calibrated, report) = calibrate(&router, &spec.clone().cost(usd));
    assert!(report.expected_cost.unwrap() <= usd && report.expected_cost.unwrap() > usd * 0.97);
    let decisions = calibrated.route_batch(&sample, &CallOptions::new()).unwrap();
    let spent: f64 = decisions.iter().map(|decision| decision.expected_cost.unwrap()).sum();
    assert!((spent / 300.0 * 1000.0 - report.expected_cost.unwrap()).abs() < 1e-9);
    assert!(error(&router, &spec.clone().cost(weak / 2.0)).contains("at least"));

    // The strong model is right everywhere, the weak one below the middle of the win rates.
    let weak_quality: Vec<f64> = rates.iter().map(|rate| f64::from(u8::from(*rate < middle))).collect();
    let labelled = spec.clone().strong_quality(vec![1.0; 300]).weak_quality(weak_quality);
    let (_, report) = calibrate(&router, &labelled.clone().quality(0.75));
    let quality = report.quality.unwrap();
    assert!(
        (report.strong_share - 0.25).abs() < 0.01
            && quality.mean >= 0.75
            && quality.interval.contains(quality.mean)
    );
    let (_, report) = calibrate(&router, &labelled.clone().pgr(0.5));
    assert!((report.quality.unwrap().pgr.unwrap() - 0.5).abs() < 0.01);
    let (_, report) = calibrate(&router, &labelled.clone().p_success(0.9));
    let quality = report.quality.unwrap();
    assert!(quality.p_success.unwrap() >= 0.9 && (quality.mean - 0.9).abs() < 0.1, "{quality:?}");
    assert!(error(&router, &spec.clone().pgr(0.5)).contains("needs labels"));
    assert!(error(&default_router(), &spec.cost(1.0)).contains("prices"));

    // From the columns of rows, with a slice.
    let rows = (0..300)
        .map(|i| {
            let row = serde_json::json!({"prompt": sample[i], "task": if i % 2 == 0 { "even" } else { "odd" }, STRONG: true,
                WEAK: rates[i] < middle});
            row.to_string().parse().unwrap()
        })
        .collect();
    let of_rows = CalibrateSpec::new().rows(rows).quality(0.75).slice_by(vec!["task".into()]);
    let (_, report) = calibrate(&router, &of_rows);
    assert!((report.strong_share - 0.25).abs() < 0.01);
    let tasks: Vec<_> = report.slices.iter().filter(|slice| slice.by == "task").collect();
    assert_eq!(
        tasks.iter().map(|slice| (slice.value.as_str(), slice.count)).collect::<Vec<_>>(),
        [("even", 150), ("odd", 150)]
    );
}

#[test]
fn a_calibration_is_kept_in_a_file_and_with_the_artifact() {
    let router = default_router();
    let spec = CalibrateSpec::new().prompts(prompts(250)).strong_share(0.1);
    let (calibrated, report) = calibrate(&router, &spec);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calibration.json");
    calibrated.save_calibration(&file).unwrap();
    let kept = CalibrationFile::read(&file).unwrap();
    let opened = OpenOptions::new().calibration(kept.clone()).open_default().unwrap();
    assert_eq!(opened.threshold(Policy::Default).unwrap(), report.threshold.unwrap());
    assert_eq!(opened.calibration_report(), calibrated.calibration_report());
    // By name, as other languages pass it.
    let mut options = OpenOptions::new();
    options.set_json(serde_json::json!({"calibration": file}).to_string().as_bytes()).unwrap();
    assert_eq!(
        options.open_default().unwrap().threshold(Policy::Default).unwrap(),
        report.threshold.unwrap()
    );
    let mut options = OpenOptions::new();
    options
        .set_json(format!("{{\"calibration\": {}}}", fs::read_to_string(&file).unwrap()).as_bytes())
        .unwrap();
    assert_eq!(
        options.open_default().unwrap().threshold(Policy::Default).unwrap(),
        report.threshold.unwrap()
    );
    // Another router refuses it.
    let other = root().join("tests/conformance/sw-lopsided");
    let refused = OpenOptions::new().calibration(kept).open(&other).unwrap_err();
    assert!(
        refused.kind() == ErrorKind::InvalidArgument && refused.message().contains("another router"),
        "{refused}"
    );
    // As an artifact of its own, and there again.
    let out = folder.path().join("mine");
    calibrated.save_calibration(&out).unwrap();
    let saved = Router::open(&out).unwrap();
    assert_eq!(saved.threshold(Policy::Default).unwrap(), report.threshold.unwrap());
    assert_eq!(saved.info().calibration.as_ref().unwrap().count, 250);
    let files = Artifact::open(&out).unwrap().manifest().files.clone();
    let (again, second) = calibrate(&saved, &spec.clone().name("again".into()).strong_share(0.6));
    again.save_calibration(&out).unwrap();
    assert_eq!(Artifact::open(&out).unwrap().manifest().files, files);
    assert_eq!(Router::open(&out).unwrap().threshold(Policy::Default).unwrap(), second.threshold.unwrap());
    // It is the same router by its weights, so that the older file still fits.
    OpenOptions::new().calibration(CalibrationFile::read(&file).unwrap()).open(&out).unwrap();
    assert!(again.save_calibration(&other).unwrap_err().message().contains("another router"));
    assert!(router.save_calibration(&out).unwrap_err().message().contains("calibrate it"));
}

#[test]
fn routers_that_share_weights_close_one_by_one() {
    let router = default_router();
    let (calibrated, _) = calibrate(&router, &CalibrateSpec::new().prompts(prompts(50)).strong_share(0.5));
    router.close();
    assert!(router.route("hi", &CallOptions::new()).is_err());
    calibrated.route("hi", &CallOptions::new()).unwrap();
    assert_eq!(calibrated.stats().decisions, 1);
}

#[test]
fn samples_that_say_little_are_warned_of() {
    let router = default_router();
    let kinds = |spec: &CalibrateSpec| {
        let (_, report) = calibrate(&router, spec);
        report.warnings.into_iter().map(|warning| warning.kind).collect::<Vec<_>>()
    };
    let small = CalibrateSpec::new().prompts(prompts(30)).strong_share(0.5).date("2001-01-01".into());
    assert!(kinds(&small).contains(&"small_sample") && kinds(&small).contains(&"old_sample"));
    let many: Vec<String> = prompts(40).into_iter().flat_map(|prompt| vec![prompt; 20]).collect();
    let (_, report) = calibrate(&router, &CalibrateSpec::new().prompts(many).strong_share(0.5));
    assert!(report.sample.design_effect > 15.0 && report.sample.groups <= 40);
    let width = report.prediction_interval.high - report.prediction_interval.low;
    assert!(width > 0.3, "40 questions tell little, however often they were asked: {width}");
    let rates: Vec<f64> = (0..500).map(|i| 0.9 + f64::from(i) / 10_000.0).collect();
    assert!(kinds(&CalibrateSpec::new().win_rates(rates).strong_share(0.5)).contains(&"unlike_before"));
    let two: Vec<f64> = (0..500).map(|i| f64::from(i % 2)).collect();
    let found = kinds(&CalibrateSpec::new().win_rates(two).strong_share(0.2));
    assert!(found.contains(&"share_missed") && found.contains(&"few_win_rates"));
}

#[test]
fn what_is_wrong_with_a_sample_is_said_where_it_is() {
    let router = default_router();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    for (line, what) in [
        ("{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}]}", "line 2"),
        ("{\"text\": \"x\"}", "line 2"),
        ("{\"win_rate\": 2}", "[0, 1]"),
        ("{\"prompt\": \"b\", \"input_tokens\": -1}", "input_tokens"),
        ("{\"win_rate\": 0.5}", "more than one form"),
    ] {
        fs::write(&path, format!("{{\"prompt\": \"a\"}}\n{line}\n")).unwrap();
        let error = error(&router, &CalibrateSpec::new().path(path.clone()).strong_share(0.5));
        assert!(error.contains(what), "{line}: {error}");
    }
    let one = |spec: CalibrateSpec| error(&router, &spec.strong_share(0.5));
    assert!(one(CalibrateSpec::new().prompts(vec!["a".into(), "a".into()])).contains("two distinct"));
    assert!(one(CalibrateSpec::new().prompts(vec![])).contains("there is none"));
    assert!(one(CalibrateSpec::new().win_rates(vec![0.1, f64::NAN])).contains("NaN"));
    assert!(one(CalibrateSpec::new().win_rates(vec![0.1, 0.2]).groups(vec![1])).contains("one each"));
    assert!(one(CalibrateSpec::new().prompts(prompts(9)).policy("x".into())).contains("cost_weight"));
    let spec = CalibrateSpec::new().prompts(prompts(9)).strong_share(0.5);
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(
        router.calibrate(&spec, Control::new().cancel(&token)).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
    let stopped = Control::new().progress(|_| ControlFlow::Break(()));
    assert_eq!(router.calibrate(&spec, stopped).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn a_threshold_outside_the_sample_is_noticed_once_a_side() {
    let router = default_router();
    let (calibrated, _) =
        calibrate(&router, &CalibrateSpec::new().win_rates(vec![0.25, 0.5, 0.5, 0.55]).strong_share(0.5));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    calibrated.on_notice(move |text| sink.lock().unwrap().push(text.to_owned()));
    let route = |threshold: f64| calibrated.route("hi", &CallOptions::new().threshold(threshold)).unwrap();
    for quiet in [0.0, NOTHING, 0.25, 0.4, 0.55] {
        route(quiet);
    }
    calibrated.route("hi", &CallOptions::new().strong_share(0.0)).unwrap();
    assert!(
        heard.lock().unwrap().is_empty()
            && calibrated.stats().notices.is_empty()
            && calibrated.take_notice().is_none()
    );
    for _ in 0..3 {
        assert_eq!(route(0.6).side, Some(Side::Weak));
        calibrated.route_batch(["a", "b"], &CallOptions::new().threshold(0.7)).unwrap();
        assert_eq!(route(0.1).threshold, 0.1);
    }
    let texts = heard.lock().unwrap().clone();
    assert!(
        texts[0]
            .starts_with("threshold 0.6 is above every win rate of the calibration sample (0.25 to 0.55)"),
        "{texts:?}"
    );
    assert!(
        texts[1]
            .starts_with("threshold 0.1 is below every win rate of the calibration sample (0.25 to 0.55)")
    );
    assert_eq!((texts.len(), calibrated.stats().notices), (2, texts.clone()));
    assert_eq!(
        [calibrated.take_notice(), calibrated.take_notice()],
        [Some(texts[0].clone()), Some(texts[1].clone())]
    );
    assert!(calibrated.take_notice().is_none());
    // Each router says it for itself, and hooks go along.
    let (next, _) =
        calibrate(&calibrated, &CalibrateSpec::new().win_rates(vec![0.25, 0.5]).strong_share(0.5));
    next.route("hi", &CallOptions::new().threshold(0.6)).unwrap();
    assert_eq!(heard.lock().unwrap().len(), 3);
    // Panics of who listens end nothing.
    router.on_notice(|_| panic!("listener"));
    router.route("hi", &CallOptions::new().threshold(0.999)).unwrap();
}

#[test]
fn the_policy_of_candidates_is_calibrated_to_a_cost() {
    let folder = root().join("artifacts/mf-minilm");
    let knows = Router::open(&folder).is_ok_and(|router| router.qualities("hi", &CallOptions::new()).is_ok());
    if !knows {
        crate::harness::skip("the artifact needs ONNX Runtime");
    }
    let names: Vec<String> = Router::open(&folder).unwrap().models().map(str::to_owned).collect();
    let price = |i: usize| Price::new(0.1 * (i + 1) as f64, 0.3 * (i + 1) as f64);
    let candidates: Vec<Candidate> =
        names.iter().enumerate().map(|(i, name)| Candidate::new(name.as_str()).price(price(i))).collect();
    let router = OpenOptions::new().candidates(candidates.clone()).open(&folder).unwrap();
    let sample = prompts(40);
    let spec = CalibrateSpec::new().prompts(sample.clone()).policy("cost_weight".into());
    let (calibrated, report) = calibrate(&router, &spec.clone().cost(1.0));
    assert!(report.expected_cost.unwrap() <= 1.0 && report.threshold.is_none() && report.policy.is_some());
    let decisions = calibrated.route_batch(&sample, &CallOptions::new()).unwrap();
    let spent: f64 = decisions.iter().map(|decision| decision.expected_cost.unwrap()).sum();
    assert!((spent / 40.0 * 1000.0 - report.expected_cost.unwrap()).abs() < 1e-9);
    assert!(decisions[0].win_rate.is_none() && calibrated.threshold(Policy::Default).is_err());
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("c.json");
    calibrated.save_calibration(&file).unwrap();
    let opened = OpenOptions::new().candidates(candidates).calibration(CalibrationFile::read(&file).unwrap());
    let opened = opened.open(&folder).unwrap();
    assert_eq!(opened.route(&sample[0], &CallOptions::new()).unwrap().model, decisions[0].model);
    assert!(error(&router, &spec.strong_share(0.5)).contains("calibrated to a cost"));
}

#[test]
fn reference_mode_has_its_own_quantiles() {
    let router = OpenOptions::new().mode(Mode::Reference).open_default().unwrap();
    let (calibrated, report) =
        calibrate(&router, &CalibrateSpec::new().win_rates(vec![0.1, 0.2, 0.3, 0.4]).strong_share(0.5));
    assert_eq!(calibrated.threshold(Policy::Default).unwrap(), report.threshold.unwrap());
    assert_eq!((report.threshold, report.strong_share), (Some(0.25), 0.5));
}
