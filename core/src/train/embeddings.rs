//! Embeddings of prompts for training: each prompt's once, and none that a cache has.

use std::path::{Path, PathBuf};

use super::collect::Prompt;
use super::frame::{EMBEDDINGS, Rated, Training};
use super::options::{OnError, TrainOptions};
use super::{EmbeddingCache, Encoder};
use crate::control::Watch;
use crate::features::Features;
use crate::{CancelToken, Error, ErrorKind, Result};

/// New embeddings after which the cache is written, and the share of all that it holds if that is more: what is
/// written in all then stays in proportion to what was embedded.
const SAVE_EVERY: usize = 512;
const SAVE_SHARE: usize = 16;
/// Prompts between two reports of progress where nothing has to be embedded.
const REPORT: usize = 64;

/// The embeddings that a training reads. Their file is written now and then and at the end, whatever the end is: an
/// interrupted training goes on where it was.
pub(super) struct Embeddings<'a> {
    encoder: &'a Encoder,
    /// Who asks, for an encoder that cannot serve it.
    trainer: Trainer,
    on_error: OnError,
    cache: EmbeddingCache,
    path: Option<&'a Path>,
    /// Keeps them without a cache, until the training is done.
    checkpoint: Option<PathBuf>,
    before: usize,
    saved: usize,
    left_out: usize,
}

/// Who asks for embeddings.
pub(super) struct Trainer {
    pub(super) name: &'static str,
    /// Whether it can do nothing with a vector of zeros.
    pub(super) needs_direction: bool,
}

/// Embeddings of prompts.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    /// Row-major.
    pub(super) values: Vec<f32>,
    /// For each prompt its row; `None` if it was left out.
    pub(super) row_of: Vec<Option<usize>>,
    /// Why the first one was left out.
    pub(super) why: Option<Error>,
}

impl Embedded {
    /// Keeps the prompts that have an embedding.
    pub(super) fn keep<T>(&self, prompts: &mut Vec<T>) {
        let mut kept = self.row_of.iter().map(Option::is_some);
        prompts.retain(|_| kept.next().unwrap_or_default());
    }
}

impl<'a> Embeddings<'a> {
    /// Those of `encoder`, beginning with what the cache has that the options name.
    ///
    /// # Errors
    /// As [`EmbeddingCache::read`].
    pub(super) fn new(
        encoder: &'a Encoder,
        trainer: Trainer,
        options: &'a TrainOptions,
        training: &Training<'_>,
    ) -> Result<Self> {
        let (dim, path) = (encoder.spec().dimension(), options.cache.as_deref());
        let given = encoder.is_given();
        if given && path.is_some() {
            return Err(Error::invalid_argument("cache has no effect: the embeddings are given"));
        }
        // A cache of its own, or what a killed training left.
        let checkpoint = if path.is_none() && !given { training.checkpoint(EMBEDDINGS) } else { None };
        let identity = if given { String::new() } else { encoder.identity()? };
        let left = checkpoint.as_deref().filter(|path| path.exists());
        let cache = match (path, left) {
            (Some(path), _) if path.exists() => EmbeddingCache::read(path, &identity, dim)?,
            (None, Some(left)) => {
                EmbeddingCache::read(left, &identity, dim).or_else(|_| EmbeddingCache::new(identity, dim))?
            }
            _ => EmbeddingCache::new(identity, dim)?,
        };
        let before = cache.len();
        let on_error = options.on_error;
        Ok(Self { encoder, trainer, on_error, cache, path, checkpoint, before, saved: before, left_out: 0 })
    }

    /// Length of an embedding.
    pub(super) fn dimension(&self) -> usize {
        self.encoder.spec().dimension()
    }

    /// How many prompts had to be embedded so far.
    pub(super) fn computed(&self) -> usize {
        self.cache.len() - self.before
    }

