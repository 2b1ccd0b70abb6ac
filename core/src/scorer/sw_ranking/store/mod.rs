//! The votes as they are stored: rows of embeddings in the kinds that a store may have, and the file around them.

pub(crate) mod memory;
pub(crate) mod parts;
pub(crate) mod quantize;
pub(crate) mod rotate;
pub(crate) mod rows;
pub(crate) mod section;
