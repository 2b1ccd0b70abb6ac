//! Qualities: what makes a candidate's score the gold score that it is expected to have.

use super::Sources;
use super::labels::Labelled;
use crate::Result;
use crate::preference::{GoldRow, GoldTable};
use crate::quality::{FitInput, QualityFit, expected_win_rate, fit_curve};

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

/// As [`fit_qualities`], for gold rows and logs: `held_out` has, for a prompt by its number, the score of each candidate. Each
/// candidate's curve is of the prompts that say what its answer was worth. `None` where votes came along, which say only how
/// candidates compare, and where a candidate has no such prompt.
///
/// # Errors
/// As [`fit_curve`].
pub(super) fn fit_labelled(
    held_out: &[(usize, Vec<f64>)],
    data: &Labelled<'_>,
    sources: &Sources,
) -> Result<Option<QualityFit>> {
    if sources.vote_table().is_some() {
        return Ok(None);
    }
    let mut curves = Vec::new();
    for candidate in 0..data.models.len() {
        // Weights say how often a prompt should have come, which changes nothing among prompts of one score.
        let (inputs, scores): (Vec<f64>, Vec<f64>) = held_out
            .iter()
            .filter_map(|(prompt, said)| Some((said[candidate], data.label(*prompt, candidate)?.0)))
            .unzip();
        if inputs.is_empty() {
            return Ok(None);
        }
        curves.push(fit_curve(&inputs, &scores)?);
    }
    Ok(Some(QualityFit::new(FitInput::Score, held_out.len(), curves)))
}

/// Whether gold rows tell of every one of these models.
pub(super) fn covers(gold: &GoldTable, names: &[String]) -> bool {
    names.iter().all(|name| gold.models.number(name).is_ok())
}

/// As [`fit_qualities`], for scorers that only compare candidates: `held_out` has gold rows that the training had not seen, with
/// the rate of any two candidates on each. `None` without such a row, and where some candidate of `names` stands in no gold row:
/// then win rates are all that is known of it.
///
/// # Errors
/// As [`fit_curve`].
pub(super) fn fit_compared<R: Fn(usize, usize) -> Option<f64>>(
    held_out: &[(&GoldRow, R)],
    gold: &GoldTable,
    names: &[String],
) -> Result<Option<QualityFit>> {
    if held_out.is_empty() || !covers(gold, names) {
        return Ok(None);
    }
    let mut curves = Vec::with_capacity(names.len());
    for (candidate, name) in names.iter().enumerate() {
        let place = gold.models.number(name)?;
        let said = held_out
            .iter()
            .map(|(row, rate)| (expected_win_rate(candidate, names.len(), rate), row.scores[place]));
        // A candidate that can be compared with no other one has no win rate.
        let (inputs, scores): (Vec<f64>, Vec<f64>) = said.filter(|(input, _)| input.is_finite()).unzip();
        if inputs.is_empty() {
            return Ok(None);
        }
        curves.push(fit_curve(&inputs, &scores)?);
    }
    Ok(Some(QualityFit::new(FitInput::WinRate, held_out.len(), curves)))
}
