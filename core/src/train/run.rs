//! Carrying out a training that is data.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, json};

use super::knn::{self, KnnOptions, KnnReport};
use super::linear::{self, LinearOptions, LinearReport};
use super::logistic::{self, LogisticOptions, LogisticReport};
use super::mf::{self, MfOptions, MfReport};
use super::selection::{self, Rows};
use super::spec::{Source, TrainSpec, Trainer};
use super::sw_ranking::{self, SwOptions, SwReport};
use super::{Control, Encoder, Labels, Reading, Sources, TrainOptions};
use crate::artifact::{Artifact, Models};
use crate::files::Json;
use crate::preference::{GoldReader, GoldTable};
use crate::{Error, Result};

/// What a training made, as one JSON object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TrainReport {
    /// The trainer: `linear`, `knn`, `logistic`, `mf` or `sw_ranking`. It is the kind of the router, but for `logistic`, which
    /// makes one of kind `linear`.
    pub kind: &'static str,
    /// The folder of the artifact.
    pub out: PathBuf,
    /// Name of the artifact.
    pub name: String,
    /// Its candidates, and the pair.
    pub models: Models,
    /// What it learned from, as the provenance has it: name, label kind, rows and SHA-256 of each source.
    pub sources: Json,
    /// Rows of models that are no candidates, which were left out.
    pub left_out_rows: Rows,
    /// What the split held out, if there was one.
    pub held_out: Option<HeldOut>,
    /// How many prompts it is calibrated on.
    pub calibration_prompts: u64,
    /// What the trainer found.
    pub trained: Trained,
}

/// Rows that nothing was learned from, for an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldOut {
    /// About which share of the prompts.
    pub share: f64,
    /// Which ones.
    pub seed: u64,
    /// How many rows.
    #[serde(flatten)]
    pub rows: Rows,
}

/// What a trainer found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Trained {
    /// Of a linear router.
    Linear(LinearReport),
    /// Of nearest neighbours.
    Knn(KnnReport),
    /// Of logistic regression.
    Logistic(LogisticReport),
    /// Of matrix factorization.
    Mf(MfReport),
    /// Of similarity-weighted ranking.
    SwRanking(SwReport),
}

