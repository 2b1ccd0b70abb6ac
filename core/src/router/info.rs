//! What can be asked about a router.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::candidates::CandidateInfo;
use crate::Mode;
use crate::calibrate::Calibration;
use crate::features::Featurizer;
use crate::files::Json;
use crate::input::Read;
use crate::onnx::RuntimeUse;
use crate::pipeline::Pipeline;
use crate::scorer::{Kind, Pair, PromptScorer, SwScorer};

/// What is known about a router. Every binding shows it as its own kind of mapping.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RouterInfo {
    // <faces:record-router_info>
    /// The name of the artifact.
    pub name: String,
    /// The kind of scorer.
    pub kind: Kind,
    /// The names of the candidates.
    pub models: Vec<String>,
    /// The strong model.
    pub strong: String,
    /// The weak model.
    pub weak: String,
    /// The candidates with what is known about them, in the same order.
    pub candidates: Vec<CandidateInfo>,
    /// The number of tokens that an answer has on average, for expected costs.
    pub mean_output_tokens: f64,
    /// The candidates that have names of one's own: the router's name, and that one. Empty unless the option `names`
    /// gives some.
    pub names: BTreeMap<String, String>,
    /// Which mathematics it follows.
    pub mode: Mode,
    /// What of a chat is read, unless a call says otherwise.
    pub read: Read,
    /// What turns a prompt into numbers.
    pub featurizer: FeaturizerInfo,
    /// The table behind strong shares; `None` if there is none for this pair.
    pub calibration: Option<CalibrationInfo>,
    /// Why every prompt has the same win rate, if that is so for this pair: both models are in one tier of the votes,
    /// which only the mode `reference` lets pass, or are one.
    pub constant: Option<String>,
    /// The ONNX Runtime in use; `None` if none is.
    pub runtime: Option<RuntimeUse>,
    /// The votes of a router that has them (kind `sw_ranking`).
    pub votes: Option<VotesInfo>,
    /// The model of a router whose scorer reads prompts (kinds `bert` and `causal_llm`).
    pub model: Option<ModelInfo>,
    /// The folder of the artifact; `None` for the router that is compiled in.
    pub path: Option<PathBuf>,
    /// Data sources, seed, tool version, as the artifact states them: an object.
    pub provenance: Json,
    /// The version of this library.
    pub version: &'static str,
    // </faces:record-router_info>
}

/// A featurizer, in short.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct FeaturizerInfo {
    // <faces:record-featurizer_info>
    /// `hashed`, `onnx`, `caller`, or `none` if the scorer reads the prompt itself.
    pub kind: &'static str,
    /// Its name.
    pub id: String,
    /// The number of dimensions.
    pub dimension: usize,
    /// The bytes of a prompt that are looked at; `None` if it reads no prompts.
    pub max_bytes: Option<usize>,
    /// The tokens of a prompt that are looked at; `None` without a tokenizer.
    pub max_tokens: Option<usize>,
    // </faces:record-featurizer_info>
}

/// A calibration, in short.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CalibrationInfo {
    // <faces:record-calibration_info>
    /// Which prompts.
    pub sample: String,
    /// How many prompts.
    pub count: usize,
    /// The SHA-256 of the sample; `None` of an artifact of version 1.
    pub sha256: Option<String>,
    /// The day of the sample, `2026-01-31`; `None` of an artifact of version 1.
    pub date: Option<String>,
    /// How many distinct win rates the table has.
    pub points: usize,
    /// How much worse a share may be met than by the whole sample; 0 unless win rates were merged.
    pub share_error: f64,
    /// The strong share of the default threshold.
    pub default_strong_share: f64,
    /// The threshold of a call that names none.
    pub default_threshold: f64,
    // </faces:record-calibration_info>
}

/// The votes of similarity-weighted ranking.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VotesInfo {
    // <faces:record-votes_info>
    /// How many votes there are.
    pub count: usize,
    /// How their embeddings are stored: `f32`, `f16`, `int8`, `int4` or `int2`.
    pub store: &'static str,
    /// The number of clusters of a clustered store; `None` for others.
    pub clusters: Option<usize>,
    /// The number of tiers.
    pub tiers: usize,
    /// How steeply similarity weighs; 1 is the paper's.
    pub weight_exponent: f64,
    // </faces:record-votes_info>
}

