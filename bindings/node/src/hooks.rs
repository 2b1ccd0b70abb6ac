//! Watching decisions: what a router tells a JavaScript function.

use std::time::Duration;

use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use routellm_core::DecisionEvent;

use crate::router::NativeRouter;

/// What a hook hears of a decision.
#[napi(object, object_from_js = false)]
pub struct NativeDecisionEvent {
    /// The decision's id, a UUID of version 7.
    pub id: String,
    /// The name of the chosen model.
    pub model: String,
    /// The chosen side; none outside the policies of the pair.
    pub side: Option<&'static str>,
    /// The number of the chosen candidate.
    pub candidate: u32,
    /// The quality that the chosen candidate is expected to have.
    pub quality: Option<f64>,
    /// What the request is expected to cost in USD.
    pub expected_cost: Option<f64>,
    /// P(the strong model's answer is preferred or needed); none in a fallback.
    pub win_rate: Option<f64>,
    /// The threshold that the win rate was compared with.
    pub threshold: f64,
    /// The probability that the side had of being chosen.
    pub propensity: f64,
    /// The kind of the error behind a fallback.
    pub fallback_kind: Option<&'static str>,
    /// Nanoseconds until the prompt's turn.
    pub queue_ns: f64,
    /// Nanoseconds for features and score together.
    pub score_ns: f64,
    /// Nanoseconds of the whole call.
    pub total_ns: f64,
    /// The prompt's place in its batch.
    pub index: u32,
    /// How many prompts the call had.
    pub batch_size: u32,
}

impl NativeDecisionEvent {
    fn new(event: &DecisionEvent<'_>) -> Self {
        let nanoseconds = |time: Duration| time.as_nanos() as f64;
        Self {
            id: event.id.to_string(),
            model: event.model.to_owned(),
            side: event.side.map(routellm_core::Side::name),
            candidate: event.candidate as u32,
            quality: event.quality,
            expected_cost: event.expected_cost,
            win_rate: event.win_rate,
            threshold: event.threshold,
            propensity: event.propensity,
            fallback_kind: event.fallback.map(routellm_core::ErrorKind::name),
            queue_ns: nanoseconds(event.latency.queue),
            score_ns: nanoseconds(event.latency.score),
            total_ns: nanoseconds(event.latency.total),
            index: event.index as u32,
            batch_size: event.batch_size as u32,
        }
    }
}

/// Weak: it keeps no program alive. Its first argument is the event: what it throws is the program's to catch.
type Listener = ThreadsafeFunction<NativeDecisionEvent, (), NativeDecisionEvent, Status, false, true>;

#[napi]
impl NativeRouter {
    /// Sets who hears of every decision, on the event loop; null for nobody.
    ///
    /// # Errors
    /// Those of Node.
    #[napi(ts_args_type = "callback: ((event: NativeDecisionEvent) => void) | null")]
    pub fn on_decision(&self, callback: Option<Function<'_, NativeDecisionEvent, ()>>) -> napi::Result<()> {
        let Some(callback) = callback else {
            self.router().off_decision();
            return Ok(());
        };
        let listener: Listener = callback.build_threadsafe_function().weak::<true>().build()?;
        self.router().on_decision(move |event| {
            // It fails only while the environment is going away.
            listener.call(NativeDecisionEvent::new(event), ThreadsafeFunctionCallMode::NonBlocking);
        });
        Ok(())
    }

    /// Takes over who hears of the decisions of `other`, unless somebody hears of these.
    #[napi]
    pub fn inherit_hook(&self, other: &NativeRouter) {
        self.router().inherit_hook(other.router());
    }
}
