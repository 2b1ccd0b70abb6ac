//! What counts, by name: for the scanner, and for bindings that walk objects of their own.

/// The keys of a request body under which its chat stands, the surest first.
pub const BODY_KEYS: [&str; 4] = ["messages", "input", "contents", "prompt"];

/// The keys of a message under which its texts stand, the surest first.
pub const CONTENT_KEYS: [&str; 3] = ["content", "parts", "blocks"];

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The user.
    User,
    /// Somebody else.
    Other,
}

/// Who speaks by a message's `role`.
pub fn speaker_of_role(name: &[u8]) -> Speaker {
    if matches!(name, b"user" | b"human") { Speaker::User } else { Speaker::Other }
}

/// Who speaks by a message's `type`, where LangChain says it. Other clients have types that say something else.
pub fn speaker_of_type(name: &[u8]) -> Option<Speaker> {
    match name {
        b"user" | b"human" => Some(Speaker::User),
        b"ai" | b"assistant" | b"system" | b"developer" | b"tool" | b"function" => Some(Speaker::Other),
        _ => speaker_of_class(name),
    }
}

/// Who speaks by the class of a message of LangChain, as in `HumanMessage` and `AIMessageChunk`.
pub fn speaker_of_class(name: &[u8]) -> Option<Speaker> {
    let name = name.strip_suffix(b"Chunk").unwrap_or(name);
    match name.strip_suffix(b"Message") {
        Some(b"Human") => Some(Speaker::User),
        Some(_) => Some(Speaker::Other),
        None => None,
    }
}

/// Whether a part of this type counts, if it has a string `text`.
pub fn is_text_type(name: &[u8]) -> bool {
    name.ends_with(b"text")
}

/// Whether a text is more than blanks.
pub fn says_something(text: &str) -> bool {
    text.chars().any(|character| !character.is_whitespace())
}
