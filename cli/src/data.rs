//! `routellm data`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use routellm_core::calibrate::Sample;
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{GoldTable, LogTable, Split, Summary, VoteTable};
use routellm_core::train::Encoder;
use routellm_core::train::decontaminate::{DecontaminationOptions, Rule, decontaminate};
use routellm_core::{Error, Result};
use serde_json::json;

use crate::inspect::{self, Inspection};
use crate::output::Output;
use crate::progress;

/// Look into votes, gold rows and logs, and part, clean and convert them.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// Count what is in a file: models, labels, prompts, pairs that can be trained.
    #[command(
        after_help = "Examples:\n  routellm data inspect votes.jsonl\n  routellm data inspect gold.csv --json"
    )]
    Inspect(File),
    /// Part a file by prompt: no prompt is in both parts, and rows that join later move none.
    #[command(after_help = "Examples:\n  routellm data split gold.jsonl --share 0.2 --out parts\n  \
        routellm data split votes.jsonl --share 0.1 --seed 3 --out parts")]
    Split(SplitFile),
    /// Tell which prompts an evaluation has too, and leave them out: the same text, eight words in a row, or alike vectors.
    #[command(
        after_help = "Examples:\n  routellm data decontaminate gold.jsonl --against prompts.txt --out clean.jsonl\n  \
        routellm data decontaminate votes.jsonl --against gold.jsonl --encoder my-encoder --json"
    )]
    Decontaminate(Decontaminate),
    /// Write a file of any form as JSON lines.
    #[command(after_help = "Examples:\n  routellm data convert votes.csv --out converted.jsonl\n  \
        routellm data convert gold.csv --out converted.jsonl")]
    Convert(Convert),
}

/// A file of rows.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// Votes, gold rows or logs: .jsonl, .csv or .parquet.
    file: PathBuf,
}

/// How a file is parted.
#[derive(Debug, Args)]
pub(crate) struct SplitFile {
    /// Votes, gold rows or logs: .jsonl, .csv or .parquet.
    file: PathBuf,
    /// The share of the prompts that goes to the second part, in (0, 1).
    #[arg(long)]
    share: f64,
    /// Says which prompts.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// The folder to write, which gets `train.jsonl` and `held_out.jsonl`.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// What is compared with what.
#[derive(Debug, Args)]
pub(crate) struct Decontaminate {
    /// Votes, gold rows or logs to train on: .jsonl, .csv or .parquet.
    file: PathBuf,
    /// The prompts of the evaluation: .txt with one a line, or rows with a prompt in each. Repeatable.
    #[arg(long, value_name = "FILE", required = true)]
    against: Vec<PathBuf>,
    /// The folder of an artifact, whose encoder compares vectors too.
    #[arg(long, value_name = "FOLDER")]
    encoder: Option<PathBuf>,
    /// The smallest cosine similarity of vectors that are too alike.
    #[arg(long, default_value_t = 0.95, requires = "encoder")]
    cosine: f64,
    /// How many words in a row both may not have.
    #[arg(long, default_value_t = 8)]
    words: usize,
    /// The file to write, JSON lines of the rows that stay.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is converted.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Votes, gold rows or logs: .jsonl, .csv or .parquet.
    file: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Rows of either kind.
pub(crate) enum Table {
    Votes(VoteTable),
    Gold(GoldTable),
    Logs(LogTable),
}

impl Table {
    /// Reads a file, whichever kind of rows is in it.
    ///
    /// # Errors
    /// As the reader of the kind that the file looks like.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let votes = match VoteTable::read(path) {
            Ok(votes) => return Ok(Self::Votes(votes)),
            Err(error) => error,
        };
        // Rows with a model and a quality are logs; as gold rows, the quality would be a model's.
        if let Ok(logs) = LogTable::read(path) {
            return Ok(Self::Logs(logs));
        }
        match GoldTable::read(path) {
            Ok(gold) => Ok(Self::Gold(gold)),
            // Rows that name two models are votes, and what is wrong with them is what the other reader said.
            Err(gold)
                if votes.message().contains("no \"model_a\"") || votes.message().contains("no column") =>
            {
                Err(gold)
            }
            Err(_) => Err(votes),
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        match self {
            Self::Votes(votes) => votes.summary(),
            Self::Gold(gold) => gold.summary(),
            Self::Logs(logs) => logs.summary(),
        }
    }

    fn split(self, by: &Split) -> (Self, Self) {
        match self {
            Self::Votes(votes) => {
                let (first, second) = votes.split(by);
                (Self::Votes(first), Self::Votes(second))
            }
            Self::Gold(gold) => {
                let (first, second) = gold.split(by);
                (Self::Gold(first), Self::Gold(second))
            }
            Self::Logs(logs) => {
                let (first, second) = logs.split(by);
                (Self::Logs(first), Self::Logs(second))
            }
        }
    }

