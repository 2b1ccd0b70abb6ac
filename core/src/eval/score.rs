//! Scoring the prompts of an evaluation: each text once, on all cores, kept where a cache is.

use std::fs::{self, File};
use std::path::Path;
use std::thread::available_parallelism;

use super::cache::{Cache, Key, key};
use super::spec::RouterSource;
use crate::artifact::{self, Artifact};
use crate::control::Watch;
use crate::files::{sha256_hex, sha256_of_file};
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
        let contents = if source.is_default() {
            artifact::default_router()?.manifest().manifest_sha256.clone()
        } else {
            checksum(&source.path)?
        };
        let given = source.options.as_ref().map_or_else(String::new, ToString::to_string);
        let identity = sha256_hex(format!("{}\n{contents}\n{given}", crate::VERSION).as_bytes());
        Self::new(source.name.clone(), router, identity, cache, leave_out)
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
        Ok(Self { name, router, identity, rates, qualities, options })
    }

    /// The win rates of texts; NaN where a text cannot be scored and is left out.
    ///
    /// # Errors
    /// As the router's; `Cancelled`; `ResourceExhausted` if the time is over.
    pub(super) fn win_rates(&mut self, texts: &[String], watch: &mut Watch<'_>) -> Result<Vec<f64>> {
        let stage = format!("scoring {}", self.name);
        let router = &self.router;
        let score = |part: &[&String], options: &CallOptions| -> Result<Vec<Vec<f64>>> {
            let texts = part.iter().map(|text| text.as_str());
            Ok(router.win_rates(texts, options)?.into_iter().map(|rate| vec![rate]).collect())
        };
        let keys = fill(&mut self.rates, texts, &self.options, &stage, watch, score)?;
        Ok(keys.iter().map(|key| self.rates.get(key).map_or(f64::NAN, |numbers| numbers[0])).collect())
    }

    /// The qualities of all candidates, `texts x models of the router`; `None` of a router that knows its pair only.
    ///
    /// # Errors
    /// As [`win_rates`](Self::win_rates).
    pub(super) fn qualities(&mut self, texts: &[String], watch: &mut Watch<'_>) -> Result<Option<Vec<f64>>> {
        let stage = format!("qualities of {}", self.name);
        let router = &self.router;
        let score = |part: &[&String], options: &CallOptions| {
            router.qualities_batch(part.iter().map(|text| text.as_str()), options)
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
        self.qualities.save()
    }
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

/// A checksum of what is in the folder of a router: its manifest's, which covers the other files, or of all files.
fn checksum(folder: &Path) -> Result<String> {
    if let Ok(manifest) = Artifact::read_manifest(folder) {
        return Ok(manifest.manifest_sha256);
    }
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
