//! Who may call, and what for.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::bucket::Bucket;
use crate::config::{self, Config};
use crate::refusal::Refusal;

/// A caller.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) config: config::Key,
    rate: Option<Bucket>,
}

/// All callers. Keys are kept and compared as hashes.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<([u8; 32], Arc<Caller>)>);

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

impl Keys {
    /// The keys of a configuration; files are looked for from `folder`.
    ///
    /// # Errors
    /// A key that is not there, or two that are alike.
    pub(crate) fn new(config: &Config, folder: &Path, now: Instant) -> Result<Self, Vec<String>> {
        let mut keys: Vec<([u8; 32], Arc<Caller>)> = Vec::new();
        let mut faults = Vec::new();
        for (name, key) in &config.keys {
            match key.key.reveal(folder) {
                Err(fault) => faults.push(format!("keys.{name}.key: {fault}")),
                Ok(secret) => {
                    let digest = hash(secret.as_str().as_bytes());
                    if let Some((_, other)) = keys.iter().find(|(known, _)| *known == digest) {
                        faults.push(format!(
                            "keys.{name}.key is that of keys.{}: give each its own",
                            other.name
                        ));
                    }
                    let rate = key.requests_per_minute.map(|rate| Bucket::new(rate / 60.0, now));
                    let caller = Caller { name: name.clone(), config: key.clone(), rate };
                    keys.push((digest, Arc::new(caller)));
                }
            }
        }
        if faults.is_empty() { Ok(Self(keys)) } else { Err(faults) }
    }

    /// Who calls; `None` where everybody may.
    ///
    /// # Errors
    /// Without a good key.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Option<&Arc<Caller>>, Refusal> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let bearer = headers.get(AUTHORIZATION).and_then(|value| {
            let (scheme, key) = value.as_bytes().split_at_checked("bearer ".len())?;
            scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
        });
        let given = bearer.or_else(|| headers.get("x-api-key").map(|value| value.as_bytes()));
        let digest = hash(given.unwrap_or_default());
        // Every key is compared, and each in constant time.
        let mut found = None;
        for (known, caller) in &self.0 {
            if bool::from(known.ct_eq(&digest)) {
                found = Some(caller);
            }
        }
        found.filter(|_| given.is_some()).map(Some).ok_or_else(Refusal::unauthorized)
    }
}

impl Caller {
    /// Whether the caller may send another request now.
    ///
    /// # Errors
    /// If its rate is reached.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Refusal> {
        let Some(rate) = &self.rate else { return Ok(()) };
        rate.take(now).map_err(|wait| {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Refusal::too_many(
                format!("key {:?} is at its limit of requests; try again later", self.name),
                seconds,
            )
        })
    }

    /// Whether the caller may use this router.
    pub(crate) fn may_route(&self, router: &str) -> bool {
        self.config.routers.as_ref().is_none_or(|names| names.iter().any(|name| name == router))
    }

    /// Whether the caller may name this model.
    pub(crate) fn may_name(&self, model: &str) -> bool {
        self.config.models.as_ref().is_none_or(|names| names.iter().any(|name| name == model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_good_key_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "alpha\n").unwrap();
        std::fs::write(folder.path().join("b"), "beta").unwrap();
        let config = |second: &str| {
            let text = format!(
                "[upstreams.u]\nbase_url = \"http://127.0.0.1/v1\"\n[keys.one]\nkey = {{ file = \"a\" }}\n\
                 requests_per_minute = 60.0\n[keys.two]\nkey = {{ file = \"{second}\" }}\nmodels = [\"m\"]"
            );
            Config::parse(&text).unwrap()
        };
        let now = Instant::now();
        let keys = Keys::new(&config("b"), folder.path(), now).unwrap();
        let caller = |name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            keys.caller(&headers).map(|caller| caller.map(|caller| caller.name.clone()))
        };
        assert_eq!(caller("authorization", "Bearer alpha").unwrap().as_deref(), Some("one"));
        assert_eq!(caller("authorization", "bearer  beta").unwrap().as_deref(), Some("two"));
        assert_eq!(caller("x-api-key", "beta").unwrap().as_deref(), Some("two"));
        for wrong in ["Bearer alph", "Bearer ", "alpha", "Basic alpha", "Bearer alphaa"] {
            assert!(caller("authorization", wrong).is_err(), "{wrong}");
        }
        assert!(keys.caller(&HeaderMap::new()).is_err());
        let two = &keys.0[1].1;
        assert!(two.may_name("m") && !two.may_name("n") && two.may_route("any"));
        assert!(keys.0[0].1.take(now).is_ok());
        assert!(keys.0[0].1.take(now).is_err());
        let alike = Keys::new(&config("a"), folder.path(), now).unwrap_err();
        assert!(alike[0].contains("keys.two.key"));
        let missing = Keys::new(&config("c"), folder.path(), now).unwrap_err();
        assert!(missing[0].contains("keys.two.key"));
    }
}
