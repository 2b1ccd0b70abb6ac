//! Routers and models, opened as the configuration says.

use std::path::Path;
use std::sync::Arc;

use routellm_core::candidates::{Candidate, Price};
use routellm_core::scorer::Kind;
use routellm_core::{CallOptions, OnError, OpenOptions, Router};

use super::Sessions;
use super::drift::expected_shares;
use crate::config::{self, Policy};
use crate::metrics::{BINS, RouterCounters};
use crate::upstream::Upstream;

/// A model that requests can be sent to.
#[derive(Debug)]
pub(crate) struct ModelEntry {
    /// What callers and routers call it.
    pub(crate) name: String,
    /// What its provider calls it.
    pub(crate) upstream_name: String,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) config: config::Model,
}

/// An open router.
#[derive(Debug)]
pub(crate) struct RouterEntry {
    pub(crate) name: String,
    pub(crate) config: config::Router,
    pub(crate) router: Router,
    /// The model of each candidate; `None` for those that are never chosen.
    pub(crate) targets: Vec<Option<Arc<ModelEntry>>>,
    /// The places of the pair.
    pub(crate) strong: usize,
    pub(crate) weak: usize,
    pub(crate) sessions: Option<Arc<Sessions>>,
    pub(crate) counters: Arc<RouterCounters>,
    /// Lower ends of the bins of win rates but for the first, and the shares that the calibration sample has in them.
    pub(crate) bins: Option<([f64; BINS - 1], [f64; BINS])>,
}

/// The options of a call with this policy; without one the router's own counts.
pub(crate) fn options_of(policy: Option<Policy>) -> CallOptions {
    let options = CallOptions::new();
    match policy {
        None => options,
        Some(Policy::Threshold(value)) => options.threshold(value),
        Some(Policy::StrongShare(value)) => options.strong_share(value),
        Some(Policy::CostWeight(value)) => options.cost_weight(value),
        Some(Policy::MinQuality(value)) => options.min_quality(value),
        Some(Policy::Budget(value)) => options.budget(value),
    }
}

impl RouterEntry {
    /// Opens a router, with an artifact that is looked for from `folder`.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(crate) fn open(
        name: &str,
        config: &config::Router,
        folder: &Path,
        models: &std::collections::BTreeMap<String, Arc<ModelEntry>>,
        sessions: Option<Arc<Sessions>>,
        counters: Arc<RouterCounters>,
    ) -> Result<Self, String> {
        let at = format!("routers.{name}");
        let mut options = OpenOptions::new().ids(true);
        let given = serde_json::to_value(&config.open).map_err(|error| format!("{at}.open: {error}"))?;
        options.set_json(given.to_string().as_bytes()).map_err(|error| format!("{at}.open: {error}"))?;
        let open = |options: &OpenOptions| match config.artifact.as_str() {
            "default" => options.open_default(),
            path => options.open(folder.join(path)),
        };
        let fault = |error: routellm_core::Error| format!("{at}.artifact: {error}");
        let mut router = open(&options).map_err(fault)?;
        let names: Vec<String> = router.models().map(str::to_owned).collect();
        let place = |model: &str| names.iter().position(|name| name == model);
        let (Some(strong), Some(weak)) = (place(router.strong()), place(router.weak())) else {
            return Err(format!("{at}.artifact: the router has no pair; set open.strong and open.weak"));
        };
        let mut targets: Vec<Option<Arc<ModelEntry>>> = vec![None; names.len()];
        for (candidate, model) in &config.candidates {
            let Some(place) = place(candidate) else {
                return Err(format!(
                    "{at}.candidates.{candidate:?}: the router has no such candidate; it has {}",
                    names.join(", ")
                ));
            };
            targets[place] = models.get(model).cloned();
        }
        targets[strong] = models.get(&config.strong).cloned();
        targets[weak] = models.get(&config.weak).cloned();
        let known: Vec<Candidate> = names
            .iter()
            .zip(&targets)
            .filter_map(|(name, target)| described(name, target.as_ref()?))
            .collect();
        if !known.is_empty() {
            router = open(&options.candidates(known)).map_err(fault)?;
        }
        router
            .threshold_of(&options_of(config.policy))
            .map(drop)
            .or_else(|error| match config.policy {
                // What has no threshold compares qualities, and is found out by a decision.
                Some(Policy::CostWeight(_) | Policy::MinQuality(_) | Policy::Budget(_)) => {
                    router.route("a prompt that tries the policy out", &options_of(config.policy)).map(drop)
                }
                _ if config.policy.is_none() => Ok(()),
                _ => Err(error),
            })
            .map_err(|error| format!("{at}.policy: {error}"))?;
        let bins = expected_shares(&router);
        let (name, config) = (name.to_owned(), config.clone());
        Ok(Self { name, config, router, targets, strong, weak, sessions, counters, bins })
    }

    /// Whether it can tell the votes behind a decision.
    pub(crate) fn explains(&self) -> bool {
        matches!(self.router.info().kind, Kind::SwRanking | Kind::Knn)
    }

    /// The side that a request gets which cannot be scored.
    pub(crate) fn on_error(&self) -> OnError {
        match self.config.on_error {
            config::OnError::Strong => OnError::Strong,
            config::OnError::Weak => OnError::Weak,
            config::OnError::Raise => OnError::Raise,
        }
    }
}

/// What the library should know of a candidate: its price.
fn described(name: &str, model: &ModelEntry) -> Option<Candidate> {
    let price = model.config.price?;
    Some(Candidate::new(name).price(Price::new(price.input, price.output)))
}
