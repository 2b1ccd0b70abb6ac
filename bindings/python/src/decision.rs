//! The decision, an immutable Python object.

use std::fmt::Write as _;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyIterator, PyString, PyTuple, PyType};
use pyo3::{IntoPyObjectExt, intern};
use routellm_core::{DecisionId, ErrorKind, Fallback, Side};

use crate::error::{invalid_argument, to_python};
use crate::text;

/// The names of `as_dict`, in its order.
const NAMES: &[&str] = &[
    "model",
    "side",
    // <faces:names>
    "win_rate",
    "threshold",
    "truncated",
    "similarity",
    "out_of_distribution",
    "no_score",
    "propensity",
    "id",
    "candidate",
    "quality",
    "expected_cost",
    // </faces:names>
    "fallback",
    "fallback_kind",
    "fallback_reason",
];

/// Which model should answer, and why. Immutable; compares by value, can be hashed, copied and pickled. A mapping of
/// its fields, too.
#[pyclass(frozen, mapping, module = "routellm_rs")]
pub(crate) struct Decision {
    inner: routellm_core::Decision,
    /// Name of the chosen model.
    #[pyo3(get)]
    model: Py<PyString>,
}

impl Decision {
    /// A decision of the core; `model` is the object for its model's name, which the router keeps.
    pub(crate) fn new(inner: routellm_core::Decision, model: Py<PyString>) -> Self {
        Self { inner, model }
    }

    /// The name of the side, if there is one.
    fn side_name(&self) -> Option<&'static str> {
        self.inner.side.map(Side::name)
    }

    /// What the constructor takes, in its order.
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let arguments = [
            self.model.bind(py).clone().into_any(),
            self.side_name().into_bound_py_any(py)?,
            self.win_rate().into_bound_py_any(py)?,
            self.threshold().into_bound_py_any(py)?,
            self.truncated().into_bound_py_any(py)?,
            self.fallback_kind().into_bound_py_any(py)?,
            self.fallback_reason().into_bound_py_any(py)?,
            self.similarity().into_bound_py_any(py)?,
            self.out_of_distribution().into_bound_py_any(py)?,
            self.no_score().into_bound_py_any(py)?,
            // <faces:arguments>
            self.propensity().into_bound_py_any(py)?,
            self.id().into_bound_py_any(py)?,
            self.candidate().into_bound_py_any(py)?,
            self.quality().into_bound_py_any(py)?,
            self.expected_cost().into_bound_py_any(py)?,
            // </faces:arguments>
        ];
        PyTuple::new(py, arguments)
    }
}

/// The id that a text is.
fn id_of(py: Python<'_>, text: Option<&str>) -> PyResult<Option<DecisionId>> {
    text.map(str::parse).transpose().map_err(|error| to_python(py, &error))
}

