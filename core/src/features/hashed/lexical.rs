//! Lexical features: a few dozen counts that tell hard prompts from easy ones.
//!
//! They are taken from the canonical text, so that they describe the question and not its layout.

use std::sync::LazyLock;

use super::canonical::OPTION_WORD;
use super::hash;

/// Names of the features, in their order.
pub const LEXICAL_FEATURES: [&str; 24] = [
    "stem_words",
    "stem_chars",
    "sentences",
    "lines",
    "numbers",
    "digits",
    "operators",
    "relation_words",
    "number_words",
    "latex",
    "code",
    "options",
    "option_words",
    "numeric_options",
    "option_spread",
    "question_marks",
    "mean_word_length",
    "long_words",
    "non_ascii",
    "negations",
    "blanks",
    "wh_words",
    "commas",
    "statements",
];

/// Classes of words, as bits.
const RELATION: u8 = 1;
const NUMBER: u8 = 2;
const NEGATION: u8 = 4;
const WH: u8 = 8;
const CODE: u8 = 16;
const STATEMENT: u8 = 32;

const WORD_CLASSES: [(u8, &str); 6] = [
    (
        RELATION,
        "more less each every total per left than times twice half remaining altogether fewer most least \
         average ratio percent sum difference",
    ),
    (
        NUMBER,
        "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred \
         thousand million dozen first second third",
    ),
    (NEGATION, "not except never no none neither nor without false"),
    (WH, "what which who whom whose when where why how"),
    (CODE, "def return function class import const void int println print"),
    (STATEMENT, "statement true theorem prove suppose let"),
];

/// Open-addressed table from a word's hash to its classes; a word that is absent has none.
static CLASS_OF: LazyLock<[(u64, u8); CLASS_SLOTS]> = LazyLock::new(|| {
    let mut table = [(0, 0); CLASS_SLOTS];
    for (class, words) in WORD_CLASSES {
        for word in words.split_whitespace() {
            let hash = hash::word(word.as_bytes());
            let mut slot = hash as usize % CLASS_SLOTS;
            while table[slot].1 != 0 && table[slot].0 != hash {
                slot = (slot + 1) % CLASS_SLOTS;
            }
            table[slot] = (hash, table[slot].1 | class);
        }
    }
    table
});
const CLASS_SLOTS: usize = 512;

#[inline]
fn classes_of(table: &[(u64, u8); CLASS_SLOTS], hash: u64) -> u8 {
    let mut slot = hash as usize % CLASS_SLOTS;
    while table[slot].1 != 0 {
        if table[slot].0 == hash {
            return table[slot].1;
        }
        slot = (slot + 1) % CLASS_SLOTS;
    }
    0
}

/// What is counted while the tokens of a canonical text go by.
#[derive(Debug)]
pub(super) struct LexicalCounter {
    classes: &'static [(u64, u8); CLASS_SLOTS],
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    stem_words: u32,
    stem_chars: u32,
    word_chars: u32,
    all_words: u32,
    sentences: u32,
    numbers: u32,
    digits: u32,
    operators: u32,
    relation_words: u32,
    number_words: u32,
    latex: u32,
    code: u32,
    options: u32,
    option_words: u32,
    option_words_now: u32,
    shortest_option: u32,
    longest_option: u32,
    numeric_options: u32,
    question_marks: u32,
    long_words: u32,
    non_ascii: u32,
    negations: u32,
    blanks: u32,
    wh_words: u32,
    commas: u32,
    statements: u32,
}

impl LexicalCounter {
    pub(super) fn new() -> Self {
        let counts = Counts { shortest_option: u32::MAX, ..Counts::default() };
        Self { classes: &CLASS_OF, counts }
    }

