//! One vote, or the outcome of one model, from one row, whichever file or memory it came from.

use super::read_gold;
use super::votes::{Vote, Winner};
use crate::data::{Cells, HALF, Json, Row, field, missing, prompt};

/// How sure a judge is that the answer of `model_a` is better.
pub(super) const P_MODEL_A: &str = "p_model_a";
const FLAGS: [&str; 3] = ["winner_model_a", "winner_model_b", "winner_tie"];

/// The vote in a row; `None` if its winner is not known.
///
/// # Errors
/// What is wrong with it, as text.
pub(crate) fn vote(row: &Row<'_>) -> Result<Option<Vote>, String> {
    let (model_a, model_b) = (model(row.cells, "model_a")?, model(row.cells, "model_b")?);
    let sure = probability(row)?;
    let winner = match sure {
        Some(_) => Winner::Tie,
        None => match winner(row.cells)? {
            Some(winner) => winner,
            None => return Ok(None),
        },
    };
    // The published tables, which have flags for the winner, hold nothing but lists.
    let prompt = prompt(row.cells, sure.is_none() && field(row.cells, "winner").is_none())?;
    let vote = Vote::new(row.id(), prompt, model_a, model_b, winner);
    Ok(Some(match sure {
        Some(p) => vote.p_model_a(p),
        None => vote,
    }))
}

/// How sure a judge is, if the row says so.
fn probability(row: &Row<'_>) -> Result<Option<f64>, String> {
    let Some(value) = field(row.cells, P_MODEL_A) else { return Ok(None) };
    match read_gold::score(value, row.untyped) {
        read_gold::Score::Known(p) => Ok(Some(p)),
        read_gold::Score::Missing => Ok(None),
        read_gold::Score::Other(found) => Err(format!("{P_MODEL_A} is {found}, expected a number in [0, 1]")),
    }
}

/// The name of a model.
///
/// # Errors
/// What is wrong with it, as text.
pub(super) fn model(row: &Cells, name: &str) -> Result<String, String> {
    match field(row, name) {
        Some(Json::Text(model)) if !model.is_empty() => Ok(model.clone()),
        Some(Json::Text(_)) => Err(format!("{name} is empty")),
        Some(Json::HalfText(_)) => Err(format!("{name}: {HALF}")),
        Some(other) => Err(format!("{name} is {}, expected a string", other.kind())),
        None => Err(missing(row, &format!("{name:?}"))),
    }
}

/// The winner by its name, or by flags of which one has to be set.
fn winner(row: &Cells) -> Result<Option<Winner>, String> {
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
