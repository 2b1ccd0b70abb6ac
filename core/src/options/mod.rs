//! Options: one table, `core/options.toml`, from which `tools/faces` writes the typed part here and in every other
//! language.
//!
//! An option can be set by its method, or by its name with a value of whatever language ([`OpenOptions::set`]), so that
//! any set of options can be a JSON object ([`OpenOptions::set_json`]). [`OPEN`] and [`CALL`] list them all.

mod call;
mod open;
mod table;
mod value;

pub use call::{CALL, CallOptions};
pub(crate) use open::{ExportOptions, VoteOptions};
pub use open::{OPEN, OpenOptions};
pub use table::{OptionInfo, OptionType};
pub use value::{OptionValue, milliseconds};

use crate::calibrate::CalibrationFile;
pub use crate::names::{
    ControlTokens, MapStore, Mode, OnError, OutOfDistribution, Preset, Provider, Read, Spelling,
};
pub use crate::onnx::SessionOptions;
use crate::policy::Policy;
use crate::scorer::bert::{Head, LongPrompts};
use crate::scorer::causal_llm::{ScoreToken, TemplateSpec};
use crate::{CancelToken, Error, Result};

/// The row of the option that is called `name` in this spelling.
fn row(
    table: &'static [OptionInfo],
    spelling: Spelling,
    name: &str,
    what: &str,
) -> Result<&'static OptionInfo> {
    table.iter().find(|info| spelling.of(info.name) == name).ok_or_else(|| {
        let known: Vec<String> = table.iter().map(|info| spelling.of(info.name)).collect();
        Error::invalid_argument(format!("unknown option {name:?} of {what}; it knows: {}", known.join(", ")))
    })
}

impl CallOptions {
    /// What cancels the call from another thread.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Sets or takes away what cancels the call.
    pub fn set_cancel(&mut self, token: Option<CancelToken>) {
        self.cancel = token;
    }

    /// Whether an error of a prompt becomes something else.
    pub fn falls_back(&self) -> bool {
        self.on_error_candidate.is_some() || self.on_error.unwrap_or_default() != OnError::Raise
    }

    /// The option of a policy, in place of what was set.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        (self.threshold, self.strong_share) = (None, None);
        (self.cost_weight, self.min_quality, self.budget) = (None, None, None);
        match policy {
            Policy::Default => {}
            Policy::Threshold(threshold) => self.threshold = Some(threshold),
            Policy::StrongShare(share) => self.strong_share = Some(share),
            Policy::CostWeight(weight) => self.cost_weight = Some(weight),
            Policy::MinQuality(quality) => self.min_quality = Some(quality),
            Policy::Budget(usd) => self.budget = Some(usd),
        }
        self
    }

    /// How errors spell the names of options from now on, for callers in another language.
    #[must_use]
    pub const fn spelling(mut self, spelling: Spelling) -> Self {
        self.spelling = spelling;
        self
    }

    /// Sets the option that is called `name` in the spelling of these options.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is no option's, or a value of another type.
    pub fn set(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        let info = row(CALL, self.spelling, name, "a call")?;
        self.assign(info, name, value)
    }

    /// Sets options from a JSON object, whose members are named as options; `null` leaves one as it is.
    ///
    /// ```
    /// # use routellm_core::{CallOptions, Router};
    /// let mut options = CallOptions::new();
    /// options.set_json(br#"{"strong_share": 0.2, "on_error": "weak", "timeout_ms": 50}"#)?;
    /// Router::default_router()?.route("Hello!", &options)?;
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set); `InvalidArgument` for text that is no JSON object, or names an option twice. Then nothing
    /// is set.
    pub fn set_json(&mut self, json: &[u8]) -> Result<()> {
        let mut changed = self.clone();
        for (name, value) in value::object(json)? {
            if let Some(value) = value {
                changed.set(&name, &value)?;
            }
        }
        *self = changed;
        Ok(())
    }

    /// Sets the timeout as languages without durations have it.
    ///
    /// # Errors
    /// `InvalidArgument` unless it is above 0.
    pub fn set_timeout_ms(&mut self, milliseconds: f64) -> Result<()> {
        self.set(&self.spelling.of("timeout_ms"), &OptionValue::Number(milliseconds))
    }

    /// The policy of the call.
    ///
    /// # Errors
    /// `InvalidArgument` if there is more than one.
    pub(crate) fn chosen_policy(&self) -> Result<Policy> {
        let given = [
            ("threshold", self.threshold.map(Policy::Threshold)),
            ("strong_share", self.strong_share.map(Policy::StrongShare)),
            ("cost_weight", self.cost_weight.map(Policy::CostWeight)),
            ("min_quality", self.min_quality.map(Policy::MinQuality)),
            ("budget", self.budget.map(Policy::Budget)),
        ];
        let mut policies = given.into_iter().filter_map(|(name, policy)| Some((name, policy?)));
        let Some((first, policy)) = policies.next() else { return Ok(Policy::Default) };
        let mut names = vec![first];
        names.extend(policies.map(|(name, _)| name));
        match names.len() {
            1 => Ok(policy),
            count => Err(Error::invalid_argument(format!(
                "{} {} are given: pass one of them",
                if count == 2 { "both" } else { "all of" },
                self.spelling.list(&names)
            ))),
        }
    }

    /// What stops the call: its token, its timeout from now, or both.
    pub(crate) fn stop(&self) -> Result<Option<CancelToken>> {
        match self.timeout {
            None => Ok(self.cancel.clone()),
            Some(time) if time.is_zero() => {
                Err(Error::invalid_argument("timeout is 0, expected a positive time"))
            }
            Some(time) => Ok(Some(self.cancel.clone().unwrap_or_default().with_timeout(time))),
        }
    }
}

