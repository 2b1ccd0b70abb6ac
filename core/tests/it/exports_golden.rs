//! Exported models against transformers and torch, and against the reference's own numbers.

use std::path::Path;

use routellm_core::onnx::SessionOptions;
use routellm_core::scorer::bert::{BertScorer, BertSpec, Head};
use routellm_core::scorer::causal_llm::{
    self, CausalLlmScorer, CausalLlmSpec, ScoreToken, Template, TemplateSpec,
};
use routellm_core::scorer::checkpoint::Files;
use routellm_core::scorer::{Pair, PromptScorer};
use routellm_core::{Mode, OpenOptions, Result};
use serde_json::Value;

use crate::support::{json, root, shared, tiny_model};

const PAIR: Pair = Pair { strong: 0, weak: 1 };

fn session() -> SessionOptions {
    OpenOptions::new().intra_threads(1).into_session().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|x| x as f32).collect()
}

/// How far an export may be from torch: what float32 allows, and for others somewhat more than was measured when they
/// were made.
fn tolerance(model: &Value) -> f64 {
    let measured = model["measured_difference"].as_f64().unwrap();
    if measured < 1e-4 { 1e-4 } else { measured * 1.5 }
}

fn classifier(folder: &Path, head: Head, mode: Mode) -> Result<BertScorer> {
    let spec = BertSpec::new(head);
    BertScorer::open(&Files::bare(folder), &spec, 4, PAIR, mode, &session())
}

fn head_of(folder: &str) -> Head {
    match folder {
        "distilbert-tiny" => Head::binary(1),
        "roberta-tiny" => "regression".parse().unwrap(),
        "modernbert-tiny" => Head::candidates(),
        _ => Head::three_labels(),
    }
}

fn score_ids() -> Vec<ScoreToken> {
    (805..810).map(ScoreToken::Id).collect()
}

fn plain(tokens: Vec<ScoreToken>) -> CausalLlmSpec {
    let mut spec = CausalLlmSpec::new(TemplateSpec::Plain { text: "{question}".into() });
    spec.score_tokens = tokens;
    spec.max_new_tokens = 0;
    spec
}

#[test]
fn every_classifier_gives_torchs_ids_and_logits() {
    let expected = json(&root().join("tests/models/expected.json"));
    let mut compared = 0;
    for (name, model) in expected["models"].as_object().unwrap() {
        if model["kind"] != "classifier" {
            continue;
        }
        let folder = tiny_model(name);
        let scorer =
            classifier(&folder, head_of(name), Mode::Exact).unwrap_or_else(|e| panic!("{name}: {e}"));
        for row in model["rows"].as_array().unwrap() {
            let case = row["prompt"].as_str().unwrap();
            let prompt = expected["prompts"][case].as_str().unwrap();
            assert_eq!(scorer.token_ids(prompt).unwrap(), integers(&row["ids"]), "{name} {case}");
            let logits = scorer.logits(prompt).unwrap();
            for (x, y) in logits.iter().zip(numbers(&row["logits"])) {
                assert!((f64::from(*x) - y).abs() < tolerance(model), "{name} {case}: {x} {y}");
            }
            let full = row["ids"].as_array().unwrap().len() == scorer.max_tokens();
            assert_eq!(scorer.score(prompt, None).unwrap().truncated, full, "{name} {case}");
            compared += 1;
        }
    }
    assert_eq!(compared, 64);
}

