//! What every test module needs.

use std::path::{Path, PathBuf};

use routellm_core::{OpenOptions, Router};

use crate::harness::skip;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core lies in the repository").to_path_buf()
}

/// Something in the folder with data and golden vectors beside the repository. The test is skipped without it.
pub(crate) fn shared(what: &str) -> PathBuf {
    let path = std::env::var_os("ROUTELLM_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from)
        .join(what);
    if !path.exists() {
        skip(format!("{} is not there", path.display()));
    }
    path
}

/// Skips the test without ONNX Runtime, whose path the test command sets.
pub(crate) fn needs_onnxruntime() {
    if std::env::var_os("ROUTELLM_ORT_PATH").is_none() {
        skip("ROUTELLM_ORT_PATH is not set");
    }
}

/// Skips the test without an NVIDIA GPU, of which the caller has to tell.
pub(crate) fn needs_cuda() {
    if std::env::var_os("ROUTELLM_TEST_CUDA").is_none_or(|value| value != "1") {
        skip("ROUTELLM_TEST_CUDA is not 1");
    }
}

/// The shipped MF router. The test is skipped without ONNX Runtime.
pub(crate) fn mf_minilm() -> Router {
    needs_onnxruntime();
    OpenOptions::new().open(root().join("artifacts/mf-minilm")).expect("the shipped artifact opens")
}

/// The shipped default router.
pub(crate) fn default_router() -> Router {
    Router::default_router().expect("the compiled-in artifact opens")
}

/// Values of an `f32` tensor of a safetensors file.
pub(crate) fn f32_tensor(path: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).expect("the file can be read");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let view = tensors.tensor(name).expect("the tensor is there");
    let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (view.shape().to_vec(), values)
}

/// A parsed JSON file.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file can be read")).expect("valid JSON")
}

/// The folder of an exported tiny model. The test is skipped without ONNX Runtime, which it takes to run one.
pub(crate) fn tiny_model(name: &str) -> PathBuf {
    needs_onnxruntime();
    root().join("tests/models").join(name)
}
