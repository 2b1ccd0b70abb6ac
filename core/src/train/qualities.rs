//! Qualities: what makes a candidate's score the gold score that it is expected to have.

use crate::Result;
use crate::preference::GoldTable;
use crate::quality::{FitInput, QualityFit, fit_curve};

/// The curves of the candidates of gold rows, from what was said of each candidate on each row by a model that had not seen the
/// row: a list for each candidate, in the order of the table.
///
/// # Errors
/// As [`fit_curve`].
pub(super) fn fit_qualities(of: FitInput, held_out: &[Vec<f64>], gold: &GoldTable) -> Result<QualityFit> {
    let curve = |(candidate, inputs): (usize, &Vec<f64>)| {
        let scores: Vec<f64> = gold.rows.iter().map(|row| row.scores[candidate]).collect();
        fit_curve(inputs, &scores)
    };
    let curves = held_out.iter().enumerate().map(curve).collect::<Result<Vec<_>>>()?;
    Ok(QualityFit::new(of, gold.rows.len(), curves))
}
