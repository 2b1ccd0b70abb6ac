//! Rows of files and of text, one by one, each with its place.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::json::{self, Json};
use crate::error::{Error, ErrorKind, Result};

/// Named values, with names as their source has them.
pub(crate) type Cells = [(String, Json)];

/// Columns of which one has to be there, where a form says before its rows which it has.
pub(crate) type Needed<'a> = &'a [&'a [&'a str]];

/// What a prompt may stand in.
pub(crate) const PROMPT: &[&str] = &["prompt", "conversation_a", "conversation_b", "conversation"];

/// A row and where it stands.
pub(crate) struct Row<'a> {
    pub(crate) cells: &'a Cells,
    /// Whether all values are texts, numbers and flags too, as in CSV.
    pub(crate) untyped: bool,
    pub(super) source: &'a str,
    /// What of its source it is, for people who look: `line 3`, `row 2`.
    pub(super) word: &'static str,
    pub(super) number: u64,
    /// Its number from 1 on among the lines that it would be in JSON: ids of rows without one do not depend on the form.
    pub(super) ordinal: u64,
}

impl Row<'_> {
    /// `line 3` or `row 2`.
    pub(crate) fn place(&self) -> String {
        format!("{} {}", self.word, self.number)
    }

    /// A fault in this row, with the file and the place that a person can look at.
    pub(crate) fn fault(&self, what: impl Display) -> Error {
        Error::invalid_argument(format!("{}, {}: {what}", self.source, self.place()))
    }

    /// Its field `id` or `question_id`; `line N` without one.
    pub(crate) fn id(&self) -> String {
        match field(self.cells, "id").or_else(|| field(self.cells, "question_id")) {
            Some(Json::Text(id) | Json::HalfText(id) | Json::Number(id)) if !id.is_empty() => id.clone(),
            _ => format!("line {}", self.ordinal),
        }
    }
}

/// The value of a name.
pub(crate) fn field<'a>(row: &'a Cells, name: &str) -> Option<&'a Json> {
    row.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// That a row lacks something.
pub(crate) fn missing(row: &Cells, what: &str) -> String {
    let names: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
    format!("no {what} among {names:?}")
}

/// A fault in a line.
pub(crate) fn row_error(source: &str, line: u64, what: impl Display) -> Error {
    Error::invalid_argument(format!("{source}, line {line}: {what}"))
}

/// What to do with a row.
pub(crate) type Each<'a> = dyn FnMut(&Row<'_>) -> Result<()> + 'a;

/// Goes through the rows of a file, in the form that its ending names; `what` says what they are, for the error of an ending
/// that is not known. Without it such a file is JSON lines.
///
/// # Errors
/// `NotFound` or `Io` for the file, `InvalidArgument` for an unknown ending or a malformed row (with file and line),
/// `Unsupported` for a form that this build lacks, what `each` reports.
#[cfg_attr(not(feature = "train"), allow(unused_variables, reason = "JSON lines have no header"))]
pub(crate) fn each_of_file(
    path: &Path,
    what: Option<&str>,
    needed: Needed<'_>,
    each: &mut Each<'_>,
) -> Result<()> {
    let source = path.display().to_string();
    let open = || File::open(path).map_err(|error| Error::io(path, error));
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
    match (ending.as_str(), what) {
        #[cfg(feature = "train")]
        ("csv", _) => each_of_csv(BufReader::new(open()?), &source, needed, each),
        #[cfg(feature = "parquet")]
        ("parquet", _) => super::parquet::each(open()?, &source, needed, each),
        #[cfg(not(feature = "train"))]
        ("csv", _) => Err(no_reader(&source, "csv", "train", "JSON lines")),
        #[cfg(not(feature = "parquet"))]
        ("parquet", _) => Err(no_reader(&source, "parquet", "parquet", "CSV")),
        ("jsonl" | "ndjson", _) | (_, None) => each_of_jsonl(BufReader::new(open()?), &source, each),
        (_, Some(what)) => Err(Error::invalid_argument(format!(
            "{source}: {what} are read from .jsonl, .csv or .parquet files"
        ))),
    }
}

#[cfg(not(all(feature = "train", feature = "parquet")))]
fn no_reader(source: &str, form: &str, feature: &str, instead: &str) -> Error {
    Error::unsupported(format!(
        "{source}: this build has no {form} reader (cargo feature `{feature}`); convert the file to {instead}"
    ))
}

/// What columns are called in a source, by the name that they are read by.
#[cfg(feature = "train")]
pub(crate) type Names = std::collections::BTreeMap<String, String>;

/// Rows of a file or of text, with columns of other names: the one form in which a source is told.
#[cfg(feature = "train")]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A file, in the form that its ending names.
    File(&'a Path),
    /// JSON lines, and how errors call them.
    Lines(&'a [u8], &'a str),
}

