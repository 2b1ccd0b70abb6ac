//! The `hashed` featurizer: words, word pairs and lexical counts of the canonical text.
//!
//! A prompt is brought into its canonical form, cut into words (`\w+`) and single punctuation
//! marks, and every word and pair of neighbours is hashed into one of `2^bits` buckets. A bucket holds
//! `(1 + ln tf) * idf`, and the whole block has unit length. [Lexical features](LEXICAL_FEATURES),
//! standardised on the training prompts, follow as further dimensions. No runtime, no dense vector, tens
//! of microseconds: measured against a sentence encoder it loses nothing on any set that was tried.

mod canonical;
mod hash;
mod lexical;
mod options;
mod projection;

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

pub use canonical::{CANONICAL_VERSION, CanonicalRules, Canonicalizer, OPTION_WORD};
pub use lexical::LEXICAL_FEATURES;
pub use projection::Projection;

use super::{CapSide, SparseVector, TextCap};
use crate::{Error, Result};

/// Number of lexical features.
pub const LEXICAL_DIMENSION: usize = LEXICAL_FEATURES.len();

/// Name of the hash function, as artifacts record it.
pub const HASH_NAME: &str = "fnv1a64-murmur3";

/// Standardised lexical features beyond this are cut: one odd prompt must not outweigh all its words.
const LEXICAL_CLIP: f32 = 3.0;

/// Parameters of a hashed featurizer, as they stand in an artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HashedSpec {
    /// Name of this featurizer, for example `hashed-v1`.
    pub id: String,
    /// Length of the vector: `2^bits` buckets and the lexical features; or that of the projection.
    pub dimension: usize,
    /// Binary logarithm of the number of buckets, 8 to 20.
    pub bits: u32,
    /// Hash function: [`HASH_NAME`].
    pub hash: String,
    /// What every standardised lexical feature is multiplied by.
    pub lexical_scale: f32,
    /// Cap on the text that is looked at.
    pub cap: TextCap,
    /// Rules of the canonical form.
    pub canonical: CanonicalRules,
    /// Dimension of the dense projection, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<usize>,
}

impl HashedSpec {
    /// Features in `2^bits` buckets of the beginning of a prompt, 16,384 bytes at most, with the rules of canonical text
    /// that this library has, and without a projection.
    pub fn new(id: impl Into<String>, bits: u32) -> Self {
        Self {
            id: id.into(),
            dimension: 1_usize.checked_shl(bits).unwrap_or(0) + LEXICAL_DIMENSION,
            bits,
            hash: HASH_NAME.to_owned(),
            lexical_scale: 1.0,
            cap: TextCap::new(16_384, CapSide::Head),
            canonical: CanonicalRules::default(),
            projection: None,
        }
    }

    /// What every standardised lexical feature is multiplied by.
    #[must_use]
    pub fn lexical_scale(mut self, factor: f32) -> Self {
        self.lexical_scale = factor;
        self
    }

    /// The cap on the text that is looked at.
    #[must_use]
    pub fn cap(mut self, cap: TextCap) -> Self {
        self.cap = cap;
        self
    }

    /// The rules of the canonical form.
    #[must_use]
    pub fn canonical(mut self, rules: CanonicalRules) -> Self {
        self.canonical = rules;
        self
    }

    /// The dimension of the dense projection, which then is that of the vectors.
    #[must_use]
    pub fn projection(mut self, columns: usize) -> Self {
        self.projection = Some(columns);
        self.dimension = columns;
        self
    }

    fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::invalid_model(message));
        if !(8..=20).contains(&self.bits) {
            return invalid(format!("hashed featurizer: bits is {}, expected 8 to 20", self.bits));
        }
        if self.hash != HASH_NAME {
            return invalid(format!("hashed featurizer: hash is {:?}, expected {HASH_NAME:?}", self.hash));
        }
        if self.canonical.version != CANONICAL_VERSION {
            return invalid(format!(
                "hashed featurizer: canonical text has version {}, this library knows {CANONICAL_VERSION}",
                self.canonical.version
            ));
        }
        if !self.lexical_scale.is_finite() {
            return invalid(format!("hashed featurizer: lexical_scale is {}", self.lexical_scale));
        }
        Ok(())
    }
}

/// The hashed featurizer.
#[derive(Debug)]
pub struct Hashed {
    spec: HashedSpec,
    canonicalizer: Canonicalizer,
    /// Inverse document frequency of each bucket.
    idf: Vec<f32>,
    lexical_mean: Vec<f32>,
    lexical_inverse_std: Vec<f32>,
    projection: Option<Projection>,
}

/// Statistics of the training prompts that a featurizer needs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HashedStatistics {
    /// Inverse document frequency of each bucket, `2^bits`.
    pub idf: Vec<f32>,
    /// Mean of each lexical feature.
    pub lexical_mean: Vec<f32>,
    /// Standard deviation of each lexical feature; a constant feature has 0 and is left out.
    pub lexical_std: Vec<f32>,
}

