//! Folders as exporters and hubs lay them out, and encoders with outputs of several forms.

use std::path::Path;

use routellm_core::features::{
    CapSide, FeaturizerSpec, OnnxEncoder, OnnxSpec, Pooling, TextCap, TextEncoder,
};
use routellm_core::onnx::SessionOptions;
use routellm_core::router::write_export;
use routellm_core::scorer::{BertScorer, Kind};
use routellm_core::train::Encoder;
use routellm_core::{CallOptions, Control, ErrorKind, Router};

use ErrorKind::{Inference, InvalidArgument, InvalidModel, Tokenize};

use crate::exports::{Copy, llama, options, rates, refused, stories};
use crate::onnx_files::{bytes, cast_output, node, number, value};
use crate::support::{json, tiny_model};

const ARCHITECTURE: &str = "\"BertForSequenceClassification\"";

fn bits(router: &Router) -> Vec<u64> {
    rates(router).into_iter().map(f64::to_bits).collect()
}

fn bert_tiny() -> Vec<u64> {
    bits(&options().open(tiny_model("bert-tiny")).unwrap())
}

fn rename(copy: &Copy, from: &str, to: &str) {
    std::fs::create_dir_all(copy.path(to).parent().unwrap()).unwrap();
    std::fs::rename(copy.path(from), copy.path(to)).unwrap();
}

#[test]
fn json_of_python_is_read() {
    let copy = Copy::of("bert-tiny");
    let want = bert_tiny();
    copy.replace(
        "config.json",
        "\"hidden_act\"",
        "\"limits\": [0.0, Infinity, -Infinity, NaN], \"hidden_act\"",
    );
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        copy.change(name, |text| format!("\u{feff}{text}"));
    }
    assert_eq!(bits(&copy.open(&options()).unwrap()), want);
    assert_eq!(bits(&copy.open(&options().kind("bert")).unwrap()), want);
    // The configuration is still JSON.
    copy.replace("config.json", "Infinity", "Endless");
    refused(copy.open(&options().kind("bert")), InvalidModel, &["config.json"]);
}

