//! Carrying out an evaluation that is data.

use std::collections::HashMap;

use super::baselines::{self, Baseline, TRAINED};
use super::folder::BenchmarkName;
use super::many::{self, Complete};
use super::pair_choice::choose;
use super::read::{ReadOptions, listed_prompts};
use super::report::{
    Comparison, EvalReport, ModelFacts, REPORT_FORM, ResultReport, Role, RouterFacts, SliceReport,
    SliceValue, TableReport,
};
use super::robust::robustness;
use super::rows::{PairOfTable, Scores, compare};
use super::score::Scored;
use super::slices::{self, slices};
use super::spec::{DataSource, EvalSpec, RouterSource};
use super::table::Table;
use crate::control::Watch;
use crate::train::OnError;
use crate::{Control, Error, Result};

/// Baselines that were trained, and how many rows of the table they were trained on too.
type Baselines = (Vec<(ResultReport, Scores)>, Option<usize>);

/// A column that whoever evaluates computes of prompts: its name, and the value of a prompt.
pub type Label<'a> = (&'a str, &'a dyn Fn(&str) -> String);

/// Evaluates as a specification says. The same specification and data give the same report, with a cache and without one.
///
/// ```
/// use routellm_core::eval::{self, DataSource, EvalSpec, RouterSource};
/// use routellm_core::{Control, Json};
///
/// let row = |i: usize| -> Json {
///     let (prompt, weak) = if i % 2 == 0 { ("Prove it for all n:", 0) } else { ("Hello, number", 1) };
///     format!(r#"{{"prompt": "{prompt} {i}", "big": 1, "small": {weak}}}"#).parse().unwrap()
/// };
/// let mut spec = EvalSpec::new([RouterSource::new("default")]);
/// spec.data = vec![DataSource::rows((0..40).map(row))];
/// (spec.draws, spec.robustness) = (100, 0);
/// let report = eval::run(&spec, Control::new())?;
/// assert_eq!((report.tables[0].strong.as_str(), report.tables[0].rows), ("big", 40));
/// # Ok::<(), routellm_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for a specification that contradicts itself; what reading the data, opening and asking the routers and
/// training the baselines report; `Cancelled`; `ResourceExhausted` if the time is over.
pub fn run(spec: &EvalSpec, control: Control<'_>) -> Result<EvalReport> {
    run_labelled(spec, &[], control)
}

