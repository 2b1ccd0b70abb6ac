//! One request over HTTP.

use std::io::Read;
use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use routellm_core::augment::Reply;
use routellm_core::{Error, ErrorKind, Result};

/// The most bytes of an answer; a file of a batch is the longest.
const LONGEST: u64 = 512 << 20;

/// Where a key is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// In the variable that was named.
    Named(&'a str),
    /// In the usual variable, if it is set.
    Default(&'a str),
    /// Nowhere: the endpoint wants none.
    None,
}

impl Key<'_> {
    fn read(self, address: &str) -> Result<Option<String>> {
        let (Self::Named(name) | Self::Default(name)) = self else { return Ok(None) };
        let key = std::env::var(name).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        // Servers of one's own want none.
        let needed = matches!(self, Self::Named(_)) || address.starts_with("https://api.openai.com/");
        if key.is_none() && needed {
            let message =
                format!("the environment variable {name} holds no key; set it, or name another by --key-env");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(key)
    }
}

/// An endpoint.
struct Lane {
    address: String,
    /// It is in no message, whoever sends it back.
    key: Option<String>,
}

/// A client for the endpoints of a job.
pub(super) struct Http {
    client: Client,
    lanes: Vec<Lane>,
}

/// What came back for a request, whatever it was for.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) retry_after_ms: Option<u64>,
    pub(super) body: String,
}

/// Where chat completions are asked for.
pub(super) fn address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with("/chat/completions") {
        endpoint.to_owned()
    } else {
        format!("{endpoint}/chat/completions")
    }
}

impl Http {
    /// A client for endpoints, each with its address and its key.
    pub(super) fn new<'a>(
        endpoints: impl IntoIterator<Item = (String, Key<'a>)>,
        timeout: u64,
    ) -> Result<Self> {
        let lane = |(address, key): (String, Key<'a>)| Ok(Lane { key: key.read(&address)?, address });
        let lanes = endpoints.into_iter().map(lane).collect::<Result<Vec<Lane>>>()?;
        // It fails where there is one already, which then does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(Duration::from_secs(timeout))
            // A key goes where it was meant to go and nowhere else; what is sent again, and when, is decided elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("routellm/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Remote, format!("no client for HTTP: {}", chain(&error)))
            })?;
        Ok(Self { client, lanes })
    }

    /// How many endpoints there are.
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// The address of an endpoint.
    pub(super) fn address(&self, lane: usize) -> &str {
        &self.lanes[lane].address
    }

    /// Posts a body to an endpoint, and tells what came back.
    pub(super) fn post(&self, lane: usize, body: String) -> Reply {
        let request =
            self.client.post(self.address(lane)).header(CONTENT_TYPE, "application/json").body(body);
        match self.send(lane, request) {
            Ok(response) => Reply::http(response.status, response.retry_after_ms, response.body),
            Err(reply) => reply,
        }
    }

    /// A request to a path beside that of chat completions, such as `/batches`.
    pub(super) fn beside(&self, lane: usize, method: Method, path: &str) -> RequestBuilder {
        let address = self.address(lane);
        let base = address.strip_suffix("/chat/completions").unwrap_or(address);
        self.client.request(method, format!("{base}{path}"))
    }

    /// Sends a request with the key of its endpoint; what did not come back in whole is a reply of its own.
    pub(super) fn send(&self, lane: usize, request: RequestBuilder) -> Result<Response, Reply> {
        let key = self.lanes[lane].key.as_deref();
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {key}")) else {
                return Err(Reply::NotSent(
                    "the key has characters that no header may have; set it anew".to_owned(),
                ));
            };
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let response = match request.headers(headers).send() {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(Reply::NotSent(chain(&error)));
            }
            Err(error) => return Err(Reply::Lost(chain(&error))),
        };
        let status = response.status().as_u16();
        let retry_after_ms = retry_after(response.headers(), SystemTime::now());
        let mut bytes = Vec::new();
        if let Err(error) = response.take(LONGEST).read_to_end(&mut bytes) {
            return Err(Reply::Lost(format!("the answer broke off: {}", chain(&error))));
        }
        let mut body = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(key) = key {
            body = body.replace(key, "***");
        }
        Ok(Response { status, retry_after_ms, body })
    }
}

/// What `Retry-After` asks for in milliseconds: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0).then(|| (seconds * 1000.0).ceil() as u64);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // A date has whole seconds.
    Some(date.duration_since(now).map_or(0, |wait| wait.as_millis() as u64))
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_seconds_or_dates() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let wait = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(wait("2"), Some(2_000));
        assert_eq!(wait("0.5"), Some(500));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:09 GMT"), Some(9_000));
        assert_eq!(wait("Wed, 21 Oct 2015 07:27:00 GMT"), Some(0));
        assert_eq!(wait("-1"), None);
        assert_eq!(wait("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn addresses_have_their_path() {
        for endpoint in ["http://a/v1", "http://a/v1/", "http://a/v1/chat/completions"] {
            assert_eq!(address(endpoint), "http://a/v1/chat/completions");
        }
    }
}
