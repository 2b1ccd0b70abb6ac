//! Names of models that mean the same.

pub(crate) use crate::names::{alike, suggestion};
