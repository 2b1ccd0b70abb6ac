//! Quality of similarity-weighted ranking by what it is built from and by its weight exponent, as a table:
//!
//! ```sh
//! cargo run --release -p routellm-core --example sw_quality -- ENCODER VOTES.jsonl GOLD.jsonl EVALS WORK
//! ```
//!
//! `ENCODER` is an artifact with a sentence encoder, `EVALS` a folder in the layout of RouteLLM's `routellm/evals`, and
//! `WORK` a folder for the artifacts and their cache of embeddings. `ROUTELLM_ORT_PATH` names ONNX Runtime.

use std::path::Path;

use routellm_core::artifact::Artifact;
use routellm_core::eval::{Benchmark, Curve, bootstrap};
use routellm_core::numeric::Rng;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{GoldTable, VoteTable};
use routellm_core::train::sw_ranking::{SwOptions, train};
use routellm_core::train::{Control, Encoder, Sources, TrainOptions};
use routellm_core::{CallOptions, Error, ErrorKind, OpenOptions, Result, Router};

const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mixtral-8x7b-instruct-v0.1";
/// How gold rows and benchmarks call the weak model.
const WEAK_IN_GOLD: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";
const RESAMPLES: usize = 1000;
const SEED: u64 = 1;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [encoder_path, votes_path, gold_path, evals, work] = arguments.as_slice() else {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "usage: sw_quality ENCODER VOTES.jsonl GOLD.jsonl EVALS WORK",
        ));
    };
    let (evals, work) = (Path::new(evals), Path::new(work));
    let votes = VoteTable::read(votes_path)?;
    let gold = GoldTable::read(gold_path)?.renamed(WEAK_IN_GOLD, WEAK)?;
    let benchmarks = [
        ("MMLU", Benchmark::mmlu(evals, STRONG, WEAK_IN_GOLD)?),
        ("GSM8K", Benchmark::gsm8k(evals, STRONG, WEAK_IN_GOLD)?),
        ("MT-Bench", Benchmark::mt_bench(evals, STRONG, WEAK_IN_GOLD)?),
    ];
    let embedder = OpenOptions::new().throughput().open(encoder_path)?;
    let embeddings: Vec<Vec<f32>> = benchmarks
        .iter()
        .map(|(_, benchmark)| embed(&embedder, &benchmark.prompts))
        .collect::<Result<_>>()?;

    let header: Vec<String> =
        benchmarks.iter().map(|(name, benchmark)| format!("{name} ({})", benchmark.prompts.len())).collect();
    println!(
        "| built from | exponent | {} |\n|---|---|{}",
        header.join(" | "),
        "---|".repeat(benchmarks.len())
    );
    let mut rng = Rng::new(SEED);
    row("random", "", &benchmarks, |i| benchmarks[i].1.prompts.iter().map(|_| rng.uniform()).collect())?;
    let length =
        |i: usize| benchmarks[i].1.prompts.iter().map(|prompt| prompt.chars().count() as f64).collect();
    row("prompt length", "", &benchmarks, length)?;
    let encoder =
        Encoder::from_artifact(Artifact::open(Path::new(encoder_path))?, &SessionOptions::default())?;
    let cache = work.join("embeddings.safetensors");
    let common = TrainOptions::new().pair(STRONG, WEAK).cache(cache);
    let votes = Sources::new().votes(votes);
    let both = votes.clone().gold(gold.clone());
    for (name, sources) in [("votes", votes), ("gold", Sources::new().gold(gold)), ("both", both)] {
        for exponent in [1.0, 2.0, 4.0] {
            let mut options = SwOptions::new().common(common.clone()).store("f32")?;
            options.build.weight_exponent = exponent;
            let out = work.join(format!("sw-{name}-x{exponent}"));
            train(&out, &sources, &encoder, &options, Control::new())?;
            let router = Router::open(&out)?;
            let mut rates = Vec::new();
            for (embeddings, (_, benchmark)) in embeddings.iter().zip(&benchmarks) {
                let rows = embeddings.chunks(embeddings.len() / benchmark.prompts.len());
                rates.push(router.win_rates(rows, &CallOptions::new())?);
            }
            row(name, &format!("x{exponent}"), &benchmarks, |i| rates[i].clone())?;
        }
    }
    Ok(())
}

fn embed(router: &Router, prompts: &[String]) -> Result<Vec<f32>> {
    let mut rows = Vec::new();
    for prompt in prompts {
        rows.extend(router.embed(prompt, &CallOptions::new())?);
    }
    Ok(rows)
}

fn row(
    name: &str,
    exponent: &str,
    benchmarks: &[(&str, Benchmark)],
    mut scores: impl FnMut(usize) -> Vec<f64>,
) -> Result<()> {
    let mut cells = Vec::new();
    for (i, (_, benchmark)) in benchmarks.iter().enumerate() {
        let scores = scores(i);
        let apgr = Curve::new(&scores, &benchmark.graded)?.apgr();
        let interval = bootstrap(&scores, &benchmark.graded, RESAMPLES, SEED, Curve::apgr)?;
        cells.push(format!("{apgr:.3} [{:.3}, {:.3}]", interval.low, interval.high));
    }
    println!("| {name} | {exponent} | {} |", cells.join(" | "));
    Ok(())
}
