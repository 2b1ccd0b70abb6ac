//! Names: those that options have as values, and how errors spell the options themselves.
//!
//! Everything else may stand on this.

mod alike;
mod generated;
mod kind;
pub(crate) mod range;

pub(crate) use alike::{alike, plain, suggestion};
pub use kind::Kind;

pub use generated::{ControlTokens, MapStore, Mode, OnError, OutOfDistribution, Preset, Provider, Read};

use crate::{Error, Result};

/// How errors spell the names of options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// `intra_threads`.
    #[default]
    Snake,
    /// `intraThreads`.
    Camel,
}

impl Spelling {
    /// `name`, which is in snake case, as this language writes it.
    pub fn of(self, name: &str) -> String {
        if self == Self::Snake {
            return name.to_owned();
        }
        let mut parts = name.split('_');
        let mut spelled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let mut letters = part.chars();
            spelled.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            spelled.push_str(letters.as_str());
        }
        spelled
    }

    /// Names in a sentence: `a`, `a and b` or `a, b and c`.
    pub(crate) fn list(self, names: &[&str]) -> String {
        let spelled: Vec<String> = names.iter().map(|name| self.of(name)).collect();
        match spelled.split_last() {
            None => String::new(),
            Some((only, [])) => only.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
        }
    }

    /// The error of options that do nothing, for a reason; `None` if there are none.
    pub(crate) fn without_effect(self, names: &[&str], why: &str) -> Option<Error> {
        let verb = if names.len() == 1 { "has" } else { "have" };
        let list = self.list(names);
        (!names.is_empty()).then(|| Error::invalid_argument(format!("{list} {verb} no effect: {why}")))
    }
}

impl ControlTokens {
    /// Whether nothing need be written of it.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The value of a name.
fn named<T: Copy, const N: usize>(values: &[(&str, T); N], what: &str, text: &str) -> Result<T> {
    if let Some((_, value)) = values.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<String> = values.iter().map(|(name, _)| format!("{name:?}")).collect();
    let (last, others) = names.split_last().expect("a kind of names has some");
    Err(Error::invalid_argument(format!("{what} is {text:?}, expected {} or {last}", others.join(", "))))
}
