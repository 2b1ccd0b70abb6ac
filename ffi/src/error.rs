//! Errors as objects.

use std::ffi::{CString, c_char};

use routellm_core::ErrorKind;

use crate::guard::guard_or;
use crate::status::{ROUTELLM_INVALID_ARGUMENT, routellm_status};

/// What went wrong: a status, its name, and a message that says what was expected and what came.
///
/// You own an error that a call gave you, and free it with `routellm_error_free()`. It is immutable: many
/// threads may read it at once. It does not depend on the object that it came from.
#[derive(Debug)]
pub struct routellm_error {
    kind: ErrorKind,
    message: CString,
    os_code: i32,
}

impl routellm_error {
    /// An error with this message; NUL inside it is shown, because C would end there.
    pub(crate) fn new(kind: ErrorKind, message: &str) -> Self {
        let message = CString::new(message)
            .unwrap_or_else(|_| CString::new(message.replace('\0', "\\0")).unwrap_or_default());
        Self { kind, message, os_code: 0 }
    }

    /// The error of the core.
    pub(crate) fn of(error: &routellm_core::Error) -> Self {
        let os_code = error.os_error().and_then(std::io::Error::raw_os_error).unwrap_or(0);
        Self { os_code, ..Self::new(error.kind(), error.message()) }
    }
}

/// The status of an error, the same number that the call returned. `ROUTELLM_INVALID_ARGUMENT` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_error_status(error: Option<&routellm_error>) -> routellm_status {
    error.map_or(ROUTELLM_INVALID_ARGUMENT, |error| error.kind.code())
}

/// The name of an error's status, as in `NotFound`. Never `NULL`, and valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_error_name(error: Option<&routellm_error>) -> *const c_char {
    error.map_or(ErrorKind::InvalidArgument, |error| error.kind).c_name().as_ptr()
}

/// The message of an error: NUL-terminated UTF-8, valid until the error is freed. Never `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_error_message(error: Option<&routellm_error>) -> *const c_char {
    error.map_or(c"the error is NULL".as_ptr(), |error| error.message.as_ptr())
}

/// The number that the operating system gave for what went wrong (`errno`, such as `EACCES`), or 0 if nothing of it did
/// or the error is `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_error_os_code(error: Option<&routellm_error>) -> i32 {
    error.map_or(0, |error| error.os_code)
}

/// Frees an error. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_error_free(error: Option<Box<routellm_error>>) {
    guard_or((), || drop(error));
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn nul_inside_a_message_does_not_cut_it() {
        let error = routellm_error::new(ErrorKind::Io, "a\0b");
        // SAFETY: the message is a C string of a living error.
        let message = unsafe { CStr::from_ptr(routellm_error_message(Some(&error))) };
        assert_eq!(message, c"a\\0b");
    }

    #[test]
    fn the_number_of_the_operating_system_is_kept() {
        let cause = std::io::Error::from_raw_os_error(13);
        let error = routellm_error::of(&routellm_core::Error::io("a".as_ref(), cause));
        assert_eq!((routellm_error_os_code(Some(&error)), error.kind), (13, ErrorKind::Io));
        assert_eq!(routellm_error_os_code(Some(&routellm_error::new(ErrorKind::Io, "a"))), 0);
    }

    #[test]
    fn null_has_answers_too() {
        assert_eq!(routellm_error_status(None), ROUTELLM_INVALID_ARGUMENT);
        assert!(!routellm_error_name(None).is_null());
        assert!(!routellm_error_message(None).is_null());
        assert_eq!(routellm_error_os_code(None), 0);
        routellm_error_free(None);
    }
}