/// As [`run`], with slices by columns that the caller computes, such as the language of a prompt.
///
/// # Errors
/// As [`run`].
pub fn run_labelled(spec: &EvalSpec, labels: &[Label<'_>], control: Control<'_>) -> Result<EvalReport> {
    spec.check()?;
    let control = match spec.timeout()? {
        Some(timeout) => control.timeout(timeout),
        None => control,
    };
    let mut watch = control.start()?;
    // First what can be wrong and costs little.
    let tables = read_tables(spec, &mut watch)?;
    for (table, _) in &tables {
        slices::check(
            table,
            spec.slices.as_deref().unwrap_or_default(),
            labels.iter().map(|(name, _)| *name),
        )?;
    }
    let leave_out = spec.on_error == OnError::LeaveOut;
    let open = |source: &RouterSource| Scored::open(source, spec.cache.as_deref(), leave_out);
    let mut routers: Vec<Scored> = spec.routers.iter().map(open).collect::<Result<_>>()?;
    let own = routers.iter().map(|r| (r.router.strong().to_owned(), r.router.weak().to_owned())).collect();
    let mut evaluation = Evaluation { spec, labels, own, trained: HashMap::new() };
    let tables = tables
        .iter()
        .map(|(table, path)| evaluation.table(table, path.clone(), &mut routers, &mut watch))
        .collect::<Result<Vec<_>>>();
    // What was scored before a failure is not scored again.
    let saved = routers.iter_mut().try_for_each(Scored::save);
    let tables = tables?;
    saved?;
    Ok(EvalReport {
        form: REPORT_FORM,
        version: crate::VERSION,
        seed: spec.seed,
        draws: spec.draws,
        confidence: spec.confidence,
        levels: spec.levels.clone(),
        definition: spec.definition,
        routers: spec.routers.iter().zip(&routers).map(|(source, router)| facts(source, router)).collect(),
        tables,
    })
}

fn facts(source: &RouterSource, scored: &Scored) -> RouterFacts {
    let info = scored.router.info();
    let calibration = info.calibration.as_ref();
    RouterFacts {
        name: scored.name.clone(),
        path: source.path.display().to_string(),
        kind: info.kind.to_string(),
        strong: info.strong.clone(),
        weak: info.weak.clone(),
        checksum: scored.identity.clone(),
        default_threshold: calibration.map(|calibration| calibration.default_threshold),
        default_strong_share: calibration.map(|calibration| calibration.default_strong_share),
    }
}

/// The tables with the files that they are of.
fn read_tables(spec: &EvalSpec, watch: &mut Watch<'_>) -> Result<Vec<(Table, Option<String>)>> {
    let total = spec.benchmarks.len() + spec.data.len();
    let mut tables = Vec::with_capacity(total);
    for (name, folder) in spec.benchmarks.iter().zip(std::iter::repeat(&spec.folder)) {
        watch.report("reading", tables.len(), total, None)?;
        let folder = folder.as_deref().unwrap_or(std::path::Path::new(""));
        tables.push((BenchmarkName::named(name)?.read(folder)?, None));
    }
    for (i, source) in spec.data.iter().enumerate() {
        watch.report("reading", tables.len(), total, None)?;
        let table = read_data(source).map_err(|error| match source.path {
            // A fault in a file names the file already.
            Some(_) => error,
            None => error.context(format!("data[{i}]")),
        })?;
        tables.push((table, source.path.as_ref().map(|path| path.display().to_string())));
    }
    Ok(tables)
}

fn read_data(source: &DataSource) -> Result<Table> {
    let mut options = ReadOptions::new().columns(source.columns.clone());
    options.kind = source.kind;
    options.models.clone_from(&source.models);
    options.name.clone_from(&source.name);
    let mut table = match (&source.path, &source.rows) {
        (Some(path), _) => Table::read(path, &options)?,
        (None, rows) => Table::from_rows(rows.as_deref().unwrap_or_default(), &options)?,
    };
    if let Some(list) = &source.contaminated {
        table.decontaminate(&listed_prompts(list)?);
    }
    table.rename(&source.rename)?;
    if let Some(split) = source.held_out {
        table.keep_held_out(&split.split()?)?;
    }
    Ok(table)
}

/// An evaluation, table by table.
struct Evaluation<'a> {
    spec: &'a EvalSpec,
    labels: &'a [Label<'a>],
    /// The pairs of the routers.
    own: Vec<(String, String)>,
    /// Baselines that were trained, by kind and pair.
    trained: HashMap<(&'static str, String, String), Scored>,
}

