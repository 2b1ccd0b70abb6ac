//! From a prompt to a score: a featurizer and a scorer of what it gives, or a scorer that reads the prompt itself.
//!
//! What decides on scores does not care which of the two it has. A scorer over another one, which learns from its
//! owner's labels, will be a third form here.

use std::sync::Arc;

use crate::artifact::Artifact;
use crate::features::{Features, Featurizer, FeaturizerSpec, Hashed, OnnxSpec, TextCap, TextEncoder, hashed};
use crate::jobs::{Pool, Slot};
use crate::names::Spelling;
use crate::onnx::{RuntimeUse, SessionOptions};
use crate::scorer::{Pair, PromptScorer, Ratings, Score, Scorer, SwScorer};
use crate::{CancelToken, Error, Result};

/// From a prompt to a score.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pipeline {
    /// A scorer of features, and what makes them.
    Features {
        /// What turns a prompt into numbers.
        featurizer: Featurizer,
        /// What turns those into a score.
        scorer: Scorer,
    },
    /// A scorer that reads the prompt itself.
    Prompts(Arc<dyn PromptScorer>),
}

impl Pipeline {
    /// The featurizer, unless the scorer reads the prompt itself.
    pub fn featurizer(&self) -> Option<&Featurizer> {
        match self {
            Self::Features { featurizer, .. } => Some(featurizer),
            Self::Prompts(_) => None,
        }
    }

    /// The scorer of features, unless it reads the prompt itself.
    pub fn scorer(&self) -> Option<&Scorer> {
        match self {
            Self::Features { scorer, .. } => Some(scorer),
            Self::Prompts(_) => None,
        }
    }

    /// The scorer that reads prompts, if that is what this has.
    pub fn prompts(&self) -> Option<&Arc<dyn PromptScorer>> {
        match self {
            Self::Features { .. } => None,
            Self::Prompts(scorer) => Some(scorer),
        }
    }

    /// How much of a prompt is looked at; `None` if no prompts are read.
    pub fn cap(&self) -> Option<TextCap> {
        match self {
            Self::Features { featurizer, .. } => featurizer.cap(),
            Self::Prompts(scorer) => Some(scorer.cap()),
        }
    }

    /// What calls run on; `None` if they need nothing.
    pub(crate) fn slots(&self) -> Option<&Pool> {
        match self {
            Self::Features { featurizer, .. } => featurizer.encoder().map(|encoder| encoder.slots()),
            Self::Prompts(scorer) => Some(scorer.slots()),
        }
    }

    /// The runtime that is used, if one is.
    pub(crate) fn runtime(&self) -> Option<RuntimeUse> {
        match self {
            Self::Features { featurizer, .. } => featurizer.encoder().and_then(|encoder| encoder.runtime()),
            Self::Prompts(scorer) => scorer.runtime(),
        }
    }

    /// The score of a prompt.
    ///
    /// # Errors
    /// What the featurizer or the scorer reports.
    pub(crate) fn score(&self, slot: &mut Slot, prompt: &str, stop: Option<&CancelToken>) -> Result<Score> {
        match self {
            Self::Features { featurizer, scorer } => {
                featurizer.features_in(slot, prompt, stop, |features, truncated| {
                    Ok(Score { truncated, ..scorer.score(features)? })
                })
            }
            Self::Prompts(scorer) => scorer.score_in(slot, prompt, stop),
        }
    }

    /// One score for each candidate, higher is better.
    ///
    /// # Errors
    /// As [`score`](Self::score); `Unsupported` if the scorer knows its pair only.
    pub(crate) fn candidate_scores(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
    ) -> Result<Vec<f64>> {
        match self {
            Self::Features { featurizer, scorer } => {
                featurizer.features_in(slot, prompt, stop, |features, _| scorer.candidate_scores(features))
            }
            Self::Prompts(scorer) => scorer.candidate_scores_in(slot, prompt, stop),
        }
    }

    /// What is said of all candidates on a prompt.
    ///
    /// # Errors
    /// As [`candidate_scores`](Self::candidate_scores).
    pub(crate) fn ratings(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
    ) -> Result<Ratings> {
        match self {
            Self::Features { featurizer, scorer } => {
                featurizer.features_in(slot, prompt, stop, |features, truncated| {
                    Ok(Ratings { truncated, ..scorer.ratings(features)? })
                })
            }
            Self::Prompts(scorer) => {
                let (scores, truncated) = scorer.rate_in(slot, prompt, stop)?;
                Ok(Ratings { truncated, ..Ratings::of(scores) })
            }
        }
    }

    /// Whether more is known than the win rate of the pair; `candidates` is the number of models.
    pub(crate) fn knows_candidates(&self, candidates: usize) -> bool {
        match self {
            Self::Features { scorer, .. } => scorer.score_columns(candidates).is_some(),
            Self::Prompts(scorer) => scorer.knows_candidates(),
        }
    }

    /// The place of a candidate's own score among those of [`ratings`](Self::ratings).
    pub(crate) fn place_of_score(&self, candidate: usize) -> usize {
        self.scorer().map_or(candidate, |scorer| scorer.place_of_score(candidate))
    }

    /// Whether the scores compare two candidates.
    pub(crate) fn compares(&self, pair: Pair) -> bool {
        self.scorer().is_none_or(|scorer| scorer.compares(pair))
    }

