//! Raw arguments of C: checked, and turned into slices, strings and places for results.

use std::ffi::{CStr, OsStr, c_char};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use routellm_core::{Error, ErrorKind, Result};

use crate::decision::routellm_text;

/// An `InvalidArgument`.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// The handle behind a pointer that must not be `NULL`.
pub(crate) fn handle<T>(pointer: Option<T>, name: &str) -> Result<T> {
    pointer.ok_or_else(|| null(name))
}

#[cold]
fn null(name: &str) -> Error {
    invalid(format!("{name} is NULL"))
}

/// A place in the caller's memory for one result. It is written, never read or dropped: it need not be
/// initialised.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` is `NULL`, or valid for a write of one `T` while this value is used.
    pub(crate) unsafe fn new(pointer: *mut T, name: &str) -> Result<Self> {
        match NonNull::new(pointer) {
            None => Err(null(name)),
            Some(place) if !place.is_aligned() => Err(misaligned(name)),
            Some(place) => Ok(Self(place)),
        }
    }

    /// Writes the result.
    pub(crate) fn set(self, value: T) {
        // SAFETY: `new` was promised a place that can be written.
        unsafe { self.0.write(value) };
    }
}

impl<T> Out<*mut T> {
    /// Hands a new object to the caller, who frees it.
    pub(crate) fn give(self, value: T) {
        self.set(Box::into_raw(Box::new(value)));
    }
}

#[cold]
fn misaligned(name: &str) -> Error {
    invalid(format!("{name} is not aligned to its type"))
}

#[cold]
fn too_long(name: &str, len: usize) -> Error {
    invalid(format!("{name} has {len} elements, more than memory can hold"))
}

fn check<T>(data: *const T, len: usize, name: &str) -> Result<()> {
    if data.is_null() {
        return Err(invalid(format!("{name} is NULL, but its length is {len}")));
    }
    if !data.is_aligned() {
        return Err(misaligned(name));
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(too_long(name, len));
    }
    Ok(())
}

/// An array to read. Zero length permits `NULL`.
///
/// # Safety
/// `data` is `NULL`, or holds `len` initialised elements that nobody writes during the call.
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize, name: &str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    check(data, len, name)?;
    // SAFETY: not NULL, aligned, of a possible size; the rest was promised.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// An array of results. Zero length permits `NULL`. Only for types of which every bit pattern is a value.
///
/// # Safety
/// `data` is `NULL`, or has room for `len` elements that nobody else touches during the call.
pub(crate) unsafe fn slice_mut<'a, T: Number>(data: *mut T, len: usize, name: &str) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    check(data.cast_const(), len, name)?;
    // SAFETY: as above. The caller's array may be uninitialised, so it is given values first.
    unsafe { data.write_bytes(0, len) };
    // SAFETY: as above, and initialised.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, len) })
}

/// Types of result arrays.
pub(crate) trait Number: Copy {}
impl Number for f32 {}
impl Number for f64 {}

/// Bytes of a text with its length. Zero length permits `NULL`; NUL is a byte as any other.
///
/// # Safety
/// As [`slice`].
pub(crate) unsafe fn bytes<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a [u8]> {
    // SAFETY: promised by the caller; a char and a byte are alike.
    unsafe { slice(data.cast::<u8>(), len, name) }
}

/// The texts of a batch.
///
/// # Safety
/// `texts` is `NULL` or holds `count` of them, each of which keeps to [`slice`].
pub(crate) unsafe fn texts<'a>(texts: *const routellm_text, count: usize) -> Result<Vec<&'a [u8]>> {
    // SAFETY: promised by the caller.
    let texts = unsafe { slice(texts, count, "prompts") }?;
    let one = |(i, text): (usize, &routellm_text)| {
        // SAFETY: promised by the caller.
        unsafe { bytes(text.data, text.len, "prompt") }.map_err(|error| error.context(format!("prompt {i}")))
    };
    texts.iter().enumerate().map(one).collect()
}

/// A name: NUL-terminated UTF-8.
///
/// # Safety
/// `text` is `NULL`, or a C string that nobody writes during the call.
pub(crate) unsafe fn name<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    // SAFETY: promised by the caller.
    unsafe { c_str(text, what) }?.to_str().map_err(|error| invalid(format!("{what} is not UTF-8: {error}")))
}

