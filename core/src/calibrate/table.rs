//! The win rates of a sample, as an artifact keeps them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::candidates::ScoresSpec;
use super::date;
use super::quantiles::Quantiles;
use super::shares::Shares;
use crate::files::sha256_hex;
use crate::{Error, Mode, Result};

/// Most distinct win rates that a table keeps.
pub const MAX_POINTS: usize = 4096;

/// How win rates are distributed on a sample, so that a strong share can be turned into a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Calibration {
    /// Which prompts, for people.
    pub sample: String,
    /// How many prompts: the sum of `counts`.
    pub count: usize,
    /// SHA-256 of the sample, 64 lower-case hexadecimal digits: of its prompts as [`hash_of_prompts`] says, of its
    /// embeddings (little-endian `f32`, row after row), or of its win rates (little-endian `f64`) where only those
    /// were given. `None` in an artifact of version 1.
    pub sha256: Option<String>,
    /// Day of the sample, `2026-01-31`: the one that was given, or that of the calibration (UTC). `None` in an
    /// artifact of version 1.
    pub date: Option<String>,
    /// Strong share that `route` aims at when the caller names neither threshold nor share, in [0, 1].
    pub default_strong_share: f64,
    /// How much worse a share may be met than by the whole sample, in [0, 1]: 0 unless win rates were merged, because
    /// there were more than [`MAX_POINTS`] distinct ones.
    pub share_error: f64,
    /// The distinct win rates, ascending, in [0, 1]; of merged ones the smallest.
    pub win_rates: Vec<f64>,
    /// How many prompts have each of them.
    pub counts: Vec<u64>,
    /// Scores of every candidate on the sample, if the artifact holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<ScoresSpec>,
    /// The quantiles of an artifact of version 1, empty otherwise. Not written.
    #[serde(skip)]
    pub(super) quantiles: Vec<f64>,
}

/// A calibration as some version of a manifest has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    sample: String,
    count: usize,
    sha256: Option<String>,
    date: Option<String>,
    default_strong_share: f64,
    share_error: Option<f64>,
    win_rates: Option<Vec<f64>>,
    counts: Option<Vec<u64>>,
    scores: Option<ScoresSpec>,
    /// Of version 1, instead of the table.
    quantiles: Option<Vec<f64>>,
}

impl TryFrom<Written> for Calibration {
    type Error = &'static str;

    fn try_from(written: Written) -> std::result::Result<Self, &'static str> {
        let Written { sample, count, sha256, date, default_strong_share, scores, .. } = written;
        match (written.win_rates, written.counts, written.share_error, written.quantiles) {
            (Some(win_rates), Some(counts), Some(share_error), None) => Ok(Self {
                sample,
                count,
                sha256,
                date,
                default_strong_share,
                share_error,
                win_rates,
                counts,
                scores,
                quantiles: Vec::new(),
            }),
            (None, None, None, Some(quantiles)) if sha256.is_none() && date.is_none() && scores.is_none() => {
                Quantiles { sample, count, default_strong_share, quantiles }.table()
            }
            _ => Err("win_rates, counts and share_error are needed, or quantiles alone"),
        }
    }
}

/// SHA-256 of prompts, in order, each as a JSON string (`\"` and `\\` escaped, control characters as `\n` or `\u001f`,
/// nothing else) followed by a newline.
pub fn hash_of_prompts<P: AsRef<str>>(prompts: impl IntoIterator<Item = P>) -> String {
    let mut hasher = Sha256::new();
    for prompt in prompts {
        hasher.update(serde_json::Value::from(prompt.as_ref()).to_string());
        hasher.update(b"\n");
    }
    crate::files::hex(&hasher.finalize())
}

