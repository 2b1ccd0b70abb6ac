//! The router's handle.

use std::ffi::{CStr, CString, c_char};
use std::sync::Arc;

use routellm_core::features::Featurizer;
use routellm_core::{Decision, Error, ErrorKind, OpenOptions, Result, Router, Side};

use crate::args::{Out, handle, path};
use crate::error::routellm_error;
use crate::fallbacks::Listeners;
use crate::guard::{guard, guard_or};
use crate::open_options::routellm_open_options;
use crate::status::routellm_status;
use crate::string::routellm_string;

/// Decides which model should answer a prompt.
///
/// You own it, and free it with `routellm_router_free()`. A router is immutable: many threads may use the same
/// one at once, and none waits for another (except for a free ONNX session). Programs that reload keep it in a
/// `routellm_reloadable`.
#[derive(Debug, Clone)]
pub struct routellm_router {
    pub(crate) router: Router,
    pub(crate) names: Arc<Names>,
}

impl AsRef<Router> for routellm_router {
    fn as_ref(&self) -> &Router {
        &self.router
    }
}

/// Names of the models as C strings, so that a decision can point at one.
#[derive(Debug)]
pub(crate) struct Names {
    models: Vec<CString>,
    strong: usize,
    weak: usize,
    /// Beside the names, because it is shared by all handles likewise, and a decision needs both.
    pub(crate) listeners: Listeners,
}

impl Names {
    fn new(router: &Router) -> Result<Self> {
        let c_string = |name: &str| {
            CString::new(name).map_err(|_| {
                Error::new(ErrorKind::InvalidModel, format!("the name of model {name:?} holds a NUL"))
            })
        };
        let index = |wanted: &str| router.models().position(|name| name == wanted).unwrap_or_default();
        let models = router.models().map(c_string).collect::<Result<_>>()?;
        Ok(Self {
            models,
            strong: index(router.strong()),
            weak: index(router.weak()),
            listeners: Listeners::default(),
        })
    }

    /// The model of a decision of this router.
    pub(crate) fn chosen(&self, decision: &Decision) -> &CStr {
        let known = decision.candidate.and_then(|index| self.models.get(index));
        known.map_or(c"", CString::as_c_str)
    }

    /// The model of a side.
    pub(crate) fn side(&self, side: Side) -> &CStr {
        match side {
            Side::Strong => &self.models[self.strong],
            Side::Weak => &self.models[self.weak],
        }
    }
}

/// The handle of an open router.
pub(crate) fn of(router: Router) -> Result<routellm_router> {
    let names = Arc::new(Names::new(&router)?);
    Ok(routellm_router { router, names })
}

fn open(
    options: Option<&routellm_open_options>,
    out: Out<*mut routellm_router>,
    open: impl FnOnce(&OpenOptions) -> Result<Router>,
) -> Result<()> {
    let router = match options {
        Some(handle) => open(&handle.options),
        None => open(&OpenOptions::new()),
    }?;
    out.give(of(router)?);
    Ok(())
}

/// Opens an artifact (a folder with `router.json`), a checkpoint in the published RouteLLM layout, or the folder of a
/// classifier or causal LM that was exported to ONNX (`config.json`, `tokenizer.json`, `model.onnx`).
///
/// The folder may be replaced or written by a training while it is opened: you get the old router or the new one. Files
/// of models and mapped stores must be replaced by a rename while a router has them open, never overwritten in place:
/// ONNX Runtime maps the weights beside a model, and a part of a mapped file that is gone ends the process.
///
/// `options` may be `NULL`; an exported model needs the names of the strong and the weak model in them. On success `*router` is a new router, which you free.
///
/// `ROUTELLM_NOT_FOUND`, `ROUTELLM_IO`; `ROUTELLM_INVALID_MODEL` for a malformed, incomplete or altered artifact;
/// `ROUTELLM_INVALID_ARGUMENT` for a model that it does not know, an option that has no effect on it, or, of a router
/// with votes in the mode `exact`, two models of one tier, which would get one half on every prompt;
/// `ROUTELLM_RUNTIME_UNAVAILABLE` if it needs ONNX Runtime and there is none, or none for the provider `cuda`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_open(
    folder: *const c_char,
    options: Option<&routellm_open_options>,
    router: *mut *mut routellm_router,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`, places of results and paths.
    unsafe {
        guard(err, || {
            let out = Out::new(router, "router")?;
            let folder = path(folder, "folder")?;
            open(options, out, |options| options.open(folder))
        })
    }
}

/// Opens the router that is compiled into the library: hashed features and a linear model, no file to find and
/// no ONNX Runtime. `options` may be `NULL`. On success `*router` is a new router, which you free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_open_default(
    options: Option<&routellm_open_options>,
    router: *mut *mut routellm_router,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe { guard(err, || open(options, Out::new(router, "router")?, OpenOptions::open_default)) }
}

/// Another handle of the same router: it shares everything, costs almost nothing, and lives as long as you keep
/// it. `NULL` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_clone(router: Option<&routellm_router>) -> Option<Box<routellm_router>> {
    guard_or(None, || router.map(|router| Box::new(router.clone())))
}

/// Frees a handle, and the router with its last one. No call may be using this handle; calls without waiting that were
/// begun with it go on, and end as they would have. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_free(router: Option<Box<routellm_router>>) {
    guard_or((), || drop(router));
}

/// Closes a router, with all of its handles: calls fail from now on with `ROUTELLM_INVALID_ARGUMENT`, those that wait for
/// a session end as `ROUTELLM_CANCELLED`, those that run go on, and the memory of the sessions is given back after the
/// last of them. Handles are still to be freed. Many threads may call this, also while others route. Closing twice
/// does nothing; `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_close(router: Option<&routellm_router>) {
    guard_or((), || {
        if let Some(router) = router {
            router.router.close();
        }
    });
}

