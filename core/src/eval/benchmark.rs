//! The benchmarks of the paper, read from a folder in the layout of RouteLLM's `routellm/evals`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::Graded;
use crate::{Error, Result};

/// Graded prompts of one benchmark.
#[derive(Debug, Clone, Default)]
pub struct Benchmark {
    /// The prompts.
    pub prompts: Vec<String>,
    /// How well both models answered each.
    pub graded: Vec<Graded>,
    /// How many prompts were left out because they resemble training data.
    pub contaminated: usize,
}

impl Benchmark {
    /// MMLU: every `mmlu/responses/mmlu_*.csv` below `evals`, in the order of their names.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the files, `InvalidArgument` for a malformed row or an unknown model.
    pub fn mmlu(evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        let folder = evals.join("mmlu").join("responses");
        let mut files: Vec<_> = fs::read_dir(&folder)
            .map_err(|error| Error::io(&folder, error))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
            .collect();
        files.sort();
        let mut benchmark = Self::default();
        let contaminated = contaminated(&evals.join("mmlu"))?;
        for file in files {
            benchmark.read(&file, strong, weak, &contaminated)?;
        }
        Ok(benchmark)
    }

    /// GSM8K: `gsm8k/gsm8k_responses.csv` below `evals`.
    ///
    /// # Errors
    /// As [`mmlu`](Self::mmlu).
    pub fn gsm8k(evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        let folder = evals.join("gsm8k");
        let mut benchmark = Self::default();
        benchmark.read(&folder.join("gsm8k_responses.csv"), strong, weak, &contaminated(&folder)?)?;
        Ok(benchmark)
    }

    fn read(&mut self, path: &Path, strong: &str, weak: &str, contaminated: &HashSet<String>) -> Result<()> {
        let bad = |line: u64, what: &dyn std::fmt::Display| {
            Error::invalid_argument(format!("{}, line {line}: {what}", path.display()))
        };
        let file = fs::File::open(path).map_err(|error| Error::io(path, error))?;
        let mut reader = csv::Reader::from_reader(std::io::BufReader::new(file));
        let headers = reader.headers().map_err(|error| bad(1, &error))?.clone();
        let column = |name: &str| {
            headers.iter().position(|header| header == name).ok_or_else(|| {
                bad(
                    1,
                    &format!(
                        "no column {name:?}; there are: {}",
                        headers.iter().collect::<Vec<_>>().join(", ")
                    ),
                )
            })
        };
        let (prompt, strong, weak) = (column("prompt")?, column(strong)?, column(weak)?);
        for record in reader.records() {
            let record =
                record.map_err(|error| bad(error.position().map_or(0, csv::Position::line), &error))?;
            let line = record.position().map_or(0, csv::Position::line);
            if contaminated.contains(&record[prompt]) {
                self.contaminated += 1;
                continue;
            }
            let grade =
                |column: usize| match &record[column] {
                    "True" | "true" | "1" => Ok(1.0),
                    "False" | "false" | "0" => Ok(0.0),
                    other => other.parse().ok().filter(|value: &f64| (0.0..=1.0).contains(value)).ok_or_else(
                        || bad(line, &format!("{other:?} is neither a truth value nor in [0, 1]")),
                    ),
                };
            self.graded.push(Graded { strong: grade(strong)?, weak: grade(weak)? });
            self.prompts.push(record[prompt].to_owned());
        }
        Ok(())
    }
}

/// The evaluation prompts that `contaminated_prompts.jsonl` lists; none without the file.
fn contaminated(folder: &Path) -> Result<HashSet<String>> {
    let path = folder.join("contaminated_prompts.jsonl");
    if !path.exists() {
        return Ok(HashSet::new());
    }
    let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(i, line)| {
            let row: serde_json::Value = serde_json::from_str(line).map_err(|error| {
                Error::invalid_argument(format!("{}, line {}: {error}", path.display(), i + 1))
            })?;
            row["eval_prompt"].as_str().map(str::to_owned).ok_or_else(|| {
                Error::invalid_argument(format!("{}, line {}: no eval_prompt", path.display(), i + 1))
            })
        })
        .collect()
}
