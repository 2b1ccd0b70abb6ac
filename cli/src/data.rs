//! `routellm data`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use routellm_core::preference::{GoldTable, Split, Summary, VoteTable};
use routellm_core::{Error, Result};
use serde_json::json;

use crate::inspect::{self, Inspection};
use crate::output::Output;

/// Look into votes and gold rows, and part and convert them.
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
    /// Write a file of any form as JSON lines.
    #[command(after_help = "Examples:\n  routellm data convert votes.csv --out converted.jsonl\n  \
        routellm data convert gold.csv --out converted.jsonl")]
    Convert(Convert),
}

/// A file of rows.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// Votes or gold rows: .jsonl, .csv or .parquet.
    file: PathBuf,
}

/// How a file is parted.
#[derive(Debug, Args)]
pub(crate) struct SplitFile {
    /// Votes or gold rows: .jsonl, .csv or .parquet.
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

/// What is converted.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Votes or gold rows: .jsonl, .csv or .parquet.
    file: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Rows of either kind.
pub(crate) enum Table {
    Votes(VoteTable),
    Gold(GoldTable),
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
        }
    }

    fn prompts(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Votes(votes) => Box::new(votes.votes.iter().map(|vote| vote.prompt.as_str())),
            Self::Gold(gold) => Box::new(gold.rows.iter().map(|row| row.prompt.as_str())),
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
        }
    }

    fn rows(&self) -> usize {
        match self {
            Self::Votes(votes) => votes.votes.len(),
            Self::Gold(gold) => gold.rows.len(),
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        let lines = match self {
            Self::Votes(votes) => votes.to_jsonl(),
            Self::Gold(gold) => gold.to_jsonl(),
        };
        fs::write(path, lines).map_err(|error| Error::io(path, error))
    }
}

impl Data {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        match self {
            Self::Inspect(File { file }) => {
                let table = Table::read(&file)?;
                let inspection = Inspection::new(table.summary(), table.prompts());
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
