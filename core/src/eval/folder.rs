//! The benchmarks of the paper, from a folder in the layout of RouteLLM's `routellm/evals`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::read::{ReadOptions, listed_prompts};
use super::table::{Table, TableKind};
use crate::{Error, Result};

/// A list of evaluation prompts that resemble training data, beside the rows of a benchmark.
const LIST: &str = "contaminated_prompts.jsonl";

/// A benchmark of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BenchmarkName {
    /// MMLU: 57 subjects, multiple choice.
    Mmlu,
    /// GSM8K: school mathematics.
    Gsm8k,
    /// MT-Bench: 80 conversations of two turns, graded from 1 to 10 by GPT-4.
    MtBench,
}

impl BenchmarkName {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Mmlu, Self::Gsm8k, Self::MtBench];

    /// `mmlu`, `gsm8k` or `mt-bench`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mmlu => "mmlu",
            Self::Gsm8k => "gsm8k",
            Self::MtBench => "mt-bench",
        }
    }

    /// The benchmark of this name; `mt_bench` is `mt-bench`.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that there is none of.
    pub fn named(name: &str) -> Result<Self> {
        let plain = name.to_ascii_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|known| known.name() == plain).ok_or_else(|| {
            Error::invalid_argument(format!("benchmark is {name:?}, expected mmlu, gsm8k or mt-bench"))
        })
    }

    /// Reads it from the folder `evals`, with every model that its files have.
    ///
    /// - MMLU: `mmlu/responses/mmlu_*.csv`, in the order of their names; the column `subject` says which.
    /// - GSM8K: `gsm8k/gsm8k_responses.csv`.
    /// - MT-Bench: `mt_bench/question.jsonl` and `judgements.jsonl`. A row for each turn; the first turn's text routes both,
    ///   and they are one group. Scores of 1 to 10 become tenths; several of one answer are averaged.
    ///
    /// Prompts that `contaminated_prompts.jsonl` lists are left out and counted.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the files, `InvalidArgument` for a malformed row.
    pub fn read(self, evals: impl AsRef<Path>) -> Result<Table> {
        let evals = evals.as_ref();
        match self {
            Self::Mmlu => mmlu(&evals.join("mmlu")),
            Self::Gsm8k => gsm8k(&evals.join("gsm8k")),
            Self::MtBench => mt_bench(&evals.join("mt_bench")),
        }
    }
}

fn mmlu(folder: &Path) -> Result<Table> {
    let responses = folder.join("responses");
    let mut files: Vec<PathBuf> = fs::read_dir(&responses)
        .map_err(|error| Error::io(&responses, error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
        .collect();
    files.sort();
    let mut whole: Option<Table> = None;
    for file in &files {
        let mut table = Table::read(file, &ReadOptions::new().name("mmlu".to_owned()))?;
        let subject = table_name(file).trim_start_matches("mmlu_").to_owned();
        table.columns = BTreeMap::from([("subject".to_owned(), vec![subject; table.prompts.len()])]);
        match &mut whole {
            None => whole = Some(table),
            Some(whole) if whole.models == table.models => append(whole, table),
            Some(whole) => {
                return Err(Error::invalid_argument(format!(
                    "{}: its models are {}, and those of the files before {}: every file needs the same columns",
                    file.display(),
                    table.models.join(", "),
                    whole.models.join(", ")
                )));
            }
        }
    }
    let mut table = whole.ok_or_else(|| {
        Error::invalid_argument(format!("{}: no files mmlu_*.csv in it", responses.display()))
    })?;
    finish(&mut table, folder)?;
    Ok(table)
}

fn gsm8k(folder: &Path) -> Result<Table> {
    let options = ReadOptions::new().name("gsm8k".to_owned());
    let mut table = Table::read(folder.join("gsm8k_responses.csv"), &options)?;
    table.columns.clear();
    finish(&mut table, folder)?;
    Ok(table)
}

fn table_name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn append(whole: &mut Table, more: Table) {
    whole.prompts.extend(more.prompts);
    whole.quality.extend(more.quality);
    for (name, values) in more.columns {
        whole.columns.entry(name).or_default().extend(values);
    }
}

/// Leaves out what the list names, and groups the rows.
fn finish(table: &mut Table, folder: &Path) -> Result<()> {
    table.decontaminate(&contaminated(folder)?);
    table.group_by_prompt();
    Ok(())
}

/// The prompts that the list of a benchmark names; none without the file.
fn contaminated(folder: &Path) -> Result<HashSet<String>> {
    let list = folder.join(LIST);
    if list.exists() { listed_prompts(&list) } else { Ok(HashSet::new()) }
}

fn mt_bench(folder: &Path) -> Result<Table> {
    let judgements = folder.join("judgements.jsonl");
    // Sum and number of the scores of an answer, in the order of the file.
    let mut scores: BTreeMap<(u64, u64, String), (f64, usize)> = BTreeMap::new();
    for (line, row) in json_lines(&judgements)? {
        let fields =
            (row["question_id"].as_u64(), row["turn"].as_u64(), row["model"].as_str(), row["score"].as_f64());
        let (Some(question), Some(turn), Some(model), Some(score)) = fields else {
            return Err(Error::invalid_argument(format!(
                "{}, line {line}: question_id, turn, model and score are needed",
                judgements.display()
            )));
        };
        // -1 marks an answer that the judge could not grade.
        if score >= 0.0 {
            let sum = scores.entry((question, turn, model.to_owned())).or_default();
            (sum.0, sum.1) = (sum.0 + score / 10.0, sum.1 + 1);
        }
    }
    let models: BTreeSet<&String> = scores.keys().map(|(_, _, model)| model).collect();
    let models: Vec<String> = models.into_iter().cloned().collect();
    let mut table = Table::empty("mt-bench", TableKind::Gold, models);
    let (mut categories, mut turns) = (Vec::new(), Vec::new());
    let contaminated = contaminated(folder)?;
    let questions = folder.join("question.jsonl");
    for (line, row) in json_lines(&questions)? {
        let (Some(question), Some(prompt)) = (row["question_id"].as_u64(), row["turns"][0].as_str()) else {
            return Err(Error::invalid_argument(format!(
                "{}, line {line}: question_id and turns are needed",
                questions.display()
            )));
        };
        // Questions are counted, not their turns.
        if contaminated.contains(prompt) {
            table.contaminated += 1;
            continue;
        }
        for turn in [1, 2] {
            let of = |model: &String| {
                let (sum, count) = scores.get(&(question, turn, model.clone()))?;
                Some(sum / *count as f64)
            };
            let found: Vec<f64> = table.models.iter().map(|model| of(model).unwrap_or(f64::NAN)).collect();
            if found.iter().all(|score| score.is_nan()) {
                continue;
            }
            table.quality.extend(found);
            table.prompts.push(prompt.to_owned());
            categories.push(row["category"].as_str().unwrap_or_default().to_owned());
            turns.push(turn.to_string());
        }
    }
    table.columns = BTreeMap::from([("category".to_owned(), categories), ("turn".to_owned(), turns)]);
    table.group_by_prompt();
    Ok(table)
}

/// The JSON objects of a file, one a line, with their line numbers from 1.
fn json_lines(path: &Path) -> Result<Vec<(usize, Value)>> {
    let text = fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(i, line)| {
            serde_json::from_str(line).map(|row| (i + 1, row)).map_err(|error| {
                Error::invalid_argument(format!("{}, line {}: {error}", path.display(), i + 1))
            })
        })
        .collect()
}
