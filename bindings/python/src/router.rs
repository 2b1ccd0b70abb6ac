//! The router: what converts arguments and results, and nothing else.

use std::time::Duration;

use numpy::PyArray1;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use routellm_core::router::FallbackWarning;
use routellm_core::scorer::PromptScorer;
use routellm_core::{OnError, OpenOptions, Policy, RouteOptions, Router as Core, Side};
use serde::Serialize;

use crate::cancel::{CancelToken, interruptible};
use crate::decision::Decision;
use crate::embedding::Embeddings;
use crate::error::{invalid_argument, to_python};
use crate::{guard, input, open, text};

/// From this many prompts on a call of a router without a model of its own may take long; a thread costs 20 us.
const LONG_BATCH: usize = 64;

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
        if let Some(warning) = decision.fallback.as_ref().and_then(|fallback| fallback.warning) {
            warn(py, warning);
        }
        Decision::new(decision, model)
    }

    /// What a call reads of chats.
    fn read(&self, read: Option<&Bound<'_, PyAny>>) -> PyResult<routellm_core::Read> {
        Ok(self.core.read(&RouteOptions { read: input::read_of(read)?, ..RouteOptions::default() }))
    }

    fn prompt<'py>(
        &self,
        prompt: &Bound<'py, PyAny>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<input::Prompt<'py>> {
        input::prompt(prompt, self.read(read)?)
    }

    /// Runs a call on `count` prompts with its options' token, if there is one, or so that Ctrl-C stops it.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        count: usize,
        options: &mut RouteOptions,
        work: impl FnOnce(&RouteOptions) -> routellm_core::Result<T> + Send,
    ) -> PyResult<T> {
        if options.cancel.is_some() || count < self.long_count {
            let options = &*options;
            return guard::detached(py, || work(options));
        }
        let token = routellm_core::CancelToken::new();
        options.cancel = Some(token.clone());
        let options = &*options;
        interruptible(py, &token, || work(options))
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
    #[pyo3(signature = (
        prompt, threshold=None, strong_share=None, on_error=None, cancel=None, timeout_ms=None, read=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        cancel: Option<&CancelToken>,
        timeout_ms: Option<f64>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decision> {
        let mut options = options(py, threshold, strong_share, on_error, cancel, timeout_ms, read)?;
        let prompt = input::prompt(prompt, self.core.read(&options))?;
        let input = prompt.input();
        let decision = self.run(py, 1, &mut options, |options| self.core.route_input(input, options))?;
        Ok(self.decision(py, decision))
    }

    /// Decides for many prompts.
    #[pyo3(signature = (
        prompts, threshold=None, strong_share=None, on_error=None, cancel=None, timeout_ms=None, read=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_batch<'py>(
        &self,
        py: Python<'py>,
        prompts: &Bound<'py, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        cancel: Option<&CancelToken>,
        timeout_ms: Option<f64>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut options = options(py, threshold, strong_share, on_error, cancel, timeout_ms, read)?;
        let prompts = input::batch(prompts, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        let decisions =
            self.run(py, inputs.len(), &mut options, |options| self.core.route_inputs(&inputs, options))?;
        PyList::new(py, decisions.into_iter().map(|decision| self.decision(py, decision)))
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
        let options = options(py, threshold, strong_share, on_error, None, timeout_ms, None)?;
        let embedding = Embeddings::one(embedding)?;
        let decision = guard::detached(py, || self.core.route_embedding(embedding.values(), &options))?;
        Ok(self.decision(py, decision))
    }

    /// The win rate of one prompt.
    #[pyo3(signature = (prompt, cancel=None, read=None))]
    fn win_rate(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        cancel: Option<&CancelToken>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<f64> {
        let prompt = self.prompt(prompt, read)?;
        let prompt = prompt.text().map_err(|error| to_python(py, &error))?;
        let cancel = cancel.map(|cancel| cancel.token.clone());
        // Any threshold: what is asked for is the call that can be cancelled.
        let mut options = RouteOptions { cancel, ..RouteOptions::threshold(0.5) };
        self.run(py, 1, &mut options, |options| {
            if options.cancel.is_none() {
                return self.core.win_rate(prompt);
            }
            Ok(self.core.route(prompt, options)?.win_rate.unwrap_or(f64::NAN))
        })
    }

    /// The win rates of many prompts.
    #[pyo3(signature = (prompts, cancel=None, read=None))]
    fn win_rates(
        &self,
        py: Python<'_>,
        prompts: &Bound<'_, PyAny>,
        cancel: Option<&CancelToken>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<f64>> {
        let prompts = input::batch(prompts, self.read(read)?)?;
        let prompts = prompts
            .iter()
            .enumerate()
            .map(|(i, prompt)| {
                prompt.text().map_err(|error| to_python(py, &error.context(format!("prompt {i}"))))
            })
            .collect::<PyResult<Vec<&str>>>()?;
        let mut options =
            RouteOptions { cancel: cancel.map(|cancel| cancel.token.clone()), ..RouteOptions::default() };
        self.run(py, prompts.len(), &mut options, |options| {
            self.core.win_rates(&prompts, options.cancel.as_ref())
        })
    }

    /// The win rate of an embedding.
    fn win_rate_from_embedding(&self, py: Python<'_>, embedding: &Bound<'_, PyAny>) -> PyResult<f64> {
        let embedding = Embeddings::one(embedding)?;
        guard::detached(py, || self.core.win_rate_from_embedding(embedding.values()))
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
    #[pyo3(signature = (prompt, read=None))]
    fn candidate_scores(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<f64>> {
        let prompt = self.prompt(prompt, read)?;
        let prompt = prompt.text();
        guard::detached(py, || self.core.candidate_scores(prompt?))
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
    #[pyo3(signature = (prompt, read=None))]
    fn similarity(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<f64> {
        let prompt = self.prompt(prompt, read)?;
        let prompt = prompt.text();
        guard::detached(py, || self.core.similarity(prompt?))
    }

    /// Largest cosine similarity of an embedding to any vote.
    fn similarity_from_embedding(&self, py: Python<'_>, embedding: &Bound<'_, PyAny>) -> PyResult<f64> {
        let embedding = Embeddings::one(embedding)?;
        guard::detached(py, || self.core.similarity_from_embedding(embedding.values()))
    }

    /// The score of a prompt with the `k` votes that weighed most, as JSON.
    #[pyo3(signature = (prompt, k, read=None))]
    fn explain(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        k: i64,
        read: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let k = vote_count(py, k)?;
        let prompt = self.prompt(prompt, read)?;
        let prompt = prompt.text();
        guard::detached(py, || json(&self.core.explain(prompt?, k)?))
    }

    /// The score of an embedding with the `k` votes that weighed most, as JSON.
    fn explain_embedding(&self, py: Python<'_>, embedding: &Bound<'_, PyAny>, k: i64) -> PyResult<String> {
        let k = vote_count(py, k)?;
        let embedding = Embeddings::one(embedding)?;
        guard::detached(py, || json(&self.core.explain_embedding(embedding.values(), k)?))
    }

    /// The embedding of a prompt, as numpy float32.
    #[pyo3(signature = (prompt, read=None))]
    fn embed<'py>(
        &self,
        py: Python<'py>,
        prompt: &Bound<'py, PyAny>,
        read: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        need_numpy(py)?;
        let prompt = self.prompt(prompt, read)?;
        let prompt = prompt.text();
        let values = guard::detached(py, || self.core.embed(prompt?))?;
        guard::attached(py, || PyArray1::from_vec(py, values))
    }

    /// The threshold that a policy comes to.
    #[pyo3(signature = (threshold=None, strong_share=None))]
    fn threshold(&self, py: Python<'_>, threshold: Option<f64>, strong_share: Option<f64>) -> PyResult<f64> {
        guard::detached(py, || self.core.threshold(Policy::from_options(threshold, strong_share)?))
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
    cancel: Option<&CancelToken>,
    timeout_ms: Option<f64>,
    read: Option<&Bound<'_, PyAny>>,
) -> PyResult<RouteOptions> {
    let read = input::read_of(read)?;
    let timeout = timeout_ms.map(|milliseconds| timeout(py, milliseconds)).transpose()?;
    let on_error = on_error.map(|value| text::argument("on_error", value)).transpose()?;
    let parse = || -> routellm_core::Result<RouteOptions> {
        Ok(RouteOptions {
            policy: Policy::from_options(threshold, strong_share)?,
            on_error: on_error.map_or(Ok(OnError::Raise), str::parse)?,
            cancel: cancel.map(|cancel| cancel.token.clone()),
            timeout,
            read,
        })
    };
    parse().map_err(|error| to_python(py, &error))
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

/// Tells whoever watches the program about fallbacks. What logging raises must not become the fallback's end.
fn warn(py: Python<'_>, warning: FallbackWarning) {
    let log = || -> PyResult<()> {
        let logger = py.import("logging")?.call_method1("getLogger", ("routellm_rs",))?;
        logger.call_method1("warning", ("%s", warning.to_string()))?;
        Ok(())
    };
    if let Err(error) = log() {
        error.write_unraisable(py, None);
    }
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
