//! Opening routers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use super::bare::Bare;
use super::budget::Budgets;
use super::candidates::{Candidates, Known};
use super::hooks::Hooks;
use super::info::{CalibrationInfo, RouterInfo, VotesInfo};
use super::notices::Notices;
use super::{Inner, Router, published};
use crate::artifact::{self, Artifact, MANIFEST_NAME};
use crate::calibrate::{Calibration, CandidateScores, DefaultPolicy, OfRouter, Shares};
use crate::fallbacks::Fallbacks;
use crate::features::{Featurizer, FeaturizerSpec};
use crate::files::Json;
use crate::input::Read;
use crate::onnx::SessionOptions;
use crate::options::{OpenOptions, VoteOptions};
use crate::pipeline::{Pipeline, load_featurizer, no_session};
use crate::scorer::sw_ranking::{Probe, ScoreOptions, SwScorer};
use crate::scorer::{Kind, KnnScorer, LinearScorer, MfScorer, Pair, Scorer};
use crate::{Error, ErrorKind, Result};

impl VoteOptions {
    /// How far a clustered store is read.
    fn probe(&self) -> Probe {
        match (self.open_clusters, self.error_target) {
            (Some(usize::MAX), _) => Probe::All,
            (Some(count), _) => Probe::Clusters(count),
            (None, Some(error)) => Probe::Error(error),
            (None, None) => Probe::Default,
        }
    }
}

/// What a router is made of.
pub(super) struct Parts<'a> {
    pipeline: Pipeline,
    /// Names of the candidates.
    names: &'a [String],
    pair: Pair,
    info: RouterInfo,
    /// What of a chat the artifact reads.
    read: Option<Read>,
    shares: Option<Shares>,
    default_threshold: Option<f64>,
    candidates: Candidates,
    /// Scores of the candidates on the calibration's sample, if a budget may be met on it.
    sample: Option<CandidateScores>,
    /// Of an artifact: the checksum of what win rates depend on, and the policy of calls that name none.
    scoring_sha256: Option<String>,
    default_policy: Option<DefaultPolicy>,
    table: Option<Arc<Calibration>>,
}

impl<'a> Parts<'a> {
    /// Of files that know nothing of shares and chats.
    pub(super) fn uncalibrated(
        pipeline: Pipeline,
        names: &'a [String],
        pair: Pair,
        info: RouterInfo,
        options: &OpenOptions,
    ) -> Result<Self> {
        let candidates =
            Candidates::new(names, &Known::default(), options, pipeline.knows_candidates(names.len()))?;
        Ok(Self {
            pipeline,
            names,
            pair,
            info,
            read: None,
            shares: None,
            default_threshold: None,
            candidates,
            sample: None,
            scoring_sha256: None,
            default_policy: None,
            table: None,
        })
    }
}

/// # Errors
/// `NotFound` without a folder at `path`; `Io` if it must not be looked at.
fn check_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let missing = Error::new(ErrorKind::NotFound, format!("{}: no such folder", path.display()));
    Err(match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Error::io(path, error),
        Err(error) => missing.with_source(error),
        Ok(_) => missing,
    })
}

/// What a folder without `router.json` is; nothing if a router cannot be made of it, or there is one.
///
/// # Errors
/// As opening it.
pub(crate) fn kind_of_folder(path: &Path) -> Result<Option<Kind>> {
    check_folder(path)?;
    if path.join(MANIFEST_NAME).exists() {
        return Ok(None);
    }
    OpenOptions::new().kind_of(&Bare::read(path)?)
}

