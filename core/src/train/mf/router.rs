//! From votes and gold rows to an artifact.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fit::{Setup, fit_watched};
use super::{FitOptions, MfFit};
use crate::artifact::{Models, tensor_f32};
use crate::control::Watch;
use crate::features::Features;
use crate::files::Json;
use crate::numeric::sigmoid;
use crate::preference::{EmbeddedVotes, GoldRow, GoldTable, Split, VoteTable, Winner, suggestion};
use crate::quality::QualityFit;
use crate::scorer::mf::{MfScorer, WEIGHTS_FILE};
use crate::scorer::{Kind, Pair};
use crate::setters::options_struct;
use crate::train::collect::{Collected, Prompt};
use crate::train::embeddings::{Embeddings, Trainer};
use crate::train::frame::{FIT, Made, Training, members};
use crate::train::qualities::{covers, fit_compared};
use crate::train::sources::refuse_logs;
use crate::train::weaker::Weaker;
use crate::train::{Control, DataReport, Encoder, Sources, Ties, TrainOptions};
use crate::{Error, Result};

options_struct! {
    /// Options of [`train`].
    #[derive(Debug, Clone, PartialEq)]
    pub struct MfOptions {
        /// What all trainers take.
        common: TrainOptions = TrainOptions::new(),
        /// The optimisation.
        fit: FitOptions = FitOptions::new(),
    }
}

/// What a training found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MfReport {
    /// The fit.
    #[serde(flatten)]
    pub fit: MfFit,
    /// Prompts that had to be embedded: those that the cache did not hold.
    pub embedded: usize,
    /// Prompts that could not be embedded and were left out, those of the calibration included.
    pub left_out: usize,
    /// What the votes and gold rows were read as.
    #[serde(flatten)]
    pub data: DataReport,
}

/// Trains on votes and gold rows and writes the artifact `out`, with the encoder's files, calibrated on the prompts of
/// the options, or on the training prompts. Where there are only gold rows of two models, the better one is the strong
/// model of a pair that is not named.
///
/// Comparisons of a model with itself are dropped and counted, and so are ties unless
/// [`ties`](TrainOptions::ties) says otherwise, as in the reference. What a judge is sure of
/// ([`Vote::p_model_a`](crate::preference::Vote::p_model_a)) is learned as it is. Of gold rows, each two models of
/// different quality make a comparison, with half their difference more or less than one half as its target: right against
/// wrong is 1.
///
/// # Errors
/// `InvalidArgument` for unknown models or without comparisons; `Unsupported` if the encoder's features are
/// not dense; what the encoder reports; `Cancelled`; `ResourceExhausted` if its time is over; `Io`.
pub fn train(
    out: impl AsRef<Path>,
    sources: &Sources,
    encoder: &Encoder,
    options: &MfOptions,
    control: Control<'_>,
) -> Result<MfReport> {
    let (common, votes) = (&options.common, sources.vote_table());
    refuse_logs(sources, "matrix factorization compares models")?;
    let gold = common.renamed(sources.gold_table())?;
    let gold = gold.as_deref();
    common.refuse_left_out(votes, gold)?;
    let (strong, weak) = common.pair_of(gold.filter(|_| votes.is_none()))?;
    let ties = common.ties.unwrap_or(Ties::Drop);
    let (mut data, counts) = collect(votes, gold, &strong, &weak, ties)?;
    let mut training = Training::begin(out.as_ref(), sources.origins(), common, control)?;
    let trainer = Trainer { name: "matrix factorization", needs_direction: false };
    let mut embeddings = Embeddings::new(encoder, trainer, common, &training)?;
    let embedded = embeddings.of(&data.prompts, &mut training.watch)?;
    data.keep(&embedded)?;
    let (values, dim) = (embedded.values, encoder.spec().dimension());
    let input = EmbeddedVotes { votes: &data.votes, embeddings: &values, dim };
    let checkpoint = training.checkpoint(FIT);
    let split = split(&options.fit)?;
    let held_out =
        split.map(|split| data.prompts.iter().map(|prompt| split.holds_out(prompt.text)).collect());
    let setup = Setup { start: None, held_out, checkpoint: checkpoint.as_deref() };
    let fit = fit_watched(&input, &options.fit, setup, &mut training.watch)?;

    let models = data.votes.models().clone();
    let bound = Pair { strong: models.number(&strong)?, weak: models.number(&weak)? };
    let scorer = MfScorer::new(&fit.weights, bound)?;
    let qualities = match (gold, split) {
        (Some(gold), Some(split)) => {
            qualities(&scorer, gold, models.names(), &split, &mut embeddings, &mut training.watch)?
        }
        _ => None,
    };
    let (rated, values) = embeddings.sample(&data.prompts, values, common, &mut training)?;
    // Of two candidates there is one pair, and yet a budget.
    let calibration = training.calibrate(rated, true, |row, candidates| {
        let features = Features::Dense(&values[row * dim..][..dim]);
        let scores = if candidates { scorer.candidate_scores(features)? } else { Vec::new() };
        Ok((scorer.win_rate(features)?, scores))
    })?;
    let report = MfReport {
        fit,
        embedded: embeddings.computed(),
        left_out: embeddings.left_out(),
        data: DataReport::new(votes, gold),
    };
    add_files(&mut training, &report.fit, encoder)?;
    training.finish(Made {
        kind: Kind::Mf,
        name: "mf",
        models: Models { names: models.names().to_vec(), strong, weak },
        featurizer: encoder.spec().clone(),
        scorer: Json::object(),
        calibration,
        qualities,
        facts: facts(&counts, &options.fit, ties, &report),
    })?;
    Ok(report)
}

