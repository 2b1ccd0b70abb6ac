//! Samples of prompts.

use std::io::BufRead;
use std::path::Path;

use crate::Result;
use crate::data::{self, Row};

/// Prompts as a router will meet them, from which its strong shares are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub(crate) name: String,
    pub(crate) prompts: Vec<String>,
}

impl Sample {
    /// These prompts, of which at least two need different win rates.
    pub fn new(prompts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let prompts: Vec<String> = prompts.into_iter().map(Into::into).collect();
        Self { name: format!("{} prompts given in memory", prompts.len()), prompts }
    }

    /// Reads the prompts of rows, which have them as votes do (in `prompt`, a text or a list of turns, or in
    /// `conversation_a`), in the format that the file's ending names: `.csv` with the feature `train`, `.parquet` with
    /// the feature `parquet`, and JSON lines for any other.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; `InvalidArgument` with file and line for another form; `Unsupported` for a form that
    /// this build lacks.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let prompts = collect(|each| data::each_of_file(path, None, &[data::PROMPT], each))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { name: format!("{} prompts of {file}", prompts.len()), prompts })
    }

    /// Reads the prompts of JSON lines, as of a file; `source` is the name that errors give them.
    ///
    /// # Errors
    /// `Io` for the reader, `InvalidArgument` with source and line for another form.
    pub fn from_jsonl(reader: impl BufRead, source: &str) -> Result<Self> {
        collect(|each| data::each_of_jsonl(reader, source, each)).map(Self::new)
    }

    /// The same prompts under this name, by which the artifact calls them.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How the artifact calls them.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The prompts.
    pub fn prompts(&self) -> &[String] {
        &self.prompts
    }
}

fn collect(go: impl FnOnce(&mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()>) -> Result<Vec<String>> {
    let mut prompts = Vec::new();
    go(&mut |row| {
        prompts.push(data::prompt(row.cells, false).map_err(|what| row.fault(what))?);
        Ok(())
    })?;
    Ok(prompts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn lines_are_read_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traffic.jsonl");
        std::fs::write(&path, "\u{feff}{\"prompt\": \"a\"}\n\n{\"prompt\": [\"b\"], \"x\": NaN}\r\n")
            .unwrap();
        let sample = Sample::read(&path).unwrap();
        assert_eq!(
            (sample.name(), sample.prompts()),
            ("2 prompts of traffic.jsonl", &["a".into(), "b".into()][..])
        );
        assert_eq!(Sample::new(["a"]).named("mine").name(), "mine");
        for bad in ["[]", "{\"prompt\": 1}", "{", "{\"text\": \"x\"}", "{\"prompt\": \"cut \\ud83d\"}"] {
            std::fs::write(&path, format!("{{\"prompt\": \"a\"}}\n{bad}\n")).unwrap();
            let error = Sample::read(&path).unwrap_err();
            assert!(error.message().contains("traffic.jsonl, line 2: "), "{error}");
        }
        std::fs::write(&path, b"\xff").unwrap();
        assert!(Sample::read(&path).unwrap_err().message().contains("line 1: not UTF-8"));
        assert_eq!(Sample::read(folder.path().join("x.jsonl")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(Sample::read(folder.path()).unwrap_err().kind(), ErrorKind::Io);
    }

    #[cfg(feature = "train")]
    #[test]
    fn tables_are_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traffic.csv");
        std::fs::write(&path, "\u{feff}id,prompt\r\n1,a\r\n2,\"[\"\"b\"\"]\"\r\n").unwrap();
        let sample = Sample::read(&path).unwrap();
        assert_eq!(sample.prompts(), ["a", "b"]);
        std::fs::write(&path, "text\na\n").unwrap();
        assert!(Sample::read(&path).unwrap_err().message().contains("line 1: no column \"prompt\""));
    }
}
