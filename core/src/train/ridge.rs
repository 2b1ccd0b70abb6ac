//! Ridge regression on sparse rows with an unpenalised intercept.

use crate::features::SparseVector;

/// A fitted ridge regression: `prediction = intercept + weights . x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// One weight for each dimension.
    pub weights: Vec<f64>,
    /// Constant term.
    pub intercept: f64,
}

/// Relative residual at which the solver stops.
const TOLERANCE: f64 = 1e-10;
const MAX_ITERATIONS: usize = 2000;

impl Ridge {
    /// Minimises `|y - intercept - X w|^2 + lambda |w|^2`.
    ///
    /// Solved in the dual by conjugate gradients, `(C X X' C + lambda) alpha = C y` with `C` the centring
    /// matrix: the matrix is never formed, a step costs two passes over the non-zero entries, and the strong
    /// penalties that work here converge in a few dozen steps.
    ///
    /// # Panics
    /// If `rows` is empty, its length is not that of `targets`, or `lambda` is not positive.
    pub fn fit(rows: &[&SparseVector], dimension: usize, targets: &[f64], lambda: f64) -> Self {
        Self::fit_weighted(rows, dimension, targets, None, lambda)
    }

    /// Minimises `sum of weight * (y - intercept - x . w)^2 + lambda |w|^2`; without weights all are 1.
    ///
    /// Rows and targets are multiplied by the root of their weights, and so is the column of ones that the centring takes
    /// out.
    ///
    /// # Panics
    /// As [`fit`](Self::fit), or if there is another number of weights, or their sum is not positive.
    pub(super) fn fit_weighted(
        rows: &[&SparseVector],
        dimension: usize,
        targets: &[f64],
        weights: Option<&[f64]>,
        lambda: f64,
    ) -> Self {
        assert!(!rows.is_empty() && rows.len() == targets.len() && lambda > 0.0, "ridge: bad problem");
        let roots: Option<Vec<f64>> = weights.map(|weights| weights.iter().map(|w| w.sqrt()).collect());
        let roots = roots.as_deref();
        let mut primal = vec![0.0; dimension];
        let mut scaled = vec![0.0; rows.len()];
        let mut multiply = |input: &[f64], output: &mut [f64]| {
            transposed(rows, by(roots, input, &mut scaled), &mut primal);
            for (i, (out, row)) in output.iter_mut().zip(rows).enumerate() {
                *out = roots.map_or(1.0, |roots| roots[i]) * dot(row, &primal);
            }
            center(output, roots);
            for (out, x) in output.iter_mut().zip(input) {
                *out += lambda * x;
            }
        };
        let mut residual = vec![0.0; rows.len()];
        residual.copy_from_slice(by(roots, targets, &mut vec![0.0; rows.len()]));
        center(&mut residual, roots);
        let mut alpha = vec![0.0; rows.len()];
        let mut direction = residual.clone();
        let mut product = vec![0.0; rows.len()];
        let mut squared: f64 = norm2(&residual);
        let goal = squared * TOLERANCE * TOLERANCE;
        for _ in 0..MAX_ITERATIONS {
            if squared <= goal || squared == 0.0 {
                break;
            }
            multiply(&direction, &mut product);
            let step = squared / direction.iter().zip(&product).map(|(d, p)| d * p).sum::<f64>();
            for i in 0..alpha.len() {
                alpha[i] += step * direction[i];
                residual[i] -= step * product[i];
            }
            let next = norm2(&residual);
            let ratio = next / squared;
            squared = next;
            for (d, r) in direction.iter_mut().zip(&residual) {
                *d = r + ratio * *d;
            }
        }
        let mut found = vec![0.0; dimension];
        let mut scaled = vec![0.0; rows.len()];
        transposed(rows, by(roots, &alpha, &mut scaled), &mut found);
        let mean = |of: &dyn Fn(usize) -> f64| match weights {
            None => (0..rows.len()).map(of).sum::<f64>() / rows.len() as f64,
            Some(weights) => {
                (0..rows.len()).map(|i| weights[i] * of(i)).sum::<f64>() / weights.iter().sum::<f64>()
            }
        };
        let intercept = mean(&|i| targets[i]) - mean(&|i| dot(rows[i], &found));
        Self { weights: found, intercept }
    }

