//! What a calibration found, with how far it is known.

use super::read::{Sampled, Subjects};
use crate::calibrate::{
    Bounds, CalibrateSpec, Calibration, CalibrationReport, CalibrationWarning, DefaultPolicy,
    LabelledQuality, ReportedSample, Shift, Slice, Target, days_since, design_effect, numbered,
    prediction_interval, quantile, share_interval,
};
use crate::date::today;
use crate::numeric::Rng;

/// Fewer independent prompts are a small sample: the share of half of them is known to within 0.07.
const SMALL: f64 = 200.0;
/// Days after which a sample is old.
const OLD: i64 = 180;
/// From here on two samples are unlike, if that is no chance.
const UNLIKE: f64 = 0.1;
/// The probability below which it is none.
const NO_CHANCE: f64 = 0.01;
/// A share is missed by more than this where win rates are too few.
const MISSED: f64 = 0.01;
/// Values of a column that are slices of their own; the rest is one.
const VALUES: usize = 20;

/// All that a report is made of.
pub(super) struct Found<'a> {
    pub(super) spec: &'a CalibrateSpec,
    pub(super) target: Target,
    pub(super) sampled: &'a Sampled,
    pub(super) table: &'a Calibration,
    /// The table before.
    pub(super) before: Option<&'a Calibration>,
    /// Whether each goes to strong.
    pub(super) sent: &'a [bool],
    pub(super) costs: Option<&'a [(f64, f64)]>,
    /// Where not the pair is chosen from.
    pub(super) cost: Option<f64>,
    pub(super) chances: Option<&'a [(f64, f64)]>,
    pub(super) default_policy: Option<DefaultPolicy>,
    pub(super) threshold: f64,
    pub(super) strong: &'a str,
    pub(super) weak: &'a str,
}

