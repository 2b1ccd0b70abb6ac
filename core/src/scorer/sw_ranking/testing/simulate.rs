//! Simulated votes over given embeddings, for tests and benchmarks of speed and of large numbers.
//!
//! Votes draw base vectors with replacement. A vote on base `e` has the embedding
//! `normalise(e + u / 2)` with `u` a random unit vector: a repeated prompt must not be the same point, or
//! clustering is trivial. Winners follow a Bradley-Terry model of the given abilities plus, per model, a
//! direction `v` with strength `v . x`.

use crate::numeric;
use crate::numeric::SplitMix;
use crate::preference::{Ballot, EmbeddedVotes, ModelIndex, Votes, Winner};

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Simulation<'a> {
    /// Base vectors of unit length, `n x dim`.
    pub base: &'a [f32],
    /// Their dimension.
    pub base_dim: usize,
    /// Dimension of the embeddings: where it is larger, base vectors are mapped by a random rotation first.
    pub dim: usize,
    /// Number of votes.
    pub votes: usize,
    /// Ability of each model in natural units; the win probability is the sigmoid of the difference.
    pub abilities: &'a [f64],
    /// Length of the direction along which each model's ability depends on the prompt.
    pub strength: f64,
    /// Share of ties.
    pub ties: f64,
    /// Seed.
    pub seed: u64,
}

/// Simulated votes, each with an embedding of its own.
#[derive(Debug, Clone)]
pub struct SimulatedVotes {
    /// Embeddings, `votes x dim`.
    pub embeddings: Vec<f32>,
    /// The votes, between models `m0`, `m1`, ...
    pub votes: Votes,
}

impl SimulatedVotes {
    /// These votes as the input of a build.
    pub fn input(&self) -> EmbeddedVotes<'_> {
        let dim = self.embeddings.len() / self.votes.ballots().len().max(1);
        EmbeddedVotes { votes: &self.votes, embeddings: &self.embeddings, dim }
    }
}

fn direction(random: &mut SplitMix, dim: usize) -> Vec<f32> {
    let mut v: Vec<f32> = (0..dim).map(|_| random.bell()).collect();
    numeric::normalize(&mut v);
    v
}

/// `count` unit vectors around `centres` random centres, with the tail of correlated topics that sentence
/// embeddings have: base vectors for where no real ones are at hand.
pub fn synthetic_base(count: usize, dim: usize, centres: usize, seed: u64) -> Vec<f32> {
    let mut random = SplitMix(seed);
    let shared = direction(&mut random, dim);
    let topics: Vec<Vec<f32>> = (0..centres).map(|_| direction(&mut random, dim)).collect();
    let mut out = Vec::with_capacity(count * dim);
    for _ in 0..count {
        // Popular topics are more common, as in real traffic.
        let topic = &topics[(random.uniform() * random.uniform() * centres as f64) as usize];
        let noise = direction(&mut random, dim);
        let start = out.len();
        out.extend(shared.iter().zip(topic).zip(&noise).map(|((s, t), u)| 0.25 * s + 0.65 * t + 0.7 * u));
        numeric::normalize(&mut out[start..]);
    }
    out
}

/// Maps base vectors into `dim >= base_dim` dimensions by a random rotation of that space.
pub fn lift(base: &[f32], base_dim: usize, dim: usize, seed: u64) -> Vec<f32> {
    let rotation = crate::scorer::sw_ranking::store::rotate::Rotation::new(dim, seed);
    let mut out = vec![0.0; base.len() / base_dim * dim];
    for (from, to) in base.chunks_exact(base_dim).zip(out.chunks_exact_mut(dim)) {
        to[..base_dim].copy_from_slice(from);
        rotation.apply(to);
    }
    out
}

