//! What a tie says.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What a tie says: two answers that are equally good, of which neither was preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ties {
    /// Nothing.
    Drop,
    /// Half a win for each.
    Half,
    /// A win of the weaker model: it was not worse, and costs less.
    WeakNotWorse,
}

impl Ties {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Drop, Self::Half, Self::WeakNotWorse];

    /// `drop`, `half` or `weak_not_worse`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Half => "half",
            Self::WeakNotWorse => "weak_not_worse",
        }
    }

    /// What the provenance says of it.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Drop => "ties are dropped",
            Self::Half => "a tie is half a win each way",
            Self::WeakNotWorse => "a tie is a win of the weaker model",
        }
    }

    /// How likely the strong model's answer is the better one where neither was; `None`: that says nothing.
    pub(super) const fn target(self) -> Option<f64> {
        match self {
            Self::Drop => None,
            Self::Half => Some(0.5),
            Self::WeakNotWorse => Some(0.0),
        }
    }
}

impl fmt::Display for Ties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Ties {
    type Err = Error;

    /// # Errors
    /// `InvalidArgument` for another name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|value| value.name() == name).ok_or_else(|| {
            Error::invalid_argument(format!(
                "ties is {name:?}, expected \"drop\", \"half\" or \"weak_not_worse\""
            ))
        })
    }
}
