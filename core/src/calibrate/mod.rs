//! Calibration: from a strong share to a threshold, by the distribution of win rates on a sample of prompts.
//!
//! An artifact keeps the sample's win rates as a [`Calibration`]: sorted, distinct, with counts. Opening makes
//! [`Shares`] of it, which answers calls. Where an artifact also holds scores of every candidate on the sample
//! ([`CandidateScores`]), any of its pairs is calibrated at opening.

mod candidates;
mod date;
mod quantiles;
mod sample;
mod shares;
mod table;

pub use candidates::{CandidateScores, SCORES_FILE, SCORES_PROMPTS, ScoresSpec};
pub(crate) use candidates::{SCORES_TENSOR, TOKENS_TENSOR};
#[cfg(feature = "train")]
pub(crate) use date::check as check_date;
pub use quantiles::quantile;
pub use sample::Sample;
pub use shares::{EVERYTHING, NOTHING, Shares};
pub use table::{Calibration, MAX_POINTS, hash_of_prompts};
