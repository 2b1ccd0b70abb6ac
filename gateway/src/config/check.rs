//! What no type can say: names that belong together, numbers in their range, keys that must not leave in the clear.

use axum::http::{HeaderName, HeaderValue, Uri};

use super::{Config, Key, Model, Policy, Router, Upstream};
use crate::naming::PREFIX;

/// What a model may be said to be able to do.
pub(crate) const CAPABILITIES: [&str; 5] = ["vision", "audio", "files", "tools", "json_schema"];

/// Headers that belong to a connection or to this program.
const RESERVED: [&str; 8] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "authorization",
    "x-api-key",
    "upgrade",
    "te",
];

impl Config {
    /// Everything that is wrong, each with its key.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.check_limits(&mut faults);
        if self.upstreams.is_empty() {
            faults.push("upstreams: there is none; add [upstreams.NAME] with a base_url".to_owned());
        }
        for (name, upstream) in &self.upstreams {
            upstream.check(name, &mut faults);
        }
        for (dialect, name) in &self.default_upstream {
            let key = format!("default_upstream.{}", dialect.name());
            match self.upstreams.get(name) {
                None => faults.push(missing(&key, "upstreams", name)),
                Some(upstream) if upstream.dialect != *dialect => {
                    faults.push(format!("{key}: {name:?} speaks {}; name another", upstream.dialect.name()));
                }
                Some(_) => {}
            }
        }
        for (name, model) in &self.models {
            self.check_model(name, model, &mut faults);
        }
        for (name, router) in &self.routers {
            self.check_router(name, router, &mut faults);
        }
        for (name, key) in &self.keys {
            self.check_key(name, key, &mut faults);
        }
        faults
    }

    fn check_limits(&self, faults: &mut Vec<String>) {
        let limits = &self.limits;
        let positive = [
            ("limits.body_bytes", limits.body_bytes as u64),
            ("limits.headers", limits.headers as u64),
            ("limits.header_timeout_ms", limits.header_timeout_ms),
            ("limits.body_timeout_ms", limits.body_timeout_ms),
            ("limits.write_timeout_ms", limits.write_timeout_ms),
            ("limits.request_timeout_ms", limits.request_timeout_ms),
            ("limits.connections", limits.connections as u64),
            ("limits.route_inputs", limits.route_inputs as u64),
            ("log.max_bytes", self.log.max_bytes),
            ("feedback.decisions", self.feedback.decisions as u64),
        ];
        for (key, value) in positive {
            if value == 0 {
                faults.push(format!("{key} is 0: give a number from 1 on"));
            }
        }
        if limits.header_bytes < 8_192 {
            faults.push(format!("limits.header_bytes is {}: give at least 8192", limits.header_bytes));
        }
    }

    fn check_model(&self, name: &str, model: &Model, faults: &mut Vec<String>) {
        let at = format!("models.{name}");
        if name.starts_with(PREFIX) {
            faults.push(format!("{at}: names that begin with {PREFIX:?} are those of routers; rename it"));
        }
        if name.is_empty() || model.name.as_deref() == Some("") {
            faults.push(format!("{at}: the name is empty; give one"));
        }
        if !self.upstreams.contains_key(&model.upstream) {
            faults.push(missing(&format!("{at}.upstream"), "upstreams", &model.upstream));
        }
        if let Some(price) = model.price {
            number(&format!("{at}.price.input"), price.input, f64::MAX, faults);
            number(&format!("{at}.price.output"), price.output, f64::MAX, faults);
        }
        if model.context_length == Some(0) {
            faults.push(format!("{at}.context_length is 0: give a number of tokens"));
        }
        for capability in model.capabilities.iter().flatten() {
            if !CAPABILITIES.contains(&capability.as_str()) {
                faults.push(format!(
                    "{at}.capabilities has {capability:?}: expected some of {}",
                    CAPABILITIES.join(", ")
                ));
            }
        }
    }

    fn check_router(&self, name: &str, router: &Router, faults: &mut Vec<String>) {
        let at = format!("routers.{name}");
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            faults.push(format!("{at}: use letters, digits, dashes and the like for the name"));
        }
        let sides = [("strong".to_owned(), &router.strong), ("weak".to_owned(), &router.weak)];
        let others = router.candidates.iter().map(|(name, model)| (format!("candidates.{name:?}"), model));
        for (key, model) in sides.into_iter().chain(others) {
            if !self.models.contains_key(model) {
                faults.push(missing(&format!("{at}.{key}"), "models", model));
            }
        }
        let (key, value, most) = match router.policy {
            Some(Policy::Threshold(value)) => ("threshold", value, 1.0),
            Some(Policy::StrongShare(value)) => ("strong_share", value, 1.0),
            Some(Policy::MinQuality(value)) => ("min_quality", value, 1.0),
            Some(Policy::CostWeight(value)) => ("cost_weight", value, f64::MAX),
            Some(Policy::Budget(value)) => ("budget", value, f64::MAX),
            None => ("", 0.0, 1.0),
        };
        number(&format!("{at}.policy.{key}"), value, most, faults);
        if let Some(sticky) = router.sticky {
            number(&format!("{at}.sticky.switch_cost"), sticky.switch_cost, 1.0, faults);
            if sticky.conversations == 0 {
                faults.push(format!("{at}.sticky.conversations is 0: give a number from 1 on"));
            }
        }
        for fixed in ["ids", "names", "candidates"] {
            if router.open.contains_key(fixed) {
                faults.push(format!("{at}.open.{fixed} is set by the gateway; leave it out"));
            }
        }
    }

    fn check_key(&self, name: &str, key: &Key, faults: &mut Vec<String>) {
        let at = format!("keys.{name}");
        for router in key.routers.iter().flatten().filter(|name| !self.routers.contains_key(*name)) {
            faults.push(missing(&format!("{at}.routers"), "routers", router));
        }
        if let Some(rate) = key.requests_per_minute {
            positive(&format!("{at}.requests_per_minute"), rate, faults);
        }
        if let Some(budget) = key.budget {
            number(&format!("{at}.budget.usd"), budget.usd, f64::MAX, faults);
        }
    }
}

