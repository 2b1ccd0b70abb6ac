//! The little linear algebra that a build needs: the directions in which vectors vary most.

use crate::numeric::{SplitMix, add, normalize, parallel_map};
use crate::scorer::sw_ranking::store::rows::{RowQuery, Rows, StoreKind};

/// Rounds of orthogonal iteration: the space is then good to a few percent of the variance that it leaves, which
/// is all that a summary needs.
const ROUNDS: usize = 8;

/// `k` orthonormal directions (`k x dim`) that hold nearly as much of the squared length of the vectors (`n x dim`)
/// as any `k` can, the strongest first. The result does not depend on the number of threads.
pub(crate) fn directions(
    vectors: &[f32],
    dim: usize,
    k: usize,
    random: &mut SplitMix,
    threads: usize,
) -> Vec<f32> {
    let n = vectors.len() / dim;
    let k = k.min(dim);
    let rows = Rows::encode(StoreKind::F32, dim, 0, vectors.chunks_exact(dim));
    let mut basis: Vec<f32> = (0..k * dim).map(|_| random.bell()).collect();
    orthonormalise(&mut basis, dim);
    let mut products = vec![0.0; k * n];
    for _ in 0..ROUNDS {
        let queries: Vec<RowQuery> = basis.chunks_exact(dim).map(|b| rows.query(b)).collect();
        rows.scan_all(&queries, &mut products, threads);
        let share = k.div_ceil(threads.max(1));
        parallel_map(basis.chunks_mut(share * dim).zip(products.chunks(share * n)), |(basis, products)| {
            weighted_sums(vectors, dim, products, basis);
        });
        orthonormalise(&mut basis, dim);
    }
    basis
}

/// `out[j] = sum over i of products[j][i] * vectors[i]`; a block of vectors stays in the cache for all `j`.
fn weighted_sums(vectors: &[f32], dim: usize, products: &[f32], out: &mut [f32]) {
    const BLOCK: usize = 16;
    let n = vectors.len() / dim;
    out.fill(0.0);
    for (block, vectors) in vectors.chunks(BLOCK * dim).enumerate() {
        for (out, products) in out.chunks_exact_mut(dim).zip(products.chunks_exact(n)) {
            for (vector, p) in vectors.chunks_exact(dim).zip(&products[block * BLOCK..]) {
                add(out, *p, vector);
            }
        }
    }
}

/// Gram and Schmidt, twice for precision. A direction that depends on those before it becomes zero.
fn orthonormalise(basis: &mut [f32], dim: usize) {
    for i in 0..basis.len() / dim {
        let (before, rest) = basis.split_at_mut(i * dim);
        let this = &mut rest[..dim];
        let length = norm(this);
        for _ in 0..2 {
            for other in before.chunks_exact(dim) {
                let along: f64 = this.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                for (a, b) in this.iter_mut().zip(other) {
                    *a -= along as f32 * b;
                }
            }
        }
        if norm(this) <= 1e-6 * length || normalize(this) == 0.0 {
            this.fill(0.0);
        }
    }
}

fn norm(x: &[f32]) -> f64 {
    x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_directions_are_found() {
        // Lengths 8, 4, 2, 1, ... along the axes of a rotated frame.
        let dim = 24;
        let rotation = crate::scorer::sw_ranking::store::rotate::Rotation::new(dim, 3);
        let mut random = SplitMix(1);
        let mut vectors = Vec::new();
        for _ in 0..600 {
            let mut x: Vec<f32> = (0..dim).map(|i| random.bell() * 8.0 / (1 << i.min(12)) as f32).collect();
            rotation.apply(&mut x);
            vectors.extend(x);
        }
        let basis = directions(&vectors, dim, 3, &mut SplitMix(5), 1);
        assert_eq!(basis, directions(&vectors, dim, 3, &mut SplitMix(5), 2));
        for (i, b) in basis.chunks_exact(dim).enumerate() {
            let mut axis = vec![0.0; dim];
            axis[i] = 1.0;
            rotation.apply(&mut axis);
            let cosine: f32 = axis.iter().zip(b).map(|(a, b)| a * b).sum();
            assert!(cosine.abs() > 0.97, "{i}: {cosine}");
        }
    }

    #[test]
    fn vectors_of_fewer_dimensions_leave_zeros() {
        let basis = directions(&[1.0, 0.0, 0.0, 2.0, 0.0, 0.0], 3, 2, &mut SplitMix(1), 1);
        assert!(
            (basis[0].abs() - 1.0).abs() < 1e-6 && basis[3..].iter().all(|x| x.abs() < 1e-6),
            "{basis:?}"
        );
    }
}
