//! `routellm paper`: the tables of the paper with one's own routers beside them.

mod overhead;
mod published;

use routellm_core::Result;

use crate::output::Output;

/// Print the paper's tables with routers of one's own beside the published numbers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Paper {
    Overhead(overhead::Overhead),
}

impl Paper {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        match self {
            Self::Overhead(command) => command.run(output),
        }
    }
}
