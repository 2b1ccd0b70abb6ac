//! What each model's answer to each prompt was worth: votes, gold rows and logs as one table.

use std::collections::HashMap;

use super::collect::Prompt;
use super::embeddings::Embedded;
use super::weaker::Weaker;
use super::{Sources, Ties, TrainOptions};
use crate::preference::{GoldTable, ModelIndex, Winner};
use crate::scorer::Pair;
use crate::{Error, Result};

/// Distinct prompts, and for each model the label of its answer.
///
/// A gold row says a quality for each of its models, a log for one. A vote says the share of it that a model won: 1, 0, or
/// what the rule of ties or a judge's certainty gives. Several labels of one answer are averaged by their weights. A log with
/// a propensity `p` weighs `min(1 / p, clip)` times what its source does; since all that is made of labels are means over
/// their weights, the weights are normalised by their own sum.
#[derive(Debug)]
pub(super) struct Labelled<'a> {
    pub(super) models: ModelIndex,
    pub(super) prompts: Vec<Prompt<'a>>,
    /// Ids of the rows that the prompts stand in first.
    pub(super) ids: Vec<&'a str>,
    /// `prompts x models`: weighted sums of labels until [`finish`](Self::finish) makes means of them.
    labels: Vec<f64>,
    /// `prompts x models`; 0 where there is no label.
    weights: Vec<f64>,
    numbers: HashMap<&'a str, usize>,
    /// Votes that were dropped as ties.
    pub(super) dropped_ties: usize,
    /// Logs whose weight was cut.
    pub(super) clipped: usize,
}

impl<'a> Labelled<'a> {
    /// Of all sources; `gold` are their gold rows, under the names that they shall have.
    ///
    /// # Errors
    /// `InvalidArgument` without a label.
    pub(super) fn new(
        sources: &'a Sources,
        gold: Option<&'a GoldTable>,
        ties: Ties,
        clip: f64,
    ) -> Result<Self> {
        if !(clip >= 1.0 && clip.is_finite()) {
            return Err(Error::invalid_argument(format!("clip is {clip}, expected a number of at least 1")));
        }
        let votes = sources.vote_table();
        let mut names: Vec<&str> = votes
            .iter()
            .flat_map(|table| &table.votes)
            .flat_map(|vote| [vote.model_a.as_str(), vote.model_b.as_str()])
            .chain(gold.iter().flat_map(|table| table.models.names().iter().map(String::as_str)))
            .chain(sources.log_table().iter().flat_map(|table| &table.rows).map(|row| row.model.as_str()))
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut all = Self {
            models: ModelIndex::new(names)?,
            prompts: Vec::new(),
            ids: Vec::new(),
            labels: Vec::new(),
            weights: Vec::new(),
            numbers: HashMap::new(),
            dropped_ties: 0,
            clipped: 0,
        };
        all.add_votes(sources, gold, ties)?;
        if let Some(table) = gold {
            let numbers = table.models.names().iter().map(|name| all.models.number(name));
            let numbers: Vec<usize> = numbers.collect::<Result<_>>()?;
            for row in &table.rows {
                let prompt = all.prompt(Prompt::of_gold(row), &row.id);
                for (model, quality) in numbers.iter().zip(&row.scores) {
                    all.add(prompt, *model, *quality, row.weight);
                }
            }
        }
        for row in sources.log_table().iter().flat_map(|table| &table.rows) {
            let prompt = all.prompt(Prompt::of_log(row), &row.id);
            let inverse = 1.0 / row.propensity.unwrap_or(1.0);
            all.clipped += usize::from(inverse > clip);
            let model = all.models.number(&row.model)?;
            all.add(prompt, model, row.quality, row.weight * inverse.min(clip));
        }
        all.finish()
    }

