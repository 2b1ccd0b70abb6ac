//! How long classifiers and language models take as routers, as ratios and medians of one run:
//!
//! ```sh
//! ROUTELLM_ORT_PATH=.../libonnxruntime.so cargo bench -p routellm-core --features ort --bench exports -- \
//!     --classifier DIR [--classifier DIR] --causal DIR
//! ```
//!
//! Each DIR is the folder of an export (`tools/models/README.md` makes them). Without any, the tiny models of the tests
//! are taken, whose ratios say little. The published prompt is taken from beside the language model, or from
//! `tests/models/llama-tiny`.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use routellm_core::onnx::Preset;
use routellm_core::scorer::causal_llm::{CLASSIFIER_FILE, SYSTEM_FILE, ScoreToken, TemplateSpec};
use routellm_core::scorer::{BertScorer, CausalLlmScorer, PromptScorer};
use routellm_core::{CallOptions, OpenOptions, Router};
use tokenizers::Tokenizer;
use tokenizers::utils::truncation::TruncationParams;

const WORDS: &str =
    "which of these small red stones would a careful builder choose for the old bridge and why ";

/// The scorer of a router of prompts.
fn scorer<T: PromptScorer>(router: &Router) -> &T {
    router.pipeline().prompts().and_then(|scorer| scorer.downcast_ref()).expect("a scorer of this kind")
}

fn main() {
    let Some(library) = std::env::var_os("ROUTELLM_ORT_PATH").map(PathBuf::from) else {
        println!("left out: everything (ROUTELLM_ORT_PATH is not set)");
        return;
    };
    let environment =
        ort::init_from(&library).expect("loads").with_name("bench").build().expect("an environment");
    routellm_core::onnx::adopt(environment.clone(), &library).expect("is adopted");
    let (mut classifiers, mut causal) = (Vec::new(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--classifier" => classifiers.push(PathBuf::from(arguments.next().expect("a folder"))),
            "--causal" => causal.push(PathBuf::from(arguments.next().expect("a folder"))),
            _ => {}
        }
    }
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/models");
    if classifiers.is_empty() && causal.is_empty() {
        classifiers.push(tiny.join("bert-tiny"));
        causal.push(tiny.join("llama-genai-ts"));
    }
    println!("| what | measured | limit |\n|---|---|---|");
    for folder in &classifiers {
        by_hand(folder, &environment);
        callers(folder);
        memory(&options().intra_threads(1).open(folder).expect("opens"), &name(folder), 10_000);
    }
    for folder in &causal {
        instruction(folder, &tiny.join("llama-tiny"));
    }
}

fn options() -> OpenOptions {
    OpenOptions::new().strong("strong").weak("weak")
}

fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Words of about this many tokens.
fn words(tokens: usize) -> String {
    WORDS.split_whitespace().cycle().take(tokens).collect::<Vec<_>>().join(" ")
}

fn milliseconds(call: impl FnOnce()) -> f64 {
    let start = Instant::now();
    call();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same tokenizer and session called by hand, with nothing around them.
fn by_hand(folder: &Path, environment: &ort::environment::Environment) {
    let router = options().intra_threads(1).open(folder).expect("opens");
    let bert: &BertScorer = scorer(&router);
    let mut tokenizer = Tokenizer::from_file(folder.join("tokenizer.json")).expect("a tokenizer");
    let truncation = TruncationParams { max_length: bert.max_tokens(), ..TruncationParams::default() };
    tokenizer.with_padding(None).with_truncation(Some(truncation)).expect("truncates");
    let mut session = Session::builder(environment)
        .and_then(|b| Ok(b.with_optimization_level(GraphOptimizationLevel::All)?))
        .and_then(|b| Ok(b.with_intra_threads(1)?))
        .and_then(|b| Ok(b.with_intra_op_spinning(false)?))
        .and_then(|mut b| b.commit_from_file(folder.join("model.onnx")))
        .expect("a session");
    let typed = session.inputs().iter().any(|input| input.name() == "token_type_ids");
    let mut hand = |prompt: &str| {
        let encoding = tokenizer.encode_fast(prompt, true).expect("tokenises");
        let ids: Vec<i64> = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
        let (ones, zeros) = (vec![1_i64; ids.len()], vec![0_i64; ids.len()]);
        let shape = [1, ids.len()];
        let tensor = |data| TensorRef::from_array_view((shape, data)).expect("a tensor");
        let mut inputs = ort::inputs![
            "input_ids" => tensor(ids.as_slice()), "attention_mask" => tensor(ones.as_slice())
        ];
        if typed {
            inputs.extend(ort::inputs!["token_type_ids" => tensor(zeros.as_slice())]);
        }
        let outputs = session.run(inputs).expect("runs");
        let logits = outputs[0].try_extract_tensor::<f32>().expect("floats").1;
        let exp: Vec<f32> = logits.iter().map(|x| x.exp()).collect();
        black_box(exp[0] / exp.iter().sum::<f32>());
    };
    let route = CallOptions::new().threshold(0.5);
    for tokens in [32, 256] {
        let prompt = words(tokens - 2);
        // Turn about, so that both see the same machine.
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            ours.push(milliseconds(|| {
                black_box(router.route(&prompt, &route).expect("routes"));
            }));
            theirs.push(milliseconds(|| hand(&prompt)));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "| {}, {tokens} tokens: p50 against a loop by hand | {ours:.2} ms, {:.3} times | 1.05 times |",
            name(folder),
            ours / theirs
        );
    }
}

