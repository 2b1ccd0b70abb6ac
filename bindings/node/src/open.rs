//! Opening routers.

use std::path::Path;

use napi::Env;
use napi::bindgen_prelude::{Either, Object};
use napi_derive::napi;
use routellm_core::artifact::{MANIFEST_NAME, Manifest};
use routellm_core::scorer::causal_llm::ScoreToken;
use routellm_core::{OpenOptions, Router};

use crate::error::{Result, guarded};
use crate::promise::{on_thread, promise};
use crate::router::NativeRouter;

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
    /// `last_user`, `all_user` or `conversation`.
    pub read: Option<String>,
    /// Path of `libonnxruntime`.
    pub onnxruntime: Option<String>,
    /// What the folder holds.
    pub kind: Option<String>,
    /// `cpu`, `cuda` or `auto`.
    pub provider: Option<String>,
    /// Which GPU.
    pub device_id: Option<u32>,
    /// Bytes of its memory.
    pub memory_limit: Option<f64>,
    /// Whether a GPU computes in TF32.
    pub tf32: Option<bool>,
    /// `latency` or `throughput`.
    pub preset: Option<String>,
    /// Number of ONNX sessions.
    pub sessions: Option<u32>,
    /// Threads inside one of them, and of a scan of votes.
    pub intra_threads: Option<u32>,
    /// Calls that may wait for a session.
    pub max_waiting: Option<u32>,
    /// `strong`, `weak` or `ignore`.
    pub out_of_distribution: Option<String>,
    /// Similarity below which a prompt is out of distribution.
    pub min_similarity: Option<f64>,
    /// `auto`, `always` or `never`.
    pub mmap: Option<String>,
    /// Clusters of votes that are read; `Infinity` is all of them.
    pub open_clusters: Option<f64>,
    /// Estimated error down to which clusters are read.
    pub error_target: Option<f64>,
    /// Head of a classifier, a name or JSON.
    pub head: Option<String>,
    /// What becomes of long prompts, a name or JSON.
    pub long_prompts: Option<String>,
    /// Template of a causal LM, a name, a text or JSON.
    pub template: Option<String>,
    /// Texts and ids of the score tokens.
    pub score_tokens: Option<Vec<Either<String, u32>>>,
    /// Least score at which the weak model is good enough.
    pub score_threshold: Option<u32>,
    /// Tokens that are generated.
    pub max_new_tokens: Option<u32>,
    /// Tokens that are read.
    pub max_tokens: Option<u32>,
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

/// Opens a router on a thread of its own.
///
/// # Errors
/// None: what the core reports rejects the promise.
#[napi(ts_return_type = "Promise<NativeRouter>")]
pub fn open_async(env: &Env, options: NativeOpenOptions) -> napi::Result<Object<'_>> {
    promise(env, |done| on_thread(done, move || options.open()))
}

impl NativeOpenOptions {
    fn options(&self) -> routellm_core::Result<OpenOptions> {
        let mut options = OpenOptions::new();
        if let Some(value) = &self.strong {
            options = options.strong(value);
        }
        if let Some(value) = &self.weak {
            options = options.weak(value);
        }
        if let Some(value) = &self.kind {
            options = options.kind(value);
        }
        if let Some(value) = &self.mode {
            options = options.mode(value.parse()?);
        }
        if let Some(value) = &self.read {
            options = options.read(value.parse()?);
        }
        self.export(self.votes(self.session(options)?)?)
    }

    /// Options of ONNX sessions.
    fn session(&self, mut options: OpenOptions) -> routellm_core::Result<OpenOptions> {
        if let Some(value) = &self.onnxruntime {
            options = options.onnxruntime(value);
        }
        if let Some(value) = &self.provider {
            options = options.provider(value.parse()?);
        }
        if let Some(value) = self.device_id {
            options = options.device_id(value);
        }
        if let Some(value) = self.memory_limit {
            options = options.memory_limit(value as u64);
        }
        if let Some(value) = self.tf32 {
            options = options.tf32(value);
        }
        if let Some(value) = &self.preset {
            options = options.preset(value.parse()?);
        }
        if let Some(value) = self.sessions {
            options = options.sessions(value as usize);
        }
        if let Some(value) = self.intra_threads {
            options = options.intra_threads(value as usize);
        }
        if let Some(value) = self.max_waiting {
            options = options.max_waiting(value as usize);
        }
        Ok(options)
    }

    /// Options of routers with votes.
    fn votes(&self, mut options: OpenOptions) -> routellm_core::Result<OpenOptions> {
        if let Some(value) = &self.out_of_distribution {
            options = options.out_of_distribution(value.parse()?);
        }
        if let Some(value) = self.min_similarity {
            options = options.min_similarity(value);
        }
        if let Some(value) = &self.mmap {
            options = options.mmap(value.parse()?);
        }
        if let Some(value) = self.open_clusters {
            // Infinity becomes the largest number, which means all of them.
            options = options.open_clusters(value as usize);
        }
        if let Some(value) = self.error_target {
            options = options.error_target(value);
        }
        Ok(options)
    }

    /// Options of exported models.
    fn export(&self, mut options: OpenOptions) -> routellm_core::Result<OpenOptions> {
        if let Some(value) = &self.head {
            options = options.head(value.parse()?);
        }
        if let Some(value) = &self.long_prompts {
            options = options.long_prompts(value.parse()?);
        }
        if let Some(value) = &self.template {
            options = options.template(value.parse()?);
        }
        if let Some(tokens) = &self.score_tokens {
            options = options.score_tokens(tokens.iter().map(|token| match token {
                Either::A(text) => ScoreToken::Text(text.clone()),
                Either::B(id) => ScoreToken::Id(*id),
            }));
        }
        if let Some(value) = self.score_threshold {
            options = options.score_threshold(value as usize);
        }
        if let Some(value) = self.max_new_tokens {
            options = options.max_new_tokens(value as usize);
        }
        if let Some(value) = self.max_tokens {
            options = options.max_tokens(value as usize);
        }
        Ok(options)
    }

    fn open(self) -> routellm_core::Result<NativeRouter> {
        let options = self.options()?;
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

/// Bytes of the files of an artifact, or of a folder that is none: what a router of it takes at least.
fn folder_size(folder: &Path) -> i64 {
    let manifest = std::fs::read(folder.join(MANIFEST_NAME)).ok();
    if let Some(manifest) = manifest.and_then(|text| Manifest::parse(&text).ok()) {
        return manifest.files.iter().map(|file| file.bytes as i64).sum();
    }
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len() as i64).sum()
}
