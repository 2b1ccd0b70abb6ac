//! Preference data: votes and gold rows in, Bradley-Terry ratings and tiers out.
//!
//! A **vote** (battle) is one prompt, two models and the preferred answer ([`Vote`]). Gold rows say for
//! each model whether its answer to a prompt was right ([`GoldTable`]); any two of its columns become
//! votes. Logs hold the outcome of one model a row ([`LogTable`]). [`bradley_terry`] rates the models, [`tiers`] groups the ratings.
//!
//! ```
//! use routellm_core::preference::{ModelIndex, SelfBattles, Winner, bradley_terry, tiers};
//!
//! let index = ModelIndex::new(["large", "small"])?;
//! let votes = [(0, 1, Winner::ModelA, 3.0), (0, 1, Winner::ModelB, 1.0)];
//! let wins = bradley_terry::WinMatrix::from_votes(&index, votes, SelfBattles::Drop)?;
//! let fit = bradley_terry::fit(&wins, 0.0)?;
//! assert!((fit.win_rate(0, 1)? - 0.75).abs() < 1e-12);
//! assert_eq!(tiers::tiers(&fit.ratings, 10)?, [0, 1]);
//! # Ok::<(), routellm_core::Error>(())
//! ```

pub mod bradley_terry;
pub(crate) mod filter;
#[cfg(feature = "train")]
mod gold;
#[cfg(feature = "train")]
mod logs;
mod name;
#[cfg(feature = "train")]
mod near;
pub(crate) mod newton;
#[cfg(feature = "train")]
mod read_gold;
#[cfg(feature = "train")]
mod read_votes;
#[cfg(feature = "train")]
mod row;
#[cfg(feature = "train")]
mod split;
#[cfg(feature = "train")]
mod summary;
pub mod tiers;
mod votes;
#[cfg(feature = "train")]
mod write;

pub use bradley_terry::SelfBattles;
pub use filter::{MIN_FIRST_TURN, filter_votes, first_turn_of_json, is_long_enough};
#[cfg(feature = "train")]
pub use gold::{GoldReader, GoldRow, GoldTable, LeftOut};
#[cfg(feature = "train")]
pub use logs::{LogRow, LogTable};
pub(crate) use name::{alike, suggestion};
#[cfg(feature = "train")]
pub(crate) use near::near_duplicates;
#[cfg(feature = "train")]
pub use split::Split;
#[cfg(feature = "train")]
pub use summary::{ModelSummary, PairSummary, PromptSummary, Summary};
pub use votes::{Ballot, EmbeddedVotes, ModelIndex, Vote, VoteCounts, VoteTable, Votes, Winner};
#[cfg(feature = "eval")]
pub(crate) use {
    logs::outcome,
    read_gold::{DESCRIPTIVE, Score, score},
    row::vote,
};