/// Trains as a specification says, and writes its artifact. The same specification, data and seed give the same files;
/// the day of the calibration is today unless it is given.
///
/// ```no_run
/// use routellm_core::Control;
/// use routellm_core::train::{self, Labels, Source, TrainSpec, Trainer};
///
/// let mut spec = TrainSpec::new(Trainer::named("linear")?, "my-router");
/// spec.sources = vec![Source::file(Labels::Gold, "gold.jsonl")];
/// let report = train::run(&spec, Control::new())?;
/// println!("{} instead of {}", report.models.weak, report.models.strong);
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for a specification that contradicts itself; what reading the sources and the trainer report;
/// `Cancelled`; `ResourceExhausted` if the time is over.
pub fn run(spec: &TrainSpec, control: Control<'_>) -> Result<TrainReport> {
    let control = match spec.timeout()? {
        Some(timeout) => control.timeout(timeout),
        None => control,
    };
    let Selected { sources, left_out, held_out } = selected(spec)?;
    let mut common = spec.common()?;
    if let (Some(HeldOut { share, seed, .. }), given) = (&held_out, &mut common.provenance) {
        let mut members = Map::from_iter([("split".to_owned(), json!({ "share": share, "seed": seed }))]);
        match given.take().map(Json::into_members) {
            Some(Some(given)) => members.extend(given),
            Some(None) => return Err(Error::invalid_argument("provenance is no JSON object")),
            None => {}
        }
        *given = Some(Json::of_members(members));
    }
    if let (true, Some(gold)) = (spec.candidates.len() > 2, sources.gold_table()) {
        (common.strong, common.weak) = best_and_worst(&common, gold)?;
    }
    let per_candidate = spec.candidates.len() > 2;
    let trained = match &spec.trainer {
        Trainer::Linear(hyperparameters) => {
            if spec.encoder.is_some() {
                return Err(Error::invalid_argument(
                    "encoder has no effect: a linear router reads hashed features",
                ));
            }
            let mut options = LinearOptions::clone(hyperparameters).common(common);
            options.per_candidate |= per_candidate;
            options.seed = spec.seed.unwrap_or(options.seed);
            Trained::Linear(linear::train(&spec.out, &sources, &options, control)?)
        }
        Trainer::Knn(hyperparameters) => {
            if spec.seed.is_some() {
                return Err(Error::invalid_argument("seed has no effect: nothing in knn is left to chance"));
            }
            let options = KnnOptions::clone(hyperparameters).common(common);
            let encoder = spec.encoder.as_ref().map(|_| encoder(spec)).transpose()?;
            Trained::Knn(knn::train(&spec.out, &sources, encoder.as_ref(), &options, control)?)
        }
        Trainer::Logistic(hyperparameters) => {
            let mut options = LogisticOptions::clone(hyperparameters).common(common);
            options.per_candidate |= per_candidate;
            options.seed = spec.seed.unwrap_or(options.seed);
            Trained::Logistic(logistic::train(&spec.out, &sources, &encoder(spec)?, &options, control)?)
        }
        Trainer::Mf(hyperparameters) => {
            let mut options = MfOptions::new().fit(hyperparameters.clone()).common(common);
            options.fit.seed = spec.seed.unwrap_or(options.fit.seed);
            Trained::Mf(mf::train(&spec.out, &sources, &encoder(spec)?, &options, control)?)
        }
        Trainer::SwRanking(hyperparameters) => {
            let mut options = SwOptions::new().texts(hyperparameters.texts).common(common);
            options.build =
                options.build.tiers(hyperparameters.tiers).weight_exponent(hyperparameters.weight_exponent);
            options.build.seed = spec.seed.unwrap_or(options.build.seed);
            let options = options.store(&hyperparameters.store)?;
            Trained::SwRanking(sw_ranking::train(&spec.out, &sources, &encoder(spec)?, &options, control)?)
        }
    };
    report(spec, trained, left_out, held_out)
}

/// What a specification says to learn from.
struct Selected {
    sources: Sources,
    left_out: Rows,
    held_out: Option<HeldOut>,
}

fn selected(spec: &TrainSpec) -> Result<Selected> {
    let mut sources = sources(spec)?;
    let mut left_out = Rows::default();
    if !spec.candidates.is_empty() {
        let names: Vec<String> = spec.candidates.iter().map(|candidate| candidate.name.clone()).collect();
        (sources, left_out) = selection::keep_candidates(sources, &names, &spec.rename)?;
    }
    let Some(split) = spec.split else { return Ok(Selected { sources, left_out, held_out: None }) };
    let (learned, held_out) = selection::part(sources, &split.split()?)?;
    let rows = selection::count(&held_out);
    let held_out = Some(HeldOut { share: split.share, seed: split.seed, rows });
    Ok(Selected { sources: learned, left_out, held_out })
}

/// The pair of many candidates, where it is not named: the best and the worst of the gold rows.
fn best_and_worst(common: &TrainOptions, gold: &GoldTable) -> Result<(Option<String>, Option<String>)> {
    let renamed = common.renamed(Some(gold))?;
    let gold = renamed.as_deref().unwrap_or(gold);
    let names = gold.models.names();
    let total = |model: usize| gold.rows.iter().map(|row| row.scores[model]).sum::<f64>();
    let named =
        |given: &Option<String>, number: Option<usize>| given.clone().or_else(|| names.get(number?).cloned());
    let order = |a: &usize, b: &usize| total(*a).total_cmp(&total(*b)).then(b.cmp(a));
    Ok((
        named(&common.strong, (0..names.len()).max_by(order)),
        named(&common.weak, (0..names.len()).min_by(order)),
    ))
}