impl Calibration {
    /// Makes the table of a sample's win rates, one for each prompt. Its hash is that of the win rates, and its date
    /// today's, until [`taken_from`](Self::taken_from) and [`dated`](Self::dated) say others.
    ///
    /// # Errors
    /// `InvalidArgument` if a win rate is outside [0, 1], or fewer than two differ: no share could be met between
    /// nothing and everything.
    pub fn from_win_rates(sample: impl Into<String>, mut win_rates: Vec<f64>) -> Result<Self> {
        let sample = sample.into();
        if let Some(bad) = win_rates.iter().find(|rate| !(0.0..=1.0).contains(*rate)) {
            return Err(Error::invalid_argument(format!("a win rate is {bad}, expected a number in [0, 1]")));
        }
        let bytes: Vec<u8> = win_rates.iter().flat_map(|rate| rate.to_le_bytes()).collect();
        let count = win_rates.len();
        // Adding 0 makes one zero of both.
        for rate in &mut win_rates {
            *rate += 0.0;
        }
        win_rates.sort_by(f64::total_cmp);
        let mut points: Vec<(f64, u64)> = Vec::new();
        for rate in win_rates {
            match points.last_mut() {
                Some((last, count)) if *last == rate => *count += 1,
                _ => points.push((rate, 1)),
            }
        }
        if points.len() < 2 {
            let found = match points.first() {
                None => "there is none".to_owned(),
                Some((rate, _)) => format!("all of {count} are {rate}"),
            };
            return Err(Error::invalid_argument(format!(
                "calibration on {sample:?}: a sample needs at least two distinct win rates, and {found}; calibrate \
                 on more and different prompts, as the router will meet them"
            )));
        }
        let (points, largest) = merged(points);
        let (win_rates, counts) = points.into_iter().unzip();
        Ok(Self {
            sample,
            count,
            sha256: Some(sha256_hex(&bytes)),
            date: Some(date::of(None)?),
            default_strong_share: 0.5,
            // From the middle of merged win rates both ends are half of them away.
            share_error: largest as f64 / 2.0 / count as f64,
            win_rates,
            counts,
            scores: None,
            quantiles: Vec::new(),
        })
    }

    /// Says what the sample's hash is, from [`hash_of_prompts`] or of what else it was taken from.
    #[must_use]
    pub fn taken_from(mut self, sha256: String) -> Self {
        self.sha256 = Some(sha256);
        self
    }

    /// Says of which day the sample is; `None` leaves today's.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no date `YYYY-MM-DD`.
    pub fn dated(mut self, day: Option<&str>) -> Result<Self> {
        if day.is_some() {
            self.date = Some(date::of(day)?);
        }
        Ok(self)
    }

    /// The table, ready to answer: by the nearest rank in `exact` mode, by numpy's quantile in `reference` mode.
    pub fn shares(&self, mode: Mode) -> Shares {
        Shares::new(self, mode)
    }

    /// The threshold of a strong share in `exact` mode.
    pub fn threshold(&self, strong_share: f64) -> f64 {
        self.shares(Mode::Exact).resolve(strong_share).0
    }

    /// Whether this was read from the quantiles of version 1.
    pub(crate) fn is_of_quantiles(&self) -> bool {
        !self.quantiles.is_empty()
    }

    /// # Errors
    /// What contradicts itself, as text.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let ascending = self.win_rates.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || !self.win_rates.iter().all(|rate| (0.0..=1.0).contains(rate)) {
            return Err("win_rates must be strictly ascending numbers in [0, 1]");
        }
        if self.win_rates.is_empty()
            || self.win_rates.len() > MAX_POINTS
            || self.counts.len() != self.win_rates.len()
            || self.counts.contains(&0)
            || self.counts.iter().map(|count| u128::from(*count)).sum::<u128>() != self.count as u128
        {
            return Err("counts must be one for each of 1 to 4096 win_rates, positive, and add up to count");
        }
        if ![self.default_strong_share, self.share_error].iter().all(|share| (0.0..=1.0).contains(share)) {
            return Err("default_strong_share and share_error must be numbers in [0, 1]");
        }
        let digits = |text: &String| {
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if !self.sha256.as_ref().is_none_or(digits) {
            return Err("sha256 must be 64 hexadecimal digits");
        }
        if self.date.as_ref().is_some_and(|day| date::check(day).is_err()) {
            return Err("date must have the form 2026-01-31");
        }
        Ok(())
    }
}

/// Points with neighbours merged until there are at most [`MAX_POINTS`], and the prompts of the largest that was
/// merged: as small as neighbours allow.
fn merged(points: Vec<(f64, u64)>) -> (Vec<(f64, u64)>, u64) {
    if points.len() <= MAX_POINTS {
        return (points, 0);
    }
    let total = points.iter().map(|(_, count)| count).sum();
    // The least size of merged points with which they are few enough.
    let (mut too_small, mut enough) = (1, total);
    while too_small + 1 < enough {
        let size = u64::midpoint(too_small, enough);
        if runs(&points, size).len() <= MAX_POINTS { enough = size } else { too_small = size }
    }
    let runs = runs(&points, enough);
    let largest = runs.iter().filter(|run| run.len() > 1).map(|run| size(run)).max().unwrap_or(0);
    (runs.into_iter().map(|run| (run[0].0, size(run))).collect(), largest)
}

