//! What a training learns from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::files::{sha256_hex, sha256_of_file};
use crate::preference::{GoldReader, GoldTable, ModelIndex, VoteTable, alike};
use crate::{Error, Result};

/// Votes, gold rows or both, of any number of sources, and where they come from: of files and of rows as text, the
/// provenance notes name, label kind, number of rows and checksum. Of tables that were read elsewhere it notes only counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources {
    votes: Option<VoteTable>,
    gold: Option<GoldTable>,
    gold_reader: GoldReader,
    origins: Vec<Origin>,
}

/// What a training read its data as; part of each report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DataReport {
    /// The models of the votes and gold rows, in alphabetical order.
    pub models: Vec<String>,
    /// Columns of the gold rows that are no model's, each with the reason.
    pub left_out_columns: BTreeMap<String, String>,
    /// Models whose names differ only by an organisation before them or by case, by group: mostly one model, which
    /// [`rename`](super::TrainOptions::rename) makes one.
    pub alike: Vec<Vec<String>>,
}

impl DataReport {
    /// Of votes and of gold rows, whose models have the names that they shall have.
    pub(super) fn new(votes: Option<&VoteTable>, gold: Option<&GoldTable>) -> Self {
        let of_votes = votes.map(VoteTable::models).unwrap_or_default();
        let of_gold = gold.iter().flat_map(|gold| gold.models.names());
        let mut models: Vec<String> = of_votes.names().iter().chain(of_gold).cloned().collect();
        models.sort_unstable();
        models.dedup();
        let left_out = gold.iter().flat_map(|gold| &gold.left_out);
        let left_out_columns = left_out.map(|column| (column.name.clone(), column.why.clone())).collect();
        Self { left_out_columns, ..Self::of(models) }
    }

    /// Of votes that came by number.
    pub(super) fn of_models(models: &ModelIndex) -> Self {
        Self::of(models.names().to_vec())
    }

    fn of(models: Vec<String>) -> Self {
        let alike = alike(models.iter().map(String::as_str));
        Self { models, alike, ..Self::default() }
    }
}

/// What the provenance says of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Origin {
    name: String,
    label_kind: &'static str,
    rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// Human votes.
const ARENA: &str = "D_arena";
/// Votes of a model that judges.
const JUDGE: &str = "D_judge";
/// Labels from a known answer.
const GOLD: &str = "D_gold";

impl Sources {
    /// No votes and no gold rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Votes that were read already, after those that there are.
    #[must_use]
    pub fn votes(mut self, votes: VoteTable) -> Self {
        self.votes = Some(match self.votes {
            None => votes,
            Some(before) => before.joined(votes),
        });
        self
    }

    /// Gold rows that were read already, after those that there are: as [`GoldTable::joined`].
    #[must_use]
    pub fn gold(mut self, gold: GoldTable) -> Self {
        self.gold = Some(match self.gold {
            None => gold,
            Some(before) => before.joined(gold),
        });
        self
    }

    /// How gold rows are read that come after this: which columns are models.
    #[must_use]
    pub fn gold_reader(mut self, reader: GoldReader) -> Self {
        self.gold_reader = reader;
        self
    }

    /// Votes of people in a file, as [`VoteTable::read`] reads it.
    ///
    /// # Errors
    /// As [`VoteTable::read`].
    pub fn votes_file(self, path: impl AsRef<Path>) -> Result<Self> {
        self.file_of_votes(path.as_ref(), ARENA)
    }

    /// Votes of a model that judges in a file, as [`VoteTable::read`] reads it.
    ///
    /// # Errors
    /// As [`VoteTable::read`].
    pub fn judge_file(self, path: impl AsRef<Path>) -> Result<Self> {
        self.file_of_votes(path.as_ref(), JUDGE)
    }

    fn file_of_votes(self, path: &Path, label_kind: &'static str) -> Result<Self> {
        let votes = VoteTable::read(path)?;
        let origin = Origin::of_file(path, label_kind, votes.counts.read)?;
        Ok(self.votes(votes).from(origin))
    }

    /// Gold rows of a file, as [`GoldReader::read`] reads it.
    ///
    /// # Errors
    /// As [`GoldReader::read`].
    pub fn gold_file(self, path: impl AsRef<Path>) -> Result<Self> {
        let gold = self.gold_reader.read(&path)?;
        let origin = Origin::of_file(path.as_ref(), GOLD, gold.rows.len())?;
        Ok(self.gold(gold).from(origin))
    }

    /// Votes of people as JSON lines, as [`VoteTable::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`VoteTable::from_jsonl`].
    pub fn votes_jsonl(self, lines: &[u8]) -> Result<Self> {
        self.lines_of_votes(lines, "votes", ARENA)
    }

    /// Votes of a model that judges as JSON lines, as [`VoteTable::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`VoteTable::from_jsonl`].
    pub fn judge_jsonl(self, lines: &[u8]) -> Result<Self> {
        self.lines_of_votes(lines, "judge", JUDGE)
    }

    fn lines_of_votes(self, lines: &[u8], name: &str, label_kind: &'static str) -> Result<Self> {
        let votes = VoteTable::from_jsonl(Cursor::new(lines), name)?;
        let rows = votes.votes.iter().map(|v| json!([v.id, v.prompt, v.model_a, v.model_b, v.winner.name()]));
        let origin = Origin::in_memory(rows, label_kind, votes.counts.read);
        Ok(self.votes(votes).from(origin))
    }

    /// Gold rows as JSON lines, as [`GoldReader::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`GoldReader::from_jsonl`].
    pub fn gold_jsonl(self, lines: &[u8]) -> Result<Self> {
        let gold = self.gold_reader.from_jsonl(Cursor::new(lines), "gold")?;
        let header = json!(gold.models.names());
        let rows = gold.rows.iter().map(|row| json!([row.id, row.prompt, row.scores]));
        let origin = Origin::in_memory(std::iter::once(header).chain(rows), GOLD, gold.rows.len());
        Ok(self.gold(gold).from(origin))
    }

    fn from(mut self, origin: Origin) -> Self {
        self.origins.push(origin);
        self
    }

    /// The votes, if there are any.
    pub fn vote_table(&self) -> Option<&VoteTable> {
        self.votes.as_ref()
    }

    /// The gold rows, if there are any.
    pub fn gold_table(&self) -> Option<&GoldTable> {
        self.gold.as_ref()
    }

    pub(super) fn origins(&self) -> &[Origin] {
        &self.origins
    }
}

impl Origin {
    /// Votes with embeddings that the caller computed.
    pub(super) fn columns(rows: usize) -> Self {
        Self { name: "columns given in memory".to_owned(), label_kind: ARENA, rows, sha256: None }
    }

    /// Rows that were read from text. Their checksum is that of what was read, which does not depend on how it was written.
    fn in_memory(read: impl Iterator<Item = Value>, label_kind: &'static str, rows: usize) -> Self {
        let lines = read.map(|row| format!("{row}\n")).collect::<Vec<_>>().concat();
        let sha256 = Some(sha256_hex(lines.as_bytes()));
        Self { name: "rows given in memory".to_owned(), label_kind, rows, sha256 }
    }

    fn of_file(path: &Path, label_kind: &'static str, rows: usize) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let sha256 = Some(sha256_of_file(path, &file)?);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, label_kind, rows, sha256 })
    }
}
