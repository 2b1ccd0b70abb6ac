//! Building of the `sw_ranking` router: votes, gold rows or columns with embeddings, to an artifact.

use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::embeddings::Embeddings;
use super::encoder::Encoder;
use super::{ProgressFn, report};
use crate::artifact::{ArtifactWriter, FORMAT_VERSION, Manifest, Models, sha256_hex};
use crate::calibrate::{Calibration, CandidateScores, SCORES_PROMPTS, hash_of_prompts};
use crate::features::{CallerSpec, FeaturizerSpec};
use crate::files::Json;
use crate::input::Read;
use crate::preference::{GoldTable, ModelIndex, VoteTable, Winner};
use crate::scorer::Kind;
use crate::scorer::sw_ranking::{
    BuildOptions, ClusterOptions, STORE_FILE, ScoreOptions, Scratch, Stage, StoreKind, SwInput, SwModel,
    SwSpec, TEXTS_FILE,
};
use crate::{Error, Mode, Result};

/// Options of [`train`] and [`train_columns`].
#[derive(Debug, Clone, PartialEq)]
pub struct SwOptions {
    /// Name of the artifact.
    pub name: String,
    /// Tiers, store, clusters and exponent.
    pub build: BuildOptions,
    /// The pair that the artifact routes between unless the opener names another; the best and the worst rated
    /// model without it.
    pub pair: Option<(String, String)>,
    /// Whether the texts of the votes' prompts go into the artifact, for explanations. They may be private.
    pub texts: bool,
    /// Day of the calibration sample, which is drawn from the votes, `2026-01-31`; today (UTC) without it.
    pub calibration_date: Option<String>,
    /// What of a chat the router reads, unless it is told otherwise.
    pub read: Option<Read>,
}

impl Default for SwOptions {
    fn default() -> Self {
        Self {
            name: "sw-ranking".to_owned(),
            build: BuildOptions::default(),
            pair: None,
            texts: false,
            calibration_date: None,
            read: None,
        }
    }
}

impl SwOptions {
    /// Options with the store of this name: `f32`, `f16`, `int8`, `int4`, `int2`, or `clustered` (int8 with an
    /// index of clusters).
    ///
    /// # Errors
    /// `InvalidArgument` for another name.
    pub fn store(mut self, name: &str) -> Result<Self> {
        if name == "clustered" {
            self.build.store = StoreKind::Int8;
            self.build.clusters = Some(ClusterOptions::default());
            return Ok(self);
        }
        self.build.store = StoreKind::from_name(name).map_err(|_| {
            Error::invalid_argument(format!(
                "store is {name:?}, expected f32, f16, int8, int4, int2 or clustered"
            ))
        })?;
        Ok(self)
    }
}

/// Votes as columns of one length, with embeddings that the caller computed.
#[derive(Debug, Clone, Copy)]
pub struct VoteColumns<'a> {
    /// Embeddings of the prompts, `n x dim`, row-major.
    pub embeddings: &'a [f32],
    /// Dimension of the embeddings.
    pub dim: usize,
    /// Name of the embedding model, for whoever opens the artifact.
    pub encoder: &'a str,
    /// Name of the first model of each vote.
    pub model_a: &'a [String],
    /// Name of the second model of each vote.
    pub model_b: &'a [String],
    /// Whose answer was preferred.
    pub winner: &'a [Winner],
    /// Ids for explanations.
    pub ids: Option<&'a [String]>,
}

/// What a build made.
#[derive(Debug, Clone, PartialEq)]
pub struct SwReport {
    /// Votes in the artifact.
    pub votes: usize,
    /// Prompts that had to be embedded: those that the cache did not hold.
    pub embedded: usize,
    /// Number of tiers.
    pub tiers: usize,
    /// Models with their rating over all votes, best first.
    pub ratings: Vec<(String, f64)>,
}

