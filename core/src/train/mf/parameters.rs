//! The parameters of a factorization, as one piece.

use crate::numeric::Rng;
use crate::scorer::mf::MfWeights;

/// `P ~ N(0, 1)`; linear layers uniform in +-1/sqrt(inputs), as torch starts them.
pub(super) fn random(models: usize, dim: usize, text_dim: usize, rng: &mut Rng) -> MfWeights {
    let mut uniform = |count: usize, inputs: usize| -> Vec<f32> {
        let bound = 1.0 / (inputs as f64).sqrt();
        (0..count).map(|_| ((2.0 * rng.uniform() - 1.0) * bound) as f32).collect()
    };
    let w = uniform(dim * text_dim, text_dim);
    let c = uniform(dim, dim);
    let p = (0..models * dim).map(|_| rng.normal() as f32).collect();
    MfWeights { models, dim, text_dim, p, w, c }
}

/// The three blocks of a factorization: values, or moments of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blocks {
    /// `models x dim`
    pub(super) p: Vec<f32>,
    /// `dim x text_dim`
    pub(super) w: Vec<f32>,
    /// `dim`
    pub(super) c: Vec<f32>,
}

impl Blocks {
    pub(super) fn zeros(shape: Shape) -> Self {
        let Shape { models, dim, text_dim } = shape;
        Self { p: vec![0.0; models * dim], w: vec![0.0; dim * text_dim], c: vec![0.0; dim] }
    }

    pub(super) fn of(weights: MfWeights) -> Self {
        Self { p: weights.p, w: weights.w, c: weights.c }
    }

    pub(super) fn into_weights(self, shape: Shape) -> MfWeights {
        let Shape { models, dim, text_dim } = shape;
        MfWeights { models, dim, text_dim, p: self.p, w: self.w, c: self.c }
    }
}

/// The sizes of a factorization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) models: usize,
    pub(super) dim: usize,
    pub(super) text_dim: usize,
}

/// All that a step reads and changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) shape: Shape,
    pub(super) values: Blocks,
    pub(super) first: Blocks,
    pub(super) second: Blocks,
    /// Steps that were made.
    pub(super) steps: u64,
}

impl State {
    pub(super) fn new(weights: MfWeights) -> Self {
        let shape = Shape { models: weights.models, dim: weights.dim, text_dim: weights.text_dim };
        let zeros = Blocks::zeros(shape);
        Self { shape, values: Blocks::of(weights), first: zeros.clone(), second: zeros, steps: 0 }
    }
}
