//! Finding the answer in what a model wrote.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How the answer is found in a text, and how two answers are compared.
///
/// ```
/// use routellm_core::augment::Extraction;
/// let letter = Extraction::Letter;
/// assert_eq!(letter.compile()?.find("The answer is (B)."), Some("B".to_owned()));
/// assert_eq!(letter.compile()?.find("A or B, who knows?"), None);
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Extraction {
    /// A letter from A to J: alone, in the first line or the last, or said to be the answer ("answer is C", `\boxed{C}`).
    /// Letters that contradict each other are no answer.
    Letter,
    /// A number: the one said to be the answer (`#### 7`, "answer is 7", `\boxed{7}`), or else the last one. Commas between
    /// thousands, signs of currency and a point at the end do not count.
    Number,
    /// The whole text, whatever its case, blanks and the point at its end.
    Exact,
    /// The first group of a regular expression, or the whole of what it finds, at its last place in the text. It is compared as
    /// it stands, blanks around it aside.
    Regex {
        /// The expression, in the syntax of the crate `regex-lite`.
        pattern: String,
    },
}

/// A rule that is ready to be used.
#[derive(Debug, Clone)]
pub struct Extractor {
    rule: Extraction,
    regex: Option<regex_lite::Regex>,
}

impl Extraction {
    /// The rule of this name: `letter`, `number`, `exact`, or `regex` with its pattern.
    ///
    /// # Errors
    /// `InvalidArgument` for another name, or where a pattern is missing or has no effect.
    pub fn named(name: &str, pattern: Option<&str>) -> Result<Self> {
        let rule = match (name, pattern) {
            ("letter", None) => Self::Letter,
            ("number", None) => Self::Number,
            ("exact", None) => Self::Exact,
            ("regex", Some(pattern)) => Self::Regex { pattern: pattern.to_owned() },
            ("regex", None) => return Err(Error::invalid_argument("the form regex needs a pattern")),
            ("letter" | "number" | "exact", Some(_)) => {
                let message =
                    format!("a pattern has no effect on the form {name}; leave it out, or say regex");
                return Err(Error::invalid_argument(message));
            }
            _ => {
                let message = format!("form {name:?}, expected letter, number, exact or regex");
                return Err(Error::invalid_argument(message));
            }
        };
        Ok(rule)
    }

    /// Makes the rule ready.
    ///
    /// # Errors
    /// `InvalidArgument` for a pattern that is no regular expression.
    pub fn compile(&self) -> Result<Extractor> {
        let regex = match self {
            Self::Regex { pattern } => Some(regex_lite::Regex::new(pattern).map_err(|error| {
                Error::invalid_argument(format!("the pattern {pattern:?}: {error}; mend the expression"))
            })?),
            _ => None,
        };
        Ok(Extractor { rule: self.clone(), regex })
    }
}

impl Extractor {
    /// The answer in a text, in the form in which answers are compared; `None` if there is none, or more than one.
    pub fn find(&self, text: &str) -> Option<String> {
        match &self.rule {
            Extraction::Letter => letter(text).map(String::from),
            Extraction::Number => number(text),
            Extraction::Exact => Some(plain(text)).filter(|text| !text.is_empty()),
            Extraction::Regex { .. } => {
                let found = self.regex.as_ref()?.captures_iter(text).last()?;
                let found = found.get(1).or_else(|| found.get(0))?.as_str().trim();
                Some(found.to_owned()).filter(|found| !found.is_empty())
            }
        }
    }

    /// The right answer, as a data set writes it: in the same form, or for a regular expression also plain.
    pub fn expected(&self, text: &str) -> Option<String> {
        match &self.rule {
            Extraction::Regex { .. } => {
                self.find(text).or_else(|| Some(text.trim().to_owned())).filter(|text| !text.is_empty())
            }
            _ => self.find(text),
        }
    }
}

/// Lower case, one blank between words, no point at the end.
fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    text.trim_end_matches('.').trim_end().to_owned()
}

fn is_letter(c: char) -> bool {
    c.is_ascii_uppercase() && c <= 'J'
}

/// The letter that a text is, but for what stands around it: `(B)`, `**B.**`, `B) because`.
fn lone(text: &str) -> Option<char> {
    let around: &[char] = &['(', '[', '{', '*', '"', '\'', '`', '$', ' '];
    let text = text.trim().trim_start_matches(around);
    let text = text.strip_prefix("\\boxed{").or_else(|| text.strip_prefix("\\text{")).unwrap_or(text);
    let mut chars = text.chars();
    let letter = chars.next().filter(|c| is_letter(*c) || ('a'..='j').contains(c))?;
    let rest = chars.as_str();
    let ends =
        rest.is_empty() || rest.starts_with([')', ']', '}', '.', ':', '*', ',', ';', '"', '\'', '`', '$']);
    // "a) ..." is an option; "a dog" and "A dog" are none.
    let alone = rest.trim_end_matches(|c: char| !c.is_alphanumeric()).is_empty();
    (ends && (is_letter(letter) || alone)).then(|| letter.to_ascii_uppercase())
}

