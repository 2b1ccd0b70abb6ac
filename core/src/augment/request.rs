//! One request to a model: its body, its key, and the most that it can cost.

use serde_json::{Map, Value, json};

use crate::candidates::estimated_tokens;
use crate::files::sha256_hex;

/// Tokens that a server may add around each message, and once around all: names of roles and separators.
const TOKENS_AROUND: u64 = 16;

/// A request of chat completions in the form of OpenAI's interface.
///
/// Two requests with the same [`key`](Self::key) have the same answer as far as this library is concerned: the second is
/// never sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The number of its endpoint among those of a [`Requests`](super::Requests).
    pub endpoint: usize,
    /// The model.
    pub model: String,
    /// What the system says; none without it.
    pub system: Option<String>,
    /// What the user says.
    pub user: String,
    /// The most tokens of the answer.
    pub max_tokens: u64,
    /// What the field with the most tokens is called: `max_tokens`, or `max_completion_tokens` for models that think.
    pub max_tokens_name: String,
    /// How freely the answer is chosen; the endpoint's own without it.
    pub temperature: Option<f64>,
    /// Tells requests apart that say the same and are to be answered each: 0 is the first.
    pub sample: u32,
}

impl ChatRequest {
    /// A request to the first endpoint with temperature 0.
    pub fn new(model: impl Into<String>, user: impl Into<String>, max_tokens: u64) -> Self {
        Self {
            endpoint: 0,
            model: model.into(),
            system: None,
            user: user.into(),
            max_tokens,
            max_tokens_name: "max_tokens".to_owned(),
            temperature: Some(0.0),
            sample: 0,
        }
    }

    /// Sets the number of its endpoint.
    #[must_use]
    pub fn endpoint(mut self, endpoint: usize) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Sets what the system says.
    #[must_use]
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// Sets what the field with the most tokens is called.
    #[must_use]
    pub fn max_tokens_name(mut self, name: impl Into<String>) -> Self {
        self.max_tokens_name = name.into();
        self
    }

    /// Sets how freely the answer is chosen; `None` leaves it to the endpoint.
    #[must_use]
    pub fn temperature(mut self, temperature: Option<f64>) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets which of the requests that say the same it is.
    #[must_use]
    pub fn sample(mut self, sample: u32) -> Self {
        self.sample = sample;
        self
    }

    /// The body that is posted, JSON with its members in alphabetical order.
    pub fn body(&self) -> String {
        let system = self.system.as_ref().map(|text| json!({"role": "system", "content": text}));
        let user = json!({"role": "user", "content": self.user});
        let messages: Vec<Value> = system.into_iter().chain([user]).collect();
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(self.model));
        body.insert("messages".to_owned(), json!(messages));
        body.insert(self.max_tokens_name.clone(), json!(self.max_tokens));
        if let Some(temperature) = self.temperature {
            body.insert("temperature".to_owned(), json!(temperature));
        }
        Value::Object(body).to_string()
    }

    /// SHA-256 of the address of its endpoint, its body and its sample: what is stored under it is never paid for again.
    pub fn key(&self, address: &str) -> String {
        sha256_hex(json!([address, self.body(), self.sample]).to_string().as_bytes())
    }

    /// The tokens that its text is taken for where an estimate is wanted: a quarter of its bytes.
    pub fn estimated_input_tokens(&self) -> u64 {
        estimated_tokens(self.bytes()) + TOKENS_AROUND / 2
    }

    /// The most tokens that its text can be: no tokenizer has more tokens than bytes.
    pub fn most_input_tokens(&self) -> u64 {
        let messages = 1 + u64::from(self.system.is_some());
        self.bytes() as u64 + TOKENS_AROUND * (messages + 1)
    }

    fn bytes(&self) -> usize {
        self.user.len() + self.system.as_ref().map_or(0, String::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_says_everything_that_the_answer_depends_on() {
        let request = ChatRequest::new("m", "Hello", 5);
        assert_eq!(
            request.body(),
            r#"{"max_tokens":5,"messages":[{"content":"Hello","role":"user"}],"model":"m","temperature":0.0}"#
        );
        let key = request.key("a");
        assert_eq!(key, request.clone().endpoint(3).key("a"));
        let others = [
            ChatRequest::new("n", "Hello", 5),
            ChatRequest::new("m", "Hello!", 5),
            ChatRequest::new("m", "Hello", 6),
            request.clone().system("Be brief."),
            request.clone().temperature(None),
            request.clone().sample(1),
            request.clone().max_tokens_name("max_completion_tokens"),
        ];
        let mut keys: Vec<String> = others.iter().map(|other| other.key("a")).collect();
        keys.extend([key, request.key("b")]);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 9);
    }

    #[test]
    fn no_estimate_is_above_the_most() {
        for text in ["", "a", "日本語", &"word ".repeat(1000)] {
            let request = ChatRequest::new("m", text, 5).system("s");
            assert!(request.estimated_input_tokens() <= request.most_input_tokens());
        }
    }
}
