//! Opening routers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::bare::Bare;
use super::info::{Info, VotesInfo};
use super::options::{ExportOptions, OpenOptions, VoteOptions};
use super::{Inner, Router, published};
use crate::artifact::{self, Artifact, MANIFEST_NAME};
use crate::embed::{Featurizer, FeaturizerSpec};
use crate::fallbacks::Fallbacks;
use crate::pipeline::{Pipeline, load_featurizer, no_session};
use crate::policy::{OutOfDistribution, unit_interval};
use crate::runtime::SessionOptions;
use crate::scorer::sw_ranking::{ScoreOptions, SwScorer};
use crate::scorer::{Kind, LinearScorer, MfScorer, Pair, Scorer};
use crate::{Error, ErrorKind, Result};

impl OpenOptions {
    /// Opens an artifact, a checkpoint in the published layout, or the folder of an exported model.
    ///
    /// An artifact may be written to the folder meanwhile: this is the old one or the new one. Files of models and
    /// mapped stores must be replaced by a rename while a router has them open, never overwritten in place: ONNX Runtime
    /// maps the weights beside a model, and a part of a mapped file that is gone ends the process.
    ///
    /// # Errors
    /// `NotFound`, `InvalidModel`, `Io`; `InvalidArgument` for a model that the artifact does not know or an
    /// option that has no effect on it; `RuntimeUnavailable` if it needs ONNX Runtime and there is none.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Router> {
        let path = path.as_ref();
        if !path.is_dir() {
            return Err(Error::new(ErrorKind::NotFound, format!("{}: no such folder", path.display())));
        }
        if path.join(MANIFEST_NAME).exists() {
            return Artifact::open_with(path, |artifact| self.open_artifact(artifact));
        }
        let folder = Bare::read(path)?;
        match self.kind_of(&folder)? {
            Some(Kind::Mf) => self.open_published(&folder),
            Some(kind) => self.open_export(kind, &folder),
            // The error names what is missing.
            None => Artifact::open_with(path, |artifact| self.open_artifact(artifact)),
        }
    }

    /// Opens the router that ships with this library.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_default(&self) -> Result<Router> {
        self.open_artifact(&artifact::default_router()?)
    }

    /// Opens an artifact whose checksums were verified.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_artifact(&self, artifact: &Artifact) -> Result<Router> {
        let manifest = artifact.manifest();
        let pair = self.pair(&manifest.models.names, &manifest.models.strong, &manifest.models.weak)?;
        // A factorization scores a model against itself (one half) as the reference does; elsewhere it is a mistake.
        if pair.strong == pair.weak && manifest.kind != "mf" {
            return Err(Error::invalid_argument(format!(
                "strong and weak are both {:?}; name two of: {}",
                manifest.models.names[pair.weak],
                manifest.models.names.join(", ")
            )));
        }
        self.check_vote_options(&manifest.kind)?;
        self.check_kind(&manifest.kind)?;
        if self.export != ExportOptions::default() {
            return Err(Error::invalid_argument(
                "head, long_prompts, template, score_tokens, score_threshold, max_new_tokens and max_tokens belong to \
                 the artifact and cannot be given at opening",
            ));
        }
        let pipeline = self.load_pipeline(artifact, pair)?;
        let names = &manifest.models.names;
        // The table describes one pair: another one needs the scores of the candidates, or a share would be a guess.
        let own =
            (&names[pair.strong], &names[pair.weak]) == (&manifest.models.strong, &manifest.models.weak);
        let calibration = match &manifest.calibration {
            Some(table) if !own => table.of_pair(
                |name| artifact.tensors(name),
                pipeline.score_columns(names.len()),
                |scores| pipeline.rate_of_scores(scores, pair),
            )?,
            table => table.clone(),
        };
        let shares = calibration.as_ref().map(|table| table.shares(self.mode));
        let default_threshold = calibration
            .as_ref()
            .zip(shares.as_ref())
            .map(|(table, shares)| shares.resolve(table.default_strong_share).0);
        let mut info = Info::new(
            &manifest.name,
            &manifest.kind,
            names,
            pair,
            self.mode,
            &pipeline,
            calibration.as_ref().zip(default_threshold),
            artifact.directory(),
            manifest.provenance.clone(),
        );
        info.votes = pipeline.votes().ok().map(VotesInfo::new);
        info.constant = pipeline.constant(names, pair);
        self.check_read(&pipeline)?;
        let read = self.read.or(manifest.read).unwrap_or_default();
        info.read = read;
        Ok(router(Inner {
            pipeline,
            models: shared(names),
            pair,
            shares,
            default_threshold,
            out_of_distribution: self.votes.out_of_distribution,
            min_similarity: self.votes.min_similarity,
            info,
            read,
            fallbacks: Fallbacks::new(),
            decisions: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }))
    }

    /// What scores, with its files.
    fn load_pipeline(&self, artifact: &Artifact, pair: Pair) -> Result<Pipeline> {
        let manifest = artifact.manifest();
        let kind: Kind = manifest.kind.parse().map_err(|error: Error| error.context(MANIFEST_NAME))?;
        if let Kind::Bert | Kind::CausalLlm = kind {
            if manifest.featurizer != FeaturizerSpec::None {
                return Err(Error::invalid_model(format!(
                    "{MANIFEST_NAME}: a router of kind {:?} reads the prompt itself, and its featurizer is {:?}",
                    kind.as_str(),
                    manifest.featurizer.kind()
                )));
            }
            return Ok(Pipeline::Prompts(self.load_prompt_scorer(kind, artifact, pair)?));
        }
        let (session, scan_threads) = self.session_of(artifact);
        let featurizer = load_featurizer(artifact, &session)?;
        let scorer = match kind {
            Kind::Linear => {
                let sparse = match &featurizer {
                    Featurizer::Hashed(hashed) if hashed.projection().is_none() => {
                        Some(hashed.sparse_dimension())
                    }
                    _ => None,
                };
                Scorer::Linear(LinearScorer::load(artifact, sparse, pair)?)
            }
            Kind::Mf => Scorer::Mf(MfScorer::load(artifact, pair)?),
            _ => {
                let options = ScoreOptions {
                    mode: self.mode,
                    threads: scan_threads,
                    open: self.votes.open(),
                    estimate_error: false,
                    sure_similarity: self.votes.min_similarity,
                };
                let map = self.votes.mmap.unwrap_or_default();
                Scorer::SwRanking(Box::new(SwScorer::load(artifact, pair, options, map)?))
            }
        };
        Ok(Pipeline::Features { featurizer, scorer })
    }

    /// Refuses options that have no effect or are out of range.
    pub(super) fn check_vote_options(&self, kind: &str) -> Result<()> {
        if kind != "sw_ranking" {
            if self.votes == VoteOptions::default() {
                return Ok(());
            }
            return Err(Error::invalid_argument(format!(
                "out_of_distribution, min_similarity, open_clusters, error_target and mmap have no effect: this router \
                 ({kind}) has no votes"
            )));
        }
        if let Some(similarity) = self.votes.min_similarity
            && !(-1.0..=1.0).contains(&similarity)
        {
            return Err(Error::invalid_argument(format!(
                "min_similarity is {similarity}, expected a number in [-1, 1]"
            )));
        }
        if self.votes.open_clusters.is_some() && self.votes.error_target.is_some() {
            return Err(Error::invalid_argument(
                "both open_clusters and error_target are given: pass one of them",
            ));
        }
        if self.votes.open_clusters == Some(0) {
            return Err(Error::invalid_argument("open_clusters is 0, expected at least 1"));
        }
        if let Some(error) = self.votes.error_target
            && unit_interval("error_target", error)? == 0.0
        {
            return Err(Error::invalid_argument(
                "error_target is 0: open every cluster for the exact answer",
            ));
        }
        Ok(())
    }

    /// Only a router of prompts reads chats.
    fn check_read(&self, pipeline: &Pipeline) -> Result<()> {
        match (pipeline.featurizer(), self.read) {
            (Some(Featurizer::Caller(_)), Some(_)) => Err(Error::invalid_argument(
                "read has no effect: this router takes embeddings and reads no chats",
            )),
            _ => Ok(()),
        }
    }

    /// Options of the session, and threads of a scan of votes: `intra_threads` means both.
    fn session_of(&self, artifact: &Artifact) -> (SessionOptions, usize) {
        let manifest = artifact.manifest();
        let mut session = self.session.clone();
        let scan_threads = session.intra_threads.unwrap_or(1);
        if manifest.kind == "sw_ranking" && manifest.featurizer.kind() != "onnx" {
            session.intra_threads = None;
        }
        (session, scan_threads)
    }

    fn open_published(&self, folder: &Bare<'_>) -> Result<Router> {
        let kind = Kind::Mf;
        self.check_vote_options(kind.as_str())?;
        self.refuse_export_options(kind, &ExportOptions::default())?;
        let checkpoint = published::read(folder)?;
        let names: Vec<String> = published::REFERENCE_MODELS.map(str::to_owned).to_vec();
        let pair = self.pair(&names, published::DEFAULT_STRONG, published::DEFAULT_WEAK)?;
        let featurizer = load_published_featurizer(&checkpoint, &self.session)?;
        let scorer = Scorer::Mf(MfScorer::new(&checkpoint.weights, pair)?);
        let pipeline = Pipeline::Features { featurizer, scorer };
        let mut info = Info::new(
            &folder.name(),
            kind.as_str(),
            &names,
            pair,
            self.mode,
            &pipeline,
            None,
            Some(folder.path),
            serde_json::Map::new(),
        );
        info.constant = pipeline.constant(&names, pair);
        self.check_read(&pipeline)?;
        let read = self.read.unwrap_or_default();
        info.read = read;
        Ok(router(Inner {
            pipeline,
            models: shared(&names),
            pair,
            shares: None,
            default_threshold: None,
            out_of_distribution: OutOfDistribution::Ignore,
            min_similarity: None,
            info,
            read,
            fallbacks: Fallbacks::new(),
            decisions: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }))
    }

    fn pair(&self, names: &[String], strong: &str, weak: &str) -> Result<Pair> {
        let strong = self.strong.as_deref().unwrap_or(strong);
        let weak = self.weak.as_deref().unwrap_or(weak);
        let index = |role: &str, name: &str| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                Error::invalid_argument(format!(
                    "{role} is {name:?}, which this router does not know; it knows: {}",
                    names.join(", ")
                ))
            })
        };
        Ok(Pair { strong: index("strong", strong)?, weak: index("weak", weak)? })
    }
}

pub(super) fn router(inner: Inner) -> Router {
    Router { inner: Arc::new(inner) }
}

/// Names that every decision shares.
pub(super) fn shared(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(name.as_str())).collect()
}

fn load_published_featurizer(
    checkpoint: &published::Checkpoint,
    session: &SessionOptions,
) -> Result<Featurizer> {
    no_session(session, "caller")?;
    Ok(Featurizer::Caller(checkpoint.featurizer.clone()))
}
