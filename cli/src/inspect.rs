//! What is in a file of rows.

use std::collections::BTreeMap;

use routellm_core::Result;
use routellm_core::preference::Summary;
use serde::Serialize;

use crate::language::language;
use crate::output::Output;

/// A summary, and the languages of the prompts.
#[derive(Serialize)]
pub(crate) struct Inspection {
    #[serde(flatten)]
    summary: Summary,
    /// Rows by the language of their prompt (ISO 639-3); `unknown` where it cannot be told, as of code or a few words.
    languages: BTreeMap<&'static str, usize>,
}

impl Inspection {
    pub(crate) fn new<'a>(summary: Summary, prompts: impl Iterator<Item = &'a str>) -> Self {
        let mut languages = BTreeMap::new();
        for prompt in prompts {
            *languages.entry(language(prompt)).or_default() += 1;
        }
        Self { summary, languages }
    }
}

/// Models and pairs that are shown; `--json` has all of them.
const SHOWN: usize = 20;

/// # Errors
/// `Io`.
pub(crate) fn tell(inspection: &Inspection, output: &mut Output) -> Result<()> {
    let Inspection { summary, languages } = inspection;
    let prompts = &summary.prompts;
    let dropped = |(reason, rows): (&&str, &usize)| format!("{rows} ({reason})");
    let dropped: Vec<String> = summary.dropped.iter().map(dropped).collect();
    let [least, lower, median, upper, most] = prompts.bytes;
    output.facts(&[
        ("rows", format!("{} of {}", summary.rows, summary.kind)),
        ("left out", if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") }),
        (
            "prompts",
            format!(
                "{} different, {} repeated, {} nearly the same as another, {} empty",
                prompts.distinct, prompts.repeated, prompts.near_duplicates, prompts.empty
            ),
        ),
        ("bytes", format!("{least} to {most}, quartiles {lower}, {median}, {upper}")),
        ("languages", most_frequent(languages)),
        ("beyond ASCII", format!("{:.1} % of the rows", prompts.beyond_ascii_permille as f64 / 10.0)),
    ])?;
    let mut models: Vec<_> = summary.models.iter().collect();
    models.sort_by(|a, b| b.1.quality.total_cmp(&a.1.quality).then_with(|| a.0.cmp(b.0)));
    let rows = models
        .iter()
        .take(SHOWN)
        .map(|(name, model)| vec![(*name).clone(), model.rows.to_string(), format!("{:.3}", model.quality)]);
    let measure = if summary.kind == "votes" { "share of wins" } else { "mean quality" };
    output.line("")?;
    output.table(&["model", "rows", measure], rows.collect())?;
    more(models.len(), output)?;
    let rows = summary.pairs.iter().take(SHOWN).map(|pair| {
        let counts = [pair.rows, pair.wins, pair.losses, pair.ties].map(|count| count.to_string());
        [pair.better.clone(), pair.worse.clone()].into_iter().chain(counts).collect()
    });
    output.line("")?;
    output.table(&["--strong", "--weak", "rows", "wins", "losses", "ties"], rows.collect())?;
    more(summary.pairs.len(), output)
}

/// The languages of the most rows, with their shares.
fn most_frequent(languages: &BTreeMap<&'static str, usize>) -> String {
    let rows: usize = languages.values().sum();
    let mut order: Vec<_> = languages.iter().collect();
    order.sort_by_key(|(name, rows)| (std::cmp::Reverse(**rows), **name));
    let share = |rows: usize, all: usize| format!("{:.1} %", 100.0 * rows as f64 / all.max(1) as f64);
    let told: Vec<String> =
        order.iter().take(5).map(|(name, count)| format!("{name} {}", share(**count, rows))).collect();
    let others = order.len().saturating_sub(5);
    if others == 0 { told.join(", ") } else { format!("{}, {others} others", told.join(", ")) }
}

fn more(count: usize, output: &mut Output) -> Result<()> {
    if count <= SHOWN {
        Ok(())
    } else {
        output.line(&format!("and {} more: --json has all of them", count - SHOWN))
    }
}
