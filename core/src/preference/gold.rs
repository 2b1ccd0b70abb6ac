//! Gold rows: for each prompt, how well each model answered, judged by a known answer.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::read_votes::{csv_error, row_error};
use super::votes::{ModelIndex, Vote, VoteCounts, VoteTable, Winner};
use crate::error::{Error, Result};

/// Columns that describe a row and hold no model's score.
const DESCRIPTIVE: [&str; 4] = ["id", "prompt", "subject", "category"];

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
}

impl GoldRow {
    /// A prompt with a quality for each model of a table.
    pub fn new(id: impl Into<String>, prompt: impl Into<String>, scores: Vec<f64>) -> Self {
        Self { id: id.into(), prompt: prompt.into(), scores }
    }
}

/// Gold rows over one list of models (label kind `D_gold`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GoldTable {
    /// The models that have a score in every row.
    pub models: ModelIndex,
    /// The rows, in the order of the source.
    pub rows: Vec<GoldRow>,
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
        Ok(Self { models, rows })
    }

    /// Reads `.jsonl` or `.csv`, by the file's ending.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for an unknown ending or a malformed row.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
        let source = path.display().to_string();
        let open = || File::open(path).map(BufReader::new).map_err(|e| Error::io(path, e));
        match ending.as_str() {
            "jsonl" | "ndjson" => Self::from_jsonl(open()?, &source),
            "csv" => Self::from_csv(open()?, &source),
            _ => Err(Error::invalid_argument(format!(
                "{source}: gold rows are read from .jsonl or .csv files"
            ))),
        }
    }

    /// Reads one JSON object a line: `prompt`, optionally `id`, `subject` and `category`, and one field per
    /// model with a boolean or a number in [0, 1]. The first row fixes the models.
    ///
    /// # Errors
    /// `Io` for the reader, `InvalidArgument` with source and line for a malformed row.
    pub fn from_jsonl(reader: impl BufRead, source: &str) -> Result<Self> {
        let mut models = ModelIndex::default();
        let mut rows: Vec<GoldRow> = Vec::new();
        for (line, text) in reader.lines().enumerate() {
            let line = line as u64 + 1;
            let text = text.map_err(|e| match e.kind() {
                std::io::ErrorKind::InvalidData => row_error(source, line, "not UTF-8"),
                _ => Error::new(crate::ErrorKind::Io, format!("{source}: {e}")).with_source(e),
            })?;
            if text.trim().is_empty() {
                continue;
            }
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).map_err(|e| row_error(source, line, e))?;
            if rows.is_empty() {
                for name in object.keys().filter(|name| !DESCRIPTIVE.contains(&name.as_str())) {
                    models.insert(name);
                }
                if models.is_empty() {
                    return Err(row_error(source, line, "no field holds a model's score"));
                }
            }
            rows.push(json_row(&object, &models).map_err(|what| row_error(source, line, what))?.named(line));
        }
        Ok(Self { models, rows })
    }

    /// Reads CSV with a header: `prompt`, optionally `id`, `subject` and `category`; every other column is a
    /// model and holds `True`, `False` or a number in [0, 1] (the layout of `RouteLLM`'s evaluation files).
    ///
    /// # Errors
    /// `InvalidArgument` with source and line for a missing column or a malformed row.
    pub fn from_csv(reader: impl std::io::Read, source: &str) -> Result<Self> {
        let mut csv = csv::Reader::from_reader(reader);
        let header = csv.headers().map_err(|e| csv_error(source, &e))?.clone();
        let position = |name: &str| header.iter().position(|field| field == name);
        let prompt = position("prompt").ok_or_else(|| row_error(source, 1, "no column \"prompt\""))?;
        let id = position("id");
        // A first column without a name is the row number that pandas writes.
        let columns: Vec<usize> = (0..header.len())
            .filter(|i| !(DESCRIPTIVE.contains(&&header[*i]) || *i == 0 && header[*i].is_empty()))
            .collect();
        let models =
            ModelIndex::new(columns.iter().map(|i| &header[*i])).map_err(|e| row_error(source, 1, e))?;
        if models.is_empty() {
            return Err(row_error(source, 1, "no column holds a model's score"));
        }
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        while csv.read_record(&mut record).map_err(|e| csv_error(source, &e))? {
            let line = record.position().map_or(0, csv::Position::line);
            let mut scores = Vec::with_capacity(columns.len());
            for column in &columns {
                let score = cell_score(&record[*column]).ok_or_else(|| {
                    row_error(source, line, score_fault(&header[*column], &record[*column]))
                })?;
                scores.push(score);
            }
            let id = id.map_or_else(String::new, |id| record[id].to_owned());
            rows.push(GoldRow { id, prompt: record[prompt].to_owned(), scores }.named(line));
        }
        Ok(Self { models, rows })
    }

    /// These rows, and then those of another table, with the models that both know, in the order of this one.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        if self.models == other.models {
            self.rows.extend(other.rows);
            return self;
        }
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
        Self { models, rows }
    }

    /// The same rows with one model under another name: sources write the same model differently.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no model `from`, or there is one `to` already.
    pub fn renamed(mut self, from: &str, to: &str) -> Result<Self> {
        self.models.number(from)?;
        let names = self.models.names().iter().map(|name| if name == from { to } else { name.as_str() });
        self.models = ModelIndex::new(names)?;
        Ok(self)
    }

    /// The rows as votes between two models: the better score wins, equal scores (both right or both
    /// wrong) are a tie.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown model or a pair of the same model.
    pub fn votes(&self, model_a: &str, model_b: &str) -> Result<VoteTable> {
        let (a, b) = (self.models.number(model_a)?, self.models.number(model_b)?);
        if a == b {
            return Err(Error::invalid_argument(format!("a pair needs two models, got {model_a:?} twice")));
        }
        let votes = self.rows.iter().map(|row| Vote {
            id: row.id.clone(),
            prompt: row.prompt.clone(),
            model_a: model_a.to_owned(),
            model_b: model_b.to_owned(),
            winner: row.winner(a, b),
        });
        let counts = VoteCounts { read: self.rows.len(), ..VoteCounts::default() };
        Ok(VoteTable { votes: votes.collect(), counts })
    }
}

