//! One plot: series with bands, or bars, in two axes, on whatever plotters draws on.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::theme::Theme;

/// Width and height of a plot, in pixels.
pub(super) const SIZE: (u32, u32) = (720, 460);

/// A plot as data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    /// What it shows, for people who do not see it.
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) bars: Vec<Bar>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) range: Range<f64>,
    pub(super) unit: Unit,
}

/// How the numbers of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A share as a percentage.
    Percent,
    /// A number in [0, 1].
    Plain,
    /// USD.
    Usd,
    /// How many.
    Count,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) name: String,
    /// Which colour; series of one router have one colour in every plot.
    pub(super) color: Hue,
    /// Joined by a line, unless `dots`.
    pub(super) points: Vec<(f64, f64)>,
    /// Places with the lower and the upper end of an interval.
    pub(super) band: Vec<(f64, f64, f64)>,
    /// Whether points stand alone.
    pub(super) dots: bool,
    pub(super) dashed: bool,
}

/// A colour of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hue {
    /// Of the router of this number.
    Router(usize),
    /// What routers are compared with.
    Quiet,
    /// The best that could be.
    Oracle,
}

/// A bar from one place to another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) height: f64,
    pub(super) color: Hue,
}

/// Where the corners of the plot's area lie in pixels, so that a page can mark a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

impl Series {
    pub(super) fn line(name: impl Into<String>, color: Hue, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), color, points, band: Vec::new(), dots: false, dashed: false }
    }
}

impl Axis {
    pub(super) fn new(label: impl Into<String>, range: Range<f64>, unit: Unit) -> Self {
        Self { label: label.into(), range, unit }
    }

    fn text(&self, value: f64) -> String {
        match self.unit {
            Unit::Percent => format!("{:.0} %", 100.0 * value),
            Unit::Plain => format!("{value:.2}"),
            Unit::Usd if self.range.end >= 20.0 => format!("${value:.0}"),
            Unit::Usd if self.range.end >= 1.0 => format!("${value:.1}"),
            Unit::Usd => format!("${value:.3}"),
            Unit::Count => format!("{value:.0}"),
        }
    }
}

/// The range of values with a little room, never empty.
pub(super) fn room(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let margin = ((high - low) * 0.06).max(0.005);
    low - margin..high + margin
}

impl Plot {
    /// Draws it.
    ///
    /// # Errors
    /// What the place reports that is drawn on, as text.
    pub(super) fn draw<B: DrawingBackend>(
        &self,
        on: &DrawingArea<B, Shift>,
        theme: &Theme,
        scale: u32,
    ) -> Result<Area, String>
    where
        B::ErrorType: 'static,
    {
        self.try_draw(on, theme, scale).map_err(|error| error.to_string())
    }

    fn try_draw<B: DrawingBackend>(
        &self,
        on: &DrawingArea<B, Shift>,
        theme: &Theme,
        scale: u32,
    ) -> Result<Area, DrawingAreaErrorKind<B::ErrorType>> {
        on.fill(&theme.background)?;
        let text = ("sans-serif", 15 * scale).into_font().color(&theme.text);
        let mut chart = ChartBuilder::on(on)
            .margin(10 * scale)
            .margin_right(24 * scale)
            .x_label_area_size(48 * scale)
            .y_label_area_size(64 * scale)
            .build_cartesian_2d(self.x.range.clone(), self.y.range.clone())?;
        chart
            .configure_mesh()
            .axis_style(theme.axis)
            .bold_line_style(theme.grid)
            .light_line_style(TRANSPARENT)
            .label_style(text.clone())
            .axis_desc_style(text.clone())
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|value| self.x.text(*value))
            .y_label_formatter(&|value| self.y.text(*value))
            .draw()?;
        for series in self.series.iter().filter(|series| !series.band.is_empty()) {
            let upper = series.band.iter().map(|(x, _, high)| (*x, *high));
            let lower = series.band.iter().rev().map(|(x, low, _)| (*x, *low));
            let outline: Vec<(f64, f64)> = upper.chain(lower).map(|point| self.inside(point)).collect();
            chart.draw_series([Polygon::new(outline, theme.of(series.color).mix(0.16))])?;
        }
        let floor = self.y.range.start;
        chart.draw_series(self.bars.iter().map(|bar| {
            Rectangle::new([(bar.from, floor), (bar.to, bar.height)], theme.of(bar.color).mix(0.75).filled())
        }))?;
        for series in &self.series {
            let color = theme.of(series.color);
            if series.dots {
                chart.draw_series(
                    series
                        .points
                        .iter()
                        .map(|point| Circle::new(self.inside(*point), 4 * scale, color.filled())),
                )?;
                continue;
            }
            let points: Vec<(f64, f64)> = series.points.iter().map(|point| self.inside(*point)).collect();
            if series.dashed {
                chart.draw_series(DashedLineSeries::new(
                    points,
                    6 * scale,
                    5 * scale,
                    color.stroke_width(2 * scale),
                ))?;
            } else {
                chart.draw_series(LineSeries::new(points, color.stroke_width(2 * scale)))?;
            }
        }
        let (left, top) = chart.backend_coord(&(self.x.range.start, self.y.range.end));
        let (right, bottom) = chart.backend_coord(&(self.x.range.end, self.y.range.start));
        if self.named().count() > 1 {
            self.legend(on, theme, scale, (right, bottom))?;
        }
        on.present()?;
        Ok(Area { left, right, top, bottom })
    }

    fn named(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(|series| !series.name.is_empty())
    }

    /// The names of the series, in the lower right corner, where rising curves leave room.
    fn legend<B: DrawingBackend>(
        &self,
        on: &DrawingArea<B, Shift>,
        theme: &Theme,
        scale: u32,
        (right, bottom): (i32, i32),
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let style = ("sans-serif", 14 * scale).into_font().color(&theme.text);
        let px = |pixels: i32| pixels * scale as i32;
        let count = self.named().count() as i32;
        let longest = self.named().map(|series| series.name.chars().count()).max().unwrap_or(0) as i32;
        let left = right - px(44 + longest * 8);
        for (i, series) in self.named().enumerate() {
            let y = bottom - px(12 + (count - i as i32) * 19);
            let middle = y + px(7);
            let color = theme.of(series.color);
            if series.dots {
                on.draw(&Circle::new((left + px(12), middle), 4 * scale, color.filled()))?;
            } else {
                let pieces = if series.dashed { vec![(0, 6), (9, 15), (18, 24)] } else { vec![(0, 24)] };
                for (from, to) in pieces {
                    let piece = [(left + px(from), middle), (left + px(to), middle)];
                    on.draw(&PathElement::new(piece, color.stroke_width(3 * scale)))?;
                }
            }
            on.draw(&Text::new(series.name.clone(), (left + px(32), y), style.clone()))?;
        }
        Ok(())
    }

    /// A point within the axes: what lies beyond would be drawn over the labels.
    fn inside(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (x.clamp(self.x.range.start, self.x.range.end), y.clamp(self.y.range.start, self.y.range.end))
    }
}
