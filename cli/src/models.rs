//! `routellm models`.

use std::path::PathBuf;

use routellm_core::Result;
use routellm_core::artifact::{Artifact, describe};
use routellm_core::candidates::{Candidate, PriceTable};
use serde_json::json;

use crate::opening::Opening;
use crate::output::Output;

/// Say what is known about candidates, and write prices into an artifact.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Models {
    List(List),
    Import(Import),
}

/// List the candidates of a router with price, context, capabilities and what their quality is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm models list\n  routellm models list --router my-router --json")]
pub(crate) struct List {
    #[command(flatten)]
    opening: Opening,
}

/// Write what a price table says of the candidates into an artifact. Nothing is fetched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm models import prices.json --artifact my-router\n  \
    routellm models import prices.json --artifact my-router --date 2026-01-31 --mean-output-tokens 180")]
pub(crate) struct Import {
    /// The table, in LiteLLM's public JSON form.
    file: PathBuf,
    /// The folder of the artifact.
    #[arg(long, value_name = "FOLDER")]
    artifact: PathBuf,
    /// The day of the prices, 2026-01-31; today by default.
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// The tokens of an answer, on average.
    #[arg(long, value_name = "TOKENS")]
    mean_output_tokens: Option<f64>,
}

impl Models {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        match self {
            Self::List(command) => command.run(output),
            Self::Import(command) => command.run(output),
        }
    }
}

impl List {
    fn run(self, output: &mut Output) -> Result<()> {
        let router = self.opening.open()?;
        let info = router.info();
        if output.is_json() {
            return info.candidates.iter().try_for_each(|candidate| output.json_line(candidate));
        }
        let rows = info.candidates.iter().map(|known| {
            let price = known.price.as_ref();
            let usd = |of: fn(&routellm_core::candidates::Price) -> f64| {
                price.map_or_else(String::new, |price| of(price).to_string())
            };
            vec![
                known.name.clone(),
                usd(|price| price.input),
                usd(|price| price.output),
                known.context_length.map_or_else(String::new, |tokens| tokens.to_string()),
                known.capabilities.as_deref().unwrap_or_default().join(", "),
                known.quality.unwrap_or_default().to_owned(),
            ]
        });
        let head = ["model", "USD/M in", "USD/M out", "context", "capabilities", "quality"];
        output.table(&head, rows.collect())
    }
}

impl Import {
    fn run(self, output: &mut Output) -> Result<()> {
        let artifact = Artifact::open(&self.artifact)?;
        let names = &artifact.manifest().models.names;
        let table = PriceTable::read(&self.file, self.date.as_deref())?;
        let imported = table.candidates(names.iter().map(String::as_str));
        let all: Vec<Candidate> = describe(&self.artifact, &imported.found, self.mean_output_tokens)?;
        if output.is_json() {
            let missing: Vec<_> =
                imported.missing.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
            return output.json_line(&json!({
                "artifact": self.artifact, "imported": imported.found.len(), "candidates": all, "missing": missing,
            }));
        }
        for candidate in &imported.found {
            let price = candidate.price.as_ref().map_or_else(|| "no price".to_owned(), ToString::to_string);
            output.line(&format!("{}: {price}", candidate.name))?;
        }
        for (name, why) in &imported.missing {
            output.line(&format!("{name}: nothing imported, {why}"))?;
        }
        Ok(())
    }
}
