//! The decision, an immutable Python object.

use std::fmt::Write as _;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{IntoPyObjectExt, intern};
use routellm_core::{ErrorKind, Fallback, Side};

use crate::error::invalid_argument;
use crate::text;

/// Which model should answer, and why. Immutable; compares by value, can be hashed, copied and pickled.
#[pyclass(frozen, module = "routellm_rs")]
pub(crate) struct Decision {
    side: Side,
    /// Name of the chosen model.
    #[pyo3(get)]
    model: Py<PyString>,
    /// P(strong model's answer is preferred or needed), in [0, 1]; None in a fallback.
    #[pyo3(get)]
    win_rate: Option<f64>,
    /// The threshold that the win rate was compared with.
    #[pyo3(get)]
    threshold: f64,
    /// Whether the prompt was longer than the router reads, and was cut.
    #[pyo3(get)]
    truncated: bool,
    /// Largest cosine similarity to any vote; None for a router without votes, and in a fallback.
    #[pyo3(get)]
    similarity: Option<f64>,
    /// Whether the prompt is farther from every vote than the router was told to trust.
    #[pyo3(get)]
    out_of_distribution: bool,
    /// Whether a language model gave no score token; then the win rate is 1, as in the reference.
    #[pyo3(get)]
    no_score: bool,
    reason: Option<Fallback>,
}

impl Decision {
    /// A decision of the core; `model` is the object for its model's name, which the router keeps.
    pub(crate) fn new(decision: routellm_core::Decision, model: Py<PyString>) -> Self {
        let routellm_core::Decision {
            side,
            model: _,
            win_rate,
            threshold,
            truncated,
            similarity,
            out_of_distribution,
            no_score,
            fallback,
            ..
        } = decision;
        Self {
            side,
            model,
            win_rate,
            threshold,
            truncated,
            similarity,
            out_of_distribution,
            no_score,
            reason: fallback,
        }
    }

    /// What the constructor takes, in its order.
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let kind = self.reason.as_ref().map(|fallback| fallback.kind.name());
        let reason = self.reason.as_ref().map(|fallback| &*fallback.reason);
        let model = self.model.bind(py);
        let (similarity, far) = (self.similarity, self.out_of_distribution);
        (
            model,
            self.side.name(),
            self.win_rate,
            self.threshold,
            self.truncated,
            kind,
            reason,
            similarity,
            far,
            self.no_score,
        )
            .into_pyobject(py)
    }
}

#[pymethods]
impl Decision {
    /// For what was logged and is replayed, and for tests; routers make their own.
    #[new]
    #[pyo3(signature = (
        model, side, win_rate, threshold, truncated=false, fallback_kind=None, fallback_reason=None,
        similarity=None, out_of_distribution=false, no_score=false
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each field, as Python names them")]
    fn from_python(
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        side: &Bound<'_, PyAny>,
        win_rate: Option<f64>,
        threshold: f64,
        truncated: bool,
        fallback_kind: Option<&Bound<'_, PyAny>>,
        fallback_reason: Option<&Bound<'_, PyAny>>,
        similarity: Option<f64>,
        out_of_distribution: bool,
        no_score: bool,
    ) -> PyResult<Self> {
        let refuse = |message: String| Err(invalid_argument(py, message));
        let side = match text::argument("side", side)? {
            "strong" => Side::Strong,
            "weak" => Side::Weak,
            other => return refuse(format!("side is {other:?}, expected \"strong\" or \"weak\"")),
        };
        let reason = match (fallback_kind, fallback_reason) {
            (None, None) => None,
            (Some(kind), Some(reason)) => {
                let name = text::argument("fallback_kind", kind)?;
                let Some(kind) = ErrorKind::ALL.into_iter().find(|kind| kind.name() == name) else {
                    return refuse(format!("fallback_kind is {name:?}, expected the name of an error kind"));
                };
                Some(Fallback {
                    kind,
                    reason: text::argument("fallback_reason", reason)?.into(),
                    warning: None,
                })
            }
            _ => return refuse("fallback_kind and fallback_reason come together".to_owned()),
        };
        if win_rate.is_none() != reason.is_some() {
            return refuse("a decision has either a win rate or the reason of its fallback".to_owned());
        }
        if similarity.is_some() && reason.is_some() {
            return refuse("a fallback has no similarity: its prompt was not scored".to_owned());
        }
        if out_of_distribution && similarity.is_none() {
            return refuse("only a decision with a similarity is out of distribution".to_owned());
        }
        #[allow(clippy::float_cmp, reason = "the reference's answer is exactly 1")]
        if no_score && win_rate != Some(1.0) {
            return refuse("without a score the win rate is 1".to_owned());
        }
        let model = PyString::new(py, text::argument("model", model)?).unbind();
        Ok(Self {
            side,
            model,
            win_rate,
            threshold,
            truncated,
            similarity,
            out_of_distribution,
            no_score,
            reason,
        })
    }