impl Evaluation<'_> {
    fn table(
        &mut self,
        table: &Table,
        path: Option<String>,
        routers: &mut [Scored],
        watch: &mut Watch<'_>,
    ) -> Result<TableReport> {
        let spec = self.spec;
        let given = spec.strong.as_deref().zip(spec.weak.as_deref());
        let (strong, weak, pair_choice) = choose(table, given, &self.own)?;
        let mut pair = PairOfTable::new(table, strong, weak, spec)?;
        let mut dropped = table.dropped.clone();
        // All routers are told of the same rows.
        let mut scored: Vec<Vec<f64>> = Vec::new();
        for router in routers.iter_mut() {
            scored.push(router.win_rates(&pair.prompts, watch)?);
        }
        let good: Vec<usize> =
            (0..pair.rows.len()).filter(|i| scored.iter().all(|scores| !scores[*i].is_nan())).collect();
        if good.len() < pair.rows.len() {
            dropped.insert("a router could not score it".to_owned(), pair.rows.len() - good.len());
            let missing = pair.missing;
            pair = pair.part(&good);
            pair.missing = missing;
            for scores in &mut scored {
                *scores = good.iter().map(|i| scores[*i]).collect();
            }
        }
        if pair.rows.is_empty() {
            return Err(Error::invalid_argument(format!(
                "{}: no row knows both {:?} and {:?} ({} rows, {} contaminated): name another pair",
                table.name,
                table.models[strong],
                table.models[weak],
                table.prompts.len(),
                table.contaminated
            )));
        }
        let complete = Complete::new(table, spec);
        let mut results = Vec::new();
        let mut all = Vec::new();
        for (router, scores) in routers.iter_mut().zip(scored) {
            let scores = Scores { name: router.name.clone(), scores, rates: true };
            let mut result = self.result(&pair, &scores, Role::Router, "")?;
            self.of_router(&mut result, &pair, &scores, router, complete.as_ref(), table, watch)?;
            results.push(result);
            all.push(scores);
        }
        let (trained, overlap) = self.baselines(table, (strong, weak), &pair, complete.as_ref(), watch)?;
        let simple = baselines::simple(&pair, spec);
        for Baseline { scores, about } in simple {
            results.push(self.result(&pair, &scores, Role::Baseline, about)?);
            all.push(scores);
        }
        results.push(best_single(table, complete.as_ref(), spec));
        for (result, scores) in trained {
            results.push(result);
            all.push(scores);
        }
        Ok(TableReport {
            name: table.name.clone(),
            path,
            kind: table.kind,
            strong: table.models[strong].clone(),
            weak: table.models[weak].clone(),
            pair_choice,
            rows: pair.rows.len(),
            prompts: pair.distinct(),
            missing: pair.missing,
            weighted: pair.weighted,
            contaminated: table.contaminated,
            dropped,
            left_out: table.left_out.clone(),
            models: (0..table.models.len()).map(|model| model_facts(table, model, spec)).collect(),
            alike: TableReport::alike(&table.models),
            complete_rows: complete.as_ref().map(|complete| complete.rows.len()),
            comparisons: self.comparisons(&pair, routers.len(), &all)?,
            slices: self.slices(table, &pair, &all, watch)?,
            results,
            baseline_overlap: overlap,
        })
    }

    /// The figures of scores.
    fn result(&self, pair: &PairOfTable, scores: &Scores, role: Role, about: &str) -> Result<ResultReport> {
        let (figures, why) = match pair.figures(&scores.scores, self.spec)? {
            Ok(figures) => {
                let why = super::rows::apgr(&figures).1;
                (Some(figures), why)
            }
            Err(why) => (None, Some(why)),
        };
        Ok(ResultReport {
            name: scores.name.clone(),
            role,
            about: about.to_owned(),
            why,
            pair: figures,
            models: None,
            thresholds: if scores.rates { pair.thresholds(&scores.scores) } else { Vec::new() },
            at_default: None,
            robustness: None,
            most_wrong: Vec::new(),
            single: None,
        })
    }

    /// What only routers have.
    #[allow(clippy::too_many_arguments, reason = "what a table has, and what a router has")]
    fn of_router(
        &self,
        result: &mut ResultReport,
        pair: &PairOfTable,
        scores: &Scores,
        router: &mut Scored,
        complete: Option<&Complete>,
        table: &Table,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let calibration = router.router.info().calibration.as_ref();
        result.at_default =
            calibration.map(|calibration| pair.at(&scores.scores, calibration.default_threshold));
        result.most_wrong = pair.most_wrong(&scores.scores, self.spec);
        if let Some(complete) = complete {
            result.models = many::figures(complete, table, router, watch)?;
        }
        if self.spec.robustness > 0 {
            result.robustness = Some(robustness(pair, &scores.scores, router, self.spec, watch)?);
        }
        Ok(())
    }

    /// The baselines that are trained, and how many rows they were trained on too.
    fn baselines(
        &mut self,
        table: &Table,
        (strong, weak): (usize, usize),
        pair: &PairOfTable,
        complete: Option<&Complete>,
        watch: &mut Watch<'_>,
    ) -> Result<Baselines> {
        let spec = self.spec;
        if spec.baselines.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (strong, weak) = (table.models[strong].clone(), table.models[weak].clone());
        let mut results = Vec::new();
        for (kind, about) in TRAINED {
            let key = (kind, strong.clone(), weak.clone());
            if !self.trained.contains_key(&key) {
                let router = baselines::trained(kind, table, (&strong, &weak), spec, watch)?;
                self.trained.insert(key.clone(), router);
            }
            let mut made = None;
            if let Some(router) = self.trained.get_mut(&key) {
                let scores = router.win_rates(&pair.prompts, watch)?;
                let models = match complete {
                    Some(complete) => many::figures(complete, table, router, watch)?,
                    None => None,
                };
                made = Some((Scores { name: kind.to_owned(), scores, rates: true }, models));
            }
            if let Some((scores, models)) = made {
                let mut result = self.result(pair, &scores, Role::Baseline, about)?;
                result.models = models;
                results.push((result, scores));
            }
        }
        Ok((results, Some(baselines::overlap(pair, spec)?)))
    }

    /// Every router with the routers after it and with every baseline but the oracle.
    fn comparisons(&self, pair: &PairOfTable, routers: usize, all: &[Scores]) -> Result<Vec<Comparison>> {
        let mut comparisons = Vec::new();
        for (i, a) in all.iter().enumerate().take(routers) {
            for b in all.iter().skip(i + 1).filter(|b| b.name != "oracle") {
                comparisons.push(compare(pair, a, b, self.spec)?);
            }
        }
        Ok(comparisons)
    }

    fn slices(
        &self,
        table: &Table,
        pair: &PairOfTable,
        all: &[Scores],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<SliceReport>> {
        let label = |(name, label): &Label<'_>| {
            ((*name).to_owned(), table.prompts.iter().map(|prompt| label(prompt)).collect())
        };
        let labels: Vec<(String, Vec<String>)> = self.labels.iter().map(label).collect();
        let found = slices(table, self.spec.slices.as_deref(), &labels)?;
        // The oracle is the same everywhere, and half of the rows say nothing of a random number.
        let all: Vec<(&Scores, f64)> = all
            .iter()
            .filter(|scores| scores.name != "oracle")
            .map(|scores| (scores, half(scores)))
            .collect();
        let mut reports = Vec::with_capacity(found.len());
        for slices in &found {
            watch.report("slices", reports.len(), found.len(), None)?;
            let mut values = Vec::new();
            for (value, places) in pair.places(slices) {
                watch.check()?;
                let mean = |of: fn(&super::Graded) -> f64| {
                    let sum: f64 = places.iter().map(|i| of(&pair.graded[*i])).sum();
                    (!places.is_empty()).then(|| sum / places.len() as f64)
                };
                values.push(SliceValue {
                    strong_quality: mean(|graded| graded.strong),
                    weak_quality: mean(|graded| graded.weak),
                    results: all
                        .iter()
                        .map(|(scores, half)| pair.slice(scores, &places, *half, self.spec))
                        .collect::<Result<_>>()?,
                    rows: places.len(),
                    value,
                });
            }
            reports.push(SliceReport { column: slices.column.clone(), values });
        }
        Ok(reports)
    }
}