impl OpenOptions {
    /// Opens an artifact, a checkpoint in the published layout, or the folder of an exported model.
    ///
    /// What a folder without `router.json` is say `kind`, or the `architectures` of its `config.json`, or the outputs of
    /// its model. That is looked for in the folder itself and then in `onnx`, by names in a fixed order: `model.onnx`
    /// first, then what is quantised and in half precision.
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
        check_folder(path)?;
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
        if pair.strong == pair.weak && manifest.kind != Kind::Mf {
            return Err(Error::invalid_argument(format!(
                "strong and weak are both {:?}; name two of: {}",
                manifest.models.names[pair.weak],
                manifest.models.names.join(", ")
            )));
        }
        self.check_vote_options(manifest.kind)?;
        self.check_kind(manifest.kind)?;
        let of_files = "they belong to the artifact, which says what its model is like";
        if let Some(error) = self.spelling.without_effect(&self.export.given(), of_files) {
            return Err(error);
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
        let shares = calibration.as_ref().map(|table| table.shares(self.mode.unwrap_or_default()));
        let default_threshold = calibration
            .as_ref()
            .zip(shares.as_ref())
            .map(|(table, shares)| shares.resolve(table.default_strong_share).0);
        let mut info = RouterInfo::new(
            &manifest.name,
            manifest.kind,
            names,
            pair,
            self.mode.unwrap_or_default(),
            &pipeline,
            calibration.as_ref().zip(default_threshold),
            artifact.directory(),
            manifest.provenance.clone(),
        );
        info.votes = pipeline.votes().ok().map(VotesInfo::new);
        let known = Known {
            candidates: &manifest.candidates,
            mean_output_tokens: manifest.mean_output_tokens,
            qualities: manifest.qualities.as_ref(),
        };
        let candidates = Candidates::new(names, &known, self, pipeline.knows_candidates(names.len()))?;
        let priced = candidates.all.iter().any(|candidate| candidate.price.is_some());
        let sample = match (&manifest.calibration, pipeline.score_columns(names.len())) {
            (Some(table), Some(columns)) if priced => {
                table.candidate_scores(|name| artifact.tensors(name), columns)?
            }
            _ => None,
        };
        let read = manifest.read;
        self.assemble(Parts {
            pipeline,
            names,
            pair,
            info,
            read,
            shares,
            default_threshold,
            candidates,
            sample,
            scoring_sha256: Some(manifest.scoring_sha256()?),
            default_policy: manifest.default_policy.filter(|_| own),
            table: calibration.map(Arc::new),
        })
    }

    /// The router of its parts: what is the same however it is opened.
    pub(super) fn assemble(&self, parts: Parts<'_>) -> Result<Router> {
        let Parts { pipeline, names, pair, mut info, .. } = parts;
        let Parts { read, mut shares, mut default_threshold, candidates, sample, .. } = parts;
        let Parts { scoring_sha256, mut default_policy, table: own_table, .. } = parts;
        self.check_read(&pipeline)?;
        info.constant = pipeline.constant(names, pair);
        if let Some(given) = &self.calibration {
            let (strong, weak) = (names[pair.strong].clone(), names[pair.weak].clone());
            given.check_router(&OfRouter { sha256: scoring_sha256.clone(), strong, weak })?;
            let table = given.calibration.shares(self.mode.unwrap_or_default());
            let threshold = table.resolve(given.calibration.default_strong_share).0;
            info.calibration = Some(CalibrationInfo::new(&given.calibration, threshold));
            (shares, default_threshold, default_policy) =
                (Some(table), Some(threshold), given.default_policy);
        }
        let named = self.names_of(names, pair)?;
        info.strong.clone_from(&named.used[pair.strong]);
        info.weak.clone_from(&named.used[pair.weak]);
        info.models.clone_from(&named.used);
        info.names = named.own;
        info.candidates = candidates.info(&named.used);
        info.mean_output_tokens = candidates.mean_output_tokens;
        info.read = self.read.or(read).unwrap_or_default();
        Ok(Router {
            inner: Arc::new(Inner {
                pipeline: Arc::new(pipeline),
                sharers: Arc::new(AtomicUsize::new(1)),
                models: named.used.iter().map(|name| Arc::from(name.as_str())).collect(),
                candidates,
                budgets: Budgets::new(sample),
                pair,
                shares,
                table: own_table,
                default_threshold,
                default_policy,
                scoring_sha256,
                recalibration: self.calibration.clone().map(Arc::new),
                notices: Notices::default(),
                out_of_distribution: self.votes.out_of_distribution.unwrap_or_default(),
                min_similarity: self.votes.min_similarity,
                read: info.read,
                info,
                fallbacks: Fallbacks::new(),
                hooks: Hooks::default(),
                ids: self.ids.unwrap_or_default(),
                decisions: AtomicU64::new(0),
                closed: AtomicBool::new(false),
            }),
        })
    }

