//! Colours of plots: of files, and of a page, whose style sheet says what they are in light and in dark.

use plotters::style::RGBColor;

use super::plot::Hue;

/// The colours of one kind of output.
pub(super) struct Theme {
    pub(super) background: RGBColor,
    pub(super) text: RGBColor,
    pub(super) axis: RGBColor,
    pub(super) grid: RGBColor,
    quiet: RGBColor,
    oracle: RGBColor,
    routers: [RGBColor; 8],
}

/// Of files: the palette of Okabe and Ito, which people with colour blindness tell apart, on white.
pub(super) const FILE: Theme = Theme {
    background: RGBColor(255, 255, 255),
    text: RGBColor(40, 44, 52),
    axis: RGBColor(120, 126, 138),
    grid: RGBColor(228, 231, 236),
    quiet: RGBColor(128, 134, 146),
    oracle: RGBColor(90, 96, 108),
    routers: [
        RGBColor(0, 114, 178),
        RGBColor(213, 94, 0),
        RGBColor(0, 158, 115),
        RGBColor(204, 121, 167),
        RGBColor(86, 180, 233),
        RGBColor(230, 159, 0),
        RGBColor(120, 94, 240),
        RGBColor(153, 79, 0),
    ],
};

/// Of a page: colours that stand for a variable of its style sheet.
pub(super) const PAGE: Theme = Theme {
    background: RGBColor(1, 0, 1),
    text: RGBColor(1, 0, 2),
    axis: RGBColor(1, 0, 3),
    grid: RGBColor(1, 0, 4),
    quiet: RGBColor(1, 0, 5),
    oracle: RGBColor(1, 0, 6),
    routers: [
        RGBColor(1, 1, 0),
        RGBColor(1, 1, 1),
        RGBColor(1, 1, 2),
        RGBColor(1, 1, 3),
        RGBColor(1, 1, 4),
        RGBColor(1, 1, 5),
        RGBColor(1, 1, 6),
        RGBColor(1, 1, 7),
    ],
};

/// Names of the variables, by the colours of [`PAGE`].
const VARIABLES: [(&str, &str); 14] = [
    ("#010001", "transparent"),
    ("#010002", "var(--text)"),
    ("#010003", "var(--axis)"),
    ("#010004", "var(--grid)"),
    ("#010005", "var(--quiet)"),
    ("#010006", "var(--oracle)"),
    ("#010100", "var(--c0)"),
    ("#010101", "var(--c1)"),
    ("#010102", "var(--c2)"),
    ("#010103", "var(--c3)"),
    ("#010104", "var(--c4)"),
    ("#010105", "var(--c5)"),
    ("#010106", "var(--c6)"),
    ("#010107", "var(--c7)"),
];

impl Theme {
    pub(super) fn of(&self, color: Hue) -> RGBColor {
        match color {
            Hue::Router(number) => self.routers[number % self.routers.len()],
            Hue::Quiet => self.quiet,
            Hue::Oracle => self.oracle,
        }
    }
}

/// A drawing in the colours of [`PAGE`], with the variables of the style sheet in their place.
pub(super) fn with_variables(mut svg: String) -> String {
    for (color, variable) in VARIABLES {
        svg = svg.replace(color, variable);
    }
    svg
}
