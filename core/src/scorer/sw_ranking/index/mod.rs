//! The index of a clustered store: how it is built, and how it answers without reading every vote.

pub(crate) mod cluster;
pub(crate) mod clustered;
pub(crate) mod directions;
pub(crate) mod kmeans;
pub(crate) mod probe;
