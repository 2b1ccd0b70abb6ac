//! Logs of single models: what one model answered a prompt with, and how good that was.

use std::io::BufRead;
use std::path::Path;

use super::read_gold::{self, Score};
use super::row;
use super::votes::ModelIndex;
use crate::data::{self, Json, PROMPT, Row, field};
use crate::error::Result;

/// What the quality may be called.
const QUALITY: &[&str] = &["quality", "score"];
/// What an outcome is made of.
const NEEDED: &[&[&str]] = &[PROMPT, &["model"], QUALITY];

/// The outcome of one model on one prompt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogRow {
    /// Name of the row; `line N` where the source has none.
    pub id: String,
    /// The prompt.
    pub prompt: String,
    /// Name of the model that answered.
    pub model: String,
    /// How good its answer was, in [0, 1] (wrong 0, right 1).
    pub quality: f64,
    /// How likely it was that this model was asked, in (0, 1], where whatever chose it drew lots.
    pub propensity: Option<f64>,
    /// How much the row counts; 1 unless its source says otherwise.
    pub weight: f64,
}

impl LogRow {
    /// An outcome.
    pub fn new(
        id: impl Into<String>,
        prompt: impl Into<String>,
        model: impl Into<String>,
        quality: f64,
    ) -> Self {
        Self {
            id: id.into(),
            prompt: prompt.into(),
            model: model.into(),
            quality,
            propensity: None,
            weight: 1.0,
        }
    }

    /// The same outcome of a model that was drawn with this probability, in (0, 1].
    #[must_use]
    pub fn propensity(mut self, propensity: f64) -> Self {
        self.propensity = Some(propensity);
        self
    }
}

/// Outcomes of single models: rows in which only the model that was asked has a quality.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct LogTable {
    /// The outcomes, in the order of the source.
    pub rows: Vec<LogRow>,
}

impl LogTable {
    /// A table of these outcomes.
    pub fn new(rows: Vec<LogRow>) -> Self {
        Self { rows }
    }

    /// Reads rows in the format that the file's ending names: `.jsonl` or `.ndjson`, `.csv`, or `.parquet` where the
    /// crate was built with the feature `parquet`. A row has a prompt as votes have it, `model`, and `quality` or `score`:
    /// a boolean or a number in [0, 1]. It may have `propensity`: how likely it was that this model was asked, in (0, 1].
    /// Other fields are ignored.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for an unknown ending or a malformed row (with file and line),
    /// `Unsupported` for parquet without the feature.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::collect(|each| data::each_of_file(path.as_ref(), Some("logs"), NEEDED, each))
    }

    /// Reads one JSON object a line, with the fields of [`read`](Self::read); `source` is the name that errors give it.
    ///
    /// # Errors
    /// `Io` for the reader, `InvalidArgument` with source and line for a malformed row.
    pub fn from_jsonl(reader: impl BufRead, source: &str) -> Result<Self> {
        Self::collect(|each| data::each_of_jsonl(reader, source, each))
    }

    /// Reads CSV with the fields of [`read`](Self::read) as columns; `source` is the name that errors give it.
    ///
    /// # Errors
    /// `InvalidArgument` with source and line for a missing column or a malformed row.
    pub fn from_csv(reader: impl std::io::Read, source: &str) -> Result<Self> {
        Self::collect(|each| data::each_of_csv(reader, source, NEEDED, each))
    }

    /// Reads rows whose columns have other names.
    ///
    /// # Errors
    /// As [`read`](Self::read), and for a row without such a column.
    pub(crate) fn read_named(place: data::Place<'_>, names: &data::Names) -> Result<Self> {
        Self::collect(|each| place.each("logs", NEEDED, names, each))
    }

    /// These outcomes, and then those of another table.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        self
    }

    fn collect(go: impl FnOnce(&mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()>) -> Result<Self> {
        let mut rows = Vec::new();
        go(&mut |row| {
            rows.push(outcome(row).map_err(|what| row.fault(what))?);
            Ok(())
        })?;
        Ok(Self { rows })
    }

    /// The models, in the order of first appearance.
    pub fn models(&self) -> ModelIndex {
        let mut index = ModelIndex::default();
        for row in &self.rows {
            index.insert(&row.model);
        }
        index
    }
}

