//! Batches: the file that many requests are uploaded in, and the one that their answers come in.
//!
//! The form is that of OpenAI's `/v1/files` and `/v1/batches`: a line of JSON for each request, answers in any order, and
//! requests that failed in a file of their own. Endpoints take half the price for it, and a day's time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reply::Reply;
use super::step::Outgoing;

/// A batch of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Batch {
    /// What this library calls it; the endpoint is told, so that it can be found again.
    pub name: String,
    /// The address of its endpoint.
    pub address: String,
    /// The attempts in it.
    pub attempts: Vec<u64>,
    /// What the endpoint calls it; none before it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Batch {
    /// A batch that the endpoint does not know yet.
    pub fn new(name: impl Into<String>, address: impl Into<String>, attempts: Vec<u64>) -> Self {
        Self { name: name.into(), address: address.into(), attempts, id: None }
    }

    /// Sets what the endpoint calls it.
    #[must_use]
    pub fn id(mut self, id: String) -> Self {
        self.id = Some(id);
        self
    }
}

/// The file of these requests, a line for each. `path` is that of chat completions, `/v1/chat/completions`.
pub fn batch_file(requests: &[Outgoing], path: &str) -> String {
    let line = |out: &Outgoing| {
        let body: Value = serde_json::from_str(&out.body).unwrap_or_default();
        let custom = format!("routellm-{}", out.attempt);
        format!("{}\n", json!({"custom_id": custom, "method": "POST", "url": path, "body": body}))
    };
    requests.iter().map(line).collect()
}

/// What a file of answers or of failures says, by attempt, in the order of its lines. What is no such line is left out: a
/// file that broke off has half of one at its end.
pub fn batch_replies(file: &str) -> Vec<(u64, Reply)> {
    file.lines().filter_map(of_line).collect()
}

fn of_line(line: &str) -> Option<(u64, Reply)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let attempt = line.get("custom_id")?.as_str()?.strip_prefix("routellm-")?.parse().ok()?;
    let response = line.get("response").filter(|response| !response.is_null());
    let reply = if let Some(response) = response {
        let status = u16::try_from(response.get("status_code")?.as_u64()?).ok()?;
        Reply::http(status, None, response.get("body")?.to_string())
    } else {
        // Endpoints bill nothing that they have no answer to.
        let error = line.get("error").filter(|error| !error.is_null());
        let part = |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str);
        let why = part("message").or_else(|| part("code")).unwrap_or("it says not why");
        Reply::left(format!("the batch has no answer to it: {why}"), false)
    };
    Some((attempt, reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_by_attempt() {
        let out = |attempt, body: &str| Outgoing {
            attempt,
            endpoint: 0,
            body: body.to_owned(),
            journal: String::new(),
        };
        let file =
            batch_file(&[out(4, r#"{"model":"m"}"#), out(9, r#"{"model":"m"}"#)], "/v1/chat/completions");
        assert_eq!(
            file.lines().next().unwrap(),
            r#"{"body":{"model":"m"},"custom_id":"routellm-4","method":"POST","url":"/v1/chat/completions"}"#
        );
        let answers = concat!(
            r#"{"custom_id": "routellm-9", "response": {"status_code": 200, "body": {"a": 1}}, "error": null}"#,
            "\n\n",
            r#"{"custom_id": "routellm-4", "response": null, "error": {"code": "batch_expired", "message": "late"}}"#,
            "\n",
            r#"{"custom_id": "somebody-4", "response": {"status_code": 200, "body": {}}}"#,
            "\n",
            r#"{"custom_id": "routellm-5", "respon"#
        );
        let replies = batch_replies(answers);
        assert_eq!(replies[0], (9, Reply::http(200, None, r#"{"a":1}"#)));
        assert_eq!(replies[1], (4, Reply::left("the batch has no answer to it: late", false)));
        assert_eq!(replies.len(), 2);
    }
}
