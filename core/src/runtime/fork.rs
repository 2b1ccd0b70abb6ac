//! Forked children: sessions that the parent opened have no threads in a child, and would wait for ever.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// How many forks lie between this process and the first one. Asking the kernel for the process number on
/// every call would cost a hundred times as much.
static GENERATION: AtomicU64 = AtomicU64::new(0);

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
}

/// The generation in which something was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generation(u64);

impl Generation {
    /// The present generation; from now on forks are noticed.
    pub(super) fn now() -> Self {
        static REGISTER: Once = Once::new();
        REGISTER.call_once(|| {
            #[cfg(unix)]
            #[allow(unsafe_code, reason = "registers a handler with the C library")]
            // SAFETY: the handler only adds to an atomic, which is safe in a forked child.
            unsafe {
                libc::pthread_atfork(None, None, Some(in_child));
            }
            #[cfg(not(unix))]
            let _ = in_child;
        });
        Self(GENERATION.load(Ordering::SeqCst))
    }

    /// # Errors
    /// `Unsupported` in a child that was forked since.
    pub(super) fn check(self) -> Result<()> {
        if GENERATION.load(Ordering::Relaxed) == self.0 {
            return Ok(());
        }
        Err(Error::unsupported(
            "this router's ONNX sessions were opened before the process forked, and cannot run in the child: \
             open the router in the child (or start workers by spawn instead of fork)",
        ))
    }
}
