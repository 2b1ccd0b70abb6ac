//! Opening routers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::fallbacks::Fallbacks;
use super::hooks::Hooks;
use super::info::{Info, VotesInfo};
use super::options::{ExportOptions, OpenOptions, VoteOptions};
use super::{Inner, Router, published};
use crate::artifact::{self, Artifact, MANIFEST_NAME};
use crate::embed::{Featurizer, FeaturizerSpec, Hashed, OnnxEncoder, hashed};
use crate::policy::{OutOfDistribution, unit_interval};
use crate::runtime::SessionOptions;
use crate::scorer::sw_ranking::{ScoreOptions, SwScorer};
use crate::scorer::{LinearScorer, MfScorer, Pair, Scorer};
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
        match self.kind_of(path)? {
            Some("bert") => self.open_classifier(path),
            Some("causal_llm") => self.open_causal_llm(path),
            Some("mf") => self.open_published(path),
            // The error names what is missing.
            _ => Artifact::open_with(path, |artifact| self.open_artifact(artifact)),
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
        let (session, scan_threads) = self.session_of(artifact);
        let featurizer = load_featurizer(artifact, &session)?;
        let scorer = match manifest.kind.as_str() {
            "linear" => {
                let sparse = match &featurizer {
                    Featurizer::Hashed(hashed) if hashed.projection().is_none() => {
                        Some(hashed.sparse_dimension())
                    }
                    _ => None,
                };
                Scorer::Linear(LinearScorer::load(artifact, sparse, pair)?)
            }
            "mf" => Scorer::Mf(MfScorer::load(artifact, pair)?),
            "sw_ranking" => {
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
            "bert" | "causal_llm" => Scorer::Prompt(self.load_prompt_scorer(artifact, pair)?),
            other => {
                return Err(Error::unsupported(format!(
                    "{MANIFEST_NAME}: kind is {other:?}; this library knows {}",
                    KINDS.map(|kind| format!("{kind:?}")).join(", ")
                )));
            }
        };
        let names = &manifest.models.names;
        // The table describes one pair: another one needs the scores of the candidates, or a share would be a guess.
        let own =
            (&names[pair.strong], &names[pair.weak]) == (&manifest.models.strong, &manifest.models.weak);
        let calibration = match &manifest.calibration {
            Some(table) if !own => table.of_pair(artifact, &scorer, pair)?,
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
            (&featurizer, &scorer),
            calibration.as_ref().zip(default_threshold),
            artifact.directory(),
            manifest.provenance.clone(),
        );
        info.votes = scorer.votes().ok().map(VotesInfo::new);
        info.constant = scorer.constant(names, pair);
        self.check_read(&featurizer)?;
        let read = self.read.or(manifest.read).unwrap_or_default();
        info.read = read;
        Ok(router(Inner {
            featurizer,
            scorer,
            models: shared(names),
            pair,
            shares,
            default_threshold,
            out_of_distribution: self.votes.out_of_distribution,
            min_similarity: self.votes.min_similarity,
            info,
            read,
            fallbacks: Fallbacks::new(),
            hooks: Hooks::default(),
            ids: false,
            decisions: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }))
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
    fn check_read(&self, featurizer: &Featurizer) -> Result<()> {
        match (featurizer, self.read) {
            (Featurizer::Caller(_), Some(_)) => Err(Error::invalid_argument(
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

    fn open_published(&self, path: &Path) -> Result<Router> {
        self.check_vote_options("mf")?;
        self.refuse_export_options("mf", &ExportOptions::default())?;
        let checkpoint = published::read(path)?;
        let names: Vec<String> = published::REFERENCE_MODELS.map(str::to_owned).to_vec();
        let pair = self.pair(&names, published::DEFAULT_STRONG, published::DEFAULT_WEAK)?;
        let featurizer = load_published_featurizer(&checkpoint, &self.session)?;
        let scorer = Scorer::Mf(MfScorer::new(&checkpoint.weights, pair)?);
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut info = Info::new(
            &name,
            "mf",
            &names,
            pair,
            self.mode,
            (&featurizer, &scorer),
            None,
            Some(path),
            serde_json::Map::new(),
        );
        info.constant = scorer.constant(&names, pair);
        self.check_read(&featurizer)?;
        let read = self.read.unwrap_or_default();
        info.read = read;
        Ok(router(Inner {
            featurizer,
            scorer,
            models: shared(&names),
            pair,
            shares: None,
            default_threshold: None,
            out_of_distribution: OutOfDistribution::Ignore,
            min_similarity: None,
            info,
            read,
            fallbacks: Fallbacks::new(),
            hooks: Hooks::default(),
            ids: false,
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

/// The kinds of scorers.
const KINDS: [&str; 5] = ["linear", "mf", "sw_ranking", "bert", "causal_llm"];

/// Names that every decision shares.
pub(super) fn shared(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(name.as_str())).collect()
}

/// The featurizer of an artifact, ready for use without a router: training reads features through it.
///
/// # Errors
/// `InvalidModel` if its files do not fit; `RuntimeUnavailable`; `InvalidArgument` if session options are
/// given for a featurizer that has no session.
pub fn load_featurizer(artifact: &Artifact, session: &SessionOptions) -> Result<Featurizer> {
    session.check()?;
    match &artifact.manifest().featurizer {
        FeaturizerSpec::Hashed(spec) => {
            no_session(session, "hashed")?;
            Ok(Featurizer::Hashed(Box::new(load_hashed(spec, artifact)?)))
        }
        FeaturizerSpec::Caller(spec) => {
            no_session(session, "caller")?;
            Ok(Featurizer::Caller(spec.clone()))
        }
        FeaturizerSpec::None => Ok(Featurizer::None),
        FeaturizerSpec::Onnx(spec) => {
            // Both are looked up in the manifest, so that only verified files are opened.
            let (model, tokenizer) = (artifact.path_of(&spec.model)?, artifact.path_of(&spec.tokenizer)?);
            Ok(Featurizer::Onnx(Box::new(OnnxEncoder::open_files(
                spec.clone(),
                &model,
                &tokenizer,
                Some(artifact),
                session,
            )?)))
        }
    }
}

fn load_published_featurizer(
    checkpoint: &published::Checkpoint,
    session: &SessionOptions,
) -> Result<Featurizer> {
    no_session(session, "caller")?;
    Ok(Featurizer::Caller(checkpoint.featurizer.clone()))
}

/// An option that has no effect is an error.
fn no_session(session: &SessionOptions, featurizer: &str) -> Result<()> {
    if session.is_default() {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "onnxruntime, provider, device_id, memory_limit, tf32, preset, sessions, intra_threads and max_waiting have no effect: this router's featurizer ({featurizer}) runs no \
         ONNX session"
    )))
}

/// File of a hashed featurizer's statistics.
pub(crate) const FEATURIZER_FILE: &str = "featurizer.safetensors";

fn load_hashed(spec: &hashed::HashedSpec, artifact: &Artifact) -> Result<Hashed> {
    if !(8..=20).contains(&spec.bits) {
        return Err(Error::invalid_model(format!("featurizer: bits is {}, expected 8 to 20", spec.bits)));
    }
    let tensors = artifact.tensors(FEATURIZER_FILE)?;
    let lexical = hashed::LEXICAL_DIMENSION;
    let buckets = 1 << spec.bits;
    let statistics = hashed::HashedStatistics {
        idf: tensors.f32("idf", &[buckets])?,
        lexical_mean: tensors.f32("lexical_mean", &[lexical])?,
        lexical_std: tensors.f32("lexical_std", &[lexical])?,
    };
    let projection = match spec.projection {
        None => None,
        Some(columns) => Some(hashed::Projection::new(
            tensors.i8("projection", &[buckets + lexical, columns])?,
            tensors.f32("projection_scales", &[columns])?,
        )?),
    };
    Hashed::new(spec.clone(), statistics, projection)
}