/// Requests a second of one caller and of one for each core, both with the `throughput` preset.
fn callers(folder: &Path) {
    let router = options().preset(Preset::Throughput).open(folder).expect("opens");
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    let route = CallOptions::new().threshold(0.5);
    let prompt = words(62);
    let serve = |callers: usize| -> f64 {
        let each = 60;
        let seconds = milliseconds(|| {
            std::thread::scope(|scope| {
                for _ in 0..callers {
                    scope.spawn(|| {
                        for _ in 0..each {
                            black_box(router.route(&prompt, &route).expect("routes"));
                        }
                    });
                }
            });
        }) / 1e3;
        (callers * each) as f64 / seconds
    };
    serve(1);
    let ratios: Vec<f64> = (0..5)
        .map(|_| {
            let one = serve(1);
            serve(cores) / one
        })
        .collect();
    println!(
        "| {}: {cores} callers against one | {:.2} times | at least 1.7 |",
        name(folder),
        median(ratios)
    );
}

/// Growth of the process over many routes.
fn memory(router: &Router, name: &str, routes: usize) {
    let route = CallOptions::new().threshold(0.5);
    let prompts: Vec<String> = (1..=16).map(words).collect();
    for prompt in &prompts {
        router.route(prompt, &route).expect("routes");
    }
    let before = resident_mb();
    for i in 0..routes {
        black_box(router.route(&prompts[i % prompts.len()], &route).expect("routes"));
    }
    println!("| {name}: growth over {routes} routes | {:.1} MB | below 5 MB |", resident_mb() - before);
}

/// The published prompt around a question of 32 tokens: with the instruction's cache, and in full.
fn instruction(folder: &Path, prompts: &Path) {
    // The published files, beside a copy of the model's own files by links, unless they are there.
    let temporary = tempfile::tempdir().expect("a folder");
    let mut open_from = folder.to_path_buf();
    if !folder.join(SYSTEM_FILE).exists() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            std::os::unix::fs::symlink(
                path.canonicalize().expect("a path"),
                temporary.path().join(path.file_name().expect("a name")),
            )
            .expect("links");
        }
        for file in [SYSTEM_FILE, CLASSIFIER_FILE] {
            std::fs::copy(prompts.join(file), temporary.path().join(file)).expect("copies");
        }
        open_from = temporary.path().to_path_buf();
    }
    let digits: Vec<ScoreToken> =
        ["1", "2", "3", "4", "5"].map(|digit| ScoreToken::Text(digit.into())).to_vec();
    let open = |tokens: Option<Vec<ScoreToken>>, steps: usize| {
        let mut open = options().intra_threads(1).template(TemplateSpec::Routellm).max_new_tokens(steps);
        if let Some(tokens) = tokens {
            open = open.score_tokens(tokens);
        }
        open.open(&open_from)
    };
    let router = open(Some(digits), 0).or_else(|_| open(None, 0)).expect("opens");
    let causal: &CausalLlmScorer = scorer(&router);
    let (ids, _) = causal.prepare(&words(32)).expect("prepares");
    let (mut cached, mut full, mut far) = (Vec::new(), Vec::new(), 0.0_f32);
    for _ in 0..9 {
        let mut with = Vec::new();
        let mut without = Vec::new();
        cached.push(milliseconds(|| with = causal.logits(&ids, true).expect("runs")));
        full.push(milliseconds(|| without = causal.logits(&ids, false).expect("runs")));
        far = with.iter().zip(&without).map(|(a, b)| (a - b).abs()).fold(far, f32::max);
    }
    let (cached, full) = (median(cached), median(full));
    println!(
        "| {}: {} tokens, {} of the instruction cached | {cached:.1} ms against {full:.1} ms, {:.2} times; logits within {far:.1e} | at least 3 times, 1e-4 |",
        name(folder),
        ids.len(),
        causal.cached_tokens().unwrap_or(0),
        full / cached
    );
    memory(&router, &name(folder), if cached < 2.0 { 10_000 } else { 200 });
}

/// Resident memory of this process in megabytes; 0 where the system does not tell.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.map_or(0.0, |kilobytes: f64| kilobytes / 1024.0)
}
