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

/// What can be asked about: every call takes anything that becomes one, a `&str` or a `&[f32]` as it is.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes that should be UTF-8.
    Utf8(&'a [u8]),
    /// JSON of a chat: see [`prompt_from_messages`]. A JSON string is a text.
    Messages(&'a [u8]),
    /// An embedding that the caller computed, [`embedding_dimension`](crate::Router::embedding_dimension) numbers.
    Embedding(&'a [f32]),
    /// Why the caller found no text in what it was given. `on_error` covers it, as it covers a chat without text.
    Unreadable(Error),
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a &'a str> for Input<'a> {
    fn from(text: &'a &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Input<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [f32]> for Input<'a> {
    fn from(embedding: &'a [f32]) -> Self {
        Self::Embedding(embedding)
    }
}

impl<'a> From<&'a &'a [f32]> for Input<'a> {
    fn from(embedding: &'a &'a [f32]) -> Self {
        Self::Embedding(embedding)
    }
}

impl<'a, const N: usize> From<&'a [f32; N]> for Input<'a> {
    fn from(embedding: &'a [f32; N]) -> Self {
        Self::Embedding(embedding)
    }
}

impl<'a> From<&'a Vec<f32>> for Input<'a> {
    fn from(embedding: &'a Vec<f32>) -> Self {
        Self::Embedding(embedding)
    }
}

impl<'a> From<&'a Input<'_>> for Input<'a> {
    fn from(input: &'a Input<'_>) -> Self {
        match input {
            Input::Text(text) => Self::Text(text),
            Input::Utf8(bytes) => Self::Utf8(bytes),
            Input::Messages(json) => Self::Messages(json),
            Input::Embedding(embedding) => Self::Embedding(embedding),
            Input::Unreadable(error) => Self::Unreadable(error.copy()),
        }
    }
}

/// What is left of an input for features and scorers.
#[derive(Debug)]
pub(crate) enum Subject<'a> {
    Text(Cow<'a, str>),
    Embedding(Cow<'a, [f32]>),
}

/// A subject, or why there is none: `on_error` may decide then.
pub(crate) type Readable<'a> = Result<Subject<'a>>;

impl<'a> Input<'a> {
    /// What to score, of an input by itself. `read` says what of a chat.
    ///
    /// # Errors
    /// The outer one if it is no input at all, which is a mistake of the program, whatever `on_error` says.
    pub(crate) fn subject(self, read: Read) -> Result<Readable<'a>> {
        self.readable(read, chat::Place::Alone)
    }

    /// What to score, of an input of a batch.
    ///
    /// # Errors
    /// As [`subject`](Self::subject).
    pub(crate) fn subject_in_batch(self, read: Read) -> Result<Readable<'a>> {
        self.readable(read, chat::Place::Batch)
    }

    fn readable(self, read: Read, place: chat::Place) -> Result<Readable<'a>> {
        match self {
            Self::Text(text) => Ok(Ok(Subject::Text(Cow::Borrowed(text)))),
            Self::Utf8(bytes) => Ok(utf8(bytes).map(|text| Subject::Text(Cow::Borrowed(text)))),
            Self::Messages(json) => Ok(chat::read(json, read, place)?.map(Subject::Text)),
            Self::Embedding(embedding) => Ok(Ok(Subject::Embedding(Cow::Borrowed(embedding)))),
            Self::Unreadable(error) => Ok(Err(error)),
        }
    }
}

impl Subject<'_> {
    /// The subject for another thread; of a text what `cap` leaves.
    pub(crate) fn into_owned(self, cap: Option<TextCap>) -> Subject<'static> {
        match self {
            Self::Text(text) => Subject::Text(Cow::Owned(owned_text(text, cap))),
            Self::Embedding(embedding) => Subject::Embedding(Cow::Owned(embedding.into_owned())),
        }
    }
}

/// A text for another thread, or what `cap` leaves of one that has to be copied.
pub(crate) fn owned_text(text: Cow<'_, str>, cap: Option<TextCap>) -> String {
    match text {
        Cow::Borrowed(text) => cap.map_or(text, |cap| cap.enough(text)).to_owned(),
        Cow::Owned(text) => text,
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
