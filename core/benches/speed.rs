//! How long decisions take, as ratios and medians of one run:
//!
//! ```sh
//! ROUTELLM_ORT_PATH=.../libonnxruntime.so cargo bench -p routellm-core --features ort --bench speed
//! ```
//!
//! Without `ROUTELLM_ORT_PATH` the encoder's part is left out, by name.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use routellm_core::numeric::Rng;
use routellm_core::scorer::{MfScorer, MfWeights, Pair};
use routellm_core::{CallOptions, OpenOptions, Read, Router, features::Features};
use tokenizers::Tokenizer;
use tokenizers::utils::truncation::TruncationParams;

/// A hundred words of an ordinary request.
const PROMPT: &str = "I run a small bakery and want to understand how my costs change with volume. Last month we \
sold 1200 loaves at 4.50 each, with flour costs of 1100, wages of 2400 and a rent of 900 that does not depend on \
volume. This month a hotel asks for another 400 loaves a week at 3.80 each, which would need a second oven at 6000 \
and one more helper for twenty hours a week. Please work out whether the offer pays off within one year, explain \
every step of the calculation, and say which assumptions matter most and exactly why.";

fn main() {
    assert_eq!(PROMPT.split_whitespace().count(), 100);
    println!("| what | median | limit |\n|---|---|---|");
    // First, while nothing of it is in memory yet.
    opening();
    default_router();
    matrix_factorization();
    match std::env::var_os("ROUTELLM_ORT_PATH") {
        Some(library) => encoder(Path::new(&library)),
        None => println!("left out: the encoder (ROUTELLM_ORT_PATH is not set)"),
    }
    // Last: texts of 20 MB make the allocator keep more, which the encoder's growth would show.
    chats();
}

/// Median time of one call in nanoseconds, over rounds of `calls`.
fn median_ns(rounds: usize, calls: usize, mut call: impl FnMut()) -> f64 {
    call();
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            start.elapsed().as_nanos() as f64 / calls as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[rounds / 2]
}

fn default_router() {
    let router = Router::default_router().expect("the default router opens");
    let options = CallOptions::new();
    let ns = median_ns(101, 200, || {
        black_box(router.route(black_box(PROMPT), &options).expect("routes"));
    });
    println!("| default router, 100-word prompt | {:.2} us | 15 us |", ns / 1e3);
    router.on_decision(|event| {
        black_box(event);
    });
    let ns_heard = median_ns(101, 200, || {
        black_box(router.route(black_box(PROMPT), &options).expect("routes"));
    });
    router.off_decision();
    println!("| the same with a hook | {:.2} us | |", ns_heard / 1e3);
    let huge = "many words here ".repeat(650_000);
    let ns_huge = median_ns(11, 2, || {
        black_box(router.route(black_box(&huge), &options).expect("routes"));
    });
    println!("| default router, 10 MB prompt | {:.2} us | a few full windows |", ns_huge / 1e3);
}

/// Chats in JSON: what is passed over, not parsed, has to go by at the speed of memory.
fn chats() {
    let turn = |i: usize| {
        let role = if i.is_multiple_of(2) { "user" } else { "assistant" };
        serde_json::json!({"role": role, "content": format!("Turn {i}:\n\n{PROMPT}\n{}", "more \"words\"\n".repeat(40))})
    };
    let turns = serde_json::Value::from((0..401).map(turn).collect::<Vec<_>>()).to_string();
    let image = format!("data:image/png;base64,{}", "iVBORw0KGgoAAAANSUhEUgAA/+".repeat(20_000_000 / 26));
    let image = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": image}}, {"type": "text", "text": PROMPT}]}]})
    .to_string();
    for (name, json, limit) in [("with a 20 MB image", &image, 2), ("of 401 turns of text", &turns, 1)] {
        let ns = median_ns(31, 3, || {
            black_box(Read::LastUser.prompt(black_box(json.as_bytes())).expect("has a text"));
        });
        let speed = json.len() as f64 / ns;
        println!(
            "| reading a chat {name}, {:.1} MB of JSON | {speed:.1} GB/s | {limit} GB/s |",
            json.len() as f64 / 1e6
        );
    }
}

