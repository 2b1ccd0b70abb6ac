//! Gold rows: for each prompt, how well each model answered, judged by a known answer.

use std::io::BufRead;
use std::path::Path;

use super::name::suggestion;
use super::read_gold::Columns;
use super::votes::{ModelIndex, Vote, VoteCounts, VoteTable, Winner};
use crate::data::{self, Row};
use crate::error::{Error, Result};

/// One prompt with the quality of each model's answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GoldRow {
    /// Name of the row; `line N` where the source has none.
    pub id: String,
    /// The prompt.
    pub prompt: String,
    /// Quality in [0, 1] per model of the table (wrong 0, right 1), in the table's order.
    pub scores: Vec<f64>,
    /// How much it counts; 1 unless its source says otherwise.
    pub weight: f64,
}

impl GoldRow {
    /// A prompt with a quality for each model of a table.
    pub fn new(id: impl Into<String>, prompt: impl Into<String>, scores: Vec<f64>) -> Self {
        Self { id: id.into(), prompt: prompt.into(), scores, weight: 1.0 }
    }
}

/// Gold rows over one list of models (label kind `D_gold`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GoldTable {
    /// The models that have a score in every row; those that were read, in alphabetical order.
    pub models: ModelIndex,
    /// The rows, in the order of the source.
    pub rows: Vec<GoldRow>,
    /// Columns of the source that are no model's, in alphabetical order.
    pub left_out: Vec<LeftOut>,
}

/// A column of gold rows that is no model's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Name of the column.
    pub name: String,
    /// Why it is no model's.
    pub why: String,
}

impl LeftOut {
    pub(super) fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), why: why.into() }
    }
}

/// How gold rows are read. Each row has a prompt as votes have it, optionally `id`, and for each model a boolean or a
/// number in [0, 1].
///
/// Unless they are named, the models are the columns whose values are all such. Others are left out and listed; `subject`,
/// `category`, ids and numbers of rows always are. A model without a score in some row is an error: there is no telling
/// what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoldReader {
    models: Option<Vec<String>>,
}

impl GoldReader {
    /// A reader that finds the models.
    pub fn new() -> Self {
        Self::default()
    }

    /// The columns that are models, and no others.
    #[must_use]
    pub fn models(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.models = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Reads rows in the format that the file's ending names: `.jsonl` or `.ndjson`, `.csv`, or `.parquet` where the
    /// crate was built with the feature `parquet`.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for an unknown ending, a malformed row (with file and line), or
    /// without a column of scores; `Unsupported` for parquet without the feature.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<GoldTable> {
        let (path, needed) = (path.as_ref(), [data::PROMPT]);
        self.collect(&path.display().to_string(), |each| {
            data::each_of_file(path, Some("gold rows"), &needed, each)
        })
    }

    /// Reads one JSON object a line; `source` is the name that errors give it.
    ///
    /// # Errors
    /// `Io` for the reader, `InvalidArgument` with source and line for a malformed row, or without a column of scores.
    pub fn from_jsonl(&self, reader: impl BufRead, source: &str) -> Result<GoldTable> {
        self.collect(source, |each| data::each_of_jsonl(reader, source, each))
    }

    /// Reads CSV with a header (the layout of `RouteLLM`'s evaluation files); `source` is the name that errors give it.
    ///
    /// # Errors
    /// `InvalidArgument` with source and line for a missing column or a malformed row, or without a column of scores.
    pub fn from_csv(&self, reader: impl std::io::Read, source: &str) -> Result<GoldTable> {
        self.collect(source, |each| data::each_of_csv(reader, source, &[data::PROMPT], each))
    }

    /// Reads rows whose columns have other names.
    ///
    /// # Errors
    /// As [`read`](Self::read), and for a row without such a column.
    pub(crate) fn read_named(&self, place: data::Place<'_>, names: &data::Names) -> Result<GoldTable> {
        self.collect(&place.name(), |each| place.each("gold rows", &[data::PROMPT], names, each))
    }

