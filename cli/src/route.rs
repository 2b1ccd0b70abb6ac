//! `routellm route`.

use routellm_core::{CallOptions, Decision, OnError, Result};
use serde_json::json;

use crate::opening::Opening;
use crate::output::Output;
use crate::prompts::Prompts;

/// Characters of a prompt in a table.
const SHOWN: usize = 60;

/// Decide which model should answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm route \"What is 17 * 23?\" \"Hello!\"\n  \
    routellm route --strong-share 0.2 --json < prompts.txt")]
pub(crate) struct Route {
    #[command(flatten)]
    prompts: Prompts,
    #[command(flatten)]
    opening: Opening,
    /// The strong model from this win rate on, in [0, 1].
    #[arg(short, long, conflicts_with = "strong_share")]
    threshold: Option<f64>,
    /// The share of ordinary traffic that goes to the strong model, in [0, 1].
    #[arg(short, long)]
    strong_share: Option<f64>,
    /// What to do with a prompt that cannot be scored: raise, strong or weak.
    #[arg(long, value_name = "WHAT", value_parser = on_error)]
    on_error: Option<OnError>,
}

fn on_error(name: &str) -> Result<OnError, String> {
    name.parse().map_err(|error: routellm_core::Error| error.message().to_owned())
}

impl Route {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let router = self.opening.open()?;
        let mut options = CallOptions::new().cancel(crate::interrupt::token().clone());
        if let Some(threshold) = self.threshold {
            options = options.threshold(threshold);
        }
        if let Some(share) = self.strong_share {
            options = options.strong_share(share);
        }
        if let Some(on_error) = self.on_error {
            options = options.on_error(on_error);
        }
        let prompts = self.prompts.read()?;
        let decisions = router.route_batch(prompts.iter().map(String::as_str), &options)?;
        if output.is_json() {
            return decisions.iter().try_for_each(|decision| output.json_line(&members(decision)));
        }
        let rows = prompts.iter().zip(&decisions).map(|(prompt, decision)| row(prompt, decision));
        output.table(&["side", "model", "win rate", "prompt"], rows.collect())
    }
}

fn row(prompt: &str, decision: &Decision) -> Vec<String> {
    let mut shown: String =
        prompt.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if prompt.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    vec![
        decision.side.name().to_owned(),
        decision.model.to_string(),
        decision.win_rate.map_or_else(String::new, |rate| format!("{rate:.4}")),
        shown,
    ]
}

/// A decision as the other languages show it as a mapping.
fn members(decision: &Decision) -> serde_json::Value {
    let fallback = decision.fallback.as_ref();
    json!({
        "model": &*decision.model,
        "side": decision.side.name(),
        // <faces:members>
        "win_rate": decision.win_rate,
        "threshold": decision.threshold,
        "truncated": decision.truncated,
        "similarity": decision.similarity,
        "out_of_distribution": decision.out_of_distribution,
        "no_score": decision.no_score,
        "propensity": decision.propensity,
        "id": decision.id.map(|id| id.to_string()),
        // </faces:members>
        "fallback": fallback.is_some(),
        "fallback_kind": fallback.map(|fallback| fallback.kind.name()),
        "fallback_reason": fallback.map(|fallback| fallback.reason.to_string()),
    })
}
