//! Votes.

use std::collections::HashMap;

use super::name::{alike, suggestion};
use crate::error::{Error, Result};

/// Whose answer was preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Winner {
    /// The answer of `model_a`.
    ModelA = 0,
    /// The answer of `model_b`.
    ModelB = 1,
    /// Neither: `tie`, and `tie (bothbad)` or `both_bad` in the published data.
    Tie = 2,
}

impl Winner {
    /// The winner of this name: `model_a`, `model_b`, `tie`, `tie (bothbad)` or `both_bad`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "model_a" => Some(Self::ModelA),
            "model_b" => Some(Self::ModelB),
            "tie" | "tie (bothbad)" | "both_bad" => Some(Self::Tie),
            _ => None,
        }
    }

    /// `model_a`, `model_b` or `tie`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelA => "model_a",
            Self::ModelB => "model_b",
            Self::Tie => "tie",
        }
    }

    /// The winner with this number: 0 `model_a`, 1 `model_b`, 2 and 3 tie (3 is `tie (bothbad)`).
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::ModelA),
            1 => Some(Self::ModelB),
            2 | 3 => Some(Self::Tie),
            _ => None,
        }
    }
}

/// One preference record (a battle).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Vote {
    /// Name of the record in its source; `line N` where the source has none.
    pub id: String,
    /// The first turn of the user, as it stands in the source.
    pub prompt: String,
    /// Name of the first model.
    pub model_a: String,
    /// Name of the second model.
    pub model_b: String,
    /// Whose answer was preferred. Where a judge said how sure it is, the likelier one; a tie at one half.
    pub winner: Winner,
    /// How sure a judge is: P(the answer of `model_a` is better), in [0, 1].
    pub p_model_a: Option<f64>,
    /// How much it counts; 1 unless its source says otherwise.
    pub weight: f64,
}

impl Vote {
    /// A battle of two models on a prompt.
    pub fn new(
        id: impl Into<String>,
        prompt: impl Into<String>,
        model_a: impl Into<String>,
        model_b: impl Into<String>,
        winner: Winner,
    ) -> Self {
        Self {
            id: id.into(),
            prompt: prompt.into(),
            model_a: model_a.into(),
            model_b: model_b.into(),
            winner,
            p_model_a: None,
            weight: 1.0,
        }
    }

    /// The same battle as a judge sees it that says how sure it is, in [0, 1].
    #[must_use]
    pub fn p_model_a(mut self, p: f64) -> Self {
        self.p_model_a = Some(p);
        self.winner = match p.total_cmp(&0.5) {
            std::cmp::Ordering::Greater => Winner::ModelA,
            std::cmp::Ordering::Less => Winner::ModelB,
            std::cmp::Ordering::Equal => Winner::Tie,
        };
        self
    }
}

/// How many rows were read, and how many of them were left out and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoteCounts {
    /// Rows in the source.
    pub read: usize,
    /// Rows whose winner is null (not known).
    pub dropped_null_winner: usize,
    /// Rows that [`super::filter_votes`] dropped.
    pub dropped_short: usize,
}

/// Votes, and the account of the rows they came from.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct VoteTable {
    /// The votes that were kept, in the order of the source.
    pub votes: Vec<Vote>,
    /// Rows read and dropped.
    pub counts: VoteCounts,
}

impl VoteTable {
    /// A table of these votes, as if all that was read had been kept.
    pub fn new(votes: Vec<Vote>) -> Self {
        let counts = VoteCounts { read: votes.len(), ..VoteCounts::default() };
        Self { votes, counts }
    }

    /// These votes, and then those of another table.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.votes.extend(other.votes);
        self.counts.read += other.counts.read;
        self.counts.dropped_null_winner += other.counts.dropped_null_winner;
        self.counts.dropped_short += other.counts.dropped_short;
        self
    }

    /// The models of the votes, in the order of first appearance: all of `model_a`, then `model_b` (the
    /// reference's order).
    pub fn models(&self) -> ModelIndex {
        let mut index = ModelIndex::default();
        for name in self.votes.iter().map(|v| &v.model_a).chain(self.votes.iter().map(|v| &v.model_b)) {
            index.insert(name);
        }
        index
    }

    /// Appends the votes of another table and adds up the counts.
    pub fn extend(&mut self, other: Self) {
        self.votes.extend(other.votes);
        self.counts.read += other.counts.read;
        self.counts.dropped_null_winner += other.counts.dropped_null_winner;
        self.counts.dropped_short += other.counts.dropped_short;
    }
}

/// One vote by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ballot {
    /// Number of the first model.
    pub model_a: usize,
    /// Number of the second model.
    pub model_b: usize,
    /// Whose answer was preferred.
    pub winner: Winner,
    /// Number of the prompt: the row of its embedding.
    pub prompt: usize,
}

