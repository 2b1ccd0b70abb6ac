//! The shapes of chats: which strings of a JSON text count.

use std::borrow::Cow;

use super::rules::{BODY_KEYS, Speaker, is_text_type, speaker_of_class, speaker_of_role, speaker_of_type};
use super::scan::{Scan, Step};
use super::{Read, refusal, text};
use crate::Result;

/// Where a chat stands. In a batch a message by itself is a mistake: the batch is one chat then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Alone,
    Batch,
}

/// The text of a chat in JSON.
///
/// # Errors
/// The outer one if it is no chat, whatever it says; the inner one if it has no text, or none that can be read.
pub(super) fn read(json: &[u8], read: Read, place: Place) -> Result<Result<Cow<'_, str>>> {
    let mut scan = Scan::new(json);
    let mut chat = Chat::new(read);
    let found = match scan.peek() {
        Some(b'"') => match scan.string().and_then(|raw| scan.end().map(|()| raw)) {
            Ok(raw) => return Ok(text::decode(&[raw])),
            Err(malformed) => Err(malformed),
        },
        Some(b'[') => chat.list(&mut scan).map(|()| Found::List),
        Some(b'{') => chat.object(&mut scan, Depth::Top),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => scan.skip().map(|()| Found::Nothing),
        _ => scan.malformed("a list, an object or a string"),
    };
    match found.and_then(|found| scan.end().map(|()| found)) {
        Err(malformed) => Ok(Err(malformed.into())),
        Ok(Found::Nothing) => Err(refusal::no_chat("a JSON number or word")),
        Ok(Found::List) if chat.others > 0 && chat.messages == 0 => Err(refusal::list_of_texts()),
        Ok(Found::Message) if place == Place::Batch => Err(refusal::bare_message()),
        Ok(_) if chat.texts.is_empty() => Ok(Err(refusal::no_text())),
        Ok(_) => Ok(text::decode(&chat.texts)),
    }
}

/// What JSON turned out to be.
enum Found {
    Nothing,
    List,
    Body,
    Message,
}

/// A body may hold another one, once: `{"input": {"messages": ...}}` of LangGraph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Top,
    InBody,
}

/// Insides of strings.
type Texts<'a> = Vec<&'a [u8]>;

/// What was found of a chat so far.
struct Chat<'a> {
    read: Read,
    /// The texts that count.
    texts: Texts<'a>,
    messages: usize,
    /// Elements of the list that are no messages.
    others: usize,
    /// The message in hand; kept, so that its memory is.
    message: Message<'a>,
}

impl<'a> Chat<'a> {
    fn new(read: Read) -> Self {
        Self { read, texts: Vec::new(), messages: 0, others: 0, message: Message::default() }
    }

    /// A list of messages.
    fn list(&mut self, scan: &mut Scan<'a>) -> Step<()> {
        let mut elements = scan.enter();
        while scan.element(&mut elements)? {
            self.message.clear();
            let is_message = match scan.peek() {
                Some(b'{') => self.message.object(scan).map(|()| true)?,
                Some(b'[') => self.message.pair(scan)?,
                // LangChain and Gemini take a text among messages for the user's.
                Some(b'"') => self.message.user_text(scan).map(|()| false)?,
                _ => scan.skip().map(|()| false)?,
            };
            *(if is_message { &mut self.messages } else { &mut self.others }) += 1;
            self.keep();
        }
        Ok(())
    }

    /// A request body, or a message.
    fn object(&mut self, scan: &mut Scan<'a>, depth: Depth) -> Step<Found> {
        let mut chats: [Option<Self>; BODY_KEYS.len()] = [const { None }; BODY_KEYS.len()];
        let mut members = scan.enter();
        while let Some(key) = scan.key(&mut members)? {
            match BODY_KEYS.iter().position(|name| name.as_bytes() == &*key) {
                Some(slot) => {
                    let mut chat = Self::new(self.read);
                    chats[slot] = chat.of_body(scan, depth)?.then_some(chat);
                }
                None => self.message.member(&key, scan)?,
            }
        }
        if let Some(chat) = chats.into_iter().flatten().next() {
            *self = chat;
            return Ok(Found::Body);
        }
        self.keep();
        Ok(if self.message.is_one() { Found::Message } else { Found::Body })
    }

