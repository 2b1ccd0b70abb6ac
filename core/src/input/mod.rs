//! What can be routed: a text, or a chat, of which some text counts.
//!
//! A chat costs what is read of it, and only that can refuse it. `scan` goes over its JSON once, `chat` knows
//! the shapes that clients give their messages, `text` decodes the strings that count; nothing else is parsed,
//! copied or checked.

mod cap;
mod chat;
pub mod rules;
mod scan;
mod text;

use std::borrow::Cow;

pub use cap::{CapSide, TextCap};

pub use crate::names::Read;
use crate::{Error, Result};

impl Read {
    /// The prompt of a chat in JSON: what [`prompt_from_messages`] gives, by this reading. It is borrowed where one
    /// string without escapes is all that counts.
    ///
    /// # Errors
    /// As [`prompt_from_messages`].
    pub fn prompt(self, json: &[u8]) -> Result<Cow<'_, str>> {
        chat::read(json, self, chat::Place::Alone)?
    }
}

/// The prompt of a chat: the text of its newest user message that has text.
///
/// `messages` is JSON in UTF-8: the list of messages, a whole request body around it (`messages`, `input`,
/// `contents` or `prompt`), or a single message. A message has a `role` (or LangChain's `type`) and `content`,
/// `parts` or `blocks`: a text, or a list of texts and parts. A part counts if it has a string `text` and its `type`
/// is absent or ends in `text`; the others are passed over. Texts of one message are joined by newlines. So chats of
/// OpenAI (both APIs), Anthropic, Gemini, the AI SDK, LangChain and LlamaIndex are read as they are.
///
/// Only what is read is checked: half an emoji, NaN or any other oddity elsewhere does not matter. Reading costs one
/// pass, and nothing but the text is kept.
///
/// ```
/// let messages = r#"[{"role": "system", "content": "Be brief."},
///                    {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "2+2?"}]},
///                    {"role": "user", "content": [{"type": "tool_result", "content": "4"}]}]"#;
/// assert_eq!(routellm_core::prompt_from_messages(messages)?, "What is\n2+2?");
/// assert_eq!(routellm_core::Read::Conversation.prompt(messages.as_bytes())?, "Be brief.\nWhat is\n2+2?");
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` if no message that counts has text (blanks are none), that text is not Unicode (a lone
/// surrogate, bytes that are not UTF-8), or the JSON is malformed or no chat.
pub fn prompt_from_messages(messages: &str) -> Result<String> {
    Read::LastUser.prompt(messages.as_bytes()).map(Cow::into_owned)
}

/// One thing to route, for [`Router::route_input`](crate::Router::route_input).
#[derive(Debug)]
pub enum Input<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes that should be UTF-8.
    Utf8(&'a [u8]),
    /// JSON of a chat: see [`prompt_from_messages`]. A JSON string is a text.
    Messages(&'a [u8]),
    /// Why the caller found no text in what it was given. `on_error` covers it, as it covers a chat without text.
    Unreadable(Error),
}

/// A text, or why there is none: `on_error` may decide then.
pub(crate) type Readable<'a> = Result<Cow<'a, str>>;

impl<'a> Input<'a> {
    /// The text to score, of an input by itself.
    ///
    /// # Errors
    /// The outer one if it is no input at all, which is a mistake of the program, whatever `on_error` says.
    pub(crate) fn into_text(self, read: Read) -> Result<Readable<'a>> {
        self.readable(read, chat::Place::Alone)
    }

    /// The text to score, of an input of a batch.
    ///
    /// # Errors
    /// As [`into_text`](Self::into_text).
    pub(crate) fn text_in_batch(&self, read: Read) -> Result<Readable<'a>> {
        let same = match self {
            Self::Text(text) => Input::Text(text),
            Self::Utf8(bytes) => Input::Utf8(bytes),
            Self::Messages(json) => Input::Messages(json),
            Self::Unreadable(error) => Input::Unreadable(Error::new(error.kind(), error.message())),
        };
        same.readable(read, chat::Place::Batch)
    }

    fn readable(self, read: Read, place: chat::Place) -> Result<Readable<'a>> {
        match self {
            Self::Text(text) => Ok(Ok(Cow::Borrowed(text))),
            Self::Utf8(bytes) => Ok(crate::input::utf8(bytes).map(Cow::Borrowed)),
            Self::Messages(json) => chat::read(json, read, place),
            Self::Unreadable(error) => Ok(Err(error)),
        }
    }
}

/// Text of bytes.
///
/// # Errors
/// `InvalidArgument` if they are not UTF-8, naming the place.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        Error::invalid_argument(format!("the prompt is not UTF-8 (byte {})", error.valid_up_to()))
    })
}

/// Why a chat is refused, the same words in every language. A binding that walks objects of its own says them too.
pub mod refusal {
    use crate::Error;

    /// No message that counts has text.
    pub fn no_text() -> Error {
        Error::invalid_argument(
            "messages: no message that counts has text: by default the user's do, and blanks, images and tool results are none",
        )
    }

    /// The text that counts is not Unicode.
    pub fn not_unicode() -> Error {
        Error::invalid_argument(
            "messages: the text is not UTF-8 or holds a lone surrogate (half of an emoji): it is not Unicode",
        )
    }

    /// A single message where a batch needs a chat.
    pub fn bare_message() -> Error {
        Error::invalid_argument(
            "a message is no prompt of a batch: for one chat call route(messages), for several pass a list of chats",
        )
    }

    /// A list of texts where a chat is expected.
    pub fn list_of_texts() -> Error {
        Error::invalid_argument(
            "messages: the list holds no message, expected {role, content}; a list of texts is a batch",
        )
    }

    /// What is no chat.
    pub fn no_chat(found: &str) -> Error {
        Error::invalid_argument(format!(
            "messages: {found}, expected a list of {{role, content}}, a request body or a message"
        ))
    }
}
