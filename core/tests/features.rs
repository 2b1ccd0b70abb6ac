//! What every build of the crate does, whatever features it has: `tests/features/check.py` runs this without any.

use std::path::Path;

use routellm_core::{CallOptions, OpenOptions, Router};

#[test]
fn the_default_router_routes() {
    let router = Router::default_router().unwrap();
    let decision =
        router.route("Prove that there are infinitely many primes.", &CallOptions::new().threshold(0.5));
    assert!(decision.unwrap().win_rate.is_some());
    let shares = CallOptions::new().strong_share(0.2);
    assert_eq!(router.route_batch(["hi", "What is 17 * 23?"], &shares).unwrap().len(), 2);
}

#[test]
#[cfg(not(feature = "onnx"))]
fn what_was_left_out_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in ["tests/models/bert-tiny", "artifacts/mf-minilm"] {
        let error = OpenOptions::new().open(root.join(folder)).unwrap_err();
        assert_eq!(error.kind(), routellm_core::ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains("feature \"onnx\""), "{error}");
    }
}

#[test]
fn votes_that_are_there_need_no_runtime() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let router = OpenOptions::new().open(root.join("tests/conformance/sw-hashed")).unwrap();
    assert!(router.similarity("What is 17 * 23?", &CallOptions::new()).unwrap() <= 1.0);
}
