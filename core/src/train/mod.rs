//! Training: from preference data to an artifact.

mod adam;
mod cache;
mod embeddings;
mod encoder;
pub mod linear;
mod logistic;
mod lsa;
pub mod mf;
mod ridge;
pub mod sw_ranking;

use std::ops::ControlFlow;

pub use cache::EmbeddingCache;
pub use encoder::Encoder;
pub use logistic::fit_link;
pub use ridge::Ridge;

use crate::{Error, ErrorKind, Result};

/// How far a training has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress<'a> {
    /// What is being done: `features`, `cross-validation`, `epoch` ...
    pub stage: &'a str,
    /// Steps of this stage that are done.
    pub done: usize,
    /// Steps of this stage.
    pub total: usize,
    /// Loss of the step, where there is one.
    pub loss: Option<f64>,
}

/// Is told how far a training has come, and stops it by `ControlFlow::Break`.
pub type ProgressFn<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// Tells `progress`, and turns a `Break` into an error.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn report(
    progress: &mut ProgressFn<'_>,
    stage: &str,
    done: usize,
    total: usize,
    loss: Option<f64>,
) -> Result<()> {
    match progress(Progress { stage, done, total, loss }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(
            ErrorKind::Cancelled,
            format!("training was cancelled (stage {stage}, {done} of {total})"),
        )),
    }
}

/// A callback that ignores progress and never stops.
pub fn silent(_: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
