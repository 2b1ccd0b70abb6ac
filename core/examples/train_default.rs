//! Trains the router that ships inside the library. From the repository's root:
//!
//! ```sh
//! cargo run --release -p routellm-core --example train_default -- \
//!     GOLD.jsonl VOTES.jsonl core/default-router
//! ```
//!
//! `GOLD.jsonl` holds the gold rows it learns from; of `VOTES.jsonl` only the prompts are read, to calibrate
//! strong shares on traffic as people send it.

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use routellm_core::artifact::{Artifact, MANIFEST_NAME};
use routellm_core::preference::GoldTable;
use routellm_core::train::{Control, Progress, Sample, Sources, TrainOptions, linear};
use routellm_core::{Error, ErrorKind, Json, Result};
use serde_json::json;
use support::{STRONG, WEAK, WEAK_IN_GOLD, digest, prompts_of};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [gold_path, votes_path, out] = arguments.as_slice() else {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "usage: train_default GOLD.jsonl VOTES.jsonl OUT",
        ));
    };
    let gold = GoldTable::read(gold_path)?.renamed(WEAK_IN_GOLD, WEAK)?;
    let prompts = prompts_of(votes_path)?;
    let sample = format!(
        "{} prompts of Chatbot Arena votes (lmsys-arena-human-preference-55k, a part)",
        prompts.len()
    );
    let provenance = Json::of(&json!({
        "sources": [{
            "name": "MMLU questions with the correctness of both models' answers (RouteLLM's gold labels)",
            "label_kind": "D_gold",
            "rows": gold.rows.len(),
            "sha256": digest(gold_path)?,
            "licence": "Apache-2.0 (questions MIT)",
        }],
    }))?;
    let common = TrainOptions::new()
        .name("default")
        .pair(STRONG, WEAK)
        .calibration(Sample::new(prompts).named(sample))
        .provenance(provenance);
    let progress = |progress: Progress<'_>| {
        if progress.stage == "cross-validation" {
            println!("{}/{} error {:.6}", progress.done, progress.total, progress.loss.unwrap_or(f64::NAN));
        }
        ControlFlow::Continue(())
    };
    let trained = Path::new(out).join(".trained");
    let options = linear::LinearOptions::new().common(common);
    let report =
        linear::train(&trained, &Sources::new().gold(gold), &options, Control::new().progress(progress))?;
    compiled_in(&trained, Path::new(out))?;
    println!(
        "lambda {}, lexical scale {}, error {:.5} (mean predictor {:.5}), link a {:.4} b {:.4}",
        report.lambda,
        report.lexical_scale,
        report.error,
        report.baseline_error,
        report.link.a,
        report.link.b
    );
    Ok(())
}

/// Moves the artifact in the folder `from` to `to`, under names without hashes: the source names the files that it compiles
/// in.
fn compiled_in(from: &Path, to: &Path) -> Result<()> {
    let artifact = Artifact::open(from)?;
    let mut manifest = artifact.manifest().clone();
    let write = |name: &str, contents: &[u8]| {
        let path = to.join(name);
        std::fs::write(&path, contents).map_err(|error| Error::io(&path, error))
    };
    for file in &mut manifest.files {
        write(&file.name, &artifact.read(&file.name)?)?;
        file.path = None;
    }
    write(MANIFEST_NAME, manifest.to_text()?.as_bytes())?;
    std::fs::remove_dir_all(from).map_err(|error| Error::io(from, error))
}
