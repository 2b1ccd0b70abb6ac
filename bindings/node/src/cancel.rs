//! Cancelling a call from JavaScript.

use napi_derive::napi;
use routellm_core::CancelToken;

/// Cancels the calls that were given it, also while ONNX Runtime computes.
#[napi]
pub struct NativeCancel {
    token: CancelToken,
}

#[napi]
impl NativeCancel {
    /// A token that is not cancelled.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript constructs it")]
    pub fn new() -> Self {
        Self { token: CancelToken::new() }
    }

    /// Cancels.
    #[napi]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

impl NativeCancel {
    pub(crate) fn token(cancel: Option<&Self>) -> Option<CancelToken> {
        cancel.map(|cancel| cancel.token.clone())
    }
}
