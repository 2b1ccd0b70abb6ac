//! The quality of candidates: one number in [0, 1] for each, on one scale, from what a scorer says of them.
//!
//! A scorer that knows more than its pair tells the win rate of any two candidates. Without gold rows that is all there is to
//! know, and a candidate's quality is its expected win rate against the others. With gold rows a curve for each candidate
//! makes of its score, or of that win rate, the gold score that rows of such a score had which the training had not seen.

#[cfg(feature = "train")]
mod fit;

#[cfg(feature = "train")]
pub use fit::{ISOTONIC_ROWS, fit_curve};

use serde::{Deserialize, Serialize};

use crate::numeric::sigmoid;
use crate::{Error, Result};

/// The curves of an artifact's candidates, as its manifest has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct QualityFit {
    /// What the curves are functions of.
    pub of: FitInput,
    /// How many rows with gold scores they were fitted on, held out of the training.
    pub rows: usize,
    /// One curve for each candidate, in the order of the artifact.
    pub curves: Vec<Curve>,
}

/// What a curve is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FitInput {
    /// The candidate's own score.
    Score,
    /// Its expected win rate against the others: for scorers whose scores of one prompt only compare candidates.
    WinRate,
}

/// From what a scorer says of a candidate to its expected quality; it never falls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Curve {
    /// Isotonic regression by pooling adjacent violators (Zadrozny and Elkan, 2002): straight lines between the means of the
    /// pools, and constant outside them.
    Isotonic {
        /// Ascending.
        inputs: Vec<f64>,
        /// As many, in [0, 1], never falling.
        qualities: Vec<f64>,
    },
    /// `sigmoid(a + b x)` (Platt, 1999).
    Platt {
        /// Intercept.
        a: f64,
        /// Slope, 0 or more.
        b: f64,
    },
}

impl QualityFit {
    /// Curves for the candidates of a router, in their order.
    pub fn new(of: FitInput, rows: usize, curves: Vec<Curve>) -> Self {
        Self { of, rows, curves }
    }

    /// # Errors
    /// What contradicts itself, as text.
    pub(crate) fn check(&self, candidates: usize) -> std::result::Result<(), String> {
        if self.curves.len() != candidates {
            return Err(format!("{} curves for {candidates} candidates", self.curves.len()));
        }
        let sound = |curve: &Curve| match curve {
            Curve::Platt { a, b } => a.is_finite() && b.is_finite() && *b >= 0.0,
            Curve::Isotonic { inputs, qualities } => {
                !inputs.is_empty()
                    && inputs.len() == qualities.len()
                    && inputs.iter().all(|input| input.is_finite())
                    && inputs.windows(2).all(|pair| pair[0] < pair[1])
                    && qualities.iter().all(|quality| (0.0..=1.0).contains(quality))
                    && qualities.windows(2).all(|pair| pair[0] <= pair[1])
            }
        };
        match self.curves.iter().position(|curve| !sound(curve)) {
            Some(index) => Err(format!("the curve of candidate {index} does not rise within [0, 1]")),
            None => Ok(()),
        }
    }
}

impl Curve {
    /// `isotonic` or `platt`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Isotonic { .. } => "isotonic",
            Self::Platt { .. } => "platt",
        }
    }

    /// The quality of a candidate of whom the scorer says `x`.
    pub fn quality(&self, x: f64) -> f64 {
        match self {
            Self::Platt { a, b } => sigmoid(a + b * x),
            Self::Isotonic { inputs, qualities } => {
                let above = inputs.partition_point(|input| *input <= x);
                if above == 0 {
                    return qualities[0];
                }
                if above == inputs.len() {
                    return qualities[above - 1];
                }
                let (x0, x1) = (inputs[above - 1], inputs[above]);
                let (y0, y1) = (qualities[above - 1], qualities[above]);
                // Rounding must not lead beyond the ends.
                (y0 + (y1 - y0) * ((x - x0) / (x1 - x0))).clamp(y0, y1)
            }
        }
    }
}

/// How the qualities of a router's candidates come about.
#[derive(Debug, Clone)]
pub(crate) enum Qualities {
    /// The scorer knows its pair only.
    Unknown,
    /// Expected win rates against the other candidates.
    WinRates,
    /// By curves.
    Fitted(QualityFit),
}

