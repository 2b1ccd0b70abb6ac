//! Whether the gateway lives, whether it takes requests, and its numbers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};

use crate::metrics::Gauges;
use crate::state::State;

fn text(status: StatusCode, text: impl Into<Body>, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Lives.
pub(super) async fn health() -> Response<Body> {
    text(StatusCode::OK, "{\"status\":\"ok\"}", "application/json")
}

/// Takes requests: not while it ends.
pub(super) async fn ready(Shared(state): Shared<Arc<State>>) -> Response<Body> {
    if state.is_draining() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"stopping\"}", "application/json");
    }
    text(StatusCode::OK, "{\"status\":\"ready\"}", "application/json")
}

/// Numbers for Prometheus.
pub(super) async fn metrics(Shared(state): Shared<Arc<State>>) -> Response<Body> {
    let snapshot = state.now();
    let routers = &snapshot.routers;
    let gauges = Gauges {
        expected: routers.iter().filter_map(|(name, router)| Some((name.clone(), router.bins?.1))).collect(),
        resting: snapshot.upstreams.iter().map(|(name, up)| (name.clone(), up.is_resting())).collect(),
        spent: state.spending.all(),
        sessions: routers
            .iter()
            .filter_map(|(name, router)| Some((name.clone(), router.sessions.as_ref()?.len() as u64)))
            .collect(),
    };
    text(StatusCode::OK, state.metrics.text(&gauges), "text/plain; version=0.0.4; charset=utf-8")
}
