//! The standard output: tables for people, JSON for programs.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use routellm_core::{Error, ErrorKind, Result};
use serde::Serialize;

/// The standard output.
pub(crate) struct Output {
    json: bool,
    out: io::BufWriter<io::Stdout>,
    closed: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, out: io::BufWriter::new(io::stdout()), closed: false }
    }

    /// Whether JSON is wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        self.wrote(|out| out.write_all(text.as_bytes()))
    }

    /// A line.
    pub(crate) fn line(&mut self, line: &str) -> Result<()> {
        self.wrote(|out| writeln!(out, "{line}"))
    }

    /// A value as a line of JSON.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(&serde_json::to_string(value).map_err(unwritable)?)
    }

    /// A value as JSON that people can read, too.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        self.line(&serde_json::to_string_pretty(value).map_err(unwritable)?)
    }

    /// A table; its numbers stand on the right.
    pub(crate) fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) -> Result<()> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(head.iter().copied());
        let columns = head.len();
        let numeric = |column: usize| {
            !rows.is_empty()
                && rows.iter().all(|row| row[column].is_empty() || row[column].parse::<f64>().is_ok())
        };
        let numeric: Vec<bool> = (0..columns).map(numeric).collect();
        for row in rows {
            table.add_row(row);
        }
        for (column, numeric) in numeric.into_iter().enumerate() {
            if let Some(column) = table.column_mut(column) {
                column.set_padding((0, 2));
                if numeric {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        self.line(&table.trim_fmt())
    }

    /// Names and what belongs to them, a line each.
    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) -> Result<()> {
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        facts.iter().try_for_each(|(name, value)| self.line(&format!("{name:width$}  {value}")))
    }

    /// Whatever is still on its way.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.wrote(|out| out.flush())
    }

    fn wrote(&mut self, write: impl FnOnce(&mut io::BufWriter<io::Stdout>) -> io::Result<()>) -> Result<()> {
        write(&mut self.out).map_err(|error| {
            self.closed |= error.kind() == io::ErrorKind::BrokenPipe;
            Error::io(Path::new("standard output"), error)
        })
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::InvalidArgument, error.to_string()).with_source(error)
}