    fn add_votes(&mut self, sources: &'a Sources, gold: Option<&GoldTable>, ties: Ties) -> Result<()> {
        let Some(votes) = sources.vote_table() else { return Ok(()) };
        // Which of two is the weaker one, their labels alone say here.
        let nobody = Pair { strong: usize::MAX, weak: usize::MAX };
        let weaker = match ties {
            Ties::WeakNotWorse => Some(Weaker::new(&self.models, Some(votes), gold, nobody)?),
            _ => None,
        };
        for vote in &votes.votes {
            let (a, b) = (self.models.number(&vote.model_a)?, self.models.number(&vote.model_b)?);
            let share = match (vote.winner, vote.p_model_a) {
                (Winner::Tie, _) => match &weaker {
                    Some(weaker) => Some(weaker.wins(a, b)),
                    None => ties.target(),
                },
                (_, Some(p)) => Some(p),
                (Winner::ModelA, None) => Some(1.0),
                (Winner::ModelB, None) => Some(0.0),
            };
            let (Some(share), true) = (share, a != b) else {
                self.dropped_ties += usize::from(a != b);
                continue;
            };
            let prompt = self.prompt(Prompt::of_vote(vote), &vote.id);
            self.add(prompt, a, share, vote.weight);
            self.add(prompt, b, 1.0 - share, vote.weight);
        }
        Ok(())
    }

    fn prompt(&mut self, prompt: Prompt<'a>, id: &'a str) -> usize {
        let next = self.prompts.len();
        let number = *self.numbers.entry(prompt.text).or_insert(next);
        if number == next {
            self.prompts.push(prompt);
            self.ids.push(id);
            self.labels.resize(self.prompts.len() * self.models.len(), 0.0);
            self.weights.resize(self.labels.len(), 0.0);
        }
        number
    }

    fn add(&mut self, prompt: usize, model: usize, label: f64, weight: f64) {
        let place = prompt * self.models.len() + model;
        self.labels[place] += weight * label;
        self.weights[place] += weight;
    }

    fn finish(mut self) -> Result<Self> {
        for (label, weight) in self.labels.iter_mut().zip(&self.weights) {
            if *weight > 0.0 {
                *label = (*label / weight).clamp(0.0, 1.0);
            }
        }
        if self.prompts.is_empty() {
            return Err(Error::invalid_argument("there are no votes, gold rows or logs to learn from"));
        }
        Ok(self)
    }

    /// The label and the weight of a model's answer, if it is known.
    pub(super) fn label(&self, prompt: usize, model: usize) -> Option<(f64, f64)> {
        let place = prompt * self.models.len() + model;
        (self.weights[place] > 0.0).then(|| (self.labels[place], self.weights[place]))
    }

    /// How likely the strong model's answer is the better one: 1, 0, or what the rule of ties says. `None` if one of the
    /// answers is not known, or ties say nothing.
    pub(super) fn better(&self, prompt: usize, pair: Pair, ties: Ties) -> Option<f64> {
        let (strong, weak) = (self.label(prompt, pair.strong)?.0, self.label(prompt, pair.weak)?.0);
        match strong.total_cmp(&weak) {
            std::cmp::Ordering::Greater => Some(1.0),
            std::cmp::Ordering::Less => Some(0.0),
            std::cmp::Ordering::Equal => ties.target(),
        }
    }

    /// Mean label of each model over its weights, and how many answers it has.
    pub(super) fn means(&self) -> Vec<(f64, usize)> {
        let of = |model: usize| {
            let (mut sum, mut total, mut count) = (0.0, 0.0, 0);
            for (label, weight) in (0..self.prompts.len()).filter_map(|prompt| self.label(prompt, model)) {
                sum += label * weight;
                total += weight;
                count += 1;
            }
            (if total > 0.0 { sum / total } else { 0.5 }, count)
        };
        (0..self.models.len()).map(of).collect()
    }

    /// The pair. Of two models the one whose answers were better is the strong one of a pair that is not named.
    ///
    /// # Errors
    /// `InvalidArgument` for models that are not known or equal, or where there are more and one of the pair is not named.
    pub(super) fn pair(&self, common: &TrainOptions) -> Result<Pair> {
        let number = |name: &Option<String>| name.as_ref().map(|name| self.models.number(name)).transpose();
        let (strong, weak) = (number(&common.strong)?, number(&common.weak)?);
        let two = self.models.len() == 2;
        let pair = match (strong, weak) {
            (Some(strong), Some(weak)) => Pair { strong, weak },
            (Some(strong), None) if two => Pair { strong, weak: 1 - strong },
            (None, Some(weak)) if two => Pair { strong: 1 - weak, weak },
            (None, None) if two => {
                let means = self.means();
                let strong = usize::from(means[1].0 > means[0].0);
                Pair { strong, weak: 1 - strong }
            }
            _ => {
                return Err(Error::invalid_argument(format!(
                    "pass strong and weak: only where the rows know just two models can they be left out; known are: {}",
                    self.models.names().join(", ")
                )));
            }
        };
        if pair.strong == pair.weak {
            return Err(Error::invalid_argument("strong and weak are the same model"));
        }
        Ok(pair)
    }

