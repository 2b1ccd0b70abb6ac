//! One request over HTTP.

use std::io::Read;
use std::time::{Duration, SystemTime};

use reqwest::blocking::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use routellm_core::augment::Reply;
use routellm_core::{Error, ErrorKind, Result};

/// The most bytes of an answer.
const LONGEST: u64 = 16 << 20;

/// A client for one address.
pub(super) struct Http {
    client: Client,
    address: String,
    /// It is in no message, whoever sends it back.
    key: Option<String>,
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
    /// A client that sends the key in this environment variable. Without the default variable it sends none, as servers of one's
    /// own want it.
    pub(super) fn new(address: String, key_env: &str, timeout: u64) -> Result<Self> {
        let key = std::env::var(key_env).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if key.is_none() && (key_env != "OPENAI_API_KEY" || address.starts_with("https://api.openai.com/")) {
            let message = format!(
                "the environment variable {key_env} holds no key; set it, or name another by --key-env"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
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
        Ok(Self { client, address, key })
    }

    /// Posts a body, and tells what came back.
    pub(super) fn post(&self, body: String) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {key}")) else {
                return Reply::NotSent(
                    "the key has characters that no header may have; set it anew".to_owned(),
                );
            };
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let response = match self.client.post(&self.address).headers(headers).body(body).send() {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => return Reply::NotSent(chain(&error)),
            Err(error) => return Reply::Lost(chain(&error)),
        };
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let mut bytes = Vec::new();
        if let Err(error) = response.take(LONGEST).read_to_end(&mut bytes) {
            return Reply::Lost(format!("the answer broke off: {}", chain(&error)));
        }
        let mut body = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(key) = &self.key {
            body = body.replace(key.as_str(), "***");
        }
        Reply::http(status, retry_after, body)
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
