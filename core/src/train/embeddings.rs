//! Embeddings of prompts for training: each prompt's once, and none that a cache has.

use std::path::Path;

use super::{EmbeddingCache, Encoder, ProgressFn, report};
use crate::features::Features;
use crate::{Error, Result};

/// New embeddings after which the cache is written, and the share of all that it holds if that is more: what is
/// written in all then stays in proportion to what was embedded.
const SAVE_EVERY: usize = 512;
const SAVE_SHARE: usize = 16;

/// The embeddings that a training reads. Their file is written now and then and at the end, whatever the end is: an
/// interrupted training goes on where it was.
pub(super) struct Embeddings<'a> {
    encoder: &'a Encoder,
    /// Who asks, for an encoder that cannot serve it.
    trainer: &'static str,
    cache: EmbeddingCache,
    path: Option<&'a Path>,
    before: usize,
    saved: usize,
}

impl<'a> Embeddings<'a> {
    /// Those of `encoder`, beginning with what the file at `path` has.
    ///
    /// # Errors
    /// As [`EmbeddingCache::read`].
    pub(super) fn new(encoder: &'a Encoder, trainer: &'static str, path: Option<&'a Path>) -> Result<Self> {
        let dim = encoder.spec().dimension();
        // What is never written needs no name.
        let identity = path.map(|_| encoder.identity()).transpose()?.unwrap_or_default();
        let cache = match path {
            Some(path) if path.exists() => EmbeddingCache::read(path, &identity, dim)?,
            _ => EmbeddingCache::new(identity, dim)?,
        };
        let before = cache.len();
        Ok(Self { encoder, trainer, cache, path, before, saved: before })
    }

    /// The embeddings of `prompts`, row-major, and how many had to be computed so far. They are the steps of `total` that
    /// come after the first `done`.
    ///
    /// # Errors
    /// `Unsupported` if the encoder gives no dense vectors; what the encoder reports; `Cancelled`; `Io`.
    pub(super) fn of<'p>(
        &mut self,
        prompts: impl ExactSizeIterator<Item = &'p str>,
        (done, total): (usize, usize),
        progress: &mut ProgressFn<'_>,
    ) -> Result<(Vec<f32>, usize)> {
        let mut rows = Vec::with_capacity(prompts.len() * self.encoder.spec().dimension());
        let embedded = prompts.enumerate().try_for_each(|(i, prompt)| {
            self.add(prompt, &mut rows)?;
            report(progress, "embedding", done + i + 1, total, None)
        });
        let kept = self.save(1);
        // What stopped the training is what the caller has to hear of.
        embedded?;
        kept?;
        Ok((rows, self.cache.len() - self.before))
    }

    fn add(&mut self, prompt: &str, rows: &mut Vec<f32>) -> Result<()> {
        if let Some(known) = self.cache.get(prompt) {
            rows.extend_from_slice(known);
            return Ok(());
        }
        let trainer = self.trainer;
        let row = self.encoder.featurizer().with_features(prompt, None, |features, _| match features {
            Features::Dense(values) => Ok(values.to_vec()),
            Features::Sparse(_) => Err(Error::unsupported(format!(
                "{trainer} needs dense vectors, and this artifact's featurizer gives sparse ones"
            ))),
        })?;
        self.cache.insert(prompt, &row)?;
        rows.extend_from_slice(&row);
        self.save(SAVE_EVERY.max(self.cache.len() / SAVE_SHARE))
    }

    /// Writes the cache if it has this many new embeddings.
    fn save(&mut self, due: usize) -> Result<()> {
        if let Some(path) = self.path
            && self.cache.len() - self.saved >= due
        {
            self.cache.write(path)?;
            self.saved = self.cache.len();
        }
        Ok(())
    }
}
