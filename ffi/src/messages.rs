//! Chats: from their JSON to a prompt, and to a decision.

use std::ffi::c_char;

use routellm_core::{Input, Read, Result};

use crate::args::{Out, bytes, number_of, texts};
use crate::decision::{routellm_decision, routellm_text};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::names::ROUTELLM_READ_LAST_USER;
use crate::route::{decide, decide_many};
use crate::route_options::routellm_route_options;
use crate::router::routellm_router;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// What a number of C means.
pub(crate) fn read_of(read: i32) -> Result<Read> {
    number_of(&Read::ALL, Read::name, read, "read")
}

/// The prompt of a chat: the text of its newest user message that has text (blanks are none).
///
/// `json` is `len` bytes of JSON in UTF-8: the list of messages, a whole request body around it (`messages`, `input`,
/// `contents` or `prompt`), or a single message. A message has a `role` (or LangChain's `type`) and `content`, `parts`
/// or `blocks`: a text, or a list of texts and parts. A part counts if it has a string `text` and its `type` is absent
/// or ends in `text`; the others are passed over, and texts of one message are joined by newlines. So chats of OpenAI
/// (both APIs), Anthropic, Gemini, the AI SDK, LangChain and LlamaIndex are read as they are. Only what is read is
/// checked: half an emoji or NaN elsewhere does not matter. On success `*prompt` is a new string, which you free.
///
/// `ROUTELLM_INVALID_ARGUMENT` if no message to read has text, that text is not Unicode, or the JSON is malformed or no
/// chat.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_prompt_from_messages(
    json: *const c_char,
    len: usize,
    prompt: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and texts.
    unsafe { routellm_read_messages(json, len, ROUTELLM_READ_LAST_USER, prompt, err) }
}

/// As `routellm_prompt_from_messages()`, with `read` to say which messages count: `ROUTELLM_READ_LAST_USER`,
/// `ROUTELLM_READ_ALL_USER` or `ROUTELLM_READ_CONVERSATION`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_read_messages(
    json: *const c_char,
    len: usize,
    read: i32,
    prompt: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and texts.
    unsafe {
        guard(err, || {
            let out = Out::new(prompt, "prompt")?;
            let json = bytes(json, len, "json")?;
            out.give(routellm_string::new(read_of(read)?.prompt(json)?.into_owned()));
            Ok(())
        })
    }
}

/// Decides for a chat: `len` bytes of JSON, as `routellm_prompt_from_messages()` takes them. What of it is read the
/// artifact says, or `routellm_route_options_set_read()`.
///
/// Errors as of `routellm_route()`; `ROUTELLM_INVALID_ARGUMENT` for a chat without text, text that is not Unicode and
/// malformed JSON, which become fallback decisions if `on_error` says so, and for JSON that is no chat (a number, a list
/// of texts), which does not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_messages(
    router: Option<&routellm_router>,
    json: *const c_char,
    len: usize,
    options: Option<&routellm_route_options>,
    decision: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and decisions.
    unsafe { decide(router, || bytes(json, len, "json").map(Input::Messages), options, decision, err) }
}

/// Decides for `count` chats, with the same bits as one by one. Each is JSON of its own: a list of messages, a request
/// body, or a string, which is a text. A message by itself is refused, because the batch is one chat then.
///
/// Arrays and errors as of `routellm_route_batch()`, and errors of each chat as of `routellm_route_messages()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_batch_messages(
    router: Option<&routellm_router>,
    chats: *const routellm_text,
    count: usize,
    options: Option<&routellm_route_options>,
    decisions: *mut routellm_decision,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, texts and decisions.
    unsafe {
        let inputs = || Ok(texts(chats, count)?.into_iter().map(Input::Messages).collect());
        decide_many(router, inputs, count, options, decisions, err)
    }
}
