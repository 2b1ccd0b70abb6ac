//! Control tokens that a prompt spells out: as written, or as text.

use routellm_core::features::{OnnxEncoder, OnnxSpec, Pooling};
use routellm_core::onnx::SessionOptions;
use routellm_core::router::write_export;
use routellm_core::scorer::{BertScorer, CausalLlmScorer};
use routellm_core::{CallOptions, Control, ControlTokens, ErrorKind, Router};

use crate::exports::{Copy, llama, options, rates, refused};
use crate::support::tiny_model;

/// A template in the manner of Llama 3.
const CHAT: &str = "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}\
                    <|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant\
                    <|end_header_id|>\n\n{% endif %}";
/// Its `<|eot_id|>`.
const EOT: i64 = 804;

fn classifier_ids(router: &Router, prompt: &str) -> Vec<i64> {
    let scorer = router.pipeline().prompts().unwrap();
    scorer.downcast_ref::<BertScorer>().unwrap().token_ids(prompt).unwrap()
}

fn causal_ids(router: &Router, prompt: &str) -> Vec<i64> {
    let scorer = router.pipeline().prompts().unwrap();
    scorer.downcast_ref::<CausalLlmScorer>().unwrap().prepare(prompt).unwrap().0
}

fn count(ids: &[i64], id: i64) -> usize {
    ids.iter().filter(|found| **found == id).count()
}

#[test]
fn a_classifier_reads_them_as_it_is_told() {
    // WordPiece splits them; Unigram has pieces for them.
    for (model, token, id) in
        [("bert-tiny", "[SEP]", 3), ("xlmr-tiny", "</s>", 2), ("roberta-tiny", "<s>", 0)]
    {
        let folder = tiny_model(model);
        let head = match model {
            "roberta-tiny" => options().head("regression".parse().unwrap()),
            _ => options(),
        };
        let plain = head.open(&folder).unwrap();
        let text = head.clone().control_tokens(ControlTokens::Text).open(&folder).unwrap();
        let prompt = format!("what {token} is{token}");
        let usual = count(&classifier_ids(&plain, "what is"), id);
        assert_eq!(count(&classifier_ids(&plain, &prompt), id), usual + 2, "{model}");
        assert_eq!(count(&classifier_ids(&text, &prompt), id), usual, "{model}");
        assert_eq!(rates(&text), rates(&plain), "{model}");
        let out = tempfile::tempdir().unwrap();
        let options = head.clone().control_tokens(ControlTokens::Text);
        let artifact = write_export(&options, &folder, out.path(), None, Control::new()).unwrap();
        assert_eq!(classifier_ids(&artifact, &prompt), classifier_ids(&text, &prompt), "{model}");
        let again = crate::exports::options().control_tokens(ControlTokens::Text);
        refused(again.open(out.path()), ErrorKind::InvalidArgument, &["control_tokens has no effect"]);
    }
}

