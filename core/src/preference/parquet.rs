//! The parquet form of the published vote sets (`lmsys/lmsys-arena-human-preference-55k`,
//! `lmsys/chatbot_arena_conversations`), through the `parquet` crate. Feature `parquet`.

use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::read_votes::{first_turn, winner_of_flags};
use super::votes::{Vote, VoteTable, Winner};
use crate::error::{Error, Result};

/// Reads votes: `model_a`, `model_b`; the winner in `winner` (as in JSONL) or in `winner_model_a`,
/// `winner_model_b`, `winner_tie` (as in CSV); the prompt in `prompt` (JSON text or a list of turns) or as the
/// first user message of `conversation_a`; `id` or `question_id` where there is one.
///
/// # Errors
/// `NotFound` or `Io` for the file; `InvalidArgument` with file and row for anything malformed.
pub(super) fn read_votes(path: &Path) -> Result<VoteTable> {
    let source = path.display().to_string();
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let broken =
        |e: ParquetError| Error::invalid_argument(format!("{source}: not a readable parquet file: {e}"));
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let mut table = VoteTable::default();
    for (number, row) in reader.get_row_iter(None).map_err(broken)?.enumerate() {
        let row = row.map_err(broken)?;
        let fault = |what: String| Error::invalid_argument(format!("{source}, row {number}: {what}"));
        table.counts.read += 1;
        match vote(&row, number).map_err(fault)? {
            Some(vote) => table.votes.push(vote),
            None => table.counts.dropped_null_winner += 1,
        }
    }
    Ok(table)
}

fn column<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(column, _)| column.as_str() == name).map(|(_, field)| field)
}

fn needed<'a>(row: &'a Row, name: &str) -> Result<&'a Field, String> {
    column(row, name).ok_or_else(|| {
        let names: Vec<&str> = row.get_column_iter().map(|(name, _)| name.as_str()).collect();
        format!("no column {name:?} among {names:?}")
    })
}

fn text<'a>(field: &'a Field, name: &str) -> Result<&'a str, String> {
    match field {
        Field::Str(text) if !text.is_empty() => Ok(text),
        Field::Str(_) => Err(format!("{name} is empty")),
        other => Err(format!("{name} is {other}, expected text")),
    }
}

/// A winner flag: 0 or 1 in any number type, or a boolean; null is not known.
fn flag(field: &Field, name: &str) -> Result<Option<bool>, String> {
    let number = match field {
        Field::Null => return Ok(None),
        Field::Bool(flag) => return Ok(Some(*flag)),
        Field::Byte(n) => i64::from(*n),
        Field::Short(n) => i64::from(*n),
        Field::Int(n) => i64::from(*n),
        Field::Long(n) => *n,
        Field::UByte(n) => i64::from(*n),
        Field::UShort(n) => i64::from(*n),
        Field::UInt(n) => i64::from(*n),
        Field::Double(n) if *n == 0.0 || *n == 1.0 => *n as i64,
        Field::Float(n) if *n == 0.0 || *n == 1.0 => *n as i64,
        other => return Err(format!("{name} is {other}, expected 0 or 1")),
    };
    match number {
        0 => Ok(Some(false)),
        1 => Ok(Some(true)),
        other => Err(format!("{name} is {other}, expected 0 or 1")),
    }
}

fn winner(row: &Row) -> Result<Option<Winner>, String> {
    match column(row, "winner") {
        Some(Field::Null) => Ok(None),
        Some(field) => {
            let name = text(field, "winner")?;
            Winner::from_name(name)
                .map(Some)
                .ok_or_else(|| format!("winner is {name:?}, expected model_a, model_b, tie or tie (bothbad)"))
        }
        None => {
            let flag = |name: &str| needed(row, name).and_then(|field| flag(field, name));
            let (a, b) = (flag("winner_model_a")?, flag("winner_model_b")?);
            if column(row, "winner_tie").is_some() {
                flag("winner_tie")?;
            }
            Ok(winner_of_flags(a, b))
        }
    }
}

fn prompt(row: &Row) -> Result<String, String> {
    match column(row, "prompt") {
        Some(Field::Str(json)) => first_turn(json),
        Some(Field::ListInternal(turns)) => match turns.elements().first() {
            Some(Field::Str(turn)) => Ok(turn.clone()),
            Some(other) => Err(format!("first turn is {other}, expected text")),
            None => Err("prompt is an empty list, expected at least one turn".to_owned()),
        },
        Some(other) => Err(format!("prompt is {other}, expected a list of turns")),
        None => first_message(needed(row, "conversation_a")?),
    }
}

