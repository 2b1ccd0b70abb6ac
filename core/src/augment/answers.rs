//! Answers of models to prompts, as files have them.

use std::collections::HashMap;
use std::path::Path;

use crate::data::{self, Cells, Json, Row, field, missing, prompt};
use crate::{Error, Result};

/// What the text of an answer is called.
const TEXT: [&str; 5] = ["answer", "response", "output", "completion", "text"];

/// What models answered, by prompt.
///
/// An answer belongs to the id of a prompt where its row has one, and to its text where the row has that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    models: Vec<String>,
    texts: HashMap<(usize, bool, String), String>,
}

impl Answers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the answers of a file (`.jsonl`, `.csv`, `.parquet`): rows of `model`, its `answer` (or `response`, `output`,
    /// `completion`, `text`), and the `id` of the prompt or the `prompt`.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for a malformed row and for two answers of a model to one prompt.
    pub fn read(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let needed: data::Needed<'_> = &[&["model"], &TEXT, &["id", "question_id", "prompt"]];
        data::each_of_file(path.as_ref(), Some("answers"), needed, &mut |row| self.take(row))
    }

    /// Adds answers from JSON lines; `source` is the name that errors give them.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_jsonl(&mut self, lines: &[u8], source: &str) -> Result<()> {
        data::each_of_jsonl(lines, source, &mut |row| self.take(row))
    }

    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        let model = text_of(row.cells, &["model"]).map_err(|what| row.fault(what))?;
        let text = text_of(row.cells, &TEXT).map_err(|what| row.fault(what))?;
        let named = ["id", "question_id"].iter().any(|name| field(row.cells, name).is_some());
        if named {
            self.put(&model, true, row.id(), &text).map_err(|what| row.fault(what))?;
            // It is found by its prompt, too; of prompts that stand there twice the first counts.
            if let Ok(prompt) = prompt(row.cells, false)
                && self.get(&model, "", &prompt).is_none()
            {
                self.put(&model, false, prompt, &text).map_err(|what| row.fault(what))?;
            }
            return Ok(());
        }
        let prompt = prompt(row.cells, false).map_err(|what| row.fault(what))?;
        self.put(&model, false, prompt, &text).map_err(|what| row.fault(what))
    }

    /// Adds the answer of a model to the prompt of this id.
    ///
    /// # Errors
    /// `InvalidArgument` if there is another one already.
    pub fn add(&mut self, model: &str, id: impl Into<String>, text: &str) -> Result<()> {
        self.put(model, true, id.into(), text).map_err(Error::invalid_argument)
    }

    fn put(&mut self, model: &str, named: bool, name: String, text: &str) -> Result<(), String> {
        let known = self.models.iter().position(|known| known == model);
        let number = known.unwrap_or_else(|| {
            self.models.push(model.to_owned());
            self.models.len() - 1
        });
        let fault = format!("{model} has two different answers to {name:?}; keep one");
        let before = self.texts.entry((number, named, name)).or_insert_with(|| text.to_owned());
        if *before == text { Ok(()) } else { Err(fault) }
    }

    /// The models, in the order in which they came.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// What a model answered to the prompt of this id and text.
    pub fn get(&self, model: &str, id: &str, prompt: &str) -> Option<&str> {
        let number = self.models.iter().position(|known| known == model)?;
        let of = |named: bool, name: &str| self.texts.get(&(number, named, name.to_owned()));
        of(true, id).or_else(|| of(false, prompt)).map(String::as_str)
    }
}

/// The text under the first of these names that a row has.
pub(super) fn text_of(row: &Cells, names: &[&str]) -> Result<String, String> {
    let Some((name, value)) = names.iter().find_map(|name| field(row, name).map(|value| (name, value)))
    else {
        return Err(missing(row, &format!("{:?}", names[0])));
    };
    match value {
        Json::Text(text) | Json::HalfText(text) | Json::Number(text) => Ok(text.clone()),
        other => Err(format!("{name} is {}, expected a text", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_by_id_or_prompt() {
        let mut answers = Answers::new();
        let lines = concat!(
            r#"{"model": "a", "id": 7, "answer": "x"}"#,
            "\n",
            r#"{"model": "b", "prompt": "p", "response": "y"}"#
        );
        answers.read_jsonl(lines.as_bytes(), "f").unwrap();
        assert_eq!(answers.models(), ["a", "b"]);
        assert_eq!((answers.get("a", "7", "p"), answers.get("b", "7", "p")), (Some("x"), Some("y")));
        assert_eq!(answers.get("a", "8", "p"), None);
        answers.read_jsonl(lines.as_bytes(), "f").unwrap();
        let error = answers.read_jsonl(br#"{"model": "a", "id": "7", "answer": "z"}"#, "f").unwrap_err();
        assert!(error.message().contains("f, line 1: a has two different answers"), "{error}");
        assert!(answers.read_jsonl(br#"{"model": "a", "id": "7"}"#, "f").is_err());
    }
}
