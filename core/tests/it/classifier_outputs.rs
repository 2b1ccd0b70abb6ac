//! What classifiers give: shapes, element types, and probabilities instead of logits.

use routellm_core::scorer::BertScorer;
use routellm_core::{CallOptions, ErrorKind, OpenOptions, Router};

use ErrorKind::InvalidModel;

use crate::exports::{Copy, options, rates, refused};
use crate::onnx_files::{bytes, node, number, value};

const VOCABULARY: usize = 1500;

/// Element types of `onnx.proto`.
const FLOAT: usize = 1;
const HALF: usize = 10;
const DOUBLE: usize = 11;
const BRAIN: usize = 16;

/// An integer attribute of a node.
fn int(name: &str, value: usize) -> Vec<u8> {
    [bytes(1, name.as_bytes()), number(3, value), number(20, 2)].concat()
}

/// A step between the logits and the output.
enum Step {
    Cast(usize),
    Identity,
    Sigmoid,
    Softmax(Option<usize>),
    Squeeze,
}

/// -1 as an attribute.
const LAST: usize = usize::MAX;

/// A classifier whose logits are the row of a table of the first word's token, in a copy of the folder of a tiny one.
fn classifier(columns: usize, steps: &[Step], element: usize, dims: Option<&[&str]>) -> Copy {
    let copy = Copy::of("bert-tiny");
    let table: Vec<u8> = (0..VOCABULARY * columns)
        .map(|i| ((i * 7919) % 1000) as f32 / 250.0 - 2.0)
        .flat_map(f32::to_le_bytes)
        .collect();
    let table =
        [number(1, VOCABULARY), number(1, columns), number(2, FLOAT), bytes(8, b"E"), bytes(9, &table)];
    let one = 1_i64.to_le_bytes();
    let mut graph = vec![
        bytes(2, b"g"),
        bytes(5, &table.concat()),
        bytes(5, &[number(2, 7), bytes(8, b"second"), bytes(9, &one)].concat()),
        bytes(5, &[number(1, 1), number(2, 7), bytes(8, b"axes"), bytes(9, &one)].concat()),
        value(11, "input_ids", 7, Some(&["b", "s"])),
        value(12, "logits", element, dims),
        node("Gather", &["E", "input_ids"], "vectors", &[]),
        node("Gather", &["vectors", "second"], "step0", &[int("axis", 1)]),
    ];
    for (i, step) in steps.iter().enumerate() {
        let (from, to) = (format!("step{i}"), format!("step{}", i + 1));
        graph.push(match step {
            Step::Cast(element) => node("Cast", &[&from], &to, &[int("to", *element)]),
            Step::Identity => node("Identity", &[&from], &to, &[]),
            Step::Sigmoid => node("Sigmoid", &[&from], &to, &[]),
            Step::Softmax(axis) => {
                let axis: Vec<_> = axis.iter().map(|axis| int("axis", *axis)).collect();
                node("Softmax", &[&from], &to, &axis)
            }
            Step::Squeeze => node("Squeeze", &[&from, "axes"], &to, &[]),
        });
    }
    graph.push(node("Identity", &[&format!("step{}", steps.len())], "logits", &[]));
    let model = [number(1, 9), bytes(7, &graph.concat()), bytes(8, &number(2, 17))].concat();
    std::fs::write(copy.path("model.onnx"), model).unwrap();
    copy
}

fn head(text: &str) -> OpenOptions {
    options().head(text.parse().unwrap())
}

fn logits(router: &Router, prompt: &str) -> Vec<f64> {
    let scorer = router.pipeline().prompts().unwrap().downcast_ref::<BertScorer>().unwrap();
    scorer.logits(prompt).unwrap().into_iter().map(f64::from).collect()
}

fn win_rate(router: &Router, prompt: &str) -> f64 {
    router.win_rate(prompt, &CallOptions::new()).unwrap()
}

const WORDS: [&str; 5] = ["what", "the", "prove", "is", "why not"];

#[test]
fn one_logit_may_stand_for_two_labels() {
    let of = |dims: &[&str], steps: &[Step]| classifier(1, steps, FLOAT, Some(dims));
    let row = of(&["b", "1"], &[]);
    let flat = of(&["b"], &[Step::Squeeze]);
    for copy in [&row, &flat] {
        let strong = copy.open(&head("binary")).unwrap();
        let weak = copy.open(&head(r#"{"kind": "binary", "strong_label": 0}"#)).unwrap();
        for prompt in WORDS {
            let logit = logits(&strong, prompt)[0];
            let want = 1.0 / (1.0 + (-logit).exp());
            assert!((win_rate(&strong, prompt) - want).abs() < 1e-12, "{prompt}");
            assert!((win_rate(&weak, prompt) - (1.0 - want)).abs() < 1e-12, "{prompt}");
        }
        let together = strong.win_rates(WORDS, &CallOptions::new()).unwrap();
        assert_eq!(together, WORDS.map(|prompt| win_rate(&strong, prompt)));
        refused(copy.open(&head("three_labels")), InvalidModel, &["three_labels", "3 outputs", "has 1"]);
        copy.replace("config.json", "\"BertForSequenceClassification\"", "");
        assert_eq!(rates(&copy.open(&head("binary")).unwrap()), rates(&strong));
    }
    assert_eq!(rates(&row.open(&head("binary")).unwrap()), rates(&flat.open(&head("binary")).unwrap()));
    let regression = head(r#"{"kind": "regression", "link": "sigmoid"}"#);
    assert_eq!(rates(&flat.open(&regression).unwrap()), rates(&flat.open(&head("binary")).unwrap()));
}

#[test]
fn outputs_have_any_width() {
    let dims = Some(&["b", "3"][..]);
    let single = rates(&classifier(3, &[], FLOAT, dims).open(&options()).unwrap());
    let double = rates(&classifier(3, &[Step::Cast(DOUBLE)], DOUBLE, dims).open(&options()).unwrap());
    assert_eq!(single, double);
    for (element, tolerance) in [(HALF, 2e-3), (BRAIN, 2e-2)] {
        let found = rates(&classifier(3, &[Step::Cast(element)], element, dims).open(&options()).unwrap());
        assert_ne!(found, single);
        for (found, want) in found.iter().zip(&single) {
            assert!((found - want).abs() < tolerance, "{element}: {found} {want}");
        }
    }
}
