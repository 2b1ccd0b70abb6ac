//! A calibration as data: what a program, a file or a command says of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::files::Json;
use crate::files::from_text;
use crate::setters::options_struct;
use crate::{Error, Result};

options_struct! {
    /// A calibration as data, which [`Router::calibrate`](crate::Router::calibrate) carries out. It names one sample and one
    /// target; as JSON:
    ///
    /// ```
    /// use routellm_core::calibrate::{CalibrateSpec, Target};
    /// let spec: CalibrateSpec = r#"{"path": "traffic.jsonl", "strong_share": 0.2, "further_requests": 10000}"#.parse()?;
    /// assert_eq!(spec.target()?, Target::StrongShare(0.2));
    /// let wrong = r#"{"prompts": ["hi"], "share": 0.2}"#;
    /// assert!(wrong.parse::<CalibrateSpec>().unwrap_err().message().contains("unknown field `share`"));
    /// # Ok::<(), routellm_core::Error>(())
    /// ```
    ///
    /// Rows, in memory or in a file, have what they are asked about in one of `prompt` (or `conversation`), `messages`, `body`
    /// or `request` (a request of OpenAI's API with its `messages`), `embedding`, and `win_rate`. They may have
    /// `input_tokens`, the tokens of the request; the qualities of the two models' answers, in [0, 1] or as `true` and
    /// `false`, in columns of the models' names; and whatever [`slice_by`](Self::slice_by) and
    /// [`group_by`](Self::group_by) name.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct CalibrateSpec {
        /// Prompts.
        @[serde(skip_serializing_if = "Option::is_none")]
        prompts: Option<Vec<String>> = None => Vec<String>,
        /// Chats: lists of messages, or requests around them, of which the router reads what it reads of chats.
        @[serde(skip_serializing_if = "Option::is_none")]
        chats: Option<Vec<Json>> = None => Vec<Json>,
        /// Embeddings, each as long as the router takes them.
        @[serde(skip_serializing_if = "Option::is_none")]
        embeddings: Option<Vec<Vec<f32>>> = None => Vec<Vec<f32>>,
        /// Win rates that this router gave, in [0, 1].
        @[serde(skip_serializing_if = "Option::is_none")]
        win_rates: Option<Vec<f64>> = None => Vec<f64>,
        /// Rows, objects as they would stand in the lines of a file.
        @[serde(skip_serializing_if = "Option::is_none")]
        rows: Option<Vec<Json>> = None => Vec<Json>,
        /// A file of rows: `.csv`, `.parquet`, or JSON lines.
        @[serde(skip_serializing_if = "Option::is_none")]
        path: Option<PathBuf> = None => PathBuf,
        /// What columns are called, by the name that they are read by: `{"prompt": "question"}`.
        @[serde(skip_serializing_if = "BTreeMap::is_empty")]
        columns: BTreeMap<String, String> = BTreeMap::new(),
        /// Target: this share of the requests goes to the strong model, in [0, 1].
        @[serde(skip_serializing_if = "Option::is_none")]
        strong_share: Option<f64> = None => f64,
        /// Target: 1,000 requests cost at most this, in USD, by the candidates' prices. It needs prompts or `input_tokens`.
        @[serde(skip_serializing_if = "Option::is_none")]
        cost: Option<f64> = None => f64,
        /// Target: at least this part of the gap between the models' mean qualities is recovered. It needs labels.
        @[serde(skip_serializing_if = "Option::is_none")]
        pgr: Option<f64> = None => f64,
        /// Target: the mean quality is at least this, in [0, 1]. It needs labels.
        @[serde(skip_serializing_if = "Option::is_none")]
        quality: Option<f64> = None => f64,
        /// Target: the calibrated chance that the chosen model succeeds is at least this, in [0, 1], over the requests. It
        /// needs labels.
        @[serde(skip_serializing_if = "Option::is_none")]
        p_success: Option<f64> = None => f64,
        /// What is calibrated: `threshold`, the line between the two models (the default), or `cost_weight`, the policy that
        /// compares all candidates, whose target is a cost.
        @[serde(skip_serializing_if = "Option::is_none")]
        policy: Option<String> = None => String,
        /// Labels of a sample in memory that is no rows: the quality of the strong model's answer to each, in [0, 1].
        @[serde(skip_serializing_if = "Option::is_none")]
        strong_quality: Option<Vec<f64>> = None => Vec<f64>,
        /// Likewise of the weak model's answer.
        @[serde(skip_serializing_if = "Option::is_none")]
        weak_quality: Option<Vec<f64>> = None => Vec<f64>,
        /// Tokens of each request of a sample in memory that is no rows, for costs; a quarter of a prompt's bytes by default.
        @[serde(skip_serializing_if = "Option::is_none")]
        input_tokens: Option<Vec<u64>> = None => Vec<u64>,
        /// Which members of a sample in memory that is no rows belong together, by any number. Prompts are grouped by their
        /// texts without it; embeddings and win rates are not grouped.
        @[serde(skip_serializing_if = "Option::is_none")]
        groups: Option<Vec<u64>> = None => Vec<u64>,
        /// The column of rows whose equal values belong together, a user or a conversation. Prompts are grouped by their texts
        /// without it.
        @[serde(skip_serializing_if = "Option::is_none")]
        group_by: Option<String> = None => String,
        /// Columns of rows by whose values the report slices the sample, beside length and code.
        @[serde(skip_serializing_if = "Vec::is_empty")]
        slice_by: Vec<String> = Vec::new(),
        /// Number of requests that the prediction interval is for; as many as the sample has by default.
        @[serde(skip_serializing_if = "Option::is_none")]
        further_requests: Option<u64> = None => u64,
        /// How the table calls the sample.
        @[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String> = None => String,
        /// The day of the sample, `2026-01-31`; today (UTC) by default.
        @[serde(skip_serializing_if = "Option::is_none")]
        date: Option<String> = None => String,
        /// Seed of the bootstrap intervals.
        seed: u64 = 1,
        /// Draws of the bootstrap.
        draws: usize = 1000,
    }
}

