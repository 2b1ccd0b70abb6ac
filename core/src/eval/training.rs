//! A training, and the evaluation of what it made on the rows that it held out.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{DataSource, EvalReport, EvalSpec, RouterSource, TableKind, run};
use crate::train::{self, Labels, TrainReport, TrainSpec};
use crate::{Control, Error, ErrorKind, Json, Result};

/// What a training made, and how good it is on the rows that it held out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TrainingReport {
    /// What the training made.
    #[serde(flatten)]
    pub training: TrainReport,
    /// The held-out rows, a table for each source; none unless the specification asks for an evaluation.
    pub evaluation: Option<EvalReport>,
    /// Sources that could not be evaluated on, each with the reason: rows of another pair, too few of them.
    pub not_evaluated: Vec<String>,
}

/// Trains as [`train::run`] does and, if the specification has `evaluation`, evaluates the artifact on the rows that its
/// `split` held out.
///
/// # Errors
/// As [`train::run`] and [`run`]; `InvalidArgument` for an evaluation without a split, and one with routers or data. The artifact
/// stays if only its evaluation fails.
pub fn run_training(spec: &TrainSpec, mut control: Control<'_>) -> Result<TrainingReport> {
    // Before the training, which can be long.
    let specs = evaluations(spec)?;
    let training = train::run(spec, control.part())?;
    let (mut evaluation, mut not_evaluated) = (None::<EvalReport>, Vec::new());
    for mut one in specs {
        if one.strong.is_none() {
            // Not whatever pair the rows are mostly about.
            (one.strong, one.weak) =
                (Some(training.models.strong.clone()), Some(training.models.weak.clone()));
        }
        match run(&one, control.part()) {
            Ok(report) => match &mut evaluation {
                Some(all) => all.tables.extend(report.tables),
                None => evaluation = Some(report),
            },
            Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                not_evaluated.push(error.message().to_owned());
            }
            Err(error) => {
                return Err(
                    error.context(format!("{} is written, its evaluation failed", spec.out.display()))
                );
            }
        }
    }
    Ok(TrainingReport { training, evaluation, not_evaluated })
}

/// The evaluation of each source; none unless one is asked for.
fn evaluations(spec: &TrainSpec) -> Result<Vec<EvalSpec>> {
    let Some(asked) = &spec.evaluation else { return Ok(Vec::new()) };
    let Some(split) = spec.split else {
        return Err(Error::invalid_argument(
            "evaluation has no effect without split: say which share of the prompts is held out",
        ));
    };
    let Some(mut members) = asked.clone().into_members() else {
        return Err(Error::invalid_argument("evaluation is no JSON object"));
    };
    for name in ["routers", "data", "benchmarks", "folder"] {
        if members.contains_key(name) {
            return Err(Error::invalid_argument(format!(
                "evaluation.{name} has no effect: the artifact is evaluated on the rows that split holds out"
            )));
        }
    }
    let name = spec.name.clone().unwrap_or_else(|| RouterSource::new(&spec.out).name);
    let router = Map::from_iter([
        ("path".to_owned(), Value::from(spec.out.to_string_lossy())),
        ("name".to_owned(), Value::from(name)),
    ]);
    members.insert("routers".to_owned(), Value::from(vec![Value::Object(router)]));
    let text = Json::of_members(members).to_string();
    let of_all = EvalSpec::from_json(text.as_bytes()).map_err(|error| error.context("evaluation"))?;
    let sources = spec.sources.iter().enumerate().map(|(i, source)| {
        let mut data = DataSource::default();
        data.path.clone_from(&source.path);
        data.rows.clone_from(&source.rows);
        data.columns.clone_from(&source.columns);
        data.kind = Some(match source.kind {
            Labels::Gold => TableKind::Gold,
            Labels::Votes | Labels::Judge => TableKind::Votes,
            Labels::Log => TableKind::Log,
        });
        if source.kind == Labels::Gold {
            data.models.clone_from(&spec.models);
            data.rename.clone_from(&spec.rename);
        }
        let stem = source.path.as_deref().and_then(std::path::Path::file_stem);
        let stem =
            stem.map_or_else(|| format!("source {}", i + 1), |stem| stem.to_string_lossy().into_owned());
        data.name = Some(format!("{stem}, held out"));
        data.held_out = Some(split);
        data
    });
    Ok(sources
        .map(|data| {
            let mut one = of_all.clone();
            one.data = vec![data];
            one
        })
        .collect())
}