type Counts = BTreeMap<&'static str, usize>;

/// What parts the comparisons: a hash of their prompt decides.
fn split(options: &FitOptions) -> Result<Option<Split>> {
    let some = options.held_out > 0.0 && options.held_out < 1.0;
    some.then(|| Split::new(options.held_out, options.seed)).transpose()
}

/// The curves of the candidates, from the gold rows of prompts that only chose the epoch: also of those on which all did equally
/// well, which make no comparison.
fn qualities(
    scorer: &MfScorer,
    gold: &GoldTable,
    names: &[String],
    split: &Split,
    embeddings: &mut Embeddings<'_>,
    watch: &mut Watch<'_>,
) -> Result<Option<QualityFit>> {
    if !covers(gold, names) {
        return Ok(None);
    }
    let rows: Vec<&GoldRow> = gold.rows.iter().filter(|row| split.holds_out(&row.prompt)).collect();
    let prompts: Vec<Prompt<'_>> = rows.iter().map(|row| Prompt::of_gold(row)).collect();
    let embedded = embeddings.of(&prompts, watch)?;
    let dim = embeddings.dimension();
    let mut said = Vec::new();
    for (row, place) in rows.into_iter().zip(embedded.row_of) {
        let Some(place) = place else { continue };
        let scores = scorer.candidate_scores(Features::Dense(&embedded.values[place * dim..][..dim]))?;
        said.push((row, move |a: usize, b: usize| Some(sigmoid(scores[a] - scores[b]))));
    }
    fit_compared(&said, gold, names)
}

/// The comparisons, and how many rows say nothing. Both models of the pair have to be among theirs.
fn collect<'a>(
    votes: Option<&'a VoteTable>,
    gold: Option<&'a GoldTable>,
    strong: &str,
    weak: &str,
    ties: Ties,
) -> Result<(Collected<'a>, Counts)> {
    let mut data = Collected::new(votes, gold)?;
    let known = data.votes.models();
    if let Some(name) = [strong, weak].iter().find(|name| known.number(name).is_err()) {
        return Err(Error::invalid_argument(format!(
            "{name:?} is in no vote and no gold row{}; known are: {}",
            suggestion(name, known.names().iter().map(String::as_str)),
            known.names().join(", ")
        )));
    }
    let pair = Pair { strong: known.number(strong)?, weak: known.number(weak)? };
    let mut targets = Targets { of: Vec::new(), ties, weaker: Weaker::new(known, votes, gold, pair)? };
    let mut counts = Counts::new();
    if let Some(table) = votes {
        collect_votes(table, &mut data, &mut targets, &mut counts)?;
    }
    if let Some(table) = gold {
        collect_gold(table, &mut data, &mut targets, &mut counts)?;
    }
    if data.votes.ballots().is_empty() {
        return Err(Error::invalid_argument("neither votes nor gold rows hold a comparison with a winner"));
    }
    data.with_targets(targets.of)?;
    Ok((data, counts))
}

/// What the comparisons say, in their order.
struct Targets {
    of: Vec<f64>,
    ties: Ties,
    weaker: Weaker,
}

