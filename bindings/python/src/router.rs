//! The router: what converts arguments and results, and nothing else.

use std::borrow::Cow;
use std::time::Duration;

use numpy::PyArray1;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use routellm_core::scorer::PromptScorer;
use routellm_core::{OnError, OpenOptions, Policy, Result, RouteOptions, Router as Core, Side};
use serde::Serialize;

use crate::cancel::{CancelToken, interruptible};
use crate::completion::Completion;
use crate::decision::Decision;
use crate::embedding::Embeddings;
use crate::error::{invalid_argument, to_python};
use crate::{guard, open, text};

/// From this many prompts on a call of a router without a model of its own may take long; a thread costs 20 us.
const LONG_BATCH: usize = 64;

/// What a decision costs beside the bytes of its prompt, as bytes.
const CALL_BYTES: usize = 64;

/// An open router. Immutable; any number of threads may use it.
#[pyclass(frozen, module = "routellm_rs._native")]
pub(crate) struct Router {
    core: Core,
    // Made once, so that a decision costs no new string.
    strong: Py<PyString>,
    weak: Py<PyString>,
    /// From this many prompts on a call may take so long that Ctrl-C should work.
    long_count: usize,
}

impl Router {
    /// The Python object for an open router.
    pub(crate) fn new(py: Python<'_>, core: Core) -> Self {
        let strong = PyString::intern(py, core.strong()).unbind();
        let weak = PyString::intern(py, core.weak()).unbind();
        // Only a prompt that a language model reads takes seconds.
        let long_count = match core.scorer().prompt() {
            Some(PromptScorer::CausalLlm(_)) => 1,
            Some(PromptScorer::Bert(_)) => 2,
            None => LONG_BATCH,
        };
        Self { core, strong, weak, long_count }
    }

    fn decision(&self, py: Python<'_>, decision: routellm_core::Decision) -> Decision {
        let model = match decision.side {
            Side::Strong => &self.strong,
            Side::Weak => &self.weak,
        };
        let model = model.clone_ref(py);
        Decision::new(decision, model)
    }

    /// Runs a call on `count` prompts with the GIL released, so that Ctrl-C stops it if it may take long: `begin` starts it
    /// without waiting, `work` is the same call on this thread.
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        count: usize,
        options: RouteOptions,
        begin: impl FnOnce(&RouteOptions, Box<dyn FnOnce(Result<T>) + Send>) -> Result<()> + Send,
        work: impl FnOnce(&RouteOptions) -> Result<T> + Send,
    ) -> PyResult<T> {
        if count < self.long_count {
            return guard::detached(py, || work(&options));
        }
        let token = routellm_core::CancelToken::new();
        let options = RouteOptions { cancel: Some(token.clone()), ..options };
        interruptible(py, &token, |done| begin(&options, done))
    }

    /// Whether a call on texts of this many bytes in all takes so little time that the GIL is kept for it: taking it back
    /// can take milliseconds.
    fn is_quick(&self, bytes: usize) -> bool {
        self.core.is_quick(bytes)
    }

    /// Runs a call on an embedding.
    fn on_embedding<T: Send>(&self, py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
        if self.core.is_quick_for_embedding() {
            return guard::in_place(py, work);
        }
        guard::detached(py, work)
    }

    /// What makes a Python object of a decision on another thread.
    fn converter(
        &self,
        py: Python<'_>,
    ) -> impl Fn(Python<'_>, routellm_core::Decision) -> Decision + Send + use<> {
        let (strong, weak) = (self.strong.clone_ref(py), self.weak.clone_ref(py));
        move |py, decision| {
            let model = match decision.side {
                Side::Strong => &strong,
                Side::Weak => &weak,
            };
            let model = model.clone_ref(py);
            Decision::new(decision, model)
        }
    }
}

