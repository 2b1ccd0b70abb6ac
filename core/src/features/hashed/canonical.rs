//! Canonical text: one form for the same question in different clothes.
//!
//! A router that was trained on one layout of a benchmark reads the layout, not the question: a model at
//! APGR .67 on MMLU fell to .55 when the options were written "(A)" instead of "A.". So before hashing, in
//! training and in serving alike, a prompt is brought into one form. The rules are data
//! ([`CanonicalRules`]) and part of the artifact.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::options;

/// The word that replaces every option marker. Upper case, so that no word of the lower-cased text equals it.
pub const OPTION_WORD: &str = "OPT";

/// Version of the algorithm below. An artifact of another version is refused.
pub const CANONICAL_VERSION: u32 = 1;

/// The rules of the canonical form, as they stand in an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CanonicalRules {
    /// Version of the algorithm that these rules parametrise: [`CANONICAL_VERSION`].
    pub version: u32,
    /// Labels dropped from the beginning of the text, lower case: `question:`.
    pub leading_labels: Vec<String>,
    /// Labels dropped from the end of the text, lower case: `answer:`.
    pub trailing_labels: Vec<String>,
    /// Words of which an instruction consists, lower case: `please`, `answer`, `following`.
    pub instruction_words: Vec<String>,
    /// A line or sentence of more words than this is never an instruction.
    pub max_instruction_words: usize,
    /// Smallest share of instruction words in an instruction, in [0, 1].
    pub min_instruction_share: f64,
}

impl Default for CanonicalRules {
    fn default() -> Self {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Self {
            version: CANONICAL_VERSION,
            leading_labels: words("question: q: prompt: query: task: problem: user: human: input:"),
            trailing_labels: words("answer: a: response: assistant: solution: output:"),
            instruction_words: words(
                "a about above advance afternoon ahead ai all am an and answer answers any appreciate appreciated as ask asked \
                 asking assist assistance assistant at attention be being below best by can cheers carefully choice choices \
                 choose clearly consider correct correctly could dear do each evening every everyone exam following \
                 for from give given glad go good grateful greetings have hello help helping here hey hi i if in input instruction \
                 instructions into is it just kind kindly know let letter like line list look lot love make many \
                 me mind morning much multiple my need nice now of okay one only option options or out output over pick please \
                 possible problem prompt provide provided question questions quick quickly quiz read reading \
                 regards reply respond response right select so solution solve sure task tell test thank thanks \
                 sincerely that the there these think this through time to try under us use user very want way we well \
                 will with wonder wondering would yes you your yourself",
            ),
            max_instruction_words: 25,
            min_instruction_share: 0.85,
        }
    }
}

/// [`CanonicalRules`] ready for use.
#[derive(Debug)]
pub struct Canonicalizer {
    rules: CanonicalRules,
    instruction_words: HashSet<String>,
}

/// Buffers that are reused from prompt to prompt.
#[derive(Debug, Default)]
pub(super) struct CanonicalScratch {
    lowered: String,
    markers: Vec<options::Marker>,
    /// The canonical text.
    pub(super) text: String,
}

impl Canonicalizer {
    /// Prepares the rules.
    pub fn new(rules: CanonicalRules) -> Self {
        let instruction_words = rules.instruction_words.iter().cloned().collect();
        Self { rules, instruction_words }
    }

    /// The rules that this canonicalizer follows.
    pub fn rules(&self) -> &CanonicalRules {
        &self.rules
    }

    /// The canonical form of `text`: lower case, straight quotes, options one a line behind
    /// [`OPTION_WORD`], without list wrapper, labels and instruction lines. Applying it again changes nothing
    /// that matters to the features.
    pub fn canonical(&self, text: &str) -> String {
        let mut scratch = CanonicalScratch::default();
        self.run(text, &mut scratch);
        scratch.text
    }

    pub(super) fn run(&self, text: &str, scratch: &mut CanonicalScratch) {
        scratch.lowered.clear();
        match unwrap_list(text) {
            Some(inner) => lower_and_straighten(&inner, &mut scratch.lowered),
            None => lower_and_straighten(text, &mut scratch.lowered),
        }
        let lowered = self.strip(&scratch.lowered);
        scratch.text.clear();
        options::rewrite(lowered, &mut scratch.markers, &mut scratch.text);
        collapse_blanks(&mut scratch.text);
        // Markers may have stood between the label and the end of the text, or behind the instruction.
        let kept = self.strip(&scratch.text);
        let start = kept.as_ptr() as usize - scratch.text.as_ptr() as usize;
        let end = start + kept.len();
        scratch.text.truncate(end);
        scratch.text.drain(..start);
    }