impl Targets {
    /// Of two models that answered equally well; `None` if that says nothing.
    fn tie(&self, a: usize, b: usize) -> Option<f64> {
        match self.ties {
            Ties::Drop => None,
            Ties::Half => Some(0.5),
            Ties::WeakNotWorse => Some(self.weaker.wins(a, b)),
        }
    }
}

fn collect_votes<'a>(
    table: &'a VoteTable,
    data: &mut Collected<'a>,
    targets: &mut Targets,
    counts: &mut Counts,
) -> Result<()> {
    counts.insert("votes_read", table.counts.read);
    counts.insert("votes_dropped_null_winner", table.counts.dropped_null_winner);
    counts.insert("votes_dropped_short", table.counts.dropped_short);
    for vote in &table.votes {
        let models = data.votes.models();
        let (a, b) = (models.number(&vote.model_a)?, models.number(&vote.model_b)?);
        let target = match (vote.winner, vote.p_model_a) {
            (Winner::Tie, _) => targets.tie(a, b),
            (_, Some(p)) => Some(p),
            (Winner::ModelA, None) => Some(1.0),
            (Winner::ModelB, None) => Some(0.0),
        };
        let what = match target {
            _ if a == b => "votes_dropped_same_model",
            None => "votes_dropped_tie",
            Some(target) => {
                data.add_vote(vote)?;
                targets.of.push(target);
                if vote.winner == Winner::Tie { "votes_used_tie" } else { "votes_used" }
            }
        };
        *counts.entry(what).or_default() += 1;
    }
    Ok(())
}

/// A comparison for each two models of a row: one half and half the difference of their qualities is how likely the
/// better one's answer is the better one.
fn collect_gold<'a>(
    table: &'a GoldTable,
    data: &mut Collected<'a>,
    targets: &mut Targets,
    counts: &mut Counts,
) -> Result<()> {
    counts.insert("gold_rows_read", table.rows.len());
    let numbers = data.numbers(table)?;
    for row in &table.rows {
        for (i, (a, quality)) in numbers.iter().zip(&row.scores).enumerate() {
            for (b, other) in numbers.iter().zip(&row.scores).skip(i + 1) {
                let (target, what) = match GoldRow::winner_of(*quality, *other) {
                    Winner::Tie => (targets.tie(*a, *b), "gold_comparisons_used_tie"),
                    _ => (Some(0.5 + (quality - other) / 2.0), "gold_comparisons_used"),
                };
                let Some(target) = target else { continue };
                data.add_gold(row, (*a, *b), GoldRow::winner_of(*quality, *other))?;
                targets.of.push(target);
                *counts.entry(what).or_default() += 1;
            }
        }
    }
    Ok(())
}

fn add_files(training: &mut Training<'_>, fit: &MfFit, encoder: &Encoder) -> Result<()> {
    let weights = &fit.weights;
    training.writer.add_tensors(
        WEIGHTS_FILE,
        &[
            ("P.weight", tensor_f32(&[weights.models, weights.dim], &weights.p)),
            ("text_proj.0.weight", tensor_f32(&[weights.dim, weights.text_dim], &weights.w)),
            ("classifier.0.weight", tensor_f32(&[1, weights.dim], &weights.c)),
        ],
    )?;
    encoder.add_files(&mut training.writer)
}

fn facts(counts: &Counts, options: &FitOptions, ties: Ties, report: &MfReport) -> Map<String, Value> {
    let fit = &report.fit;
    let mut facts = members([
        ("trainer", json!("mf: Adam on (winner, loser) comparisons")),
        ("label_kinds", json!({ "votes": "D_arena", "gold": "D_gold" })),
        ("counts", json!(counts)),
        ("tie_rule", json!(ties.rule())),
        ("seed", json!(options.seed)),
        (
            "options",
            json!({
                "dim": options.dim, "epochs": options.epochs, "batch": options.batch,
                "learning_rate": options.learning_rate, "weight_decay": options.weight_decay,
                "noise": options.noise, "held_out": options.held_out, "patience": options.patience,
            }),
        ),
        ("best_epoch", json!(fit.best_epoch)),
        ("held_out_loss", json!(fit.held_out_losses.get(fit.best_epoch))),
    ]);
    if report.left_out > 0 {
        facts.insert("left_out".to_owned(), json!(report.left_out));
    }
    facts
}