#[test]
fn every_decoder_gives_torchs_logits_with_and_without_the_cache() {
    let expected = json(&root().join("tests/models/expected.json"));
    let mut compared = 0;
    for (name, model) in expected["models"].as_object().unwrap() {
        if model["kind"] != "causal" {
            continue;
        }
        let folder = tiny_model(name);
        let stories = name.starts_with("stories");
        let tokens = if stories {
            ["1", "2", "3", "4", "5"].map(|t| ScoreToken::Text(t.into())).to_vec()
        } else {
            score_ids()
        };
        let open = |template: &str| {
            let mut spec = plain(tokens.clone());
            spec.template = template.parse().unwrap();
            CausalLlmScorer::open(&Files::bare(&folder), spec, Mode::Exact, &session())
                .unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let scorer = open("{question}");
        for row in model["rows"].as_array().unwrap() {
            let case = row["prompt"].as_str().unwrap();
            let ids = integers(&row["ids"]);
            // The tokenizers of these lack the score tokens until the published template adds them.
            if stories || case != "scores" {
                let prompt = expected["prompts"][case].as_str().unwrap();
                if case != "long" {
                    assert_eq!(scorer.prepare(prompt).unwrap(), (ids.clone(), false), "{name} {case}");
                }
            }
            let logits = scorer.logits(&ids, false).unwrap();
            for (x, y) in logits.iter().zip(numbers(&row["logits"])) {
                assert!((f64::from(*x) - y).abs() < tolerance(model), "{name} {case}: {x} {y}");
            }
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            if tolerance(model) < 1e-3 {
                assert_eq!(best.0 as u64, row["argmax"].as_u64().unwrap(), "{name} {case}");
            }
            compared += 1;
        }
        let scorer = open("Rate the question from one to five, with care.\nQuestion: {question}\nScore:");
        let cached = scorer.cached_tokens().unwrap();
        assert_eq!(cached > 8, name != "llama-tiny-nopast", "{name}: {cached} tokens");
        for prompt in ["What is 2+2?", "", "\u{65e5}\u{672c} na\u{ef}ve"] {
            let (ids, _) = scorer.prepare(prompt).unwrap();
            let (whole, split) = (scorer.logits(&ids, false).unwrap(), scorer.logits(&ids, true).unwrap());
            let far = whole.iter().zip(&split).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Half precision and quantised weights round on the way.
            let allowed = if tolerance(model) > 1e-3 { 2e-2 } else { 1e-4 };
            assert!(far < allowed, "{name} {prompt:?}: {far}");
        }
    }
    assert_eq!(compared, 12 * 8);
}

#[test]
fn golden_classifiers() {
    let golden = shared("golden/tiny_models");
    let results = json(&golden.join("results.json"));
    for (name, folder) in [("bert_tiny", "bert-tiny"), ("xlmr_tiny", "xlmr-tiny")] {
        let folder = tiny_model(folder);
        for mode in [Mode::Exact, Mode::Reference] {
            let scorer = classifier(&folder, Head::three_labels(), mode).unwrap();
            let prompts = results["prompts"].as_array().unwrap();
            for (prompt, row) in prompts.iter().zip(results[name].as_array().unwrap()) {
                let prompt = prompt.as_str().unwrap();
                assert_eq!(scorer.token_ids(prompt).unwrap(), integers(&row["input_ids"]));
                for (x, y) in scorer.logits(prompt).unwrap().iter().zip(numbers(&row["logits_f64"])) {
                    assert!((f64::from(*x) - y).abs() < 1e-4, "{name}: {x} {y}");
                }
                let rate = scorer.score(prompt, None).unwrap().win_rate;
                assert!((rate - row["strong_win_rate"].as_f64().unwrap()).abs() < 1e-5, "{name}");
            }
        }
    }
}

#[test]
fn golden_decoders() {
    let golden = shared("golden/tiny_models");
    let results = json(&golden.join("results.json"));
    for (name, folder) in
        [("llama_tiny", "llama-tiny"), ("llama_tiny_padded_vocab", "llama-tiny-padded-vocab")]
    {
        let folder = tiny_model(folder);
        let spec = CausalLlmSpec::new(TemplateSpec::Routellm);
        let open =
            |mode| CausalLlmScorer::open(&Files::bare(&folder), spec.clone(), mode, &session()).unwrap();
        let (reference, exact) = (open(Mode::Reference), open(Mode::Exact));
        assert_eq!(reference.score_ids(), [805, 806, 807, 808, 809]);
        assert!(reference.cached_tokens().unwrap() > 400);
        let prompts = results["prompts"].as_array().unwrap();
        let (mut free, mut unscored, mut comparable) = (0, 0, 0);
        for (prompt, row) in prompts.iter().zip(results[name]["rows"].as_array().unwrap()) {
            let prompt = prompt.as_str().unwrap();
            let (ids, truncated) = reference.prepare(prompt).unwrap();
            assert_eq!(ids, integers(&row["input_ids"]), "{name} {prompt:?}");
            assert!(!truncated);
            let picked = |logits: &[f32]| logits[805..].to_vec();
            let near = |found: &[f32], expected: &Value, what: &str| {
                for (x, y) in found.iter().zip(numbers(expected)) {
                    assert!((f64::from(*x) - y).abs() < 1e-4, "{name} {prompt:?} {what}: {x} {y}");
                }
            };
            for cached in [false, true] {
                let logits = picked(&reference.logits(&ids, cached).unwrap());
                near(&logits, &row["f32_first_step_label_logits"], "first step");
                let rate = reference.win_rate(&logits).unwrap();
                let expected = row["f32_first_step_strong_win_rate"].as_f64().unwrap();
                assert!((rate - expected).abs() < 1e-5, "{name} {prompt:?}: {rate} {expected}");
            }
            if row["raises"].is_string() {
                // The reference stops at a token of the padding, which is no score.
                continue;
            }
            comparable += 1;
            let score = reference.score(prompt, None).unwrap();
            let Some(position) = row["label_pos"].as_u64() else {
                unscored += usize::from(score.no_score && score.win_rate == 1.0);
                continue;
            };
            // The reference generated in bfloat16, so that its tokens are forced here.
            let forced = &integers(&row["output_ids"])[..position as usize];
            let logits = picked(&reference.logits(&[&ids, forced].concat(), true).unwrap());
            near(&logits, &row["f32_label_logits_at_label_pos"], "at the score");
            let expected = row["f32_strong_win_rate_at_label_pos"].as_f64().unwrap();
            assert!((reference.win_rate(&logits).unwrap() - expected).abs() < 1e-5, "{name} {prompt:?}");
            // Free to choose, float32 goes the same way on nearly all rows.
            free += usize::from((score.win_rate - expected).abs() < 1e-5);
            let five: f64 = exact.win_rate(&logits[..5]).unwrap();
            let exactly = logits[..5].iter().map(|x| f64::from(*x).exp()).collect::<Vec<_>>();
            let below = exactly[..3].iter().sum::<f64>() / exactly.iter().sum::<f64>();
            assert!((five - below).abs() < 1e-12);
        }
        assert!(comparable >= 8, "{name}: {comparable} rows");
        assert!(free + unscored + 2 >= comparable, "{name}: {free} of {comparable} go the same way");
    }
}

#[test]
fn golden_postprocessing_of_classifiers() {
    let golden = shared("golden/bert_causal");
    let cases = json(&golden.join("bert_postproc.json"));
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let logits = floats(&case["logits"]);
        let rate = |mode| Head::three_labels().win_rate(&logits, PAIR, mode).unwrap();
        let reference = case["strong_win_rate_f32"].as_f64().unwrap();
        assert!((rate(Mode::Reference) - reference).abs() < 2e-7, "{case}: {}", rate(Mode::Reference));
        let exact = case["p0_f64"].as_f64().unwrap();
        assert!(
            (rate(Mode::Exact) - exact).abs() <= 1e-12 * exact.max(1e-30),
            "{case}: {}",
            rate(Mode::Exact)
        );
    }
}