/// Some names.
///
/// # Safety
/// `texts` is `NULL` or holds `count` of them, each of which keeps to [`name`].
pub(crate) unsafe fn names_of<'a>(
    texts: *const *const c_char,
    count: usize,
    what: &str,
) -> Result<Vec<&'a str>> {
    // SAFETY: promised by the caller.
    let texts = unsafe { slice(texts, count, what) }?;
    let one = |(i, text): (usize, &*const c_char)| {
        // SAFETY: promised by the caller.
        unsafe { name(*text, &format!("{what}[{i}]")) }
    };
    texts.iter().enumerate().map(one).collect()
}

/// A path: a NUL-terminated string in the encoding of the file system.
///
/// # Safety
/// As [`name`].
pub(crate) unsafe fn path(text: *const c_char, what: &str) -> Result<PathBuf> {
    // SAFETY: promised by the caller.
    let text = unsafe { c_str(text, what) }?;
    if text.is_empty() {
        return Err(invalid(format!("{what} is empty")));
    }
    #[cfg(unix)]
    let path: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(text.to_bytes());
    #[cfg(not(unix))]
    let path: &OsStr =
        OsStr::new(text.to_str().map_err(|error| invalid(format!("{what} is not UTF-8: {error}")))?);
    Ok(Path::new(path).to_path_buf())
}

/// 0 or 1.
pub(crate) fn flag(value: i32, what: &str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(invalid(format!("{what} is {other}, expected 0 or 1"))),
    }
}

/// The value that C knows by its number, of those with these names.
pub(crate) fn number_of<T: Copy>(
    values: &[T],
    names: fn(T) -> &'static str,
    number: i32,
    what: &str,
) -> Result<T> {
    if let Some(value) = usize::try_from(number).ok().and_then(|index| values.get(index)) {
        return Ok(*value);
    }
    let known: Vec<String> =
        values.iter().enumerate().map(|(i, value)| format!("{i} ({})", names(*value))).collect();
    Err(invalid(format!("{what} is {number}, expected {}", known.join(", "))))
}

/// # Safety
/// As [`name`].
unsafe fn c_str<'a>(text: *const c_char, what: &str) -> Result<&'a CStr> {
    if text.is_null() {
        return Err(null(what));
    }
    // SAFETY: not NULL, and a C string as promised.
    Ok(unsafe { CStr::from_ptr(text) })
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn null_is_refused_unless_empty() {
        // SAFETY: NULL is permitted everywhere here.
        unsafe {
            assert_eq!(slice::<f32>(ptr::null(), 0, "x").unwrap(), &[] as &[f32]);
            assert_eq!(slice::<f32>(ptr::null(), 2, "x").unwrap_err().kind(), ErrorKind::InvalidArgument);
            assert!(slice_mut::<f64>(ptr::null_mut(), 0, "x").unwrap().is_empty());
            assert!(slice_mut::<f64>(ptr::null_mut(), 1, "x").is_err());
            assert!(bytes(ptr::null(), 0, "x").unwrap().is_empty());
            assert!(name(ptr::null(), "x").is_err());
            assert!(path(ptr::null(), "x").is_err());
            assert!(Out::<f64>::new(ptr::null_mut(), "x").is_err());
        }
    }

    #[test]
    fn lengths_and_alignment_are_checked_before_memory_is_touched() {
        let values = [0.0_f32; 2];
        let odd = values.as_ptr().wrapping_byte_add(1);
        // SAFETY: both are refused before anything is read.
        unsafe {
            assert!(slice(odd, 1, "x").unwrap_err().message().contains("aligned"));
            assert!(slice(values.as_ptr(), usize::MAX, "x").unwrap_err().message().contains("memory"));
        }
    }

    #[test]
    fn names_are_utf8_and_paths_are_not_empty() {
        // SAFETY: these are C strings.
        unsafe {
            assert_eq!(name(c"gpt".as_ptr(), "x").unwrap(), "gpt");
            assert!(name(c"\xff".as_ptr(), "x").is_err());
            assert!(path(c"".as_ptr(), "x").is_err());
            assert_eq!(path(c"a/b".as_ptr(), "x").unwrap(), Path::new("a/b"));
        }
    }
}
