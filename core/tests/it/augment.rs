//! Verdicts of a judge as recorded ones are.

use std::fs;

use routellm_core::augment::{Completion, JudgeOptions, JudgeReport, Pair};
use routellm_core::preference::{VoteTable, Winner};
use serde_json::Value;

use crate::support::shared;

/// What the judge wrote for a verdict, by the order in which it saw the answers.
fn said(verdict: Winner, swapped: bool) -> Completion {
    let letter = match (verdict, swapped) {
        (Winner::Tie, _) => 'C',
        (Winner::ModelA, false) | (Winner::ModelB, true) => 'A',
        _ => 'B',
    };
    Completion::new(format!("It is as it is. [[{letter}]]"))
}

#[test]
fn recorded_verdicts_become_the_recorded_winners() {
    let text = fs::read_to_string(shared("data/judge/oasst_gpt4_judge.jsonl")).unwrap();
    let options = JudgeOptions::new().model("gpt-4".to_owned());
    let mut judgements = Vec::new();
    let mut lines = String::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = |field: &str| row[field].as_str().unwrap();
        let pair = Pair::new(name("id"), name("prompt"), (name("model_a"), "x"), (name("model_b"), "y"));
        let verdicts: Vec<Winner> = row["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|verdict| Winner::from_name(verdict.as_str().unwrap()).unwrap())
            .collect();
        let texts: Vec<Completion> =
            verdicts.iter().enumerate().map(|(order, verdict)| said(*verdict, order == 1)).collect();
        // Where one order is not recorded, its request was not answered.
        let answers = [texts.first(), texts.get(1)];
        let judgement = options.judgement(pair, &answers);
        assert_eq!(judgement.verdicts.iter().flatten().copied().collect::<Vec<_>>(), verdicts);
        assert_eq!(judgement.winner.map(Winner::name), row["winner"].as_str());
        lines += &(judgement.to_json() + "\n");
        judgements.push(judgement);
    }
    let report = JudgeReport::new(&judgements);
    assert_eq!((report.pairs, report.judged, report.one_order), (16_036, 16_036, 1_003));
    // Of 15,033 pairs in both orders, 1,539 have the first answer as the winner twice, and 297 the second.
    assert_eq!(report.position_bias, Some(1_539.0 / 15_033.0 - 297.0 / 15_033.0));
    assert_eq!(report.order_consistency, Some((6_186.0 + 3_707.0 + 1_078.0) / 15_033.0));
    // What is written is what a training reads, as the recorded file is.
    let recorded = VoteTable::from_jsonl(text.as_bytes(), "judge").unwrap();
    assert_eq!(VoteTable::from_jsonl(lines.as_bytes(), "judge").unwrap(), recorded);
}
