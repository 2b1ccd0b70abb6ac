//! From votes, gold rows and logs to an artifact.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fit::{Logistic, Rows, loss};
use crate::artifact::Models;
use crate::features::Features;
use crate::files::Json;
use crate::numeric::parallel_map;
use crate::preference::Split;
use crate::scorer::linear::LinearSpec;
use crate::scorer::{Kind, LinearScorer, LinearTarget, Link, Pair};
use crate::setters::options_struct;
use crate::train::embeddings::{Embeddings, Trainer};
use crate::train::frame::{Made, Training, members};
use crate::train::labels::Labelled;
use crate::train::linear::add_weights;
use crate::train::link::fit_link_to;
use crate::train::qualities::fit_labelled;
use crate::train::{Control, DataReport, Encoder, Sources, Ties, TrainOptions};
use crate::{Error, Result};

options_struct! {
    /// Options of [`train`].
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct LogisticOptions {
        /// What all trainers take.
        @[serde(skip)]
        common: TrainOptions = TrainOptions::new(),
        /// Strengths of the L2 penalty to choose from, by the loss on held-out prompts.
        penalties: Vec<f64> = vec![0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0],
        /// Share of the prompts that is held out for the choice, in (0, 1). A hash of the prompt decides.
        held_out: f64 = 0.2,
        /// Whether each candidate gets a row of weights of its own, so that any pair can be scored, instead of one row for
        /// whether the strong model of the pair is the better one.
        per_candidate: bool = false,
        /// Most inverse propensity of a log.
        clip: f64 = 20.0,
        /// Seed of the split.
        @[serde(skip)]
        seed: u64 = 42,
    }
}

/// What the training chose and found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogisticReport {
    /// Chosen penalty.
    pub penalty: f64,
    /// Mean loss on the held-out prompts at the choice.
    pub held_out_loss: f64,
    /// Mean loss there of always predicting the mean.
    pub baseline_loss: f64,
    /// Labels that were learned from: of the pair one a prompt, of candidates one for each answer.
    pub labels: usize,
    /// The link from gaps to win rates; of a pair, whose gap is a logit itself, it changes nothing.
    pub link: Link,
    /// Prompts that had to be embedded: those that the cache did not hold.
    pub embedded: usize,
    /// Prompts that could not be embedded and were left out, those of the calibration included.
    pub left_out: usize,
    /// What the data were read as.
    #[serde(flatten)]
    pub data: DataReport,
}

/// A gap that is a logit.
const LOGIT: Link = Link { a: 0.0, b: 1.0 };

