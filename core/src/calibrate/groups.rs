//! Prompts that are the same question again, to the letter or nearly.

/// The group of each text, in numbers from 0 on: texts that are equal, or nearly so, but for layout, case and wrapping. With
/// the feature `train` texts are nearly equal that share most of their runs of words; without it they have to be equal.
pub fn groups_of<P: AsRef<str>>(texts: &[P]) -> Vec<usize> {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    let mut first: Vec<usize> = (0..texts.len()).collect();
    for (later, earlier) in alike(&texts) {
        // Earlier ones have found their group.
        first[later] = first[earlier];
    }
    numbered(&first)
}

#[cfg(feature = "train")]
fn alike(texts: &[&str]) -> Vec<(usize, usize)> {
    crate::preference::near_duplicates(texts)
}

#[cfg(not(feature = "train"))]
fn alike(texts: &[&str]) -> Vec<(usize, usize)> {
    use crate::features::hashed::{CanonicalRules, Canonicalizer};
    let canonical = Canonicalizer::new(CanonicalRules::default());
    let mut known = std::collections::HashMap::new();
    let mut found = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let earlier = *known.entry(canonical.canonical(text)).or_insert(number);
        if earlier != number {
            found.push((number, earlier));
        }
    }
    found
}

/// The group of each label, in numbers from 0 on, in the order in which they first occur.
pub(crate) fn numbered<L: std::hash::Hash + Eq>(labels: &[L]) -> Vec<usize> {
    let mut known = std::collections::HashMap::new();
    labels
        .iter()
        .map(|label| {
            let next = known.len();
            *known.entry(label).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_is_one_group() {
        let groups = groups_of(&["What is 17 * 23?", "Hello", "what is  17 * 23?", "HELLO", "Bye"]);
        assert_eq!(groups, [0, 1, 0, 1, 2]);
        assert_eq!(numbered(&["x", "y", "x"]), [0, 1, 0]);
        assert!(groups_of::<&str>(&[]).is_empty());
    }
}
