//! The router: what converts arguments and results, and nothing else.

use std::path::Path;

use numpy::PyArray1;
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use routellm_core::calibrate::CalibrateSpec;
use routellm_core::router::FallbackWarning;
use routellm_core::scorer::Kind;
use routellm_core::{CallOptions, Error, ErrorKind, Result, Router as Core, Side};

use crate::ask::{Answer, Asked, Count, Given, Question};
use crate::call::{begin, json, need_numpy, options, total};
use crate::cancel::{CancelToken, interruptible};
use crate::completion::Completion;
use crate::decision::Decision;
use crate::embedding::Embeddings;
use crate::error::{invalid_argument, to_python};
use crate::{guard, hooks, input, open, text};

/// From this many prompts on a call of a router without a model of its own may take long; a thread costs 20 us.
const LONG_BATCH: usize = 64;

/// The name of an opener, its arguments and its options.
type Source = (&'static str, Py<PyTuple>, Py<PyDict>);

/// An open router. Immutable; any number of threads may use it.
#[pyclass(frozen, module = "routellm_rs._native")]
pub(crate) struct Router {
    core: Core,
    // Made once, so that a decision costs no new string.
    strong: Py<PyString>,
    weak: Py<PyString>,
    /// How it is opened again: the name of the opener, its arguments and its options.
    #[pyo3(get)]
    source: Source,
    /// From this many prompts on a call may take so long that Ctrl-C should work.
    long_count: usize,
}

impl Router {
    /// The Python object for a router that is open from a folder, with these options.
    pub(crate) fn of_folder(
        py: Python<'_>,
        core: Core,
        path: &Path,
        options: Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        // Who opens it again may be in another folder.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let arguments = PyTuple::new(py, [absolute.as_os_str()])?;
        Ok(Self::new(py, core, ("open", arguments.unbind(), options.unbind())))
    }

    /// The Python object for an open router.
    fn new(py: Python<'_>, core: Core, source: Source) -> Self {
        let strong = PyString::intern(py, core.strong()).unbind();
        let weak = PyString::intern(py, core.weak()).unbind();
        // Only a prompt that a language model reads takes seconds.
        let long_count = match core.pipeline().prompts().map(|scorer| scorer.parameters().kind()) {
            Some(Kind::CausalLlm) => 1,
            Some(_) => 2,
            None => LONG_BATCH,
        };
        core.on_notice(notice);
        Self { core, strong, weak, source, long_count }
    }

    fn decision(&self, py: Python<'_>, decision: routellm_core::Decision) -> Decision {
        object_of(py, decision, (&self.strong, &self.weak))
    }

    /// Runs a call on `count` prompts with the GIL released, so that Ctrl-C stops it if it may take long: `begin` starts it
    /// without waiting, `work` is the same call on this thread.
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        count: usize,
        options: &CallOptions,
        begin: impl FnOnce(&CallOptions, Box<dyn FnOnce(Result<T>) + Send>) -> Result<()> + Send,
        work: impl FnOnce(&CallOptions) -> Result<T> + Send,
    ) -> PyResult<T> {
        if count < self.long_count {
            return guard::detached(py, || work(options));
        }
        let token = routellm_core::CancelToken::new();
        let options = options.clone().cancel(token.clone());
        interruptible(py, &token, |done| begin(&options, done))
    }

    /// As `run`, for what is too large to be copied, as a call that does not wait would do: a thread of its own makes the
    /// call on what it borrows.
    fn run_borrowing<T: Send + 'static>(
        &self,
        py: Python<'_>,
        count: usize,
        options: &CallOptions,
        work: impl FnOnce(&CallOptions) -> Result<T> + Send,
    ) -> PyResult<T> {
        if count < self.long_count {
            return guard::detached(py, || work(options));
        }
        let token = routellm_core::CancelToken::new();
        let options = options.clone().cancel(token.clone());
        std::thread::scope(|scope| {
            interruptible(py, &token, |done| {
                let call = || done(guard::caught(|| work(&options)));
                std::thread::Builder::new().spawn_scoped(scope, call).map(drop).map_err(|error| {
                    Error::new(ErrorKind::ResourceExhausted, format!("no thread for the call: {error}"))
                })
            })
        })
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
        move |py, decision| object_of(py, decision, (&strong, &weak))
    }
}

