//! Reading the configuration again: when told to, or when a file has changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::config::{Config, Fault, Secret};
use crate::state::State;

/// What reads the configuration again.
#[derive(Clone)]
pub(crate) struct Reloader {
    state: Arc<State>,
}

/// What tells that files are others: for each its time and its length; nothing for one that is not there.
pub(crate) type Mark = Vec<Option<(SystemTime, u64)>>;

/// Reads a configuration, and marks its files as they were before they were read: what changes from then on is seen.
///
/// # Errors
/// All that is wrong with the configuration.
pub(crate) fn read(path: &Path) -> Result<(Config, Mark), Fault> {
    let before = stat(path);
    let config = Config::read(path)?;
    let mut mark = mark(&config, path);
    mark[0] = before;
    Ok((config, mark))
}

fn stat(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn mark(config: &Config, path: &Path) -> Mark {
    files(config, path).iter().map(|file| stat(file)).collect()
}

impl Reloader {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// Reads it again. What is wrong is told in the log, and the configuration before stays.
    pub(crate) async fn reload(&self) -> bool {
        let state = Arc::clone(&self.state);
        let result = tokio::task::spawn_blocking(move || state.reload()).await;
        let (result, line) = match result {
            Ok(Ok(())) => ("ok", json!({"event": "reloaded"})),
            Ok(Err(fault)) => ("failed", json!({"event": "reload_failed", "faults": fault.to_string()})),
            Err(_) => ("failed", json!({"event": "reload_failed", "faults": "opening broke off"})),
        };
        self.state.metrics.reloads.of(&result).add(1);
        self.state.logs.line(&line);
        result == "ok"
    }

    /// Reads it again whenever a file has changed, for as long as the configuration says how often to look.
    /// `known` is how they were when they were read.
    pub(crate) async fn poll(self, mut known: Mark) {
        loop {
            let pause = self.state.now().config.reload.poll_ms;
            if pause == 0 || self.state.demo {
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let mark = mark(&self.state.now().config, &self.state.path);
            if mark != known {
                // What is half written is read once more when it is whole.
                known = mark;
                self.reload().await;
            }
        }
    }
}

/// The files of a configuration: itself, the manifests of its artifacts, and its keys.
fn files(config: &Config, path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let artifacts = config.routers.values().filter(|router| router.artifact != "default");
    let manifests = artifacts.map(|router| folder.join(&router.artifact).join("router.json"));
    let secrets = config.upstreams.values().filter_map(|upstream| upstream.key.as_ref());
    let secrets = secrets.chain(config.keys.values().map(|key| &key.key)).filter_map(|secret| match secret {
        Secret::File(file) => Some(folder.join(file)),
        Secret::Env(_) => None,
    });
    std::iter::once(path.to_path_buf()).chain(manifests).chain(secrets).collect()
}
