//! Keys, which stand in the environment or in a file, never in the configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where a key is to be found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Secret {
    /// In this variable of the environment.
    Env(String),
    /// In this file, blanks at its ends left out.
    File(PathBuf),
}

/// A key as it is. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Revealed(String);

impl Revealed {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// The key; a file is looked for from `folder`.
    ///
    /// # Errors
    /// What to do, if there is none.
    pub(crate) fn reveal(&self, folder: &Path) -> Result<Revealed, String> {
        let (text, place) = match self {
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| {
                    format!("the environment variable {name} holds no key: set it, or name another")
                })?;
                (text, format!("the environment variable {name}"))
            }
            Self::File(path) => {
                let path = folder.join(path);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    format!("{}: {error}: write the key into that file, or name another", path.display())
                })?;
                (text, path.display().to_string())
            }
        };
        let key = text.trim();
        if key.is_empty() {
            return Err(format!("{place} is empty: put the key there"));
        }
        if !key.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
            return Err(format!("the key of {place} has characters that no header may have: set it anew"));
        }
        Ok(Revealed(key.to_owned()))
    }
}
