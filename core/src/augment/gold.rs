//! Gold rows from questions with known answers (the paper's `D_gold`, section 4.1).

use std::path::Path;

use serde::Serialize;

use super::answers::{Answers, text_of};
use super::extract::Extractor;
use crate::data::{self, Cells, Json, Row, field, missing, prompt};
use crate::preference::{GoldRow, GoldTable, ModelIndex};
use crate::{Error, Result};

const RIGHT: [&str; 5] = ["answer", "gold", "target", "label", "correct"];

/// A question with its right answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question {
    /// Name of the question; `line N` where the source has none.
    pub id: String,
    /// What models are asked, with the options below it if there are any.
    pub prompt: String,
    /// The right answer; of options its letter.
    pub right: String,
}

impl Question {
    /// A question with its right answer.
    pub fn new(id: impl Into<String>, prompt: impl Into<String>, right: impl Into<String>) -> Self {
        Self { id: id.into(), prompt: prompt.into(), right: right.into() }
    }

    /// Reads questions (`.jsonl`, `.csv`, `.parquet`): rows of `prompt` or `question`, the right `answer` (or `gold`, `target`,
    /// `label`, `correct`), and where there are options to choose from `choices`, a list of texts, which are set below the prompt
    /// with letters. The answer is then a letter, the number of an option from 0 on, or the text of one.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file, `InvalidArgument` for a malformed row, with file and line.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        let needed: data::Needed<'_> = &[&["prompt", "question", "conversation"], &RIGHT];
        let mut questions = Vec::new();
        data::each_of_file(path.as_ref(), Some("questions"), needed, &mut |row| {
            questions.push(Self::of(row).map_err(|what| row.fault(what))?);
            Ok(())
        })?;
        Ok(questions)
    }

    /// Reads questions from JSON lines; `source` is the name that errors give them.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_jsonl(lines: &[u8], source: &str) -> Result<Vec<Self>> {
        let mut questions = Vec::new();
        data::each_of_jsonl(lines, source, &mut |row| {
            questions.push(Self::of(row).map_err(|what| row.fault(what))?);
            Ok(())
        })?;
        Ok(questions)
    }

    fn of(row: &Row<'_>) -> Result<Self, String> {
        let text = match field(row.cells, "prompt").or_else(|| field(row.cells, "conversation")) {
            Some(_) => prompt(row.cells, false)?,
            None => text_of(row.cells, &["question"])?,
        };
        let choices = choices(row.cells)?;
        if choices.is_empty() {
            return Ok(Self::new(row.id(), text, text_of(row.cells, &RIGHT)?));
        }
        let listed: Vec<String> =
            choices.iter().zip('A'..).map(|(choice, letter)| format!("\n{letter}. {choice}")).collect();
        Ok(Self::new(row.id(), text + &listed.concat(), right_letter(row.cells, &choices)?))
    }
}

/// The options of a question.
fn choices(row: &Cells) -> Result<Vec<String>, String> {
    let parsed;
    let list = match field(row, "choices") {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Text(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        Some(Json::Text(text)) => {
            parsed = data::parse(text).map_err(|error| format!("choices are no JSON list: {error}"))?;
            &parsed
        }
        Some(other) => other,
    };
    let Json::List(list) = list else { return Err(format!("choices are {}, expected a list", list.kind())) };
    if list.len() > 10 {
        return Err(format!("{} choices, expected at most 10", list.len()));
    }
    list.iter()
        .map(|choice| match choice {
            Json::Text(text) | Json::HalfText(text) | Json::Number(text) => Ok(text.clone()),
            other => Err(format!("a choice is {}, expected a text", other.kind())),
        })
        .collect()
}

/// The letter of the right option.
fn right_letter(row: &Cells, choices: &[String]) -> Result<String, String> {
    let Some(value) = RIGHT.iter().find_map(|name| field(row, name)) else {
        return Err(missing(row, "\"answer\""));
    };
    let letter = |place: usize| ('A'..='J').nth(place).map(String::from);
    let text = match value {
        Json::Text(text) => text.trim(),
        Json::Number(number) => number.as_str(),
        other => return Err(format!("answer is {}, expected a letter, a number or a text", other.kind())),
    };
    let number = text.parse::<usize>().ok().filter(|number| *number < choices.len());
    let same = choices.iter().position(|choice| choice.trim() == text);
    let named = ('A'..='J').take(choices.len()).position(|known| text == String::from(known));
    // A text that is an option counts before a number that may be its place.
    same.filter(|_| matches!(value, Json::Text(_)))
        .or(named)
        .or(number)
        .and_then(letter)
        .ok_or_else(|| format!("answer {text:?} is none of the {} choices", choices.len()))
}

/// An answer that no rule could read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unparsed {
    /// Name of the question.
    pub id: String,
    /// The model.
    pub model: String,
    /// What it wrote.
    pub text: String,
}

