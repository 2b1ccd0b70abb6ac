//! Jinja as Hugging Face's tokenizers set it up.

use std::fmt::Write;
use std::ops::Range;

use minijinja::{Environment, ErrorKind as JinjaError};

use crate::date::{Day, days_of};
use crate::{Error, Result};

/// Steps that a chat template may take.
const FUEL: u64 = 200_000;

/// Expressions inside operands of `%` deeper than this stay as they are.
const MAX_DEPTH: usize = 8;

/// An environment with the template `chat`, bounded work, and the day that the template may ask for.
///
/// # Errors
/// `InvalidModel` if the template is malformed.
pub(super) fn environment(source: &str, date: Option<&str>) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    let failed = |message: String| minijinja::Error::new(JinjaError::InvalidOperation, message);
    environment.add_function("raise_exception", move |message: String| Err::<String, _>(failed(message)));
    let day = match date {
        Some(text) => Some(Day::parse(text).ok_or_else(|| no_date(text))?),
        None => None,
    };
    // The clock would give every day another router.
    environment.add_function("strftime_now", move |format: String| {
        let Some(day) = day else {
            return Err(failed(
                "it asks for today's date (strftime_now): pass date, as 2026-01-31".to_owned(),
            ));
        };
        strftime(day, &format).map_err(failed)
    });
    environment
        .add_template_owned("chat", for_this_engine(source))
        .map_err(|error| Error::invalid_model(format!("the chat template is malformed: {error:#}")))?;
    Ok(environment)
}

/// What is said of a date that is none.
pub(super) fn no_date(text: &str) -> Error {
    Error::invalid_model(format!("date is {text:?}, expected the form 2026-01-31"))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// As Python's `strftime` in the C locale, at midnight.
fn strftime(Day { year, month, of_month: day }: Day, format: &str) -> Result<String, String> {
    let of_year = (1..month).map(|month| days_of(year, month)).sum::<u64>() + day;
    // Days since a Sunday: the first of January of the year 0 was a Saturday.
    let before = |year: u64| year.saturating_sub(1);
    let leaps = if year == 0 { 0 } else { before(year) / 4 - before(year) / 100 + before(year) / 400 + 1 };
    let weekday = (year * 365 + leaps + of_year - 1 + 6) % 7;
    let (month_name, weekday_name) = (MONTHS[month as usize - 1], WEEKDAYS[weekday as usize]);
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(letter) = rest.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let mut directive = rest.next().unwrap_or(' ');
        let padded = directive != '-';
        if !padded {
            directive = rest.next().unwrap_or(' ');
        }
        let (number, width) = match directive {
            'Y' => (year, 4),
            'y' => (year % 100, 2),
            'm' => (month, 2),
            'd' => (day, 2),
            'j' => (of_year, 3),
            'w' => (weekday, 1),
            'u' => ((weekday + 6) % 7 + 1, 1),
            'H' | 'M' | 'S' => (0, 2),
            'I' => (12, 2),
            _ => {
                let name = match directive {
                    'B' => month_name,
                    'b' | 'h' => &month_name[..3],
                    'A' => weekday_name,
                    'a' => &weekday_name[..3],
                    'p' => "AM",
                    '%' => "%",
                    'F' => &format!("{year:04}-{month:02}-{day:02}"),
                    'D' => &format!("{month:02}/{day:02}/{:02}", year % 100),
                    'T' => "00:00:00",
                    'e' => &format!("{day:2}"),
                    other => return Err(format!("strftime_now does not know %{other}")),
                };
                text.push_str(name);
                continue;
            }
        };
        let width = if padded { width } else { 0 };
        let _ = write!(text, "{number:0width$}");
    }
    Ok(text)
}

/// `source` in the words of this engine: the statement `generation`, which only marks what is trained on, and `%` behind
/// a string, which formats it.
fn for_this_engine(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        let start = at + found;
        text.push_str(&source[at..start]);
        let rest = &source[start..];
        let inner = match rest.as_bytes().get(1) {
            Some(b'{') => block(source, start + 2, "}}"),
            Some(b'%') => block(source, start + 2, "%}"),
            Some(b'#') => {
                let end = rest.find("#}").map_or(source.len(), |end| start + end + 2);
                text.push_str(&source[start..end]);
                at = end;
                continue;
            }
            _ => None,
        };
        let Some(inner) = inner else {
            text.push('{');
            at = start + 1;
            continue;
        };
        text.push_str(&source[start..inner.start]);
        let word = source[inner.clone()].trim_matches(['-', '+', ' ', '\t', '\r', '\n']);
        let other = match word {
            "generation" => Some("if true"),
            "endgeneration" => Some("endif"),
            _ => None,
        };
        match other.filter(|_| rest.starts_with("{%")) {
            Some(other) => text.push_str(&source[inner.clone()].replacen(word, other, 1)),
            None => text.push_str(&formats(&source[inner.clone()], 0)),
        }
        at = inner.end;
    }
    text.push_str(&source[at..]);
    text
}

/// The inside of a block that begins at `start`, up to `close`.
fn block(source: &str, start: usize, close: &str) -> Option<Range<usize>> {
    let bytes = source.as_bytes();
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if depth == 0 && source.is_char_boundary(at) && source[at..].starts_with(close) {
            return Some(start..at);
        }
        match bytes[at] {
            b'\'' | b'"' => at = string(bytes, at)?,
            byte => {
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at += 1;
            }
        }
    }
    None
}

