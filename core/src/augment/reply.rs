//! What came back for a request, and what it means.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What came back for one attempt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// An answer of the server.
    Http {
        /// The status.
        status: u16,
        /// What `Retry-After` asks for, in milliseconds from now.
        retry_after_ms: Option<u64>,
        /// The body.
        body: String,
    },
    /// The request surely did not reach the server: it refused the connection, or its name is unknown.
    NotSent(String),
    /// The batch that it was in has ended without its answer.
    Left {
        /// Why.
        why: String,
        /// Whether it may be on the bill.
        billed: bool,
    },
    /// The request was sent and no whole answer came: the connection was reset, or time ran out. It may be on the bill.
    Lost(String),
}

/// A model's answer, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Completion {
    /// The text; of a refusal what it says.
    pub text: String,
    /// Whether the endpoint says that the model refused, or that a filter has taken the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Whether the text was cut off at the most tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Tokens of the request that are on the bill; none where the endpoint does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answer that are on the bill; none where the endpoint does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
}

impl Completion {
    /// The answer of a model in whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: false, cut: false, input_tokens: None, output_tokens: None }
    }
}

/// What a reply means for the request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// The answer.
    Answer(Completion),
    /// It is on the bill and of no use, and it would be the same again.
    Useless(Completion, String),
    /// A try that failed. Whether it may be on the bill, how long to wait at least, and whether the endpoint only asks to be
    /// left alone for a while.
    Again { why: String, billed: bool, after_ms: Option<u64>, busy: bool },
    /// The request is wrong; the endpoint would answer others.
    Wrong(String),
    /// The endpoint will answer no request of ours.
    Closed(String),
}

impl Reply {
    /// An answer of the server: its status, what `Retry-After` asks for in milliseconds from now, and the body.
    pub fn http(status: u16, retry_after_ms: Option<u64>, body: impl Into<String>) -> Self {
        Self::Http { status, retry_after_ms, body: body.into() }
    }

    /// The batch that a request was in has ended without its answer, and it may be on the bill if `billed`.
    pub fn left(why: impl Into<String>, billed: bool) -> Self {
        Self::Left { why: why.into(), billed }
    }

    /// What it means for a request to `model`; an answer of another model is of no use unless `any_model`.
    pub(super) fn meaning(&self, model: &str, any_model: bool) -> Meaning {
        match self {
            Self::NotSent(why) => {
                Meaning::Again { why: why.clone(), billed: false, after_ms: None, busy: false }
            }
            // That says nothing against the endpoint.
            Self::Left { why, billed } => {
                Meaning::Again { why: why.clone(), billed: *billed, after_ms: None, busy: true }
            }
            Self::Lost(why) => Meaning::Again { why: why.clone(), billed: true, after_ms: None, busy: false },
            Self::Http { status: 200..=299, body, .. } => match completion(body) {
                Some((_, Some(other))) if !any_model && !same_model(model, &other) => Meaning::Useless(
                    completion(body).map_or_else(|| Completion::new(""), |(found, _)| found),
                    format!(
                        "the answer is of the model {other:?}, and {model:?} was asked; name the model as the endpoint does, or allow any"
                    ),
                ),
                Some((found, _)) => Meaning::Answer(found),
                None => Meaning::Again {
                    why: format!("the answer is no chat completion: {}", short(body)),
                    billed: true,
                    after_ms: None,
                    busy: false,
                },
            },
            Self::Http { status, retry_after_ms, body } => failure(*status, *retry_after_ms, body),
        }
    }
}

/// What a status other than success means. Endpoints bill no request that they refuse; behind a gateway that ran out of
/// time the model may have answered.
fn failure(status: u16, after_ms: Option<u64>, body: &str) -> Meaning {
    let why = format!("status {status}: {}", short(&message(body)));
    match status {
        429 if code(body).as_deref() == Some("insufficient_quota") => Meaning::Closed(why),
        408 | 409 | 425 | 429 | 500..=599 => {
            let billed = matches!(status, 408 | 504 | 524);
            Meaning::Again { why, billed, after_ms, busy: status == 429 || after_ms.is_some() }
        }
        401..=405 => Meaning::Closed(why),
        _ => Meaning::Wrong(why),
    }
}