    /// Leaves out the prompts that have no embedding.
    ///
    /// # Errors
    /// `InvalidArgument` if none is left.
    pub(super) fn keep(&mut self, embedded: &Embedded) -> Result<()> {
        if embedded.row_of.iter().all(Option::is_some) {
            return Ok(());
        }
        let models = self.models.len();
        let kept = |values: &[f64]| -> Vec<f64> {
            let rows = values.chunks_exact(models).zip(&embedded.row_of);
            rows.filter(|(_, row)| row.is_some()).flat_map(|(values, _)| values.iter().copied()).collect()
        };
        (self.labels, self.weights) = (kept(&self.labels), kept(&self.weights));
        embedded.keep(&mut self.prompts);
        embedded.keep(&mut self.ids);
        self.numbers.clear();
        if self.prompts.is_empty() {
            let why = embedded.why.as_ref().map_or_else(String::new, |error| format!(": {error}"));
            return Err(Error::invalid_argument(format!("no prompt could be embedded{why}")));
        }
        Ok(())
    }

    /// What the provenance says of it.
    pub(super) fn counts(&self) -> serde_json::Value {
        serde_json::json!({
            "prompts": self.prompts.len(),
            "labels": self.weights.iter().filter(|weight| **weight > 0.0).count(),
            "votes_dropped_tie": self.dropped_ties,
            "logs_clipped": self.clipped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::{LogRow, LogTable, Vote, VoteTable};

    #[test]
    fn every_source_becomes_labels() {
        let votes = VoteTable::new(vec![
            Vote::new("v1", "p", "a", "b", Winner::ModelA),
            Vote::new("v2", "p", "a", "b", Winner::Tie),
            Vote::new("v3", "q", "b", "a", Winner::Tie).p_model_a(0.8),
        ]);
        let gold =
            GoldTable::from_jsonl(&br#"{"id": "g", "prompt": "q", "a": 1, "b": 0.5}"#[..], "g").unwrap();
        let logs = LogTable::new(vec![
            LogRow::new("l1", "r", "a", 1.0).propensity(0.5),
            LogRow::new("l2", "r", "a", 0.0).propensity(0.001),
        ]);
        let sources = Sources::new().votes(votes).gold(gold).logs(logs);
        let gold = sources.gold_table();
        let all = Labelled::new(&sources, gold, Ties::Half, 6.0).unwrap();
        assert_eq!((all.models.names().join(" "), all.ids.join(" ")), ("a b".into(), "v1 v3 l1".into()));
        assert_eq!((all.label(0, 0), all.label(0, 1)), (Some((0.75, 2.0)), Some((0.25, 2.0))));
        let close = |found: Option<(f64, f64)>, label: f64, weight: f64| {
            let (l, w) = found.unwrap();
            assert!((l - label).abs() < 1e-12 && (w - weight).abs() < 1e-12, "{found:?}");
        };
        close(all.label(1, 0), f64::midpoint(0.2, 1.0), 2.0);
        close(all.label(1, 1), f64::midpoint(0.8, 0.5), 2.0);
        // 1 / 0.5, and 1 / 0.001 cut to 6: self-normalised.
        close(all.label(2, 0), 2.0 / 8.0, 8.0);
        assert_eq!((all.label(2, 1), all.clipped), (None, 1));
        assert_eq!(all.better(0, Pair { strong: 0, weak: 1 }, Ties::Drop), Some(1.0));
        assert_eq!(all.pair(&TrainOptions::new()).unwrap(), Pair { strong: 1, weak: 0 });
        let dropped = Labelled::new(&sources, gold, Ties::Drop, 6.0).unwrap();
        assert_eq!((dropped.dropped_ties, dropped.label(0, 0)), (1, Some((1.0, 1.0))));
        let weak = Labelled::new(&sources, gold, Ties::WeakNotWorse, 6.0).unwrap();
        // Model a won more, so that the tie is b's.
        assert_eq!(weak.label(0, 0), Some((0.5, 2.0)));
        assert!(Labelled::new(&sources, gold, Ties::Half, 0.5).is_err());
    }
}
