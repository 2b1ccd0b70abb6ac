//! What a judge is to judge.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::augment::answers::Answers;
use crate::augment::judge::{JudgeOptions, Pair};
use crate::augment::request::ChatRequest;
use crate::files::sha256_hex;
use crate::{Error, Result};

/// The longest answer, in bytes, that is expected where one is not there yet.
const LONGEST_EXPECTED: usize = 1 << 16;

/// Pairs of answers, or prompts that two models answer first.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JudgeTask {
    /// How the judge is asked. The number of its endpoint has no effect here.
    pub options: JudgeOptions,
    /// Answers that are there.
    pub answers: Answers,
    /// The most tokens of an answer.
    pub answer_max_tokens: u64,
    pub(super) material: Material,
}

/// Where the answers of a pair come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Material {
    Pairs(Vec<Pair>),
    /// Prompts with their ids, for two models.
    Prompts(Vec<(String, String)>, [String; 2]),
}

impl JudgeTask {
    /// Pairs whose answers are there.
    pub fn of_pairs(options: JudgeOptions, pairs: Vec<Pair>) -> Self {
        Self { options, answers: Answers::new(), answer_max_tokens: 1024, material: Material::Pairs(pairs) }
    }

    /// Prompts that two models answer, where `answers` has nothing of them. The id of a prompt is its place, `line 1`.
    ///
    /// # Errors
    /// `InvalidArgument` for other than two models.
    pub fn of_prompts(
        options: JudgeOptions,
        prompts: Vec<String>,
        models: &[String],
        answers: Answers,
    ) -> Result<Self> {
        let [a, b] = models else {
            return Err(Error::invalid_argument(format!(
                "{} models that answer; two models are compared",
                models.len()
            )));
        };
        if a == b {
            return Err(Error::invalid_argument(format!(
                "both models that answer are {a:?}; name two models"
            )));
        }
        let named = prompts.into_iter().enumerate();
        let prompts = named.map(|(i, prompt)| (format!("line {}", i + 1), prompt)).collect();
        let material = Material::Prompts(prompts, [a.clone(), b.clone()]);
        Ok(Self { options, answers, answer_max_tokens: 1024, material })
    }

    /// Sets the most tokens of an answer.
    #[must_use]
    pub fn answer_max_tokens(mut self, most: u64) -> Self {
        self.answer_max_tokens = most;
        self
    }

    /// The prompts.
    pub(super) fn texts(&self) -> Vec<&str> {
        match &self.material {
            Material::Pairs(pairs) => pairs.iter().map(|pair| pair.prompt.as_str()).collect(),
            Material::Prompts(prompts, _) => prompts.iter().map(|(_, prompt)| prompt.as_str()).collect(),
        }
    }

    /// Leaves out what belongs to other prompts.
    pub(super) fn keep(&mut self, kept: &HashSet<String>) {
        match &mut self.material {
            Material::Pairs(pairs) => pairs.retain(|pair| kept.contains(&pair.prompt)),
            Material::Prompts(prompts, _) => prompts.retain(|(_, prompt)| kept.contains(prompt)),
        }
    }

    pub(super) fn identity(&self) -> Value {
        let material = match &self.material {
            Material::Pairs(pairs) => {
                let texts = |pair: &Pair| {
                    json!([pair.prompt, pair.model_a, pair.answer_a, pair.model_b, pair.answer_b])
                };
                json!(pairs.iter().map(texts).collect::<Vec<_>>())
            }
            Material::Prompts(prompts, models) => {
                let given = |model: &String| {
                    let text = |(id, prompt): &(String, String)| {
                        self.answers.get(model, id, prompt).map(str::to_owned)
                    };
                    prompts.iter().map(text).collect::<Vec<_>>()
                };
                json!([prompts, models, models.iter().map(given).collect::<Vec<_>>(), self.answer_max_tokens])
            }
        };
        // The endpoint has a place of its own in the name of the job.
        let options = self.options.clone().endpoint(0);
        json!(["judge", options, sha256_hex(material.to_string().as_bytes())])
    }

    /// Each model with the prompts that it has yet to answer.
    pub(super) fn open(&self) -> Vec<(&str, Vec<(String, String)>)> {
        let Material::Prompts(prompts, models) = &self.material else { return Vec::new() };
        let unanswered = |model: &str| {
            let lacks = |(id, prompt): &&(String, String)| self.answers.get(model, id, prompt).is_none();
            prompts.iter().filter(lacks).cloned().collect::<Vec<_>>()
        };
        let models = models.iter().map(|model| (model.as_str(), unanswered(model)));
        models.filter(|(_, prompts)| !prompts.is_empty()).collect()
    }

    /// The request for the answer of a model.
    pub(super) fn request(&self, model: &str, prompt: &str) -> ChatRequest {
        ChatRequest::new(model, prompt, self.answer_max_tokens)
            .max_tokens_name(&self.options.max_tokens_name)
            .temperature(self.options.temperature)
    }

    /// The pairs. With `expected`, an answer that is not there yet is one that is as long as it may be, at four bytes a token;
    /// without, such a pair is none.
    pub(super) fn pairs(&self, answers: &Answers, expected: bool) -> Vec<Pair> {
        let (prompts, [a, b]) = match &self.material {
            Material::Pairs(pairs) => return pairs.clone(),
            Material::Prompts(prompts, models) => (prompts, models),
        };
        let longest = usize::try_from(self.answer_max_tokens).unwrap_or(LONGEST_EXPECTED).saturating_mul(4);
        // Of two models two texts: what says the same would be asked once.
        let expected_texts = ["x", "y"].map(|text| text.repeat(longest.min(LONGEST_EXPECTED)));
        let pair = |(id, prompt): &(String, String)| {
            let text = |model: &str, place: usize| {
                answers.get(model, id, prompt).or(expected.then_some(expected_texts[place].as_str()))
            };
            Some(Pair::new(id, prompt, (a, text(a, 0)?), (b, text(b, 1)?)))
        };
        prompts.iter().filter_map(pair).collect()
    }
}
