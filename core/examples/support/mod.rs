//! What the programs that train the shipped artifacts share.

use routellm_core::{Error, ErrorKind, Result};

/// The strong model of the shipped pair.
pub(crate) const STRONG: &str = "gpt-4-1106-preview";
/// The weak model of the shipped pair.
pub(crate) const WEAK: &str = "mixtral-8x7b-instruct-v0.1";
/// How the gold rows call the weak model.
pub(crate) const WEAK_IN_GOLD: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";

/// The prompts of every row of a votes file, also of those whose winner is not known.
pub(crate) fn prompts_of(path: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::new(ErrorKind::Io, format!("{path}: {error}")))?;
    let prompt = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).ok()?["prompt"].as_str().map(str::to_owned)
    };
    Ok(text.lines().filter_map(prompt).collect())
}

/// SHA-256 of a file, for the provenance.
pub(crate) fn digest(path: &str) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| Error::new(ErrorKind::Io, format!("{path}: {error}")))?;
    Ok(routellm_core::artifact::sha256_hex(&bytes))
}
