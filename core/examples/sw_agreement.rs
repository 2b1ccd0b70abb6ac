//! How well the stores of SW ranking agree with the f32 store on real votes.
//!
//! ```sh
//! cargo run --release -p routellm-core --example sw_agreement -- VOTES.jsonl VOTES.safetensors QUERIES.safetensors
//! ```
//!
//! The safetensors files hold an `F32` tensor `embeddings` (`n x d`): one row per vote that has a winner, in
//! the file's order, and the embeddings of prompts to route. Optional: the names of the strong and the weak
//! model (default `gpt-4-1106-preview` and `mixtral-8x7b-instruct-v0.1`).

use std::ops::ControlFlow;

use routellm_core::preference::{EmbeddedVotes, VoteTable, Votes};
use routellm_core::scorer::sw_ranking::{
    BuildOptions, ClusterOptions, Mode, Probe, ScoreOptions, Scratch, StoreKind, SwModel,
};
use routellm_core::testing::{flips, spearman};

type AnyError = Box<dyn std::error::Error>;

fn embeddings(path: &str) -> Result<(Vec<f32>, usize), AnyError> {
    let bytes = std::fs::read(path)?;
    let file = safetensors::SafeTensors::deserialize(&bytes)?;
    let tensor = file.tensor("embeddings")?;
    if tensor.dtype() != safetensors::Dtype::F32 || tensor.shape().len() != 2 {
        return Err(format!("{path}: `embeddings` is no F32 matrix").into());
    }
    let floats = tensor.data().chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]]));
    Ok((floats.collect(), tensor.shape()[1]))
}

fn main() -> Result<(), AnyError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [votes, vectors, queries, ..] = args.as_slice() else {
        return Err(
            "usage: sw_agreement VOTES.jsonl VOTES.safetensors QUERIES.safetensors [STRONG WEAK]".into()
        );
    };
    let strong = args.get(3).map_or("gpt-4-1106-preview", String::as_str);
    let weak = args.get(4).map_or("mixtral-8x7b-instruct-v0.1", String::as_str);
    let table = VoteTable::read(votes)?;
    let (vectors, dim) = embeddings(vectors)?;
    let (queries, _) = embeddings(queries)?;
    let model_a: Vec<&str> = table.votes.iter().map(|vote| vote.model_a.as_str()).collect();
    let model_b: Vec<&str> = table.votes.iter().map(|vote| vote.model_b.as_str()).collect();
    let winners: Vec<_> = table.votes.iter().map(|vote| vote.winner).collect();
    let numbered = Votes::from_names(&model_a, &model_b, &winners)?;
    let input = EmbeddedVotes { votes: &numbered, embeddings: &vectors, dim };
    let build = |store, clusters| {
        let mut options = BuildOptions::new().store(store);
        options.clusters = clusters;
        SwModel::build(&input, &options, &mut |_| ControlFlow::Continue(()))
    };
    let rates = |model: &SwModel, probe| -> Result<Vec<f64>, AnyError> {
        let (s, w) = model.pair(strong, weak, Mode::Exact)?;
        let options = ScoreOptions::new().probe(probe);
        let scores = model.score_batch(&queries, &options, &mut Scratch::default())?;
        Ok(scores.iter().map(|score| score.win_rate(s, w)).collect::<Result<_, _>>()?)
    };
    let exact = build(StoreKind::F32, None)?;
    let truth = rates(&exact, Probe::All)?;
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let deviation = (truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / truth.len() as f64).sqrt();
    println!("{} votes, {} queries, prior ties {}", winners.len(), truth.len(), exact.meta().prior_ties);
    println!("win rate of {strong} against {weak}: mean {mean:.4}, standard deviation {deviation:.4}");
    let show = |name: &str, got: &[f64]| {
        let worst = got.iter().zip(&truth).map(|(g, t)| (g - t).abs()).fold(0.0, f64::max);
        println!(
            "{name:<22} Spearman {:.6}  flips {:.2} %  largest difference {worst:.2e}",
            spearman(got, &truth),
            flips(got, &truth) * 100.0
        );
    };
    for kind in StoreKind::ALL {
        show(kind.name(), &rates(&build(kind, None)?, Probe::All)?);
    }
    let clustered = build(StoreKind::Int8, Some(ClusterOptions::default()))?;
    show("clustered, default", &rates(&clustered, Probe::Default)?);
    show("clustered, 96 probed", &rates(&clustered, Probe::Clusters(96))?);
    show("clustered, all probed", &rates(&clustered, Probe::All)?);
    Ok(())
}