/// Trains on votes, gold rows and logs and writes the artifact `out`, of kind `linear`, with the encoder's files, calibrated
/// on the prompts of the options, or on the training prompts.
///
/// Of a pair it learns whether the strong model's answer is the better one, from prompts on which both answers are known; a
/// tie is a win of the weak model unless [`ties`](TrainOptions::ties) says otherwise. Per candidate it learns the quality of
/// each answer, from logs of single models too, and a candidate's score is the logit of its quality; labels are drawn in by
/// half an answer, so that a model whose answers were all right has a finite one.
///
/// # Errors
/// `InvalidArgument` for unknown models, too few labels or labels that are all equal; `Unsupported` if the encoder's features
/// are not dense; what the encoder reports; `Cancelled`; `ResourceExhausted` if its time is over; `Io`.
pub fn train(
    out: impl AsRef<Path>,
    sources: &Sources,
    encoder: &Encoder,
    options: &LogisticOptions,
    control: Control<'_>,
) -> Result<LogisticReport> {
    let common = &options.common;
    check(options)?;
    if !options.per_candidate && sources.log_table().is_some() {
        return Err(Error::invalid_argument(
            "logs have no effect on a pair: they hold one answer to each prompt; pass per_candidate",
        ));
    }
    let ties = common.ties.unwrap_or(if options.per_candidate { Ties::Half } else { Ties::WeakNotWorse });
    let gold = common.renamed(sources.gold_table())?;
    // Of a pair, what a tie says is asked once both labels are there.
    let of_votes = if options.per_candidate { ties } else { Ties::Half };
    let mut data = Labelled::new(sources, gold.as_deref(), of_votes, options.clip)?;
    let pair = data.pair(common)?;
    let mut training = Training::begin(out.as_ref(), sources.origins(), common, control)?;
    let trainer = Trainer { name: "logistic regression", needs_direction: false };
    let mut embeddings = Embeddings::new(encoder, trainer, common, &training)?;
    let embedded = embeddings.of(&data.prompts, &mut training.watch)?;
    data.keep(&embedded)?;
    let (values, dim) = (embedded.values, encoder.spec().dimension());
    let rows = rows(&data, pair, ties, options)?;
    let split = Split::new(options.held_out, options.seed)?;
    let held_out: Vec<bool> = data.prompts.iter().map(|prompt| split.holds_out(prompt.text)).collect();
    let chosen = choose(&values, dim, &rows, &held_out, options, &mut training)?;
    let fits = each(&rows, |number, rows| {
        Logistic::fit(&values, dim, rows, chosen.penalty, Some(&chosen.fits[number]))
    });
    training.watch.report("fit", 1, 1, Some(chosen.loss))?;
    let models = data.models.names();
    let (target, bound, names) = if options.per_candidate {
        (LinearTarget::Candidates, pair, models.to_vec())
    } else {
        let names = vec![models[pair.strong].clone(), models[pair.weak].clone()];
        (LinearTarget::Gap, Pair { strong: 0, weak: 1 }, names)
    };
    let link =
        if options.per_candidate { link(&chosen, &values, &data, &held_out, pair, ties)? } else { LOGIT };
    let weights: Vec<f32> = fits.iter().flat_map(|fit| fit.weights.iter().map(|w| *w as f32)).collect();
    let intercepts: Vec<f64> = fits.iter().map(|fit| fit.intercept).collect();
    let scorer = LinearScorer::new(&weights, intercepts.clone(), false, target, link, bound)?;
    let qualities = if options.per_candidate {
        let said = |prompt: usize| {
            let logits = chosen.fits.iter().map(|fit| fit.logit(&values[prompt * dim..][..dim]));
            (prompt, logits.collect::<Vec<_>>())
        };
        let held_out: Vec<_> = (0..data.prompts.len()).filter(|prompt| held_out[*prompt]).map(said).collect();
        fit_labelled(&held_out, &data, sources)?
    } else {
        None
    };
    let (rated, values) = embeddings.sample(&data.prompts, values, common, &mut training)?;
    let any_pair = scorer.candidates().is_some();
    let calibration = training.calibrate(rated, any_pair, |row, candidates| {
        let features = Features::Dense(&values[row * dim..][..dim]);
        let scores = if candidates { scorer.candidate_scores(features)? } else { Vec::new() };
        Ok((scorer.win_rate(features)?, scores))
    })?;
    let report = LogisticReport {
        penalty: chosen.penalty,
        held_out_loss: chosen.loss,
        baseline_loss: chosen.baseline,
        labels: rows.iter().map(|rows| rows.numbers.len()).sum(),
        link,
        embedded: embeddings.computed(),
        left_out: embeddings.left_out(),
        data: DataReport::of_sources(sources, gold.as_deref()),
    };
    add_weights(&mut training.writer, &weights, &intercepts)?;
    encoder.add_files(&mut training.writer)?;
    training.finish(Made {
        kind: Kind::Linear,
        name: "logistic",
        models: Models { names, strong: models[pair.strong].clone(), weak: models[pair.weak].clone() },
        featurizer: encoder.spec().clone(),
        scorer: Json::of(&LinearSpec { target, link })?,
        calibration,
        qualities,
        facts: facts(&report, &data, options, ties),
    })?;
    Ok(report)
}

fn check(options: &LogisticOptions) -> Result<()> {
    if options.penalties.is_empty() {
        return Err(Error::invalid_argument("penalties has to hold something to choose from"));
    }
    match options.penalties.iter().find(|penalty| !(**penalty > 0.0 && penalty.is_finite())) {
        Some(bad) => Err(Error::invalid_argument(format!("a penalty is {bad}, expected a positive number"))),
        None => Ok(()),
    }
}

/// What each row of weights learns from: the pair, or each candidate.
fn rows(data: &Labelled<'_>, pair: Pair, ties: Ties, options: &LogisticOptions) -> Result<Vec<Rows>> {
    let prompts = 0..data.prompts.len();
    if options.per_candidate {
        return Ok((0..data.models.len())
            .map(|model| {
                let mut rows = Rows::default();
                for prompt in prompts.clone() {
                    if let Some((label, weight)) = data.label(prompt, model) {
                        rows.push(prompt, label, weight);
                    }
                }
                rows.drawn_in().scaled()
            })
            .collect());
    }
    let mut rows = Rows::default();
    for prompt in prompts {
        if let Some(better) = data.better(prompt, pair, ties) {
            let weight = |model| data.label(prompt, model).map_or(0.0, |(_, weight)| weight);
            rows.push(prompt, better, f64::min(weight(pair.strong), weight(pair.weak)));
        }
    }
    let mean = rows.mean();
    if rows.numbers.is_empty() || mean == 0.0 || mean == 1.0 {
        return Err(Error::invalid_argument(format!(
            "there are {} prompts with answers of both models, and of them strong is better on {:.0}: both outcomes are \
             needed to learn from",
            rows.numbers.len(),
            mean.max(0.0) * rows.numbers.len() as f64
        )));
    }
    Ok(vec![rows.scaled()])
}

