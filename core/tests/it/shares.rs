//! From shares to thresholds and back: the ends, ties, versions of artifacts, the reference's quantiles.

use std::fs;
use std::path::Path;

use routellm_core::artifact::{Artifact, Calibration, FORMAT_VERSION, MANIFEST_NAME, upgrade};
use routellm_core::calibrate::{EVERYTHING, NOTHING, quantile};
use routellm_core::preference::GoldTable;
use routellm_core::train::{Control, Sample, Sources, TrainOptions, linear};
use routellm_core::{
    CallOptions, ErrorKind, Mode, OnError, OpenOptions, OutOfDistribution, Policy, Router, Side,
};
use serde_json::Value;

use crate::support::{default_router, json, root, shared};

const PROMPTS: [&str; 4] = ["", "hi", "Prove that there are infinitely many primes.", "What is 17 * 23?"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_share_of_0_sends_nothing_and_1_everything() {
    let router = default_router();
    assert_eq!(router.share(0.0).unwrap(), (NOTHING, 0.0));
    assert_eq!(router.share(1.0).unwrap(), (EVERYTHING, 1.0));
    assert_eq!(NOTHING.to_bits(), 1.0_f64.to_bits() + 1);
    for (share, side) in [(0.0, Side::Weak), (1.0, Side::Strong)] {
        let threshold = router.threshold(Policy::StrongShare(share)).unwrap();
        // The threshold is accepted back, and decides alike.
        assert_eq!(router.threshold(Policy::Threshold(threshold)).unwrap(), threshold);
        for options in [CallOptions::new().strong_share(share), CallOptions::new().threshold(threshold)] {
            for prompt in PROMPTS {
                let decision = router.route(prompt, &options).unwrap();
                assert_eq!((decision.side, decision.threshold), (Some(side), threshold));
            }
        }
    }
    for bad in [NOTHING.next_up(), 1.1, -f64::MIN_POSITIVE] {
        assert!(router.threshold(Policy::Threshold(bad)).is_err(), "{bad}");
    }
    assert!(router.share(NOTHING).is_err());
}

#[test]
fn the_ends_beat_what_is_decided_for_far_prompts_and_errors_beat_the_ends() {
    let folder = root().join("tests/conformance/sw-lopsided");
    let far = [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    for decision in [OutOfDistribution::Strong, OutOfDistribution::Weak] {
        let router = OpenOptions::new().out_of_distribution(decision).open(&folder).unwrap();
        let told = router.route(&far, &CallOptions::new().strong_share(0.5)).unwrap();
        let expected = if decision == OutOfDistribution::Strong { Side::Strong } else { Side::Weak };
        assert_eq!((told.side, told.out_of_distribution), (Some(expected), true));
        for (share, threshold, side) in [(0.0, NOTHING, Side::Weak), (1.0, EVERYTHING, Side::Strong)] {
            let ends = router.route(&far, &CallOptions::new().strong_share(share)).unwrap();
            assert_eq!((ends.side, ends.out_of_distribution, ends.threshold), (Some(side), true, threshold));
            // Above 1 a threshold sends nothing either; 0 is one as any other.
            let again = router.route(&far, &CallOptions::new().threshold(threshold)).unwrap();
            assert_eq!(again.side, if share == 0.0 { Side::Weak } else { expected });
            let on_error = if side == Side::Weak { OnError::Strong } else { OnError::Weak };
            let options = CallOptions::new().strong_share(share).on_error(on_error);
            let fallback = router.route(&[f32::NAN; 8], &options).unwrap();
            assert!(fallback.fallback.is_some() && fallback.side != side);
        }
    }
}

#[test]
fn the_ends_need_no_calibration() {
    let folder = shared("golden/mf/d16_t32_ckpt");
    let router = Router::open(folder).unwrap();
    assert_eq!(router.share(0.0).unwrap(), (NOTHING, 0.0));
    assert_eq!(router.share(1.0).unwrap(), (EVERYTHING, 1.0));
    assert_eq!(router.share(0.5).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let nothing = router.route(&[0.1; 32], &CallOptions::new().strong_share(0.0)).unwrap();
    assert_eq!(nothing.side, Side::Weak);
}

fn gold() -> GoldTable {
    let lines: Vec<String> = (0..90)
        .map(|i| {
            let hard = i % 3 == 0;
            let prompt = if hard { format!("integral number {i} of x") } else { format!("greet person {i}") };
            format!(r#"{{"prompt": "{prompt}", "big": true, "small": {}}}"#, !hard)
        })
        .collect();
    GoldTable::from_jsonl(lines.join("\n").as_bytes(), "gold").unwrap()
}

fn train(out: &Path, sample: Sample) -> routellm_core::Result<linear::LinearReport> {
    let common = TrainOptions::new().pair("big", "small").calibration_date("2026-01-31").calibration(sample);
    let options = linear::LinearOptions::new().common(common).bits(10).lambdas(vec![0.1]).folds(4);
    linear::train(out, &Sources::new().gold(gold()), &options, Control::new())
}

/// A router of few distinct win rates, and the prompts of its calibration.
fn tied(out: &Path) -> (Router, Vec<String>) {
    let prompts: Vec<String> = (0..200)
        .map(|i| ["integral of x", "greet a person", "greet", "x y z"][i * 7 % 11 % 4].to_owned())
        .collect();
    train(out, Sample::new(prompts.clone()).named("made prompts")).unwrap();
    (Router::open(out).unwrap(), prompts)
}

#[test]
fn equal_win_rates_go_together_and_the_share_reached_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (router, prompts) = tied(&folder.path().join("a"));
    let info = router.info().calibration.clone().unwrap();
    assert_eq!((info.count, info.points, info.share_error), (200, 4, 0.0));
    assert_eq!((info.sample.as_str(), info.date.as_deref()), ("made prompts", Some("2026-01-31")));
    assert_eq!(info.sha256.unwrap(), routellm_core::calibrate::hash_of_prompts(&prompts));
    let rates = router.win_rates(&prompts, &CallOptions::new()).unwrap();
    for i in 0..=50 {
        let share = f64::from(i) / 50.0;
        let (threshold, reached) = router.share(share).unwrap();
        assert_eq!(router.threshold(Policy::StrongShare(share)).unwrap(), threshold);
        let decisions = router.route_batch(&prompts, &CallOptions::new().strong_share(share)).unwrap();
        let strong = decisions.iter().filter(|decision| decision.side == Side::Strong).count();
        assert_eq!(reached, strong as f64 / 200.0);
        // No threshold comes nearer.
        for other in rates.iter().copied().chain([NOTHING]) {
            let found = rates.iter().filter(|rate| **rate >= other).count() as f64 / 200.0;
            assert!((reached - share).abs() <= (found - share).abs() + 1e-12, "{share}: {reached}, {found}");
        }
    }
}

#[test]
fn a_sample_of_one_win_rate_is_refused_when_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a");
    let (_, prompts) = tied(&out);
    let before = fs::read(out.join(MANIFEST_NAME)).unwrap();
    for sample in [&prompts[..1], &vec![prompts[0].clone(); 50][..]] {
        let error = train(&out, Sample::new(sample)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("two distinct win rates"), "{error}");
    }
    assert_eq!(fs::read(out.join(MANIFEST_NAME)).unwrap(), before);
}

#[test]
fn version_1_opens_as_before_and_can_be_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tests/conformance/sw-caller", "tests/conformance/sw-hashed"] {
        let (source, copied) = (root().join(name), folder.path().join(name));
        copy(&source, &copied);
        let old: Value = json(&source.join(MANIFEST_NAME));
        assert_eq!(old["format_version"], 1, "{name}");
        let quantiles: Vec<f64> = serde_json::from_value(old["calibration"]["quantiles"].clone()).unwrap();
        let count = old["calibration"]["count"].as_f64().unwrap();
        let router = Router::open(&copied).unwrap();
        for i in 0..=20 {
            let share = f64::from(i) / 20.0;
            // What that version gave, by the same function.
            let reference = OpenOptions::new().mode(Mode::Reference).open(&copied).unwrap();
            assert_eq!(reference.share(share).unwrap().0, quantile(&quantiles, 1.0 - share), "{name}");
            if (1..20).contains(&i) {
                let (threshold, reached) = router.share(share).unwrap();
                assert!((reached - share).abs() <= 0.5 / count + 1e-12, "{name} {share}: {reached}");
                let near = |q: f64| quantile(&quantiles, (1.0 - share + q).clamp(0.0, 1.0));
                assert!((near(-2.0 / count)..=near(2.0 / count)).contains(&threshold), "{name} {share}");
            }
        }
        let info = router.info().calibration.clone().unwrap();
        assert_eq!((info.count as f64, info.sha256, info.date), (count, None, None));
        assert!(info.share_error > 0.0 && info.share_error <= 1.0 / count);

        let store = fs::read(copied.join("votes.safetensors")).unwrap();
        assert!(upgrade(&copied).unwrap());
        assert!(!upgrade(&copied).unwrap());
        assert_eq!(Artifact::open(&copied).unwrap().manifest().format_version, FORMAT_VERSION);
        assert_eq!(json(&copied.join(MANIFEST_NAME))["format_version"], 2);
        assert_eq!(fs::read(copied.join("votes.safetensors")).unwrap(), store);
        let upgraded = Router::open(&copied).unwrap();
        for i in 0..=100 {
            let share = f64::from(i) / 100.0;
            assert_eq!(upgraded.share(share).unwrap(), router.share(share).unwrap());
        }
        let files = fs::read_dir(&copied).unwrap().count();
        assert_eq!(files, fs::read_dir(&source).unwrap().count(), "nothing is left behind");
    }
    let error = upgrade(&folder.path().join("nothing")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn an_upgrade_writes_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    copy(&root().join("core/default-router"), &real);
    copy(&real, &link);
    fs::remove_file(link.join(MANIFEST_NAME)).unwrap();
    std::os::unix::fs::symlink(real.join(MANIFEST_NAME), link.join(MANIFEST_NAME)).unwrap();
    assert!(upgrade(&link).unwrap());
    assert!(fs::symlink_metadata(link.join(MANIFEST_NAME)).unwrap().is_symlink());
    assert_eq!(json(&real.join(MANIFEST_NAME))["format_version"], 2);
}

#[test]
fn the_shipped_routers_keep_their_default_thresholds() {
    for name in ["core/default-router", "artifacts/mf-minilm"] {
        let artifact = Artifact::open(&root().join(name)).unwrap();
        let table = artifact.manifest().calibration.as_ref().unwrap();
        let half = |mode: Mode| table.shares(mode).resolve(0.5);
        let (threshold, reached) = half(Mode::Exact);
        assert!((reached - 0.5).abs() <= 1e-3, "{name} {reached}");
        assert_eq!(threshold, half(Mode::Reference).0, "{name}");
    }
}

/// Numbers of the golden file, where NaN is null.
fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

#[test]
fn reference_mode_has_the_quantiles_of_the_reference() {
    let folder = shared("golden/calibrate");
    let golden = json(&folder.join("quantiles.json"));
    let (mut compared, mut tables) = (0, 0);
    for case in golden["results"].as_array().unwrap() {
        let name = case["array"].as_str().unwrap();
        // pandas leaves NaN out.
        let mut values: Vec<f64> =
            numbers(&golden["arrays"][name]).into_iter().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        let share = case["strong_model_pct"].as_f64().unwrap();
        let expected = case["quantile"].as_f64().unwrap();
        // pandas gives float32 for float32.
        let tolerance = if golden["dtypes"][name] == "float32" { 1e-7 } else { 0.0 };
        let ours = quantile(&values, 1.0 - share);
        assert!((ours - expected).abs() <= tolerance, "{name} {share}: {ours} {expected}");
        compared += 1;
        let Ok(table) = Calibration::from_win_rates(name, values.clone()) else { continue };
        let (threshold, reached) = table.shares(Mode::Reference).resolve(share);
        assert!(
            (threshold - expected).abs() <= tolerance + table.share_error,
            "{name} {share}: {threshold} {expected}"
        );
        let counted = values.iter().filter(|value| **value >= threshold).count() as f64;
        assert!((reached - counted / values.len() as f64).abs() <= 2.0 * table.share_error, "{name} {share}");
        tables += 1;
    }
    assert!(compared >= 60 && tables >= 40, "{compared} {tables}");
}
