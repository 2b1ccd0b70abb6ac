//! The router: what converts arguments and results, and nothing else.

use std::borrow::Cow;

use numpy::PyArray1;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString};
use routellm_core::{OnError, OpenOptions, Policy, RouteOptions, Router as Core, Side};
use serde::Serialize;

use crate::cancel::{CancelToken, interruptible};
use crate::decision::Decision;
use crate::embedding::Embeddings;
use crate::error::{invalid_argument, to_python};
use crate::{guard, text};

/// From this many prompts on a call may take long enough that Ctrl-C should work; a thread costs 20 us.
const LONG_BATCH: usize = 64;

/// An open router. Immutable; any number of threads may use it.
#[pyclass(frozen, module = "routellm_rs._native")]
pub(crate) struct Router {
    core: Core,
    // Made once, so that a decision costs no new string.
    strong: Py<PyString>,
    weak: Py<PyString>,
}

impl Router {
    fn decision(&self, py: Python<'_>, decision: routellm_core::Decision) -> Decision {
        let model = match decision.side {
            Side::Strong => &self.strong,
            Side::Weak => &self.weak,
        };
        let model = model.clone_ref(py);
        Decision::new(decision, model)
    }

    /// Runs a call on `count` prompts with its options' token, if there is one, or so that Ctrl-C stops it.
    fn run<T: Send>(
        py: Python<'_>,
        count: usize,
        options: &mut RouteOptions,
        work: impl FnOnce(&RouteOptions) -> routellm_core::Result<T> + Send,
    ) -> PyResult<T> {
        if options.cancel.is_some() || count < LONG_BATCH {
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
    /// Opens the artifact at `path`, or the default router if it is None.
    #[staticmethod]
    #[pyo3(signature = (
        path, strong=None, weak=None, mode=None, onnxruntime=None, sessions=None, intra_threads=None,
        out_of_distribution=None, min_similarity=None, open_clusters=None, error_target=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn open(
        py: Python<'_>,
        path: Option<&Bound<'_, PyAny>>,
        strong: Option<&Bound<'_, PyAny>>,
        weak: Option<&Bound<'_, PyAny>>,
        mode: Option<&Bound<'_, PyAny>>,
        onnxruntime: Option<&Bound<'_, PyAny>>,
        sessions: Option<i64>,
        intra_threads: Option<i64>,
        out_of_distribution: Option<&Bound<'_, PyAny>>,
        min_similarity: Option<f64>,
        open_clusters: Option<&Bound<'_, PyAny>>,
        error_target: Option<f64>,
    ) -> PyResult<Self> {
        let mut open = OpenOptions::new();
        if let Some(name) = strong {
            open = open.strong(text::argument("strong", name)?);
        }
        if let Some(name) = weak {
            open = open.weak(text::argument("weak", name)?);
        }
        if let Some(mode) = mode {
            let mode = text::argument("mode", mode)?.parse().map_err(|error| to_python(py, &error))?;
            open = open.mode(mode);
        }
        if let Some(path) = onnxruntime {
            open = open.onnxruntime(text::path("onnxruntime", path)?);
        }
        // A negative number is as wrong as 0, which the core refuses with the range that it accepts.
        let count = |value: i64| usize::try_from(value).unwrap_or(0);
        if let Some(value) = sessions {
            open = open.sessions(count(value));
        }
        if let Some(value) = intra_threads {
            open = open.intra_threads(count(value));
        }
        if let Some(decision) = out_of_distribution {
            let decision = text::argument("out_of_distribution", decision)?;
            open = open.out_of_distribution(decision.parse().map_err(|error| to_python(py, &error))?);
        }
        if let Some(similarity) = min_similarity {
            open = open.min_similarity(similarity);
        }
        // Each would undo the other.
        if open_clusters.is_some() && error_target.is_some() {
            let message = "both open_clusters and error_target are given: pass one of them";
            return Err(invalid_argument(py, message));
        }
        if let Some(clusters) = open_clusters {
            open = open.open_clusters(cluster_count(clusters)?);
        }
        if let Some(error) = error_target {
            open = open.error_target(error);
        }
        let path = path.map(|path| text::path("path", path)).transpose()?;
        let core = guard::detached(py, || match path {
            Some(path) => open.open(path),
            None => open.open_default(),
        })?;
        let strong = PyString::intern(py, core.strong()).unbind();
        let weak = PyString::intern(py, core.weak()).unbind();
        Ok(Self { core, strong, weak })
    }

    /// Decides for one prompt.
    #[pyo3(signature = (prompt, threshold=None, strong_share=None, on_error=None, cancel=None))]
    fn route(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Decision> {
        let options = options(py, threshold, strong_share, on_error, cancel)?;
        let prompt = text::prompt(prompt)?;
        let decision = guard::detached(py, || self.core.route_utf8(&prompt, &options))?;
        Ok(self.decision(py, decision))
    }

    /// Decides for many prompts.
    #[pyo3(signature = (prompts, threshold=None, strong_share=None, on_error=None, cancel=None))]
    fn route_batch<'py>(
        &self,
        py: Python<'py>,
        prompts: Vec<Bound<'py, PyAny>>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut options = options(py, threshold, strong_share, on_error, cancel)?;
        let prompts = texts(py, &prompts)?;
        let prompts: Vec<&[u8]> = prompts.iter().map(|prompt| &**prompt).collect();
        let decisions = Self::run(py, prompts.len(), &mut options, |options| {
            self.core.route_batch_utf8(&prompts, options)
        })?;
        PyList::new(py, decisions.into_iter().map(|decision| self.decision(py, decision)))
    }

    /// Decides for an embedding.
    #[pyo3(signature = (embedding, threshold=None, strong_share=None, on_error=None))]
    fn route_embedding(
        &self,
        py: Python<'_>,
        embedding: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decision> {
        let options = options(py, threshold, strong_share, on_error, None)?;
        let embedding = Embeddings::one(embedding)?;
        let decision = guard::detached(py, || self.core.route_embedding(embedding.values(), &options))?;
        Ok(self.decision(py, decision))
    }

    /// The win rate of one prompt.
    #[pyo3(signature = (prompt, cancel=None))]
    fn win_rate(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        cancel: Option<&CancelToken>,
    ) -> PyResult<f64> {
        let prompt = text::prompt(prompt)?;
        let cancel = cancel.map(|cancel| cancel.token.clone());
        guard::detached(py, || {
            let prompt = routellm_core::router::utf8(&prompt)?;
            if cancel.is_none() {
                return self.core.win_rate(prompt);
            }
            // Any threshold: what is asked for is the call that can be cancelled.
            let options = RouteOptions { cancel, ..RouteOptions::threshold(0.5) };
            Ok(self.core.route(prompt, &options)?.win_rate.unwrap_or(f64::NAN))
        })
    }

    /// The win rates of many prompts.
    #[pyo3(signature = (prompts, cancel=None))]
    fn win_rates(
        &self,
        py: Python<'_>,
        prompts: Vec<Bound<'_, PyAny>>,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Vec<f64>> {
        let prompts = texts(py, &prompts)?;
        let prompts = prompts
            .iter()
            .enumerate()
            .map(|(i, prompt)| {
                routellm_core::router::utf8(prompt)
                    .map_err(|error| to_python(py, &error.context(format!("prompt {i}"))))
            })
            .collect::<PyResult<Vec<&str>>>()?;
        let mut options =
            RouteOptions { cancel: cancel.map(|cancel| cancel.token.clone()), ..RouteOptions::default() };
        Self::run(py, prompts.len(), &mut options, |options| {
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

/// A number of clusters, or "all" of them.
fn cluster_count(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = value.py();
    let expected = "expected a number of clusters, at least 1, or \"all\"";
    if let Ok(number) = value.cast::<PyInt>() {
        return match number.extract::<i64>() {
            Ok(count @ 1..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
            _ => Err(invalid_argument(py, format!("open_clusters is {}, {expected}", number.str()?))),
        };
    }
    if !value.is_instance_of::<PyString>() {
        let name = text::type_name(value);
        return Err(invalid_argument(py, format!("open_clusters is of type {name}, {expected}")));
    }
    match text::argument("open_clusters", value)? {
        "all" => Ok(usize::MAX),
        other => Err(invalid_argument(py, format!("open_clusters is {other:?}, {expected}"))),
    }
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
) -> PyResult<RouteOptions> {
    let on_error = on_error.map(|value| text::argument("on_error", value)).transpose()?;
    let parse = || -> routellm_core::Result<RouteOptions> {
        Ok(RouteOptions {
            policy: Policy::from_options(threshold, strong_share)?,
            on_error: on_error.map_or(Ok(OnError::Raise), str::parse)?,
            cancel: cancel.map(|cancel| cancel.token.clone()),
        })
    };
    parse().map_err(|error| to_python(py, &error))
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