impl Qualities {
    /// What the quality of candidate `index` is, for people.
    pub(crate) fn name(&self, index: usize) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::WinRates => Some("win_rate"),
            Self::Fitted(fit) => Some(fit.curves[index].name()),
        }
    }

    /// # Errors
    /// `Unsupported` if the scorer knows its pair only.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Unknown => Err(Error::unsupported(
                "this router was made for its pair only and knows no quality of a single candidate: decide by threshold or \
                 strong_share, or train one with weights for each candidate",
            )),
            Self::WinRates | Self::Fitted(_) => Ok(()),
        }
    }

    /// The quality of each candidate. `score` is the candidate's own score, `rate` the probability that the first of two
    /// candidates wins, or nothing where they cannot be compared. A candidate that can be compared with no other has NaN.
    pub(crate) fn of(
        &self,
        candidates: usize,
        score: impl Fn(usize) -> f64,
        rate: impl Fn(usize, usize) -> Option<f64>,
    ) -> Vec<f64> {
        let win_rate = |candidate: usize| expected_win_rate(candidate, candidates, &rate);
        match self {
            Self::Fitted(fit) => {
                let curves = fit.curves.iter().enumerate();
                curves
                    .map(|(i, curve)| {
                        curve.quality(match fit.of {
                            FitInput::Score => score(i),
                            FitInput::WinRate => win_rate(i),
                        })
                    })
                    .collect()
            }
            Self::Unknown | Self::WinRates => (0..candidates).map(win_rate).collect(),
        }
    }
}

/// The mean win rate of a candidate against those others that it can be compared with, summed in their order.
pub(crate) fn expected_win_rate(
    candidate: usize,
    candidates: usize,
    rate: impl Fn(usize, usize) -> Option<f64>,
) -> f64 {
    let others = (0..candidates).filter(|other| *other != candidate);
    let (mut sum, mut count) = (0.0, 0.0);
    for rate in others.filter_map(|other| rate(candidate, other)) {
        sum += rate;
        count += 1.0;
    }
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_between_its_points_and_constant_outside() {
        let curve = Curve::Isotonic { inputs: vec![-1.0, 0.0, 2.0], qualities: vec![0.25, 0.5, 0.5] };
        assert_eq!(
            [-9.0, -1.0, -0.5, 0.0, 1.0, 9.0].map(|x| curve.quality(x)),
            [0.25, 0.25, 0.375, 0.5, 0.5, 0.5]
        );
        assert_eq!(Curve::Platt { a: 0.0, b: 2.0 }.quality(0.0), 0.5);
    }

    #[test]
    fn curves_that_do_not_rise_are_refused() {
        let check = |curve| QualityFit::new(FitInput::Score, 1, vec![curve]).check(1);
        let isotonic = |inputs: &[f64], qualities: &[f64]| Curve::Isotonic {
            inputs: inputs.to_vec(),
            qualities: qualities.to_vec(),
        };
        check(isotonic(&[0.0, 1.0], &[0.2, 0.2])).unwrap();
        for wrong in [
            isotonic(&[], &[]),
            isotonic(&[0.0], &[0.1, 0.2]),
            isotonic(&[1.0, 0.0], &[0.1, 0.2]),
            isotonic(&[0.0, 1.0], &[0.2, 0.1]),
            isotonic(&[0.0, 1.0], &[0.2, 1.1]),
            isotonic(&[0.0, f64::NAN], &[0.2, 0.3]),
            Curve::Platt { a: 0.0, b: -1.0 },
            Curve::Platt { a: f64::INFINITY, b: 1.0 },
        ] {
            assert!(check(wrong.clone()).is_err(), "{wrong:?}");
        }
        let two = QualityFit::new(FitInput::Score, 1, vec![Curve::Platt { a: 0.0, b: 1.0 }]);
        assert!(two.check(2).unwrap_err().contains("1 curves for 2"));
    }

    #[test]
    fn win_rates_are_means_over_those_that_can_be_compared() {
        let rate = |a: usize, b: usize| match (a, b) {
            (0, 1) => Some(0.75),
            (1, 0) => Some(0.25),
            (0, 2) | (2, 0) => Some(0.5),
            _ => None,
        };
        let qualities = Qualities::WinRates.of(4, |_| 0.0, rate);
        assert_eq!(qualities[..3], [0.625, 0.25, 0.5]);
        assert!(qualities[3].is_nan());
        assert!(Qualities::Unknown.check().is_err() && Qualities::WinRates.check().is_ok());
    }
}
