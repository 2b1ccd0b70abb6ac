//! The prompt of a row: what the user asked first.

use super::json::{self, Json};
use super::rows::{Cells, field, missing};

/// What is wrong with text that a surrogate pair was cut in: the prompt is not what was asked.
pub(crate) const HALF: &str = "it holds half of a surrogate pair (half an emoji), which is no text";

/// The first turn of the user: a text, a list of turns (also as JSON in a text), or the first user message of a
/// conversation. With `only_lists`, a text has to be JSON.
///
/// # Errors
/// What is wrong with it, as text.
pub(crate) fn prompt(row: &Cells, only_lists: bool) -> Result<String, String> {
    if let Some(value) = field(row, "prompt") {
        return match value {
            Json::Text(text) => turns_in_text(text, only_lists),
            other => first_turn(other),
        };
    }
    let name = ["conversation_a", "conversation_b", "conversation"]
        .into_iter()
        .find(|name| field(row, name).is_some());
    let Some(name) = name else { return Err(missing(row, "\"prompt\" and no \"conversation_a\"")) };
    let parsed;
    let conversation = match field(row, name) {
        Some(Json::Text(text)) => {
            parsed = json::parse(text).map_err(|e| format!("{name} is not JSON: {e}"))?;
            &parsed
        }
        Some(other) => other,
        None => return Err(missing(row, name)),
    };
    first_message(conversation).map_err(|what| format!("{name}: {what}"))
}

/// A text that is a JSON list of turns is that list. The published tables, which have flags for the winner, hold nothing
/// else, so that another text there is a mistake; elsewhere it is the prompt.
fn turns_in_text(text: &str, only_lists: bool) -> Result<String, String> {
    match json::parse(text) {
        Ok(list @ Json::List(_)) if only_lists || is_turns(&list) => first_turn(&list),
        Ok(other) if only_lists => Err(format!("prompt is {}, expected a JSON list of turns", other.kind())),
        Err(error) if only_lists => Err(format!("prompt is not a JSON list of turns: {error}")),
        _ => Ok(text.to_owned()),
    }
}

/// Whether a list can be the turns of a conversation, and is not what a user has typed.
fn is_turns(list: &Json) -> bool {
    let Json::List(turns) = list else { return false };
    !turns.is_empty() && turns.iter().all(|turn| matches!(turn, Json::Text(_) | Json::HalfText(_)))
}

fn first_turn(value: &Json) -> Result<String, String> {
    match value {
        Json::HalfText(_) => Err(format!("prompt: {HALF}")),
        Json::List(turns) => match turns.first() {
            Some(Json::Text(text)) => Ok(text.clone()),
            Some(Json::HalfText(_)) => Err(format!("prompt: {HALF}")),
            Some(Json::Object(_)) => first_message(value).map_err(|what| format!("prompt: {what}")),
            Some(other) => Err(format!("first turn is {}, expected text", other.kind())),
            None => Err("prompt is an empty list, expected at least one turn".to_owned()),
        },
        other => Err(format!("prompt is {}, expected a string or a list of turns", other.kind())),
    }
}

/// The text of the first user message in a list of messages, whose content is a string or a list of parts.
fn first_message(conversation: &Json) -> Result<String, String> {
    let Json::List(messages) = conversation else {
        return Err(format!("{}, expected a list of messages", conversation.kind()));
    };
    let is_user = |message: &&Json| {
        let Json::Object(message) = message else { return false };
        matches!(field(message, "role"), Some(Json::Text(role)) if role == "user" || role == "human")
    };
    let Some(Json::Object(message)) = messages.iter().find(is_user) else {
        return Err("no user message".to_owned());
    };
    let mut texts = Vec::new();
    match field(message, "content") {
        Some(Json::List(parts)) => {
            for part in parts {
                match part {
                    Json::Object(part) => texts.extend(field(part, "text")),
                    other => texts.push(other),
                }
            }
        }
        content => texts.extend(content),
    }
    let mut prompt: Vec<&str> = Vec::new();
    for text in texts {
        match text {
            Json::Text(text) => prompt.push(text),
            Json::HalfText(_) => return Err(HALF.to_owned()),
            // A part without text is an image, and no reason to drop text beside it.
            _ => {}
        }
    }
    if prompt.is_empty() {
        Err("the first user message has no text".to_owned())
    } else {
        Ok(prompt.join("\n"))
    }
}
