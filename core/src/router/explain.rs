//! Why a prompt got its score: the votes that weighed most, and the ratings they give.

use serde::Serialize;

use super::Inner;
use crate::Result;
use crate::features::Features;
use crate::policy::Fallback;
use crate::scorer::knn::ExplainedNeighbour;
use crate::scorer::{KnnScorer, Scorer};

/// Why a prompt got its score. Every binding shows it as its own kind of mapping.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    // <faces:record-explanation>
    /// P(strong model's answer is preferred or needed), in [0, 1].
    pub win_rate: f64,
    /// The standard error of the win rate, from the weighted votes; NaN (`null` in JSON) if they do not determine it.
    pub win_rate_error: f64,
    /// The largest cosine similarity to any vote, all of which are read for an explanation.
    pub similarity: f64,
    /// Whether the prompt is farther from every vote than the router was told to trust.
    pub out_of_distribution: bool,
    /// The rating of each candidate on this prompt, in the order of the artifact.
    pub ratings: Vec<ModelRating>,
    /// The votes that weighed most, heaviest first.
    pub votes: Vec<ExplainedVote>,
    /// How far a clustered store was read; `None` for the others, which always read every vote.
    pub reach: Option<Reach>,
    /// Why there is no explanation, if `on_error` covers that: then the numbers are NaN, and the lists are empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    // </faces:record-explanation>
}

/// Rating of a candidate on one prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelRating {
    // <faces:record-model_rating>
    /// Its name.
    pub model: String,
    /// Its tier; 0 is the best.
    pub tier: usize,
    /// The rating of its tier on the Elo scale; `None` if no vote compares it.
    pub rating: Option<f64>,
    /// The standard error of the rating; `None` with the rating.
    pub standard_error: Option<f64>,
    // </faces:record-model_rating>
}

/// A vote that weighed in a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExplainedVote {
    // <faces:record-explained_vote>
    /// The row of the vote in the data that the router was built from.
    pub row: usize,
    /// Its id; `None` if the artifact has no ids.
    pub id: Option<String>,
    /// Its prompt; `None` unless the artifact's owner stored the texts.
    pub text: Option<String>,
    /// Its cosine similarity to the prompt.
    pub similarity: f64,
    /// Its weight on the paper's scale: 100 for the most similar one at exponent 1.
    pub weight: f64,
    /// The name of the first model.
    pub model_a: String,
    /// The name of the second model.
    pub model_b: String,
    /// `model_a`, `model_b` or `tie`.
    pub winner: &'static str,
    // </faces:record-explained_vote>
}

/// How far a clustered store was read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reach {
    // <faces:record-reach>
    /// How many clusters had their votes read one by one.
    pub opened_clusters: usize,
    /// How many votes were read one by one.
    pub opened_votes: usize,
    /// The estimated error, in win rate, that reading every vote would remove; `None` if it is not known.
    pub error: Option<f64>,
    // </faces:record-reach>
}

impl Explanation {
    /// What stands for an explanation that nobody could give.
    pub(super) fn unknown(why: Fallback) -> Self {
        Self {
            win_rate: f64::NAN,
            win_rate_error: f64::NAN,
            similarity: f64::NAN,
            out_of_distribution: false,
            ratings: Vec::new(),
            votes: Vec::new(),
            reach: None,
            fallback: Some(why),
        }
    }
}

impl Inner {
    /// Why features get their score.
    pub(super) fn explain_features(&self, features: Features<'_>, k: usize) -> Result<Explanation> {
        if let Some(Scorer::Knn(knn)) = self.pipeline.scorer() {
            return self.explain_neighbours(knn, features, k);
        }
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
            fallback: None,
        })
    }

    /// Why features get their score from nearest prompts: each stands for a vote of the pair, by its qualities there.
    fn explain_neighbours(&self, knn: &KnnScorer, features: Features<'_>, k: usize) -> Result<Explanation> {
        let (score, qualities, neighbours) = knn.explain(features, k)?;
        let name = |model: usize| self.models[model].to_string();
        let rank = |model: usize| qualities.iter().filter(|quality| **quality > qualities[model]).count();
        let vote = |neighbour: ExplainedNeighbour| ExplainedVote {
            row: neighbour.row,
            id: neighbour.id,
            text: neighbour.text,
            similarity: neighbour.similarity,
            weight: neighbour.weight,
            model_a: name(self.pair.strong),
            model_b: name(self.pair.weak),
            winner: match neighbour.gap {
                gap if gap > 0.0 => "model_a",
                gap if gap < 0.0 => "model_b",
                _ => "tie",
            },
        };
        Ok(Explanation {
            win_rate: score.win_rate,
            win_rate_error: f64::NAN,
            similarity: score.similarity.unwrap_or(f64::NAN),
            out_of_distribution: self.is_far(score),
            ratings: (0..self.models.len())
                .map(|model| ModelRating {
                    model: name(model),
                    tier: rank(model),
                    rating: Some(qualities[model]),
                    standard_error: None,
                })
                .collect(),
            votes: neighbours.into_iter().map(vote).collect(),
            reach: None,
            fallback: None,
        })
    }
}
