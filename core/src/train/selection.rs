//! Which rows of its sources a training learns from: those of its candidates, and those that no split holds out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Sources;
use crate::names::suggestion;
use crate::preference::{GoldTable, LogTable, Split, VoteTable};
use crate::{Error, Result};

/// Rows that a training does not learn from, by their kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rows {
    /// Votes, those of judges included.
    pub votes: usize,
    /// Gold rows.
    pub gold: usize,
    /// Logs.
    pub logs: usize,
}

impl Rows {
    fn of(sources: &Sources) -> Self {
        Self {
            votes: sources.vote_table().map_or(0, |table| table.votes.len()),
            gold: sources.gold_table().map_or(0, |table| table.rows.len()),
            logs: sources.log_table().map_or(0, |table| table.rows.len()),
        }
    }

    fn less(self, other: Self) -> Self {
        Self { votes: self.votes - other.votes, gold: self.gold - other.gold, logs: self.logs - other.logs }
    }
}

/// Keeps the votes between candidates, the logs of candidates and their columns of gold rows, and returns how many rows go.
///
/// # Errors
/// `InvalidArgument` for a candidate that no source knows, and for sources of which nothing is left.
pub(super) fn keep_candidates(
    sources: Sources,
    names: &[String],
    rename: &BTreeMap<String, String>,
) -> Result<(Sources, Rows)> {
    let mut known: Vec<String> = Vec::new();
    known.extend(sources.vote_table().into_iter().flat_map(|table| table.models().names().to_vec()));
    known.extend(sources.gold_table().into_iter().flat_map(|table| table.models.names().to_vec()));
    known.extend(sources.log_table().into_iter().flat_map(|table| &table.rows).map(|row| row.model.clone()));
    known = known.into_iter().map(|name| rename.get(&name).cloned().unwrap_or(name)).collect();
    known.sort_unstable();
    known.dedup();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let why = sources.gold_table().and_then(|gold| gold.why_left_out(name));
        return Err(Error::invalid_argument(format!(
            "candidates has {name:?}, which no source knows{}; they know: {}{}",
            suggestion(name, known.iter().map(String::as_str)),
            known.join(", "),
            why.map_or_else(String::new, |why| format!("; {why}"))
        )));
    }
    let (before, mut kept) = (Rows::of(&sources), sources);
    if let Some(table) = kept.gold.take() {
        let table = table.with_models(|column| {
            names.iter().any(|name| name == rename.get(column).map_or(column, |to| to))
        })?;
        kept.gold = (!table.models.is_empty()).then_some(table);
    }
    if let Some(table) = &mut kept.votes {
        table.votes.retain(|vote| names.contains(&vote.model_a) && names.contains(&vote.model_b));
    }
    if let Some(table) = &mut kept.logs {
        table.rows.retain(|row| names.contains(&row.model));
    }
    let left = Rows::of(&kept);
    if left == Rows::default() {
        return Err(Error::invalid_argument("no source has a row of the candidates"));
    }
    Ok((kept, before.less(left)))
}

/// The rows to learn from, and those that are held out: all rows of a prompt are on one side.
///
/// # Errors
/// `InvalidArgument` if one of the sides is empty.
pub(super) fn part(sources: Sources, by: &Split) -> Result<(Sources, Sources)> {
    let (learned, held_out) = sources.split(by);
    for (what, side) in [("nothing to learn from", &learned), ("nothing held out", &held_out)] {
        if Rows::of(side) == Rows::default() {
            return Err(Error::invalid_argument(format!(
                "split leaves {what}: another share, or more prompts, are needed"
            )));
        }
    }
    Ok((learned, held_out))
}

/// How many rows are held out.
pub(super) fn count(sources: &Sources) -> Rows {
    Rows::of(sources)
}

impl Sources {
    /// The two parts; where they come from is said of the first.
    fn split(self, by: &Split) -> (Self, Self) {
        let (votes, votes_out) = self.votes.map(|table| table.split(by)).unzip();
        let (gold, gold_out) = self.gold.map(|table| table.split(by)).unzip();
        let (logs, logs_out) = self.logs.map(|table| table.split(by)).unzip();
        let filled = |table: &VoteTable| !table.votes.is_empty();
        let held_out = Self {
            votes: votes_out.filter(filled),
            gold: gold_out.filter(|table: &GoldTable| !table.rows.is_empty()),
            logs: logs_out.filter(|table: &LogTable| !table.rows.is_empty()),
            ..Self::default()
        };
        (Self { votes, gold, logs, ..self }, held_out)
    }
}
