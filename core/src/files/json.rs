//! JSON that this library keeps without looking into it, and JSON as Python writes it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A JSON value: parameters, provenance, what else has a form that is not fixed here. Members of objects have no order:
/// they are written in alphabetical order.
///
/// ```
/// use routellm_core::Json;
/// let json: Json = r#"{"sources": [{"name": "mine", "rows": 3}]}"#.parse()?;
/// assert_eq!(json.get("/sources/0/rows").and_then(|rows| rows.read().ok()), Some(3));
/// assert_eq!(json.get("/sources/1"), None);
/// assert_eq!(json.to_string(), r#"{"sources":[{"name":"mine","rows":3}]}"#);
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Value);

impl Json {
    /// An object without members.
    pub fn object() -> Self {
        Self::of_members(Map::new())
    }

    /// The form of a value in JSON.
    ///
    /// # Errors
    /// `InvalidArgument` for what JSON cannot hold, such as a map whose keys are no texts.
    pub fn of(value: &impl Serialize) -> Result<Self> {
        serde_json::to_value(value).map(Self).map_err(|error| Error::invalid_argument(error.to_string()))
    }

    /// The part that a JSON Pointer (RFC 6901) leads to: `/sources/0/rows` is the member `rows` of the first element of
    /// the member `sources`. `None` if there is none.
    pub fn get(&self, pointer: &str) -> Option<Self> {
        self.0.pointer(pointer).cloned().map(Self)
    }

    /// The value as a Rust type.
    ///
    /// # Errors
    /// `InvalidArgument` if it is of another form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.0.clone()).map_err(|error| Error::invalid_argument(error.to_string()))
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    /// The object of these members.
    pub(crate) fn of_members(members: Map<String, Value>) -> Self {
        Self(Value::Object(members))
    }

    /// The members of an object; `None` for another value.
    pub(crate) fn into_members(self) -> Option<Map<String, Value>> {
        match self.0 {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Json {
    type Err = Error;

    /// # Errors
    /// `InvalidArgument` for text that is no JSON.
    fn from_str(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::invalid_argument(error.to_string()))
    }
}

/// What a text of JSON says, which may begin with a byte order mark; `what` it is, for errors.
///
/// # Errors
/// `InvalidArgument` for another form: an unknown field, a value of a wrong type.
pub(crate) fn from_text<T: DeserializeOwned>(what: &str, text: &[u8]) -> Result<T> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| Error::invalid_argument(format!("{what}: {error}")))
}

/// Bare words that Python's `json` writes for floats that JSON has no number for.
const NO_NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// `text` without a byte-order mark, and with `null` for every `NaN`, `Infinity` and `-Infinity` outside of strings.
///
/// Python writes and reads these, and strict JSON knows none of them. Text without them is not copied. Whether the rest
/// is JSON is not looked at.
pub(crate) fn tolerant_json(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut changed = Vec::new();
    // What comes before is in `changed`.
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'"' {
            at = end_of_string(text, at + 1);
            continue;
        }
        let length = text[at..].iter().take_while(|byte| in_word(**byte)).count();
        if NO_NUMBERS.contains(&&text[at..at + length]) {
            changed.extend_from_slice(&text[copied..at]);
            changed.extend_from_slice(b"null");
            copied = at + length;
        }
        at += length.max(1);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    changed.extend_from_slice(&text[copied..]);
    Cow::Owned(changed)
}

/// Whether a byte may belong to a number or a bare word.
fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_') || !byte.is_ascii()
}

/// Where the string ends whose first character is at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> String {
        String::from_utf8(tolerant_json(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn words_that_are_no_numbers_become_null() {
        for (text, expected) in [
            ("NaN", "null"),
            ("[0.0, Infinity]", "[0.0, null]"),
            (r#"{"a":-Infinity,"b":NaN,"c":1}"#, r#"{"a":null,"b":null,"c":1}"#),
            ("[NaN,NaN]", "[null,null]"),
            ("\u{feff}{\"a\": Infinity}", r#"{"a": null}"#),
        ] {
            assert_eq!(mended(text), expected, "{text}");
        }
    }

    #[test]
    fn strings_and_other_words_stay() {
        for text in [
            "",
            r#"{"NaN": "Infinity", "a": "\"NaN", "b\\": "-Infinity"}"#,
            "NaNs",
            "-NaN",
            "1NaN",
            "nan",
            "[true, null, -1.5e+3]",
            r#""NaN"#,
            r#""NaN\"#,
            "\u{e9}NaN",
        ] {
            assert_eq!(mended(text), text);
            assert!(matches!(tolerant_json(text.as_bytes()), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn only_a_mark_at_the_beginning_is_left_out() {
        assert_eq!(mended("\u{feff}{}"), "{}");
        assert_eq!(mended("{\u{feff}}"), "{\u{feff}}");
        assert_eq!(mended("\u{feff}\u{feff}1"), "\u{feff}1");
    }
}
