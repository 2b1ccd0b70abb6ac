//! From similarities to ratings: weights summed by group, and the maximum of the likelihood that they have.

pub(crate) mod groups;
pub(crate) mod score;
pub(crate) mod strengths;
