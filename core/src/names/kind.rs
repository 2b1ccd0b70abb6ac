//! The kinds of scorers, by which artifacts and options name them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// The kind of a router's scorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    // <faces:kinds>
    /// A linear model of the quality gap, of features.
    Linear,
    /// Matrix factorization, of an embedding.
    Mf,
    /// Similarity-weighted ranking, of an embedding.
    SwRanking,
    /// Nearest neighbours, of features.
    Knn,
    /// A sequence classifier, which reads the prompt.
    Bert,
    /// A language model that predicts a score, which reads the prompt.
    CausalLlm,
    // </faces:kinds>
}

impl Kind {
    /// Every kind.
    // <faces:all>
    pub const ALL: [Self; 6] =
        [Self::Linear, Self::Mf, Self::SwRanking, Self::Knn, Self::Bert, Self::CausalLlm];
    // </faces:all>

    /// `linear`, `mf`, `sw_ranking`, `bert` or `causal_llm`.
    pub const fn as_str(self) -> &'static str {
        match self {
            // <faces:names>
            Self::Linear => "linear",
            Self::Mf => "mf",
            Self::SwRanking => "sw_ranking",
            Self::Knn => "knn",
            Self::Bert => "bert",
            Self::CausalLlm => "causal_llm",
            // </faces:names>
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Kind {
    type Err = Error;

    /// # Errors
    /// `Unsupported` for a name that this library does not know: a later one may.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
            Error::unsupported(format!(
                "kind is {name:?}; this library knows {}",
                Self::ALL.map(|kind| format!("{:?}", kind.as_str())).join(", ")
            ))
        })
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|error: Error| D::Error::custom(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
        }
        assert!("random".parse::<Kind>().unwrap_err().to_string().contains("causal_llm"));
    }
}
