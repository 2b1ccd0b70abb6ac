//! Opening routers.

use std::path::Path;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use routellm_core::artifact::{MANIFEST_NAME, Manifest};
use routellm_core::options::{CALL, OPEN, OptionInfo, Spelling};
use routellm_core::{OpenOptions, Router};

use crate::error::{Result, guarded};
use crate::promise::{on_thread, promise};
use crate::router::NativeRouter;

/// An option.
#[napi(object, object_from_js = false)]
pub struct OptionRow {
    /// Its name, as JavaScript spells it.
    pub name: String,
    /// The names that it takes, in the order of their numbers; none if it takes something else.
    pub names: Vec<&'static str>,
    /// The values that it takes, in words.
    pub expected: &'static str,
}

/// The options of opening, in the order of the documentation.
#[napi]
pub fn open_option_table() -> Vec<OptionRow> {
    OPEN.iter().map(OptionRow::new).collect()
}

/// The options of a call, likewise.
#[napi]
pub fn call_option_table() -> Vec<OptionRow> {
    CALL.iter().map(OptionRow::new).collect()
}

impl OptionRow {
    fn new(info: &OptionInfo) -> Self {
        Self { name: Spelling::Camel.of(info.name), names: info.names.to_vec(), expected: info.expected }
    }
}

/// Opens the router in a folder, or the one that ships with the library; `options` is a JSON object.
///
/// # Errors
/// What the core reports.
#[napi]
pub fn open(env: Env, path: Option<String>, options: String) -> Result<NativeRouter> {
    let router = guarded(|| open_router(path.as_deref(), &options))?;
    router.report_memory(env);
    Ok(router)
}

/// Opens a router on a thread of its own.
///
/// # Errors
/// None: what the core reports rejects the promise.
#[napi(ts_return_type = "Promise<NativeRouter>")]
pub fn open_async(env: &Env, path: Option<String>, options: String) -> napi::Result<Object<'_>> {
    promise(env, |done| on_thread(done, move || open_router(path.as_deref(), &options)))
}

fn open_router(path: Option<&str>, json: &str) -> routellm_core::Result<NativeRouter> {
    let mut options = OpenOptions::new().spelling(Spelling::Camel);
    options.set_json(json.as_bytes())?;
    let router: Router = match path {
        Some(path) => options.open(path)?,
        None => options.open_default()?,
    };
    let memory = path.map_or(DEFAULT_ROUTER_MEMORY, |path| folder_size(path.as_ref()));
    Ok(NativeRouter::new(router, memory))
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
