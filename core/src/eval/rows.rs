//! The rows of a pair, and the figures of scores on them.

use std::collections::HashSet;

use super::report::{Comparison, SliceResult, ThresholdPoint, WrongPrompt};
use super::slices::Slices;
use super::spec::EvalSpec;
use super::table::Table;
use super::{Definition, Estimate, EvalOptions, Graded, PairReport, PairedTests, Prices};
use crate::{ErrorKind, Result};

/// The rows of a table that know both models of a pair.
pub(super) struct PairOfTable {
    /// Their numbers in the table.
    pub(super) rows: Vec<usize>,
    pub(super) prompts: Vec<String>,
    pub(super) graded: Vec<Graded>,
    pub(super) groups: Vec<usize>,
    /// What both answers cost, in USD per request.
    pub(super) costs: Option<Vec<Prices>>,
    pub(super) missing: usize,
    pub(super) weighted: bool,
}

/// Scores of one router or baseline on the rows of a pair.
pub(super) struct Scores {
    pub(super) name: String,
    /// One for each row, higher is sent to strong first.
    #[expect(clippy::struct_field_names, reason = "they are what it is a struct of")]
    pub(super) scores: Vec<f64>,
    /// Whether they are win rates, so that their values mean something.
    pub(super) rates: bool,
}

impl PairOfTable {
    /// # Errors
    /// As [`Table::graded`].
    pub(super) fn new(table: &Table, strong: usize, weak: usize, spec: &EvalSpec) -> Result<Self> {
        let pair = table.graded(strong, weak)?;
        let cost = |row, model| spec.cost_of(table, row, model);
        let both = |row: &usize| Some(Prices::new(cost(*row, strong)?, cost(*row, weak)?));
        let costs: Option<Vec<Prices>> = pair.rows.iter().map(both).collect();
        Ok(Self {
            prompts: pair.rows.iter().map(|row| table.prompts[*row].clone()).collect(),
            groups: pair.rows.iter().map(|row| table.groups[*row]).collect(),
            costs: costs.filter(|costs| !costs.is_empty()),
            graded: pair.graded,
            rows: pair.rows,
            missing: pair.missing,
            weighted: pair.weighted,
        })
    }

    /// How many different prompts there are.
    pub(super) fn distinct(&self) -> usize {
        self.prompts.iter().collect::<HashSet<_>>().len()
    }

    /// The rows at these places.
    pub(super) fn part(&self, places: &[usize]) -> Self {
        Self {
            rows: places.iter().map(|i| self.rows[*i]).collect(),
            prompts: places.iter().map(|i| self.prompts[*i].clone()).collect(),
            graded: places.iter().map(|i| self.graded[*i]).collect(),
            groups: places.iter().map(|i| self.groups[*i]).collect(),
            costs: self.costs.as_ref().map(|costs| places.iter().map(|i| costs[*i]).collect()),
            missing: 0,
            weighted: self.weighted,
        }
    }

    /// How these rows are evaluated.
    pub(super) fn options(&self, spec: &EvalSpec) -> EvalOptions {
        let mut options = EvalOptions::new()
            .draws(spec.draws)
            .seed(spec.seed)
            .confidence(spec.confidence)
            .definition(spec.definition)
            .levels(spec.levels.clone())
            .groups(self.groups.clone());
        options.costs.clone_from(&self.costs);
        options
    }

