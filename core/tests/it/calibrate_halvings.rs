//! The prediction interval of the strong share is honest: of random halvings of real prompts, the other half's share lies in
//! it at least as often as it says, about.

use std::path::Path;

use routellm_core::calibrate::{CalibrateSpec, Sample, groups_of};
use routellm_core::numeric::Rng;
use routellm_core::{CallOptions, Control, Router};

use crate::support::{default_router, shared};

const HALVINGS: usize = 200;

/// Questions of MMLU as the benchmark's folder has them.
fn mmlu(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
        .collect();
    files.sort();
    files.iter().flat_map(|file| Sample::read(file).unwrap().prompts().to_vec()).collect()
}

/// How many of the halvings hold the other half's share. With `together` halves are of whole groups: a user's requests come
/// again with that user.
fn held(router: &Router, rates: &[f64], groups: &[usize], share: f64, together: bool, seed: u64) -> usize {
    let mut rng = Rng::new(seed);
    let mut held = 0;
    for _ in 0..HALVINGS {
        let units = if together { groups.iter().max().unwrap() + 1 } else { rates.len() };
        let mut order: Vec<usize> = (0..units).collect();
        for i in (1..units).rev() {
            order.swap(i, rng.below(i + 1));
        }
        let mut first = vec![false; units];
        order[..units / 2].iter().for_each(|unit| first[*unit] = true);
        let unit = |i: usize| if together { groups[i] } else { i };
        let (one, other): (Vec<usize>, Vec<usize>) = (0..rates.len()).partition(|i| first[unit(*i)]);
        let spec = CalibrateSpec::new()
            .win_rates(one.iter().map(|i| rates[*i]).collect())
            .groups(one.iter().map(|i| groups[*i] as u64).collect())
            .strong_share(share)
            .further_requests(other.len() as u64);
        let (_, report) = router.calibrate(&spec, Control::new()).unwrap();
        let threshold = report.threshold.unwrap();
        let reached = other.iter().filter(|i| rates[**i] >= threshold).count() as f64 / other.len() as f64;
        held += usize::from(report.prediction_interval.contains(reached));
    }
    held
}

fn check(name: &str, prompts: &[String]) {
    let router = default_router();
    let rates = router.win_rates(prompts, &CallOptions::new()).unwrap();
    let groups = groups_of(prompts);
    for (share, seed) in [(0.05, 1), (0.2, 2), (0.5, 3), (0.9, 4)] {
        for together in [false, true] {
            let held = held(&router, &rates, &groups, share, together, seed);
            println!("{name}: share {share}, groups together {together}: {held} of {HALVINGS}");
            assert!(held * 100 >= HALVINGS * 90, "{name}: share {share}: {held} of {HALVINGS}");
        }
    }
}

#[test]
fn of_oasst() {
    check("oasst", Sample::read(shared("data/prompts/oasst.jsonl")).unwrap().prompts());
}

#[test]
fn of_awesome() {
    check("awesome", Sample::read(shared("data/prompts/awesome.jsonl")).unwrap().prompts());
}

#[test]
fn of_mmlu() {
    check("mmlu", &mmlu(&shared("data/routellm-evals/mmlu/responses")));
}

#[test]
fn of_arena() {
    check("arena", Sample::read(shared("data/arena/votes.jsonl")).unwrap().prompts());
}

#[test]
fn of_tasks() {
    check("tasks", Sample::read(shared("data/nway/llmrouter_tasks.jsonl")).unwrap().prompts());
}
