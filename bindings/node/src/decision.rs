//! Decisions as numbers.

use napi::bindgen_prelude::Float64Array;
use napi_derive::napi;
use routellm_core::options::Spelling;
use routellm_core::{
    CallOptions, CancelToken, Decision, DecisionId, Error, ErrorKind, OnError, Result, Side,
};

/// Numbers of one decision: its side (1 is strong, 0 weak, NaN none), and its fields in the order of the table, NaN for what there is not.
// <faces:numbers>
pub(crate) const NUMBERS: usize = 15;
// </faces:numbers>

/// Why the decision at an index is a fallback.
#[napi(object, object_from_js = false)]
pub struct FallbackReason {
    /// Which decision of the call.
    pub index: u32,
    /// The kind of the error.
    pub kind: &'static str,
    /// Its message.
    pub reason: String,
    /// What to tell whoever watches the program, if it is time for it.
    pub warning: Option<String>,
}

impl FallbackReason {
    pub(crate) fn of(index: usize, decision: &Decision) -> Option<Self> {
        let fallback = decision.fallback.as_ref()?;
        Some(Self {
            index: index as u32,
            kind: fallback.kind.name(),
            reason: fallback.reason.to_string(),
            warning: fallback.warning.map(|warning| warning.to_string()),
        })
    }
}

/// The decisions of one call.
#[napi(object, object_from_js = false)]
pub struct Decided {
    /// [`NUMBERS`] for each decision.
    pub numbers: Float64Array,
    /// Those that are fallbacks.
    pub fallbacks: Vec<FallbackReason>,
}

impl Decided {
    pub(crate) fn new(decisions: &[Decision]) -> Self {
        let mut numbers = vec![0.0; decisions.len() * NUMBERS];
        for (decision, out) in decisions.iter().zip(numbers.chunks_exact_mut(NUMBERS)) {
            write(decision, out);
        }
        Self { numbers: Float64Array::new(numbers), fallbacks: fallbacks(decisions) }
    }
}

/// Writes one decision.
pub(crate) fn write(decision: &Decision, out: &mut [f64]) {
    out[0] = match decision.side {
        None => f64::NAN,
        Some(Side::Strong) => 1.0,
        Some(Side::Weak) => 0.0,
    };
    // <faces:write>
    out[1] = decision.win_rate.unwrap_or(f64::NAN);
    out[2] = decision.threshold;
    out[3] = f64::from(u8::from(decision.truncated));
    out[4] = decision.similarity.unwrap_or(f64::NAN);
    out[5] = f64::from(u8::from(decision.out_of_distribution));
    out[6] = f64::from(u8::from(decision.no_score));
    out[7] = decision.propensity;
    write_id(decision.id, &mut out[8..12]);
    out[12] = decision.candidate.map_or(f64::NAN, |index| index as f64);
    out[13] = decision.quality.unwrap_or(f64::NAN);
    out[14] = decision.expected_cost.unwrap_or(f64::NAN);
    // </faces:write>
}

/// Writes an id as four whole numbers, the highest first: zeros if there is none.
fn write_id(id: Option<DecisionId>, out: &mut [f64]) {
    let bytes = id.map_or([0; 16], DecisionId::to_bytes);
    for (part, out) in bytes.chunks_exact(4).zip(out) {
        *out = f64::from(u32::from_be_bytes([part[0], part[1], part[2], part[3]]));
    }
}

/// Why some decisions are fallbacks.
pub(crate) fn fallbacks(decisions: &[Decision]) -> Vec<FallbackReason> {
    decisions.iter().enumerate().filter_map(|(i, decision)| FallbackReason::of(i, decision)).collect()
}

/// The core's options of what one call asks for, as JavaScript passes them: NaN for a number that is not given, `on_error` as
/// its number among the names of the table, and the others as a JSON object. The timeout counts from the core's call, which
/// begins at once.
pub(crate) fn options(
    threshold: f64,
    strong_share: f64,
    on_error: u32,
    timeout_ms: f64,
    more: Option<&str>,
    cancel: Option<CancelToken>,
) -> Result<CallOptions> {
    // JavaScript has read the chats.
    let mut options = CallOptions::new().spelling(Spelling::Camel);
    if !threshold.is_nan() {
        options = options.threshold(threshold);
    }
    if !strong_share.is_nan() {
        options = options.strong_share(strong_share);
    }
    if !timeout_ms.is_nan() {
        options.set_timeout_ms(timeout_ms)?;
    }
    let known = OnError::ALL.get(on_error as usize).copied();
    let on_error = known
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("on_error is {on_error} from JavaScript")))?;
    options = options.on_error(on_error);
    if let Some(json) = more {
        options.set_json(json.as_bytes())?;
    }
    options.set_cancel(cancel);
    Ok(options)
}
