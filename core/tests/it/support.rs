//! What every test module needs.

use std::path::{Path, PathBuf};

use routellm_core::{OpenOptions, Router};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core lies in the repository").to_path_buf()
}

/// The folder with data and golden vectors beside the repository, or `None` with a line that names what is
/// skipped.
pub(crate) fn shared(what: &str) -> Option<PathBuf> {
    let path = std::env::var_os("ROUTELLM_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from)
        .join(what);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// The shipped MF router, or `None` with a line that names what is skipped: the test command sets the path
/// of ONNX Runtime.
pub(crate) fn mf_minilm() -> Option<Router> {
    if std::env::var_os("ROUTELLM_ORT_PATH").is_none() {
        eprintln!("skipped: ROUTELLM_ORT_PATH is not set");
        return None;
    }
    Some(OpenOptions::new().open(root().join("artifacts/mf-minilm")).expect("the shipped artifact opens"))
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

/// The folder of an exported tiny model, or `None` with a line that names what is skipped: running it needs ONNX
/// Runtime, whose path the test command sets.
pub(crate) fn tiny_model(name: &str) -> Option<PathBuf> {
    if std::env::var_os("ROUTELLM_ORT_PATH").is_none() {
        eprintln!("skipped: ROUTELLM_ORT_PATH is not set");
        return None;
    }
    Some(root().join("tests/models").join(name))
}