impl HashedStatistics {
    fn check(&self, buckets: usize) -> Result<()> {
        let invalid = |message: String| Err(Error::invalid_model(message));
        if self.idf.len() != buckets
            || self.lexical_mean.len() != LEXICAL_DIMENSION
            || self.lexical_std.len() != LEXICAL_DIMENSION
        {
            return invalid(format!(
                "hashed featurizer: {} idf values and {} / {} lexical statistics, expected {buckets} and \
                 {LEXICAL_DIMENSION}",
                self.idf.len(),
                self.lexical_mean.len(),
                self.lexical_std.len(),
            ));
        }
        let all = self.idf.iter().chain(&self.lexical_mean).chain(&self.lexical_std);
        if !all.clone().all(|value| value.is_finite()) {
            return invalid("hashed featurizer: a statistic is not finite".to_owned());
        }
        Ok(())
    }
}

/// Buffers of one thread.
#[derive(Default)]
struct Scratch {
    canonical: canonical::CanonicalScratch,
    /// Bucket of each distinct feature in order of first occurrence, and how often it occurred.
    counts: Vec<(u32, u32)>,
    /// Open-addressed table from bucket to its index in `counts`, plus one; zero is empty.
    slots: Vec<u32>,
    sparse: SparseVector,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Hashed {
    /// Builds a featurizer from its parts.
    ///
    /// # Errors
    /// `InvalidModel` if parameters and statistics do not fit each other.
    pub fn new(
        spec: HashedSpec,
        statistics: HashedStatistics,
        projection: Option<Projection>,
    ) -> Result<Self> {
        spec.check()?;
        let buckets = 1_usize << spec.bits;
        statistics.check(buckets)?;
        let sparse = buckets + LEXICAL_DIMENSION;
        let invalid = |message: String| Err(Error::invalid_model(message));
        let dimension = match (&projection, spec.projection) {
            (None, None) => sparse,
            (Some(projection), Some(columns))
                if projection.rows() == sparse && projection.columns() == columns =>
            {
                columns
            }
            _ => return invalid("hashed featurizer: the projection does not fit its parameters".to_owned()),
        };
        if spec.dimension != dimension {
            return invalid(format!(
                "hashed featurizer: dimension is {}, its parts make {dimension}",
                spec.dimension
            ));
        }
        let inverse = |std: &f32| if *std > 0.0 { spec.lexical_scale / std } else { 0.0 };
        Ok(Self {
            canonicalizer: Canonicalizer::new(spec.canonical.clone()),
            lexical_inverse_std: statistics.lexical_std.iter().map(inverse).collect(),
            idf: statistics.idf,
            lexical_mean: statistics.lexical_mean,
            projection,
            spec,
        })
    }

    /// The parameters.
    pub fn spec(&self) -> &HashedSpec {
        &self.spec
    }

    /// Length of the sparse vector: buckets and lexical features.
    pub fn sparse_dimension(&self) -> usize {
        self.idf.len() + LEXICAL_DIMENSION
    }

    /// The projection to a dense vector, if there is one.
    pub fn projection(&self) -> Option<&Projection> {
        self.projection.as_ref()
    }

    /// The canonical form of `prompt`, as it is hashed.
    pub fn canonical(&self, prompt: &str) -> String {
        self.canonicalizer.canonical(self.spec.cap.apply(prompt).0)
    }

    /// Calls `consume` with the sparse features of `prompt` and whether the prompt was cut.
    pub fn with_sparse<T>(&self, prompt: &str, consume: impl FnOnce(&SparseVector, bool) -> T) -> T {
        SCRATCH.with_borrow_mut(|scratch| {
            let (text, truncated) = self.spec.cap.apply(prompt);
            let lexical = count_features(&self.canonicalizer, text, self.spec.bits, scratch);
            let Scratch { counts, sparse, .. } = scratch;
            sparse.clear();
            let mut squares = 0.0_f32;
            for &(bucket, count) in counts.iter() {
                let value = (1.0 + ln(count)) * self.idf[bucket as usize];
                squares += value * value;
                sparse.push(bucket, value);
            }
            if squares > 0.0 {
                sparse.scale(1.0 / squares.sqrt());
            }
            let buckets = self.idf.len() as u32;
            for (i, raw) in lexical.iter().enumerate() {
                let value = (raw - self.lexical_mean[i]) * self.lexical_inverse_std[i];
                let clip = LEXICAL_CLIP * self.spec.lexical_scale;
                sparse.push(buckets + i as u32, value.clamp(-clip, clip));
            }
            consume(sparse, truncated)
        })
    }
}

/// Collects [`HashedStatistics`] over training prompts, one after the other.
#[derive(Debug)]
pub struct StatisticsBuilder {
    canonicalizer: Canonicalizer,
    cap: TextCap,
    bits: u32,
    prompts: u32,
    document_frequency: Vec<u32>,
    lexical: Vec<[f32; LEXICAL_DIMENSION]>,
}

impl StatisticsBuilder {
    /// An empty collection for features of these parameters.
    pub fn new(rules: CanonicalRules, cap: TextCap, bits: u32) -> Self {
        Self {
            canonicalizer: Canonicalizer::new(rules),
            cap,
            bits,
            prompts: 0,
            document_frequency: vec![0; 1 << bits],
            lexical: Vec::new(),
        }
    }

