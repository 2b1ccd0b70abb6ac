//! Hashed features for trainers that take any features.

use super::linear::{LinearOptions, featurizer};
use crate::Result;
use crate::control::Watch;
use crate::features::hashed::{Hashed, HashedStatistics, StatisticsBuilder};

/// The scale of the lexical features beside words, where nothing chooses it.
const LEXICAL_SCALE: f32 = 0.1;

/// What features are weighed by: how rare words are in `prompts`.
pub(super) fn statistics<'a>(
    prompts: impl ExactSizeIterator<Item = &'a str>,
    options: &LinearOptions,
    watch: &mut Watch<'_>,
) -> Result<HashedStatistics> {
    let mut builder = StatisticsBuilder::new(options.canonical.clone(), options.cap, options.bits);
    let total = prompts.len();
    for (i, prompt) in prompts.enumerate() {
        builder.add(prompt);
        if i % 256 == 0 {
            watch.report("features", i, total, None)?;
        }
    }
    Ok(builder.finish())
}

/// A featurizer whose words are weighed by how rare they are in `prompts`, with the defaults of `linear`.
pub(super) fn hashed<'a>(
    prompts: impl ExactSizeIterator<Item = &'a str>,
    bits: u32,
    watch: &mut Watch<'_>,
) -> Result<(Hashed, HashedStatistics)> {
    let options = LinearOptions::new().bits(bits);
    let statistics = statistics(prompts, &options, watch)?;
    Ok((featurizer(&options, LEXICAL_SCALE, statistics.clone(), None)?, statistics))
}
