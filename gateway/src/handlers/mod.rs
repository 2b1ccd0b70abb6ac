//! Paths, and what is common to all of them.

mod feedback;
mod generate;
mod health;
mod models;
mod page;
mod record;
mod route;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::{any, get};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Serialize;

use crate::config::Dialect;
use crate::keys::Caller;
use crate::refusal::Refusal;
use crate::state::{Snapshot, State};

type Answer = Result<Response<Body>, Refusal>;

/// All paths.
pub(crate) fn app(state: Arc<State>) -> axum::Router {
    let mut app = axum::Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*name}", get(models::one))
        .route("/v1/gateway", get(models::gateway))
        .route("/v1/route", any(route::route))
        .route("/v1/feedback", any(feedback::feedback));
    for file in &page::FILES {
        app = app
            .route(file.path, get(async move |Shared(state): Shared<Arc<State>>| page::page(&state, file)));
    }
    for endpoint in &generate::ENDPOINTS {
        app = app.route(
            endpoint.path,
            any(move |Shared(state): Shared<Arc<State>>, request: Request<Body>| {
                generate::generate(state, endpoint, request)
            }),
        );
    }
    app.method_not_allowed_fallback(async |Shared(state): Shared<Arc<State>>, request: Request<Body>| {
        count(&state, "other", Err(Refusal::method("GET")), dialect_of(request.headers()))
    })
    .fallback(async |Shared(state): Shared<Arc<State>>, request: Request<Body>| {
        count(&state, "other", Err(Refusal::no_path()), dialect_of(request.headers()))
    })
    .with_state(state)
}

/// The form that a caller expects of an error where the path does not tell.
fn dialect_of(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") { Dialect::Anthropic } else { Dialect::Openai }
}

/// Counts an answer by path and status, and turns a refusal into one.
fn count(state: &State, path: &'static str, answer: Answer, dialect: Dialect) -> Response<Body> {
    let response = answer.unwrap_or_else(|refusal| refusal.response(dialect));
    state.metrics.requests.of(&(path, response.status().as_u16())).add(1);
    response
}

/// JSON as an answer.
fn json(value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).map_err(|error| Refusal::internal(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Who calls, if that is allowed.
///
/// # Errors
/// A missing or wrong key, a rate that is reached, or a page of somebody else that makes a browser ask.
fn admit<'a>(snapshot: &'a Snapshot, headers: &HeaderMap) -> Result<Option<&'a Arc<Caller>>, Refusal> {
    // A gateway without keys trusts who reaches it. A browser reaches it for any page; its origin tells which.
    if let Some(origin) = headers.get(ORIGIN) {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.split_once("://").map(|(_, name)| name).filter(|name| is_address(name));
        let known = snapshot.config.origins.iter().any(|known| known == origin);
        if !known && (own.is_none() || own != host) {
            return Err(Refusal::forbidden(
                "pages of other origins may not call this gateway; list them in origins",
            ));
        }
    }
    let caller = snapshot.keys.caller(headers)?;
    if let Some(caller) = caller {
        caller.take(std::time::Instant::now())?;
    }
    Ok(caller)
}

/// Whether a host, with or without a port, is an address or `localhost`. A name could be anybody's, and made to lead here.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<std::net::IpAddr>().is_ok()
}

/// Only `POST` passes.
fn post(method: &Method) -> Result<(), Refusal> {
    if method == Method::POST { Ok(()) } else { Err(Refusal::method("POST")) }
}

/// The whole body, within limits of size and time.
async fn body_of(snapshot: &Snapshot, headers: &HeaderMap, mut body: Body) -> Result<Bytes, Refusal> {
    let most = snapshot.config.limits.body_bytes;
    let too_large = || {
        let message = format!("the body is larger than {most} bytes; send less, or raise limits.body_bytes");
        Refusal::invalid_as(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let read = async {
        let mut first: Option<Bytes> = None;
        let mut more = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::invalid("the body broke off; send it again"))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.as_ref().map_or(0, Bytes::len) + more.len() + data.len() > most {
                return Err(too_large());
            }
            // Most bodies come as one part, which is not copied.
            if more.is_empty() && first.is_none() {
                first = Some(data);
            } else {
                if let Some(first) = first.take() {
                    more.reserve(told.unwrap_or(0).min(most).max(first.len() + data.len()));
                    more.extend_from_slice(&first);
                }
                more.extend_from_slice(&data);
            }
        }
        Ok(first.unwrap_or_else(|| more.freeze()))
    };
    let patience = Duration::from_millis(snapshot.config.limits.body_timeout_ms);
    tokio::time::timeout(patience, read).await.unwrap_or_else(|_| {
        let message = "the body did not come in time; send it faster, or raise limits.body_timeout_ms";
        Err(Refusal::invalid_as(StatusCode::REQUEST_TIMEOUT, message))
    })
}