/// Builds from votes and gold rows, whose prompts `encoder` embeds, and writes the artifact `out`. Gold rows become
/// votes between every two of their models: both right or both wrong is a tie. With both, the tiers come from the votes
/// alone, provided that they know every model: gold rows are mostly ties and would put the models that they compare into
/// one tier.
///
/// The artifact is calibrated for its pair, and holds what any other pair is calibrated from when it is opened: the
/// ratings on prompts of the votes.
///
/// `cache` names a file of embeddings that were computed before; it is read if it exists, and written now and then and
/// at the end, even of a build that is cancelled: a later build, or one with more votes, embeds the new prompts only.
///
/// # Errors
/// `InvalidArgument` without votes, for unknown models, or for a pair inside one tier; what the encoder reports; `Cancelled`; `Io`.
#[allow(clippy::too_many_arguments, reason = "each is one thing that the caller decides")]
pub fn train(
    out: &Path,
    votes: Option<&VoteTable>,
    gold: Option<&GoldTable>,
    encoder: &Encoder,
    cache: Option<&Path>,
    options: &SwOptions,
    sources: Map<String, Value>,
    progress: &mut ProgressFn<'_>,
) -> Result<SwReport> {
    let mut table = VoteTable::default();
    if let Some(votes) = votes {
        table.extend(votes.clone());
    }
    let mut gold_votes = 0;
    if let Some(gold) = gold {
        let names = gold.models.names();
        for (i, a) in names.iter().enumerate() {
            for b in &names[i + 1..] {
                let votes = gold.votes(a, b)?;
                gold_votes += votes.votes.len();
                table.extend(votes);
            }
        }
    }
    if table.votes.is_empty() {
        return Err(Error::invalid_argument("neither votes nor gold rows hold a vote"));
    }
    // A destination that cannot be written is found before the work, not after it.
    let writer = ArtifactWriter::new(out)?;
    let total = table.votes.len();
    let all = table.votes.iter().map(|vote| vote.prompt.as_str());
    let (embeddings, embedded) =
        Embeddings::new(encoder, "similarity-weighted ranking", cache)?.of(all, (0, total), progress)?;
    let column = |of: &dyn Fn(usize) -> String| (0..table.votes.len()).map(of).collect::<Vec<_>>();
    let (model_a, model_b) =
        (column(&|i| table.votes[i].model_a.clone()), column(&|i| table.votes[i].model_b.clone()));
    // A gold row makes several votes of one id; an id names a record, not a vote.
    let ids = column(&|i| table.votes[i].id.replace(['\n', '\r'], " "));
    let winner: Vec<Winner> = table.votes.iter().map(|vote| vote.winner).collect();
    let columns = VoteColumns {
        embeddings: &embeddings,
        dim: encoder.spec().dimension(),
        encoder: encoder.spec().id(),
        model_a: &model_a,
        model_b: &model_b,
        winner: &winner,
        ids: Some(&ids),
    };
    let prompts: Vec<&str> = table.votes.iter().map(|v| v.prompt.as_str()).collect();
    let mut provenance = Map::new();
    let counts = votes.map(|votes| votes.counts).unwrap_or_default();
    provenance.insert(
        "counts".into(),
        json!({
            "votes_read": counts.read,
            "votes_dropped_null_winner": counts.dropped_null_winner,
            "votes_dropped_short": counts.dropped_short,
            "gold_rows_read": gold.map_or(0, |gold| gold.rows.len()),
            "gold_votes": gold_votes,
        }),
    );
    provenance.insert("label_kinds".into(), json!({ "votes": "D_arena", "gold": "D_gold" }));
    provenance.extend(sources);
    // Tiers come from the votes where those know every model.
    let mut options = options.clone();
    if let (Some(votes), Some(gold)) = (votes, gold) {
        let known = votes.models();
        let rated = gold.models.names().iter().all(|name| known.number(name).is_ok());
        options.build.rated = options.build.rated.or(rated.then_some(votes.votes.len()));
    }
    let mut report = write(writer, &columns, Some(&prompts), Some(encoder), &options, provenance, progress)?;
    report.embedded = embedded;
    Ok(report)
}

