//! Where feedback goes beside its file: the one place at which something that learns from it is attached.

use routellm_core::DecisionId;

/// What a caller says of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// How good the answer was, in [0, 1].
    Quality(f64),
    /// Whether the strong model's answer was or would have been preferred; `None` for a tie.
    Preferred(Option<routellm_core::Side>),
}

/// Feedback on a decision.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Feedback<'a> {
    /// The decision.
    pub id: DecisionId,
    /// The router that made it.
    pub router: &'a str,
    /// The model that answered.
    pub model: &'a str,
    /// The probability that the decision had, in (0, 1].
    pub propensity: f64,
    /// What the caller says.
    pub outcome: Outcome,
}

impl<'a> Feedback<'a> {
    pub(crate) fn new(
        id: DecisionId,
        router: &'a str,
        model: &'a str,
        propensity: f64,
        outcome: Outcome,
    ) -> Self {
        Self { id, router, model, propensity, outcome }
    }
}

/// Something that learns from feedback. It is called after the feedback is in its file, on a thread that may wait.
pub trait Learner: Send + Sync {
    /// Takes feedback in.
    ///
    /// # Errors
    /// A text for the log; the caller's feedback is kept all the same.
    fn observe(&self, feedback: &Feedback<'_>) -> Result<(), String>;
}
