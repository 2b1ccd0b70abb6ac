//! Arithmetic with the same bits on every CPU, and random numbers with the same sequence in every version.

#![allow(
    clippy::inline_always,
    reason = "a body compiled once per instruction set must end up inside the function with the target feature"
)]

mod exp;
mod kernel;
mod normal;
mod parallel;
mod random;

pub(crate) use exp::exp;
pub(crate) use kernel::{LANES, add, dispatch, dot, dot_f64, fold, instruction_set, normalize, sigmoid};
pub(crate) use normal::normal_quantile;
pub(crate) use parallel::parallel_map;
pub use random::Rng;
pub(crate) use random::SplitMix;
