//! `routellm paper`: the tables of the paper with one's own routers beside them.

mod benchmarks;
mod overhead;
mod published;
mod similarity;
mod transfer;

use routellm_core::{OpenOptions, Result, Router};

use crate::output::Output;

/// Print the paper's tables with routers of one's own beside the published numbers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Paper {
    Mmlu(benchmarks::Benchmark),
    Gsm8k(benchmarks::Benchmark),
    MtBench(benchmarks::Benchmark),
    Transfer(transfer::Transfer),
    Overhead(overhead::Overhead),
    Similarity(similarity::Similarity),
}

/// The router of a name: `default`, or a folder.
///
/// # Errors
/// As opening it.
fn open(name: &str) -> Result<Router> {
    if name == "default" {
        return OpenOptions::new().open_default();
    }
    // As many sessions as cores, where a model runs.
    OpenOptions::new().throughput().open(name).or_else(|_| Router::open(name))
}

impl Paper {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        match self {
            Self::Mmlu(command) => command.run("mmlu", |row| row.mmlu, output),
            Self::Gsm8k(command) => command.run("gsm8k", |row| row.gsm8k, output),
            Self::MtBench(command) => command.run("mt-bench", |row| row.mt_bench, output),
            Self::Transfer(command) => command.run(output),
            Self::Overhead(command) => command.run(output),
            Self::Similarity(command) => command.run(output),
        }
    }
}
