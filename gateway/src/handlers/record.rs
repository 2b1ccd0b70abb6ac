//! What is written down of a request: headers for its caller, numbers, and lines of logs. None holds a part of its text.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json as value};

use super::generate::Endpoint;
use crate::metrics::now_us;
use crate::recent::Made;
use crate::request::Facts;
use crate::routing::{Chosen, ModelEntry, RouterEntry};
use crate::spending::Aside;
use crate::state::State;
use crate::upstream::{End, Outcome, Usage};

/// The tokens of an answer where nobody knows better.
const OUTPUT_TOKENS: u64 = 256;

/// A request that was decided and is under way.
pub(super) struct Record {
    pub(super) state: Arc<State>,
    pub(super) endpoint: &'static Endpoint,
    pub(super) begun: u64,
    /// What `model` said.
    pub(super) asked: String,
    pub(super) caller: Option<String>,
    pub(super) facts: Facts,
    pub(super) stream: bool,
    pub(super) router: Option<Arc<RouterEntry>>,
    pub(super) chosen: Option<Chosen>,
    /// Who answered, or was asked last.
    pub(super) model: Arc<ModelEntry>,
    pub(super) aside: Option<Aside>,
    pub(super) tries: u32,
    pub(super) fell_back: bool,
    pub(super) failures: Vec<String>,
    pub(super) status: u16,
}

/// A decision as callers and logs see it.
pub(super) fn members(router: &RouterEntry, chosen: &Chosen) -> Value {
    let decision = &chosen.decision;
    let threshold = Some(decision.threshold).filter(|threshold| threshold.is_finite());
    value!({
        "id": decision.id.map(|id| id.to_string()),
        "router": router.name,
        "model": chosen.model.name,
        "decided": chosen.decided.name,
        "side": decision.side.map(routellm_core::Side::name),
        "win_rate": decision.win_rate,
        "threshold": threshold,
        "quality": decision.quality,
        "propensity": decision.propensity,
        "expected_cost": decision.expected_cost,
        "truncated": decision.truncated,
        "out_of_distribution": decision.out_of_distribution,
        "similarity": decision.similarity,
        "fallback": decision.fallback.as_ref().map(|fallback| fallback.kind.name()),
        "sticky": chosen.kept,
        "shadow": chosen.shadow,
        "decision_us": chosen.micros,
    })
}

/// Puts a decision into the file of decisions, and remembers it for feedback.
pub(super) fn decided(
    state: &State,
    router: &RouterEntry,
    chosen: &Chosen,
    caller: Option<&str>,
    chat: &[u8],
) {
    let snapshot = state.now();
    if let (Some(id), true) = (chosen.decision.id, state.takes_feedback()) {
        let made = Made {
            router: router.name.clone(),
            decided: chosen.decided.name.clone(),
            model: chosen.model.name.clone(),
            win_rate: chosen.decision.win_rate,
            propensity: chosen.decision.propensity,
            caller: caller.map(str::to_owned),
        };
        state.recent.add(id.to_u128(), made);
    }
    if snapshot.config.log.decisions.is_none() {
        return;
    }
    let mut line = members(router, chosen);
    if let Some(line) = line.as_object_mut() {
        line.insert("time".to_owned(), time().into());
        line.insert("key".to_owned(), caller.into());
        if snapshot.config.log.prompts {
            let prompt = routellm_core::Read::LastUser.prompt(chat).ok();
            line.insert("prompt".to_owned(), prompt.into());
        }
    }
    state.logs.decision(&line);
}

/// The headers that tell a decision.
pub(super) fn headers(chosen: Option<&Chosen>, model: &ModelEntry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("x-routellm-model", &model.name);
    let Some(chosen) = chosen else { return headers };
    let decision = &chosen.decision;
    if let Some(win_rate) = decision.win_rate {
        put("x-routellm-win-rate", &win_rate.to_string());
    }
    if decision.threshold.is_finite() {
        put("x-routellm-threshold", &decision.threshold.to_string());
    }
    if let Some(id) = decision.id {
        put("x-routellm-id", &id.to_string());
    }
    if chosen.decided.name != model.name {
        put("x-routellm-decided", &chosen.decided.name);
    }
    put("x-routellm-decision-us", &chosen.micros.to_string());
    headers
}

