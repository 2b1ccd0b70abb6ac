//! Training of the `linear` router: ridge regression of the quality gap from gold rows, on hashed features.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{ProgressFn, Ridge, fit_link, report};
use crate::artifact::{ArtifactWriter, FORMAT_VERSION, Manifest, Models, tensor_f32, tensor_f64, tensor_i8};
use crate::calibrate::{Calibration, CandidateScores, hash_of_prompts};
use crate::features::hashed::{
    CanonicalRules, HASH_NAME, Hashed, HashedSpec, HashedStatistics, LEXICAL_DIMENSION, Projection,
    StatisticsBuilder,
};
use crate::features::{CapSide, Features, FeaturizerSpec, SparseVector, TextCap};
use crate::files::Json;
use crate::input::Read;
use crate::numeric::Rng;
use crate::pipeline::FEATURIZER_FILE;
use crate::preference::GoldTable;
use crate::scorer::linear::{LinearScorer, LinearSpec, LinearTarget, Link, WEIGHTS_FILE};
use crate::scorer::{Kind, Pair};
use crate::{Error, Result};

/// Options of [`train`].
#[derive(Debug, Clone, PartialEq)]
pub struct LinearOptions {
    /// Name of the artifact.
    pub name: String,
    /// Binary logarithm of the number of hash buckets.
    pub bits: u32,
    /// Strengths of the ridge to choose from, by cross-validation on prompts.
    pub lambdas: Vec<f64>,
    /// Scales of the lexical features to choose from, likewise.
    pub lexical_scales: Vec<f32>,
    /// Number of folds.
    pub folds: usize,
    /// Seed of the folds.
    pub seed: u64,
    /// Cap on the bytes of a prompt.
    pub cap: TextCap,
    /// Rules of the canonical text.
    pub canonical: CanonicalRules,
    /// Dimensions of a dense projection of the features, on which the weights then work; `None`: sparse.
    pub projection: Option<usize>,
    /// Whether each candidate gets a row of weights of its own, so that any pair can be scored, instead of
    /// one row for the gap of the pair. Of more than two candidates, any pair is then calibrated too.
    pub per_candidate: bool,
    /// Day of the calibration sample, `2026-01-31`; today (UTC) without it.
    pub calibration_date: Option<String>,
    /// What of a chat the router reads, unless it is told otherwise.
    pub read: Option<Read>,
}

impl Default for LinearOptions {
    fn default() -> Self {
        Self {
            name: "linear".to_owned(),
            bits: 16,
            lambdas: vec![0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
            lexical_scales: vec![0.05, 0.1, 0.2],
            folds: 10,
            seed: 42,
            cap: TextCap { max_bytes: 16_384, side: CapSide::Head },
            canonical: CanonicalRules::default(),
            projection: None,
            per_candidate: false,
            calibration_date: None,
            read: None,
        }
    }
}

/// What the training chose and found.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearReport {
    /// Chosen strength of the ridge.
    pub lambda: f64,
    /// Chosen scale of the lexical features.
    pub lexical_scale: f32,
    /// Mean squared error of the gap out of fold, at the choice; predicting the mean gives `baseline_error`.
    pub error: f64,
    /// Mean squared error of always predicting the mean.
    pub baseline_error: f64,
    /// The link from gaps to win rates.
    pub link: Link,
    /// Predicted gap of each gold row, by the folds that did not see its prompt.
    pub out_of_fold: Vec<f64>,
}

