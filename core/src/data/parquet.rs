//! Rows of parquet files, such as the published vote sets (`lmsys/lmsys-arena-human-preference-55k`,
//! `lmsys/chatbot_arena_conversations`), through the `parquet` crate. Feature `parquet`.

use std::fs::File;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::json::Json;
use super::rows::{Each, Needed, check_columns, row};
use crate::error::{Error, Result};

/// Goes through the rows, which count from 0.
///
/// # Errors
/// `InvalidArgument` with file and row for anything malformed or a missing column, what `each` reports.
pub(super) fn each(file: File, source: &str, needed: Needed<'_>, each: &mut Each<'_>) -> Result<()> {
    let broken =
        |e: ParquetError| Error::invalid_argument(format!("{source}: not a readable parquet file: {e}"));
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    check_columns(&names, needed).map_err(|what| Error::invalid_argument(format!("{source}: {what}")))?;
    for (number, values) in (0..).zip(reader.get_row_iter(None).map_err(broken)?) {
        let cells = members(&values.map_err(broken)?);
        each(&row(&cells, source, ("row", number, number + 1), false))?;
    }
    Ok(())
}

fn members(row: &Row) -> Vec<(String, Json)> {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

/// A field as JSON has it. Bytes and maps have no form there: nobody reads them.
fn value(field: &Field) -> Json {
    match field {
        Field::Null | Field::Bytes(_) | Field::MapInternal(_) => Json::Null,
        Field::Bool(flag) => Json::Flag(*flag),
        Field::Str(text) => Json::Text(text.clone()),
        Field::ListInternal(list) => Json::List(list.elements().iter().map(value).collect()),
        Field::Group(row) => Json::Object(members(row)),
        // As Python and Arrow write the same numbers: widened, never by their own shortest form.
        Field::Float(number) => Json::Number(format!("{:?}", f64::from(*number))),
        Field::Double(number) => Json::Number(format!("{number:?}")),
        Field::Byte(_)
        | Field::Short(_)
        | Field::Int(_)
        | Field::Long(_)
        | Field::UByte(_)
        | Field::UShort(_)
        | Field::UInt(_)
        | Field::ULong(_)
        | Field::Float16(_)
        | Field::Decimal(_) => Json::Number(field.to_string()),
        // Days and times.
        other => Json::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::preference::{VoteTable, Winner};

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