#[test]
fn golden_postprocessing_of_decoders() {
    let golden = shared("golden/bert_causal");
    let cases = json(&golden.join("causal_postproc.json"));
    let threshold = cases["score_threshold"].as_u64().unwrap() as usize;
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let logits = floats(&case["score_logits"]);
        let expected = case["strong_win_rate(1-binary_prob)"].as_f64().unwrap();
        for mode in [Mode::Reference, Mode::Exact] {
            let rate = causal_llm::win_rate(&logits, threshold, mode).unwrap();
            assert!((rate - expected).abs() < 2e-7, "{case}: {rate}");
        }
    }
}

#[test]
fn golden_prompts() {
    let golden = shared("golden/bert_causal");
    let cases = json(&golden.join("prompt_format.json"));
    let text = |key: &str| cases[key].as_str().unwrap();
    let template = Template::routellm(text("system_ft_v5"), text("classifier_ft_v5")).unwrap();
    let single = cases["single"].as_array().unwrap();
    assert!(single.len() > 5);
    for case in single {
        let prompt = case["prompt"].as_str().unwrap();
        let rendered = template.render(prompt).unwrap();
        assert_eq!(rendered.text, case["prompt_string"].as_str().unwrap());
        assert_eq!(&rendered.text[rendered.question.unwrap()], prompt);
    }
    let edges = cases["classifier_template_edge_cases"].as_object().unwrap();
    for (name, case) in edges {
        let Some(expected) = case["ok"].as_str() else {
            assert!(Template::routellm("", case["template"].as_str().unwrap()).is_err(), "{name}");
            continue;
        };
        // A template without a place for the question, or with more than the question in it, is refused here.
        if ["template_missing_placeholder", "template_attr"].contains(&name.as_str()) {
            assert!(Template::routellm("", case["template"].as_str().unwrap()).is_err(), "{name}");
            continue;
        }
        let rendered =
            Template::routellm("", case["template"].as_str().unwrap()).unwrap().render("P{x}").unwrap();
        assert!(rendered.text.ends_with(&format!("\n\n{expected}<|eot_id|>")), "{name}: {}", rendered.text);
    }
}
