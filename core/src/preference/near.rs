//! Which texts are nearly the same: `MinHash` over runs of words finds candidates, and their exact overlap decides.
//!
//! Broder, "On the resemblance and containment of documents", 1997.

use std::collections::HashMap;

use crate::features::hashed::{CanonicalRules, Canonicalizer};
use crate::numeric::parallel_map;

/// Words in a run.
const RUN: usize = 3;
/// Least share of the runs of two texts that both have, for them to be alike.
const ALIKE: f64 = 0.8;
/// Two texts meet if one of the bands of their signatures is equal. With 16 bands of 4 values, texts that share eight of
/// ten runs meet with a probability of 0.9998.
const BANDS: usize = 16;
const ROWS: usize = 4;
/// Texts that a band is compared with: a template that a thousand texts have makes no million comparisons.
const MEETINGS: usize = 16;

/// For each text that is nearly the same as an earlier one: its number, and that of the earlier one. Layout, case and
/// wrapping count for nothing.
pub(crate) fn near_duplicates(texts: &[&str]) -> Vec<(usize, usize)> {
    let canonical = Canonicalizer::new(CanonicalRules::default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = texts.chunks(texts.len().div_ceil(cores).max(1));
    let runs = parallel_map(parts, |part: &[&str]| -> Vec<Vec<u64>> {
        part.iter().map(|text| runs_of(&canonical.canonical(text))).collect()
    });
    let runs = runs.concat();
    let mut met: HashMap<(usize, [u64; ROWS]), Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (number, own) in runs.iter().enumerate() {
        let signature = signature(own);
        let mut earlier = None;
        for (band, values) in signature.as_chunks::<ROWS>().0.iter().enumerate() {
            let others = met.entry((band, *values)).or_default();
            if earlier.is_none() {
                earlier = others.iter().copied().find(|&other| overlap(own, &runs[other]) >= ALIKE);
            }
            if others.len() < MEETINGS {
                others.push(number);
            }
        }
        found.extend(earlier.map(|other| (number, other)));
    }
    found
}

/// Hashes of the runs of words of a text, in ascending order, each once. A short text is one run.
fn runs_of(text: &str) -> Vec<u64> {
    let words: Vec<u64> = text.split_whitespace().map(|word| fnv(word.as_bytes())).collect();
    let run = |words: &[u64]| words.iter().fold(0, |hash, word| mix(hash ^ word));
    let mut runs: Vec<u64> =
        if words.len() < RUN { vec![run(&words)] } else { words.windows(RUN).map(run).collect() };
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// The smallest value of the runs under each of the hash functions.
fn signature(runs: &[u64]) -> [u64; BANDS * ROWS] {
    let mut least = [u64::MAX; BANDS * ROWS];
    for run in runs {
        for (function, least) in least.iter_mut().enumerate() {
            *least = (*least).min(mix(run ^ (function as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
    }
    least
}

/// The share of the runs of either that both have.
fn overlap(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    both as f64 / (a.len() + b.len() - both) as f64
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finalizer of SplitMix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_share_most_of_their_words_are_alike() {
        let long = |last: &str| {
            let words: Vec<String> = (0..60).map(|i| format!("word{i}")).collect();
            format!("{} {last}", words.join(" "))
        };
        let (one, other, spaced) =
            (long("end"), long("close"), format!("  {}  ", long("END").replace(' ', "\n")));
        let texts = [
            one.as_str(),
            "Hello",
            &other,
            "hello ",
            &spaced,
            "",
            "Hello you",
            "unlike all of the others here",
        ];
        assert_eq!(near_duplicates(&texts), [(2, 0), (3, 1), (4, 0)]);
    }

    #[test]
    fn the_overlap_is_that_of_sets() {
        assert_eq!(overlap(&[1, 2, 3, 4], &[2, 4, 6]), 2.0 / 5.0);
        assert_eq!(overlap(&[1], &[1]), 1.0);
        assert_eq!(overlap(&[1], &[2]), 0.0);
    }

    #[test]
    fn texts_with_less_in_common_are_not() {
        // Half of the words are others.
        let text = |from: usize| (from..from + 40).map(|i| format!("w{i}")).collect::<Vec<_>>().join(" ");
        assert_eq!(near_duplicates(&[&text(0), &text(20)]), []);
        // A template that all share is no likeness where the rest is longer.
        let texts: Vec<String> = (0..50).map(|i| format!("Answer the question. {}", text(i * 100))).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(near_duplicates(&texts), []);
    }
}
