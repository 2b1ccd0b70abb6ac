//! Prompts on their way from Python: texts, and chats as objects, of which nothing but what counts is looked at.
//!
//! The rules are those of the core's reading of JSON (`routellm_core::input`), and one file of cases tests both. A
//! chat is walked from its newest message, so that what comes before the one that counts costs nothing.

mod fields;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use routellm_core::input::refusal;
use routellm_core::input::rules::Speaker;
use routellm_core::{Error, Input, Read};

use self::fields::{Elements, Fields, Shape};
use crate::error::{invalid_argument, to_python};
use crate::text::{self, type_name};

/// A prompt, which keeps what it borrows from alive while the GIL is released.
pub(crate) enum Prompt<'py> {
    /// A string that is Unicode text.
    Text(Bound<'py, PyString>),
    /// Texts of a chat, joined.
    Joined(String),
    /// What is not UTF-8, for the core to refuse or to fall back.
    Bytes(Vec<u8>),
    /// A chat without a text that can be read.
    Unreadable(Error),
}

impl Prompt<'_> {
    /// What the core takes; borrowed, so that it goes to where the GIL is not held.
    pub(crate) fn input(&self) -> Input<'_> {
        match self {
            // It was checked when it was made.
            Self::Text(text) => Input::Text(text.to_str().unwrap_or_default()),
            Self::Joined(text) => Input::Text(text),
            Self::Bytes(bytes) => Input::Utf8(bytes),
            Self::Unreadable(error) => Input::Unreadable(Error::new(error.kind(), error.message())),
        }
    }

    /// Bytes of the text; 0 if there is none.
    pub(crate) fn len(&self) -> usize {
        self.text().map_or(0, str::len)
    }

    /// The text, where there is nobody to fall back to.
    pub(crate) fn text(&self) -> routellm_core::Result<&str> {
        match self {
            Self::Text(text) => Ok(text.to_str().unwrap_or_default()),
            Self::Joined(text) => Ok(text),
            Self::Bytes(bytes) => routellm_core::input::utf8(bytes),
            Self::Unreadable(error) => Err(Error::new(error.kind(), error.message())),
        }
    }
}

/// The option that says what of a chat is read.
pub(crate) fn read_of(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Read>> {
    value
        .map(|value| text::argument("read", value)?.parse().map_err(|error| to_python(value.py(), &error)))
        .transpose()
}

/// A text, a chat, a request body or a message.
pub(crate) fn prompt<'py>(value: &Bound<'py, PyAny>, read: Read) -> PyResult<Prompt<'py>> {
    match value.cast::<PyString>() {
        Ok(text) => text_prompt(text),
        Err(_) => chat(value, read, false),
    }
}

/// The chat of `prompt_from_messages`, which takes no text.
pub(crate) fn messages<'py>(value: &Bound<'py, PyAny>, read: Read) -> PyResult<Prompt<'py>> {
    if text::is_plain(value) {
        let found = type_name(value);
        let expected = "expected a list of messages, a request body or a message";
        return Err(invalid_argument(value.py(), format!("messages is of type {found}, {expected}")));
    }
    chat(value, read, false)
}