/// Builds from columns with embeddings; the artifact then takes embeddings of the same model only.
///
/// # Errors
/// `InvalidArgument` if the columns do not fit each other, a row's embedding is zero or not finite (naming the
/// row), or texts are asked for, which columns do not have; `Cancelled`; `Io`.
pub fn train_columns(
    out: &Path,
    columns: &VoteColumns<'_>,
    options: &SwOptions,
    sources: Map<String, Value>,
    progress: &mut ProgressFn<'_>,
) -> Result<SwReport> {
    if options.texts {
        return Err(Error::invalid_argument("texts have no effect: columns with embeddings hold no prompts"));
    }
    if options.read.is_some() {
        return Err(Error::invalid_argument(
            "read has no effect: the router will take embeddings, not chats",
        ));
    }
    write(ArtifactWriter::new(out)?, columns, None, None, options, sources, progress)
}

fn write(
    mut writer: ArtifactWriter,
    columns: &VoteColumns<'_>,
    prompts: Option<&[&str]>,
    encoder: Option<&Encoder>,
    options: &SwOptions,
    provenance: Map<String, Value>,
    progress: &mut ProgressFn<'_>,
) -> Result<SwReport> {
    let models = models(columns)?;
    let number = |names: &[String]| names.iter().map(|name| models.number(name)).collect::<Result<Vec<_>>>();
    let (model_a, model_b) = (number(columns.model_a)?, number(columns.model_b)?);
    let input = SwInput {
        embeddings: columns.embeddings,
        dim: columns.dim,
        models: &models,
        model_a: &model_a,
        model_b: &model_b,
        winners: columns.winner,
        ids: columns.ids,
    };
    let model = SwModel::build(&input, &options.build, &mut |step| {
        let stage = match step.stage {
            Stage::Normalize => "normalize",
            Stage::Rate => "rate",
            Stage::Cluster => "cluster",
            Stage::Store => "store",
        };
        match report(progress, stage, step.done, step.total, None) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    let mut ratings: Vec<(String, f64)> =
        models.names().iter().cloned().zip(model.meta().ratings.iter().copied()).collect();
    ratings.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (strong, weak) = pair(&model, options, &ratings)?;
    let (calibration, scores) = calibrate(&model, columns, prompts, (&strong, &weak), progress)?;
    let mut calibration = calibration.dated(options.calibration_date.as_deref())?;
    calibration.scores = Some(writer.add_scores(&scores)?);
    let texts = prompts.filter(|_| options.texts);

    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        name: options.name.clone(),
        kind: Kind::SwRanking,
        models: Models { names: models.names().to_vec(), strong, weak },
        featurizer: encoder.map_or_else(
            || FeaturizerSpec::Caller(CallerSpec { id: columns.encoder.to_owned(), dimension: columns.dim }),
            |encoder| encoder.spec().clone(),
        ),
        scorer: Json::of(&SwSpec { texts: texts.is_some() })?,
        files: Vec::new(),
        calibration: Some(calibration),
        read: options.read,
        provenance: full_provenance(&model, provenance).into(),
        manifest_sha256: String::new(),
    };
    writer.add_with(STORE_FILE, |path| model.write(path))?;
    if let Some(texts) = texts {
        let lines: Vec<String> = texts.iter().map(|text| json!(text).to_string()).collect();
        writer.add(TEXTS_FILE, (lines.join("\n") + "\n").as_bytes())?;
    }
    if let Some(encoder) = encoder {
        encoder.add_files(&mut writer)?;
    }
    writer.finish(&manifest)?;
    let tiers = model.meta().tiers.iter().max().map_or(0, |last| last + 1);
    Ok(SwReport { votes: model.meta().votes, embedded: 0, tiers, ratings })
}

/// The models of the columns, in alphabetical order.
fn models(columns: &VoteColumns<'_>) -> Result<ModelIndex> {
    let n = columns.winner.len();
    let fits = columns.model_a.len() == n
        && columns.model_b.len() == n
        && columns.ids.is_none_or(|ids| ids.len() == n)
        && columns.dim > 0
        && columns.embeddings.len() == n * columns.dim;
    if !fits || n == 0 {
        return Err(Error::invalid_argument(format!(
            "columns of one length, and at least one row, are needed: {} embeddings of {} dimensions, {} model_a, {} \
             model_b, {n} winners, {} ids",
            columns.embeddings.len() / columns.dim.max(1),
            columns.dim,
            columns.model_a.len(),
            columns.model_b.len(),
            columns.ids.map_or(n, <[String]>::len),
        )));
    }
    let mut names: Vec<&String> = columns.model_a.iter().chain(columns.model_b).collect();
    names.sort();
    names.dedup();
    ModelIndex::new(names)
}

/// The pair of the options, or the best and the worst rated models that the votes can compare.
fn pair(model: &SwModel, options: &SwOptions, ratings: &[(String, f64)]) -> Result<(String, String)> {
    if let Some((strong, weak)) = &options.pair {
        model.routable_pair(strong, weak, Mode::Exact)?;
        return Ok((strong.clone(), weak.clone()));
    }
    let strong = &ratings[0].0;
    let mut why = None;
    for (weak, _) in ratings[1..].iter().rev() {
        match model.routable_pair(strong, weak, Mode::Exact) {
            Ok(_) => return Ok((strong.clone(), weak.clone())),
            Err(error) => why = Some(error),
        }
    }
    let why = why.map_or_else(String::new, |error| format!("; {error}"));
    Err(Error::invalid_argument(format!(
        "no model can be told from the best one, {strong:?}: name a pair, or add votes{why}"
    )))
}

/// The pair's win rates on prompts of the votes, at most [`SCORES_PROMPTS`] evenly spaced ones, and the strengths of
/// all tiers there, from which those of any other pair follow.
fn calibrate(
    model: &SwModel,
    columns: &VoteColumns<'_>,
    prompts: Option<&[&str]>,
    (strong, weak): (&str, &str),
    progress: &mut ProgressFn<'_>,
) -> Result<(Calibration, CandidateScores)> {
    let (strong, weak) = model.pair(strong, weak, Mode::Exact)?;
    let n = columns.winner.len();
    let sample = n.min(SCORES_PROMPTS);
    let places: Vec<usize> = CandidateScores::places(n).collect();
    let query = |place: usize| &columns.embeddings[place * columns.dim..][..columns.dim];
    let mut scratch = Scratch::default();
    let (mut rates, mut scores) = (Vec::with_capacity(sample), CandidateScores::new());
    for (i, place) in places.iter().enumerate() {
        let score = model.score(query(*place), &ScoreOptions::default(), &mut scratch)?;
        rates.push(score.win_rate(strong, weak)?);
        scores.push(score.strengths());
        report(progress, "calibration", i + 1, sample, None)?;
    }
    let hash = if let Some(prompts) = prompts {
        hash_of_prompts(places.iter().map(|place| prompts[*place]))
    } else {
        let numbers = places.iter().flat_map(|place| query(*place));
        sha256_hex(&numbers.flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
    };
    let table = Calibration::from_win_rates(format!("{sample} prompts of the votes"), rates)?;
    Ok((table.taken_from(hash), scores))
}

fn full_provenance(model: &SwModel, sources: Map<String, Value>) -> Map<String, Value> {
    let meta = model.meta();
    let mut map = Map::new();
    map.insert("tool".into(), json!(format!("routellm {}", crate::VERSION)));
    map.insert("trainer".into(), json!("sw_ranking: votes weighted by similarity"));
    map.insert("votes".into(), json!(meta.votes));
    map.insert("tie_rule".into(), json!("a tie is one win each way"));
    map.insert("weight_exponent".into(), json!(meta.weight_exponent));
    map.insert("store".into(), json!(meta.store.name()));
    map.insert("seed".into(), json!(meta.seed));
    map.extend(sources);
    map
}