impl Upstream {
    fn check(&self, name: &str, faults: &mut Vec<String>) {
        let at = format!("upstreams.{name}");
        let mut refuse_url = |why: &str| faults.push(format!("{at}.base_url is {:?}: {why}", self.base_url));
        match self.base_url.parse::<Uri>() {
            Err(_) => refuse_url("give an address such as https://api.example.com/v1"),
            Ok(uri) => {
                let authority = uri.authority().map_or("", |authority| authority.as_str());
                if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.is_empty() {
                    refuse_url("it has to begin with https:// or http://");
                } else if authority.contains('@') {
                    refuse_url("put no name and no key into it; use `key`");
                } else if uri.query().is_some() {
                    refuse_url("leave out what follows `?`");
                } else if uri.scheme_str() == Some("http")
                    && self.key.is_some()
                    && !self.allow_plain_http
                    && !is_local(uri.host().unwrap_or_default())
                {
                    refuse_url(
                        "the key would be sent in the clear; use https, or set allow_plain_http = true",
                    );
                }
            }
        }
        for (header, value) in &self.headers {
            let known = HeaderName::from_bytes(header.as_bytes());
            match known {
                Ok(name) if !RESERVED.contains(&name.as_str()) && HeaderValue::from_str(value).is_ok() => {}
                _ => faults
                    .push(format!("{at}.headers.{header}: no header that can be set here; leave it out")),
            }
        }
        for (key, value) in [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("first_byte_timeout_ms", self.first_byte_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("breaker.open_ms", self.breaker.open_ms),
        ] {
            if value == 0 {
                faults.push(format!("{at}.{key} is 0: give a number of milliseconds from 1 on"));
            }
        }
        number(&format!("{at}.retry_budget"), self.retry_budget, 1.0, faults);
        if let Some(rate) = self.requests_per_second {
            positive(&format!("{at}.requests_per_second"), rate, faults);
        }
        if self.concurrency == Some(0) {
            faults.push(format!("{at}.concurrency is 0: give a number from 1 on"));
        }
    }
}

/// Whether a host is this machine.
fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn missing(key: &str, table: &str, name: &str) -> String {
    format!("{key} is {name:?}, which is not there: add [{table}.{name}], or name another")
}

fn number(key: &str, value: f64, most: f64, faults: &mut Vec<String>) {
    if !(0.0..=most).contains(&value) {
        let range = if most == 1.0 { "in [0, 1]" } else { "from 0 on" };
        faults.push(format!("{key} is {value}: give a number {range}"));
    }
}

fn positive(key: &str, value: f64, faults: &mut Vec<String>) {
    if !(value > 0.0 && value.is_finite()) {
        faults.push(format!("{key} is {value}: give a number above 0"));
    }
}
