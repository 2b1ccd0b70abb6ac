//! What an evaluation found, as one JSON object.
//!
//! Shares, qualities and win rates are in [0, 1], costs in USD per 1,000 requests, and what is not known is null, with the
//! reason beside it. A number with an interval is an object of `value`, `low` and `high`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CptTest, Definition, Estimate, ModelsReport, PairReport, PairedTest, TableKind};
use crate::preference::alike;

/// The form of this report. It changes when a member goes or means something else, not when one joins.
pub const REPORT_FORM: u32 = 1;

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvalReport {
    /// [`REPORT_FORM`].
    pub form: u32,
    /// The version of this library.
    pub version: &'static str,
    /// Seed of everything that was left to chance.
    pub seed: u64,
    /// Draws of the bootstrap behind each interval.
    pub draws: usize,
    /// Level of the intervals.
    pub confidence: f64,
    /// The levels of CPT.
    pub levels: Vec<f64>,
    /// The definitions of the figures.
    pub definition: Definition,
    /// The routers, in the order in which they were named.
    pub routers: Vec<RouterFacts>,
    /// What they were evaluated on: the benchmarks, and then the data.
    pub tables: Vec<TableReport>,
}

/// A router that was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RouterFacts {
    /// How the report calls it.
    pub name: String,
    /// `default`, or its folder as it was given.
    pub path: String,
    /// The kind of its scorer.
    pub kind: String,
    /// Its own strong model.
    pub strong: String,
    /// Its own weak model.
    pub weak: String,
    /// SHA-256 of its files, its options of opening and the version of this library: what decides its scores.
    pub checksum: String,
    /// The threshold of a call that names none; null if it has no calibration.
    pub default_threshold: Option<f64>,
    /// The strong share that this threshold was calibrated to.
    pub default_strong_share: Option<f64>,
}

/// Who chose the pair of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PairChoice {
    /// Whoever asked.
    Given,
    /// The first router whose own pair the table has.
    Router,
    /// There are no other models: of two the one of higher mean quality is the strong one.
    TwoModels,
    /// Of votes the two models that most rows compare; the one that wins more often is the strong one.
    MostVotes,
    /// The model of the highest mean quality, and the cheapest other one.
    BestAndCheapest,
    /// The models of the highest and of the lowest mean quality.
    BestAndWorst,
}

/// Routers and baselines on one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TableReport {
    /// The benchmark, or the name of the data.
    pub name: String,
    /// The file; null of a benchmark and of rows in memory.
    pub path: Option<String>,
    /// What the qualities are made of.
    pub kind: TableKind,
    /// The strong model of the pair.
    pub strong: String,
    /// The weak model of the pair.
    pub weak: String,
    /// Who chose the pair.
    pub pair_choice: PairChoice,
    /// Rows that know both models of the pair: those that all figures of the pair are about.
    pub rows: usize,
    /// Different prompts among them.
    pub prompts: usize,
    /// Rows that do not know both.
    pub missing: usize,
    /// Whether the rows are logs of one model each, weighted by inverse propensities: then figures are estimates of what rows
    /// that know both would say, no prompt is the most wrong one, and a quality may be above 1.
    pub weighted: bool,
    /// Rows that a list of contaminated prompts names, left out.
    pub contaminated: usize,
    /// Rows that were left out for other reasons, by the reason.
    pub dropped: BTreeMap<String, usize>,
    /// Columns that are no model's and describe nothing, each with the reason.
    pub left_out: BTreeMap<String, String>,
    /// Every model of the table.
    pub models: Vec<ModelFacts>,
    /// Names that differ only by an organisation or by case, by group: mostly one model.
    pub alike: Vec<Vec<String>>,
    /// Rows that know every model, which the figures of N models are about; null if there are only two models.
    pub complete_rows: Option<usize>,
    /// Routers in the order in which they were named, and then the baselines.
    pub results: Vec<ResultReport>,
    /// Every two routers, and every router with every baseline that scores prompts, on the same rows.
    pub comparisons: Vec<Comparison>,
    /// Parts of the rows.
    pub slices: Vec<SliceReport>,
    /// Prompts of the rows that the baselines were trained on too; null if none were trained. Their figures are too good
    /// then.
    pub baseline_overlap: Option<usize>,
}

/// A model of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Rows that know it.
    pub rows: usize,
    /// Mean quality over these; null without one.
    pub quality: Option<f64>,
    /// Mean cost in USD per 1,000 requests; null where it is not known.
    pub cost_per_1000: Option<f64>,
}

/// Whether something is evaluated, or what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// A router that was named.
    Router,
    /// `random`, `length`, `best single model`, `oracle`, `linear` or `knn`.
    Baseline,
}

/// One router or baseline on one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResultReport {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// What a baseline does; empty of a router.
    pub about: String,
    /// The figures of the pair; null where `why` says why.
    pub pair: Option<PairReport>,
    /// The figures of N models; null of what knows no qualities of the table's models, and of tables of two models.
    pub models: Option<ModelsReport>,
    /// Why figures are missing, if some are.
    pub why: Option<String>,
    /// Shares, qualities and costs by threshold, from the highest threshold (all weak) to the lowest (all strong), at most
    /// 201; empty of what has no thresholds.
    pub thresholds: Vec<ThresholdPoint>,
    /// What the router's own default threshold does here; null if it has none.
    pub at_default: Option<ThresholdPoint>,
    /// Other clothes and attacks; null where they were not looked at.
    pub robustness: Option<Robustness>,
    /// The rows where it was most wrong, the worst first.
    pub most_wrong: Vec<WrongPrompt>,
    /// What one model for everything does: of the baseline `best single model` only.
    pub single: Option<ModelFacts>,
}

