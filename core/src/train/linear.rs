//! Training of the `linear` router: ridge regression of the quality gap from gold rows, on hashed features.

use std::collections::HashMap;
use std::path::Path;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::frame::{Made, Rated, Training, members};
use super::qualities::fit_qualities;
use super::{Control, DataReport, Ridge, Sources, Ties, TrainOptions, fit_link};
use crate::artifact::{ArtifactWriter, Models, tensor_f32, tensor_f64, tensor_i8};
use crate::calibrate::{Calibration, hash_of_prompts};
use crate::control::Watch;
use crate::features::hashed::{
    CanonicalRules, HASH_NAME, Hashed, HashedSpec, HashedStatistics, LEXICAL_DIMENSION, Projection,
};
use crate::features::{CapSide, Features, FeaturizerSpec, SparseVector, TextCap};
use crate::files::Json;
use crate::numeric::Rng;
use crate::pipeline::FEATURIZER_FILE;
use crate::preference::GoldTable;
use crate::quality::{FitInput, QualityFit};
use crate::scorer::linear::{LinearScorer, LinearSpec, LinearTarget, Link, WEIGHTS_FILE};
use crate::scorer::{Kind, Pair};
use crate::setters::options_struct;
use crate::{Error, Result};

options_struct! {
    /// Options of [`train`].
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct LinearOptions {
        /// What all trainers take.
        @[serde(skip)]
        common: TrainOptions = TrainOptions::new(),
        /// Binary logarithm of the number of hash buckets.
        bits: u32 = 16,
        /// Strengths of the ridge to choose from, by cross-validation on prompts.
        lambdas: Vec<f64> = vec![0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        /// Scales of the lexical features to choose from, likewise.
        lexical_scales: Vec<f32> = vec![0.05, 0.1, 0.2],
        /// Number of folds.
        folds: usize = 10,
        /// Seed of the folds.
        @[serde(skip)]
        seed: u64 = 42,
        /// Cap on the bytes of a prompt.
        cap: TextCap = TextCap { max_bytes: 16_384, side: CapSide::Head },
        /// Rules of the canonical text.
        canonical: CanonicalRules = CanonicalRules::default(),
        /// Dimensions of a dense projection of the features, on which the weights then work; `None`: sparse.
        projection: Option<usize> = None => usize,
        /// Whether each candidate gets a row of weights of its own, so that any pair can be scored, instead of
        /// one row for the gap of the pair. Of more than two candidates, any pair is then calibrated too.
        per_candidate: bool = false,
        /// Most inverse propensity of a log.
        clip: f64 = 20.0,
    }
}

/// What the training chose and found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LinearReport {
    /// Chosen strength of the ridge; `strength` where a report is written as JSON.
    pub lambda: f64,
    /// Chosen scale of the lexical features.
    pub lexical_scale: f32,
    /// Mean squared error of the gap out of fold, at the choice; predicting the mean gives `baseline_error`.
    pub error: f64,
    /// Mean squared error of always predicting the mean.
    pub baseline_error: f64,
    /// The link from gaps to win rates; `link_a` and `link_b` where a report is written as JSON.
    pub link: Link,
    /// Predicted gap of each gold row, by the folds that did not see its prompt; with logs, of each prompt.
    pub out_of_fold: Vec<f64>,
    /// What the gold rows were read as; its members where a report is written as JSON.
    pub data: DataReport,
}

impl Serialize for LinearReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("LinearReport", 10)?;
        report.serialize_field("strength", &self.lambda)?;
        report.serialize_field("lexical_scale", &f64::from(self.lexical_scale))?;
        report.serialize_field("error", &self.error)?;
        report.serialize_field("baseline_error", &self.baseline_error)?;
        report.serialize_field("link_a", &self.link.a)?;
        report.serialize_field("link_b", &self.link.b)?;
        report.serialize_field("out_of_fold", &self.out_of_fold)?;
        report.serialize_field("models", &self.data.models)?;
        report.serialize_field("left_out_columns", &self.data.left_out_columns)?;
        report.serialize_field("alike", &self.data.alike)?;
        report.end()
    }
}

