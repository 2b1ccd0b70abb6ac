//! What is refused, and how: nothing is ignored in silence.

use routellm_core::features::{CallerSpec, FeaturizerSpec};
use routellm_core::{CallOptions, CancelToken, ErrorKind, Input, Mode, OnError, OpenOptions, Router};

use crate::support::{default_router, root, shared};

fn kind<T: std::fmt::Debug>(result: Result<T, routellm_core::Error>, words: &[&str]) -> ErrorKind {
    let error = result.unwrap_err();
    for word in words {
        assert!(error.to_string().contains(word), "{error:?} does not say {word:?}");
    }
    error.kind()
}

fn published() -> Router {
    Router::open(shared("golden/mf/d16_t32_ckpt")).unwrap()
}

#[test]
fn thresholds_and_shares_lie_in_the_unit_interval() {
    let router = default_router();
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            kind(router.route("x", &CallOptions::new().threshold(bad)), &["threshold", "[0, 1]"]),
            ErrorKind::InvalidArgument
        );
        assert_eq!(
            kind(router.route("x", &CallOptions::new().strong_share(bad)), &["strong_share", "[0, 1]"]),
            ErrorKind::InvalidArgument
        );
        // A wrong option stays an error whatever happens to prompts.
        let options = CallOptions::new().threshold(bad).on_error(OnError::Weak);
        assert!(router.route("x", &options).is_err());
        assert!(router.route_batch(["x"], &options).is_err());
    }
    let both = CallOptions::new().threshold(0.5).strong_share(0.5);
    assert_eq!(
        kind(router.route("x", &both), &["both threshold and strong_share"]),
        ErrorKind::InvalidArgument
    );
    assert_eq!(kind("warn".parse::<OnError>(), &["raise"]), ErrorKind::InvalidArgument);
    assert_eq!(kind("approximate".parse::<Mode>(), &["reference"]), ErrorKind::InvalidArgument);
}

