//! What the tests share: an upstream that misbehaves as it is told, a client that sees every byte, and a gateway between.

pub(crate) mod client;
pub(crate) mod fake;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use routellm_gateway::{Gateway, Learner};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use client::{get, post, post_with};
pub(crate) use fake::Fake;

/// A gateway that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    run: JoinHandle<()>,
}

/// Two models at one fake upstream, and a router over them.
pub(crate) fn pair(fake: &Fake, behaviour: &str) -> String {
    format!(
        r#"
        listen = "127.0.0.1:0"
        [log]
        requests = false
        [upstreams.up]
        base_url = "{}"
        [models.STRONG]
        upstream = "up"
        price = {{ input = 10.0, output = 20.0 }}
        [models.WEAK]
        upstream = "up"
        price = {{ input = 1.0, output = 2.0 }}
        [routers.random]
        strong = "STRONG"
        weak = "WEAK"
        "#,
        fake.base(behaviour)
    )
}

/// Starts a gateway.
pub(crate) async fn start(config: &str) -> Running {
    start_with(config, None).await
}

pub(crate) async fn start_with(config: &str, learner: Option<Arc<dyn Learner>>) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, config).unwrap();
    start_in(folder, learner).await
}

/// Starts a gateway with the `gateway.toml` of a folder.
pub(crate) async fn start_in(folder: tempfile::TempDir, learner: Option<Arc<dyn Learner>>) -> Running {
    let gateway = Gateway::open(&folder.path().join("gateway.toml"), learner).await.unwrap();
    let address = gateway.address();
    let (stop, stopped) = oneshot::channel();
    let run = tokio::spawn(gateway.run(async move {
        // A test that ends stops its gateway, too.
        let _ = stopped.await;
    }));
    Running { address, folder, stop: Some(stop), run }
}

impl Running {
    /// A file beside the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Tells it to stop, and goes on.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(mut self) -> tempfile::TempDir {
        self.stop();
        self.run.await.unwrap();
        self.folder
    }

    pub(crate) async fn metrics(&self) -> String {
        get(self.address, "/metrics").await.text()
    }

    /// A number of `/metrics`.
    pub(crate) async fn metric(&self, line: &str) -> Option<f64> {
        let text = self.metrics().await;
        let value = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '))?;
        value.parse().ok()
    }
}

/// Waits until something is so. What never is makes the test hang, and the suite's limit ends it.
pub(crate) async fn until(is: impl AsyncFn() -> bool) {
    while !is().await {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// The folder of shared golden files, if it is at hand.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ROUTELLM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = folder.join(name);
    path.exists().then_some(path)
}