/// Trains on `gold` for the pair (`strong`, `weak`) and writes the artifact `out`, calibrated on the prompts
/// `calibration` (or on the gold prompts, if there are none). `sources` goes into the provenance.
///
/// # Errors
/// `InvalidArgument` for unknown models, too few rows or data that teach nothing; `Cancelled`; `Io`.
pub fn train(
    out: &Path,
    gold: &GoldTable,
    pair: (&str, &str),
    calibration: Option<(&str, &[String])>,
    options: &LinearOptions,
    sources: Map<String, Value>,
    progress: &mut ProgressFn<'_>,
) -> Result<LinearReport> {
    let (strong, weak) = (gold.models.number(pair.0)?, gold.models.number(pair.1)?);
    check(options, gold, strong, weak)?;
    // A destination that cannot be written is found before the work, not after it.
    let mut writer = ArtifactWriter::new(out)?;
    let gaps: Vec<f64> = gold.rows.iter().map(|row| row.scores[strong] - row.scores[weak]).collect();

    let mut builder = StatisticsBuilder::new(options.canonical.clone(), options.cap, options.bits);
    for (i, row) in gold.rows.iter().enumerate() {
        builder.add(&row.prompt);
        if i % 256 == 0 {
            report(progress, "features", i, gold.rows.len(), None)?;
        }
    }
    let statistics = builder.finish();
    let folds = folds(gold, options);

    // The scale only multiplies the lexical block, so features are computed once for each.
    let mut best: Option<Choice> = None;
    let total = options.lexical_scales.len() * options.lambdas.len();
    let mut done = 0;
    for &lexical_scale in &options.lexical_scales {
        let hashed = featurizer(options, lexical_scale, statistics.clone(), None)?;
        let features: Vec<SparseVector> =
            gold.rows.iter().map(|row| hashed.with_sparse(&row.prompt, |sparse, _| sparse.clone())).collect();
        for &lambda in &options.lambdas {
            let predictions =
                out_of_fold(&features, hashed.sparse_dimension(), &gaps, &folds, options.folds, lambda);
            let error = mean_squared_error(&predictions, &gaps);
            done += 1;
            report(progress, "cross-validation", done, total, Some(error))?;
            if best.as_ref().is_none_or(|best| error < best.error) {
                best = Some(Choice { lambda, lexical_scale, error, predictions });
            }
        }
    }
    let best = best.ok_or_else(|| Error::invalid_argument("lambdas and lexical_scales must not be empty"))?;
    let better: Vec<bool> = gaps.iter().map(|gap| *gap > 0.0).collect();
    let link = fit_link(&best.predictions, &better)?;

    let sparse = featurizer(options, best.lexical_scale, statistics.clone(), None)?;
    let features: Vec<SparseVector> =
        gold.rows.iter().map(|row| sparse.with_sparse(&row.prompt, |sparse, _| sparse.clone())).collect();
    let projection = match options.projection {
        None => None,
        Some(columns) => {
            Some(super::lsa::projection(&features, sparse.sparse_dimension(), columns, options.seed)?)
        }
    };
    let hashed = featurizer(options, best.lexical_scale, statistics.clone(), projection)?;
    let targets: Vec<Vec<f64>> = if options.per_candidate {
        (0..gold.models.len()).map(|model| gold.rows.iter().map(|row| row.scores[model]).collect()).collect()
    } else {
        vec![gaps.clone()]
    };
    let (weights, intercepts) = fit_rows(&hashed, &features, &targets, best.lambda);
    report(progress, "fit", 1, 1, Some(best.error))?;

    let target = if options.per_candidate { LinearTarget::Candidates } else { LinearTarget::Gap };
    let names: Vec<String> = if options.per_candidate {
        gold.models.names().to_vec()
    } else {
        vec![pair.0.to_owned(), pair.1.to_owned()]
    };
    let bound = if options.per_candidate { Pair { strong, weak } } else { Pair { strong: 0, weak: 1 } };
    let scorer =
        LinearScorer::new(&weights, intercepts.clone(), hashed.projection().is_none(), target, link, bound)?;
    let (calibration, scores) = calibrate(&hashed, &scorer, gold, calibration, progress)?;
    let mut calibration = calibration.dated(options.calibration_date.as_deref())?;
    if let Some(scores) = scores {
        calibration.scores = Some(writer.add_scores(&scores)?);
    }

    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let training = LinearReport {
        lambda: best.lambda,
        lexical_scale: best.lexical_scale,
        error: best.error,
        baseline_error: mean_squared_error(&vec![mean; gaps.len()], &gaps),
        link,
        out_of_fold: best.predictions,
    };
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        name: options.name.clone(),
        kind: Kind::Linear,
        models: Models { names, strong: pair.0.to_owned(), weak: pair.1.to_owned() },
        featurizer: FeaturizerSpec::Hashed(hashed.spec().clone()),
        scorer: Json::of(&LinearSpec { target, link })?,
        files: Vec::new(),
        calibration: Some(calibration),
        read: options.read,
        provenance: provenance(gold, pair, &training, options, sources).into(),
        manifest_sha256: String::new(),
    };
    add_files(&mut writer, &hashed, &statistics, &weights, &intercepts)?;
    writer.finish(&manifest)?;
    Ok(training)
}

