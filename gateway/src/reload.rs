//! Reading the configuration again: when told to, or when a file has changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::config::{Config, Secret};
use crate::state::State;

/// What reads the configuration again.
#[derive(Clone)]
pub(crate) struct Reloader {
    state: Arc<State>,
}

/// What tells that a file is another one.
type Mark = Vec<Option<(SystemTime, u64)>>;

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
    pub(crate) async fn poll(self) {
        let mut known = self.mark();
        loop {
            let pause = self.state.now().config.reload.poll_ms;
            if pause == 0 || self.state.demo {
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let mark = self.mark();
            if mark != known {
                // What is half written is read once more when it is whole.
                known = mark;
                self.reload().await;
            }
        }
    }

    fn mark(&self) -> Mark {
        let snapshot = self.state.now();
        files(&snapshot.config, &self.state.path, self.state.folder())
            .iter()
            .map(|path| {
                let meta = std::fs::metadata(path).ok()?;
                Some((meta.modified().ok()?, meta.len()))
            })
            .collect()
    }
}

/// The files of a configuration: itself, the manifests of its artifacts, and its keys.
fn files(config: &Config, path: &Path, folder: &Path) -> Vec<PathBuf> {
    let artifacts = config.routers.values().filter(|router| router.artifact != "default");
    let manifests = artifacts.map(|router| folder.join(&router.artifact).join("router.json"));
    let secrets = config.upstreams.values().filter_map(|upstream| upstream.key.as_ref());
    let secrets = secrets.chain(config.keys.values().map(|key| &key.key)).filter_map(|secret| match secret {
        Secret::File(file) => Some(folder.join(file)),
        Secret::Env(_) => None,
    });
    std::iter::once(path.to_path_buf()).chain(manifests).chain(secrets).collect()
}
