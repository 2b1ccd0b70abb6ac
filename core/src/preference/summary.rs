//! What is in a table of votes or gold rows, before anything is trained on it.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::near::near_duplicates;
use super::{GoldTable, LogTable, VoteTable, Winner};

/// Quantiles that lengths are told by, in percent.
const QUANTILES: [usize; 5] = [0, 25, 50, 75, 100];

/// What is in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// `votes` or `gold`.
    pub kind: &'static str,
    /// Rows that were read.
    pub rows: usize,
    /// Rows that were left out, by the reason.
    pub dropped: BTreeMap<&'static str, usize>,
    /// Models, with how many votes are about each, or their mean quality.
    pub models: BTreeMap<String, ModelSummary>,
    /// Pairs of models that rows compare, the most compared ones first: those that a router can be trained for.
    pub pairs: Vec<PairSummary>,
    /// The prompts.
    pub prompts: PromptSummary,
}

/// A model in a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelSummary {
    /// Rows about it.
    pub rows: usize,
    /// Its mean quality in gold rows; its share of wins in votes, where a tie is half of one.
    pub quality: f64,
}

/// Two models that rows compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PairSummary {
    /// The one that wins more often.
    pub better: String,
    /// The other one.
    pub worse: String,
    /// Rows that compare them.
    pub rows: usize,
    /// Of these, how often the better one won.
    pub wins: usize,
    /// How often the other one did.
    pub losses: usize,
    /// How often neither did.
    pub ties: usize,
}

/// The prompts of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PromptSummary {
    /// Different texts.
    pub distinct: usize,
    /// Rows whose prompt was there before.
    pub repeated: usize,
    /// Different texts that are nearly the same as an earlier one: they share four of five runs of three words, whatever
    /// their case, layout and wrapping.
    pub near_duplicates: usize,
    /// Rows with an empty prompt.
    pub empty: usize,
    /// Bytes of a prompt: least, quartiles, most.
    pub bytes: [usize; QUANTILES.len()],
    /// Share of the rows whose prompt has letters beyond ASCII, in thousandths: a hint at other languages.
    pub beyond_ascii_permille: usize,
}

impl PromptSummary {
    fn of<'a>(prompts: impl Iterator<Item = &'a str>) -> Self {
        let mut lengths = Vec::new();
        let (mut texts, mut distinct, mut summary, mut beyond) =
            (HashSet::new(), Vec::new(), Self::default(), 0);
        for prompt in prompts {
            lengths.push(prompt.len());
            summary.empty += usize::from(prompt.trim().is_empty());
            beyond += usize::from(prompt.chars().any(|c| !c.is_ascii() && c.is_alphabetic()));
            if texts.insert(prompt) {
                distinct.push(prompt);
            } else {
                summary.repeated += 1;
            }
        }
        summary.distinct = distinct.len();
        summary.near_duplicates = near_duplicates(&distinct).len();
        lengths.sort_unstable();
        if let Some(last) = lengths.len().checked_sub(1) {
            summary.bytes = QUANTILES.map(|percent| lengths[last * percent / 100]);
            summary.beyond_ascii_permille = beyond * 1000 / lengths.len();
        }
        summary
    }
}

/// Wins of two models against each other, in the order of their names.
#[derive(Default)]
struct Record {
    first: usize,
    second: usize,
    ties: usize,
}

#[derive(Default)]
struct Records<'a>(HashMap<(&'a str, &'a str), Record>);

impl<'a> Records<'a> {
    fn add(&mut self, a: &'a str, b: &'a str, winner: Winner) {
        let (key, swapped) = if a <= b { ((a, b), false) } else { ((b, a), true) };
        let record = self.0.entry(key).or_default();
        match (winner, swapped) {
            (Winner::Tie, _) => record.ties += 1,
            (Winner::ModelA, false) | (Winner::ModelB, true) => record.first += 1,
            (Winner::ModelB, false) | (Winner::ModelA, true) => record.second += 1,
        }
    }

    fn pairs(self) -> Vec<PairSummary> {
        let mut pairs: Vec<PairSummary> = self
            .0
            .into_iter()
            .map(|((first, second), Record { first: wins, second: losses, ties })| {
                let (better, worse, wins, losses) = if wins >= losses {
                    (first, second, wins, losses)
                } else {
                    (second, first, losses, wins)
                };
                let rows = wins + losses + ties;
                PairSummary { better: better.to_owned(), worse: worse.to_owned(), rows, wins, losses, ties }
            })
            .collect();
        pairs.sort_by(|a, b| {
            b.rows.cmp(&a.rows).then_with(|| (&a.better, &a.worse).cmp(&(&b.better, &b.worse)))
        });
        pairs
    }
}

