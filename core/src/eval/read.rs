//! Reading what is evaluated on: tables of scores, votes and logs, from files and from memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::columns::Columns;
use super::table::{Table, TableKind};
use crate::data::{self, Names, PROMPT, Place, Row, field};
use crate::preference::{LogRow, Vote, Winner, outcome, vote};
use crate::setters::options_struct;
use crate::{Error, ErrorKind, Json, Result};

options_struct! {
    /// How rows are read that an evaluation is about.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ReadOptions {
        /// What the rows are; by default what their columns say: votes have `model_a` and `model_b`, logs `model` and
        /// `quality` (or `score`), anything else is gold rows, with a column of scores for each model.
        kind: Option<TableKind> = None => TableKind,
        /// The columns of gold rows that are models; by default all whose values are scores.
        models: Option<Vec<String>> = None => Vec<String>,
        /// What columns are called, by the name that they are read by: `prompt` may be called `question`.
        columns: BTreeMap<String, String> = BTreeMap::new(),
        /// What the table is called; the name of the file without its ending by default.
        name: Option<String> = None => String,
    }
}

impl Table {
    /// Reads a file (`.jsonl`, `.csv`, or `.parquet` where the crate was built with the feature `parquet`).
    ///
    /// Gold rows have a prompt, a boolean or a number in [0, 1] for each model, and, where they are known, its cost in USD
    /// per request in a column `MODEL|total_cost` (as in `RouterBench`), `MODEL|cost` or `MODEL_cost`. Empty cells are not
    /// known. Votes and logs are read as for training. Other columns describe the rows, if they have at most 100 different
    /// short values.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; `InvalidArgument` for an unknown ending, a malformed row (with file and line), or
    /// without a column of scores; `Unsupported` for parquet without the feature.
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        let stem =
            path.file_stem().map_or_else(|| "rows".to_owned(), |stem| stem.to_string_lossy().into_owned());
        Self::from_place(Place::File(path), &stem, options)
    }

    /// Reads rows in memory: objects as they would stand in the lines of a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_rows(rows: &[Json], options: &ReadOptions) -> Result<Self> {
        let lines = rows.iter().map(Json::to_string).collect::<Vec<_>>().join("\n");
        Self::from_place(Place::Lines(lines.as_bytes(), "rows"), "rows", options)
    }

    fn from_place(place: Place<'_>, stem: &str, options: &ReadOptions) -> Result<Self> {
        let name = options.name.as_deref().unwrap_or(stem);
        let kind = match options.kind {
            Some(kind) => kind,
            None => kind_of(place, &options.columns)?,
        };
        let mut table = match kind {
            TableKind::Gold => gold(place, name, options)?,
            TableKind::Votes => votes(place, name, options)?,
            TableKind::Log => logs(place, name, options)?,
        };
        if table.prompts.is_empty() {
            return Err(Error::invalid_argument(format!(
                "{}: there are no rows to evaluate on ({} left out)",
                place.name(),
                table.dropped.values().sum::<usize>()
            )));
        }
        table.group_by_prompt();
        Ok(table)
    }

    /// Leaves out the rows whose prompts are among `prompts`, as they stand, and counts them.
    pub fn decontaminate(&mut self, prompts: &HashSet<String>) {
        let keep: Vec<bool> = self.prompts.iter().map(|prompt| !prompts.contains(prompt)).collect();
        self.contaminated += keep.iter().filter(|keep| !**keep).count();
        self.retain(&keep);
    }
}

/// Prompts that a file lists as contaminated: `eval_prompt` (as RouteLLM's `contaminated_prompts.jsonl` has it) or `prompt` in
/// each row.
///
/// # Errors
/// `NotFound` or `Io` for the file, `InvalidArgument` for a row without a prompt.
pub(super) fn listed_prompts(path: &Path) -> Result<HashSet<String>> {
    let mut prompts = HashSet::new();
    data::each_of_file(path, Some("prompts"), &[], &mut |row| {
        let listed = match field(row.cells, "eval_prompt") {
            Some(crate::data::Json::Text(prompt)) => prompt.clone(),
            _ => data::prompt(row.cells, false)
                .map_err(|_| row.fault("no eval_prompt and no prompt: one of them is needed in each row"))?,
        };
        prompts.insert(listed);
        Ok(())
    })?;
    Ok(prompts)
}

/// What the first row says that all are.
fn kind_of(place: Place<'_>, names: &Names) -> Result<TableKind> {
    let mut kind = None;
    let seen = place.each("rows to evaluate on", &[PROMPT], names, &mut |row| {
        let has = |name: &str| field(row.cells, name).is_some();
        kind = Some(if has("model_a") && has("model_b") {
            TableKind::Votes
        } else if has("model") && (has("quality") || has("score")) {
            TableKind::Log
        } else {
            TableKind::Gold
        });
        // The first row is enough; this error goes nowhere.
        Err(Error::new(ErrorKind::Cancelled, "one row is enough"))
    });
    match (kind, seen) {
        (Some(kind), _) => Ok(kind),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Ok(TableKind::Gold),
    }
}

