//! Quality against cost: PGR, APGR and CPT of a router on prompts whose answers were graded.
//!
//! The [`Definition::Exact`] definitions: the curve has one point for each distinct score, and prompts of one score are
//! sent together, so that between two points the quality is that of a fair coin among them. [`mod@reference`] has those of
//! the reference implementation.

mod benchmark;
mod bootstrap;
mod cost;
mod curve;
mod estimate;
mod options;
mod pair;
pub mod reference;
pub mod reformat;
mod resample;
mod units;

pub use benchmark::Benchmark;
pub use bootstrap::{Interval, bootstrap};
pub use cost::{aiq, arena_score, cost_save, hull, perf_gain};
pub use curve::{Curve, Graded, Point};
pub use estimate::Estimate;
pub use options::{Definition, EvalOptions, Prices};
pub use pair::{CostFigures, Cpt, CurvePoint, HistogramBin, PairReport, ReliabilityBin, Summary};