/// Trains on gold rows, logs or both and writes the artifact `out`, calibrated on the prompts of the options, or on the gold prompts.
/// Where the rows know just two models, the better one is the strong model of a pair that is not named.
///
/// Logs, which have the answer of one model to each prompt, train per candidate. Each answer weighs `min(1 / p, clip)`
/// where its log says the propensity `p`, normalised by the sum of these weights; a gold row weighs 1. Where no prompt has
/// answers of both models of the pair, the link is `sigmoid(2 gap)`.
///
/// # Errors
/// `InvalidArgument` for unknown models, too few rows or data that teach nothing, and for votes, which this trainer does
/// not read; `Cancelled`; `ResourceExhausted` if its time is over; `Io`.
pub fn train(
    out: impl AsRef<Path>,
    sources: &Sources,
    options: &LinearOptions,
    control: Control<'_>,
) -> Result<LinearReport> {
    let common = &options.common;
    common.refuse(&["cache", "on_error"], "a linear router reads hashed features, and no encoder runs")?;
    if sources.vote_table().is_some() {
        return Err(Error::invalid_argument(
            "votes have no effect: a linear router learns from gold rows and logs",
        ));
    }
    if sources.log_table().is_some() {
        return super::linear_logs::train(out.as_ref(), sources, options, control);
    }
    if common.ties.is_some_and(|ties| ties != Ties::WeakNotWorse) {
        return Err(Error::invalid_argument(
            "ties has no effect: of gold rows a linear router learns the gap, and a gap of 0 is no win of strong",
        ));
    }
    if sources.gold_table().is_some_and(|gold| gold.rows.iter().any(|row| row.weight != gold.rows[0].weight))
    {
        return Err(Error::invalid_argument(
            "weight has no effect: of gold rows alone a linear router counts each once; pass them with logs, or train \
             logistic or knn",
        ));
    }
    let gold = common.renamed(sources.gold_table())?;
    let gold =
        gold.as_deref().ok_or_else(|| Error::invalid_argument("there are no gold rows to learn from"))?;
    let (strong, weak) = common.pair_of(Some(gold))?;
    let pair = Pair { strong: gold.number(&strong)?, weak: gold.number(&weak)? };
    if options.clip != LinearOptions::new().clip {
        return Err(Error::invalid_argument("clip has no effect without logs"));
    }
    check(options, gold, pair)?;
    let mut training = Training::begin(out.as_ref(), sources.origins(), common, control)?;
    let gaps: Vec<f64> = gold.rows.iter().map(|row| pair.gap(&row.scores)).collect();
    let prompts = gold.rows.iter().map(|row| row.prompt.as_str());
    let statistics = super::hashing::statistics(prompts, options, &mut training.watch)?;
    let best = cross_validate(gold, &gaps, options, &statistics, &mut training.watch)?;
    let better: Vec<bool> = gaps.iter().map(|gap| *gap > 0.0).collect();
    let link = fit_link(&best.predictions, &better)?;
    let fitted = fit(gold, gaps.clone(), options, &statistics, &best)?;
    training.watch.report("fit", 1, 1, Some(best.error))?;

    let Fitted { hashed, weights, intercepts } = fitted;
    let (target, bound, names) = if options.per_candidate {
        (LinearTarget::Candidates, pair, gold.models.names().to_vec())
    } else {
        (LinearTarget::Gap, Pair { strong: 0, weak: 1 }, vec![strong.clone(), weak.clone()])
    };
    let sparse = hashed.projection().is_none();
    let scorer = LinearScorer::new(&weights, intercepts.clone(), sparse, target, link, bound)?;
    let qualities = if options.per_candidate {
        Some(qualities(gold, options, &statistics, &best, &mut training.watch)?)
    } else {
        None
    };
    let calibration = calibrate(&mut training, &hashed, &scorer, gold, common)?;
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let report = LinearReport {
        lambda: best.lambda,
        lexical_scale: best.lexical_scale,
        error: best.error,
        baseline_error: mean_squared_error(&vec![mean; gaps.len()], &gaps),
        link,
        out_of_fold: best.predictions,
        data: DataReport::new(None, Some(gold)),
    };
    add_files(&mut training.writer, &hashed, &statistics, &weights, &intercepts)?;
    training.finish(Made {
        kind: Kind::Linear,
        name: "linear",
        facts: facts(gold, (&strong, &weak), &report, options),
        models: Models { names, strong, weak },
        featurizer: FeaturizerSpec::Hashed(hashed.spec().clone()),
        scorer: Json::of(&LinearSpec { target, link })?,
        calibration,
        qualities,
    })?;
    Ok(report)
}