#[pymethods]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
impl Router {
    /// Opens what lies at `path`, or the default router if it is None, with the keywords of the face.
    #[staticmethod]
    #[pyo3(signature = (path, options=None))]
    fn open(
        py: Python<'_>,
        path: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let open = options.map_or_else(|| Ok(OpenOptions::new()), open::options)?;
        let path = path.map(|path| text::path("path", path)).transpose()?;
        let core = guard::detached(py, || match path {
            Some(path) => open.open(path),
            None => open.open_default(),
        })?;
        Ok(Self::new(py, core))
    }

    /// Decides for one prompt.
    #[pyo3(signature = (prompt, threshold=None, strong_share=None, on_error=None, timeout_ms=None))]
    fn route(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
    ) -> PyResult<Decision> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms)?;
        let prompt = text::prompt(prompt)?;
        let decision = if self.is_quick(prompt.len()) {
            guard::in_place(py, || self.core.route_utf8(&prompt, &options))
        } else {
            self.run(
                py,
                1,
                options,
                |options, done| self.core.route_async(owned(&prompt), options, done),
                |options| self.core.route_utf8(&prompt, options),
            )
        }?;
        Ok(self.decision(py, decision))
    }

    /// Decides for many prompts.
    #[pyo3(signature = (prompts, threshold=None, strong_share=None, on_error=None, timeout_ms=None))]
    fn route_batch<'py>(
        &self,
        py: Python<'py>,
        prompts: Vec<Bound<'py, PyAny>>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms)?;
        let prompts = texts(py, &prompts)?;
        let prompts: Vec<&[u8]> = prompts.iter().map(|prompt| &**prompt).collect();
        let decisions = if self.is_quick(prompts.iter().map(|prompt| prompt.len() + CALL_BYTES).sum()) {
            guard::in_place(py, || self.core.route_batch_utf8(&prompts, &options))
        } else {
            self.run(
                py,
                prompts.len(),
                options,
                |options, done| self.core.route_batch_async(all_owned(&prompts), options, done),
                |options| self.core.route_batch_utf8(&prompts, options),
            )
        }?;
        PyList::new(py, decisions.into_iter().map(|decision| self.decision(py, decision)))
    }

    /// Whether a prompt takes so little time that it is decided in place, also on an event loop.
    #[pyo3(name = "is_quick")]
    fn is_quick_for(&self, prompt: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.is_quick(text::prompt(prompt)?.len()))
    }

    /// Decides for one prompt without waiting: `done(decision, None)` or `done(None, error)` is called on another thread.
    #[pyo3(signature = (prompt, done, threshold=None, strong_share=None, on_error=None, timeout_ms=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_async(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        done: Py<PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
    ) -> PyResult<CancelToken> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms)?;
        let prompt = owned(&text::prompt(prompt)?);
        let (completion, convert) = (Completion::new(py, done)?, self.converter(py));
        begin(py, options, |options| {
            self.core.route_async(prompt, options, move |decision| {
                completion.tell(decision, move |py, decision| object(py, convert(py, decision)));
            })
        })
    }

    /// Decides for many prompts without waiting, as `route_async`.
    #[pyo3(signature = (prompts, done, threshold=None, strong_share=None, on_error=None, timeout_ms=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_batch_async(
        &self,
        py: Python<'_>,
        prompts: Vec<Bound<'_, PyAny>>,
        done: Py<PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
    ) -> PyResult<CancelToken> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms)?;
        let prompts = texts(py, &prompts)?.iter().map(|prompt| owned(prompt)).collect();
        let (completion, convert) = (Completion::new(py, done)?, self.converter(py));
        begin(py, options, |options| {
            self.core.route_batch_async(prompts, options, move |decisions| {
                completion.tell(decisions, move |py, decisions| {
                    let decisions = decisions.into_iter().map(|decision| convert(py, decision));
                    Ok(PyList::new(py, decisions)?.into_any().unbind())
                });
            })
        })
    }

    /// The win rates of many prompts without waiting, as `route_async`.
    fn win_rates_async(
        &self,
        py: Python<'_>,
        prompts: Vec<Bound<'_, PyAny>>,
        done: Py<PyAny>,
    ) -> PyResult<CancelToken> {
        let prompts = texts(py, &prompts)?.iter().map(|prompt| owned(prompt)).collect();
        let completion = Completion::new(py, done)?;
        begin(py, RouteOptions::default(), |options| {
            self.core.win_rates_async(prompts, options.cancel.clone(), move |rates| {
                completion.tell(rates, |py, rates| Ok(PyList::new(py, rates)?.into_any().unbind()));
            })
        })
    }

    /// Decides for an embedding.
    #[pyo3(signature = (embedding, threshold=None, strong_share=None, on_error=None, timeout_ms=None))]
    fn route_embedding(
        &self,
        py: Python<'_>,
        embedding: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
    ) -> PyResult<Decision> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms)?;
        let embedding = Embeddings::one(embedding)?;
        let decision = self.on_embedding(py, || self.core.route_embedding(embedding.values(), &options))?;
        Ok(self.decision(py, decision))
    }

    /// The win rate of one prompt.
    fn win_rate(&self, py: Python<'_>, prompt: &Bound<'_, PyAny>) -> PyResult<f64> {
        let prompt = text::prompt(prompt)?;
        if self.is_quick(prompt.len()) {
            return guard::in_place(py, || self.core.win_rate(routellm_core::router::utf8(&prompt)?));
        }
        self.run(
            py,
            1,
            RouteOptions::default(),
            |options, done| {
                let prompt = owned(&prompt);
                self.core.call_async(options.cancel.clone(), |worker| worker.win_rate(&prompt?), done)
            },
            |_| self.core.win_rate(routellm_core::router::utf8(&prompt)?),
        )
    }

    /// The win rates of many prompts.
    fn win_rates(&self, py: Python<'_>, prompts: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<f64>> {
        let prompts = texts(py, &prompts)?;
        let prompts = prompts
            .iter()
            .enumerate()
            .map(|(i, prompt)| {
                routellm_core::router::utf8(prompt)
                    .map_err(|error| to_python(py, &error.context(format!("prompt {i}"))))
            })
            .collect::<PyResult<Vec<&str>>>()?;
        if self.is_quick(prompts.iter().map(|prompt| prompt.len() + CALL_BYTES).sum()) {
            return guard::in_place(py, || self.core.win_rates(&prompts, None));
        }
        self.run(
            py,
            prompts.len(),
            RouteOptions::default(),
            |options, done| {
                let prompts = prompts.iter().map(|prompt| Ok((*prompt).to_owned())).collect();
                self.core.win_rates_async(prompts, options.cancel.clone(), done)
            },
            |_| self.core.win_rates(&prompts, None),
        )
    }

    /// The win rate of an embedding.
    fn win_rate_from_embedding(&self, py: Python<'_>, embedding: &Bound<'_, PyAny>) -> PyResult<f64> {
        let embedding = Embeddings::one(embedding)?;
        self.on_embedding(py, || self.core.win_rate_from_embedding(embedding.values()))
    }

    /// The win rates of the rows of a matrix, as numpy float64.
    fn win_rates_from_embeddings<'py>(
        &self,
        py: Python<'py>,
        embeddings: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        need_numpy(py)?;
        let embeddings = Embeddings::new(embeddings)?;
        let Some(dimension) = self.core.embedding_dimension() else {
            // The core says why this router takes none.
            let values = embeddings.values();
            let refused = guard::detached(py, || self.core.win_rate_from_embedding(values));
            return Err(refused.err().unwrap_or_else(|| invalid_argument(py, "no embeddings are taken")));
        };
        let mut out = vec![0.0; embeddings.rows(py, dimension)?];
        guard::detached(py, || self.core.win_rates_from_embeddings(embeddings.values(), &mut out))?;
        guard::attached(py, || PyArray1::from_vec(py, out))
    }

    /// One score for each candidate.
    fn candidate_scores(&self, py: Python<'_>, prompt: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
        let prompt = text::prompt(prompt)?;
        guard::detached(py, || self.core.candidate_scores(routellm_core::router::utf8(&prompt)?))
    }

    /// One score for each candidate, from an embedding.
    fn candidate_scores_from_embedding(
        &self,
        py: Python<'_>,
        embedding: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<f64>> {
        let embedding = Embeddings::one(embedding)?;
        guard::detached(py, || self.core.candidate_scores_from_embedding(embedding.values()))
    }

    /// Largest cosine similarity of a prompt to any vote.
    fn similarity(&self, py: Python<'_>, prompt: &Bound<'_, PyAny>) -> PyResult<f64> {
        let prompt = text::prompt(prompt)?;
        guard::detached(py, || self.core.similarity(routellm_core::router::utf8(&prompt)?))
    }

    /// Largest cosine similarity of an embedding to any vote.
    fn similarity_from_embedding(&self, py: Python<'_>, embedding: &Bound<'_, PyAny>) -> PyResult<f64> {
        let embedding = Embeddings::one(embedding)?;
        guard::detached(py, || self.core.similarity_from_embedding(embedding.values()))
    }

    /// The score of a prompt with the `k` votes that weighed most, as JSON.
    fn explain(&self, py: Python<'_>, prompt: &Bound<'_, PyAny>, k: i64) -> PyResult<String> {
        let k = vote_count(py, k)?;
        let prompt = text::prompt(prompt)?;
        guard::detached(py, || json(&self.core.explain(routellm_core::router::utf8(&prompt)?, k)?))
    }

    /// The score of an embedding with the `k` votes that weighed most, as JSON.
    fn explain_embedding(&self, py: Python<'_>, embedding: &Bound<'_, PyAny>, k: i64) -> PyResult<String> {
        let k = vote_count(py, k)?;
        let embedding = Embeddings::one(embedding)?;
        guard::detached(py, || json(&self.core.explain_embedding(embedding.values(), k)?))
    }

    /// The embedding of a prompt, as numpy float32.
    fn embed<'py>(&self, py: Python<'py>, prompt: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f32>>> {
        need_numpy(py)?;
        let prompt = text::prompt(prompt)?;
        let values = guard::detached(py, || self.core.embed(routellm_core::router::utf8(&prompt)?))?;
        guard::attached(py, || PyArray1::from_vec(py, values))
    }

    /// The threshold that a policy comes to.
    #[pyo3(signature = (threshold=None, strong_share=None))]
    fn threshold(&self, py: Python<'_>, threshold: Option<f64>, strong_share: Option<f64>) -> PyResult<f64> {
        guard::detached(py, || self.core.threshold(Policy::from_options(threshold, strong_share)?))
    }

    /// Refuses calls from now on; those that run go on.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.core.close());
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        self.core.is_closed()
    }

    /// How busy the router is, as JSON.
    fn stats(&self, py: Python<'_>) -> PyResult<String> {
        guard::in_place(py, || json(&self.core.stats()))
    }

    /// The threshold of a strong share, and the share that it reaches.
    fn share(&self, py: Python<'_>, strong_share: f64) -> PyResult<(f64, f64)> {
        guard::detached(py, || self.core.share(strong_share))
    }

    /// What is known about the router, as JSON.
    fn info(&self, py: Python<'_>) -> PyResult<String> {
        guard::detached(py, || json(self.core.info()))
    }

    /// Name of the strong model.
    #[getter]
    fn strong(&self, py: Python<'_>) -> Py<PyString> {
        self.strong.clone_ref(py)
    }

    /// Name of the weak model.
    #[getter]
    fn weak(&self, py: Python<'_>) -> Py<PyString> {
        self.weak.clone_ref(py)
    }

    /// Names of the candidates.
    #[getter]
    fn models(&self) -> Vec<&str> {
        self.core.models().collect()
    }

    /// Length of the embeddings that the router takes, or None.
    #[getter]
    fn embedding_dimension(&self) -> Option<usize> {
        self.core.embedding_dimension()
    }

    /// How many decisions were fallbacks.
    #[getter]
    fn fallbacks(&self) -> u64 {
        self.core.fallbacks()
    }
}

