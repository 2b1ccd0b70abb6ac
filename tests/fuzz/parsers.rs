//! What every fuzz target does with its input. The targets and the test that replays the corpus share this file: a
//! parser may refuse bytes, and what it takes has to hold.

#![allow(dead_code, reason = "each fuzz target calls one of them")]

use routellm_core::Mode;
use routellm_core::Read;
use routellm_core::artifact::{Manifest, sha256_hex};
use routellm_core::onnx::graph::Graph;
use routellm_core::scorer::bert::{BertSpec, Head, LongPrompts};
use routellm_core::scorer::causal_llm::{CausalLlmSpec, Template, TemplateSpec};
use routellm_core::scorer::checkpoint::ModelConfig;
use routellm_core::tokenize::TokenizerConfig;

/// A target: its name, which is also its corpus's folder, and what it does with bytes.
pub(super) type Parser = (&'static str, fn(&[u8]));

/// Every target.
pub(super) const PARSERS: [Parser; 8] = [
    ("manifest", manifest),
    ("model_config", model_config),
    ("tokenizer_config", tokenizer_config),
    ("template", template),
    ("chat_template", chat_template),
    ("head", head),
    ("graph", graph),
    ("messages", messages),
];

/// `router.json`: what is read is written back to a text that reads the same. 64 zeros become the checksum, which no
/// fuzzer would guess.
pub(super) fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let signed = text.replacen(&"0".repeat(64), &sha256_hex(data), 1);
    if let Ok(manifest) = Manifest::parse(signed.as_bytes()) {
        if let Ok(spec) = manifest.scorer.read::<BertSpec>() {
            let _ = spec.check();
        }
        if let Ok(spec) = manifest.scorer.read::<CausalLlmSpec>() {
            let _ = spec.check();
        }
        let text = manifest.to_text().expect("a manifest that was read can be written");
        assert_eq!(Manifest::parse(text.as_bytes()).expect("and read again").models, manifest.models);
    }
}

/// `config.json` and `genai_config.json`.
pub(super) fn model_config(data: &[u8]) {
    let _ = ModelConfig::architectures(data);
    let _ = ModelConfig::parse(data);
}

/// `tokenizer_config.json`.
pub(super) fn tokenizer_config(data: &[u8]) {
    let _ = TokenizerConfig::parse(data);
}

/// Templates of prompts: the question is where the template says it is.
pub(super) fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = text.parse::<TemplateSpec>();
    for template in [Template::routellm("system", text), Template::routellm(text, "{question}")] {
        let Ok(template) = template else { continue };
        for question in ["", "why {question}?", " \u{e9} "] {
            let rendered = template.render(question).expect("a template that was read renders");
            if let Some(place) = rendered.question {
                assert!(question.contains(&rendered.text[place]));
            }
        }
    }
}

/// Chat templates: bounded work, and a text or an error.
pub(super) fn chat_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut settings = TokenizerConfig::default();
    settings.bos_token = Some("<s>".to_owned());
    if let Ok(template) =
        Template::chat(text, Some("system"), "{question}", true, Some("2026-01-31"), &settings)
        && let Ok(rendered) = template.render("why?")
        && let Some(place) = rendered.question
    {
        assert!(rendered.text.get(place).is_some());
    }
}

/// Heads and what to do with long prompts.
pub(super) fn head(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = text.parse::<LongPrompts>();
    if let Ok(head) = text.parse::<Head>() {
        let count = head.outputs(2);
        let outputs = vec![1.0 / count as f32; count];
        let pair = routellm_core::scorer::Pair { strong: 0, weak: 1 };
        for mode in [Mode::Exact, Mode::Reference] {
            let rate = head.win_rate(&outputs, pair, mode).expect("finite outputs have a win rate");
            assert!((0.0..=1.0).contains(&rate), "{rate}");
        }
    }
}

/// ONNX models, as far as they are read without a runtime.
pub(super) fn graph(data: &[u8]) {
    if let Ok(graph) = Graph::parse(data) {
        let _ = graph.dynamically_quantized();
        let _ = graph.check_external_files(std::path::Path::new("model.onnx"));
    }
}

/// Chat messages.
pub(super) fn messages(data: &[u8]) {
    for read in Read::ALL {
        let _ = read.prompt(data);
    }
}
