//! The page of forms: each example is read, or refused where it says so.

use std::fs;

use routellm_core::augment::{Answers, Pair, Question};
use routellm_core::preference::{GoldTable, LogTable, VoteTable};
use routellm_core::train::Sample;
use routellm_core::{Error, prompt_from_messages};

use crate::support::root;

/// How many rows were read.
fn read(form: &str, kind: &str, text: &str) -> Result<usize, Error> {
    let bytes = text.as_bytes();
    match (form, kind) {
        ("jsonl", "votes") => VoteTable::from_jsonl(bytes, "votes").map(|table| table.counts.read),
        ("csv", "votes") => VoteTable::from_csv(bytes, "votes").map(|table| table.counts.read),
        ("jsonl", "gold") => GoldTable::from_jsonl(bytes, "gold").map(|table| two_models(&table)),
        ("csv", "gold") => GoldTable::from_csv(bytes, "gold").map(|table| two_models(&table)),
        ("jsonl", "logs") => LogTable::from_jsonl(bytes, "logs").map(|table| table.rows.len()),
        ("jsonl", "prompts") => Sample::from_jsonl(bytes, "prompts").map(|sample| sample.prompts().len()),
        ("jsonl", "questions") => Question::from_jsonl(bytes, "questions").map(|questions| questions.len()),
        ("jsonl", "pairs") => Pair::from_jsonl(bytes, "pairs").map(|pairs| pairs.len()),
        ("jsonl", "answers") => {
            let mut answers = Answers::new();
            answers.read_jsonl(bytes, "answers")?;
            assert_eq!(answers.models(), ["gpt-4", "mixtral"]);
            Ok(text.lines().count())
        }
        ("json", "chat") => prompt_from_messages(text).map(|prompt| {
            assert_eq!(prompt, "Hi");
            1
        }),
        _ => panic!("an example of {form} {kind}"),
    }
}

fn two_models(table: &GoldTable) -> usize {
    assert_eq!(table.models.len(), 2, "{table:?}");
    table.rows.len()
}

#[test]
fn every_example_of_the_page_is_what_it_says() {
    let page = fs::read_to_string(root().join("docs/forms.md")).unwrap();
    let mut kinds = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap();
        let words: Vec<&str> = info.split(' ').collect();
        let [form, kind, rest @ ..] = &words[..] else { panic!("{info}") };
        let rows = text.lines().filter(|line| !line.is_empty()).count() - usize::from(*form == "csv");
        let outcome = read(form, kind, text);
        if rest == ["refused"] {
            let error = outcome.expect_err(text);
            assert!(*form == "json" || error.message().contains(", line "), "{error}");
        } else {
            assert_eq!(outcome.unwrap_or_else(|error| panic!("{error}\n{text}")), rows, "{text}");
        }
        kinds.push((*kind).to_owned());
    }
    assert_eq!(kinds.len(), 20, "{kinds:?}");
    kinds.dedup();
    assert_eq!(kinds, ["votes", "gold", "logs", "questions", "answers", "pairs", "prompts", "chat"]);
}
