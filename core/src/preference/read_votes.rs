//! Readers of votes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::row;
use super::votes::{Vote, VoteTable, Winner};
use crate::data::{self, Json, PROMPT, Row, csv_error, row_error};
use crate::error::{Error, Result};

/// What a vote is made of.
const NEEDED: &[&[&str]] =
    &[PROMPT, &["model_a"], &["model_b"], &["winner", "winner_model_a", row::P_MODEL_A]];

fn checked_model<'a>(name: &'a str, column: &str, source: &str, line: u64) -> Result<&'a str> {
    if name.is_empty() { Err(row_error(source, line, format!("{column} is empty"))) } else { Ok(name) }
}

impl VoteTable {
    /// Reads votes in the format that the file's ending names: `.jsonl` or `.ndjson`, `.csv`, or `.parquet` where the
    /// crate was built with the feature `parquet`.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for an unknown ending or a malformed row (with
    /// file and line), `Unsupported` for parquet without the feature.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::collect(|each| data::each_of_file(path.as_ref(), Some("votes"), NEEDED, each))
    }

    /// Reads one JSON object a line: `model_a`, `model_b`; `winner` (`model_a`, `model_b`, `tie`, `tie (bothbad)`,
    /// `both_bad`, or null), the flags `winner_model_a`, `winner_model_b`, `winner_tie`, or `p_model_a` (how sure a judge is
    /// that the answer of `model_a` is better, in [0, 1]; it counts before a winner beside it); `prompt` (a text, a list of
    /// turns, or that as JSON) or `conversation_a` (a list of messages); and `id` or `question_id` where there is one. Other
    /// fields are ignored, whatever they hold. A byte-order mark is skipped.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` with file and line for a malformed row.
    pub fn read_jsonl(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        Self::from_jsonl(BufReader::new(file), &path.display().to_string())
    }

    /// Like [`Self::read_jsonl`], from any reader; `source` is the name that errors give it.
    ///
    /// # Errors
    /// `Io` for the reader, `InvalidArgument` with source and line for a malformed row.
    pub fn from_jsonl(reader: impl BufRead, source: &str) -> Result<Self> {
        Self::collect(|each| data::each_of_jsonl(reader, source, each))
    }

    /// Reads votes whose columns have other names.
    ///
    /// # Errors
    /// As [`read`](Self::read), and for a row without such a column.
    pub(crate) fn read_named(place: data::Place<'_>, names: &data::Names) -> Result<Self> {
        Self::collect(|each| place.each("votes", NEEDED, names, each))
    }

    /// The votes of the rows that `go` goes through.
    fn collect(go: impl FnOnce(&mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()>) -> Result<Self> {
        let mut table = Self::default();
        go(&mut |row| {
            table.counts.read += 1;
            match row::vote(row).map_err(|what| row.fault(what))? {
                Some(vote) => table.votes.push(vote),
                None => table.counts.dropped_null_winner += 1,
            }
            Ok(())
        })?;
        Ok(table)
    }

    /// Reads CSV with the fields of [`read_jsonl`](Self::read_jsonl) as columns. In the form of the LMSYS / Kaggle data,
    /// which has flags for the winner, `prompt` is a JSON-encoded list of turns, of which the first is taken. Two flags
    /// that are set contradict each other.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` with file and line for a missing column or a
    /// malformed row.
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        Self::from_csv(BufReader::new(file), &path.display().to_string())
    }

    /// Like [`Self::read_csv`], from any reader; `source` is the name that errors give it.
    ///
    /// # Errors
    /// `InvalidArgument` with source and line for a missing column or a malformed row.
    pub fn from_csv(reader: impl std::io::Read, source: &str) -> Result<Self> {
        Self::collect(|each| data::each_of_csv(reader, source, NEEDED, each))
    }

    /// Reads the CSV form of the LMSYS / Kaggle data as the reference does: `winner_model_a` is read first, then
    /// `winner_model_b`, and anything else is a tie, whatever `winner_tie` says; half of a surrogate pair in a prompt is
    /// one character. For golden values: [`from_csv`](Self::from_csv) refuses such rows.
    ///
    /// # Errors
    /// `InvalidArgument` with source and line for a missing column or a malformed row.
    pub fn from_reference_csv(reader: impl std::io::Read, source: &str) -> Result<Self> {
        let mut csv = csv::Reader::from_reader(reader);
        let header = csv.headers().map_err(|e| csv_error(source, &e))?.clone();
        let column = |name: &str| header.iter().position(|field| field == name);
        let needed = |name: &str| {
            column(name).ok_or_else(|| {
                row_error(
                    source,
                    1,
                    format!("no column {name:?} among {:?}", header.iter().collect::<Vec<_>>()),
                )
            })
        };
        let id_column = column("id");
        let (prompt, model_a, model_b) = (needed("prompt")?, needed("model_a")?, needed("model_b")?);
        let (wins_a, wins_b) = (needed("winner_model_a")?, needed("winner_model_b")?);
        let tie = column("winner_tie");
        let mut table = Self::default();
        let mut record = csv::StringRecord::new();
        while csv.read_record(&mut record).map_err(|e| csv_error(source, &e))? {
            let line = record.position().map_or(0, csv::Position::line);
            table.counts.read += 1;
            let flag = |column: usize| {
                row::flag_of(&Json::Text(record[column].to_owned())).map_err(|found| {
                    row_error(source, line, format!("winner flag is {found}, expected 0 or 1"))
                })
            };
            let flags = (flag(wins_a)?, flag(wins_b)?, tie.map(flag).transpose()?.flatten());
            let Some(winner) = winner_of_flags(flags.0, flags.1) else {
                table.counts.dropped_null_winner += 1;
                continue;
            };
            table.votes.push(Vote {
                id: id_column.map_or_else(|| format!("line {line}"), |column| record[column].to_owned()),
                prompt: first_turn(&record[prompt]).map_err(|e| row_error(source, line, e))?,
                model_a: checked_model(&record[model_a], "model_a", source, line)?.to_owned(),
                model_b: checked_model(&record[model_b], "model_b", source, line)?.to_owned(),
                winner,
                p_model_a: None,
                weight: 1.0,
            });
        }
        Ok(table)
    }
}

