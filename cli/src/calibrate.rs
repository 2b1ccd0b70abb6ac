//! `routellm calibrate`.

use std::path::PathBuf;

use routellm_core::calibrate::{CalibrateSpec, CalibrationReport};
use routellm_core::{OpenOptions, Result, Router};
use serde_json::{Value, json};

use crate::opening::option;
use crate::output::Output;
use crate::progress;

/// Calibrate a router on requests of your own.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  routellm calibrate default --prompts traffic.jsonl --strong-share 0.2 --out calibration.json\n  \
    routellm calibrate my-router --labels gold.jsonl --pgr 0.5 --out my-router"
)]
pub(crate) struct Calibrate {
    /// The folder of an artifact, or `default`.
    router: PathBuf,
    #[command(flatten)]
    sample: Sample,
    #[command(flatten)]
    target: Target,
    /// `threshold`, or `cost_weight` to compare all candidates (with --cost).
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Requests that the prediction interval is for; as many as the sample has without it.
    #[arg(long, value_name = "COUNT")]
    further_requests: Option<u64>,
    /// A column whose equal values belong together, a user for example.
    #[arg(long, value_name = "COLUMN")]
    group_by: Option<String>,
    /// A column to slice by, repeatable.
    #[arg(long, value_name = "COLUMN")]
    slice_by: Vec<String>,
    /// The day of the sample, such as 2026-01-31; today without it.
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// Seed of the bootstrap intervals.
    #[arg(long)]
    seed: Option<u64>,
    /// Where it is kept: a file that ends in .json, or the folder of the artifact.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// An option of opening, repeatable: strong=gpt-4, sessions=2.
    #[arg(short = 'O', long = "option", value_name = "NAME=VALUE", value_parser = option)]
    options: Vec<(String, Value)>,
}

/// The sample: one file.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Sample {
    /// Prompts, or logs of requests with `messages`.
    #[arg(long, value_name = "FILE")]
    prompts: Option<PathBuf>,
    /// Win rates that this router gave, in a column `win_rate`.
    #[arg(long, value_name = "FILE")]
    win_rates: Option<PathBuf>,
    /// Prompts with the qualities of both models' answers.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

/// What it aims at: one thing.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// This share of the requests goes to the strong model.
    #[arg(long, value_name = "SHARE")]
    strong_share: Option<f64>,
    /// 1,000 requests cost at most so many USD.
    #[arg(long, value_name = "USD")]
    cost: Option<f64>,
    /// At least this part of the gap in quality is recovered (with labels).
    #[arg(long, value_name = "PART")]
    pgr: Option<f64>,
    /// The mean quality is at least this (with labels).
    #[arg(long, value_name = "QUALITY")]
    quality: Option<f64>,
    /// The chosen model succeeds with at least this chance (with labels).
    #[arg(long, value_name = "CHANCE")]
    p_success: Option<f64>,
}

impl Calibrate {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let mut options = OpenOptions::new();
        for (name, value) in &self.options {
            options.set_json(json!({ name: value }).to_string().as_bytes())?;
        }
        let is_default = self.router.as_os_str() == "default" && !self.router.is_dir();
        let router: Router = if is_default { options.open_default()? } else { options.open(&self.router)? };
        let mut spec = CalibrateSpec::new().slice_by(self.slice_by);
        spec.path = self.sample.prompts.or(self.sample.win_rates).or(self.sample.labels);
        let Target { strong_share, cost, pgr, quality, p_success } = self.target;
        (spec.strong_share, spec.cost, spec.pgr) = (strong_share, cost, pgr);
        (spec.quality, spec.p_success, spec.policy) = (quality, p_success, self.policy);
        (spec.further_requests, spec.group_by, spec.date) = (self.further_requests, self.group_by, self.date);
        spec.seed = self.seed.unwrap_or(spec.seed);
        let (calibrated, report) = router.calibrate(&spec, progress::control())?;
        if let Some(out) = &self.out {
            calibrated.save_calibration(out)?;
        }
        if output.is_json() {
            return output.json(&report);
        }
        tell(&report, self.out.as_deref(), output)
    }
}

fn tell(report: &CalibrationReport, out: Option<&std::path::Path>, output: &mut Output) -> Result<()> {
    let of = |low: f64, high: f64| format!("{low:.4} to {high:.4}");
    let mut facts = vec![
        ("sample", report.sample.name.clone()),
        ("target", format!("{} {}", report.target, report.value)),
        ("strong", report.strong.clone()),
        ("weak", report.weak.clone()),
    ];
    facts.extend(report.threshold.map(|threshold| ("threshold", threshold.to_string())));
    let (confidence, prediction) = (report.confidence_interval, report.prediction_interval);
    facts.push(("strong share", format!("{:.4}", report.strong_share)));
    facts.push(("of all, with 95 %", of(confidence.low, confidence.high)));
    facts.push((
        "of further, with 95 %",
        format!("{} of {} requests", of(prediction.low, prediction.high), report.further_requests),
    ));
    facts.extend(report.expected_cost.map(|cost| ("USD per 1,000", format!("{cost:.4}"))));
    if let Some(quality) = &report.quality {
        let interval = of(quality.interval.low, quality.interval.high);
        facts.push(("quality", format!("{:.4}, with 95 % {interval}", quality.mean)));
        facts.extend(quality.pgr.map(|pgr| ("pgr", format!("{pgr:.4}"))));
        facts.extend(quality.p_success.map(|chance| ("chance of success", format!("{chance:.4}"))));
    }
    facts.extend(report.warnings.iter().map(|warning| ("warning", warning.message.clone())));
    facts.extend(out.map(|out| ("out", out.display().to_string())));
    output.facts(&facts)?;
    let row = |slice: &routellm_core::calibrate::Slice| {
        vec![
            slice.by.clone(),
            slice.value.clone(),
            slice.count.to_string(),
            format!("{:.4}", slice.strong_share),
            of(slice.interval.low, slice.interval.high),
        ]
    };
    if report.slices.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(
        &["slice", "value", "prompts", "strong share", "with 95 %"],
        report.slices.iter().map(row).collect(),
    )
}
