//! Which prompts of training data an evaluation has too.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::{Control, Encoder};
use crate::control::Watch;
use crate::features::Features;
use crate::features::hashed::{CanonicalRules, Canonicalizer};
use crate::numeric::{dot, normalize, parallel_map};
use crate::setters::options_struct;
use crate::{Error, ErrorKind, Result};

options_struct! {
    /// What counts as the same prompt.
    #[derive(Debug, Clone, PartialEq)]
    pub struct DecontaminationOptions {
        /// Words in a row that two prompts may not share; `None`: words are not compared.
        words: Option<usize> = Some(8) => usize,
        /// Smallest cosine similarity of the vectors of two prompts that are too alike, in (0, 1], where there is an encoder.
        cosine: f64 = 0.95,
    }
}

/// How a training prompt was found in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// Their canonical texts are the same: but for case, layout, and the wrapping of a benchmark.
    Exact,
    /// They share words in a row.
    Words,
    /// Their vectors are too alike.
    Cosine,
}

impl Rule {
    /// `exact`, `words` or `cosine`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Words => "words",
            Self::Cosine => "cosine",
        }
    }
}

/// A training prompt that an evaluation has too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Contaminated {
    /// Its number, from 0.
    pub row: usize,
    /// The number of the evaluation's prompt, from 0; of several the first that the rule finds, or the most similar one.
    pub against: usize,
    /// How it was found: by the first rule that finds it, in the order exact, words, cosine.
    pub rule: Rule,
    /// What was found: the words that both have, or the similarity.
    pub found: Evidence,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Evidence {
    /// Words in a row, or the whole canonical text.
    Text(String),
    /// Cosine similarity.
    Similarity(f64),
}

/// What [`decontaminate`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Decontamination {
    /// Training prompts that were looked at.
    pub rows: usize,
    /// Prompts of the evaluation.
    pub against: usize,
    /// The prompts that both have, by row.
    pub contaminated: Vec<Contaminated>,
}

impl Decontamination {
    /// For each training prompt whether it may stay.
    pub fn keep(&self) -> Vec<bool> {
        let mut keep = vec![true; self.rows];
        self.contaminated.iter().for_each(|found| keep[found.row] = false);
        keep
    }

    /// How many were found by a rule.
    pub fn count(&self, rule: Rule) -> usize {
        self.contaminated.iter().filter(|found| found.rule == rule).count()
    }
}

/// Finds the training prompts `rows` that are among, or too much like, the prompts `against` of an evaluation: by their
/// canonical texts, by eight words in a row that both have (in lower case, without punctuation), and, with an encoder, by
/// a cosine similarity of .95 and more.
///
/// ```
/// use routellm_core::Control;
/// use routellm_core::train::decontaminate::{DecontaminationOptions, Rule, decontaminate};
///
/// let found = decontaminate(
///     &["  What is 2 + 2? ", "Name a river."],
///     &["what is 2 + 2?"],
///     None,
///     &DecontaminationOptions::new(),
///     Control::new(),
/// )?;
/// assert_eq!((found.contaminated[0].row, found.contaminated[0].rule), (0, Rule::Exact));
/// assert_eq!(found.keep(), [false, true]);
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for options out of range; what the encoder reports; `Cancelled`; `ResourceExhausted`.
pub fn decontaminate<S: AsRef<str>, T: AsRef<str>>(
    rows: &[S],
    against: &[T],
    encoder: Option<&Encoder>,
    options: &DecontaminationOptions,
    control: Control<'_>,
) -> Result<Decontamination> {
    if options.words == Some(0) {
        return Err(Error::invalid_argument("words is 0, expected at least 1"));
    }
    if !(options.cosine > 0.0 && options.cosine <= 1.0) {
        return Err(Error::invalid_argument(format!(
            "cosine is {}, expected a number in (0, 1]",
            options.cosine
        )));
    }
    let rows: Vec<&str> = rows.iter().map(AsRef::as_ref).collect();
    let against: Vec<&str> = against.iter().map(AsRef::as_ref).collect();
    let mut watch = control.start()?;
    let mut found = by_text(&rows, &against, options.words, &mut watch)?;
    if let Some(encoder) = encoder {
        let open: Vec<usize> = (0..rows.len()).filter(|row| !found.contains_key(row)).collect();
        by_vector(&rows, &open, &against, (encoder, options.cosine), &mut found, &mut watch)?;
    }
    let mut contaminated: Vec<Contaminated> = found.into_values().collect();
    contaminated.sort_by_key(|found| found.row);
    Ok(Decontamination { rows: rows.len(), against: against.len(), contaminated })
}

