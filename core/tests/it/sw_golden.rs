//! SW ranking against the outputs of the reference's own router.

use routellm_core::preference::{Ballot, EmbeddedVotes, ModelIndex, Votes, Winner};
use routellm_core::scorer::sw_ranking::{
    BuildOptions, Mode, ScoreOptions, Scratch, StoreKind, SwModel, TierRule, weights,
};
use serde_json::Value;

use crate::support::{json, shared};
use std::ops::ControlFlow;

#[test]
fn weights_are_those_of_the_reference() {
    let folder = shared("golden/sw_ranking");
    for (name, case) in json(&folder.join("weights.json")).as_object().unwrap() {
        let numbers = |field: &str| -> Vec<f64> {
            case[field].as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
        };
        let similarities = numbers("similarities");
        for (got, want) in weights(&similarities, 1.0, Mode::Reference).iter().zip(numbers("weights")) {
            let same = got.is_nan() && want.is_nan();
            assert!(same || (got - want).abs() <= 1e-12 * want.abs(), "{name}: {got} {want}");
        }
    }
}

struct Golden {
    results: Value,
    models: ModelIndex,
    votes: Vec<f32>,
    queries: Vec<f32>,
    model_a: Vec<usize>,
    model_b: Vec<usize>,
    winners: Vec<Winner>,
}

const DIM: usize = 64;

fn golden() -> Golden {
    let folder = shared("golden/sw_ranking");
    let results = json(&folder.join("n2000_d64_results.json"));
    let bytes = std::fs::read(folder.join("n2000_d64.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        let data = file.tensor(name).unwrap().data().to_vec();
        data.chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect()
    };
    let numbers = |name: &str| -> Vec<usize> {
        file.tensor(name).unwrap().data().iter().map(|b| usize::from(*b)).collect()
    };
    let names = results["models"].as_array().unwrap().iter().map(|m| m.as_str().unwrap());
    Golden {
        models: ModelIndex::new(names).unwrap(),
        votes: floats("battle_embeddings"),
        queries: floats("query_embeddings"),
        model_a: numbers("model_a"),
        model_b: numbers("model_b"),
        winners: numbers("winner").into_iter().map(|c| Winner::from_code(c as u8).unwrap()).collect(),
        results,
    }
}

impl Golden {
    fn build(&self, store: StoreKind) -> SwModel {
        let mut votes = Votes::new(self.models.clone());
        for (prompt, winner) in self.winners.iter().enumerate() {
            let (model_a, model_b) = (self.model_a[prompt], self.model_b[prompt]);
            votes.push(Ballot { model_a, model_b, winner: *winner, prompt }).unwrap();
        }
        let input = EmbeddedVotes { votes: &votes, embeddings: &self.votes, dim: DIM };
        let options = BuildOptions::new().store(store).tier_rule(TierRule::Reference);
        SwModel::build(&input, &options, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    /// Largest difference from the stated optima: in win rate, and in tier ratings (reference mode only).
    fn largest_error(&self, model: &SwModel, mode: Mode, double: bool) -> (f64, f64) {
        let options = ScoreOptions::new().mode(mode);
        let field = match mode {
            Mode::Reference => "strong_winrate_exact_pair",
            _ => "strong_winrate_exact_no_same_tier_pair",
        };
        let mut worst = (0.0_f64, 0.0_f64);
        for result in self.results["queries"].as_array().unwrap() {
            let i = result["query"].as_u64().unwrap() as usize;
            let query = &self.queries[i * DIM..(i + 1) * DIM];
            let score = if double {
                let similarities: Vec<f64> = self.votes.chunks_exact(DIM).map(|x| cosine(x, query)).collect();
                model.score_similarities(&similarities, &options).unwrap()
            } else {
                model.score(query, &options, &mut Scratch::default()).unwrap()
            };
            assert!((score.similarity() - result["max_sim"].as_f64().unwrap()).abs() < 1e-6);
            for (p, pair) in self.results["pairs"].as_array().unwrap().iter().enumerate() {
                let name = |side: &str| pair[side].as_str().unwrap();
                let (strong, weak) = model.pair(name("strong"), name("weak"), mode).unwrap();
                let want = result[format!("{field}{p}")].as_f64().unwrap();
                worst.0 = worst.0.max((score.win_rate(strong, weak).unwrap() - want).abs());
            }
            if mode == Mode::Reference {
                let ratings = score.tier_ratings();
                // The file shifts nothing at query time: the tiers are numbers there, not names.
                for tier in result["tier_scores_exact"].as_array().unwrap() {
                    let got = ratings[tier[0].as_u64().unwrap() as usize];
                    worst.1 = worst.1.max((got - tier[1].as_f64().unwrap()).abs());
                }
            }
        }
        worst
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

#[test]
fn tiers_are_those_of_the_reference_router() {
    let golden = golden();
    let model = golden.build(StoreKind::F32);
    for (name, tier) in golden.results["model2tier"].as_object().unwrap() {
        let number = golden.models.number(name).unwrap();
        assert_eq!(model.tiers()[number] as u64, tier.as_u64().unwrap(), "{name}");
    }
}

#[test]
fn reference_mode_is_the_optimum_of_the_reference() {
    let golden = golden();
    let model = golden.build(StoreKind::F32);
    let (win_rate, rating) = golden.largest_error(&model, Mode::Reference, true);
    assert!(win_rate < 1e-9 && rating < 1e-6, "f64: {win_rate} {rating}");
    let (win_rate, _) = golden.largest_error(&model, Mode::Reference, false);
    assert!(win_rate < 1e-6, "f32 store: {win_rate}");
}

#[test]
fn exact_mode_leaves_out_votes_inside_a_tier() {
    let golden = golden();
    let model = golden.build(StoreKind::F32);
    let (win_rate, _) = golden.largest_error(&model, Mode::Exact, true);
    assert!(win_rate < 1e-9, "f64: {win_rate}");
    let (win_rate, _) = golden.largest_error(&model, Mode::Exact, false);
    assert!(win_rate < 1e-6, "f32 store: {win_rate}");
}
