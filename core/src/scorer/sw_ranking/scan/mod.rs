//! One pass over the rows: their inner products with queries, at the speed of memory.

pub(crate) mod code;
pub(crate) mod float;
