// Written by tools/faces/generate.py from core/options.toml: change that.

//! The options of one call.

use std::time::Duration;

use super::table::{OptionInfo, OptionType};
use super::value::OptionValue;
use super::{OnError, Read, Spelling};
use crate::{CancelToken, Result};

/// What one call asks for beside its input.
///
/// ```
/// use std::time::Duration;
///
/// use routellm_core::{CallOptions, OnError, Router};
///
/// let router = Router::default_router()?;
/// let patience = Duration::from_secs(1);
/// let options = CallOptions::new().strong_share(0.5).on_error(OnError::Strong).timeout(patience);
/// router.route("What is 17 * 23?", &options)?;
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    pub(crate) threshold: Option<f64>,
    pub(crate) strong_share: Option<f64>,
    pub(crate) on_error: Option<OnError>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) read: Option<Read>,
    /// What cancels the call from another thread.
    pub(crate) cancel: Option<CancelToken>,
    /// How errors spell the names of options.
    pub(crate) spelling: Spelling,
}

impl CallOptions {
    /// Options with every default.
    pub const fn new() -> Self {
        Self {
            threshold: None,
            strong_share: None,
            on_error: None,
            timeout: None,
            read: None,
            cancel: None,
            spelling: Spelling::Snake,
        }
    }

    /// The threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
    /// too, and sends nothing to strong, whatever the prompt and whatever
    /// [`out_of_distribution`](crate::OpenOptions::out_of_distribution) says. Without a threshold and a strong share
    /// the router's own default counts; both together are an error.
    #[must_use]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// The strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to strong, or the
    /// nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt and
    /// whatever [`out_of_distribution`](crate::OpenOptions::out_of_distribution) says; only
    /// [`on_error`](CallOptions::on_error) may decide otherwise. It excludes [`threshold`](CallOptions::threshold).
    #[must_use]
    pub fn strong_share(mut self, share: f64) -> Self {
        self.strong_share = Some(share);
        self
    }

    /// What happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. `raise` (the default)
    /// is an error. `strong` and `weak` decide for that side, with a fallback in the decision, which is counted; in
    /// calls that decide nothing, what could not be computed is NaN then. Wrong options, and what is no prompt at all
    /// (a number, a list of texts), are errors all the same, and so is cancellation.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = Some(on_error);
        self
    }

    /// The longest time of the whole call, above 0, waiting for a session included. What is not scored by then is
    /// `ResourceExhausted`, or what [`on_error`](CallOptions::on_error) says.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// What of a chat is read, instead of what the artifact says: `last_user`, `all_user` or `conversation`. Of a text
    /// all of it is; an embedding has nothing to read, which is an error.
    #[must_use]
    pub fn read(mut self, read: Read) -> Self {
        self.read = Some(read);
        self
    }

    /// Sets the option that is called `name`, as errors show it, to a value of whatever language.
    pub(super) fn assign(&mut self, info: &OptionInfo, shown: &str, value: &OptionValue) -> Result<()> {
        match info.name {
            "threshold" => self.threshold = Some(value.number(shown, info)?),
            "strong_share" => self.strong_share = Some(value.number(shown, info)?),
            "on_error" => self.on_error = Some(value.named(shown, info)?),
            "timeout_ms" => self.timeout = Some(value.milliseconds(shown, info)?),
            "read" => self.read = Some(value.named(shown, info)?),
            other => unreachable!("{other} is a row of the table"),
        }
        Ok(())
    }

    /// Names of the options that are given and that only decisions have a use for.
    pub(crate) fn deciding(&self) -> Vec<&'static str> {
        let mut given = Vec::new();
        if self.threshold.is_some() {
            given.push("threshold");
        }
        if self.strong_share.is_some() {
            given.push("strong_share");
        }
        given
    }
}

/// Every option of a call, in the order of the documentation.
pub static CALL: &[OptionInfo] = &[
    OptionInfo {
        name: "threshold",
        group: "call",
        value: OptionType::Number,
        names: &[],
        expected: "a number in [0, 1]",
        default: "the router's own",
        since: "0.1.0",
        doc: "The threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken too, and sends nothing to strong, whatever the prompt and whatever `out_of_distribution` says. Without a threshold and a strong share the router's own default counts; both together are an error.",
    },
    OptionInfo {
        name: "strong_share",
        group: "call",
        value: OptionType::Number,
        names: &[],
        expected: "a number in [0, 1]",
        default: "the router's own",
        since: "0.1.0",
        doc: "The strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to strong, or the nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt and whatever `out_of_distribution` says; only `on_error` may decide otherwise. It excludes `threshold`.",
    },
    OptionInfo {
        name: "on_error",
        group: "call",
        value: OptionType::Name,
        names: &["raise", "strong", "weak"],
        expected: "\"raise\", \"strong\" or \"weak\"",
        default: "raise",
        since: "0.1.0",
        doc: "What happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. `raise` (the default) is an error. `strong` and `weak` decide for that side, with a fallback in the decision, which is counted; in calls that decide nothing, what could not be computed is no number then. Wrong options, and what is no prompt at all (a number, a list of texts), are errors all the same, and so is cancellation.",
    },
    OptionInfo {
        name: "timeout_ms",
        group: "call",
        value: OptionType::Milliseconds,
        names: &[],
        expected: "a positive number of milliseconds",
        default: "none",
        since: "0.1.0",
        doc: "The longest time of the whole call in milliseconds, above 0, waiting for a session included. What is not scored by then is `ResourceExhausted`, or what `on_error` says.",
    },
    OptionInfo {
        name: "read",
        group: "call",
        value: OptionType::Name,
        names: &["last_user", "all_user", "conversation"],
        expected: "\"last_user\", \"all_user\" or \"conversation\"",
        default: "what the artifact says",
        since: "0.1.0",
        doc: "What of a chat is read, instead of what the artifact says: `last_user`, `all_user` or `conversation`. Of a text all of it is; an embedding has nothing to read, which is an error.",
    },
];
