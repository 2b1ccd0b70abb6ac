//! Providers: what is known about each, and one try to get an answer.

mod breaker;
mod deliver;
mod headers;
mod relay;
mod retries;
mod usage;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bucket::Bucket;
use crate::config::{self, Dialect};
use crate::metrics::UpstreamCounters;
use crate::request::Pieces;
use breaker::Breaker;
pub(crate) use deliver::{Target, deliver};
pub(crate) use relay::{End, Outcome, relay};
use retries::RetryBudget;
pub(crate) use usage::Usage;

/// The version of Anthropic's interface for callers that name none.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// How long a connection is kept that nobody uses.
const POOL_IDLE: Duration = Duration::from_mins(1);

/// A provider.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) config: config::Upstream,
    /// Its address without a slash at the end.
    base: String,
    /// The header with the key.
    key: Option<(HeaderName, HeaderValue)>,
    headers: HeaderMap,
    /// Whether callers' own keys are passed on.
    pass_keys: bool,
    client: Client<HttpsConnector<HttpConnector>, Pieces>,
    breaker: Breaker,
    retries: RetryBudget,
    rate: Option<Bucket>,
    permits: Option<Arc<Semaphore>>,
    pub(crate) counters: Arc<UpstreamCounters>,
}

/// A request as every try sends it, but for the body and the key.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The path behind the base address, with the query.
    pub(crate) path: String,
    /// The caller's headers.
    pub(crate) headers: HeaderMap,
}

/// An answer that has begun.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) head: axum::http::response::Parts,
    /// The first part of its body; `None` if that is empty, or was not waited for.
    first: Option<Bytes>,
    body: Incoming,
    idle: Duration,
    permit: Option<OwnedSemaphorePermit>,
}

/// Why a try gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// There was no connection.
    Connect,
    /// Nothing came in time.
    Timeout,
    /// The connection broke, or what came was no HTTP.
    Broken,
    /// The breaker is open.
    Resting,
    /// The limit of requests per second is reached.
    Rate,
    /// The limit of requests at once is reached.
    Busy,
    /// The provider answered with a status that means trouble.
    Status,
}

impl Failure {
    /// Its name in metrics and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Resting => "breaker",
            Self::Rate => "rate_limit",
            Self::Busy => "concurrency",
            Self::Status => "status",
        }
    }
}

/// TLS with the certificates of the system, once for all providers; without certificates where it is not needed.
///
/// # Errors
/// What the system says.
pub(crate) fn tls(needed: bool) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    if !needed {
        return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    }
    let builder = builder
        .try_with_platform_verifier()
        .map_err(|error| format!("no certificates of the system: {error}; install them"))?;
    Ok(builder.with_no_client_auth())
}

impl Upstream {
    /// A provider as the configuration describes it. `has_keys` says whether the gateway has keys of its own, which must
    /// never reach a provider.
    ///
    /// # Errors
    /// What to do about its key.
    pub(crate) fn new(
        name: &str,
        config: &config::Upstream,
        folder: &Path,
        has_keys: bool,
        tls: &rustls::ClientConfig,
        counters: Arc<UpstreamCounters>,
    ) -> Result<Self, String> {
        let secret = config.key.as_ref().map(|key| key.reveal(folder)).transpose();
        let secret = secret.map_err(|fault| format!("upstreams.{name}.key: {fault}"))?;
        let key = secret.map(|secret| {
            let (header, text) = match config.dialect {
                Dialect::Openai => (AUTHORIZATION, format!("Bearer {}", secret.as_str())),
                Dialect::Anthropic => (headers::API_KEY, secret.as_str().to_owned()),
            };
            // `reveal` lets no other characters pass.
            let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
            value.set_sensitive(true);
            (header, value)
        });
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(Duration::from_millis(config.connect_timeout_ms)));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        let own = config.headers.iter().filter_map(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
        });
        Ok(Self {
            name: name.to_owned(),
            base: config.base_url.trim_end_matches('/').to_owned(),
            pass_keys: key.is_none() && !has_keys,
            key,
            headers: own.collect(),
            client,
            breaker: Breaker::new(config.breaker),
            retries: RetryBudget::new(config.retry_budget),
            rate: config.requests_per_second.map(|rate| Bucket::new(rate, Instant::now())),
            permits: config.concurrency.map(|most| Arc::new(Semaphore::new(most))),
            counters,
            config: config.clone(),
        })
    }

    /// Whether its breaker is open.
    pub(crate) fn is_resting(&self) -> bool {
        self.breaker.is_open(Instant::now())
    }

    /// One try. It has ended well when the first part of the body is there: until then another provider may answer.
    async fn once(&self, outgoing: &Outgoing, body: Pieces) -> Result<Started, Failure> {
        if !self.breaker.allows(Instant::now()) {
            return Err(Failure::Resting);
        }
        if self.rate.as_ref().is_some_and(|rate| rate.take(Instant::now()).is_err()) {
            return Err(Failure::Rate);
        }
        let permit = match &self.permits {
            Some(permits) => Some(Arc::clone(permits).try_acquire_owned().map_err(|_| Failure::Busy)?),
            None => None,
        };
        let patience = Duration::from_millis(self.config.first_byte_timeout_ms);
        let started = match tokio::time::timeout(patience, self.answer(outgoing, body)).await {
            Ok(started) => started,
            Err(_) => Err(Failure::Timeout),
        };
        match &started {
            Err(_) => self.breaker.failed(Instant::now()),
            Ok(started) if started.head.status.is_server_error() => self.breaker.failed(Instant::now()),
            Ok(started) if is_trouble(started.head.status) => {}
            Ok(_) => self.breaker.succeeded(),
        }
        started.map(|started| Started { permit, ..started })
    }

    async fn answer(&self, outgoing: &Outgoing, body: Pieces) -> Result<Started, Failure> {
        let uri: Uri = format!("{}{}", self.base, outgoing.path).parse().map_err(|_| Failure::Broken)?;
        let mut request = axum::http::Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        *headers = headers::request(&outgoing.headers, self.pass_keys);
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        if self.config.dialect == Dialect::Anthropic {
            headers.entry(ANTHROPIC_VERSION.0).or_insert(ANTHROPIC_VERSION.1);
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        if let Some((name, value)) = &self.key {
            headers.insert(name, value.clone());
        }
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| if error.is_connect() { Failure::Connect } else { Failure::Broken })?;
        let (head, mut body) = response.into_parts();
        let mut first = None;
        while !is_trouble(head.status) && first.is_none() {
            match body.frame().await {
                None => break,
                Some(Ok(frame)) => first = frame.into_data().ok().filter(|data| !data.is_empty()),
                Some(Err(_)) => return Err(Failure::Broken),
            }
        }
        let idle = Duration::from_millis(self.config.idle_timeout_ms);
        Ok(Started { head, first, body, idle, permit: None })
    }
}

/// Whether a status means that another try, or another provider, may do better.
fn is_trouble(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 429)
}
