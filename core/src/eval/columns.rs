//! The columns of rows that are evaluated on: scores and costs of models, and what describes a row.

use std::collections::{BTreeMap, HashMap};

use super::table::{Table, TableKind};
use crate::data::{Json, PROMPT, Row};
use crate::preference::{DESCRIPTIVE, Score, score};
use crate::{Error, Result};

/// How the costs of a model are called after its name, in USD per request: `gpt-4|total_cost` in `RouterBench`.
const COSTS: [&str; 4] = ["|total_cost", "|cost", "_total_cost", "_cost"];
/// Columns that are read for something else.
const READ: [&str; 12] = [
    "id",
    "question_id",
    "sample_id",
    "model_a",
    "model_b",
    "winner",
    "winner_model_a",
    "winner_model_b",
    "winner_tie",
    "p_model_a",
    "propensity",
    "turns",
];
/// Of logs, these too.
const READ_OF_LOGS: [&str; 3] = ["model", "quality", "score"];
/// Bytes of a value that can describe a row; longer ones are texts.
const MAX_LABEL: usize = 80;
/// Different values of a column that describes rows; with more it numbers or quotes them.
const MAX_LABELS: usize = 100;

/// One column as its rows come.
struct Column {
    name: String,
    /// A value for each row so far: a score in [0, 1], NaN where there is none. Empty once it is known to be no model's.
    scores: Vec<f64>,
    /// Why it is no model's.
    no_model: Option<String>,
    /// As USD, for those whose name says that they are costs.
    costs: Option<Vec<f64>>,
    /// As values that describe rows, by number; `None` once there are too many or too long ones.
    labels: Option<Vec<u32>>,
}

