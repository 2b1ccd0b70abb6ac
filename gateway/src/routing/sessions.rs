//! Which model each conversation has: a bounded memory, in which old ones make room.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::config::Sticky;
use crate::request::Request;

/// The header that names a conversation.
const HEADER: &str = "x-routellm-session";

/// A conversation: a hash, so that nothing of its text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey([u8; 16]);

impl SessionKey {
    /// The conversation of a request: by its header, or by how it begins. Callers with different keys have different
    /// conversations.
    pub(crate) fn of(headers: &HeaderMap, request: &Request, caller: &str, sticky: &Sticky) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(caller.as_bytes());
        match headers.get(HEADER) {
            Some(name) => {
                add(b"header");
                add(name.as_bytes());
            }
            None if sticky.by_prefix => {
                add(b"prefix");
                request.beginning()?.into_iter().for_each(|part| add(part.as_bytes()));
            }
            None => return None,
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Some(Self(key))
    }
}

/// Conversations and their models.
#[derive(Debug)]
pub(crate) struct Sessions {
    remember: Duration,
    most: usize,
    generations: Mutex<Generations>,
}

/// Two generations: when the newer is half of what may be kept it becomes the older, and the older goes.
#[derive(Debug, Default)]
struct Generations {
    newer: HashMap<SessionKey, (usize, Instant)>,
    older: HashMap<SessionKey, (usize, Instant)>,
}

impl Sessions {
    pub(crate) fn new(sticky: &Sticky) -> Self {
        Self {
            remember: Duration::from_millis(sticky.remember_ms),
            most: sticky.conversations,
            generations: Mutex::default(),
        }
    }

    /// The candidate that a conversation has.
    pub(crate) fn get(&self, key: SessionKey, now: Instant) -> Option<usize> {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let (candidate, at) = generations.newer.get(&key).or_else(|| generations.older.get(&key))?;
        (now.saturating_duration_since(*at) < self.remember).then_some(*candidate)
    }

    /// Remembers the candidate of a conversation.
    pub(crate) fn set(&self, key: SessionKey, candidate: usize, now: Instant) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.newer.insert(key, (candidate, now));
        if generations.newer.len() > self.most / 2 {
            generations.older = std::mem::take(&mut generations.newer);
        }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.newer.len() + generations.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SessionKey {
        SessionKey([n; 16])
    }

    #[test]
    fn they_are_forgotten_by_time_and_by_number() {
        let sticky = Sticky { conversations: 4, remember_ms: 1_000, ..Sticky::default() };
        let (sessions, start) = (Sessions::new(&sticky), Instant::now());
        sessions.set(key(0), 1, start);
        assert_eq!(sessions.get(key(0), start + Duration::from_millis(999)), Some(1));
        assert_eq!(sessions.get(key(0), start + Duration::from_secs(1)), None);
        (1..100).for_each(|n| sessions.set(key(n), 0, start));
        assert!(sessions.len() <= 5 && sessions.get(key(99), start) == Some(0));
        assert_eq!(sessions.get(key(1), start), None);
    }

    #[test]
    fn a_conversation_is_known_by_header_or_beginning() {
        let body = |text: &str| Request::read(bytes::Bytes::copy_from_slice(text.as_bytes())).unwrap();
        let first = body(r#"{"model":"a","messages":[{"role":"user","content":"x"}]}"#);
        let next = body(
            r#"{"model":"a","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}"#,
        );
        let (none, sticky) = (HeaderMap::new(), Sticky::default());
        let of = |headers: &HeaderMap, request: &Request, caller: &str| {
            SessionKey::of(headers, request, caller, &sticky)
        };
        assert!(of(&none, &first, "").is_some());
        assert_eq!(of(&none, &first, ""), of(&none, &next, ""));
        assert_ne!(of(&none, &first, ""), of(&none, &first, "alice"));
        let header = HeaderMap::from_iter([(HEADER.parse().unwrap(), "s".parse().unwrap())]);
        assert_ne!(of(&none, &first, ""), of(&header, &first, ""));
        let strict = Sticky { by_prefix: false, ..sticky };
        assert_eq!(SessionKey::of(&none, &first, "", &strict), None);
    }
}
