//! What stands for exported models where they are not compiled in.

use std::sync::Arc;

use super::Router;
use super::bare::Bare;
use crate::artifact::Artifact;
use crate::options::OpenOptions;
use crate::scorer::{Kind, Pair, PromptScorer};
use crate::{Error, Result};

#[allow(clippy::unused_self, reason = "stands for a method that reads the options")]
impl OpenOptions {
    pub(super) fn open_export(&self, kind: Kind, folder: &Bare<'_>) -> Result<Router> {
        Err(Error::without_feature("onnx", format!("{}: a router of kind {kind}", folder.path.display())))
    }

    pub(super) fn load_prompt_scorer(
        &self,
        kind: Kind,
        _: &Artifact,
        _: Pair,
    ) -> Result<Arc<dyn PromptScorer>> {
        Err(Error::without_feature("onnx", format!("a router of kind {kind}")))
    }
}