/// The content of the first user message in a list of `{content, role}`.
fn first_message(conversation: &Field) -> Result<String, String> {
    let Field::ListInternal(messages) = conversation else {
        return Err(format!("conversation_a is {conversation}, expected a list of messages"));
    };
    for message in messages.elements() {
        let Field::Group(message) = message else { continue };
        if matches!(column(message, "role"), Some(Field::Str(role)) if role == "user") {
            return match column(message, "content") {
                Some(Field::Str(content)) => Ok(content.clone()),
                _ => Err("the first user message of conversation_a has no text".to_owned()),
            };
        }
    }
    Err("conversation_a has no user message".to_owned())
}

fn vote(row: &Row, number: usize) -> Result<Option<Vote>, String> {
    let model = |name: &str| needed(row, name).and_then(|field| text(field, name)).map(str::to_owned);
    let (model_a, model_b) = (model("model_a")?, model("model_b")?);
    let Some(winner) = winner(row)? else { return Ok(None) };
    let id = match column(row, "id").or_else(|| column(row, "question_id")) {
        None | Some(Field::Null) => format!("row {number}"),
        Some(Field::Str(id)) => id.clone(),
        Some(other) => other.to_string(),
    };
    Ok(Some(Vote { id, prompt: prompt(row)?, model_a, model_b, winner }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Id, two models, prompt, and three flags.
    type FileRow<'a> = (i64, &'a str, &'a str, &'a str, [Option<i64>; 3]);

    /// A file of the layout of `lmsys-arena-human-preference-55k`; `None` is null.
    fn write(path: &Path, rows: &[FileRow]) {
        let schema = "message votes {
            required int64 id; required binary model_a (UTF8); required binary model_b (UTF8);
            required binary prompt (UTF8); optional int64 winner_model_a; optional int64 winner_model_b;
            optional int64 winner_tie; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties =
            WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
        let mut writer =
            SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut number = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            match number {
                0 => {
                    let ids: Vec<i64> = rows.iter().map(|r| r.0).collect();
                    column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
                }
                1..=3 => {
                    let texts: Vec<ByteArray> =
                        rows.iter().map(|r| [r.1, r.2, r.3][number - 1].into()).collect();
                    column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
                }
                _ => {
                    let flags: Vec<Option<i64>> = rows.iter().map(|r| r.4[number - 4]).collect();
                    let known: Vec<i64> = flags.iter().flatten().copied().collect();
                    let levels: Vec<i16> = flags.iter().map(|f| i16::from(f.is_some())).collect();
                    column.typed::<Int64Type>().write_batch(&known, Some(&levels), None).unwrap();
                }
            }
            column.close().unwrap();
            number += 1;
        }
        group.close().unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn votes_are_read_and_bad_rows_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("votes.parquet");
        let good = (7, "m", "n", r#"["first", "second"]"#, [Some(0), Some(1), Some(0)]);
        write(
            &path,
            &[
                good,
                (8, "m", "n", r#"["x"]"#, [None; 3]),
                (9, "n", "m", r#"["y"]"#, [Some(0), Some(0), Some(1)]),
            ],
        );
        let table = VoteTable::read(&path).unwrap();
        let votes: Vec<(&str, &str, Winner)> =
            table.votes.iter().map(|v| (v.id.as_str(), v.prompt.as_str(), v.winner)).collect();
        assert_eq!(votes, [("7", "first", Winner::ModelB), ("9", "y", Winner::Tie)]);
        assert_eq!((table.counts.read, table.counts.dropped_null_winner), (3, 1));
        for (bad, what) in [
            ((1, "m", "n", "plain", [Some(1), Some(0), Some(0)]), "row 1: prompt is not a JSON list"),
            ((1, "", "n", r#"["x"]"#, [Some(1), Some(0), Some(0)]), "row 1: model_a is empty"),
            ((1, "m", "n", r#"["x"]"#, [Some(2), Some(0), Some(0)]), "row 1: winner_model_a is 2"),
        ] {
            write(&path, &[good, bad]);
            let error = VoteTable::read(&path).unwrap_err();
            assert!(error.message().contains(what), "{error}");
        }
        std::fs::write(&path, b"PAR1 junk").unwrap();
        assert_eq!(VoteTable::read(&path).unwrap_err().kind(), crate::ErrorKind::InvalidArgument);
    }
}
