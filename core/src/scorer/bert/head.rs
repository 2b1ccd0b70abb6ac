//! From the outputs of a sequence classifier to win rates.

use serde::{Deserialize, Serialize};

use crate::numeric::sigmoid;
use crate::scorer::Pair;
use crate::{Error, ErrorKind, Mode, Result};

/// What the outputs of a classifier mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Head {
    /// The paper's three labels: strong wins, tie, weak wins. The win rate is the first one's probability.
    ThreeLabels {
        /// Whether the model's outputs are probabilities already, and not logits.
        #[serde(default, skip_serializing_if = "is_false")]
        probabilities: bool,
    },
    /// Two labels; the win rate is the probability of the one that says that the strong model is needed. A model with
    /// one output has the logit of label 1 there, and label 0 is its opposite.
    Binary {
        /// Which of the two, 0 or 1.
        #[serde(default = "one")]
        strong_label: usize,
        /// Whether the model's outputs are probabilities already, and not logits.
        #[serde(default, skip_serializing_if = "is_false")]
        probabilities: bool,
    },
    /// One number `x`; the win rate is `link(scale * x + offset)`.
    Regression {
        /// From the line to a win rate.
        #[serde(default)]
        link: RegressionLink,
        /// Factor.
        #[serde(default = "unit")]
        scale: f64,
        /// Summand.
        #[serde(default)]
        offset: f64,
    },
    /// One logit for each candidate: the win rate of a pair is the sigmoid of the difference.
    Candidates {
        /// Whether the model's outputs are probabilities already, and not logits.
        #[serde(default, skip_serializing_if = "is_false")]
        probabilities: bool,
    },
}

/// From a regression score to a win rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegressionLink {
    /// The score itself, held within [0, 1].
    #[default]
    Identity,
    /// The logistic function.
    Sigmoid,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn one() -> usize {
    1
}

fn unit() -> f64 {
    1.0
}

impl std::str::FromStr for Head {
    type Err = Error;

    /// A name (`three_labels`, `binary`, `regression`, `candidates`), or JSON with the name as `kind` and parameters:
    /// `{"kind": "regression", "link": "sigmoid"}`.
    fn from_str(text: &str) -> Result<Self> {
        let head: Self = crate::strict::from_name_or_json(text).map_err(|error| {
            Error::invalid_argument(format!(
                "head is {text:?}: {error}; expected \"three_labels\", \"binary\", \"regression\" or \
                 \"candidates\", or JSON with one of them as \"kind\""
            ))
        })?;
        head.check().map_err(|error| Error::invalid_argument(error.message().to_owned()))?;
        Ok(head)
    }
}

impl Head {
    /// Three labels, as logits.
    pub const fn three_labels() -> Self {
        Self::ThreeLabels { probabilities: false }
    }

    /// Two labels, as logits.
    pub const fn binary(strong_label: usize) -> Self {
        Self::Binary { strong_label, probabilities: false }
    }

    /// A logit for each candidate.
    pub const fn candidates() -> Self {
        Self::Candidates { probabilities: false }
    }

    /// The same head for outputs that are probabilities; `regression` stays as it is.
    #[must_use]
    pub const fn of_probabilities(self) -> Self {
        match self {
            Self::ThreeLabels { .. } => Self::ThreeLabels { probabilities: true },
            Self::Binary { strong_label, .. } => Self::Binary { strong_label, probabilities: true },
            Self::Candidates { .. } => Self::Candidates { probabilities: true },
            Self::Regression { .. } => self,
        }
    }

    /// Whether it reads probabilities.
    pub const fn reads_probabilities(self) -> bool {
        match self {
            Self::ThreeLabels { probabilities }
            | Self::Binary { probabilities, .. }
            | Self::Candidates { probabilities } => probabilities,
            Self::Regression { .. } => false,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThreeLabels { .. } => "three_labels",
            Self::Binary { .. } => "binary",
            Self::Regression { .. } => "regression",
            Self::Candidates { .. } => "candidates",
        }
    }

