//! What picking the prompts to label is worth, as a table: the quality of routers trained on as many labels of picked prompts as
//! of prompts drawn by chance.
//!
//! ```sh
//! cargo run --release -p routellm-core --example pick_gain -- TABLE STRONG WEAK DRAWS COUNT...
//! ```
//!
//! `TABLE` has a prompt and a score of each model in a row. Two fifths of its prompts are set aside, by their hash, to evaluate
//! on; of the others `COUNT` are labelled. Each choice is made `DRAWS` times, with another seed.

use routellm_core::augment::pick;
use routellm_core::eval::{Curve, Graded};
use routellm_core::numeric::Rng;
use routellm_core::preference::{GoldTable, Split};
use routellm_core::train::{self, Control, Labels, Source, TrainSpec, Trainer};
use routellm_core::{CallOptions, Error, ErrorKind, Json, Result, Router};

/// The share of the prompts that are evaluated on.
const HELD_OUT: f64 = 0.4;

/// What a training is worth that finds nothing, as it says: half, like one that routes by chance.
const NOTHING_LEARNED: f64 = 0.5;

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// A table in two parts, its pair, and a folder to train in.
struct Trial {
    pool: Vec<(String, f64, f64)>,
    held_out: Vec<(String, f64, f64)>,
    strong: String,
    weak: String,
    folder: std::path::PathBuf,
}

impl Trial {
    /// APGR on the prompts that were set aside, of a router that learned from these of the others.
    fn apgr(&self, trainer: &str, rows: &[usize]) -> Result<f64> {
        let row = |place: &usize| -> Result<Json> {
            let (prompt, strong, weak) = &self.pool[*place];
            let mut row = std::collections::BTreeMap::new();
            row.insert("prompt", Json::of(prompt)?);
            row.insert(self.strong.as_str(), Json::of(strong)?);
            row.insert(self.weak.as_str(), Json::of(weak)?);
            Json::of(&row)
        };
        let rows = rows.iter().map(row).collect::<Result<Vec<_>>>()?;
        let mut spec = TrainSpec::new(Trainer::named(trainer)?, self.folder.join("router"));
        spec.sources = vec![Source::rows(Labels::Gold, rows)];
        (spec.strong, spec.weak) = (Some(self.strong.clone()), Some(self.weak.clone()));
        match train::run(&spec, Control::new()) {
            Err(error) if error.message().contains("nothing was learned") => return Ok(NOTHING_LEARNED),
            other => other?,
        };
        let router = Router::open(self.folder.join("router"))?;
        let prompts = self.held_out.iter().map(|(prompt, ..)| prompt.as_str());
        let scores = router.win_rates(prompts, &CallOptions::new())?;
        let graded: Vec<Graded> =
            self.held_out.iter().map(|(_, strong, weak)| Graded::new(*strong, *weak)).collect();
        Ok(Curve::new(&scores, &graded)?.apgr())
    }
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, strong, weak, draws, counts @ ..] = arguments.as_slice() else {
        return Err(wrong("usage: pick_gain TABLE STRONG WEAK DRAWS COUNT..."));
    };
    let draws: u64 = draws.parse().map_err(|_| wrong("DRAWS is no number"))?;
    let read = GoldTable::read(table)?;
    let (of_strong, of_weak) = (read.number(strong)?, read.number(weak)?);
    let split = Split::new(HELD_OUT, 0)?;
    let rows = read.rows.iter().map(|row| (row.prompt.clone(), row.scores[of_strong], row.scores[of_weak]));
    let (held_out, pool): (Vec<_>, Vec<_>) = rows.partition(|(prompt, ..)| split.holds_out(prompt));
    let folder = std::env::temp_dir().join(format!("pick-gain-{}", std::process::id()));
    let trial = Trial { pool, held_out, strong: strong.clone(), weak: weak.clone(), folder };
    let prompts: Vec<&str> = trial.pool.iter().map(|(prompt, ..)| prompt.as_str()).collect();
    let router = Router::default_router()?;
    println!(
        "{} prompts to pick of, {} to evaluate on, {draws} draws\n",
        prompts.len(),
        trial.held_out.len()
    );
    println!("| trainer | labels | by chance | picked | picked near the line |\n|---|---|---|---|---|");
    for trainer in ["knn", "linear"] {
        for count in counts {
            let count: usize = count.parse().map_err(|_| wrong("COUNT is no number"))?;
            let mut cells = Vec::new();
            for way in 0..3 {
                let choose = |seed: u64| -> Result<Vec<usize>> {
                    match way {
                        0 => {
                            let mut order: Vec<usize> = (0..prompts.len()).collect();
                            Rng::new(seed).shuffle(&mut order);
                            order.truncate(count);
                            Ok(order)
                        }
                        1 => pick(&prompts, count, None, seed),
                        _ => pick(&prompts, count, Some(&router), seed),
                    }
                };
                let values =
                    (0..draws).map(|seed| trial.apgr(trainer, &choose(seed)?)).collect::<Result<Vec<_>>>()?;
                let (mean, error) = mean_and_error(&values);
                cells.push(format!("{mean:.3} ± {error:.3}"));
            }
            println!("| {trainer} | {count} | {} |", cells.join(" | "));
        }
    }
    let _ = std::fs::remove_dir_all(&trial.folder);
    Ok(())
}
