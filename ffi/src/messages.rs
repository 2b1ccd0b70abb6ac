//! From chat messages to a prompt.

use std::ffi::c_char;

use routellm_core::{prompt_from_messages, router::utf8};

use crate::args::{Out, bytes};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// The prompt of a chat: the text of the last user message.
///
/// `json` is a JSON list of objects with `role` and `content`, `len` bytes long. Content is a string, or a list
/// of which the parts of type `text` are kept, in order, one a line. On success `*prompt` is a new string, which
/// you free.
///
/// `ROUTELLM_INVALID_ARGUMENT` if the JSON is malformed or not UTF-8, or has no user message with text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_prompt_from_messages(
    json: *const c_char,
    len: usize,
    prompt: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and texts.
    unsafe {
        guard(err, || {
            let out = Out::new(prompt, "prompt")?;
            let json = bytes(json, len, "json")?;
            let json = utf8(json).map_err(|error| error.context("messages"))?;
            out.give(routellm_string::new(prompt_from_messages(json)?));
            Ok(())
        })
    }
}
