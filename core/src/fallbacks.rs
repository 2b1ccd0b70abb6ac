//! Fallbacks are never silent: they are counted by kind, and one of a kind and minute carries a warning.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ErrorKind;

/// Between two warnings of one kind.
const INTERVAL: Duration = Duration::from_mins(1);

const KINDS: usize = ErrorKind::ALL.len();

/// The fallbacks of one router.
#[derive(Debug)]
pub(crate) struct Fallbacks {
    start: Instant,
    kinds: [OneKind; KINDS],
}

#[derive(Debug, Default)]
struct OneKind {
    count: AtomicU64,
    /// How many of them the last warning knew.
    told: AtomicU64,
    /// When it was due: nanoseconds from the start, and one more; 0 before the first.
    warned: AtomicU64,
}

impl Fallbacks {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), kinds: Default::default() }
    }

    /// Counts a fallback; a warning, if one is due.
    pub(crate) fn record(&self, kind: ErrorKind) -> Option<FallbackWarning> {
        self.record_at(kind, self.start.elapsed())
    }

    fn record_at(&self, kind: ErrorKind, since_start: Duration) -> Option<FallbackWarning> {
        let one = &self.kinds[kind.code() as usize - 1];
        let count = one.count.fetch_add(1, Ordering::Relaxed) + 1;
        let now = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX - 1) + 1;
        let warned = one.warned.load(Ordering::Relaxed);
        if warned != 0 && now.saturating_sub(warned) < INTERVAL.as_nanos() as u64 {
            return None;
        }
        // Of many at once, one warns.
        one.warned.compare_exchange(warned, now, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        let told = one.told.fetch_max(count, Ordering::Relaxed);
        Some(FallbackWarning { kind, count: count.saturating_sub(told).max(1) })
    }

    pub(crate) fn by_kind(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        ErrorKind::ALL
            .into_iter()
            .zip(&self.kinds)
            .map(|(kind, one)| (kind, one.count.load(Ordering::Relaxed)))
    }
}

/// What to tell whoever watches the program about fallbacks; its text never holds a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FallbackWarning {
    /// The kind of the errors behind them.
    pub kind: ErrorKind,
    /// How many of this kind there were since the last warning, this one included.
    pub count: u64,
}

impl FallbackWarning {
    /// The warning of this many fallbacks of a kind.
    pub const fn new(kind: ErrorKind, count: u64) -> Self {
        Self { kind, count }
    }
}

impl fmt::Display for FallbackWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, count } = self;
        let decisions = if *count == 1 { "decision was a fallback" } else { "decisions were fallbacks" };
        let advice = match kind {
            ErrorKind::InvalidArgument => {
                "their input had no text, or text that is not Unicode: look at what is sent"
            }
            ErrorKind::ResourceExhausted => {
                "they ran out of time or memory: allow more time, or open more sessions"
            }
            ErrorKind::RuntimeUnavailable | ErrorKind::Inference => {
                "look at the ONNX Runtime and its provider"
            }
            ErrorKind::Remote => "look at the endpoint that the router asks",
            _ => "look at the decision's reason",
        };
        write!(
            f,
            "{count} {decisions} ({kind}) since the last warning of this kind: on_error decided instead of the \
             router; {advice}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_warning_a_kind_and_minute_says_how_many() {
        let fallbacks = Fallbacks::new();
        let at =
            |seconds: u32, kind| fallbacks.record_at(kind, SECOND * seconds).map(|warning| warning.count);
        assert_eq!(at(5, ErrorKind::InvalidArgument), Some(1));
        assert_eq!(at(5, ErrorKind::InvalidArgument), None);
        assert_eq!(at(64, ErrorKind::InvalidArgument), None);
        // Another kind has a minute of its own.
        assert_eq!(at(64, ErrorKind::ResourceExhausted), Some(1));
        assert_eq!(at(65, ErrorKind::InvalidArgument), Some(3));
        assert_eq!(at(66, ErrorKind::InvalidArgument), None);
        assert_eq!(at(1000, ErrorKind::InvalidArgument), Some(2));
        let counted: Vec<_> = fallbacks.by_kind().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(ErrorKind::InvalidArgument, 6), (ErrorKind::ResourceExhausted, 1)]);
    }

    #[test]
    fn of_many_at_once_one_warns() {
        let fallbacks = Fallbacks::new();
        let warned = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let warning = fallbacks.record_at(ErrorKind::Tokenize, SECOND);
                        warned.fetch_add(u64::from(warning.is_some()), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(warned.into_inner(), 1);
        assert_eq!(fallbacks.by_kind().map(|(_, count)| count).sum::<u64>(), 4000);
    }

    #[test]
    fn a_warning_says_what_how_many_and_what_to_do() {
        for kind in ErrorKind::ALL {
            let text = FallbackWarning { kind, count: 7 }.to_string();
            assert!(text.starts_with("7 decisions were fallbacks") && text.contains(kind.name()), "{text}");
            assert!(text.contains("look at") || text.contains("allow more time"), "{text}");
        }
        let one = FallbackWarning { kind: ErrorKind::Io, count: 1 }.to_string();
        assert!(one.starts_with("1 decision was a fallback (Io)"), "{one}");
    }
}
