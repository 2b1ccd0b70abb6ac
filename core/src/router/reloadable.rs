//! A router that can be exchanged while calls run.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Router;

/// A place for the router that is in use. Readers take it without a lock; whoever replaces it disturbs no call.
///
/// ```
/// use routellm_core::{OpenOptions, Reloadable, CallOptions};
///
/// let router = Reloadable::new(OpenOptions::new().open_default()?);
/// router.get().route("hi", &CallOptions::default())?;
/// // Opened in full before it takes the place; calls that run on the old one finish on it.
/// router.replace(OpenOptions::new().open_default()?);
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Reloadable<R = Router> {
    current: ArcSwap<R>,
}

impl<R: Clone + AsRef<Router>> Reloadable<R> {
    /// A place that holds `router`, a [`Router`] or a handle around one.
    pub fn new(router: R) -> Self {
        Self { current: ArcSwap::from_pointee(router) }
    }

    /// The router that is in use now. It stays good for as long as it is kept, also after a replacement.
    pub fn get(&self) -> R {
        R::clone(&self.current.load())
    }

    /// Lets `router` take the place, and returns the one before it. Its sessions go when the last call on it has ended
    /// and this return value is dropped; do not close it, which would end the calls that wait on it. A hook of the one
    /// before hears of `router`, too, unless that has a hook of its own ([`Router::inherit_hook`]).
    pub fn replace(&self, router: R) -> R {
        router.as_ref().inherit_hook((**self.current.load()).as_ref());
        R::clone(&self.current.swap(Arc::new(router)))
    }
}
