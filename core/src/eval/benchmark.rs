//! A benchmark of the paper for one pair.

use std::path::Path;

use super::{BenchmarkName, Graded};
use crate::Result;

/// Graded prompts of one benchmark.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Benchmark {
    /// The prompts.
    pub prompts: Vec<String>,
    /// How well both models answered each.
    pub graded: Vec<Graded>,
    /// How many rows were left out because they resemble training data. Of MT-Bench it counts turns.
    pub contaminated: usize,
}

impl Benchmark {
    /// MMLU: every `mmlu/responses/mmlu_*.csv` below `evals`, in the order of their names.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the files, `InvalidArgument` for a malformed row or an unknown model.
    pub fn mmlu(evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        Self::read(BenchmarkName::Mmlu, evals, strong, weak)
    }

    /// GSM8K: `gsm8k/gsm8k_responses.csv` below `evals`.
    ///
    /// # Errors
    /// As [`mmlu`](Self::mmlu).
    pub fn gsm8k(evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        Self::read(BenchmarkName::Gsm8k, evals, strong, weak)
    }

    /// MT-Bench: `mt_bench/question.jsonl` and `judgements.jsonl` below `evals`. One entry for each turn that both
    /// models have a judgement of; the first turn's text routes both turns. Scores of 1 to 10 become tenths.
    ///
    /// # Errors
    /// As [`mmlu`](Self::mmlu).
    pub fn mt_bench(evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        Self::read(BenchmarkName::MtBench, evals, strong, weak)
    }

    fn read(name: BenchmarkName, evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        let table = name.read(evals)?;
        let pair = table.graded(table.number(strong)?, table.number(weak)?)?;
        let prompts = pair.rows.iter().map(|row| table.prompts[*row].clone()).collect();
        Ok(Self { prompts, graded: pair.graded, contaminated: table.contaminated })
    }
}
