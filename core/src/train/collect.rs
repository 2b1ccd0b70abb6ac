//! Votes over the prompts that they are on, each prompt once.

use std::collections::HashMap;
use std::fmt;

use super::embeddings::Embedded;
use crate::preference::{Ballot, GoldRow, GoldTable, LogRow, ModelIndex, Vote, VoteTable, Votes, Winner};
use crate::{Error, Result};

/// A prompt, and where it stands first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prompt<'a> {
    pub(super) text: &'a str,
    place: Place<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place<'a> {
    Vote(&'a str),
    Gold(&'a str),
    Log(&'a str),
    Sample(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vote(id) => write!(f, "the prompt of vote {id:?}"),
            Self::Gold(id) => write!(f, "the prompt of gold row {id:?}"),
            Self::Log(id) => write!(f, "the prompt of log {id:?}"),
            Self::Sample(number) => write!(f, "prompt {number} of the calibration"),
        }
    }
}

impl<'a> Prompt<'a> {
    pub(super) fn of_vote(vote: &'a Vote) -> Self {
        Self { text: &vote.prompt, place: Place::Vote(&vote.id) }
    }

    pub(super) fn of_gold(row: &'a GoldRow) -> Self {
        Self { text: &row.prompt, place: Place::Gold(&row.id) }
    }

    pub(super) fn of_log(row: &'a LogRow) -> Self {
        Self { text: &row.prompt, place: Place::Log(&row.id) }
    }

    /// The prompts of a calibration sample.
    pub(super) fn of_sample(prompts: &'a [String]) -> Vec<Self> {
        prompts.iter().enumerate().map(|(i, text)| Self { text, place: Place::Sample(i) }).collect()
    }

    /// Where the prompt stands, for errors.
    pub(super) fn place(&self) -> impl fmt::Display {
        self.place
    }
}

/// Votes by number, and their distinct prompts in the order of first appearance.
#[derive(Debug)]
pub(super) struct Collected<'a> {
    pub(super) votes: Votes,
    pub(super) prompts: Vec<Prompt<'a>>,
    numbers: HashMap<&'a str, usize>,
    weights: Vec<f64>,
}

impl<'a> Collected<'a> {
    /// No votes yet. The models of both tables are numbered in alphabetical order.
    pub(super) fn new(votes: Option<&VoteTable>, gold: Option<&GoldTable>) -> Result<Self> {
        let of_votes = votes.iter().flat_map(|table| &table.votes);
        let mut names: Vec<&str> = of_votes
            .flat_map(|vote| [vote.model_a.as_str(), vote.model_b.as_str()])
            .chain(gold.iter().flat_map(|table| table.models.names().iter().map(String::as_str)))
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok(Self {
            votes: Votes::new(ModelIndex::new(names)?),
            prompts: Vec::new(),
            numbers: HashMap::new(),
            weights: Vec::new(),
        })
    }

    /// Adds a vote of a table.
    pub(super) fn add_vote(&mut self, vote: &'a Vote) -> Result<()> {
        let models = self.votes.models();
        let pair = (models.number(&vote.model_a)?, models.number(&vote.model_b)?);
        self.weights.push(vote.weight);
        self.add(Prompt::of_vote(vote), pair, vote.winner)
    }

    /// Adds a vote between two models, by number, that a gold row makes.
    pub(super) fn add_gold(&mut self, row: &'a GoldRow, pair: (usize, usize), winner: Winner) -> Result<()> {
        self.weights.push(row.weight);
        self.add(Prompt::of_gold(row), pair, winner)
    }

    fn add(&mut self, prompt: Prompt<'a>, (model_a, model_b): (usize, usize), winner: Winner) -> Result<()> {
        let next = self.prompts.len();
        let number = *self.numbers.entry(prompt.text).or_insert(next);
        if number == next {
            self.prompts.push(prompt);
        }
        self.votes.push(Ballot { model_a, model_b, winner, prompt: number })
    }

    /// Gives the votes targets, and their weights where not all weigh the same.
    pub(super) fn with_targets(&mut self, targets: Vec<f64>) -> Result<()> {
        let mut votes = std::mem::take(&mut self.votes).with_targets(targets)?;
        if self.weights.iter().any(|weight| *weight != 1.0) {
            votes = votes.with_weights(std::mem::take(&mut self.weights))?;
        }
        self.votes = votes;
        Ok(())
    }

    /// Whether some vote weighs more than another.
    pub(super) fn are_weighted(&self) -> bool {
        self.weights.iter().any(|weight| *weight != 1.0)
    }

    /// Numbers of the models of gold rows.
    pub(super) fn numbers(&self, gold: &GoldTable) -> Result<Vec<usize>> {
        gold.models.names().iter().map(|name| self.votes.models().number(name)).collect()
    }

    /// Leaves out the prompts that have no embedding, and their votes.
    ///
    /// # Errors
    /// `InvalidArgument` if no vote is left.
    pub(super) fn keep(&mut self, embedded: &Embedded) -> Result<()> {
        if embedded.row_of.iter().all(Option::is_some) {
            return Ok(());
        }
        self.votes.renumber_prompts(&embedded.row_of);
        embedded.keep(&mut self.prompts);
        // They are of other numbers now.
        self.numbers.clear();
        if self.votes.ballots().is_empty() {
            let why = embedded.why.as_ref().map_or_else(String::new, |error| format!(": {error}"));
            return Err(Error::invalid_argument(format!("no prompt of the votes could be embedded{why}")));
        }
        Ok(())
    }
}
