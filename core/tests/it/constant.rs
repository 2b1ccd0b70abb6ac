//! Pairs that every prompt would treat alike, and pairs that are calibrated when they are named.

use std::path::Path;

use routellm_core::artifact::Artifact;
use routellm_core::numeric::Rng;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{EmbeddedVotes, GoldTable, Votes, Winner};
use routellm_core::scorer::sw_ranking::BuildOptions;
use routellm_core::train::sw_ranking::{SwOptions, train_columns};
use routellm_core::train::{Control, Encoder, Sample, Sources, TrainOptions, linear, mf};
use routellm_core::{CallOptions, ErrorKind, Mode, OpenOptions, Policy, Router, Side};

const DIM: usize = 6;
const MODELS: [&str; 5] = ["a", "b", "c", "d", "e"];

struct Made {
    embeddings: Vec<f32>,
    model_a: Vec<String>,
    model_b: Vec<String>,
    winner: Vec<Winner>,
}

/// Votes of five models, of which an earlier one is better, the more so along the first axis.
fn made(n: usize) -> Made {
    let mut rng = Rng::new(11);
    let mut made = Made { embeddings: vec![], model_a: vec![], model_b: vec![], winner: vec![] };
    for _ in 0..n {
        let embedding: Vec<f32> = (0..DIM).map(|_| rng.normal() as f32).collect();
        let (a, b) = (rng.below(5), rng.below(5));
        let lead = (b as f64 - a as f64) * (0.5 + f64::from(embedding[0]));
        let first = rng.uniform() < 1.0 / (1.0 + (-lead).exp());
        made.embeddings.extend(embedding);
        made.model_a.push(MODELS[a].to_owned());
        made.model_b.push(MODELS[b].to_owned());
        made.winner.push(if a == b {
            Winner::Tie
        } else if first {
            Winner::ModelA
        } else {
            Winner::ModelB
        });
    }
    made
}

fn build(out: &Path, made: &Made, options: &SwOptions) -> routellm_core::Result<()> {
    let votes = Votes::from_names(&made.model_a, &made.model_b, &made.winner).unwrap();
    let input = EmbeddedVotes { votes: &votes, embeddings: &made.embeddings, dim: DIM };
    train_columns(out, &input, "made-up", options, Control::new()).map(|_| ())
}

fn options(tiers: usize) -> SwOptions {
    SwOptions::new().build(BuildOptions::new().tiers(tiers))
}

fn open(out: &Path, strong: &str, weak: &str, mode: Mode) -> routellm_core::Result<Router> {
    OpenOptions::new().strong(strong).weak(weak).mode(mode).open(out)
}

#[test]
fn every_pair_of_two_tiers_is_calibrated_at_opening_and_no_other_opens() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sw");
    let made = made(300);
    build(&out, &made, &options(3)).unwrap();
    let own = Router::open(&out).unwrap();
    let tiers = match own.pipeline().scorer().unwrap() {
        routellm_core::scorer::Scorer::SwRanking(sw) => sw.model().tiers().to_vec(),
        _ => unreachable!(),
    };
    let (mut calibrated, mut constant) = (0, 0);
    for (s, strong) in MODELS.iter().enumerate() {
        for (w, weak) in MODELS.iter().enumerate() {
            if s == w {
                continue;
            }
            if tiers[s] == tiers[w] {
                constant += 1;
                let error = open(&out, strong, weak, Mode::Exact).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                let tier = format!("tier {} of 3", tiers[s]);
                for word in [&tier, "name a pair", "more votes", "compare"] {
                    assert!(error.to_string().contains(word), "{error} lacks {word:?}");
                }
                let reference = open(&out, strong, weak, Mode::Reference).unwrap();
                let told = reference.info().constant.clone().unwrap();
                assert!(told.contains(&tier) && told.contains("one half"), "{told}");
                assert_eq!(reference.win_rate(&made.embeddings[..DIM], &CallOptions::new()).unwrap(), 0.5);
                assert_eq!(
                    reference.threshold(Policy::Default).unwrap_err().kind(),
                    ErrorKind::InvalidArgument
                );
                continue;
            }
            calibrated += 1;
            let router = open(&out, strong, weak, Mode::Exact).unwrap();
            assert_eq!(router.info().constant, None);
            let info = router.info().calibration.clone().unwrap();
            assert_eq!(info.count, 300);
            assert_eq!(info.sha256, own.info().calibration.as_ref().unwrap().sha256);
            for share in [0.1, 0.37, 0.5, 0.9] {
                let (threshold, reached) = router.share(share).unwrap();
                assert!((reached - share).abs() <= 0.5 / 300.0 + 1e-12, "{strong} {weak} {share} {reached}");
                // The sample itself is routed by that share, to the prompt.
                let options = CallOptions::new().strong_share(share);
                let strong = made
                    .embeddings
                    .chunks(DIM)
                    .filter(|row| router.route(row, &options).unwrap().side == Side::Strong)
                    .count();
                assert_eq!(strong as f64 / 300.0, reached, "{threshold}");
            }
        }
    }
    assert!(calibrated >= 8 && constant >= 4, "{tiers:?}");
}

