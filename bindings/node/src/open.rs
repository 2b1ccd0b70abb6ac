//! Opening routers.

use std::path::Path;

use napi::Env;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use routellm_core::{OpenOptions, Router};

use crate::error::{Result, guarded};
use crate::router::NativeRouter;
use crate::work::Work;

/// How a router is opened; the names and types are checked in JavaScript.
#[napi(object, object_to_js = false)]
pub struct NativeOpenOptions {
    /// Folder of the artifact; none is the router that ships with the library.
    pub path: Option<String>,
    /// The strong model.
    pub strong: Option<String>,
    /// The weak model.
    pub weak: Option<String>,
    /// `exact` or `reference`.
    pub mode: Option<String>,
    /// Path of `libonnxruntime`.
    pub onnxruntime: Option<String>,
    /// Number of ONNX sessions.
    pub sessions: Option<u32>,
    /// Threads inside one of them, and of a scan of votes.
    pub intra_threads: Option<u32>,
    /// `strong`, `weak` or `ignore`.
    pub out_of_distribution: Option<String>,
    /// Similarity below which a prompt is out of distribution.
    pub min_similarity: Option<f64>,
    /// Clusters of votes that are read; `Infinity` is all of them.
    pub open_clusters: Option<f64>,
    /// Estimated error down to which clusters are read.
    pub error_target: Option<f64>,
}

/// Opens a router.
///
/// # Errors
/// What the core reports.
#[napi]
pub fn open(env: Env, options: NativeOpenOptions) -> Result<NativeRouter> {
    let router = guarded(|| options.open())?;
    router.report_memory(env);
    Ok(router)
}

/// Opens a router on a worker thread.
#[napi(ts_return_type = "Promise<NativeRouter>")]
pub fn open_async(options: NativeOpenOptions) -> AsyncTask<Work<NativeRouter>> {
    Work::queue(move || options.open())
}

impl NativeOpenOptions {
    fn open(self) -> routellm_core::Result<NativeRouter> {
        let mut options = OpenOptions::new();
        if let Some(strong) = self.strong {
            options = options.strong(strong);
        }
        if let Some(weak) = self.weak {
            options = options.weak(weak);
        }
        if let Some(mode) = self.mode {
            options = options.mode(mode.parse()?);
        }
        if let Some(library) = self.onnxruntime {
            options = options.onnxruntime(library);
        }
        if let Some(sessions) = self.sessions {
            options = options.sessions(sessions as usize);
        }
        if let Some(threads) = self.intra_threads {
            options = options.intra_threads(threads as usize);
        }
        if let Some(decision) = self.out_of_distribution {
            options = options.out_of_distribution(decision.parse()?);
        }
        if let Some(similarity) = self.min_similarity {
            options = options.min_similarity(similarity);
        }
        if let Some(count) = self.open_clusters {
            // Infinity becomes the largest number, which means all of them.
            options = options.open_clusters(count as usize);
        }
        if let Some(error) = self.error_target {
            options = options.error_target(error);
        }
        let router: Router = match &self.path {
            Some(path) => options.open(path)?,
            None => options.open_default()?,
        };
        let memory = self.path.as_deref().map_or(DEFAULT_ROUTER_MEMORY, |path| folder_size(path.as_ref()));
        Ok(NativeRouter::new(router, memory))
    }
}

/// About what the router that ships with the library takes, in bytes.
const DEFAULT_ROUTER_MEMORY: i64 = 4 << 20;

/// Bytes of the files of a folder: what a router of it takes at least.
fn folder_size(folder: &Path) -> i64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len() as i64).sum()
}