fn report(
    spec: &TrainSpec,
    trained: Trained,
    left_out_rows: Rows,
    held_out: Option<HeldOut>,
) -> Result<TrainReport> {
    // Read back, so that the report says what is there. The files were hashed as they were written.
    let manifest = Artifact::read_manifest(&spec.out)?;
    let sources = manifest.provenance.get("/sources").map_or_else(|| Json::of(&[(); 0]), Ok)?;
    Ok(TrainReport {
        kind: spec.trainer.name(),
        out: spec.out.clone(),
        name: manifest.name,
        models: manifest.models,
        sources,
        left_out_rows,
        held_out,
        calibration_prompts: manifest.calibration.as_ref().map_or(0, |table| table.counts.iter().sum()),
        trained,
    })
}

/// What a specification says to learn from, read.
///
/// # Errors
/// As reading the sources.
pub(crate) fn sources(spec: &TrainSpec) -> Result<Sources> {
    let given: &[Source] = &spec.sources;
    let mut sources = Sources::new();
    if !spec.candidates.is_empty() && spec.models.is_some() {
        return Err(Error::invalid_argument(
            "models has no effect: the columns of gold rows are those of the candidates",
        ));
    }
    if let Some(models) = &spec.models {
        if !given.iter().any(|source| source.kind == Labels::Gold) {
            return Err(Error::invalid_argument("models has no effect without gold rows"));
        }
        sources = sources.gold_reader(GoldReader::new().models(models));
    }
    if given.is_empty() {
        return Err(Error::invalid_argument(
            "sources is empty: name a file of votes or gold rows to learn from",
        ));
    }
    given.iter().enumerate().try_fold(sources, |sources, (i, source)| {
        let mut reading = Reading::new().weight(source.weight);
        reading.columns.clone_from(&source.columns);
        match (&source.path, &source.rows) {
            // A fault in a file names file and line already.
            (Some(path), None) => sources.file(source.kind, path, &reading),
            (None, Some(rows)) => {
                let lines = rows.iter().map(Json::to_string).collect::<Vec<_>>().join("\n");
                let read = sources.lines(source.kind, lines.as_bytes(), &reading);
                read.map_err(|error| error.context(format!("sources[{i}]")))
            }
            (None, None) => Err(Error::invalid_argument(format!("sources[{i}] has neither path nor rows"))),
            (Some(_), Some(_)) => {
                Err(Error::invalid_argument(format!("sources[{i}] has both path and rows: pass one of them")))
            }
        }
    })
}

fn encoder(spec: &TrainSpec) -> Result<Encoder> {
    let Some(source) = &spec.encoder else {
        return Err(Error::invalid_argument(format!(
            "encoder is missing: {} learns on vectors; pass the folder of an artifact with an encoder",
            spec.trainer.name()
        )));
    };
    let session = source.session()?;
    if let Some(id) = &source.id {
        let given = [("parameters", source.parameters.is_some()), ("session", source.session.is_some())];
        if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
            return Err(Error::invalid_argument(format!(
                "encoder.{name} has no effect: encoder.id says that the embeddings are given"
            )));
        }
        let Some(rows) = &source.rows else { return Encoder::read_embeddings(id, &source.path) };
        let lines = rows.iter().map(Json::to_string).collect::<Vec<_>>().join("\n");
        return Encoder::embeddings_jsonl(id, lines.as_bytes());
    }
    if source.rows.is_some() {
        return Err(Error::invalid_argument("encoder.rows has no effect without encoder.id"));
    }
    match &source.parameters {
        None => Encoder::open(&source.path, &session),
        #[cfg(feature = "onnx")]
        Some(parameters) => Encoder::from_parameters(&source.path, parameters, &session),
        #[cfg(not(feature = "onnx"))]
        Some(_) => Err(crate::Error::unsupported(
            "encoder.parameters: this build runs no ONNX models (cargo feature `onnx`)",
        )),
    }
}
