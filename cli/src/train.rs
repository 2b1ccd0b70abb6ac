//! `routellm train`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use routellm_core::candidates::Candidate;
use routellm_core::eval::run_training;
use routellm_core::train::mf::MfReport;
use routellm_core::train::{
    CalibrationSource, EncoderSource, Labels, Source, SplitSource, Ties, TrainReport, TrainSpec, Trained,
    Trainer,
};
use routellm_core::{Json, Result};

use crate::eval::table;
use crate::named::named;
use crate::output::Output;
use crate::report::Losses;
use crate::{progress, report};

/// Train a router on gold rows and votes.
#[derive(Debug, Subcommand)]
pub(crate) enum Train {
    /// Ridge regression on hashed words: gold rows and, per candidate, logs; no model to run.
    #[command(after_help = "Examples:\n  routellm train linear --gold gold.jsonl --out my-router\n  \
        routellm train linear --gold gold.csv --strong big --weak small --set folds=5 --out my-router")]
    Linear(Arguments),
    /// Nearest neighbours on hashed words, or on the vectors of an encoder: votes, gold rows and logs.
    #[command(after_help = "Examples:\n  routellm train knn --gold gold.jsonl --out my-knn\n  \
        routellm train knn --log log.jsonl --encoder my-encoder --strong big --weak small --out my-knn")]
    Knn(Arguments),
    /// Logistic regression on the vectors of an encoder: votes, gold rows and, per candidate, logs.
    #[command(
        after_help = "Examples:\n  routellm train logistic --gold gold.jsonl --encoder my-encoder --out my-logistic\n  \
        routellm train logistic --log log.jsonl --encoder my-encoder --set per_candidate=true --out x"
    )]
    Logistic(Arguments),
    /// Matrix factorization on the vectors of an encoder: votes and gold rows.
    #[command(
        after_help = "Examples:\n  routellm train mf --votes votes.jsonl --encoder my-encoder --strong big \
        --weak small --out my-mf\n  routellm train mf --gold gold.jsonl --encoder my-encoder --set epochs=20 --out my-mf"
    )]
    Mf(Arguments),
    /// Similarity-weighted ranking on the vectors of an encoder: votes and gold rows.
    #[command(
        after_help = "Examples:\n  routellm train sw --votes votes.jsonl --encoder my-encoder --strong big \
        --weak small --out my-sw\n  routellm train sw --judge judge.jsonl --encoder my-encoder --strong big \
        --weak small --out my-sw"
    )]
    Sw(Arguments),
    /// Train as a file says.
    #[command(
        after_help = "Examples:\n  routellm train run spec.json\n  routellm train run spec.json --json"
    )]
    Run {
        /// The specification, JSON.
        spec: PathBuf,
        /// A folder for report.json and report.html, of the evaluation that the specification asks for.
        #[arg(long, value_name = "FOLDER")]
        report: Option<PathBuf>,
    },
}

/// What is trained on, and where to.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Gold rows: how well each model answered each prompt. Repeatable.
    #[arg(long, value_name = "FILE")]
    gold: Vec<PathBuf>,
    /// Votes of people: whose answer was preferred. Repeatable.
    #[arg(long, value_name = "FILE")]
    votes: Vec<PathBuf>,
    /// Votes of a model that judges. Repeatable.
    #[arg(long, value_name = "FILE")]
    judge: Vec<PathBuf>,
    /// Logs: how good the answer of one model to each prompt was. Repeatable.
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
    /// What a tie says: `drop`, `half` or `weak_not_worse`.
    #[arg(long, value_name = "RULE")]
    ties: Option<Ties>,
    /// The strong model; of gold rows of two models the better one.
    #[arg(long, value_name = "MODEL")]
    strong: Option<String>,
    /// The weak model; of gold rows of two models the other one.
    #[arg(long, value_name = "MODEL")]
    weak: Option<String>,
    /// A model that requests may be sent to, repeatable; all of the sources without it.
    #[arg(long = "candidate", value_name = "MODEL")]
    candidates: Vec<String>,
    /// A share of the prompts that nothing is learned from.
    #[arg(long, value_name = "SHARE")]
    split: Option<f64>,
    /// A folder for report.json and report.html: how good the router is on the prompts that --split holds out.
    #[arg(long, value_name = "FOLDER", requires = "split")]
    report: Option<PathBuf>,
    /// The folder of an artifact, whose encoder is taken over.
    #[arg(long, value_name = "FOLDER")]
    encoder: Option<PathBuf>,
    /// A file that keeps embeddings, so that none is computed twice.
    #[arg(long, value_name = "FILE", requires = "encoder")]
    cache: Option<PathBuf>,
    /// Prompts as the router will meet them, to calibrate on; those it learns from without it.
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// The day of the calibration, such as 2026-01-31; today without it.
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// Name of the artifact.
    #[arg(long)]
    name: Option<String>,
    /// Seed of everything that is left to chance.
    #[arg(long)]
    seed: Option<u64>,
    /// A hyperparameter of the trainer, repeatable: folds=5, epochs=20, store=f16.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = named)]
    hyperparameters: Vec<(String, serde_json::Value)>,
    /// The folder to write.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