struct Choice {
    lambda: f64,
    lexical_scale: f32,
    error: f64,
    predictions: Vec<f64>,
}

/// The best strength and scale, by predictions of folds that did not see the prompt.
fn cross_validate(
    gold: &GoldTable,
    gaps: &[f64],
    options: &LinearOptions,
    statistics: &HashedStatistics,
    watch: &mut Watch<'_>,
) -> Result<Choice> {
    let folds = folds(gold, options);
    if folds.iter().all(|fold| *fold == folds[0]) {
        return Err(Error::invalid_argument(
            "all gold rows have one prompt: nothing can be learned from one",
        ));
    }
    let mut best: Option<Choice> = None;
    let total = options.lexical_scales.len() * options.lambdas.len();
    let mut done = 0;
    for &lexical_scale in &options.lexical_scales {
        // The scale only multiplies the lexical block, so features are computed once for each.
        let hashed = featurizer(options, lexical_scale, statistics.clone(), None)?;
        let features = features(&hashed, gold);
        for &lambda in &options.lambdas {
            let dimension = hashed.sparse_dimension();
            let predictions =
                out_of_fold(&features, dimension, gaps, (&folds, options.folds), lambda, watch)?;
            let error = mean_squared_error(&predictions, gaps);
            done += 1;
            watch.report("cross-validation", done, total, Some(error))?;
            if best.as_ref().is_none_or(|best| error < best.error) {
                best = Some(Choice { lambda, lexical_scale, error, predictions });
            }
        }
    }
    best.ok_or_else(|| Error::invalid_argument("lambdas and lexical_scales must not be empty"))
}

fn features(hashed: &Hashed, gold: &GoldTable) -> Vec<SparseVector> {
    gold.rows.iter().map(|row| hashed.with_sparse(&row.prompt, |sparse, _| sparse.clone())).collect()
}

/// A featurizer, and the weights on what it gives, one row for each target.
struct Fitted {
    hashed: Hashed,
    weights: Vec<f32>,
    intercepts: Vec<f64>,
}

/// Fits all rows with the strength and the scale that were chosen.
fn fit(
    gold: &GoldTable,
    gaps: Vec<f64>,
    options: &LinearOptions,
    statistics: &HashedStatistics,
    best: &Choice,
) -> Result<Fitted> {
    let sparse = featurizer(options, best.lexical_scale, statistics.clone(), None)?;
    let features = features(&sparse, gold);
    let projection = options
        .projection
        .map(|columns| super::lsa::projection(&features, sparse.sparse_dimension(), columns, options.seed))
        .transpose()?;
    let hashed = featurizer(options, best.lexical_scale, statistics.clone(), projection)?;
    let targets: Vec<Vec<f64>> = if options.per_candidate {
        (0..gold.models.len()).map(|model| gold.rows.iter().map(|row| row.scores[model]).collect()).collect()
    } else {
        vec![gaps]
    };
    let (weights, intercepts) = fit_rows(&hashed, &features, &targets, best.lambda);
    Ok(Fitted { hashed, weights, intercepts })
}

fn check(options: &LinearOptions, gold: &GoldTable, pair: Pair) -> Result<()> {
    if pair.strong == pair.weak {
        return Err(Error::invalid_argument("strong and weak are the same model"));
    }
    if options.folds < 2 || gold.rows.len() < 2 * options.folds {
        return Err(Error::invalid_argument(format!(
            "{} gold rows and {} folds: at least 2 folds of 2 rows each are needed",
            gold.rows.len(),
            options.folds
        )));
    }
    if !(8..=20).contains(&options.bits) {
        return Err(Error::invalid_argument(format!("bits is {}, expected 8 to 20", options.bits)));
    }
    if let Some(bad) = options.lambdas.iter().find(|lambda| !(**lambda > 0.0 && lambda.is_finite())) {
        return Err(Error::invalid_argument(format!("a lambda is {bad}, expected a positive number")));
    }
    Ok(())
}