    /// Takes labels, instruction units and wrapping quotes off both ends until nothing more comes off.
    fn strip<'t>(&self, text: &'t str) -> &'t str {
        let whole = text.trim();
        let mut rest = whole;
        loop {
            let before = rest.len();
            rest = strip_wrapping_quotes(rest);
            for label in &self.rules.leading_labels {
                rest = rest.strip_prefix(label.as_str()).unwrap_or(rest).trim_start();
            }
            for label in &self.rules.trailing_labels {
                if let Some(head) = rest.strip_suffix(label.as_str())
                    && !head.ends_with(|c: char| c.is_alphanumeric())
                {
                    rest = head.trim_end();
                }
            }
            let head = first_unit(rest);
            if head.len() < rest.len() && self.is_instruction(head) {
                rest = rest[head.len()..].trim_start();
            }
            let tail = last_unit(rest);
            if tail.len() < rest.len() && self.is_instruction(tail) {
                rest = rest[..rest.len() - tail.len()].trim_end();
            }
            if rest.len() == before {
                break;
            }
        }
        if rest.is_empty() { whole } else { rest }
    }

    fn is_instruction(&self, unit: &str) -> bool {
        if unit.starts_with(OPTION_WORD) {
            return false;
        }
        let (mut words, mut known) = (0_usize, 0_usize);
        for word in unit.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if word.is_empty() {
                continue;
            }
            words += 1;
            if words > self.rules.max_instruction_words {
                return false;
            }
            known += usize::from(self.instruction_words.contains(word));
            // Most first sentences are no instruction, and say so within a few words.
            let unknown_allowed =
                (1.0 - self.rules.min_instruction_share) * self.rules.max_instruction_words as f64;
            if (words - known) as f64 > unknown_allowed {
                return false;
            }
        }
        known as f64 >= self.rules.min_instruction_share * words as f64
    }
}

/// The first line, or its first sentence: up to and with `.`, `!`, `?` or `:` before a blank.
fn first_unit(text: &str) -> &str {
    let line = text.find('\n').map_or(text, |end| &text[..end]);
    let bytes = line.as_bytes();
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(byte, b'.' | b'!' | b'?' | b':') && bytes.get(i + 1) == Some(&b' ') {
            return &line[..=i];
        }
    }
    line
}

/// The last line, or its last sentence: behind `.`, `!`, `?` or `:` and a blank.
fn last_unit(text: &str) -> &str {
    let line = text.rfind('\n').map_or(text, |start| &text[start + 1..]);
    let bytes = line.as_bytes();
    for i in (1..bytes.len()).rev() {
        if bytes[i] == b' ' && matches!(bytes[i - 1], b'.' | b'!' | b'?' | b':') {
            return &line[i + 1..];
        }
    }
    line
}

/// Drops one pair of equal quotes around the whole text. Whether they belong together does not matter: what
/// counts is that a text comes to the same form with and without quotes around it.
fn strip_wrapping_quotes(text: &str) -> &str {
    ['"', '\'', '`']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .map_or(text, str::trim)
}

/// Lower case; curly quotes straight; triple quotes and carriage returns as line breaks.
fn lower_and_straighten(text: &str, out: &mut String) {
    out.reserve(text.len() + 8);
    let mut rest = text;
    while !rest.is_empty() {
        // Whole runs of ASCII without quotes are copied at once; nearly all of a prompt is that.
        let plain = rest
            .bytes()
            .position(|b| !b.is_ascii() || matches!(b, b'"' | b'\'' | b'`' | b'\r'))
            .unwrap_or(rest.len());
        let start = out.len();
        out.push_str(&rest[..plain]);
        out[start..].make_ascii_lowercase();
        rest = &rest[plain..];
        let Some(c) = rest.chars().next() else { break };
        if let Some(after) = ["\"\"\"", "'''", "```"].iter().find_map(|triple| rest.strip_prefix(triple)) {
            out.push('\n');
            rest = after;
            continue;
        }
        match c {
            '\r' => out.push('\n'),
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => {
                out.push('"');
            }
            '\u{a0}' | '\u{2009}' | '\u{202f}' => out.push(' '),
            _ => out.extend(c.to_lowercase()),
        }
        rest = &rest[c.len_utf8()..];
    }
}