/// The prompts of a batch; an error names the prompt's place.
pub(crate) fn batch<'py>(prompts: &Bound<'py, PyAny>, read: Read) -> PyResult<Vec<Prompt<'py>>> {
    let py = prompts.py();
    let kind = prompts.get_type();
    if kind.hasattr(intern!(py, "columns"))? || kind.hasattr(intern!(py, "column_names"))? {
        let message = format!(
            "prompts is a whole table (of type {}), expected its column of prompts: write table[\"prompt\"], by the \
             column's name",
            type_name(prompts)
        );
        return Err(invalid_argument(py, message));
    }
    // Columns of tables: some look like mappings, and others iterate over values of their own.
    if !prompts.is_instance_of::<pyo3::types::PyList>() {
        for name in [intern!(py, "to_pylist"), intern!(py, "tolist")] {
            if kind.hasattr(name)? {
                return batch(&prompts.call_method0(name)?, read);
            }
        }
    }
    // A text iterates over its characters, a mapping over its keys and a model over its fields: never what was meant.
    let is_batch = match Shape::of(prompts)? {
        Shape::Plain => false,
        Shape::Elements(_) => true,
        Shape::Fields(fields) => {
            let may_be = !fields.is_mapping() && prompts.hasattr(intern!(py, "__iter__"))?;
            if may_be && fields.is_message_or_body()? {
                return Err(to_python(py, &refusal::bare_message().context("prompts")));
            }
            may_be
        }
    };
    if !is_batch {
        let message = format!("prompts is of type {}, expected an iterable of prompts", type_name(prompts));
        let mapping = matches!(Shape::of(prompts)?, Shape::Fields(fields) if fields.is_mapping());
        let message = if mapping {
            format!("{message}; of a mapping of columns, write prompts[\"prompt\"], by the column's name")
        } else {
            message
        };
        return Err(invalid_argument(py, message));
    }
    let one = |(i, value): (usize, PyResult<Bound<'py, PyAny>>)| {
        let value = value?;
        let prompt = match value.cast::<PyString>() {
            Ok(text) => text_prompt(text),
            Err(_) => chat(&value, read, true),
        };
        prompt.map_err(|error| {
            let class = py.import("routellm_rs.errors").and_then(|errors| errors.getattr("RouteLLMError"));
            // What an object of the user's raised stays as it is.
            let ours = class.is_ok_and(|class| error.is_instance(py, &class));
            if ours { invalid_argument(py, format!("prompt {i}: {}", error.value(py))) } else { error }
        })
    };
    prompts.try_iter()?.enumerate().map(one).collect()
}

/// A string, or bytes in its place that the core refuses if it is not Unicode.
fn text_prompt<'py>(text: &Bound<'py, PyString>) -> PyResult<Prompt<'py>> {
    if text.to_str().is_ok() {
        return Ok(Prompt::Text(text.clone()));
    }
    Ok(Prompt::Bytes(text::surrogates_passed(text)?))
}

fn chat<'py>(value: &Bound<'py, PyAny>, read: Read, in_batch: bool) -> PyResult<Prompt<'py>> {
    let py = value.py();
    let mut found = Found { read, texts: Vec::new() };
    match Shape::of(value)? {
        Shape::Plain => return Err(no_prompt(value)),
        Shape::Elements(messages) => {
            if !found.list(&messages)? && messages.len() > 0 {
                return Err(to_python(py, &refusal::list_of_texts()));
            }
        }
        Shape::Fields(fields) => {
            if fields.is_plainly_message()? || !found.body(&fields, true)? {
                if !fields.is_mapping() && !fields.is_message()? {
                    return Err(no_prompt(value));
                }
                if in_batch && fields.is_message()? {
                    return Err(to_python(py, &refusal::bare_message()));
                }
                found.message(&fields)?;
            }
        }
    }
    Ok(found.prompt())
}

fn no_prompt(value: &Bound<'_, PyAny>) -> PyErr {
    let found = type_name(value);
    invalid_argument(
        value.py(),
        format!(
            "the prompt is of type {found}, expected str or a list of messages (of a chat: also a request body or a message)"
        ),
    )
}

/// The texts of a chat that count.
struct Found<'py> {
    read: Read,
    texts: Vec<Bound<'py, PyString>>,
}

impl<'py> Found<'py> {
    /// A list of messages. False if none of its elements is one.
    fn list(&mut self, messages: &Elements<'_, 'py>) -> PyResult<bool> {
        let mut any = false;
        let mut bare_text = false;
        for i in 0..messages.len() {
            let i = if self.read == Read::LastUser { messages.len() - 1 - i } else { i };
            let Some(message) = messages.get(i) else { continue };
            if let Ok(text) = message.cast::<PyString>() {
                // LangChain and Gemini take a text among messages for the user's.
                bare_text |= self.keep(vec![text.clone()]);
            } else {
                any |= self.element(&message)?;
            }
            if self.read == Read::LastUser && !self.texts.is_empty() {
                // A list of nothing but texts is no chat.
                return Ok(!bare_text || any || has_message(messages)?);
            }
        }
        Ok(any || has_message(messages)?)
    }

