//! Candidates with prices, their qualities, and the policies that choose among them.

use std::path::{Path, PathBuf};

use routellm_core::artifact::{Artifact, describe};
use routellm_core::candidates::{Candidate, Price};
use routellm_core::preference::{EmbeddedVotes, GoldTable, Votes, Winner};
use routellm_core::scorer::sw_ranking::BuildOptions;
use routellm_core::train::{Control, Sources, TrainOptions, linear, sw_ranking};
use routellm_core::{CallOptions, ErrorKind, Input, OpenOptions, Policy, Router, Side};

/// The large model solves what has "integral" in it, the middle one every second of those, the small one none.
fn trained(folder: &Path) -> PathBuf {
    let lines: Vec<String> = (0..120)
        .map(|i| {
            let hard = i % 3 == 0;
            let half = i % 2 == 0;
            let prompt = if hard { format!("integral number {i} of x") } else { format!("greet person {i}") };
            format!(
                r#"{{"prompt": "{prompt}", "large": true, "middle": {}, "small": {}}}"#,
                !hard || half,
                !hard && half
            )
        })
        .collect();
    let gold = GoldTable::from_jsonl(lines.join("\n").as_bytes(), "gold").unwrap();
    let common = TrainOptions::new().pair("large", "small").calibration_date("2026-01-31");
    let options = linear::LinearOptions::new()
        .common(common)
        .bits(10)
        .lambdas(vec![0.1, 1.0])
        .folds(4)
        .per_candidate(true);
    let out = folder.join("linear");
    linear::train(&out, &Sources::new().gold(gold), &options, Control::new()).unwrap();
    out
}

fn prices() -> Vec<Candidate> {
    vec![
        Candidate::new("large").price(Price::new(10.0, 30.0)).capabilities(["text", "vision"]),
        Candidate::new("middle").price(Price::new(1.0, 4.0)).capabilities(["text", "vision", "tools"]),
        Candidate::new("small").price(Price::new(0.1, 0.2)).context_length(100).capabilities(["text"]),
    ]
}

fn priced(folder: &Path) -> Router {
    OpenOptions::new().candidates(prices()).mean_output_tokens(200.0).open(trained(folder)).unwrap()
}

const HARD: &str = "integral number 7 of x";
const EASY: &str = "greet person 1000";

/// What the policies say they do, in the plainest form.
fn by_hand(qualities: &[f64], costs: &[f64], left: &[usize], policy: Policy) -> usize {
    let mut best = left[0];
    for &one in &left[1..] {
        let better = match policy {
            Policy::CostWeight(weight) => {
                let worth = |i: usize| qualities[i] - weight * costs[i];
                worth(one) > worth(best) || (worth(one) == worth(best) && costs[one] < costs[best])
            }
            Policy::MinQuality(least) => match (qualities[one] >= least, qualities[best] >= least) {
                (true, true) => costs[one] < costs[best],
                (false, false) => {
                    qualities[one] > qualities[best]
                        || (qualities[one] == qualities[best] && costs[one] < costs[best])
                }
                (reaches, _) => reaches,
            },
            _ => unreachable!("the others are not asked here"),
        };
        if better {
            best = one;
        }
    }
    best
}

#[test]
fn policies_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let router = priced(folder.path());
    for prompt in [HARD, EASY, "something else altogether"] {
        let qualities = router.qualities(prompt, &CallOptions::new()).unwrap();
        assert!(qualities.iter().all(|quality| (0.0..=1.0).contains(quality)), "{qualities:?}");
        let tokens = (prompt.len() as f64 / 4.0).ceil();
        let cost: Vec<f64> = [(10.0, 30.0), (1.0, 4.0), (0.1, 0.2)]
            .map(|(input, output)| input * tokens + output * 200.0)
            .to_vec();
        let thousands: Vec<f64> = cost.iter().map(|cost| cost / 1e3).collect();
        let steps = 0..=20;
        let policies = steps.clone().map(|i| Policy::CostWeight(f64::from(i) * 0.02));
        for policy in policies.chain(steps.map(|i| Policy::MinQuality(f64::from(i) / 20.0))) {
            for left in [&[0, 1, 2][..], &[1, 2], &[0, 2], &[2]] {
                let names = left.iter().map(|i| ["large", "middle", "small"][*i]);
                let options = CallOptions::new().policy(policy).candidates(names);
                let decision = router.route(prompt, &options).unwrap();
                let expected = by_hand(&qualities, &thousands, left, policy);
                assert_eq!(decision.candidate, Some(expected), "{policy:?} {qualities:?}");
                assert_eq!(decision.quality, Some(qualities[expected]));
                assert_eq!(decision.expected_cost, Some(cost[expected] / 1e6));
                assert_eq!((decision.side, decision.win_rate), (None, None));
                assert!(decision.threshold.is_nan());
                assert_eq!(*decision.model, *["large", "middle", "small"][expected]);
            }
        }
    }
}

