//! `routellm paper similarity`: how much what is evaluated resembles what was trained on.

use std::collections::HashSet;
use std::path::PathBuf;
use std::thread;

use routellm_core::calibrate::Sample;
use routellm_core::eval::{BenchmarkName, ReadOptions, Table};
use routellm_core::{CallOptions, Error, ErrorKind, Result, Router};
use serde::Serialize;

use super::open;
use crate::interrupt;
use crate::output::Output;

/// From this cosine on the paper calls a prompt contaminated.
const CONTAMINATED: f64 = 0.95;

/// Measure how similar benchmarks are to training data, and whether that goes with a router's quality.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  routellm paper similarity --encoder my-mf --training votes.jsonl --data gold.csv\n  \
    routellm paper similarity --encoder my-mf --training gold.jsonl --data gold.jsonl --json"
)]
pub(crate) struct Similarity {
    /// The folder of an artifact, whose encoder tells what is similar.
    #[arg(long, value_name = "FOLDER")]
    encoder: PathBuf,
    /// A file that routers learned from, with a prompt in each row; repeatable.
    #[arg(long, value_name = "FILE", required = true)]
    training: Vec<PathBuf>,
    /// A benchmark of the folder, repeatable: mmlu, gsm8k, mt-bench.
    #[arg(long = "benchmark", value_name = "NAME", num_args = 1.., requires = "data")]
    benchmarks: Vec<String>,
    /// The folder of the benchmarks, or a table with a prompt and the score of each model in a row.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// The router whose quality is looked at, with its own pair: `default`, or a folder.
    #[arg(long, default_value = "default")]
    router: String,
}

/// A benchmark and the training data.
#[derive(Debug, Serialize)]
struct Similar {
    name: String,
    rows: usize,
    /// The mean, over rows, of the largest cosine to a training prompt: the S(B, D) of the paper.
    similarity: f64,
    /// The share of the rows above .95.
    contaminated: f64,
    /// Spearman's correlation, over rows, of the similarity with how right the router was; null without its pair.
    correlation: Option<f64>,
    /// Its 95 % interval by Fisher's z.
    interval: Option<(f64, f64)>,
    prompts: Vec<SimilarPrompt>,
}

#[derive(Debug, Serialize)]
struct SimilarPrompt {
    /// The number of the row.
    row: usize,
    similarity: f64,
    /// How right the router was: the gap of the qualities times how far up the row's rank is, in [-1, 1].
    right: Option<f64>,
}

impl Similarity {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let mut tables = Vec::new();
        if self.benchmarks.is_empty() {
            tables.push(Table::read(&self.data, &ReadOptions::new())?);
        }
        for name in &self.benchmarks {
            tables.push(BenchmarkName::named(name)?.read(&self.data)?);
        }
        let encoder = Router::open(&self.encoder)?;
        let router = open(&self.router)?;
        let mut seen = HashSet::new();
        let mut training = Vec::new();
        for file in &self.training {
            let sample = Sample::read(file)?;
            training.extend(sample.prompts().iter().filter(|prompt| seen.insert((*prompt).clone())).cloned());
        }
        let known = embed(&encoder, &training)?;
        let mut found = Vec::new();
        for table in &tables {
            let similarities = nearest(&embed(&encoder, &table.prompts)?, &known)?;
            found.push(similar(table, &similarities, &router)?);
        }
        if output.is_json() {
            return found.iter().try_for_each(|one| output.json_line(one));
        }
        let rows = found.iter().map(|one| {
            let interval =
                one.interval.map_or_else(String::new, |(low, high)| format!(" [{low:.3}, {high:.3}]"));
            vec![
                one.name.clone(),
                one.rows.to_string(),
                format!("{:.4}", one.similarity),
                format!("{:.2} %", 100.0 * one.contaminated),
                one.correlation.map_or_else(|| "no pair".to_owned(), |value| format!("{value:.3}{interval}")),
            ]
        });
        output.table(
            &["data", "rows", "similarity", "above .95", "correlation with being right"],
            rows.collect(),
        )
    }
}

/// Unit vectors of prompts.
fn embed(encoder: &Router, prompts: &[String]) -> Result<Vec<Vec<f32>>> {
    let options = CallOptions::new().cancel(interrupt::token().clone());
    prompts
        .iter()
        .map(|prompt| {
            let mut vector = encoder.embed(prompt.as_str(), &options)?;
            let norm = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
            if norm > 0.0 {
                for x in &mut vector {
                    *x = (f64::from(*x) / norm) as f32;
                }
            }
            Ok(vector)
        })
        .collect()
}

