//! The page: what of a report stands where.

use minijinja::{Environment, context};
use routellm_core::eval::{EvalReport, PairChoice, ResultReport, Role, TableReport};
use routellm_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::figures::{apgr, cpt};
use super::grid::{Cell, Grid, Row, percent, plain, usd};
use super::plot::Hue;
use super::{Losses, image, parts, plots};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A section of the page.
#[derive(Debug, Serialize)]
struct Section {
    id: String,
    name: String,
    about: Vec<String>,
    warnings: Vec<String>,
    summary: Grid,
    chooser: Option<Chooser>,
    plots: Vec<PagePlot>,
    parts: Vec<parts::Part>,
}

#[derive(Debug, Serialize)]
struct PagePlot {
    id: String,
    svg: String,
    caption: String,
}

/// The slider, and the points that it goes along.
#[derive(Debug, Serialize)]
struct Chooser {
    names: Vec<String>,
    costs: bool,
    data: String,
}

/// The page as one text.
///
/// # Errors
/// `Internal` if a plot or the template fails, which no data should bring about.
pub(super) fn html(report: &EvalReport, losses: Option<&Losses>) -> Result<String> {
    let sections = report.tables.iter().enumerate().map(|(i, table)| section(report, table, i));
    let sections = sections.collect::<Result<Vec<_>>>()?;
    let training = losses.and_then(plots::losses).map(inline).transpose()?;
    let names: Vec<&str> = report.routers.iter().map(|router| router.name.as_str()).collect();
    let mut environment = Environment::new();
    environment
        .add_template("page.html", TEMPLATE)
        .and_then(|()| {
            environment.get_template("page.html")?.render(context! {
                version => report.version,
                title => format!("Routers: {}", names.join(", ")),
                about => about(report),
                overview => overview(report),
                training => training,
                tables => sections,
                footer => footer(report),
                style => STYLE,
                script => SCRIPT,
            })
        })
        .map_err(|error| Error::new(ErrorKind::Internal, format!("the page of the report: {error:#}")))
}

/// A name that files and links take.
pub(super) fn slug(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "table".to_owned() } else { parts.join("-") }
}

fn about(report: &EvalReport) -> Vec<String> {
    let mut lines = vec![
        "A router decides before any model is called. A curve shows what quality that gives at each share of the strong \
         model; APGR is the share of the quality gap that is recovered, averaged over all shares (0.5 is a coin), CPT(50%) \
         the share of the strong model that recovers half of the gap."
            .to_owned(),
    ];
    if report.draws > 0 {
        lines.push(format!(
            "In brackets {:.0} % intervals of a bootstrap over prompts, {} draws, seed {}.",
            100.0 * report.confidence,
            report.draws,
            report.seed
        ));
    }
    lines
}

/// APGR of each router on each table.
fn overview(report: &EvalReport) -> Option<Grid> {
    if report.tables.len() < 2 {
        return None;
    }
    let head: Vec<&str> =
        ["APGR"].into_iter().chain(report.tables.iter().map(|table| table.name.as_str())).collect();
    let mut grid = Grid::new("APGR on each table", &head);
    for name in
        ["random", "length"].into_iter().chain(report.routers.iter().map(|router| router.name.as_str()))
    {
        let of = |table: &TableReport| {
            let pair = table.result(name).and_then(|result| result.pair.as_ref());
            Cell::estimate(pair.and_then(apgr), plain)
        };
        let color = report.routers.iter().position(|router| router.name == name);
        let cells = report.tables.iter().map(of).collect();
        grid.rows.push(Row {
            name: name.to_owned(),
            color: color.map(|i| i % 8),
            router: color.is_some(),
            cells,
        });
    }
    Some(grid)
}

fn inline(plot: plots::Named) -> Result<PagePlot> {
    Ok(PagePlot { id: plot.id, svg: image::inline(&plot.plot)?, caption: plot.caption })
}

fn section(report: &EvalReport, table: &TableReport, number: usize) -> Result<Section> {
    let plots = plots::of(table).into_iter().map(inline).collect::<Result<_>>()?;
    Ok(Section {
        id: format!("{}-{number}", slug(&table.name)),
        name: table.name.clone(),
        about: about_table(table),
        warnings: warnings(table),
        summary: summary(report, table),
        chooser: chooser(table),
        plots,
        parts: parts::of(table),
    })
}

fn about_table(table: &TableReport) -> Vec<String> {
    let chosen = match table.pair_choice {
        PairChoice::Given => "as asked for",
        PairChoice::Router => "the router's own pair",
        PairChoice::TwoModels => "the only two models",
        PairChoice::MostVotes => "the two that most votes compare",
        PairChoice::BestAndCheapest => "the best and the cheapest",
        PairChoice::BestAndWorst => "the best and the worst",
        _ => "chosen from the table",
    };
    let mut lines = vec![format!(
        "{} rows of {} different prompts; {} is the strong model, {} the weak one ({chosen}).",
        table.rows, table.prompts, table.strong, table.weak
    )];
    let left_out: Vec<String> =
        [("resemble training data", table.contaminated), ("do not know both models", table.missing)]
            .into_iter()
            .map(|(why, rows)| (why.to_owned(), rows))
            .chain(table.dropped.iter().map(|(why, rows)| (why.clone(), *rows)))
            .filter(|(_, rows)| *rows > 0)
            .map(|(why, rows)| format!("{rows} ({why})"))
            .collect();
    if !left_out.is_empty() {
        lines.push(format!("Rows that were left out: {}.", left_out.join(", ")));
    }
    lines
}

