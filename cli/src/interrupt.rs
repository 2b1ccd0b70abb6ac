//! Ctrl-C and SIGTERM: the first stops the work in good order, the second at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use routellm_core::CancelToken;

/// How a shell sees a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// Whether nothing is being done that could be stopped in good order.
static WAITING: AtomicBool = AtomicBool::new(false);

/// Waits for what comes from outside, a person at a terminal perhaps: a signal ends the program at once meanwhile.
pub(crate) fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    let token = token();
    WAITING.store(true, Ordering::SeqCst);
    if token.is_cancelled() {
        std::process::exit(INTERRUPTED);
    }
    let came = wait();
    WAITING.store(false, Ordering::SeqCst);
    came
}

/// A token that Ctrl-C cancels, the same for every caller.
pub(crate) fn token() -> &'static CancelToken {
    static TOKEN: OnceLock<CancelToken> = OnceLock::new();
    TOKEN.get_or_init(|| {
        let token = CancelToken::new();
        let cancelled = token.clone();
        // It fails where there is a handler already. Then signals do what they do anyway.
        let _ = ctrlc::set_handler(move || {
            let again = cancelled.is_cancelled();
            // First, so that either this or who begins to wait sees the other.
            cancelled.cancel();
            if again || WAITING.load(Ordering::SeqCst) {
                std::process::exit(INTERRUPTED);
            }
        });
        token
    })
}
