//! What a training learns from.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::data::Place;
use crate::files::{sha256_hex, sha256_of_file};
use crate::preference::{GoldReader, GoldTable, LogTable, ModelIndex, VoteTable, alike};
use crate::{Error, Result};

/// Votes, gold rows, logs or several of them, of any number of sources, and where they come from: of files and of rows as text, the
/// provenance notes name, label kind, number of rows and checksum. Of tables that were read elsewhere it notes only counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources {
    pub(super) votes: Option<VoteTable>,
    pub(super) gold: Option<GoldTable>,
    pub(super) logs: Option<LogTable>,
    pub(super) gold_reader: GoldReader,
    pub(super) origins: Vec<Origin>,
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

    /// Of all sources, logs too, whose gold rows have the names that they shall have.
    pub(super) fn of_sources(sources: &Sources, gold: Option<&GoldTable>) -> Self {
        let mut report = Self::new(sources.vote_table(), gold);
        let logs = sources.log_table().map_or(&[][..], |table| &table.rows);
        report.models.extend(logs.iter().map(|row| row.model.clone()));
        report.models.sort_unstable();
        report.models.dedup();
        report.alike = alike(report.models.iter().map(String::as_str));
        report
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
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
}

/// What the labels of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Labels {
    /// Votes of people (`D_arena` in the paper).
    Votes,
    /// Qualities by a known answer (`D_gold`).
    Gold,
    /// Votes of a model that judges (`D_judge`).
    Judge,
    /// Outcomes of single models: of each prompt, that of the model that answered it.
    Log,
}

impl Labels {
    /// How the provenance calls them.
    const fn name(self) -> &'static str {
        match self {
            Self::Votes => ARENA,
            Self::Gold => GOLD,
            Self::Judge => JUDGE,
            Self::Log => LOG,
        }
    }
}

/// How a source is read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// What its columns are called, by the name that they are read by: `prompt` may be called `question`.
    pub columns: BTreeMap<String, String>,
    /// How much each of its rows counts, above 0; 1 by default.
    pub weight: f64,
}

impl Default for Reading {
    fn default() -> Self {
        Self { columns: BTreeMap::new(), weight: 1.0 }
    }
}

impl Reading {
    /// Columns have their own names, and each row counts once.
    pub fn new() -> Self {
        Self::default()
    }

    /// The column that is read as `name` is called `theirs`.
    #[must_use]
    pub fn column(mut self, name: impl Into<String>, theirs: impl Into<String>) -> Self {
        self.columns.insert(name.into(), theirs.into());
        self
    }

    /// How much each row counts.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

/// Human votes.
const ARENA: &str = "D_arena";
/// Votes of a model that judges.
const JUDGE: &str = "D_judge";
/// Labels from a known answer.
const GOLD: &str = "D_gold";
/// Outcomes of single models.
const LOG: &str = "log";

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

    /// Logs that were read already, after those that there are.
    #[must_use]
    pub fn logs(mut self, logs: LogTable) -> Self {
        self.logs = Some(match self.logs {
            None => logs,
            Some(before) => before.joined(logs),
        });
        self
    }

    /// Rows of a file, read as said.
    ///
    /// # Errors
    /// As [`VoteTable::read`], [`GoldReader::read`] and [`LogTable::read`]; `InvalidArgument` for a column that a row lacks,
    /// or a weight that is not positive.
    pub fn file(self, labels: Labels, path: impl AsRef<Path>, reading: &Reading) -> Result<Self> {
        let path = path.as_ref();
        let (sources, rows, _) = self.read(labels, Place::File(path), reading)?;
        let origin = Origin::of_file(path, labels.name(), rows)?;
        Ok(sources.from(origin.weighing(reading)))
    }