    fn collect(
        &self,
        source: &str,
        go: impl FnOnce(&mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()>,
    ) -> Result<GoldTable> {
        let mut columns = Columns::new(source, self.models.as_deref())?;
        go(&mut |row| columns.add(row))?;
        columns.finish()
    }
}

impl GoldTable {
    /// Rows with a score for each of `models`.
    ///
    /// # Errors
    /// `InvalidArgument` for a row with another number of scores, or one that is not in [0, 1].
    pub fn new(models: ModelIndex, rows: Vec<GoldRow>) -> Result<Self> {
        for row in &rows {
            if row.scores.len() != models.len() || !row.scores.iter().all(|score| (0.0..=1.0).contains(score))
            {
                return Err(Error::invalid_argument(format!(
                    "row {}: {} scores in [0, 1] are expected, got {:?}",
                    row.id,
                    models.len(),
                    row.scores
                )));
            }
        }
        Ok(Self { models, rows, left_out: Vec::new() })
    }

    /// Reads a file as [`GoldReader::read`] does, and finds the models.
    ///
    /// # Errors
    /// As [`GoldReader::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        GoldReader::new().read(path)
    }

    /// Reads JSON lines as [`GoldReader::from_jsonl`] does, and finds the models.
    ///
    /// # Errors
    /// As [`GoldReader::from_jsonl`].
    pub fn from_jsonl(reader: impl BufRead, source: &str) -> Result<Self> {
        GoldReader::new().from_jsonl(reader, source)
    }

    /// Reads CSV as [`GoldReader::from_csv`] does, and finds the models.
    ///
    /// # Errors
    /// As [`GoldReader::from_csv`].
    pub fn from_csv(reader: impl std::io::Read, source: &str) -> Result<Self> {
        GoldReader::new().from_csv(reader, source)
    }

    /// The number of a model.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown model; the message names the known ones, and says why the column of that name was
    /// left out.
    pub fn number(&self, name: &str) -> Result<usize> {
        self.models.number(name).map_err(|error| match self.why_left_out(name) {
            Some(why) => Error::invalid_argument(format!("{error}; {why}")),
            None => error,
        })
    }

    /// Why the column of this name, or of one that is meant by it, is no model's.
    pub(crate) fn why_left_out(&self, name: &str) -> Option<String> {
        let known =
            |column: &&LeftOut| column.name == name || !suggestion(name, [column.name.as_str()]).is_empty();
        let LeftOut { name, why } = self.left_out.iter().find(known)?;
        Some(format!("the column {name:?} was left out: {why}"))
    }

