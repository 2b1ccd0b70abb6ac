//! Building of the `sw_ranking` router: votes, gold rows or columns with embeddings, to an artifact.

use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::collect::Collected;
use super::embeddings::{Embeddings, Trainer};
use super::frame::{Made, Rated, Training, members};
use super::sources::Origin;
use super::sources::refuse_logs;
use super::sw_qualities::qualities;
use super::{Control, DataReport, Encoder, Sources, Ties, TrainOptions};
use crate::artifact::{Models, sha256_hex};
use crate::calibrate::{Calibration, CandidateScores, hash_of_prompts};
use crate::control::Watch;
use crate::features::{CallerSpec, FeaturizerSpec};
use crate::files::Json;
use crate::preference::{EmbeddedVotes, GoldTable, VoteTable};
use crate::quality::QualityFit;
use crate::scorer::Kind;
use crate::scorer::sw_ranking::{
    BuildOptions, ClusterOptions, STORE_FILE, ScoreOptions, Scratch, Stage, StoreKind, SwModel, SwSpec,
    TEXTS_FILE,
};
use crate::setters::options_struct;
use crate::{Error, Mode, Result};

options_struct! {
    /// Options of [`train`] and [`train_columns`].
    #[derive(Debug, Clone, PartialEq)]
    pub struct SwOptions {
        /// What all trainers take. Without a pair, the artifact routes between the best and the worst rated model unless
        /// the opener names others.
        common: TrainOptions = TrainOptions::new(),
        /// Tiers, store, clusters and exponent; as many threads as the machine has cores.
        build: BuildOptions = BuildOptions::new()
            .threads(std::thread::available_parallelism().map_or(1, usize::from)),
        /// Whether the texts of the votes' prompts go into the artifact, for explanations. They may be private.
        texts: bool = false,
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

/// What a build made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SwReport {
    /// Votes in the artifact.
    pub votes: usize,
    /// Prompts that had to be embedded: those that the cache did not hold.
    pub embedded: usize,
    /// Prompts that could not be embedded and were left out with their votes.
    pub left_out: usize,
    /// Number of tiers.
    pub tiers: usize,
    /// Models with their rating over all votes, best first.
    pub ratings: Vec<(String, f64)>,
    /// What the votes and gold rows were read as.
    #[serde(flatten)]
    pub data: DataReport,
}

/// Builds from votes and gold rows, whose prompts `encoder` embeds, and writes the artifact `out`. Gold rows become
/// votes between every two of their models: both right or both wrong is a tie. With both, the tiers come from the votes
/// alone, provided that they know every model: gold rows are mostly ties and would put the models that they compare into
/// one tier.
///
/// The artifact is calibrated for its pair on prompts of the votes, and holds what any other pair is calibrated from when
/// it is opened: the ratings there.
///
/// # Errors
/// `InvalidArgument` without votes, for unknown models, or for a pair inside one tier; what the encoder reports;
/// `Cancelled`; `ResourceExhausted` if its time is over; `Io`.
pub fn train(
    out: impl AsRef<Path>,
    sources: &Sources,
    encoder: &Encoder,
    options: &SwOptions,
    control: Control<'_>,
) -> Result<SwReport> {
    let (common, votes) = (&options.common, sources.vote_table());
    refuse_sample(common)?;
    let pair = pair_named(common)?;
    let gold = common.renamed(sources.gold_table())?;
    let gold = gold.as_deref();
    common.refuse_left_out(votes, gold)?;
    refuse_logs(sources, "similarity-weighted ranking compares models")?;
    if common.ties.is_some_and(|ties| ties != Ties::Half) {
        return Err(Error::invalid_argument(
            "ties has no effect: in similarity-weighted ranking a tie is half a win each way",
        ));
    }
    let mut data = collect(votes, gold)?;
    if data.are_weighted() {
        return Err(Error::invalid_argument(
            "weight has no effect: similarity-weighted ranking weighs votes by their similarity",
        ));
    }
    // Tiers come from the votes where those know every model.
    let mut build = options.build.clone();
    if let (Some(votes), Some(gold)) = (votes, gold) {
        let known = votes.models();
        let rated = gold.models.names().iter().all(|name| known.number(name).is_ok());
        build.rated = build.rated.or(rated.then_some(votes.votes.len()));
    }
    let mut training = Training::begin(out.as_ref(), sources.origins(), common, control)?;
    let trainer = Trainer { name: "similarity-weighted ranking", needs_direction: true };
    let mut embeddings = Embeddings::new(encoder, trainer, common, &training)?;
    let embedded = embeddings.of(&data.prompts, &mut training.watch)?;
    let has_row = |prompt: usize| embedded.row_of[prompt].is_some();
    build.rated = build
        .rated
        .map(|rated| data.votes.ballots().iter().take(rated).filter(|ballot| has_row(ballot.prompt)).count());
    data.keep(&embedded)?;
    let dim = encoder.spec().dimension();
    let qualities = match gold {
        Some(gold) => qualities(&data, gold, (&embedded.values, dim), &build, &mut training.watch)?,
        None => None,
    };
    let votes_in = EmbeddedVotes { votes: &data.votes, embeddings: &embedded.values, dim };
    let (model, ratings) = build_model(&votes_in, &build, &mut training.watch)?;
    let places: Vec<usize> = CandidateScores::places(data.votes.ballots().len()).collect();
    let prompt_of = |vote: usize| data.prompts[data.votes.ballots()[vote].prompt].text;
    let sha256 = hash_of_prompts(places.iter().map(|vote| prompt_of(*vote)));
    training.measure((0..data.votes.ballots().len()).map(prompt_of));
    let calibrated = calibrate_and_store(&mut training, &model, &votes_in, (pair, &ratings), places, sha256)?;
    if options.texts {
        let mut lines = String::new();
        for vote in 0..data.votes.ballots().len() {
            lines.push_str(&json!(prompt_of(vote)).to_string());
            lines.push('\n');
        }
        training.writer.add(TEXTS_FILE, lines.as_bytes())?;
    }
    encoder.add_files(&mut training.writer)?;
    let mut report = report(&model, ratings, (embeddings.computed(), embeddings.left_out()));
    report.data = DataReport::new(votes, gold);
    let mut facts = facts_of(votes, gold);
    if report.left_out > 0 {
        facts.insert("left_out".to_owned(), json!(report.left_out));
    }
    let featurizer = encoder.spec().clone();
    finish(training, &model, calibrated, Finish { featurizer, texts: options.texts, qualities, facts })?;
    Ok(report)
}

/// Builds from votes with embeddings that the caller computed, one for each vote, by the model `encoder`, whose name
/// whoever opens the artifact reads; it then takes embeddings of the same model only.
///
/// # Errors
/// `InvalidArgument` if there is not an embedding for each vote, one is zero or not finite (naming the row), or texts are
/// asked for, which there are none of; `Cancelled`; `ResourceExhausted` if its time is over; `Io`.
pub fn train_columns(
    out: impl AsRef<Path>,
    votes: &EmbeddedVotes<'_>,
    encoder: &str,
    options: &SwOptions,
    control: Control<'_>,
) -> Result<SwReport> {
    let common = &options.common;
    if options.texts {
        return Err(Error::invalid_argument("texts have no effect: columns with embeddings hold no prompts"));
    }
    refuse_sample(common)?;
    common.refuse(&["read"], "the router will take embeddings, not chats")?;
    common.refuse(&["rename", "cache", "on_error", "ties"], "the votes come with embeddings")?;
    let pair = pair_named(common)?;
    let (n, dim) = (votes.votes.ballots().len(), votes.dim);
    if votes.embeddings.len() != n * dim {
        return Err(Error::invalid_argument(format!(
            "columns of one length are needed: {} embeddings of {dim} dimensions, {n} votes",
            votes.embeddings.len() / dim.max(1),
        )));
    }
    let origins = [Origin::columns(n)];
    let mut training = Training::begin(out.as_ref(), &origins, common, control)?;
    let (model, ratings) = build_model(votes, &options.build, &mut training.watch)?;
    let places: Vec<usize> = CandidateScores::places(n).collect();
    let numbers = places.iter().flat_map(|place| votes.embedding(&votes.votes.ballots()[*place]));
    let sha256 = sha256_hex(&numbers.flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
    let calibrated = calibrate_and_store(&mut training, &model, votes, (pair, &ratings), places, sha256)?;
    let report = report(&model, ratings, (0, 0));
    let featurizer = FeaturizerSpec::Caller(CallerSpec { id: encoder.to_owned(), dimension: dim });
    let facts = Map::new();
    finish(training, &model, calibrated, Finish { featurizer, texts: false, qualities: None, facts })?;
    Ok(report)
}

fn refuse_sample(common: &TrainOptions) -> Result<()> {
    common.refuse(&["calibration"], "this trainer takes the calibration's prompts from the votes")
}

type Ratings = Vec<(String, f64)>;

/// The pair that the options name, if they name one.
fn pair_named(common: &TrainOptions) -> Result<Option<(&str, &str)>> {
    match (&common.strong, &common.weak) {
        (Some(strong), Some(weak)) => Ok(Some((strong, weak))),
        (None, None) => Ok(None),
        _ => Err(Error::invalid_argument(
            "pass strong and weak together, or neither for the best and the worst rated model",
        )),
    }
}

/// All votes, those of gold rows after the others, with ids.
fn collect<'a>(votes: Option<&'a VoteTable>, gold: Option<&'a GoldTable>) -> Result<Collected<'a>> {
    // Gold rows of one model compare nothing.
    let gold = gold.filter(|gold| gold.models.len() > 1 && !gold.rows.is_empty());
    let mut data = Collected::new(votes, gold)?;
    // A gold row makes several votes of one id; an id names a record, not a vote.
    let mut ids: Vec<&str> = Vec::new();
    for vote in votes.iter().flat_map(|table| &table.votes) {
        data.add_vote(vote)?;
        ids.push(&vote.id);
    }
    if let Some(gold) = gold {
        let numbers = data.numbers(gold)?;
        for (a, first) in numbers.iter().enumerate() {
            for (b, second) in numbers.iter().enumerate().skip(a + 1) {
                for row in &gold.rows {
                    data.add_gold(row, (*first, *second), row.winner(a, b))?;
                    ids.push(&row.id);
                }
            }
        }
    }
    if data.votes.ballots().is_empty() {
        return Err(Error::invalid_argument("neither votes nor gold rows hold a vote"));
    }
    let ids = ids.into_iter().map(|id| id.replace(['\n', '\r'], " ")).collect();
    data.votes = std::mem::take(&mut data.votes).with_ids(ids)?;
    Ok(data)
}

/// The model, and the models' ratings, best first.
fn build_model(
    votes: &EmbeddedVotes<'_>,
    options: &BuildOptions,
    watch: &mut Watch<'_>,
) -> Result<(SwModel, Ratings)> {
    let mut stopped = None;
    let built = SwModel::build(votes, options, &mut |step| {
        let stage = match step.stage {
            Stage::Normalize => "normalize",
            Stage::Rate => "rate",
            Stage::Cluster => "cluster",
            Stage::Store => "store",
        };
        match watch.report(stage, step.done, step.total, None) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    // Why it stopped, the build does not know.
    let model = built.map_err(|error| stopped.unwrap_or(error))?;
    let names = model.models().names().iter().cloned();
    let mut ratings: Ratings = names.zip(model.meta().ratings.iter().copied()).collect();
    ratings.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok((model, ratings))
}

/// The pair that is named, or the best and the worst rated models that the votes can compare.
fn choose_pair(model: &SwModel, named: Option<(&str, &str)>, ratings: &Ratings) -> Result<(String, String)> {
    if let Some((strong, weak)) = named {
        model.routable_pair(strong, weak, Mode::Exact)?;
        return Ok((strong.to_owned(), weak.to_owned()));
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

/// A pair, and its calibration.
struct Calibrated {
    strong: String,
    weak: String,
    table: Calibration,
}

/// The pair's win rates on the prompts of some votes, evenly spaced ones, and the strengths of all tiers there, from which
/// those of any other pair follow; and the store, which is written.
fn calibrate_and_store(
    training: &mut Training<'_>,
    model: &SwModel,
    votes: &EmbeddedVotes<'_>,
    (named, ratings): (Option<(&str, &str)>, &Ratings),
    places: Vec<usize>,
    sha256: String,
) -> Result<Calibrated> {
    let (strong, weak) = choose_pair(model, named, ratings)?;
    let pair = model.pair(&strong, &weak, Mode::Exact)?;
    let name = format!("{} prompts of the votes", places.len()).into();
    let mut scratch = Scratch::default();
    let table = training.calibrate(Rated { name, sha256, rows: places }, true, |vote, _| {
        let query = votes.embedding(&votes.votes.ballots()[vote]);
        let score = model.score(query, &ScoreOptions::default(), &mut scratch)?;
        Ok((score.win_rate(pair.0, pair.1)?, score.strengths().to_vec()))
    })?;
    training.writer.add_with(STORE_FILE, |path| model.write(path))?;
    Ok(Calibrated { strong, weak, table })
}

/// What the manifest says beside the model and its calibration.
struct Finish {
    featurizer: FeaturizerSpec,
    texts: bool,
    qualities: Option<QualityFit>,
    facts: Map<String, Value>,
}

fn finish(training: Training<'_>, model: &SwModel, calibrated: Calibrated, of: Finish) -> Result<()> {
    let meta = model.meta();
    let Finish { featurizer, texts, qualities, mut facts } = of;
    facts.extend(members([
        ("trainer", json!("sw_ranking: votes weighted by similarity")),
        ("votes", json!(meta.votes)),
        ("tie_rule", json!("a tie is one win each way")),
        ("weight_exponent", json!(meta.weight_exponent)),
        ("store", json!(meta.store.name())),
        ("seed", json!(meta.seed)),
    ]));
    let Calibrated { strong, weak, table } = calibrated;
    training.finish(Made {
        kind: Kind::SwRanking,
        name: "sw-ranking",
        models: Models { names: model.models().names().to_vec(), strong, weak },
        featurizer,
        scorer: Json::of(&SwSpec { texts })?,
        calibration: table,
        qualities,
        facts,
    })
}

fn report(model: &SwModel, ratings: Ratings, (embedded, left_out): (usize, usize)) -> SwReport {
    let tiers = model.meta().tiers.iter().max().map_or(0, |last| last + 1);
    let data = DataReport::of_models(model.models());
    SwReport { votes: model.meta().votes, embedded, left_out, tiers, ratings, data }
}

/// What the provenance says of the rows.
fn facts_of(votes: Option<&VoteTable>, gold: Option<&GoldTable>) -> Map<String, Value> {
    let counts = votes.map(|votes| votes.counts).unwrap_or_default();
    let gold_rows = gold.map_or(0, |gold| gold.rows.len());
    let pairs = gold.map_or(0, |gold| gold.models.len() * gold.models.len().saturating_sub(1) / 2);
    members([
        (
            "counts",
            json!({
                "votes_read": counts.read,
                "votes_dropped_null_winner": counts.dropped_null_winner,
                "votes_dropped_short": counts.dropped_short,
                "gold_rows_read": gold_rows,
                "gold_votes": gold_rows * pairs,
            }),
        ),
        ("label_kinds", json!({ "votes": "D_arena", "gold": "D_gold" })),
    ])
}
