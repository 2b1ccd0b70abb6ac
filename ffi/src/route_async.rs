//! Decisions without waiting.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use routellm_core::{Decision, Input, Result};

use crate::args::{bytes, handle, invalid, texts};
use crate::decision::{Decisions, routellm_decision, routellm_text};
use crate::error::routellm_error;
use crate::guard::guard;
use crate::input::{input, inputs, routellm_input};
use crate::route_options::routellm_route_options;
use crate::router::{Names, routellm_router};
use crate::status::{ROUTELLM_OK, routellm_status};

/// Takes what a call without waiting comes to: `count` decisions, in the order of the prompts, and `ROUTELLM_OK`; or
/// another status, no decisions, and the error. Decisions and error are valid until it returns, but for a
/// `fallback_error` that the options keep, which is yours; the names in decisions, for as long as you keep a handle of the
/// router. `user` is what you gave to the call.
///
/// It runs on a thread of the library, on the one that cancels the call or closes the router, or, where nothing has to be
/// waited for, inside the call itself. It should return soon: it holds up other calls and their deadlines. It may begin
/// further calls without waiting, and must not wait for one. It must not throw.
pub type routellm_route_callback = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        status: routellm_status,
        decisions: *const routellm_decision,
        count: usize,
        error: *const routellm_error,
    ),
>;

/// A callback with its user's pointer, on its way to another thread.
struct Callback {
    call: unsafe extern "C" fn(
        *mut c_void,
        routellm_status,
        *const routellm_decision,
        usize,
        *const routellm_error,
    ),
    user: *mut c_void,
    names: Arc<Names>,
    keep_errors: bool,
}

// SAFETY: the header says on which threads the callback runs, and that `user` goes there with it.
unsafe impl Send for Callback {}

impl Callback {
    fn new(
        callback: routellm_route_callback,
        user: *mut c_void,
        router: &routellm_router,
        keep_errors: bool,
    ) -> Result<Self> {
        let call = callback.ok_or_else(|| invalid("callback is NULL"))?;
        Ok(Self { call, user, names: Arc::clone(&router.names), keep_errors })
    }

    fn tell(self, outcome: Result<Vec<Decision>>) {
        match outcome {
            Ok(decided) => {
                let out: Vec<routellm_decision> = decided
                    .iter()
                    .map(|decision| Decisions::value(&self.names, decision, self.keep_errors))
                    .collect();
                // SAFETY: promised by the caller: a function of this type, which may be called once with `user`.
                unsafe { (self.call)(self.user, ROUTELLM_OK, out.as_ptr(), out.len(), std::ptr::null()) };
            }
            Err(error) => {
                let status = error.kind().code();
                let error = routellm_error::new(error.kind(), error.message());
                // SAFETY: as above.
                unsafe { (self.call)(self.user, status, std::ptr::null(), 0, &raw const error) };
            }
        }
    }
}

/// What a call is about.
enum Inputs<'a> {
    One(Input<'a>),
    Many(Vec<Input<'a>>),
}

/// Begins a call.
///
/// # Safety
/// As [`guard`].
unsafe fn begin<'a>(
    router: Option<&routellm_router>,
    inputs: impl FnOnce() -> Result<Inputs<'a>>,
    options: Option<&routellm_route_options>,
    (callback, user): (routellm_route_callback, *mut c_void),
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: promised by the caller.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            let inputs = inputs()?;
            let (options, keep) = routellm_route_options::of(options)?;
            let callback = Callback::new(callback, user, router, keep)?;
            match inputs {
                Inputs::One(input) => router.router.route_async(input, options, move |decision| {
                    callback.tell(decision.map(|decision| vec![decision]));
                }),
                Inputs::Many(inputs) => router
                    .router
                    .route_batch_async(inputs, options, move |decisions| callback.tell(decisions)),
            }
        })
    }
}

/// Decides for one prompt without waiting: as `routellm_route()`, and `callback` gets the one decision. The prompt is
/// copied. A decision that takes less time than handing it to another thread is made at once.
///
/// The timeout of the options counts from this call, waiting included. Cancelling their token ends the call at once
/// if it still waits.
///
/// `ROUTELLM_OK` means that `callback` is called exactly once, perhaps before this returns; it is told what is wrong with
/// the prompt, and every other error. After an error of this function it is never called: `ROUTELLM_INVALID_ARGUMENT` for
/// wrong options, a `callback` that is `NULL`, or a router that is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_async(
    router: Option<&routellm_router>,
    prompt: *const c_char,
    len: usize,
    options: Option<&routellm_route_options>,
    callback: routellm_route_callback,
    user: *mut c_void,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and texts.
    unsafe {
        let input = || Ok(Inputs::One(Input::Utf8(bytes(prompt, len, "prompt")?)));
        begin(router, input, options, (callback, user), err)
    }
}

/// Decides for `count` prompts without waiting: as `routellm_route_batch()`, and `callback` gets all decisions at
/// once. The prompts are copied. For the rest as `routellm_route_async()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_batch_async(
    router: Option<&routellm_router>,
    prompts: *const routellm_text,
    count: usize,
    options: Option<&routellm_route_options>,
    callback: routellm_route_callback,
    user: *mut c_void,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and texts.
    unsafe {
        let inputs = || Ok(Inputs::Many(texts(prompts, count)?.into_iter().map(Input::Utf8).collect()));
        begin(router, inputs, options, (callback, user), err)
    }
}

/// Decides for a chat without waiting: as `routellm_route_messages()`, and otherwise as `routellm_route_async()`. The
/// chat is read before this returns, and not kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_messages_async(
    router: Option<&routellm_router>,
    json: *const c_char,
    len: usize,
    options: Option<&routellm_route_options>,
    callback: routellm_route_callback,
    user: *mut c_void,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and texts.
    unsafe {
        let input = || Ok(Inputs::One(Input::Messages(bytes(json, len, "json")?)));
        begin(router, input, options, (callback, user), err)
    }
}

/// Decides for `count` chats without waiting: as `routellm_route_batch_messages()`, and otherwise as
/// `routellm_route_batch_async()`. The chats are read before this returns, and not kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_batch_messages_async(
    router: Option<&routellm_router>,
    chats: *const routellm_text,
    count: usize,
    options: Option<&routellm_route_options>,
    callback: routellm_route_callback,
    user: *mut c_void,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and texts.
    unsafe {
        let inputs = || Ok(Inputs::Many(texts(chats, count)?.into_iter().map(Input::Messages).collect()));
        begin(router, inputs, options, (callback, user), err)
    }
}

/// Decides for `count` inputs of any kinds without waiting: as `routellm_route_inputs()`, and otherwise as
/// `routellm_route_batch_async()`. Texts and embeddings are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_route_inputs_async(
    router: Option<&routellm_router>,
    inputs: *const routellm_input,
    count: usize,
    options: Option<&routellm_route_options>,
    callback: routellm_route_callback,
    user: *mut c_void,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err` and inputs.
    unsafe {
        let inputs = || match count {
            1 => input(inputs).map(Inputs::One),
            _ => self::inputs(inputs, count).map(Inputs::Many),
        };
        begin(router, inputs, options, (callback, user), err)
    }
}

/// 1 if a prompt of `len` bytes is expected to take less than 50 microseconds, so that `routellm_route()` may be called
/// where waiting is not allowed, such as on an event loop; else 0. 0 for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_router_is_quick(router: Option<&routellm_router>, len: usize) -> i32 {
    i32::from(router.is_some_and(|router| router.router.is_quick(len)))
}
