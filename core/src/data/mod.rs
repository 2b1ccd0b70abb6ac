//! Rows as other tools write them: the one tolerant reader behind every file, and behind votes, gold rows, logs and samples
//! of prompts alike.
//!
//! A row is named values. Each table looks at the fields that it needs; whatever else a row holds can refuse nothing.

mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod prompt;
mod rows;

pub(crate) use json::{Json, parse};
pub(crate) use prompt::{HALF, prompt};
pub(crate) use rows::{Cells, PROMPT, Row, each_of_file, each_of_jsonl, field, missing};
#[cfg(feature = "train")]
pub(crate) use rows::{Names, Needed, Place, csv_error, each_of_csv, row_error};
