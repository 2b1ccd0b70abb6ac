//! The one thread of a process that watches deadlines.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::process::PerProcess;
use crate::{Error, ErrorKind, Result};

/// Of each process its own: a forked child has no thread of its parent's.
static TIMER: PerProcess<Arc<Timer>> = PerProcess::new();

type Event = Box<dyn FnOnce() + Send>;

struct Timer {
    state: Mutex<State>,
    earlier: Condvar,
}

#[derive(Default)]
struct State {
    events: BTreeMap<(Instant, u64), Event>,
    next: u64,
    /// When the thread will look again by itself; `None` if it waits to be woken.
    awake_at: Option<Instant>,
}

/// Runs `event` at `deadline` on the timer's thread, unless the guard is dropped before. It must be short.
///
/// # Errors
/// `ResourceExhausted` if the thread cannot be started.
pub(crate) fn at(deadline: Instant, event: impl FnOnce() + Send + 'static) -> Result<TimerGuard> {
    let timer = TIMER.get_or_try_init(start)?;
    let mut state = timer.lock();
    state.next += 1;
    let key = (deadline, state.next);
    state.events.insert(key, Box::new(event));
    // Deadlines mostly come later than the one that is watched, and a thread that is left asleep costs nothing.
    let wake = state.awake_at.is_none_or(|awake_at| deadline < awake_at);
    if wake {
        state.awake_at = Some(deadline);
    }
    drop(state);
    if wake {
        timer.earlier.notify_one();
    }
    Ok(TimerGuard { timer: Arc::clone(timer), key })
}

fn start() -> Result<Arc<Timer>> {
    let timer = Arc::new(Timer { state: Mutex::default(), earlier: Condvar::new() });
    let watched = Arc::clone(&timer);
    std::thread::Builder::new().name("routellm-timer".to_owned()).spawn(move || watched.watch()).map_err(
        |error| {
            Error::new(ErrorKind::ResourceExhausted, format!("no thread for deadlines: {error}"))
                .with_source(error)
        },
    )?;
    Ok(timer)
}

impl Timer {
    fn watch(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let due = match state.events.first_entry() {
                None => {
                    state.awake_at = None;
                    state = self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                Some(entry) if entry.key().0 > now => {
                    let at = entry.key().0;
                    state.awake_at = Some(at);
                    let waited = self.earlier.wait_timeout(state, at - now);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
                Some(entry) => entry.remove(),
            };
            drop(state);
            // One event that panics must not leave the others unwatched.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(due));
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes an event away again.
pub(crate) struct TimerGuard {
    timer: Arc<Timer>,
    key: (Instant, u64),
}

impl Drop for TimerGuard {
    fn drop(&mut self) {
        // What the event holds may lock this timer when it is dropped.
        let event = self.timer.lock().events.remove(&self.key);
        drop(event);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_come_in_the_order_of_their_deadlines_and_can_be_taken_back() {
        let (send, received) = mpsc::channel();
        let now = Instant::now();
        let event = |name: &'static str, after: u64| {
            let send = send.clone();
            at(now + Duration::from_millis(after), move || send.send(name).unwrap()).unwrap()
        };
        let never = event("taken back", 30);
        let guards = [event("third", 60), event("first", 5), event("second", 30)];
        drop(never);
        let order: Vec<_> = (0..3).map(|_| received.recv_timeout(Duration::from_secs(20)).unwrap()).collect();
        assert_eq!(order, ["first", "second", "third"]);
        drop(guards);
    }

    #[test]
    fn a_panic_does_not_end_the_watch() {
        let now = Instant::now();
        let _first = at(now, || panic!("an event that fails")).unwrap();
        let (send, received) = mpsc::channel();
        let _second = at(now + Duration::from_millis(5), move || send.send(()).unwrap()).unwrap();
        received.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}
