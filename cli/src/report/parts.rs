//! The tables below the plots of a section.

use routellm_core::eval::{TableReport, TradeOff};
use serde::Serialize;

use super::figures::saving;
use super::grid::{Cell, Grid, count, percent, plain, signed, signed_percent, usd};

/// Some tables under one title.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    title: String,
    about: Vec<String>,
    /// Whether each table is folded until it is asked for.
    folded: bool,
    grids: Vec<Grid>,
}

impl Part {
    fn new(title: &str, about: &str, grids: Vec<Grid>) -> Option<Self> {
        let about = if about.is_empty() { Vec::new() } else { vec![about.to_owned()] };
        (!grids.is_empty()).then(|| Self { title: title.to_owned(), about, folded: false, grids })
    }
}

pub(super) fn of(table: &TableReport) -> Vec<Part> {
    [
        figures(table),
        comparisons(table),
        any_model(table),
        models(table),
        slices(table),
        clothes(table),
        attacks(table),
        wrong(table),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The figures beside APGR and CPT.
fn figures(table: &TableReport) -> Option<Part> {
    let pairs = || table.results.iter().filter_map(|result| Some((result, result.pair.as_ref()?)));
    let mut quality = Grid::new(
        "Mean quality over all shares, how many strong calls a random router needs for each of this one, calibration error",
        &["router", "AUC", "saving at 50 %", "ECE"],
    );
    let mut cost = Grid::new(
        "Quality for money: PerfGain and CostSave (LLMRouterBench), AIQ (RouterBench), the score of RouterArena",
        &["router", "PerfGain", "CostSave", "AIQ", "RouterArena"],
    );
    for (result, pair) in pairs() {
        quality.push(
            &result.name,
            vec![
                Cell::estimate(Some(&pair.router.auc), plain),
                Cell::estimate(saving(pair, 0.5), |ratio| format!("{ratio:.2}")),
                Cell::estimate(pair.calibration_error.as_ref(), plain),
            ],
        );
        if let Some(of) = &pair.cost {
            cost.push(
                &result.name,
                vec![
                    Cell::estimate(of.perf_gain.as_ref(), percent),
                    Cell::estimate(of.cost_save.as_ref(), percent),
                    Cell::estimate(of.aiq.as_ref(), plain),
                    Cell::estimate(of.arena_score.as_ref(), plain),
                ],
            );
        }
    }
    let (_, first) = pairs().next()?;
    let about = format!(
        "The strong model alone has a mean quality of {}, the weak one of {}.",
        plain(first.strong_quality.value),
        plain(first.weak_quality.value)
    );
    let grids = [quality, cost].into_iter().filter(|grid| !grid.rows.is_empty()).collect();
    Part::new("More figures", &about, grids)
}

fn comparisons(table: &TableReport) -> Option<Part> {
    let mut gap = Grid::new(
        "APGR of the first minus that of the second, on the same prompts",
        &["pair", "difference", "p", "prompts needed"],
    );
    let levels = table.comparisons.first().map_or(&[][..], |one| &one.cpt);
    let head: Vec<String> = ["pair".to_owned(), "AUC".to_owned()]
        .into_iter()
        .chain(levels.iter().map(|cpt| format!("CPT({:.0}%)", 100.0 * cpt.level)))
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut others = Grid::new("Other figures of the first minus those of the second", &head);
    for one in &table.comparisons {
        let name = format!("{} and {}", one.a, one.b);
        match &one.apgr {
            Some(test) => gap.push(
                name.clone(),
                vec![
                    Cell::estimate(Some(&test.difference), signed),
                    Cell::number(format!("{:.3}", test.p_value)),
                    Cell::of(test.prompts_needed, count),
                ],
            ),
            None => {
                gap.push(name.clone(), vec![Cell::none(), Cell::words(one.why.clone().unwrap_or_default())]);
            }
        }
        let cpt = one
            .cpt
            .iter()
            .map(|cpt| Cell::estimate(cpt.test.as_ref().map(|test| &test.difference), signed_percent));
        others
            .push(name, [Cell::estimate(Some(&one.auc.difference), signed)].into_iter().chain(cpt).collect());
    }
    let about = "Where the interval holds 0, these prompts do not tell the two apart. So many prompts of this kind are needed to \
                 find a difference of this size four times out of five.";
    let grids = if gap.rows.is_empty() { Vec::new() } else { vec![gap, others] };
    Part::new("Which is better", about, grids)
}

/// Choosing among all models of the table.
fn any_model(table: &TableReport) -> Option<Part> {
    let mut grid = Grid::new(
        "What is expected to be best for each prompt, whatever it costs; AIQ is the mean quality over all budgets",
        &["router", "AIQ", "quality", "USD per 1,000"],
    );
    let of = |one: &TradeOff| {
        vec![
            Cell::none(),
            Cell::estimate(Some(&one.quality), plain),
            Cell::estimate(Some(&one.cost_per_1000), usd),
        ]
    };
    for result in &table.results {
        let Some((models, free)) = result.models.as_ref().and_then(|of| Some((of, of.curve.first()?))) else {
            continue;
        };
        let mut cells = of(free);
        cells[0] = Cell::estimate(models.aiq.as_ref(), plain);
        grid.push(&result.name, cells);
    }
    let first = table.results.iter().find_map(|result| result.models.as_ref())?;
    grid.push(
        format!("{} for everything", first.best_single.model.as_deref().unwrap_or("one")),
        of(&first.best_single),
    );
    grid.push("oracle", of(&first.oracle));
    let about = format!("{} models, {} rows that know all of them.", first.models.len(), first.rows);
    Part::new("Any model for each prompt", &about, vec![grid])
}

fn models(table: &TableReport) -> Option<Part> {
    let mut grid = Grid::new("Every model of the table", &["model", "quality", "USD per 1,000", "rows"]);
    for model in &table.models {
        grid.push(
            &model.name,
            vec![
                Cell::of(model.quality, plain),
                Cell::of(model.cost_per_1000, usd),
                Cell::number(model.rows.to_string()),
            ],
        );
    }
    let mut part = Part::new("Models", "", vec![grid])?;
    part.folded = table.models.len() > 6;
    Some(part)
}

fn slices(table: &TableReport) -> Option<Part> {
    let grids = table.slices.iter().map(|slice| {
        let names = slice.values.first().map_or(&[][..], |value| &value.results);
        let head: Vec<String> = ["value", "rows", "strong", "weak"]
            .map(str::to_owned)
            .into_iter()
            .chain(names.iter().map(|result| format!("APGR {}", result.name)))
            .collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let mut grid = Grid::new(format!("By {}", slice.column), &head);
        for value in &slice.values {
            let mut cells = vec![
                Cell::number(value.rows.to_string()),
                Cell::of(value.strong_quality, plain),
                Cell::of(value.weak_quality, plain),
            ];
            cells.extend(value.results.iter().map(|result| Cell::estimate(result.apgr.as_ref(), plain)));
            grid.push(if value.value.is_empty() { "(none)" } else { &value.value }, cells);
        }
        grid
    });
    let mut part = Part::new(
        "Slices",
        "Mean quality of both models, and what each router recovers within the slice.",
        grids.collect(),
    )?;
    part.folded = true;
    Some(part)
}

fn clothes(table: &TableReport) -> Option<Part> {
    let grids = table.results.iter().filter_map(|result| {
        let found = result.robustness.as_ref()?;
        let mut grid = Grid::new(
            format!(
                "{}, on {} rows: APGR {}",
                result.name,
                found.rows,
                Cell::estimate(found.apgr.as_ref(), plain).text
            ),
            &["clothes", "changed", "APGR", "difference", "win rates move by", "sides that change"],
        );
        for one in &found.clothes {
            grid.push(
                &one.name,
                vec![
                    Cell::number(percent(one.changed)),
                    Cell::of(one.apgr.as_ref().map(|apgr| apgr.value), plain),
                    Cell::estimate(one.difference.as_ref(), signed),
                    Cell::number(plain(one.moved)),
                    Cell::number(percent(one.flipped)),
                ],
            );
        }
        Some(grid)
    });
    Part::new(
        "The same questions in other clothes",
        "A router that reads the question gives it the same win rate however it is written down.",
        grids.collect(),
    )
}

fn attacks(table: &TableReport) -> Option<Part> {
    let grids = table.results.iter().filter_map(|result| {
        let found = result.robustness.as_ref()?;
        let mut grid = Grid::new(
            format!("{}: at a threshold that sends {} to strong", result.name, percent(found.strong_share)),
            &["attack", "to strong", "raised by", "of the weak ones forced", "USD per 1,000 more"],
        );
        for one in &found.attacks {
            grid.push(
                &one.name,
                vec![
                    Cell::number(percent(one.strong_share)),
                    Cell::number(signed(one.raised)),
                    Cell::of(one.forced, percent),
                    Cell::of(one.cost_raised_per_1000, usd),
                ],
            );
        }
        Some(grid)
    });
    Part::new(
        "Attempts to force the strong model",
        "What somebody gains who puts a text before or behind every prompt, and what it costs.",
        grids.collect(),
    )
}

fn wrong(table: &TableReport) -> Option<Part> {
    let grids = table.results.iter().filter(|result| !result.most_wrong.is_empty()).map(|result| {
        let with_prompts = result.most_wrong.iter().any(|one| one.prompt.is_some());
        let head =
            ["row", "win rate", "rank", "strong", "weak", if with_prompts { "prompt" } else { "bytes" }];
        let mut grid = Grid::new(format!("Where {} was most wrong", result.name), &head);
        for one in &result.most_wrong {
            let last = match &one.prompt {
                Some(prompt) => Cell::words(shortened(prompt)),
                None => Cell::number(one.bytes.to_string()),
            };
            grid.push(
                one.row.to_string(),
                vec![
                    Cell::number(plain(one.win_rate)),
                    Cell::number(percent(one.rank)),
                    Cell::number(plain(one.strong)),
                    Cell::number(plain(one.weak)),
                    last,
                ],
            );
        }
        grid
    });
    let mut part = Part::new(
        "Most wrong",
        "Strong was needed and the win rate was low, or the other way round. Rows are counted from 0.",
        grids.collect(),
    )?;
    part.folded = true;
    Some(part)
}

/// Characters of a prompt that a table shows.
const SHOWN: usize = 400;

fn shortened(prompt: &str) -> String {
    match prompt.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} ...", &prompt[..end]),
        None => prompt.to_owned(),
    }
}
