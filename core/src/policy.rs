//! Policies: what turns a win rate into a decision.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::calibrate::NOTHING;
use crate::fallbacks::FallbackWarning;
use crate::id::DecisionId;
pub use crate::names::{OnError, OutOfDistribution};
use crate::{Error, ErrorKind, Result};

/// How a candidate is chosen: by a line between strong and weak, or by the qualities and costs of any number of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub enum Policy {
    /// The artifact's own default, a strong share of its calibration sample.
    #[default]
    Default,
    /// Strong if and only if `win_rate >= threshold`, in [0, 1] or [`NOTHING`], the next double above 1, which sends
    /// nothing to strong, whatever the prompt and its distance from the votes.
    Threshold(f64),
    /// The threshold at which this share of the calibration sample goes to strong, in [0, 1]: the nearest share that
    /// some threshold reaches, because equal win rates go to one side together. 0 sends nothing to strong and 1
    /// everything, whatever the prompt and its distance from the votes; they need no calibration, and their thresholds
    /// are [`NOTHING`] and 0.
    StrongShare(f64),
    /// The candidate with the most `quality - weight x expected cost`, the cost in USD per 1,000 requests; of equal ones the
    /// cheaper, then the first. 0 or more.
    CostWeight(f64),
    /// The cheapest candidate of at least this quality, in [0, 1], or else the best.
    MinQuality(f64),
    /// As the smallest cost weight with which the calibration sample costs at most this, in USD per 1,000 requests.
    Budget(f64),
}

/// The two sides of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The expensive model.
    Strong,
    /// The cheap model.
    Weak,
}

impl Side {
    /// `strong` or `weak`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Weak => "weak",
        }
    }

    /// The other side.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Strong => Self::Weak,
            Self::Weak => Self::Strong,
        }
    }
}

impl PartialEq<Side> for Option<Side> {
    fn eq(&self, side: &Side) -> bool {
        *self == Some(*side)
    }
}

/// Which model should answer, and why.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// The side that was chosen; `None` outside the policies of the pair, and for a candidate that is on neither side.
    pub side: Option<Side>,
    /// Its model's name.
    pub model: Arc<str>,
    // <faces:decision>
    /// P(strong model's answer is preferred or needed), in [0, 1]; `None` in a fallback and outside the policies of the
    /// pair, [`threshold`](crate::CallOptions::threshold) and [`strong_share`](crate::CallOptions::strong_share).
    pub win_rate: Option<f64>,
    /// The threshold that the win rate was compared with: in [0, 1], or the next number above 1; NaN outside the
    /// policies of the pair.
    pub threshold: f64,
    /// Whether the prompt was longer than the router reads, and was cut.
    pub truncated: bool,
    /// The largest cosine similarity to any vote that was read, in [-1, 1]: a clustered store reads the votes of some
    /// clusters, the router's own similarity reads all. It is `None` in a fallback and for routers without votes.
    pub similarity: Option<f64>,
    /// Whether the prompt is farther from every vote than the router was told to trust. Then
    /// [`out_of_distribution`](crate::OpenOptions::out_of_distribution) may have decided instead of the win rate.
    pub out_of_distribution: bool,
    /// Whether a causal LM gave no score token, so that the win rate is 1, as in the reference.
    pub no_score: bool,
    /// The probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves something to
    /// chance.
    pub propensity: f64,
    /// The decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of
    /// version 7. It is `None` unless a hook, an adapter or [`ids`](crate::OpenOptions::ids) asks for it.
    pub id: Option<DecisionId>,
    /// The number of the chosen candidate, from 0, in the order of the router's models. Only a decision that a program
    /// made itself may have `None`.
    pub candidate: Option<usize>,
    /// The quality that the chosen candidate is expected to have on this prompt, in [0, 1]; `None` in a fallback, and
    /// for [`threshold`](crate::CallOptions::threshold) and [`strong_share`](crate::CallOptions::strong_share), which
    /// compute none.
    pub quality: Option<f64>,
    /// What the request is expected to cost in USD: the chosen candidate's price for the input tokens and the output
    /// tokens; `None` without a price, and for an embedding without input tokens.
    pub expected_cost: Option<f64>,
    // </faces:decision>
    /// Why the prompt could not be scored, if `on_error` decided instead.
    pub fallback: Option<Fallback>,
}

impl Decision {
    /// A decision of which nothing more is known, for what was logged and is replayed. Routers make their own.
    pub fn new(side: impl Into<Option<Side>>, model: impl Into<Arc<str>>, threshold: f64) -> Self {
        Self {
            side: side.into(),
            model: model.into(),
            // <faces:new>
            win_rate: None,
            threshold,
            truncated: false,
            similarity: None,
            out_of_distribution: false,
            no_score: false,
            propensity: 1.0,
            id: None,
            candidate: None,
            quality: None,
            expected_cost: None,
            // </faces:new>
            fallback: None,
        }
    }
}

/// The error behind a fallback.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Fallback {
    /// Its kind.
    #[serde(serialize_with = "kind_name")]
    pub kind: ErrorKind,
    /// Its message.
    #[serde(serialize_with = "text")]
    pub reason: Arc<str>,
    /// What to tell whoever watches the program, in the first fallback of a kind and at most once a minute after
    /// it. Bindings pass it on; it takes no part in comparisons.
    #[serde(skip)]
    pub warning: Option<FallbackWarning>,
}

impl Fallback {
    /// The fallback of an error of this kind, with its message.
    pub fn new(kind: ErrorKind, reason: impl Into<Arc<str>>) -> Self {
        Self { kind, reason: reason.into(), warning: None }
    }
}

/// A threshold: a number in [0, 1], or the next double above 1, which a strong share of 0 comes to.
pub(crate) fn threshold_value(threshold: f64) -> Result<f64> {
    if threshold == NOTHING { Ok(threshold) } else { unit_interval("threshold", threshold) }
}

impl Policy {
    /// The option that it is given by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Default => "the default",
            Self::Threshold(_) => "threshold",
            Self::StrongShare(_) => "strong_share",
            Self::CostWeight(_) => "cost_weight",
            Self::MinQuality(_) => "min_quality",
            Self::Budget(_) => "budget",
        }
    }

    /// Whether one side is decided for every prompt, be it far from all votes or not, by a threshold that this policy
    /// came to. A threshold of 0 that the caller names is a threshold as any other: only a share asks for everything.
    pub(crate) fn decides_all(self, threshold: f64) -> bool {
        // Outside the policies of the pair the threshold is no number.
        threshold >= NOTHING || (threshold <= 0.0 && !matches!(self, Self::Threshold(_)))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn kind_name<S: Serializer>(kind: &ErrorKind, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl PartialEq for Fallback {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.reason) == (other.kind, &other.reason)
    }
}

impl Eq for Fallback {}

/// A number in [0, 1], or an error that names it.
pub(crate) fn unit_interval(name: &str, value: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::invalid_argument(format!("{name} is {value}, expected a number in [0, 1]")))
}