/// The letters that a text says are the answer.
fn said(text: &str) -> Vec<char> {
    let lower = text.to_lowercase();
    // Places in the lower-case text are those of the text only where it is ASCII: letters and signs are looked for there.
    let lower = if lower.len() == text.len() { lower } else { text.to_owned() };
    let mut found = Vec::new();
    for cue in [
        "answer is",
        "answer:",
        "answer**:",
        "answer:**",
        "\\boxed{",
        "choice is",
        "option is",
        "correct option:",
    ] {
        for (at, _) in lower.match_indices(cue) {
            let Some(rest) = text.get(at + cue.len()..) else { continue };
            let rest = rest.trim_start_matches([':', ' ', '\n', '*']);
            let rest = ["option ", "choice ", "Option ", "Choice ", "\\text{"]
                .iter()
                .fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
            let rest = rest.trim_start_matches(['(', '[', '*', '"', '\'', '`', '$']);
            let mut chars = rest.chars();
            let Some(letter) = chars.next().filter(|c| is_letter(*c)) else { continue };
            if !chars.next().is_some_and(|next| next.is_alphanumeric() || next == '\'') {
                found.push(letter);
            }
        }
    }
    found
}

fn letter(text: &str) -> Option<char> {
    let one = |letters: &[char]| {
        letters.first().copied().filter(|first| letters.iter().all(|other| other == first))
    };
    let said = said(text);
    if !said.is_empty() {
        return one(&said);
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let (first, last) = (lines.first()?, lines.last()?);
    let found: Vec<char> = [lone(first), lone(last)].into_iter().flatten().collect();
    one(&found)
}

/// Every number in a text, written plainly: `1,234.50` is `1234.5`.
fn numbers(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = String::new();
        let mut point = false;
        while at < bytes.len() {
            let next_is_digit = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            let thousands = || {
                bytes.get(at + 1..at + 4).is_some_and(|three| three.iter().all(u8::is_ascii_digit))
                    && !bytes.get(at + 4).is_some_and(u8::is_ascii_digit)
            };
            match bytes[at] {
                digit @ b'0'..=b'9' => digits.push(char::from(digit)),
                b',' if !point && thousands() => {}
                b'.' if !point && next_is_digit => {
                    point = true;
                    digits.push('.');
                }
                _ => break,
            }
            at += 1;
        }
        // A hyphen between words or numbers is no sign.
        let before = |back: usize| start.checked_sub(back).map(|place| bytes[place]);
        let before_sign = if before(1) == Some(b'$') { 2 } else { 1 };
        let negative = before(before_sign) == Some(b'-')
            && !before(before_sign + 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
        found.push(canonical(&digits, negative));
    }
    found
}

/// A decimal number without zeros that say nothing.
fn canonical(digits: &str, negative: bool) -> String {
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && (whole != "0" || !part.is_empty()) { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn number(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    for cue in ["####", "\\boxed{", "answer is", "answer:"] {
        if let Some(at) = lower.rfind(cue) {
            let rest = &text[at + cue.len()..];
            let line = rest.trim_start().lines().next().unwrap_or("");
            if let Some(found) = numbers(line).into_iter().next() {
                return Some(found);
            }
        }
    }
    numbers(text).pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(rule: &Extraction, text: &str) -> Option<String> {
        rule.compile().unwrap().find(text)
    }

    #[test]
    fn letters() {
        for (text, letter) in [
            ("B", "B"),
            ("b", "B"),
            ("(C)", "C"),
            ("**D**", "D"),
            ("C. Paris", "C"),
            ("The answer is B.", "B"),
            ("The correct answer is (C) because A is wrong.", "C"),
            ("Answer: D", "D"),
            ("**Answer:** A", "A"),
            ("Let us think.\nIt is long.\n\nB", "B"),
            ("So $\\boxed{B}$", "B"),
            ("the answer is option J", "J"),
        ] {
            assert_eq!(find(&Extraction::Letter, text).as_deref(), Some(letter), "{text}");
        }
        for text in [
            "",
            "A dog barks.",
            "I do not know",
            "The answer is A. No, the answer is B.",
            "Z",
            "A\nB",
            "The answer is Apple",
            "a dog",
        ] {
            assert_eq!(find(&Extraction::Letter, text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        for (text, number) in [
            ("7", "7"),
            ("She pays $1,234.50.", "1234.5"),
            ("3 + 4 = 7\n#### 7", "7"),
            ("#### -3", "-3"),
            ("The answer is 12 apples, of 30.", "12"),
            ("\\boxed{0.50}", "0.5"),
            ("It is 5-3, so 2.", "2"),
            ("from -$4", "-4"),
            ("in 2024, 007", "7"),
            ("1,2,3", "3"),
            ("-0.0", "0"),
            ("Answer: see below\n\n42", "42"),
        ] {
            assert_eq!(find(&Extraction::Number, text).as_deref(), Some(number), "{text}");
        }
        assert_eq!(find(&Extraction::Number, "none"), None);
    }

    #[test]
    fn texts_and_expressions() {
        assert_eq!(find(&Extraction::Exact, " Yes,\n sir. ").as_deref(), Some("yes, sir"));
        assert_eq!(find(&Extraction::Exact, " \n"), None);
        let rule = Extraction::named("regex", Some(r"<a>(.*?)</a>")).unwrap();
        assert_eq!(find(&rule, "<a>x</a> <a> y </a>").as_deref(), Some("y"));
        assert_eq!(find(&rule, "x"), None);
        assert_eq!(rule.compile().unwrap().expected("y").as_deref(), Some("y"));
        for (name, pattern) in [("regex", None), ("letter", Some("x")), ("word", None)] {
            assert!(Extraction::named(name, pattern).is_err());
        }
        let error = Extraction::named("regex", Some("(")).unwrap().compile().unwrap_err();
        assert!(error.message().contains("mend the expression"), "{error}");
    }
}
