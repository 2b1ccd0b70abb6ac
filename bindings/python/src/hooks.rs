//! Watching decisions: what a router tells a Python function.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use routellm_core::{DecisionId, ErrorKind, Router, Side};

/// What a hook hears of a decision. Immutable; the prompt is not in it.
#[pyclass(frozen, module = "routellm_rs")]
#[derive(Debug)]
pub(crate) struct DecisionEvent {
    id: DecisionId,
    /// Name of the chosen model.
    #[pyo3(get)]
    model: String,
    /// The number of the chosen candidate, from 0.
    #[pyo3(get)]
    candidate: usize,
    side: Option<Side>,
    /// P(strong model's answer is preferred or needed), in [0, 1]; None in a fallback and outside the policies of the pair.
    #[pyo3(get)]
    win_rate: Option<f64>,
    /// The threshold that the win rate was compared with; None outside the policies of the pair.
    #[pyo3(get)]
    threshold: Option<f64>,
    /// The quality that the chosen candidate is expected to have, in [0, 1]; None in a fallback and for the policies of the pair.
    #[pyo3(get)]
    quality: Option<f64>,
    /// What the request is expected to cost in USD, or None if that is not known.
    #[pyo3(get)]
    expected_cost: Option<f64>,
    /// The probability that the side had of being chosen, in (0, 1].
    #[pyo3(get)]
    propensity: f64,
    fallback: Option<ErrorKind>,
    /// Nanoseconds until the prompt's turn.
    #[pyo3(get)]
    queue_ns: u64,
    /// Nanoseconds for features and score together.
    #[pyo3(get)]
    score_ns: u64,
    /// Nanoseconds of the whole call.
    #[pyo3(get)]
    total_ns: u64,
    /// The prompt's place in its batch, from 0; 0 for a prompt alone.
    #[pyo3(get)]
    index: usize,
    /// How many prompts the call had; 1 for a prompt alone.
    #[pyo3(get)]
    batch_size: usize,
}

impl DecisionEvent {
    fn new(event: &routellm_core::DecisionEvent<'_>) -> Self {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            id: event.id,
            model: event.model.to_owned(),
            candidate: event.candidate,
            side: event.side,
            win_rate: event.win_rate,
            threshold: Some(event.threshold).filter(|threshold| !threshold.is_nan()),
            quality: event.quality,
            expected_cost: event.expected_cost,
            propensity: event.propensity,
            fallback: event.fallback,
            queue_ns: nanoseconds(event.latency.queue),
            score_ns: nanoseconds(event.latency.score),
            total_ns: nanoseconds(event.latency.total),
            index: event.index,
            batch_size: event.batch_size,
        }
    }
}

#[pymethods]
impl DecisionEvent {
    /// The decision's id: a UUID of version 7 in lower case, which sorts by time.
    #[getter]
    fn id(&self) -> String {
        self.id.to_string()
    }

    /// The chosen side: "strong" or "weak"; None outside the policies of the pair.
    #[getter]
    fn side(&self) -> Option<&'static str> {
        self.side.map(Side::name)
    }

    /// The kind of the error behind a fallback, such as `InvalidArgument`, or None.
    #[getter]
    fn fallback_kind(&self) -> Option<&'static str> {
        self.fallback.map(ErrorKind::name)
    }

    /// The event as plain data, ready for `json.dumps`.
    fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id", self.id())?;
        dict.set_item("model", &self.model)?;
        dict.set_item("side", self.side())?;
        dict.set_item("win_rate", self.win_rate)?;
        dict.set_item("threshold", self.threshold)?;
        dict.set_item("candidate", self.candidate)?;
        dict.set_item("quality", self.quality)?;
        dict.set_item("expected_cost", self.expected_cost)?;
        dict.set_item("propensity", self.propensity)?;
        dict.set_item("fallback_kind", self.fallback_kind())?;
        dict.set_item("queue_ns", self.queue_ns)?;
        dict.set_item("score_ns", self.score_ns)?;
        dict.set_item("total_ns", self.total_ns)?;
        dict.set_item("index", self.index)?;
        dict.set_item("batch_size", self.batch_size)?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let parts = self
            .as_dict(py)?
            .iter()
            .map(|(name, value)| Ok(format!("{name}={}", value.repr()?)))
            .collect::<PyResult<Vec<_>>>()?;
        Ok(format!("DecisionEvent({})", parts.join(", ")))
    }
}

/// An event on its way to the function that hears of it.
pub(crate) struct Told {
    callback: Arc<Py<PyAny>>,
    event: DecisionEvent,
}

impl Told {
    /// What the function raises must not become the decision's end.
    pub(crate) fn tell(self, py: Python<'_>) {
        if let Err(error) = self.callback.bind(py).call1((self.event,)) {
            error.write_unraisable(py, Some(self.callback.bind(py)));
        }
    }
}

thread_local! {
    /// Whether this thread came from Python, so that it may take the interpreter's lock.
    static OF_PYTHON: Cell<bool> = const { Cell::new(false) };
    /// What a thread of the library has to tell: who waits for the call takes it along with the result.
    static UNTOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` on a thread of Python.
pub(crate) fn from_python<T>(work: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            OF_PYTHON.set(self.0);
        }
    }
    let _back = Back(OF_PYTHON.replace(true));
    work()
}

/// The events of the call that this thread is about to end.
pub(crate) fn untold() -> Vec<Told> {
    UNTOLD.take()
}

/// Lets `callback` hear of every decision of `core`, or nobody.
pub(crate) fn set(core: &Router, callback: Option<Py<PyAny>>) {
    let Some(callback) = callback.map(Arc::new) else { return core.off_decision() };
    core.on_decision(move |event| {
        let told = Told { callback: Arc::clone(&callback), event: DecisionEvent::new(event) };
        if OF_PYTHON.get() {
            let _ = Python::try_attach(|py| told.tell(py));
        } else {
            UNTOLD.with_borrow_mut(|untold| untold.push(told));
        }
    });
}
