//! Similarity-weighted ranking through the router: building, adding votes, explaining, abstaining.

use std::fs;
use std::ops::ControlFlow;

use routellm_core::artifact::Artifact;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{EmbeddedVotes, GoldTable, VoteTable, Votes, Winner};
use routellm_core::scorer::sw_ranking::BuildOptions;
use routellm_core::train::sw_ranking::{SwOptions, train, train_columns};
use routellm_core::train::{Control, Encoder, Progress, Sources, TrainOptions};
use routellm_core::{CallOptions, CancelToken, ErrorKind, OpenOptions, OutOfDistribution, Router, Side};

use crate::support::{default_router, root};

/// On prompts along the first axis a wins, along the second one b does.
fn small(
    out: &std::path::Path,
    change: impl FnOnce(&mut Vec<f32>, &mut Vec<String>),
) -> routellm_core::Result<()> {
    let mut embeddings = Vec::new();
    let (mut model_a, mut winner) = (Vec::new(), Vec::new());
    for i in 0..20 {
        let first = i % 2 == 0;
        embeddings.extend(if first { [1.0, 0.01 * i as f32] } else { [0.01 * i as f32, 1.0] });
        model_a.push("a".to_owned());
        // One vote against the trend on the first side, two on the second: a is the better model over all.
        winner.push(if (first && i != 4) || i >= 17 { Winner::ModelA } else { Winner::ModelB });
    }
    change(&mut embeddings, &mut model_a);
    let votes = Votes::from_names(&model_a, &vec!["b".to_owned(); 20], &winner)?;
    let input = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim: 2 };
    let options =
        SwOptions::new().build(BuildOptions::new().tiers(2)).common(TrainOptions::new().pair("a", "b"));
    train_columns(out, &input, "test", &options, Control::new()).map(|_| ())
}

#[test]
fn near_votes_decide_and_far_prompts_can_abstain() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sw");
    small(&out, |_, _| {}).unwrap();
    let router = Router::open(&out).unwrap();
    let rate = |x: [f32; 2]| router.win_rate(&x, &CallOptions::new()).unwrap();
    assert!(rate([1.0, 0.0]) > 0.5 && rate([0.0, 1.0]) < 0.5, "{} {}", rate([1.0, 0.0]), rate([0.0, 1.0]));
    assert!((router.similarity(&[1.0, 0.0], &CallOptions::new()).unwrap() - 1.0).abs() < 1e-2);

    let explanation = router.explain(&[1.0, 0.0], 3, &CallOptions::new()).unwrap();
    assert_eq!(explanation.votes.len(), 3);
    assert!(explanation.votes.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
    assert_eq!(explanation.win_rate, rate([1.0, 0.0]));
    assert!(explanation.ratings[0].standard_error.unwrap() > 0.0);
    assert_eq!(explanation.reach, None);

    // Away from every vote: the decision says so, and may be the caller's.
    let far = [-1.0, -1.0];
    let options = CallOptions::new();
    let plain = router.route(&far, &options).unwrap();
    assert!(plain.out_of_distribution && plain.similarity.unwrap() < 0.0);
    for (decision, side) in [(OutOfDistribution::Strong, Side::Strong), (OutOfDistribution::Weak, Side::Weak)]
    {
        let router = OpenOptions::new().out_of_distribution(decision).open(&out).unwrap();
        let decided = router.route(&far, &options).unwrap();
        assert_eq!((decided.side, decided.out_of_distribution), (Some(side), true));
        assert_eq!(decided.win_rate, plain.win_rate);
        assert!(!router.route(&[1.0, 0.0], &options).unwrap().out_of_distribution);
    }
    let strict = OpenOptions::new().min_similarity(0.999).open(&out).unwrap();
    assert!(strict.route(&[1.0, 1.0], &options).unwrap().out_of_distribution);
    assert_eq!(router.info().votes.as_ref().unwrap().count, 20);

    let rows: Vec<f32> =
        (0..50).map(|i| i as f32 / 32.0).flat_map(|angle| [angle.cos(), angle.sin()]).collect();
    let batch = router.win_rates(rows.chunks(2), &CallOptions::new()).unwrap();
    for (row, rate) in rows.chunks(2).zip(&batch) {
        assert_eq!(router.win_rate(row, &CallOptions::new()).unwrap().to_bits(), rate.to_bits());
    }
}

