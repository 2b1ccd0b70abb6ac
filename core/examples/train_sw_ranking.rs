//! Builds a router of similarity-weighted ranking from votes, gold rows or both:
//!
//! ```sh
//! cargo run --release -p routellm-core --example train_sw_ranking -- OUT ENCODER \
//!     [--votes VOTES.jsonl] [--gold GOLD.jsonl] [--store int8] [--exponent 1] [--cache EMBEDDINGS.safetensors]
//! ```
//!
//! `ENCODER` is an artifact with a sentence encoder, such as `artifacts/mf-minilm`. With `--cache` a later build with
//! more votes embeds the new prompts only. `ROUTELLM_ORT_PATH` names ONNX Runtime.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use routellm_core::artifact::Artifact;
use routellm_core::onnx::SessionOptions;
use routellm_core::train::sw_ranking::{SwOptions, train};
use routellm_core::train::{Control, Encoder, Progress, Sources, TrainOptions};
use routellm_core::{Error, ErrorKind, Result};

const STRONG: &str = "gpt-4-1106-preview";
const WEAK: &str = "mixtral-8x7b-instruct-v0.1";
/// How the gold rows call the weak model.
const WEAK_IN_GOLD: &str = "mistralai/Mixtral-8x7B-Instruct-v0.1";

fn main() -> Result<()> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, message);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, encoder, rest @ ..] = arguments.as_slice() else {
        return Err(invalid("usage: train_sw_ranking OUT ENCODER [--votes FILE] [--gold FILE] ...".into()));
    };
    let mut named: HashMap<&str, &str> = HashMap::new();
    for pair in rest.chunks(2) {
        match pair {
            [name, value]
                if ["--votes", "--gold", "--store", "--exponent", "--cache"].contains(&name.as_str()) =>
            {
                named.insert(name, value);
            }
            _ => return Err(invalid(format!("unknown or incomplete option {:?}", pair[0]))),
        }
    }
    let mut sources = Sources::new();
    let mut common = TrainOptions::new().pair(STRONG, WEAK);
    if let Some(votes) = named.get("--votes") {
        sources = sources.votes_file(votes)?;
    }
    if let Some(gold) = named.get("--gold") {
        sources = sources.gold_file(gold)?;
        common = common.rename(WEAK_IN_GOLD, WEAK);
    }
    if let Some(cache) = named.get("--cache") {
        common = common.cache(cache);
    }
    let mut options = SwOptions::new().common(common).store(named.get("--store").unwrap_or(&"int8"))?;
    let exponent = named.get("--exponent").unwrap_or(&"1");
    options.build.weight_exponent =
        exponent.parse().map_err(|error| invalid(format!("--exponent {exponent}: {error}")))?;
    let encoder = Encoder::from_artifact(Artifact::open(Path::new(encoder))?, &SessionOptions::default())?;
    let control = Control::new().progress(|progress: Progress<'_>| {
        if progress.done.is_multiple_of(500) || progress.done == progress.total {
            println!("{} {}/{}", progress.stage, progress.done, progress.total);
        }
        ControlFlow::Continue(())
    });
    let report = train(out, &sources, &encoder, &options, control)?;
    println!("{} votes in {} tiers, {} prompts embedded", report.votes, report.tiers, report.embedded);
    for (model, rating) in report.ratings.iter().take(5) {
        println!("  {rating:7.1}  {model}");
    }
    Ok(())
}
