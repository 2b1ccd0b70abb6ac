//! Glue between `routellm-core` and Node.js.
//!
//! What is exported here is the layer below the package's own face (`node/lib`), made for it alone: prompts
//! come as strings or bytes, options as numbers, and a decision as numbers in an array of the caller,
//! because an object built here would cost more than the rest of the call. JavaScript checks names and
//! types; everything else is checked by the core.
//!
//! Every entry runs under one [`guard`](guard::guard): a panic becomes an error of kind `Internal`, also on
//! other threads, where it would end the process.

#![cfg_attr(test, allow(dead_code, reason = "napi registers nothing in a build of tests"))]
#![allow(unreachable_pub, reason = "what napi exports is seen by JavaScript, not through the module tree")]
#![allow(clippy::needless_pass_by_value, reason = "napi hands arguments over by value")]

mod calibrate;
mod cancel;
mod convert;
mod decision;
mod error;
mod guard;
mod hooks;
mod labels;
mod open;
mod promise;
mod route;
mod router;
mod scores;
#[cfg(feature = "testing")]
mod selftest;
mod text;
mod train;

use napi_derive::napi;
use routellm_core::input::refusal;

use crate::convert::json;
use crate::error::{Result, guarded};

/// Version of the library.
#[napi]
pub fn version() -> &'static str {
    routellm_core::VERSION
}

/// Why chats are refused, in the words of every language.
#[napi(object, object_from_js = false)]
pub struct Refusals {
    /// No message that counts has text.
    pub no_text: String,
    /// The text that counts is not Unicode.
    pub not_unicode: String,
    /// A message by itself in a batch.
    pub bare_message: String,
    /// A list of texts in place of a chat.
    pub list_of_texts: String,
}

/// Why chats are refused.
#[napi]
pub fn refusals() -> Refusals {
    let text = |error: routellm_core::Error| error.message().to_owned();
    Refusals {
        no_text: text(refusal::no_text()),
        not_unicode: text(refusal::not_unicode()),
        bare_message: text(refusal::bare_message()),
        list_of_texts: text(refusal::list_of_texts()),
    }
}

/// Rewrites an older artifact's manifest in today's form; false if it has that form already.
///
/// # Errors
/// What the core reports.
#[napi]
pub fn upgrade_artifact(path: String) -> Result<bool> {
    guarded(|| routellm_core::artifact::upgrade(path.as_ref()))
}

/// What was found on this machine, as JSON.
///
/// # Errors
/// None but a defect.
#[napi]
pub fn doctor(artifact: Option<String>) -> Result<String> {
    guarded(|| json(serde_json::to_string(&routellm_core::doctor(artifact.as_deref().map(AsRef::as_ref)))))
}

/// Tells where the npm package of ONNX Runtime keeps its library, and what an error says was looked at.
///
/// # Errors
/// None.
#[napi]
pub fn set_package_library(path: Option<String>, description: String) -> Result<()> {
    guarded(|| {
        routellm_core::onnx::set_package_library(path.map(Into::into), description);
        Ok(())
    })
}