impl Record {
    /// What the request is expected to cost at this model.
    pub(super) fn expected(model: &ModelEntry, facts: &Facts) -> Option<f64> {
        let output = facts.max_tokens.unwrap_or(OUTPUT_TOKENS);
        Some(model.config.price?.cost(facts.input_tokens(), output))
    }

    /// Writes down how the request ended.
    pub(super) fn finish(mut self, end: Option<End>) {
        let answered = end.is_some() && self.status < 400 && self.endpoint.billed;
        let usage = end.and_then(|end| end.usage);
        let cost = answered.then(|| self.cost(usage)).flatten();
        if let Some(usage) = usage {
            self.state.metrics.tokens_in.add(usage.input);
            self.state.metrics.tokens_out.add(usage.output);
        }
        if let (Some(aside), Some(usd)) = (self.aside.take(), cost) {
            aside.settle(usd);
        }
        let outcome = end.map_or("refused", |end| end.outcome.name());
        self.state.metrics.outcomes.of(&outcome).add(1);
        let whole = now_us().saturating_sub(self.begun);
        self.state.metrics.whole.observe_us(whole);
        let snapshot = self.state.now();
        if !snapshot.config.log.requests {
            return;
        }
        let decision = self.chosen.as_ref().zip(self.router.as_ref()).map(|(chosen, router)| {
            value!({
                "id": chosen.decision.id.map(|id| id.to_string()),
                "router": router.name,
                "decided": chosen.decided.name,
                "win_rate": chosen.decision.win_rate,
                "threshold": Some(chosen.decision.threshold).filter(|threshold| threshold.is_finite()),
                "decision_us": chosen.micros,
                "sticky": chosen.kept,
            })
        });
        // A name that is nobody's may be anything: it stays out of logs.
        let asked = if self.router.is_some() || snapshot.models.contains_key(&self.asked) {
            self.asked.as_str()
        } else {
            "other"
        };
        self.state.logs.line(&value!({
            "event": "request",
            "time": time(),
            "path": self.endpoint.path,
            "key": self.caller,
            "asked": asked,
            "decision": decision,
            "model": if snapshot.models.contains_key(&self.model.name) { &self.model.name } else { "other" },
            "upstream": self.model.upstream.name,
            "stream": self.stream,
            "status": self.status,
            "outcome": outcome,
            "tries": self.tries,
            "fell_back": self.fell_back,
            "failures": self.failures,
            "input_tokens": usage.map(|usage| usage.input),
            "output_tokens": usage.map(|usage| usage.output),
            "cost_usd": cost,
            "whole_us": whole,
        }));
    }

    /// What the request cost, by the tokens that the upstream told, or else estimated ones; it is added to what the router
    /// cost.
    fn cost(&self, usage: Option<Usage>) -> Option<f64> {
        let mean = self.router.as_ref().map(|router| router.router.info().mean_output_tokens);
        let usage = usage.unwrap_or_else(|| Usage {
            input: self.facts.input_tokens(),
            output: mean.map_or(OUTPUT_TOKENS, |tokens| tokens as u64),
        });
        let cost = self.model.config.price?.cost(usage.input, usage.output);
        if let Some(router) = &self.router {
            let strong = router.targets[router.strong].as_ref().and_then(|strong| strong.config.price);
            if let Some(strong) = strong {
                router.counters.cost.add(cost);
                router.counters.strong_cost.add(strong.cost(usage.input, usage.output));
            }
        }
        Some(cost)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.state.metrics.in_flight.sub(1);
    }
}

/// A request whose caller went away before there was an answer is written down, too.
pub(super) struct Pending(pub(super) Option<Record>);

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(mut record) = self.0.take() {
            record.status = 499;
            record.finish(Some(End { outcome: Outcome::Abandoned, usage: None }));
        }
    }
}

/// The time as RFC 3339 has it, in UTC.
pub(super) fn time() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    at(since.as_secs(), since.subsec_millis())
}

/// Days to dates by the count of Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn at(seconds: u64, millis: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_827_696, 789), "2000-02-29T12:34:56.789Z");
        assert_eq!(at(1_798_761_599, 1), "2026-12-31T23:59:59.001Z");
    }
}