/// What the held-out prompts chose.
struct Choice {
    penalty: f64,
    loss: f64,
    baseline: f64,
    /// Fits at the chosen penalty to what is not held out.
    fits: Vec<Logistic>,
}

fn choose(
    values: &[f32],
    dim: usize,
    rows: &[Rows],
    held_out: &[bool],
    options: &LogisticOptions,
    training: &mut Training<'_>,
) -> Result<Choice> {
    let parts: Vec<(Rows, Rows)> = rows.iter().map(|rows| rows.parted(|number| !held_out[number])).collect();
    if parts.iter().any(|(learned, _)| learned.numbers.is_empty())
        || parts.iter().all(|(_, left)| left.numbers.is_empty())
    {
        return Err(Error::invalid_argument(
            "held_out leaves nothing to learn from, or nothing to choose by: more rows are needed",
        ));
    }
    let mut penalties = options.penalties.clone();
    // The strongest first, from which the next one is not far.
    penalties.sort_by(|a, b| b.total_cmp(a));
    let mean_loss = |of: &dyn Fn(usize, usize) -> f64| {
        let (mut sum, mut total) = (0.0, 0.0);
        for (number, (_, left)) in parts.iter().enumerate() {
            for ((row, target), weight) in left.numbers.iter().zip(&left.targets).zip(&left.weights) {
                sum += weight * loss(of(number, *row), *target);
                total += weight;
            }
        }
        sum / total
    };
    let means: Vec<f64> = parts.iter().map(|(learned, _)| learned.mean().clamp(1e-6, 1.0 - 1e-6)).collect();
    let baseline = mean_loss(&|number, _| libm::log(means[number] / (1.0 - means[number])));
    let mut best: Option<Choice> = None;
    let mut before: Vec<Option<Logistic>> = vec![None; rows.len()];
    for (step, penalty) in penalties.iter().enumerate() {
        let fits = each(&parts, |number, (learned, _)| {
            Logistic::fit(values, dim, learned, *penalty, before[number].as_ref())
        });
        let loss = mean_loss(&|number, row| fits[number].logit(&values[row * dim..][..dim]));
        training.watch.report("penalty", step + 1, penalties.len(), Some(loss))?;
        before = fits.iter().cloned().map(Some).collect();
        if best.as_ref().is_none_or(|best| loss < best.loss) {
            best = Some(Choice { penalty: *penalty, loss, baseline, fits });
        }
    }
    best.ok_or_else(|| Error::invalid_argument("penalties has to hold something to choose from"))
}

/// What `work` makes of each of several problems, on all cores.
fn each<T: Sync, R: Send>(problems: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let size = problems.len().div_ceil(threads).max(1);
    let pieces = parallel_map(problems.chunks(size).enumerate(), |(piece, problems)| {
        let of = |(i, problem): (usize, &T)| work(piece * size + i, problem);
        problems.iter().enumerate().map(of).collect::<Vec<R>>()
    });
    pieces.into_iter().flatten().collect()
}

/// The link from the gap of two logits to a win rate, by held-out prompts with answers of both models; where there is none,
/// as in logs of single models, the gap is taken as a logit.
fn link(
    chosen: &Choice,
    values: &[f32],
    data: &Labelled<'_>,
    held_out: &[bool],
    pair: Pair,
    ties: Ties,
) -> Result<Link> {
    let dim = values.len() / data.prompts.len();
    let both = (0..data.prompts.len()).filter(|prompt| held_out[*prompt]).filter_map(|prompt| {
        let row = &values[prompt * dim..][..dim];
        let gap = chosen.fits[pair.strong].logit(row) - chosen.fits[pair.weak].logit(row);
        Some((gap, data.better(prompt, pair, ties)?))
    });
    let (gaps, better): (Vec<f64>, Vec<f64>) = both.unzip();
    if gaps.is_empty() { Ok(LOGIT) } else { fit_link_to(&gaps, &better) }
}

fn facts(
    report: &LogisticReport,
    data: &Labelled<'_>,
    options: &LogisticOptions,
    ties: Ties,
) -> Map<String, Value> {
    let mut facts = members([
        ("trainer", json!("logistic: logistic regression on embeddings")),
        ("counts", data.counts()),
        ("tie_rule", json!(ties.rule())),
        ("clip", json!(options.clip)),
        ("seed", json!(options.seed)),
        ("penalty", json!(report.penalty)),
        ("held_out_loss", json!(report.held_out_loss)),
        ("mean_predictor_loss", json!(report.baseline_loss)),
    ]);
    if report.left_out > 0 {
        facts.insert("left_out".to_owned(), json!(report.left_out));
    }
    facts
}