    /// What scores, with its files.
    fn load_pipeline(&self, artifact: &Artifact, pair: Pair) -> Result<Pipeline> {
        let manifest = artifact.manifest();
        let kind = manifest.kind;
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
        if !matches!(manifest.featurizer, FeaturizerSpec::Onnx(_)) {
            no_session(&session, manifest.featurizer.kind(), self.spelling)?;
        }
        let featurizer = load_featurizer(artifact, &session)?;
        let sparse = match &featurizer {
            Featurizer::Hashed(hashed) if hashed.projection().is_none() => Some(hashed.sparse_dimension()),
            _ => None,
        };
        let scorer = match kind {
            Kind::Knn => Scorer::Knn(Box::new(KnnScorer::load(artifact, sparse, pair)?)),
            Kind::Linear => Scorer::Linear(LinearScorer::load(artifact, sparse, pair)?),
            Kind::Mf => Scorer::Mf(MfScorer::load(artifact, pair)?),
            _ => {
                let options = ScoreOptions {
                    mode: self.mode.unwrap_or_default(),
                    threads: scan_threads,
                    probe: self.votes.probe(),
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
    pub(super) fn check_vote_options(&self, kind: Kind) -> Result<()> {
        if kind != Kind::SwRanking {
            let why = format!("this router ({kind}) has no votes");
            let mut given = self.votes.given();
            if kind == Kind::Knn {
                // Its known prompts are near or far as votes are.
                given.retain(|name| !["min_similarity", "out_of_distribution"].contains(name));
            }
            if let Some(error) = self.spelling.without_effect(&given, &why) {
                return Err(error);
            }
        }
        self.check_ranges()?;
        self.session.check_spelled(self.spelling)?;
        if self.votes.open_clusters.is_some() && self.votes.error_target.is_some() {
            return Err(Error::invalid_argument(format!(
                "both {} are given: pass one of them",
                self.spelling.list(&["open_clusters", "error_target"])
            )));
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
        if manifest.kind == Kind::SwRanking && manifest.featurizer.kind() != "onnx" {
            session.intra_threads = None;
        }
        (session, scan_threads)
    }

    fn open_published(&self, folder: &Bare<'_>) -> Result<Router> {
        let kind = Kind::Mf;
        self.check_vote_options(kind)?;
        self.refuse_export_options(kind, &[])?;
        let checkpoint = published::read(folder)?;
        let names: Vec<String> = published::REFERENCE_MODELS.map(str::to_owned).to_vec();
        let pair = self.pair(&names, published::DEFAULT_STRONG, published::DEFAULT_WEAK)?;
        no_session(&self.session, "caller", self.spelling)?;
        let featurizer = Featurizer::Caller(checkpoint.featurizer.clone());
        let scorer = Scorer::Mf(MfScorer::new(&checkpoint.weights, pair)?);
        let pipeline = Pipeline::Features { featurizer, scorer };
        let info = RouterInfo::new(
            &folder.name(),
            kind,
            &names,
            pair,
            self.mode.unwrap_or_default(),
            &pipeline,
            None,
            Some(folder.path),
            Json::object(),
        );
        self.assemble(Parts::uncalibrated(pipeline, &names, pair, info, self)?)
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
