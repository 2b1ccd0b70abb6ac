//! The columns of gold rows: which are models, and what the others are.

use std::collections::HashMap;

use super::gold::{GoldRow, GoldTable, LeftOut};
use super::name::suggestion;
use super::votes::ModelIndex;
use crate::data::{self, Json, PROMPT, Row};
use crate::error::{Error, Result};

/// Columns that describe a row and never hold a score.
pub(crate) const DESCRIPTIVE: [&str; 2] = ["subject", "category"];
/// What a score may be.
const EXPECTED: &str = "expected true, false or a number in [0, 1]";

/// What a value is as a score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Score {
    /// In [0, 1].
    Known(f64),
    /// Null, NaN or an empty cell.
    Missing,
    /// Not a score; what it is, for messages.
    Other(String),
}

/// The score in a value. Of `untyped` ones, texts are read as what they spell.
pub(crate) fn score(value: &Json, untyped: bool) -> Score {
    // Negative zero becomes zero, so that equal scores have equal bits.
    let number = |number: f64, shown: &str| match number {
        _ if number.is_nan() => Score::Missing,
        _ if (0.0..=1.0).contains(&number) => Score::Known(number + 0.0),
        _ => Score::Other(shown.to_owned()),
    };
    match value {
        Json::Null => Score::Missing,
        Json::Flag(right) => Score::Known(f64::from(u8::from(*right))),
        Json::Number(text) => text.parse().map_or_else(|_| Score::Other(text.clone()), |n| number(n, text)),
        Json::Text(text) if untyped => match text.trim() {
            "" => Score::Missing,
            "True" | "true" | "TRUE" => Score::Known(1.0),
            "False" | "false" | "FALSE" => Score::Known(0.0),
            cell => cell.parse().map_or_else(|_| Score::Other(short(cell)), |n| number(n, cell)),
        },
        Json::Text(text) | Json::HalfText(text) => Score::Other(short(text)),
        other => Score::Other(other.kind().to_owned()),
    }
}

/// A text in quotes, of which the beginning is enough.
fn short(text: &str) -> String {
    let start: String = text.chars().take(24).collect();
    if start.len() < text.len() { format!("the text {:?}", start + "...") } else { format!("{text:?}") }
}

/// Whether a column is read for something else than scores, and so is no column that was left out.
fn is_read(name: &str) -> bool {
    PROMPT.contains(&name) || ["id", "question_id"].contains(&name)
}

/// Whether a column holds the numbers of the rows, which pandas writes under these names.
fn numbers_rows(name: &str) -> bool {
    name.is_empty() || name.starts_with("Unnamed: ") || name.starts_with("__index_level_")
}

/// A column that may be a model's.
struct Column {
    name: String,
    /// One for each row so far, until it is known to be no model's.
    scores: Vec<f64>,
    /// What is wrong with it: where and what.
    fault: Option<String>,
    /// A row without a score.
    missing: Option<Error>,
}

/// Columns as their rows come.
pub(super) struct Columns<'a> {
    source: &'a str,
    /// The models, where they are named.
    named: Option<&'a [String]>,
    scores: Vec<Column>,
    /// Where in `scores` a name is; `None` if it is no score's.
    places: HashMap<String, Option<usize>>,
    left_out: Vec<LeftOut>,
    rows: Vec<GoldRow>,
    /// Where the first row stands.
    first: String,
}

impl<'a> Columns<'a> {
    pub(super) fn new(source: &'a str, named: Option<&'a [String]>) -> Result<Self> {
        let mut columns = Self {
            source,
            named,
            scores: Vec::new(),
            places: HashMap::new(),
            left_out: Vec::new(),
            rows: Vec::new(),
            first: String::new(),
        };
        for name in ModelIndex::new(named.unwrap_or_default())?.names() {
            if is_read(name) {
                return Err(Error::invalid_argument(format!("models: {name:?} is read for something else")));
            }
            columns.push(name);
        }
        if named.is_some_and(<[String]>::is_empty) {
            return Err(Error::invalid_argument("models: there are none"));
        }
        Ok(columns)
    }

    fn push(&mut self, name: &str) -> usize {
        let column = Column { name: name.to_owned(), scores: Vec::new(), fault: None, missing: None };
        self.places.insert(name.to_owned(), Some(self.scores.len()));
        self.scores.push(column);
        self.scores.len() - 1
    }