    /// The figures of scores on these rows, or why there are none: the reference's definitions fail where scores are tied.
    ///
    /// # Errors
    /// As [`PairReport::new`].
    pub(super) fn figures(
        &self,
        scores: &[f64],
        spec: &EvalSpec,
    ) -> Result<std::result::Result<PairReport, String>> {
        match PairReport::new(scores, &self.graded, &self.options(spec)) {
            Ok(figures) => Ok(Ok(figures)),
            Err(error)
                if spec.definition == Definition::Reference && error.kind() == ErrorKind::InvalidArgument =>
            {
                Ok(Err(error.message().to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// What a threshold does.
    pub(super) fn at(&self, scores: &[f64], threshold: f64) -> ThresholdPoint {
        let rows = self.graded.len().max(1) as f64;
        let (mut sent, mut quality, mut cost) = (0_usize, 0.0, 0.0);
        for (i, (score, graded)) in scores.iter().zip(&self.graded).enumerate() {
            let strong = *score >= threshold;
            sent += usize::from(strong);
            quality += if strong { graded.strong } else { graded.weak };
            if let Some(costs) = &self.costs {
                cost += if strong { costs[i].strong } else { costs[i].weak };
            }
        }
        ThresholdPoint {
            threshold,
            strong_share: sent as f64 / rows,
            quality: quality / rows,
            cost_per_1000: self.costs.as_ref().map(|_| 1000.0 * cost / rows),
        }
    }

    /// What thresholds do, from one that sends nothing to strong to one that sends everything, at most `POINTS` and one more.
    pub(super) fn thresholds(&self, scores: &[f64]) -> Vec<ThresholdPoint> {
        const POINTS: usize = 200;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        let Some(highest) = order.first() else { return Vec::new() };
        let rows = scores.len() as f64;
        let mut quality: f64 = self.graded.iter().map(|graded| graded.weak).sum();
        let mut cost: f64 = self.costs.iter().flatten().map(|prices| prices.weak).sum();
        let point = |threshold: f64, sent: usize, quality: f64, cost: f64| ThresholdPoint {
            threshold,
            strong_share: sent as f64 / rows,
            quality: quality / rows,
            cost_per_1000: self.costs.as_ref().map(|_| 1000.0 * cost / rows),
        };
        let mut points = vec![point(scores[*highest].next_up(), 0, quality, cost)];
        let mut next = 1;
        for (at, &i) in order.iter().enumerate() {
            quality += self.graded[i].strong - self.graded[i].weak;
            if let Some(costs) = &self.costs {
                cost += costs[i].strong - costs[i].weak;
            }
            let last = order.get(at + 1).is_none_or(|after| scores[*after] != scores[i]);
            // The first threshold that sends at least each two-hundredth.
            if last && ((at + 1) * POINTS >= next * order.len() || at + 1 == order.len()) {
                points.push(point(scores[i], at + 1, quality, cost));
                next = (at + 1) * POINTS / order.len() + 1;
            }
        }
        points
    }

    /// The rows where scores were most wrong, the worst first.
    pub(super) fn most_wrong(&self, scores: &[f64], spec: &EvalSpec) -> Vec<WrongPrompt> {
        // A single weighted row says nothing.
        if self.weighted {
            return Vec::new();
        }
        let mut sorted = scores.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = |score: f64| {
            let below = sorted.partition_point(|other| *other < score);
            let to = sorted.partition_point(|other| *other <= score);
            (below + to) as f64 / 2.0 / sorted.len() as f64
        };
        let mut wrong: Vec<(f64, usize)> = Vec::with_capacity(scores.len());
        for (i, graded) in self.graded.iter().enumerate() {
            let gap = graded.strong - graded.weak;
            let how = if gap > 0.0 { gap * (1.0 - rank(scores[i])) } else { -gap * rank(scores[i]) };
            if how > 0.0 {
                wrong.push((how, i));
            }
        }
        wrong.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let tell = |(wrong, i): (f64, usize)| WrongPrompt {
            row: self.rows[i],
            win_rate: scores[i],
            rank: rank(scores[i]),
            strong: self.graded[i].strong,
            weak: self.graded[i].weak,
            wrong,
            bytes: self.prompts[i].len(),
            prompt: spec.with_prompts.then(|| self.prompts[i].clone()),
        };
        wrong.into_iter().take(spec.wrong).map(tell).collect()
    }

    /// The places of the rows of the pair by the value of a column.
    pub(super) fn places(&self, slices: &Slices) -> Vec<(String, Vec<usize>)> {
        let mut place_of = vec![usize::MAX; self.rows.last().map_or(0, |last| last + 1)];
        for (place, row) in self.rows.iter().enumerate() {
            place_of[*row] = place;
        }
        let place = |row: &usize| place_of.get(*row).copied().filter(|place| *place != usize::MAX);
        let of = |rows: &[usize]| rows.iter().filter_map(place).collect();
        slices.values.iter().map(|(value, rows)| (value.clone(), of(rows))).collect()
    }

    /// The figures of scores on the rows at `places`.
    ///
    /// # Errors
    /// As [`figures`](Self::figures).
    pub(super) fn slice(
        &self,
        scores: &Scores,
        places: &[usize],
        half: f64,
        spec: &EvalSpec,
    ) -> Result<SliceResult> {
        let of_part: Vec<f64> = places.iter().map(|i| scores.scores[*i]).collect();
        let mut result = SliceResult {
            name: scores.name.clone(),
            mean_win_rate: None,
            strong_share: None,
            apgr: None,
            cpt50: None,
            why: None,
        };
        if places.is_empty() {
            result.why = Some("no row has this value".to_owned());
            return Ok(result);
        }
        let count = of_part.len() as f64;
        result.mean_win_rate = scores.rates.then(|| of_part.iter().sum::<f64>() / count);
        result.strong_share = Some(of_part.iter().filter(|score| **score >= half).count() as f64 / count);
        let mut spec = spec.clone();
        spec.levels = vec![0.5];
        match self.part(places).figures(&of_part, &spec)? {
            Ok(figures) => {
                (result.apgr, result.why) = apgr(&figures);
                result.cpt50 = cpt(&figures, 0.5);
            }
            Err(why) => result.why = Some(why),
        }
        Ok(result)
    }
}

/// APGR, and why it is undefined where it is.
pub(super) fn apgr(figures: &PairReport) -> (Option<Estimate>, Option<String>) {
    (figures.router.apgr, figures.undefined.get("apgr").cloned())
}

/// CPT at one of the levels that were asked for.
pub(super) fn cpt(figures: &PairReport, level: f64) -> Option<Estimate> {
    figures.router.cpt.iter().find(|known| known.level == level)?.strong_share
}

/// Whether two routers or baselines differ on these rows.
///
/// # Errors
/// As [`PairedTests::new`].
pub(super) fn compare(pair: &PairOfTable, a: &Scores, b: &Scores, spec: &EvalSpec) -> Result<Comparison> {
    let PairedTests { auc, apgr, cpt } =
        PairedTests::new(&a.scores, &b.scores, &pair.graded, &pair.options(spec))?;
    let why = apgr.is_none().then(|| "both models are equally good: there is no gap to recover".to_owned());
    Ok(Comparison { a: a.name.clone(), b: b.name.clone(), auc, apgr, cpt, why })
}