/// What a calibration aims at.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// A share of the requests, in [0, 1].
    StrongShare(f64),
    /// USD per 1,000 requests, 0 or more.
    Cost(f64),
    /// Performance gap recovered.
    Pgr(f64),
    /// Mean quality, in [0, 1].
    Quality(f64),
    /// Chance of success, in [0, 1].
    PSuccess(f64),
}

impl Target {
    /// `strong_share`, `cost`, `pgr`, `quality` or `p_success`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StrongShare(_) => "strong_share",
            Self::Cost(_) => "cost",
            Self::Pgr(_) => "pgr",
            Self::Quality(_) => "quality",
            Self::PSuccess(_) => "p_success",
        }
    }

    /// The number that is aimed at.
    pub const fn value(self) -> f64 {
        match self {
            Self::StrongShare(value)
            | Self::Cost(value)
            | Self::Pgr(value)
            | Self::Quality(value)
            | Self::PSuccess(value) => value,
        }
    }

    /// Whether it takes the qualities of answers to tell.
    pub(crate) const fn needs_labels(self) -> bool {
        matches!(self, Self::Pgr(_) | Self::Quality(_) | Self::PSuccess(_))
    }
}

const TARGETS: &str = "strong_share, cost, pgr, quality, p_success";

impl CalibrateSpec {
    /// Reads a specification from JSON.
    ///
    /// # Errors
    /// `InvalidArgument` for another form: an unknown field, a value of a wrong type.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        from_text("calibration specification", text)
    }

    /// What it aims at.
    ///
    /// # Errors
    /// `InvalidArgument` if that is none or more than one thing, or out of range.
    pub fn target(&self) -> Result<Target> {
        let given: Vec<Target> = [
            self.strong_share.map(Target::StrongShare),
            self.cost.map(Target::Cost),
            self.pgr.map(Target::Pgr),
            self.quality.map(Target::Quality),
            self.p_success.map(Target::PSuccess),
        ]
        .into_iter()
        .flatten()
        .collect();
        let [target] = given[..] else {
            let found = match given.len() {
                0 => "none is given".to_owned(),
                _ => format!(
                    "{} are given",
                    given.iter().map(|one| one.name()).collect::<Vec<_>>().join(" and ")
                ),
            };
            return Err(Error::invalid_argument(format!(
                "a calibration has one target, and {found}: pass one of {TARGETS}"
            )));
        };
        let (name, value) = (target.name(), target.value());
        let (fits, expected) = match target {
            Target::Cost(_) => (value >= 0.0 && value.is_finite(), "USD per 1,000 requests, 0 or more"),
            _ => ((0.0..=1.0).contains(&value), "a number in [0, 1]"),
        };
        if fits {
            Ok(target)
        } else {
            Err(Error::invalid_argument(format!("{name} is {value}, expected {expected}")))
        }
    }

    /// What contradicts itself beside the target.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(crate) fn check(&self) -> Result<()> {
        let sources: Vec<&str> = [
            ("prompts", self.prompts.is_some()),
            ("chats", self.chats.is_some()),
            ("embeddings", self.embeddings.is_some()),
            ("win_rates", self.win_rates.is_some()),
            ("rows", self.rows.is_some()),
            ("path", self.path.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect();
        let refuse = |what: String| Err(Error::invalid_argument(what));
        let [source] = sources[..] else {
            return refuse(format!(
                "a calibration has one sample, and {}: pass one of prompts, chats, embeddings, win_rates, rows, path",
                if sources.is_empty() {
                    "none is given".to_owned()
                } else {
                    format!("{} are given", sources.join(" and "))
                }
            ));
        };
        let of_rows = matches!(source, "rows" | "path");
        let without_effect = if of_rows {
            [
                ("strong_quality", self.strong_quality.is_some()),
                ("weak_quality", self.weak_quality.is_some()),
                ("input_tokens", self.input_tokens.is_some()),
                ("groups", self.groups.is_some()),
            ]
        } else {
            [
                ("columns", !self.columns.is_empty()),
                ("group_by", self.group_by.is_some()),
                ("slice_by", !self.slice_by.is_empty()),
                ("", false),
            ]
        };
        if let Some((name, _)) = without_effect.into_iter().find(|(_, given)| *given) {
            let instead =
                if of_rows { "give the rows a column of it" } else { "it names a column: pass rows or path" };
            return refuse(format!("{name} has no effect with {source}: {instead}"));
        }
        if self.strong_quality.is_some() != self.weak_quality.is_some() {
            return refuse("strong_quality and weak_quality belong together: pass both".to_owned());
        }
        if self.further_requests == Some(0) {
            return refuse("further_requests is 0, expected at least 1".to_owned());
        }
        if !(1..=100_000).contains(&self.draws) {
            return refuse(format!("draws is {}, expected 1 to 100000", self.draws));
        }
        Ok(())
    }
}