    /// Reads a row.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let prompt = data::prompt(row.cells, false).map_err(|what| row.fault(what))?;
        let before = self.rows.len();
        if before == 0 {
            self.first = row.place();
        }
        for (name, value) in row.cells {
            let place = match self.places.get(name) {
                Some(place) => *place,
                None => self.meet(name, row),
            };
            let Some(place) = place else { continue };
            let column = &mut self.scores[place];
            // A name that stands twice in a row has its first value, as everywhere.
            if column.fault.is_some() || column.scores.len() > before {
                continue;
            }
            match score(value, row.untyped) {
                Score::Known(score) => column.scores.push(score),
                Score::Missing => {
                    let missing = || row.fault(format!("score of {name:?} is missing, {EXPECTED}"));
                    column.missing.get_or_insert_with(missing);
                    column.scores.push(f64::NAN);
                }
                Score::Other(found) => {
                    let what = format!("score of {name:?} is {found}, {EXPECTED}");
                    if self.named.is_some() {
                        return Err(row.fault(what));
                    }
                    column.fault = Some(format!("{}: {what}", row.place()));
                    column.scores = Vec::new();
                }
            }
        }
        for column in &mut self.scores {
            if column.fault.is_none() && column.scores.len() == before {
                let known = row.cells.iter().map(|(known, _)| known.as_str());
                let meant = suggestion(&column.name, known);
                let missing = || row.fault(format!("no score of {:?} in this row{meant}", column.name));
                column.missing.get_or_insert_with(missing);
                column.scores.push(f64::NAN);
            }
            if self.named.is_some()
                && let Some(missing) = column.missing.take()
            {
                return Err(missing);
            }
        }
        self.rows.push(GoldRow::new(row.id(), prompt, Vec::new()));
        Ok(())
    }

    /// What becomes of a column that is new.
    fn meet(&mut self, name: &str, row: &Row<'_>) -> Option<usize> {
        let why = if is_read(name) {
            self.places.insert(name.to_owned(), None);
            return None;
        } else if self.named.is_some() {
            "not among the models that were named"
        } else if numbers_rows(name) {
            "it numbers the rows"
        } else if DESCRIPTIVE.contains(&name) {
            "it describes the row"
        } else {
            let place = self.push(name);
            if !self.rows.is_empty() {
                let what = format!("score of {name:?} stands here, and not in the rows before");
                self.scores[place].missing = Some(row.fault(what));
                self.scores[place].scores = vec![f64::NAN; self.rows.len()];
            }
            return Some(place);
        };
        self.left_out.push(LeftOut::new(name, why));
        self.places.insert(name.to_owned(), None);
        None
    }

    /// The table of the rows.
    pub(super) fn finish(self) -> Result<GoldTable> {
        let (mut left_out, mut kept) = (self.left_out, Vec::new());
        for mut column in self.scores {
            let empty = column.scores.iter().all(|score| score.is_nan());
            match (column.fault.take(), column.missing.take()) {
                (Some(why), _) => left_out.push(LeftOut::new(column.name, why)),
                (None, Some(_)) if empty => {
                    let why =
                        format!("{}: score of {:?} is missing, and in all rows", self.first, column.name);
                    left_out.push(LeftOut::new(column.name, why));
                }
                (None, Some(missing)) => {
                    let how = "leave the row out, or name the columns that are models (models)";
                    return Err(Error::invalid_argument(format!("{}; {how}", missing.message())));
                }
                (None, None) => kept.push(column),
            }
        }
        left_out.sort_by(|a, b| a.name.cmp(&b.name));
        if kept.is_empty() && !self.rows.is_empty() {
            // The column that comes nearest to a score says most.
            let why = left_out.iter().map(|column| column.why.as_str()).find(|why| why.contains(EXPECTED));
            let (source, first) = (self.source, self.first);
            return Err(Error::invalid_argument(match why {
                Some(why) => format!("{source}, {why}: no column holds the scores of a model"),
                None => format!("{source}, {first}: no column holds the scores of a model"),
            }));
        }
        // The order of names, not that of the source: the same rows are the same table in every form.
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        let mut rows = self.rows;
        for (i, row) in rows.iter_mut().enumerate() {
            row.scores = kept.iter().map(|column| column.scores[i]).collect();
        }
        let mut table = GoldTable::new(ModelIndex::new(kept.iter().map(|column| &column.name))?, rows)?;
        table.left_out = left_out;
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::GoldReader;

    #[test]
    fn the_same_rows_come_in_many_forms() {
        let plain = "{\"prompt\": \"a\", \"x\": 1, \"y\": 0.5}\n{\"prompt\": \"b\", \"x\": 0, \"y\": 0}\n";
        let table = GoldTable::from_jsonl(plain.as_bytes(), "g").unwrap();
        for same in [
            "\u{feff}{\"y\": 0.5, \"x\": true, \"prompt\": [\"a\", \"more\"], \"t\": NaN}\r\n\n{\"prompt\": \"[\\\"b\\\"]\", \"y\": -0.0, \"x\": false}",
            "{\"prompt\": \"a\", \"x\": 1, \"y\": 0.5, \"when\": [Infinity]}\n{\"prompt\": \"b\", \"x\": 0, \"y\": 0, \"when\": {}}",
        ] {
            let read = GoldTable::from_jsonl(same.as_bytes(), "g").unwrap();
            assert_eq!(read.models, table.models);
            let values = |table: &GoldTable| -> Vec<(String, Vec<f64>)> {
                table.rows.iter().map(|row| (row.prompt.clone(), row.scores.clone())).collect()
            };
            assert_eq!(values(&read), values(&table));
        }
        for csv in
            ["\u{feff}prompt,x,y\r\na,True,0.5\r\nb,False,-0\r\n", ",prompt,y,x\n0,a,0.5,1\n1,b,0.0,0.0\n"]
        {
            assert_eq!(GoldTable::from_csv(csv.as_bytes(), "g").unwrap().rows, table.rows);
        }
    }

    #[test]
    fn models_are_the_columns_of_scores() {
        let text = concat!(
            r#"{"id": 0, "prompt": "p", "big": true, "small": 0, "tokens": 1, "judge": "me", "subject": 1, "none": null}"#,
            "\n",
            r#"{"id": 1, "prompt": "q", "big": 0.5, "small": 1, "tokens": 70, "judge": "me", "subject": 0, "none": NaN}"#,
        );
        let gold = GoldTable::from_jsonl(text.as_bytes(), "g").unwrap();
        assert_eq!(gold.models.names(), ["big", "small"]);
        let left: Vec<&str> = gold.left_out.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(left, ["judge", "none", "subject", "tokens"]);
        assert!(gold.left_out[3].why.starts_with("line 2: score of \"tokens\" is 70"), "{:?}", gold.left_out);
        let error = gold.votes("tokens", "big").unwrap_err();
        assert!(error.message().contains("the column \"tokens\" was left out: line 2"), "{error}");

        let named =
            |names: &[&str]| GoldReader::new().models(names.to_vec()).from_jsonl(text.as_bytes(), "g");
        let gold = named(&["subject", "big"]).unwrap();
        assert_eq!(gold.models.names(), ["big", "subject"]);
        assert_eq!(gold.rows[1].scores, [0.5, 0.0]);
        assert!(gold.left_out.iter().any(|column| column.name == "small"));
        for (names, what) in [
            (&["org/Big"][..], "g, line 1: no score of \"org/Big\" in this row (did you mean \"big\"?)"),
            (&["big", "tokens"], "g, line 2: score of \"tokens\" is 70"),
            (&["big", "none"], "g, line 1: score of \"none\" is missing"),
            (&["big", "big"], "named twice"),
            (&["prompt"], "read for something else"),
            (&[], "models: there are none"),
        ] {
            let error = named(names).unwrap_err();
            assert!(error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn malformed_rows_are_named() {
        let first = r#"{"prompt": "p", "a": true, "b": false}"#;
        for bad in [
            r#"{"prompt": "p", "a": true}"#,
            r#"{"prompt": "p", "a": true, "b": null}"#,
            r#"{"prompt": "p", "a": true, "b": NaN}"#,
            r#"{"prompt": "p", "a": true, "b": true, "c": true}"#,
            r#"{"prompt": "cut \ud83d", "a": true, "b": true}"#,
            r#"{"a": true, "b": true}"#,
            "[]",
        ] {
            let error = GoldTable::from_jsonl(format!("{first}\n{bad}\n").as_bytes(), "g.jsonl").unwrap_err();
            assert!(error.message().starts_with("g.jsonl, line 2: "), "{error}");
        }
        for bad in ["x,maybe", "x,NaN", "x", "x,1.5"] {
            let error = GoldTable::from_csv(format!("prompt,a\n{bad}\n").as_bytes(), "g.csv").unwrap_err();
            assert!(error.message().starts_with("g.csv, line 2: "), "{error}");
        }
        let error = GoldTable::from_csv("question,a\n".as_bytes(), "g.csv").unwrap_err();
        assert!(error.message().starts_with("g.csv, line 1: no column \"prompt\""), "{error}");
    }
}
