//! What every router is compared with.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::rows::{PairOfTable, Scores};
use super::score::Scored;
use super::spec::EvalSpec;
use super::table::Table;
use crate::control::Watch;
use crate::numeric::Rng;
use crate::train::{self, TrainSpec, Trainer};
use crate::{Control, Json, Result, Router};

/// A baseline that gives each prompt a score.
pub(super) struct Baseline {
    pub(super) scores: Scores,
    pub(super) about: &'static str,
}

/// `random`, `length` and `oracle`.
pub(super) fn simple(pair: &PairOfTable, spec: &EvalSpec) -> Vec<Baseline> {
    let mut rng = Rng::new(spec.seed);
    let random = pair.prompts.iter().map(|_| rng.uniform()).collect();
    let lengths: Vec<f64> = pair.prompts.iter().map(|prompt| prompt.chars().count() as f64).collect();
    let gaps = pair.graded.iter().map(|graded| graded.strong - graded.weak);
    let widest = gaps.clone().map(f64::abs).fold(1.0, f64::max);
    let of = |name: &str, scores: Vec<f64>, about| Baseline {
        scores: Scores { name: name.to_owned(), scores, rates: false },
        about,
    };
    vec![
        of("random", random, "a number drawn for each prompt"),
        of("length", lengths, "the characters of the prompt: longer ones are sent to strong first"),
        of(
            "oracle",
            gaps.map(|gap| f64::midpoint(gap / widest, 1.0)).collect(),
            "how much better the strong model's answer was: nobody can know it before, and nobody can do better",
        ),
    ]
}

/// Which baselines are trained, by the name of their trainer.
pub(super) const TRAINED: [(&str, &str); 2] = [
    ("linear", "ridge regression on hashed words, trained on the baseline rows"),
    ("knn", "nearest neighbours on hashed words, trained on the baseline rows"),
];

/// Trains a baseline for a pair on the rows that the specification names, and opens it.
///
/// # Errors
/// As training; `Io` for the folder of temporary files.
pub(super) fn trained(
    kind: &str,
    table: &Table,
    (strong, weak): (&str, &str),
    spec: &EvalSpec,
    watch: &mut Watch<'_>,
) -> Result<Scored> {
    let folder = Temporary::new();
    let mut work = || -> Result<Scored> {
        let mut training = training(kind, (strong, weak), spec, &folder.0)?;
        if kind == "linear" && table.models.len() > 2 {
            let settings = serde_json::json!({"kind": "linear", "per_candidate": true});
            training.trainer = Json::of(&settings)?.read()?;
        }
        let mut control = Control::new();
        if let Some(stop) = watch.stop() {
            control = control.cancel(stop);
        }
        let stage = format!("training {kind}");
        let control = control.progress(|step| match watch.report(&stage, step.done, step.total, step.loss) {
            Ok(()) => std::ops::ControlFlow::Continue(()),
            Err(_) => std::ops::ControlFlow::Break(()),
        });
        train::run(&training, control)?;
        let router = Router::open(&folder.0)?;
        Scored::new(kind.to_owned(), router, String::new(), None, false)
    };
    work().map_err(|error| error.context(format!("baseline {kind}")))
}

fn training(kind: &str, (strong, weak): (&str, &str), spec: &EvalSpec, out: &Path) -> Result<TrainSpec> {
    let mut training = TrainSpec::new(Trainer::named(kind)?, out);
    training.sources.clone_from(&spec.baselines);
    (training.strong, training.weak) = (Some(strong.to_owned()), Some(weak.to_owned()));
    Ok(training)
}

/// How many rows of a pair have a prompt that the baselines are trained on.
///
/// # Errors
/// As reading the sources.
pub(super) fn overlap(pair: &PairOfTable, spec: &EvalSpec) -> Result<usize> {
    let training = training("linear", ("", ""), spec, Path::new(""))?;
    let sources = train::sources(&training)?;
    let votes = sources.vote_table().into_iter().flat_map(|table| &table.votes).map(|vote| &vote.prompt);
    let gold = sources.gold_table().into_iter().flat_map(|table| &table.rows).map(|row| &row.prompt);
    let logs = sources.log_table().into_iter().flat_map(|table| &table.rows).map(|row| &row.prompt);
    let known: HashSet<&String> = votes.chain(gold).chain(logs).collect();
    Ok(pair.prompts.iter().filter(|prompt| known.contains(prompt)).count())
}

/// A folder that is gone with this value.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("routellm-baseline-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed costs room and nothing else.
        let _ = fs::remove_dir_all(&self.0);
    }
}
