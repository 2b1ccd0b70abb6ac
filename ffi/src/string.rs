//! Texts that the library gives away.

use std::ffi::c_char;

use routellm_core::{Error, ErrorKind, Result};

use crate::guard::guard_or;

/// A text that a call made: UTF-8 with its length, and a NUL after it.
///
/// You own it, and free it with `routellm_string_free()`. It is immutable: many threads may read it at once.
#[derive(Debug)]
pub struct routellm_string {
    /// The text and one NUL more.
    bytes: Box<[u8]>,
}

impl routellm_string {
    /// The JSON text of something, which `what` names.
    pub(crate) fn json(text: serde_json::Result<String>, what: &str) -> Result<Self> {
        text.map(Self::new).map_err(|error| Error::new(ErrorKind::Internal, format!("{what}: {error}")))
    }

    pub(crate) fn new(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self { bytes: bytes.into() }
    }
}

/// The bytes of a string: UTF-8, `routellm_string_len()` of them and a NUL, valid until it is freed. The text
/// itself may hold NUL. `NULL` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_string_data(string: Option<&routellm_string>) -> *const c_char {
    string.map_or(std::ptr::null(), |string| string.bytes.as_ptr().cast())
}

/// The length of a string in bytes, without the NUL after it. 0 for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_string_len(string: Option<&routellm_string>) -> usize {
    string.map_or(0, |string| string.bytes.len() - 1)
}

/// Frees a string. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_string_free(string: Option<Box<routellm_string>>) {
    guard_or((), || drop(string));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_nul_and_ends_with_one() {
        let string = routellm_string::new("a\0b".to_owned());
        assert_eq!(routellm_string_len(Some(&string)), 3);
        // SAFETY: there are three bytes and a NUL.
        let bytes =
            unsafe { std::slice::from_raw_parts(routellm_string_data(Some(&string)).cast::<u8>(), 4) };
        assert_eq!(bytes, b"a\0b\0");
        assert!(routellm_string_data(None).is_null());
        assert_eq!(routellm_string_len(None), 0);
        routellm_string_free(None);
    }
}