    /// # Errors
    /// `InvalidModel` if a parameter is out of range.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Binary { strong_label, .. } if strong_label > 1 => {
                Err(Error::invalid_model(format!("head: strong_label is {strong_label}, expected 0 or 1")))
            }
            Self::Regression { scale, offset, .. } if !(scale.is_finite() && offset.is_finite()) => {
                Err(Error::invalid_model("head: scale and offset have to be finite"))
            }
            _ => Ok(()),
        }
    }

    /// How many outputs it reads, of a router with `candidates` candidates; `binary` reads one just as well.
    pub fn outputs(self, candidates: usize) -> usize {
        match self {
            Self::ThreeLabels { .. } => 3,
            Self::Binary { .. } => 2,
            Self::Regression { .. } => 1,
            Self::Candidates { .. } => candidates,
        }
    }

    /// Whether it reads a model with this many outputs, of a router with `candidates` candidates.
    pub(super) fn reads(self, outputs: usize, candidates: usize) -> bool {
        outputs == self.outputs(candidates) || outputs == 1 && matches!(self, Self::Binary { .. })
    }

    /// The win rate of `pair` for the outputs of one row, in [0, 1].
    ///
    /// `reference` computes as the reference does, in single precision and from the other labels
    /// (`1 - (p[1] + p[2])`, `BERTRouter`); `exact` takes the label's own probability in double precision.
    ///
    /// # Errors
    /// `Inference` if an output is not finite, or outputs that are said to be probabilities are none.
    pub fn win_rate(self, outputs: &[f32], pair: Pair, mode: Mode) -> Result<f64> {
        if let Some(i) = outputs.iter().position(|x| !x.is_finite()) {
            return Err(Error::new(
                ErrorKind::Inference,
                format!("the classifier's output {i} is {}", outputs[i]),
            ));
        }
        if self.reads_probabilities() {
            check_probabilities(outputs)?;
        }
        Ok(match self {
            Self::ThreeLabels { probabilities } => match mode {
                Mode::Exact if probabilities => f64::from(outputs[0]),
                Mode::Exact => softmax(outputs)[0],
                Mode::Reference => {
                    if probabilities {
                        return Ok(f64::from(1.0 - (outputs[1] + outputs[2])).clamp(0.0, 1.0));
                    }
                    let p = softmax_f32(outputs);
                    f64::from(1.0 - (p[1] + p[2]))
                }
            },
            Self::Binary { strong_label, probabilities: true } => match outputs {
                [p] if strong_label == 0 => 1.0 - f64::from(*p),
                [p] => f64::from(*p),
                _ => f64::from(outputs[strong_label]),
            },
            Self::Binary { strong_label, .. } => match outputs {
                [logit] if strong_label == 0 => sigmoid(-f64::from(*logit)),
                [logit] => sigmoid(f64::from(*logit)),
                _ => softmax(outputs)[strong_label],
            },
            Self::Regression { link, scale, offset } => {
                let line = scale * f64::from(outputs[0]) + offset;
                match link {
                    RegressionLink::Identity => line.clamp(0.0, 1.0),
                    RegressionLink::Sigmoid => sigmoid(line),
                }
            }
            Self::Candidates { .. } => {
                sigmoid(self.candidate(outputs[pair.strong]) - self.candidate(outputs[pair.weak]))
            }
        })
    }

    /// The score of a candidate for its output: a logit, which a probability has up to a summand in its logarithm.
    pub(super) fn candidate(self, output: f32) -> f64 {
        if self.reads_probabilities() {
            // Two that vanish are alike, and one that does loses by as much as single precision tells.
            return libm::log(f64::from(output.max(f32::from_bits(1))));
        }
        f64::from(output)
    }
}

/// How far from 1 the sum of probabilities may be: half precision rounds each of them.
const SUM_TOLERANCE: f64 = 0.01;

/// # Errors
/// `Inference` if one of `outputs` is not in [0, 1], or several do not sum to 1.
fn check_probabilities(outputs: &[f32]) -> Result<()> {
    let sum: f64 = outputs.iter().copied().map(f64::from).sum();
    let inside = outputs.iter().all(|p| (0.0..=1.0).contains(p));
    if inside && (outputs.len() == 1 || (sum - 1.0).abs() <= SUM_TOLERANCE) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Inference,
        format!(
            "the classifier's outputs are {outputs:?}, expected probabilities: in [0, 1], with the sum 1"
        ),
    ))
}

/// The softmax, in double precision.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, x| largest.max(f64::from(*x)));
    let mut p: Vec<f64> = logits.iter().map(|x| libm::exp(f64::from(*x) - largest)).collect();
    let sum: f64 = p.iter().sum();
    for p in &mut p {
        *p /= sum;
    }
    p
}