impl Found<'_> {
    pub(super) fn report(&self) -> CalibrationReport {
        let n = self.sent.len() as f64;
        let reached = self.sent.iter().filter(|sent| **sent).count() as f64;
        let groups = &self.sampled.groups;
        let effect = design_effect(self.sent, groups);
        let further = self.spec.further_requests.unwrap_or(self.sent.len() as u64);
        // Everything and nothing are no estimates.
        let certain = self.default_policy.is_none() && (self.threshold <= 0.0 || self.threshold > 1.0);
        let exact = Bounds::new(reached / n, reached / n);
        let (confidence, prediction) = if certain {
            (exact, exact)
        } else {
            (share_interval(reached, n, effect), prediction_interval(reached, n, effect, further))
        };
        let mean = |of: &dyn Fn(usize) -> f64| (0..self.sent.len()).map(of).sum::<f64>() / n;
        let chosen = |pairs: &[(f64, f64)], i: usize| if self.sent[i] { pairs[i].0 } else { pairs[i].1 };
        let costs = self.costs;
        let sample = ReportedSample {
            name: self.table.sample.clone(),
            count: self.sent.len(),
            groups: groups.iter().max().map_or(0, |last| last + 1),
            design_effect: effect,
            distinct_win_rates: self.table.win_rates.len(),
            sha256: self.table.sha256.clone(),
            date: self.table.date.clone(),
        };
        let shift = self.before.map(|before| Shift::between(before, self.table, effect));
        let mut report = CalibrationReport {
            target: self.target.name(),
            value: self.target.value(),
            strong: self.strong.to_owned(),
            weak: self.weak.to_owned(),
            policy: self.default_policy,
            threshold: self.default_policy.is_none().then_some(self.threshold),
            strong_share: reached / n,
            confidence_interval: confidence,
            further_requests: further,
            prediction_interval: prediction,
            expected_cost: self.cost.or_else(|| costs.map(|costs| mean(&|i| chosen(costs, i)))),
            cost_of_strong: costs.map(|costs| mean(&|i| costs[i].0)),
            cost_of_weak: costs.map(|costs| mean(&|i| costs[i].1)),
            quality: self.quality(),
            sample,
            shift,
            slices: self.slices(),
            warnings: Vec::new(),
            seed: self.spec.seed,
        };
        report.warnings = self.warnings(&report);
        report
    }

    fn quality(&self) -> Option<LabelledQuality> {
        let labels = self.sampled.labels.as_deref().filter(|_| self.default_policy.is_none())?;
        let n = labels.len() as f64;
        let chosen = |pairs: &[(f64, f64)]| -> Vec<f64> {
            pairs.iter().zip(self.sent).map(|(pair, sent)| if *sent { pair.0 } else { pair.1 }).collect()
        };
        let qualities = chosen(labels);
        let (strong, weak) = (
            labels.iter().map(|pair| pair.0).sum::<f64>() / n,
            labels.iter().map(|pair| pair.1).sum::<f64>() / n,
        );
        let mean = qualities.iter().sum::<f64>() / n;
        Some(LabelledQuality {
            mean,
            interval: self.bootstrap(&qualities),
            strong,
            weak,
            pgr: (strong > weak).then(|| (mean - weak) / (strong - weak)),
            p_success: self.chances.map(|chances| chosen(chances).iter().sum::<f64>() / n),
        })
    }

    /// The interval of a mean, from groups that are drawn again and again.
    fn bootstrap(&self, values: &[f64]) -> Bounds {
        let groups = self.sampled.groups.iter().max().map_or(0, |last| last + 1);
        let mut sums = vec![(0.0, 0.0); groups];
        for (group, value) in self.sampled.groups.iter().zip(values) {
            sums[*group].0 += value;
            sums[*group].1 += 1.0;
        }
        let mut rng = Rng::new(self.spec.seed);
        let mut means: Vec<f64> = (0..self.spec.draws)
            .map(|_| {
                let (mut sum, mut count) = (0.0, 0.0);
                for _ in 0..groups {
                    let (more, members) = sums[rng.below(groups)];
                    sum += more;
                    count += members;
                }
                sum / count
            })
            .collect();
        means.sort_by(f64::total_cmp);
        Bounds::new(quantile(&means, 0.025), quantile(&means, 0.975))
    }

    fn slices(&self) -> Vec<Slice> {
        let mut slices = Vec::new();
        if let Subjects::Texts(texts) = &self.sampled.subjects {
            let bands: Vec<&str> = texts.iter().map(|text| band(text.len())).collect();
            self.add_slices("length", &bands, &BANDS.map(|(name, _)| name), &mut slices);
            let code: Vec<&str> =
                texts.iter().map(|text| if has_code(text) { "code" } else { "text" }).collect();
            self.add_slices("code", &code, &["code", "text"], &mut slices);
        }
        for (column, values) in &self.sampled.columns {
            let mut counts = std::collections::BTreeMap::<&str, usize>::new();
            for value in values {
                *counts.entry(value).or_default() += 1;
            }
            let mut known: Vec<(&str, usize)> = counts.into_iter().collect();
            known.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            known.truncate(VALUES);
            let mut order: Vec<&str> = known.into_iter().map(|(value, _)| value).collect();
            let values: Vec<&str> = values
                .iter()
                .map(|value| if order.contains(&value.as_str()) { value } else { OTHER })
                .collect();
            if !order.contains(&OTHER) {
                order.push(OTHER);
            }
            self.add_slices(column, &values, &order, &mut slices);
        }
        slices
    }

    fn add_slices(&self, by: &str, values: &[&str], order: &[&str], slices: &mut Vec<Slice>) {
        for value in order {
            let members: Vec<usize> = (0..values.len()).filter(|i| values[*i] == *value).collect();
            if members.is_empty() {
                continue;
            }
            let n = members.len() as f64;
            let sent: Vec<bool> = members.iter().map(|i| self.sent[*i]).collect();
            let groups: Vec<usize> = members.iter().map(|i| self.sampled.groups[*i]).collect();
            let reached = sent.iter().filter(|sent| **sent).count() as f64;
            let labels = self.sampled.labels.as_ref().filter(|_| self.default_policy.is_none());
            slices.push(Slice {
                by: by.to_owned(),
                value: (*value).to_owned(),
                count: members.len(),
                strong_share: reached / n,
                interval: share_interval(reached, n, design_effect(&sent, &numbered(&groups))),
                quality: labels.map(|labels| {
                    let one = |i: &usize| if self.sent[*i] { labels[*i].0 } else { labels[*i].1 };
                    members.iter().map(one).sum::<f64>() / n
                }),
            });
        }
    }

    fn warnings(&self, report: &CalibrationReport) -> Vec<CalibrationWarning> {
        let mut warnings = Vec::new();
        let mut warn = |kind, message: String| warnings.push(CalibrationWarning { kind, message });
        let sample = &report.sample;
        let independent = sample.count as f64 / sample.design_effect;
        if independent < SMALL {
            warn(
                "small_sample",
                format!(
                    "the sample tells as much as {independent:.0} different prompts: the share of further requests is known to \
                     {:.3} .. {:.3} only; calibrate on more",
                    report.prediction_interval.low, report.prediction_interval.high
                ),
            );
        }
        if sample.design_effect > 1.5 {
            warn(
                "duplicates",
                format!(
                    "{} requests are {} groups of the same ones: intervals count as {independent:.0} different ones",
                    sample.count, sample.groups
                ),
            );
        }
        if let Some(days) =
            sample.date.as_ref().and_then(|date| days_since(date, &today())).filter(|days| *days > OLD)
        {
            warn("old_sample", format!("the sample is {days} days old: calibrate on newer requests"));
        }
        if let Some(shift) =
            report.shift.as_ref().filter(|shift| shift.p_value < NO_CHANCE && shift.ks > UNLIKE)
        {
            warn(
                "unlike_before",
                format!(
                    "the win rates are unlike those of the sample before, {:?} (Kolmogorov-Smirnov {:.3}, stability index {:.3}): \
                     the router was made for other requests; look at its quality on these",
                    shift.from, shift.ks, shift.psi
                ),
            );
        }
        if let Target::StrongShare(share) = self.target
            && (report.strong_share - share).abs() > MISSED
        {
            warn(
                "share_missed",
                format!(
                    "a strong share of {share} is asked for, and the nearest that a threshold reaches is {:.4}: many requests \
                     have one win rate",
                    report.strong_share
                ),
            );
        }
        if sample.distinct_win_rates < 20 {
            warn(
                "few_win_rates",
                format!(
                    "the sample has {} distinct win rates: few shares can be met",
                    sample.distinct_win_rates
                ),
            );
        }
        warnings
    }
}

const OTHER: &str = "(other)";

/// Bands of length, with the bytes up to which each goes.
const BANDS: [(&str, usize); 4] = [
    ("up to 100 bytes", 100),
    ("101 to 500 bytes", 500),
    ("501 to 2000 bytes", 2000),
    ("more than 2000 bytes", usize::MAX),
];

fn band(bytes: usize) -> &'static str {
    let place = BANDS.partition_point(|(_, most)| *most < bytes);
    BANDS[place].0
}

/// Whether a text holds what only programs have.
fn has_code(text: &str) -> bool {
    let marks = ["```", "def ", "#include", "();", "){", ") {", "=> {", "SELECT ", "</", "fn ", "import "];
    let found = marks.iter().filter(|mark| text.contains(**mark)).count();
    text.contains("```") || found >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_and_code_are_told() {
        for (bytes, name) in
            [(0, BANDS[0].0), (100, BANDS[0].0), (101, BANDS[1].0), (2000, BANDS[2].0), (2001, BANDS[3].0)]
        {
            assert_eq!(band(bytes), name);
        }
        assert!(has_code("```\nx\n```") && has_code("import os\ndef main():"));
        assert!(!has_code("Please import the goods."));
    }
}
