//! What models are to answer.

use serde_json::{Value, json};

use crate::augment::answers::Answers;
use crate::augment::gold::Question;
use crate::augment::request::ChatRequest;
use crate::files::sha256_hex;

/// Questions that models answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GoldTask {
    /// The questions.
    pub questions: Vec<Question>,
    /// The models that are asked; none if every answer is there.
    pub models: Vec<String>,
    /// Answers that are there.
    pub answers: Answers,
    /// The most tokens of an answer.
    pub max_tokens: u64,
    /// What the field with the most tokens is called.
    pub max_tokens_name: String,
    /// What is said to models before each question; nothing without it.
    pub system: Option<String>,
}

impl GoldTask {
    /// Questions to these models.
    pub fn new(questions: Vec<Question>, models: Vec<String>) -> Self {
        Self {
            questions,
            models,
            answers: Answers::new(),
            max_tokens: 512,
            max_tokens_name: "max_tokens".to_owned(),
            system: None,
        }
    }

    pub(super) fn identity(&self) -> Value {
        let texts: Vec<Value> = self
            .questions
            .iter()
            .map(|question| json!([question.id, question.prompt, question.right]))
            .collect();
        let questions = sha256_hex(json!(texts).to_string().as_bytes());
        json!(["gold", questions, self.models, self.max_tokens, self.system])
    }

    /// Each model with the questions that it has yet to answer.
    pub(super) fn open(&self) -> Vec<(&str, Vec<&Question>)> {
        let lacks = |model: &str, question: &Question| {
            self.answers.get(model, &question.id, &question.prompt).is_none()
        };
        let of = |model: &'_ String| {
            self.questions.iter().filter(|question| lacks(model, question)).collect::<Vec<_>>()
        };
        let models = self.models.iter().map(|model| (model.as_str(), of(model)));
        models.filter(|(_, questions)| !questions.is_empty()).collect()
    }

    /// The request for the answer of a model.
    pub(super) fn request(&self, model: &str, prompt: &str) -> ChatRequest {
        let mut request =
            ChatRequest::new(model, prompt, self.max_tokens).max_tokens_name(&self.max_tokens_name);
        request.system.clone_from(&self.system);
        request
    }
}
