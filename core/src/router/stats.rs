//! How busy a router is, and what it has done.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Router;

/// What a router is doing now, and has done since it was opened, in this process. Every binding shows it as its own
/// kind of mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    // <faces:record-router_stats>
    /// The number of ONNX sessions, each of which runs one call at a time; 0 for a router without any.
    pub sessions: usize,
    /// How many of them are in use.
    pub busy: usize,
    /// How many calls wait for a session; a batch counts once.
    pub waiting: usize,
    /// How many decisions were made, fallbacks included.
    pub decisions: u64,
    /// How many of them were fallbacks, by the kind of error; kinds that did not occur are left out.
    pub fallbacks: BTreeMap<&'static str, u64>,
    /// What was noticed about calls, each once: thresholds above or below every win rate of the calibration sample.
    pub notices: Vec<String>,
    // </faces:record-router_stats>
}

impl Router {
    /// How busy the router is, and how many decisions it made. A snapshot: calls go on meanwhile.
    pub fn stats(&self) -> Stats {
        let pool = self.inner.pool();
        let load = pool.map(crate::jobs::Pool::load);
        Stats {
            sessions: pool.map_or(0, crate::jobs::Pool::size),
            busy: load.map_or(0, |load| load.busy),
            waiting: load.map_or(0, |load| load.waiting),
            decisions: self.inner.decisions.load(Ordering::Relaxed),
            notices: self.notices(),
            fallbacks: self
                .fallbacks_by_kind()
                .filter(|(_, count)| *count > 0)
                .map(|(kind, count)| (kind.name(), count))
                .collect(),
        }
    }
}