/// What a threshold does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ThresholdPoint {
    /// Win rates of at least this go to strong. The first of a list may be above every win rate.
    pub threshold: f64,
    /// The share of the rows that goes to strong.
    pub strong_share: f64,
    /// The mean quality.
    pub quality: f64,
    /// USD per 1,000 requests; null where costs are not known.
    pub cost_per_1000: Option<f64>,
}

/// Two routers or baselines on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// AUC of the first minus that of the second, and whether that is more than chance.
    pub auc: PairedTest,
    /// Likewise APGR; null where APGR is undefined.
    pub apgr: Option<PairedTest>,
    /// Likewise the strong share of CPT at each level: below 0 the first is the better one.
    pub cpt: Vec<CptTest>,
    /// Why there is no test of APGR.
    pub why: Option<String>,
}

/// The rows by the values of one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SliceReport {
    /// The column: `length`, `code`, `script`, `language`, or one of the data.
    pub column: String,
    /// Its values; for `length` and `code` those without a row too.
    pub values: Vec<SliceValue>,
}

/// The rows of one value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SliceValue {
    /// The value; empty for rows that have none.
    pub value: String,
    /// Its rows.
    pub rows: usize,
    /// Mean quality of the strong model; null without a row.
    pub strong_quality: Option<f64>,
    /// Mean quality of the weak model.
    pub weak_quality: Option<f64>,
    /// Figures of each router and each baseline that scores prompts.
    pub results: Vec<SliceResult>,
}

/// One router or baseline on the rows of a slice.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SliceResult {
    /// Its name.
    pub name: String,
    /// Mean win rate of these rows; null without a row, and of `random` and `length`.
    pub mean_win_rate: Option<f64>,
    /// The share that goes to strong at the threshold that sends half of all rows of the table there.
    pub strong_share: Option<f64>,
    /// APGR within the slice; null where `why` says why.
    pub apgr: Option<Estimate>,
    /// The strong share at which half of the gap is recovered.
    pub cpt50: Option<Estimate>,
    /// Why a figure is missing.
    pub why: Option<String>,
}

/// How a router takes the same questions in other clothes, and attempts to force the strong model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Robustness {
    /// The rows that were scored again, drawn from those of the pair.
    pub rows: usize,
    /// APGR on these rows as they are.
    pub apgr: Option<Estimate>,
    /// The threshold that attacks are measured at: it sends a fifth of these rows to strong, or as near as ties allow.
    pub threshold: f64,
    /// The share that it sends there.
    pub strong_share: f64,
    /// Other clothes, by [`Reformat`](super::reformat::Reformat).
    pub clothes: Vec<Clothes>,
    /// The attacks, by [`Attack`](super::Attack), and the searched one.
    pub attacks: Vec<AttackReport>,
}

/// The same questions in other clothes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Clothes {
    /// Which.
    pub name: String,
    /// The share of the rows whose text they change.
    pub changed: f64,
    /// APGR in these clothes.
    pub apgr: Option<Estimate>,
    /// APGR in these clothes minus APGR of the rows as they are: below 0 is a loss.
    pub difference: Option<Estimate>,
    /// Mean absolute difference of the win rates.
    pub moved: f64,
    /// The share of the rows whose side changes at [`Robustness::threshold`].
    pub flipped: f64,
    /// The share that goes to strong at that threshold.
    pub strong_share: f64,
}

/// An attempt to force the strong model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttackReport {
    /// Which.
    pub name: String,
    /// What stands before each prompt.
    pub prefix: String,
    /// What stands behind it.
    pub suffix: String,
    /// The share that goes to strong at [`Robustness::threshold`] under attack.
    pub strong_share: f64,
    /// That minus the share without it: above 0 the attacker wins.
    pub raised: f64,
    /// The share of the rows that went to weak and go to strong now, of those that went to weak; null if none did.
    pub forced: Option<f64>,
    /// USD per 1,000 requests more than without; null where costs are not known.
    pub cost_raised_per_1000: Option<f64>,
}

/// A row where a router was most wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WrongPrompt {
    /// The number of the row in the table, from 0, of those that were not left out as contaminated.
    pub row: usize,
    /// The win rate.
    pub win_rate: f64,
    /// The share of the rows with a lower win rate, with half of those that have this one.
    pub rank: f64,
    /// Quality of the strong model.
    pub strong: f64,
    /// Quality of the weak model.
    pub weak: f64,
    /// How wrong it was: what the strong model is better by, times how far down its rank is, or the other way round.
    pub wrong: f64,
    /// Bytes of the prompt.
    pub bytes: usize,
    /// The prompt; null unless texts were asked for.
    pub prompt: Option<String>,
}

impl TableReport {
    /// The groups of names that are alike.
    pub(super) fn alike(models: &[String]) -> Vec<Vec<String>> {
        alike(models.iter().map(String::as_str))
    }

    /// The router or baseline of this name.
    pub fn result(&self, name: &str) -> Option<&ResultReport> {
        self.results.iter().find(|result| result.name == name)
    }
}
