//! Quality against cost on the paper's benchmarks, plain and re-formatted. From the repository's root:
//!
//! ```sh
//! cargo run --release -p routellm-core --example evaluate -- EVALS [ARTIFACT ...]
//! ```
//!
//! `EVALS` is a folder in the layout of RouteLLM's `routellm/evals`. The default router is always in the
//! table, next to a random router and prompt length. Intervals are 95 % bootstrap intervals over prompts.

use std::path::Path;

use routellm_core::eval::reformat::Reformat;
use routellm_core::eval::{Benchmark, Curve, Graded, bootstrap};
use routellm_core::numeric::Rng;
use routellm_core::{CallOptions, Error, ErrorKind, OpenOptions, Result, Router};

const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";
const RESAMPLES: usize = 1000;
const SEED: u64 = 1;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [evals, artifacts @ ..] = arguments.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidArgument, "usage: evaluate EVALS [ARTIFACT ...]"));
    };
    let mut routers = vec![("default".to_owned(), Router::default_router()?)];
    for path in artifacts {
        let router = OpenOptions::new().throughput().open(path).or_else(|_| Router::open(path))?;
        routers.push((router.info().name.clone(), router));
    }
    let evals = Path::new(evals);
    let benchmarks =
        [("MMLU", Benchmark::mmlu(evals, STRONG, WEAK)?), ("GSM8K", Benchmark::gsm8k(evals, STRONG, WEAK)?)];
    for (name, benchmark) in &benchmarks {
        println!(
            "\n{name}: {} prompts ({} contaminated left out)",
            benchmark.prompts.len(),
            benchmark.contaminated
        );
        println!("| router | format | APGR | CPT(50%) |\n|---|---|---|---|");
        let mut rng = Rng::new(SEED);
        let random: Vec<f64> = benchmark.prompts.iter().map(|_| rng.uniform()).collect();
        row("random", Reformat::Plain, &random, &benchmark.graded)?;
        let length: Vec<f64> = benchmark.prompts.iter().map(|prompt| prompt.chars().count() as f64).collect();
        row("prompt length", Reformat::Plain, &length, &benchmark.graded)?;
        for (name, router) in &routers {
            for reformat in Reformat::ALL {
                let prompts: Vec<String> =
                    benchmark.prompts.iter().map(|prompt| reformat.apply(prompt)).collect();
                row(name, reformat, &router.win_rates(&prompts, &CallOptions::new())?, &benchmark.graded)?;
            }
        }
    }
    Ok(())
}

fn row(router: &str, reformat: Reformat, scores: &[f64], graded: &[Graded]) -> Result<()> {
    let curve = Curve::new(scores, graded)?;
    let apgr = bootstrap(scores, graded, RESAMPLES, SEED, Curve::apgr)?;
    let cpt = bootstrap(scores, graded, RESAMPLES, SEED, |curve| curve.cpt(0.5))?;
    println!(
        "| {router} | {} | {:.3} [{:.3}, {:.3}] | {:.1} % [{:.1}, {:.1}] |",
        reformat.name(),
        curve.apgr(),
        apgr.low,
        apgr.high,
        100.0 * curve.cpt(0.5),
        100.0 * cpt.low,
        100.0 * cpt.high
    );
    Ok(())
}
