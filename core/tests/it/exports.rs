//! Exported models as routers: opening, forms of exports, batches, long prompts, stopping, bad files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use routellm_core::artifact::Artifact;
use routellm_core::calibrate::Sample;
use routellm_core::candidates::{Candidate, Price};
use routellm_core::onnx::{Preset, Provider};
use routellm_core::preference::GoldReader;
use routellm_core::router::{ExportSample, write_export};
use routellm_core::scorer::causal_llm::ScoreToken;
use routellm_core::scorer::{BertScorer, CausalLlmScorer, Kind, PromptScorer};
use routellm_core::{
    CallOptions, CancelToken, Control, Error, ErrorKind, Mode, OnError, OpenOptions, Result, Router, Side,
};

use ErrorKind::{InvalidArgument, InvalidModel};

use serde_json::json;

use crate::support::{needs_cuda, tiny_model};

const RATE: &str = "Rate the question from 1 to 5.\nQuestion: {question}\nScore:";

const PROMPTS: [&str; 8] = [
    "What is 2+2?",
    "",
    "Prove that there are infinitely many primes, and say which step would fail for even numbers.",
    "hi",
    "\u{65e5}\u{672c}\u{306e}\u{9996}\u{90fd}\u{306f}? na\u{ef}ve caf\u{e9}",
    "Write a story about a dog who learns to read. It should have a beginning, a middle and an end, and a moral that \
     children of five understand; do not mention cats. Then translate it into French.",
    "def f(x):\n    return [i ** 2 for i in range(x)]",
    "ok then",
];

pub(crate) fn options() -> OpenOptions {
    OpenOptions::new().strong("gpt-4").weak("mixtral").intra_threads(1)
}

/// Options of the stories: their scores are digits, scored as the next token.
pub(crate) fn stories() -> OpenOptions {
    let digits = ["1", "2", "3", "4", "5"].map(|digit| ScoreToken::Text(digit.into()));
    options().template(RATE.parse().unwrap()).score_tokens(digits).max_new_tokens(0)
}

/// Options of the tiny Llamas, whose tokenizer lacks the score tokens.
pub(crate) fn llama() -> OpenOptions {
    options().template(RATE.parse().unwrap()).score_tokens((805..810).map(ScoreToken::Id))
}

pub(crate) fn rates(router: &Router) -> Vec<f64> {
    PROMPTS.iter().map(|prompt| router.win_rate(prompt, &CallOptions::new()).unwrap()).collect()
}

fn close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    for ((a, b), prompt) in a.iter().zip(b).zip(PROMPTS) {
        assert!((a - b).abs() < tolerance, "{what} {prompt:?}: {a} {b}");
    }
}

/// A copy of a tiny model that may be changed.
pub(crate) struct Copy(tempfile::TempDir);

impl Copy {
    pub(crate) fn of(name: &str) -> Self {
        let from = tiny_model(name);
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "{name} was not changed");
        std::fs::write(self.path(name), changed).unwrap();
    }

    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        self.change(name, |text| text.replace(from, to));
    }

    pub(crate) fn open(&self, options: &OpenOptions) -> Result<Router> {
        options.open(self.0.path())
    }
}

pub(crate) fn refused(result: Result<Router>, kind: ErrorKind, parts: &[&str]) {
    let error: Error = result.map(|_| ()).expect_err("it opened");
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} is not in: {error}");
    }
}

/// The scorer of a router of prompts.
fn scorer<T: PromptScorer>(router: &Router) -> &T {
    router.pipeline().prompts().and_then(|scorer| scorer.downcast_ref()).expect("a scorer of this kind")
}

#[test]
fn the_three_exporters_give_the_same_win_rates() {
    for options in [stories(), stories().max_new_tokens(6)] {
        let mut first: Option<Vec<f64>> = None;
        for name in ["stories260k-ts", "stories260k-dynamo", "stories260k-optimum"] {
            let folder = tiny_model(name);
            let found = rates(&options.open(folder).unwrap());
            close(first.get_or_insert_with(|| found.clone()), &found, 1e-4, name);
        }
    }
}

