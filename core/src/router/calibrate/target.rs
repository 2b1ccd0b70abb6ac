//! From a target to a strong share of the sample.

use crate::calibrate::{Calibration, Target};
use crate::{Error, Result};

/// What is known of the members of a sample.
pub(super) struct Known<'a> {
    pub(super) rates: &'a [f64],
    /// USD per 1,000 such requests of the strong and of the weak model.
    pub(super) costs: Option<&'a [(f64, f64)]>,
    /// Qualities of the strong and of the weak model's answer.
    pub(super) labels: Option<&'a [(f64, f64)]>,
    /// Calibrated chances that they succeed.
    pub(super) chances: Option<&'a [(f64, f64)]>,
}

/// What a threshold comes to on the sample; means over it.
#[derive(Debug, Clone, Copy)]
struct Step {
    sent: usize,
    value: f64,
}

/// Every threshold of the table from nothing to everything, with the mean of what the chosen models have in `pairs`.
fn steps(rates: &[f64], table: &Calibration, pairs: &[(f64, f64)]) -> Vec<Step> {
    let n = rates.len() as f64;
    let mut order: Vec<usize> = (0..rates.len()).collect();
    order.sort_by(|a, b| rates[*b].total_cmp(&rates[*a]).then(a.cmp(b)));
    let mut sum: f64 = pairs.iter().map(|(_, weak)| weak).sum();
    let mut steps = vec![Step { sent: 0, value: sum / n }];
    let mut sent = 0;
    for threshold in table.win_rates.iter().rev() {
        while sent < order.len() && rates[order[sent]] >= *threshold {
            let (strong, weak) = pairs[order[sent]];
            sum += strong - weak;
            sent += 1;
        }
        steps.push(Step { sent, value: sum / n });
    }
    steps
}

/// Rounding of means.
const SLACK: f64 = 1e-12;

/// The default strong share with which the sample meets the target.
///
/// # Errors
/// `InvalidArgument` if no share meets it, or what it takes is not known.
pub(super) fn share_of(target: Target, table: &Calibration, known: &Known<'_>) -> Result<f64> {
    let refuse = |what: String| Err(Error::invalid_argument(what));
    let n = known.rates.len() as f64;
    let share = |step: &Step| step.sent as f64 / n;
    let least = |pairs: &[(f64, f64)], wanted: f64, what: &str| {
        let steps = steps(known.rates, table, pairs);
        if let Some(step) = steps.iter().find(|step| step.value >= wanted - SLACK) {
            return Ok(share(step));
        }
        let most = steps.iter().map(|step| step.value).fold(f64::NEG_INFINITY, f64::max);
        Err(Error::invalid_argument(format!(
            "no strong share gives {what} of {wanted} on this sample, where {most} is the most: ask for less"
        )))
    };
    let labels = || {
        known.labels.ok_or_else(|| {
            Error::invalid_argument(format!(
                "{} needs labels: the qualities of both models' answers, in columns of the models' names, or in strong_quality \
                 and weak_quality",
                target.name()
            ))
        })
    };
    let mean = |pairs: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    match target {
        Target::StrongShare(share) => Ok(share),
        Target::Cost(usd) => {
            let Some(costs) = known.costs else {
                return refuse(
                    "cost needs the prices of both models, and prompts or input_tokens: describe the candidates with their \
                     prices (the option candidates of opening)"
                        .to_owned(),
                );
            };
            let steps = steps(known.rates, table, costs);
            if let Some(step) = steps.iter().rev().find(|step| step.value <= usd * (1.0 + SLACK)) {
                return Ok(share(step));
            }
            let cheapest = steps.iter().map(|step| step.value).fold(f64::INFINITY, f64::min);
            refuse(format!(
                "cost is {usd} USD per 1,000 requests, and this sample costs at least {cheapest}: allow more"
            ))
        }
        Target::Quality(quality) => least(labels()?, quality, "a quality"),
        Target::Pgr(pgr) => {
            let labels = labels()?;
            let (strong, weak) = (mean(labels, |pair| pair.0), mean(labels, |pair| pair.1));
            if strong <= weak {
                return refuse(format!(
                    "pgr means nothing here: the strong model has a quality of {strong} on this sample and the weak one {weak}; \
                     swap them, or aim at quality"
                ));
            }
            least(labels, weak + pgr * (strong - weak), "a quality (that of this pgr)")
        }
        Target::PSuccess(tau) => {
            labels()?;
            let Some(chances) = known.chances else {
                return Err(Error::unsupported(
                    "p_success fits curves of quality: build routellm-core with the feature `train`",
                ));
            };
            least(chances, tau, "a chance of success")
        }
    }
}