/// What a model got right.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Accuracy {
    /// The model.
    pub model: String,
    /// Mean of its scores over the rows.
    pub accuracy: f64,
    /// How many of its answers no rule could read; they are wrong.
    pub unparsed: usize,
}

/// Gold rows, and what did not become one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GoldReport {
    /// The rows: every question that each model has answered.
    pub table: GoldTable,
    /// What each model got right.
    pub accuracy: Vec<Accuracy>,
    /// Answers that no rule could read. They count as wrong: nobody could have used them.
    pub unparsed: Vec<Unparsed>,
    /// Questions without an answer of some model, which are no rows: the id and the model.
    pub missing: Vec<(String, String)>,
}

/// Gold rows of questions and the answers of two or more models, by a rule.
///
/// ```
/// use routellm_core::augment::{Answers, Extraction, Question, gold};
/// let questions = [Question::new("q", "2 + 2?", "4")];
/// let mut answers = Answers::new();
/// answers.add("big", "q", "It is 4.")?;
/// answers.add("small", "q", "It is 5.")?;
/// let report = gold(&questions, &answers, &Extraction::Number.compile()?)?;
/// assert_eq!(report.table.rows[0].scores, [1.0, 0.0]);
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for fewer than two models, a right answer that the rule cannot read, two questions of one id, and where no
/// question has an answer of every model.
pub fn gold(questions: &[Question], answers: &Answers, rule: &Extractor) -> Result<GoldReport> {
    gold_with(questions, answers, |question, _, text| {
        let right = rule.expected(&question.right).ok_or_else(|| {
            Error::invalid_argument(format!(
                "question {}: the rule finds nothing in its right answer {:?}; choose another form",
                question.id, question.right
            ))
        })?;
        Ok(rule.find(text).map(|found| if found == right { 1.0 } else { 0.0 }))
    })
}

