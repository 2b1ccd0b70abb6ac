//! Votes.

use std::collections::HashMap;

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Whose answer was preferred.
    pub winner: Winner,
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
        }
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// `InvalidArgument` for an unknown model; the message names the known ones.
    pub fn number(&self, name: &str) -> Result<usize> {
        self.numbers.get(name).copied().ok_or_else(|| {
            let mut known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            known.sort_unstable();
            Error::invalid_argument(format!("unknown model {name:?}; known models: {}", known.join(", ")))
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

    /// Whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
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
    }
}
