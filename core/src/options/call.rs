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
    pub(crate) cost_weight: Option<f64>,
    pub(crate) min_quality: Option<f64>,
    pub(crate) budget: Option<f64>,
    pub(crate) candidates: Option<Vec<String>>,
    pub(crate) requires: Option<Vec<String>>,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) on_error: Option<OnError>,
    /// A candidate in place of that name.
    pub(crate) on_error_candidate: Option<String>,
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
            cost_weight: None,
            min_quality: None,
            budget: None,
            candidates: None,
            requires: None,
            input_tokens: None,
            output_tokens: None,
            on_error: None,
            on_error_candidate: None,
            timeout: None,
            read: None,
            cancel: None,
            spelling: Spelling::Snake,
        }
    }

    /// The threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
    /// too, and sends nothing to strong, whatever the prompt and whatever
    /// [`out_of_distribution`](crate::OpenOptions::out_of_distribution) says. Without any policy the router's own
    /// default counts; two of them together are an error.
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

    /// The cost weight, 0 or more: the candidate with the most `quality - cost_weight x cost` is chosen, where `cost`
    /// is the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one dollar on
    /// 1,000 requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every candidate
    /// that is left needs a price. It excludes the other policies.
    #[must_use]
    pub fn cost_weight(mut self, weight: f64) -> Self {
        self.cost_weight = Some(weight);
        self
    }

    /// The least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of equally cheap
    /// ones the one that the artifact names first, and if none reaches it the best, of equally good ones the cheaper.
    /// Every candidate that is left needs a price. It excludes the other policies.
    #[must_use]
    pub fn min_quality(mut self, quality: f64) -> Self {
        self.min_quality = Some(quality);
        self
    }

    /// The budget in USD per 1,000 requests: it decides as the smallest [`cost_weight`](CallOptions::cost_weight) does
    /// with which the calibration sample costs no more than that on average, among the same candidates and with the
    /// same output tokens. The weight is looked for once and kept. A budget that even the cheapest candidates exceed is
    /// an error that says what they cost. It excludes the other policies.
    #[must_use]
    pub fn budget(mut self, usd: f64) -> Self {
        self.budget = Some(usd);
        self
    }

    /// The candidates that may be chosen, by name; by default all of them. With [`threshold`](CallOptions::threshold)
    /// and [`strong_share`](CallOptions::strong_share), a prompt whose side is left out goes to the other side; it is
    /// an error if neither is left.
    #[must_use]
    pub fn candidates(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.candidates = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The capabilities that the chosen candidate has to have, `text`, `vision`, `tools`, `json` and `audio` for
    /// example, as the artifact or [`candidates`](crate::OpenOptions::candidates) says. Other candidates are left out
    /// as by [`candidates`](CallOptions::candidates). If nobody is left, the error says what each of them lacks.
    #[must_use]
    pub fn requires(mut self, capabilities: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.requires = Some(capabilities.into_iter().map(Into::into).collect());
        self
    }

    /// The number of tokens that the request has, each one of a batch. Without it they are estimated from the prompt
    /// that is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1. Candidates whose
    /// context is shorter than that are left out as by [`candidates`](CallOptions::candidates). An embedding has no
    /// bytes, so that its cost is known with this option only.
    #[must_use]
    pub fn input_tokens(mut self, tokens: u64) -> Self {
        self.input_tokens = Some(tokens);
        self
    }

    /// The number of tokens that the answer is expected to have; by default
    /// [`mean_output_tokens`](crate::OpenOptions::mean_output_tokens).
    #[must_use]
    pub fn output_tokens(mut self, tokens: u64) -> Self {
        self.output_tokens = Some(tokens);
        self
    }

    /// What happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. `raise` (the default)
    /// is an error. `strong` and `weak` decide for that side, and the name of a candidate for that one, with a fallback
    /// in the decision, which is counted; in calls that decide nothing, what could not be computed is NaN then. A side
    /// that is left out of the call gives way to the other one; a candidate that is left out is an error. Wrong
    /// options, and what is no prompt at all (a number, a list of texts), are errors all the same, and so is
    /// cancellation.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = Some(on_error);
        self.on_error_candidate = None;
        self
    }

    /// As [`on_error`](Self::on_error), with the name of a candidate.
    #[must_use]
    pub fn on_error_candidate(mut self, name: impl Into<String>) -> Self {
        self.on_error = None;
        self.on_error_candidate = Some(name.into());
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
            "cost_weight" => self.cost_weight = Some(value.number(shown, info)?),
            "min_quality" => self.min_quality = Some(value.number(shown, info)?),
            "budget" => self.budget = Some(value.number(shown, info)?),
            "candidates" => self.candidates = Some(value.texts(shown, info)?),
            "requires" => self.requires = Some(value.texts(shown, info)?),
            "input_tokens" => self.input_tokens = Some(value.whole(shown, info)?),
            "output_tokens" => self.output_tokens = Some(value.whole(shown, info)?),
            "on_error" => match value.named(shown, info) {
                Ok(name) => {
                    (self.on_error, self.on_error_candidate) = (Some(name), None);
                }
                Err(_) => {
                    (self.on_error, self.on_error_candidate) = (None, Some(value.text(shown, info)?));
                }
            },
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
        if self.cost_weight.is_some() {
            given.push("cost_weight");
        }
        if self.min_quality.is_some() {
            given.push("min_quality");
        }
        if self.budget.is_some() {
            given.push("budget");
        }
        if self.candidates.is_some() {
            given.push("candidates");
        }
        if self.requires.is_some() {
            given.push("requires");
        }
        if self.input_tokens.is_some() {
            given.push("input_tokens");
        }
        if self.output_tokens.is_some() {
            given.push("output_tokens");
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
        doc: "The threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken too, and sends nothing to strong, whatever the prompt and whatever `out_of_distribution` says. Without any policy the router's own default counts; two of them together are an error.",
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
        name: "cost_weight",
        group: "call",
        value: OptionType::Number,
        names: &[],
        expected: "a number from 0 on",
        default: "none",
        since: "0.1.0",
        doc: "The cost weight, 0 or more: the candidate with the most `quality - cost_weight x cost` is chosen, where `cost` is the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one dollar on 1,000 requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every candidate that is left needs a price. It excludes the other policies.",
    },
    OptionInfo {
        name: "min_quality",
        group: "call",
        value: OptionType::Number,
        names: &[],
        expected: "a number in [0, 1]",
        default: "none",
        since: "0.1.0",
        doc: "The least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of equally cheap ones the one that the artifact names first, and if none reaches it the best, of equally good ones the cheaper. Every candidate that is left needs a price. It excludes the other policies.",
    },
    OptionInfo {
        name: "budget",
        group: "call",
        value: OptionType::Number,
        names: &[],
        expected: "a number from 0 on",
        default: "none",
        since: "0.1.0",
        doc: "The budget in USD per 1,000 requests: it decides as the smallest `cost_weight` does with which the calibration sample costs no more than that on average, among the same candidates and with the same output tokens. The weight is looked for once and kept. A budget that even the cheapest candidates exceed is an error that says what they cost. It excludes the other policies.",
    },
    OptionInfo {
        name: "candidates",
        group: "call",
        value: OptionType::Texts,
        names: &[],
        expected: "a list of strings",
        default: "all of the router's",
        since: "0.1.0",
        doc: "The candidates that may be chosen, by name; by default all of them. With `threshold` and `strong_share`, a prompt whose side is left out goes to the other side; it is an error if neither is left.",
    },
    OptionInfo {
        name: "requires",
        group: "call",
        value: OptionType::Texts,
        names: &[],
        expected: "a list of strings",
        default: "none",
        since: "0.1.0",
        doc: "The capabilities that the chosen candidate has to have, `text`, `vision`, `tools`, `json` and `audio` for example, as the artifact or `candidates` says. Other candidates are left out as by `candidates`. If nobody is left, the error says what each of them lacks.",
    },
    OptionInfo {
        name: "input_tokens",
        group: "call",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 0 on",
        default: "estimated",
        since: "0.1.0",
        doc: "The number of tokens that the request has, each one of a batch. Without it they are estimated from the prompt that is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1. Candidates whose context is shorter than that are left out as by `candidates`. An embedding has no bytes, so that its cost is known with this option only.",
    },
    OptionInfo {
        name: "output_tokens",
        group: "call",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 0 on",
        default: "the mean that the artifact knows, or 256",
        since: "0.1.0",
        doc: "The number of tokens that the answer is expected to have; by default `mean_output_tokens`.",
    },
    OptionInfo {
        name: "on_error",
        group: "call",
        value: OptionType::Name,
        names: &["raise", "strong", "weak"],
        expected: "\"raise\", \"strong\", \"weak\" or the name of a candidate",
        default: "raise",
        since: "0.1.0",
        doc: "What happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. `raise` (the default) is an error. `strong` and `weak` decide for that side, and the name of a candidate for that one, with a fallback in the decision, which is counted; in calls that decide nothing, what could not be computed is no number then. A side that is left out of the call gives way to the other one; a candidate that is left out is an error. Wrong options, and what is no prompt at all (a number, a list of texts), are errors all the same, and so is cancellation.",
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