/// The calibrated chances that both models succeed, from the win rates and labels of a sample: curves that fall, as a higher
/// win rate is a harder prompt.
#[cfg(feature = "train")]
pub(super) fn chances(rates: &[f64], labels: &[(f64, f64)]) -> Result<Option<Vec<(f64, f64)>>> {
    let inputs: Vec<f64> = rates.iter().map(|rate| -rate).collect();
    let of = |quality: fn(&(f64, f64)) -> f64| {
        crate::quality::fit_curve(&inputs, &labels.iter().map(quality).collect::<Vec<f64>>())
    };
    let (strong, weak) = (of(|pair| pair.0)?, of(|pair| pair.1)?);
    Ok(Some(inputs.iter().map(|input| (strong.quality(*input), weak.quality(*input))).collect()))
}

#[cfg(not(feature = "train"))]
#[allow(clippy::unnecessary_wraps, reason = "as the other one")]
pub(super) fn chances(_: &[f64], _: &[(f64, f64)]) -> Result<Option<Vec<(f64, f64)>>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [f64; 4] = [0.8, 0.6, 0.4, 0.2];

    fn found(target: Target, pairs: &[(f64, f64)]) -> Result<f64> {
        let table = Calibration::from_win_rates("s", RATES.to_vec()).unwrap();
        let known = Known { rates: &RATES, costs: Some(pairs), labels: Some(pairs), chances: Some(pairs) };
        share_of(target, &table, &known)
    }

    #[test]
    fn the_least_share_that_is_good_enough_and_the_largest_that_is_paid_for() {
        let labels = [(1.0, 0.0), (1.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
        assert_eq!(found(Target::Quality(0.5), &labels).unwrap(), 0.0);
        assert_eq!(found(Target::Quality(0.6), &labels).unwrap(), 0.25);
        assert_eq!(found(Target::Pgr(0.5), &labels).unwrap(), 0.25);
        assert_eq!(found(Target::Pgr(1.0), &labels).unwrap(), 0.75);
        assert_eq!(found(Target::PSuccess(0.9), &labels).unwrap(), 0.75);
        let costs = [(10.0, 1.0); 4];
        assert_eq!(found(Target::Cost(1.0), &costs).unwrap(), 0.0);
        assert_eq!(found(Target::Cost(5.5), &costs).unwrap(), 0.5);
        assert_eq!(found(Target::Cost(99.0), &costs).unwrap(), 1.0);
        assert!(found(Target::Cost(0.5), &costs).unwrap_err().message().contains("at least 1"));
    }

    #[test]
    fn what_cannot_be_met_is_refused_with_what_can() {
        let worse = [(0.0, 1.0), (0.5, 0.5), (0.0, 0.5), (0.5, 0.5)];
        assert!(found(Target::Pgr(0.5), &worse).unwrap_err().message().contains("swap them"));
        assert!(found(Target::Quality(0.9), &worse).unwrap_err().message().contains("0.625 is the most"));
        let table = Calibration::from_win_rates("s", RATES.to_vec()).unwrap();
        let known = Known { rates: &RATES, costs: None, labels: None, chances: None };
        for (target, what) in
            [(Target::Cost(1.0), "prices"), (Target::Pgr(0.5), "labels"), (Target::PSuccess(0.5), "labels")]
        {
            assert!(share_of(target, &table, &known).unwrap_err().message().contains(what));
        }
    }
}
