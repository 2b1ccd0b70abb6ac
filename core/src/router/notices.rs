//! What a router notices about calls and says once: thresholds that no prompt of the calibration sample reaches, or that all
//! of them do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

use super::{Inner, Router};
use crate::calibrate::{EVERYTHING, NOTHING};

type Hook = dyn Fn(&str) + Send + Sync;

/// What was noticed, for each side. A call looks at numbers and at most at one flag: no lock, and no text until something is
/// noticed.
#[derive(Default)]
pub(super) struct Notices {
    above: Noticed,
    below: Noticed,
    hook: ArcSwapOption<Box<Hook>>,
}

#[derive(Default)]
struct Noticed {
    told: AtomicBool,
    text: ArcSwapOption<String>,
    taken: AtomicBool,
}

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = [&self.above, &self.below].map(|noticed| noticed.told.load(Ordering::Relaxed));
        f.debug_struct("Notices").field("told", &told).field("set", &self.hook.load().is_some()).finish()
    }
}

impl Notices {
    /// With the hook of `other`, of which nothing was noticed.
    pub(super) fn again(other: &Self) -> Self {
        let own = Self::default();
        own.hook.store(other.hook.load_full());
        own
    }

    /// Notices something of a side for the first time, of many at once one.
    fn notice(&self, side: &Noticed, text: impl FnOnce() -> String) {
        if side.told.load(Ordering::Relaxed) || side.told.swap(true, Ordering::AcqRel) {
            return;
        }
        let text = Arc::new(text());
        side.text.store(Some(Arc::clone(&text)));
        if let Some(hook) = self.hook.load_full() {
            // The call goes on whatever who listens does.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&text)));
        }
    }
}

impl Inner {
    /// Looks whether a threshold that a call names lies outside the calibration sample. The ends, which mean everything and
    /// nothing, are meant.
    pub(super) fn look_at(&self, threshold: f64) {
        let Some((low, high)) = self.shares.as_ref().map(crate::calibrate::Shares::range) else { return };
        if threshold == EVERYTHING || threshold == NOTHING || (low..=high).contains(&threshold) {
            return;
        }
        let (side, word, model) = if threshold > high {
            (&self.notices.above, "above", self.pair.weak)
        } else {
            (&self.notices.below, "below", self.pair.strong)
        };
        self.notices.notice(side, || {
            format!(
                "threshold {threshold} is {word} every win rate of the calibration sample ({} to {}): all of its prompts go to \
                 {:?}; pass a strong share, or calibrate on your own requests",
                rounded(low),
                rounded(high),
                &*self.models[model]
            )
        });
    }
}

/// A win rate, short.
fn rounded(rate: f64) -> f64 {
    (rate * 1e4).round() / 1e4
}

impl Router {
    /// Lets `hook` hear of what this router notices about calls, each thing once: that a threshold is above, or below, every
    /// win rate of the calibration sample. It takes the place of the hook before. It runs on the thread of the call, before
    /// anything is decided, and hears nothing of prompts.
    ///
    /// ```
    /// use routellm_core::{CallOptions, Router};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let router = Router::default_router()?;
    /// let heard = Arc::new(Mutex::new(Vec::new()));
    /// let sink = Arc::clone(&heard);
    /// router.on_notice(move |text| sink.lock().unwrap().push(text.to_owned()));
    /// for _ in 0..2 {
    ///     router.route("hi", &CallOptions::new().threshold(0.99))?;
    /// }
    /// assert_eq!(heard.lock().unwrap().len(), 1);
    /// assert_eq!(router.stats().notices, *heard.lock().unwrap());
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    pub fn on_notice(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        self.inner.notices.hook.store(Some(Arc::new(Box::new(hook))));
    }

    /// Takes that hook away, if there is one.
    pub fn off_notice(&self) {
        self.inner.notices.hook.store(None);
    }

    /// What was noticed so far.
    pub fn notices(&self) -> Vec<String> {
        let Notices { above, below, .. } = &self.inner.notices;
        [above, below]
            .into_iter()
            .filter_map(|side| side.text.load_full())
            .map(|text| text.to_string())
            .collect()
    }

    /// What was noticed and not taken yet: for faces that ask after a call instead of setting a hook. Without anything new it
    /// looks at two flags.
    pub fn take_notice(&self) -> Option<String> {
        let Notices { above, below, .. } = &self.inner.notices;
        let fresh = |side: &&Noticed| {
            side.told.load(Ordering::Relaxed)
                && !side.taken.load(Ordering::Relaxed)
                && side.text.load().is_some()
        };
        let side = [above, below].into_iter().find(fresh)?;
        if side.taken.swap(true, Ordering::AcqRel) {
            None
        } else {
            side.text.load_full().map(|text| text.to_string())
        }
    }
}
