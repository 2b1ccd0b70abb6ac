//! `routellm embed`.

use routellm_core::{CallOptions, Result};

use crate::opening::Opening;
use crate::output::Output;
use crate::prompts::Prompts;

/// Embed prompts with the encoder of a router: one JSON array of numbers a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm embed --router my-mf \"What is 17 * 23?\"\n  \
    routellm embed --router my-mf < prompts.txt > embeddings.jsonl")]
pub(crate) struct Embed {
    #[command(flatten)]
    prompts: Prompts,
    #[command(flatten)]
    opening: Opening,
}

impl Embed {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let router = self.opening.open()?;
        let options = CallOptions::new().cancel(crate::interrupt::token().clone());
        for prompt in self.prompts.read()? {
            output.json_line(&router.embed(prompt.as_str(), &options)?)?;
        }
        Ok(())
    }
}
