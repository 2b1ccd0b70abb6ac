//! What a fork leaves behind: a child has none of its parent's threads, and locks that they held stay locked in it.
//!
//! So nothing that has threads or locks is used across a fork. It is [`PerProcess`]: a child makes its own on first use
//! and never touches, not even to drop it, what another process made. That is sound if no call was running at the
//! fork. If one was ([`Running`] counts them), locks inside ONNX Runtime or a tokenizer may be held for ever, and the
//! child is refused rather than left to hang.
//!
//! And what the end of a process must wait for: ONNX Runtime destroys objects of its own when the process exits, and
//! what runs in it by then fails or crashes. So the exit waits for [`Running`] calls, and no other one begins.

use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::{Error, ErrorKind, Result};

/// How many forks lie between this process and the first one. Asking the kernel for the process number on
/// every call would cost a hundred times as much.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Calls that hold what a fork must not interrupt.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Whether a call was running when this process, or one before it, was forked.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether this process is about to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// How long the exit waits for what runs: a signal handler may have interrupted it to end the process, and then it
/// never ends.
const LONGEST_EXIT: Duration = Duration::from_secs(10);

extern "C" fn at_exit() {
    ENDING.store(true, Ordering::SeqCst);
    let begin = Instant::now();
    while RUNNING.load(Ordering::SeqCst) != 0 && begin.elapsed() < LONGEST_EXIT {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Lets the exit wait for what runs. Handlers run in the opposite order of their registration: one that comes after
/// a session was opened, or run, runs before what these have made is destroyed.
fn wait_at_exit() {
    static REGISTERED: AtomicUsize = AtomicUsize::new(0);
    // After the opening and after the first run.
    if REGISTERED.load(Ordering::Relaxed) < 2 && REGISTERED.fetch_add(1, Ordering::Relaxed) < 2 {
        #[cfg(unix)]
        #[allow(unsafe_code, reason = "registers a handler with the C library")]
        // SAFETY: the handler reads and writes atomics and sleeps.
        unsafe {
            libc::atexit(at_exit);
        }
        #[cfg(not(unix))]
        let _ = at_exit;
    }
}

/// # Errors
/// `Cancelled` while the process ends: sessions may no longer be run.
pub(crate) fn check_alive() -> Result<()> {
    if !ENDING.load(Ordering::SeqCst) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Cancelled, "the process is ending"))
}

/// Holds a thread of this library for ever while the process ends: nobody is to be called back then.
pub(crate) fn park_if_ending() {
    while ENDING.load(Ordering::SeqCst) {
        thread::park();
    }
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    if RUNNING.swap(0, Ordering::SeqCst) != 0 {
        INTERRUPTED.store(true, Ordering::SeqCst);
    }
}

/// The present generation; from the first call on forks are noticed.
pub(crate) fn generation() -> u64 {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        #[cfg(unix)]
        #[allow(unsafe_code, reason = "registers a handler with the C library")]
        // SAFETY: the handler only changes atomics, which is safe in a forked child.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
        #[cfg(not(unix))]
        let _ = in_child;
    });
    GENERATION.load(Ordering::Relaxed)
}

/// # Errors
/// `Unsupported` in a child that was forked while a call was running.
pub(crate) fn check() -> Result<()> {
    if !INTERRUPTED.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Error::unsupported(
        "this process was forked while a call was running on a router with sessions, whose locks may be held for ever \
         here: fork before the first call or between calls, or start workers by spawn instead of fork",
    ))
}

/// A call that a fork must not interrupt, until it is dropped.
#[derive(Debug)]
pub(crate) struct Running(u64);

impl Running {
    pub(crate) fn new() -> Self {
        let generation = generation();
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Self(generation)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A child forked from inside the call has begun to count anew.
        if self.0 == GENERATION.load(Ordering::Relaxed) {
            wait_at_exit();
            RUNNING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A value of which each process has its own, made on first use.
///
/// A list with an entry for each process that used it, oldest first: a child finds its parent's entry and goes past it,
/// without a lock that the parent could have held.
pub struct PerProcess<T> {
    entry: OnceCell<Box<Entry<T>>>,
}

struct Entry<T> {
    generation: u64,
    value: ManuallyDrop<T>,
    next: PerProcess<T>,
}

impl<T> PerProcess<T> {
    /// A value that no process has made yet.
    pub const fn new() -> Self {
        Self { entry: OnceCell::new() }
    }

    /// This process's value, made by `init` if there is none yet.
    ///
    /// # Errors
    /// What `init` reports; the next call tries again.
    pub fn get_or_try_init(&self, init: impl FnOnce() -> Result<T>) -> Result<&T> {
        let generation = generation();
        let mut list = self;
        loop {
            match list.entry.get() {
                Some(entry) if entry.generation == generation => return Ok(&entry.value),
                Some(entry) => list = &entry.next,
                None => break,
            }
        }
        let entry = list.entry.get_or_try_init(|| -> Result<_> {
            Ok(Box::new(Entry { generation, value: ManuallyDrop::new(init()?), next: Self::new() }))
        })?;
        Ok(&entry.value)
    }

    /// This process's value, if it has one.
    pub fn get(&self) -> Option<&T> {
        let generation = generation();
        let mut list = self;
        loop {
            let entry = list.entry.get()?;
            if entry.generation == generation {
                return Some(&entry.value);
            }
            list = &entry.next;
        }
    }

    /// A value that this process has already.
    pub(crate) fn of(value: T) -> Self {
        let entry = Entry { generation: generation(), value: ManuallyDrop::new(value), next: Self::new() };
        Self { entry: OnceCell::with_value(Box::new(entry)) }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        let Entry { generation: made, value, next } = *entry;
        if made == generation() {
            drop(ManuallyDrop::into_inner(value));
        }
        drop(next);
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}
