//! What can be asked beside decisions, for a prompt or an embedding.

use numpy::PyArray1;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use routellm_core::{CallOptions, Explanation, Input, Read, Result, Router};

use crate::call::{json, need_numpy, options};
use crate::embedding::Embeddings;
use crate::error::invalid_argument;
use crate::text::type_name;
use crate::{guard, input};

/// Options of a call that decides nothing, as the face passes them: `on_error`, `timeout_ms` and `read`.
#[derive(Default, FromPyObject)]
pub(crate) struct Given<'py>(Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

impl Given<'_> {
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<CallOptions> {
        let Self(on_error, timeout_ms, read) = self;
        // Here, where what is no number has the same error as in calls that decide.
        let timeout_ms =
            timeout_ms.as_ref().map(|timeout| timeout.extract()).transpose().map_err(|error: PyErr| {
                let note = error.value(py).call_method1("add_note", ("while processing 'timeout_ms'",));
                note.err().unwrap_or(error)
            })?;
        options(py, None, None, on_error.as_ref(), timeout_ms, read.as_ref(), None)
    }
}

/// A prompt or an embedding, which keeps what it borrows from alive while the GIL is released.
pub(crate) enum Asked<'py> {
    Prompt(input::Prompt<'py>),
    Embedding(Embeddings),
}

impl<'py> Asked<'py> {
    pub(crate) fn new(value: &Bound<'py, PyAny>, embedding: bool, read: Read) -> PyResult<Self> {
        if embedding {
            return Embeddings::one(value).map(Self::Embedding);
        }
        input::prompt(value, read).map(Self::Prompt)
    }

    pub(crate) fn input(&self) -> Input<'_> {
        match self {
            Self::Prompt(prompt) => prompt.input(),
            Self::Embedding(embedding) => Input::Embedding(embedding.values()),
        }
    }

    /// Whether a score of it takes so little time that the GIL is kept.
    pub(crate) fn is_quick(&self, router: &Router) -> bool {
        match self {
            Self::Prompt(prompt) => router.is_quick(prompt.len()),
            Self::Embedding(_) => router.is_quick_for_embedding(),
        }
    }
}

/// A question, as the methods of the face are called.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    WinRate,
    CandidateScores,
    Qualities,
    Similarity,
    Explain(usize),
    Embed,
}

/// A number of votes: more than there can be are all of them.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub(crate) i64);

impl<'py> FromPyObject<'_, 'py> for Count {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = value.py();
        match value.extract() {
            Ok(count) => Ok(Self(count)),
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                Ok(Self(if value.lt(0)? { i64::MIN } else { i64::MAX }))
            }
            Err(_) => Err(invalid_argument(
                py,
                format!("k is of type {}, expected a number of votes, 0 or more", type_name(&value)),
            )),
        }
    }
}

/// What a question comes to.
pub(crate) enum Answer {
    Number(f64),
    Numbers(Vec<f64>),
    Embedding(Vec<f32>),
    Explanation(Box<Explanation>),
}

/// Takes what a question without waiting comes to.
type Done = Box<dyn FnOnce(Result<Answer>) + Send>;

impl Question {
    pub(crate) fn new(py: Python<'_>, what: &str, k: Count) -> PyResult<Self> {
        match what {
            "win_rate" => Ok(Self::WinRate),
            "candidate_scores" => Ok(Self::CandidateScores),
            "qualities" => Ok(Self::Qualities),
            "similarity" => Ok(Self::Similarity),
            "explain" => usize::try_from(k.0).map(Self::Explain).map_err(|_| {
                invalid_argument(py, format!("k is {}, expected a number of votes, 0 or more", k.0))
            }),
            "embed" => need_numpy(py).map(|()| Self::Embed),
            other => Err(invalid_argument(py, format!("no router answers {other:?}"))),
        }
    }

    /// Whether it takes no longer than a score.
    pub(crate) fn is_quick(self) -> bool {
        matches!(self, Self::WinRate | Self::CandidateScores | Self::Qualities)
    }

    pub(crate) fn answer(self, router: &Router, input: &Input<'_>, options: &CallOptions) -> Result<Answer> {
        match self {
            Self::WinRate => router.win_rate(input, options).map(Answer::Number),
            Self::CandidateScores => router.candidate_scores(input, options).map(Answer::Numbers),
            Self::Qualities => router.qualities(input, options).map(Answer::Numbers),
            Self::Similarity => router.similarity(input, options).map(Answer::Number),
            Self::Explain(k) => {
                router.explain(input, k, options).map(|why| Answer::Explanation(Box::new(why)))
            }
            Self::Embed => router.embed(input, options).map(Answer::Embedding),
        }
    }

    pub(crate) fn begin(
        self,
        router: &Router,
        input: &Input<'_>,
        options: &CallOptions,
        done: Done,
    ) -> Result<()> {
        match self {
            Self::WinRate => router.win_rate_async(input, options, |rate| done(rate.map(Answer::Number))),
            Self::CandidateScores => {
                router.candidate_scores_async(input, options, |scores| done(scores.map(Answer::Numbers)))
            }
            Self::Qualities => {
                router.qualities_async(input, options, |qualities| done(qualities.map(Answer::Numbers)))
            }
            Self::Similarity => {
                router.similarity_async(input, options, |similarity| done(similarity.map(Answer::Number)))
            }
            Self::Explain(k) => router.explain_async(input, k, options, |why| {
                done(why.map(|why| Answer::Explanation(Box::new(why))));
            }),
            Self::Embed => {
                router.embed_async(input, options, |embedding| done(embedding.map(Answer::Embedding)))
            }
        }
    }
}

impl Answer {
    /// The Python object; an explanation is JSON.
    pub(crate) fn object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Number(number) => number.into_bound_py_any(py),
            Self::Numbers(numbers) => numbers.into_bound_py_any(py),
            Self::Embedding(values) => {
                guard::attached(py, || PyArray1::from_vec(py, values)).map(Bound::into_any)
            }
            Self::Explanation(why) => guard::in_place(py, || json(&why))?.into_bound_py_any(py),
        }
    }
}
