//! What a caller is told that gets no answer, in the form of the dialect that it speaks.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::config::Dialect;

/// Why there is no answer. Messages never hold a part of a request's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    kind: Kind,
    /// A word that programs can look for.
    pub(crate) code: Option<&'static str>,
    /// The member that is wrong.
    param: Option<&'static str>,
    /// Seconds after which another try makes sense.
    retry_after: Option<u32>,
    allow: Option<&'static str>,
}

/// Kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    Unauthorized,
    Forbidden,
    NotFound,
    RateLimit,
    Spent,
    Api,
}

impl Kind {
    /// As `OpenAI` and Anthropic name it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Invalid => ("invalid_request_error", "invalid_request_error"),
            Self::Unauthorized => ("invalid_request_error", "authentication_error"),
            Self::Forbidden => ("permission_error", "permission_error"),
            Self::NotFound => ("invalid_request_error", "not_found_error"),
            Self::RateLimit => ("rate_limit_error", "rate_limit_error"),
            Self::Spent => ("insufficient_quota", "rate_limit_error"),
            Self::Api => ("api_error", "api_error"),
        }
    }
}

impl Refusal {
    fn new(status: StatusCode, kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message, kind, code: None, param: None, retry_after: None, allow: None }
    }

    /// The request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::Invalid, message)
    }

    /// As [`invalid`](Self::invalid), with another status.
    pub(crate) fn invalid_as(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, ..Self::invalid(message) }
    }

    /// The key is missing or wrong.
    pub(crate) fn unauthorized() -> Self {
        let message = "no key of this gateway: send one as `Authorization: Bearer KEY` or `x-api-key: KEY`";
        Self::new(StatusCode::UNAUTHORIZED, Kind::Unauthorized, message).code("invalid_api_key")
    }

    /// The key is good, but not for this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Kind::Forbidden, message)
    }

    /// Nothing has this name.
    pub(crate) fn no_model(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::NotFound, message).code("model_not_found").param(Some("model"))
    }

    /// There is no such path.
    pub(crate) fn no_path() -> Self {
        let message = "there is no such path: docs/gateway.md lists them";
        Self::new(StatusCode::NOT_FOUND, Kind::NotFound, message)
    }

    /// The path has another method.
    pub(crate) fn method(allow: &'static str) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let message = format!("this path takes {allow}");
        Self { allow: Some(allow), ..Self::invalid_as(status, message) }
    }

    /// Too much was asked for.
    pub(crate) fn too_many(message: impl Into<String>, seconds: u32) -> Self {
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, Kind::RateLimit, message);
        refusal.retry_after = Some(seconds);
        refusal.code("rate_limit_exceeded")
    }

    /// A budget is spent.
    pub(crate) fn spent(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, Kind::Spent, message).code("insufficient_quota")
    }

    /// A provider failed, with this status: 502, 503 or 504.
    pub(crate) fn upstream(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, Kind::Api, message).code(code)
    }

    /// A defect of this program, or its environment.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Kind::Api, message)
    }

    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(crate) fn param(self, param: Option<&'static str>) -> Self {
        Self { param, ..self }
    }

    /// The answer.
    pub(crate) fn response(&self, dialect: Dialect) -> Response<Body> {
        let body = match dialect {
            Dialect::Openai => json!({"error": {
                "message": self.message,
                "type": self.kind.names().0,
                "param": self.param,
                "code": self.code,
            }}),
            Dialect::Anthropic => json!({
                "type": "error",
                "error": {"type": self.kind.names().1, "message": self.message},
            }),
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