/// Draws the votes. Seeded: the same simulation gives the same votes on every machine.
///
/// # Panics
/// If `base` is empty, `dim` is below `base_dim`, or there are fewer than two models.
pub fn simulate(simulation: &Simulation) -> SimulatedVotes {
    let s = simulation;
    assert!(s.dim >= s.base_dim && s.abilities.len() >= 2 && s.base.len() >= s.base_dim);
    let lifted = if s.dim > s.base_dim { lift(s.base, s.base_dim, s.dim, s.seed) } else { s.base.to_vec() };
    let mut random = SplitMix(s.seed ^ 0x7369_6d75_6c61_7465);
    let models = s.abilities.len();
    let leanings: Vec<Vec<f32>> = (0..models).map(|_| direction(&mut random, s.dim)).collect();
    let mut names = ModelIndex::default();
    for model in 0..models {
        names.insert(&format!("m{model}"));
    }
    let mut out =
        SimulatedVotes { embeddings: Vec::with_capacity(s.votes * s.dim), votes: Votes::new(names) };
    for prompt in 0..s.votes {
        let base = random.below(lifted.len() / s.dim);
        let noise = direction(&mut random, s.dim);
        let start = out.embeddings.len();
        out.embeddings
            .extend(lifted[base * s.dim..(base + 1) * s.dim].iter().zip(&noise).map(|(e, u)| e + 0.5 * u));
        numeric::normalize(&mut out.embeddings[start..]);
        let x = &out.embeddings[start..];
        let a = random.below(models);
        let b = (a + 1 + random.below(models - 1)) % models;
        let lean =
            |m: usize| x.iter().zip(&leanings[m]).map(|(x, v)| f64::from(*x) * f64::from(*v)).sum::<f64>();
        let gap = s.abilities[a] - s.abilities[b] + s.strength * (lean(a) - lean(b));
        let winner = if random.uniform() < s.ties {
            Winner::Tie
        } else if random.uniform() < numeric::sigmoid(gap) {
            Winner::ModelA
        } else {
            Winner::ModelB
        };
        let pushed = out.votes.push(Ballot { model_a: a, model_b: b, winner, prompt });
        debug_assert!(pushed.is_ok());
    }
    out
}

/// Spearman's rank correlation of two columns of equal length; ties share their mean rank.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        ab += (a - mean) * (b - mean);
        aa += (a - mean) * (a - mean);
        bb += (b - mean) * (b - mean);
    }
    ab / (aa * bb).sqrt()
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut out = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|i| values[**i] == values[order[start]]).count();
        for i in &order[start..start + same] {
            out[*i] = start as f64 + (same as f64 - 1.0) / 2.0;
        }
        start += same;
    }
    out
}

/// Share of queries that stand on another side of the median: each column is cut at its own.
pub fn flips(a: &[f64], b: &[f64]) -> f64 {
    let above = |values: &[f64]| -> Vec<bool> {
        let ranks = ranks(values);
        ranks.iter().map(|r| 2.0 * r >= values.len() as f64 - 1.0).collect()
    };
    let different = above(a).iter().zip(above(b)).filter(|(a, b)| **a != *b).count();
    different as f64 / a.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_measured() {
        let a = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(spearman(&a, &[10.0, 20.0, 30.0, 40.0]), 1.0);
        assert_eq!(spearman(&a, &[4.0, 3.0, 2.0, 1.0]), -1.0);
        assert_eq!(flips(&a, &[1.0, 3.0, 2.0, 4.0]), 0.5);
        assert_eq!(ranks(&[5.0, 5.0, 1.0]), [1.5, 1.5, 0.0]);
    }

    #[test]
    fn simulated_votes_follow_abilities() {
        let base = synthetic_base(300, 16, 8, 1);
        let simulation = Simulation {
            base: &base,
            base_dim: 16,
            dim: 24,
            votes: 4000,
            abilities: &[1.5, 0.0],
            strength: 0.0,
            ties: 0.0,
            seed: 3,
        };
        let votes = simulate(&simulation);
        assert_eq!(votes.embeddings.len(), 4000 * 24);
        assert_eq!(votes.embeddings, simulate(&simulation).embeddings);
        let better_won = |ballot: &&Ballot| (ballot.model_a == 0) == (ballot.winner == Winner::ModelA);
        let wins = votes.votes.ballots().iter().filter(better_won).count();
        assert!((f64::from(wins as u32) / 4000.0 - numeric::sigmoid(1.5)).abs() < 0.03, "{wins}");
    }
}
