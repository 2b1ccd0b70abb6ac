//! Requests that a model answers: decided, sent on, and passed back as they come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request as HttpRequest, Response};

use super::record::{self, Pending, Record};
use super::{Answer, admit, body_of, count, post};
use crate::config::Dialect;
use crate::keys::Caller;
use crate::metrics::now_us;
use crate::naming::{Misnamed, Named, read};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::routing::{Ask, Chosen, ModelEntry, RouterEntry, SessionKey};
use crate::spending::{Aside, today};
use crate::state::{Snapshot, State};
use crate::upstream::{Outgoing, Target, deliver, relay};

/// The header by which a caller asks for an answer that begins earlier than the configuration demands.
const TIMEOUT: &str = "x-routellm-timeout-ms";

/// A path that a model answers.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(super) path: &'static str,
    /// The path behind an upstream's address.
    upstream: &'static str,
    dialect: Dialect,
    /// Whether a router may stand in `model`.
    routed: bool,
    /// Whether streams have `stream_options`.
    stream_options: bool,
    /// Whether its answers cost something.
    pub(super) billed: bool,
}

const fn openai(path: &'static str, upstream: &'static str) -> Endpoint {
    Endpoint { path, upstream, dialect: Dialect::Openai, routed: true, stream_options: true, billed: true }
}

const fn anthropic(path: &'static str, upstream: &'static str) -> Endpoint {
    Endpoint {
        path,
        upstream,
        dialect: Dialect::Anthropic,
        routed: true,
        stream_options: false,
        billed: true,
    }
}

/// All of them.
pub(super) static ENDPOINTS: [Endpoint; 6] = [
    openai("/v1/chat/completions", "/chat/completions"),
    openai("/v1/completions", "/completions"),
    Endpoint { stream_options: false, ..openai("/v1/responses", "/responses") },
    // Vectors of two models do not compare.
    Endpoint { routed: false, ..openai("/v1/embeddings", "/embeddings") },
    anthropic("/v1/messages", "/messages"),
    Endpoint { billed: false, ..anthropic("/v1/messages/count_tokens", "/messages/count_tokens") },
];

/// Answers.
pub(super) async fn generate(
    state: Arc<State>,
    endpoint: &'static Endpoint,
    request: HttpRequest<Body>,
) -> Response<Body> {
    let begun = now_us();
    let answer = answer(&state, endpoint, request, begun).await;
    state.metrics.begin.observe_us(now_us().saturating_sub(begun));
    count(&state, endpoint.path, answer, endpoint.dialect)
}

/// Who could answer, in the order in which they are asked.
struct Plan {
    models: Vec<Arc<ModelEntry>>,
    router: Option<Arc<RouterEntry>>,
    chosen: Option<Chosen>,
}

async fn answer(
    state: &Arc<State>,
    endpoint: &'static Endpoint,
    request: HttpRequest<Body>,
    begun: u64,
) -> Answer {
    let (head, body) = request.into_parts();
    post(&head.method)?;
    let snapshot = state.now();
    let caller = admit(&snapshot, &head.headers)?;
    let patience = patience(&snapshot, &head.headers)?;
    let until = Instant::now() + patience;
    let body = body_of(&snapshot, &head.headers, body).await?;
    state.metrics.read.observe_us(now_us().saturating_sub(begun));
    let request = Request::read(body).map_err(|error| Refusal::invalid(error.message).param(error.member))?;
    let mut plan = plan(state, &snapshot, endpoint, &head.headers, &request, caller).await?;
    let aside = set_aside(state, caller, &plan.models, &request)?;
    let usage =
        endpoint.stream_options && plan.router.as_ref().is_some_and(|router| router.config.include_usage);
    let targets: Vec<Target> = plan.models.iter().map(|model| target(model, &request, usage)).collect();
    let query = head.uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let outgoing = Outgoing { path: format!("{}{query}", endpoint.upstream), headers: head.headers };
    state.metrics.in_flight.add(1);
    let mut pending = Pending(Some(Record {
        state: Arc::clone(state),
        endpoint,
        begun,
        asked: request.model.clone(),
        caller: caller.map(|caller| caller.name.clone()),
        facts: request.facts,
        stream: request.stream,
        router: plan.router.take(),
        chosen: plan.chosen.take(),
        model: Arc::clone(&plan.models[0]),
        aside,
        tries: 0,
        fell_back: false,
        failures: Vec::new(),
        status: 0,
    }));
    let delivered = deliver(&targets, &outgoing, until, begun).await;
    // It is there until here: only a caller that goes away drops it before.
    let Some(mut record) = pending.0.take() else { return Err(Refusal::internal("no record")) };
    record.model = Arc::clone(&plan.models[delivered.target]);
    record.tries = delivered.tries;
    let told = |(place, failure): &(usize, crate::upstream::Failure)| {
        format!("{}: {}", plan.models[*place].upstream.name, failure.name())
    };
    record.failures = delivered.failures.iter().map(told).collect();
    record.fell_back = delivered.target > 0;
    state.metrics.fallbacks.add(u64::from(record.fell_back));
    match delivered.answer {
        Ok(started) => {
            record.status = started.head.status.as_u16();
            let known = snapshot.models.contains_key(&record.model.name);
            let label = if known { record.model.name.as_str() } else { "other" };
            state.metrics.answers.of(label).add(1);
            let headers = record::headers(record.chosen.as_ref(), &record.model);
            let mut response = relay(started, move |end| record.finish(Some(end)));
            response.headers_mut().extend(headers);
            Ok(response)
        }
        Err(refusal) => {
            record.status = refusal.status.as_u16();
            let mut response = refusal.response(endpoint.dialect);
            response.headers_mut().extend(record::headers(record.chosen.as_ref(), &record.model));
            record.finish(None);
            Ok(response)
        }
    }
}

