//! Names of one's own for candidates.

use std::collections::BTreeMap;

use crate::options::OpenOptions;
use crate::scorer::Pair;
use crate::{Error, Result};

/// The names that a router uses, in the order of its candidates, and which of them are one's own.
pub(super) struct Names {
    pub(super) used: Vec<String>,
    /// By the router's name.
    pub(super) own: BTreeMap<String, String>,
}

impl OpenOptions {
    /// The names of these candidates.
    ///
    /// # Errors
    /// `InvalidArgument` for a name of no candidate, two names for one, one name for two, or an empty one.
    pub(super) fn names_of(&self, candidates: &[String], pair: Pair) -> Result<Names> {
        let option = self.spelling.of("names");
        let mut names = Names { used: candidates.to_vec(), own: BTreeMap::new() };
        for (of, name) in self.names.iter().flatten() {
            let index = match (of.as_str(), candidates.iter().position(|candidate| candidate == of)) {
                (_, Some(index)) => index,
                ("strong", None) => pair.strong,
                ("weak", None) => pair.weak,
                _ => {
                    return Err(Error::invalid_argument(format!(
                        "{option} has {of:?}, expected strong, weak or one of: {}",
                        candidates.join(", ")
                    )));
                }
            };
            if name.trim().is_empty() {
                return Err(Error::invalid_argument(format!("{option}[{of:?}] is empty")));
            }
            if let Some(other) = names.own.insert(candidates[index].clone(), name.clone())
                && other != *name
            {
                return Err(Error::invalid_argument(format!(
                    "{option} calls {:?} both {other:?} and {name:?}",
                    candidates[index]
                )));
            }
            names.used[index].clone_from(name);
        }
        for (i, name) in names.used.iter().enumerate() {
            if let Some(other) = names.used[..i].iter().position(|known| known == name)
                && candidates[i] != candidates[other]
                && !names.own.is_empty()
            {
                return Err(Error::invalid_argument(format!(
                    "{option} leaves {:?} and {:?} with one name, {name:?}",
                    candidates[other], candidates[i]
                )));
            }
        }
        Ok(names)
    }
}
