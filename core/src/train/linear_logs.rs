//! The `linear` router from logs, alone or with gold rows: ridge regression of each candidate's quality on the prompts that
//! it answered.

use std::path::Path;

use serde_json::json;

use super::frame::{Made, Rated, Training, members};
use super::hashing;
use super::labels::Labelled;
use super::linear::{LinearOptions, LinearReport, add_featurizer, add_weights, featurizer};
use super::link::fit_link_to;
use super::qualities::fit_labelled;
use super::{Control, DataReport, Ridge, Sources, Ties};
use crate::artifact::Models;
use crate::calibrate::hash_of_prompts;
use crate::control::Watch;
use crate::features::hashed::{Hashed, HashedStatistics};
use crate::features::{Features, FeaturizerSpec, SparseVector};
use crate::files::Json;
use crate::preference::Split;
use crate::scorer::linear::LinearSpec;
use crate::scorer::{Kind, LinearScorer, LinearTarget, Link, Pair};
use crate::{Error, Result};

/// The link where no prompt has answers of both models: at a gap of 0 it has the slope of one half plus half the gap.
const PLAIN_LINK: Link = Link { a: 0.0, b: 2.0 };

/// As [`super::linear::train`], where logs are among the sources.
pub(super) fn train(
    out: &Path,
    sources: &Sources,
    options: &LinearOptions,
    control: Control<'_>,
) -> Result<LinearReport> {
    let common = &options.common;
    check(options)?;
    let ties = common.ties.unwrap_or(Ties::WeakNotWorse);
    let gold = common.renamed(sources.gold_table())?;
    let data = Labelled::new(sources, gold.as_deref(), ties, options.clip)?;
    let pair = data.pair(common)?;
    let mut training = Training::begin(out, sources.origins(), common, control)?;
    let texts: Vec<&str> = data.prompts.iter().map(|prompt| prompt.text).collect();
    let statistics = hashing::statistics(texts.iter().copied(), options, &mut training.watch)?;
    let best = cross_validate(&data, options, &statistics, &mut training.watch)?;
    let link = best.link(&data, pair, ties)?;
    let hashed = featurizer(options, best.lexical_scale, statistics.clone(), None)?;
    let features = features(&hashed, &data);
    let fits: Vec<Ridge> = (0..data.models.len())
        .map(|model| ridge(&data, &features, model, hashed.sparse_dimension(), best.lambda, |_| true))
        .collect::<Result<_>>()?;
    training.watch.report("fit", 1, 1, Some(best.error))?;
    let weights: Vec<f32> = fits.iter().flat_map(|fit| fit.weights.iter().map(|w| *w as f32)).collect();
    let intercepts: Vec<f64> = fits.iter().map(|fit| fit.intercept).collect();
    let scorer = LinearScorer::new(&weights, intercepts.clone(), true, LinearTarget::Candidates, link, pair)?;
    let (name, prompts) = match &common.calibration {
        Some(sample) => (sample.name.as_str(), sample.prompts.iter().map(String::as_str).collect()),
        None => ("the prompts of the training data", texts),
    };
    let rated =
        Rated { name: name.into(), sha256: hash_of_prompts(&prompts), rows: (0..prompts.len()).collect() };
    training.measure(prompts.iter().copied());
    let calibration = training.calibrate(rated, true, |row, candidates| {
        hashed.with_sparse(prompts[row], |sparse, _| {
            let features = Features::Sparse(sparse);
            let scores = if candidates { scorer.candidate_scores(features)? } else { Vec::new() };
            Ok((scorer.win_rate(features)?, scores))
        })
    })?;
    let report = LinearReport {
        lambda: best.lambda,
        lexical_scale: best.lexical_scale,
        error: best.error,
        baseline_error: baseline(&data),
        link,
        out_of_fold: best.predictions.iter().map(|qualities| pair.gap(qualities)).collect(),
        data: DataReport::of_sources(sources, gold.as_deref()),
    };
    add_featurizer(&mut training.writer, &hashed, &statistics)?;
    add_weights(&mut training.writer, &weights, &intercepts)?;
    let names = data.models.names().to_vec();
    let (strong, weak) = (names[pair.strong].clone(), names[pair.weak].clone());
    training.finish(Made {
        kind: Kind::Linear,
        name: "linear",
        facts: members([
            ("trainer", json!("linear: ridge regression of each candidate's quality")),
            ("counts", data.counts()),
            ("pair", json!([strong, weak])),
            ("tie_rule", json!(ties.rule())),
            ("clip", json!(options.clip)),
            ("seed", json!(options.seed)),
            ("folds", json!(options.folds)),
            ("lambda", json!(report.lambda)),
            ("out_of_fold_mse", json!(report.error)),
            ("mean_predictor_mse", json!(report.baseline_error)),
        ]),
        models: Models { names, strong, weak },
        featurizer: FeaturizerSpec::Hashed(hashed.spec().clone()),
        scorer: Json::of(&LinearSpec { target: LinearTarget::Candidates, link })?,
        calibration,
        qualities: fit_labelled(
            &best.predictions.into_iter().enumerate().collect::<Vec<_>>(),
            &data,
            sources,
        )?,
    })?;
    Ok(report)
}

