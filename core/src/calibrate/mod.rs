//! Calibration: from a strong share to a threshold, by the distribution of win rates on a sample of prompts.
//!
//! An artifact keeps the sample's win rates as a [`Calibration`]: sorted, distinct, with counts. Opening makes
//! [`Shares`] of it, which answers calls. Where an artifact also holds scores of every candidate on the sample
//! ([`CandidateScores`]), any of its pairs is calibrated at opening.
//!
//! [`Router::calibrate`](crate::Router::calibrate) makes a router with a table of one's own requests and a default that meets
//! a [`Target`]; [`CalibrateSpec`] says how, [`CalibrationReport`] what came of it, and a [`CalibrationFile`] keeps it.

mod candidates;
mod date;
mod file;
mod groups;
mod interval;
mod quantiles;
mod report;
mod sample;
mod shares;
mod shift;
mod spec;
mod table;

pub use candidates::{CandidateScores, SCORES_FILE, SCORES_PROMPTS, ScoresSample, ScoresSpec};
pub(crate) use candidates::{SCORES_TENSOR, TOKENS_TENSOR};
#[cfg(feature = "train")]
pub(crate) use date::check as check_date;
pub(crate) use date::days_since;
pub use file::{CalibrationFile, DefaultPolicy, OfRouter};
pub use groups::groups_of;
pub(crate) use groups::numbered;
pub use interval::{Bounds, design_effect, prediction_interval, share_interval};
pub use quantiles::quantile;
pub use report::{CalibrationReport, CalibrationWarning, LabelledQuality, ReportedSample, Slice};
pub use sample::Sample;
pub use shares::{EVERYTHING, NOTHING, Shares};
pub use shift::Shift;
pub use spec::{CalibrateSpec, Target};
pub use table::{Calibration, MAX_POINTS, hash_of_prompts};
