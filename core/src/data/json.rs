//! The JSON of data files, as Python's `json.loads` reads it.
//!
//! Turns of a conversation are often stored as JSON text inside a cell. That text, as whole files, comes from Python
//! and may hold what strict JSON forbids: `NaN`, `Infinity` and escaped lone surrogates. A lone surrogate
//! is one code point for Python and has no place in UTF-8: it becomes U+FFFD, which keeps the length.

/// Nesting beyond this is refused, so that hostile text cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// What the callers of this crate need to know of a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Text(String),
    /// Text that held half of a surrogate pair, with U+FFFD in its place.
    HalfText(String),
    List(Vec<Json>),
    /// The members in their order.
    Object(Vec<(String, Json)>),
    /// A number as it is written; `NaN` and infinities too.
    Number(String),
    Flag(bool),
    Null,
}

impl Json {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::HalfText(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Number(_) => "a number",
            Self::Flag(_) => "a boolean",
            Self::Null => "null",
        }
    }

    /// The text, halves of pairs and all, as the reference reads it; or the value that is no text.
    pub(crate) fn into_text(self) -> Result<String, Self> {
        match self {
            Self::Text(text) | Self::HalfText(text) => Ok(text),
            other => Err(other),
        }
    }
}

/// Reads one JSON value that fills `text`. The error is a description with a byte position.
pub(crate) fn parse(text: &str) -> Result<Json, String> {
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0, half: false };
    reader.blanks();
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at != reader.bytes.len() {
        return Err(reader.fault("unexpected text after the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    /// Whether the string that is read holds half of a pair.
    half: bool,
}

impl Reader<'_> {
    fn fault(&self, what: &str) -> String {
        format!("{what} at byte {}", self.at)
    }

    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > MAX_DEPTH {
            return Err(self.fault("too deeply nested"));
        }
        match self.bytes.get(self.at) {
            Some(b'"') => {
                self.half = false;
                let text = self.string()?;
                Ok(if self.half { Json::HalfText(text) } else { Json::Text(text) })
            }
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') if !self.text[self.at..].starts_with("-Infinity") => self.number(),
            _ => self.word(),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Json::List(items));
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.fault("expected a key"));
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.fault("expected `:`"));
            }
            self.blanks();
            members.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `}`"));
            }
        }
    }

    fn word(&mut self) -> Result<Json, String> {
        let number = |word: &str| Json::Number(word.to_owned());
        let words = [
            ("null", Json::Null),
            ("true", Json::Flag(true)),
            ("false", Json::Flag(false)),
            ("NaN", number("NaN")),
            ("Infinity", number("Infinity")),
            ("-Infinity", number("-Infinity")),
        ];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault("expected a value"))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.fault("expected a digit"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.fault("expected a digit"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.fault("expected a digit"));
            }
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while matches!(self.bytes.get(self.at), Some(byte) if !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            // The scan stops at ASCII bytes only, so both ends are character boundaries.
            out.push_str(&self.text[start..self.at]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => self.escape(&mut out)?,
                Some(_) => return Err(self.fault("control character in a string")),
                None => return Err(self.fault("unterminated string")),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        self.at += 1;
        let plain = match self.bytes.get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let first = self.hex()?;
                out.push(self.code_point(first)?);
                return Ok(());
            }
            _ => return Err(self.fault("unknown escape")),
        };
        out.push(plain);
        self.at += 1;
        Ok(())
    }

    /// The character of the UTF-16 unit `first`, together with the low surrogate that may follow.
    fn code_point(&mut self, first: u32) -> Result<char, String> {
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        self.half |= (0xd800..0xe000).contains(&first);
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or_else(|| self.fault("short escape"))?;
        let mut code = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or_else(|| self.fault("bad hexadecimal digit"))?;
            code = code * 16 + value;
        }
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(json: &str) -> Vec<String> {
        match parse(json).unwrap() {
            Json::List(items) => items
                .into_iter()
                .map(|item| item.into_text().unwrap_or_else(|other| format!("{other:?}")))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn python_extensions_are_read() {
        assert_eq!(
            texts(r#"["\ud83d\ude00", "x\ud83dy", "\ud83d\u0041"]"#),
            ["\u{1f600}", "x\u{fffd}y", "\u{fffd}A"]
        );
        assert_eq!(parse(r#""x\ud83dy""#), Ok(Json::HalfText("x\u{fffd}y".to_owned())));
        let number = |text: &str| Json::Number(text.to_owned());
        assert_eq!(parse("NaN"), Ok(number("NaN")));
        assert_eq!(
            parse("[-Infinity, Infinity]").unwrap(),
            Json::List(vec![number("-Infinity"), number("Infinity")])
        );
        let members = vec![("a".to_owned(), Json::List(vec![number("1"), number("-2.5e+3")]))];
        assert_eq!(parse(r#"{"a": [1, -2.5e+3]}"#), Ok(Json::Object(members)));
    }

    #[test]
    fn malformed_text_is_refused() {
        for bad in [
            "",
            "hello",
            "[\"x\",]",
            "[\"raw \t tab\"]",
            "[1",
            "01",
            "[1.]",
            "\"\\u12g4\"",
            "\"\\u12",
            "{a:1}",
            "[] x",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_serde_on_strict_json(turns in prop::collection::vec(any::<String>(), 0..4)) {
            let json = serde_json::to_string(&turns).unwrap();
            prop_assert_eq!(texts(&json), turns);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
