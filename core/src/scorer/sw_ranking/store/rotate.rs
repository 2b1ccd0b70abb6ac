//! A fixed rotation by random signs and Hadamard transforms: `O(d log d)`, nothing stored but a seed.
//!
//! It spreads every vector evenly over its dimensions, so that few bits a dimension suffice. Where `d` is
//! no power of two, the transform of the largest power of two runs once over the first and once over the
//! last dimensions, with signs before each.

use crate::numeric::SplitMix;

/// The rotation of one dimension and seed.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    first: Vec<f32>,
    second: Vec<f32>,
    width: usize,
}

impl Rotation {
    pub(crate) fn new(dim: usize, seed: u64) -> Self {
        let mut random = SplitMix(seed);
        let mut signs = || (0..dim).map(|_| if random.next() >> 63 == 0 { 1.0 } else { -1.0 }).collect();
        let width = if dim.is_power_of_two() { dim } else { dim.next_power_of_two() / 2 };
        Self { first: signs(), second: signs(), width }
    }

    /// Rotates `x`, of the rotation's dimension, in place. Lengths and inner products are kept.
    pub(crate) fn apply(&self, x: &mut [f32]) {
        flip(x, &self.first);
        hadamard(&mut x[..self.width]);
        if self.width < x.len() {
            let start = x.len() - self.width;
            flip(x, &self.second);
            hadamard(&mut x[start..]);
        }
    }
}

fn flip(x: &mut [f32], signs: &[f32]) {
    for (x, sign) in x.iter_mut().zip(signs) {
        *x *= sign;
    }
}

/// The orthonormal Walsh-Hadamard transform of a power-of-two length.
fn hadamard(x: &mut [f32]) {
    let mut half = 1;
    while half < x.len() {
        for block in x.chunks_exact_mut(2 * half) {
            let (a, b) = block.split_at_mut(half);
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let norm = 1.0 / (x.len() as f32).sqrt();
    for x in x {
        *x *= norm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_are_kept(a in prop::collection::vec(-1f32..1., 1..200), seed: u64) {
            let b: Vec<f32> = a.iter().rev().map(|v| v + 0.25).collect();
            let before: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let rotation = Rotation::new(a.len(), seed);
            let (mut a, mut b) = (a, b);
            rotation.apply(&mut a);
            rotation.apply(&mut b);
            let after: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            prop_assert!((before - after).abs() < 1e-3 * (1.0 + before.abs()), "{before} {after}");
        }
    }

    #[test]
    fn a_spike_is_spread_over_all_dimensions() {
        for dim in [384, 1536, 512, 100] {
            for at in [0, dim / 2, dim - 1] {
                let mut x = vec![0.0; dim];
                x[at] = 1.0;
                Rotation::new(dim, 7).apply(&mut x);
                let largest = x.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                assert!(largest < 4.0 / (dim as f32).sqrt() + 0.05, "{dim} {at} {largest}");
            }
        }
    }
}