fn matrix_factorization() {
    let mut rng = Rng::new(1);
    let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.normal() as f32).collect() };
    let (models, dim, text_dim) = (64, 128, 1536);
    let weights = MfWeights {
        models,
        dim,
        text_dim,
        p: random(models * dim),
        w: random(dim * text_dim),
        c: random(dim),
    };
    let scorer = MfScorer::new(&weights, Pair { strong: 24, weak: 36 }).expect("folds");
    let embedding = random(text_dim);
    let ns = median_ns(101, 1000, || {
        black_box(scorer.win_rate(Features::Dense(black_box(&embedding))).expect("scores"));
    });
    println!("| MF on a given 1536-d embedding | {:.3} us | 0.3 us |", ns / 1e3);
}

fn opening() {
    let before = resident_mb();
    let start = Instant::now();
    let router = Router::default_router().expect("opens");
    println!("| opening the default artifact | {:.2} ms | 20 ms |", start.elapsed().as_secs_f64() * 1e3);
    router.route(PROMPT, &CallOptions::new()).expect("routes");
    println!("| growth of the process by it | {:.1} MB | 15 MB |", resident_mb() - before);
}

fn encoder(library: &Path) {
    let artifact = Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts/mf-minilm");
    let environment =
        ort::init_from(library).expect("loads").with_name("bench").build().expect("an environment");
    routellm_core::onnx::adopt(environment.clone(), PathBuf::from(library)).expect("is adopted");

    let before = resident_mb();
    let start = Instant::now();
    let router = OpenOptions::new().intra_threads(1).open(&artifact).expect("opens");
    println!("| opening the MF/MiniLM artifact | {:.0} ms | 300 ms |", start.elapsed().as_secs_f64() * 1e3);
    router.route(PROMPT, &CallOptions::new()).expect("routes");
    println!("| growth of the process by it | {:.0} MB | 170 MB |", resident_mb() - before);

    // The same tokenizer and session called by hand, with nothing around them.
    let mut tokenizer = Tokenizer::from_file(artifact.join("tokenizer.json")).expect("a tokenizer");
    let truncation = TruncationParams { max_length: 256, ..TruncationParams::default() };
    tokenizer.with_padding(None).with_truncation(Some(truncation)).expect("truncates");
    let mut session = Session::builder(&environment)
        .and_then(|b| Ok(b.with_optimization_level(GraphOptimizationLevel::All)?))
        .and_then(|b| Ok(b.with_intra_threads(1)?))
        .and_then(|b| Ok(b.with_intra_op_spinning(false)?))
        .and_then(|mut b| b.commit_from_file(artifact.join("model.onnx")))
        .expect("a session");
    let mut by_hand = |prompt: &str| -> f32 {
        let encoding = tokenizer.encode_fast(prompt, true).expect("tokenises");
        let ids: Vec<i64> = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
        let (ones, zeros) = (vec![1_i64; ids.len()], vec![0_i64; ids.len()]);
        let shape = [1, ids.len()];
        let tensor = |data| TensorRef::from_array_view((shape, data)).expect("a tensor");
        let outputs = session
            .run(ort::inputs![
                "input_ids" => tensor(ids.as_slice()),
                "attention_mask" => tensor(ones.as_slice()),
                "token_type_ids" => tensor(zeros.as_slice())
            ])
            .expect("runs");
        outputs[0].try_extract_tensor::<f32>().expect("floats").1[0]
    };
    let options = CallOptions::new();
    for (name, prompt) in [("short prompt", "What is the capital of France?"), ("100-word prompt", PROMPT)] {
        // Turn about, so that both see the same machine.
        let mut ratios = Vec::new();
        let mut times = Vec::new();
        for _ in 0..60 {
            let ours = median_ns(3, 2, || {
                black_box(router.route(prompt, &options).expect("routes"));
            });
            let theirs = median_ns(3, 2, || {
                black_box(by_hand(prompt));
            });
            times.push(ours);
            ratios.push(ours / theirs);
        }
        ratios.sort_by(f64::total_cmp);
        times.sort_by(f64::total_cmp);
        println!(
            "| route through the encoder, {name} | {:.2} ms, {:.3} times by hand | 1.05 times |",
            times[30] / 1e6,
            ratios[30]
        );
    }
}

/// Resident memory of this process in megabytes; 0 where the system does not tell.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.map_or(0.0, |kilobytes: f64| kilobytes / 1024.0)
}
