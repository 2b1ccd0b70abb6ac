//! Scoring the prompts of an evaluation: each text once, on all cores, kept where a cache is.

use std::fs::{self, File};
use std::path::Path;
use std::thread::available_parallelism;

use super::cache::{Cache, Key, key};
use super::spec::RouterSource;
use crate::artifact::{self, Artifact, Manifest};
use crate::control::Watch;
use crate::files::{sha256_hex, sha256_of_file};
use crate::input::Input;
use crate::numeric::parallel_map;
use crate::options::{CallOptions, OpenOptions};
use crate::{ErrorKind, Result, Router};

/// Texts that a thread scores before progress is told.
const PART: usize = 64;

/// A router that is evaluated.
pub(super) struct Scored {
    pub(super) name: String,
    pub(super) router: Router,
    /// A checksum of everything that decides its scores.
    pub(super) identity: String,
    rates: Cache,
    qualities: Cache,
    /// Of routers on vectors of a model, so that another router on the same vectors runs no model.
    embeddings: Option<Cache>,
    options: CallOptions,
}

impl Scored {
    /// Opens a router. Those that run models run one prompt on each core, unless options say otherwise.
    ///
    /// # Errors
    /// As opening a router; `Io` for the cache.
    pub(super) fn open(source: &RouterSource, cache: Option<&Path>, leave_out: bool) -> Result<Self> {
        let name = &source.name;
        Self::opened(source, cache, leave_out).map_err(|error| error.context(format!("router {name}")))
    }

    fn opened(source: &RouterSource, cache: Option<&Path>, leave_out: bool) -> Result<Self> {
        let open = |options: &OpenOptions| {
            if source.is_default() { options.open_default() } else { options.open(&source.path) }
        };
        let mut options = OpenOptions::new();
        let router = match &source.options {
            Some(given) => {
                options.set_json(given.to_string().as_bytes())?;
                open(&options)?
            }
            // Routers without sessions refuse what has no effect on them.
            None => match open(&OpenOptions::new().throughput()) {
                Err(error) if error.kind() == ErrorKind::InvalidArgument => open(&options)?,
                opened => opened?,
            },
        };
        let (contents, encoder) = if source.is_default() {
            (artifact::default_router()?.manifest().manifest_sha256.clone(), None)
        } else {
            let manifest = Artifact::read_manifest(&source.path).ok();
            let encoder = manifest.as_ref().and_then(Manifest::encoder_sha256);
            (
                manifest.map_or_else(|| checksum(&source.path), |manifest| Ok(manifest.manifest_sha256))?,
                encoder,
            )
        };
        let given = source.options.as_ref().map_or_else(String::new, ToString::to_string);
        let identity = sha256_hex(format!("{}\n{contents}\n{given}", crate::VERSION).as_bytes());
        let mut scored = Self::new(source.name.clone(), router, identity, cache, leave_out)?;
        if let (Some(cache), Some(sha256)) = (cache, encoder) {
            let of = format!("{}\nencoder {sha256}\n{given}", crate::VERSION);
            scored.keep_embeddings(cache, &sha256_hex(of.as_bytes()))?;
        }
        Ok(scored)
    }

    /// A router that is open.
    ///
    /// # Errors
    /// `Io` for the cache.
    pub(super) fn new(
        name: String,
        router: Router,
        identity: String,
        cache: Option<&Path>,
        leave_out: bool,
    ) -> Result<Self> {
        let short = &identity[..identity.len().min(32)];
        let (rates, qualities) =
            (Cache::open(cache, short, 1)?, Cache::open(cache, short, router.models().count())?);
        // What cannot be scored is NaN then.
        let options = CallOptions::new();
        let options = if leave_out { options.on_error(crate::OnError::Weak) } else { options };
        Ok(Self { name, router, identity, rates, qualities, embeddings: None, options })
    }

    /// Keeps the embeddings of texts beside their scores, for every router whose encoder has this checksum.
    ///
    /// # Errors
    /// `Io`.
    fn keep_embeddings(&mut self, cache: &Path, encoder: &str) -> Result<()> {
        if let Some(dimension) = self.router.embedding_dimension() {
            self.embeddings = Some(Cache::open(Some(cache), &encoder[..32], dimension)?);
        }
        Ok(())
    }

    /// Embeds the texts that have no score yet.
    ///
    /// # Errors
    /// As [`win_rates`](Self::win_rates).
    fn embed(
        &mut self,
        texts: &[String],
        scored: impl Fn(&Self, &Key) -> bool,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        if self.embeddings.is_none() {
            return Ok(());
        }
        let new: Vec<String> = texts.iter().filter(|text| !scored(self, &key(text))).cloned().collect();
        let Some(embeddings) = &mut self.embeddings else { return Ok(()) };
        let (router, stage) = (&self.router, format!("embedding for {}", self.name));
        let embed = |part: &[&String], options: &CallOptions| -> Result<Vec<Vec<f64>>> {
            let embed = |text: &&String| {
                Ok(router.embed(text.as_str(), options)?.into_iter().map(f64::from).collect())
            };
            part.iter().map(embed).collect()
        };
        fill(embeddings, &new, &self.options, &stage, watch, embed).map(|_| ())
    }