    /// Counts one prompt.
    pub fn add(&mut self, prompt: &str) {
        SCRATCH.with_borrow_mut(|scratch| {
            let (text, _) = self.cap.apply(prompt);
            self.lexical.push(count_features(&self.canonicalizer, text, self.bits, scratch));
            for &(bucket, _) in &scratch.counts {
                self.document_frequency[bucket as usize] += 1;
            }
            self.prompts += 1;
        });
    }

    /// The statistics: `idf = ln((1 + n) / (1 + df)) + 1`, the smoothed form of scikit-learn.
    pub fn finish(self) -> HashedStatistics {
        let n = f64::from(self.prompts);
        let idf = |df: &u32| (libm::log((1.0 + n) / (1.0 + f64::from(*df))) + 1.0) as f32;
        let mean_of = |value: &dyn Fn(&[f32; LEXICAL_DIMENSION]) -> f64| {
            self.lexical.iter().map(value).sum::<f64>() / n.max(1.0)
        };
        let mean: Vec<f64> = (0..LEXICAL_DIMENSION).map(|i| mean_of(&|row| f64::from(row[i]))).collect();
        let std = (0..LEXICAL_DIMENSION)
            .map(|i| mean_of(&|row| (f64::from(row[i]) - mean[i]).powi(2)).sqrt())
            .map(|std| if std > 1e-6 { std as f32 } else { 0.0 })
            .collect();
        HashedStatistics {
            idf: self.document_frequency.iter().map(idf).collect(),
            lexical_mean: mean.into_iter().map(|m| m as f32).collect(),
            lexical_std: std,
        }
    }
}

/// `ln(count)` for a count of at least 1.
#[inline]
fn ln(count: u32) -> f32 {
    lexical::ln_1p(count - 1)
}

/// Empties the counts, with a table of `capacity` for the next ones.
fn clear(counts: &mut Vec<(u32, u32)>, slots: &mut Vec<u32>, capacity: usize) {
    counts.clear();
    if slots.len() == capacity {
        slots.fill(0);
    } else {
        slots.clear();
        slots.resize(capacity, 0);
    }
}

/// Counts one feature of `bucket`. `capacity` is the length of `slots`, a power of two.
#[inline]
fn count(bucket: u32, counts: &mut Vec<(u32, u32)>, slots: &mut [u32], capacity: usize) {
    let mut slot = bucket as usize & (capacity - 1);
    loop {
        match slots[slot] {
            0 => {
                counts.push((bucket, 1));
                slots[slot] = counts.len() as u32;
                return;
            }
            index if counts[index as usize - 1].0 == bucket => {
                counts[index as usize - 1].1 += 1;
                return;
            }
            _ => slot = (slot + 1) & (capacity - 1),
        }
    }
}

/// Fills `scratch.counts` with the hashed features of `text` and returns its raw lexical features.
fn count_features(
    canonicalizer: &Canonicalizer,
    text: &str,
    bits: u32,
    scratch: &mut Scratch,
) -> [f32; LEXICAL_DIMENSION] {
    canonicalizer.run(text, &mut scratch.canonical);
    let Scratch { canonical, counts, slots, .. } = scratch;
    let text = canonical.text.as_str();
    // At most one word and one pair a byte; in practice a third of that.
    let capacity = (text.len() + 8).next_power_of_two().max(64);
    clear(counts, slots, capacity);
    let mut add = |key: u64| count(hash::bucket(key, bits), counts, slots, capacity);
    let mut lexical = lexical::LexicalCounter::new();
    let mut previous = None;
    let mut lines = 1;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (token, is_word) = next_token(text, at);
        at += token.len();
        let first = token.as_bytes()[0];
        if matches!(first, b' ' | b'\n' | b'\t') {
            lines += u32::from(first == b'\n');
            continue;
        }
        let hash = hash::word(token.as_bytes());
        if is_word {
            lexical.word(token, hash);
        } else {
            let mark = token.chars().next().unwrap_or(' ');
            if mark.is_whitespace() || mark.is_control() {
                continue;
            }
            lexical.mark(mark);
        }
        add(hash);
        if let Some(before) = previous.replace(hash) {
            add(hash::pair(before, hash));
        }
    }
    lexical.finish(lines)
}

/// The token that begins at byte `at`: a run of alphanumeric characters and underscores, or one other
/// character. The flag tells which.
#[inline]
fn next_token(text: &str, at: usize) -> (&str, bool) {
    let bytes = text.as_bytes();
    let mut end = at;
    while end < bytes.len() {
        let byte = bytes[end];
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            end += 1;
        } else if byte.is_ascii() {
            break;
        } else {
            let Some(c) = text[end..].chars().next().filter(|c| c.is_alphanumeric()) else { break };
            end += c.len_utf8();
        }
    }
    if end > at {
        return (&text[at..end], true);
    }
    let length = text[at..].chars().next().map_or(1, char::len_utf8);
    (&text[at..at + length], false)
}

#[cfg(test)]
mod tests;