    /// The chosen side: "strong" or "weak".
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.side {
            Side::Strong => intern!(py, "strong"),
            Side::Weak => intern!(py, "weak"),
        }
    }

    /// Whether `on_error` decided, because the prompt could not be scored.
    #[getter]
    fn fallback(&self) -> bool {
        self.reason.is_some()
    }

    /// The kind of the error behind a fallback, such as `InvalidArgument`, or None.
    #[getter]
    fn fallback_kind(&self) -> Option<&'static str> {
        self.reason.as_ref().map(|fallback| fallback.kind.name())
    }

    /// The message of the error behind a fallback, or None.
    #[getter]
    fn fallback_reason(&self) -> Option<&str> {
        self.reason.as_ref().map(|fallback| &*fallback.reason)
    }

    /// The decision as plain data, ready for `json.dumps`.
    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("model", self.model.bind(py))?;
        dict.set_item("side", self.side.name())?;
        dict.set_item("win_rate", self.win_rate)?;
        dict.set_item("threshold", self.threshold)?;
        dict.set_item("truncated", self.truncated)?;
        dict.set_item("similarity", self.similarity)?;
        dict.set_item("out_of_distribution", self.out_of_distribution)?;
        dict.set_item("no_score", self.no_score)?;
        dict.set_item("fallback", self.fallback())?;
        dict.set_item("fallback_kind", self.fallback_kind())?;
        dict.set_item("fallback_reason", self.fallback_reason())?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let win_rate = self.win_rate.into_bound_py_any(py)?.repr()?.to_string();
        let threshold = self.threshold.into_bound_py_any(py)?.repr()?.to_string();
        let mut text = format!(
            "Decision(model={}, side='{}', win_rate={win_rate}, threshold={threshold}",
            self.model.bind(py).repr()?,
            self.side.name(),
        );
        if self.truncated {
            text.push_str(", truncated=True");
        }
        // Writing to a string cannot fail.
        if let Some(similarity) = self.similarity {
            let similarity = similarity.into_bound_py_any(py)?.repr()?;
            let _ = write!(text, ", similarity={similarity}");
        }
        if self.out_of_distribution {
            text.push_str(", out_of_distribution=True");
        }
        if self.no_score {
            text.push_str(", no_score=True");
        }
        if let Some(Fallback { kind, reason, .. }) = &self.reason {
            let reason = PyString::new(py, reason).repr()?;
            let _ = write!(text, ", fallback_kind='{kind}', fallback_reason={reason}");
        }
        text.push(')');
        Ok(text)
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented().into_bound(py));
        };
        self.arguments(py)?.eq(other.get().arguments(py)?)?.into_bound_py_any(py)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.arguments(py)?.hash()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let arguments = slf.get().arguments(slf.py())?;
        Ok((slf.get_type().into_any(), arguments))
    }
}
