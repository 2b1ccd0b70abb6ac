//! What a request needs of a model, read off the body in one pass.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use routellm_core::candidates::estimated_tokens;

/// What a request needs of a model.
#[allow(clippy::struct_excessive_bools, reason = "each is a need of its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// It has images.
    pub(crate) vision: bool,
    /// It has audio, or asks for it.
    pub(crate) audio: bool,
    /// It has files.
    pub(crate) files: bool,
    /// It has tools.
    pub(crate) tools: bool,
    /// It asks for JSON of a schema.
    pub(crate) json_schema: bool,
    /// Bytes of its texts, those of tools included. Images, audio and files have none.
    text_bytes: usize,
    /// The most tokens that the answer may have, if it says so.
    pub(crate) max_tokens: Option<u64>,
}

impl Facts {
    /// Takes in a member of the body.
    pub(super) fn member(&mut self, key: &str, value: &RawValue) {
        let json = value.get();
        match key {
            "messages" | "input" | "prompt" | "system" | "instructions" => {
                // What is no such value counts nothing; its upstream says what is wrong with it.
                let _ = Walk(self).deserialize(&mut serde_json::Deserializer::from_str(json));
            }
            "tools" | "functions" => {
                self.tools |= json.starts_with('[') && !is_empty_list(json);
                self.text_bytes += json.len();
            }
            "response_format" | "text" | "output_config" => self.json_schema |= asks_for_schema(json),
            "modalities" => {
                self.audio |= serde_json::from_str::<Vec<String>>(json)
                    .is_ok_and(|names| names.iter().any(|n| n == "audio"));
            }
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                self.max_tokens = serde_json::from_str(json).ok().or(self.max_tokens);
            }
            _ => {}
        }
    }

    /// The names of what is needed.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &'static str> {
        let Self { vision, audio, files, tools, json_schema, .. } = *self;
        [
            ("vision", vision),
            ("audio", audio),
            ("files", files),
            ("tools", tools),
            ("json_schema", json_schema),
        ]
        .into_iter()
        .filter_map(|(name, needed)| needed.then_some(name))
    }

    /// The tokens of its texts, estimated as a quarter of their bytes.
    pub(crate) fn input_tokens(&self) -> u64 {
        estimated_tokens(self.text_bytes)
    }
}

fn is_empty_list(json: &str) -> bool {
    json[1..].trim_start().starts_with(']')
}

/// Whether a format, or the `format` in it, is `json_schema`.
fn asks_for_schema(json: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Format {
        #[serde(rename = "type")]
        kind: Option<String>,
        format: Option<Box<Format>>,
    }
    let is_schema = |format: &Format| format.kind.as_deref() == Some("json_schema");
    serde_json::from_str::<Format>(json)
        .is_ok_and(|format| is_schema(&format) || format.format.as_deref().is_some_and(is_schema))
}

/// Goes over messages: counts the bytes of texts, and notes the types of parts.
struct Walk<'f>(&'f mut Facts);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("messages")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.text_bytes += text.len();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    // A prompt may be a list of tokens.
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.text_bytes += 4;
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Member>()? {
            match key {
                Member::Type => {
                    if let Kind(Some(note)) = map.next_value()? {
                        note(self.0);
                    }
                }
                Member::Text => map.next_value_seed(Walk(self.0))?,
                Member::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Keys of messages and parts that tell something.
enum Member {
    Type,
    Text,
    Other,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Member;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "type" => Member::Type,
                    "content" | "text" | "output" | "arguments" | "tool_calls" | "function" | "thinking" => {
                        Member::Text
                    }
                    _ => Member::Other,
                })
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// The type of a part, as what it tells.
struct Kind(Option<fn(&mut Facts)>);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type")
            }

            fn visit_str<E>(self, name: &str) -> Result<Kind, E> {
                Ok(Kind(match name {
                    "image" | "image_url" | "input_image" => Some(|facts| facts.vision = true),
                    "input_audio" | "audio" => Some(|facts| facts.audio = true),
                    "file" | "input_file" | "document" => Some(|facts| facts.files = true),
                    _ => None,
                }))
            }

            fn visit_unit<E>(self) -> Result<Kind, E> {
                Ok(Kind(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Kind(None))
            }
        }
        deserializer.deserialize_any(Name)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::request::Request;

    fn needs(body: &str) -> Vec<&'static str> {
        let body = format!("{{\"model\":\"m\",{body}}}");
        Request::read(Bytes::from(body)).unwrap().facts.needs().collect()
    }

    #[test]
    fn parts_and_members_tell_what_is_needed() {
        let image = r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}}]}]"#;
        assert_eq!(needs(&format!("\"messages\":{image}")), ["vision"]);
        assert_eq!(needs(r#""input":[{"role":"user","content":[{"type":"input_file"}]}]"#), ["files"]);
        assert_eq!(
            needs(r#""tools":[{"type":"function"}],"modalities":["text","audio"]"#),
            ["audio", "tools"]
        );
        assert_eq!(needs(r#""tools":[ ],"response_format":{"type":"json_object"}"#), [""; 0]);
        assert_eq!(needs(r#""response_format":{"type":"json_schema","json_schema":{}}"#), ["json_schema"]);
        assert_eq!(needs(r#""text":{"format":{"type":"json_schema"}}"#), ["json_schema"]);
        let result = r#"[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}]"#;
        assert_eq!(needs(&format!("\"messages\":{result}")), ["vision"]);
        assert_eq!(needs(r#""messages":[{"role":"user","content":"{\"type\":\"image\"}"}]"#), [""; 0]);
    }

    #[test]
    fn tokens_are_a_quarter_of_the_bytes_of_texts() {
        let tokens = |body: &str| {
            let body = format!("{{\"model\":\"m\",{body}}}");
            Request::read(Bytes::from(body)).unwrap().facts.input_tokens()
        };
        assert_eq!(tokens(r#""messages":[{"role":"user","content":"12345678"}]"#), 2);
        let image = r#"{"type":"image_url","image_url":{"url":"data:1234567890123456789"}}"#;
        assert_eq!(tokens(&format!(r#""messages":[{{"role":"user","content":["1234",{image}]}}]"#)), 1);
        assert_eq!(tokens(r#""prompt":[1,2,3]"#), 3);
    }
}