/// Votes by number: the one form between rows as people write them and whatever is computed from votes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Votes {
    models: ModelIndex,
    ballots: Vec<Ballot>,
    ids: Option<Vec<String>>,
    targets: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
}

impl Votes {
    /// No votes yet, between these models.
    pub fn new(models: ModelIndex) -> Self {
        Self { models, ballots: Vec::new(), ids: None, targets: None, weights: None }
    }

    /// Votes of columns of one length, each on a prompt of its own. The models are numbered in alphabetical order.
    ///
    /// # Errors
    /// `InvalidArgument` for columns of different lengths or without a row, or an empty name.
    pub fn from_names<S: AsRef<str>>(model_a: &[S], model_b: &[S], winner: &[Winner]) -> Result<Self> {
        let n = winner.len();
        if model_a.len() != n || model_b.len() != n || n == 0 {
            return Err(Error::invalid_argument(format!(
                "columns of one length, and at least one row, are needed: {} model_a, {} model_b, {n} winners",
                model_a.len(),
                model_b.len(),
            )));
        }
        let mut names: Vec<&str> = model_a.iter().chain(model_b).map(AsRef::as_ref).collect();
        names.sort_unstable();
        names.dedup();
        let mut votes = Self::new(ModelIndex::new(names)?);
        for (prompt, ((a, b), winner)) in model_a.iter().zip(model_b).zip(winner).enumerate() {
            let (model_a, model_b) = (votes.models.number(a.as_ref())?, votes.models.number(b.as_ref())?);
            votes.ballots.push(Ballot { model_a, model_b, winner: *winner, prompt });
        }
        Ok(votes)
    }

    /// The same votes with an id for each, for explanations.
    ///
    /// # Errors
    /// `InvalidArgument` for another number of ids than of votes, or an id with a newline.
    pub fn with_ids(mut self, ids: Vec<String>) -> Result<Self> {
        if ids.len() != self.ballots.len() {
            return Err(Error::invalid_argument(format!(
                "columns of one length are needed: {} votes, {} ids",
                self.ballots.len(),
                ids.len()
            )));
        }
        if let Some(row) = ids.iter().position(|id| id.contains('\n')) {
            return Err(Error::invalid_argument(format!("the id of vote {row} contains a newline")));
        }
        self.ids = Some(ids);
        Ok(self)
    }

    /// The same votes with P(the answer of `model_a` is better) for each, which a fit of factorization learns from in place of
    /// winners: one half is a tie.
    ///
    /// # Errors
    /// `InvalidArgument` for another number of targets than of votes, or one outside [0, 1].
    pub fn with_targets(mut self, targets: Vec<f64>) -> Result<Self> {
        self.check_column("targets", &targets, |target| (0.0..=1.0).contains(&target), "a number in [0, 1]")?;
        self.targets = Some(targets);
        Ok(self)
    }

    /// The same votes with how much each counts.
    ///
    /// # Errors
    /// `InvalidArgument` for another number of weights than of votes, or one that is negative or not finite.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Self> {
        let right = |weight: f64| weight >= 0.0 && weight.is_finite();
        self.check_column("weights", &weights, right, "a number of at least 0")?;
        self.weights = Some(weights);
        Ok(self)
    }

    fn check_column(
        &self,
        name: &str,
        values: &[f64],
        right: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Result<()> {
        if values.len() != self.ballots.len() {
            return Err(Error::invalid_argument(format!(
                "columns of one length are needed: {} votes, {} {name}",
                self.ballots.len(),
                values.len()
            )));
        }
        match values.iter().position(|value| !right(*value)) {
            Some(row) => Err(Error::invalid_argument(format!(
                "{name}: that of vote {row} is {}, expected {expected}",
                values[row]
            ))),
            None => Ok(()),
        }
    }

    /// Adds a vote, to votes without ids, targets and weights.
    ///
    /// # Errors
    /// `InvalidArgument` for a number that is no model's, or votes with ids, targets or weights.
    pub fn push(&mut self, ballot: Ballot) -> Result<()> {
        let number = ballot.model_a.max(ballot.model_b);
        if number >= self.models.len() {
            return Err(Error::invalid_argument(format!(
                "vote {} has the model number {number}; known models: {}",
                self.ballots.len(),
                self.models.names().join(", ")
            )));
        }
        if self.ids.is_some() || self.targets.is_some() || self.weights.is_some() {
            return Err(Error::invalid_argument(
                "these votes have ids, targets or weights: a vote without them cannot join them",
            ));
        }
        self.ballots.push(ballot);
        Ok(())
    }

    /// The models that the numbers refer to.
    pub fn models(&self) -> &ModelIndex {
        &self.models
    }

    /// The votes, in their order.
    pub fn ballots(&self) -> &[Ballot] {
        &self.ballots
    }

    /// An id for each vote, if they have any.
    pub fn ids(&self) -> Option<&[String]> {
        self.ids.as_deref()
    }

    /// P(the answer of `model_a` is better) for each vote, if they have it.
    pub fn targets(&self) -> Option<&[f64]> {
        self.targets.as_deref()
    }

    /// How much each vote counts, if that is said.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Keeps the votes on the prompts that have a new number here, by that number.
    pub(crate) fn renumber_prompts(&mut self, number_of: &[Option<usize>]) {
        let kept: Vec<Option<usize>> =
            self.ballots.iter().map(|ballot| number_of.get(ballot.prompt).copied().flatten()).collect();
        retain_rows(self.ids.as_mut(), &kept);
        retain_rows(self.targets.as_mut(), &kept);
        retain_rows(self.weights.as_mut(), &kept);
        let ballots = self.ballots.iter().zip(&kept);
        self.ballots =
            ballots.filter_map(|(ballot, prompt)| Some(Ballot { prompt: (*prompt)?, ..*ballot })).collect();
    }
}

