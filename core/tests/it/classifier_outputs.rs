//! What classifiers give: shapes, element types, and probabilities instead of logits.

use routellm_core::scorer::BertScorer;
use routellm_core::{CallOptions, ErrorKind, Mode, OpenOptions, Router};

use ErrorKind::{Inference, InvalidModel};

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

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|x| x.exp()).sum();
    logits.iter().map(|x| x.exp() / sum).collect()
}

fn close(found: &[f64], want: &[f64], tolerance: f64, what: &str) {
    for (found, want) in found.iter().zip(want) {
        assert!((found - want).abs() < tolerance, "{what}: {found} {want}");
    }
}

#[test]
fn a_model_that_ends_in_softmax_is_not_softmaxed_again() {
    let dims = Some(&["b", "3"][..]);
    let cast = || vec![Step::Softmax(Some(LAST)), Step::Cast(DOUBLE), Step::Identity];
    for mode in [Mode::Exact, Mode::Reference] {
        let options = options().mode(mode);
        let plain = rates(&classifier(3, &[], FLOAT, dims).open(&options).unwrap());
        for (steps, element) in [
            (vec![Step::Softmax(None)], FLOAT),
            (vec![Step::Softmax(Some(1)), Step::Identity], FLOAT),
            (cast(), DOUBLE),
        ] {
            let found = rates(&classifier(3, &steps, element, dims).open(&options).unwrap());
            close(&found, &plain, 1e-6, "probabilities");
        }
    }
    // Probabilities that are said.
    let copy = classifier(3, &cast(), DOUBLE, dims);
    let said = head(r#"{"kind": "three_labels", "probabilities": true}"#);
    assert_eq!(rates(&copy.open(&said).unwrap()), rates(&copy.open(&options()).unwrap()));
    let logits_only = classifier(3, &[], FLOAT, dims);
    refused(logits_only.open(&said), Inference, &["expected probabilities"]);
    // Those of a whole column are none of a row.
    let columns = classifier(3, &[Step::Softmax(Some(0))], FLOAT, dims).open(&options()).unwrap();
    close(&rates(&columns), &[1.0 / 3.0; 8], 1e-6, "a row of ones");
}

#[test]
fn every_head_reads_probabilities() {
    let two = Some(&["b", "2"][..]);
    let steps = [Step::Softmax(Some(LAST))];
    for head in [head("binary"), head(r#"{"kind": "binary", "strong_label": 0}"#)] {
        let plain = rates(&classifier(2, &[], FLOAT, two).open(&head).unwrap());
        close(&rates(&classifier(2, &steps, FLOAT, two).open(&head).unwrap()), &plain, 1e-6, "binary");
        let one = Some(&["b"][..]);
        let plain = rates(&classifier(1, &[Step::Squeeze], FLOAT, one).open(&head).unwrap());
        let sigmoid = classifier(1, &[Step::Squeeze, Step::Sigmoid], FLOAT, one);
        close(&rates(&sigmoid.open(&head).unwrap()), &plain, 1e-6, "one probability");
    }
    let three = Some(&["b", "3"][..]);
    let candidates = head("candidates").strong("LABEL_2").weak("LABEL_0");
    let logits_only = classifier(3, &[], FLOAT, three).open(&candidates).unwrap();
    let router = classifier(3, &steps, FLOAT, three).open(&candidates).unwrap();
    close(&rates(&router), &rates(&logits_only), 1e-6, "candidates");
    for prompt in WORDS {
        close(&logits(&router, prompt), &softmax(&logits(&logits_only, prompt)), 1e-6, prompt);
    }
    let options = CallOptions::new();
    let scores = |router: &Router| router.candidate_scores("what is it", &options).unwrap();
    let (found, want) = (scores(&router), scores(&logits_only));
    close(&[found[2] - found[0]], &[want[2] - want[0]], 1e-5, "scores of candidates");
}