struct Choice {
    lambda: f64,
    lexical_scale: f32,
    error: f64,
    predictions: Vec<f64>,
}

fn check(options: &LinearOptions, gold: &GoldTable, strong: usize, weak: usize) -> Result<()> {
    if strong == weak {
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
fn featurizer(
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
    fold_of: &[usize],
    folds: usize,
    lambda: f64,
) -> Vec<f64> {
    let mut predictions = vec![0.0; features.len()];
    for fold in 0..folds {
        let inside = |i: &usize| fold_of[*i] != fold;
        let rows: Vec<&SparseVector> = (0..features.len()).filter(inside).map(|i| &features[i]).collect();
        let values: Vec<f64> = (0..features.len()).filter(inside).map(|i| targets[i]).collect();
        let fit = Ridge::fit(&rows, dimension, &values, lambda);
        for i in (0..features.len()).filter(|i| fold_of[*i] == fold) {
            predictions[i] = fit.predict(&features[i]);
        }
    }
    predictions
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
    hashed: &Hashed,
    scorer: &LinearScorer,
    gold: &GoldTable,
    sample: Option<(&str, &[String])>,
    progress: &mut ProgressFn<'_>,
) -> Result<(Calibration, Option<CandidateScores>)> {
    let gold_prompts: Vec<String>;
    let (name, prompts) = if let Some(sample) = sample {
        sample
    } else {
        gold_prompts = gold.rows.iter().map(|row| row.prompt.clone()).collect();
        ("the prompts of the gold rows", gold_prompts.as_slice())
    };
    let mut rates = Vec::with_capacity(prompts.len());
    for (i, prompt) in prompts.iter().enumerate() {
        rates.push(with_features(hashed, prompt, |features| scorer.win_rate(features))?);
        if i % 1024 == 0 {
            report(progress, "calibration", i, prompts.len(), None)?;
        }
    }
    let table = Calibration::from_win_rates(name, rates)?.taken_from(hash_of_prompts(prompts));
    // Of two candidates there is one pair.
    if scorer.candidates().is_none_or(|candidates| candidates < 3) {
        return Ok((table, None));
    }
    let mut scores = CandidateScores::new();
    for place in CandidateScores::places(prompts.len()) {
        scores.push(&with_features(hashed, &prompts[place], |features| scorer.candidate_scores(features))?);
    }
    Ok((table, Some(scores)))
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

fn provenance(
    gold: &GoldTable,
    pair: (&str, &str),
    training: &LinearReport,
    options: &LinearOptions,
    sources: Map<String, Value>,
) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("tool".into(), json!(format!("routellm {}", crate::VERSION)));
    map.insert("trainer".into(), json!("linear: ridge regression of the quality gap"));
    map.insert("gold_rows".into(), json!({ "label_kind": "D_gold", "read": gold.rows.len() }));
    map.insert("pair".into(), json!([pair.0, pair.1]));
    map.insert("tie_rule".into(), json!("equal quality is a gap of 0 and no win of strong"));
    map.insert("seed".into(), json!(options.seed));
    map.insert("folds".into(), json!(options.folds));
    map.insert("lambda".into(), json!(training.lambda));
    map.insert("out_of_fold_mse".into(), json!(training.error));
    map.insert("mean_predictor_mse".into(), json!(training.baseline_error));
    map.extend(sources);
    map
}

fn add_files(
    writer: &mut ArtifactWriter,
    hashed: &Hashed,
    statistics: &HashedStatistics,
    weights: &[f32],
    intercepts: &[f64],
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
    writer.add_tensors(FEATURIZER_FILE, &tensors)?;
    let rows = intercepts.len();
    writer.add_tensors(
        WEIGHTS_FILE,
        &[
            ("weights", tensor_f32(&[rows, weights.len() / rows], weights)),
            ("intercepts", tensor_f64(&[rows], intercepts)),
        ],
    )
}