#[pymethods]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
impl Router {
    /// Opens what lies at `path`, or the default router if it is None, with the keywords of the face. `bundled` is the
    /// name by which the path was found.
    #[staticmethod]
    #[pyo3(signature = (path, options=None, bundled=None))]
    fn open(
        py: Python<'_>,
        path: Option<&Bound<'_, PyAny>>,
        options: Option<Bound<'_, PyDict>>,
        bundled: Option<&str>,
    ) -> PyResult<Self> {
        let options = options.unwrap_or_else(|| PyDict::new(py));
        let open = open::options(&options)?;
        let path = path.map(|path| text::path("path", path)).transpose()?;
        let core = guard::detached(py, || match &path {
            Some(path) => open.open(path),
            None => open.open_default(),
        })?;
        let (opener, arguments) = match (bundled, path) {
            (Some(name), _) => ("bundled", PyTuple::new(py, [name])?),
            (None, Some(path)) => return Self::of_folder(py, core, &path, options),
            (None, None) => ("default", PyTuple::empty(py)),
        };
        Ok(Self::new(py, core, (opener, arguments.unbind(), options.unbind())))
    }

    /// A router that is calibrated as a specification says, JSON.
    #[pyo3(signature = (spec, timeout_ms=None, progress=None))]
    #[allow(clippy::needless_pass_by_value, reason = "PyO3 hands over owned objects")]
    fn calibrate(
        &self,
        py: Python<'_>,
        spec: &Bound<'_, PyAny>,
        timeout_ms: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let spec = CalibrateSpec::from_json(text::argument("spec", spec)?.as_bytes());
        let spec = spec.map_err(|error| to_python(py, &error))?;
        let timeout = timeout_ms.map(|milliseconds| crate::call::timeout(py, milliseconds)).transpose()?;
        let core = &self.core;
        let (core, _) =
            crate::train::run(py, progress.as_ref(), timeout, |control| core.calibrate(&spec, control))?;
        // Who opens it again gets the calibration by value.
        let (opener, arguments, options) = &self.source;
        let options = options.bind(py).copy()?;
        if let Some(file) = core.recalibration() {
            let file =
                serde_json::to_string(file).map_err(|error| invalid_argument(py, error.to_string()))?;
            options.set_item("calibration", file)?;
        }
        Ok(Self::new(py, core, (*opener, arguments.clone_ref(py), options.unbind())))
    }

    /// What the calibration found, as JSON; None without one of one's own.
    #[getter]
    fn calibration_report(&self) -> Option<String> {
        self.core.calibration_report().map(ToString::to_string)
    }

    /// Keeps the calibration in a file or with the artifact.
    fn save_calibration(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let path = text::path("path", path)?;
        guard::detached(py, || self.core.save_calibration(&path))
    }

