//! `routellm paper transfer`: one router on pairs that it was not trained for.

use std::path::PathBuf;

use routellm_core::eval::{Curve, Graded, Interval, ReadOptions, Table, bootstrap};
use routellm_core::{CallOptions, Error, ErrorKind, Result};
use serde::Serialize;

use super::open;
use crate::interrupt;
use crate::output::Output;

/// Fewest rows of a pair that say anything.
const FEWEST_ROWS: usize = 50;

/// Take one router to other pairs of models, without training it again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm paper transfer --data gold.csv\n  \
    routellm paper transfer default my-router --data gold.jsonl --min-gap 0.05 --json")]
pub(crate) struct Transfer {
    /// `default`, or the folders of artifacts or models.
    #[arg(value_name = "ROUTER", default_value = "default")]
    routers: Vec<String>,
    /// A table with a prompt and the score of each model in a row.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Pairs whose mean qualities are nearer than this are left out.
    #[arg(long, value_name = "GAP", default_value_t = 0.02)]
    min_gap: f64,
    /// Draws of the bootstrap behind each interval.
    #[arg(long, default_value_t = 200)]
    draws: usize,
    /// How many pairs of a router are listed, those of the widest gap first; all in JSON.
    #[arg(long, default_value_t = 15)]
    top: usize,
}

/// A router on a pair.
#[derive(Debug, Serialize)]
struct OnPair {
    router: String,
    strong: String,
    weak: String,
    rows: usize,
    /// Mean quality of the strong model minus that of the weak one.
    gap: f64,
    apgr: f64,
    low: f64,
    high: f64,
    /// The strong share at which half of the gap is recovered; null if it never is.
    cpt50: Option<f64>,
}

impl Transfer {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let table = Table::read(&self.data, &ReadOptions::new())?;
        let pairs = pairs(&table, self.min_gap);
        if pairs.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{}: no two models have {FEWEST_ROWS} rows together and qualities that differ by {}: lower min-gap, or \
                     add rows",
                    self.data.display(),
                    self.min_gap
                ),
            ));
        }
        let options = CallOptions::new().cancel(interrupt::token().clone());
        for name in &self.routers {
            let rates = open(name)?.win_rates(&table.prompts, &options)?;
            let mut found = Vec::new();
            for pair in &pairs {
                interrupt::token().check()?;
                let scores: Vec<f64> = pair.rows.iter().map(|row| rates[*row]).collect();
                let curve = Curve::new(&scores, &pair.graded)?;
                let Interval { low, high, .. } =
                    bootstrap(&scores, &pair.graded, self.draws, 1, Curve::apgr)?;
                let cpt = curve.cpt(0.5);
                found.push(OnPair {
                    router: name.clone(),
                    strong: table.models[pair.strong].clone(),
                    weak: table.models[pair.weak].clone(),
                    rows: pair.rows.len(),
                    gap: pair.gap,
                    apgr: curve.apgr(),
                    low,
                    high,
                    cpt50: (!cpt.is_nan()).then_some(cpt),
                });
            }
            self.tell(name, &found, output)?;
        }
        Ok(())
    }

    fn tell(&self, name: &str, found: &[OnPair], output: &mut Output) -> Result<()> {
        if output.is_json() {
            return found.iter().try_for_each(|one| output.json_line(one));
        }
        let mean = found.iter().map(|one| one.apgr).sum::<f64>() / found.len() as f64;
        let better = found.iter().filter(|one| one.low > 0.5).count();
        let worse = found.iter().filter(|one| one.high < 0.5).count();
        output.line(&format!(
            "{name} on {} pairs: mean APGR {mean:.3}; surely better than random on {better}, surely worse on {worse}",
            found.len()
        ))?;
        let rows = found.iter().take(self.top).map(|one| {
            vec![
                one.strong.clone(),
                one.weak.clone(),
                one.rows.to_string(),
                format!("{:.3}", one.gap),
                format!("{:.3} [{:.3}, {:.3}]", one.apgr, one.low, one.high),
                one.cpt50.map_or_else(|| "never".to_owned(), |share| format!("{:.1} %", 100.0 * share)),
            ]
        });
        output.table(&["strong", "weak", "rows", "gap", "APGR", "CPT(50%)"], rows.collect())
    }
}

/// Two models, the better one first, and the rows that know both.
struct PairOfModels {
    strong: usize,
    weak: usize,
    gap: f64,
    rows: Vec<usize>,
    graded: Vec<Graded>,
}

/// The pairs whose mean qualities differ enough, by falling difference.
fn pairs(table: &Table, min_gap: f64) -> Vec<PairOfModels> {
    let mut pairs = Vec::new();
    for strong in 0..table.models.len() {
        for weak in (0..table.models.len()).filter(|weak| *weak != strong) {
            let rows = table.complete_rows(&[strong, weak]);
            if rows.len() < FEWEST_ROWS {
                continue;
            }
            let graded: Vec<Graded> = rows
                .iter()
                .map(|row| Graded::new(table.quality_of(*row, strong), table.quality_of(*row, weak)))
                .collect();
            let gap = graded.iter().map(|one| one.strong - one.weak).sum::<f64>() / rows.len() as f64;
            if gap >= min_gap && gap > 0.0 {
                pairs.push(PairOfModels { strong, weak, gap, rows, graded });
            }
        }
    }
    pairs.sort_by(|a, b| b.gap.total_cmp(&a.gap));
    pairs
}
