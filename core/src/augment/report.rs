//! How far a judge can be trusted: its bias, its ties, its agreement with itself and with people.

use serde::Serialize;

use super::judge::Judgement;
use super::verdict::JudgeMode;
use crate::preference::Winner;

/// What the judgements say of the judge.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JudgeReport {
    /// Pairs.
    pub pairs: usize,
    /// Pairs with a winner, ties included.
    pub judged: usize,
    /// Pairs in which only one order has a verdict.
    pub one_order: usize,
    /// Answers of the judge without a verdict.
    pub unparsed: usize,
    /// Requests without an answer.
    pub unanswered: usize,
    /// Ties among the winners; none without a winner.
    pub tie_rate: Option<f64>,
    /// Pairs with verdicts in both orders, counted once for each sample.
    pub both_orders: usize,
    /// How many of them have the same winner in both orders.
    pub order_consistency: Option<f64>,
    /// How many of them have the first answer as the winner in both orders, whichever it was.
    pub prefers_first: Option<f64>,
    /// How many of them have the second answer as the winner in both orders.
    pub prefers_second: Option<f64>,
    /// [`prefers_first`](Self::prefers_first) less [`prefers_second`](Self::prefers_second): 0 for a judge whom order does not
    /// sway, 1 for one who always takes the first.
    pub position_bias: Option<f64>,
    /// How often two samples of the same question have the same verdict; none with one sample.
    pub self_consistency: Option<f64>,
    /// Agreement with people.
    pub human: Option<Agreement>,
}

/// How often a judge and people agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Pairs that both have judged.
    pub pairs: usize,
    /// Share of them with the same winner, ties included.
    pub agreement: f64,
    /// Pairs in which neither says that it is a tie.
    pub pairs_without_ties: usize,
    /// Share of those with the same winner.
    pub agreement_without_ties: Option<f64>,
    /// Cohen's kappa: agreement beyond what the frequencies of both alone would give, ties included; none where these leave
    /// nothing to chance.
    pub kappa: Option<f64>,
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl JudgeReport {
    /// What these judgements say of their judge.
    pub fn new(judgements: &[Judgement]) -> Self {
        let mut report = Self { pairs: judgements.len(), ..Self::default() };
        let (mut ties, mut same, mut first, mut second) = (0, 0, 0, 0);
        let (mut alike, mut compared) = (0, 0);
        for judgement in judgements {
            report.judged += usize::from(judgement.winner.is_some());
            ties += usize::from(judgement.winner == Some(Winner::Tie));
            report.unparsed += judgement.unparsed.len();
            report.unanswered += judgement.unanswered;
            let width = if judgement.mode == JudgeMode::Pairwise { 2 } else { 1 };
            if width == 2 {
                let mut one = false;
                for couple in judgement.verdicts.chunks(2) {
                    match *couple {
                        [Some(a), Some(b)] => {
                            report.both_orders += 1;
                            same += usize::from(a == b);
                            first += usize::from((a, b) == (Winner::ModelA, Winner::ModelB));
                            second += usize::from((a, b) == (Winner::ModelB, Winner::ModelA));
                        }
                        [None, None] => {}
                        _ => one = true,
                    }
                }
                report.one_order += usize::from(one);
            }
            // Each sample against the first, in the same order.
            for (at, verdict) in judgement.verdicts.iter().enumerate().skip(width) {
                if let (Some(one), Some(other)) = (judgement.verdicts[at % width], verdict) {
                    compared += 1;
                    alike += usize::from(one == *other);
                }
            }
        }
        report.tie_rate = share(ties, report.judged);
        report.order_consistency = share(same, report.both_orders);
        report.prefers_first = share(first, report.both_orders);
        report.prefers_second = share(second, report.both_orders);
        report.position_bias =
            report.prefers_first.zip(report.prefers_second).map(|(first, second)| first - second);
        report.self_consistency = share(alike, compared);
        let both: Vec<(Winner, Winner)> =
            judgements.iter().filter_map(|judgement| judgement.winner.zip(judgement.pair.human)).collect();
        report.human = Agreement::of(&both);
        report
    }
}

impl Agreement {
    /// The agreement of winners by a judge and by people; `None` without any.
    pub fn of(pairs: &[(Winner, Winner)]) -> Option<Self> {
        let equal = |pairs: &[(Winner, Winner)]| pairs.iter().filter(|(judge, human)| judge == human).count();
        let agreement = share(equal(pairs), pairs.len())?;
        let untied: Vec<(Winner, Winner)> = pairs
            .iter()
            .copied()
            .filter(|(judge, human)| *judge != Winner::Tie && *human != Winner::Tie)
            .collect();
        let chance: f64 = [Winner::ModelA, Winner::ModelB, Winner::Tie]
            .map(|winner| {
                let of = |take: fn(&(Winner, Winner)) -> Winner| {
                    pairs.iter().filter(|pair| take(pair) == winner).count() as f64 / pairs.len() as f64
                };
                of(|pair| pair.0) * of(|pair| pair.1)
            })
            .iter()
            .sum();
        Some(Self {
            pairs: pairs.len(),
            agreement,
            pairs_without_ties: untied.len(),
            agreement_without_ties: share(equal(&untied), untied.len()),
            kappa: (chance < 1.0).then(|| (agreement - chance) / (1.0 - chance)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Completion, JudgeOptions, Pair};

    #[test]
    fn bias_ties_and_agreement_are_counted() {
        let options = JudgeOptions::new().model("judge".to_owned()).samples(2);
        let judgements: Vec<Judgement> = [
            // Two samples of both orders; and what people say.
            (["A", "B", "A", "B"], Some(Winner::ModelA)),
            (["A", "A", "A", "B"], Some(Winner::ModelB)),
            (["B", "B", "C", "C"], None),
            (["C", "C", "x", "C"], Some(Winner::Tie)),
        ]
        .into_iter()
        .map(|(said, human)| {
            let texts = said.map(|said| Completion::new(format!("[[{said}]]")));
            let mut pair = Pair::new("1", "p", ("a", "x"), ("b", "y"));
            pair.human = human;
            options.judgement(pair, &texts.iter().map(Some).collect::<Vec<_>>())
        })
        .collect();
        let report = JudgeReport::new(&judgements);
        assert_eq!((report.pairs, report.judged, report.unparsed, report.one_order), (4, 4, 1, 1));
        assert_eq!(report.both_orders, 7);
        assert_eq!(report.prefers_first, Some(1.0 / 7.0));
        assert_eq!(report.prefers_second, Some(1.0 / 7.0));
        assert_eq!((report.position_bias, report.order_consistency), (Some(0.0), Some(5.0 / 7.0)));
        assert_eq!(report.tie_rate, Some(0.5));
        // Alike: both of the first, one of the second, none of the third, the one that can be compared of the fourth.
        assert_eq!(report.self_consistency, Some(4.0 / 7.0));
        let human = report.human.unwrap();
        assert_eq!((human.pairs, human.agreement), (3, 2.0 / 3.0));
        assert_eq!((human.pairs_without_ties, human.agreement_without_ties), (2, Some(0.5)));
        // By chance: 2/3 of 1/3 for the first model, none of 1/3 for the second, 1/3 of 1/3 ties.
        assert!((human.kappa.unwrap() - 0.5).abs() < 1e-12, "{human:?}");
        assert_eq!(JudgeReport::new(&[]).human, None);
    }
}