/// Decides, where a router is named.
async fn plan(
    state: &Arc<State>,
    snapshot: &Snapshot,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    request: &Request,
    caller: Option<&Arc<Caller>>,
) -> Result<Plan, Refusal> {
    let names = snapshot.routers.keys().map(String::as_str);
    let named = read(&request.model, names).map_err(|misnamed| match misnamed {
        Misnamed::Unknown(message) => Refusal::no_model(message),
        Misnamed::Policy(message) => Refusal::invalid(message).param(Some("model")),
    })?;
    match named {
        Named::Model(name) => {
            if caller.is_some_and(|caller| !caller.may_name(name)) {
                return Err(Refusal::forbidden(
                    "this key may not name this model; GET /v1/models lists its own",
                ));
            }
            Ok(Plan { models: vec![snapshot.model(name, endpoint.dialect)?], router: None, chosen: None })
        }
        Named::Router(name, _) if caller.is_some_and(|caller| !caller.may_route(name)) => {
            Err(Refusal::forbidden("this key may not use this router; GET /v1/models lists its own"))
        }
        Named::Router(..) if !endpoint.routed => {
            Err(Refusal::invalid("embeddings of two models do not compare: name a model, not a router")
                .param(Some("model")))
        }
        Named::Router(name, policy) => {
            let router = Arc::clone(&snapshot.routers[name]);
            let caller = caller.map(|caller| caller.name.as_str());
            let sticky = router.config.sticky.as_ref();
            let session = sticky
                .and_then(|sticky| SessionKey::of(headers, request, caller.unwrap_or_default(), sticky));
            let ask = Ask {
                chat: request.bytes(),
                policy,
                facts: &request.facts,
                dialect: Some(endpoint.dialect),
                session,
            };
            let mut chosen = router.decide(ask).await?;
            record::decided(state, &router, &chosen, caller, request.bytes());
            let mut models = vec![Arc::clone(&chosen.model)];
            if router.config.fallback {
                models.append(&mut chosen.others);
            }
            Ok(Plan { models, router: Some(router), chosen: Some(chosen) })
        }
    }
}

fn target(model: &ModelEntry, request: &Request, usage: bool) -> Target {
    let name = &model.upstream_name;
    let body = if usage { request.with_usage(name) } else { request.with_model(name) };
    Target { upstream: Arc::clone(&model.upstream), body }
}

/// Sets aside what the request may cost, where the caller has a budget: the dearest of those who may answer.
fn set_aside(
    state: &State,
    caller: Option<&Arc<Caller>>,
    models: &[Arc<ModelEntry>],
    request: &Request,
) -> Result<Option<Aside>, Refusal> {
    let Some((caller, budget)) = caller.and_then(|caller| Some((caller, caller.config.budget?))) else {
        return Ok(None);
    };
    let mut most = 0.0_f64;
    for model in models {
        let cost = Record::expected(model, &request.facts).ok_or_else(|| {
            Refusal::forbidden("this key has a budget, and the model has no price: set models.NAME.price")
        })?;
        most = most.max(cost);
    }
    let aside = state.spending.set_aside(&caller.name, budget, most, today());
    aside.map(Some).ok_or_else(|| {
        Refusal::spent(format!("the budget of key {:?} does not suffice for this request", caller.name))
    })
}

/// How long until the answer has to begin.
fn patience(snapshot: &Snapshot, headers: &HeaderMap) -> Result<Duration, Refusal> {
    let most = snapshot.config.limits.request_timeout_ms;
    let Some(asked) = headers.get(TIMEOUT) else { return Ok(Duration::from_millis(most)) };
    match asked.to_str().ok().and_then(|text| text.parse::<u64>().ok()).filter(|ms| *ms > 0) {
        Some(ms) => Ok(Duration::from_millis(ms.min(most))),
        None => Err(Refusal::invalid(format!("{TIMEOUT} has to be a number of milliseconds from 1 on"))),
    }
}
