//! Answer options: the longest in-order run of markers a, b, c ... becomes one option a line.

use super::canonical::OPTION_WORD;

/// A place that may be an option marker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marker {
    /// First byte of the marker, with a list dash before it.
    start: usize,
    /// First byte of the option's text.
    end: usize,
    /// 0 for a and 1, 1 for b and 2 ...
    index: u8,
    /// Delimiters and alphabet: markers of one run share it.
    style: u8,
    /// Whether it is the first thing in its line.
    line_start: bool,
}

/// Shortest run inside lines: two are too easily found in prose.
const MIN_INLINE_RUN: usize = 3;
/// Shortest run when every marker begins a line.
const MIN_LINE_RUN: usize = 2;
/// Prompts with more candidates than this are documents, and their search would be slow.
const MAX_MARKERS: usize = 512;

/// Appends `text` to `out` with its options, if it has any, as lines that begin with [`OPTION_WORD`].
pub(super) fn rewrite(text: &str, markers: &mut Vec<Marker>, out: &mut String) {
    collect(text, markers);
    let Some(run) = longest_run(markers) else {
        out.push_str(text);
        return;
    };
    let mut from = 0;
    for marker in run {
        out.push_str(&text[from..marker.start]);
        out.push('\n');
        out.push_str(OPTION_WORD);
        out.push(' ');
        from = marker.end;
    }
    out.push_str(&text[from..]);
}

fn collect(text: &str, markers: &mut Vec<Marker>) {
    markers.clear();
    let bytes = text.as_bytes();
    for (i, &byte) in bytes.iter().enumerate() {
        let (index, digit) = match byte {
            b'a'..=b'j' => (byte - b'a', false),
            b'1'..=b'9' => (byte - b'1', true),
            _ => continue,
        };
        let Some(&after) = bytes.get(i + 1) else { break };
        if !matches!(after, b'.' | b')' | b']' | b':' | b' ') {
            continue;
        }
        let before = if i == 0 { b'\n' } else { bytes[i - 1] };
        if after == b' ' {
            // "a - text", only at the start of a line: in prose it means something else.
            let dash = ["- ", "\u{2013} ", "\u{2014} "].iter().find(|dash| text[i + 2..].starts_with(**dash));
            let (start, line_start) = line_position(text, i);
            if let (Some(dash), b' ' | b'\n' | b'\t', true) = (dash, before, line_start) {
                let style = 5 + if digit { 8 } else { 0 };
                markers.push(Marker { start, end: i + 2 + dash.len(), index, style, line_start });
            }
            continue;
        }
        let (open, style) = match (before, after) {
            (b'(', b')') => (i - 1, 0),
            (b'[', b']') => (i - 1, 1),
            (b' ' | b'\n' | b'\t', b'.') => (i, 2),
            (b' ' | b'\n' | b'\t', b')') => (i, 3),
            (b' ' | b'\n' | b'\t', b':') => (i, 4),
            _ => continue,
        };
        let blank_after = bytes.get(i + 2).is_none_or(|b| matches!(b, b' ' | b'\n' | b'\t'));
        let (start, line_start) = line_position(text, open);
        if !(blank_after || style < 2 || line_start) {
            continue;
        }
        markers.push(Marker {
            start,
            end: i + 2,
            index,
            style: style + if digit { 8 } else { 0 },
            line_start,
        });
        if markers.len() == MAX_MARKERS {
            return;
        }
    }
}

/// Where the marker begins, with a list dash or the word "option" before it, and whether only blanks precede
/// that in its line.
fn line_position(text: &str, open: usize) -> (usize, bool) {
    let bytes = text.as_bytes();
    let open = ["option ", "choice "]
        .iter()
        .find(|word| bytes[..open].ends_with(word.as_bytes()))
        .map_or(open, |word| open - word.len());
    let mut i = open;
    let mut start = open;
    let mut dashes = 0;
    while i > 0 {
        match bytes[i - 1] {
            b' ' | b'\t' => i -= 1,
            b'-' | b'*' if dashes == 0 => {
                i -= 1;
                dashes = 1;
                start = i;
            }
            b'\n' => return (start, true),
            _ => return (open, false),
        }
    }
    (start, true)
}

/// The longest run of markers of one style with indices 0, 1, 2 ... in order. Of equally long runs that
/// at line starts wins, then letters, then the last one: options come at the end.
fn longest_run(markers: &[Marker]) -> Option<impl Iterator<Item = &Marker>> {
    let mut best: Option<((usize, bool, bool), usize, bool)> = None;
    for (i, first) in markers.iter().enumerate().filter(|(_, marker)| marker.index == 0) {
        for lines_only in [true, false] {
            if lines_only && !first.line_start {
                continue;
            }
            let length = run_from(markers, i, lines_only).count();
            if length < if lines_only { MIN_LINE_RUN } else { MIN_INLINE_RUN } {
                continue;
            }
            let rank = (length, lines_only, first.style < 8);
            if best.as_ref().is_none_or(|(top, ..)| rank >= *top) {
                best = Some((rank, i, lines_only));
            }
        }
    }
    best.map(|(_, first, lines_only)| run_from(markers, first, lines_only))
}

/// The run that begins at `first`: for each next index the nearest marker of the same style.
fn run_from(markers: &[Marker], first: usize, lines_only: bool) -> impl Iterator<Item = &Marker> {
    let style = markers[first].style;
    let mut next = 0;
    markers[first..].iter().filter(move |marker| {
        let fits = marker.style == style && marker.index == next && (marker.line_start || !lines_only);
        next += u8::from(fits);
        fits
    })
}
