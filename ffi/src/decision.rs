//! Plain structs: a decision, and a text of a batch.

use std::ffi::c_char;
use std::{mem, ptr};

use routellm_core::{Decision, DecisionId, Result, Side};

use crate::args::invalid;
use crate::error::routellm_error;
use crate::router::Names;
use crate::status::{ROUTELLM_OK, routellm_status};

/// Side: none. Policies that compare candidates decide between no sides, and `on_error` may name a candidate that is on
/// neither.
pub const ROUTELLM_SIDE_NONE: i32 = 0;
/// Side: the strong, expensive model.
pub const ROUTELLM_SIDE_STRONG: i32 = 1;
/// Side: the weak, cheap model.
pub const ROUTELLM_SIDE_WEAK: i32 = 2;

/// The number of a side.
pub(crate) fn side_number(side: Option<Side>) -> i32 {
    match side {
        None => ROUTELLM_SIDE_NONE,
        Some(Side::Strong) => ROUTELLM_SIDE_STRONG,
        Some(Side::Weak) => ROUTELLM_SIDE_WEAK,
    }
}

/// A text of a batch: `len` bytes of UTF-8. `data` may be `NULL` if `len` is 0.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct routellm_text {
    /// The bytes. They need no NUL at the end.
    pub data: *const c_char,
    /// Their number.
    pub len: usize,
}

/// Which model should answer, and why.
///
/// Set `struct_size` before the call, most easily with `ROUTELLM_DECISION_INIT`. The library fills in the rest
/// on success, and touches nothing on failure. Later versions may append members: the size tells which ones
/// your program knows.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct routellm_decision {
    /// `sizeof(routellm_decision)`, set by you.
    pub struct_size: usize,
    /// P(strong model's answer is preferred or needed), in [0, 1]; NaN in a fallback and outside the policies of the
    /// pair, `routellm_route_options_set_threshold()` and `routellm_route_options_set_strong_share()`.
    pub win_rate: f64,
    /// The threshold that the win rate was compared with, in [0, 1] or the next number above 1; NaN outside the
    /// policies of the pair.
    pub threshold: f64,
    /// The name of the chosen model. It belongs to the router, and is valid until that is freed.
    pub model: *const c_char,
    /// The error behind a fallback, if `routellm_route_options_set_keep_fallback_errors()` asked for it; then
    /// you own it. Else `NULL`.
    pub fallback_error: *mut routellm_error,
    /// `ROUTELLM_SIDE_STRONG`, `ROUTELLM_SIDE_WEAK`, or, outside the policies of the pair, `ROUTELLM_SIDE_NONE`.
    pub side: i32,
    /// 1 if the prompt was longer than the router reads, and was cut; else 0.
    pub truncated: i32,
    /// 1 if the prompt could not be scored, and `on_error` decided; else 0.
    pub fallback: i32,
    /// In a fallback, the status of the error behind it; else `ROUTELLM_OK`.
    pub fallback_status: routellm_status,
    /// The largest cosine similarity to any vote that was read, in [-1, 1]; NaN in a fallback and for routers without
    /// votes. A clustered store reads the votes of some clusters; `routellm_similarity()` reads all.
    pub similarity: f64,
    /// 1 if the prompt is farther from every vote than the router was told to trust, by
    /// `routellm_open_options_set_min_similarity()`; else 0. Then
    /// `routellm_open_options_set_out_of_distribution()` may have decided instead of the win rate.
    pub out_of_distribution: i32,
    /// 1 if a causal LM gave no score token, so that the win rate is 1; else 0.
    pub no_score: i32,
    /// In a fallback of which whoever watches the program should hear (the first of its kind of error, and at most one a
    /// minute after it): how many of this kind there were since the last such one, this one included. Else 0.
    /// `routellm_router_on_fallback()` hears of the same.
    pub fallback_warning: u64,
    // <faces:decision>
    /// The probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves something to
    /// chance.
    pub propensity: f64,
    /// The decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of
    /// version 7. It is empty unless a hook, an adapter or `routellm_open_options_set_ids()` asks for it. NULs follow
    /// it.
    pub id: [c_char; 40],
    /// The number of the chosen candidate, from 0, in the order of `routellm_router_model()`.
    pub candidate: usize,
    /// The quality that the chosen candidate is expected to have on this prompt, in [0, 1]; NaN in a fallback, and for
    /// `routellm_route_options_set_threshold()` and `routellm_route_options_set_strong_share()`, which compute none.
    pub quality: f64,
    /// What the request is expected to cost in USD: the chosen candidate's price for the input tokens and the output
    /// tokens; NaN without a price, and for an embedding without input tokens.
    pub expected_cost: f64,
    // </faces:decision>
}

