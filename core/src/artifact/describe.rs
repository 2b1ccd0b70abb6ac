//! What an artifact says of its candidates, changed without touching anything else.

use std::path::Path;

use super::Artifact;
use super::upgrade::replace_manifest;
use crate::Result;
use crate::candidates::{Candidate, check_output_tokens, described};

/// Writes what is known about candidates into `router.json` of the artifact in the folder `path`, and returns them all as they
/// stand there now. Members that are absent and candidates that are not named stay as they are. The other files stay, and so
/// does the artifact if something fails.
///
/// Releases before this one cannot open what it writes.
///
/// ```no_run
/// use routellm_core::artifact::describe;
/// use routellm_core::candidates::PriceTable;
///
/// let table = PriceTable::read("model_prices_and_context_window.json", Some("2026-01-31"))?;
/// let imported = table.candidates(["gpt-4o", "gpt-4o-mini"]);
/// describe("my-router".as_ref(), &imported.found, Some(180.0))?;
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// As [`Artifact::open`]; `InvalidArgument` for a candidate that the artifact does not know, or wrong numbers; `Io` if the
/// manifest cannot be replaced.
pub fn describe(path: &Path, given: &[Candidate], mean_output_tokens: Option<f64>) -> Result<Vec<Candidate>> {
    let artifact = Artifact::open(path)?;
    let mut manifest = artifact.manifest().clone();
    let all = described(&manifest.models.names, &manifest.candidates, given)?;
    if let Some(tokens) = mean_output_tokens {
        check_output_tokens(tokens)?;
        manifest.mean_output_tokens = Some(tokens);
    }
    manifest.candidates = all.iter().filter(|candidate| candidate.is_described()).cloned().collect();
    replace_manifest(path, &manifest.to_text()?)?;
    Ok(all)
}