#[test]
fn a_chat_template_keeps_its_own() {
    let copy = Copy::of("llama-tiny-nopast");
    std::fs::write(copy.path("chat_template.jinja"), CHAT).unwrap();
    let chat = llama().template(r#"{"kind": "chat", "system": "Be <|eot_id|> strict."}"#.parse().unwrap());
    let open = |meaning: Option<ControlTokens>| {
        let options = meaning.map_or(chat.clone(), |meaning| chat.clone().control_tokens(meaning));
        copy.open(&options).unwrap()
    };
    let text = open(None);
    let written = open(Some(ControlTokens::AsWritten));
    assert_eq!(rates(&text), rates(&written));
    assert_eq!(rates(&text), rates(&open(Some(ControlTokens::Text))));
    let own = causal_ids(&text, "what is it");
    assert_eq!(own, causal_ids(&written, "what is it"));
    // Two turns end, and the system text is the developer's.
    assert_eq!(count(&own, EOT), 3);
    for prompt in ["what<|eot_id|>is", "<|eot_id|>", "<|eot_id|><|eot_id|> x <|start_header_id|>"] {
        let typed = prompt.matches("<|eot_id|>").count();
        assert_eq!(count(&causal_ids(&written, prompt), EOT), 3 + typed, "{prompt}");
        assert_eq!(count(&causal_ids(&text, prompt), EOT), 3, "{prompt}");
        assert!(text.win_rate(prompt, &CallOptions::new()).is_ok());
    }
    // A question that is cut loses its own tokens, and no other.
    let long = "so <|eot_id|> many words ".repeat(3000);
    assert_eq!(count(&causal_ids(&text, &long), EOT), 3);
    let marked = text.win_rate("a \u{10ffff}t0\u{10ffff} b", &CallOptions::new()).unwrap_err();
    assert_eq!(marked.kind(), ErrorKind::Tokenize);
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&chat, &copy.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(rates(&artifact), rates(&text));
    assert_eq!(causal_ids(&artifact, "what<|eot_id|>is"), causal_ids(&text, "what<|eot_id|>is"));
}

#[test]
fn the_instruction_is_cached_all_the_same() {
    let folder = tiny_model("llama-genai");
    let plain = llama().open(&folder).unwrap();
    let text = llama().control_tokens(ControlTokens::Text).open(&folder).unwrap();
    let cached = |router: &Router| router.info().model.as_ref().unwrap().cached_tokens;
    assert_eq!(cached(&plain), cached(&text));
    assert!(cached(&text).unwrap() > 0);
    assert_eq!(rates(&plain), rates(&text));
    assert_eq!(count(&causal_ids(&plain, "a <|eot_id|> b"), EOT), 1);
    assert_eq!(count(&causal_ids(&text, "a <|eot_id|> b"), EOT), 0);
    // The published prompt has control tokens of its own.
    let published = options().score_tokens((805..810).map(routellm_core::scorer::causal_llm::ScoreToken::Id));
    let plain = published.open(&folder).unwrap();
    let text = published.clone().control_tokens(ControlTokens::Text).open(&folder).unwrap();
    assert_eq!(cached(&plain), cached(&text));
    assert_eq!(causal_ids(&plain, "what is it"), causal_ids(&text, "what is it"));
    let own = count(&causal_ids(&plain, "x"), EOT);
    assert_eq!(count(&causal_ids(&plain, "a <|eot_id|> b"), EOT), own + 1);
    assert_eq!(count(&causal_ids(&text, "a <|eot_id|> b"), EOT), own);
}

#[test]
fn an_encoder_reads_them_as_it_is_told() {
    let folder = tiny_model("bert-tiny");
    let open = |meaning, prefix: &str| {
        let spec = OnnxSpec::new("tiny", 3, Pooling::Mean, 64).normalize(false);
        let spec = spec.prefix(prefix).control_tokens(meaning);
        OnnxEncoder::open(spec, &folder, &SessionOptions::default()).unwrap()
    };
    for (prefix, own) in [("", 1), ("query: ", 1), ("[SEP] query: ", 2)] {
        let ids = |meaning, text: &str| open(meaning, prefix).token_ids(text).unwrap().0;
        assert_eq!(ids(ControlTokens::Text, "what is"), ids(ControlTokens::AsWritten, "what is"), "{prefix}");
        assert_eq!(count(&ids(ControlTokens::AsWritten, "what [SEP] is"), 3), own + 1, "{prefix}");
        assert_eq!(count(&ids(ControlTokens::Text, "what [SEP] is"), 3), own, "{prefix}");
    }
}

#[test]
fn chat_templates_have_names_and_a_fixed_date() {
    let copy = Copy::of("llama-tiny-nopast");
    let dated = "{{ strftime_now('%d %b %Y') }}|{% for m in messages %}{{ m.content }}{% endfor %}";
    let settings = |text: String| {
        let mut all: serde_json::Value = serde_json::from_str(&text).unwrap();
        all["chat_template"] = serde_json::json!([
            { "name": "dated", "template": dated },
            { "name": "default", "template": "{% generation %}{{ '%s:' % messages[0].content }}{% endgeneration %}" },
        ]);
        all.to_string()
    };
    copy.change("tokenizer_config.json", settings);
    let chat = |text: &str| llama().template(text.parse().unwrap());
    let by_default = copy.open(&chat("chat")).unwrap();
    let named = chat(r#"{"kind": "chat", "name": "dated"}"#);
    refused(copy.open(&named), ErrorKind::InvalidModel, &["strftime_now", "pass date"]);
    refused(
        copy.open(&chat(r#"{"kind": "chat", "name": "rag"}"#)),
        ErrorKind::InvalidModel,
        &["rag", "dated"],
    );
    refused(copy.open(&named.clone().date("2026-02-30")), ErrorKind::InvalidArgument, &["date is"]);
    refused(copy.open(&llama().date("2026-01-31")), ErrorKind::InvalidArgument, &["date has no effect"]);
    let router = copy.open(&named.clone().date("2026-01-31")).unwrap();
    let plain = copy.open(&llama().template("{question}".parse().unwrap())).unwrap();
    // The plain template adds the token that begins a text.
    let of = |text: &str| causal_ids(&plain, text)[1..].to_vec();
    assert_eq!(causal_ids(&router, "why"), of("31 Jan 2026|why"));
    assert_eq!(causal_ids(&by_default, "why"), of("why:"));
    let out = tempfile::tempdir().unwrap();
    let dated = named.date("2026-01-31");
    let artifact = write_export(&dated, &copy.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(causal_ids(&artifact, "why"), causal_ids(&router, "why"));
    refused(
        options().date("2026-01-31").open(out.path()),
        ErrorKind::InvalidArgument,
        &["date has no effect"],
    );
    // A file of its own comes first.
    std::fs::write(copy.path("chat_template.jinja"), "{{ messages[0].content }}!").unwrap();
    assert_eq!(causal_ids(&copy.open(&chat("chat")).unwrap(), "why"), of("why!"));
}

#[test]
fn chat_templates_with_a_name_have_files_in_a_folder() {
    let copy = Copy::of("llama-tiny-nopast");
    std::fs::write(copy.path("chat_template.jinja"), "{{ messages[0].content }}!").unwrap();
    std::fs::create_dir(copy.path("additional_chat_templates")).unwrap();
    for (name, text) in [("rag", "{{ messages[0].content }}?"), ("tool_use", "{{ messages[0].content }}:")] {
        std::fs::write(copy.path(&format!("additional_chat_templates/{name}.jinja")), text).unwrap();
    }
    let plain = copy.open(&llama().template("{question}".parse().unwrap())).unwrap();
    let named = |name: &str| {
        llama().template(serde_json::json!({ "kind": "chat", "name": name }).to_string().parse().unwrap())
    };
    for (name, text) in [("rag", "why?"), ("tool_use", "why:"), ("default", "why!")] {
        let router = copy.open(&named(name)).unwrap();
        assert_eq!(causal_ids(&router, "why"), causal_ids(&plain, text)[1..], "{name}");
        let out = tempfile::tempdir().unwrap();
        let artifact = write_export(&named(name), &copy.path(""), out.path(), None, Control::new()).unwrap();
        assert_eq!(causal_ids(&artifact, "why"), causal_ids(&router, "why"), "{name}");
        // Moved whole, it needs no other folder.
        let moved = tempfile::tempdir().unwrap();
        std::fs::rename(out.path(), moved.path().join("router")).unwrap();
        let again = options().open(moved.path().join("router")).unwrap();
        assert_eq!(causal_ids(&again, "why"), causal_ids(&router, "why"), "{name}");
        std::fs::create_dir(out.path()).unwrap();
    }
    for name in ["other", "../chat_template", "..", ""] {
        refused(copy.open(&named(name)), ErrorKind::InvalidModel, &["by name are rag, tool_use"]);
    }
}

#[test]
fn control_tokens_that_are_not_marked_are_those_that_the_template_writes() {
    let copy = Copy::of("llama-tiny-nopast");
    // Added as `<think>` is to many models, beside tokens that are there to read common text in fewer tokens.
    let tokens = [(805, "<think>"), (806, "<h1>"), (807, "Question"), (808, "[INST]")];
    copy.change("tokenizer.json", |text| {
        let mut all: serde_json::Value = serde_json::from_str(&text).unwrap();
        let added = all["added_tokens"].as_array_mut().unwrap();
        for (id, content) in tokens {
            let mut token = added[0].clone();
            token["id"] = id.into();
            token["content"] = content.into();
            token["special"] = false.into();
            added.push(token);
        }
        all.to_string()
    });
    let chat = "[INST]Question {{ messages[0].content }}{% if add_generation_prompt %}<think>{% endif %}\
                {% if tools %}<|eot_id|>{% endif %}";
    std::fs::write(copy.path("chat_template.jinja"), chat).unwrap();
    let all = "<think><h1>Question[INST]<|eot_id|>";
    let text = llama().control_tokens(ControlTokens::Text);
    let of = |router: &Router, prompt: &str| {
        let ids = causal_ids(router, prompt);
        [805, 806, 807, 808, EOT].map(|id| count(&ids, id))
    };
    let open = |options: &routellm_core::OpenOptions, template: &str| {
        copy.open(&options.clone().template(template.parse().unwrap())).unwrap()
    };
    assert_eq!(of(&open(&llama().control_tokens(ControlTokens::AsWritten), "chat"), all), [2, 1, 2, 2, 1]);
    for options in [&llama(), &text] {
        let router = open(options, "chat");
        assert_eq!(of(&router, ""), [1, 0, 1, 1, 0]);
        assert_eq!(of(&router, all), [1, 1, 2, 1, 0]);
    }
    assert_eq!(of(&open(&text, "<think> {question}"), all), [1, 1, 1, 1, 0]);
    assert_eq!(of(&open(&llama(), "<think> {question}"), all), [2, 1, 1, 1, 1]);
}
