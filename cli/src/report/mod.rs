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
use routellm_core::{Error, Result};

pub(crate) use image::Format;

/// The page.
pub(crate) const HTML: &str = "report.html";

/// Writes the page of a report into a folder: one file that needs no other, and no network.
///
/// # Errors
/// `Io`.
pub(crate) fn write_html(report: &EvalReport, folder: &Path) -> Result<()> {
    let path = folder.join(HTML);
    std::fs::write(&path, page::html(report)?).map_err(|error| Error::io(&path, error))
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
