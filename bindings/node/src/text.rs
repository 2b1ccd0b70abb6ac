//! A prompt on its way from JavaScript.

use napi::bindgen_prelude::{
    FromNapiValue, JsObjectValue, Object, TypeName, Uint8ArraySlice, ValidateNapiValue,
};
use napi::{Status, ValueType, sys};
use routellm_core::{Error, ErrorKind, Input};

/// Bytes that should be UTF-8: a JavaScript string's, or those of a `Uint8Array`; or why there is no text, in the
/// property `unreadable` of an object.
///
/// Node turns a lone surrogate into U+FFFD, so the JavaScript side hands over only well-formed strings; it
/// passes others as bytes that are no UTF-8, for the core to refuse.
pub enum Text {
    /// The bytes.
    Bytes(Vec<u8>),
    /// The message of the error in their place.
    Unreadable(String),
}

impl Text {
    /// What the core takes.
    pub(crate) fn input(&self) -> Input<'_> {
        match self {
            Self::Bytes(bytes) => Input::Utf8(bytes),
            Self::Unreadable(message) => Input::Unreadable(unreadable(message)),
        }
    }
}

fn unreadable(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

impl TypeName for Text {
    fn type_name() -> &'static str {
        "string | Uint8Array"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

/// The conversion itself refuses what is neither.
impl ValidateNapiValue for Text {
    unsafe fn validate(_: sys::napi_env, _: sys::napi_value) -> napi::Result<sys::napi_value> {
        Ok(std::ptr::null_mut())
    }
}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut length = 0;
        // SAFETY: `env` and `value` come from the caller and belong together; without a buffer only the length
        // is written.
        let status =
            unsafe { sys::napi_get_value_string_utf8(env, value, std::ptr::null_mut(), 0, &raw mut length) };
        if status != sys::Status::napi_ok {
            // SAFETY: as above; the bytes are copied before JavaScript runs again.
            if let Ok(bytes) = unsafe { Uint8ArraySlice::from_napi_value(env, value) } {
                return Ok(Self::Bytes(bytes.to_vec()));
            }
            // SAFETY: as above.
            let message = unsafe { Object::from_napi_value(env, value) }
                .and_then(|object| object.get_named_property::<String>("unreadable"));
            return message.map(Self::Unreadable).map_err(|_| {
                napi::Error::new(Status::StringExpected, "a prompt is a string or a Uint8Array".to_owned())
            });
        }
        // Node ends the text with a zero byte, which needs room and is not counted.
        let capacity = length + 1;
        let mut bytes = Vec::<u8>::with_capacity(capacity);
        let mut written = 0;
        // SAFETY: the buffer has room for `capacity` bytes.
        let status = unsafe {
            sys::napi_get_value_string_utf8(env, value, bytes.as_mut_ptr().cast(), capacity, &raw mut written)
        };
        if status != sys::Status::napi_ok {
            return Err(napi::Error::new(Status::from(status), "the prompt cannot be read".to_owned()));
        }
        // SAFETY: Node has written that many bytes.
        unsafe { bytes.set_len(written) };
        Ok(Self::Bytes(bytes))
    }
}
