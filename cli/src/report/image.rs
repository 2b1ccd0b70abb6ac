//! Plots as text and as files.

use std::path::Path;
use std::sync::Once;

use clap::ValueEnum;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use routellm_core::{Error, ErrorKind, Result};

use super::plot::{Area, Plot, SIZE};
use super::theme::{self, Theme};

/// Pixels of a picture for each of a page.
const SCALE: u32 = 2;

/// A kind of file of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // Lines that scale, for papers and pages. No documentation: it would make the help of the command twice as long.
    Svg,
    // Pixels, twice as many as on a page, for slides.
    Png,
}

impl Format {
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// A machine without fonts draws text, too, and every machine the same.
fn fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for style in [FontStyle::Normal, FontStyle::Bold] {
            // It fails on what is no font only.
            let _ = register_font("sans-serif", style, epaint_default_fonts::UBUNTU_LIGHT);
        }
    });
}

fn failed(plot: &Plot, why: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the plot {:?} could not be drawn: {why}", plot.title))
}

fn svg(plot: &Plot, theme: &Theme) -> Result<(String, Area)> {
    fonts();
    let mut text = String::new();
    let area = {
        let backend = SVGBackend::with_string(&mut text, SIZE);
        plot.draw(&backend.into_drawing_area(), theme, 1).map_err(|why| failed(plot, &why))?
    };
    Ok((text, area))
}

/// A plot for a page: its colours are those of the page's style sheet, and it says where its corners are.
pub(super) fn inline(plot: &Plot) -> Result<String> {
    let (text, area) = svg(plot, &theme::PAGE)?;
    let (width, height) = SIZE;
    let title = plot.title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let Area { left, right, top, bottom } = area;
    let (x, y) = (&plot.x.range, &plot.y.range);
    let head = format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\" data-area=\"{left} {right} {top} {bottom}\" \
         data-range=\"{} {} {} {}\"><title>{title}</title>",
        x.start, x.end, y.start, y.end
    );
    let start = text.find('>').map_or(0, |end| end + 1);
    Ok(theme::with_variables(head + &text[start..]))
}

/// Writes a plot into a file.
///
/// # Errors
/// `Io`.
pub(super) fn write(plot: &Plot, path: &Path, format: Format) -> Result<()> {
    match format {
        Format::Svg => {
            let (text, _) = svg(plot, &theme::FILE)?;
            std::fs::write(path, text).map_err(|error| Error::io(path, error))
        }
        Format::Png => {
            fonts();
            let (width, height) = (SIZE.0 * SCALE, SIZE.1 * SCALE);
            let mut pixels = vec![255; (width * height * 3) as usize];
            {
                let backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
                plot.draw(&backend.into_drawing_area(), &theme::FILE, SCALE)
                    .map_err(|why| failed(plot, &why))?;
            }
            let failed =
                |error: png::EncodingError| Error::new(ErrorKind::Io, format!("{}: {error}", path.display()));
            let file = std::fs::File::create(path).map_err(|error| Error::io(path, error))?;
            let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), width, height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            let mut writer = encoder.write_header().map_err(failed)?;
            writer.write_image_data(&pixels).and_then(|()| writer.finish()).map_err(failed)
        }
    }
}
