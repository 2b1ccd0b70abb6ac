//! Which plots a table of a report has.

use routellm_core::eval::{ResultReport, Role, TableReport};

use super::plot::{Axis, Bar, Hue, Plot, Series, Unit, room};

/// A plot of a table.
pub(super) struct Named {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) plot: Plot,
}

/// The colour of a router or baseline: of the router of its number, or quiet.
pub(super) fn color(table: &TableReport, result: &ResultReport) -> Hue {
    match result.role {
        Role::Router => Hue::Router(
            table
                .results
                .iter()
                .filter(|other| other.role == Role::Router)
                .position(|other| other.name == result.name)
                .unwrap_or(0),
        ),
        _ if result.name == "oracle" => Hue::Oracle,
        _ => Hue::Quiet,
    }
}

/// All plots of a table that its rows are enough for.
pub(super) fn of(table: &TableReport) -> Vec<Named> {
    [curve(table), cost(table)].into_iter().flatten().collect()
}

/// Quality against the strong share, with bands, random and oracle.
fn curve(table: &TableReport) -> Option<Named> {
    let mut series = Vec::new();
    for result in &table.results {
        let color = color(table, result);
        let points = result.thresholds.iter().map(|point| (point.strong_share, point.quality)).collect();
        let mut line = Series::line(&result.name, color, points);
        line.dashed = result.role == Role::Baseline;
        if result.thresholds.len() > 1 {
            series.push(line);
        }
    }
    let quality = room(series.iter().flat_map(|one| &one.points).map(|(_, quality)| *quality));
    (!series.is_empty()).then(|| Named {
        id: "curve",
        caption: format!(
            "Mean quality of the answers when this share of the prompts goes to {}. Bands are intervals at each share. The \
             oracle knows every answer's quality before it decides.",
            table.strong
        ),
        plot: Plot {
            title: format!("{}: quality against the share of the strong model", table.name),
            x: Axis::new("share of the strong model", 0.0..1.0, Unit::Percent),
            y: Axis::new("quality", quality, Unit::Plain),
            series,
            bars: Vec::new(),
        },
    })
}

/// Quality against USD: routers along their thresholds, and every model alone.
fn cost(table: &TableReport) -> Option<Named> {
    let mut series = Vec::new();
    for result in table.results.iter().filter(|result| result.role == Role::Router) {
        let points: Vec<(f64, f64)> = result
            .thresholds
            .iter()
            .filter_map(|point| Some((point.cost_per_1000?, point.quality)))
            .collect();
        if points.len() > 1 {
            series.push(Series::line(&result.name, color(table, result), points));
        }
    }
    let alone: Vec<(f64, f64)> =
        table.models.iter().filter_map(|model| Some((model.cost_per_1000?, model.quality?))).collect();
    if series.is_empty() && alone.len() < 2 {
        return None;
    }
    let mut models = Series::line("one model for everything", Hue::Quiet, alone);
    models.dots = true;
    series.push(models);
    let points = || series.iter().flat_map(|one| &one.points);
    let most = points().map(|(usd, _)| *usd).fold(0.0, f64::max);
    let quality = room(points().map(|(_, quality)| *quality));
    (most > 0.0).then(|| Named {
        id: "cost",
        caption: "Mean quality against what 1,000 requests cost, at every threshold; dots are models that answer everything."
            .to_owned(),
        plot: Plot {
            title: format!("{}: quality against cost", table.name),
            x: Axis::new("USD per 1,000 requests", 0.0..most * 1.06, Unit::Usd),
            y: Axis::new("quality", quality, Unit::Plain),
            series,
            bars: Vec::new(),
        },
    })
}