    /// Counts one word (alphanumeric characters and underscores) with its [`hash::word`].
    #[inline]
    pub(super) fn word(&mut self, word: &str, hash: u64) {
        if word == OPTION_WORD {
            self.end_option();
            self.counts.options += 1;
            return;
        }
        let length = word.len() as u32;
        let first = word.as_bytes()[0];
        self.counts.all_words += 1;
        self.counts.word_chars += length;
        self.counts.long_words += u32::from(length >= 9);
        self.counts.non_ascii += u32::from(!first.is_ascii());
        let digit = first.is_ascii_digit();
        if self.counts.options == 0 {
            self.counts.stem_words += 1;
            self.counts.stem_chars += length;
        } else {
            self.counts.option_words_now += 1;
            self.counts.option_words += 1;
            self.counts.numeric_options += u32::from(digit && self.counts.option_words_now == 1);
        }
        if digit {
            self.counts.numbers += 1;
            self.counts.digits += length;
            return;
        }
        if first == b'_' {
            self.counts.blanks += 1;
            return;
        }
        let classes = classes_of(self.classes, hash);
        if classes != 0 {
            let count = |class: u8| u32::from(classes & class != 0);
            self.counts.relation_words += count(RELATION);
            self.counts.number_words += count(NUMBER);
            self.counts.negations += count(NEGATION);
            self.counts.wh_words += count(WH);
            self.counts.code += count(CODE);
            self.counts.statements += count(STATEMENT);
        }
    }

    /// Counts one punctuation mark or symbol.
    #[inline]
    pub(super) fn mark(&mut self, mark: char) {
        match mark {
            '.' | '!' => self.counts.sentences += 1,
            '?' => {
                self.counts.sentences += 1;
                self.counts.question_marks += 1;
            }
            ',' => self.counts.commas += 1,
            '+' | '*' | '/' | '=' | '<' | '>' | '^' | '%' | '-' => self.counts.operators += 1,
            '\\' | '$' => self.counts.latex += 1,
            '{' | '}' | ';' | '`' | '#' => self.counts.code += 1,
            _ => self.counts.non_ascii += u32::from(!mark.is_ascii()),
        }
    }

    fn end_option(&mut self) {
        if self.counts.options > 0 {
            self.counts.shortest_option = self.counts.shortest_option.min(self.counts.option_words_now);
            self.counts.longest_option = self.counts.longest_option.max(self.counts.option_words_now);
        }
        self.counts.option_words_now = 0;
    }

    /// The features, in the order of [`LEXICAL_FEATURES`]; counts as `ln(1 + n)`.
    pub(super) fn finish(mut self, lines: u32) -> [f32; LEXICAL_FEATURES.len()] {
        self.end_option();
        let log = |n: u32| ln_1p(n);
        let options = self.counts.options.max(1) as f32;
        let spread = if self.counts.options > 1 {
            self.counts.longest_option - self.counts.shortest_option
        } else {
            0
        };
        [
            log(self.counts.stem_words),
            log(self.counts.stem_chars),
            log(self.counts.sentences),
            log(lines.saturating_sub(self.counts.options)),
            log(self.counts.numbers),
            log(self.counts.digits),
            log(self.counts.operators),
            log(self.counts.relation_words),
            log(self.counts.number_words),
            log(self.counts.latex),
            log(self.counts.code),
            (self.counts.options.min(10)) as f32,
            log((self.counts.option_words as f32 / options) as u32),
            self.counts.numeric_options as f32 / options,
            log(spread),
            log(self.counts.question_marks),
            self.counts.word_chars as f32 / self.counts.all_words.max(1) as f32,
            self.counts.long_words as f32 / self.counts.all_words.max(1) as f32,
            log(self.counts.non_ascii),
            log(self.counts.negations),
            log(self.counts.blanks),
            log(self.counts.wh_words),
            log(self.counts.commas),
            log(self.counts.statements),
        ]
    }
}

/// `ln(1 + n)` in single precision: a table for the counts that prompts have, else the software `log`.
#[inline]
pub(super) fn ln_1p(n: u32) -> f32 {
    const TABLE: usize = 256;
    static LN: LazyLock<[f32; TABLE]> =
        LazyLock::new(|| std::array::from_fn(|n| libm::log1p(n as f64) as f32));
    LN.get(n as usize).copied().unwrap_or_else(|| libm::log1p(f64::from(n)) as f32)
}
