//! The shipped sentence encoder against the original, and its promises of bits.

use std::sync::Arc;

use routellm_core::features::{Featurizer, OnnxEncoder, OnnxSpec, Pooling, TextEncoder};
use routellm_core::onnx::SessionOptions;
use routellm_core::{CallOptions, CancelToken, ErrorKind, OpenOptions, Router};

use crate::support::{json, mf_minilm, root};

/// The encoder of a router that has one.
fn onnx(router: &Router) -> &OnnxEncoder {
    let encoder = router.pipeline().featurizer().and_then(Featurizer::encoder);
    encoder.and_then(|encoder| encoder.downcast_ref()).expect("an encoder through ONNX Runtime")
}

#[test]
fn embeddings_agree_with_the_original() {
    let router = mf_minilm();
    let cases = json(&root().join("tools/encoder/reference_embeddings.json"));
    let cases = cases.as_array().unwrap();
    let encoder = onnx(&router);
    for case in cases {
        let prompt = case["prompt"].as_str().unwrap();
        let (ids, _) = encoder.token_ids(prompt).unwrap();
        let expected: Vec<i64> =
            case["token_ids"].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect();
        assert_eq!(ids, expected, "{prompt:?}");
        let ours = router.embed(prompt, &CallOptions::new()).unwrap();
        let column = |key: &str| -> Vec<f64> {
            case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        for (a, b) in ours.iter().zip(column("shipped")) {
            assert!((f64::from(*a) - b).abs() < 2e-5, "{prompt:?}");
        }
        let cosine: f64 = ours.iter().zip(column("torch")).map(|(a, b)| f64::from(*a) * b).sum();
        assert!(cosine > 0.998, "{prompt:?}: cosine {cosine}");
    }
    assert_eq!(cases.len(), 8);
}

#[test]
fn a_prompt_has_the_same_bits_alone_in_a_batch_and_from_any_thread() {
    let router = mf_minilm();
    let pooled =
        OpenOptions::new().sessions(2).intra_threads(1).open(root().join("artifacts/mf-minilm")).unwrap();
    let prompts: Vec<String> = (1..40).map(|n| "how many apples are left? ".repeat(n)).collect();
    let batch = router.win_rates(&prompts, &CallOptions::new()).unwrap();
    let spread = pooled.win_rates(&prompts, &CallOptions::new()).unwrap();
    let alone: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = prompts
            .iter()
            .map(|p| {
                let router = router.clone();
                scope.spawn(move || router.win_rate(p, &CallOptions::new()).unwrap())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for i in 0..prompts.len() {
        assert_eq!(batch[i].to_bits(), alone[i].to_bits());
        assert_eq!(batch[i].to_bits(), spread[i].to_bits());
    }
}

#[test]
fn a_prompt_has_the_same_bits_by_completion() {
    let router = mf_minilm();
    let encoder = router.pipeline().featurizer().and_then(Featurizer::encoder).unwrap();
    let prompts: Vec<String> = (1..9).map(|n| "how many apples are left? ".repeat(n)).collect();
    let (sender, heard) = std::sync::mpsc::channel();
    let done = move |embeddings| sender.send(embeddings).unwrap();
    Arc::clone(encoder).embed_many_async(prompts.clone(), None, Box::new(done));
    let embeddings = heard.recv().unwrap().unwrap();
    assert_eq!(embeddings.len(), prompts.len());
    for (prompt, (embedding, _)) in prompts.iter().zip(embeddings) {
        assert_eq!(embedding, encoder.embed(prompt, None).unwrap().0);
    }
}

#[test]
fn long_prompts_are_cut_and_say_so() {
    let router = mf_minilm();
    let short = router.route("What is the capital of France?", &CallOptions::new()).unwrap();
    assert!(!short.truncated);
    let tokens = router.route(&"word ".repeat(300), &CallOptions::new()).unwrap();
    assert!(tokens.truncated);
    let huge = router.route(&"x".repeat(10_000_000), &CallOptions::new()).unwrap();
    assert!(huge.truncated);
}

#[test]
fn a_running_batch_can_be_cancelled() {
    let router = mf_minilm();
    let token = CancelToken::new();
    let started = Arc::new(std::sync::Barrier::new(2));
    let prompts: Vec<String> = (0..10_000).map(|i| format!("{i} ").repeat(200)).collect();
    let options = CallOptions::new().cancel(token.clone());
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            started.wait();
            router.route_batch(&prompts, &options)
        });
        started.wait();
        token.cancel();
        let error = worker.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    });
    let error = router.route("late", &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(router.route("another", &CallOptions::new()).is_ok());
}

#[test]
fn pooling_prefix_and_length_are_the_artifact_s_choice() {
    let router = mf_minilm();
    let shipped = onnx(&router).spec().clone();
    let open = |change: &dyn Fn(&mut OnnxSpec)| {
        let mut spec = shipped.clone();
        change(&mut spec);
        let encoder =
            OnnxEncoder::open(spec, &root().join("artifacts/mf-minilm"), &SessionOptions::default());
        encoder.map(|encoder| encoder.embed("query: hi", None).unwrap().0)
    };
    let length = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>().sqrt();
    let plain = open(&|_| {}).unwrap();
    assert!((length(&plain) - 1.0).abs() < 1e-5);
    let raw = open(&|spec| spec.normalize = false).unwrap();
    assert!((length(&raw) - 1.0).abs() > 1e-2);
    let cosine = |x: &[f32]| x.iter().zip(&plain).map(|(a, b)| a * b).sum::<f32>() / length(x);
    assert!((cosine(&raw) - 1.0).abs() < 1e-5);
    let first = open(&|spec| spec.pooling = Pooling::Cls).unwrap();
    assert!(cosine(&first) < 0.99);
    let prefixed = OnnxEncoder::open(
        shipped.clone().prefix("query: "),
        &root().join("artifacts/mf-minilm"),
        &SessionOptions::default(),
    )
    .unwrap();
    assert_eq!(prefixed.embed("hi", None).unwrap().0, plain);
    let short = open(&|spec| spec.max_tokens = 4).unwrap();
    assert!(cosine(&short) < 0.9999);
    // What does not fit the model is found at opening.
    assert_eq!(open(&|spec| spec.dimension = 100).unwrap_err().kind(), ErrorKind::InvalidModel);
    assert_eq!(open(&|spec| spec.max_tokens = 1).unwrap_err().kind(), ErrorKind::InvalidModel);
    assert_eq!(
        open(&|spec| spec.tokenizer = "router.json".into()).unwrap_err().kind(),
        ErrorKind::InvalidModel
    );
    assert_eq!(open(&|spec| spec.model = "router.json".into()).unwrap_err().kind(), ErrorKind::InvalidModel);
}

#[test]
fn the_truth_about_the_runtime_is_told() {
    let router = mf_minilm();
    let runtime = router.info().runtime.as_ref().unwrap();
    assert_eq!(runtime.provider, "cpu");
    assert!(runtime.library.is_absolute() && runtime.sessions == 1 && runtime.intra_threads >= 1);
    let other = OpenOptions::new()
        .onnxruntime("/elsewhere/libonnxruntime.so")
        .open(root().join("artifacts/mf-minilm"));
    let error = other.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("already uses"), "{error}");
}
