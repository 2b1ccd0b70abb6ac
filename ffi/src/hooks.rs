//! Watching decisions: a callback hears of each of them.

use std::ffi::{CString, c_char, c_void};
use std::time::Duration;

use routellm_core::DecisionEvent;

use crate::args::handle;
use crate::decision::side_number;
use crate::error::routellm_error;
use crate::fallbacks::{Listener, routellm_free_callback};
use crate::guard::guard;
use crate::router::routellm_router;
use crate::status::{ROUTELLM_OK, routellm_status};

/// What a callback hears of a decision. The prompt is not in it.
///
/// Texts are NUL-terminated UTF-8, and valid until the callback returns, as the struct is. Later versions may append
/// members: `struct_size` tells which ones the library knows.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct routellm_decision_event {
    /// The size of the struct, as the library knows it.
    pub struct_size: usize,
    /// The decision's id: 36 characters, a UUID of version 7 in lower case. Ids sort by time, also as texts; no two
    /// decisions have the same one, also not in a process and its forked children.
    pub id: *const c_char,
    /// The name of the chosen model.
    pub model: *const c_char,
    /// P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback and outside the policies of the pair.
    pub win_rate: f64,
    /// The threshold that the win rate was compared with; NaN outside the policies of the pair.
    pub threshold: f64,
    /// The probability that the side had of being chosen, in (0, 1]: 1, as no policy leaves it to chance.
    pub propensity: f64,
    /// Nanoseconds from the beginning of the call until the prompt's turn: the wait for a session, and for prompts of the
    /// same batch that came before. All of the time, if the turn never came.
    pub queue_ns: u64,
    /// Nanoseconds for features and score together. Prompts that a model reads in one run have the time of that run each.
    pub score_ns: u64,
    /// Nanoseconds from the beginning of the call until all of its decisions were made; at least the sum of the others.
    pub total_ns: u64,
    /// The prompt's place in its batch, from 0; 0 for a prompt alone.
    pub index: usize,
    /// How many prompts the call had; 1 for a prompt alone.
    pub batch_size: usize,
    /// The chosen side, `ROUTELLM_SIDE_STRONG`, `ROUTELLM_SIDE_WEAK`, or `ROUTELLM_SIDE_NONE` outside the policies of the
    /// pair.
    pub side: i32,
    /// The status of the error behind a fallback; else `ROUTELLM_OK`.
    pub fallback_status: routellm_status,
    /// The number of the chosen candidate, as `routellm_router_model()` counts them.
    pub candidate: usize,
    /// The quality that the chosen candidate is expected to have, in [0, 1]; NaN in a fallback and for the policies of the
    /// pair.
    pub quality: f64,
    /// What the request is expected to cost in USD; NaN if that is not known.
    pub expected_cost: f64,
}

// No version has padding that a later member could hide in.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<routellm_decision_event>() == 120);

/// Hears of a decision. `user` is yours.
///
/// It runs on the thread that decides, after the decision is made and before the call returns or calls back. That may be
/// a thread of the library that serves other calls: it must be quick, and must not wait for another call of the router. It
/// must not throw or jump out.
pub type routellm_decision_callback =
    Option<unsafe extern "C" fn(user: *mut c_void, event: *const routellm_decision_event)>;

type Callback = unsafe extern "C" fn(user: *mut c_void, event: *const routellm_decision_event);

impl Listener<Callback> {
    fn tell(&self, event: &DecisionEvent<'_>) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let id = CString::new(event.id.to_string()).unwrap_or_default();
        let model = CString::new(event.model).unwrap_or_default();
        let event = routellm_decision_event {
            struct_size: size_of::<routellm_decision_event>(),
            id: id.as_ptr(),
            model: model.as_ptr(),
            win_rate: event.win_rate.unwrap_or(f64::NAN),
            threshold: event.threshold,
            propensity: event.propensity,
            queue_ns: nanoseconds(event.latency.queue),
            score_ns: nanoseconds(event.latency.score),
            total_ns: nanoseconds(event.latency.total),
            index: event.index,
            batch_size: event.batch_size,
            side: side_number(event.side),
            fallback_status: event.fallback.map_or(ROUTELLM_OK, routellm_core::ErrorKind::code),
            candidate: event.candidate,
            quality: event.quality.unwrap_or(f64::NAN),
            expected_cost: event.expected_cost.unwrap_or(f64::NAN),
        };
        // SAFETY: the callback keeps to the header, and its `user` lives as long as the listener.
        unsafe { (self.callback)(self.user, &raw const event) };
    }
}

/// Sets who hears of every decision of this router, through any of its handles: of each prompt once, those of a batch in
/// their order, fallbacks too. Calls that fail decide nothing, and scores are no decisions. `callback` `NULL` takes the
/// last one away; then a call looks whether there is one, reads no clock and makes no id.
///
/// `callback` may be called by any thread that decides, by several at once, with `user` as its first argument. It hears
/// of the decisions that it makes itself, too. Calls that began when there was none are not told. `release`, unless it is
/// `NULL`, is called with `user` once nobody needs it any more: after another callback was set and those under way have
/// returned, or after the last handle was freed and the last call has ended. If the call fails, `user` stays yours and is
/// not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_router_on_decision(
    router: Option<&routellm_router>,
    callback: routellm_decision_callback,
    user: *mut c_void,
    release: routellm_free_callback,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?;
            match Listener::new(callback, user, release)? {
                Some(listener) => router.router.on_decision(move |event| listener.tell(event)),
                None => router.router.off_decision(),
            }
            Ok(())
        })
    }
}