/// The largest cosine of each vector to one that is known.
fn nearest(vectors: &[Vec<f32>], known: &[Vec<f32>]) -> Result<Vec<f64>> {
    if known.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "the training data have no prompt"));
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let size = vectors.len().div_ceil(threads).max(1);
    let of = |vector: &Vec<f32>| {
        let cosine = |other: &Vec<f32>| vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
        f64::from(known.iter().map(cosine).fold(f32::NEG_INFINITY, f32::max)).clamp(-1.0, 1.0)
    };
    let pieces: Vec<Vec<f64>> = thread::scope(|scope| {
        let pieces: Vec<_> = vectors
            .chunks(size)
            .map(|piece| scope.spawn(move || piece.iter().map(of).collect::<Vec<f64>>()))
            .collect();
        pieces.into_iter().map(|piece| piece.join().unwrap_or_default()).collect()
    });
    interrupt::token().check()?;
    Ok(pieces.concat())
}

fn similar(table: &Table, similarities: &[f64], router: &Router) -> Result<Similar> {
    let right = right(table, router)?;
    let both =
        similarities.iter().zip(&right).filter_map(|(similarity, right)| Some((*similarity, (*right)?)));
    let (x, y): (Vec<f64>, Vec<f64>) = both.unzip();
    let correlation = spearman(&x, &y);
    let rows = similarities.len();
    let mean =
        |of: &dyn Fn(f64) -> f64| similarities.iter().map(|x| of(*x)).sum::<f64>() / rows.max(1) as f64;
    Ok(Similar {
        name: table.name.clone(),
        rows,
        similarity: mean(&|x| x),
        contaminated: mean(&|x| f64::from(u8::from(x >= CONTAMINATED))),
        correlation,
        interval: correlation.filter(|_| x.len() > 3).map(|r| {
            let half = 1.96 / ((x.len() - 3) as f64).sqrt();
            ((r.atanh() - half).tanh(), (r.atanh() + half).tanh())
        }),
        prompts: (0..rows)
            .map(|row| SimilarPrompt { row, similarity: similarities[row], right: right[row] })
            .collect(),
    })
}

/// How right a router was on each row that knows its pair: the gap times `2 rank - 1`, where the rank is the share of the rows
/// with a lower win rate. Rows without a gap say nothing of it, and are 0.
fn right(table: &Table, router: &Router) -> Result<Vec<Option<f64>>> {
    let mut right = vec![None; table.prompts.len()];
    let (Some(strong), Some(weak)) = (place(table, router.strong()), place(table, router.weak())) else {
        return Ok(right);
    };
    let rows = table.complete_rows(&[strong, weak]);
    let prompts = rows.iter().map(|row| table.prompts[*row].as_str());
    let rates = router.win_rates(prompts, &CallOptions::new().cancel(interrupt::token().clone()))?;
    let ranks = ranks(&rates);
    for (at, row) in rows.iter().enumerate() {
        let rank = (ranks[at] + 0.5) / rows.len() as f64;
        let gap = table.quality_of(*row, strong) - table.quality_of(*row, weak);
        right[*row] = Some(gap * (2.0 * rank - 1.0));
    }
    Ok(right)
}

/// The column of a model, which benchmarks may call with an organisation before it.
fn place(table: &Table, model: &str) -> Option<usize> {
    let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let same = |name: &String| plain(name) == plain(model);
    table.models.iter().position(|name| name == model).or_else(|| table.models.iter().position(same))
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..].iter().take_while(|i| values[**i] == values[order[from]]).count();
        for place in &order[from..from + same] {
            ranks[*place] = from as f64 + (same as f64 - 1.0) / 2.0;
        }
        from += same;
    }
    ranks
}

/// Spearman's correlation; none where one of both does not vary.
fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = (ranks(x), ranks(y));
    let center = (x.len() as f64 - 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - center) * (b - center)).sum::<f64>();
    let spread = (sum(&x, &x) * sum(&y, &y)).sqrt();
    (spread > 0.0).then(|| (sum(&x, &y) / spread).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_equal_values_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn a_correlation_is_of_ranks() {
        assert_eq!(spearman(&[1.0, 2.0, 30.0], &[0.1, 0.2, 0.3]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), None);
        // scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]).statistic
        let r = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((r - 0.820_782_681_668_123_3).abs() < 1e-12);
    }

    #[test]
    fn the_nearest_is_the_largest_cosine() {
        let known = [vec![1.0, 0.0], vec![0.0, 1.0]];
        assert_eq!(nearest(&[vec![0.6, 0.8], vec![-1.0, 0.0]], &known).unwrap(), [f64::from(0.8_f32), 0.0]);
        assert!(nearest(&[vec![1.0, 0.0]], &[]).is_err());
    }
}
