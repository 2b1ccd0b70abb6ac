//! A model bound to a pair, as the router uses it.

use std::cell::RefCell;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{MapStore, Probe, ScoreOptions, Scratch, SwModel, SwScore};
use crate::artifact::Artifact;
use crate::features::Features;
use crate::scorer::{Pair, Score};
use crate::{Error, Result};

/// File of the votes' store in an artifact.
pub const STORE_FILE: &str = "votes.safetensors";
/// File of the votes' texts, one JSON string a line in the order of the build, if the owner stored them.
pub const TEXTS_FILE: &str = "texts.jsonl";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwSpec {
    /// Whether [`TEXTS_FILE`] is there.
    pub(crate) texts: bool,
}

/// Similarity-weighted ranking, bound to a pair of candidates.
#[derive(Debug)]
pub struct SwScorer {
    model: SwModel,
    pair: Pair,
    options: ScoreOptions,
    texts: Option<Vec<String>>,
}

thread_local! {
    /// Similarities of one query to all votes: 4 bytes a vote and thread.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl SwScorer {
    pub(crate) fn load(
        artifact: &Artifact,
        pair: Pair,
        options: ScoreOptions,
        map: MapStore,
    ) -> Result<Self> {
        let manifest = artifact.manifest();
        let spec: SwSpec = manifest
            .scorer
            .read()
            .map_err(|error| Error::invalid_model(format!("router.json: scorer: {}", error.message())))?;
        let path = artifact.path_of(STORE_FILE)?;
        let model = SwModel::open_mapped(&path, map)?;
        fits(&path, "models", model.models().names() == manifest.models.names)?;
        fits(&path, "dimension", model.meta().dim == manifest.featurizer.dimension())?;
        if options.probe != Probe::Default && model.meta().clusters.is_none() {
            return Err(Error::invalid_argument(
                "open_clusters and error_target have no effect: this router's store has no clusters",
            ));
        }
        // A pair that the votes cannot compare, or not on any prompt, is refused now, not on the first one.
        let names = model.models().names();
        model.routable_pair(&names[pair.strong], &names[pair.weak], options.mode)?;
        let texts = if spec.texts { Some(read_texts(artifact, model.meta().votes)?) } else { None };
        Ok(Self { model, pair, options, texts })
    }

    /// The votes and their store.
    pub fn model(&self) -> &SwModel {
        &self.model
    }

    /// Text of the vote in this row of the build, if the artifact's owner stored the texts.
    pub fn text(&self, row: usize) -> Option<&str> {
        self.texts.as_ref()?.get(row).map(String::as_str)
    }

    /// The score of a dense embedding.
    ///
    /// # Errors
    /// As [`SwModel::score`].
    pub fn score(&self, features: Features<'_>) -> Result<Score> {
        self.bound(&self.rank(features)?)
    }

    /// Scores of many embeddings, row-major, with the same bits as one by one: each block of the store is read
    /// once for many of them.
    ///
    /// # Errors
    /// As [`SwModel::score_batch`].
    pub fn score_batch(&self, embeddings: &[f32]) -> Result<Vec<Score>> {
        let scores =
            SCRATCH.with_borrow_mut(|scratch| self.model.score_batch(embeddings, &self.options, scratch))?;
        scores.iter().map(|score| self.bound(score)).collect()
    }

    /// Ratings of all models on this embedding.
    ///
    /// # Errors
    /// As [`SwModel::score`].
    pub fn rank(&self, features: Features<'_>) -> Result<SwScore> {
        let embedding = dense(features)?;
        SCRATCH.with_borrow_mut(|scratch| self.model.score(embedding, &self.options, scratch))
    }

    /// Whether the votes compare two candidates.
    pub(crate) fn compares(&self, pair: Pair) -> bool {
        self.model.layout.check_pair(pair.strong, pair.weak, self.options.mode).is_ok()
    }

    /// Largest cosine similarity to any vote, all of which are read.
    ///
    /// # Errors
    /// As [`SwModel::similarity`].
    pub fn similarity(&self, features: Features<'_>) -> Result<f64> {
        let embedding = dense(features)?;
        SCRATCH.with_borrow_mut(|scratch| self.model.similarity(embedding, self.options.threads, scratch))
    }

    /// The score with the `k` votes that weighed most, and how far a clustered store was read.
    ///
    /// # Errors
    /// As [`SwModel::explain`].
    pub fn explain(&self, features: Features<'_>, k: usize) -> Result<super::Explanation> {
        let embedding = dense(features)?;
        let options = ScoreOptions { estimate_error: true, ..self.options };
        SCRATCH.with_borrow_mut(|scratch| self.model.explain(embedding, k, &options, scratch))
    }

    fn bound(&self, score: &SwScore) -> Result<Score> {
        Ok(Score {
            win_rate: score.win_rate(self.pair.strong, self.pair.weak)?,
            similarity: Some(score.similarity()),
            flat: score.out_of_distribution(),
            truncated: false,
            no_score: false,
        })
    }
}

fn fits(path: &Path, what: &str, fits: bool) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::invalid_model(format!("{}: its {what} are not those of router.json", path.display())))
}

fn dense(features: Features<'_>) -> Result<&[f32]> {
    match features {
        Features::Dense(values) => Ok(values),
        Features::Sparse(_) => {
            Err(Error::invalid_model("sw_ranking reads dense embeddings, the featurizer is sparse"))
        }
    }
}

fn read_texts(artifact: &Artifact, votes: usize) -> Result<Vec<String>> {
    let bytes = artifact.read(TEXTS_FILE)?;
    let bad = |what: &dyn std::fmt::Display| Error::invalid_model(format!("{TEXTS_FILE}: {what}"));
    let text = std::str::from_utf8(&bytes).map_err(|error| bad(&error))?;
    let texts: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| bad(&error)))
        .collect::<Result<_>>()?;
    if texts.len() != votes {
        return Err(bad(&format!("{} texts for {votes} votes", texts.len())));
    }
    Ok(texts)
}