fn size(run: &[(f64, u64)]) -> u64 {
    run.iter().map(|(_, count)| count).sum()
}

/// The points in runs of at most `most` prompts each, or of one point.
fn runs(points: &[(f64, u64)], most: u64) -> Vec<&[(f64, u64)]> {
    let mut runs = Vec::new();
    let (mut start, mut prompts) = (0, 0);
    for (i, (_, count)) in points.iter().enumerate() {
        if i > start && prompts + count > most {
            runs.push(&points[start..i]);
            (start, prompts) = (i, 0);
        }
        prompts += count;
    }
    runs.push(&points[start..]);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_counts_distinct_win_rates() {
        let table = Calibration::from_win_rates("test", vec![0.5, 0.25, 0.5, 0.0, -0.0, 1.0]).unwrap();
        assert_eq!(table.win_rates, [0.0, 0.25, 0.5, 1.0]);
        assert_eq!((table.counts.as_slice(), table.count, table.share_error), (&[2, 1, 2, 1][..], 6, 0.0));
        table.check().unwrap();
    }

    #[test]
    fn bad_samples_are_refused() {
        for bad in [vec![f64::NAN, 0.5], vec![1.5, 0.5], vec![-0.1, 0.5]] {
            assert!(Calibration::from_win_rates("bad", bad).unwrap_err().to_string().contains("[0, 1]"));
        }
        for constant in [vec![], vec![0.5], vec![0.5; 100], vec![0.0, -0.0]] {
            let error = Calibration::from_win_rates("flat", constant).unwrap_err();
            assert!(error.to_string().contains("two distinct win rates"), "{error}");
        }
    }

    #[test]
    fn many_points_are_merged_and_the_error_is_stated() {
        let mut rng = crate::numeric::Rng::new(3);
        // A third are one value, which nothing is merged with.
        let rates: Vec<f64> =
            (0..30_000).map(|i| if i % 3 == 0 { 0.5 } else { rng.uniform() * 0.999 }).collect();
        let table = Calibration::from_win_rates("many", rates.clone()).unwrap();
        table.check().unwrap();
        assert!(table.win_rates.len() <= MAX_POINTS && table.win_rates.len() > MAX_POINTS * 9 / 10);
        assert!(
            table.share_error > 0.0 && table.share_error < 2.0 / MAX_POINTS as f64,
            "{}",
            table.share_error
        );
        assert!(table.counts.iter().any(|count| *count >= 10_000));
        let shares = table.shares(Mode::Exact);
        let mut sorted = rates.clone();
        sorted.sort_by(f64::total_cmp);
        for i in 1..1000 {
            let share = f64::from(i) / 1000.0;
            let (threshold, reached) = shares.resolve(share);
            let counted = sorted.len() - sorted.partition_point(|rate| *rate < threshold);
            assert_eq!(reached, counted as f64 / sorted.len() as f64);
            // What the whole sample reaches at best: the nearest of its own ranks.
            let rank = |k: f64| sorted[sorted.len() - (k as usize).clamp(1, sorted.len())];
            let wanted = share * sorted.len() as f64;
            let best = [rank(wanted.floor()), rank(wanted.ceil()), 0.5, 0.5_f64.next_up()]
                .map(|threshold| sorted.len() - sorted.partition_point(|rate| *rate < threshold))
                .map(|count| (count as f64 / sorted.len() as f64 - share).abs())
                .into_iter()
                .fold(1.0, f64::min);
            assert!((reached - share).abs() <= best + table.share_error + 1e-12, "{share} {reached} {best}");
        }
    }

    #[test]
    fn hashes_and_dates_are_those_that_are_told() {
        let table = Calibration::from_win_rates("test", vec![0.5, 0.25]).unwrap();
        let first = table.sha256.clone();
        // printf '"a\\n"\n"\303\244"\n' | sha256sum
        let told = table.taken_from(hash_of_prompts(["a\n", "\u{e4}"])).dated(Some("2026-01-31")).unwrap();
        assert_ne!(told.sha256, first);
        assert_eq!(
            told.sha256.as_deref(),
            Some("2fbe4bcfe86a40b2360bcd3727ed61b14f240b33562e7db7375a1997e4b60584")
        );
        assert_eq!(told.date.as_deref(), Some("2026-01-31"));
        assert!(told.clone().dated(Some("yesterday")).is_err());
    }
}