#[test]
fn a_budget_is_met_on_the_sample_by_the_smallest_weight() {
    let folder = tempfile::tempdir().unwrap();
    let router = priced(folder.path());
    let prompts: Vec<String> = (0..120)
        .map(|i| if i % 3 == 0 { format!("integral number {i} of x") } else { format!("greet person {i}") })
        .collect();
    let mean = |options: &CallOptions| {
        let decisions = router.route_batch(&prompts, options).unwrap();
        let costs = decisions.iter().map(|decision| decision.expected_cost.unwrap() * 1e3);
        costs.sum::<f64>() / 120.0
    };
    let (most, least) =
        (mean(&CallOptions::new().cost_weight(0.0)), mean(&CallOptions::new().cost_weight(1e9)));
    let mut last = 0.0;
    for i in 0..=10 {
        let budget = least + (most - least) * f64::from(i) / 10.0 + 1e-9;
        let spent = mean(&CallOptions::new().budget(budget));
        assert!(spent <= budget * (1.0 + 1e-12) && spent >= last, "{spent} of {budget}");
        last = spent;
    }
    assert!((last - most).abs() < 1e-9);
    // Twice the same, and restricted to two within the same budget.
    let options = CallOptions::new().budget(0.5 * (most + least));
    assert_eq!(mean(&options), mean(&options));
    let two = options.clone().candidates(["middle", "small"]);
    assert!(mean(&two) <= 0.5 * (most + least));
    let error = router.route(HARD, &CallOptions::new().budget(least / 2.0)).unwrap_err().to_string();
    assert!(error.contains("USD per 1,000 requests") && error.contains("cheapest"), "{error}");
}

#[test]
fn who_is_left_out_is_never_chosen_and_named_if_nobody_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let router = priced(folder.path());
    let base = CallOptions::new().cost_weight(1e3);
    let chosen = |options: &CallOptions| router.route(HARD, options).unwrap().model;
    assert_eq!(&*chosen(&base), "small");
    assert_eq!(&*chosen(&base.clone().requires(["vision"])), "middle");
    assert_eq!(&*chosen(&base.clone().requires(["vision"]).candidates(["large", "small"])), "large");
    // A request that is too long for the small one, given or estimated.
    assert_eq!(&*chosen(&base.clone().input_tokens(101)), "middle");
    assert_eq!(&*router.route("x".repeat(401).as_str(), &base).unwrap().model, "middle");
    assert_eq!(&*router.route("x".repeat(400).as_str(), &base).unwrap().model, "small");

    let refused = |options: &CallOptions| {
        let error = router.route(HARD, options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    };
    let nobody = refused(&base.clone().requires(["vision", "audio"]));
    for part in ["\"large\" has no audio", "\"middle\" has no audio", "\"small\" has no vision, audio"] {
        assert!(nobody.contains(part), "{nobody}");
    }
    let long = refused(&base.clone().candidates(["small"]).input_tokens(101));
    assert!(long.contains("\"small\" reads 100 tokens, and the request has 101"), "{long}");
    assert!(long.contains("\"large\" is not among candidates"), "{long}");
    assert!(refused(&base.clone().candidates(["Small"])).contains("did you mean \"small\""));
    assert!(refused(&base.clone().candidates(Vec::<String>::new())).contains("empty"));
    let batch = router.route_batch([EASY, "x".repeat(401).as_str()], &base.clone().candidates(["small"]));
    assert!(batch.unwrap_err().to_string().starts_with("prompt 1: no candidate is left"));
}

#[test]
fn the_pair_gives_way_to_its_other_side() {
    let folder = tempfile::tempdir().unwrap();
    let router = priced(folder.path());
    let strong = CallOptions::new().threshold(0.0);
    let decision = router.route(HARD, &strong).unwrap();
    assert_eq!((decision.side, decision.candidate), (Some(Side::Strong), Some(0)));
    assert!(decision.quality.is_none() && decision.expected_cost.is_some());
    let weak = router.route(HARD, &strong.clone().candidates(["middle", "small"])).unwrap();
    assert_eq!((weak.side, weak.candidate), (Some(Side::Weak), Some(2)));
    let vision = CallOptions::new().threshold(1.0_f64.next_up()).requires(["vision"]);
    assert_eq!(router.route(HARD, &vision).unwrap().side, Some(Side::Strong));
    let error = router.route(HARD, &strong.clone().candidates(["middle"])).unwrap_err().to_string();
    assert!(error.contains("\"large\" is not among") && error.contains("\"small\" is not among"), "{error}");
}

