//! What an evaluation is about: prompts, how good the answers of models to them were, and what they cost.

use std::collections::{BTreeMap, HashMap};

use super::Graded;
use crate::preference::{Split, suggestion};
use crate::{Error, Result};

/// What the qualities of a table are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableKind {
    /// A score of each model in each row.
    Gold,
    /// Whose answer of two was preferred: 1 for the winner, 0 for the other one, .5 for both of a tie.
    Votes,
    /// The outcome of one model in each row.
    Log,
}

/// Prompts with the quality of the answers of models, row by row.
///
/// What is not known of a row is NaN in the matrices: [`graded`](Self::graded) leaves such rows out and counts them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// What it is called: a benchmark, or the name of a file without its ending.
    pub name: String,
    /// What the qualities are made of.
    pub kind: TableKind,
    /// The models, in alphabetical order.
    pub models: Vec<String>,
    /// The prompts, one for each row.
    pub prompts: Vec<String>,
    /// Quality in [0, 1], `rows x models`; NaN where it is not known.
    pub quality: Vec<f64>,
    /// Cost of the answer in USD per request, `rows x models`, NaN where it is not known; empty if no cost is.
    pub costs: Vec<f64>,
    /// How likely it was that the model of the row was asked, in (0, 1]; NaN where a log does not say. Empty but for logs.
    pub propensities: Vec<f64>,
    /// Which rows belong together, by number: rows of one prompt, turns of one conversation. They are resampled together.
    pub groups: Vec<usize>,
    /// Columns that describe the rows, by name: a value for each row, empty where there is none.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Rows that were left out because a list says that they resemble training data.
    pub contaminated: usize,
    /// Rows that were left out for other reasons, by the reason.
    pub dropped: BTreeMap<String, usize>,
    /// Columns that are no model's, no cost's and describe nothing, each with the reason.
    pub left_out: BTreeMap<String, String>,
}

/// The rows of a pair.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct PairRows {
    /// Numbers of the rows of the table that know both models.
    pub rows: Vec<usize>,
    /// How well both answered, for each of those.
    pub graded: Vec<Graded>,
    /// Rows that know one of them only, or neither.
    pub missing: usize,
    /// Whether the qualities are weighted by inverse propensities ([`Table::weighted`]) and so may be above 1.
    pub weighted: bool,
}