#[test]
fn a_pair_in_one_tier_is_refused_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sw");
    let made = made(300);
    build(&out, &made, &options(3)).unwrap();
    let tiers = match Router::open(&out).unwrap().pipeline().scorer().unwrap() {
        routellm_core::scorer::Scorer::SwRanking(sw) => sw.model().tiers().to_vec(),
        _ => unreachable!(),
    };
    let second = (1..5).find(|i| tiers[..*i].contains(&tiers[*i])).unwrap();
    let first = tiers.iter().position(|tier| *tier == tiers[second]).unwrap();
    let named = |strong, weak| options(3).common(TrainOptions::new().pair(strong, weak));
    let other = folder.path().join("other");
    let error = build(&other, &made, &named(MODELS[first], MODELS[second])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("one half") && error.to_string().contains("more votes"), "{error}");
    assert!(!other.exists());
    // One tier has no pair at all.
    let error = build(&other, &made, &options(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("more tiers"), "{error}");
    // A pair that is given is calibrated, and so is any other.
    build(&other, &made, &named("a", "e")).unwrap();
    let router = Router::open(&other).unwrap();
    assert_eq!((router.strong(), router.weak()), ("a", "e"));
    assert!(router.route(&made.embeddings[..DIM], &CallOptions::new()).is_ok());
    let swapped = open(&other, "e", "a", Mode::Exact).unwrap();
    assert!(swapped.share(0.3).is_ok());
}

/// The mean of the votes of three models on prompts of two kinds.
fn gold() -> GoldTable {
    let lines: Vec<String> = (0..90)
        .map(|i| {
            let hard = i % 3 == 0;
            let prompt = if hard { format!("integral number {i} of x") } else { format!("greet person {i}") };
            format!(
                r#"{{"prompt": "{prompt}", "big": true, "medium": {}, "small": {}}}"#,
                !hard || i % 2 == 0,
                !hard && i % 5 != 0
            )
        })
        .collect();
    GoldTable::from_jsonl(lines.join("\n").as_bytes(), "gold").unwrap()
}

#[test]
fn other_routers_of_several_candidates_calibrate_any_pair_too() {
    let folder = tempfile::tempdir().unwrap();
    let (dense, out) = (folder.path().join("linear"), folder.path().join("mf"));
    let common = TrainOptions::new().pair("big", "small");
    let options = linear::LinearOptions::new().bits(10).lambdas(vec![0.1]).folds(4);
    let options = options.projection(8).per_candidate(true).common(common.clone());
    let gold = gold();
    let sources = Sources::new().gold(gold.clone());
    linear::train(&dense, &sources, &options, Control::new()).unwrap();
    let encoder =
        Encoder::from_artifact(Artifact::open(&dense).unwrap(), &SessionOptions::default()).unwrap();
    let prompts = gold.rows.iter().map(|row| row.prompt.clone());
    let common = common.calibration(Sample::new(prompts).named("gold prompts"));
    let options = mf::MfOptions::new().common(common).fit(mf::FitOptions::new().dim(4).epochs(3).noise(0.0));
    mf::train(&out, &sources, &encoder, &options, Control::new()).unwrap();
    for folder in [&dense, &out] {
        for (strong, weak) in [("big", "medium"), ("medium", "small"), ("small", "big")] {
            let router = open(folder, strong, weak, Mode::Exact).unwrap();
            let (threshold, reached) = router.share(0.4).unwrap();
            assert!((reached - 0.4).abs() < 0.1, "{strong} {weak} {threshold} {reached}");
            let strong = gold
                .rows
                .iter()
                .filter(|row| router.win_rate(&row.prompt, &CallOptions::new()).unwrap() >= threshold - 1e-12)
                .count();
            assert!((strong as f64 / 90.0 - reached).abs() < 1e-12, "{strong} {reached}");
        }
    }
    // A model against itself: one half everywhere, which has no shares but the ends.
    let itself = open(&out, "big", "big", Mode::Exact).unwrap();
    assert!(itself.info().constant.as_ref().unwrap().contains("one half"));
    assert_eq!(itself.win_rate("x", &CallOptions::new()).unwrap(), 0.5);
    assert!(itself.share(0.5).is_err() && itself.share(0.0).is_ok());
}