/// The answer in a body, and the model that it says has given it.
fn completion(body: &str) -> Option<(Completion, Option<String>)> {
    let body: Value = serde_json::from_str(body).ok()?;
    let choice = body.get("choices")?.get(0)?;
    let message = choice.get("message")?;
    let refusal = message.get("refusal").and_then(Value::as_str);
    let reason = choice.get("finish_reason").and_then(Value::as_str);
    let filtered = reason == Some("content_filter");
    let text = match (message.get("content"), refusal) {
        (Some(Value::String(text)), _) => text.clone(),
        (_, Some(refusal)) => refusal.to_owned(),
        // A filter, or thoughts that used up every token, leave no text.
        (Some(Value::Null) | None, None) if filtered || reason == Some("length") => String::new(),
        _ => return None,
    };
    let tokens = |name: &str| body.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_u64);
    let found = Completion {
        text,
        refused: filtered || refusal.is_some(),
        cut: reason == Some("length"),
        input_tokens: tokens("prompt_tokens"),
        output_tokens: tokens("completion_tokens"),
    };
    Some((found, body.get("model").and_then(Value::as_str).map(str::to_owned)))
}

/// Whether two names are of one model: without a provider before it and whatever the case, one may go on with a version
/// (`gpt-4o` is answered by `gpt-4o-2024-08-06`).
fn same_model(asked: &str, answered: &str) -> bool {
    let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let (asked, answered) = (plain(asked), plain(answered));
    let version = |rest: &str| {
        rest.is_empty()
            || rest.starts_with(['-', '@', ':'])
                && rest[1..].starts_with(|c: char| c.is_ascii_digit() || c == 'v')
    };
    answered.strip_prefix(asked.as_str()).is_some_and(version)
        || asked.strip_prefix(answered.as_str()).is_some_and(version)
}

fn error_of(body: &str, name: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body.get("error")?.get(name)?.as_str()?.to_owned())
}

fn code(body: &str) -> Option<String> {
    error_of(body, "code").or_else(|| error_of(body, "type"))
}

fn message(body: &str) -> String {
    error_of(body, "message").unwrap_or_else(|| body.to_owned())
}

/// The beginning of a text in one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 160 { line } else { line.chars().take(160).collect::<String>() + "..." }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, body: &str) -> Meaning {
        Reply::Http { status, retry_after_ms: None, body: body.to_owned() }.meaning("gpt-4o", false)
    }

    #[test]
    fn answers_refusals_and_cut_texts_are_told_apart() {
        let body = r#"{"model": "gpt-4o-2024-08-06", "choices": [{"message": {"content": "x"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1}}"#;
        let Meaning::Answer(found) = http(200, body) else { panic!("{:?}", http(200, body)) };
        assert_eq!((found.text.as_str(), found.cut, found.refused), ("x", true, false));
        assert_eq!((found.input_tokens, found.output_tokens), (Some(3), Some(1)));
        let refusal = r#"{"choices": [{"message": {"content": null, "refusal": "No."}}]}"#;
        assert!(matches!(http(200, refusal), Meaning::Answer(found) if found.refused && found.text == "No."));
        let filtered = r#"{"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]}"#;
        assert!(
            matches!(http(200, filtered), Meaning::Answer(found) if found.refused && found.text.is_empty())
        );
        for half in [
            "",
            "{\"choices\": [{\"mess",
            "{}",
            "[]",
            r#"{"choices": []}"#,
            r#"{"choices": [{"message": {}}]}"#,
        ] {
            assert!(matches!(http(200, half), Meaning::Again { billed: true, .. }), "{half}");
        }
        let other = r#"{"model": "gpt-4o-mini", "choices": [{"message": {"content": "x"}}]}"#;
        assert!(matches!(http(200, other), Meaning::Useless(_, why) if why.contains("gpt-4o-mini")));
    }

    #[test]
    fn failures_say_whether_to_try_again() {
        for status in [408, 429, 500, 502, 503, 504, 529] {
            assert!(matches!(http(status, "x"), Meaning::Again { .. }), "{status}");
        }
        assert!(matches!(http(500, "x"), Meaning::Again { billed: false, .. }));
        assert!(matches!(http(504, "x"), Meaning::Again { billed: true, .. }));
        for status in [401, 402, 403, 404] {
            assert!(matches!(http(status, "x"), Meaning::Closed(_)), "{status}");
        }
        assert!(matches!(http(429, r#"{"error": {"code": "insufficient_quota"}}"#), Meaning::Closed(_)));
        for status in [302, 400, 413, 422] {
            assert!(
                matches!(http(status, r#"{"error": {"message": "too long"}}"#), Meaning::Wrong(why) if why.contains("too long"))
            );
        }
    }

    #[test]
    fn versions_are_the_same_model() {
        for (asked, answered) in [
            ("gpt-4o", "gpt-4o-2024-08-06"),
            ("openai/GPT-4o", "gpt-4o"),
            ("m-v2", "m"),
            ("llama:8b", "llama:8b"),
        ] {
            assert!(same_model(asked, answered), "{asked} {answered}");
        }
        for (asked, answered) in [("gpt-4o", "gpt-4o-mini"), ("gpt-4", "gpt-4o"), ("a", "b"), ("a", "")] {
            assert!(!same_model(asked, answered), "{asked} {answered}");
        }
    }
}