#[test]
fn every_form_of_decoder_gives_the_same_win_rates() {
    for options in [llama(), llama().max_new_tokens(0), options().kind("causal_llm")] {
        let mut first: Option<Vec<f64>> = None;
        for name in [
            "llama-genai-ts",
            "llama-genai",
            "llama-tiny-nopast",
            "llama-tiny-merged",
            "llama-tiny-two-files",
        ] {
            let folder = tiny_model(name);
            let router = options.open(folder).unwrap();
            assert_eq!(router.info().kind, Kind::CausalLlm);
            let found = rates(&router);
            close(first.get_or_insert_with(|| found.clone()), &found, 1e-4, name);
        }
    }
    let folder = tiny_model("llama-genai-fp16");
    let half = rates(&llama().max_new_tokens(0).open(folder).unwrap());
    let whole = rates(&llama().max_new_tokens(0).open(tiny_model("llama-genai")).unwrap());
    close(&whole, &half, 1e-2, "half precision");
}

#[test]
fn batches_have_the_bits_of_single_prompts() {
    let models = [
        ("bert-tiny", options()),
        ("bert-tiny-int8", options()),
        ("bert-tiny-fp16", options()),
        ("xlmr-tiny", options()),
        ("deberta-v2-tiny", options()),
        ("distilbert-tiny", options().head("binary".parse().unwrap())),
        ("roberta-tiny", options().head(r#"{"kind": "regression", "link": "sigmoid"}"#.parse().unwrap())),
        ("modernbert-tiny", options().head("candidates".parse().unwrap())),
        (
            "bert-tiny",
            options().max_tokens(16).long_prompts("{\"kind\": \"windows\", \"overlap\": 4}".parse().unwrap()),
        ),
        ("stories260k-dynamo", stories()),
        ("llama-genai", llama()),
        ("llama-tiny", options()),
    ];
    for (name, options) in models {
        let folder = tiny_model(name);
        for options in [options.clone(), options.sessions(3)] {
            let router = options.open(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
            let route = CallOptions::new().threshold(0.5);
            let single: Vec<_> = PROMPTS.iter().map(|prompt| router.route(prompt, &route).unwrap()).collect();
            let many: Vec<&str> = PROMPTS.iter().cycle().take(50).copied().collect();
            let batch = router.route_batch(&many, &route).unwrap();
            for (i, decision) in batch.iter().enumerate() {
                let alone = &single[i % PROMPTS.len()];
                assert_eq!(decision, alone, "{name} {:?}", many[i]);
                let bits = |rate: Option<f64>| rate.unwrap().to_bits();
                assert_eq!(bits(decision.win_rate), bits(alone.win_rate), "{name} {:?}", many[i]);
            }
            assert!(router.route_batch([""; 0], &route).unwrap().is_empty());
        }
    }
}

#[test]
fn dynamically_quantised_rows_never_share_a_batch() {
    let folder = tiny_model("bert-tiny-int8");
    let router = options().open(folder).unwrap();
    let bert: &BertScorer = scorer(&router);
    assert!(bert.dynamically_quantized() && !bert.batches().unwrap());
    assert!(router.info().model.as_ref().unwrap().dynamically_quantized);
}

#[test]
fn long_prompts_are_cut_or_read_in_windows() {
    let folder = tiny_model("bert-tiny");
    let long = "one two three four five six seven eight nine ten ".repeat(20);
    let cut = options().max_tokens(16).open(&folder).unwrap();
    let route = CallOptions::new().threshold(0.5);
    assert!(cut.route(&long, &route).unwrap().truncated);
    assert!(!cut.route("short", &route).unwrap().truncated);
    let windows = |parameters: &str| {
        let text = format!(r#"{{"kind": "windows", {parameters}}}"#);
        options().max_tokens(16).long_prompts(text.parse().unwrap()).open(&folder).unwrap()
    };
    let (mean, max) = (
        windows(r#""max_windows": 100, "overlap": 4"#),
        windows(r#""max_windows": 100, "overlap": 4, "pooling": "max""#),
    );
    let few = windows(r#""max_windows": 2, "overlap": 4"#);
    let mean = mean.route(&long, &route).unwrap();
    let max = max.route(&long, &route).unwrap();
    assert!(!mean.truncated && !max.truncated);
    assert!(mean.win_rate < max.win_rate);
    assert!(few.route(&long, &route).unwrap().truncated);
    // A prompt of one window has the win rate that it has without windows.
    assert_eq!(
        few.win_rate("short", &CallOptions::new()).unwrap().to_bits(),
        cut.win_rate("short", &CallOptions::new()).unwrap().to_bits()
    );
    // Ten megabytes cost no more than what is read of them.
    let huge = "x ".repeat(5 << 20);
    assert!(cut.route(&huge, &route).unwrap().truncated);
}

#[test]
fn tails_are_kept_where_the_tokenizer_says_so() {
    let copy = Copy::of("bert-tiny");
    copy.replace(
        "tokenizer_config.json",
        r#""model_max_length""#,
        r#""truncation_side": "left", "model_max_length""#,
    );
    let router = copy.open(&options().max_tokens(8)).unwrap();
    let bert: &BertScorer = scorer(&router);
    let (whole, end) = ("one two three four five six seven eight nine ten", "nine ten");
    let tail = bert.token_ids(end).unwrap();
    assert!(bert.token_ids(whole).unwrap().ends_with(&tail[1..]));
}

#[test]
fn the_question_is_cut_from_its_left_and_never_the_instruction() {
    let folder = tiny_model("stories260k-ts");
    let router = stories().max_tokens(96).open(folder).unwrap();
    let causal: &CausalLlmScorer = scorer(&router);
    let (short, _) = causal.prepare("the end").unwrap();
    let long = format!("{} the end", "once upon a time ".repeat(60));
    let (ids, truncated) = causal.prepare(&long).unwrap();
    assert!(truncated && ids.len() == 96);
    let cached = causal.cached_tokens().unwrap();
    assert_eq!(ids[..cached], short[..cached]);
    assert!(cached > 10);
    let tail = short.len() - cached - 1;
    assert_eq!(ids[ids.len() - tail..], short[short.len() - tail..]);
    assert!(router.route(&long, &CallOptions::new().threshold(0.5)).unwrap().truncated);
    let huge = "x ".repeat(5 << 20);
    assert!(router.route(&huge, &CallOptions::new().threshold(0.5)).unwrap().truncated);
}

#[test]
fn no_score_token_is_win_rate_one_and_flagged() {
    let folder = tiny_model("stories260k-optimum");
    let router = stories().max_new_tokens(3).open(&folder).unwrap();
    let decision = router.route("Once upon a time", &CallOptions::new().threshold(1.0)).unwrap();
    assert!(decision.no_score && decision.win_rate == Some(1.0) && decision.side == Side::Strong);
    let direct = stories()
        .open(&folder)
        .unwrap()
        .route("Once upon a time", &CallOptions::new().threshold(1.0))
        .unwrap();
    assert!(!direct.no_score && direct.win_rate < Some(1.0));
}

#[test]
fn a_candidates_head_serves_any_pair() {
    let folder = tiny_model("modernbert-tiny");
    let open = |strong: &str, weak: &str| {
        OpenOptions::new().strong(strong).weak(weak).head("candidates".parse().unwrap()).open(&folder)
    };
    let router = open("gpt-4", "llama").unwrap();
    assert_eq!(router.models().collect::<Vec<_>>(), ["gpt-4", "claude", "mixtral", "llama"]);
    let scores = router.candidate_scores("hi", &CallOptions::new()).unwrap();
    let rate = router.win_rate("hi", &CallOptions::new()).unwrap();
    assert!((rate - 1.0 / (1.0 + (scores[3] - scores[0]).exp())).abs() < 1e-12);
    let other = open("llama", "gpt-4").unwrap().win_rate("hi", &CallOptions::new()).unwrap();
    assert!((rate + other - 1.0).abs() < 1e-12);
    refused(open("gpt-5", "llama"), InvalidArgument, &["gpt-5", "claude"]);
    refused(open("llama", "llama"), InvalidArgument, &["both"]);
    let error = options()
        .open(tiny_model("bert-tiny"))
        .unwrap()
        .candidate_scores("hi", &CallOptions::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    // A quality is the mean win rate against the others.
    let qualities = router.qualities("hi", &CallOptions::new()).unwrap();
    for (i, quality) in qualities.iter().enumerate() {
        let others = scores.iter().enumerate().filter(|(other, _)| *other != i);
        let rates = others.map(|(_, score)| 1.0 / (1.0 + (score - scores[i]).exp()));
        assert!((quality - rates.sum::<f64>() / 3.0).abs() < 1e-12, "{qualities:?}");
    }
    assert!(router.info().candidates.iter().all(|one| one.quality == Some("win_rate")));

    // As an artifact, calibrated on a sample: any pair then knows its shares, and a budget is met on it.
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("artifact");
    let prices = [("gpt-4", 30.0), ("claude", 10.0), ("mixtral", 1.0), ("llama", 0.1)]
        .map(|(name, usd)| Candidate::new(name).price(Price::new(usd, usd)));
    let options = OpenOptions::new()
        .strong("gpt-4")
        .weak("llama")
        .candidates(prices)
        .mean_output_tokens(100.0)
        .head("candidates".parse().unwrap());
    let prompts: Vec<String> = PROMPTS.map(str::to_owned).to_vec();
    let sample = ExportSample::new(Sample::new(&prompts).named("test prompts")).date("2026-01-31");
    write_export(&options, &folder, &out, Some(&sample), Control::new()).unwrap();
    let priced = Router::open(&out).unwrap();
    let cost = |budget: f64| {
        let decisions = priced.route_batch(&prompts, &CallOptions::new().budget(budget)).unwrap();
        let costs = decisions.iter().map(|decision| decision.expected_cost.unwrap() * 1e3);
        costs.sum::<f64>() / prompts.len() as f64
    };
    for budget in [0.5, 1.0, 3.0] {
        assert!(cost(budget) <= budget * (1.0 + 1e-12), "{budget}");
    }
    for (strong, weak) in [("gpt-4", "llama"), ("claude", "mixtral"), ("llama", "gpt-4")] {
        let router = OpenOptions::new().strong(strong).weak(weak).open(&out).unwrap();
        assert_eq!(router.info().calibration.as_ref().unwrap().date.as_deref(), Some("2026-01-31"));
        for share in [0.25, 0.5, 0.8] {
            let decisions = router.route_batch(&prompts, &CallOptions::new().strong_share(share)).unwrap();
            let strong = decisions.iter().filter(|decision| decision.side == Side::Strong).count();
            assert_eq!(strong as f64 / prompts.len() as f64, router.share(share).unwrap().1);
        }
    }
    // With gold rows a quality is the score that is expected of a candidate.
    let rows = PROMPTS.iter().enumerate().map(|(i, prompt)| {
        let right = |model: usize| (i + model).is_multiple_of(3);
        json!({"prompt": prompt, "gpt-4": true, "claude": right(0), "mixtral": right(1), "llama": false})
    });
    let gold = rows.map(|row| row.to_string()).collect::<Vec<_>>().join("\n");
    let gold = GoldReader::new().from_jsonl(gold.as_bytes(), "gold").unwrap();
    let graded = parent.path().join("graded");
    let with_gold = sample.clone().gold(gold.clone());
    let router = write_export(&options, &folder, &graded, Some(&with_gold), Control::new()).unwrap();
    let info = router.info();
    assert!(info.candidates.iter().all(|one| one.quality == Some("platt")), "{info:?}");
    let qualities = router.qualities(PROMPTS[0], &CallOptions::new()).unwrap();
    assert!(qualities[0] > 0.8 && qualities[3] < 0.2, "{qualities:?}");
    let lacking = sample.clone().gold(gold.renamed("claude", "other").unwrap());
    refused(
        write_export(&options, &folder, &graded, Some(&lacking), Control::new()),
        InvalidArgument,
        &["claude"],
    );
    let pair = OpenOptions::new().strong("gpt-4").weak("mixtral");
    refused(
        write_export(&pair, &tiny_model("bert-tiny"), &graded, Some(&with_gold), Control::new()),
        InvalidArgument,
        &["gold has no effect"],
    );

    let one = ExportSample::new(Sample::new(&prompts[..1]));
    refused(
        write_export(&options, &folder, &out, Some(&one), Control::new()),
        InvalidArgument,
        &["two distinct win rates"],
    );
    for (control, kind) in [
        (Control::new().timeout(Duration::from_nanos(1)), ErrorKind::ResourceExhausted),
        (Control::new().progress(|_| ControlFlow::Break(())), ErrorKind::Cancelled),
    ] {
        let stopped = write_export(&options, &folder, &out, Some(&sample), control);
        assert_eq!(stopped.unwrap_err().kind(), kind);
    }
}

#[test]
fn artifacts_of_exports_have_the_bits_of_the_bare_folder() {
    let exports = [
        ("bert-tiny", options()),
        ("llama-genai", llama().max_new_tokens(0)),
        ("stories260k-dynamo", stories()),
    ];
    for (name, options) in exports {
        let folder = tiny_model(name);
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("artifact");
        let prompts: Vec<String> = PROMPTS.map(str::to_owned).to_vec();
        let bare = options.open(&folder).unwrap();
        let sample = ExportSample::new(Sample::new(&prompts)).default_strong_share(0.25);
        let written = write_export(&options, &folder, &out, Some(&sample), Control::new()).unwrap();
        for prompt in PROMPTS {
            let bits = |router: &Router| router.win_rate(prompt, &CallOptions::new()).unwrap().to_bits();
            assert_eq!(bits(&bare), bits(&written), "{name} {prompt:?}");
        }
        let again = OpenOptions::new().open(&out).unwrap();
        assert_eq!((again.strong(), again.weak()), ("gpt-4", "mixtral"));
        assert_eq!(again.info().calibration.as_ref().unwrap().count, PROMPTS.len());
        let shares = again.route_batch(PROMPTS, &CallOptions::new()).unwrap();
        assert_eq!(shares.iter().filter(|decision| decision.side == Side::Strong).count(), 2, "{name}");
        let error = OpenOptions::new().strong("mixtral").weak("gpt-4").open(&out).unwrap_err();
        assert_eq!(error.kind(), InvalidArgument);
        refused(OpenOptions::new().kind("mf").open(&out), InvalidArgument, &["mf"]);
        refused(OpenOptions::new().max_tokens(5).open(&out), InvalidArgument, &["artifact"]);
        // A changed file is refused by its checksum.
        let config = Artifact::open(&out).unwrap().path_of("config.json").unwrap();
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace("vocab_size", "vocab_sizE")).unwrap();
        refused(OpenOptions::new().open(&out), InvalidModel, &["config.", ".json", "changed"]);
    }
    let error = write_export(
        &OpenOptions::new(),
        &crate::support::root().join("artifacts/mf-minilm"),
        Path::new("x"),
        None,
        Control::new(),
    );
    assert!(error.is_err());
}

#[test]
fn a_call_stops_at_its_timeout_and_when_it_is_cancelled() {
    let folder = tiny_model("llama-genai-ts");
    let many: Vec<String> =
        (0..5000).map(|i| format!("question number {i}, {}", "and so on ".repeat(40))).collect();
    for options in [llama(), llama().sessions(2)] {
        let router = options.open(&folder).unwrap();
        let timed = CallOptions::new().threshold(0.5).timeout(Duration::from_millis(20));
        let error = router.route_batch(&many, &timed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
        assert!(error.message().contains("20 ms"), "{error}");
        let decisions = router.route_batch(&many, &timed.clone().on_error(OnError::Strong)).unwrap();
        let last = decisions.last().unwrap();
        assert_eq!(last.fallback.as_ref().unwrap().kind, ErrorKind::ResourceExhausted);
        assert_eq!((decisions.len(), last.side), (many.len(), Some(Side::Strong)));
        let token = CancelToken::new();
        let other = token.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            other.cancel();
        });
        let cancelled = CallOptions::new().threshold(0.5).cancel(token).on_error(OnError::Weak);
        assert_eq!(router.route_batch(&many, &cancelled).unwrap_err().kind(), ErrorKind::Cancelled);
        thread.join().unwrap();
        // The sessions are whole afterwards, and a generous timeout changes nothing.
        let generous = CallOptions::new().threshold(0.5).timeout(Duration::from_hours(1));
        let plain = CallOptions::new().threshold(0.5);
        assert_eq!(router.route("hi", &generous).unwrap(), router.route("hi", &plain).unwrap());
    }
    let router = Router::default_router().unwrap();
    let none = CallOptions::new().timeout(Duration::ZERO);
    assert_eq!(router.route("hi", &none).unwrap_err().kind(), InvalidArgument);
}

#[test]
fn providers_and_presets() {
    let folder = tiny_model("bert-tiny");
    let pair = || OpenOptions::new().strong("a").weak("b");
    let router = pair().provider(Provider::Auto).preset(Preset::Throughput).open(&folder).unwrap();
    let runtime = router.info().runtime.clone().unwrap();
    assert!(["cpu", "cuda"].contains(&runtime.provider));
    assert_eq!(runtime.intra_threads, 1);
    assert!(runtime.version.starts_with("1."), "{}", runtime.version);
    assert!(runtime.library.exists());
    refused(pair().preset(Preset::Latency).sessions(2).open(&folder), InvalidArgument, &["preset"]);
    refused(pair().device_id(1).open(&folder), InvalidArgument, &["device_id", "cuda"]);
    refused(pair().tf32(true).open(&folder), InvalidArgument, &["tf32", "cuda"]);
    refused(OpenOptions::new().provider(Provider::Auto).open_default(), InvalidArgument, &["no effect"]);
    if runtime.provider == "cpu" {
        let result = pair().provider(Provider::Cuda).open(&folder);
        refused(result, ErrorKind::RuntimeUnavailable, &["cuda", "onnxruntime-gpu", &runtime.version]);
    }
}

#[test]
fn the_same_cases_run_on_a_gpu() {
    needs_cuda();
    for (name, options) in
        [("bert-tiny", options()), ("llama-genai-ts", llama()), ("stories260k-ts", stories())]
    {
        let folder = tiny_model(name);
        let gpu = options.clone().provider(Provider::Cuda).memory_limit(1 << 30).open(&folder).unwrap();
        assert_eq!(gpu.info().runtime.as_ref().unwrap().provider, "cuda");
        close(&rates(&options.open(&folder).unwrap()), &rates(&gpu), 1e-4, name);
    }
}

#[test]
fn options_without_effect_or_out_of_range_are_refused() {
    let bert = tiny_model("bert-tiny");
    let causal = tiny_model("stories260k-ts");
    refused(OpenOptions::new().open(&bert), InvalidArgument, &["strong and weak"]);
    refused(options().kind("linear").open(&bert), InvalidArgument, &["linear", "causal_llm"]);
    refused(options().score_threshold(3).open(&bert), InvalidArgument, &["score_threshold", "no effect"]);
    refused(options().open_clusters(3).open(&bert), InvalidArgument, &["open_clusters"]);
    refused(options().open(tiny_model("distilbert-tiny")), InvalidArgument, &["head", "binary"]);
    refused(options().head("binary".parse().unwrap()).open(&bert), InvalidModel, &["binary", "2", "3"]);
    refused(options().max_tokens(200).open(&bert), InvalidModel, &["200", "128"]);
    refused(options().max_tokens(3).open(&bert), InvalidModel, &["max_tokens"]);
    refused(stories().head("binary".parse().unwrap()).open(&causal), InvalidArgument, &["head"]);
    refused(options().open(&causal), InvalidArgument, &["template", "{question}"]);
    refused(stories().score_threshold(1).open(&causal), InvalidArgument, &["score_threshold"]);
    refused(stories().score_threshold(6).open(&causal), InvalidArgument, &["score_threshold"]);
    refused(stories().max_new_tokens(1000).open(&causal), InvalidArgument, &["max_new_tokens"]);
    refused(stories().score_tokens([ScoreToken::Id(3)]).open(&causal), InvalidArgument, &["score_tokens"]);
    let tokens = |texts: [&str; 2]| {
        stories().score_threshold(2).score_tokens(texts.map(|t| ScoreToken::Text(t.into())))
    };
    refused(tokens(["1", "[[nothing]]"]).open(&causal), InvalidModel, &["[[nothing]]", "vocabulary"]);
    refused(tokens(["1", "1"]).open(&causal), InvalidArgument, &["twice"]);
    let high = stories().score_threshold(2).score_tokens([ScoreToken::Id(3), ScoreToken::Id(512)]);
    refused(high.open(&causal), InvalidModel, &["512"]);
    refused(stories().max_tokens(513).open(&causal), InvalidModel, &["513", "512"]);
    refused(stories().max_tokens(12).open(&causal), InvalidModel, &["instruction", "12"]);
    refused(stories().template("chat".parse().unwrap()).open(&causal), InvalidModel, &["chat template"]);
    let published = stories().template("routellm".parse().unwrap());
    refused(published.open(&causal), InvalidModel, &["system_ft_v5.txt"]);
}

#[test]
fn damaged_exports_are_refused() {
    let copy = Copy::of("bert-tiny");
    let whole = std::fs::read(copy.path("model.onnx")).unwrap();
    std::fs::write(copy.path("model.onnx"), &whole[..whole.len() / 2]).unwrap();
    refused(copy.open(&options()), InvalidModel, &["model.onnx", "whole"]);
    std::fs::write(copy.path("model.onnx"), b"").unwrap();
    refused(copy.open(&options()), InvalidModel, &["model.onnx"]);
    // Another byte in the middle of a name.
    let mut altered = whole.clone();
    let at = altered.windows(9).position(|bytes| bytes == b"input_ids").unwrap();
    altered[at] = b'X';
    std::fs::write(copy.path("model.onnx"), &altered).unwrap();
    refused(copy.open(&options()), InvalidModel, &["model.onnx"]);
    std::fs::remove_file(copy.path("model.onnx")).unwrap();
    refused(copy.open(&options()), InvalidModel, &["no model", "model.onnx"]);

    let copy = Copy::of("bert-tiny");
    copy.replace("config.json", r#""vocab_size": 1500"#, r#""vocab_size": 1400"#);
    refused(copy.open(&options()), InvalidModel, &["tokenizer.json", "1499", "1400"]);
    copy.replace("config.json", r#""vocab_size": 1400"#, r#""vocab_size": "many""#);
    refused(copy.open(&options()), InvalidModel, &["config.json", "vocab_size"]);
    std::fs::remove_file(copy.path("tokenizer.json")).unwrap();
    copy.replace("config.json", r#""vocab_size": "many""#, r#""vocab_size": 1500"#);
    refused(copy.open(&options()), InvalidModel, &["tokenizer.json"]);
    std::fs::write(copy.path("tokenizer.json"), "{}").unwrap();
    refused(copy.open(&options()), InvalidModel, &["tokenizer.json"]);

    let copy = Copy::of("bert-tiny");
    copy.replace("tokenizer_config.json", r#""model_max_length": 128"#, r#""model_max_length": 512"#);
    assert_eq!(
        rates(&copy.open(&options()).unwrap()),
        rates(&options().open(tiny_model("bert-tiny")).unwrap())
    );
    refused(copy.open(&options().max_tokens(512)), InvalidModel, &["512", "128", "positions"]);

    // A causal LM is no classifier, and the other way round.
    let causal = tiny_model("stories260k-ts");
    let result = options().kind("bert").head("binary".parse().unwrap()).open(&causal);
    refused(result, InvalidModel, &["model.onnx", "past_key_values"]);
    let bert = tiny_model("bert-tiny");
    let result = stories().kind("causal_llm").open(&bert);
    assert_eq!(result.unwrap_err().kind(), InvalidModel);
    assert_eq!(options().open("there/is/no/such/folder").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn weights_outside_of_the_folder_are_refused() {
    let copy = Copy::of("stories260k-dynamo");
    let model = std::fs::read(copy.path("model.onnx")).unwrap();
    let place = b"model.onnx.data";
    let mut elsewhere = model.clone();
    for at in 0..elsewhere.len() - place.len() {
        if elsewhere[at..].starts_with(place) {
            elsewhere[at..at + place.len()].copy_from_slice(b"../ab.onnx.data");
        }
    }
    assert_ne!(model, elsewhere);
    std::fs::write(copy.path("model.onnx"), &elsewhere).unwrap();
    refused(copy.open(&stories()), InvalidModel, &["model.onnx", "../ab.onnx.data", "outside"]);
    std::fs::write(copy.path("model.onnx"), &model).unwrap();
    let weights = std::fs::read(copy.path("model.onnx.data")).unwrap();
    std::fs::write(copy.path("model.onnx.data"), &weights[..weights.len() / 2]).unwrap();
    refused(copy.open(&stories()), InvalidModel, &["model.onnx"]);
    std::fs::remove_file(copy.path("model.onnx.data")).unwrap();
    refused(copy.open(&stories()), InvalidModel, &["model.onnx.data", "does not exist"]);
}

#[test]
fn reference_mode_is_close_to_exact_mode() {
    let folder = tiny_model("bert-tiny");
    let open = |mode| options().mode(mode).open(&folder).unwrap();
    close(&rates(&open(Mode::Exact)), &rates(&open(Mode::Reference)), 1e-6, "modes");
}
