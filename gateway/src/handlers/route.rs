//! `POST /v1/route`: decisions alone, one or many.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{Request as HttpRequest, Response};
use bytes::Bytes;
use routellm_core::{CallOptions, Input};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json as value};
use tokio::sync::oneshot;

use super::{Answer, admit, body_of, count, dialect_of, json, post, record};
use crate::naming::{Misnamed, Named, read};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::routing::{Ask, RouterEntry};
use crate::state::State;

/// What stands in a body besides a chat.
#[derive(Deserialize)]
struct Extra<'a> {
    /// Many prompts: texts, lists of messages or bodies.
    #[serde(borrow)]
    inputs: Option<Vec<&'a RawValue>>,
    /// How many votes to tell.
    explain: Option<usize>,
}

/// The most votes that are told.
const VOTES: usize = 100;

/// Decides.
pub(super) async fn route(Shared(state): Shared<Arc<State>>, request: HttpRequest<Body>) -> Response<Body> {
    let dialect = dialect_of(request.headers());
    let answer = decide(&state, request).await;
    count(&state, "/v1/route", answer, dialect)
}

async fn decide(state: &Arc<State>, request: HttpRequest<Body>) -> Answer {
    let (head, body) = request.into_parts();
    post(&head.method)?;
    let snapshot = state.now();
    let caller = admit(&snapshot, &head.headers)?;
    let body = body_of(&snapshot, &head.headers, body).await?;
    let request = Request::read(body).map_err(|error| Refusal::invalid(error.message).param(error.member))?;
    let named = read(&request.model, snapshot.routers.keys().map(String::as_str));
    let (name, policy) = match named {
        Ok(Named::Router(name, policy)) => (name, policy),
        Ok(Named::Model(_)) => {
            return Err(Refusal::invalid("name a router as \"model\": router-NAME").param(Some("model")));
        }
        Err(Misnamed::Unknown(message)) => return Err(Refusal::no_model(message)),
        Err(Misnamed::Policy(message)) => return Err(Refusal::invalid(message).param(Some("model"))),
    };
    if caller.is_some_and(|caller| !caller.may_route(name)) {
        return Err(Refusal::forbidden("this key may not use this router; GET /v1/models lists its own"));
    }
    let router = Arc::clone(&snapshot.routers[name]);
    let caller = caller.map(|caller| caller.name.as_str());
    let bytes = request.bytes().clone();
    let extra: Extra<'_> = serde_json::from_slice(&bytes).map_err(|_| {
        Refusal::invalid("\"inputs\" has to be a list, and \"explain\" a whole number from 0 on")
    })?;
    let votes = extra.explain.map(|votes| votes.min(VOTES)).filter(|_| router.explains());
    let Some(inputs) = extra.inputs else {
        return json(&one(state, &router, policy, &bytes, &request.facts, caller, votes).await?);
    };
    let most = snapshot.config.limits.route_inputs;
    if inputs.len() > most {
        let message =
            format!("{} inputs are more than {most}; send fewer, or raise limits.route_inputs", inputs.len());
        return Err(Refusal::invalid(message).param(Some("inputs")));
    }
    let mut decisions = Vec::with_capacity(inputs.len());
    for input in inputs {
        let chat = Bytes::copy_from_slice(input.get().as_bytes());
        decisions.push(one(state, &router, policy, &chat, &request.facts, caller, votes).await?);
    }
    json(&value!({"decisions": decisions}))
}

async fn one(
    state: &Arc<State>,
    router: &Arc<RouterEntry>,
    policy: Option<crate::config::Policy>,
    chat: &Bytes,
    facts: &crate::request::Facts,
    caller: Option<&str>,
    votes: Option<usize>,
) -> Result<Value, Refusal> {
    let ask = Ask { chat, policy, facts, dialect: None, session: None };
    let chosen = router.decide(ask).await?;
    record::decided(state, router, &chosen, caller, chat);
    let mut told = record::members(router, &chosen);
    if let (Some(votes), Some(told)) = (votes, told.as_object_mut()) {
        told.insert("explanation".to_owned(), explain(router, chat, votes).await);
    }
    Ok(told)
}

/// The votes behind a decision; null where there are none to tell.
async fn explain(router: &RouterEntry, chat: &Bytes, votes: usize) -> Value {
    let (send, receive) = oneshot::channel();
    let done = move |explanation| drop(send.send(explanation));
    let options = CallOptions::new().on_error(router.on_error());
    if router.router.explain_async(Input::Messages(chat), votes, &options, done).is_err() {
        return Value::Null;
    }
    match receive.await {
        Ok(Ok(explanation)) => serde_json::to_value(explanation).unwrap_or(Value::Null),
        _ => Value::Null,
    }
}
