//! Prompts of a command: arguments, a file, or the lines of the standard input.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use routellm_core::calibrate::Sample;
use routellm_core::{Error, Result};

use crate::interrupt::waiting;

/// Where prompts come from.
#[derive(Debug, clap::Args)]
pub(crate) struct Prompts {
    /// The prompts; each line of the standard input without any.
    #[arg(value_name = "PROMPT")]
    prompts: Vec<String>,
    /// A file with a prompt in each row, instead.
    #[arg(short, long, value_name = "FILE", conflicts_with = "prompts")]
    file: Option<PathBuf>,
}

impl Prompts {
    /// # Errors
    /// As [`Sample::read`]; `Io` for an input that is no text.
    pub(crate) fn read(self) -> Result<Vec<String>> {
        if let Some(file) = self.file {
            return Ok(Sample::read(file)?.prompts().to_vec());
        }
        if !self.prompts.is_empty() {
            return Ok(self.prompts);
        }
        waiting(|| io::stdin().lock().lines().collect::<io::Result<_>>())
            .map_err(|error| Error::io(Path::new("standard input"), error))
    }
}
