//! Which plots a table of a report has.

use routellm_core::eval::{CurvePoint, PairReport, ResultReport, Role, TableReport, TradeOff};

use super::Losses;
use super::plot::{Axis, Bar, Hue, Plot, Series, Unit, room};

/// A plot of a table.
pub(super) struct Named {
    pub(super) id: String,
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
    let mut plots: Vec<Named> = [curve(table), cost(table), models(table)].into_iter().flatten().collect();
    plots.extend(histogram(table));
    plots.extend(reliability(table));
    plots
}

/// The loss of each epoch of a training; none of a training without epochs.
pub(super) fn losses(of: &Losses) -> Option<Named> {
    let points = |losses: &[f64]| -> Vec<(f64, f64)> {
        losses.iter().enumerate().map(|(epoch, loss)| (epoch as f64 + 1.0, *loss)).collect()
    };
    let mut series = vec![Series::line("training", Hue::Router(0), points(&of.train))];
    let mut kept = Vec::new();
    if !of.held_out.is_empty() {
        series.push(Series::line("held out", Hue::Router(1), points(&of.held_out)));
        kept.extend(points(&of.held_out).get(of.kept).copied());
    }
    series.push(Series { dots: true, ..Series::line("kept", Hue::Oracle, kept) });
    let values = series.iter().flat_map(|one| &one.points).map(|(_, loss)| *loss);
    let (most, last) = (values.fold(f64::NAN, f64::max), of.train.len() as f64);
    (last > 1.0 && most.is_finite()).then(|| Named {
        id: "loss".to_owned(),
        caption: "Mean loss of each epoch: over the comparisons that were learned from, before each step, and over those that \
                  choose the epoch. None of them is among the rows below."
            .to_owned(),
        plot: Plot {
            title: "Training: loss of each epoch".to_owned(),
            x: Axis::new("epoch", 1.0..last, Unit::Count),
            y: Axis::new("loss", 0.0..most * 1.06, Unit::Plain),
            series: series.into_iter().filter(|one| !one.points.is_empty()).collect(),
            bars: Vec::new(),
        },
    })
}

/// The routers of a table with their figures.
fn routers(table: &TableReport) -> impl Iterator<Item = (&ResultReport, &PairReport)> {
    let routers = table.results.iter().filter(|result| result.role == Role::Router);
    routers.filter_map(|result| Some((result, result.pair.as_ref()?)))
}

fn line(name: &str, color: Hue, points: &[CurvePoint], dashed: bool) -> Series {
    let banded =
        points.iter().filter(|point| point.quality.low.is_finite() && point.quality.high.is_finite());
    Series {
        band: banded.map(|point| (point.strong_share, point.quality.low, point.quality.high)).collect(),
        dashed,
        ..Series::line(
            name,
            color,
            points.iter().map(|point| (point.strong_share, point.quality.value)).collect(),
        )
    }
}