fn warnings(table: &TableReport) -> Vec<String> {
    let mut lines = Vec::new();
    if table.rows < 200 {
        lines.push(format!("{} rows are few: look at the intervals before the figures.", table.rows));
    }
    if table.weighted {
        lines.push(
            "Each row knows the answer of one model: figures are estimates by inverse propensity, and a quality may be above 1."
                .to_owned(),
        );
    }
    if let Some(rows) = table.baseline_overlap.filter(|rows| *rows > 0) {
        lines.push(format!(
            "{rows} prompts are among those that the baselines linear and knn learned from: their figures are too good."
        ));
    }
    for group in &table.alike {
        lines.push(format!("Names that look like one model: {}.", group.join(", ")));
    }
    lines
}

fn summary(report: &EvalReport, table: &TableReport) -> Grid {
    let levels: Vec<String> =
        report.levels.iter().map(|level| format!("CPT({:.0}%)", 100.0 * level)).collect();
    let head: Vec<&str> = ["router", "APGR"]
        .into_iter()
        .chain(levels.iter().map(String::as_str))
        .chain(["what it is"])
        .collect();
    let mut grid = Grid::new("What each router recovers, and what it is compared with", &head);
    for result in &table.results {
        let mut cells = vec![Cell::estimate(result.pair.as_ref().and_then(apgr), plain)];
        for level in &report.levels {
            cells.push(Cell::estimate(result.pair.as_ref().and_then(|pair| cpt(pair, *level)), percent));
        }
        cells.push(Cell::words(what(report, result)));
        let (router, color) = match plots::color(table, result) {
            Hue::Router(number) => (true, Some(number % 8)),
            _ => (false, None),
        };
        grid.rows.push(Row { name: result.name.clone(), color, router, cells });
    }
    grid
}

fn what(report: &EvalReport, result: &ResultReport) -> String {
    if let Some(why) = &result.why {
        return why.clone();
    }
    if let Some(single) = &result.single {
        let quality =
            single.quality.map_or_else(String::new, |quality| format!(", quality {}", plain(quality)));
        let cost = single
            .cost_per_1000
            .map_or_else(String::new, |cost| format!(", {} per 1,000 requests", usd(cost)));
        return format!("{}{quality}{cost}", single.name);
    }
    match report.routers.iter().find(|router| router.name == result.name) {
        Some(router) if result.role == Role::Router => format!("a router of kind {}", router.kind),
        _ => result.about.clone(),
    }
}

/// What the slider goes along: the routers' thresholds.
fn chooser(table: &TableReport) -> Option<Chooser> {
    let routers: Vec<&ResultReport> = table
        .results
        .iter()
        .filter(|result| result.role == Role::Router && result.thresholds.len() > 1)
        .collect();
    let mut data = Map::new();
    let mut costs = false;
    for result in &routers {
        let (first, last) = (result.thresholds.first()?.quality, result.thresholds.last()?.quality);
        let points = result.thresholds.iter().map(|point| {
            costs |= point.cost_per_1000.is_some();
            let pgr = (last > first).then(|| (point.quality - first) / (last - first));
            json!({
                "threshold": point.threshold, "strong_share": point.strong_share, "quality": point.quality,
                "cost_per_1000": point.cost_per_1000, "pgr": pgr,
            })
        });
        data.insert(result.name.clone(), Value::Array(points.collect()));
    }
    (!routers.is_empty()).then(|| Chooser {
        names: routers.iter().map(|result| result.name.clone()).collect(),
        costs,
        // No name may end the element that this stands in.
        data: Value::Object(data).to_string().replace('<', "\\u003c"),
    })
}

fn footer(report: &EvalReport) -> Vec<String> {
    let mut lines =
        vec![format!("Written by routellm {}. The same numbers stand in report.json.", report.version)];
    for router in &report.routers {
        let default = match (router.default_threshold, router.default_strong_share) {
            (Some(threshold), Some(share)) => {
                format!("; by default it aims at {} strong, threshold {threshold:.4}", percent(share))
            }
            _ => String::new(),
        };
        lines.push(format!(
            "{}: {}, {} against {}, checksum {}{default}.",
            router.name,
            router.kind,
            router.strong,
            router.weak,
            router.checksum.get(..16).unwrap_or(&router.checksum)
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_links() {
        assert_eq!(slug("mt-bench"), "mt-bench");
        assert_eq!(slug("My data (2)"), "my-data-2");
        assert_eq!(slug("数据"), "table");
    }
}
