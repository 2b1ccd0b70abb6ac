//! Times factorization on comparisons with embeddings: `mf_speed DATA.safetensors EPOCHS SEED [THREADS]`.
//!
//! `tools/mf_speed.py` writes the data and runs this beside the same recipe in torch. Printed is one JSON object: seconds of
//! each epoch, and both losses.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use routellm_core::preference::{Ballot, EmbeddedVotes, ModelIndex, Votes, Winner};
use routellm_core::train::{Control, mf};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, epochs, seed, threads @ ..] = &arguments[..] else {
        return Err("usage: mf_speed DATA.safetensors EPOCHS SEED [THREADS]".into());
    };
    let bytes = std::fs::read(data)?;
    let tensors = safetensors::SafeTensors::deserialize(&bytes)?;
    let view = tensors.tensor("embeddings")?;
    let dim = view.shape()[1];
    let embeddings: Vec<f32> =
        view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let mut votes = Votes::new(ModelIndex::new((0..64).map(|model| model.to_string()))?);
    let comparisons = tensors.tensor("comparisons")?;
    let numbers: Vec<i32> =
        comparisons.data().as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
    for &[winner, loser, prompt] in numbers.as_chunks::<3>().0 {
        votes.push(Ballot {
            model_a: winner as usize,
            model_b: loser as usize,
            winner: Winner::ModelA,
            prompt: prompt as usize,
        })?;
    }
    let mut options = mf::FitOptions::new().epochs(epochs.parse()?).seed(seed.parse()?);
    if let Some(threads) = threads.first() {
        options = options.threads(threads.parse()?);
    }
    let mut seconds = Vec::new();
    let mut since = Instant::now();
    let control = Control::new().progress(|_| {
        seconds.push(since.elapsed().as_secs_f64());
        since = Instant::now();
        ControlFlow::Continue(())
    });
    let votes = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim };
    let fit = mf::fit(&votes, &options, None, control)?;
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds, "train": fit.train_losses, "held_out": fit.held_out_losses,
            "comparisons": fit.comparisons, "held_out_comparisons": fit.held_out_comparisons,
        })
    );
    Ok(())
}