#[test]
fn bad_rows_are_refused_with_their_number_and_the_old_artifact_stays() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sw");
    small(&out, |_, _| {}).unwrap();
    let before = fs::read(out.join("router.json")).unwrap();
    for bad in [0.0, f32::NAN, f32::INFINITY] {
        let error = small(&out, |embeddings, _| embeddings[14..16].fill(bad)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains('7'), "{error}");
    }
    let error = small(&out, |_, model_a| model_a.truncate(19)).unwrap_err();
    assert!(error.to_string().contains("19 model_a"), "{error}");
    assert_eq!(fs::read(out.join("router.json")).unwrap(), before);
    assert!(Router::open(&out).is_ok());

    let store = Artifact::open(&out).unwrap().path_of("votes.safetensors").unwrap();
    let mut bytes = fs::read(&store).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&store, bytes).unwrap();
    assert_eq!(Router::open(&out).unwrap_err().kind(), ErrorKind::InvalidModel);
}

#[test]
fn added_votes_embed_only_their_own_prompts() {
    let folder = tempfile::tempdir().unwrap();
    let (out, cache) = (folder.path().join("sw"), folder.path().join("cache.safetensors"));
    let encoder = Encoder::from_artifact(
        Artifact::open(&root().join("tests/conformance/sw-hashed")).unwrap(),
        &SessionOptions::default(),
    )
    .unwrap();
    let votes = |n: usize| {
        let lines: Vec<String> = (0..n)
            .map(|i| {
                let winner = if i % 3 == 0 { "model_b" } else { "model_a" };
                format!(r#"{{"prompt":"integral number {i} of x","model_a":"a","model_b":"b","winner":"{winner}"}}"#)
            })
            .collect();
        VoteTable::from_jsonl(lines.join("\n").as_bytes(), "votes").unwrap()
    };
    let options = SwOptions::new().texts(true).build(BuildOptions::new().tiers(2));
    let cached = options.clone().common(TrainOptions::new().cache(&cache));
    let of_votes = |n: usize| Sources::new().votes(votes(n));
    let build = |n: usize| train(&out, &of_votes(n), &encoder, &cached, Control::new()).unwrap();
    // An interrupted build keeps what it has embedded.
    let stop = |progress: Progress<'_>| {
        let stop = progress.stage == "embedding" && progress.done == 8;
        if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = train(&out, &of_votes(20), &encoder, &cached, Control::new().progress(stop));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(!out.exists());
    assert_eq!((build(20).embedded, build(20).embedded, build(30).embedded), (12, 0, 10));
    let router = Router::open(&out).unwrap();
    let explanation = router.explain("integral number 7 of x", 1, &CallOptions::new()).unwrap();
    assert_eq!(explanation.votes[0].text.as_deref(), Some("integral number 7 of x"));
    assert_eq!(explanation.votes[0].id.as_deref(), Some("line 8"));
    let token = CancelToken::new();
    assert_eq!(
        router.explain("integral number 7 of x", 1, &CallOptions::new().cancel(token.clone())).unwrap(),
        explanation
    );
    assert_eq!(
        router.similarity("integral number 7 of x", &CallOptions::new().cancel(token.clone())).unwrap(),
        explanation.similarity
    );
    token.cancel();
    let errors = [
        router.explain("x", 1, &CallOptions::new().cancel(token.clone())).unwrap_err(),
        router.similarity("x", &CallOptions::new().cancel(token.clone())).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Cancelled));

    // Gold rows are votes too: both right or both wrong is a tie.
    let gold = r#"{"prompt":"integral one","a":true,"b":false}
{"prompt":"integral two","a":true,"b":true}
{"prompt":"integral three","a":false,"b":true}"#;
    let gold = GoldTable::from_jsonl(gold.as_bytes(), "gold").unwrap();
    let report = train(&out, &of_votes(20).gold(gold), &encoder, &options, Control::new()).unwrap();
    assert_eq!(report.votes, 23);
    let stop = |progress: Progress<'_>| {
        if progress.stage == "calibration" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = train(&out, &of_votes(9), &encoder, &options, Control::new().progress(stop)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(Router::open(&out).unwrap().info().votes.as_ref().unwrap().count, 23);
}

#[test]
fn routers_without_votes_explain_nothing() {
    let router = default_router();
    for error in [
        router.explain("x", 1, &CallOptions::new()).unwrap_err(),
        router.similarity("x", &CallOptions::new()).map(|_| ()).unwrap_err().context(""),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let decision = router.route("x", &CallOptions::new()).unwrap();
    assert_eq!((decision.similarity, decision.out_of_distribution), (None, false));
}