impl Arguments {
    /// The specification, and the folder of the report.
    fn spec(self, kind: &str) -> Result<(TrainSpec, Option<PathBuf>)> {
        let mut trainer: serde_json::Map<_, _> = self.hyperparameters.into_iter().collect();
        trainer.insert("kind".to_owned(), kind.into());
        let trainer: Trainer = Json::of(&trainer)?.read()?;
        let mut spec = TrainSpec::new(trainer, self.out);
        let files = [
            (Labels::Gold, self.gold),
            (Labels::Votes, self.votes),
            (Labels::Judge, self.judge),
            (Labels::Log, self.log),
        ];
        let files =
            files.into_iter().flat_map(|(kind, files)| files.into_iter().map(move |file| (kind, file)));
        spec.sources = files.map(|(kind, file)| Source::file(kind, file)).collect();
        (spec.name, spec.strong, spec.weak, spec.seed) = (self.name, self.strong, self.weak, self.seed);
        spec.ties = self.ties;
        spec.candidates = self.candidates.into_iter().map(Candidate::new).collect();
        spec.split = self.split.map(|share| SplitSource::new(share, 0));
        spec.evaluation = self.report.is_some().then(|| Json::of(&serde_json::Map::new())).transpose()?;
        spec.encoder = self.encoder.map(|path| {
            let mut encoder = EncoderSource::new(path);
            encoder.cache = self.cache;
            encoder
        });
        let mut calibration = CalibrationSource::default();
        (calibration.path, calibration.date) = (self.calibration, self.date);
        spec.calibration = Some(calibration);
        Ok((spec, self.report))
    }
}

impl Train {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let (spec, folder) = match self {
            Self::Linear(trained) => trained.spec("linear")?,
            Self::Knn(trained) => trained.spec("knn")?,
            Self::Logistic(trained) => trained.spec("logistic")?,
            Self::Mf(trained) => trained.spec("mf")?,
            Self::Sw(trained) => trained.spec("sw_ranking")?,
            Self::Run { spec, report } => (TrainSpec::read(spec)?, report),
        };
        let report = run_training(&spec, progress::control())?;
        if let (Some(folder), Some(evaluation)) = (&folder, &report.evaluation) {
            report::write(evaluation, losses(&report.training).as_ref(), folder)?;
        }
        if output.is_json() {
            return output.json(&report);
        }
        tell(&report.training, output)?;
        if let Some(evaluation) = &report.evaluation {
            output.line("")?;
            table::tell(evaluation, output)?;
        }
        for why in &report.not_evaluated {
            output.line(&format!("not evaluated: {why}"))?;
        }
        match (folder, &report.evaluation) {
            (Some(folder), Some(_)) => output.line(&report::written(&folder)),
            _ => Ok(()),
        }
    }
}

/// The losses of a training that has epochs.
fn losses(report: &TrainReport) -> Option<Losses> {
    let Trained::Mf(MfReport { fit, .. }) = &report.trained else { return None };
    Some(Losses {
        train: fit.train_losses.clone(),
        held_out: fit.held_out_losses.clone(),
        kept: fit.best_epoch,
    })
}

fn tell(report: &TrainReport, output: &mut Output) -> Result<()> {
    output.facts(&[
        ("kind", report.kind.to_owned()),
        ("strong", report.models.strong.clone()),
        ("weak", report.models.weak.clone()),
        ("calibration", format!("{} prompts", report.calibration_prompts)),
        ("out", report.out.display().to_string()),
    ])
}