    /// The chat of a request body: a text, messages or a message. Whether there is one.
    fn of_body(&mut self, scan: &mut Scan<'a>, depth: Depth) -> Step<bool> {
        match scan.peek() {
            Some(b'[') => return self.list(scan).map(|()| true),
            Some(b'{') if depth == Depth::Top => return self.object(scan, Depth::InBody).map(|_| true),
            Some(b'{') => self.message.object(scan)?,
            Some(b'"') => self.message.user_text(scan)?,
            _ => return scan.skip().map(|()| false),
        }
        self.keep();
        Ok(true)
    }

    /// Keeps the texts of the message in hand, if they count.
    fn keep(&mut self) {
        let Some(role) = self.message.role() else { return };
        if role != Speaker::User && self.read != Read::Conversation {
            return;
        }
        let Some(texts) = self.message.texts() else { return };
        if self.read == Read::LastUser {
            std::mem::swap(&mut self.texts, texts);
        } else {
            self.texts.append(texts);
        }
    }
}

/// What was found of a message.
#[derive(Default)]
struct Message<'a> {
    outer: Fields<'a>,
    /// LangChain's serialised forms hold the message one level deeper, in `data` or `kwargs`.
    inner: Fields<'a>,
    /// By the class in `id`, beside `kwargs`.
    class: Option<Speaker>,
}

impl<'a> Message<'a> {
    fn clear(&mut self) {
        self.outer.clear();
        self.inner.clear();
        self.class = None;
    }

    fn object(&mut self, scan: &mut Scan<'a>) -> Step<()> {
        let mut members = scan.enter();
        while let Some(key) = scan.key(&mut members)? {
            self.member(&key, scan)?;
        }
        Ok(())
    }

    fn member(&mut self, key: &[u8], scan: &mut Scan<'a>) -> Step<()> {
        match key {
            b"data" | b"kwargs" if scan.peek() == Some(b'{') => {
                self.inner.clear();
                let mut members = scan.enter();
                while let Some(key) = scan.key(&mut members)? {
                    if !self.inner.member(&key, scan)? {
                        scan.skip()?;
                    }
                }
                Ok(())
            }
            b"id" if scan.peek() == Some(b'[') => {
                self.class = None;
                let mut elements = scan.enter();
                while scan.element(&mut elements)? {
                    self.class = scan.name_or_skip()?.and_then(|name| speaker_of_class(&name));
                }
                Ok(())
            }
            _ if self.outer.member(key, scan)? => Ok(()),
            _ => scan.skip(),
        }
    }

    /// A list of two, as in `["human", "Hello"]`. Whether it is one.
    fn pair(&mut self, scan: &mut Scan<'a>) -> Step<bool> {
        let mut elements = scan.enter();
        let mut count = 0;
        while scan.element(&mut elements)? {
            match count {
                0 => self.outer.role = scan.name_or_skip()?.map(|name| speaker_of_role(&name)),
                1 => content(scan, &mut self.outer.content)?,
                _ => scan.skip()?,
            }
            count += 1;
        }
        if count != 2 {
            self.outer.role = None;
        }
        Ok(self.outer.role.is_some())
    }

    fn user_text(&mut self, scan: &mut Scan<'a>) -> Step<()> {
        self.outer.role = Some(Speaker::User);
        content(scan, &mut self.outer.content)
    }

    /// Who speaks; nobody in items that are no messages.
    fn role(&self) -> Option<Speaker> {
        let Self { outer, inner, class } = self;
        // Gemini's content needs no role: then it is the user's.
        let gemini = outer.has_parts.then_some(Speaker::User);
        outer.role.or(inner.role).or(*class).or(outer.kind).or(inner.kind).or(gemini)
    }

