//! From a request to the model that answers it.

mod decide;
mod drift;
mod eligible;
mod entry;
mod sessions;

pub(crate) use decide::{Ask, Chosen};
pub(crate) use entry::{ModelEntry, RouterEntry, options_of};
pub(crate) use sessions::{SessionKey, Sessions};