/// The columns of a source.
pub(super) struct Columns<'a> {
    kind: TableKind,
    /// The models, where they are named.
    named: Option<&'a [String]>,
    #[expect(clippy::struct_field_names, reason = "they are what it is a struct of")]
    columns: Vec<Column>,
    places: HashMap<String, Option<usize>>,
    names: Vec<HashMap<String, u32>>,
    rows: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(kind: TableKind, named: Option<&'a [String]>) -> Self {
        Self { kind, named, columns: Vec::new(), places: HashMap::new(), names: Vec::new(), rows: 0 }
    }

    fn is_read(&self, name: &str) -> bool {
        let of_logs = self.kind == TableKind::Log && READ_OF_LOGS.contains(&name);
        PROMPT.contains(&name) || READ.contains(&name) || of_logs
    }

    fn meet(&mut self, name: &str) -> Option<usize> {
        let numbers_rows =
            name.is_empty() || name.starts_with("Unnamed: ") || name.starts_with("__index_level_");
        if self.is_read(name) || numbers_rows {
            self.places.insert(name.to_owned(), None);
            return None;
        }
        let is_cost = COSTS.iter().any(|suffix| name.len() > suffix.len() && name.ends_with(suffix));
        let no_model = match self.kind {
            TableKind::Gold if is_cost => Some("it is a cost".to_owned()),
            TableKind::Gold if DESCRIPTIVE.contains(&name) => Some("it describes the row".to_owned()),
            TableKind::Gold if self.named.is_some_and(|named| !named.iter().any(|model| model == name)) => {
                Some("it is not among the models that were named".to_owned())
            }
            TableKind::Gold => None,
            _ => Some("models of these rows are named in the rows".to_owned()),
        };
        let place = self.columns.len();
        self.columns.push(Column {
            name: name.to_owned(),
            scores: if no_model.is_none() { vec![f64::NAN; self.rows] } else { Vec::new() },
            no_model,
            costs: is_cost.then(|| vec![f64::NAN; self.rows]),
            labels: Some(vec![0; self.rows]),
        });
        // Number 0 is a row without a value.
        self.names.push(HashMap::from([(String::new(), 0)]));
        self.places.insert(name.to_owned(), Some(place));
        Some(place)
    }

    /// Reads the cells of a row.
    ///
    /// # Errors
    /// `InvalidArgument` for a score of a named model, or a cost, that is none.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<()> {
        for (name, value) in row.cells {
            let place = match self.places.get(name) {
                Some(place) => *place,
                None => self.meet(name),
            };
            let Some(place) = place else { continue };
            let named = self.named.is_some();
            let (column, names) = (&mut self.columns[place], &mut self.names[place]);
            if column.no_model.is_none() && column.scores.len() == self.rows {
                match score(value, row.untyped) {
                    Score::Known(score) => column.scores.push(score),
                    Score::Missing => column.scores.push(f64::NAN),
                    Score::Other(found) => {
                        let what = format!(
                            "{}: score of {name:?} is {found}, expected true, false or a number in [0, 1]",
                            row.place()
                        );
                        if named {
                            return Err(row.fault(format!(
                                "score of {name:?} is {found}, expected true, false or a number in [0, 1]"
                            )));
                        }
                        (column.no_model, column.scores) = (Some(what), Vec::new());
                    }
                }
            }
            if let Some(costs) = &mut column.costs
                && costs.len() == self.rows
            {
                costs.push(cost(value).map_err(|what| row.fault(format!("{name:?} is {what}")))?);
            }
            if let Some(labels) = &mut column.labels
                && labels.len() == self.rows
            {
                let number = label(value).and_then(|text| {
                    let next = u32::try_from(names.len()).ok().filter(|_| names.len() <= MAX_LABELS);
                    names.get(&text).copied().or_else(|| {
                        names.insert(text, next?);
                        next
                    })
                });
                if let Some(number) = number {
                    labels.push(number);
                } else {
                    (column.labels, *names) = (None, HashMap::new());
                }
            }
        }
        self.rows += 1;
        for column in &mut self.columns {
            if column.no_model.is_none() {
                column.scores.resize(self.rows, f64::NAN);
            }
            if let Some(costs) = &mut column.costs {
                costs.resize(self.rows, f64::NAN);
            }
            if let Some(labels) = &mut column.labels {
                labels.resize(self.rows, 0);
            }
        }
        Ok(())
    }

    /// The models of gold rows with their qualities and costs, and the columns that describe the rows.
    ///
    /// # Errors
    /// `InvalidArgument` without a column of scores, or without one that was named.
    pub(super) fn finish(self, name: &str, prompts: Vec<String>) -> Result<Table> {
        let missing = |column: &Column| column.scores.iter().all(|score| score.is_nan());
        let mut models: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.no_model.is_none() && (self.named.is_some() || !missing(column)))
            .collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        for named in self.named.unwrap_or_default() {
            if !models.iter().any(|column| column.name == *named) {
                let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
                let meant = crate::preference::suggestion(named, known.iter().copied());
                return Err(Error::invalid_argument(format!(
                    "{name}: no column {named:?}{meant}; there are: {}",
                    known.join(", ")
                )));
            }
        }
        let mut table =
            Table::empty(name, self.kind, models.iter().map(|column| column.name.clone()).collect());
        let rows = prompts.len();
        table.prompts = prompts;
        if self.kind == TableKind::Gold {
            if models.is_empty() && rows > 0 {
                let why = self.columns.iter().filter_map(|column| column.no_model.as_deref());
                let why = why.filter(|why| why.contains("expected")).map(|why| format!(", {why}"));
                return Err(Error::invalid_argument(format!(
                    "{name}{}: no column holds the scores of a model; a row needs a prompt and, for each model, true, false \
                     or a number in [0, 1]",
                    why.collect::<Vec<_>>().first().map_or("", String::as_str)
                )));
            }
            table.quality = (0..rows).flat_map(|row| models.iter().map(move |c| c.scores[row])).collect();
            let costs: Vec<Option<&Vec<f64>>> =
                models.iter().map(|model| self.costs_of(&model.name)).collect();
            if costs.iter().any(Option::is_some) {
                let of = |row: usize, costs: Option<&Vec<f64>>| costs.map_or(f64::NAN, |costs| costs[row]);
                let costs = &costs;
                table.costs = (0..rows).flat_map(|row| costs.iter().map(move |c| of(row, *c))).collect();
            }
        }
        (table.columns, table.left_out) = self.describing(&table.models);
        Ok(table)
    }

    fn costs_of(&self, model: &str) -> Option<&Vec<f64>> {
        COSTS.iter().find_map(|suffix| {
            let named = |column: &&Column| column.name.strip_suffix(suffix) == Some(model);
            self.columns.iter().find(named)?.costs.as_ref()
        })
    }

    /// Columns that describe the rows, and those that are of no use, with the reason.
    fn describing(&self, models: &[String]) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, String>) {
        let (mut describing, mut left_out) = (BTreeMap::new(), BTreeMap::new());
        for (column, names) in self.columns.iter().zip(&self.names) {
            let of_model = column.costs.is_some()
                && COSTS.iter().any(|suffix| {
                    column.name.strip_suffix(suffix).is_some_and(|m| models.iter().any(|k| k == m))
                });
            if of_model || models.contains(&column.name) {
                continue;
            }
            match &column.labels {
                Some(labels) if names.len() > 1 => {
                    let mut texts = vec![""; names.len()];
                    for (text, number) in names {
                        texts[*number as usize] = text;
                    }
                    let labels = labels.iter().map(|label| texts[*label as usize].to_owned()).collect();
                    describing.insert(column.name.clone(), labels);
                }
                _ => {
                    let why = column.no_model.clone().unwrap_or_else(|| "it is empty".to_owned());
                    left_out.insert(column.name.clone(), why);
                }
            }
        }
        (describing, left_out)
    }
}

/// A cost in USD; NaN where there is none.
fn cost(value: &Json) -> Result<f64, String> {
    let text = match value {
        Json::Null => return Ok(f64::NAN),
        Json::Number(text) => text.as_str(),
        Json::Text(text) => text.trim(),
        other => return Err(format!("{}, expected a cost in USD", other.kind())),
    };
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    match text.parse::<f64>() {
        Ok(cost) if cost.is_nan() || (cost >= 0.0 && cost.is_finite()) => Ok(cost),
        _ => Err(format!("{text:?}, expected a cost in USD of at least 0")),
    }
}

/// A value as what describes a row; `None` for what is too long or no single value.
fn label(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::Text(text) | Json::Number(text) if text.len() <= MAX_LABEL => Some(text.clone()),
        Json::Flag(flag) => Some(flag.to_string()),
        _ => None,
    }
}