#[test]
fn a_folder_without_architectures_is_what_its_model_is() {
    let bert = Copy::of("bert-tiny");
    bert.replace("config.json", ARCHITECTURE, "");
    assert_eq!(bits(&bert.open(&options()).unwrap()), bert_tiny());
    for name in ["llama-genai", "llama-tiny-nopast", "llama-tiny-two-files"] {
        let copy = Copy::of(name);
        copy.replace("config.json", "\"LlamaForCausalLM\"", "");
        assert_eq!(copy.open(&llama()).unwrap().info().kind, Kind::CausalLlm, "{name}");
    }
    // Such logits have models that fill gaps too.
    let copy = Copy::of("llama-tiny-nopast");
    copy.replace("config.json", "\"LlamaForCausalLM\"", "\"BertForMaskedLM\"");
    copy.replace("config.json", "\"model_type\": \"llama\"", "\"model_type\": \"bert\"");
    refused(copy.open(&llama()), InvalidArgument, &["kind is needed", "BertForMaskedLM", "causal_llm"]);
    assert_eq!(copy.open(&llama().kind("causal_llm")).unwrap().info().kind, Kind::CausalLlm);
    std::fs::remove_file(bert.path("model.onnx")).unwrap();
    refused(bert.open(&options()), InvalidModel, &["config.json", "architecture", "no exported model"]);
    std::fs::write(bert.path("config.json"), r#"{"dim": 128, "num_models": 64}"#).unwrap();
    refused(bert.open(&options()), InvalidModel, &["MF checkpoint", "text_dim"]);
}

#[test]
fn added_tokens_that_the_model_lacks_are_refused_where_they_occur() {
    let copy = Copy::of("bert-tiny");
    copy.replace("tokenizer.json", "\"added_tokens\": [", "\"added_tokens\": [\n    {\"id\": 1500, \"content\": \"<image>\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true},");
    let router = copy.open(&options()).unwrap();
    assert_eq!(bits(&router), bert_tiny());
    let error = router.win_rate("see <image> here", &CallOptions::new()).unwrap_err();
    assert_eq!(error.kind(), Tokenize);
    assert!(error.message().contains("<image>") && error.message().contains("1500"), "{error}");
    let batch = router.win_rates(["hello", "see <image> here"], &CallOptions::new()).unwrap_err();
    assert_eq!(batch.kind(), Tokenize);
    copy.replace("config.json", r#""vocab_size": 1500"#, r#""vocab_size": 1499"#);
    refused(copy.open(&options()), InvalidModel, &["tokenizer.json", "1499", "do not belong together"]);
}

#[test]
fn models_are_found_where_exporters_put_them() {
    let want = bert_tiny();
    let copy = Copy::of("bert-tiny");
    let mut at = "model.onnx";
    for place in ["onnx/model.onnx", "model_int8.onnx", "onnx/model_int8.onnx", "onnx/model_quantized.onnx"] {
        rename(&copy, at, place);
        assert_eq!(bits(&copy.open(&options()).unwrap()), want, "{place}");
        at = place;
    }
    // One in the folder itself comes first, and of those the first name.
    std::fs::copy(tiny_model("bert-tiny-int8").join("model.onnx"), copy.path("model_int8.onnx")).unwrap();
    assert_ne!(bits(&copy.open(&options()).unwrap()), want);
    rename(&copy, at, "model.onnx");
    assert_eq!(bits(&copy.open(&options()).unwrap()), want);
}

#[test]
fn files_that_were_never_fetched_say_so() {
    for name in ["model.onnx", "tokenizer.json"] {
        let copy = Copy::of("bert-tiny");
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 17\n";
        std::fs::write(copy.path(name), pointer).unwrap();
        refused(copy.open(&options()), InvalidModel, &[name, "git lfs pull"]);
    }
    let copy = Copy::of("bert-tiny");
    rename(&copy, "model.onnx", "classifier.onnx");
    refused(copy.open(&options()), InvalidModel, &["looked for model.onnx", "the option file names another"]);
}

#[test]
fn the_model_of_a_folder_may_be_named() {
    let copy = Copy::of("bert-tiny");
    let want = bert_tiny();
    rename(&copy, "model.onnx", "onnx/my-own.onnx");
    std::fs::copy(tiny_model("bert-tiny-int8").join("model.onnx"), copy.path("model.onnx")).unwrap();
    assert_ne!(bits(&copy.open(&options()).unwrap()), want);
    let named = options().file("onnx/my-own.onnx");
    assert_eq!(bits(&copy.open(&named).unwrap()), want);
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&named, &copy.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(bits(&artifact), want);
    assert_eq!(bits(&options().open(out.path()).unwrap()), want);
    refused(named.open(out.path()), InvalidArgument, &["file has no effect"]);
    for file in ["absent.onnx", "../model.onnx", "/etc/passwd", "", "onnx"] {
        refused(copy.open(&options().file(file)), InvalidArgument, &["file is", "path of a model"]);
    }
    // It tells the kind where nothing else does.
    copy.replace("config.json", ARCHITECTURE, "");
    std::fs::remove_file(copy.path("model.onnx")).unwrap();
    assert_eq!(bits(&copy.open(&named).unwrap()), want);
    let llama_folder = Copy::of("llama-tiny-nopast");
    rename(&llama_folder, "model.onnx", "mine.onnx");
    let named = llama().file("mine.onnx");
    let found = bits(&llama_folder.open(&named).unwrap());
    assert_eq!(found, bits(&llama().open(tiny_model("llama-tiny-nopast")).unwrap()));
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&named, &llama_folder.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(bits(&artifact), found);
}

#[test]
fn weights_lie_beside_a_model_in_its_own_folder() {
    let copy = Copy::of("stories260k-dynamo");
    let want = bits(&copy.open(&stories()).unwrap());
    rename(&copy, "model.onnx", "onnx/model.onnx");
    rename(&copy, "model.onnx.data", "onnx/model.onnx.data");
    assert_eq!(bits(&copy.open(&stories()).unwrap()), want);
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&stories(), &copy.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(bits(&artifact), want);

    let two = Copy::of("llama-tiny-two-files");
    let want = bits(&two.open(&llama()).unwrap());
    for name in ["decoder_model.onnx", "decoder_with_past_model.onnx"] {
        rename(&two, name, &format!("onnx/{name}"));
    }
    let router = two.open(&llama()).unwrap();
    assert_eq!(bits(&router), want);
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&llama(), &two.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(bits(&artifact), want);
    let cached = |router: &Router| router.info().model.as_ref().unwrap().cached_tokens;
    assert!(cached(&router).is_some());
    assert_eq!(cached(&artifact), cached(&router));

    let one = Copy::of("bert-tiny");
    rename(&one, "model.onnx", "onnx/model.onnx");
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&options(), &one.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(bits(&artifact), bert_tiny());
}

#[test]
fn names_of_labels_tell_which_output_is_the_strong_model() {
    let copy = Copy::of("bert-tiny");
    copy.replace("config.json", "\"0\": \"LABEL_0\"", "\"0\": \"weak_wins\"");
    copy.replace("config.json", "\"1\": \"LABEL_1\"", "\"1\": \"tie\"");
    refused(copy.open(&options()), InvalidModel, &["config.json", "weak_wins", "three_labels"]);
    copy.replace("config.json", "\"2\": \"LABEL_2\"", "\"2\": \"strong_wins\"");
    let router = copy.open(&options()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let artifact = write_export(&options(), &copy.path(""), out.path(), None, Control::new()).unwrap();
    assert_eq!(bits(&artifact), bits(&router));
    for prompt in ["What is 2+2?", "hi"] {
        let scorer = router.pipeline().prompts().unwrap();
        let logits = scorer.downcast_ref::<BertScorer>().unwrap().logits(prompt).unwrap();
        let weight = |i: usize| f64::from(logits[i]).exp();
        let strong = weight(2) / (weight(0) + weight(1) + weight(2));
        assert!((router.win_rate(prompt, &CallOptions::new()).unwrap() - strong).abs() < 1e-12, "{prompt}");
    }
    let named = options().strong("weak_wins").weak("strong_wins");
    assert_eq!(bits(&copy.open(&named).unwrap()), bert_tiny());
}

const DIMENSION: usize = 4;
const VOCABULARY: usize = 1500;

fn table_value(i: usize) -> f32 {
    ((i * 7919) % 1000) as f32 / 500.0 - 1.0
}

/// An encoder whose token vectors are rows of a table, and whose other outputs are their largest values, as a vector
/// and in another length, in `folder`. The row of the token `broken` is NaN, that of `endless` infinite.
fn write_encoder(folder: &Path, outputs: &[&str], told: bool, broken: usize, endless: usize) {
    let table: Vec<u8> = (0..VOCABULARY * DIMENSION)
        .map(|i| match i / DIMENSION {
            row if row == broken => f32::NAN,
            row if row == endless => f32::INFINITY,
            _ => table_value(i),
        })
        .flat_map(f32::to_le_bytes)
        .collect();
    let tensor =
        [number(1, VOCABULARY), number(1, DIMENSION), number(2, 1), bytes(8, b"E"), bytes(9, &table)];
    let axes = [bytes(1, b"axes"), number(8, 1), number(20, 7)].concat();
    let flat = [bytes(1, b"keepdims"), number(3, 0), number(20, 2)].concat();
    let twice = [bytes(1, b"axis"), number(3, 2), number(20, 2)].concat();
    let graph = [
        node("Gather", &["E", "input_ids"], "token_vectors", &[]),
        node("ReduceMax", &["token_vectors"], "pooler_output", &[axes, flat]),
        node("Concat", &["token_vectors", "token_vectors"], "wide", &[twice]),
        bytes(2, b"g"),
        bytes(5, &tensor.concat()),
        value(11, "input_ids", 7, Some(&["b", "s"])),
    ];
    let outputs = outputs.iter().map(|name| {
        let dims: &[&str] = match *name {
            "token_vectors" => &["b", "s", "4"],
            "wide" => &["b", "s", "8"],
            _ => &["b", "4"],
        };
        value(12, name, 1, told.then_some(dims))
    });
    let graph = graph.into_iter().chain(outputs).collect::<Vec<_>>().concat();
    let model = [number(1, 9), bytes(7, &graph), bytes(8, &number(2, 17))].concat();
    std::fs::write(folder.join("model.onnx"), model).unwrap();
    std::fs::copy(tiny_model("bert-tiny").join("tokenizer.json"), folder.join("tokenizer.json")).unwrap();
}

fn encoder_spec(pooling: Pooling, normalize: bool) -> OnnxSpec {
    OnnxSpec::new("e", DIMENSION, pooling, 64).normalize(normalize).cap(TextCap::new(1 << 16, CapSide::Head))
}

fn open_encoder(folder: &Path, pooling: Pooling, normalize: bool) -> routellm_core::Result<OnnxEncoder> {
    OnnxEncoder::open(encoder_spec(pooling, normalize), folder, &SessionOptions::default())
}

#[test]
fn an_encoder_may_give_other_floats() {
    let folder = tempfile::tempdir().unwrap();
    let [(broken, nan), (endless, infinity)] = two_words();
    let open = |element| {
        write_encoder(folder.path(), &["token_vectors"], true, nan, infinity);
        if element != 1 {
            cast_output(&folder.path().join("model.onnx"), "token_vectors", element, &["b", "s", "4"]);
        }
        open_encoder(folder.path(), Pooling::Mean, false).unwrap()
    };
    let single = open(1).embed("so many words", None).unwrap().0;
    for (element, tolerance) in [(11, 0.0), (10, 1e-3), (16, 1e-2)] {
        let encoder = open(element);
        let found = encoder.embed("so many words", None).unwrap().0;
        for (a, b) in found.iter().zip(&single) {
            assert!((a - b).abs() <= tolerance, "{element}: {a} {b}");
        }
        for word in [&broken, &endless] {
            assert_eq!(encoder.embed(word, None).unwrap_err().kind(), Inference, "{element} {word}");
        }
    }
    write_encoder(folder.path(), &["token_vectors"], true, VOCABULARY, VOCABULARY);
    cast_output(&folder.path().join("model.onnx"), "token_vectors", 7, &["b", "s", "4"]);
    let error = open_encoder(folder.path(), Pooling::Mean, false).unwrap_err();
    assert_eq!(error.kind(), InvalidModel, "{error}");
}

#[test]
fn a_language_model_may_give_other_floats() {
    for name in ["llama-tiny-nopast", "llama-genai"] {
        let copy = Copy::of(name);
        let single = rates(&copy.open(&llama()).unwrap());
        for (element, tolerance) in [(11, 0.0), (10, 1e-3), (16, 1e-2)] {
            let copy = Copy::of(name);
            cast_output(&copy.path("model.onnx"), "logits", element, &["b", "s", "810"]);
            for (a, b) in rates(&copy.open(&llama()).unwrap()).into_iter().zip(&single) {
                assert!((a - b).abs() <= tolerance, "{name} {element}: {a} {b}");
            }
        }
        let copy = Copy::of(name);
        cast_output(&copy.path("model.onnx"), "logits", 7, &["b", "s", "810"]);
        refused(copy.open(&llama()), InvalidModel, &["\"logits\" of floats"]);
    }
}

/// Two words of the tokenizer, with their ids.
fn two_words() -> [(String, usize); 2] {
    let tokenizer = json(&tiny_model("bert-tiny").join("tokenizer.json"));
    let words = tokenizer["model"]["vocab"].as_object().unwrap().iter();
    let mut words = words
        .filter(|(word, _)| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .map(|(word, id)| (word.clone(), id.as_u64().unwrap() as usize));
    [words.next().unwrap(), words.next().unwrap()]
}

#[test]
fn pooling_reads_the_token_vectors_wherever_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let embed = |outputs: &[&str], told, pooling| {
        write_encoder(folder.path(), outputs, told, VOCABULARY, VOCABULARY);
        let encoder = open_encoder(folder.path(), pooling, true).unwrap();
        encoder.embed("so many words", None).unwrap().0
    };
    for pooling in [Pooling::Mean, Pooling::Cls] {
        let want = embed(&["token_vectors"], true, pooling);
        for told in [true, false] {
            for outputs in [
                &["token_vectors", "pooler_output"][..],
                &["pooler_output", "token_vectors"],
                &["wide", "pooler_output", "token_vectors"],
            ] {
                assert_eq!(embed(outputs, told, pooling), want, "{outputs:?} {told}");
            }
        }
        // A vector of the whole text is read only where there is nothing else.
        let pooled = embed(&["pooler_output"], true, pooling);
        assert_ne!(pooled, want);
        assert_eq!(embed(&["wide", "pooler_output"], true, pooling), pooled);
    }
    write_encoder(folder.path(), &["wide"], true, VOCABULARY, VOCABULARY);
    let error = open_encoder(folder.path(), Pooling::Mean, true).unwrap_err();
    assert_eq!(error.kind(), InvalidModel);
}

#[test]
fn an_encoder_to_train_on_may_have_its_model_in_onnx() {
    let folder = tempfile::tempdir().unwrap();
    write_encoder(folder.path(), &["token_vectors"], true, VOCABULARY, VOCABULARY);
    let open = || {
        let spec = encoder_spec(Pooling::Mean, true);
        let encoder = Encoder::from_onnx(spec, folder.path(), &SessionOptions::default()).unwrap();
        let embedding = encoder.featurizer().encoder().unwrap().embed("so many words", None).unwrap().0;
        (encoder.spec().clone(), embedding)
    };
    let (_, want) = open();
    std::fs::create_dir(folder.path().join("onnx")).unwrap();
    std::fs::rename(folder.path().join("model.onnx"), folder.path().join("onnx/model.onnx")).unwrap();
    let (spec, found) = open();
    assert_eq!(found, want);
    assert!(matches!(spec, FeaturizerSpec::Onnx(spec) if spec.model == "onnx/model.onnx"));
}

#[test]
fn an_embedding_that_is_not_finite_is_an_error_of_the_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let [(broken, nan), (endless, infinity)] = two_words();
    write_encoder(folder.path(), &["pooler_output", "token_vectors"], true, nan, infinity);
    for (pooling, normalize) in [(Pooling::Mean, true), (Pooling::Mean, false)] {
        let encoder = open_encoder(folder.path(), pooling, normalize).unwrap();
        for word in [&broken, &endless] {
            let error = encoder.embed(&format!("the {word}"), None).unwrap_err();
            assert_eq!(error.kind(), Inference, "{word}: {error}");
            assert!(error.message().contains("element 0"), "{error}");
        }
        assert!(encoder.embed("hello there", None).unwrap().0.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn an_encoder_reads_the_output_that_is_named_and_the_last_token() {
    let folder = tempfile::tempdir().unwrap();
    write_encoder(folder.path(), &["wide", "pooler_output", "token_vectors"], true, VOCABULARY, VOCABULARY);
    let embed = |spec: OnnxSpec| {
        let encoder = OnnxEncoder::open(spec, folder.path(), &SessionOptions::default())?;
        Ok::<_, routellm_core::Error>(encoder.embed("so many words", None)?.0)
    };
    let spec = |pooling| encoder_spec(pooling, false);
    let mean = embed(spec(Pooling::Mean)).unwrap();
    assert_eq!(embed(spec(Pooling::Mean).output("token_vectors")).unwrap(), mean);
    // A vector of the whole text needs no pooling.
    let pooled = embed(spec(Pooling::Mean).output("pooler_output")).unwrap();
    assert_ne!(pooled, mean);
    assert_eq!(embed(spec(Pooling::Last).output("pooler_output")).unwrap(), pooled);
    for (output, told) in
        [("wide", "expected [1, tokens, 4]"), ("absent", "wide, pooler_output, token_vectors")]
    {
        let error = embed(spec(Pooling::Mean).output(output)).unwrap_err();
        assert_eq!(error.kind(), InvalidModel);
        assert!(error.message().contains(told), "{error}");
    }
    // The row of the table for the last token, [SEP], whatever comes before it.
    let last = embed(spec(Pooling::Last)).unwrap();
    let encoder = OnnxEncoder::open(spec(Pooling::Last), folder.path(), &SessionOptions::default()).unwrap();
    let id = *encoder.token_ids("so many words").unwrap().0.last().unwrap() as usize;
    let row = |row: usize| (0..DIMENSION).map(move |i| table_value(row * DIMENSION + i)).collect::<Vec<_>>();
    assert_eq!(last, row(id));
    assert_eq!(encoder.embed("x", None).unwrap().0, row(id));
    assert_ne!(last, embed(spec(Pooling::Cls)).unwrap());
}

#[test]
fn an_encoder_may_want_positions() {
    let folder = tempfile::tempdir().unwrap();
    let model = [
        node(
            "Cast",
            &["position_ids"],
            "numbers",
            &[[bytes(1, b"to"), number(3, 1), number(20, 2)].concat()],
        ),
        node("Unsqueeze", &["numbers", "axes"], "column", &[]),
        node(
            "Concat",
            &["column"; 4],
            "token_vectors",
            &[[bytes(1, b"axis"), number(3, 2), number(20, 2)].concat()],
        ),
        bytes(2, b"g"),
        bytes(5, &[number(1, 1), number(2, 7), bytes(8, b"axes"), bytes(9, &2_i64.to_le_bytes())].concat()),
        value(11, "input_ids", 7, Some(&["b", "s"])),
        value(11, "position_ids", 7, Some(&["b", "s"])),
        value(12, "token_vectors", 1, Some(&["b", "s", "4"])),
    ]
    .concat();
    let model = [number(1, 9), bytes(7, &model), bytes(8, &number(2, 17))].concat();
    std::fs::write(folder.path().join("model.onnx"), model).unwrap();
    std::fs::copy(tiny_model("bert-tiny").join("tokenizer.json"), folder.path().join("tokenizer.json"))
        .unwrap();
    let embed = |pooling| {
        let encoder = open_encoder(folder.path(), pooling, false).unwrap();
        let count = encoder.token_ids("so many words").unwrap().0.len() as f32;
        (encoder.embed("so many words", None).unwrap().0[0], count)
    };
    let (last, count) = embed(Pooling::Last);
    assert_eq!(last, count - 1.0);
    assert_eq!(embed(Pooling::Mean).0, (count - 1.0) / 2.0);
    assert_eq!(embed(Pooling::Cls).0, 0.0);
}