/// The fallback of this kind and reason.
fn fallback_of(
    py: Python<'_>,
    kind: Option<&Bound<'_, PyAny>>,
    reason: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Fallback>> {
    let refuse = |message: String| Err(invalid_argument(py, message));
    let (kind, reason) = match (kind, reason) {
        (None, None) => return Ok(None),
        (Some(kind), Some(reason)) => (text::argument("fallback_kind", kind)?, reason),
        _ => return refuse("fallback_kind and fallback_reason come together".to_owned()),
    };
    let Some(kind) = ErrorKind::ALL.into_iter().find(|known| known.name() == kind) else {
        return refuse(format!("fallback_kind is {kind:?}, expected the name of an error kind"));
    };
    Ok(Some(Fallback::new(kind, text::argument("fallback_reason", reason)?)))
}

/// A number that only the policies of the pair have.
fn of_pair(number: f64) -> Option<f64> {
    Some(number).filter(|number| !number.is_nan())
}

/// Whether a decision has a field of this name.
fn is_name(name: &Bound<'_, PyAny>) -> bool {
    name.extract::<PyBackedStr>().is_ok_and(|name| NAMES.contains(&&*name))
}

#[pymethods]
#[allow(clippy::unused_self, reason = "Python asks an object for its length and its names")]
impl Decision {
    /// For what was logged and is replayed, and for tests; routers make their own.
    #[new]
    #[pyo3(signature = (
        model, side, win_rate, threshold, truncated=false, fallback_kind=None, fallback_reason=None,
        similarity=None, out_of_distribution=false, no_score=false,
        // <faces:signature>
        propensity=1.0,
        id=None,
        candidate=None,
        quality=None,
        expected_cost=None,
        // </faces:signature>
        *, fallback=None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each field, as Python names them")]
    #[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
    fn from_python(
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        side: Option<&Bound<'_, PyAny>>,
        win_rate: Option<f64>,
        threshold: Option<f64>,
        truncated: bool,
        fallback_kind: Option<&Bound<'_, PyAny>>,
        fallback_reason: Option<&Bound<'_, PyAny>>,
        similarity: Option<f64>,
        out_of_distribution: bool,
        no_score: bool,
        // <faces:parameters>
        propensity: f64,
        id: Option<String>,
        candidate: Option<usize>,
        quality: Option<f64>,
        expected_cost: Option<f64>,
        // </faces:parameters>
        fallback: Option<bool>,
    ) -> PyResult<Self> {
        let refuse = |message: String| Err(invalid_argument(py, message));
        // It follows from the others, and is taken so that `Decision(**decision)` is the decision.
        let said = fallback;
        let side = match side.map(|side| text::argument("side", side)).transpose()? {
            None => None,
            Some("strong") => Some(Side::Strong),
            Some("weak") => Some(Side::Weak),
            Some(other) => return refuse(format!("side is {other:?}, expected \"strong\" or \"weak\"")),
        };
        let fallback = fallback_of(py, fallback_kind, fallback_reason)?;
        if said.is_some_and(|said| said != fallback.is_some()) {
            return refuse("fallback is true where fallback_kind is given, and nowhere else".to_owned());
        }
        // Outside the policies of the pair there is neither a threshold nor a win rate.
        if threshold.is_some() && win_rate.is_none() != fallback.is_some() {
            return refuse("a decision has either a win rate or the reason of its fallback".to_owned());
        }
        if threshold.is_none() && (win_rate.is_some() || side.is_some()) {
            return refuse("without a threshold there is neither a side nor a win rate".to_owned());
        }
        if similarity.is_some() && fallback.is_some() {
            return refuse("a fallback has no similarity: its prompt was not scored".to_owned());
        }
        if out_of_distribution && similarity.is_none() {
            return refuse("only a decision with a similarity is out of distribution".to_owned());
        }
        #[allow(clippy::float_cmp, reason = "the reference's answer is exactly 1")]
        if no_score && win_rate != Some(1.0) {
            return refuse("without a score the win rate is 1".to_owned());
        }
        let model = text::argument("model", model)?;
        let mut inner = routellm_core::Decision::new(side, model, threshold.unwrap_or(f64::NAN));
        inner.fallback = fallback;
        // <faces:inner>
        inner.win_rate = win_rate;
        inner.threshold = threshold.unwrap_or(f64::NAN);
        inner.truncated = truncated;
        inner.similarity = similarity;
        inner.out_of_distribution = out_of_distribution;
        inner.no_score = no_score;
        inner.propensity = propensity;
        inner.id = id_of(py, id.as_deref())?;
        inner.candidate = candidate;
        inner.quality = quality;
        inner.expected_cost = expected_cost;
        // </faces:inner>
        Ok(Self { inner, model: PyString::new(py, model).unbind() })
    }

    // <faces:getters>
    /// P(strong model's answer is preferred or needed), in [0, 1]; None in a fallback and outside the policies of the
    /// pair, ``threshold`` and ``strong_share``.
    #[getter]
    fn win_rate(&self) -> Option<f64> {
        self.inner.win_rate
    }

    /// The threshold that the win rate was compared with: in [0, 1], or the next number above 1; None outside the
    /// policies of the pair.
    #[getter]
    fn threshold(&self) -> Option<f64> {
        of_pair(self.inner.threshold)
    }

    /// Whether the prompt was longer than the router reads, and was cut.
    #[getter]
    fn truncated(&self) -> bool {
        self.inner.truncated
    }

    /// The largest cosine similarity to any vote that was read, in [-1, 1]: a clustered store reads the votes of some
    /// clusters, the router's own similarity reads all. It is None in a fallback and for routers without votes.
    #[getter]
    fn similarity(&self) -> Option<f64> {
        self.inner.similarity
    }

    /// Whether the prompt is farther from every vote than the router was told to trust. Then ``out_of_distribution``
    /// may have decided instead of the win rate.
    #[getter]
    fn out_of_distribution(&self) -> bool {
        self.inner.out_of_distribution
    }

    /// Whether a causal LM gave no score token, so that the win rate is 1, as in the reference.
    #[getter]
    fn no_score(&self) -> bool {
        self.inner.no_score
    }

    /// The probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves something to
    /// chance.
    #[getter]
    fn propensity(&self) -> f64 {
        self.inner.propensity
    }

    /// The decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of
    /// version 7. It is None unless a hook, an adapter or ``ids`` asks for it.
    #[getter]
    fn id(&self) -> Option<String> {
        self.inner.id.map(|id| id.to_string())
    }

    /// The number of the chosen candidate, from 0, in the order of the router's models.
    #[getter]
    fn candidate(&self) -> Option<usize> {
        self.inner.candidate
    }

    /// The quality that the chosen candidate is expected to have on this prompt, in [0, 1]; None in a fallback, and for
    /// ``threshold`` and ``strong_share``, which compute none.
    #[getter]
    fn quality(&self) -> Option<f64> {
        self.inner.quality
    }

    /// What the request is expected to cost in USD: the chosen candidate's price for the input tokens and the output
    /// tokens; None without a price, and for an embedding without input tokens.
    #[getter]
    fn expected_cost(&self) -> Option<f64> {
        self.inner.expected_cost
    }
    // </faces:getters>

    /// The chosen side: "strong" or "weak"; None outside the policies of the pair, threshold and strong share, and for a
    /// candidate that is on neither.
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyString>> {
        match self.inner.side? {
            Side::Strong => Some(intern!(py, "strong")),
            Side::Weak => Some(intern!(py, "weak")),
        }
    }

    /// Whether `on_error` decided, because the prompt could not be scored.
    #[getter]
    fn fallback(&self) -> bool {
        self.inner.fallback.is_some()
    }

    /// The kind of the error behind a fallback, such as `InvalidArgument`, or None.
    #[getter]
    fn fallback_kind(&self) -> Option<&'static str> {
        self.inner.fallback.as_ref().map(|fallback| fallback.kind.name())
    }

    /// The message of the error behind a fallback, or None.
    #[getter]
    fn fallback_reason(&self) -> Option<&str> {
        self.inner.fallback.as_ref().map(|fallback| &*fallback.reason)
    }

    /// The decision as plain data, ready for `json.dumps`.
    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("model", self.model.bind(py))?;
        dict.set_item("side", self.side_name())?;
        // <faces:dict>
        dict.set_item("win_rate", self.win_rate())?;
        dict.set_item("threshold", self.threshold())?;
        dict.set_item("truncated", self.truncated())?;
        dict.set_item("similarity", self.similarity())?;
        dict.set_item("out_of_distribution", self.out_of_distribution())?;
        dict.set_item("no_score", self.no_score())?;
        dict.set_item("propensity", self.propensity())?;
        dict.set_item("id", self.id())?;
        dict.set_item("candidate", self.candidate())?;
        dict.set_item("quality", self.quality())?;
        dict.set_item("expected_cost", self.expected_cost())?;
        // </faces:dict>
        dict.set_item("fallback", self.fallback())?;
        dict.set_item("fallback_kind", self.fallback_kind())?;
        dict.set_item("fallback_reason", self.fallback_reason())?;
        Ok(dict)
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("model", "side", "win_rate", "threshold")
    }

    fn __len__(&self) -> usize {
        NAMES.len()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        is_name(name)
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match name.cast::<PyString>() {
            Ok(text) if is_name(name) => slf.getattr(text),
            _ => Err(PyKeyError::new_err((name.clone().unbind(),))),
        }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyTuple::new(py, NAMES)?.try_iter()
    }

    /// The names of the fields.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method0("keys")
    }

    /// The values of the fields.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method0("values")
    }

    /// The names of the fields, each with its value.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_dict(py)?.call_method0("items")
    }

    /// The value of a field, or `default` if there is none of that name.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if is_name(name) { Self::__getitem__(slf, name) } else { default.into_bound_py_any(slf.py()) }
    }

    /// What pydantic asks for: a decision validates as itself or from its fields, and is dumped as `as_dict`.
    #[classmethod]
    fn __get_pydantic_core_schema__<'py>(
        class: &Bound<'py, PyType>,
        _source: &Bound<'py, PyAny>,
        _handler: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("routellm_rs._pydantic")?.getattr("decision_schema")?.call1((class,))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let win_rate = self.win_rate().into_bound_py_any(py)?.repr()?.to_string();
        let threshold = self.threshold().into_bound_py_any(py)?.repr()?.to_string();
        let mut text = format!(
            "Decision(model={}, side={}, win_rate={win_rate}, threshold={threshold}",
            self.model.bind(py).repr()?,
            self.side_name().map_or_else(|| "None".to_owned(), |side| format!("'{side}'")),
        );
        // Writing to a string cannot fail.
        let mut shown = |name: &str, value: Bound<'_, PyAny>| -> PyResult<()> {
            let _ = write!(text, ", {name}={}", value.repr()?);
            Ok(())
        };
        // <faces:repr>
        if self.inner.truncated {
            shown("truncated", self.truncated().into_bound_py_any(py)?)?;
        }
        if self.inner.similarity.is_some() {
            shown("similarity", self.similarity().into_bound_py_any(py)?)?;
        }
        if self.inner.out_of_distribution {
            shown("out_of_distribution", self.out_of_distribution().into_bound_py_any(py)?)?;
        }
        if self.inner.no_score {
            shown("no_score", self.no_score().into_bound_py_any(py)?)?;
        }
        if self.inner.propensity != 1.0 {
            shown("propensity", self.propensity().into_bound_py_any(py)?)?;
        }
        if self.inner.id.is_some() {
            shown("id", self.id().into_bound_py_any(py)?)?;
        }
        if self.inner.candidate.is_some() {
            shown("candidate", self.candidate().into_bound_py_any(py)?)?;
        }
        if self.inner.quality.is_some() {
            shown("quality", self.quality().into_bound_py_any(py)?)?;
        }
        if self.inner.expected_cost.is_some() {
            shown("expected_cost", self.expected_cost().into_bound_py_any(py)?)?;
        }
        // </faces:repr>
        if let Some(Fallback { kind, reason, .. }) = &self.inner.fallback {
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
