//! Why a prompt got its score: the votes that weighed most, and the ratings they give.

use serde::Serialize;

use super::{Inner, Router, Worker};
use crate::features::Features;
use crate::{CancelToken, Result};

/// Why a prompt got its score. Every binding shows it as its own kind of mapping.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// P(strong model's answer is preferred or needed), in [0, 1].
    pub win_rate: f64,
    /// Standard error of the win rate, from the weighted votes; NaN (`null` in JSON) if they do not determine it.
    pub win_rate_error: f64,
    /// Largest cosine similarity to any vote, all of which are read for an explanation.
    pub similarity: f64,
    /// Whether the prompt is farther from every vote than the router was told to trust.
    pub out_of_distribution: bool,
    /// Rating of each candidate on this prompt, in the order of the artifact.
    pub ratings: Vec<ModelRating>,
    /// The votes that weighed most, heaviest first.
    pub votes: Vec<ExplainedVote>,
    /// How far a clustered store was read; `None` for the others, which always read every vote.
    pub reach: Option<Reach>,
}

/// Rating of a candidate on one prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelRating {
    /// Its name.
    pub model: String,
    /// Its tier; 0 is the best.
    pub tier: usize,
    /// Rating of its tier on the Elo scale; `None` if no vote compares it.
    pub rating: Option<f64>,
    /// Standard error of the rating; `None` with the rating.
    pub standard_error: Option<f64>,
}

/// A vote that weighed in a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExplainedVote {
    /// Row of the vote in the data it was built from.
    pub row: usize,
    /// Its id, if the artifact has ids.
    pub id: Option<String>,
    /// Its prompt, if the artifact's owner stored the texts.
    pub text: Option<String>,
    /// Cosine similarity to the prompt.
    pub similarity: f64,
    /// Its weight on the paper's scale: 100 for the most similar one at exponent 1.
    pub weight: f64,
    /// Name of the first model.
    pub model_a: String,
    /// Name of the second model.
    pub model_b: String,
    /// `model_a`, `model_b` or `tie`.
    pub winner: &'static str,
}

/// How far a clustered store was read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reach {
    /// Clusters whose votes were read one by one.
    pub opened_clusters: usize,
    /// Votes that were read one by one.
    pub opened_votes: usize,
    /// Estimated error, in win rate, that reading every vote would remove; `None` if it is not known.
    pub error: Option<f64>,
}

impl Router {
    /// The score of `prompt` with the `k` votes that weighed most.
    ///
    /// # Errors
    /// What scoring reports; `Unsupported` if the router has no votes.
    pub fn explain(&self, prompt: &str, k: usize) -> Result<Explanation> {
        self.inner.check_open()?;
        self.inner.pipeline.votes()?;
        self.call(prompt, None, move |worker, prompt| worker.explain(prompt, k))
    }

    /// As [`explain`](Self::explain), and stops when `cancel` says so: a running encoder too.
    ///
    /// # Errors
    /// As [`explain`](Self::explain); `Cancelled`.
    pub fn explain_cancellable(&self, prompt: &str, k: usize, cancel: &CancelToken) -> Result<Explanation> {
        self.inner.check_open()?;
        self.inner.pipeline.votes()?;
        self.call(prompt, Some(cancel), move |worker, prompt| worker.explain(prompt, k))
    }

    /// As [`similarity`](Self::similarity), and stops when `cancel` says so: a running encoder too.
    ///
    /// # Errors
    /// As [`similarity`](Self::similarity); `Cancelled`.
    pub fn similarity_cancellable(&self, prompt: &str, cancel: &CancelToken) -> Result<f64> {
        self.call(prompt, Some(cancel), |worker, prompt| worker.similarity(prompt))
    }

    /// As [`explain`](Self::explain), for an embedding that the caller computed.
    ///
    /// # Errors
    /// As [`explain`](Self::explain); `InvalidArgument` if the embedding does not fit.
    pub fn explain_embedding(&self, embedding: &[f32], k: usize) -> Result<Explanation> {
        self.inner.check_open()?;
        self.inner.pipeline.votes()?;
        self.inner.pipeline.scorer_of_embedding(embedding)?;
        self.inner.explain_features(Features::Dense(embedding), k)
    }
}

impl Worker<'_> {
    /// As [`Router::explain`].
    ///
    /// # Errors
    /// What scoring reports; `Unsupported` if the router has no votes.
    pub fn explain(&mut self, prompt: &str, k: usize) -> Result<Explanation> {
        let Self { inner, slot, stop } = self;
        inner.pipeline.votes()?;
        inner.pipeline.with_features(slot, prompt, *stop, |features, _| {
            // Embedding took the time; the votes are read in milliseconds.
            stop.map_or(Ok(()), CancelToken::check)?;
            inner.explain_features(features, k)
        })
    }

    /// As [`Router::similarity`].
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn similarity(&mut self, prompt: &str) -> Result<f64> {
        let Self { inner, slot, stop } = self;
        let votes = inner.pipeline.votes()?;
        inner.pipeline.with_features(slot, prompt, *stop, |features, _| {
            stop.map_or(Ok(()), CancelToken::check)?;
            votes.similarity(features)
        })
    }
}

impl Inner {
    fn explain_features(&self, features: Features<'_>, k: usize) -> Result<Explanation> {
        let sw = self.pipeline.votes()?;
        let explanation = sw.explain(features, k)?;
        let score = &explanation.score;
        let pair = self.pair;
        let errors = score.standard_errors();
        let tiers = sw.model().tiers();
        let name = |model: usize| self.models[model].to_string();
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let bound = crate::scorer::Score {
            win_rate: score.win_rate(pair.strong, pair.weak)?,
            similarity: Some(score.similarity()),
            flat: score.out_of_distribution(),
            truncated: false,
            no_score: false,
        };
        Ok(Explanation {
            win_rate: bound.win_rate,
            win_rate_error: score.win_rate_error(pair.strong, pair.weak)?,
            similarity: score.similarity(),
            out_of_distribution: self.is_far(bound),
            ratings: (0..self.models.len())
                .map(|model| ModelRating {
                    model: name(model),
                    tier: tiers[model],
                    rating: finite(score.rating(model)),
                    standard_error: finite(errors[tiers[model]]),
                })
                .collect(),
            votes: explanation
                .votes
                .iter()
                .map(|vote| ExplainedVote {
                    row: vote.row,
                    id: vote.id.clone(),
                    text: sw.text(vote.row).map(str::to_owned),
                    similarity: vote.similarity,
                    weight: vote.weight,
                    model_a: name(vote.model_a),
                    model_b: name(vote.model_b),
                    winner: vote.winner.name(),
                })
                .collect(),
            reach: score.reach().map(|reach| Reach {
                opened_clusters: reach.probed_clusters,
                opened_votes: reach.probed_votes,
                error: reach.error,
            }),
        })
    }
}