    /// Whether it looks like a message, whoever speaks.
    fn is_one(&self) -> bool {
        self.role().is_some() || self.outer.has_content
    }

    /// The texts of the first of its fields that says something.
    fn texts(&mut self) -> Option<&mut Texts<'a>> {
        let Self { outer, inner, .. } = self;
        [&mut outer.content, &mut outer.parts, &mut outer.blocks]
            .into_iter()
            .chain([&mut inner.content, &mut inner.parts, &mut inner.blocks])
            .find(|texts| texts.iter().any(|raw| text::says_something(raw)))
    }
}

/// The fields of a message that count.
#[derive(Default)]
struct Fields<'a> {
    role: Option<Speaker>,
    /// The role that `type` says, where it says one.
    kind: Option<Speaker>,
    content: Texts<'a>,
    has_content: bool,
    parts: Texts<'a>,
    has_parts: bool,
    blocks: Texts<'a>,
}

impl<'a> Fields<'a> {
    fn clear(&mut self) {
        (self.role, self.kind, self.has_content, self.has_parts) = (None, None, false, false);
        for texts in [&mut self.content, &mut self.parts, &mut self.blocks] {
            texts.clear();
        }
    }

    /// Reads the value of a key that counts. Whether it is one.
    fn member(&mut self, key: &[u8], scan: &mut Scan<'a>) -> Step<bool> {
        match key {
            b"role" => self.role = scan.name_or_skip()?.map(|name| speaker_of_role(&name)),
            b"type" => self.kind = scan.name_or_skip()?.and_then(|name| speaker_of_type(&name)),
            b"content" => {
                self.has_content = true;
                content(scan, &mut self.content)?;
            }
            b"parts" => {
                self.has_parts = matches!(scan.peek(), Some(b'[' | b'{' | b'"'));
                content(scan, &mut self.parts)?;
            }
            b"blocks" => content(scan, &mut self.blocks)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The texts of a content: a string, a part, or a list of both.
fn content<'a>(scan: &mut Scan<'a>, texts: &mut Texts<'a>) -> Step<()> {
    texts.clear();
    match scan.peek() {
        Some(b'[') => {
            let mut elements = scan.enter();
            while scan.element(&mut elements)? {
                string_or_part(scan, texts)?;
            }
            Ok(())
        }
        _ => string_or_part(scan, texts),
    }
}

fn string_or_part<'a>(scan: &mut Scan<'a>, texts: &mut Texts<'a>) -> Step<()> {
    match scan.peek() {
        Some(b'{') => {
            texts.extend(part(scan)?);
            Ok(())
        }
        _ => scan.string_or_skip().map(|text| texts.extend(text)),
    }
}

/// The text of a part, if it counts: it has a string `text`, and its type is absent or ends in `text`.
fn part<'a>(scan: &mut Scan<'a>) -> Step<Option<&'a [u8]>> {
    // LlamaIndex calls it `block_type`.
    let (mut kind, mut block, mut text) = (None, None, None);
    let mut members = scan.enter();
    while let Some(key) = scan.key(&mut members)? {
        match &*key {
            b"type" => kind = ends_in_text(scan)?,
            b"block_type" => block = ends_in_text(scan)?,
            b"text" => text = scan.string_or_skip()?,
            _ => scan.skip()?,
        }
    }
    Ok(text.filter(|_| kind.or(block).unwrap_or(true)))
}

/// Whether the type that comes next ends in `text`; nothing for null.
fn ends_in_text(scan: &mut Scan<'_>) -> Step<Option<bool>> {
    let is_null = scan.peek() == Some(b'n');
    let name = scan.name_or_skip()?;
    Ok((!is_null).then(|| name.is_some_and(|name| is_text_type(&name))))
}