impl OpenOptions {
    /// Options with every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// One single-threaded session for each core, most requests a second for many callers: the preset `throughput`.
    #[must_use]
    pub fn throughput(self) -> Self {
        self.preset(Preset::Throughput)
    }

    /// How errors spell the names of options from now on, for callers in another language.
    #[must_use]
    pub fn spelling(mut self, spelling: Spelling) -> Self {
        self.spelling = spelling;
        self
    }

    /// Sets the option that is called `name` in the spelling of these options.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is no option's, or a value of another type or out of range.
    pub fn set(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        let spelling = self.spelling;
        let info = row(OPEN, spelling, name, "opening")?;
        self.assign(info, name, value)?;
        self.check_ranges()
    }

    /// Sets options from a JSON object, whose members are named as options; `null` leaves one as it is. Values are those
    /// of the table: texts, numbers, `true` and `false`, and for options with parameters an object.
    ///
    /// # Errors
    /// As [`set`](Self::set); `InvalidArgument` for text that is no JSON object, or names an option twice. Then nothing
    /// is set.
    pub fn set_json(&mut self, json: &[u8]) -> Result<()> {
        let mut changed = self.clone();
        for (name, value) in value::object(json)? {
            if let Some(value) = value {
                changed.set(&name, &value)?;
            }
        }
        *self = changed;
        Ok(())
    }

    /// The options of sessions, for what runs models without a router: training.
    ///
    /// # Errors
    /// `InvalidArgument` if another option is given.
    pub fn into_session(self) -> Result<SessionOptions> {
        let mut given = self.given();
        given.extend(self.votes.given());
        given.extend(self.export.given());
        match self.spelling.without_effect(&given, "no router is opened") {
            Some(error) => Err(error),
            None => Ok(self.session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        OpenOptions::new().set_json(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn any_set_of_options_is_a_json_object() {
        let mut options = OpenOptions::new();
        let json = r#"{"strong": "a", "sessions": 2, "min_similarity": 0, "tf32": true, "provider": "auto", "weak": null,
            "open_clusters": "all", "head": {"kind": "binary", "strong_label": 0}, "score_tokens": ["1", 2]}"#;
        options.set_json(json.as_bytes()).unwrap();
        assert_eq!(options.strong.as_deref(), Some("a"));
        assert_eq!((options.session.sessions, options.session.tf32), (Some(2), Some(true)));
        assert_eq!(
            (options.votes.min_similarity, options.votes.open_clusters),
            (Some(0.0), Some(usize::MAX))
        );
        assert_eq!(options.export.head, Some(Head::binary(0)));
        assert_eq!(
            options.export.score_tokens,
            Some(vec![ScoreToken::Text("1".to_owned()), ScoreToken::Id(2)])
        );
        assert_eq!(options.weak, None);
    }

    #[test]
    fn what_is_no_option_is_refused_by_name() {
        for (json, part) in [
            ("[]", "expected a JSON object"),
            ("{", "expected a JSON object"),
            (r#"{"sesions": 1}"#, "unknown option \"sesions\""),
            (r#"{"sessions": 1, "sessions": 2}"#, "twice"),
            (r#"{"sessions": "two"}"#, "sessions is \"two\", expected a whole number from 1 to 256"),
            (r#"{"sessions": 1.5}"#, "sessions is 1.5, expected a whole number from 1 to 256"),
            (r#"{"sessions": 0}"#, "sessions is 0, expected a whole number from 1 to 256"),
            (r#"{"device_id": -1}"#, "device_id is -1, expected a whole number from 0 on"),
            (r#"{"min_similarity": 2}"#, "min_similarity is 2, expected a number in [-1, 1]"),
            (r#"{"error_target": 0}"#, "error_target is 0, expected a number in (0, 1]"),
            (r#"{"tf32": 1}"#, "tf32 is 1, expected true or false"),
            (r#"{"provider": "gpu"}"#, "provider is \"gpu\", expected \"cpu\", \"cuda\" or \"auto\""),
            (r#"{"open_clusters": 0}"#, "open_clusters is 0, expected a whole number from 1 on, or \"all\""),
            (r#"{"head": []}"#, "head is a list, expected a string or an object with kind"),
            (
                r#"{"score_tokens": [true]}"#,
                "score_tokens[0] is true, expected the text or the id of a token",
            ),
        ] {
            let message = refusal(json);
            assert!(message.contains(part), "{json}: {message}");
        }
    }

    #[test]
    fn a_wrong_object_changes_nothing() {
        let mut options = OpenOptions::new().strong("a");
        assert!(options.set_json(br#"{"strong": "b", "sessions": 0}"#).is_err());
        assert_eq!(options.strong.as_deref(), Some("a"));
    }

    #[test]
    fn names_are_spelled_as_the_caller_does() {
        let mut options = OpenOptions::new().spelling(Spelling::Camel);
        options.set("intraThreads", &OptionValue::Whole(2)).unwrap();
        assert_eq!(options.session.intra_threads, Some(2));
        let error = options.set("maxWaiting", &OptionValue::Text("x".to_owned())).unwrap_err().to_string();
        assert!(error.contains("maxWaiting is \"x\""), "{error}");
        assert!(options.set("intra_threads", &OptionValue::Whole(2)).is_err());
    }

    #[test]
    fn every_row_can_be_set() {
        for info in OPEN {
            let error = OpenOptions::new()
                .set(info.name, &OptionValue::List(vec![OptionValue::Flag(true)]))
                .unwrap_err();
            assert!(error.to_string().contains(info.name), "{error}");
        }
    }
}