    /// These rows, and then those of another table, with the models that both know, in the order of this one.
    ///
    /// Models that one of them lacks are left out and listed.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        let known = |left_out: &[LeftOut], name: &str| left_out.iter().any(|column| column.name == name);
        let more = other.left_out.iter().filter(|column| !known(&self.left_out, &column.name));
        let mut left_out: Vec<LeftOut> = self.left_out.iter().chain(more).cloned().collect();
        if self.models == other.models {
            self.rows.extend(other.rows);
            return Self { left_out, ..self };
        }
        for (one, another) in [(&self.models, &other.models), (&other.models, &self.models)] {
            for name in one.names().iter().filter(|name| another.number(name).is_err()) {
                if !known(&left_out, name) {
                    left_out.push(LeftOut::new(name.as_str(), "not every source has it"));
                }
            }
        }
        left_out.sort_by(|a, b| a.name.cmp(&b.name));
        let mut models = ModelIndex::default();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (number, name) in self.models.names().iter().enumerate() {
            if let Ok(other) = other.models.number(name) {
                models.insert(name);
                ours.push(number);
                theirs.push(other);
            }
        }
        let scores_of = |row: GoldRow, numbers: &[usize]| GoldRow {
            scores: numbers.iter().map(|number| row.scores[*number]).collect(),
            ..row
        };
        let before = self.rows.into_iter().map(|row| scores_of(row, &ours));
        let rows = before.chain(other.rows.into_iter().map(|row| scores_of(row, &theirs))).collect();
        Self { models, rows, left_out }
    }

    /// The same rows with one model under another name: sources write the same model differently.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no model `from`, or there is one `to` already.
    pub fn renamed(mut self, from: &str, to: &str) -> Result<Self> {
        self.number(from)?;
        let names = self.models.names().iter().map(|name| if name == from { to } else { name.as_str() });
        self.models = ModelIndex::new(names)?;
        Ok(self)
    }

    /// The rows with those models alone that `keep` takes.
    ///
    /// # Errors
    /// As [`ModelIndex::new`].
    pub(crate) fn with_models(mut self, keep: impl Fn(&str) -> bool) -> Result<Self> {
        let kept: Vec<bool> = self.models.names().iter().map(|name| keep(name)).collect();
        self.models = ModelIndex::new(self.models.names().iter().filter(|name| keep(name)))?;
        for row in &mut self.rows {
            let mut kept = kept.iter();
            row.scores.retain(|_| *kept.next().unwrap_or(&false));
        }
        Ok(self)
    }

    /// The rows as votes between two models: the better score wins, equal scores (both right or both
    /// wrong) are a tie.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown model or a pair of the same model.
    pub fn votes(&self, model_a: &str, model_b: &str) -> Result<VoteTable> {
        let (a, b) = (self.number(model_a)?, self.number(model_b)?);
        if a == b {
            return Err(Error::invalid_argument(format!("a pair needs two models, got {model_a:?} twice")));
        }
        let votes = self.rows.iter().map(|row| {
            let vote = Vote::new(&row.id, &row.prompt, model_a, model_b, row.winner(a, b));
            Vote { weight: row.weight, ..vote }
        });
        let counts = VoteCounts { read: self.rows.len(), ..VoteCounts::default() };
        Ok(VoteTable { votes: votes.collect(), counts })
    }
}

impl GoldRow {
    /// Which of two models, by number, answered better; equal scores are a tie.
    pub(crate) fn winner(&self, a: usize, b: usize) -> Winner {
        Self::winner_of(self.scores[a], self.scores[b])
    }

    /// Which of two scores is the better one.
    pub(crate) fn winner_of(a: f64, b: f64) -> Winner {
        match a.total_cmp(&b) {
            std::cmp::Ordering::Greater => Winner::ModelA,
            std::cmp::Ordering::Less => Winner::ModelB,
            std::cmp::Ordering::Equal => Winner::Tie,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_a_score_of_each_model() {
        let table = |scores| {
            GoldTable::new(ModelIndex::new(["a", "b"]).unwrap(), vec![GoldRow::new("r", "p", scores)])
        };
        assert_eq!(table(vec![0.0, 1.0]).unwrap().rows[0].scores, [0.0, 1.0]);
        for scores in [vec![1.0], vec![0.0, 1.1], vec![f64::NAN, 0.0]] {
            assert!(table(scores).unwrap_err().message().contains("row r: 2 scores in [0, 1]"));
        }
    }

    #[test]
    fn jsonl_becomes_votes() {
        let text = concat!(
            r#"{"prompt": "p", "subject": "s", "weak": false, "strong": true}"#,
            "\n",
            r#"{"prompt": "q", "subject": "s", "strong": 0.25, "weak": 0.5}"#,
            "\n",
            r#"{"prompt": "r", "subject": "s", "strong": true, "weak": 1}"#,
            "\n",
            r#"{"prompt": "r", "subject": "s", "strong": -0.0, "weak": false}"#,
            "\n",
        );
        let gold = GoldTable::from_jsonl(text.as_bytes(), "g").unwrap();
        let votes = gold.votes("strong", "weak").unwrap();
        let winners: Vec<Winner> = votes.votes.iter().map(|v| v.winner).collect();
        assert_eq!(winners, [Winner::ModelA, Winner::ModelB, Winner::Tie, Winner::Tie]);
        assert_eq!(votes.votes[1].id, "line 2");
        assert!(gold.votes("strong", "strong").is_err());
        assert!(gold.votes("strong", "other").unwrap_err().message().contains("known models: strong, weak"));
    }
}
