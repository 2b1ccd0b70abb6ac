//! The vote filter of the reference: battles whose first turn is short say little and are dropped.

use super::votes::VoteTable;
use crate::data::{self, Json};
use crate::error::{Error, Result};

/// Smallest first turn, in code points after stripping, that the reference keeps (`MIN_LEN` in
/// `preprocess_battles`).
pub const MIN_FIRST_TURN: usize = 16;

/// White space in the sense of Python's `str.strip`: Unicode's, and the four information separators.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Python's `str.strip`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// Whether the reference keeps a battle with this first turn: at least `minimum` code points after
/// Python's `strip`.
pub fn is_long_enough(first_turn: &str, minimum: usize) -> bool {
    strip(first_turn).chars().take(minimum).count() == minimum
}

/// The first turn of a conversation stored as JSON text, as the reference's `json.loads(prompt)[0]`.
///
/// A list gives its first element, and a plain string its first *character*: that is what indexing does
/// in Python, and the filter then drops the row. The vote readers refuse a plain string.
///
/// # Errors
/// `InvalidArgument` for text that Python cannot parse, an empty list, or a first turn that is no text.
pub fn first_turn_of_json(json: &str) -> Result<String> {
    match data::parse(json).map_err(|e| Error::invalid_argument(format!("prompt is not JSON: {e}")))? {
        Json::Text(text) | Json::HalfText(text) => match text.chars().next() {
            Some(first) => Ok(first.to_string()),
            None => Err(Error::invalid_argument("prompt is an empty string, expected a list of turns")),
        },
        Json::List(mut turns) if !turns.is_empty() => turns.swap_remove(0).into_text().map_err(|other| {
            Error::invalid_argument(format!("first turn is {}, expected text", other.kind()))
        }),
        Json::List(_) => Err(Error::invalid_argument("prompt is an empty list, expected at least one turn")),
        other => {
            Err(Error::invalid_argument(format!("prompt is {}, expected a list of turns", other.kind())))
        }
    }
}

/// Drops the votes whose prompt is shorter than `minimum` code points ([`MIN_FIRST_TURN`] in the
/// reference) and counts them in [`super::VoteCounts::dropped_short`].
pub fn filter_votes(table: &mut VoteTable, minimum: usize) {
    let before = table.votes.len();
    table.votes.retain(|vote| is_long_enough(&vote.prompt, minimum));
    table.counts.dropped_short += before - table.votes.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strip_is_pythons() {
        assert!(!is_long_enough("\u{1c}\u{1f}\u{85}\u{a0}\u{3000}xxxxxxxxxxxxxxx \n", 16));
        // Zero-width space and byte order mark are no white space in Python.
        assert!(is_long_enough("\u{200b}xxxxxxxxxxxxxxx", 16));
        assert!(is_long_enough("\u{feff}xxxxxxxxxxxxxxx", 16));
        assert!(is_long_enough("", 0));
    }
}
