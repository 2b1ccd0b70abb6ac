//! Why a query got its score: the votes that weighed most.

use super::model::{ScoreOptions, Scratch, SwModel, unit_query, unpack};
use super::solve::groups::Mode;
use super::solve::score::{SwScore, cosine};
use crate::error::Result;
use crate::preference::Winner;

/// A vote that an explanation names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExplainedVote {
    /// Row of the vote in the input of the build.
    pub row: usize,
    /// Its id, where the model has ids.
    pub id: Option<String>,
    /// Cosine similarity to the query.
    pub similarity: f64,
    /// Its weight on the paper's scale, `10 * 10^(exponent * s / max s)`: 100 for the nearest at exponent 1.
    pub weight: f64,
    /// Number of the first model.
    pub model_a: usize,
    /// Number of the second model.
    pub model_b: usize,
    /// Whose answer was preferred.
    pub winner: Winner,
}

/// Why a query got its score.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The score, with ratings and standard errors.
    pub score: SwScore,
    /// The votes that weighed most, heaviest first; equal weights by row. Votes inside a tier have no
    /// influence in `exact` mode and are left out there.
    pub votes: Vec<ExplainedVote>,
}

impl SwModel {
    /// The score of a query with the `k` votes that weighed most. Reads every vote, clustered or not.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn explain(
        &self,
        query: &[f32],
        k: usize,
        options: &ScoreOptions,
        scratch: &mut Scratch,
    ) -> Result<Explanation> {
        let mut score = self.score(query, options, scratch)?;
        let unit = unit_query(query, self.meta.dim)?;
        let n = self.meta.votes;
        self.similarities(&[unit], options.threads, scratch);
        let in_order = &scratch.similarities[..n];
        let similarities: Vec<f32> = match &self.clusters {
            Some(clusters) => clusters.position.words().iter().map(|p| in_order[*p as usize]).collect(),
            None => in_order.to_vec(),
        };
        let max = similarities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // A clustered store may not have read the nearest vote.
        score.similarity = f64::from(max);
        let tiers = &self.layout.tiers;
        let counts = |stored: usize| {
            let (a, b, _) = unpack(self.battles.words()[stored]);
            options.mode == Mode::Reference || tiers[a] != tiers[b]
        };
        // A negative maximum inverts the reference's weights, and flattens the exact ones.
        let sign = if max <= 0.0 { -1.0 } else { 1.0 };
        let mut order: Vec<usize> = (0..n).filter(|stored| counts(*stored)).collect();
        let source = self.source.words();
        let heavier = |i: &usize, j: &usize| {
            let by_weight = (sign * similarities[*j]).total_cmp(&(sign * similarities[*i]));
            let by_weight = if score.flat { std::cmp::Ordering::Equal } else { by_weight };
            by_weight.then(source[*i].cmp(&source[*j]))
        };
        if k < order.len() {
            order.select_nth_unstable_by(k, heavier);
            order.truncate(k);
        }
        order.sort_unstable_by(heavier);
        let ids = self.ids_of(&order);
        let votes = order.iter().zip(ids).map(|(stored, id)| {
            let (model_a, model_b, winner) = unpack(self.battles.words()[*stored]);
            let similarity = f64::from(similarities[*stored]);
            let power =
                if score.flat { 0.0 } else { self.meta.weight_exponent * similarity / f64::from(max) };
            ExplainedVote {
                row: source[*stored] as usize,
                id,
                similarity: cosine(similarity),
                weight: 10.0 * libm::pow(10.0, power),
                model_a,
                model_b,
                winner: winner.unwrap_or(Winner::Tie),
            }
        });
        Ok(Explanation { votes: votes.collect(), score })
    }

    fn ids_of(&self, stored: &[usize]) -> Vec<Option<String>> {
        let mut out = vec![None; stored.len()];
        if let Some(ids) = &self.ids {
            let wanted: std::collections::HashMap<usize, usize> =
                stored.iter().enumerate().map(|(i, s)| (*s, i)).collect();
            for (i, id) in ids.bytes().split(|b| *b == b'\n').enumerate() {
                if let Some(slot) = wanted.get(&i) {
                    out[*slot] = Some(String::from_utf8_lossy(id).into_owned());
                }
            }
        }
        out
    }
}
