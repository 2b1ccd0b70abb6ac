//! One vote from one row, whichever file or memory it came from: the one tolerant reader behind every form.
//!
//! A row is named values. Only the fields of a vote are looked at; whatever else a row holds can refuse nothing.

use super::pyjson::{self, Json};
use super::votes::{Vote, Winner};

/// A row, with names as its source has them.
pub(super) type Row = [(String, Json)];

const FLAGS: [&str; 3] = ["winner_model_a", "winner_model_b", "winner_tie"];

/// The vote in a row; `None` if its winner is not known. `place` names the row if it has no id.
///
/// # Errors
/// What is wrong with it, as text.
pub(super) fn vote(row: &Row, place: &str) -> Result<Option<Vote>, String> {
    let (model_a, model_b) = (model(row, "model_a")?, model(row, "model_b")?);
    let Some(winner) = winner(row)? else { return Ok(None) };
    let id = field(row, "id").or_else(|| field(row, "question_id"));
    let id = match id {
        Some(Json::Text(id) | Json::HalfText(id) | Json::Number(id)) if !id.is_empty() => id.clone(),
        _ => place.to_owned(),
    };
    Ok(Some(Vote { id, prompt: prompt(row)?, model_a, model_b, winner }))
}

fn field<'a>(row: &'a Row, name: &str) -> Option<&'a Json> {
    row.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn missing(row: &Row, what: &str) -> String {
    let names: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
    format!("no {what} among {names:?}")
}

fn model(row: &Row, name: &str) -> Result<String, String> {
    match field(row, name) {
        Some(Json::Text(model)) if !model.is_empty() => Ok(model.clone()),
        Some(Json::Text(_)) => Err(format!("{name} is empty")),
        Some(Json::HalfText(_)) => Err(format!("{name}: {HALF}")),
        Some(other) => Err(format!("{name} is {}, expected a string", other.kind())),
        None => Err(missing(row, &format!("{name:?}"))),
    }
}

/// What is wrong with text that a surrogate pair was cut in: the prompt is not what was asked.
const HALF: &str = "it holds half of a surrogate pair (half an emoji), which is no text";

/// The winner by its name, or by flags of which one has to be set.
fn winner(row: &Row) -> Result<Option<Winner>, String> {
    match field(row, "winner") {
        Some(Json::Null) => return Ok(None),
        Some(Json::Text(name)) if name.is_empty() => return Ok(None),
        Some(Json::Text(name)) => {
            return Winner::from_name(name).map(Some).ok_or_else(|| {
                format!(
                    "winner is {name:?}, expected \"model_a\", \"model_b\", \"tie\", \"tie (bothbad)\", \"both_bad\" or \
                     null"
                )
            });
        }
        Some(other) => return Err(format!("winner is {}, expected a string or null", other.kind())),
        None => {}
    }
    let mut flags = [None; 3];
    for (flag, name) in flags.iter_mut().zip(FLAGS) {
        *flag = match field(row, name) {
            None if name == "winner_tie" => None,
            None => return Err(missing(row, &format!("\"winner\", nor {name:?},"))),
            Some(value) => flag_of(value).map_err(|found| format!("{name} is {found}, expected 0 or 1"))?,
        };
    }
    let set = |i: usize| flags[i] == Some(true);
    match (set(0), set(1), set(2)) {
        _ if flags.iter().all(Option::is_none) => Ok(None),
        (true, false, false) => Ok(Some(Winner::ModelA)),
        (false, true, false) => Ok(Some(Winner::ModelB)),
        (false, false, true) => Ok(Some(Winner::Tie)),
        // Without a column of ties, a vote for neither is one.
        (false, false, false) if flags[2].is_none() => Ok(Some(Winner::Tie)),
        _ => {
            let shown = flags.map(|flag| flag.map_or("empty", |set| if set { "1" } else { "0" }));
            Err(format!("{} are {}: they contradict each other", FLAGS.join(", "), shown.join(", ")))
        }
    }
}

/// A yes/no value: 0 or 1 as a number, true or false, or either as text in any case; empty is not known.
pub(super) fn flag_of(value: &Json) -> Result<Option<bool>, String> {
    match value {
        Json::Null => Ok(None),
        Json::Flag(flag) => Ok(Some(*flag)),
        Json::Text(text) | Json::Number(text) => match text.trim() {
            "" => Ok(None),
            "1" | "1.0" | "true" | "True" | "TRUE" => Ok(Some(true)),
            "0" | "0.0" | "false" | "False" | "FALSE" => Ok(Some(false)),
            other if matches!(value, Json::Number(_)) => Err(other.to_owned()),
            other => Err(format!("{other:?}")),
        },
        other => Err(other.kind().to_owned()),
    }
}

/// The first turn of the user: a text, a list of turns (also as JSON in a text), or the first user message of a
/// conversation.
fn prompt(row: &Row) -> Result<String, String> {
    if let Some(value) = field(row, "prompt") {
        return match value {
            Json::Text(text) => turns_in_text(text, field(row, "winner").is_none()),
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
            parsed = pyjson::parse(text).map_err(|e| format!("{name} is not JSON: {e}"))?;
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
    match pyjson::parse(text) {
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
