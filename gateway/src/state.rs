//! What a running gateway has: what was configured, and what outlives a reload.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;

use crate::config::{Config, Dialect, Fault, Model};
use crate::keys::Keys;
use crate::learner::Learner;
use crate::logs::{Files, Logs};
use crate::metrics::Metrics;
use crate::recent::Recent;
use crate::refusal::Refusal;
use crate::routing::{ModelEntry, RouterEntry, Sessions};
use crate::spending::Spending;
use crate::upstream::{Upstream, tls};

/// A configuration that is in use: everything opened.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) config: Config,
    pub(crate) upstreams: BTreeMap<String, Arc<Upstream>>,
    pub(crate) models: BTreeMap<String, Arc<ModelEntry>>,
    pub(crate) routers: BTreeMap<String, Arc<RouterEntry>>,
    pub(crate) keys: Keys,
    /// Who gets names of models that are not configured.
    defaults: BTreeMap<Dialect, Arc<Upstream>>,
}

impl Snapshot {
    /// Opens everything that a configuration names. What did not change is taken over from `before`: connections, breakers,
    /// conversations.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn open(
        config: Config,
        path: &Path,
        metrics: &Metrics,
        before: Option<&Self>,
    ) -> Result<Self, Fault> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut faults = Vec::new();
        let needed = config.upstreams.values().any(|upstream| upstream.base_url.starts_with("https:"));
        let tls = tls(needed).map_err(|fault| Fault::new(path, vec![fault]))?;
        let mut upstreams = BTreeMap::new();
        let has_keys = !config.keys.is_empty();
        for (name, wanted) in &config.upstreams {
            let known = before.filter(|before| before.config.keys.is_empty() != has_keys);
            let known = known.and_then(|before| before.upstreams.get(name));
            // A key may have changed in its place.
            if let Some(known) = known.filter(|known| known.config == *wanted && wanted.key.is_none()) {
                upstreams.insert(name.clone(), Arc::clone(known));
                continue;
            }
            match Upstream::new(name, wanted, folder, has_keys, &tls, metrics.upstream(name)) {
                Ok(upstream) => drop(upstreams.insert(name.clone(), Arc::new(upstream))),
                Err(fault) => faults.push(fault),
            }
        }
        let mut models = BTreeMap::new();
        for (name, wanted) in &config.models {
            if let Some(upstream) = upstreams.get(&wanted.upstream) {
                let entry = ModelEntry {
                    name: name.clone(),
                    upstream_name: wanted.name.clone().unwrap_or_else(|| name.clone()),
                    upstream: Arc::clone(upstream),
                    config: wanted.clone(),
                };
                models.insert(name.clone(), Arc::new(entry));
            }
        }
        let mut routers = BTreeMap::new();
        for (name, wanted) in &config.routers {
            let known = before.and_then(|before| before.routers.get(name));
            let sessions = wanted.sticky.as_ref().map(|sticky| {
                let kept =
                    known.filter(|known| known.config == *wanted).and_then(|known| known.sessions.clone());
                kept.unwrap_or_else(|| Arc::new(Sessions::new(sticky)))
            });
            match RouterEntry::open(name, wanted, folder, &models, sessions, metrics.router(name)) {
                Ok(router) => drop(routers.insert(name.clone(), Arc::new(router))),
                Err(fault) => faults.push(fault),
            }
        }
        let keys = Keys::new(&config, folder, Instant::now()).unwrap_or_else(|found| {
            faults.extend(found);
            Keys::default()
        });
        if !faults.is_empty() {
            return Err(Fault::new(path, faults));
        }
        let defaults = defaults(&config, &upstreams);
        Ok(Self { config, upstreams, models, routers, keys, defaults })
    }

    /// The model of a name that is none of a router's: a configured one, or one that the default provider may have.
    ///
    /// # Errors
    /// If nobody can be asked.
    pub(crate) fn model(&self, name: &str, dialect: Dialect) -> Result<Arc<ModelEntry>, Refusal> {
        if let Some(model) = self.models.get(name) {
            if model.upstream.config.dialect == dialect {
                return Ok(Arc::clone(model));
            }
            let speaks = model.upstream.config.dialect.name();
            return Err(Refusal::invalid(format!(
                "model {name:?} is at an upstream that speaks {speaks}, and this request does not; send it in that form"
            ))
            .param(Some("model")));
        }
        let upstream = self.defaults.get(&dialect).ok_or_else(|| {
            Refusal::no_model(format!(
                "model {name:?} is not configured, and no upstream is the default of {}: add [models.{name:?}], or set \
                 default_upstream.{}",
                dialect.name(),
                dialect.name()
            ))
        })?;
        let config = Model {
            upstream: upstream.name.clone(),
            name: None,
            price: None,
            context_length: None,
            capabilities: None,
        };
        let (name, upstream_name) = (name.to_owned(), name.to_owned());
        Ok(Arc::new(ModelEntry { name, upstream_name, upstream: Arc::clone(upstream), config }))
    }

    fn files(&self, folder: &Path) -> Files {
        let log = &self.config.log;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.join(path));
        Files {
            decisions: path(&log.decisions),
            feedback: path(&self.config.feedback.file),
            max_bytes: log.max_bytes,
            keep: log.keep,
        }
    }
}

