//! Messages and parts, whatever holds their fields: dicts, other mappings, objects with attributes.

use pyo3::exceptions::PyLookupError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySequence, PyString, PyTuple};
use routellm_core::input::rules::{self, Speaker};

use crate::text;

/// What a value is made of.
pub(super) enum Shape<'a, 'py> {
    /// Nothing that a chat could stand in.
    Plain,
    Elements(Elements<'a, 'py>),
    Fields(Fields<'a, 'py>),
}

impl<'a, 'py> Shape<'a, 'py> {
    /// Looks at `value` in the order of what it most often is: each question costs.
    pub(super) fn of(value: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let py = value.py();
        if let Ok(dict) = value.cast::<PyDict>() {
            return Ok(Self::Fields(Fields::Dict(dict)));
        }
        if let Ok(list) = value.cast::<PyList>() {
            return Ok(Self::Elements(Elements::List(list)));
        }
        if text::is_plain(value) {
            return Ok(Self::Plain);
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            // A named tuple holds fields.
            if tuple.is_exact_instance_of::<PyTuple>() || !tuple.hasattr(intern!(py, "_fields"))? {
                return Ok(Self::Elements(Elements::Tuple(tuple)));
            }
            return Ok(Self::Fields(Fields::Object { object: value, own: None }));
        }
        let own = value.getattr_opt(intern!(py, "__dict__"))?.and_then(|own| own.cast_into::<PyDict>().ok());
        // Not by the class of an object that plainly is a message, nor for a field that is called `keys`.
        let mut is_message = false;
        if let Some(own) = &own {
            for name in [intern!(py, "role"), intern!(py, "content"), intern!(py, "type")] {
                is_message = is_message || own.contains(name)?;
            }
        }
        if !is_message {
            if let Ok(sequence) = value.cast::<PySequence>() {
                return Ok(Self::Elements(Elements::Other(sequence.try_iter()?.collect::<PyResult<_>>()?)));
            }
            let class = value.get_type();
            if class.hasattr(intern!(py, "__getitem__"))? && class.hasattr(intern!(py, "keys"))? {
                return Ok(Self::Fields(Fields::Mapping(value)));
            }
        }
        Ok(Self::Fields(Fields::Object { object: value, own }))
    }
}

/// The value of a field, if there is one.
type Value<'py> = PyResult<Option<Bound<'py, PyAny>>>;

/// What holds fields by name.
pub(super) enum Fields<'a, 'py> {
    Dict(&'a Bound<'py, PyDict>),
    Mapping(&'a Bound<'py, PyAny>),
    /// An object with attributes, and its own ones: what it does not have may cost it a call and an exception.
    Object {
        object: &'a Bound<'py, PyAny>,
        own: Option<Bound<'py, PyDict>>,
    },
}