/// The outcome in a row.
///
/// # Errors
/// What is wrong with it, as text.
pub(crate) fn outcome(row: &Row<'_>) -> Result<LogRow, String> {
    let model = row::model(row.cells, "model")?;
    let named = QUALITY.iter().find_map(|name| Some((*name, field(row.cells, name)?)));
    let (name, value): (&str, &Json) =
        named.ok_or_else(|| data::missing(row.cells, "\"quality\" and no \"score\""))?;
    let quality = match read_gold::score(value, row.untyped) {
        Score::Known(quality) => quality,
        Score::Missing => {
            return Err(format!("{name} is missing, expected true, false or a number in [0, 1]"));
        }
        Score::Other(found) => {
            return Err(format!("{name} is {found}, expected true, false or a number in [0, 1]"));
        }
    };
    let mut log = LogRow::new(row.id(), data::prompt(row.cells, false)?, model, quality);
    log.propensity = propensity(row)?;
    Ok(log)
}

/// How likely it was that the model was asked, if the row says so.
fn propensity(row: &Row<'_>) -> Result<Option<f64>, String> {
    let Some(value) = field(row.cells, "propensity") else { return Ok(None) };
    let wrong = |found: &str| format!("propensity is {found}, expected a number in (0, 1]");
    match read_gold::score(value, row.untyped) {
        Score::Known(propensity) if propensity > 0.0 => Ok(Some(propensity)),
        Score::Known(_) => Err(wrong("0")),
        Score::Missing => Ok(None),
        Score::Other(found) => Err(wrong(&found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_same_outcomes_come_in_many_forms() {
        let jsonl = concat!(
            "\u{feff}{\"prompt\": \"p\", \"model\": \"m\", \"quality\": 1, \"latency\": NaN}\r\n",
            "{\"prompt\": [\"q\", \"more\"], \"model\": \"n\", \"score\": 0.25}\n",
            "{\"conversation\": [{\"role\": \"user\", \"content\": \"r\"}], \"model\": \"m\", \"quality\": false}\n",
        );
        let table = LogTable::from_jsonl(jsonl.as_bytes(), "log").unwrap();
        assert_eq!(
            table.rows,
            [
                LogRow::new("line 1", "p", "m", 1.0),
                LogRow::new("line 2", "q", "n", 0.25),
                LogRow::new("line 3", "r", "m", 0.0)
            ]
        );
        assert_eq!(table.models().names(), ["m", "n"]);
        let csv = "prompt,model,quality\r\np,m,True\r\n\"[\"\"q\"\"]\",n,0.25\r\nr,m,0\r\n";
        assert_eq!(LogTable::from_csv(csv.as_bytes(), "log.csv").unwrap(), table);
        assert_eq!(LogTable::read("no-such-file.csv").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn malformed_outcomes_are_named() {
        for (bad, what) in [
            (r#"{"prompt": "p", "model": "m", "quality": 2}"#, "quality is 2"),
            (r#"{"prompt": "p", "model": "m", "quality": NaN}"#, "quality is missing"),
            (r#"{"prompt": "p", "model": "m"}"#, "no \"quality\""),
            (r#"{"prompt": "p", "quality": 1}"#, "no \"model\""),
            (r#"{"prompt": "cut \ud83d", "model": "m", "quality": 1}"#, "half an emoji"),
            (r#"{"model": "m", "quality": 1}"#, "no \"prompt\""),
            (r#"{"prompt": "p", "model": "m", "quality": 1, "propensity": 0}"#, "propensity is 0"),
        ] {
            let error = LogTable::from_jsonl(format!("\n{bad}\n").as_bytes(), "log").unwrap_err();
            assert!(
                error.message().starts_with("log, line 2: ") && error.message().contains(what),
                "{error}"
            );
        }
        let error = LogTable::from_csv("prompt,quality\n".as_bytes(), "log.csv").unwrap_err();
        assert_eq!(error.message(), "log.csv, line 1: no column \"model\" among [\"prompt\", \"quality\"]");
    }
}
