//! The strings of JSON that count: whether they say something, and what.

use std::borrow::Cow;

use memchr::memchr;

use super::refusal;
use crate::{Error, Result};

/// Whether the inside of a string holds anything but blanks.
pub(super) fn says_something(raw: &[u8]) -> bool {
    let mut rest = raw;
    loop {
        rest = rest.trim_ascii_start();
        let blank = match rest {
            [] => return false,
            [b'\\', b'n' | b't' | b'r' | b'f', ..] => 2,
            [b'\\', b'u', ..] => match hex(rest.get(2..6)).and_then(|code| char::from_u32(code.into())) {
                Some(character) if character.is_whitespace() => 6,
                _ => return true,
            },
            // A vertical tab is the one blank that `trim_ascii_start` leaves.
            [0x0b, ..] => 1,
            _ => match rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
                Some(character) if character.is_whitespace() => character.len_utf8(),
                _ => return true,
            },
        };
        rest = &rest[blank..];
    }
}

/// The texts of strings, joined by newlines.
pub(super) fn decode<'a>(raw: &[&'a [u8]]) -> Result<Cow<'a, str>> {
    if let [only] = raw
        && memchr(b'\\', only).is_none()
    {
        return utf8(only).map(Cow::Borrowed);
    }
    let mut text = String::with_capacity(raw.iter().map(|raw| raw.len() + 1).sum());
    for (i, raw) in raw.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        unescape(raw, &mut text)?;
    }
    Ok(Cow::Owned(text))
}

/// A string for comparison with names, which are plain: what cannot be decoded equals none of them.
pub(super) fn unescaped(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::new();
    match unescape(raw, &mut text) {
        Ok(()) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(raw),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| refusal::not_unicode())
}

fn unescape(mut raw: &[u8], text: &mut String) -> Result<()> {
    while let Some(at) = memchr(b'\\', raw) {
        text.push_str(utf8(&raw[..at])?);
        let (character, length) = escape(&raw[at..])?;
        text.push(character);
        raw = &raw[at + length..];
    }
    text.push_str(utf8(raw)?);
    Ok(())
}

/// The character that an escape stands for, and the escape's length.
fn escape(raw: &[u8]) -> Result<(char, usize)> {
    let plain = match raw.get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(raw),
        _ => return Err(no_escape()),
    };
    Ok((plain, 2))
}

fn unicode_escape(raw: &[u8]) -> Result<(char, usize)> {
    let first = hex(raw.get(2..6)).ok_or_else(no_escape)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Ok((character, 6));
    }
    // Half of a character: only with its other half is it one.
    let second = if raw.get(6..8) == Some(b"\\u") { hex(raw.get(8..12)) } else { None };
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    pair.map(|character| (character, 12)).ok_or_else(refusal::not_unicode)
}

fn hex(digits: Option<&[u8]>) -> Option<u16> {
    digits?.iter().try_fold(0, |code: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(code << 4 | digit as u16)
    })
}

#[cold]
fn no_escape() -> Error {
    Error::invalid_argument("messages: not JSON in UTF-8: the text holds a backslash that begins no escape")
}
