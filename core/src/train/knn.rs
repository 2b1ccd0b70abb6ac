//! Training of the `knn` router: the prompts themselves are kept, and how many of them count is chosen by cross-validation.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::embeddings::{Embeddings, Trainer};
use super::frame::{Made, Rated, Training, members};
use super::hashing::hashed;
use super::labels::Labelled;
use super::linear::add_featurizer;
use super::link::fit_link_to;
use super::qualities::fit_labelled;
use super::{Control, DataReport, Encoder, Sources, Ties, TrainOptions};
use crate::artifact::Models;
use crate::calibrate::Calibration;
use crate::control::Watch;
use crate::features::hashed::{Hashed, HashedStatistics};
use crate::features::{Features, FeaturizerSpec};
use crate::files::Json;
use crate::numeric::parallel_map;
use crate::scorer::knn::{
    KnnScorer, KnnScratch, KnnSpec, NAMES_FILE, NEIGHBOURS_FILE, Neighbour, NeighbourName, Neighbours,
};
use crate::scorer::{Kind, Link, Pair};
use crate::setters::options_struct;
use crate::train::collect::Prompt;
use crate::{Error, Result};

options_struct! {
    /// Options of [`train`].
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct KnnOptions {
        /// What all trainers take.
        @[serde(skip)]
        common: TrainOptions = TrainOptions::new(),
        /// Numbers of neighbours to choose from.
        neighbours: Vec<usize> = vec![5, 10, 20, 40, 80, 160],
        /// Temperatures to choose from: by how much of similarity the weight falls to 1 / e.
        temperatures: Vec<f64> = vec![0.02, 0.05, 0.1, 0.2, 0.5],
        /// Most inverse propensity of a log.
        clip: f64 = 20.0,
        /// Binary logarithm of the number of hash buckets, where no encoder is given.
        bits: u32 = 16,
        /// Whether the texts of the prompts go into the artifact, for explanations. They may be private.
        texts: bool = false,
    }
}

/// What the training chose and found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KnnReport {
    /// Chosen number of neighbours.
    pub k: usize,
    /// Chosen temperature.
    pub temperature: f64,
    /// Mean squared error of the qualities, each prompt left out in turn, at the choice.
    pub error: f64,
    /// Mean squared error of always predicting each model's mean.
    pub baseline_error: f64,
    /// The link from gaps to win rates.
    pub link: Link,
    /// Prompts in the artifact.
    pub prompts: usize,
    /// Prompts that had to be embedded: those that the cache did not hold.
    pub embedded: usize,
    /// Prompts that could not be embedded and were left out, those of the calibration included.
    pub left_out: usize,
    /// What the data were read as.
    #[serde(flatten)]
    pub data: DataReport,
}

/// Most prompts that are left out in turn; of more, evenly spaced ones.
const QUESTIONS: usize = 2000;