/// The softmax, in single precision as the reference has it.
pub fn softmax_f32(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(*x));
    let mut p: Vec<f32> = logits.iter().map(|x| libm::expf(*x - largest)).collect();
    let sum: f32 = p.iter().sum();
    for p in &mut p {
        *p /= sum;
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Pair = Pair { strong: 0, weak: 1 };

    fn win_rate(head: &str, outputs: &[f32]) -> f64 {
        let head: Head = head.parse().unwrap();
        assert!(head.reads(outputs.len(), 2));
        head.win_rate(outputs, PAIR, Mode::Exact).unwrap()
    }

    #[test]
    fn each_head_reads_its_outputs() {
        let e = std::f64::consts::E;
        assert_eq!(win_rate("three_labels", &[0.0, 0.0, 0.0]), 1.0 / 3.0);
        assert!((win_rate("binary", &[0.0, 1.0]) - e / (1.0 + e)).abs() < 1e-15);
        assert!(
            (win_rate(r#"{"kind": "binary", "strong_label": 0}"#, &[0.0, 1.0]) - 1.0 / (1.0 + e)).abs()
                < 1e-15
        );
        assert!((win_rate("binary", &[1.0]) - e / (1.0 + e)).abs() < 1e-15);
        assert_eq!(win_rate(r#"{"kind": "binary", "strong_label": 0}"#, &[1.0]), win_rate("binary", &[-1.0]));
        assert_eq!(win_rate("regression", &[0.25]), 0.25);
        assert_eq!(win_rate("regression", &[7.0]), 1.0);
        assert_eq!(win_rate(r#"{"kind": "regression", "link": "sigmoid"}"#, &[0.0]), 0.5);
        assert_eq!(win_rate(r#"{"kind": "regression", "scale": 2, "offset": -1}"#, &[0.75]), 0.5);
        assert!((win_rate("candidates", &[1.0, 0.0]) - e / (1.0 + e)).abs() < 1e-15);
    }

    #[test]
    fn probabilities_are_read_as_they_are() {
        let of = |head: &str, outputs: &[f32]| {
            let head: Head = head.parse().unwrap();
            head.win_rate(outputs, PAIR, Mode::Exact)
        };
        let three = r#"{"kind": "three_labels", "probabilities": true}"#;
        let binary = r#"{"kind": "binary", "probabilities": true}"#;
        let candidates = r#"{"kind": "candidates", "probabilities": true}"#;
        assert_eq!(of(three, &[0.25, 0.5, 0.25]).unwrap(), 0.25);
        assert_eq!(of(binary, &[0.25, 0.75]).unwrap(), 0.75);
        assert_eq!(of(binary, &[0.25]).unwrap(), 0.25);
        assert!((of(candidates, &[0.375, 0.125, 0.5]).unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(of(candidates, &[0.0, 0.0, 1.0]).unwrap(), 0.5);
        for outputs in [&[0.5, 0.5, 0.5][..], &[-0.1, 0.6, 0.5], &[1.1, 0.0, -0.1], &[2.0, 1.0, 0.0]] {
            assert_eq!(of(three, outputs).unwrap_err().kind(), ErrorKind::Inference, "{outputs:?}");
        }
        assert_eq!(of(binary, &[1.5]).unwrap_err().kind(), ErrorKind::Inference);
        assert!(r#"{"kind": "regression", "probabilities": true}"#.parse::<Head>().is_err());
        let plain = serde_json::to_string(&Head::three_labels()).unwrap();
        assert_eq!(plain, r#"{"kind":"three_labels"}"#);
    }

    #[test]
    fn wrong_heads_are_refused() {
        for head in [
            "",
            "four_labels",
            "{",
            r#"{"kind": "binary", "strong_label": 2}"#,
            r#"{"kind": "three_labels", "link": "sigmoid"}"#,
            r#"{"kind": "regression", "link": "probit"}"#,
            r#"{"kind": "regression", "scale": 1e999}"#,
        ] {
            let error = head.parse::<Head>().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument, "{head}");
        }
    }

    #[test]
    fn outputs_that_are_not_finite_are_no_win_rate() {
        let error = Head::three_labels().win_rate(&[0.0, f32::NAN, 0.0], PAIR, Mode::Exact).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Inference);
    }
}