/// Prompts between two reports of progress.
const REPORT: usize = 256;

fn by_text(
    rows: &[&str],
    against: &[&str],
    words: Option<usize>,
    watch: &mut Watch<'_>,
) -> Result<HashMap<usize, Contaminated>> {
    let canonicalizer = Canonicalizer::new(CanonicalRules::default());
    let total = rows.len() + against.len();
    let (mut texts, mut runs) = (HashMap::new(), HashMap::new());
    for (number, prompt) in against.iter().enumerate() {
        texts.entry(canonicalizer.canonical(prompt)).or_insert(number);
        for run in words.iter().flat_map(|words| runs_of(prompt, *words)) {
            runs.entry(hash(&run)).or_insert(number);
        }
        if number % REPORT == 0 {
            watch.report("texts", number, total, None)?;
        }
    }
    let mut found = HashMap::new();
    for (row, prompt) in rows.iter().enumerate() {
        let canonical = canonicalizer.canonical(prompt);
        // Prompts without a word are no question, and all of them are alike.
        let exact = if canonical.is_empty() { None } else { texts.get(&canonical) };
        let by_words = || {
            let shared = words.iter().flat_map(|words| runs_of(prompt, *words));
            let mut shared = shared.filter_map(|run| {
                let against: usize = *runs.get(&hash(&run))?;
                Some((against, Rule::Words, run.join(" ")))
            });
            shared.next()
        };
        let same = exact.map(|against| (*against, Rule::Exact, canonical)).or_else(by_words);
        if let Some((against, rule, text)) = same {
            found.insert(row, Contaminated { row, against, rule, found: Evidence::Text(text) });
        }
        if row % REPORT == 0 {
            watch.report("texts", against.len() + row, total, None)?;
        }
    }
    watch.report("texts", total, total, None)?;
    Ok(found)
}

/// Every `count` words in a row.
fn runs_of(prompt: &str, count: usize) -> Vec<Vec<String>> {
    let words: Vec<String> = prompt
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.windows(count).map(<[String]>::to_vec).collect()
}

/// 64 bits, so that runs of a large evaluation fit in memory.
fn hash(run: &[String]) -> u64 {
    // Of a fixed key: the same in every process.
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}

fn by_vector(
    rows: &[&str],
    open: &[usize],
    against: &[&str],
    (encoder, cosine): (&Encoder, f64),
    found: &mut HashMap<usize, Contaminated>,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let distinct: HashSet<&str> = open.iter().map(|row| rows[*row]).chain(against.iter().copied()).collect();
    let total = distinct.len();
    let mut known: HashMap<&str, Option<Vec<f32>>> = HashMap::with_capacity(total);
    for prompt in open.iter().map(|row| rows[*row]).chain(against.iter().copied()) {
        if known.contains_key(prompt) {
            continue;
        }
        known.insert(prompt, unit(encoder, prompt, watch)?);
        if known.len().is_multiple_of(REPORT) || known.len() == total {
            watch.report("embedding", known.len(), total, None)?;
        }
    }
    let vector = |prompt: &str| known.get(prompt).and_then(Option::as_deref);
    let against: Vec<(usize, &[f32])> =
        against.iter().enumerate().filter_map(|(number, prompt)| Some((number, vector(prompt)?))).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (number, part) in open.chunks(REPORT).enumerate() {
        let pieces = parallel_map(part.chunks(part.len().div_ceil(threads)), |rows_of_piece| {
            let nearest = |row: &usize| {
                let mine = vector(rows[*row])?;
                let similarities = against.iter().map(|(number, other)| (*number, dot(mine, other)));
                // The first of equal ones.
                let best = similarities.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
                (f64::from(best.1) >= cosine).then_some((*row, best))
            };
            rows_of_piece.iter().filter_map(nearest).collect::<Vec<_>>()
        });
        for (row, (against, similarity)) in pieces.into_iter().flatten() {
            let similarity = Evidence::Similarity(f64::from(similarity).min(1.0));
            found.insert(row, Contaminated { row, against, rule: Rule::Cosine, found: similarity });
        }
        watch.report("vectors", (number * REPORT + part.len()).min(open.len()), open.len(), None)?;
    }
    Ok(())
}