    /// Decides for one prompt.
    #[pyo3(signature = (prompt, threshold=None, strong_share=None, on_error=None, timeout_ms=None, read=None, more=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
        read: Option<&Bound<'_, PyAny>>,
        more: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Decision> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms, read, more)?;
        let prompt = input::prompt(prompt, self.core.read(&options))?;
        let decision = if self.is_quick(prompt.len()) {
            guard::in_place(py, || self.core.route(prompt.input(), &options))
        } else {
            let input = prompt.input();
            self.run(
                py,
                1,
                &options,
                |options, done| self.core.route_async(&input, options, done),
                |options| self.core.route(&input, options),
            )
        }?;
        Ok(self.decision(py, decision))
    }

    /// Decides for many prompts.
    #[pyo3(signature = (prompts, threshold=None, strong_share=None, on_error=None, timeout_ms=None, read=None, more=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_batch<'py>(
        &self,
        py: Python<'py>,
        prompts: &Bound<'py, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
        read: Option<&Bound<'_, PyAny>>,
        more: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms, read, more)?;
        let prompts = input::batch(prompts, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        let decisions = if self.is_quick(total(&prompts)) {
            guard::in_place(py, || self.core.route_batch(&inputs, &options))
        } else {
            self.run(
                py,
                inputs.len(),
                &options,
                |options, done| self.core.route_batch_async(&inputs, options, done),
                |options| self.core.route_batch(&inputs, options),
            )
        }?;
        PyList::new(py, decisions.into_iter().map(|decision| self.decision(py, decision)))
    }

    /// Decides for one prompt that takes so little time that an event loop can spare it; None for another.
    #[pyo3(signature = (prompt, threshold=None, strong_share=None, on_error=None, timeout_ms=None, read=None, more=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_in_place(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
        read: Option<&Bound<'_, PyAny>>,
        more: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Option<Decision>> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms, read, more)?;
        let prompt = input::prompt(prompt, self.core.read(&options))?;
        if !self.is_quick(prompt.len()) {
            return Ok(None);
        }
        let decision = guard::in_place(py, || self.core.route(prompt.input(), &options))?;
        Ok(Some(self.decision(py, decision)))
    }

    /// Decides for one prompt without waiting: `done(decision, None)` or `done(None, error)` is called on another thread.
    #[pyo3(signature = (
        prompt, done, threshold=None, strong_share=None, on_error=None, timeout_ms=None, read=None, more=None
    ))]
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
        read: Option<&Bound<'_, PyAny>>,
        more: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<CancelToken> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms, read, more)?;
        let prompt = input::prompt(prompt, self.core.read(&options))?;
        let input = prompt.input();
        let (completion, convert) = (Completion::new(py, done)?, self.converter(py));
        begin(py, &options, |options| {
            self.core.route_async(&input, options, move |decision| {
                completion.tell(decision, move |py, decision| object(py, convert(py, decision)));
            })
        })
    }

    /// Decides for many prompts without waiting, as `route_async`.
    #[pyo3(signature = (
        prompts, done, threshold=None, strong_share=None, on_error=None, timeout_ms=None, read=None, more=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_batch_async(
        &self,
        py: Python<'_>,
        prompts: &Bound<'_, PyAny>,
        done: Py<PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
        read: Option<&Bound<'_, PyAny>>,
        more: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<CancelToken> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms, read, more)?;
        let prompts = input::batch(prompts, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        let (completion, convert) = (Completion::new(py, done)?, self.converter(py));
        begin(py, &options, |options| {
            self.core.route_batch_async(&inputs, options, move |decisions| {
                completion.tell(decisions, move |py, decisions| {
                    let decisions = decisions.into_iter().map(|decision| convert(py, decision));
                    Ok(PyList::new(py, decisions)?.into_any().unbind())
                });
            })
        })
    }

    /// Decides for an embedding.
    #[pyo3(signature = (embedding, threshold=None, strong_share=None, on_error=None, timeout_ms=None, more=None))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the face")]
    fn route_embedding(
        &self,
        py: Python<'_>,
        embedding: &Bound<'_, PyAny>,
        threshold: Option<f64>,
        strong_share: Option<f64>,
        on_error: Option<&Bound<'_, PyAny>>,
        timeout_ms: Option<f64>,
        more: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Decision> {
        let options = options(py, threshold, strong_share, on_error, timeout_ms, None, more)?;
        let embedding = Embeddings::one(embedding)?;
        let decision = self.on_embedding(py, || self.core.route(embedding.values(), &options))?;
        Ok(self.decision(py, decision))
    }

    /// What a question about a prompt or an embedding comes to.
    #[pyo3(signature = (what, asked, given, k=Count(0), *, embedding=false))]
    fn ask<'py>(
        &self,
        py: Python<'py>,
        what: &str,
        asked: &Bound<'py, PyAny>,
        given: Given<'py>,
        k: Count,
        embedding: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let question = Question::new(py, what, k)?;
        let options = given.options(py)?;
        let asked = Asked::new(asked, embedding, self.core.read(&options))?;
        if question.is_quick() && asked.is_quick(&self.core) {
            return guard::in_place(py, || question.answer(&self.core, &asked.input(), &options))?.object(py);
        }
        let input = asked.input();
        self.run(
            py,
            1,
            &options,
            |options, done| question.begin(&self.core, &input, options, done),
            |options| question.answer(&self.core, &input, options),
        )?
        .object(py)
    }

    /// As `ask`, where it takes so little time that an event loop can spare it; None for another.
    #[pyo3(signature = (what, asked, given, k=Count(0), *, embedding=false))]
    fn ask_in_place<'py>(
        &self,
        py: Python<'py>,
        what: &str,
        asked: &Bound<'py, PyAny>,
        given: Given<'py>,
        k: Count,
        embedding: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let question = Question::new(py, what, k)?;
        let options = given.options(py)?;
        let asked = Asked::new(asked, embedding, self.core.read(&options))?;
        if !(question.is_quick() && asked.is_quick(&self.core)) {
            return Ok(None);
        }
        let answer = guard::in_place(py, || question.answer(&self.core, &asked.input(), &options))?;
        answer.object(py).map(Some)
    }

    /// As `ask`, without waiting: as `route_async`.
    #[pyo3(signature = (what, asked, done, given, k=Count(0), *, embedding=false))]
    #[allow(clippy::too_many_arguments, reason = "one for each thing that the face passes")]
    fn ask_async<'py>(
        &self,
        py: Python<'py>,
        what: &str,
        asked: &Bound<'py, PyAny>,
        done: Py<PyAny>,
        given: Given<'py>,
        k: Count,
        embedding: bool,
    ) -> PyResult<CancelToken> {
        let question = Question::new(py, what, k)?;
        let options = given.options(py)?;
        let asked = Asked::new(asked, embedding, self.core.read(&options))?;
        let input = asked.input();
        let completion = Completion::new(py, done)?;
        begin(py, &options, |options| {
            let tell =
                move |answer| completion.tell(answer, |py, answer: Answer| Ok(answer.object(py)?.unbind()));
            question.begin(&self.core, &input, options, Box::new(tell))
        })
    }

    /// The win rates of many prompts.
    #[pyo3(signature = (prompts, given=None))]
    fn win_rates<'py>(
        &self,
        py: Python<'py>,
        prompts: &Bound<'py, PyAny>,
        given: Option<Given<'py>>,
    ) -> PyResult<Vec<f64>> {
        let options = given.unwrap_or_default().options(py)?;
        let prompts = input::batch(prompts, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        if self.is_quick(total(&prompts)) {
            return guard::in_place(py, || self.core.win_rates(&inputs, &options));
        }
        self.run(
            py,
            inputs.len(),
            &options,
            |options, done| self.core.win_rates_async(&inputs, options, done),
            |options| self.core.win_rates(&inputs, options),
        )
    }

    /// The win rates of many prompts without waiting, as `route_async`.
    #[pyo3(signature = (prompts, done, given=None))]
    fn win_rates_async<'py>(
        &self,
        py: Python<'py>,
        prompts: &Bound<'py, PyAny>,
        done: Py<PyAny>,
        given: Option<Given<'py>>,
    ) -> PyResult<CancelToken> {
        let options = given.unwrap_or_default().options(py)?;
        let prompts = input::batch(prompts, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        let completion = Completion::new(py, done)?;
        begin(py, &options, |options| {
            self.core.win_rates_async(&inputs, options, move |rates| {
                completion.tell(rates, |py, rates| Ok(PyList::new(py, rates)?.into_any().unbind()));
            })
        })
    }

    /// The qualities of all candidates for many prompts, or for the rows of a matrix if `embeddings` says so: a list of each.
    #[pyo3(signature = (asked, given, *, embeddings=false))]
    fn qualities_of<'py>(
        &self,
        py: Python<'py>,
        asked: &Bound<'py, PyAny>,
        given: Given<'py>,
        embeddings: bool,
    ) -> PyResult<Vec<Vec<f64>>> {
        let options = given.options(py)?;
        if embeddings {
            let embeddings = Embeddings::new(asked)?;
            let dimension = self.core.embedding_dimension().unwrap_or(embeddings.values().len());
            let count = embeddings.rows(py, dimension)?;
            let rows = || embeddings.values().chunks(dimension.max(1));
            let work = |options: &CallOptions| self.core.qualities_batch(rows(), options);
            return self.run_borrowing(py, count, &options, work);
        }
        let prompts = input::batch(asked, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        if self.is_quick(total(&prompts)) {
            return guard::in_place(py, || self.core.qualities_batch(&inputs, &options));
        }
        self.run(
            py,
            inputs.len(),
            &options,
            |options, done| self.core.qualities_batch_async(&inputs, options, done),
            |options| self.core.qualities_batch(&inputs, options),
        )
    }

    /// The qualities of all candidates for many prompts without waiting, as `route_async`.
    #[pyo3(signature = (prompts, done, given))]
    fn qualities_of_async<'py>(
        &self,
        py: Python<'py>,
        prompts: &Bound<'py, PyAny>,
        done: Py<PyAny>,
        given: Given<'py>,
    ) -> PyResult<CancelToken> {
        let options = given.options(py)?;
        let prompts = input::batch(prompts, self.core.read(&options))?;
        let inputs: Vec<_> = prompts.iter().map(input::Prompt::input).collect();
        let completion = Completion::new(py, done)?;
        begin(py, &options, |options| {
            self.core.qualities_batch_async(&inputs, options, move |rows| {
                completion.tell(rows, |py, rows| Ok(PyList::new(py, rows)?.into_any().unbind()));
            })
        })
    }

    /// The win rates of the rows of a matrix, as numpy float64.
    fn win_rates_from_embeddings<'py>(
        &self,
        py: Python<'py>,
        embeddings: &Bound<'py, PyAny>,
        given: Given<'py>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        need_numpy(py)?;
        let options = given.options(py)?;
        let embeddings = Embeddings::new(embeddings)?;
        let Some(dimension) = self.core.embedding_dimension() else {
            // The core says why this router takes none.
            let values = embeddings.values();
            let refused = guard::detached(py, || self.core.win_rate(values, &CallOptions::new()));
            return Err(refused.err().unwrap_or_else(|| invalid_argument(py, "no embeddings are taken")));
        };
        let count = embeddings.rows(py, dimension)?;
        let rows = || embeddings.values().chunks(dimension.max(1));
        let rates =
            self.run_borrowing(py, count, &options, |options| self.core.win_rates(rows(), options))?;
        guard::attached(py, || PyArray1::from_vec(py, rates))
    }

    /// The threshold that a policy comes to.
    #[pyo3(signature = (threshold=None, strong_share=None))]
    fn threshold(&self, py: Python<'_>, threshold: Option<f64>, strong_share: Option<f64>) -> PyResult<f64> {
        let options = options(py, threshold, strong_share, None, None, None, None)?;
        guard::detached(py, || self.core.threshold_of(&options))
    }

    /// Sets who hears of every decision; None for nobody.
    #[pyo3(signature = (callback))]
    fn on_decision(&self, py: Python<'_>, callback: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(callback) = callback.as_ref().filter(|callback| !callback.is_callable()) {
            let message =
                format!("callback is of type {}, expected a callable or None", text::type_name(callback));
            return Err(invalid_argument(py, message));
        }
        hooks::set(&self.core, callback.map(Bound::unbind));
        Ok(())
    }

    /// Takes over who hears of the decisions of `other`, unless somebody hears of these.
    fn inherit_hook(&self, other: &Self) {
        self.core.inherit_hook(&other.core);
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

/// The Python object of a decision, with the name of its model. A warning about fallbacks that it carries is logged.
fn object_of(
    py: Python<'_>,
    decision: routellm_core::Decision,
    (strong, weak): (&Py<PyString>, &Py<PyString>),
) -> Decision {
    let model = match decision.side {
        Some(Side::Strong) => strong.clone_ref(py),
        Some(Side::Weak) => weak.clone_ref(py),
        None => PyString::intern(py, &decision.model).unbind(),
    };
    if let Some(warning) = decision.fallback.as_ref().and_then(|fallback| fallback.warning) {
        warn(py, warning);
    }
    Decision::new(decision, model)
}

/// An object for a callback.
fn object(py: Python<'_>, decision: Decision) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, decision)?.into_any())
}

/// Warns of what a router notices about a call, which goes on.
fn notice(message: &str) {
    Python::attach(|py| {
        let warn = || -> PyResult<()> {
            py.import("warnings")?.call_method1("warn", (message, py.get_type::<PyUserWarning>(), 2))?;
            Ok(())
        };
        if let Err(error) = warn() {
            error.write_unraisable(py, None);
        }
    });
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
