//! Reference and exact mathematics.

use std::str::FromStr;

use serde::Serialize;

use crate::{Error, Result};

/// Which mathematics a router follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The mathematically right one.
    #[default]
    Exact,
    /// That of lm-sys/RouteLLM, to the digit where that is possible. Routers that know one mode take either.
    Reference,
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "exact" => Ok(Self::Exact),
            "reference" => Ok(Self::Reference),
            other => Err(Error::invalid_argument(format!(
                "mode is {other:?}, expected \"exact\" or \"reference\""
            ))),
        }
    }
}