/// Votes whose prompts have embeddings.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedVotes<'a> {
    /// The votes; the number of a prompt is the row of its embedding.
    pub votes: &'a Votes,
    /// Embeddings of the prompts, `prompts x dim`, row-major.
    pub embeddings: &'a [f32],
    /// Dimension of the embeddings.
    pub dim: usize,
}

impl<'a> EmbeddedVotes<'a> {
    /// How many embeddings there are.
    ///
    /// # Errors
    /// `InvalidArgument` for embeddings that are not whole, or a vote on a prompt that has none.
    pub(crate) fn prompts(&self) -> Result<usize> {
        let Self { votes, embeddings, dim } = *self;
        if dim == 0 || !embeddings.len().is_multiple_of(dim) {
            return Err(Error::invalid_argument(format!(
                "{} numbers are no whole embeddings of {dim} dimensions",
                embeddings.len()
            )));
        }
        let prompts = embeddings.len() / dim;
        match votes.ballots.iter().position(|ballot| ballot.prompt >= prompts) {
            Some(row) => Err(Error::invalid_argument(format!(
                "vote {row} is on prompt {}, and there are {prompts} embeddings of {dim} dimensions for {} votes",
                votes.ballots[row].prompt,
                votes.ballots.len()
            ))),
            None => Ok(prompts),
        }
    }

    /// The embedding of a vote's prompt.
    pub(crate) fn embedding(&self, ballot: &Ballot) -> &'a [f32] {
        &self.embeddings[ballot.prompt * self.dim..][..self.dim]
    }
}

/// Names of models and their numbers, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelIndex {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl ModelIndex {
    /// An index of these names, numbered in their order.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty or repeated name.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut index = Self::default();
        for name in names {
            let name = name.as_ref();
            if name.is_empty() {
                return Err(Error::invalid_argument("the name of a model is empty"));
            }
            let before = index.len();
            if index.insert(name) != before {
                return Err(Error::invalid_argument(format!("model {name:?} is named twice")));
            }
        }
        Ok(index)
    }

    /// The number of `name`, which is appended if it is new.
    pub fn insert(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.numbers.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    /// The number of `name`.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown model; the message names the known ones, and first those that differ only by an
    /// organisation before the name or by case.
    pub fn number(&self, name: &str) -> Result<usize> {
        self.numbers.get(name).copied().ok_or_else(|| {
            let mut known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            known.sort_unstable();
            let meant = suggestion(name, known.iter().copied());
            Error::invalid_argument(format!(
                "unknown model {name:?}{meant}; known models: {}",
                known.join(", ")
            ))
        })
    }

    /// The names, in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many models there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The names that differ from another one only by an organisation before it or by case, by group: sources write the
    /// same model differently.
    pub fn alike(&self) -> Vec<Vec<String>> {
        alike(self.names.iter().map(String::as_str))
    }

    /// Whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Keeps the rows of a column whose prompt is kept.
fn retain_rows<T>(column: Option<&mut Vec<T>>, kept: &[Option<usize>]) {
    let mut keep = kept.iter().map(Option::is_some);
    if let Some(column) = column {
        column.retain(|_| keep.next().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_models_are_answered_with_the_known_ones() {
        let index = ModelIndex::new(["b", "a"]).unwrap();
        assert_eq!(index.number("a").unwrap(), 1);
        let error = index.number("c").unwrap_err();
        assert_eq!(error.message(), "unknown model \"c\"; known models: a, b");
        assert!(ModelIndex::new(["a", "a"]).is_err());
        let index = ModelIndex::new(["org/Big", "big", "small"]).unwrap();
        assert!(index.number("Small").unwrap_err().message().contains("did you mean \"small\"?"));
        assert_eq!(index.alike(), [["org/Big", "big"]]);
    }
}