fn check(options: &LinearOptions) -> Result<()> {
    let invalid = |what: String| Err(Error::invalid_argument(what));
    if !options.per_candidate {
        return invalid(
            "logs have no effect on a pair: they hold one answer to each prompt; pass per_candidate".into(),
        );
    }
    if options.projection.is_some() {
        return Err(Error::unsupported("projection: a linear router from logs has weights on words only"));
    }
    if options.folds < 2 {
        return invalid(format!("folds is {}, expected at least 2", options.folds));
    }
    if !(8..=20).contains(&options.bits) {
        return invalid(format!("bits is {}, expected 8 to 20", options.bits));
    }
    match options.lambdas.iter().find(|lambda| !(**lambda > 0.0 && lambda.is_finite())) {
        Some(bad) => invalid(format!("a lambda is {bad}, expected a positive number")),
        None => Ok(()),
    }
}

fn features(hashed: &Hashed, data: &Labelled<'_>) -> Vec<SparseVector> {
    data.prompts.iter().map(|prompt| hashed.with_sparse(prompt.text, |sparse, _| sparse.clone())).collect()
}

/// The quality of a model, from the answers to the prompts that `learns` says.
fn ridge(
    data: &Labelled<'_>,
    features: &[SparseVector],
    model: usize,
    dimension: usize,
    lambda: f64,
    learns: impl Fn(usize) -> bool,
) -> Result<Ridge> {
    let (mut rows, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for prompt in (0..data.prompts.len()).filter(|prompt| learns(*prompt)) {
        if let Some((label, weight)) = data.label(prompt, model) {
            rows.push(&features[prompt]);
            targets.push(label);
            weights.push(weight);
        }
    }
    if rows.is_empty() {
        return Err(Error::invalid_argument(format!(
            "{:?} has too few answers to learn from: fewer folds or more rows are needed",
            data.models.names()[model]
        )));
    }
    // Of mean 1, so that a strength means the same whatever the propensities.
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    for weight in &mut weights {
        *weight /= mean;
    }
    Ok(Ridge::fit_weighted(&rows, dimension, &targets, Some(&weights), lambda))
}

struct Choice {
    lambda: f64,
    lexical_scale: f32,
    error: f64,
    /// For each prompt the qualities by the folds that did not see it.
    predictions: Vec<Vec<f64>>,
}

impl Choice {
    fn link(&self, data: &Labelled<'_>, pair: Pair, ties: Ties) -> Result<Link> {
        let both =
            self.predictions.iter().enumerate().filter_map(|(prompt, qualities)| {
                Some((pair.gap(qualities), data.better(prompt, pair, ties)?))
            });
        let (gaps, better): (Vec<f64>, Vec<f64>) = both.unzip();
        if gaps.is_empty() { Ok(PLAIN_LINK) } else { fit_link_to(&gaps, &better) }
    }
}

/// Fold of each prompt, which a hash of it decides: rows that join later move none.
fn folds(data: &Labelled<'_>, options: &LinearOptions) -> Result<Vec<usize>> {
    let mut folds = vec![options.folds - 1; data.prompts.len()];
    // Fold 0 holds out a share of all, fold 1 of what is left, and so on.
    for fold in (0..options.folds - 1).rev() {
        let split = Split::new(1.0 / (options.folds - fold) as f64, options.seed.wrapping_add(fold as u64))?;
        for (of, prompt) in folds.iter_mut().zip(&data.prompts) {
            if split.holds_out(prompt.text) {
                *of = fold;
            }
        }
    }
    Ok(folds)
}

fn cross_validate(
    data: &Labelled<'_>,
    options: &LinearOptions,
    statistics: &HashedStatistics,
    watch: &mut Watch<'_>,
) -> Result<Choice> {
    let folds = folds(data, options)?;
    let models = data.models.len();
    let total = options.lexical_scales.len() * options.lambdas.len();
    let mut best: Option<Choice> = None;
    let mut done = 0;
    for &lexical_scale in &options.lexical_scales {
        let hashed = featurizer(options, lexical_scale, statistics.clone(), None)?;
        let features = features(&hashed, data);
        for &lambda in &options.lambdas {
            let mut predictions = vec![vec![0.0; models]; data.prompts.len()];
            for fold in 0..options.folds {
                if !folds.contains(&fold) {
                    continue;
                }
                watch.check()?;
                #[allow(clippy::needless_range_loop, reason = "a column of predictions")]
                for model in 0..models {
                    let dimension = hashed.sparse_dimension();
                    let fit =
                        ridge(data, &features, model, dimension, lambda, |prompt| folds[prompt] != fold)?;
                    for prompt in (0..folds.len()).filter(|prompt| folds[*prompt] == fold) {
                        predictions[prompt][model] = fit.predict(&features[prompt]);
                    }
                }
            }
            let error = weighted_error(data, |prompt, model| predictions[prompt][model]);
            done += 1;
            watch.report("cross-validation", done, total, Some(error))?;
            if best.as_ref().is_none_or(|best| error < best.error) {
                best = Some(Choice { lambda, lexical_scale, error, predictions });
            }
        }
    }
    best.ok_or_else(|| Error::invalid_argument("lambdas and lexical_scales must not be empty"))
}

/// Mean squared error of qualities over all answers, by their weights.
fn weighted_error(data: &Labelled<'_>, predict: impl Fn(usize, usize) -> f64) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for prompt in 0..data.prompts.len() {
        for model in 0..data.models.len() {
            if let Some((label, weight)) = data.label(prompt, model) {
                let error = predict(prompt, model) - label;
                sum += weight * error * error;
                total += weight;
            }
        }
    }
    sum / total
}

fn baseline(data: &Labelled<'_>) -> f64 {
    let means = data.means();
    weighted_error(data, |_, model| means[model].0)
}
