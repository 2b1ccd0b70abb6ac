//! Draws of prompts with replacement, and the figures of all draws.

use super::{Estimate, EvalOptions};
use crate::numeric::{Rng, SplitMix, parallel_map};

/// Which prompt each row belongs to, and how they are drawn.
#[derive(Debug)]
pub(super) struct Resample {
    /// The prompt of each row, below `count`.
    pub(super) group: Vec<usize>,
    /// How many prompts there are.
    pub(super) count: usize,
    draws: usize,
    seed: u64,
    threads: usize,
}

impl Resample {
    pub(super) fn new(options: &EvalOptions, rows: usize) -> Self {
        let (group, count) = match &options.groups {
            None => ((0..rows).collect(), rows),
            Some(groups) => dense(groups),
        };
        Self { group, count, draws: options.draws, seed: options.seed, threads: options.thread_count() }
    }

    /// What `work` makes of each draw: of how often each prompt occurs in it, and random numbers of its own. A draw has its
    /// seed from its number, so that threads change nothing. No draw where there is one prompt: every one would be the same,
    /// and the interval that it gives would be a point.
    pub(super) fn draws<S>(
        &self,
        room: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, &[f64], &mut Rng) -> Vec<f64> + Sync,
    ) -> Vec<Vec<f64>> {
        if self.count < 2 || self.draws == 0 {
            return Vec::new();
        }
        let piece = self.draws.div_ceil(self.threads.max(1));
        let starts = (0..self.draws).step_by(piece);
        let pieces = parallel_map(starts, |start| {
            let (mut room, mut counts) = (room(), vec![0.0; self.count]);
            let draws = start..(start + piece).min(self.draws);
            draws
                .map(|draw| {
                    let mut seed =
                        SplitMix(self.seed ^ (draw as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
                    let mut rng = Rng::new(seed.next());
                    counts.fill(0.0);
                    for _ in 0..self.count {
                        counts[rng.below(self.count)] += 1.0;
                    }
                    work(&mut room, &counts, &mut rng)
                })
                .collect::<Vec<_>>()
        });
        pieces.into_iter().flatten().collect()
    }
}

/// Numbers from 0 in the order of their first occurrence, and how many there are.
fn dense(groups: &[usize]) -> (Vec<usize>, usize) {
    let mut numbers = std::collections::HashMap::new();
    let group = groups
        .iter()
        .map(|group| {
            let next = numbers.len();
            *numbers.entry(*group).or_insert(next)
        })
        .collect();
    (group, numbers.len())
}

/// Figures in one order, on the prompts themselves and in each draw, taken one after the other.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    values: Vec<f64>,
    draws: &'a [Vec<f64>],
    confidence: f64,
    next: usize,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(values: Vec<f64>, draws: &'a [Vec<f64>], confidence: f64) -> Self {
        Self { values, draws, confidence, next: 0 }
    }

    /// The next figure, which is always defined.
    pub(super) fn take(&mut self) -> Estimate {
        let at = self.next;
        self.next += 1;
        let mut column: Vec<f64> = self.draws.iter().map(|draw| draw[at]).collect();
        Estimate::of_draws(self.values[at], &mut column, self.confidence)
    }

    /// The next figure; none where it is undefined on the prompts themselves.
    pub(super) fn take_defined(&mut self) -> Option<Estimate> {
        if self.values[self.next].is_finite() {
            return Some(self.take());
        }
        self.next += 1;
        None
    }

    /// Whether every figure was taken: what writes and what reads a sheet have one order.
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.values.len()
    }
}