#[cfg(feature = "train")]
impl Place<'_> {
    /// How errors call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Lines(_, name) => (*name).to_owned(),
        }
    }

    /// Goes through its rows, whose columns get the names that they are read by.
    ///
    /// # Errors
    /// As [`each_of_file`]; `InvalidArgument` for a row without a column that `names` names.
    pub(crate) fn each(
        &self,
        what: &str,
        needed: Needed<'_>,
        names: &Names,
        each: &mut Each<'_>,
    ) -> Result<()> {
        // Of renamed columns, rows are asked for what is missing.
        let needed = if names.is_empty() { needed } else { &[] };
        let mut renamed_row = |row: &Row<'_>| {
            if names.is_empty() {
                return each(row);
            }
            let cells = renamed(row.cells, names).map_err(|what| row.fault(what))?;
            each(&Row { cells: &cells, ..*row })
        };
        match self {
            Self::File(path) => each_of_file(path, Some(what), needed, &mut renamed_row),
            Self::Lines(lines, name) => each_of_jsonl(*lines, name, &mut renamed_row),
        }
    }
}

/// The cells under the names that they are read by. What had such a name before is not read.
#[cfg(feature = "train")]
fn renamed(cells: &Cells, names: &Names) -> Result<Vec<(String, Json)>, String> {
    let found = names.iter().map(|(name, theirs)| {
        let value = field(cells, theirs).ok_or_else(|| missing(cells, &format!("{theirs:?}")))?;
        Ok((name.clone(), value.clone()))
    });
    let rest = cells
        .iter()
        .filter(|(name, _)| !names.contains_key(name) && !names.values().any(|theirs| theirs == name));
    found.chain(rest.map(|cell| Ok(cell.clone()))).collect()
}

/// Goes through JSON objects, one a line. Blank lines and a byte-order mark are skipped.
///
/// # Errors
/// `Io` for the reader, `InvalidArgument` with source and line for a malformed line, what `each` reports.
pub(crate) fn each_of_jsonl(reader: impl BufRead, source: &str, each: &mut Each<'_>) -> Result<()> {
    for (line, text) in reader.lines().enumerate() {
        let line = line as u64 + 1;
        let fault = |what: &dyn Display| Error::invalid_argument(format!("{source}, line {line}: {what}"));
        let text = text.map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => fault(&"not UTF-8"),
            _ => Error::new(ErrorKind::Io, format!("{source}: {e}")).with_source(e),
        })?;
        let text = text.strip_prefix('\u{feff}').filter(|_| line == 1).unwrap_or(&text).trim();
        if text.is_empty() {
            continue;
        }
        let cells = match json::parse(text).map_err(|e| fault(&e))? {
            Json::Object(cells) => cells,
            other => return Err(fault(&format!("{}, expected an object", other.kind()))),
        };
        let place = ("line", line, line);
        each(&row(&cells, source, place, false))?;
    }
    Ok(())
}

/// Goes through CSV with a header. All values are texts.
///
/// # Errors
/// `InvalidArgument` with source and line for a missing column or a malformed row, what `each` reports.
#[cfg(feature = "train")]
pub(crate) fn each_of_csv(
    reader: impl std::io::Read,
    source: &str,
    needed: Needed<'_>,
    each: &mut Each<'_>,
) -> Result<()> {
    let mut csv = csv::Reader::from_reader(reader);
    let header = csv.headers().map_err(|e| csv_error(source, &e))?;
    let names: Vec<String> =
        header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    check_columns(&names, needed).map_err(|what| row_error(source, 1, what))?;
    let mut cells: Vec<(String, Json)> = names.into_iter().map(|name| (name, Json::Null)).collect();
    let mut record = csv::StringRecord::new();
    let mut ordinal = 0;
    while csv.read_record(&mut record).map_err(|e| csv_error(source, &e))? {
        let line = record.position().map_or(0, csv::Position::line);
        ordinal += 1;
        for ((_, value), cell) in cells.iter_mut().zip(&record) {
            *value = Json::Text(cell.to_owned());
        }
        each(&row(&cells, source, ("line", line, ordinal), true))?;
    }
    Ok(())
}

/// Refuses columns without one of each that are needed.
pub(super) fn check_columns(names: &[String], needed: Needed<'_>) -> Result<(), String> {
    let has = |name: &&str| names.iter().any(|known| known == name);
    match needed.iter().find(|alternatives| !alternatives.iter().any(&has)) {
        Some(alternatives) => Err(format!("no column {:?} among {names:?}", alternatives[0])),
        None => Ok(()),
    }
}

pub(super) fn row<'a>(
    cells: &'a Cells,
    source: &'a str,
    (word, number, ordinal): (&'static str, u64, u64),
    untyped: bool,
) -> Row<'a> {
    Row { cells, untyped, source, word, number, ordinal }
}

#[cfg(feature = "train")]
pub(crate) fn csv_error(source: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    row_error(source, line, error)
}