#[test]
fn embeddings_must_fit_and_be_finite() {
    let options = CallOptions::new();
    let default = default_router();
    assert_eq!(
        kind(default.route(&[0.0; 384], &options), &["hashed", "pass the prompt"]),
        ErrorKind::InvalidArgument
    );
    let router = published();
    let options = CallOptions::new().threshold(0.5);
    assert_eq!(kind(router.route(&[0.0; 31], &options), &["31", "32"]), ErrorKind::InvalidArgument);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut embedding = [0.5; 32];
        embedding[7] = bad;
        assert_eq!(
            kind(router.win_rate(&embedding, &CallOptions::new()), &["element 7"]),
            ErrorKind::InvalidArgument
        );
        let mut rows = vec![0.1; 64];
        rows[33] = bad;
        assert_eq!(
            kind(router.win_rates(rows.chunks(32), &CallOptions::new()), &["row 1", "element 1"]),
            ErrorKind::InvalidArgument
        );
    }
    assert_eq!(
        kind(router.win_rates([0.0; 65].chunks(33), &CallOptions::new()), &["row 0", "33"]),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_router_for_embeddings_reads_no_prompts_and_has_no_share() {
    let router = published();
    assert_eq!(
        kind(router.route("x", &CallOptions::new().threshold(0.5)), &["embedding"]),
        ErrorKind::Unsupported
    );
    assert_eq!(
        kind(router.route(&[0.1; 32], &CallOptions::new()), &["threshold"]),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(router.route(&[0.1; 32], &CallOptions::new().strong_share(0.5)), &["no calibration"]),
        ErrorKind::InvalidArgument
    );
    assert!(matches!(
        router.pipeline().featurizer().unwrap(),
        routellm_core::features::Featurizer::Caller(CallerSpec { dimension: 32, .. })
    ));
    let spec = FeaturizerSpec::Caller(CallerSpec::new("e", 1));
    assert_eq!(spec.kind(), "caller");
}

#[test]
fn models_must_be_known_and_differ() {
    let open = |options: OpenOptions| options.open_default();
    assert_eq!(
        kind(open(OpenOptions::new().strong("gpt-9")), &["gpt-9", "it knows", "gpt-4-1106-preview"]),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(open(OpenOptions::new().weak("gpt-4-1106-preview")), &["both"]),
        ErrorKind::InvalidArgument
    );
    // A gap has a direction.
    let swapped = OpenOptions::new().strong("mixtral-8x7b-instruct-v0.1").weak("gpt-4-1106-preview");
    assert_eq!(kind(open(swapped), &["trained for the pair"]), ErrorKind::InvalidArgument);
}

#[test]
fn options_without_effect_are_refused() {
    for options in [
        OpenOptions::new().sessions(2),
        OpenOptions::new().intra_threads(1),
        OpenOptions::new().onnxruntime("/somewhere/libonnxruntime.so"),
    ] {
        assert_eq!(kind(options.open_default(), &["no effect"]), ErrorKind::InvalidArgument);
    }
    assert!(OpenOptions::new().mode(Mode::Reference).open_default().is_ok());
    assert_eq!(
        kind(OpenOptions::new().sessions(0).open(root().join("artifacts/mf-minilm")), &["sessions is 0"]),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn text_must_be_unicode() {
    let router = default_router();
    let options = CallOptions::new();
    for bytes in [&b"\xff"[..], b"abc\xc3", b"\xed\xa0\x80"] {
        assert_eq!(
            kind(router.route(Input::Utf8(bytes), &options), &["not UTF-8"]),
            ErrorKind::InvalidArgument
        );
    }
    assert_eq!(
        kind(router.route_batch([Input::Utf8(b"fine"), Input::Utf8(b"\xff")], &options), &["prompt 1"]),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_fallback_is_a_decision_with_its_reason_and_is_counted() {
    let router = default_router();
    for (on_error, model) in [(OnError::Strong, router.strong()), (OnError::Weak, router.weak())] {
        let options = CallOptions::new().on_error(on_error);
        let before = router.fallbacks();
        let decision = router.route(Input::Utf8(b"\xff"), &options).unwrap();
        assert_eq!(&*decision.model, model);
        assert_eq!(decision.win_rate, None);
        let fallback = decision.fallback.unwrap();
        assert_eq!(fallback.kind, ErrorKind::InvalidArgument);
        assert!(fallback.reason.contains("UTF-8"));
        assert_eq!(router.fallbacks(), before + 1);
        // Cancelling is no failure of the router.
        let token = CancelToken::new();
        token.cancel();
        let cancelled = CallOptions::new().cancel(token).on_error(on_error);
        assert_eq!(kind(router.route_batch(["x"], &cancelled), &[]), ErrorKind::Cancelled);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    assert_eq!(kind(Router::open("/nowhere/at/all"), &["no such folder"]), ErrorKind::NotFound);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(kind(Router::open(empty.path()), &["is no artifact"]), ErrorKind::NotFound);
}

/// Runs this test program again without any way to find ONNX Runtime: it is one for the whole process.
#[test]
fn without_onnx_runtime_everything_else_works() {
    if std::env::var_os("ROUTELLM_TEST_NO_RUNTIME").is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "refusals::without_onnx_runtime_everything_else_works"])
            .env("ROUTELLM_TEST_NO_RUNTIME", "1")
            .env_remove("ROUTELLM_ORT_PATH")
            .env_remove("ORT_DYLIB_PATH")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    routellm_core::onnx::set_package_library(None, "package of the host language: not installed");
    let error = Router::open(root().join("artifacts/mf-minilm")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable);
    for place in [
        "ROUTELLM_ORT_PATH: not set",
        "ORT_DYLIB_PATH: not set",
        "already in this process",
        "package of the host language: not installed",
        "libonnxruntime.so (system library path)",
    ] {
        assert!(error.to_string().contains(place), "{error}");
    }
    // A named path is the only one tried.
    let error = OpenOptions::new().onnxruntime("/nowhere/libort.so").open(root().join("artifacts/mf-minilm"));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable);
    assert!(
        error.to_string().contains("/nowhere/libort.so") && !error.to_string().contains("system library")
    );
    assert!(default_router().route("works", &CallOptions::new()).is_ok());
    let embeddings = Router::open(root().join("tests/conformance/sw-caller")).unwrap();
    assert!(embeddings.win_rate(&[0.1; 8], &CallOptions::new()).is_ok());
}
