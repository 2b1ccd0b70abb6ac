//! A dense view of hashed features: a fixed matrix of eight-bit numbers.

use super::super::SparseVector;
use crate::{Error, Result};

/// Rows of `i8`, one for each sparse dimension, with one scale for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    columns: usize,
    /// Row-major, `rows * columns`.
    weights: Vec<i8>,
    scales: Vec<f32>,
}

impl Projection {
    /// A projection of `weights.len() / scales.len()` sparse dimensions to `scales.len()` dense ones.
    ///
    /// # Errors
    /// `InvalidModel` if the weights are not whole rows or a scale is not finite.
    pub fn new(weights: Vec<i8>, scales: Vec<f32>) -> Result<Self> {
        let columns = scales.len();
        if columns == 0 || !weights.len().is_multiple_of(columns) {
            return Err(Error::invalid_model(format!(
                "projection: {} weights are no whole rows of {columns}",
                weights.len()
            )));
        }
        if !scales.iter().all(|scale| scale.is_finite()) {
            return Err(Error::invalid_model("projection: a scale is not finite"));
        }
        Ok(Self { columns, weights, scales })
    }

    /// Rounds a row-major matrix of `columns` columns to eight bits, with the largest magnitude of each
    /// column as its scale.
    ///
    /// # Errors
    /// `InvalidModel` if the matrix is not whole rows.
    pub fn quantize(matrix: &[f64], columns: usize) -> Result<Self> {
        let mut scales = vec![0.0_f64; columns];
        for row in matrix.chunks(columns.max(1)) {
            for (scale, value) in scales.iter_mut().zip(row) {
                *scale = scale.max(value.abs() / 127.0);
            }
        }
        let weights = matrix
            .iter()
            .enumerate()
            .map(|(i, value)| {
                let scale = scales[i % columns];
                if scale > 0.0 { (value / scale).round() as i8 } else { 0 }
            })
            .collect();
        Self::new(weights, scales.into_iter().map(|scale| scale as f32).collect())
    }

    /// Number of sparse dimensions.
    pub fn rows(&self) -> usize {
        self.weights.len() / self.columns
    }

    /// Number of dense dimensions.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The eight-bit weights, row-major.
    pub fn weights(&self) -> &[i8] {
        &self.weights
    }

    /// The scale of each column.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The dense vector of `sparse`, into `out`. Rows are added in the order of the sparse entries.
    pub fn apply(&self, sparse: &SparseVector, out: &mut Vec<f32>) {
        out.clear();
        out.resize(self.columns, 0.0);
        for (index, value) in sparse.iter() {
            let row = &self.weights[index as usize * self.columns..][..self.columns];
            for (sum, weight) in out.iter_mut().zip(row) {
                *sum += value * f32::from(*weight);
            }
        }
        for (sum, scale) in out.iter_mut().zip(&self.scales) {
            *sum *= scale;
        }
    }
}
