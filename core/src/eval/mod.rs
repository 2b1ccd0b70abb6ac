//! Quality against cost: PGR, APGR and CPT of a router on prompts whose answers were graded.
//!
//! The [`Definition::Exact`] definitions: the curve has one point for each distinct score, and prompts of one score are
//! sent together, so that between two points the quality is that of a fair coin among them. [`mod@reference`] has those of
//! the reference implementation.

mod attack;
mod baselines;
mod benchmark;
mod bootstrap;
mod cache;
mod columns;
mod cost;
mod curve;
mod estimate;
mod folder;
mod many;
mod models_figures;
mod options;
mod pair;
mod pair_choice;
mod paired_test;
mod read;
pub mod reference;
pub mod reformat;
mod report;
mod resample;
mod robust;
mod rows;
mod run;
mod score;
mod slices;
mod spec;
mod table;
mod training;
mod units;

pub use attack::Attack;
pub use benchmark::Benchmark;
pub use bootstrap::{Interval, bootstrap};
pub use cost::{aiq, arena_score, cost_save, hull, perf_gain};
pub use curve::{Curve, Graded, Point};
pub use estimate::Estimate;
pub use folder::BenchmarkName;
pub use models_figures::{ModelsReport, TradeOff};
pub use options::{Definition, EvalOptions, Prices};
pub use pair::{CostFigures, Cpt, CurvePoint, HistogramBin, PairReport, ReliabilityBin, Summary};
pub use paired_test::{CptTest, POWER, PairedTest, PairedTests};
pub use read::ReadOptions;
pub use report::{
    AttackReport, Clothes, Comparison, EvalReport, ModelFacts, PairChoice, REPORT_FORM, ResultReport,
    Robustness, Role, RouterFacts, SliceReport, SliceResult, SliceValue, TableReport, ThresholdPoint,
    WrongPrompt,
};
pub use run::{Label, run, run_labelled};
pub use slices::{has_code, length_band, script};
pub use spec::{DataSource, EvalSpec, RouterSource};
pub use table::{PairRows, Table, TableKind};
pub use training::{TrainingReport, run_training};