impl Table {
    /// A table without rows.
    pub(super) fn empty(name: impl Into<String>, kind: TableKind, models: Vec<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            models,
            prompts: Vec::new(),
            quality: Vec::new(),
            costs: Vec::new(),
            propensities: Vec::new(),
            groups: Vec::new(),
            columns: BTreeMap::new(),
            contaminated: 0,
            dropped: BTreeMap::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// The number of a model.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown one; the message names the known ones, and says why a column of that name is no
    /// model's.
    pub fn number(&self, model: &str) -> Result<usize> {
        self.models.iter().position(|known| known == model).ok_or_else(|| {
            let meant = suggestion(model, self.models.iter().map(String::as_str));
            let why = self.left_out.get(model).map_or_else(String::new, |why| format!("; {why}"));
            Error::invalid_argument(format!(
                "{}: no model {model:?}{meant}; known models: {}{why}",
                self.name,
                self.models.join(", ")
            ))
        })
    }

    /// The quality of a model's answer in a row; NaN where it is not known.
    pub fn quality_of(&self, row: usize, model: usize) -> f64 {
        self.quality[row * self.models.len() + model]
    }

    /// What the answer of a model cost in a row, in USD; NaN where it is not known.
    pub fn cost_of(&self, row: usize, model: usize) -> f64 {
        self.costs.get(row * self.models.len() + model).copied().unwrap_or(f64::NAN)
    }

    /// Mean quality of a model over the rows that know it, and how many these are; NaN without one.
    pub fn mean_quality(&self, model: usize) -> (f64, usize) {
        mean((0..self.prompts.len()).map(|row| self.quality_of(row, model)))
    }

    /// Mean cost of a model in USD per request over the rows that know it, and how many these are; NaN without one.
    pub fn mean_cost(&self, model: usize) -> (f64, usize) {
        mean((0..self.prompts.len()).map(|row| self.cost_of(row, model)))
    }

    /// Rows in which the quality of every one of `models` is known.
    pub fn complete_rows(&self, models: &[usize]) -> Vec<usize> {
        let complete = |row: &usize| models.iter().all(|model| !self.quality_of(*row, *model).is_nan());
        (0..self.prompts.len()).filter(complete).collect()
    }

    /// The rows that know both models of a pair. Of logs, in which hardly a row does, those that know one of them,
    /// weighted as [`weighted`](Self::weighted) says.
    ///
    /// # Errors
    /// `InvalidArgument` for a pair of one model, or logs without propensities.
    pub fn graded(&self, strong: usize, weak: usize) -> Result<PairRows> {
        if strong == weak {
            return Err(Error::invalid_argument(format!(
                "{}: a pair needs two models, got {:?} twice",
                self.name, self.models[strong]
            )));
        }
        let rows = self.complete_rows(&[strong, weak]);
        if rows.is_empty() && self.kind == TableKind::Log && !self.prompts.is_empty() {
            return self.weighted(strong, weak);
        }
        let graded = |row: &usize| Graded::new(self.quality_of(*row, strong), self.quality_of(*row, weak));
        let graded = rows.iter().map(graded).collect();
        Ok(PairRows { graded, missing: self.prompts.len() - rows.len(), rows, weighted: false })
    }

    /// Logs of a pair, each of which knows one model, as rows that know both: the model that was asked has its quality
    /// divided by how likely it was to be asked, the other one has 0, and both are divided by the mean weight of their
    /// model. Means over such rows estimate the means over rows that know both without bias but for that division (inverse
    /// propensity scoring, self-normalised), and so do curves, which are made of means. A single row says nothing.
    ///
    /// # Errors
    /// `InvalidArgument` if a row of the pair has no propensity, or no row knows one of the models.
    pub fn weighted(&self, strong: usize, weak: usize) -> Result<PairRows> {
        let known = |row: usize, model: usize| !self.quality_of(row, model).is_nan();
        let rows: Vec<usize> =
            (0..self.prompts.len()).filter(|row| known(*row, strong) || known(*row, weak)).collect();
        let weight = |row: usize, model: usize| {
            if known(row, model) { 1.0 / self.propensities[row] } else { 0.0 }
        };
        if let Some(row) = rows.iter().find(|row| self.propensities[**row].is_nan()) {
            return Err(Error::invalid_argument(format!(
                "{}: the answer of only one of {:?} and {:?} is known to each prompt, and row {} does not say how likely it \
                 was that its model was asked: add propensity, in (0, 1], to every row, or rows of both models to the same \
                 prompts",
                self.name,
                self.models[strong],
                self.models[weak],
                row + 1
            )));
        }
        let mean = |model: usize| rows.iter().map(|row| weight(*row, model)).sum::<f64>() / rows.len() as f64;
        let (mean_strong, mean_weak) = (mean(strong), mean(weak));
        for (model, mean) in [(strong, mean_strong), (weak, mean_weak)] {
            // No rows at all have a mean of NaN.
            if mean.is_nan() || mean <= 0.0 {
                return Err(Error::invalid_argument(format!(
                    "{}: no row knows the answer of {:?}: name another pair",
                    self.name, self.models[model]
                )));
            }
        }
        let value = |row: usize, model: usize, mean: f64| {
            if known(row, model) { self.quality_of(row, model) * weight(row, model) / mean } else { 0.0 }
        };
        let graded =
            |row: &usize| Graded::new(value(*row, strong, mean_strong), value(*row, weak, mean_weak));
        let graded = rows.iter().map(graded).collect();
        Ok(PairRows { graded, missing: self.prompts.len() - rows.len(), rows, weighted: true })
    }

    /// Numbers the rows that have one prompt alike, in the order of their first row.
    pub(super) fn group_by_prompt(&mut self) {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        self.groups = self
            .prompts
            .iter()
            .map(|prompt| {
                let next = numbers.len();
                *numbers.entry(prompt.as_str()).or_insert(next)
            })
            .collect();
    }

    /// Gives models other names.
    ///
    /// # Errors
    /// `InvalidArgument` for a model that the table lacks, and for a name that two models would have.
    pub fn rename(&mut self, names: &BTreeMap<String, String>) -> Result<()> {
        let numbers = names.keys().map(|from| self.number(from)).collect::<Result<Vec<_>>>()?;
        for (number, to) in numbers.into_iter().zip(names.values()) {
            self.models[number].clone_from(to);
        }
        for (i, name) in self.models.iter().enumerate() {
            if self.models[..i].contains(name) {
                return Err(Error::invalid_argument(format!(
                    "{}: rename makes two models {name:?}: give them different names",
                    self.name
                )));
            }
        }
        Ok(())
    }

    /// Keeps the rows whose prompts a split holds out.
    ///
    /// # Errors
    /// `InvalidArgument` if there are none.
    pub fn keep_held_out(&mut self, by: &Split) -> Result<()> {
        let keep: Vec<bool> = self.prompts.iter().map(|prompt| by.holds_out(prompt)).collect();
        self.retain(&keep);
        if self.prompts.is_empty() {
            return Err(Error::invalid_argument(format!(
                "{}: the split holds out none of its {} rows: take a larger share, or more rows",
                self.name,
                keep.len()
            )));
        }
        Ok(())
    }

    /// Counts a row that is left out.
    pub(super) fn drop_row(&mut self, why: &str, rows: usize) {
        if rows > 0 {
            *self.dropped.entry(why.to_owned()).or_default() += rows;
        }
    }

    /// The table without the rows that `keep` refuses.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let models = self.models.len();
        let each = |values: &mut Vec<f64>, width: usize| {
            if !values.is_empty() {
                let rows = values.chunks_exact(width.max(1)).zip(keep).filter(|(_, keep)| **keep);
                *values = rows.flat_map(|(row, _)| row.iter().copied()).collect();
            }
        };
        each(&mut self.quality, models);
        each(&mut self.costs, models);
        each(&mut self.propensities, 1);
        let mut kept = keep.iter();
        self.prompts.retain(|_| *kept.next().unwrap_or(&true));
        for values in self.columns.values_mut() {
            let mut kept = keep.iter();
            values.retain(|_| *kept.next().unwrap_or(&true));
        }
        let mut kept = keep.iter();
        self.groups.retain(|_| *kept.next().unwrap_or(&true));
    }
}

fn mean(values: impl Iterator<Item = f64>) -> (f64, usize) {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values.filter(|value| !value.is_nan()) {
        sum += value;
        count += 1;
    }
    (if count == 0 { f64::NAN } else { sum / count as f64 }, count)
}