/// A featurizer of these parameters.
pub(super) fn featurizer(
    options: &LinearOptions,
    lexical_scale: f32,
    statistics: HashedStatistics,
    projection: Option<Projection>,
) -> Result<Hashed> {
    let sparse = (1 << options.bits) + LEXICAL_DIMENSION;
    let columns = projection.as_ref().map(Projection::columns);
    let spec = HashedSpec {
        id: "hashed-v1".to_owned(),
        dimension: columns.unwrap_or(sparse),
        bits: options.bits,
        hash: HASH_NAME.to_owned(),
        lexical_scale,
        cap: options.cap,
        canonical: options.canonical.clone(),
        projection: columns,
    };
    Hashed::new(spec, statistics, projection)
}

/// Fold of each row. Rows of one prompt share their fold.
fn folds(gold: &GoldTable, options: &LinearOptions) -> Vec<usize> {
    let mut prompts: HashMap<&str, usize> = HashMap::new();
    let ids: Vec<usize> = gold
        .rows
        .iter()
        .map(|row| {
            let next = prompts.len();
            *prompts.entry(row.prompt.as_str()).or_insert(next)
        })
        .collect();
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    Rng::new(options.seed).shuffle(&mut order);
    ids.into_iter().map(|id| order[id] % options.folds).collect()
}

fn out_of_fold(
    features: &[SparseVector],
    dimension: usize,
    targets: &[f64],
    (fold_of, folds): (&[usize], usize),
    lambda: f64,
    watch: &Watch<'_>,
) -> Result<Vec<f64>> {
    let mut predictions = vec![0.0; features.len()];
    for fold in 0..folds {
        watch.check()?;
        let inside = |i: &usize| fold_of[*i] != fold;
        let rows: Vec<&SparseVector> = (0..features.len()).filter(inside).map(|i| &features[i]).collect();
        let values: Vec<f64> = (0..features.len()).filter(inside).map(|i| targets[i]).collect();
        let fit = Ridge::fit(&rows, dimension, &values, lambda);
        for i in (0..features.len()).filter(|i| fold_of[*i] == fold) {
            predictions[i] = fit.predict(&features[i]);
        }
    }
    Ok(predictions)
}

/// The curves of the candidates, from predictions of folds that did not see the prompt.
fn qualities(
    gold: &GoldTable,
    options: &LinearOptions,
    statistics: &HashedStatistics,
    best: &Choice,
    watch: &mut Watch<'_>,
) -> Result<QualityFit> {
    let hashed = featurizer(options, best.lexical_scale, statistics.clone(), None)?;
    let (features, folds) = (features(&hashed, gold), folds(gold, options));
    let mut held_out = Vec::with_capacity(gold.models.len());
    for model in 0..gold.models.len() {
        let targets: Vec<f64> = gold.rows.iter().map(|row| row.scores[model]).collect();
        let dimension = hashed.sparse_dimension();
        let folds = (&folds[..], options.folds);
        held_out.push(out_of_fold(&features, dimension, &targets, folds, best.lambda, watch)?);
        watch.report("qualities", model + 1, gold.models.len(), None)?;
    }
    fit_qualities(FitInput::Score, &held_out, gold)
}

/// Weights in single precision, row-major, and intercepts, one row for each target.
fn fit_rows(
    hashed: &Hashed,
    features: &[SparseVector],
    targets: &[Vec<f64>],
    lambda: f64,
) -> (Vec<f32>, Vec<f64>) {
    let projected: Vec<SparseVector> = match hashed.projection() {
        None => Vec::new(),
        Some(projection) => features
            .iter()
            .map(|sparse| {
                let mut dense = Vec::new();
                projection.apply(sparse, &mut dense);
                let mut row = SparseVector::new();
                for (i, value) in dense.into_iter().enumerate() {
                    row.push(i as u32, value);
                }
                row
            })
            .collect(),
    };
    let source = if hashed.projection().is_some() { &projected[..] } else { features };
    let rows: Vec<&SparseVector> = source.iter().collect();
    let mut weights = Vec::new();
    let mut intercepts = Vec::new();
    for target in targets {
        let fit = Ridge::fit(&rows, hashed.spec().dimension, target, lambda);
        weights.extend(fit.weights.iter().map(|w| *w as f32));
        intercepts.push(fit.intercept);
    }
    (weights, intercepts)
}

