use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const CAP: TextCap = TextCap { max_bytes: 200, side: CapSide::Head };

fn hashed(prompts: &[&str], bits: u32) -> Hashed {
    let mut builder = StatisticsBuilder::new(CanonicalRules::default(), CAP, bits);
    for prompt in prompts {
        builder.add(prompt);
    }
    let spec = HashedSpec::new("test", bits).lexical_scale(0.5).cap(CAP);
    Hashed::new(spec, builder.finish(), None).unwrap()
}

/// Words and pairs of a canonical text counted the plain way: split, hash, count in a map.
fn naive_counts(text: &str, bits: u32) -> BTreeMap<u32, u32> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        if !c.is_whitespace() && !c.is_control() {
            tokens.push(c.to_string());
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    let hashes: Vec<u64> = tokens.iter().map(|token| hash::word(token.as_bytes())).collect();
    let pairs = hashes.windows(2).map(|pair| hash::pair(pair[0], pair[1]));
    let mut counts = BTreeMap::new();
    for key in hashes.iter().copied().chain(pairs) {
        *counts.entry(hash::bucket(key, bits)).or_insert(0) += 1;
    }
    counts
}

proptest! {
    #[test]
    fn agrees_with_the_naive_version(prompt in "(?s).{0,80}") {
        let hashed = hashed(&["what is this", "and that"], 10);
        let text = hashed.canonical(&prompt);
        let counts = naive_counts(&text, 10);
        let values: BTreeMap<u32, f64> = counts
            .iter()
            .map(|(bucket, count)| (*bucket, (1.0 + f64::from(*count).ln()) * f64::from(hashed.idf[*bucket as usize])))
            .collect();
        let norm = values.values().map(|v| v * v).sum::<f64>().sqrt();
        hashed.with_sparse(&prompt, |sparse, _| {
            let words: BTreeMap<u32, f32> = sparse.iter().filter(|(index, _)| *index < 1024).collect();
            prop_assert_eq!(words.len(), values.len());
            for (bucket, value) in &values {
                prop_assert!((f64::from(words[bucket]) - value / norm).abs() < 1e-5);
            }
            prop_assert_eq!(sparse.len(), words.len() + LEXICAL_DIMENSION);
            Ok(())
        })?;
    }

    #[test]
    fn any_text_has_finite_features_whatever_came_before(a in "(?s).{0,300}", b in "(?s).{0,300}") {
        let hashed = hashed(&["one", "two three"], 8);
        let first = hashed.with_sparse(&b, |sparse, _| sparse.clone());
        hashed.with_sparse(&a, |sparse, _| assert!(sparse.iter().all(|(_, value)| value.is_finite())));
        let second = hashed.with_sparse(&b, |sparse, _| sparse.clone());
        prop_assert_eq!(first, second);
    }
}

#[test]
fn what_lies_behind_the_cap_does_not_count() {
    let hashed = hashed(&["word"], 10);
    let long = "word ".repeat(1000);
    let kept = &long[..200];
    let of = |prompt: &str| hashed.with_sparse(prompt, |sparse, truncated| (sparse.clone(), truncated));
    assert_eq!(of(&long).0, of(kept).0);
    assert!(of(&long).1 && !of(kept).1);
}

#[test]
fn rare_words_weigh_more() {
    let hashed = hashed(&["the cat", "the dog", "the bird"], 12);
    let idf = |word: &str| hashed.idf[hash::bucket(hash::word(word.as_bytes()), 12) as usize];
    assert!((f64::from(idf("the")) - 1.0).abs() < 1e-6);
    assert!((f64::from(idf("cat")) - ((4.0_f64 / 2.0).ln() + 1.0)).abs() < 1e-6);
    assert!(idf("unseen") > idf("cat"));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let good = hashed(&["a"], 10);
    let statistics = HashedStatistics {
        idf: good.idf.clone(),
        lexical_mean: good.lexical_mean.clone(),
        lexical_std: vec![1.0; LEXICAL_DIMENSION],
    };
    let refused = |change: fn(&mut HashedSpec, &mut HashedStatistics), word: &str| {
        let (mut spec, mut statistics) = (good.spec.clone(), statistics.clone());
        change(&mut spec, &mut statistics);
        let error = Hashed::new(spec, statistics, None).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidModel);
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(|spec, _| spec.bits = 30, "bits");
    refused(|spec, _| spec.hash = "md5".into(), "md5");
    refused(|spec, _| spec.canonical.version = 9, "version 9");
    refused(|spec, _| spec.dimension = 5, "dimension");
    refused(|spec, _| spec.projection = Some(3), "projection");
    refused(|spec, _| spec.lexical_scale = f32::NAN, "lexical_scale");
    refused(|_, statistics| statistics.idf.truncate(3), "idf");
    refused(|_, statistics| statistics.idf[0] = f32::INFINITY, "not finite");
}

/// Options, numbers and words are seen where they are.
#[test]
fn lexical_features_describe_the_question() {
    let mut scratch = Scratch::default();
    let canonicalizer = Canonicalizer::new(CanonicalRules::default());
    let text = "Which of 12 items is not $x^2$?\nA. one item\nB. 7\nC. two of the more\nD. 9";
    let features = count_features(&canonicalizer, text, 10, &mut scratch);
    let of = |name: &str| features[LEXICAL_FEATURES.iter().position(|n| *n == name).unwrap()];
    let log = |n: f32| (1.0 + n).ln();
    assert_eq!(of("options"), 4.0);
    assert_eq!(of("numeric_options"), 0.5);
    assert!((of("stem_words") - log(8.0)).abs() < 1e-6, "{}", of("stem_words"));
    assert!((of("negations") - log(1.0)).abs() < 1e-6);
    assert!((of("latex") - log(2.0)).abs() < 1e-6);
    assert!((of("wh_words") - log(1.0)).abs() < 1e-6);
    assert!((of("relation_words") - log(1.0)).abs() < 1e-6);
    assert!((of("option_spread") - log(3.0)).abs() < 1e-6);
}
