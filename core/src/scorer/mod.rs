//! Scorers: features or an embedding in, scores out.

pub mod sw_ranking;
