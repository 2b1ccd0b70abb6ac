//! `routellm route`.

use routellm_core::{CallOptions, Decision, Result};
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
    #[arg(short, long, group = "policy")]
    threshold: Option<f64>,
    /// The share of ordinary traffic that goes to the strong model, in [0, 1].
    #[arg(short, long, group = "policy")]
    strong_share: Option<f64>,
    /// The most quality minus this times the cost in USD per 1,000 requests.
    #[arg(long, value_name = "WEIGHT", group = "policy")]
    cost_weight: Option<f64>,
    /// The cheapest candidate of at least this quality, in [0, 1].
    #[arg(long, value_name = "QUALITY", group = "policy")]
    min_quality: Option<f64>,
    /// USD per 1,000 requests, met on the calibration sample.
    #[arg(long, value_name = "USD", group = "policy")]
    budget: Option<f64>,
    /// Only this candidate may be chosen; repeatable.
    #[arg(long = "candidate", value_name = "NAME")]
    candidates: Vec<String>,
    /// What the chosen candidate has to be able to do, vision for example; repeatable.
    #[arg(long, value_name = "CAPABILITY")]
    requires: Vec<String>,
    /// What to do with a prompt that cannot be scored: raise, strong, weak or a candidate.
    #[arg(long, value_name = "WHAT")]
    on_error: Option<String>,
}

impl Route {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let router = self.opening.open()?;
        let options = self.options()?;
        let prompts = self.prompts.read()?;
        let decisions = router.route_batch(prompts.iter().map(String::as_str), &options)?;
        if output.is_json() {
            return decisions.iter().try_for_each(|decision| output.json_line(&members(decision)));
        }
        // Win rates and sides belong to the policies of the pair, qualities and costs to the others.
        let compared = decisions.iter().any(|decision| decision.quality.is_some());
        let rows = prompts.iter().zip(&decisions).map(|(prompt, decision)| row(prompt, decision, compared));
        let head = if compared {
            ["model", "quality", "USD", "prompt"]
        } else {
            ["side", "model", "win rate", "prompt"]
        };
        output.table(&head, rows.collect())
    }

    /// The options of the call. The core says which of them exclude each other.
    fn options(&self) -> Result<CallOptions> {
        let list = |names: &[String]| (!names.is_empty()).then(|| names.to_vec());
        let given = json!({
            "threshold": self.threshold,
            "strong_share": self.strong_share,
            "cost_weight": self.cost_weight,
            "min_quality": self.min_quality,
            "budget": self.budget,
            "candidates": list(&self.candidates),
            "requires": list(&self.requires),
            "on_error": self.on_error,
        });
        let mut options = CallOptions::new();
        options.set_json(given.to_string().as_bytes())?;
        Ok(options.cancel(crate::interrupt::token().clone()))
    }
}

fn row(prompt: &str, decision: &Decision, compared: bool) -> Vec<String> {
    let mut shown: String =
        prompt.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if prompt.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    let number = |number: Option<f64>, digits: usize| {
        number.map_or_else(String::new, |number| format!("{number:.digits$}"))
    };
    let model = decision.model.to_string();
    if compared {
        return vec![model, number(decision.quality, 4), number(decision.expected_cost, 6), shown];
    }
    let side = decision.side.map_or_else(String::new, |side| side.name().to_owned());
    vec![side, model, number(decision.win_rate, 4), shown]
}

/// A decision as the other languages show it as a mapping.
fn members(decision: &Decision) -> serde_json::Value {
    let fallback = decision.fallback.as_ref();
    json!({
        "model": &*decision.model,
        "side": decision.side.map(routellm_core::Side::name),
        // <faces:members>
        "win_rate": decision.win_rate,
        "threshold": decision.threshold,
        "truncated": decision.truncated,
        "similarity": decision.similarity,
        "out_of_distribution": decision.out_of_distribution,
        "no_score": decision.no_score,
        "propensity": decision.propensity,
        "id": decision.id.map(|id| id.to_string()),
        "candidate": decision.candidate,
        "quality": decision.quality,
        "expected_cost": decision.expected_cost,
        // </faces:members>
        "fallback": fallback.is_some(),
        "fallback_kind": fallback.map(|fallback| fallback.kind.name()),
        "fallback_reason": fallback.map(|fallback| fallback.reason.to_string()),
    })
}
