//! The body of a request: bytes that are passed on as they came, but for the value of `model`.

mod edit;
mod facts;
mod pieces;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(crate) use facts::Facts;
pub(crate) use pieces::Pieces;

/// A body, of which the top level was read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    bytes: Bytes,
    /// What `model` says.
    pub(crate) model: String,
    /// Where its values stand, quotes and all: two, if the key stands there twice.
    places: Vec<std::ops::Range<usize>>,
    /// Whether the answer is to be a stream.
    pub(crate) stream: bool,
    /// What the request needs of a model.
    pub(crate) facts: Facts,
}

/// Why a body is no request. No part of the body is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoRequest {
    pub(crate) message: String,
    /// The member that is wrong.
    pub(crate) member: Option<&'static str>,
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Request {
    /// Reads the top level of a body.
    ///
    /// # Errors
    /// If it is no JSON object in UTF-8, or has no `model` that is a text.
    pub(crate) fn read(bytes: Bytes) -> Result<Self, NoRequest> {
        let Members(members) = serde_json::from_slice(&bytes).map_err(|error| NoRequest {
            message: format!(
                "the body is no JSON object in UTF-8 (line {}, column {}): send one with the member \"model\"",
                error.line(),
                error.column()
            ),
            member: None,
        })?;
        let begin = bytes.as_ptr() as usize;
        let (mut model, mut places) = (None, Vec::new());
        let mut facts = Facts::default();
        let mut stream = false;
        for (key, value) in &members {
            match &**key {
                "model" => {
                    let text = serde_json::from_str::<String>(value.get()).map_err(|_| NoRequest {
                        message: "\"model\" is no text: name a model or a router".to_owned(),
                        member: Some("model"),
                    })?;
                    // A value that is kept raw is a part of the body itself.
                    let at = value.get().as_ptr() as usize - begin;
                    places.push(at..at + value.get().len());
                    model = Some(text);
                }
                "stream" => stream = value.get() == "true",
                other => facts.member(other, value),
            }
        }
        let model = model.ok_or_else(|| NoRequest {
            message: "the body has no member \"model\": name a model or a router".to_owned(),
            member: Some("model"),
        })?;
        Ok(Self { bytes, model, places, stream, facts })
    }

    /// The body as it came.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body for a model of this name: only the value of `model` is another one.
    pub(crate) fn with_model(&self, name: &str) -> Pieces {
        self.edited(name, false)
    }

    /// As [`with_model`](Self::with_model); a stream is also asked for its usage.
    pub(crate) fn with_usage(&self, name: &str) -> Pieces {
        self.edited(name, self.stream)
    }

    /// How the conversation begins, up to and with the first message of the user: equal for all requests of one
    /// conversation, because later ones only append.
    pub(crate) fn beginning(&self) -> Option<Vec<&str>> {
        let Members(members) = serde_json::from_slice(&self.bytes).ok()?;
        let (_, messages) = members.iter().find(|(key, _)| matches!(&**key, "messages" | "input"))?;
        let messages: Vec<&RawValue> = serde_json::from_str(messages.get()).ok()?;
        let system = members.iter().filter(|(key, _)| matches!(&**key, "system" | "instructions"));
        let mut parts: Vec<&str> = system.map(|(_, value)| value.get()).collect();
        for message in messages {
            parts.push(message.get());
            if serde_json::from_str::<Role<'_>>(message.get()).is_ok_and(|message| message.role == "user") {
                return Some(parts);
            }
        }
        None
    }
}

#[derive(serde::Deserialize)]
struct Role<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Request {
        Request::read(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn sent(pieces: &Pieces) -> String {
        String::from_utf8(pieces.to_vec()).unwrap()
    }

    #[test]
    fn only_the_value_of_model_changes() {
        let text = "{ \"x\" : 1e400,\t\"model\":\"a\\u0062\" , \"n\": 1.0, \"model \": [\"model\"],\r\n \"u\":\"\\ud83d\", \"z\": null}\n";
        let request = read(text);
        assert_eq!(request.model, "ab");
        assert_eq!(sent(&request.with_model("c\"d")), text.replace("\"a\\u0062\"", "\"c\\\"d\""));
        assert_eq!(sent(&request.with_model("ab")), text.replace("a\\u0062", "ab"));
    }

    #[test]
    fn a_key_with_escapes_and_one_that_comes_twice_are_found() {
        let text = r#"{"mod\u0065l":"first","model":"second","tools":[{"model":"kept"}]}"#;
        let request = read(text);
        assert_eq!(request.model, "second");
        assert_eq!(
            sent(&request.with_model("m")),
            r#"{"mod\u0065l":"m","model":"m","tools":[{"model":"kept"}]}"#
        );
    }

    #[test]
    fn usage_is_asked_for_in_streams_only() {
        let usage = |text: &str| sent(&read(text).with_usage("m"));
        assert_eq!(usage(r#"{"model":"a"}"#), r#"{"model":"m"}"#);
        assert_eq!(
            usage(r#"{"model":"a","stream":true}"#),
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#
        );
        assert_eq!(
            usage(r#"{"stream_options": { "x":1 },"model":"a","stream":true}"#),
            r#"{"stream_options": {"include_usage":true, "x":1 },"model":"m","stream":true}"#
        );
        assert_eq!(
            usage(r#"{"stream_options":{"include_usage":false},"model":"a","stream":true}"#),
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#
        );
        assert_eq!(
            usage(r#"{"stream_options":null,"model":"a","stream":true}"#),
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#
        );
        assert_eq!(
            usage(r#"{"stream_options":{},"model":"a","stream":true}"#),
            r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#
        );
    }

    #[test]
    fn what_is_no_request_is_told_without_its_text() {
        for text in
            ["", "[]", "{\"model\":3}", "{\"secret\":1}", "{\"model\":\"a\"} secret", "{\"secret\": }"]
        {
            let error = Request::read(Bytes::copy_from_slice(text.as_bytes())).unwrap_err();
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
        assert!(Request::read(Bytes::from_static(b"{\"model\":\"a\",\"x\":\"\xff\"}")).is_err());
    }

    #[test]
    fn a_conversation_begins_alike_in_all_its_requests() {
        let first =
            r#"{"model":"a","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}"#;
        let next =
            first.replace("]}", r#",{"role":"assistant","content":"ho"},{"role":"user","content":"?"}]}"#);
        let (first, next) = (read(first), read(&next));
        assert!(first.beginning().is_some_and(|parts| parts.len() == 2));
        assert_eq!(first.beginning(), next.beginning());
        assert_eq!(read(r#"{"model":"a","prompt":"x"}"#).beginning(), None);
    }
}