    /// An element of a list of messages. True if it is certainly a message.
    fn element(&mut self, message: &Bound<'py, PyAny>) -> PyResult<bool> {
        match Shape::of(message)? {
            Shape::Plain => Ok(false),
            Shape::Elements(elements) => {
                let Some((speaker, content)) = pair(&elements)? else { return Ok(false) };
                if self.counts(speaker) {
                    let texts = fields::content(&content)?;
                    self.keep(texts);
                }
                Ok(true)
            }
            Shape::Fields(fields) => Ok(self.message(&fields)? || fields.is_mapping()),
        }
    }

    /// The chat of a request body. False if there is none.
    fn body(&mut self, fields: &Fields<'_, 'py>, may_nest: bool) -> PyResult<bool> {
        for chat in fields.body() {
            let chat = chat?;
            if let Ok(text) = chat.cast::<PyString>() {
                self.keep(vec![text.clone()]);
                return Ok(true);
            }
            match Shape::of(&chat)? {
                Shape::Plain => continue,
                Shape::Elements(messages) => {
                    self.list(&messages)?;
                }
                Shape::Fields(inner) if !inner.is_mapping() && !inner.is_message_or_body()? => continue,
                Shape::Fields(inner) => {
                    if !(may_nest && self.body(&inner, false)?) {
                        self.message(&inner)?;
                    }
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// A message. False if nobody speaks in it.
    fn message(&mut self, fields: &Fields<'_, 'py>) -> PyResult<bool> {
        let Some(speaker) = fields.speaker()? else { return Ok(false) };
        if self.counts(speaker) {
            let texts = fields.texts()?;
            self.keep(texts);
        }
        Ok(true)
    }

    fn counts(&self, speaker: Speaker) -> bool {
        speaker == Speaker::User || self.read == Read::Conversation
    }

    /// Keeps the texts of a message that counts, if they say something.
    fn keep(&mut self, texts: Vec<Bound<'py, PyString>>) -> bool {
        let says_something = texts.iter().any(fields::says_something);
        if says_something && self.read == Read::LastUser {
            self.texts = texts;
        } else if says_something {
            self.texts.extend(texts);
        }
        says_something
    }

    fn prompt(self) -> Prompt<'py> {
        match &*self.texts {
            [] => Prompt::Unreadable(refusal::no_text()),
            [text] if text.to_str().is_ok() => Prompt::Text(text.clone()),
            texts => {
                let texts: PyResult<Vec<&str>> = texts.iter().map(|text| text.to_str()).collect();
                texts.map_or_else(
                    |_| Prompt::Unreadable(refusal::not_unicode()),
                    |texts| Prompt::Joined(texts.join("\n")),
                )
            }
        }
    }
}

/// Whether any element of a list is a message.
fn has_message(messages: &Elements<'_, '_>) -> PyResult<bool> {
    for message in messages.iter() {
        let is_message = match Shape::of(&message)? {
            Shape::Plain => false,
            Shape::Elements(elements) => pair(&elements)?.is_some(),
            Shape::Fields(fields) => fields.is_mapping() || fields.is_message()?,
        };
        if is_message {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Speaker and content of a message in two elements, as in `("human", "Hello")`.
fn pair<'py>(pair: &Elements<'_, 'py>) -> PyResult<Option<(Speaker, Bound<'py, PyAny>)>> {
    let (2, Some(role), Some(content)) = (pair.len(), pair.get(0), pair.get(1)) else { return Ok(None) };
    Ok(fields::speaker_of_role(&role)?.map(|speaker| (speaker, content)))
}
