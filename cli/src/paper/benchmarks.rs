//! `routellm paper mmlu | gsm8k | mt-bench`: one's own routers beside the tables of the paper.

use std::path::PathBuf;

use routellm_core::Result;
use routellm_core::eval::{Estimate, EvalReport, EvalSpec, Role, RouterSource, run};
use serde_json::json;

use super::published::{Figures, Published, ROUTERS};
use crate::output::Output;
use crate::progress;
use crate::report::figures::{apgr, cpt};

/// Print the paper's table of a benchmark with routers of your own beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm paper mmlu --data evals\n  \
    routellm paper gsm8k default my-router --data evals --draws 200 --json")]
pub(crate) struct Benchmark {
    /// `default`, or the folders of artifacts or models.
    #[arg(value_name = "ROUTER", default_value = "default")]
    routers: Vec<String>,
    /// The folder of the benchmarks, laid out as RouteLLM's routellm/evals.
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// The strong model; the paper's by default.
    #[arg(long, default_value = "gpt-4-1106-preview")]
    strong: String,
    /// The weak model; the paper's by default.
    #[arg(long, default_value = "mistralai/Mixtral-8x7B-Instruct-v0.1")]
    weak: String,
    /// Draws of the bootstrap.
    #[arg(long, default_value_t = 1000)]
    draws: usize,
    /// A folder that keeps scores, so that nothing is scored twice.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

impl Benchmark {
    /// The table of the benchmark of this name, whose published figures `published` picks.
    pub(super) fn run(
        self,
        name: &str,
        published: fn(&Published) -> Figures,
        output: &mut Output,
    ) -> Result<()> {
        let mut spec = EvalSpec::new(self.routers.iter().map(RouterSource::new));
        (spec.benchmarks, spec.folder) = (vec![name.to_owned()], Some(self.data));
        (spec.strong, spec.weak) = (Some(self.strong), Some(self.weak));
        (spec.draws, spec.cache, spec.levels) = (self.draws, self.cache, vec![0.5, 0.8]);
        (spec.robustness, spec.slices) = (0, Some(Vec::new()));
        let report = run(&spec, progress::control())?;
        if output.is_json() {
            return output.json_line(&json!({ "report": report, "published": theirs(published) }));
        }
        let mut rows = ours(&report);
        rows.extend(ROUTERS.iter().map(|row| {
            let (cpt50, cpt80, apgr) = published(row);
            vec![
                format!("{}, the paper", row.router),
                row.training.to_owned(),
                format!("{apgr:.3}"),
                format!("{cpt50:.1} %"),
                format!("{cpt80:.1} %"),
            ]
        }));
        output.table(&["router", "learned from", "APGR", "CPT(50%)", "CPT(80%)"], rows)
    }
}

fn ours(report: &EvalReport) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for table in &report.tables {
        for result in &table.results {
            let Some(pair) = &result.pair else { continue };
            let figure = |of: Option<&Estimate>, scale: f64, digits: usize| {
                of.map_or_else(
                    || "-".to_owned(),
                    |of| {
                        let unit = if scale == 1.0 { "" } else { " %" };
                        let number = |value: f64| format!("{:.digits$}", scale * value);
                        format!("{}{unit} [{}, {}]", number(of.value), number(of.low), number(of.high))
                    },
                )
            };
            rows.push(vec![
                result.name.clone(),
                if result.role == Role::Router { "its own" } else { "nothing" }.to_owned(),
                figure(apgr(pair), 1.0, 3),
                figure(cpt(pair, 0.5), 100.0, 1),
                figure(cpt(pair, 0.8), 100.0, 1),
            ]);
        }
    }
    rows
}

fn theirs(published: fn(&Published) -> Figures) -> serde_json::Value {
    ROUTERS
        .iter()
        .map(|row| {
            let (cpt50, cpt80, apgr) = published(row);
            json!({
                "router": row.router, "training": row.training,
                "cpt50": cpt50 / 100.0, "cpt80": cpt80 / 100.0, "apgr": apgr,
            })
        })
        .collect()
}