impl VotesInfo {
    pub(super) fn new(scorer: &SwScorer) -> Self {
        let meta = scorer.model().meta();
        Self {
            count: meta.votes,
            store: meta.store.name(),
            clusters: meta.clusters.as_ref().map(|clusters| clusters.clusters),
            tiers: meta.tiers.iter().max().map_or(0, |last| last + 1),
            weight_exponent: meta.weight_exponent,
        }
    }
}

/// The model of a router whose scorer reads prompts.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ModelInfo {
    // <faces:record-model_info>
    /// Its parameters, as the options of opening call them: `head` and `long_prompts`, or `template`, `score_tokens`,
    /// `score_threshold` and `max_new_tokens`.
    pub parameters: Json,
    /// The tokens of a prompt that are read.
    pub max_tokens: usize,
    /// Whether activations are quantised at run time; then every prompt runs alone.
    pub dynamically_quantized: bool,
    /// The tokens of the instruction whose keys and values are kept (kind `causal_llm`); `None` for a classifier.
    pub cached_tokens: Option<usize>,
    // </faces:record-model_info>
}

impl ModelInfo {
    fn new(scorer: &dyn PromptScorer) -> Self {
        Self {
            // Parameters are plain data, which always serialises.
            parameters: Json::of(&scorer.parameters()).unwrap_or_else(|_| Json::object()),
            max_tokens: scorer.max_tokens(),
            dynamically_quantized: scorer.dynamically_quantized(),
            cached_tokens: scorer.cached_tokens(),
        }
    }
}

impl RouterInfo {
    #[allow(clippy::too_many_arguments, reason = "gathers what opening knows, in one place")]
    pub(super) fn new(
        name: &str,
        kind: Kind,
        names: &[String],
        pair: Pair,
        mode: Mode,
        pipeline: &Pipeline,
        calibration: Option<(&Calibration, f64)>,
        path: Option<&Path>,
        provenance: Json,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            models: names.to_vec(),
            strong: names[pair.strong].clone(),
            weak: names[pair.weak].clone(),
            candidates: Vec::new(),
            mean_output_tokens: 0.0,
            names: BTreeMap::new(),
            mode,
            read: Read::default(),
            featurizer: FeaturizerInfo::new(pipeline),
            calibration: calibration.map(|(table, threshold)| CalibrationInfo::new(table, threshold)),
            constant: None,
            runtime: pipeline.runtime(),
            votes: None,
            model: pipeline.prompts().map(|scorer| ModelInfo::new(&**scorer)),
            path: path.map(Path::to_path_buf),
            provenance,
            version: crate::VERSION,
        }
    }
}

impl CalibrationInfo {
    pub(super) fn new(table: &Calibration, default_threshold: f64) -> Self {
        Self {
            sample: table.sample.clone(),
            count: table.count,
            sha256: table.sha256.clone(),
            date: table.date.clone(),
            points: table.win_rates.len(),
            share_error: table.share_error,
            default_strong_share: table.default_strong_share,
            default_threshold,
        }
    }
}

impl FeaturizerInfo {
    fn new(pipeline: &Pipeline) -> Self {
        let (featurizer, max_bytes) = (pipeline.featurizer(), pipeline.cap().map(|cap| cap.max_bytes));
        let (kind, id, dimension) = match featurizer {
            None => ("none", "", 0),
            Some(Featurizer::Hashed(hashed)) => {
                ("hashed", hashed.spec().id.as_str(), hashed.spec().dimension)
            }
            Some(Featurizer::Encoder(encoder)) => ("onnx", encoder.id(), encoder.dimension()),
            Some(Featurizer::Caller(spec)) => ("caller", spec.id.as_str(), spec.dimension),
        };
        let max_tokens = match featurizer {
            Some(featurizer) => featurizer.encoder().and_then(|encoder| encoder.max_tokens()),
            None => pipeline.prompts().map(|scorer| scorer.max_tokens()),
        };
        Self { kind, id: id.to_owned(), dimension, max_bytes, max_tokens }
    }
}