    /// The win rates of texts; NaN where a text cannot be scored and is left out.
    ///
    /// # Errors
    /// As the router's; `Cancelled`; `ResourceExhausted` if the time is over.
    pub(super) fn win_rates(&mut self, texts: &[String], watch: &mut Watch<'_>) -> Result<Vec<f64>> {
        self.embed(texts, |known, key| known.rates.get(key).is_some(), watch)?;
        let stage = format!("scoring {}", self.name);
        let (router, embeddings) = (&self.router, self.embeddings.as_ref());
        let score = |part: &[&String], options: &CallOptions| -> Result<Vec<Vec<f64>>> {
            let vectors = vectors(embeddings, part);
            Ok(router
                .win_rates(inputs(part, &vectors), options)?
                .into_iter()
                .map(|rate| vec![rate])
                .collect())
        };
        let keys = fill(&mut self.rates, texts, &self.options, &stage, watch, score)?;
        Ok(keys.iter().map(|key| self.rates.get(key).map_or(f64::NAN, |numbers| numbers[0])).collect())
    }

    /// The qualities of all candidates, `texts x models of the router`; `None` of a router that knows its pair only.
    ///
    /// # Errors
    /// As [`win_rates`](Self::win_rates).
    pub(super) fn qualities(&mut self, texts: &[String], watch: &mut Watch<'_>) -> Result<Option<Vec<f64>>> {
        self.embed(texts, |known, key| known.qualities.get(key).is_some(), watch)?;
        let stage = format!("qualities of {}", self.name);
        let (router, embeddings) = (&self.router, self.embeddings.as_ref());
        let score = |part: &[&String], options: &CallOptions| {
            let vectors = vectors(embeddings, part);
            router.qualities_batch(inputs(part, &vectors), options)
        };
        match fill(&mut self.qualities, texts, &self.options, &stage, watch, score) {
            Ok(keys) => {
                let of = |key: &Key| self.qualities.get(key).unwrap_or_default().to_vec();
                Ok(Some(keys.iter().flat_map(of).collect()))
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn save(&mut self) -> Result<()> {
        self.rates.save()?;
        self.qualities.save()?;
        self.embeddings.as_mut().map_or(Ok(()), Cache::save)
    }
}

/// The kept embeddings of texts; none of those that could not be embedded, which are asked about by their text.
fn vectors(embeddings: Option<&Cache>, part: &[&String]) -> Vec<Option<Vec<f32>>> {
    let of = |text: &&String| {
        let numbers = embeddings?.get(&key(text))?;
        let known = !numbers.iter().any(|number| number.is_nan());
        known.then(|| numbers.iter().map(|number| *number as f32).collect())
    };
    part.iter().map(of).collect()
}

fn inputs<'a>(part: &'a [&String], vectors: &'a [Option<Vec<f32>>]) -> impl Iterator<Item = Input<'a>> {
    part.iter().zip(vectors).map(|(text, vector)| match vector {
        Some(vector) => Input::Embedding(vector),
        None => Input::Text(text),
    })
}

/// Scores the texts that the cache lacks, each once, and says the keys of all. What was scored before a failure is kept.
fn fill(
    cache: &mut Cache,
    texts: &[String],
    options: &CallOptions,
    stage: &str,
    watch: &mut Watch<'_>,
    score: impl Fn(&[&String], &CallOptions) -> Result<Vec<Vec<f64>>> + Sync,
) -> Result<Vec<Key>> {
    let keys: Vec<Key> = texts.iter().map(|text| key(text)).collect();
    let mut seen = std::collections::HashSet::new();
    let missing: Vec<usize> =
        (0..texts.len()).filter(|i| cache.get(&keys[*i]).is_none() && seen.insert(keys[*i])).collect();
    let options = match watch.stop() {
        Some(stop) => options.clone().cancel(stop.clone()),
        None => options.clone(),
    };
    let threads = available_parallelism().map_or(1, std::num::NonZero::get);
    let mut done = 0;
    for batch in missing.chunks(PART * threads) {
        watch.report(stage, done, missing.len(), None)?;
        let parts: Vec<&[usize]> = batch.chunks(batch.len().div_ceil(threads)).collect();
        let scored = parallel_map(parts.iter().copied(), |part| {
            score(&part.iter().map(|i| &texts[*i]).collect::<Vec<_>>(), &options)
        });
        for (part, scored) in parts.into_iter().zip(scored) {
            for (i, numbers) in part.iter().zip(scored?) {
                cache.keep(keys[*i], numbers);
            }
        }
        done += batch.len();
    }
    if !missing.is_empty() {
        watch.report(stage, done, missing.len(), None)?;
    }
    Ok(keys)
}

/// A checksum of all files in the folder of a model, which has no manifest that covers them.
fn checksum(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    for folder in [folder.to_owned(), folder.join("onnx")] {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files.extend(entries.filter(|path| path.is_file()));
    }
    files.sort();
    let mut text = String::new();
    for path in files {
        let file = File::open(&path).map_err(|error| crate::Error::io(&path, error))?;
        let sha256 = sha256_of_file(&path, &file)?;
        text.extend([path.display().to_string().as_str(), " ", &sha256, "\n"]);
    }
    Ok(sha256_hex(text.as_bytes()))
}