/// The vector of a prompt, of length 1; `None` for one that has no direction, or that the encoder cannot read.
fn unit(encoder: &Encoder, prompt: &str, watch: &Watch<'_>) -> Result<Option<Vec<f32>>> {
    let vector = match encoder.given(prompt) {
        Ok(Some(given)) => Ok(given.to_vec()),
        Ok(None) => encoder.featurizer().with_features(prompt, watch.stop(), |features, _| match features {
            Features::Dense(values) => Ok(values.to_vec()),
            Features::Sparse(_) => Err(Error::unsupported(
                "cosine similarity needs dense vectors, and this artifact's featurizer gives sparse ones",
            )),
        }),
        Err(error) => Err(error),
    };
    match vector {
        Ok(mut vector) => {
            let norm = normalize(&mut vector);
            Ok((norm > 0.0 && norm.is_finite()).then_some(vector))
        }
        // What cannot be embedded cannot be compared so; its text was.
        Err(error) if matches!(error.kind(), ErrorKind::Tokenize | ErrorKind::InvalidArgument) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_own() {
        let long = "the quick brown fox jumps over the lazy dog near the river";
        let rows = [
            "Capital of France?",
            "Tell me: The quick, brown fox JUMPS over the lazy dog!",
            "Quick brown fox jumps over the lazy cat.",
            "a question of its own",
            "what lies near this one",
            "",
        ];
        let against = ["capital  of france?", long, "neighbour", ""];
        let vectors = [
            (rows[3], vec![1.0, 0.0]),
            (rows[4], vec![1.0, 0.2]),
            (rows[2], vec![0.0, 1.0]),
            ("neighbour", vec![2.0, 0.5]),
        ];
        let encoder =
            Encoder::from_embeddings("e", vectors.map(|(text, vector)| (text.to_owned(), vector))).unwrap();
        let run = |encoder, options: &DecontaminationOptions| {
            decontaminate(&rows, &against, encoder, options, Control::new()).unwrap()
        };
        let found = run(Some(&encoder), &DecontaminationOptions::new());
        let told: Vec<(usize, usize, Rule)> =
            found.contaminated.iter().map(|found| (found.row, found.against, found.rule)).collect();
        assert_eq!(
            told,
            [(0, 0, Rule::Exact), (1, 1, Rule::Words), (3, 2, Rule::Cosine), (4, 2, Rule::Cosine)]
        );
        assert_eq!(
            found.contaminated[1].found,
            Evidence::Text("the quick brown fox jumps over the lazy".into())
        );
        assert_eq!(found.keep(), [false, false, true, false, false, true]);
        let strict = DecontaminationOptions::new().cosine(0.99).words(6);
        let found = run(Some(&encoder), &strict);
        let told: Vec<usize> = found.contaminated.iter().map(|found| found.row).collect();
        assert_eq!(told, [0, 1, 2, 4]);
        assert_eq!(run(None, &DecontaminationOptions::new()).count(Rule::Cosine), 0);
        for wrong in [DecontaminationOptions::new().words(0), DecontaminationOptions::new().cosine(1.5)] {
            assert!(decontaminate(&rows, &against, None, &wrong, Control::new()).is_err());
        }
    }
}