/// Plain data of the core as JSON.
fn json(value: &impl Serialize) -> routellm_core::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| routellm_core::Error::new(routellm_core::ErrorKind::Internal, error.to_string()))
}

/// How many votes an explanation should name.
fn vote_count(py: Python<'_>, k: i64) -> PyResult<usize> {
    usize::try_from(k)
        .map_err(|_| invalid_argument(py, format!("k is {k}, expected a number of votes, 0 or more")))
}

/// The options of a call.
fn options(
    py: Python<'_>,
    threshold: Option<f64>,
    strong_share: Option<f64>,
    on_error: Option<&Bound<'_, PyAny>>,
    timeout_ms: Option<f64>,
) -> PyResult<RouteOptions> {
    let timeout = timeout_ms.map(|milliseconds| timeout(py, milliseconds)).transpose()?;
    let on_error = on_error.map(|value| text::argument("on_error", value)).transpose()?;
    let parse = || -> Result<RouteOptions> {
        Ok(RouteOptions {
            policy: Policy::from_options(threshold, strong_share)?,
            on_error: on_error.map_or(Ok(OnError::Raise), str::parse)?,
            cancel: None,
            timeout,
        })
    };
    parse().map_err(|error| to_python(py, &error))
}

/// Begins a call that does not wait; the token stops it.
fn begin(
    py: Python<'_>,
    options: RouteOptions,
    call: impl FnOnce(&RouteOptions) -> Result<()> + Send,
) -> PyResult<CancelToken> {
    let token = routellm_core::CancelToken::new();
    let options = RouteOptions { cancel: Some(token.clone()), ..options };
    guard::in_place(py, || call(&options))?;
    Ok(CancelToken { token })
}

