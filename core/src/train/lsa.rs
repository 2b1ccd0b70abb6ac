//! Latent semantic analysis: the dense projection of hashed features.

use crate::Result;
use crate::features::SparseVector;
use crate::features::hashed::Projection;
use crate::numeric::Rng;

/// Extra random directions of the range finder, and its power iterations: enough for eight-bit accuracy.
const OVERSAMPLING: usize = 8;
const POWER_ITERATIONS: usize = 4;

/// The `columns` leading right singular vectors of the rows, rounded to eight bits.
///
/// Found by randomised subspace iteration (Halko, Martinsson and Tropp 2011) with a seeded start.
///
/// # Errors
/// `InvalidModel` for zero columns.
pub(super) fn projection(
    rows: &[SparseVector],
    dimension: usize,
    columns: usize,
    seed: u64,
) -> Result<Projection> {
    let width = columns + OVERSAMPLING;
    let mut rng = Rng::new(seed);
    // `basis` is dimension x width, row-major.
    let mut basis: Vec<f64> = (0..dimension * width).map(|_| rng.normal()).collect();
    let mut images = vec![0.0; rows.len() * width];
    for _ in 0..POWER_ITERATIONS {
        multiply(rows, &basis, width, &mut images);
        orthonormalize(&mut images, width);
        basis.fill(0.0);
        for (row, image) in rows.iter().zip(images.chunks(width)) {
            for (index, value) in row.iter() {
                let target = &mut basis[index as usize * width..][..width];
                for (t, i) in target.iter_mut().zip(image) {
                    *t += f64::from(value) * i;
                }
            }
        }
        orthonormalize(&mut basis, width);
    }
    let kept: Vec<f64> = basis.chunks(width).flat_map(|row| row[..columns].to_vec()).collect();
    Projection::quantize(&kept, columns)
}

fn multiply(rows: &[SparseVector], basis: &[f64], width: usize, images: &mut [f64]) {
    images.fill(0.0);
    for (row, image) in rows.iter().zip(images.chunks_mut(width)) {
        for (index, value) in row.iter() {
            for (i, b) in image.iter_mut().zip(&basis[index as usize * width..][..width]) {
                *i += f64::from(value) * b;
            }
        }
    }
}

/// Modified Gram-Schmidt over the columns, twice for accuracy; a column that vanishes becomes zero.
fn orthonormalize(matrix: &mut [f64], width: usize) {
    for _ in 0..2 {
        for j in 0..width {
            for k in 0..j {
                let dot: f64 = matrix.chunks(width).map(|row| row[j] * row[k]).sum();
                for row in matrix.chunks_mut(width) {
                    row[j] -= dot * row[k];
                }
            }
            let norm = matrix.chunks(width).map(|row| row[j] * row[j]).sum::<f64>().sqrt();
            let scale = if norm > 1e-12 { 1.0 / norm } else { 0.0 };
            for row in matrix.chunks_mut(width) {
                row[j] *= scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_leading_directions() {
        // Rows lie in the plane of two known orthogonal directions, with a little noise elsewhere.
        let mut rng = Rng::new(5);
        let rows: Vec<SparseVector> = (0..200)
            .map(|_| {
                let (u, v) = (rng.normal() * 5.0, rng.normal() * 3.0);
                let mut row = SparseVector::new();
                for (j, value) in
                    [u, u, v, -v, 0.01 * rng.normal(), 0.01 * rng.normal()].into_iter().enumerate()
                {
                    row.push(j as u32, value as f32);
                }
                row
            })
            .collect();
        let projection = projection(&rows, 6, 2, 1).unwrap();
        assert_eq!((projection.rows(), projection.columns()), (6, 2));
        // The projection keeps the length of what lies in the plane.
        for row in &rows {
            let mut dense = Vec::new();
            projection.apply(row, &mut dense);
            let kept: f32 = dense.iter().map(|x| x * x).sum();
            let whole: f32 = row.iter().map(|(_, x)| x * x).sum();
            assert!((kept / whole - 1.0).abs() < 0.03, "{kept} {whole}");
        }
    }
}