/// Builds from votes, gold rows and logs, and writes the artifact `out`, calibrated on the prompts of the options, or on the
/// training prompts. Without an encoder the features are hashed words. Every model of the data is a candidate.
///
/// The number of neighbours and the temperature are those of the least squared error of the qualities, each prompt left out
/// in turn. The link from the gap of two qualities to a win rate is fitted on those gaps, where prompts have labels of both
/// models of the pair; where none has, as in logs of single models, it is `sigmoid(2 gap)`, which at a gap of 0 has the slope of
/// one half plus half the gap.
///
/// # Errors
/// `InvalidArgument` for unknown models or without labels; what the encoder reports; `Cancelled`; `ResourceExhausted` if its
/// time is over; `Io`.
pub fn train(
    out: impl AsRef<Path>,
    sources: &Sources,
    encoder: Option<&Encoder>,
    options: &KnnOptions,
    control: Control<'_>,
) -> Result<KnnReport> {
    let common = &options.common;
    check(options)?;
    if encoder.is_none() {
        common.refuse(
            &["cache", "on_error"],
            "without an encoder features are hashed, and nothing is embedded",
        )?;
    }
    let ties = common.ties.unwrap_or(Ties::Half);
    let gold = common.renamed(sources.gold_table())?;
    let mut data = Labelled::new(sources, gold.as_deref(), ties, options.clip)?;
    let pair = data.pair(common)?;
    let mut training = Training::begin(out.as_ref(), sources.origins(), common, control)?;
    let known = |models: &[String]| (models[pair.strong].clone(), models[pair.weak].clone());
    let (strong, weak) = known(data.models.names());
    let mut space = Space::new(&mut data, encoder, options, &mut training)?;
    let neighbours = space.neighbours(&data)?;
    let found = choose(&neighbours, &space, &data, options, &mut training.watch)?;
    let link = link(&found, &data, pair, ties)?;
    let spec = KnnSpec { k: found.k, temperature: found.temperature, link };
    let names: Vec<NeighbourName> = data
        .prompts
        .iter()
        .zip(&data.ids)
        .map(|(prompt, id)| NeighbourName {
            id: (*id).to_owned(),
            text: options.texts.then(|| prompt.text.to_owned()),
        })
        .collect();
    let lines = names.iter().map(|name| Ok(format!("{}\n", Json::of(name)?))).collect::<Result<Vec<_>>>()?;
    training.writer.add_tensors(NEIGHBOURS_FILE, &neighbours.tensors())?;
    training.writer.add(NAMES_FILE, lines.concat().as_bytes())?;
    let scorer = KnnScorer::new(neighbours, spec, pair, names)?;
    let calibration = space.calibrate(&scorer, &data, common, &mut training)?;
    let (embedded, left_out) = space.counts();
    let report = KnnReport {
        k: found.k,
        temperature: found.temperature,
        error: found.error,
        baseline_error: baseline(&data),
        link,
        prompts: data.prompts.len(),
        embedded,
        left_out,
        data: DataReport::of_sources(sources, gold.as_deref()),
    };
    let featurizer = space.finish(&mut training)?;
    training.finish(Made {
        kind: Kind::Knn,
        name: "knn",
        models: Models { names: data.models.names().to_vec(), strong, weak },
        featurizer,
        scorer: Json::of(&spec)?,
        calibration,
        qualities: fit_labelled(&found.questions, &data, sources)?,
        facts: facts(&report, &data, options, ties),
    })?;
    Ok(report)
}

fn check(options: &KnnOptions) -> Result<()> {
    let invalid = |what: String| Err(Error::invalid_argument(what));
    if options.neighbours.is_empty() || options.temperatures.is_empty() {
        return invalid("neighbours and temperatures have to hold something to choose from".to_owned());
    }
    if options.neighbours.contains(&0) {
        return invalid("neighbours holds 0, expected numbers of at least 1".to_owned());
    }
    if let Some(bad) = options.temperatures.iter().find(|t| !(**t > 0.0 && t.is_finite())) {
        return invalid(format!("a temperature is {bad}, expected a positive number"));
    }
    if !(8..=20).contains(&options.bits) {
        return invalid(format!("bits is {}, expected 8 to 20", options.bits));
    }
    Ok(())
}

/// Where the prompts lie.
enum Space<'a> {
    /// Vectors of an encoder.
    Dense { encoder: &'a Encoder, embeddings: Box<Embeddings<'a>>, values: Vec<f32>, dim: usize },
    /// Hashed words.
    Hashed { hashed: Box<Hashed>, statistics: HashedStatistics },
}

impl<'a> Space<'a> {
    fn new(
        data: &mut Labelled<'_>,
        encoder: Option<&'a Encoder>,
        options: &'a KnnOptions,
        training: &mut Training<'_>,
    ) -> Result<Self> {
        let Some(encoder) = encoder else {
            let texts: Vec<&str> = data.prompts.iter().map(|prompt| prompt.text).collect();
            let (hashed, statistics) = hashed(texts.into_iter(), options.bits, &mut training.watch)?;
            return Ok(Self::Hashed { hashed: Box::new(hashed), statistics });
        };
        let trainer = Trainer { name: "knn", needs_direction: true };
        let mut embeddings = Embeddings::new(encoder, trainer, &options.common, training)?;
        let embedded = embeddings.of(&data.prompts, &mut training.watch)?;
        data.keep(&embedded)?;
        let dim = encoder.spec().dimension();
        Ok(Self::Dense { encoder, embeddings: Box::new(embeddings), values: embedded.values, dim })
    }