/// Quality against the strong share, with bands, random and oracle.
fn curve(table: &TableReport) -> Option<Named> {
    let mut series: Vec<Series> = routers(table)
        .map(|(result, pair)| line(&result.name, color(table, result), &pair.curve, false))
        .collect();
    // Both are about the rows, not about a router.
    let of_rows = table.results.iter().find_map(|result| result.pair.as_ref())?;
    series.insert(0, line("random", Hue::Quiet, &of_rows.random, true));
    let mut oracle = line("oracle", Hue::Oracle, &of_rows.oracle, true);
    oracle.band.clear();
    series.push(oracle);
    let quality = room(series.iter().flat_map(|one| &one.points).map(|(_, quality)| *quality));
    Some(Named {
        id: "curve".to_owned(),
        caption: format!(
            "Mean quality of the answers when this share of the prompts goes to {}. Bands are intervals at each share; random \
             routers fall into the grey one. The oracle knows the quality of every answer before it decides.",
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
        id: "cost".to_owned(),
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

fn place(of: &TradeOff) -> (f64, f64) {
    (of.cost_per_1000.value, of.quality.value)
}

fn band(of: &TradeOff) -> Option<(f64, f64, f64)> {
    let known = of.quality.low.is_finite() && of.quality.high.is_finite();
    known.then_some((of.cost_per_1000.value, of.quality.low, of.quality.high))
}

/// Quality against USD of routers that choose among all models, by the weight of cost.
fn models(table: &TableReport) -> Option<Named> {
    let mut series = Vec::new();
    for result in table.results.iter().filter(|result| result.role == Role::Router) {
        if let Some(models) = &result.models {
            series.push(Series {
                band: models.curve.iter().filter_map(band).collect(),
                ..Series::line(&result.name, color(table, result), models.curve.iter().map(place).collect())
            });
        }
    }
    let first = table.results.iter().find_map(|result| result.models.as_ref())?;
    let alone = table.models.iter().filter(|model| first.models.contains(&model.name));
    let alone = alone.filter_map(|model| Some((model.cost_per_1000?, model.quality?))).collect();
    series.push(Series { dots: true, ..Series::line("one model for everything", Hue::Quiet, alone) });
    let oracle = vec![place(&first.oracle)];
    series.push(Series { dots: true, ..Series::line("oracle", Hue::Oracle, oracle) });
    let points = || series.iter().flat_map(|one| &one.points);
    let most = points().map(|(usd, _)| *usd).fold(0.0, f64::max);
    let quality = room(points().map(|(_, quality)| *quality));
    (most > 0.0).then(|| Named {
        id: "models".to_owned(),
        caption: "Mean quality against what 1,000 requests cost, of routers that choose among all models: from what is expected \
                  to be best to where cost alone decides. The oracle takes the cheapest of the best answers."
            .to_owned(),
        plot: Plot {
            title: format!("{}: any model for each prompt", table.name),
            x: Axis::new("USD per 1,000 requests", 0.0..most * 1.06, Unit::Usd),
            y: Axis::new("quality", quality, Unit::Plain),
            series,
            bars: Vec::new(),
        },
    })
}

/// How many prompts have which win rate, a plot for each router.
fn histogram(table: &TableReport) -> Vec<Named> {
    let many = routers(table).count() > 1;
    routers(table)
        .map(|(result, pair)| {
            let color = color(table, result);
            let bars: Vec<Bar> = pair
                .histogram
                .iter()
                .map(|bin| Bar { from: bin.low, to: bin.high, height: bin.count as f64, color })
                .collect();
            let most = bars.iter().map(|bar| bar.height).fold(1.0, f64::max);
            let (low, high) =
                (bars.first().map_or(0.0, |bar| bar.from), bars.last().map_or(1.0, |bar| bar.to));
            let of = if many { format!(" of {}", result.name) } else { String::new() };
            Named {
                id: format!("histogram{}", suffix(many, result)),
                caption: format!("How many rows have which win rate{of}. A threshold parts them."),
                plot: Plot {
                    title: format!("{}: win rates{of}", table.name),
                    x: Axis::new("win rate", low..high, Unit::Plain),
                    y: Axis::new("rows", 0.0..most * 1.06, Unit::Count),
                    series: Vec::new(),
                    bars,
                },
            }
        })
        .collect()
}

/// Win rates against how often strong was better, a plot for each router.
fn reliability(table: &TableReport) -> Vec<Named> {
    let many = routers(table).count() > 1;
    routers(table)
        .filter_map(|(result, pair)| {
            let color = color(table, result);
            let filled = pair.reliability.iter().filter_map(|bin| Some((bin.score?, bin.strong_better?)));
            let (points, band): (Vec<_>, Vec<_>) = filled
                .map(|(score, better)| {
                    ((score.value, better.value), (score.value, better.low.max(0.0), better.high.min(1.0)))
                })
                .unzip();
            if points.is_empty() {
                return None;
            }
            let mut dots = Series::line("", color, points.clone());
            dots.dots = true;
            let mut even = Series::line("even", Hue::Quiet, vec![(0.0, 0.0), (1.0, 1.0)]);
            even.dashed = true;
            let joined = Series { band, ..Series::line(&result.name, color, points) };
            let of = if many { format!(" of {}", result.name) } else { String::new() };
            let error = pair.calibration_error.map_or_else(String::new, |error| {
                format!(" The expected calibration error is {:.3}.", error.value)
            });
            Some(Named {
                id: format!("reliability{}", suffix(many, result)),
                caption: format!(
                    "How often {} was the better one, by the win rate{of}. What lies on the dashed line is a probability.{error}",
                    table.strong
                ),
                plot: Plot {
                    title: format!("{}: reliability{of}", table.name),
                    x: Axis::new("win rate", 0.0..1.0, Unit::Plain),
                    y: Axis::new("strong is better", 0.0..1.0, Unit::Percent),
                    series: vec![even, joined, dots],
                    bars: Vec::new(),
                },
            })
        })
        .collect()
}

/// What tells the plots of several routers apart.
fn suffix(many: bool, result: &ResultReport) -> String {
    if many { format!("-{}", super::page::slug(&result.name)) } else { String::new() }
}