/// The texts of a JSON or Python list of strings, one a line; `None` if `text` is not such a list.
///
/// Some data sets and many logging pipelines store a prompt as the printed list of its turns.
fn unwrap_list(text: &str) -> Option<String> {
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut out = String::with_capacity(rest.len());
    loop {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest = &rest[1..];
        loop {
            let c = rest.chars().next()?;
            rest = &rest[c.len_utf8()..];
            if c == quote {
                break;
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            let escape = rest.chars().next()?;
            rest = &rest[escape.len_utf8()..];
            match escape {
                'n' | 'r' => out.push('\n'),
                't' => out.push('\t'),
                'u' | 'x' => {
                    let mut code = hex_digits(&mut rest, if escape == 'u' { 4 } else { 2 })?;
                    if (0xd800..0xdc00).contains(&code)
                        && let Some(mut after) = rest.strip_prefix("\\u")
                        && let Some(low @ 0xdc00..0xe000) = hex_digits(&mut after, 4)
                    {
                        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        rest = after;
                    }
                    // Half of a surrogate pair cannot stand alone in a text.
                    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => out.push(other),
            }
        }
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(out);
        }
        rest = rest.strip_prefix(',')?.trim_start();
        out.push('\n');
    }
}

/// The number of so many hexadecimal digits, which are taken off `rest`.
fn hex_digits(rest: &mut &str, digits: usize) -> Option<u32> {
    let code = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
    *rest = &rest[digits..];
    Some(code)
}

/// Runs of blanks become one blank, runs of line breaks (and the blanks around them) one line break.
fn collapse_blanks(text: &mut String) {
    let mut out = String::with_capacity(text.len());
    let mut pending = None;
    for piece in text.split_inclusive([' ', '\t', '\n']) {
        let word = piece.trim_end_matches([' ', '\t', '\n']);
        if !word.is_empty() {
            if let Some(blank) = pending.take()
                && !out.is_empty()
            {
                out.push(blank);
            }
            out.push_str(word);
        }
        match piece.as_bytes().last() {
            Some(b'\n') => pending = Some('\n'),
            Some(b' ' | b'\t') if word.len() < piece.len() => pending = pending.or(Some(' ')),
            _ => {}
        }
    }
    *text = out;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        Canonicalizer::new(CanonicalRules::default()).canonical(text)
    }

    const PLAIN: &str = "Which planet is the largest?\nA. Mars\nB. Jupiter\nC. Venus\nD. Earth\nAnswer:";
    const CANONICAL: &str = "which planet is the largest?\nOPT mars\nOPT jupiter\nOPT venus\nOPT earth";

    #[test]
    fn one_question_in_many_clothes() {
        for text in [
            PLAIN.to_owned(),
            PLAIN.to_lowercase(),
            format!("{:?}", [PLAIN]),
            format!("['{}']", PLAIN.replace('\n', "\\n")),
            format!("\"{PLAIN}\""),
            format!("\"\"\"{PLAIN}\"\"\""),
            format!("\u{201c}{PLAIN}\u{201d}"),
            format!("Please answer the following question.\n{PLAIN}"),
            format!("Please answer the following question: {PLAIN}"),
            format!("Hi! Could you please help me with this question?\n\n{PLAIN}\nThank you!"),
            format!("Question: {PLAIN}"),
            "Which planet is the largest?\n(A) Mars\n(B) Jupiter\n(C) Venus\n(D) Earth\nAnswer:".to_owned(),
            "Which planet is the largest?\na) Mars\nb) Jupiter\nc) Venus\nd) Earth".to_owned(),
            "Q: Which planet is the largest? (a) Mars (b) Jupiter (c) Venus (d) Earth\n\nAnswer:".to_owned(),
            "Which planet is the largest?\n1. Mars\n2. Jupiter\n3. Venus\n4. Earth\nAnswer:".to_owned(),
            "Which planet is the largest?\n[A] Mars\n[B] Jupiter\n[C] Venus\n[D] Earth".to_owned(),
            "Which planet is the largest?\nA: Mars\nB: Jupiter\nC: Venus\nD: Earth".to_owned(),
            "Which planet is the largest?\nA - Mars\nB - Jupiter\nC - Venus\nD - Earth".to_owned(),
            "Which planet is the largest?\nOption A: Mars\nOption B: Jupiter\nOption C: Venus\nOption D: Earth"
                .to_owned(),
            format!("Good morning! I would be very grateful if you could help me. {PLAIN}\n\nMany thanks!"),
            "Which planet is the largest?\n- A. Mars\n- B. Jupiter\n- C. Venus\n- D. Earth".to_owned(),
        ] {
            assert_eq!(canonical(&text), CANONICAL, "from {text:?}");
        }
    }

    #[test]
    fn what_is_no_wrapper_stays() {
        assert_eq!(canonical("[1, 2, 3]"), "[1, 2, 3]");
        assert_eq!(canonical("[\"open"), "[\"open");
        assert_eq!(canonical("say \"a\" or \"b\" twice"), "say \"a\" or \"b\" twice");
        assert_eq!(canonical("Please answer the question."), "please answer the question.");
        assert_eq!(canonical("Write a haiku. Thanks!"), "write a haiku.");
        assert_eq!(canonical(""), "");
        assert_eq!(canonical("  \n\t "), "");
        assert_eq!(canonical("He was born in the U.S. a. long"), "he was born in the u.s. a. long");
    }

    #[test]
    fn turns_of_a_list_are_lines() {
        assert_eq!(canonical(r#"["First turn", 'It\'s \u00e9t\xe9']"#), "first turn\nit's été");
        assert_eq!(canonical(r#"["\ud83d\ude00 \ud83d"]"#), "\u{1f600} \u{fffd}");
    }

    proptest! {
        #[test]
        fn never_panics_and_has_no_double_blanks(text in "\\PC{0,200}") {
            let once = canonical(&text);
            prop_assert!(!once.contains("  ") && !once.contains("\n\n"), "{once:?}");
        }

        #[test]
        fn case_does_not_matter(text in "[ -~\n]{0,200}") {
            prop_assert_eq!(canonical(&text.to_ascii_uppercase()), canonical(&text.to_ascii_lowercase()));
        }
    }
}