    /// The prediction for one row.
    pub fn predict(&self, row: &SparseVector) -> f64 {
        self.intercept + dot(row, &self.weights)
    }
}

fn dot(row: &SparseVector, weights: &[f64]) -> f64 {
    row.iter().map(|(index, value)| f64::from(value) * weights[index as usize]).sum()
}

/// `X' x`; `x` has mean zero in every use, so that centring `X` changes nothing.
fn transposed(rows: &[&SparseVector], x: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (row, factor) in rows.iter().zip(x) {
        for (index, value) in row.iter() {
            out[index as usize] += f64::from(value) * factor;
        }
    }
}

/// Takes out the part of `x` along the column of ones, which weights make one of their roots.
fn center(x: &mut [f64], roots: Option<&[f64]>) {
    let Some(roots) = roots else {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        for value in x {
            *value -= mean;
        }
        return;
    };
    let along = x.iter().zip(roots).map(|(x, root)| x * root).sum::<f64>() / norm2(roots);
    x.iter_mut().zip(roots).for_each(|(value, root)| *value -= along * root);
}

/// `x` times the roots of the weights, in `out`; `x` itself without them.
fn by<'a>(roots: Option<&[f64]>, x: &'a [f64], out: &'a mut [f64]) -> &'a [f64] {
    let Some(roots) = roots else { return x };
    out.iter_mut().zip(x).zip(roots).for_each(|((out, x), root)| *out = x * root);
    out
}

fn norm2(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Rng;

    /// Gradient of the penalised problem at the solution, computed the plain way.
    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        let mut rng = Rng::new(1);
        let (n, d, lambda) = (40, 12, 0.7);
        let rows: Vec<SparseVector> = (0..n)
            .map(|_| {
                let mut row = SparseVector::new();
                for j in 0..d {
                    if rng.uniform() < 0.5 {
                        row.push(j, rng.normal() as f32 + 1.0);
                    }
                }
                row
            })
            .collect();
        let targets: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let rows: Vec<&SparseVector> = rows.iter().collect();
        let fit = Ridge::fit(&rows, d as usize, &targets, lambda);
        let residuals: Vec<f64> = rows.iter().zip(&targets).map(|(row, y)| y - fit.predict(row)).collect();
        assert!(residuals.iter().sum::<f64>().abs() < 1e-8);
        let mut gradient: Vec<f64> = fit.weights.iter().map(|w| -lambda * w).collect();
        for (row, r) in rows.iter().zip(&residuals) {
            for (index, value) in row.iter() {
                gradient[index as usize] += f64::from(value) * r;
            }
        }
        assert!(gradient.iter().all(|g| g.abs() < 1e-7), "{gradient:?}");
    }

    /// A row that weighs three is three rows.
    #[test]
    fn weights_are_repeated_rows() {
        let mut rng = Rng::new(4);
        let rows: Vec<SparseVector> = (0..12)
            .map(|_| {
                let mut row = SparseVector::new();
                (0..5).for_each(|j| row.push(j, rng.normal() as f32));
                row
            })
            .collect();
        let targets: Vec<f64> = (0..12).map(|_| rng.normal()).collect();
        let weights: Vec<f64> = (0..12).map(|i| f64::from(i % 3 + 1)).collect();
        let once: Vec<&SparseVector> = rows.iter().collect();
        let weighted = Ridge::fit_weighted(&once, 5, &targets, Some(&weights), 0.5);
        let often = |i: usize| i % 3 + 1;
        let rows: Vec<&SparseVector> = (0..12).flat_map(|i| vec![&rows[i]; often(i)]).collect();
        let targets: Vec<f64> = (0..12).flat_map(|i| vec![targets[i]; often(i)]).collect();
        let plain = Ridge::fit(&rows, 5, &targets, 0.5);
        assert!((weighted.intercept - plain.intercept).abs() < 1e-8, "{weighted:?} {plain:?}");
        assert!(weighted.weights.iter().zip(&plain.weights).all(|(a, b)| (a - b).abs() < 1e-8));
    }

    #[test]
    fn constant_targets_need_no_weights() {
        let row = SparseVector::new();
        let fit = Ridge::fit(&[&row, &row], 3, &[2.0, 2.0], 1.0);
        assert_eq!(fit, Ridge { weights: vec![0.0; 3], intercept: 2.0 });
    }
}