fn defaults(
    config: &Config,
    upstreams: &BTreeMap<String, Arc<Upstream>>,
) -> BTreeMap<Dialect, Arc<Upstream>> {
    let of = |dialect: Dialect| {
        if let Some(name) = config.default_upstream.get(&dialect) {
            return upstreams.get(name);
        }
        let mut speakers = upstreams.values().filter(|upstream| upstream.config.dialect == dialect);
        speakers.next().filter(|_| speakers.next().is_none())
    };
    let both = [Dialect::Openai, Dialect::Anthropic].into_iter();
    both.filter_map(|dialect| Some((dialect, Arc::clone(of(dialect)?)))).collect()
}

/// Everything that handlers share.
pub(crate) struct State {
    current: ArcSwap<Snapshot>,
    pub(crate) path: PathBuf,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) logs: Logs,
    pub(crate) spending: Arc<Spending>,
    pub(crate) recent: Recent,
    pub(crate) learner: Option<Arc<dyn Learner>>,
    draining: AtomicBool,
    pub(crate) demo: bool,
}

impl State {
    /// What a configuration comes to, opened in full.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn new(
        config: Config,
        path: &Path,
        demo: bool,
        learner: Option<Arc<dyn Learner>>,
    ) -> Result<Self, Fault> {
        let metrics = Arc::new(Metrics::default());
        let fault = |text: String| Fault::new(path, vec![text]);
        let folder = path.parent().unwrap_or(Path::new("."));
        let spending = match &config.state {
            Some(state) => {
                Spending::load(&folder.join(state)).map_err(|why| fault(format!("state: {why}")))?
            }
            None => Spending::default(),
        };
        let recent = Recent::new(config.feedback.decisions);
        let snapshot = Snapshot::open(config, path, &metrics, None)?;
        let logs = Logs::new(Arc::clone(&metrics)).map_err(|error| fault(format!("log: {error}")))?;
        logs.set_files(snapshot.files(folder));
        Ok(Self {
            current: ArcSwap::from_pointee(snapshot),
            path: path.to_path_buf(),
            metrics,
            logs,
            spending: Arc::new(spending),
            recent,
            learner,
            draining: AtomicBool::new(false),
            demo,
        })
    }

    /// The configuration that is in use now. It stays good for as long as it is kept.
    pub(crate) fn now(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The folder that paths of the configuration begin in.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Reads the configuration again and lets it take the place; requests that run go on with the one before.
    ///
    /// # Errors
    /// All that is wrong; then the one before stays.
    pub(crate) fn reload(&self) -> Result<(), Fault> {
        let config = Config::read(&self.path)?;
        let before = self.now();
        if config.listen != before.config.listen {
            let fault = "listen changed: restart the gateway for that".to_owned();
            return Err(Fault::new(&self.path, vec![fault]));
        }
        let snapshot = Snapshot::open(config, &self.path, &self.metrics, Some(&before))?;
        self.logs.set_files(snapshot.files(self.folder()));
        self.current.store(Arc::new(snapshot));
        Ok(())
    }

    /// Writes what survives a restart.
    pub(crate) fn save(&self) {
        if let Some(state) = &self.now().config.state
            && let Err(error) = self.spending.save(&self.folder().join(state))
        {
            let path = self.folder().join(state).display().to_string();
            self.logs.line(
                &serde_json::json!({"event": "state_failed", "folder": path, "error": error.to_string()}),
            );
        }
    }

    /// Whether feedback is taken: where it has a file, or in the demo, which counts it only.
    pub(crate) fn takes_feedback(&self) -> bool {
        self.demo || self.now().config.feedback.file.is_some()
    }

    /// Says that no more connections are taken.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}
