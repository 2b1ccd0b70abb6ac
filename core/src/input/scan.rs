//! JSON as bytes, passed over rather than parsed: strings are found by their ends, brackets are counted, and what
//! lies between is not looked at.

use std::borrow::Cow;

use memchr::memchr;

use super::text;
use crate::Error;

/// What stood where something else had to.
#[derive(Debug)]
pub(super) struct Malformed {
    at: usize,
    expected: &'static str,
}

impl From<Malformed> for Error {
    fn from(Malformed { at, expected }: Malformed) -> Self {
        Self::invalid_argument(format!("messages: not JSON in UTF-8: expected {expected} at byte {at}"))
    }
}

pub(super) type Step<T> = std::result::Result<T, Malformed>;

/// A place in JSON. Every method that reads a value leaves it behind that value.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(json: &'a [u8]) -> Self {
        Self { json, at: 0 }
    }

    /// The next byte that is not blank.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.json.get(self.at..)?;
        let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
        self.at += blanks.unwrap_or(rest.len());
        self.json.get(self.at).copied()
    }

    pub(super) fn malformed<T>(&self, expected: &'static str) -> Step<T> {
        Err(Malformed { at: self.at, expected })
    }

    /// Refuses what comes after the value.
    pub(super) fn end(&mut self) -> Step<()> {
        self.peek().map_or(Ok(()), |_| self.malformed("the end"))
    }

    /// The inside of a string, escapes and all.
    pub(super) fn string(&mut self) -> Step<&'a [u8]> {
        if self.peek() != Some(b'"') {
            return self.malformed("a string");
        }
        let begin = self.at + 1;
        let mut from = begin;
        loop {
            let Some(quote) = self.json.get(from..).and_then(|rest| memchr(b'"', rest)) else {
                return self.malformed("a string with an end");
            };
            let quote = from + quote;
            // An odd number of backslashes before it makes it part of the string. They cannot reach behind `from`,
            // where another quote was, so that each byte is looked at twice at most.
            let slashes = self.json[from..quote].iter().rev().take_while(|byte| **byte == b'\\').count();
            if slashes % 2 == 0 {
                self.at = quote + 1;
                return Ok(&self.json[begin..quote]);
            }
            from = quote + 1;
        }
    }

    /// A string that is compared with names.
    pub(super) fn name(&mut self) -> Step<Cow<'a, [u8]>> {
        Ok(text::unescaped(self.string()?))
    }

    /// The string that comes next; another value is passed over.
    pub(super) fn string_or_skip(&mut self) -> Step<Option<&'a [u8]>> {
        if self.peek() == Some(b'"') { self.string().map(Some) } else { self.skip().map(|()| None) }
    }

    /// The name that comes next; another value is passed over.
    pub(super) fn name_or_skip(&mut self) -> Step<Option<Cow<'a, [u8]>>> {
        if self.peek() == Some(b'"') { self.name().map(Some) } else { self.skip().map(|()| None) }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Step<()> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{' | b'[') => self.skip_nested(),
            _ => self.skip_word(),
        }
    }

    /// Numbers, `null` and the like, and whatever else a writer put there (NaN, a date without quotes).
    fn skip_word(&mut self) -> Step<()> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let is_end =
            |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b'"' | b' ' | b'\n' | b'\t' | b'\r');
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        if length == 0 {
            return self.malformed("a value");
        }
        self.at += length;
        Ok(())
    }

    fn skip_nested(&mut self) -> Step<()> {
        let begin = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.json.get(self.at) {
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        self.at = begin;
        self.malformed("an object or a list with an end")
    }

    /// Goes into the object or list that begins here.
    pub(super) fn enter(&mut self) -> Members {
        self.at += 1;
        Members { first: true }
    }

    /// The next key of an object, with the place at its value.
    pub(super) fn key(&mut self, members: &mut Members) -> Step<Option<Cow<'a, [u8]>>> {
        if !self.another(members, b'}', "`,` or `}`")? {
            return Ok(None);
        }
        let key = self.name()?;
        if self.peek() != Some(b':') {
            return self.malformed("`:`");
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether a list has another element, with the place at it.
    pub(super) fn element(&mut self, members: &mut Members) -> Step<bool> {
        self.another(members, b']', "`,` or `]`")
    }

    fn another(&mut self, members: &mut Members, close: u8, expected: &'static str) -> Step<bool> {
        let first = std::mem::replace(&mut members.first, false);
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => self.malformed(expected),
        }
    }
}

/// How far an object or list was gone through.
#[derive(Debug)]
pub(super) struct Members {
    first: bool,
}
