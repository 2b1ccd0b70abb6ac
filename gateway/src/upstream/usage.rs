//! The tokens that a provider says an answer took, read off as it passes.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use memchr::memmem;
use serde::Deserialize;

/// Bytes that are kept of the beginning of an answer, where Anthropic tells the tokens of the request.
const HEAD: usize = 4 << 10;
/// Bytes that are kept of its end.
const TAIL: usize = 16 << 10;

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// The beginning and the end of an answer.
#[derive(Debug, Default)]
pub(super) struct Tap {
    head: Vec<u8>,
    tail: Vec<u8>,
}

/// What providers write under `usage`.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "they are the providers' names")]
struct Told {
    #[serde(alias = "prompt_tokens")]
    input_tokens: Option<u64>,
    #[serde(alias = "completion_tokens")]
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Tap {
    /// A tap of an answer that may tell its tokens: JSON or events.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        (kind.starts_with("application/json") || kind.starts_with("text/event-stream")).then(Self::default)
    }

    pub(super) fn write(&mut self, data: &[u8]) {
        let room = HEAD - self.head.len();
        let (head, rest) = data.split_at(room.min(data.len()));
        self.head.extend_from_slice(head);
        let end = &rest[rest.len().saturating_sub(TAIL)..];
        if self.tail.len() + end.len() > 2 * TAIL {
            let surplus = (self.tail.len() + end.len() - TAIL).min(self.tail.len());
            self.tail.drain(..surplus);
        }
        self.tail.extend_from_slice(end);
    }

    /// The tokens, if the answer tells both numbers.
    pub(super) fn usage(&self) -> Option<Usage> {
        let (mut input, mut output) = (None, None);
        // The tail goes on where the head ends, unless there is a gap, which no usage spans.
        let mut bytes = self.head.clone();
        bytes.extend_from_slice(&self.tail);
        for at in memmem::find_iter(&bytes, b"\"usage\"") {
            if let Some(told) = told(&bytes, at) {
                let cached =
                    told.cache_creation_input_tokens.unwrap_or(0) + told.cache_read_input_tokens.unwrap_or(0);
                input = told.input_tokens.map(|tokens| tokens + cached).or(input);
                output = told.output_tokens.or(output);
            }
        }
        Some(Usage { input: input?, output: output.unwrap_or(0) })
    }
}

/// The value of the key that stands at `at`, unless that is inside a text.
fn told(bytes: &[u8], at: usize) -> Option<Told> {
    if at > 0 && bytes[at - 1] == b'\\' {
        return None;
    }
    let rest = bytes[at + "\"usage\"".len()..].trim_ascii_start().strip_prefix(b":")?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Option<Told>>();
    values.next()?.ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str, step: usize) -> Option<Usage> {
        let mut tap = Tap::default();
        text.as_bytes().chunks(step).for_each(|part| tap.write(part));
        tap.usage()
    }

    #[test]
    fn every_form_is_read_however_it_is_cut() {
        let chat = r#"{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":9}"}}], "usage" : {"prompt_tokens":3,"completion_tokens":5,"x":{}}}"#;
        let stream = "data: {\"usage\":null}\n\ndata: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";
        let anthropic = format!(
            "data: {{\"message\":{{\"usage\":{{\"input_tokens\":2,\"cache_read_input_tokens\":1,\"output_tokens\":1}}}}}}\n\n{}data: {{\"usage\":{{\"output_tokens\":5}}}}\n\n",
            "data: {\"delta\":\"x\"}\n\n".repeat(10_000)
        );
        let told = Some(Usage { input: 3, output: 5 });
        for step in [1, 7, 1_000, 100_000] {
            for text in [chat, stream, &anthropic] {
                assert_eq!(usage(text, step), told, "{step}");
            }
        }
        assert_eq!(usage("{\"usage\":7}", 3), None);
        assert_eq!(usage("{}", 3), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut tap = Tap::default();
        (0..10_000).for_each(|_| tap.write(&[b'x'; 1_000]));
        tap.write(&vec![b'y'; 1 << 20]);
        assert!(tap.head.len() == HEAD && tap.tail.len() <= 2 * TAIL);
    }
}
