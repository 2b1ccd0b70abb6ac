//! The default router, compiled in: it works after any install, with no file to find.

use super::Artifact;
use crate::Result;

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/default-router/", $name)))
    };
}

static DEFAULT_ROUTER: &[(&str, &[u8])] =
    &[file!("router.json"), file!("featurizer.safetensors"), file!("weights.safetensors")];

/// The artifact behind `Router::default`.
///
/// # Errors
/// `InvalidModel` only if the library itself was built from a damaged artifact.
pub fn default_router() -> Result<Artifact> {
    Artifact::from_embedded(DEFAULT_ROUTER)
}