fn gold(place: Place<'_>, name: &str, options: &ReadOptions) -> Result<Table> {
    let mut columns = Columns::new(TableKind::Gold, options.models.as_deref());
    let mut prompts = Vec::new();
    place.each("rows to evaluate on", &[PROMPT], &options.columns, &mut |row| {
        prompts.push(data::prompt(row.cells, false).map_err(|what| row.fault(what))?);
        columns.add(row)
    })?;
    columns.finish(name, prompts)
}

/// The models among `wanted`, in alphabetical order, with their places.
fn places(names: BTreeSet<&str>) -> (Vec<String>, HashMap<String, usize>) {
    let models: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let places = models.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect();
    (models, places)
}

/// Rows of any kind but gold, and the columns that describe them.
fn described<T>(
    place: Place<'_>,
    kind: TableKind,
    options: &ReadOptions,
    read: impl Fn(&Row<'_>) -> Result<Option<T>, String>,
) -> Result<(Vec<T>, Columns<'static>, usize)> {
    let (mut kept, mut columns, mut dropped) = (Vec::new(), Columns::new(kind, None), 0);
    place.each("rows to evaluate on", &[PROMPT], &options.columns, &mut |row| {
        match read(row).map_err(|what| row.fault(what))? {
            Some(item) => {
                kept.push(item);
                columns.add(row)?;
            }
            None => dropped += 1,
        }
        Ok(())
    })?;
    Ok((kept, columns, dropped))
}

fn votes(place: Place<'_>, name: &str, options: &ReadOptions) -> Result<Table> {
    let (votes, columns, dropped) = described(place, TableKind::Votes, options, vote)?;
    let named = |vote: &&Vote| vote.model_a != vote.model_b;
    let names = votes.iter().filter(named).flat_map(|v| [v.model_a.as_str(), v.model_b.as_str()]).collect();
    let (models, places) = places(names);
    let mut table = columns.finish(name, votes.iter().map(|vote| vote.prompt.clone()).collect())?;
    table.models = models;
    table.quality = vec![f64::NAN; votes.len() * table.models.len()];
    let keep: Vec<bool> = votes.iter().map(|vote| named(&vote)).collect();
    for (row, vote) in votes.iter().enumerate().filter(|(row, _)| keep[*row]) {
        let share = vote.p_model_a.unwrap_or(match vote.winner {
            Winner::ModelA => 1.0,
            Winner::ModelB => 0.0,
            Winner::Tie => 0.5,
        });
        for (model, share) in [(&vote.model_a, share), (&vote.model_b, 1.0 - share)] {
            table.quality[row * places.len() + places[model]] = share;
        }
    }
    table.drop_row("the winner is not known", dropped);
    table.drop_row("a model against itself", keep.iter().filter(|keep| !**keep).count());
    table.retain(&keep);
    Ok(table)
}

/// Logs of one prompt are one row, if no two of them are of one model.
fn logs(place: Place<'_>, name: &str, options: &ReadOptions) -> Result<Table> {
    let (logs, columns, _) = described(place, TableKind::Log, options, |row| outcome(row).map(Some))?;
    let (models, places) = places(logs.iter().map(|log| log.model.as_str()).collect());
    let described = columns.finish(name, logs.iter().map(|log| log.prompt.clone()).collect())?;
    let mut table = Table::empty(name, TableKind::Log, models);
    let width = places.len();
    // The rows that have each prompt so far.
    let mut rows_of: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut sources = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        let LogRow { prompt, model, quality, propensity, .. } = log;
        let model = places[model];
        let rows = rows_of.entry(prompt).or_default();
        let free = rows.iter().copied().find(|row| table.quality[row * width + model].is_nan());
        let row = free.unwrap_or_else(|| {
            rows.push(table.prompts.len());
            sources.push(number);
            table.prompts.push(prompt.clone());
            table.quality.resize(table.quality.len() + width, f64::NAN);
            table.propensities.push(f64::NAN);
            table.prompts.len() - 1
        });
        table.quality[row * width + model] = *quality;
        table.propensities[row] = propensity.unwrap_or(f64::NAN);
    }
    let of_rows = |values: Vec<String>| sources.iter().map(|source| values[*source].clone()).collect();
    table.columns = described.columns.into_iter().map(|(name, values)| (name, of_rows(values))).collect();
    table.left_out = described.left_out;
    Ok(table)
}