impl<'py> Fields<'_, 'py> {
    pub(super) fn is_mapping(&self) -> bool {
        !matches!(self, Self::Object { .. })
    }

    pub(super) fn get(&self, name: &Bound<'py, PyString>) -> Value<'py> {
        match self {
            Self::Dict(dict) => dict.get_item(name),
            Self::Mapping(mapping) => match mapping.get_item(name) {
                Ok(value) => Ok(Some(value)),
                Err(error) if error.is_instance_of::<PyLookupError>(name.py()) => Ok(None),
                Err(error) => Err(error),
            },
            Self::Object { object, own } => {
                match own.as_ref().map(|own| own.get_item(name)).transpose()?.flatten() {
                    Some(value) => Ok(Some(value)),
                    None => object.getattr_opt(name),
                }
            }
        }
    }

    /// A field that is there without asking further.
    fn own(&self, name: &Bound<'py, PyString>) -> Value<'py> {
        match self {
            Self::Object { own: Some(own), .. } => own.get_item(name),
            _ => Ok(None),
        }
    }

    fn py(&self) -> Python<'py> {
        match self {
            Self::Dict(dict) => dict.py(),
            Self::Mapping(value) | Self::Object { object: value, .. } => value.py(),
        }
    }

    /// The value of each key under which the chat of a request body may stand, the surest first.
    pub(super) fn body(&self) -> impl Iterator<Item = PyResult<Bound<'py, PyAny>>> {
        let py = self.py();
        let names =
            [intern!(py, "messages"), intern!(py, "input"), intern!(py, "contents"), intern!(py, "prompt")];
        debug_assert!(
            names.iter().zip(rules::BODY_KEYS).all(|(name, key)| name.to_str().is_ok_and(|name| name == key))
        );
        let is_given = |value: &PyResult<Bound<'py, PyAny>>| !value.as_ref().is_ok_and(PyAnyMethods::is_none);
        let value = move |name| self.get(name).transpose().filter(is_given);
        names.into_iter().filter_map(value)
    }

    /// Who speaks; nobody in what is no message.
    pub(super) fn speaker(&self) -> PyResult<Option<Speaker>> {
        let py = self.py();
        let (role, kind) = (intern!(py, "role"), intern!(py, "type"));
        if let Some(speaker) = self.by(Self::own, role, BY_ROLE)? {
            return Ok(Some(speaker));
        }
        if let Some(speaker) = self.by(Self::own, kind, rules::speaker_of_type)? {
            return Ok(Some(speaker));
        }
        if self.is_complete()? {
            return Ok(None);
        }
        if let Some(speaker) = self.by(Self::get, role, BY_ROLE)? {
            return Ok(Some(speaker));
        }
        // LangChain says it by the type, and its serialised forms hold the message one level deeper.
        let inner = self.inner()?;
        let inner = inner.as_ref().map(Shape::of).transpose()?;
        if let Some(Shape::Fields(inner)) = &inner {
            if let Some(speaker) = inner.by(Fields::get, role, BY_ROLE)? {
                return Ok(Some(speaker));
            }
            let id = self.get(intern!(py, "id"))?;
            if let Some(id) = id.as_ref().and_then(|id| id.cast::<PyList>().ok())
                && let Some(class) = id.iter().last()
                && let Some(speaker) = named(&class, rules::speaker_of_class)?
            {
                return Ok(Some(speaker));
            }
        }
        if let Some(speaker) = self.by(Self::get, kind, rules::speaker_of_type)? {
            return Ok(Some(speaker));
        }
        if let Some(Shape::Fields(inner)) = &inner
            && let Some(speaker) = inner.by(Fields::get, kind, rules::speaker_of_type)?
        {
            return Ok(Some(speaker));
        }
        // Gemini's content needs no role: then it is the user's.
        let parts = self.get(intern!(py, "parts"))?;
        let holds_parts =
            |parts: &Bound<'py, PyAny>| parts.is_instance_of::<PyString>() || !text::is_plain(parts);
        Ok(parts.filter(holds_parts).map(|_| Speaker::User))
    }

    /// Whether what an object has of its own is all that it has: models of pydantic answer any other question by an
    /// exception, which an agent's history of tool calls would pay again and again.
    fn is_complete(&self) -> PyResult<bool> {
        let Self::Object { object, own: Some(own) } = self else { return Ok(false) };
        let py = self.py();
        Ok(own.contains(intern!(py, "type"))? && object.get_type().hasattr(intern!(py, "__getattr__"))?)
    }

    /// Who speaks, by what `rule` says of the field `name`.
    fn by(
        &self,
        get: fn(&Self, &Bound<'py, PyString>) -> Value<'py>,
        name: &Bound<'py, PyString>,
        rule: fn(&[u8]) -> Option<Speaker>,
    ) -> PyResult<Option<Speaker>> {
        get(self, name)?.map_or(Ok(None), |value| named(&value, rule))
    }

    /// What the serialised forms of LangChain hold the message in.
    fn inner(&self) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.is_mapping() {
            return Ok(None);
        }
        let py = self.py();
        for name in [intern!(py, "kwargs"), intern!(py, "data")] {
            if let Some(inner) = self.get(name)?
                && let Shape::Fields(fields) = Shape::of(&inner)?
                && fields.is_mapping()
            {
                return Ok(Some(inner));
            }
        }
        Ok(None)
    }

    /// Whether this looks like a message, whoever speaks.
    pub(super) fn is_message(&self) -> PyResult<bool> {
        Ok(self.speaker()?.is_some() || self.get(intern!(self.py(), "content"))?.is_some())
    }

    /// Whether this says by itself that it is a message.
    pub(super) fn is_plainly_message(&self) -> PyResult<bool> {
        Ok(self.own(intern!(self.py(), "content"))?.is_some())
    }

    /// Whether an object with attributes is a message or holds a chat.
    pub(super) fn is_message_or_body(&self) -> PyResult<bool> {
        Ok(self.is_message()? || self.body().next().transpose()?.is_some_and(|chat| !text::is_plain(&chat)))
    }

    /// The texts of the first field of a message that says something.
    pub(super) fn texts(&self) -> PyResult<Vec<Bound<'py, PyString>>> {
        let texts = self.own_texts()?;
        if !texts.is_empty() {
            return Ok(texts);
        }
        let inner = self.inner()?;
        match inner.as_ref().map(Shape::of).transpose()? {
            Some(Shape::Fields(inner)) => inner.own_texts(),
            _ => Ok(texts),
        }
    }

    fn own_texts(&self) -> PyResult<Vec<Bound<'py, PyString>>> {
        let py = self.py();
        let names = [intern!(py, "content"), intern!(py, "parts"), intern!(py, "blocks")];
        debug_assert!(
            names
                .iter()
                .zip(rules::CONTENT_KEYS)
                .all(|(name, key)| name.to_str().is_ok_and(|name| name == key))
        );
        for name in names {
            if let Some(value) = self.get(name)? {
                let texts = content(&value)?;
                if texts.iter().any(says_something) {
                    return Ok(texts);
                }
            }
        }
        Ok(Vec::new())
    }
}