/// The score that half of the rows reach.
fn half(scores: &Scores) -> f64 {
    let mut sorted = scores.scores.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.get(sorted.len().div_ceil(2).saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
}

fn model_facts(table: &Table, model: usize, spec: &EvalSpec) -> ModelFacts {
    let (quality, rows) = table.mean_quality(model);
    let (cost, _) = table.mean_cost(model);
    let known = (!cost.is_nan()).then_some(1000.0 * cost);
    ModelFacts {
        name: table.models[model].clone(),
        rows,
        quality: (rows > 0).then_some(quality),
        cost_per_1000: known.or_else(|| spec.costs.get(&table.models[model]).copied()),
    }
}

/// The model that is best on average, for every prompt: of the rows that know all models, where there are some.
fn best_single(table: &Table, complete: Option<&Complete>, spec: &EvalSpec) -> ResultReport {
    let models = table.models.len();
    let mean = |model: usize| match complete {
        Some(complete) => complete.mean_quality(model),
        None => table.mean_quality(model).0,
    };
    let means = (0..models).map(|model| (model, mean(model)));
    let (best, quality) =
        means.fold((0, f64::NEG_INFINITY), |best, found| if found.1 > best.1 { found } else { best });
    let facts = model_facts(table, best, spec);
    let cost = complete.and_then(|complete| complete.mean_cost(best)).map(|usd| 1000.0 * usd);
    ResultReport {
        name: "best single model".to_owned(),
        role: Role::Baseline,
        about: "the model of the highest mean quality for every prompt".to_owned(),
        pair: None,
        models: None,
        why: Some("one model has no curve".to_owned()),
        thresholds: Vec::new(),
        at_default: None,
        robustness: None,
        most_wrong: Vec::new(),
        single: Some(ModelFacts {
            name: facts.name,
            rows: complete.map_or(facts.rows, |complete| complete.rows.len()),
            quality: quality.is_finite().then_some(quality),
            cost_per_1000: cost.or(facts.cost_per_1000),
        }),
    }
}