impl std::str::FromStr for CalibrateSpec {
    type Err = Error;

    /// # Errors
    /// As [`from_json`](Self::from_json).
    fn from_str(text: &str) -> Result<Self> {
        Self::from_json(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_and_one_target_are_asked_for() {
        let error = |spec: &CalibrateSpec| {
            spec.check().and_then(|()| spec.target().map(drop)).unwrap_err().to_string()
        };
        let prompts = || CalibrateSpec::new().prompts(vec!["a".into()]);
        assert!(error(&CalibrateSpec::new()).contains("none is given"));
        assert!(error(&prompts()).contains("pass one of strong_share, cost"));
        assert!(error(&prompts().cost(1.0).pgr(0.5)).contains("cost and pgr are given"));
        assert!(error(&prompts().win_rates(vec![]).pgr(0.5)).contains("prompts and win_rates are given"));
        assert!(error(&prompts().quality(1.5)).contains("[0, 1]"));
        assert!(error(&prompts().cost(f64::NAN)).contains("USD"));
        assert!(error(&prompts().slice_by(vec!["x".into()]).cost(1.0)).contains("slice_by has no effect"));
        assert!(error(&prompts().weak_quality(vec![]).cost(1.0)).contains("pass both"));
        assert!(error(&CalibrateSpec::new().rows(vec![]).groups(vec![]).cost(1.0)).contains("column"));
        assert!(error(&prompts().cost(1.0).further_requests(0)).contains("at least 1"));
        let sound = prompts().strong_share(0.2);
        sound.check().unwrap();
        let text = serde_json::to_string(&sound).unwrap();
        assert_eq!(text.parse::<CalibrateSpec>().unwrap(), sound);
    }
}
