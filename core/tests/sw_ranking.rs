//! SW ranking as a caller sees it: stores, batches, clusters, explanations, files and refusals.

use std::ops::ControlFlow;

use proptest::prelude::*;
use routellm_core::ErrorKind;
use routellm_core::preference::{Ballot, EmbeddedVotes, ModelIndex, Votes, Winner};
use routellm_core::scorer::sw_ranking::{
    BuildOptions, ClusterOptions, Mode, Probe, ScoreOptions, Scratch, StoreKind, SwModel,
};
use routellm_core::testing::{SimulatedVotes, Simulation, flips, simulate, spearman, synthetic_base};

fn build(input: &EmbeddedVotes<'_>, options: &BuildOptions) -> SwModel {
    SwModel::build(input, options, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn abilities(models: usize) -> Vec<f64> {
    (0..models).map(|m| 1.0 - 2.0 * m as f64 / models as f64).collect()
}

/// Simulated votes, and queries from the same topics that no vote was drawn from.
fn votes(n: usize, dim: usize, models: usize) -> (SimulatedVotes, Vec<f32>) {
    let base = synthetic_base(2000, dim, 60, 17);
    let (queries, rest) = base.split_at(300 * dim);
    let simulation = Simulation {
        base: rest,
        base_dim: dim,
        dim,
        votes: n,
        abilities: &abilities(models),
        strength: 6.0,
        ties: 0.3,
        seed: 23,
    };
    (simulate(&simulation), queries.to_vec())
}

fn rates(model: &SwModel, queries: &[f32], options: &ScoreOptions) -> Vec<f64> {
    let (first, last) = (0, model.models().len() - 1);
    let scores = model.score_batch(queries, options, &mut Scratch::default()).unwrap();
    scores.iter().map(|s| s.win_rate(first, last).unwrap()).collect()
}

#[test]
fn compressed_stores_keep_the_order() {
    let (votes, queries) = votes(8000, 96, 12);
    let exact = ScoreOptions::default();
    let model = |store| build(&votes.input(), &BuildOptions::new().store(store));
    let truth = rates(&model(StoreKind::F32), &queries, &exact);
    for (store, order, share) in [
        (StoreKind::F16, 0.99999, 0.0),
        (StoreKind::Int8, 0.9999, 0.007),
        (StoreKind::Int4, 0.9990, 0.02),
        (StoreKind::Int2, 0.98, 0.06),
    ] {
        let got = rates(&model(store), &queries, &exact);
        let (rho, flipped) = (spearman(&got, &truth), flips(&got, &truth));
        assert!(rho >= order && flipped <= share, "{store:?}: Spearman {rho}, flips {flipped}");
    }
}

#[test]
fn a_batch_and_threads_give_the_bits_of_single_queries() {
    let (votes, queries) = votes(3001, 72, 9);
    for store in StoreKind::ALL {
        let model = build(&votes.input(), &BuildOptions::new().store(store));
        for mode in [Mode::Exact, Mode::Reference] {
            let options = ScoreOptions::new().mode(mode);
            let two = options.threads(2);
            let mut scratch = Scratch::default();
            let batch = model.score_batch(&queries[..37 * 72], &options, &mut scratch).unwrap();
            let batch_two = model.score_batch(&queries[..37 * 72], &two, &mut scratch).unwrap();
            assert_eq!(batch.len(), 37);
            for (i, query) in queries.chunks_exact(72).take(37).enumerate() {
                let single = model.score(query, &options, &mut scratch).unwrap();
                assert_eq!(single.tier_ratings(), batch[i].tier_ratings(), "{store:?} {i}");
                assert_eq!(single.tier_ratings(), batch_two[i].tier_ratings(), "{store:?} {i}");
                assert_eq!(single.similarity(), batch[i].similarity());
                assert_eq!(single.covariance(), batch_two[i].covariance());
            }
        }
    }
}

#[test]
fn a_cluster_store_that_is_probed_whole_is_the_plain_store() {
    let (votes, queries) = votes(6000, 64, 10);
    let clusters =
        ClusterOptions::new().clusters(100).profiles(8).directions(16).open_votes(300).iterations(6);
    for store in [StoreKind::F32, StoreKind::Int4] {
        let plain = build(&votes.input(), &BuildOptions::new().store(store));
        let clustered = build(&votes.input(), &BuildOptions::new().store(store).clusters(clusters));
        let all = ScoreOptions::new().probe(Probe::All);
        let everything = all.probe(Probe::Clusters(100));
        let mut scratch = Scratch::default();
        for query in queries.chunks_exact(64).take(40) {
            let want = plain.score(query, &all, &mut scratch).unwrap();
            for options in [&all, &everything] {
                let got = clustered.score(query, options, &mut scratch).unwrap();
                assert_eq!(got.tier_ratings(), want.tier_ratings());
                assert_eq!(got.reach().unwrap().error, Some(0.0));
                assert_eq!(got.reach().unwrap().probed_votes, 6000);
            }
        }
    }
}

#[test]
fn opening_more_clusters_comes_closer() {
    let (votes, queries) = votes(12_000, 64, 10);
    let clusters = ClusterOptions::new().clusters(200);
    let model = build(&votes.input(), &BuildOptions::new().store(StoreKind::F32).clusters(clusters));
    let of = |probe| ScoreOptions::new().probe(probe);
    let truth = rates(&model, &queries, &of(Probe::All));
    let order = |probe| spearman(&rates(&model, &queries, &of(probe)), &truth);
    let (one, default, many) =
        (order(Probe::Clusters(1)), order(Probe::Default), order(Probe::Clusters(100)));
    assert!(default > 0.97 && many > 0.99 && many > one, "{one} {default} {many}");

    // The estimated error holds, and a target is reached.
    let mut scratch = Scratch::default();
    let (mut inside, mut probed) = (0, 0);
    for (query, want) in queries.chunks_exact(64).zip(&truth).take(100) {
        let options = of(Probe::Error(4e-4));
        let score = model.score(query, &options, &mut scratch).unwrap();
        let reach = score.reach().unwrap();
        assert!(reach.error.unwrap() <= 4e-4);
        probed += reach.probed_clusters;
        inside += usize::from((score.win_rate(0, 9).unwrap() - want).abs() <= 3.0 * 4e-4);
    }
    assert!(inside >= 97, "{inside} of 100 within three standard deviations");
    let loose = model.score(&queries[..64], &of(Probe::Error(0.5)), &mut scratch).unwrap().reach().unwrap();
    assert!(loose.probed_clusters * 100 < probed && loose.probed_clusters < 200);
    let error = model.score(&queries[..64], &of(Probe::Error(0.0)), &mut scratch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn the_largest_similarity_is_that_to_any_vote() {
    let (votes, queries) = votes(6000, 64, 10);
    let clusters = ClusterOptions::new().clusters(200).open_votes(100);
    for store in [StoreKind::F32, StoreKind::Int8, StoreKind::Int4] {
        let model = build(&votes.input(), &BuildOptions::new().store(store).clusters(clusters));
        let plain = build(&votes.input(), &BuildOptions::new().store(store));
        let mut scratch = Scratch::default();
        let (mut missed, exact) = (0, ScoreOptions::default());
        for query in queries.chunks_exact(64).take(200) {
            let want = plain.score(query, &exact, &mut scratch).unwrap().similarity();
            assert_eq!(model.similarity(query, 2, &mut scratch).unwrap(), want);
            assert_eq!(model.explain(query, 1, &exact, &mut scratch).unwrap().score.similarity(), want);
            let probed = model.score(query, &exact, &mut scratch).unwrap();
            missed += usize::from(probed.similarity() != want);
            // A threshold between what was probed and what is there is decided as if everything had been read.
            for sure in [f64::INFINITY, want, f64::midpoint(want, probed.similarity())] {
                let sure = exact.sure_similarity(sure);
                let score = model.score(query, &sure, &mut scratch).unwrap();
                assert!(score.similarity() >= sure.sure_similarity.unwrap().min(want), "{store:?}");
                assert_eq!(score.tier_ratings(), probed.tier_ratings());
            }
        }
        assert!(missed > 0, "no query missed its nearest vote: nothing was tested");
    }
}

#[test]
fn explanations_name_the_heaviest_votes() {
    let (votes, queries) = votes(500, 32, 6);
    let ids: Vec<String> = (0..500).map(|i| format!("vote-{i}")).collect();
    let named = votes.votes.clone().with_ids(ids.clone()).unwrap();
    let input = EmbeddedVotes { votes: &named, ..votes.input() };
    let ballots = named.ballots();
    let model = build(&input, &BuildOptions::new().store(StoreKind::F32).tiers(3));
    for mode in [Mode::Exact, Mode::Reference] {
        let options = ScoreOptions::new().mode(mode);
        let explained = model.explain(&queries[..32], 7, &options, &mut Scratch::default()).unwrap();
        let similarity = |i: usize| -> f32 {
            votes.embeddings[i * 32..(i + 1) * 32].iter().zip(&queries[..32]).map(|(a, b)| a * b).sum()
        };
        let counts = |i: &usize| {
            mode == Mode::Reference
                || model.tiers()[ballots[*i].model_a] != model.tiers()[ballots[*i].model_b]
        };
        let mut order: Vec<usize> = (0..500).filter(counts).collect();
        order.sort_by(|i, j| similarity(*j).total_cmp(&similarity(*i)));
        let rows: Vec<usize> = explained.votes.iter().map(|v| v.row).collect();
        assert_eq!(rows, order[..7]);
        for vote in &explained.votes {
            assert_eq!(vote.id.as_deref(), Some(ids[vote.row].as_str()));
            let ballot = ballots[vote.row];
            assert_eq!((vote.model_a, vote.model_b), (ballot.model_a, ballot.model_b));
            assert_eq!(vote.winner, ballot.winner);
            let want = 10.0 * 10f64.powf(vote.similarity / explained.score.similarity());
            assert!((vote.weight - want).abs() < 1e-9 * want && vote.weight <= 100.0 + 1e-9);
        }
        assert!(explained.score.standard_errors().iter().all(|e| e.is_finite() && *e > 0.0));
        assert_eq!(
            model.explain(&queries[..32], 9999, &options, &mut Scratch::default()).unwrap().votes.len(),
            order.len()
        );
    }
}

#[test]
fn no_positive_similarity_is_out_of_distribution() {
    let winners = [Winner::ModelA, Winner::ModelA, Winner::ModelB];
    let votes = Votes::from_names(&["a"; 3], &["b"; 3], &winners).unwrap();
    let input = EmbeddedVotes { votes: &votes, embeddings: &[1.0, 0.1, 1.0, -0.1, 0.9, 0.0], dim: 2 };
    let model = build(&input, &BuildOptions::new().store(StoreKind::F32));
    let mut scratch = Scratch::default();
    let score = model.score(&[-1.0, 0.0], &ScoreOptions::default(), &mut scratch).unwrap();
    assert!(score.out_of_distribution() && score.similarity() < 0.0);
    assert!((score.win_rate(0, 1).unwrap() - 2.0 / 3.0).abs() < 1e-12);
    let near = model.score(&[1.0, 0.0], &ScoreOptions::default(), &mut scratch).unwrap();
    assert!(!near.out_of_distribution());
    let reference = ScoreOptions::new().mode(Mode::Reference);
    assert!(model.score(&[-1.0, 0.0], &reference, &mut scratch).is_ok());
}

/// Newton on the rows of a dense design matrix, one row per vote and outcome: the reference's formulation.
fn dense(votes: &[(usize, usize, f64)], weights: &[f64], tiers: usize) -> Vec<f64> {
    let mut c = vec![0.0_f64; tiers];
    for _ in 0..100 {
        let (mut g, mut h) = (vec![0.0; tiers], vec![vec![0.0; tiers]; tiers]);
        for ((a, b, y), w) in votes.iter().zip(weights) {
            let p = 1.0 / (1.0 + (c[*b] - c[*a]).exp());
            for (i, si) in [(*a, 1.0), (*b, -1.0)] {
                g[i] += w * (y - p) * si;
                for (j, sj) in [(*a, 1.0), (*b, -1.0)] {
                    h[i][j] += w * p * (1.0 - p) * si * sj;
                }
            }
        }
        // Strengths are known up to a shift: hold the last at 0 and eliminate.
        let n = tiers - 1;
        for i in 0..n {
            for k in i + 1..n {
                let f = h[k][i] / h[i][i];
                let pivot = h[i].clone();
                for (below, above) in h[k].iter_mut().zip(&pivot).skip(i) {
                    *below -= f * above;
                }
                g[k] -= f * g[i];
            }
        }
        let mut step = vec![0.0; tiers];
        for i in (0..n).rev() {
            let rest: f64 = (i + 1..n).map(|j| h[i][j] * step[j]).sum();
            step[i] = (g[i] - rest) / h[i][i];
        }
        for (c, s) in c.iter_mut().zip(&step) {
            *c += s;
        }
    }
    c
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn exact_mode_is_a_dense_logistic_regression(seed in any::<u64>(), exponent in 0.5..3.0f64) {
        let base = synthetic_base(60, 16, 6, seed);
        let simulation = Simulation {
            base: &base, base_dim: 16, dim: 16, votes: 150, abilities: &abilities(4), strength: 2.0, ties: 0.5, seed,
        };
        let votes = simulate(&simulation);
        let options = BuildOptions::new().store(StoreKind::F32).weight_exponent(exponent);
        let model = build(&votes.input(), &options);
        prop_assume!(model.tiers().iter().collect::<std::collections::BTreeSet<_>>().len() == 4);
        let query = &base[..16];
        let similarities: Vec<f64> = votes.embeddings.chunks_exact(16)
            .map(|x| x.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()).collect();
        let max = similarities.iter().copied().fold(f64::MIN, f64::max);
        prop_assume!(max > 0.05);
        let (mut rows, mut weights) = (Vec::new(), Vec::new());
        for (i, similarity) in similarities.iter().enumerate() {
            let ballot = votes.votes.ballots()[i];
            let (a, b) = (model.tiers()[ballot.model_a], model.tiers()[ballot.model_b]);
            let weight = 10.0 * 10f64.powf(exponent * similarity / max);
            // Every vote twice; a tie is one win each way.
            let outcomes = match ballot.winner {
                Winner::ModelA => [1.0, 1.0], Winner::ModelB => [0.0, 0.0], _ => [1.0, 0.0],
            };
            for y in outcomes {
                rows.push((a, b, y));
                weights.push(weight);
            }
        }
        let c = dense(&rows, &weights, 4);
        let score = model.score_similarities(&similarities, &ScoreOptions::default()).unwrap();
        let stored = model.score(query, &ScoreOptions::default(), &mut Scratch::default()).unwrap();
        for a in 0..4 {
            for b in (0..4).filter(|b| *b != a) {
                let want = 1.0 / (1.0 + (c[model.tiers()[b]] - c[model.tiers()[a]]).exp());
                prop_assert!((score.win_rate(a, b).unwrap() - want).abs() < 1e-9);
                prop_assert!((stored.win_rate(a, b).unwrap() - want).abs() < 1e-5);
                prop_assert!(stored.win_rate_error(a, b).unwrap() > 0.0);
            }
        }
    }
}

#[test]
fn a_written_model_opens_with_the_same_bits() {
    let (votes, queries) = votes(2000, 40, 8);
    let ids: Vec<String> = (0..2000).map(|i| format!("v{i}")).collect();
    let named = votes.votes.clone().with_ids(ids).unwrap();
    let input = EmbeddedVotes { votes: &named, ..votes.input() };
    let folder = tempfile::tempdir().unwrap();
    for store in StoreKind::ALL {
        let clusters = Some(ClusterOptions::new().clusters(40));
        for clusters in [None, clusters] {
            let mut options = BuildOptions::new().store(store);
            options.clusters = clusters;
            let model = build(&input, &options);
            let path = folder.path().join("model.safetensors");
            model.write(&path).unwrap();
            let opened = SwModel::open(&path).unwrap();
            assert_eq!(opened.meta(), model.meta());
            let options = ScoreOptions::new().estimate_error(true).probe(Probe::Clusters(3));
            let mut scratch = Scratch::default();
            for query in queries.chunks_exact(40).take(5) {
                let (a, b) = (
                    model.score(query, &options, &mut scratch).unwrap(),
                    opened.score(query, &options, &mut scratch).unwrap(),
                );
                assert_eq!(a.tier_ratings(), b.tier_ratings());
                assert_eq!(a.reach(), b.reach());
            }
            let explained = opened.explain(&queries[..40], 3, &options, &mut scratch).unwrap();
            assert_eq!(explained.votes[0].id, Some(format!("v{}", explained.votes[0].row)));
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn damaged_models_are_refused() {
    let (votes, _) = votes(400, 16, 5);
    let clusters = ClusterOptions::new().clusters(20);
    let model = build(&votes.input(), &BuildOptions::new().store(StoreKind::Int4).clusters(clusters));
    let parts = || model.to_parts();
    let meta = model.meta().clone();
    assert!(SwModel::of_parts(meta.clone(), parts()).is_ok());
    let refused = |result: Result<SwModel, routellm_core::Error>, what: &str| {
        assert_eq!(
            result.err().unwrap_or_else(|| panic!("{what} was accepted")).kind(),
            ErrorKind::InvalidModel,
            "{what}"
        );
    };
    for name in parts().keys() {
        if name == "votes.ids" {
            continue;
        }
        let mut missing = parts();
        missing.remove(name);
        refused(SwModel::of_parts(meta.clone(), missing), name);
        let mut short = parts();
        let kept = short[name].len() - 4;
        short.get_mut(name).unwrap().truncate(kept);
        refused(SwModel::of_parts(meta.clone(), short), name);
        // Tables of integers must fit each other; coordinates are the checksum's business.
        if [
            "votes.source",
            "votes.battles",
            "clusters.offsets",
            "clusters.position",
            "clusters.counts",
            "groups.runs",
        ]
        .contains(&name.as_str())
        {
            let mut wrong = parts();
            wrong.get_mut(name).unwrap()[0] ^= 0x41;
            refused(SwModel::of_parts(meta.clone(), wrong), name);
        }
    }
    for (what, change) in [
        ("dim", (|m| m.dim += 1) as fn(&mut routellm_core::scorer::sw_ranking::SwMeta)),
        ("votes", |m| m.votes -= 1),
        ("tiers", |m| m.tiers[0] += 1),
        ("fewer tiers", |m| m.tiers.truncate(1)),
        ("group", |m| m.groups[0].votes += 1),
        ("version", |m| m.format_version = 3),
        ("exponent", |m| m.weight_exponent = f64::NAN),
        ("runs", |m| m.runs = 0),
    ] {
        let mut meta = meta.clone();
        change(&mut meta);
        refused(SwModel::of_parts(meta, parts()), what);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    std::fs::write(&path, b"not a model").unwrap();
    refused(SwModel::open(&path), "garbage");
    assert_eq!(SwModel::open(folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn bad_input_is_refused_with_its_row() {
    let (votes, _) = votes(50, 8, 4);
    let options = BuildOptions::default();
    let fails = |input: &EmbeddedVotes<'_>, options: &BuildOptions| {
        let result = SwModel::build(input, options, &mut |_| ControlFlow::Continue(()));
        let error = result.expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.message().to_owned()
    };
    for (bad, what) in [
        (0.0, "embedding 3 is all zeros"),
        (f32::NAN, "embedding 3 has a coordinate NaN"),
        (f32::INFINITY, "embedding 3 has a coordinate inf"),
    ] {
        let mut embeddings = votes.embeddings.clone();
        embeddings[24..32].fill(bad);
        assert_eq!(fails(&EmbeddedVotes { embeddings: &embeddings, ..votes.input() }, &options), what);
    }
    let mut more = votes.votes.clone();
    let ballot = Ballot { model_a: 0, model_b: 4, winner: Winner::Tie, prompt: 50 };
    let message = more.push(ballot).unwrap_err().message().to_owned();
    assert_eq!(message, "vote 50 has the model number 4; known models: m0, m1, m2, m3");
    more.push(Ballot { model_b: 3, ..ballot }).unwrap();
    assert!(
        fails(&EmbeddedVotes { votes: &more, ..votes.input() }, &options).contains("vote 50 is on prompt 50")
    );
    assert!(fails(&EmbeddedVotes { dim: 7, ..votes.input() }, &options).contains("no whole embeddings"));
    let uneven = Votes::from_names(&["a"], &["b", "c"], &[Winner::Tie]).unwrap_err();
    assert!(uneven.message().contains("1 model_a, 2 model_b, 1 winners"), "{uneven}");
    for ids in [vec!["x".to_owned(); 49], vec!["x\ny".to_owned(); 50]] {
        assert!(votes.votes.clone().with_ids(ids).is_err());
    }
    assert!(fails(&votes.input(), &options.clone().weight_exponent(f64::NAN)).contains("weight_exponent"));
    assert!(fails(&votes.input(), &options.clone().tiers(0)).contains("tiers is 0"));
    let more = ModelIndex::new(["m0", "m1", "m2", "m3", "m4"]).unwrap();
    let mut unvoted = Votes::new(more);
    votes.votes.ballots().iter().for_each(|ballot| unvoted.push(*ballot).unwrap());
    assert!(
        fails(&EmbeddedVotes { votes: &unvoted, ..votes.input() }, &options).contains("\"m4\" has no votes")
    );

    let model = build(&votes.input(), &options);
    let message = model.pair("m0", "other", Mode::Exact).unwrap_err().message().to_owned();
    assert_eq!(message, "unknown model \"other\"; known models: m0, m1, m2, m3");
    assert!(model.pair("m1", "m1", Mode::Exact).unwrap_err().message().contains("\"m1\" twice"));
    let mut scratch = Scratch::default();
    for bad in [&[0.0_f32; 8][..], &[f32::NAN; 8], &[1.0; 7]] {
        let error = model.score(bad, &ScoreOptions::default(), &mut scratch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let mut batch = vec![1.0_f32; 24];
    batch[16..].fill(0.0);
    let error = model.score_batch(&batch, &ScoreOptions::default(), &mut scratch).unwrap_err();
    assert!(error.message().starts_with("query 2: "), "{error}");
    assert!(model.score_batch(&batch[..9], &ScoreOptions::default(), &mut scratch).is_err());
}

#[test]
fn a_build_can_be_cancelled_and_tells_its_progress() {
    let (votes, _) = votes(300, 8, 4);
    let clusters = ClusterOptions::new().clusters(8);
    let options = BuildOptions::new().clusters(clusters);
    let mut reports = Vec::new();
    SwModel::build(&votes.input(), &options, &mut |p| {
        reports.push(p);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(reports.iter().all(|p| p.done <= p.total));
    for stop in 0..reports.len() {
        let mut left = stop;
        let result = SwModel::build(&votes.input(), &options, &mut |_| {
            if left == 0 {
                ControlFlow::Break(())
            } else {
                left -= 1;
                ControlFlow::Continue(())
            }
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled, "at report {stop}");
    }
}
