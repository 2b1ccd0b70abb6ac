//! Matrix factorization against the reference's own numbers.

use routellm_core::preference::{Ballot, EmbeddedVotes, ModelIndex, Votes, Winner};
use routellm_core::scorer::MfWeights;
use routellm_core::train::{Control, mf};
use routellm_core::{CallOptions, Mode, OpenOptions};

use crate::support::{f32_tensor, json, shared};

#[test]
fn published_checkpoints_give_the_golden_win_rates() {
    let folder = shared("golden/mf");
    let results = json(&folder.join("results.json"));
    let pairs = results["pairs"].as_array().unwrap();
    for case in ["d16_t32", "d128_t384"] {
        let (shape, embeddings) =
            f32_tensor(&folder.join(format!("{case}_prompts.safetensors")), "embeddings");
        let golden = &results["cases"][case]["strong_win_rates_f64[pair][prompt]"];
        let logits = &results["cases"][case]["f64_recomputed_logits_first3prompts"];
        let mut compared = 0;
        for (pair, golden) in pairs.iter().zip(golden.as_array().unwrap()) {
            for mode in [Mode::Exact, Mode::Reference] {
                let router = OpenOptions::new()
                    .strong(pair[0].as_str().unwrap())
                    .weak(pair[1].as_str().unwrap())
                    .mode(mode)
                    .open(folder.join(format!("{case}_ckpt")))
                    .unwrap();
                let rates = router.win_rates(embeddings.chunks(shape[1]), &CallOptions::new()).unwrap();
                for (i, rate) in rates.iter().enumerate() {
                    let expected = golden[i].as_f64().unwrap();
                    assert!((rate - expected).abs() < 1e-9, "{case} {pair} prompt {i}: {rate} {expected}");
                    let one = router
                        .win_rate(&embeddings[i * shape[1]..][..shape[1]], &CallOptions::new())
                        .unwrap();
                    assert_eq!(one.to_bits(), rate.to_bits());
                    compared += 1;
                }
                for (i, row) in logits.as_array().unwrap().iter().enumerate() {
                    let scores = router
                        .candidate_scores(&embeddings[i * shape[1]..][..shape[1]], &CallOptions::new())
                        .unwrap();
                    for (score, expected) in scores.iter().zip(row.as_array().unwrap()) {
                        assert!((score - expected.as_f64().unwrap()).abs() < 1e-9);
                    }
                }
            }
        }
        assert_eq!(compared, 2 * pairs.len() * shape[0]);
    }
}

#[test]
fn the_published_order_of_models_is_the_reference_s() {
    let folder = shared("golden/mf");
    let ids = &json(&folder.join("results.json"))["model_ids"];
    let ours = ModelIndex::new(routellm_core::router::REFERENCE_MODELS).unwrap();
    for (name, id) in ids.as_object().unwrap() {
        assert_eq!(ours.number(name).unwrap() as u64, id.as_u64().unwrap());
    }
}

/// Plain deterministic training problems: losses to 1e-6, weights to 1e-5.
#[test]
fn training_agrees_with_the_reference() {
    let folder = shared("golden/mf_train");
    let results = json(&folder.join("results.json"));
    let data = std::fs::read(folder.join("e1_data.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&data).unwrap();
    let comparisons = |name: &str| -> Votes {
        let mut votes = Votes::new(ModelIndex::new((0..64).map(|model| model.to_string())).unwrap());
        let view = tensors.tensor(name).unwrap();
        let values: Vec<i32> =
            view.data().as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
        for &[a, b, prompt, winner] in values.as_chunks::<4>().0 {
            let winner = if winner == 0 { Winner::ModelA } else { Winner::ModelB };
            let (model_a, model_b, prompt) = (a as usize, b as usize, prompt as usize);
            votes.push(Ballot { model_a, model_b, winner, prompt }).unwrap();
        }
        votes
    };
    let (shape, embeddings) = f32_tensor(&folder.join("e1_data.safetensors"), "Q");
    let runs = results["runs"].as_object().unwrap();
    for (name, run) in runs {
        let weights = folder.join(format!("{name}_weights.safetensors"));
        let block = |key: &str| f32_tensor(&weights, key).1;
        let number = |key: &str| run[key].as_f64().unwrap();
        let start = MfWeights {
            models: 64,
            dim: 16,
            text_dim: shape[1],
            p: block("init.P.weight"),
            w: block("init.text_proj.weight"),
            c: block("init.classifier.weight"),
        };
        let options = mf::FitOptions::new()
            .dim(16)
            .epochs(number("epochs") as usize)
            .batch(number("batch_size") as usize)
            .learning_rate(number("lr"))
            .weight_decay(number("weight_decay"))
            .noise(0.0)
            .held_out(0.0)
            .shuffle(false);
        let input = EmbeddedVotes { votes: &comparisons("train"), embeddings: &embeddings, dim: shape[1] };
        let fit = mf::fit(&input, &options, Some(&start), Control::new()).unwrap();
        let curve = run["curve"].as_array().unwrap();
        assert_eq!(fit.train_losses.len(), curve.len());
        for (loss, row) in fit.train_losses.iter().zip(curve) {
            let expected = row["train_loss"].as_f64().unwrap();
            assert!((loss - expected).abs() < 1e-6, "{name}: loss {loss}, expected {expected}");
        }
        for (ours, key) in [
            (&fit.weights.p, "final.P.weight"),
            (&fit.weights.w, "final.text_proj.weight"),
            (&fit.weights.c, "final.classifier.weight"),
        ] {
            let worst = ours.iter().zip(block(key)).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
            assert!(worst < 1e-5, "{name}: {key} is {worst} away");
        }
    }
    assert_eq!(runs.len(), 3);
}
