//! Ctrl-C and SIGTERM: the first stops the work in good order, the second at once.

use std::sync::OnceLock;

use routellm_core::CancelToken;

/// How a shell sees a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// A token that Ctrl-C cancels, the same for every caller.
pub(crate) fn token() -> &'static CancelToken {
    static TOKEN: OnceLock<CancelToken> = OnceLock::new();
    TOKEN.get_or_init(|| {
        let token = CancelToken::new();
        let cancelled = token.clone();
        // It fails where there is a handler already. Then signals do what they do anyway.
        let _ = ctrlc::set_handler(move || {
            if cancelled.is_cancelled() {
                std::process::exit(INTERRUPTED);
            }
            cancelled.cancel();
        });
        token
    })
}
