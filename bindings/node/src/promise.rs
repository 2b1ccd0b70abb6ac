//! Promises that threads of the library settle. Nothing here uses libuv's pool, in which `dns.lookup` and `fs` would
//! wait behind our calls.

use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{Float32Array, Float64Array, JsValue, Object, ToNapiValue, TypeName};
use napi::{Env, JsDeferred, JsError};
use routellm_core::{Error, ErrorKind, Result};

use crate::decision::Decided;
use crate::error::to_js;
use crate::guard::guard;
use crate::router::NativeRouter;

type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;
type Deferred<T> = JsDeferred<T, Resolver<T>>;

/// What a call can come to.
pub trait Arrival: ToNapiValue + TypeName + Send + 'static {
    /// Runs on the thread of JavaScript, just before the promise is resolved.
    fn arrive(&self, _env: Env) {}
}

impl Arrival for f64 {}
impl Arrival for String {}
impl Arrival for Float32Array {}
impl Arrival for Float64Array {}
impl Arrival for Decided {}
impl Arrival for NativeRouter {
    fn arrive(&self, env: Env) {
        self.report_memory(env);
    }
}

/// Takes the outcome of a call, from any thread, and settles its promise.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// The promise of the call that `begin` starts. What `begin` reports rejects it, and so does a panic.
pub(crate) fn promise<T: Arrival>(
    env: &Env,
    begin: impl FnOnce(Done<T>) -> Result<()>,
) -> napi::Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
    let pending = Arc::new(Mutex::new(Some(deferred)));
    let told = Arc::clone(&pending);
    let done = Box::new(move |outcome| settle(&told, outcome));
    if let Err(error) = guard(|| begin(done)) {
        settle(&pending, Err(error));
    }
    Ok(promise)
}

fn settle<T: Arrival>(pending: &Mutex<Option<Deferred<T>>>, outcome: Result<T>) {
    let Some(deferred) = pending.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    deferred.resolve(Box::new(move |env| match outcome {
        Ok(value) => {
            value.arrive(env);
            Ok(value)
        }
        // An error of napi has no room for our kinds: the promise is rejected with an object made here.
        Err(error) => Err(napi::Error::from_unknown_without_coercion(
            JsError::from(to_js(&error)).into_unknown(env).to_unknown(),
        )),
    }));
}

/// Runs `work` on a thread of its own, for what no queue of a router serves: opening one.
pub(crate) fn on_thread<T: Send + 'static>(
    done: Done<T>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<()> {
    std::thread::Builder::new().name("routellm-open".to_owned()).spawn(move || done(guard(work))).map_err(
        |error| {
            Error::new(ErrorKind::ResourceExhausted, format!("no thread to work on: {error}"))
                .with_source(error)
        },
    )?;
    Ok(())
}
