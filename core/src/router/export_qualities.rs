//! Qualities of an exported model's candidates, from gold rows that its training had not seen.

use super::Router;
use crate::control::Watch;
use crate::options::CallOptions;
use crate::preference::GoldTable;
use crate::quality::{Curve, FitInput, QualityFit, expected_win_rate, fit_curve};
use crate::scorer::Pair;
use crate::{Error, Result};

/// Prompts between two reports of progress.
const REPORT: usize = 16;

/// The curves of the candidates. How its head was trained, an export does not say: where each logit is of its own, the logit
/// tells a candidate's quality, and where they only compare, its win rate does. What is nearer to the gold scores is taken.
///
/// # Errors
/// `InvalidArgument` for gold rows that lack a candidate, or a model that scores its pair only; what scoring reports.
pub(super) fn qualities(router: &Router, gold: &GoldTable, watch: &mut Watch<'_>) -> Result<QualityFit> {
    let pipeline = router.pipeline();
    if pipeline.score_columns(router.models().count()).is_none() {
        return Err(Error::invalid_argument(
            "gold has no effect: this model scores its pair only, and has no score for each candidate",
        ));
    }
    if gold.rows.is_empty() {
        return Err(Error::invalid_argument("gold has no rows"));
    }
    let places = router.models().map(|name| gold.number(name)).collect::<Result<Vec<_>>>()?;
    let mut options = CallOptions::new();
    options.set_cancel(watch.stop().cloned());
    let (mut scores, total) = (Vec::with_capacity(gold.rows.len()), gold.rows.len());
    for (i, row) in gold.rows.iter().enumerate() {
        scores.push(
            router
                .candidate_scores(&row.prompt, &options)
                .map_err(|error| error.context(format!("the prompt of gold row {:?}", row.id)))?,
        );
        if (i + 1).is_multiple_of(REPORT) || i + 1 == total {
            watch.report("qualities", i + 1, total, None)?;
        }
    }
    let rates = |row: &Vec<f64>, candidate: usize| {
        expected_win_rate(candidate, places.len(), |strong, weak| {
            Some(pipeline.rate_of_scores(row, Pair { strong, weak }))
        })
    };
    let by = |of: FitInput| -> Result<(f64, QualityFit)> {
        let (mut curves, mut error): (Vec<Curve>, f64) = (Vec::new(), 0.0);
        for (candidate, place) in places.iter().enumerate() {
            let inputs: Vec<f64> = match of {
                FitInput::Score => scores.iter().map(|row| row[candidate]).collect(),
                FitInput::WinRate => scores.iter().map(|row| rates(row, candidate)).collect(),
            };
            let wanted: Vec<f64> = gold.rows.iter().map(|row| row.scores[*place]).collect();
            let curve = fit_curve(&inputs, &wanted)?;
            let errors =
                inputs.iter().zip(&wanted).map(|(input, wanted)| (curve.quality(*input) - wanted).powi(2));
            error += errors.sum::<f64>();
            curves.push(curve);
        }
        Ok((error, QualityFit::new(of, gold.rows.len(), curves)))
    };
    let (scored, compared) = (by(FitInput::Score)?, by(FitInput::WinRate)?);
    Ok(if scored.0 <= compared.0 { scored.1 } else { compared.1 })
}