/// Size of the first version of the struct, which ended before `similarity`: the least that a caller can know.
const FIRST_SIZE: usize = mem::offset_of!(routellm_decision, similarity);
// No version has padding that a later member could hide in.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(FIRST_SIZE == 56 && size_of::<routellm_decision>() == FIRST_SIZE + 24 + LATER_SIZE);
// <faces:size>
#[cfg(target_pointer_width = "64")]
const LATER_SIZE: usize = 8 + 40 + 8 + 8 + 8;
// </faces:size>

/// An id as text with NULs after it; nothing but NULs if there is none.
fn id_text(id: Option<DecisionId>) -> [c_char; 40] {
    let mut text = [0; 40];
    if let Some(id) = id {
        for (place, byte) in text.iter_mut().zip(id.to_string().bytes()) {
            *place = byte as c_char;
        }
    }
    text
}

/// The caller's decisions: an array whose elements are as large as the caller knows them.
pub(crate) struct Decisions {
    first: *mut u8,
    stride: usize,
}

impl Decisions {
    /// # Safety
    /// `pointer` is `NULL` or an array of decisions, at least one, of which the first says its size.
    pub(crate) unsafe fn new(pointer: *mut routellm_decision, name: &str) -> Result<Self> {
        if pointer.is_null() {
            return Err(invalid(format!("{name} is NULL")));
        }
        if !pointer.is_aligned() {
            return Err(invalid(format!("{name} is not aligned to its type")));
        }
        // SAFETY: not NULL and aligned; the size is the first member of every version.
        let stride = unsafe { ptr::addr_of!((*pointer).struct_size).read() };
        let known = size_of::<routellm_decision>();
        if !(FIRST_SIZE.min(known)..=known).contains(&stride) || stride % align_of::<routellm_decision>() != 0
        {
            return Err(invalid(format!(
                "{name}: struct_size is {stride}, expected {FIRST_SIZE} to {known}: set it to \
                 sizeof(routellm_decision), and use a library that is not older than the header"
            )));
        }
        Ok(Self { first: pointer.cast(), stride })
    }

    /// A decision in the form of this library's version.
    pub(crate) fn value(names: &Names, decision: &Decision, keep_errors: bool) -> routellm_decision {
        let fallback_error = match &decision.fallback {
            Some(fallback) if keep_errors => {
                Box::into_raw(Box::new(routellm_error::new(fallback.kind, &fallback.reason)))
            }
            _ => ptr::null_mut(),
        };
        let warning = decision.fallback.as_ref().and_then(|fallback| fallback.warning);
        if let Some(warning) = warning {
            names.listeners.tell(warning);
        }
        routellm_decision {
            struct_size: size_of::<routellm_decision>(),
            model: names.chosen(decision).as_ptr(),
            fallback_error,
            side: side_number(decision.side),
            fallback: i32::from(decision.fallback.is_some()),
            fallback_status: decision.fallback.as_ref().map_or(ROUTELLM_OK, |fallback| fallback.kind.code()),
            fallback_warning: warning.map_or(0, |warning| warning.count),
            // <faces:value>
            win_rate: decision.win_rate.unwrap_or(f64::NAN),
            threshold: decision.threshold,
            truncated: i32::from(decision.truncated),
            similarity: decision.similarity.unwrap_or(f64::NAN),
            out_of_distribution: i32::from(decision.out_of_distribution),
            no_score: i32::from(decision.no_score),
            propensity: decision.propensity,
            id: id_text(decision.id),
            candidate: decision.candidate.unwrap_or(usize::MAX),
            quality: decision.quality.unwrap_or(f64::NAN),
            expected_cost: decision.expected_cost.unwrap_or(f64::NAN),
            // </faces:value>
        }
    }

    /// Writes element `index`, as much of it as the caller knows.
    ///
    /// # Safety
    /// The array has more than `index` elements.
    pub(crate) unsafe fn set(&self, index: usize, names: &Names, decision: &Decision, keep_errors: bool) {
        let value =
            routellm_decision { struct_size: self.stride, ..Self::value(names, decision, keep_errors) };
        // SAFETY: the element lies in the caller's array, and is `stride` bytes of it; `value` is at least as large.
        unsafe {
            ptr::copy_nonoverlapping(
                (&raw const value).cast::<u8>(),
                self.first.add(index * self.stride),
                self.stride,
            );
        }
    }
}
