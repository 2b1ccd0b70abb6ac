//! Trains the matrix factorization that ships beside the library. From the repository's root:
//!
//! ```sh
//! cargo run --release -p routellm-core --example train_mf_minilm -- \
//!     target/encoder VOTES.jsonl GOLD.jsonl artifacts/mf-minilm
//! ```
//!
//! The first argument is the folder with the encoder's `model.onnx` and `tokenizer.json` (made by
//! `tools/encoder/convert.py --out target/encoder`), the last one the artifact. `ROUTELLM_ORT_PATH` names ONNX
//! Runtime.

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use routellm_core::features::{CapSide, OnnxSpec, Pooling, TextCap};
use routellm_core::onnx::SessionOptions;
use routellm_core::preference::{GoldTable, VoteTable};
use routellm_core::train::{Control, Encoder, Progress, Sample, Sources, TrainOptions, mf};
use routellm_core::{Error, ErrorKind, Json, Result};
use serde_json::json;
use support::{STRONG, WEAK, WEAK_IN_GOLD, digest, prompts_of};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, votes_path, gold_path, out] = arguments.as_slice() else {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "usage: train_mf_minilm ENCODER VOTES.jsonl GOLD.jsonl OUT",
        ));
    };
    let spec = OnnxSpec::new("all-MiniLM-L6-v2/int8-weights", 384, Pooling::Mean, 256)
        .cap(TextCap::new(4096, CapSide::Head));
    let encoder = Encoder::from_onnx(spec, Path::new(encoder), &SessionOptions::default())?;
    let votes = VoteTable::read(votes_path)?;
    let gold = GoldTable::read(gold_path)?.renamed(WEAK_IN_GOLD, WEAK)?;
    let prompts = prompts_of(votes_path)?;
    let sample = format!(
        "{} prompts of Chatbot Arena votes (lmsys-arena-human-preference-55k, a part)",
        prompts.len()
    );
    let provenance = Json::of(&json!({
        "sources": [
            {
                "name": "Chatbot Arena human votes (lmsys-arena-human-preference-55k, a part)",
                "label_kind": "D_arena",
                "rows": votes.counts.read,
                "sha256": digest(votes_path)?,
                "licence": "Apache-2.0",
            },
            {
                "name": "MMLU questions with the correctness of both models' answers (RouteLLM's gold labels)",
                "label_kind": "D_gold",
                "rows": gold.rows.len(),
                "sha256": digest(gold_path)?,
                "licence": "Apache-2.0 (questions MIT)",
            },
        ],
    }))?;
    let common = TrainOptions::new()
        .name("mf-minilm")
        .pair(STRONG, WEAK)
        .calibration(Sample::new(prompts).named(sample))
        .provenance(provenance);
    let progress = |progress: Progress<'_>| {
        if progress.done.is_multiple_of(500) || progress.stage == "epoch" {
            let loss = progress.loss.map_or_else(String::new, |loss| format!(" loss {loss:.5}"));
            println!("{} {}/{}{loss}", progress.stage, progress.done, progress.total);
        }
        ControlFlow::Continue(())
    };
    let sources = Sources::new().votes(votes).gold(gold);
    let options = mf::MfOptions::new().common(common);
    let fit = mf::train(out, &sources, &encoder, &options, Control::new().progress(progress))?.fit;
    println!("best epoch {}, held-out loss {:.5}", fit.best_epoch, fit.held_out_losses[fit.best_epoch]);
    Ok(())
}
