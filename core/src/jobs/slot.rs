//! What one call has for itself.

use std::any::Any;

/// What one call has for itself while it runs: of a router with models, a session of each. One call has it at a time;
/// routers that need nothing have empty ones.
#[derive(Default)]
pub struct Slot {
    resource: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("empty", &self.is_empty()).finish()
    }
}

impl Slot {
    /// A slot with this in it.
    pub(crate) fn of(resource: impl Any + Send) -> Self {
        Self { resource: Some(Box::new(resource)) }
    }

    /// Whether there is nothing in it, so that a fork may interrupt what runs here.
    pub(crate) fn is_empty(&self) -> bool {
        self.resource.is_none()
    }

    /// What is in it, if it is a `T`.
    pub(crate) fn resource<T: Any>(&mut self) -> Option<&mut T> {
        self.resource.as_mut()?.downcast_mut()
    }
}
