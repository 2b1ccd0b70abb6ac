//! `routellm upgrade`.

use std::path::PathBuf;

use routellm_core::Result;
use routellm_core::artifact::upgrade;
use serde_json::json;

use crate::output::Output;

/// Rewrite an artifact of an older release in the form of this one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm upgrade my-router\n  routellm upgrade my-router --json")]
pub(crate) struct Upgrade {
    /// The folder of the artifact.
    artifact: PathBuf,
}

impl Upgrade {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let upgraded = upgrade(&self.artifact)?;
        if output.is_json() {
            return output.json_line(&json!({ "artifact": self.artifact, "upgraded": upgraded }));
        }
        let said = if upgraded { "upgraded" } else { "is of this form already" };
        output.line(&format!("{}: {said}", self.artifact.display()))
    }
}
