//! A summary of rows, for people.

use routellm_core::Result;
use routellm_core::preference::Summary;

use crate::output::Output;

/// Models and pairs that are shown; `--json` has all of them.
const SHOWN: usize = 20;

/// # Errors
/// `Io`.
pub(crate) fn tell(summary: &Summary, output: &mut Output) -> Result<()> {
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
                "{} different, {} repeated, {} alike but for case and layout, {} empty",
                prompts.distinct, prompts.repeated, prompts.near_duplicates, prompts.empty
            ),
        ),
        ("bytes", format!("{least} to {most}, quartiles {lower}, {median}, {upper}")),
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

fn more(count: usize, output: &mut Output) -> Result<()> {
    if count <= SHOWN {
        Ok(())
    } else {
        output.line(&format!("and {} more: --json has all of them", count - SHOWN))
    }
}
