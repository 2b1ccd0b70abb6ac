//! What can stand in `model`, and what the page shows.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json as value};

use super::{admit, count, dialect_of, json};
use crate::keys::Caller;
use crate::naming::{Named, PREFIX, read};
use crate::refusal::Refusal;
use crate::state::{Snapshot, State};

fn entry(id: &str, owner: &str) -> Value {
    value!({"id": id, "object": "model", "type": "model", "display_name": id, "created": 0, "owned_by": owner})
}

fn entries(snapshot: &Snapshot, caller: Option<&Arc<Caller>>) -> Vec<Value> {
    let routers = snapshot.routers.keys().filter(|name| caller.is_none_or(|caller| caller.may_route(name)));
    let routers = routers.map(|name| entry(&format!("{PREFIX}{name}"), "routellm"));
    let models =
        snapshot.models.values().filter(|model| caller.is_none_or(|caller| caller.may_name(&model.name)));
    routers.chain(models.map(|model| entry(&model.name, &model.upstream.name))).collect()
}

/// Routers and models, as `OpenAI` and Anthropic list them.
pub(super) async fn list(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response<Body> {
    let snapshot = state.now();
    let answer = admit(&snapshot, &headers).and_then(|caller| {
        let data = entries(&snapshot, caller);
        json(&value!({"object": "list", "data": data, "has_more": false}))
    });
    count(&state, "/v1/models", answer, dialect_of(&headers))
}

/// One of them.
pub(super) async fn one(
    Shared(state): Shared<Arc<State>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let snapshot = state.now();
    let answer = admit(&snapshot, &headers).and_then(|caller| {
        let known = entries(&snapshot, caller).into_iter().find(|entry| entry["id"] == name.as_str());
        let router = match read(&name, snapshot.routers.keys().map(String::as_str)) {
            Ok(Named::Router(router, _)) if caller.is_none_or(|caller| caller.may_route(router)) => {
                Some(entry(&name, "routellm"))
            }
            _ => None,
        };
        let found = known.or(router).ok_or_else(|| {
            Refusal::no_model(format!("there is no model {name:?}; GET /v1/models lists them"))
        })?;
        json(&found)
    });
    count(&state, "/v1/models", answer, dialect_of(&headers))
}

/// Routers with their shares, prices and counters.
pub(super) async fn gateway(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response<Body> {
    let snapshot = state.now();
    let answer = admit(&snapshot, &headers).and_then(|caller| {
        let routers: Vec<Value> = snapshot
            .routers
            .values()
            .filter(|router| caller.is_none_or(|caller| caller.may_route(&router.name)))
            .map(|router| {
                let counters = &router.counters;
                let price = |model: &str| snapshot.models.get(model).and_then(|model| model.config.price);
                let price =
                    |model: &str| price(model).map(|p| value!({"input": p.input, "output": p.output}));
                // Thresholds of whole percents, so that a page can show a share for each.
                let shares: Vec<Value> = (0..=100)
                    .filter_map(|percent| router.router.share(f64::from(percent) / 100.0).ok())
                    .map(|(threshold, share)| value!([share, threshold.min(1.0)]))
                    .collect();
                value!({
                    "name": router.name,
                    "kind": router.router.info().kind,
                    "strong": router.config.strong,
                    "weak": router.config.weak,
                    "strong_price": price(&router.config.strong),
                    "weak_price": price(&router.config.weak),
                    "output_tokens": router.router.info().mean_output_tokens,
                    "shares": shares,
                    "explains": router.explains(),
                    "decisions": counters.all.get(),
                    "strong_decisions": counters.strong.get(),
                    "cost_usd": counters.cost.usd(),
                    "strong_cost_usd": counters.strong_cost.usd(),
                    "shadow": router.config.shadow.is_some(),
                })
            })
            .collect();
        json(&value!({
            "version": routellm_core::VERSION,
            "demo": state.demo,
            "feedback": state.takes_feedback(),
            "routers": routers,
        }))
    });
    count(&state, "/v1/gateway", answer, dialect_of(&headers))
}