/// An object for a callback.
fn object(py: Python<'_>, decision: Decision) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, decision)?.into_any())
}

/// A text for another thread.
fn owned(prompt: &[u8]) -> Result<String> {
    routellm_core::router::utf8(prompt).map(str::to_owned)
}

/// Texts for another thread.
fn all_owned(prompts: &[&[u8]]) -> Vec<Result<String>> {
    prompts.iter().map(|prompt| owned(prompt)).collect()
}

/// A time in milliseconds.
fn timeout(py: Python<'_>, milliseconds: f64) -> PyResult<Duration> {
    if milliseconds.is_nan() || milliseconds <= 0.0 {
        let message = format!("timeout_ms is {milliseconds}, expected a positive number of milliseconds");
        return Err(invalid_argument(py, message));
    }
    // A time that no clock holds is as good as none, and less than a nanosecond is not nothing.
    let time = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or(Duration::MAX);
    Ok(time.max(Duration::from_nanos(1)))
}

/// The texts of prompts; an error names the prompt's place.
fn texts<'a>(py: Python<'_>, prompts: &'a [Bound<'_, PyAny>]) -> PyResult<Vec<Cow<'a, [u8]>>> {
    prompts
        .iter()
        .enumerate()
        .map(|(i, prompt)| {
            text::prompt(prompt)
                .map_err(|error| invalid_argument(py, format!("prompt {i}: {}", error.value(py))))
        })
        .collect()
}

/// Arrays need numpy, and the crate that makes them panics without it.
fn need_numpy(py: Python<'_>) -> PyResult<()> {
    match py.import("numpy") {
        Ok(_) => Ok(()),
        Err(error) if error.is_instance_of::<PyImportError>(py) => {
            let message =
                "this returns a numpy array, and numpy is not installed: pip install 'routellm-rs[numpy]'";
            let missing = PyImportError::new_err(message);
            missing.set_cause(py, Some(error));
            Err(missing)
        }
        Err(error) => Err(error),
    }
}