#[test]
fn a_prompt_without_text_goes_to_whom_the_caller_names() {
    let folder = tempfile::tempdir().unwrap();
    let router = priced(folder.path());
    let bad = || Input::Utf8(b"\xff");
    let to = |options: CallOptions| router.route(bad(), &options).unwrap();
    let middle = to(CallOptions::new().on_error_candidate("middle"));
    assert_eq!((middle.side, middle.candidate), (None, Some(1)));
    assert!(middle.fallback.is_some() && middle.quality.is_none());
    assert_eq!(to(CallOptions::new().on_error_candidate("large")).side, Some(Side::Strong));
    let mut options = CallOptions::new().cost_weight(0.0);
    options.set_json(br#"{"on_error": "small"}"#).unwrap();
    assert_eq!(to(options.clone()).candidate, Some(2));
    options.set_json(br#"{"on_error": "strong", "candidates": ["middle", "small"]}"#).unwrap();
    assert_eq!(to(options.clone()).candidate, Some(2));
    options.set_json(br#"{"on_error": "large"}"#).unwrap();
    let error = router.route(bad(), &options).unwrap_err().to_string();
    assert!(error.contains("on_error is \"large\", which is left out"), "{error}");
    let unknown = CallOptions::new().on_error_candidate("x");
    assert!(
        router.route(bad(), &unknown).unwrap_err().to_string().contains("or one of: large, middle, small")
    );
}

#[test]
fn many_are_as_one_by_one_waiting_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let router = priced(folder.path());
    let plain = CallOptions::new();
    let options = CallOptions::new().min_quality(0.6);
    let prompts = [HARD, EASY, "", "x"];
    let one: Vec<_> = prompts.iter().map(|prompt| router.route(*prompt, &options).unwrap()).collect();
    let all = router.route_batch(prompts, &options).unwrap();
    let same = |a: &[routellm_core::Decision], b: &[routellm_core::Decision]| {
        // The threshold is no number, which equals nothing.
        let seen = |decisions: &[routellm_core::Decision]| -> Vec<_> {
            decisions.iter().map(|d| (d.candidate, d.quality, d.expected_cost, d.model.clone())).collect()
        };
        assert_eq!(seen(a), seen(b));
    };
    same(&one, &all);
    let (sender, receiver) = std::sync::mpsc::channel();
    router.route_batch_async(prompts, &options, move |all| sender.send(all).unwrap()).unwrap();
    same(&one, &receiver.recv().unwrap().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    router.route_async(HARD, &options, move |one| sender.send(one).unwrap()).unwrap();
    same(&one[..1], &[receiver.recv().unwrap().unwrap()]);
    let each: Vec<_> = prompts.iter().map(|prompt| router.qualities(*prompt, &plain).unwrap()).collect();
    assert_eq!(router.qualities_batch(prompts, &plain).unwrap(), each);
    let (sender, receiver) = std::sync::mpsc::channel();
    router.qualities_batch_async(prompts, &plain, move |all| sender.send(all).unwrap()).unwrap();
    assert_eq!(receiver.recv().unwrap().unwrap(), each);
    let nan =
        router.qualities(Input::Utf8(b"\xff"), &CallOptions::new().on_error_candidate("small")).unwrap();
    assert!(nan.iter().all(|quality| quality.is_nan()));
    assert!(router.qualities(HARD, &options).unwrap_err().to_string().contains("min_quality has no effect"));
}

#[test]
fn what_a_policy_lacks_is_said_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = trained(folder.path());
    let refused = |router: &Router, options: CallOptions| {
        let error = router.route(HARD, &options).unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    let two = [Candidate::new("large").price(Price::new(1.0, 1.0))];
    let router = OpenOptions::new().candidates(two).open(&path).unwrap();
    for options in [
        CallOptions::new().cost_weight(0.0),
        CallOptions::new().min_quality(0.5),
        CallOptions::new().budget(1.0),
    ] {
        let (kind, message) = refused(&router, options.clone());
        assert_eq!(kind, ErrorKind::InvalidArgument);
        assert!(message.contains("\"middle\", \"small\""), "{message}");
        assert_eq!(&*router.route(HARD, &options.candidates(["large"])).unwrap().model, "large");
    }
    let both = CallOptions::new().cost_weight(0.0).threshold(0.5).budget(1.0);
    assert!(refused(&router, both).1.contains("threshold, cost_weight and budget are given"));
    for (options, part) in [
        (CallOptions::new().cost_weight(-1.0), "cost_weight is -1, expected a number from 0 on"),
        (CallOptions::new().cost_weight(f64::NAN), "cost_weight is NaN"),
        (CallOptions::new().min_quality(1.5), "min_quality is 1.5"),
        (CallOptions::new().budget(f64::INFINITY), "budget is inf"),
    ] {
        let (_, message) = refused(&router, options.candidates(["large"]));
        assert!(message.contains(part), "{message}");
    }
    // A router of a pair has no quality of one.
    let names = [Candidate::new("nobody")];
    assert!(OpenOptions::new().candidates(names).open(&path).unwrap_err().to_string().contains("nobody"));
    let default = Router::default_router().unwrap();
    let error = default.qualities(HARD, &CallOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(default.info().candidates.iter().all(|one| one.quality.is_none() && one.price.is_none()));
}

#[test]
fn an_artifact_keeps_what_is_written_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = trained(folder.path());
    let bare = Artifact::open(&path).unwrap().manifest().to_text().unwrap();
    for word in ["\"candidates\":", "mean_output_tokens"] {
        assert!(!bare.contains(word), "{word}");
    }
    describe(&path, &prices(), Some(120.0)).unwrap();
    let more = [Candidate::new("small").context_length(8)];
    let all = describe(&path, &more, None).unwrap();
    assert_eq!((all[2].context_length, all[2].price.as_ref().unwrap().input), (Some(8), 0.1));
    let router = Router::open(&path).unwrap();
    let info = router.info();
    assert_eq!(info.mean_output_tokens, 120.0);
    assert_eq!(info.candidates[2].context_length, Some(8));
    assert_eq!(info.candidates[0].quality, Some("platt"));
    assert_eq!(info.candidates[1].capabilities.as_deref().unwrap(), ["text", "vision", "tools"]);
    assert!(describe(&path, &[Candidate::new("x")], None).is_err());
    let own = OpenOptions::new().names([("large", "gpt")]).candidates(more).open(&path).unwrap();
    assert_eq!(own.info().candidates[0].name, "gpt");
    for name in ["gpt", "large"] {
        let options = CallOptions::new().cost_weight(0.0).candidates([name]);
        assert_eq!(&*own.route(HARD, &options).unwrap().model, "gpt");
    }
}

#[test]
fn votes_alone_make_win_rates() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sw");
    let mut embeddings = Vec::new();
    let (mut first, mut second, mut winner) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..60 {
        let (a, b) = [("a", "b"), ("b", "c"), ("a", "c")][i % 3];
        embeddings.extend([1.0, 0.01 * i as f32]);
        first.push(a.to_owned());
        second.push(b.to_owned());
        winner.push(if i % 5 == 0 { Winner::ModelB } else { Winner::ModelA });
    }
    let votes = Votes::from_names(&first, &second, &winner).unwrap();
    let input = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim: 2 };
    let options = sw_ranking::SwOptions::new()
        .build(BuildOptions::new().tiers(3))
        .common(TrainOptions::new().pair("a", "c"));
    sw_ranking::train_columns(&out, &input, "test", &options, Control::new()).unwrap();
    let given = ["a", "b", "c"].map(|name| Candidate::new(name).price(Price::new(1.0, 1.0)));
    let router = OpenOptions::new().candidates(given).open(&out).unwrap();
    assert!(router.info().candidates.iter().all(|one| one.quality == Some("win_rate")));
    let qualities = router.qualities(&[1.0, 0.2], &CallOptions::new()).unwrap();
    assert!(qualities[0] > qualities[1] && qualities[1] > qualities[2], "{qualities:?}");
    // Those of all candidates have the mean one half.
    assert!((qualities.iter().sum::<f64>() / 3.0 - 0.5).abs() < 1e-12);
    let rate = |strong: &str, weak: &str| {
        let opened = OpenOptions::new().strong(strong).weak(weak).open(&out).unwrap();
        opened.win_rate(&[1.0, 0.2], &CallOptions::new()).unwrap()
    };
    assert_eq!(qualities[0], f64::midpoint(rate("a", "b"), rate("a", "c")));
    // An embedding has no length, and this sample has none.
    let options = CallOptions::new().cost_weight(0.0);
    let error = router.route(&[1.0, 0.2], &options).unwrap_err().to_string();
    assert!(error.contains("input_tokens is needed"), "{error}");
    let decision = router.route(&[1.0, 0.2], &options.input_tokens(10)).unwrap();
    assert_eq!((decision.candidate, decision.quality), (Some(0), Some(qualities[0])));
    assert!(decision.similarity.is_some());
    let error = router.route(&[1.0, 0.2], &CallOptions::new().budget(1.0)).unwrap_err().to_string();
    assert!(error.contains("input_tokens"), "{error}");
    let met = router.route(&[1.0, 0.2], &CallOptions::new().budget(1.0).input_tokens(10)).unwrap();
    assert_eq!(met.expected_cost, Some(266.0 / 1e6));
}