/// Where the string that begins at `start` has ended.
fn string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while *bytes.get(at)? != bytes[start] {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// An expression with `'...'|format(a, b)` for `'...' % (a, b)`.
fn formats(inner: &str, depth: usize) -> String {
    let bytes = inner.as_bytes();
    let mut text = String::with_capacity(inner.len());
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        if !matches!(bytes[at], b'\'' | b'"') {
            at += 1;
            continue;
        }
        let Some(end) = string(bytes, at) else { break };
        at = end;
        let sign = blanks(bytes, end);
        if depth > MAX_DEPTH || bytes.get(sign) != Some(&b'%') {
            continue;
        }
        let right = blanks(bytes, sign + 1);
        let Some(stop) = operand(bytes, right) else { continue };
        let whole = &inner[right..stop];
        // What is in parentheses alone are the values one by one.
        let listed = bytes[right] == b'(' && bracket(bytes, right) == Some(stop);
        let values = if listed { &whole[1..whole.len() - 1] } else { whole };
        text.push_str(&inner[from..end]);
        text.push_str("|format(");
        text.push_str(formats(values, depth + 1).trim_end().trim_end_matches(','));
        text.push(')');
        at = stop;
        from = stop;
    }
    text.push_str(&inner[from..]);
    text
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn word(bytes: &[u8], at: usize) -> usize {
    let letters = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || !byte.is_ascii();
    at + bytes[at..].iter().take_while(letters).count()
}

/// Where the brackets that begin at `start` have ended.
fn bracket(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match *bytes.get(at)? {
            b'\'' | b'"' => {
                at = string(bytes, at)?;
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Where the operand that begins at `start` has ended, with what is called on it, taken of it and filtered.
fn operand(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = match *bytes.get(start)? {
        b'\'' | b'"' => string(bytes, start)?,
        b'(' | b'[' | b'{' => bracket(bytes, start)?,
        _ => Some(word(bytes, start)).filter(|end| *end > start)?,
    };
    loop {
        let next = blanks(bytes, at);
        at = match bytes.get(at) {
            Some(b'(' | b'[') => bracket(bytes, at)?,
            Some(b'.') => word(bytes, at + 1),
            _ if bytes.get(next) == Some(&b'|') => word(bytes, blanks(bytes, next + 1)),
            _ => return Some(at),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, date: Option<&str>) -> Result<String, String> {
        let environment = environment(source, date).map_err(|error| error.to_string())?;
        let values = minijinja::context! { name => "Ann", list => ["x", "y"], n => 7 };
        let template = environment.get_template("chat").map_err(|error| error.to_string())?;
        template.render(values).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn strings_are_formatted_as_in_python() {
        for (source, text) in [
            ("{{ 'a %s b' % name }}", "a Ann b"),
            ("{{ '%s-%03d' % (name, n) }}!", "Ann-007!"),
            ("{{ \"%s's\" % (name|upper) ~ '%' }}", "ANN's%"),
            ("{{ 'x' + '%s' % list[1] + 'z' }}", "xyz"),
            ("{{ '<%s>' % ('%s' % name,) }}", "<Ann>"),
            ("{{ '%s' % name | upper }}", "ANN"),
            ("{{ '%s' % {'a': '}}'}['a'] }}", "}}"),
            ("{{ n % 4 }} {{ 'a' ~ n % 4 }} {{ '%' }}%", "3 a3 %%"),
            ("{# '%s' % name #}{% set x = '%d%%' % n %}{{ x }}", "7%"),
            ("a {'%s' % name}", "a {'%s' % name}"),
        ] {
            assert_eq!(render(source, None).as_deref(), Ok(text), "{source}");
        }
        let deep = format!("{{{{ {}1{} }}}}", "'%s' % (".repeat(5000), ")".repeat(5000));
        assert!(render(&deep, None).is_err());
    }

    #[test]
    fn what_marks_generated_text_is_passed_over() {
        let source = "a\n  {%- generation -%}  {{ name }}  {%- endgeneration %} b {% generation %}c{% endgeneration %}";
        assert_eq!(render(source, None).as_deref(), Ok("aAnn b c"));
    }

    #[test]
    fn the_date_is_the_one_that_is_given() {
        let source = "{{ strftime_now('%d %b %Y|%A %B %-d|%j %a %H:%M %%') }}";
        assert_eq!(
            render(source, Some("2026-02-01")).as_deref(),
            Ok("01 Feb 2026|Sunday February 1|032 Sun 00:00 %")
        );
        for (date, weekday) in [
            ("2000-01-01", "Saturday"),
            ("2024-02-29", "Thursday"),
            ("1970-01-01", "Thursday"),
            ("2100-03-01", "Monday"),
        ] {
            assert_eq!(render("{{ strftime_now('%A') }}", Some(date)).as_deref(), Ok(weekday), "{date}");
        }
        assert!(render(source, None).unwrap_err().contains("pass date"));
        assert!(render("{{ strftime_now('%Q') }}", Some("2026-02-01")).unwrap_err().contains("%Q"));
        assert!(render(source, Some("2026-02-30")).unwrap_err().contains("2026-02-30"));
    }
}
