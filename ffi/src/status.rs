//! Status numbers: those of the error table of the core, and zero.

use std::ffi::c_char;

use routellm_core::ErrorKind;

/// What a function returns: `ROUTELLM_OK`, or one of the numbers below. Numbers are never reused, and new
/// ones may be added: treat a number that you do not know as a failure.
pub type routellm_status = i32;

/// Success.
pub const ROUTELLM_OK: routellm_status = 0;
// <faces:errors>
/// An argument, option, prompt or embedding is not acceptable.
pub const ROUTELLM_INVALID_ARGUMENT: routellm_status = 1;
/// A file, artifact or bundled router does not exist.
pub const ROUTELLM_NOT_FOUND: routellm_status = 2;
/// An artifact, checkpoint or tokenizer is malformed, incomplete or altered.
pub const ROUTELLM_INVALID_MODEL: routellm_status = 3;
/// The request is understood but this router cannot do it.
pub const ROUTELLM_UNSUPPORTED: routellm_status = 4;
/// ONNX Runtime is needed and could not be loaded; the message names every place that was looked at.
pub const ROUTELLM_RUNTIME_UNAVAILABLE: routellm_status = 5;
/// ONNX Runtime failed while computing.
pub const ROUTELLM_INFERENCE: routellm_status = 6;
/// The tokenizer failed on a text.
pub const ROUTELLM_TOKENIZE: routellm_status = 7;
/// The caller cancelled the call.
pub const ROUTELLM_CANCELLED: routellm_status = 8;
/// A limit of memory, size or time was hit.
pub const ROUTELLM_RESOURCE_EXHAUSTED: routellm_status = 9;
/// A defect of this library: a caught panic.
pub const ROUTELLM_INTERNAL: routellm_status = 10;
/// The operating system refused to read or write.
pub const ROUTELLM_IO: routellm_status = 11;
/// An endpoint that the caller configured failed.
pub const ROUTELLM_REMOTE: routellm_status = 12;
// </faces:errors>

/// The name of a status, as in `InvalidArgument`; `Ok` for 0 and `Unknown` for a number that this library
/// does not use. Never `NULL`, and valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_status_name(status: routellm_status) -> *const c_char {
    let text = match ErrorKind::from_code(status) {
        Some(kind) => kind.c_name(),
        None if status == ROUTELLM_OK => c"Ok",
        None => c"Unknown",
    };
    text.as_ptr()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_core() {
        let constants = [
            ROUTELLM_INVALID_ARGUMENT,
            ROUTELLM_NOT_FOUND,
            ROUTELLM_INVALID_MODEL,
            ROUTELLM_UNSUPPORTED,
            ROUTELLM_RUNTIME_UNAVAILABLE,
            ROUTELLM_INFERENCE,
            ROUTELLM_TOKENIZE,
            ROUTELLM_CANCELLED,
            ROUTELLM_RESOURCE_EXHAUSTED,
            ROUTELLM_INTERNAL,
            ROUTELLM_IO,
            ROUTELLM_REMOTE,
        ];
        assert_eq!(constants.to_vec(), ErrorKind::ALL.map(ErrorKind::code).to_vec());
        for (status, expected) in [(0, "Ok"), (1, "InvalidArgument"), (-1, "Unknown"), (13, "Unknown")] {
            // SAFETY: the answer is a static C string.
            let text = unsafe { CStr::from_ptr(routellm_status_name(status)) };
            assert_eq!(text.to_str().unwrap(), expected);
        }
    }
}
