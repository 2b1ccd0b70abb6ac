//! A gateway as a program has it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Fault};
use crate::learner::Learner;
use crate::reload;
use crate::server::Server;
use crate::state::State;

/// How often what keys have spent is written to its file.
const SAVE: Duration = Duration::from_secs(1);

/// A gateway that listens.
pub struct Gateway {
    state: Arc<State>,
    server: Server,
    address: SocketAddr,
    /// What its files were when they were read.
    mark: reload::Mark,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What a configuration comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Its upstreams, models, routers and keys, by name.
    pub upstreams: Vec<String>,
    /// Likewise.
    pub models: Vec<String>,
    /// Likewise.
    pub routers: Vec<String>,
    /// Likewise.
    pub keys: Vec<String>,
}

/// Reads a configuration, opens its routers and finds its keys, and sends nothing.
///
/// # Errors
/// All that is wrong with it.
pub fn check(path: &Path) -> Result<Report, Fault> {
    let config = Config::read(path)?;
    let report = Report {
        upstreams: config.upstreams.keys().cloned().collect(),
        models: config.models.keys().cloned().collect(),
        routers: config.routers.keys().cloned().collect(),
        keys: config.keys.keys().cloned().collect(),
    };
    State::new(config, path, false, None)?;
    Ok(report)
}

impl Gateway {
    /// Reads a configuration, opens all of it, and listens. `learner` hears of feedback, if there is one.
    ///
    /// # Errors
    /// All that is wrong with the configuration, or an address that is taken.
    pub async fn open(path: &Path, learner: Option<Arc<dyn Learner>>) -> Result<Self, Fault> {
        let (config, mark) = reload::read(path)?;
        let mut gateway = Self::with(config, path, false, learner).await?;
        gateway.mark = mark;
        Ok(gateway)
    }

    pub(crate) async fn with(
        config: Config,
        path: &Path,
        demo: bool,
        learner: Option<Arc<dyn Learner>>,
    ) -> Result<Self, Fault> {
        let listen = config.listen;
        // Opening reads files and may load models.
        let opened = tokio::task::spawn_blocking({
            let path = path.to_path_buf();
            move || State::new(config, &path, demo, learner)
        });
        let fault = |text: String| Fault::new(path, vec![text]);
        let state = opened.await.map_err(|_| fault("opening broke off; this is a defect".to_owned()))??;
        let state = Arc::new(state);
        let cannot = |error| fault(format!("listen is {listen}: {error}; give another address"));
        let server = Server::bind(Arc::clone(&state)).await.map_err(cannot)?;
        let address = server.address().map_err(cannot)?;
        Ok(Self { state, server, address, mark: Vec::new() })
    }

    /// Where it listens; the port that the system chose, if the configuration has port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done, then finishes what was begun. Polls for changes of the configuration, if that says so.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let reloader = reload::Reloader::new(Arc::clone(&self.state));
        let polling = tokio::spawn(reloader.poll(self.mark));
        let saving = tokio::spawn(save(Arc::clone(&self.state)));
        let name = self.address.to_string();
        self.state.logs.line(&serde_json::json!({"event": "listening", "address": name}));
        self.server.run(stop).await;
        polling.abort();
        saving.abort();
    }

    /// What reads the configuration again when it is told to.
    pub(crate) fn reloader(&self) -> reload::Reloader {
        reload::Reloader::new(Arc::clone(&self.state))
    }
}

async fn save(state: Arc<State>) {
    loop {
        tokio::time::sleep(SAVE).await;
        let state = Arc::clone(&state);
        // A disk that does not answer holds up nothing else.
        if tokio::task::spawn_blocking(move || state.save()).await.is_err() {
            return;
        }
    }
}