/// The name of the strong model, valid until this handle is freed. `NULL` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_strong(router: Option<&routellm_router>) -> *const c_char {
    router.map_or(std::ptr::null(), |router| router.names.side(Side::Strong).as_ptr())
}

/// The name of the weak model, valid until this handle is freed. `NULL` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_weak(router: Option<&routellm_router>) -> *const c_char {
    router.map_or(std::ptr::null(), |router| router.names.side(Side::Weak).as_ptr())
}

/// The number of candidates that the router knows, two or more. 0 for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_model_count(router: Option<&routellm_router>) -> usize {
    router.map_or(0, |router| router.names.models.len())
}

/// The name of candidate `index`, valid until this handle is freed. `NULL` if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_model(router: Option<&routellm_router>, index: usize) -> *const c_char {
    router.and_then(|router| router.names.models.get(index)).map_or(std::ptr::null(), |name| name.as_ptr())
}

/// The length of the embeddings that the router takes; 0 if it takes none, because it reads hashed features or a model
/// reads the prompt itself.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_embedding_dimension(router: Option<&routellm_router>) -> usize {
    router.and_then(|router| router.router.embedding_dimension()).unwrap_or(0)
}

/// The length of the embeddings that `routellm_embed()` gives; 0 if it gives none. It is that of the embeddings that
/// the router takes, where it has an encoder; hashed features may be given too, and are never taken.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_embed_dimension(router: Option<&routellm_router>) -> usize {
    let featurizer = router.and_then(|router| router.router.pipeline().featurizer());
    featurizer.and_then(Featurizer::dense_dimension).unwrap_or(0)
}

/// How many decisions of the router, through any of its handles, were fallbacks. 0 for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_fallbacks(router: Option<&routellm_router>) -> u64 {
    router.map_or(0, |router| router.router.fallbacks())
}

/// How busy a router is, and what it has done since it was opened, as a JSON object: `sessions` (0 if it has none),
/// `busy` and `waiting` (calls that wait for a session; a batch counts once), `decisions`, and `fallbacks`, an object from
/// the names of errors, as in `Inference`, to numbers. On success `*json` is a new string, which you free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_stats_json(
    router: Option<&routellm_router>,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            let stats = handle(router, "router")?.router.stats();
            out.give(routellm_string::json(serde_json::to_string(&stats), "stats")?);
            Ok(())
        })
    }
}

/// What is known about a router, as a JSON object: `name`, `kind`, `models`, `strong`, `weak`, `mode`, `read`,
/// `featurizer` (`kind`, which is `none` where a model reads the prompt itself, `id`, `dimension`, `max_bytes`,
/// `max_tokens`), `calibration` (of this pair: `sample`, `count`, `sha256` and `date` of the sample, `points`, which are
/// its distinct win rates, `share_error`, `default_strong_share`, `default_threshold`, or null), `constant` (why every
/// prompt has the same win rate, or null), `runtime` (of ONNX: `library`, `version`, `build`, `provider`, `sessions`, `intra_threads`, or null), `votes` (`count`, `store`,
/// `clusters`, `tiers`, `weight_exponent`, or null), `model` (of a classifier or causal LM: `parameters`, `max_tokens`,
/// `dynamically_quantized`, `cached_tokens`, or null), `path`, `provenance` and `version`. On success `*json` is a new
/// string, which you free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_info_json(
    router: Option<&routellm_router>,
    json: *mut *mut routellm_string,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and places of results.
    unsafe {
        guard(err, || {
            let out = Out::new(json, "json")?;
            let info = handle(router, "router")?.router.info();
            out.give(routellm_string::json(serde_json::to_string(info), "info")?);
            Ok(())
        })
    }
}
