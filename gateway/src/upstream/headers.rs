//! Which headers are passed on, in each direction.

use axum::http::HeaderMap;
use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName,
    HeaderValue, ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERER, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

/// Headers that belong to this program.
const OWN: &str = "x-routellm-";

/// Where callers of Anthropic have their key.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Headers that belong to one connection.
fn is_of_connection(name: &HeaderName, connection: &[HeaderName]) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION]
        .contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
        || connection.contains(name)
}

/// Names that `Connection` lists.
fn listed(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

/// What an upstream gets of a caller's headers. Keys are left out unless `with_keys`; answers are not asked for compressed,
/// so that their usage can be read.
pub(crate) fn request(from: &HeaderMap, with_keys: bool) -> HeaderMap {
    let connection = listed(from);
    let mut to = HeaderMap::with_capacity(from.len() + 2);
    for (name, value) in from {
        let is_key = *name == AUTHORIZATION || *name == API_KEY;
        // A page's cookies and origin are the gateway's own business.
        let stays = [HOST, CONTENT_LENGTH, EXPECT, ACCEPT_ENCODING, COOKIE, ORIGIN, REFERER].contains(name)
            || is_of_connection(name, &connection)
            || (is_key && !with_keys)
            || name.as_str().starts_with(OWN);
        if !stays {
            to.append(name, value.clone());
        }
    }
    to.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    to
}

/// What a caller gets of an upstream's headers.
pub(crate) fn response(from: &HeaderMap) -> HeaderMap {
    let connection = listed(from);
    let mut to = HeaderMap::with_capacity(from.len() + 6);
    for (name, value) in from {
        let stays =
            *name == SET_COOKIE || is_of_connection(name, &connection) || name.as_str().starts_with(OWN);
        if !stays {
            to.append(name, value.clone());
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn what_belongs_to_a_connection_stays() {
        let from = map(&[
            ("connection", "close, X-Once"),
            ("x-once", "1"),
            ("keep-alive", "timeout=5"),
            ("host", "gateway"),
            ("authorization", "Bearer k"),
            ("x-api-key", "k"),
            ("cookie", "a=b"),
            ("x-routellm-session", "s"),
            ("anthropic-version", "2023-06-01"),
            ("x-stainless-lang", "python"),
        ]);
        let names = |map: &HeaderMap| map.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            names(&request(&from, false)),
            ["anthropic-version", "x-stainless-lang", "accept-encoding"]
        );
        let with_keys = request(&from, true);
        assert!(with_keys.contains_key(AUTHORIZATION) && with_keys.contains_key(API_KEY));
        let back = map(&[
            ("set-cookie", "a=b"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("x-routellm-id", "forged"),
            ("x-request-id", "r"),
        ]);
        assert_eq!(names(&response(&back)), ["content-length", "x-request-id"]);
    }
}