const BY_ROLE: fn(&[u8]) -> Option<Speaker> = |name| Some(rules::speaker_of_role(name));

/// The texts of a content: a string, a part, or a list of both.
pub(super) fn content<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(vec![text.clone()]);
    }
    match Shape::of(value)? {
        Shape::Plain => Ok(Vec::new()),
        Shape::Fields(fields) => Ok(part(&fields)?.into_iter().collect()),
        Shape::Elements(elements) => {
            let mut texts = Vec::new();
            for element in elements.iter() {
                if let Ok(text) = element.cast::<PyString>() {
                    texts.push(text.clone());
                } else if let Shape::Fields(fields) = Shape::of(&element)? {
                    texts.extend(part(&fields)?);
                }
            }
            Ok(texts)
        }
    }
}

/// The text of a part, if it counts: it has a string `text`, and its type is absent or ends in `text`.
fn part<'py>(fields: &Fields<'_, 'py>) -> PyResult<Option<Bound<'py, PyString>>> {
    let py = fields.py();
    let Some(Ok(text)) = fields.get(intern!(py, "text"))?.map(Bound::cast_into::<PyString>) else {
        return Ok(None);
    };
    let given = |name| -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(fields.get(name)?.filter(|kind| !kind.is_none()))
    };
    let mut kind = given(intern!(py, "type"))?;
    if kind.is_none() {
        // LlamaIndex calls it `block_type`.
        kind = given(intern!(py, "block_type"))?;
    }
    let counts = match kind {
        None => true,
        Some(kind) => named(&kind, |name| rules::is_text_type(name).then_some(Speaker::User))?.is_some(),
    };
    Ok(counts.then_some(text))
}

/// What a rule says of a name: a string, or the value of an enum's member.
fn named(value: &Bound<'_, PyAny>, rule: fn(&[u8]) -> Option<Speaker>) -> PyResult<Option<Speaker>> {
    if let Ok(name) = value.cast::<PyString>() {
        return Ok(name.to_str().map_or(rule(b"?"), |name| rule(name.as_bytes())));
    }
    if text::is_plain(value) {
        return Ok(None);
    }
    let value = value.getattr_opt(intern!(value.py(), "value"))?;
    Ok(value.and_then(|value| rule(value.cast::<PyString>().ok()?.to_str().ok()?.as_bytes())))
}

/// Who speaks by a role.
pub(super) fn speaker_of_role(role: &Bound<'_, PyAny>) -> PyResult<Option<Speaker>> {
    named(role, BY_ROLE)
}

/// Whether a text is more than blanks. Half of a character is no blank.
pub(super) fn says_something(text: &Bound<'_, PyString>) -> bool {
    text.to_str().map_or(true, rules::says_something)
}

/// A list of any kind. What shrinks meanwhile has fewer elements.
pub(super) enum Elements<'a, 'py> {
    List(&'a Bound<'py, PyList>),
    Tuple(&'a Bound<'py, PyTuple>),
    Other(Vec<Bound<'py, PyAny>>),
}

impl<'py> Elements<'_, 'py> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Tuple(tuple) => tuple.len(),
            Self::Other(elements) => elements.len(),
        }
    }

    pub(super) fn get(&self, i: usize) -> Option<Bound<'py, PyAny>> {
        match self {
            Self::List(list) => list.get_item(i).ok(),
            Self::Tuple(tuple) => tuple.get_item(i).ok(),
            Self::Other(elements) => elements.get(i).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Bound<'py, PyAny>> {
        (0..self.len()).map_while(|i| self.get(i))
    }
}
