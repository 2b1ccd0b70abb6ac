//! The boundary: results become status numbers, and panics stop here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use routellm_core::{Error, ErrorKind, Result};

use crate::error::routellm_error;
use crate::status::{ROUTELLM_OK, routellm_status};

/// Runs the body of a function that reports errors. A panic becomes `Internal`.
///
/// # Safety
/// `err` is `NULL`, or a place where a pointer can be written.
pub(crate) unsafe fn guard(
    err: *mut *mut routellm_error,
    body: impl FnOnce() -> Result<()>,
) -> routellm_status {
    // What a body changes is either the caller's, who is told of the failure, or behind locks that the core
    // recovers.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => ROUTELLM_OK,
        Ok(Err(error)) => {
            // SAFETY: promised by the caller.
            unsafe { report(err, &error) }
        }
        Err(panic) => {
            // SAFETY: promised by the caller.
            unsafe { report(err, &internal(panic.as_ref())) }
        }
    }
}

/// Runs the body of a function that has no way to report errors; `value` is the answer if it panics.
pub(crate) fn guard_or<T>(value: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(value)
}

/// # Safety
/// As [`guard`].
#[cold]
unsafe fn report(err: *mut *mut routellm_error, error: &Error) -> routellm_status {
    if !err.is_null() {
        // SAFETY: not NULL, and a place for a pointer as promised.
        unsafe { err.write(Box::into_raw(Box::new(routellm_error::of(error)))) };
    }
    error.kind().code()
}

fn internal(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    Error::new(ErrorKind::Internal, format!("a defect of routellm: {text}"))
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::error::{routellm_error_free, routellm_error_message, routellm_error_status};
    use crate::status::{ROUTELLM_INTERNAL, ROUTELLM_NOT_FOUND};

    #[test]
    fn a_panic_becomes_internal() {
        let mut err = ptr::null_mut();
        // SAFETY: `err` is a place for a pointer.
        let status = unsafe { guard(&raw mut err, || panic!("broken {}", 7)) };
        assert_eq!(status, ROUTELLM_INTERNAL);
        // SAFETY: `guard` put an error there, which is freed once.
        unsafe {
            assert_eq!(routellm_error_status(err.as_ref()), ROUTELLM_INTERNAL);
            let message = std::ffi::CStr::from_ptr(routellm_error_message(err.as_ref()));
            assert!(message.to_str().unwrap().ends_with("broken 7"));
            routellm_error_free(Some(Box::from_raw(err)));
        }
        assert_eq!(guard_or(5, || panic!("no way to say it")), 5);
    }

    #[test]
    fn success_leaves_the_place_alone_and_null_is_no_place() {
        let mut err = ptr::dangling_mut();
        let before = err;
        // SAFETY: `err` is a place for a pointer; NULL is permitted.
        unsafe {
            assert_eq!(guard(&raw mut err, || Ok(())), ROUTELLM_OK);
            let failed = guard(ptr::null_mut(), || Err(Error::new(ErrorKind::NotFound, "x")));
            assert_eq!(failed, ROUTELLM_NOT_FOUND);
        }
        assert_eq!(err, before);
    }
}
