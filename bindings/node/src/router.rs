//! The router's handle.

use std::cell::Cell;

use napi::Env;
use napi::bindgen_prelude::ObjectFinalize;
use napi_derive::napi;
use routellm_core::features::CapSide;
use routellm_core::options::Spelling;
use routellm_core::{CallOptions, Router};

use crate::convert::json;
use crate::decision::options;
use crate::error::{Result, guarded};

/// How much of a prompt is looked at.
#[napi(object, object_from_js = false)]
pub struct Cap {
    /// Bytes of UTF-8.
    pub max_bytes: f64,
    /// Whether the end is kept rather than the beginning.
    pub tail: bool,
}

/// A router. Threads share what is behind it, not the handle.
#[napi(custom_finalize)]
pub struct NativeRouter {
    router: Router,
    memory: i64,
}

impl NativeRouter {
    /// A handle to `router`, which takes about `memory` bytes.
    pub(crate) fn new(router: Router, memory: i64) -> Self {
        Self { router, memory }
    }

    /// The router itself.
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// Tells the garbage collector what hangs on the small object that it sees: without it, routers that are
    /// out of use would pile up.
    pub(crate) fn report_memory(&self, env: Env) {
        watch_end(env);
        // It fails only while the environment is going away.
        let _ = env.adjust_external_memory(self.memory);
    }
}

thread_local! {
    /// Whether the JavaScript of this thread goes on, and its end will be noticed.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Notices the end of this thread's JavaScript; the objects that are left are finalised after it.
fn watch_end(env: Env) {
    if !WATCHED.get() {
        WATCHED.set(env.add_env_cleanup_hook((), |()| WATCHED.set(false)).is_ok());
    }
}

impl ObjectFinalize for NativeRouter {
    fn finalize(self, env: Env) -> napi::Result<()> {
        // Calls that wait would be answered for nobody. One that the garbage collector finds may still have them.
        if !WATCHED.get() {
            self.router.close();
        }
        env.adjust_external_memory(-self.memory).map(|_| ())
    }
}

#[napi]
impl NativeRouter {
    /// Refuses calls from now on; those that run go on.
    #[napi]
    pub fn close(&self) {
        self.router.close();
    }

    /// Whether it refuses calls.
    #[napi]
    pub fn closed(&self) -> bool {
        self.router.is_closed()
    }

    /// How busy the router is, as JSON.
    ///
    /// # Errors
    /// None.
    #[napi]
    pub fn stats(&self) -> Result<String> {
        guarded(|| json(serde_json::to_string(&self.router.stats())))
    }

    /// The threshold that a call with these options compares win rates with.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn threshold(&self, threshold: f64, strong_share: f64) -> Result<f64> {
        guarded(|| self.router.threshold_of(&options(threshold, strong_share, 0, f64::NAN, None, None)?))
    }

    /// The threshold of a strong share, and the share that it reaches.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn share(&self, strong_share: f64) -> Result<Vec<f64>> {
        guarded(|| {
            // It names the option as JavaScript does.
            self.router.threshold_of(&options(f64::NAN, strong_share, 0, f64::NAN, None, None)?)?;
            self.router.share(strong_share).map(|(threshold, share)| vec![threshold, share])
        })
    }

    /// What is known about the router, as JSON.
    ///
    /// # Errors
    /// None.
    #[napi]
    pub fn info(&self) -> Result<String> {
        guarded(|| json(serde_json::to_string(self.router.info())))
    }

    /// Names of the candidates.
    #[napi]
    pub fn models(&self) -> Vec<String> {
        self.router.models().map(str::to_owned).collect()
    }

    /// Name of the strong model.
    #[napi]
    pub fn strong(&self) -> String {
        self.router.strong().to_owned()
    }

    /// Name of the weak model.
    #[napi]
    pub fn weak(&self) -> String {
        self.router.weak().to_owned()
    }

    /// Length of the embeddings that the router takes.
    #[napi]
    pub fn embedding_dimension(&self) -> Option<u32> {
        self.router.embedding_dimension().map(|dimension| dimension as u32)
    }

    /// How much of a prompt is looked at; nothing if the router reads no prompts.
    #[napi]
    pub fn cap(&self) -> Option<Cap> {
        self.router.cap().map(|cap| Cap { max_bytes: cap.max_bytes as f64, tail: cap.side == CapSide::Tail })
    }

    /// Refuses a name in `onError` that is no candidate's, for calls that decide nothing.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn check_on_error(&self, name: String) -> Result<()> {
        guarded(|| {
            let options = CallOptions::new().spelling(Spelling::Camel).on_error_candidate(name);
            self.router.win_rates(std::iter::empty::<&str>(), &options).map(drop)
        })
    }

    /// Whether the length of a prompt makes a difference to its cost, or to who may answer it.
    #[napi]
    pub fn counts_tokens(&self) -> bool {
        self.router.counts_tokens()
    }

    /// What of a chat is read, unless a call says otherwise.
    #[napi]
    pub fn read(&self) -> &'static str {
        self.router.info().read.name()
    }

    /// How many decisions were fallbacks.
    #[napi]
    pub fn fallbacks(&self) -> f64 {
        self.router.fallbacks() as f64
    }
}