    /// What `read` makes of the features of the training prompt `row`.
    fn with<T>(&self, data: &Labelled<'_>, row: usize, read: impl FnOnce(Features<'_>) -> T) -> T {
        match self {
            Self::Dense { values, dim, .. } => read(Features::Dense(&values[row * dim..][..*dim])),
            Self::Hashed { hashed, .. } => {
                hashed.with_sparse(data.prompts[row].text, |sparse, _| read(Features::Sparse(sparse)))
            }
        }
    }

    fn neighbours(&self, data: &Labelled<'_>) -> Result<Neighbours> {
        let (dim, sparse) = match self {
            Self::Dense { dim, .. } => (*dim, false),
            Self::Hashed { hashed, .. } => (hashed.sparse_dimension(), true),
        };
        let mut neighbours = Neighbours::new(dim, sparse, data.models.len());
        for (row, prompt) in data.prompts.iter().enumerate() {
            let labels = (0..data.models.len()).map(|model| data.label(row, model));
            self.with(data, row, |features| neighbours.push(features, labels))
                .map_err(|error| error.context(prompt.place()))?;
        }
        Ok(neighbours)
    }

    /// The calibration. A training prompt does not count for itself, as a prompt of a user would not.
    fn calibrate(
        &mut self,
        scorer: &KnnScorer,
        data: &Labelled<'_>,
        common: &TrainOptions,
        training: &mut Training<'_>,
    ) -> Result<Calibration> {
        // Of two candidates there is one pair, and yet qualities.
        let any_pair = true;
        let Some(sample) = &common.calibration else {
            training.measure(data.prompts.iter().map(|prompt| prompt.text));
            let rated = Rated::of_prompts("the prompts of the training data", &data.prompts);
            return training.calibrate(rated, any_pair, |row, _| {
                self.with(data, row, |features| scorer.rated(features, Some(row)))
            });
        };
        training.measure(sample.prompts.iter().map(String::as_str));
        let mut prompts = Prompt::of_sample(&sample.prompts);
        match self {
            Self::Dense { embeddings, dim, .. } => {
                let embedded = embeddings.of(&prompts, &mut training.watch)?;
                embedded.keep(&mut prompts);
                // Without those that were left out.
                training.measure(prompts.iter().map(|prompt| prompt.text));
                training.calibrate(Rated::of_prompts(&sample.name, &prompts), any_pair, |row, _| {
                    scorer.rated(Features::Dense(&embedded.values[row * *dim..][..*dim]), None)
                })
            }
            Self::Hashed { hashed, .. } => {
                training.calibrate(Rated::of_prompts(&sample.name, &prompts), any_pair, |row, _| {
                    hashed.with_sparse(prompts[row].text, |sparse, _| {
                        scorer.rated(Features::Sparse(sparse), None)
                    })
                })
            }
        }
    }

    /// How many prompts were embedded, and how many left out.
    fn counts(&self) -> (usize, usize) {
        match self {
            Self::Dense { embeddings, .. } => (embeddings.computed(), embeddings.left_out()),
            Self::Hashed { .. } => (0, 0),
        }
    }

    fn finish(self, training: &mut Training<'_>) -> Result<FeaturizerSpec> {
        match self {
            Self::Dense { encoder, .. } => {
                encoder.add_files(&mut training.writer)?;
                Ok(encoder.spec().clone())
            }
            Self::Hashed { hashed, statistics } => {
                add_featurizer(&mut training.writer, &hashed, &statistics)?;
                Ok(FeaturizerSpec::Hashed(hashed.spec().clone()))
            }
        }
    }
}

/// What cross-validation chose.
struct Choice {
    k: usize,
    temperature: f64,
    error: f64,
    /// The prompts that were left out in turn, and the qualities that the others gave each.
    questions: Vec<(usize, Vec<f64>)>,
}

