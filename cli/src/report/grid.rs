//! Tables of a page, and how numbers are written there.

use routellm_core::eval::Estimate;
use serde::Serialize;

/// A table of a page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Grid {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// The colour that it has in plots.
    pub(super) color: Option<usize>,
    /// Whether it is a router, and no baseline.
    pub(super) router: bool,
    pub(super) cells: Vec<Cell>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) interval: Option<String>,
    /// Whether it is words, and no number.
    pub(super) is_text: bool,
}

impl Grid {
    pub(super) fn new(caption: impl Into<String>, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { caption: caption.into(), head, rows: Vec::new() }
    }

    /// Adds a row of a thing that plots do not show.
    pub(super) fn push(&mut self, name: impl Into<String>, cells: Vec<Cell>) {
        self.rows.push(Row { name: name.into(), color: None, router: false, cells });
    }
}

impl Cell {
    pub(super) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), interval: None, is_text: false }
    }

    pub(super) fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), interval: None, is_text: true }
    }

    /// What is not known.
    pub(super) fn none() -> Self {
        Self::number("–")
    }

    /// A figure with its interval, each written by `write`.
    pub(super) fn estimate(of: Option<&Estimate>, write: impl Fn(f64) -> String) -> Self {
        let Some(of) = of else { return Self::none() };
        let end = |end: f64, open: &str| if end.is_finite() { write(end) } else { open.to_owned() };
        let known = of.low.is_finite() || of.high.is_finite();
        let interval = known.then(|| format!("[{}, {}]", end(of.low, "?"), end(of.high, "?")));
        Self { interval, ..Self::number(write(of.value)) }
    }

    pub(super) fn of(value: Option<f64>, write: impl Fn(f64) -> String) -> Self {
        value.map_or_else(Self::none, |value| Self::number(write(value)))
    }
}

/// Three digits, as `.672`.
pub(super) fn plain(value: f64) -> String {
    format!("{value:.3}")
}

/// A share: `31.2 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// With its sign: `+.012`.
pub(super) fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

/// USD, with as many digits as its size needs.
pub(super) fn usd(value: f64) -> String {
    let (sign, size) = (if value < 0.0 { "-" } else { "" }, value.abs());
    let digits = if size >= 100.0 {
        0
    } else if size >= 0.1 || size == 0.0 {
        2
    } else {
        4
    };
    format!("{sign}${size:.digits$}")
}

/// A share with its sign: `-3.4 %`.
pub(super) fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", 100.0 * share)
}

/// A whole number.
pub(super) fn count(value: f64) -> String {
    format!("{value:.0}")
}
