//! The benchmarks of the paper, read from a folder in the layout of RouteLLM's `routellm/evals`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use super::Graded;
use crate::{Error, Result};

/// Graded prompts of one benchmark.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
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

    /// MT-Bench: `mt_bench/question.jsonl` and `judgements.jsonl` below `evals`. One entry for each turn that both
    /// models have a judgement of; the first turn's text routes both turns. Scores of 1 to 10 become tenths.
    ///
    /// # Errors
    /// As [`mmlu`](Self::mmlu).
    pub fn mt_bench(evals: &Path, strong: &str, weak: &str) -> Result<Self> {
        let folder = evals.join("mt_bench");
        let contaminated = contaminated(&folder)?;
        let mut scores: HashMap<(u64, u64, String), Vec<f64>> = HashMap::new();
        for (line, row) in json_lines(&folder.join("judgements.jsonl"))? {
            let fields = (
                row["question_id"].as_u64(),
                row["turn"].as_u64(),
                row["model"].as_str(),
                row["score"].as_f64(),
            );
            let (Some(question), Some(turn), Some(model), Some(score)) = fields else {
                return Err(Error::invalid_argument(format!(
                    "{}, line {line}: question_id, turn, model and score are needed",
                    folder.join("judgements.jsonl").display()
                )));
            };
            // -1 marks an answer that the judge could not grade.
            if score >= 0.0 {
                scores.entry((question, turn, model.to_owned())).or_default().push(score / 10.0);
            }
        }
        let mean = |question: u64, turn: u64, model: &str| {
            let scores = scores.get(&(question, turn, model.to_owned()))?;
            Some(scores.iter().sum::<f64>() / scores.len() as f64)
        };
        let mut benchmark = Self::default();
        for (line, row) in json_lines(&folder.join("question.jsonl"))? {
            let (Some(question), Some(prompt)) = (row["question_id"].as_u64(), row["turns"][0].as_str())
            else {
                return Err(Error::invalid_argument(format!(
                    "{}, line {line}: question_id and turns are needed",
                    folder.join("question.jsonl").display()
                )));
            };
            if contaminated.contains(prompt) {
                benchmark.contaminated += 1;
                continue;
            }
            for turn in [1, 2] {
                if let (Some(strong), Some(weak)) = (mean(question, turn, strong), mean(question, turn, weak))
                {
                    benchmark.prompts.push(prompt.to_owned());
                    benchmark.graded.push(Graded { strong, weak });
                }
            }
        }
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
    json_lines(&path)?
        .into_iter()
        .map(|(line, row)| {
            row["eval_prompt"].as_str().map(str::to_owned).ok_or_else(|| {
                Error::invalid_argument(format!("{}, line {line}: no eval_prompt", path.display()))
            })
        })
        .collect()
}

/// The JSON objects of a file, one a line, with their line numbers from 1.
fn json_lines(path: &Path) -> Result<Vec<(usize, serde_json::Value)>> {
    let text = fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(i, line)| {
            serde_json::from_str(line).map(|row| (i + 1, row)).map_err(|error| {
                Error::invalid_argument(format!("{}, line {}: {error}", path.display(), i + 1))
            })
        })
        .collect()
}
