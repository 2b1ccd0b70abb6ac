//! `routellm eval`.

pub(crate) mod table;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use routellm_core::eval::{DataSource, Definition, EvalSpec, RouterSource, TableKind, run_labelled};
use routellm_core::train::{Labels, OnError, Source, SplitSource};
use routellm_core::{Error, ErrorKind, Json, Result};

use crate::language::language;
use crate::output::Output;
use crate::{progress, report, runtime};

/// Evaluate routers: quality against cost, on benchmarks and on rows of your own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  routellm eval default my-router --data gold.csv --out report\n  \
    routellm eval default --data gold.jsonl --pair big small --draws 200 --robustness 0 --json")]
pub(crate) struct Eval {
    /// `default`, the folder of an artifact or of a model, or the name of an installed one (mf-minilm).
    #[arg(value_name = "ROUTER", required = true)]
    routers: Vec<String>,
    /// Benchmarks of the paper in the folder of --data: mmlu, gsm8k, mt-bench.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    benchmark: Vec<String>,
    /// A file of prompts and scores, votes or logs; the folder of benchmarks, laid out as RouteLLM's routellm/evals.
    #[arg(long, value_name = "PATH", required = true)]
    data: Vec<PathBuf>,
    /// The folder to write report.json to.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write each plot into that folder, too: svg, png or both.
    #[arg(long, value_name = "FORMAT", num_args = 1.., requires = "out")]
    plots: Vec<report::Format>,
    /// The strong and the weak model, of tables with more.
    #[arg(long, num_args = 2, value_names = ["STRONG", "WEAK"])]
    pair: Vec<String>,
    /// A column that is a model, repeatable; by default all whose values are scores.
    #[arg(long, value_name = "NAME")]
    model: Vec<String>,
    /// What a column is called: prompt=question. Repeatable.
    #[arg(long, value_name = "NAME=COLUMN", value_parser = pair_of_texts)]
    column: Vec<(String, String)>,
    /// What the rows are: gold, votes or log; by default what their columns say.
    #[arg(long, value_parser = json_name::<TableKind>)]
    kind: Option<TableKind>,
    /// USD per 1,000 requests of a model, where rows say none. Repeatable.
    #[arg(long, value_name = "MODEL=USD", value_parser = cost)]
    cost: Vec<(String, f64)>,
    /// Prompts to leave out of --data, because training data resembles them.
    #[arg(long, value_name = "FILE")]
    contaminated: Option<PathBuf>,
    /// A column to slice by: length, code, script, language or one of the data. Repeatable; by default all that say something.
    #[arg(long, value_name = "COLUMN")]
    slice: Vec<String>,
    /// Rows to train the baselines linear and knn on. Repeatable.
    #[arg(long, value_name = "FILE")]
    baseline_gold: Vec<PathBuf>,
    /// Votes to train them on, likewise.
    #[arg(long, value_name = "FILE")]
    baseline_votes: Vec<PathBuf>,
    /// Rows that are scored again in other clothes and under attack; 0 for none.
    #[arg(long, value_name = "ROWS")]
    robustness: Option<usize>,
    /// Draws of the bootstrap.
    #[arg(long)]
    draws: Option<usize>,
    /// Seed of everything that is left to chance.
    #[arg(long)]
    seed: Option<u64>,
    /// The definitions: exact, or reference (RouteLLM's own).
    #[arg(long, value_parser = json_name::<Definition>)]
    definition: Option<Definition>,
    /// Tell the texts of the most wrong prompts, which may be private.
    #[arg(long)]
    with_prompts: bool,
    /// A folder that keeps scores, so that nothing is scored twice.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Only the rows that a training with --split SHARE holds out.
    #[arg(long, value_name = "SHARE")]
    held_out: Option<f64>,
    /// Leave out rows that a router cannot score, instead of failing.
    #[arg(long)]
    leave_out: bool,
}

