//! The router of a command, and how it is opened.

use std::path::PathBuf;

use routellm_core::{OpenOptions, Result, Router};
use serde_json::{Value, json};

use crate::named::named;

/// Which router, and how it is opened.
#[derive(Debug, clap::Args)]
pub(crate) struct Opening {
    /// The folder of an artifact or of a model; the router that is compiled in without it.
    #[arg(short, long, value_name = "FOLDER")]
    router: Option<PathBuf>,
    /// An option of opening, repeatable: provider=cuda, sessions=2, strong=gpt-4.
    #[arg(short = 'O', long = "option", value_name = "NAME=VALUE", value_parser = option)]
    options: Vec<(String, Value)>,
}

impl Opening {
    /// # Errors
    /// As opening a router.
    pub(crate) fn open(&self) -> Result<Router> {
        let mut options = OpenOptions::new();
        for (name, value) in &self.options {
            options.set_json(json!({ name: value }).to_string().as_bytes())?;
        }
        match &self.router {
            Some(path) => options.open(path),
            None => options.open_default(),
        }
    }
}

/// An option by name. One without a value would be as good as absent.
pub(crate) fn option(text: &str) -> Result<(String, Value), String> {
    match named(text)? {
        (_, Value::Null) => Err("the value is null".to_owned()),
        given => Ok(given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_has_a_value() {
        assert_eq!(option("sessions=2"), Ok(("sessions".to_owned(), json!(2))));
        assert!(option("strong=null").is_err());
    }
}
