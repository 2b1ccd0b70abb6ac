//! The page of an evaluation, and its plots as files.

pub(crate) mod figures;
mod grid;
mod image;
mod page;
mod parts;
mod plot;
mod plots;
mod theme;

use std::path::Path;

use routellm_core::eval::EvalReport;
use routellm_core::{Error, ErrorKind, Result};

pub(crate) use image::Format;

/// The page.
const HTML: &str = "report.html";

/// The report as data.
const JSON: &str = "report.json";

/// What a training says of its epochs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Losses {
    /// Mean loss of each epoch.
    pub(crate) train: Vec<f64>,
    /// Mean loss on held-out comparisons after each epoch.
    pub(crate) held_out: Vec<f64>,
    /// The epoch that was kept, from 0.
    pub(crate) kept: usize,
}

/// Writes a report into a folder, as data and as a page: one file that needs no other, and no network. Where it is a
/// training's, the page has its losses too.
///
/// # Errors
/// `Io`.
pub(crate) fn write(report: &EvalReport, losses: Option<&Losses>, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    let text = serde_json::to_string(report)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("the report as JSON: {error}")))?;
    for (name, text) in [(JSON, text), (HTML, page::html(report, losses)?)] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Error::io(&path, error))?;
    }
    Ok(())
}

/// What was written where.
pub(crate) fn written(folder: &Path) -> String {
    format!("\nwritten: {}, {}", folder.join(HTML).display(), folder.join(JSON).display())
}

/// Writes each plot of a report into a folder, `TABLE-PLOT.svg` or `.png`.
///
/// # Errors
/// `Io`.
pub(crate) fn write_plots(report: &EvalReport, folder: &Path, format: Format) -> Result<()> {
    for table in &report.tables {
        for plot in plots::of(table) {
            let name = format!("{}-{}.{}", page::slug(&table.name), plot.id, format.ending());
            image::write(&plot.plot, &folder.join(name), format)?;
        }
    }
    Ok(())
}