/// As [`gold`], with whatever grades an answer: the question, the model and its answer become a score in [0, 1], or `None` for
/// an answer that cannot be read.
///
/// # Errors
/// As [`gold`], and what `grade` reports.
pub fn gold_with(
    questions: &[Question],
    answers: &Answers,
    mut grade: impl FnMut(&Question, &str, &str) -> Result<Option<f64>>,
) -> Result<GoldReport> {
    let models = answers.models();
    if models.len() < 2 {
        return Err(Error::invalid_argument(format!(
            "answers of {models:?}; gold rows need those of two or more models"
        )));
    }
    let mut ids = std::collections::HashSet::new();
    if let Some(twice) = questions.iter().find(|question| !ids.insert(question.id.as_str())) {
        return Err(Error::invalid_argument(format!("two questions have the id {:?}; rename one", twice.id)));
    }
    let (mut rows, mut unparsed, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    for question in questions {
        let texts: Vec<Option<&str>> =
            models.iter().map(|model| answers.get(model, &question.id, &question.prompt)).collect();
        let lacking = models.iter().zip(&texts).filter(|(_, text)| text.is_none());
        absent.extend(lacking.map(|(model, _)| (question.id.clone(), model.clone())));
        let Some(texts) = texts.into_iter().collect::<Option<Vec<&str>>>() else { continue };
        let mut scores = Vec::with_capacity(models.len());
        for (model, text) in models.iter().zip(texts) {
            let score = grade(question, model, text)?;
            if score.is_none() {
                unparsed.push(Unparsed {
                    id: question.id.clone(),
                    model: model.clone(),
                    text: text.to_owned(),
                });
            }
            scores.push(score.unwrap_or(0.0));
        }
        rows.push(GoldRow::new(&question.id, &question.prompt, scores));
    }
    if rows.is_empty() {
        return Err(Error::invalid_argument(format!(
            "no question has an answer of each of {models:?}; give answers the ids or the prompts of the questions"
        )));
    }
    let accuracy = models.iter().enumerate().map(|(number, model)| Accuracy {
        model: model.clone(),
        accuracy: rows.iter().map(|row| row.scores[number]).sum::<f64>() / rows.len() as f64,
        unparsed: unparsed.iter().filter(|found| found.model == *model).count(),
    });
    let accuracy = accuracy.collect();
    let table = GoldTable::new(ModelIndex::new(models)?, rows)?;
    Ok(GoldReport { table, accuracy, unparsed, missing: absent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Extraction;

    #[test]
    fn questions_with_choices_have_letters() {
        for (answer, right) in [("\"B\"", "B"), ("1", "B"), ("\"Rome\"", "B"), ("\"0\"", "A")] {
            let line =
                format!(r#"{{"question": "Capital?", "choices": ["Paris", "Rome"], "answer": {answer}}}"#);
            let questions = Question::from_jsonl(line.as_bytes(), "q").unwrap();
            assert_eq!(questions[0], Question::new("line 1", "Capital?\nA. Paris\nB. Rome", right));
        }
        for answer in ["\"C\"", "2", "null", "\"Bonn\""] {
            let line =
                format!(r#"{{"prompt": "Capital?", "choices": ["Paris", "Rome"], "answer": {answer}}}"#);
            let error = Question::from_jsonl(line.as_bytes(), "q").unwrap_err();
            assert!(error.message().starts_with("q, line 1: answer"), "{error}");
        }
        // The number of an option that is itself an option of another place.
        let line = r#"{"prompt": "1 + 0?", "choices": ["0", "1"], "answer": "0"}"#;
        assert_eq!(Question::from_jsonl(line.as_bytes(), "q").unwrap()[0].right, "A");
    }

    #[test]
    fn rows_are_graded_and_what_is_none_is_listed() {
        let questions =
            [Question::new("1", "p", "A"), Question::new("2", "q", "B"), Question::new("3", "r", "C")];
        let mut answers = Answers::new();
        for (model, id, text) in [
            ("big", "1", "A"),
            ("big", "2", "(B)"),
            ("big", "3", "C"),
            ("small", "1", "Hm."),
            ("small", "2", "B"),
        ] {
            answers.add(model, id, text).unwrap();
        }
        let report = gold(&questions, &answers, &Extraction::Letter.compile().unwrap()).unwrap();
        let scores: Vec<&[f64]> = report.table.rows.iter().map(|row| row.scores.as_slice()).collect();
        assert_eq!(scores, [[1.0, 0.0], [1.0, 1.0]]);
        assert_eq!(report.unparsed, [Unparsed { id: "1".into(), model: "small".into(), text: "Hm.".into() }]);
        assert_eq!(report.missing, [("3".to_owned(), "small".to_owned())]);
        assert_eq!((report.accuracy[1].accuracy, report.accuracy[1].unparsed), (0.5, 1));
        // What is written is what a training reads.
        let again = GoldTable::from_jsonl(report.table.to_jsonl().as_bytes(), "g").unwrap();
        assert_eq!(again.rows, report.table.rows);
        let number = Extraction::Number.compile().unwrap();
        let error = gold(&questions, &answers, &number).unwrap_err();
        assert!(error.message().contains("choose another form"), "{error}");
        let twice = [questions[0].clone(), questions[0].clone()];
        assert!(gold(&twice, &answers, &number).unwrap_err().message().contains("rename one"));
        assert!(
            gold(&questions, &Answers::new(), &number).unwrap_err().message().contains("two or more models")
        );
    }
}