    fn rows(&self) -> usize {
        match self {
            Self::Votes(votes) => votes.votes.len(),
            Self::Gold(gold) => gold.rows.len(),
            Self::Logs(logs) => logs.rows.len(),
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        let lines = match self {
            Self::Votes(votes) => votes.to_jsonl(),
            Self::Gold(gold) => gold.to_jsonl(),
            Self::Logs(logs) => logs.to_jsonl(),
        };
        // Under another name until it is whole.
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        let part = path.with_file_name(name);
        fs::write(&part, lines).and_then(|()| fs::rename(&part, path)).map_err(|error| {
            let _ = fs::remove_file(&part);
            Error::io(path, error)
        })
    }
}

impl Table {
    /// Id and prompt of each row.
    fn prompts(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Votes(votes) => {
                votes.votes.iter().map(|vote| (vote.id.as_str(), vote.prompt.as_str())).collect()
            }
            Self::Gold(gold) => gold.rows.iter().map(|row| (row.id.as_str(), row.prompt.as_str())).collect(),
            Self::Logs(logs) => logs.rows.iter().map(|row| (row.id.as_str(), row.prompt.as_str())).collect(),
        }
    }

    /// Keeps the rows that are said.
    fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter().copied();
        let mut next = move || keep.next().unwrap_or(true);
        match self {
            Self::Votes(votes) => votes.votes.retain(|_| next()),
            Self::Gold(gold) => gold.rows.retain(|_| next()),
            Self::Logs(logs) => logs.rows.retain(|_| next()),
        }
    }
}

impl Decontaminate {
    fn run(self, output: &mut Output) -> Result<()> {
        let mut table = Table::read(&self.file)?;
        let mut against = Vec::new();
        for path in &self.against {
            if path.extension().is_some_and(|ending| ending == "txt") {
                let text = fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
                against.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
            } else {
                against.extend_from_slice(Sample::read(path)?.prompts());
            }
        }
        let encoder = self.encoder.as_deref().map(|folder| Encoder::open(folder, &SessionOptions::default()));
        let encoder = encoder.transpose()?;
        let options = DecontaminationOptions::new().cosine(self.cosine).words(self.words);
        let prompts = table.prompts();
        let texts: Vec<&str> = prompts.iter().map(|(_, prompt)| *prompt).collect();
        let found = decontaminate(&texts, &against, encoder.as_ref(), &options, progress::control())?;
        let named: Vec<_> = found
            .contaminated
            .iter()
            .map(|found| {
                json!({
                    "row": found.row, "id": prompts[found.row].0, "rule": found.rule, "found": found.found,
                    "against": found.against, "prompt": against[found.against],
                })
            })
            .collect();
        let keep = found.keep();
        table.retain(&keep);
        if let Some(out) = &self.out {
            table.write(out)?;
        }
        let counts = [Rule::Exact, Rule::Words, Rule::Cosine].map(|rule| (rule.name(), found.count(rule)));
        if output.is_json() {
            return output.json_line(&json!({
                "rows": found.rows, "against": found.against, "kept": table.rows(),
                "counts": counts.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                "contaminated": named,
            }));
        }
        let counts = counts.map(|(rule, count)| format!("{count} by {rule}")).join(", ");
        output.facts(&[
            ("rows", found.rows.to_string()),
            ("contaminated", format!("{} ({counts})", found.contaminated.len())),
            ("kept", table.rows().to_string()),
        ])?;
        if named.is_empty() {
            return Ok(());
        }
        let short = |text: &serde_json::Value| {
            let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
            text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(48).collect::<String>()
        };
        let rows =
            named.iter().map(|row| ["id", "rule", "found", "prompt"].map(|name| short(&row[name])).to_vec());
        output.line("")?;
        output.table(&["row", "rule", "found", "prompt of the evaluation"], rows.collect())
    }
}

impl Data {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        match self {
            Self::Inspect(File { file }) => {
                let table = Table::read(&file)?;
                let prompts = table.prompts();
                let inspection = Inspection::new(table.summary(), prompts.iter().map(|(_, prompt)| *prompt));
                if output.is_json() { output.json(&inspection) } else { inspect::tell(&inspection, output) }
            }
            Self::Split(SplitFile { file, share, seed, out }) => {
                let by = Split::new(share, seed)?;
                let (first, second) = Table::read(&file)?.split(&by);
                fs::create_dir_all(&out).map_err(|error| Error::io(&out, error))?;
                let files = [(first, out.join("train.jsonl")), (second, out.join("held_out.jsonl"))];
                for (table, path) in &files {
                    table.write(path)?;
                }
                let told = files.iter().map(|(table, path)| (table.rows(), path));
                if output.is_json() {
                    let files: Vec<_> =
                        told.map(|(rows, path)| json!({ "path": path, "rows": rows })).collect();
                    return output.json_line(&json!({ "files": files }));
                }
                let rows = told.map(|(rows, path)| vec![rows.to_string(), path.display().to_string()]);
                output.table(&["rows", "file"], rows.collect())
            }
            Self::Decontaminate(decontaminate) => decontaminate.run(output),
            Self::Convert(Convert { file, out }) => {
                let table = Table::read(&file)?;
                table.write(&out)?;
                if output.is_json() {
                    return output.json_line(&json!({ "path": out, "rows": table.rows() }));
                }
                output.line(&format!("{}: {} rows", out.display(), table.rows()))
            }
        }
    }
}
