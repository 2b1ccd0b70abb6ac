//! Samples of prompts.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::files::tolerant_json;
use crate::{Error, ErrorKind, Result};

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

    /// Reads the field `prompt` of each line, a JSON object, of a `.jsonl` file.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; `InvalidArgument` with file and line for another form.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Line {
            prompt: String,
        }
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let mut prompts = Vec::new();
        for (i, line) in BufReader::new(file).lines().enumerate() {
            let wrong = |what: String| {
                Error::new(ErrorKind::InvalidArgument, format!("{}, line {}: {what}", path.display(), i + 1))
            };
            let line = line.map_err(|error| match error.kind() {
                std::io::ErrorKind::InvalidData => wrong("not UTF-8 text".to_owned()),
                _ => Error::io(path, error),
            })?;
            // A byte-order mark is no part of the first line.
            let line = line.strip_prefix('\u{feff}').filter(|_| i == 0).unwrap_or(&line);
            if line.trim().is_empty() {
                continue;
            }
            let Line { prompt } = serde_json::from_slice(&tolerant_json(line.as_bytes()))
                .map_err(|error| wrong(format!("expected a JSON object with prompt: {error}")))?;
            prompts.push(prompt);
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { name: format!("{} prompts of {file}", prompts.len()), prompts })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traffic.jsonl");
        std::fs::write(&path, "\u{feff}{\"prompt\": \"a\"}\n\n{\"prompt\": \"b\", \"x\": 1}\r\n").unwrap();
        let sample = Sample::read(&path).unwrap();
        assert_eq!(
            (sample.name(), sample.prompts()),
            ("2 prompts of traffic.jsonl", &["a".into(), "b".into()][..])
        );
        assert_eq!(Sample::new(["a"]).named("mine").name(), "mine");
        for bad in ["[]", "{\"prompt\": 1}", "{", "{\"text\": \"x\"}"] {
            std::fs::write(&path, format!("{{\"prompt\": \"a\"}}\n{bad}\n")).unwrap();
            let error = Sample::read(&path).unwrap_err();
            assert!(error.message().contains("traffic.jsonl, line 2: expected a JSON object"), "{error}");
        }
        std::fs::write(&path, b"\xff").unwrap();
        assert!(Sample::read(&path).unwrap_err().message().contains("line 1: not UTF-8"));
        assert_eq!(Sample::read(folder.path().join("x")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
