//! An evaluation as tables for people.

use routellm_core::Result;
use routellm_core::eval::{Estimate, EvalReport, ResultReport, TableReport};

use crate::output::Output;

/// # Errors
/// `Io`.
pub(crate) fn tell(report: &EvalReport, output: &mut Output) -> Result<()> {
    for (i, table) in report.tables.iter().enumerate() {
        if i > 0 {
            output.line("")?;
        }
        tell_table(report, table, output)?;
    }
    Ok(())
}

fn tell_table(report: &EvalReport, table: &TableReport, output: &mut Output) -> Result<()> {
    let left_out: Vec<String> =
        [("contaminated", table.contaminated), ("without both models", table.missing)]
            .into_iter()
            .map(|(why, rows)| (why.to_owned(), rows))
            .chain(table.dropped.iter().map(|(why, rows)| (why.clone(), *rows)))
            .filter(|(_, rows)| *rows > 0)
            .map(|(why, rows)| format!("{rows} {why}"))
            .collect();
    let left_out =
        if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
    output.line(&format!(
        "{}: {} rows, {} prompts, {} against {}{left_out}",
        table.name, table.rows, table.prompts, table.strong, table.weak
    ))?;
    let levels: Vec<String> =
        report.levels.iter().map(|level| format!("CPT({:.0}%)", 100.0 * level)).collect();
    let head: Vec<&str> = ["router", "APGR"].into_iter().chain(levels.iter().map(String::as_str)).collect();
    let of = |result: &ResultReport| row(report, result);
    output.table(&head, table.results.iter().filter(|result| result.pair.is_some()).map(of).collect())?;
    let best = table.results.iter().find_map(|result| result.single.as_ref());
    if let Some((name, quality)) = best.and_then(|single| Some((&single.name, single.quality?))) {
        let cost = best.and_then(|single| single.cost_per_1000);
        let cost = cost.map_or_else(String::new, |usd| format!(", {usd:.3} USD per 1,000 requests"));
        output.line(&format!("best single model: {name}, quality {quality:.3}{cost}"))?;
    }
    for result in &table.results {
        let Some(models) = &result.models else { continue };
        let Some(aiq) = &models.aiq else { continue };
        output.line(&format!(
            "{} among {} models on {} rows: AIQ {}",
            result.name,
            models.models.len(),
            models.rows,
            figure(aiq, 1.0, 3)
        ))?;
    }
    differences(table, output)?;
    if let Some(rows) = table.baseline_overlap.filter(|rows| *rows > 0) {
        output.line(&format!(
            "{rows} rows are among those that the baselines were trained on: their figures are too good"
        ))?;
    }
    robustness(table, output)
}

fn row(report: &EvalReport, result: &ResultReport) -> Vec<String> {
    let Some(pair) = &result.pair else { return Vec::new() };
    let apgr = pair.router.apgr.as_ref().map_or_else(|| "-".to_owned(), |apgr| figure(apgr, 1.0, 3));
    let levels = report.levels.iter().map(|level| {
        let cpt = pair.router.cpt.iter().find(|cpt| cpt.level == *level);
        let cpt = cpt.and_then(|cpt| cpt.strong_share);
        cpt.map_or_else(|| "-".to_owned(), |cpt| figure(&cpt, 100.0, 0))
    });
    [result.name.clone(), apgr].into_iter().chain(levels).collect()
}

/// `.672 [.634, .712]`, or `31 % [24, 34]`.
fn figure(estimate: &Estimate, scale: f64, digits: usize) -> String {
    let number = |value: f64| {
        let text = format!("{:.digits$}", scale * value);
        text.strip_prefix("0.").map_or(text.clone(), |rest| format!(".{rest}"))
    };
    let unit = if scale == 1.0 { "" } else { " %" };
    let value = number(estimate.value);
    match (estimate.low.is_finite(), estimate.high.is_finite()) {
        (true, true) => format!("{value}{unit} [{}, {}]", number(estimate.low), number(estimate.high)),
        _ => format!("{value}{unit}"),
    }
}

/// What tells two routers apart; baselines are in the report.
fn differences(table: &TableReport, output: &mut Output) -> Result<()> {
    let is_router = |name: &str| {
        table.result(name).is_some_and(|result| result.role == routellm_core::eval::Role::Router)
    };
    for one in table.comparisons.iter().filter(|one| is_router(&one.b)) {
        let Some(test) = &one.apgr else { continue };
        let needed = test.prompts_needed.map_or_else(String::new, |prompts| {
            format!("; a difference of this size needs {prompts:.0} prompts to be found")
        });
        output.line(&format!(
            "{} minus {}: APGR {}, p = {:.3}{needed}",
            one.a,
            one.b,
            figure(&test.difference, 1.0, 3),
            test.p_value
        ))?;
    }
    Ok(())
}

/// The clothes that cost a router most, and the attack that raises its share most.
fn robustness(table: &TableReport, output: &mut Output) -> Result<()> {
    for result in &table.results {
        let Some(robustness) = &result.robustness else { continue };
        let apgr = |clothes: &&routellm_core::eval::Clothes| {
            clothes.apgr.as_ref().map_or(f64::INFINITY, |apgr| apgr.value)
        };
        let worst = robustness.clothes.iter().min_by(|a, b| apgr(a).total_cmp(&apgr(b)));
        let attack = robustness.attacks.iter().max_by(|a, b| a.raised.total_cmp(&b.raised));
        let (Some(worst), Some(attack)) = (worst, attack) else { continue };
        let number = |estimate: &Option<Estimate>| {
            estimate.as_ref().map_or_else(
                || "-".to_owned(),
                |estimate| figure(&Estimate::new(estimate.value, f64::NEG_INFINITY, f64::INFINITY), 1.0, 3),
            )
        };
        output.line(&format!(
            "{} on {} rows: APGR {}, in other clothes at worst {} ({}); {:.0} % strong, under attack at most {:.0} % ({})",
            result.name,
            robustness.rows,
            number(&robustness.apgr),
            number(&worst.apgr),
            worst.name,
            100.0 * robustness.strong_share,
            100.0 * attack.strong_share,
            attack.name
        ))?;
    }
    Ok(())
}