/// The number of neighbours and the temperature of the least squared error of the labels, each prompt left out in turn.
fn choose(
    neighbours: &Neighbours,
    space: &Space<'_>,
    data: &Labelled<'_>,
    options: &KnnOptions,
    watch: &mut Watch<'_>,
) -> Result<Choice> {
    let count = data.prompts.len().min(QUESTIONS);
    let questions: Vec<usize> = (0..count).map(|i| i * data.prompts.len() / count).collect();
    let grid: Vec<(usize, f64)> = options
        .neighbours
        .iter()
        .flat_map(|k| options.temperatures.iter().map(move |temperature| (*k, *temperature)))
        .collect();
    let most = options.neighbours.iter().copied().max().unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut errors = vec![0.0; grid.len()];
    let mut total = 0.0;
    for (number, part) in questions.chunks(STEP).enumerate() {
        let pieces = parallel_map(part.chunks(part.len().div_ceil(threads)), |rows| {
            let mut scratch = KnnScratch::default();
            let of = |row: &usize| errors_of(*row, neighbours, space, data, (&grid, most), &mut scratch);
            rows.iter().map(of).collect::<Result<Vec<_>>>()
        });
        // In the order of the prompts, whatever the number of threads.
        for piece in pieces {
            for (weight, of_prompt) in piece? {
                total += weight;
                errors.iter_mut().zip(of_prompt).for_each(|(sum, error)| *sum += error);
            }
        }
        watch.report("cross-validation", (number * STEP + part.len()).min(count), count, None)?;
    }
    let best = (0..grid.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b])).unwrap_or(0);
    let (k, temperature) = grid[best];
    let mut scratch = KnnScratch::default();
    let mut answered = Vec::with_capacity(count);
    for row in questions {
        let found = space
            .with(data, row, |features| neighbours.of_candidates(features, Some(row), k, &mut scratch))?
            .0;
        let quality =
            |(model, nearest): (usize, &Vec<Neighbour>)| neighbours.quality(model, nearest, temperature);
        answered.push((row, found.iter().enumerate().map(quality).collect()));
    }
    Ok(Choice { k, temperature, error: errors[best] / total, questions: answered })
}

/// Prompts between two reports of progress.
const STEP: usize = 128;

/// The weight of a prompt's labels, and their weighted squared errors for each choice, without the prompt itself.
fn errors_of(
    row: usize,
    neighbours: &Neighbours,
    space: &Space<'_>,
    data: &Labelled<'_>,
    (grid, most): (&[(usize, f64)], usize),
    scratch: &mut KnnScratch,
) -> Result<(f64, Vec<f64>)> {
    let (found, _) =
        space.with(data, row, |features| neighbours.of_candidates(features, Some(row), most, scratch))?;
    let labels: Vec<(usize, (f64, f64))> =
        (0..data.models.len()).filter_map(|model| Some((model, data.label(row, model)?))).collect();
    let of_choice = |(k, temperature): &(usize, f64)| {
        let error = |(model, (label, weight)): &(usize, (f64, f64))| {
            let nearest = &found[*model];
            let quality = neighbours.quality(*model, &nearest[..nearest.len().min(*k)], *temperature);
            weight * (quality - label) * (quality - label)
        };
        labels.iter().map(error).sum()
    };
    Ok((labels.iter().map(|(_, (_, weight))| weight).sum(), grid.iter().map(of_choice).collect()))
}

/// The slope of the link where no prompt has labels of both models: that of one half plus half the gap, at 0.
const PLAIN_LINK: Link = Link { a: 0.0, b: 2.0 };

fn link(found: &Choice, data: &Labelled<'_>, pair: Pair, ties: Ties) -> Result<Link> {
    let both = found
        .questions
        .iter()
        .filter_map(|(row, qualities)| Some((pair.gap(qualities), data.better(*row, pair, ties)?)));
    let (gaps, better): (Vec<f64>, Vec<f64>) = both.unzip();
    if gaps.is_empty() {
        return Ok(PLAIN_LINK);
    }
    fit_link_to(&gaps, &better)
}

/// The squared error of each model's mean.
fn baseline(data: &Labelled<'_>) -> f64 {
    let means = data.means();
    let (mut sum, mut total) = (0.0, 0.0);
    for row in 0..data.prompts.len() {
        for (model, (mean, _)) in means.iter().enumerate() {
            if let Some((label, weight)) = data.label(row, model) {
                sum += weight * (label - mean) * (label - mean);
                total += weight;
            }
        }
    }
    sum / total
}

fn facts(report: &KnnReport, data: &Labelled<'_>, options: &KnnOptions, ties: Ties) -> Map<String, Value> {
    let mut facts = members([
        ("trainer", json!("knn: nearest prompts, weighted by similarity")),
        ("counts", data.counts()),
        ("tie_rule", json!(ties.rule())),
        ("clip", json!(options.clip)),
        ("k", json!(report.k)),
        ("temperature", json!(report.temperature)),
        ("left_out_mse", json!(report.error)),
        ("mean_predictor_mse", json!(report.baseline_error)),
    ]);
    if report.left_out > 0 {
        facts.insert("left_out".to_owned(), json!(report.left_out));
    }
    facts
}