    /// Rows as JSON lines, read as said.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn lines(self, labels: Labels, lines: &[u8], reading: &Reading) -> Result<Self> {
        let name = match labels {
            Labels::Votes => "votes",
            Labels::Gold => "gold",
            Labels::Judge => "judge",
            Labels::Log => "logs",
        };
        let (sources, rows, read) = self.read(labels, Place::Lines(lines, name), reading)?;
        let origin = Origin::in_memory(read.into_iter(), labels.name(), rows);
        Ok(sources.from(origin.weighing(reading)))
    }

    /// Reads a source; returns how many rows it had, and, of rows in memory, what they were read as.
    fn read(self, labels: Labels, place: Place<'_>, reading: &Reading) -> Result<(Self, usize, Vec<Value>)> {
        let Reading { columns, weight } = reading;
        if !(*weight > 0.0 && weight.is_finite()) {
            return Err(Error::invalid_argument(format!("weight is {weight}, expected a positive number")));
        }
        let in_memory = matches!(place, Place::Lines(..));
        match labels {
            Labels::Votes | Labels::Judge => {
                let mut votes = VoteTable::read_named(place, columns)?;
                votes.votes.iter_mut().for_each(|vote| vote.weight = *weight);
                let rows = votes.votes.iter().filter(|_| in_memory).map(|vote| match vote.p_model_a {
                    None => json!([vote.id, vote.prompt, vote.model_a, vote.model_b, vote.winner.name()]),
                    Some(p) => json!([vote.id, vote.prompt, vote.model_a, vote.model_b, p]),
                });
                let (read, rows) = (votes.counts.read, rows.collect());
                Ok((self.votes(votes), read, rows))
            }
            Labels::Gold => {
                let mut gold = self.gold_reader.read_named(place, columns)?;
                gold.rows.iter_mut().for_each(|row| row.weight = *weight);
                let header = in_memory.then(|| json!(gold.models.names()));
                let rows = gold.rows.iter().filter(|_| in_memory);
                let rows = header
                    .into_iter()
                    .chain(rows.map(|row| json!([row.id, row.prompt, row.scores])))
                    .collect();
                let read = gold.rows.len();
                Ok((self.gold(gold), read, rows))
            }
            Labels::Log => {
                let mut logs = LogTable::read_named(place, columns)?;
                logs.rows.iter_mut().for_each(|row| row.weight = *weight);
                let rows = logs.rows.iter().filter(|_| in_memory);
                let rows = rows
                    .map(|row| json!([row.id, row.prompt, row.model, row.quality, row.propensity]))
                    .collect();
                let read = logs.rows.len();
                Ok((self.logs(logs), read, rows))
            }
        }
    }

    /// Votes of people in a file, as [`VoteTable::read`] reads it.
    ///
    /// # Errors
    /// As [`VoteTable::read`].
    pub fn votes_file(self, path: impl AsRef<Path>) -> Result<Self> {
        self.file(Labels::Votes, path, &Reading::new())
    }

    /// Votes of a model that judges in a file, as [`VoteTable::read`] reads it.
    ///
    /// # Errors
    /// As [`VoteTable::read`].
    pub fn judge_file(self, path: impl AsRef<Path>) -> Result<Self> {
        self.file(Labels::Judge, path, &Reading::new())
    }

    /// Gold rows of a file, as [`GoldReader::read`] reads it.
    ///
    /// # Errors
    /// As [`GoldReader::read`].
    pub fn gold_file(self, path: impl AsRef<Path>) -> Result<Self> {
        self.file(Labels::Gold, path, &Reading::new())
    }

    /// Logs of a file, as [`LogTable::read`] reads it.
    ///
    /// # Errors
    /// As [`LogTable::read`].
    pub fn logs_file(self, path: impl AsRef<Path>) -> Result<Self> {
        self.file(Labels::Log, path, &Reading::new())
    }

    /// Votes of people as JSON lines, as [`VoteTable::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`VoteTable::from_jsonl`].
    pub fn votes_jsonl(self, lines: &[u8]) -> Result<Self> {
        self.lines(Labels::Votes, lines, &Reading::new())
    }

    /// Votes of a model that judges as JSON lines, as [`VoteTable::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`VoteTable::from_jsonl`].
    pub fn judge_jsonl(self, lines: &[u8]) -> Result<Self> {
        self.lines(Labels::Judge, lines, &Reading::new())
    }

    /// Gold rows as JSON lines, as [`GoldReader::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`GoldReader::from_jsonl`].
    pub fn gold_jsonl(self, lines: &[u8]) -> Result<Self> {
        self.lines(Labels::Gold, lines, &Reading::new())
    }

    /// Logs as JSON lines, as [`LogTable::from_jsonl`] reads them.
    ///
    /// # Errors
    /// As [`LogTable::from_jsonl`].
    pub fn logs_jsonl(self, lines: &[u8]) -> Result<Self> {
        self.lines(Labels::Log, lines, &Reading::new())
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

    /// The logs, if there are any.
    pub fn log_table(&self) -> Option<&LogTable> {
        self.logs.as_ref()
    }

    pub(super) fn origins(&self) -> &[Origin] {
        &self.origins
    }
}

/// Refuses logs, for a trainer that compares the answers to one prompt.
///
/// # Errors
/// `InvalidArgument`.
pub(super) fn refuse_logs(sources: &Sources, why: &str) -> Result<()> {
    match sources.logs {
        None => Ok(()),
        Some(_) => Err(Error::invalid_argument(format!(
            "logs have no effect: {why}, and a log has the answer of one model to each prompt; \
             linear per candidate, knn and logistic learn from logs"
        ))),
    }
}

impl Origin {
    /// Votes with embeddings that the caller computed.
    pub(super) fn columns(rows: usize) -> Self {
        Self {
            name: "columns given in memory".to_owned(),
            label_kind: ARENA,
            rows,
            sha256: None,
            weight: None,
        }
    }

    /// Rows that were read from text. Their checksum is that of what was read, which does not depend on how it was written.
    fn in_memory(read: impl Iterator<Item = Value>, label_kind: &'static str, rows: usize) -> Self {
        let lines = read.map(|row| format!("{row}\n")).collect::<Vec<_>>().concat();
        let sha256 = Some(sha256_hex(lines.as_bytes()));
        Self { name: "rows given in memory".to_owned(), label_kind, rows, sha256, weight: None }
    }

    /// With the weight of its rows, unless that is 1.
    fn weighing(self, reading: &Reading) -> Self {
        Self { weight: (reading.weight != 1.0).then_some(reading.weight), ..self }
    }

    fn of_file(path: &Path, label_kind: &'static str, rows: usize) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let sha256 = Some(sha256_of_file(path, &file)?);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, label_kind, rows, sha256, weight: None })
    }
}