    /// How many prompts were left out so far.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// What the calibration is on, measured, and its vectors: the given prompts, or those of the training and `values`.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn sample<'c>(
        &mut self,
        prompts: &[Prompt<'_>],
        values: Vec<f32>,
        common: &'c TrainOptions,
        training: &mut Training<'_>,
    ) -> Result<(Rated<'c>, Vec<f32>)> {
        let Some(sample) = &common.calibration else {
            training.measure(prompts.iter().map(|prompt| prompt.text));
            return Ok((Rated::of_prompts("the prompts of the training data", prompts), values));
        };
        let mut prompts = Prompt::of_sample(&sample.prompts);
        let embedded = self.of(&prompts, &mut training.watch)?;
        embedded.keep(&mut prompts);
        training.measure(prompts.iter().map(|prompt| prompt.text));
        Ok((Rated::of_prompts(&sample.name, &prompts), embedded.values))
    }

    /// The embeddings of `prompts`.
    ///
    /// # Errors
    /// `Unsupported` if the encoder gives no dense vectors; what the encoder reports, with the place of the prompt;
    /// `Cancelled`; `ResourceExhausted`; `Io`.
    pub(super) fn of(&mut self, prompts: &[Prompt<'_>], watch: &mut Watch<'_>) -> Result<Embedded> {
        let mut made = Embedded::default();
        made.values.reserve(prompts.len() * self.encoder.spec().dimension());
        let mut rows = 0;
        let embedded = prompts.iter().enumerate().try_for_each(|(i, prompt)| {
            let before = self.computed();
            let kept = self.add(prompt, &mut made, watch.stop())?;
            made.row_of.push(kept.then_some(rows));
            rows += usize::from(kept);
            // What the cache holds takes no time that is worth telling.
            let told = self.computed() > before || i % REPORT == 0 || i + 1 == prompts.len();
            if told { watch.report("embedding", i + 1, prompts.len(), None) } else { Ok(()) }
        });
        // What a training leaves that is done needs no checkpoint.
        let kept = if self.path.is_some() || embedded.is_err() { self.save(1) } else { Ok(()) };
        // What stopped the training is what the caller has to hear of.
        embedded?;
        kept?;
        Ok(made)
    }

    /// Adds the embedding of a prompt, and returns whether it has one.
    fn add(&mut self, prompt: &Prompt<'_>, made: &mut Embedded, stop: Option<&CancelToken>) -> Result<bool> {
        if let Some(known) = self.cache.get(prompt.text) {
            made.values.extend_from_slice(known);
            return Ok(true);
        }
        let row = match self.embed(prompt.text, stop) {
            Ok(row) => row,
            Err(error) if !is_of_prompt(error.kind()) => return Err(error),
            Err(error) => {
                let error = error.context(prompt.place());
                if self.on_error == OnError::Raise {
                    return Err(error);
                }
                self.left_out += 1;
                made.why.get_or_insert(error);
                return Ok(false);
            }
        };
        self.cache.insert(prompt.text, &row)?;
        made.values.extend_from_slice(&row);
        self.save(SAVE_EVERY.max(self.cache.len() / SAVE_SHARE))?;
        Ok(true)
    }

    fn embed(&self, prompt: &str, stop: Option<&CancelToken>) -> Result<Vec<f32>> {
        let trainer = &self.trainer;
        let given = self.encoder.given(prompt)?;
        let row = if let Some(given) = given {
            given.to_vec()
        } else {
            self.encoder.featurizer().with_features(prompt, stop, |features, _| match features {
                Features::Dense(values) => Ok(values.to_vec()),
                Features::Sparse(_) => Err(Error::unsupported(format!(
                    "{} needs dense vectors, and this artifact's featurizer gives sparse ones",
                    trainer.name
                ))),
            })?
        };
        if trainer.needs_direction && row.iter().all(|value| *value == 0.0) {
            return Err(Error::invalid_argument("its embedding is all zeros"));
        }
        Ok(row)
    }

    /// Writes the cache if it has this many new embeddings.
    fn save(&mut self, due: usize) -> Result<()> {
        if self.cache.len() - self.saved < due {
            return Ok(());
        }
        if let Some(path) = self.path {
            self.cache.write(path)?;
        } else if let Some(path) = &self.checkpoint {
            // A place that cannot be written is none, and no reason to stop.
            let _ = self.cache.write(path);
        }
        self.saved = self.cache.len();
        Ok(())
    }
}

/// Whether an error is about the prompt, and would not be there for another one.
fn is_of_prompt(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Tokenize | ErrorKind::Inference | ErrorKind::InvalidArgument)
}