impl GoldRow {
    /// Which of two models, by number, answered better; equal scores are a tie.
    pub(crate) fn winner(&self, a: usize, b: usize) -> Winner {
        match self.scores[a].total_cmp(&self.scores[b]) {
            std::cmp::Ordering::Greater => Winner::ModelA,
            std::cmp::Ordering::Less => Winner::ModelB,
            std::cmp::Ordering::Equal => Winner::Tie,
        }
    }

    fn named(mut self, line: u64) -> Self {
        if self.id.is_empty() {
            self.id = format!("line {line}");
        }
        self
    }
}

fn score_fault(model: &str, got: impl std::fmt::Display) -> String {
    format!("score of {model:?} is {got}, expected true, false or a number in [0, 1]")
}

/// A score in [0, 1]; negative zero becomes zero, so that equal scores have equal bits.
fn checked(score: f64) -> Option<f64> {
    (0.0..=1.0).contains(&score).then_some(score + 0.0)
}

fn cell_score(cell: &str) -> Option<f64> {
    match cell.trim() {
        "True" | "true" | "TRUE" => Some(1.0),
        "False" | "false" | "FALSE" => Some(0.0),
        number => number.parse().ok().and_then(checked),
    }
}

fn json_row(
    object: &serde_json::Map<String, serde_json::Value>,
    models: &ModelIndex,
) -> Result<GoldRow, String> {
    use serde_json::Value;
    let prompt = object.get("prompt").and_then(Value::as_str).ok_or("no text in \"prompt\"")?.to_owned();
    if let Some(extra) =
        object.keys().find(|k| !DESCRIPTIVE.contains(&k.as_str()) && models.number(k).is_err())
    {
        return Err(format!("field {extra:?} is not among the models of the first row"));
    }
    let mut scores = Vec::with_capacity(models.len());
    for name in models.names() {
        let value = object.get(name).ok_or_else(|| format!("no score of {name:?}"))?;
        let score = match value {
            Value::Bool(right) => Some(f64::from(u8::from(*right))),
            Value::Number(number) => number.as_f64().and_then(checked),
            _ => None,
        };
        scores.push(score.ok_or_else(|| score_fault(name, value))?);
    }
    let id = match object.get("id") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Ok(GoldRow { id, prompt, scores })
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

    #[test]
    fn csv_is_read_like_jsonl() {
        let text = "prompt,weak,strong\n\"a, b\",True,False\nc,0.5,1\n";
        let gold = GoldTable::from_csv(text.as_bytes(), "g.csv").unwrap();
        assert_eq!(gold.models.names(), ["weak", "strong"]);
        assert_eq!(gold.rows[0].prompt, "a, b");
        assert_eq!(gold.rows[1].scores, [0.5, 1.0]);
    }

    #[test]
    fn malformed_rows_are_named() {
        let first = r#"{"prompt": "p", "a": true, "b": false}"#;
        for bad in [
            r#"{"prompt": "p", "a": true}"#,
            r#"{"prompt": "p", "a": true, "b": 1.5}"#,
            r#"{"prompt": "p", "a": true, "b": null}"#,
            r#"{"prompt": "p", "a": true, "b": true, "c": true}"#,
            r#"{"a": true, "b": true}"#,
            "[]",
        ] {
            let error = GoldTable::from_jsonl(format!("{first}\n{bad}\n").as_bytes(), "g.jsonl").unwrap_err();
            assert!(error.message().starts_with("g.jsonl, line 2: "), "{error}");
        }
        for bad in ["x,maybe", "x,NaN", "x"] {
            let error = GoldTable::from_csv(format!("prompt,a\n{bad}\n").as_bytes(), "g.csv").unwrap_err();
            assert!(error.message().starts_with("g.csv, line 2: "), "{error}");
        }
        assert!(GoldTable::from_csv("prompt\n".as_bytes(), "g.csv").is_err());
    }
}
