//! The sessions of a router: slots with a session of each of its models.
//!
//! `Session::run` needs exclusive access, and two single-threaded sessions serve two callers faster than one locked
//! session with two threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SessionOptions;
use super::graph::{Graph, Probabilities};
use super::seal::Seal;
use super::sessions::{OpenSession, Sessions};
use super::tensor::TensorSpec;
use super::{RuntimeUse, env, session};
use crate::files::Checksums;
use crate::jobs::{Pool, Slot, SlotLease};
use crate::process::{self, Running};
use crate::{Error, ErrorKind, Result};

/// Equal sessions of a router's models, and what the models are like.
#[derive(Debug)]
pub(crate) struct SessionPool {
    models: Arc<Models>,
    slots: Pool,
}

/// Models and how they are opened.
#[derive(Debug)]
struct Models {
    list: Vec<Model>,
    options: SessionOptions,
    size: usize,
    intra_threads: usize,
    provider: &'static str,
}

#[derive(Debug)]
struct Model {
    path: PathBuf,
    seal: Seal,
    inputs: Arc<[TensorSpec]>,
    outputs: Arc<[TensorSpec]>,
    dynamically_quantized: bool,
    /// How each output comes to be probabilities, if it does.
    probabilities: Vec<Option<Probabilities>>,
}

impl SessionPool {
    /// Opens the model at `path`, whose contents have to be what `listed` says, if that is given, when they are read again.
    ///
    /// # Errors
    /// `RuntimeUnavailable` without ONNX Runtime or the provider that was asked for; `InvalidModel` if the file is no
    /// model that it can run, or names weights outside its folder.
    pub(crate) fn open(
        path: &Path,
        listed: Option<&dyn Checksums>,
        options: &SessionOptions,
    ) -> Result<Self> {
        Ok(Opening::new(path, listed, options)?.finish())
    }

    /// The inputs of the model number `model`.
    pub(crate) fn inputs(&self, model: usize) -> &[TensorSpec] {
        &self.models.list[model].inputs
    }

    /// The outputs of the model number `model`.
    pub(crate) fn outputs(&self, model: usize) -> &[TensorSpec] {
        &self.models.list[model].outputs
    }

    /// Number of sessions of each model.
    pub(crate) fn size(&self) -> usize {
        self.models.size
    }

    /// Threads inside each session.
    pub(crate) fn intra_threads(&self) -> usize {
        self.models.intra_threads
    }

    /// The provider in use, `cpu` or `cuda`.
    pub(crate) fn provider(&self) -> &'static str {
        self.models.provider
    }

    /// Whether activations are quantised by the range that they have in a run: then a row's result depends on the
    /// other rows of its batch.
    pub(crate) fn dynamically_quantized(&self) -> bool {
        self.models.list.iter().any(|model| model.dynamically_quantized)
    }

    /// How the output `name` of the first model comes to be probabilities, if its graph tells.
    pub(crate) fn probabilities(&self, name: &str) -> Option<Probabilities> {
        let model = &self.models.list[0];
        let at = model.outputs.iter().position(|spec| spec.name == name)?;
        model.probabilities[at]
    }

    /// The slots with the sessions.
    pub(crate) fn slots(&self) -> &Pool {
        &self.slots
    }

    /// As [`Pool::lease`].
    ///
    /// # Errors
    /// As [`Pool::lease`].
    pub(crate) fn lease(&self) -> Result<SlotLease> {
        self.slots.lease()
    }

    /// The library and how it is used; `None` if the runtime is gone, which it never is.
    pub(crate) fn runtime(&self) -> Option<RuntimeUse> {
        env::loaded().map(|info| RuntimeUse {
            library: info.library.clone(),
            version: info.version.clone(),
            build: info.build.clone(),
            provider: self.provider(),
            sessions: self.size(),
            intra_threads: self.intra_threads(),
        })
    }
}

impl Models {
    /// Slots with sessions of a forked child.
    fn reopen(&self) -> Result<Vec<Slot>> {
        if self.provider == "cuda" {
            return Err(Error::new(
                ErrorKind::RuntimeUnavailable,
                "this router's sessions run on a GPU, which a forked process cannot use: open the router after the \
                 fork, or start workers by spawn",
            ));
        }
        let _running = Running::new();
        let runtime = env::runtime(self.options.onnxruntime.as_deref())?;
        let mut slots = no_sessions(self.size);
        for model in &self.list {
            model.seal.check()?;
            for slot in &mut slots {
                let (session, _) = session::open(runtime, &model.path, &self.options, self.intra_threads)?;
                slot.add(OpenSession { session, inputs: Arc::clone(&model.inputs), on_gpu: false });
            }
        }
        Ok(slots.into_iter().map(Slot::of).collect())
    }
}

/// Models whose sessions nobody uses yet.
pub(crate) struct Opening {
    models: Models,
    slots: Vec<Sessions>,
}

impl Opening {
    /// # Errors
    /// As [`SessionPool::open`].
    pub(crate) fn new(path: &Path, listed: Option<&dyn Checksums>, options: &SessionOptions) -> Result<Self> {
        options.check()?;
        process::check()?;
        let (size, intra_threads) = options.counts();
        let models =
            Models { list: Vec::new(), options: options.clone(), size, intra_threads, provider: "cpu" };
        let mut opening = Self { models, slots: no_sessions(size) };
        opening.add(path, listed)?;
        Ok(opening)
    }

    /// Opens one more model beside those that are there; its number is how many there were.
    ///
    /// # Errors
    /// As [`SessionPool::open`].
    pub(crate) fn add(&mut self, path: &Path, listed: Option<&dyn Checksums>) -> Result<()> {
        let graph = Graph::read(path)?;
        graph.check_external_files(path)?;
        let seal = Seal::new(path, &graph, listed)?;
        let models = &mut self.models;
        let _running = Running::new();
        let runtime = env::runtime(models.options.onnxruntime.as_deref())?;
        let specs = |outlets: &[ort::value::Outlet]| -> Arc<[TensorSpec]> {
            outlets.iter().map(TensorSpec::of).collect()
        };
        let mut known = None;
        for slot in &mut self.slots {
            let (session, provider) = session::open(runtime, path, &models.options, models.intra_threads)?;
            models.provider = provider;
            let (inputs, _) =
                known.get_or_insert_with(|| (specs(session.inputs()), specs(session.outputs())));
            slot.add(OpenSession { inputs: Arc::clone(inputs), on_gpu: provider == "cuda", session });
        }
        let (inputs, outputs) = known.unwrap_or_default();
        let probabilities = outputs.iter().map(|spec| graph.probabilities(&spec.name)).collect();
        models.list.push(Model {
            path: path.to_path_buf(),
            seal,
            inputs,
            outputs,
            dynamically_quantized: graph.dynamically_quantized(),
            probabilities,
        });
        Ok(())
    }

    /// The inputs of the model number `model`.
    pub(crate) fn inputs(&self, model: usize) -> &[TensorSpec] {
        &self.models.list[model].inputs
    }

    /// The outputs of the model number `model`.
    pub(crate) fn outputs(&self, model: usize) -> &[TensorSpec] {
        &self.models.list[model].outputs
    }

    pub(crate) fn finish(self) -> SessionPool {
        let Self { models, slots } = self;
        let models = Arc::new(models);
        let again = Arc::clone(&models);
        let slots = slots.into_iter().map(Slot::of).collect();
        let slots = Pool::new(slots, models.options.max_waiting, move || again.reopen());
        SessionPool { models, slots }
    }
}

fn no_sessions(count: usize) -> Vec<Sessions> {
    std::iter::repeat_with(Sessions::default).take(count).collect()
}