impl VoteTable {
    /// What is in it.
    pub fn summary(&self) -> Summary {
        let mut records = Records::default();
        let mut models: BTreeMap<String, ModelSummary> = BTreeMap::new();
        let mut same_model = 0;
        for vote in &self.votes {
            let won = match vote.winner {
                Winner::ModelA => 1.0,
                Winner::ModelB => 0.0,
                Winner::Tie => 0.5,
            };
            for (model, share) in [(&vote.model_a, won), (&vote.model_b, 1.0 - won)] {
                let summary = models.entry(model.clone()).or_default();
                summary.rows += 1;
                summary.quality += share;
            }
            if vote.model_a == vote.model_b {
                same_model += 1;
            } else {
                records.add(&vote.model_a, &vote.model_b, vote.winner);
            }
        }
        for summary in models.values_mut() {
            summary.quality /= summary.rows as f64;
        }
        let counts = &self.counts;
        let dropped = [
            ("no winner", counts.dropped_null_winner),
            ("too short", counts.dropped_short),
            ("a model against itself", same_model),
        ];
        Summary {
            kind: "votes",
            rows: counts.read,
            dropped: dropped.into_iter().filter(|(_, rows)| *rows > 0).collect(),
            models,
            pairs: records.pairs(),
            prompts: PromptSummary::of(self.votes.iter().map(|vote| vote.prompt.as_str())),
        }
    }
}

impl GoldTable {
    /// What is in it.
    pub fn summary(&self) -> Summary {
        let names = self.models.names();
        let mut records = Records::default();
        for row in &self.rows {
            for a in 0..names.len() {
                for b in a + 1..names.len() {
                    records.add(&names[a], &names[b], row.winner(a, b));
                }
            }
        }
        let quality = |model: usize| {
            self.rows.iter().map(|row| row.scores[model]).sum::<f64>() / self.rows.len().max(1) as f64
        };
        let models = names.iter().enumerate().map(|(number, name)| {
            (name.clone(), ModelSummary { rows: self.rows.len(), quality: quality(number) })
        });
        Summary {
            kind: "gold",
            rows: self.rows.len(),
            dropped: BTreeMap::new(),
            models: models.collect(),
            pairs: records.pairs(),
            prompts: PromptSummary::of(self.rows.iter().map(|row| row.prompt.as_str())),
        }
    }
}

impl LogTable {
    /// What is in it. Logs compare no two models.
    pub fn summary(&self) -> Summary {
        let mut models: BTreeMap<String, ModelSummary> = BTreeMap::new();
        for row in &self.rows {
            let summary = models.entry(row.model.clone()).or_default();
            summary.rows += 1;
            summary.quality += row.quality;
        }
        for summary in models.values_mut() {
            summary.quality /= summary.rows as f64;
        }
        Summary {
            kind: "logs",
            rows: self.rows.len(),
            dropped: BTreeMap::new(),
            models,
            pairs: Vec::new(),
            prompts: PromptSummary::of(self.rows.iter().map(|row| row.prompt.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::{GoldRow, ModelIndex, Vote};

    #[test]
    fn votes_are_counted_by_pair_whichever_side_they_stand_on() {
        let vote = |prompt, a, b, winner| Vote::new("", prompt, a, b, winner);
        let mut table = VoteTable::new(vec![
            vote("Hello there", "x", "y", Winner::ModelA),
            vote("hello   there", "y", "x", Winner::ModelB),
            vote("hello   there", "x", "y", Winner::Tie),
            vote("", "y", "x", Winner::ModelA),
            vote("grüße", "z", "z", Winner::Tie),
        ]);
        table.counts.read += 2;
        table.counts.dropped_null_winner = 2;
        let summary = table.summary();
        assert_eq!((summary.kind, summary.rows), ("votes", 7));
        assert_eq!(summary.dropped, BTreeMap::from([("no winner", 2), ("a model against itself", 1)]));
        let pair =
            PairSummary { better: "x".into(), worse: "y".into(), rows: 4, wins: 2, losses: 1, ties: 1 };
        assert_eq!(summary.pairs, [pair]);
        assert_eq!(summary.models["x"], ModelSummary { rows: 4, quality: 2.5 / 4.0 });
        let prompts = summary.prompts;
        assert_eq!(
            (prompts.distinct, prompts.repeated, prompts.near_duplicates, prompts.empty),
            (4, 1, 1, 1)
        );
        assert_eq!((prompts.bytes, prompts.beyond_ascii_permille), ([0, 7, 11, 13, 13], 200));
    }

    #[test]
    fn gold_rows_compare_every_two_models() {
        let models = ModelIndex::new(["a", "b", "c"]).unwrap();
        let rows =
            vec![GoldRow::new("", "p", vec![1.0, 0.0, 1.0]), GoldRow::new("", "q", vec![0.5, 0.0, 1.0])];
        let summary = GoldTable::new(models, rows).unwrap().summary();
        let pairs: Vec<_> =
            summary.pairs.iter().map(|p| (p.better.as_str(), p.worse.as_str(), p.wins, p.ties)).collect();
        assert_eq!(pairs, [("a", "b", 2, 0), ("c", "a", 1, 1), ("c", "b", 2, 0)]);
        assert_eq!(summary.models["a"].quality, 0.75);
        let empty = GoldTable::new(ModelIndex::default(), vec![]).unwrap().summary();
        assert_eq!((empty.rows, empty.prompts.bytes), (0, [0; 5]));
    }
}