/// The winner by two flags, of which the first counts first. Two empty cells are an unknown winner.
fn winner_of_flags(wins_a: Option<bool>, wins_b: Option<bool>) -> Option<Winner> {
    match (wins_a, wins_b) {
        (Some(true), _) => Some(Winner::ModelA),
        (_, Some(true)) => Some(Winner::ModelB),
        (None, None) => None,
        _ => Some(Winner::Tie),
    }
}

/// The first turn of a JSON-encoded list of turns. Unlike the reference, a plain string is refused.
fn first_turn(json: &str) -> Result<String, String> {
    match data::parse(json).map_err(|e| format!("prompt is not a JSON list of turns: {e}"))? {
        Json::List(turns) => match turns.into_iter().next() {
            Some(turn) => {
                turn.into_text().map_err(|other| format!("first turn is {}, expected text", other.kind()))
            }
            None => Err("prompt is an empty list, expected at least one turn".to_owned()),
        },
        other => Err(format!("prompt is {}, expected a JSON list of turns", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::preference::VoteCounts;

    const HEADER: &str = "id,model_a,model_b,prompt,response_a,winner_model_a,winner_model_b,winner_tie\n";

    #[test]
    fn jsonl_rows_are_read_and_null_winners_counted() {
        let text = concat!(
            r#"{"id": "x", "prompt": "p", "model_a": "m", "model_b": "n", "winner": "model_b", "more": 1}"#,
            "\n\n",
            r#"{"id": 7, "prompt": "q", "model_a": "m", "model_b": "n", "winner": "tie (bothbad)"}"#,
            "\n",
            r#"{"prompt": "r", "model_a": "n", "model_b": "o", "winner": "tie"}"#,
            "\n",
            r#"{"prompt": "r", "model_a": "n", "model_b": "o", "winner": null}"#,
            "\n",
        );
        let table = VoteTable::from_jsonl(text.as_bytes(), "votes").unwrap();
        let ids: Vec<&str> = table.votes.iter().map(|v| v.id.as_str()).collect();
        assert_eq!(ids, ["x", "7", "line 4"]);
        assert_eq!(table.votes[0].winner, Winner::ModelB);
        assert_eq!(table.votes[1].winner, Winner::Tie);
        assert_eq!(table.counts, VoteCounts { read: 4, dropped_null_winner: 1, dropped_short: 0 });
        assert_eq!(table.models().names(), ["m", "n", "o"]);
    }

    #[test]
    fn malformed_jsonl_rows_are_named() {
        let good = r#"{"prompt": "p", "model_a": "m", "model_b": "n", "winner": "tie"}"#;
        for bad in [
            "{",
            r#"{"prompt": "p", "model_a": "m", "model_b": "n"}"#,
            r#"{"prompt": "p", "model_a": "m", "model_b": "n", "winner": "draw"}"#,
            r#"{"prompt": 3, "model_a": "m", "model_b": "n", "winner": "tie"}"#,
            r#"{"prompt": "p", "model_a": "", "model_b": "n", "winner": "tie"}"#,
        ] {
            let error = VoteTable::from_jsonl(format!("{good}\n{bad}\n").as_bytes(), "v.jsonl").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().starts_with("v.jsonl, line 2: "), "{error}");
        }
        let error = VoteTable::from_jsonl(&b"\xff\n"[..], "v.jsonl").unwrap_err();
        assert_eq!(error.message(), "v.jsonl, line 1: not UTF-8");
    }

    #[test]
    fn csv_rows_are_read() {
        let text = format!("{HEADER}1,m,n,\"[\"\"a\nb\"\", \"\"c\"\"]\",r,0,1,0\n");
        // A raw newline inside JSON text is refused, an escaped one is not.
        let error = VoteTable::from_csv(text.as_bytes(), "v.csv").unwrap_err();
        assert!(error.message().starts_with("v.csv, line 2: prompt is not a JSON list"), "{error}");
        let text = format!(
            "{HEADER}1,m,n,\"[\"\"a\\nb\"\"]\",r,0,1,0\n2,m,n,\"[\"\"a\"\"]\",r,,,\n3,m,n,\"[\"\"a\"\"]\",r,1.0,1,0\n"
        );
        let error = VoteTable::from_csv(text.as_bytes(), "v.csv").unwrap_err();
        assert!(error.message().starts_with("v.csv, line 4: winner_model_a, winner_model_b"), "{error}");
        let table = VoteTable::from_reference_csv(text.as_bytes(), "v.csv").unwrap();
        assert_eq!(table.votes[0].prompt, "a\nb");
        assert_eq!(table.votes[0].winner, Winner::ModelB);
        assert_eq!(table.votes[1].winner, Winner::ModelA);
        assert_eq!((table.counts.read, table.counts.dropped_null_winner), (3, 1));
    }

    #[test]
    fn malformed_csv_is_named() {
        let error = VoteTable::from_csv("id,model_a\n".as_bytes(), "v.csv").unwrap_err();
        assert!(error.message().contains("no column \"prompt\""), "{error}");
        for bad in [
            "1,m,n,hello,r,0,1,0",
            "1,m,n,\"[\"\"x\"\"]\",r,maybe,1,0",
            "1,m",
            "1,,n,\"[\"\"x\"\"]\",r,0,1,0",
            "1,m,n,\"\"\"x\"\"\",r,0,1,0",
        ] {
            let error = VoteTable::from_csv(format!("{HEADER}{bad}\n").as_bytes(), "v.csv").unwrap_err();
            assert!(error.message().starts_with("v.csv, line 2: "), "{error}");
        }
    }

    #[test]
    fn the_same_votes_come_in_many_forms() {
        let jsonl = |row: &str| VoteTable::from_jsonl(row.as_bytes(), "v").unwrap().votes;
        let plain = jsonl(r#"{"id": "1", "prompt": "p q", "model_a": "m", "model_b": "n", "winner": "tie"}"#);
        for same in [
            "\u{feff}{\"id\": \"1\", \"prompt\": \"p q\", \"model_a\": \"m\", \"model_b\": \"n\", \"winner\": \"tie\"}\r\n",
            r#"{"id": "1", "prompt": "p q", "model_a": "m", "model_b": "n", "winner": "both_bad", "turn": NaN, "x": [Infinity, "\ud83d"]}"#,
            r#"{"id": "1", "prompt": ["p q", "more"], "model_a": "m", "model_b": "n", "winner": "tie (bothbad)"}"#,
            r#"{"id": 1, "prompt": "[\"p q\"]", "model_a": "m", "model_b": "n", "winner_model_a": 0, "winner_model_b": 0.0, "winner_tie": true}"#,
            r#"{"question_id": "1", "model_a": "m", "model_b": "n", "winner": "tie",
                "conversation_a": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "p q"}, {"type": "image_url"}]}]}"#,
            r#"{"id": "1", "model_a": "m", "model_b": "n", "winner": "tie", "conversation_b": [{"role": "user", "content": "p q"}]}"#,
        ] {
            assert_eq!(jsonl(&same.replace("\n                ", " ")), plain, "{same}");
        }
        for csv in [
            "\u{feff}id,prompt,model_a,model_b,winner\r\n1,p q,m,n,tie\r\n",
            "id,model_a,model_b,prompt,winner\n1,m,n,\"[\"\"p q\"\"]\",both_bad\n",
            "id,model_a,model_b,prompt,winner_model_a,winner_model_b,winner_tie\n1,m,n,\"[\"\"p q\"\"]\",0,0,1\n",
        ] {
            assert_eq!(VoteTable::from_csv(csv.as_bytes(), "v.csv").unwrap().votes, plain, "{csv}");
        }
        // What a user has typed stays as it is.
        let typed =
            jsonl(r#"{"prompt": "[1, 2] sort this", "model_a": "m", "model_b": "n", "winner": "tie"}"#);
        assert_eq!(typed[0].prompt, "[1, 2] sort this");
    }

    #[test]
    fn contradictions_and_halves_of_emojis_are_refused() {
        for (row, what) in [
            (r#"{"prompt": "cut \ud83d", "model_a": "m", "model_b": "n", "winner": "tie"}"#, "half an emoji"),
            (
                r#"{"prompt": "[\"cut \\ud83d\"]", "model_a": "m", "model_b": "n", "winner": "tie"}"#,
                "half an emoji",
            ),
            (
                r#"{"prompt": ["p"], "model_a": "m", "model_b": "n", "winner_model_a": 1, "winner_model_b": 1}"#,
                "contradict",
            ),
            (
                r#"{"prompt": ["p"], "model_a": "m", "model_b": "n", "winner_model_a": 0, "winner_model_b": 0, "winner_tie": 0}"#,
                "contradict",
            ),
            (r#"{"prompt": "p", "model_a": "m", "model_b": "n", "winner": 1}"#, "winner is a number"),
            (r#"{"model_a": "m", "model_b": "n", "winner": "tie"}"#, "no \"prompt\""),
        ] {
            let error = VoteTable::from_jsonl(format!("\n{row}\n").as_bytes(), "v.jsonl").unwrap_err();
            assert!(
                error.message().starts_with("v.jsonl, line 2: ") && error.message().contains(what),
                "{error}"
            );
        }
    }

    #[test]
    fn files_are_chosen_by_their_ending() {
        assert_eq!(VoteTable::read("no-such-file.jsonl").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(VoteTable::read("votes.txt").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}