fn calibrate(
    training: &mut Training<'_>,
    hashed: &Hashed,
    scorer: &LinearScorer,
    gold: &GoldTable,
    common: &TrainOptions,
) -> Result<Calibration> {
    let (name, prompts): (_, Vec<&str>) = match &common.calibration {
        Some(sample) => (sample.name.as_str(), sample.prompts.iter().map(String::as_str).collect()),
        None => ("the prompts of the gold rows", gold.rows.iter().map(|row| row.prompt.as_str()).collect()),
    };
    let rated =
        Rated { name: name.into(), sha256: hash_of_prompts(&prompts), rows: (0..prompts.len()).collect() };
    training.measure(prompts.iter().copied());
    // Of two candidates there is one pair, and yet qualities.
    let any_pair = scorer.candidates().is_some();
    training.calibrate(rated, any_pair, |row, candidates| {
        with_features(hashed, prompts[row], |features| {
            let scores = if candidates { scorer.candidate_scores(features)? } else { Vec::new() };
            Ok((scorer.win_rate(features)?, scores))
        })
    })
}

/// What `read` makes of the features of a prompt, as the scorer takes them.
fn with_features<T>(hashed: &Hashed, prompt: &str, read: impl FnOnce(Features<'_>) -> T) -> T {
    hashed.with_sparse(prompt, |sparse, _| {
        let Some(projection) = hashed.projection() else { return read(Features::Sparse(sparse)) };
        let mut dense = Vec::new();
        projection.apply(sparse, &mut dense);
        read(Features::Dense(&dense))
    })
}

fn mean_squared_error(predictions: &[f64], targets: &[f64]) -> f64 {
    predictions.iter().zip(targets).map(|(p, t)| (p - t) * (p - t)).sum::<f64>() / targets.len() as f64
}

fn facts(
    gold: &GoldTable,
    (strong, weak): (&str, &str),
    report: &LinearReport,
    options: &LinearOptions,
) -> Map<String, Value> {
    members([
        ("trainer", json!("linear: ridge regression of the quality gap")),
        ("gold_rows", json!({ "label_kind": "D_gold", "read": gold.rows.len() })),
        ("pair", json!([strong, weak])),
        ("tie_rule", json!("equal quality is a gap of 0 and no win of strong")),
        ("seed", json!(options.seed)),
        ("folds", json!(options.folds)),
        ("lambda", json!(report.lambda)),
        ("out_of_fold_mse", json!(report.error)),
        ("mean_predictor_mse", json!(report.baseline_error)),
    ])
}

fn add_files(
    writer: &mut ArtifactWriter,
    hashed: &Hashed,
    statistics: &HashedStatistics,
    weights: &[f32],
    intercepts: &[f64],
) -> Result<()> {
    add_featurizer(writer, hashed, statistics)?;
    add_weights(writer, weights, intercepts)
}

/// Puts the files of a hashed featurizer into the artifact.
pub(super) fn add_featurizer(
    writer: &mut ArtifactWriter,
    hashed: &Hashed,
    statistics: &HashedStatistics,
) -> Result<()> {
    let mut tensors = vec![
        ("idf", tensor_f32(&[statistics.idf.len()], &statistics.idf)),
        ("lexical_mean", tensor_f32(&[LEXICAL_DIMENSION], &statistics.lexical_mean)),
        ("lexical_std", tensor_f32(&[LEXICAL_DIMENSION], &statistics.lexical_std)),
    ];
    if let Some(projection) = hashed.projection() {
        let shape = [projection.rows(), projection.columns()];
        tensors.push(("projection", tensor_i8(&shape, projection.weights())));
        tensors.push(("projection_scales", tensor_f32(&shape[1..], projection.scales())));
    }
    writer.add_tensors(FEATURIZER_FILE, &tensors)
}

/// Puts rows of weights, row-major, and their intercepts into the artifact.
pub(super) fn add_weights(writer: &mut ArtifactWriter, weights: &[f32], intercepts: &[f64]) -> Result<()> {
    let rows = intercepts.len();
    writer.add_tensors(
        WEIGHTS_FILE,
        &[
            ("weights", tensor_f32(&[rows, weights.len() / rows], weights)),
            ("intercepts", tensor_f64(&[rows], intercepts)),
        ],
    )
}
