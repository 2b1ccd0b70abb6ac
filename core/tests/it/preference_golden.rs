//! Vote filter, Bradley-Terry and tiers against the outputs of the reference's own functions.

use routellm_core::preference::bradley_terry::{self, WinMatrix};
use routellm_core::preference::{
    GoldTable, ModelIndex, SelfBattles, VoteTable, Winner, filter_votes, first_turn_of_json, is_long_enough,
    tiers,
};
use serde_json::Value;

use crate::support::{json, shared};

#[test]
fn the_filter_keeps_what_the_reference_keeps() {
    let folder = shared("golden/preference");
    let cases = json(&folder.join("preprocess_battles.json"));
    let columns = ["model_a", "model_b", "prompt", "winner_model_a", "winner_model_b", "winner_tie"];
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(columns).unwrap();
    for (row, length) in
        cases["rows"].as_array().unwrap().iter().zip(cases["first_turn_len"].as_array().unwrap())
    {
        csv.write_record(columns.map(|name| match &row[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }))
        .unwrap();
        let first = first_turn_of_json(row["prompt"].as_str().unwrap()).unwrap();
        let length = length.as_u64().unwrap() as usize;
        assert!(is_long_enough(&first, length) && !is_long_enough(&first, length + 1), "{first:?}");
    }
    let mut table = VoteTable::from_reference_csv(&csv.into_inner().unwrap()[..], "golden").unwrap();
    filter_votes(&mut table, 16);
    let kept: Vec<[&str; 3]> =
        table.votes.iter().map(|v| [v.model_a.as_str(), v.model_b.as_str(), v.winner.name()]).collect();
    let expected: Vec<[&str; 3]> = cases["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["model_a", "model_b", "winner"].map(|name| row[name].as_str().unwrap()))
        .collect();
    assert_eq!(kept, expected);
    assert_eq!(table.counts.read - table.counts.dropped_short, expected.len());
    for (name, case) in cases["errors"].as_object().unwrap() {
        let first = first_turn_of_json(case["prompt"].as_str().unwrap());
        match case.get("kept") {
            Some(kept) => assert_eq!(u64::from(is_long_enough(&first.unwrap(), 16)), kept.as_u64().unwrap()),
            None => assert!(first.is_err(), "{name}"),
        }
    }
}

#[test]
fn tiers_are_those_of_the_reference() {
    let folder = shared("golden/tiers");
    let cases = json(&folder.join("tiers.json"));
    let mut compared = 0;
    for (name, case) in cases.as_object().unwrap() {
        let Some(ratings) = case.get("ratings").and_then(Value::as_array) else {
            assert!(case.get("raises").is_some() && tiers::reference_tiers(&[1.0], 0).is_err(), "{name}");
            continue;
        };
        let values: Vec<f64> = ratings.iter().map(|r| r[1].as_f64().unwrap()).collect();
        let expected: Vec<usize> =
            case["tiers_in_order"].as_array().unwrap().iter().map(|t| t.as_u64().unwrap() as usize).collect();
        let count = case["num_tiers"].as_u64().unwrap() as usize;
        assert_eq!(tiers::reference_tiers(&values, count).unwrap(), expected, "{name}");
        compared += 1;
    }
    assert!(compared >= 18);
}

#[test]
fn bradley_terry_finds_the_optimum_of_the_reference() {
    let folder = shared("golden/bradley_terry");
    let cases = json(&folder.join("cases.json"));
    let results = json(&folder.join("results.json"));
    for (name, result) in results["cases"].as_object().unwrap() {
        let (case, weighting) = name.split_once('/').unwrap();
        let bytes = std::fs::read(folder.join(format!("{case}.safetensors"))).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let codes = |name: &str| file.tensor(name).unwrap().data().to_vec();
        let (a, b, winner) = (codes("model_a"), codes("model_b"), codes("winner"));
        let weights: Vec<f64> = file
            .tensor("sample_weight")
            .unwrap()
            .data()
            .chunks_exact(8)
            .map(|c| if weighting == "weighted" { f64::from_le_bytes(c.try_into().unwrap()) } else { 1.0 })
            .collect();
        let names = cases[case]["models"].as_array().unwrap().iter().map(|m| m.as_str().unwrap());
        let index = ModelIndex::new(names).unwrap();
        let votes = (0..a.len())
            .map(|i| (a[i] as usize, b[i] as usize, Winner::from_code(winner[i]).unwrap(), weights[i]));
        let matrix = WinMatrix::from_votes(&index, votes, SelfBattles::Anchor).unwrap();
        let mut fit = bradley_terry::fit(&matrix, 0.0).unwrap();
        fit.shift_to_anchor();
        let expected = result["exact_ratings"].as_array().unwrap();
        assert_eq!(fit.order().len(), expected.len());
        for pair in expected {
            let got = fit.ratings[index.number(pair[0].as_str().unwrap()).unwrap()];
            let want = pair[1].as_f64().unwrap();
            // 1e-9 in win rate is 7e-7 points.
            assert!((got - want).abs() < 7e-7, "{name} {pair}: {got}");
        }
    }
}

#[test]
fn the_real_files_are_read() {
    let folder = shared("data");
    let votes = VoteTable::read(folder.join("arena/votes.jsonl")).unwrap();
    assert_eq!(votes.counts.read, 8272);
    assert_eq!(votes.counts.dropped_null_winner, 3199);
    assert_eq!(votes.votes.len(), 8272 - 3199);
    assert_eq!(votes.models().len(), 60);
    let gold = GoldTable::read(folder.join("gold/mmlu_gold.jsonl")).unwrap();
    assert_eq!((gold.rows.len(), gold.models.len()), (1471, 2));
    let table = gold.votes("gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1").unwrap();
    let strong = table.votes.iter().filter(|v| v.winner == Winner::ModelA).count();
    assert!((0.16..0.18).contains(&(strong as f64 / 1471.0)), "{strong}");
    let fit =
        bradley_terry::fit(&WinMatrix::from_table(&votes.models(), &votes, SelfBattles::Drop).unwrap(), 0.0);
    match fit {
        Ok(fit) => assert!(fit.standard_errors.iter().all(|e| e.is_finite() && *e > 0.0)),
        Err(error) => assert!(error.message().contains("unbounded"), "{error}"),
    }
}