impl Eval {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let plots = self.plots.clone();
        let (spec, out) = self.spec()?;
        // Before the work, which may be long.
        if let Some(out) = &out {
            fs::create_dir_all(out).map_err(|error| Error::io(out, error))?;
        }
        let label = |prompt: &str| language(prompt).to_owned();
        let report = run_labelled(&spec, &[("language", &label)], progress::control())?;
        if let Some(out) = &out {
            report::write(&report, None, out)?;
            for format in plots {
                report::write_plots(&report, out, format)?;
            }
        }
        if output.is_json() {
            return output.json(&report);
        }
        table::tell(&report, output)?;
        match out {
            Some(out) => output.line(&report::written(&out)),
            None => Ok(()),
        }
    }

    fn spec(self) -> Result<(EvalSpec, Option<PathBuf>)> {
        let mut spec = EvalSpec::new(self.routers.iter().map(|name| router(name)));
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            self.data.into_iter().partition(|path| path.is_dir());
        match (&folders[..], self.benchmark.is_empty()) {
            ([], true) => {}
            ([folder], false) => spec.folder = Some(folder.clone()),
            ([], false) => {
                return Err(wrong(
                    "--benchmark needs --data FOLDER, the folder of the benchmarks, laid out as RouteLLM's routellm/evals",
                ));
            }
            ([folder], true) => {
                return Err(wrong(format!(
                    "--data {}: a folder holds benchmarks: name them by --benchmark, or pass a file",
                    folder.display()
                )));
            }
            (_, _) => return Err(wrong("--data names two folders: pass one of them")),
        }
        spec.benchmarks = self.benchmark;
        spec.data = files
            .into_iter()
            .map(|file| {
                let mut source = DataSource::file(file);
                source.models = (!self.model.is_empty()).then(|| self.model.clone());
                source.columns = self.column.iter().cloned().collect();
                source.kind = self.kind;
                source.contaminated.clone_from(&self.contaminated);
                source.held_out = self.held_out.map(|share| SplitSource::new(share, 0));
                source
            })
            .collect();
        if let [strong, weak] = &self.pair[..] {
            (spec.strong, spec.weak) = (Some(strong.clone()), Some(weak.clone()));
        }
        spec.costs = self.cost.into_iter().collect();
        spec.slices = (!self.slice.is_empty()).then_some(self.slice);
        let gold = self.baseline_gold.into_iter().map(|file| Source::file(Labels::Gold, file));
        let votes = self.baseline_votes.into_iter().map(|file| Source::file(Labels::Votes, file));
        spec.baselines = gold.chain(votes).collect();
        spec.robustness = self.robustness.unwrap_or(spec.robustness);
        spec.draws = self.draws.unwrap_or(spec.draws);
        spec.seed = self.seed.unwrap_or(spec.seed);
        spec.definition = self.definition.unwrap_or(spec.definition);
        (spec.with_prompts, spec.cache) = (self.with_prompts, self.cache);
        if self.leave_out {
            spec.on_error = OnError::LeaveOut;
        }
        Ok((spec, self.out))
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

/// The router of a name: a folder of that name before an installed package.
fn router(name: &str) -> RouterSource {
    if name == "default" || Path::new(name).exists() {
        return RouterSource::new(name);
    }
    match runtime::bundled(name) {
        Some(folder) => {
            let mut source = RouterSource::new(folder);
            name.clone_into(&mut source.name);
            source
        }
        // Opening it says what is missing.
        None => RouterSource::new(name),
    }
}

/// The value of a name that JSON has too.
fn json_name<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    Json::of(&text).and_then(|json| json.read()).map_err(|error| error.message().to_owned())
}

fn pair_of_texts(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=COLUMN".to_owned()),
    }
}

fn cost(text: &str) -> Result<(String, f64), String> {
    // Names of models may hold the sign.
    match text.rsplit_once('=').map(|(model, usd)| (model, usd.parse())) {
        Some((model, Ok(usd))) if !model.is_empty() => Ok((model.to_owned(), usd)),
        _ => Err("expected MODEL=USD".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options_are_read() {
        assert_eq!(cost("a=b=1.5"), Ok(("a=b".to_owned(), 1.5)));
        assert!(cost("a").is_err() && cost("=1").is_err() && cost("a=x").is_err());
        assert_eq!(json_name::<TableKind>("votes"), Ok(TableKind::Votes));
        assert!(json_name::<Definition>("mine").unwrap_err().contains("exact"));
        assert!(pair_of_texts("prompt=").is_err());
        assert_eq!(router("default"), RouterSource::new("default"));
        assert_eq!(router("no-such-router").path, Path::new("no-such-router"));
    }
}