    /// Hands the features of a prompt to `consume`, with whether the prompt was cut.
    ///
    /// # Errors
    /// As [`Featurizer::with_features`]; `Unsupported` if the scorer reads the prompt itself.
    pub(crate) fn with_features<T>(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
        consume: impl FnOnce(Features<'_>, bool) -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Features { featurizer, .. } => featurizer.features_in(slot, prompt, stop, consume),
            Self::Prompts(_) => Err(Error::unsupported(
                "this router's scorer reads the prompt itself: there are no features of it",
            )),
        }
    }

    /// The scorer, for an embedding that the caller computed.
    ///
    /// # Errors
    /// `InvalidArgument` if embeddings are not taken, or this one has another length.
    pub(crate) fn scorer_of_embedding(&self, embedding: &[f32]) -> Result<&Scorer> {
        match self {
            Self::Features { featurizer, scorer } => featurizer.check_embedding(embedding).map(|()| scorer),
            Self::Prompts(_) => Err(Error::invalid_argument(
                "this router's scorer reads the prompt itself and takes no embedding: pass the prompt",
            )),
        }
    }

    /// Similarity-weighted ranking.
    ///
    /// # Errors
    /// `Unsupported` for another scorer.
    pub(crate) fn votes(&self) -> Result<&SwScorer> {
        self.scorer().and_then(Scorer::votes).ok_or_else(|| {
            Error::unsupported(
                "only similarity-weighted ranking (kind sw_ranking) has votes to explain a score by",
            )
        })
    }

    /// Whether a score can be explained.
    ///
    /// # Errors
    /// `Unsupported` for a scorer that knows nothing to explain it by.
    pub(crate) fn explains(&self) -> Result<()> {
        match self.scorer() {
            Some(scorer) if scorer.explains() => Ok(()),
            _ => self.votes().map(drop),
        }
    }

    /// About how long a score of features takes, in nanoseconds, rather too long than too short.
    pub(crate) fn cost_ns(&self) -> u64 {
        self.scorer().map_or(u64::MAX / 2, Scorer::cost_ns)
    }

    /// How many scores of one prompt tell the win rate of every pair, for [`rate_of_scores`](Self::rate_of_scores): one
    /// for each candidate, or for each tier. `None` if the scorer knows its pair only.
    /// `candidates` is the number of models that the router knows.
    pub(crate) fn score_columns(&self, candidates: usize) -> Option<usize> {
        match self {
            Self::Features { scorer, .. } => scorer.score_columns(candidates),
            Self::Prompts(scorer) => scorer.scores_tell_pairs().then_some(candidates),
        }
    }

    /// The win rate of any pair from the scores of one prompt.
    pub(crate) fn rate_of_scores(&self, scores: &[f64], pair: Pair) -> f64 {
        match self {
            Self::Features { scorer, .. } => scorer.rate_of_scores(scores, pair),
            Self::Prompts(_) => crate::numeric::sigmoid(pair.gap(scores)),
        }
    }

    /// Why every prompt has one win rate of this pair, if that is known without a prompt.
    pub(crate) fn constant(&self, names: &[String], pair: Pair) -> Option<String> {
        if pair.strong == pair.weak {
            return Some(format!(
                "strong and weak are both {:?}: every win rate is one half",
                names[pair.strong]
            ));
        }
        self.scorer().and_then(Scorer::votes)?.model().one_tier(pair.strong, pair.weak)
    }
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
            no_session(session, "hashed", Spelling::Snake)?;
            Ok(Featurizer::Hashed(Box::new(load_hashed(spec, artifact)?)))
        }
        FeaturizerSpec::Caller(spec) => {
            no_session(session, "caller", Spelling::Snake)?;
            Ok(Featurizer::Caller(spec.clone()))
        }
        FeaturizerSpec::None => {
            Err(Error::invalid_model("featurizer: kind is \"none\", and this kind of router reads features"))
        }
        FeaturizerSpec::Onnx(spec) => Ok(Featurizer::Encoder(load_encoder(spec, artifact, session)?)),
    }
}

#[cfg(feature = "onnx")]
fn load_encoder(
    spec: &OnnxSpec,
    artifact: &Artifact,
    session: &SessionOptions,
) -> Result<Arc<dyn TextEncoder>> {
    // Both are looked up in the manifest, so that only verified files are opened.
    let (model, tokenizer) = (artifact.path_of(&spec.model)?, artifact.path_of(&spec.tokenizer)?);
    let encoder =
        crate::features::OnnxEncoder::open_files(spec.clone(), &model, &tokenizer, Some(artifact), session)?;
    Ok(Arc::new(encoder))
}

#[cfg(not(feature = "onnx"))]
fn load_encoder(spec: &OnnxSpec, _: &Artifact, _: &SessionOptions) -> Result<Arc<dyn TextEncoder>> {
    Err(Error::without_feature("onnx", format!("the encoder {}", spec.id)))
}

/// An option that has no effect is an error.
pub(crate) fn no_session(session: &SessionOptions, featurizer: &str, spelling: Spelling) -> Result<()> {
    let why = format!("this router's featurizer ({featurizer}) runs no ONNX session");
    spelling.without_effect(&session.given(), &why).map_or(Ok(()), Err)
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
