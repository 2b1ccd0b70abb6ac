//! The sessions of a router: slots with a session of each of its models, and the queue in front of them.
//!
//! `Session::run` needs exclusive access, and two single-threaded sessions serve two callers faster than one locked
//! session with two threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::env;
use super::graph::Graph;
use super::jobs::{SlotLease, SlotQueue, closed, closed_meanwhile, slot_queue};
use super::options::SessionOptions;
use super::seal::Seal;
use super::session;
use super::slot::{OpenSession, Slot};
use super::tensor::TensorSpec;
use crate::artifact::Artifact;
use crate::process::{self, PerProcess, Running};
use crate::queue::Load;
use crate::{Error, ErrorKind, Result};

/// Equal slots of a router's models, and what the models are like.
pub struct SessionPool {
    models: Vec<Model>,
    options: SessionOptions,
    size: usize,
    intra_threads: usize,
    provider: &'static str,
    /// A forked child opens its own: the parent's sessions have no threads there, and would wait for ever.
    queue: PerProcess<SlotQueue>,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Model {
    path: PathBuf,
    seal: Seal,
    inputs: Arc<[TensorSpec]>,
    outputs: Arc<[TensorSpec]>,
    dynamically_quantized: bool,
}

impl std::fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionPool")
            .field("models", &self.models)
            .field("size", &self.size)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl SessionPool {
    /// Opens the model at `path`, a file of `artifact` if that is given.
    ///
    /// # Errors
    /// `RuntimeUnavailable` without ONNX Runtime or the provider that was asked for; `InvalidModel` if the file is no
    /// model that it can run, or names weights outside its folder.
    pub fn open(path: &Path, artifact: Option<&Artifact>, options: &SessionOptions) -> Result<Self> {
        Ok(Opening::new(path, artifact, options)?.finish())
    }

    /// The inputs of the model number `model`.
    pub fn inputs(&self, model: usize) -> &[TensorSpec] {
        &self.models[model].inputs
    }

    /// The outputs of the model number `model`.
    pub fn outputs(&self, model: usize) -> &[TensorSpec] {
        &self.models[model].outputs
    }

    /// Number of sessions of each model.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Threads inside each session.
    pub fn intra_threads(&self) -> usize {
        self.intra_threads
    }

    /// The provider in use, `cpu` or `cuda`.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// Whether activations are quantised by the range that they have in a run: then a row's result depends on the
    /// other rows of its batch.
    pub fn dynamically_quantized(&self) -> bool {
        self.models.iter().any(|model| model.dynamically_quantized)
    }

    /// A slot that nobody uses, for work before there is a queue of callers: opening and training.
    ///
    /// # Errors
    /// `ResourceExhausted` if every slot is in use; `InvalidArgument` if the pool was closed; in a
    /// forked child what opening reports, `Unsupported` if a call was running at the fork.
    pub fn lease(&self) -> Result<SlotLease> {
        let lease = self.queue()?.lease().map_err(|_| closed())?;
        lease.map(SlotLease::new).ok_or_else(|| {
            Error::new(
                ErrorKind::ResourceExhausted,
                "every session is in use: open a router of its own for this",
            )
        })
    }

    /// The queue of this process.
    ///
    /// # Errors
    /// `InvalidArgument` if the pool was closed; in a forked child what opening reports, `InvalidModel` if a file was
    /// changed, `RuntimeUnavailable` on a GPU, which a child cannot use, and `Unsupported` if a call was running at the
    /// fork.
    pub(crate) fn queue(&self) -> Result<&SlotQueue> {
        process::check()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        self.queue.get_or_try_init(|| self.reopen())
    }

    /// How busy the sessions are, in this process.
    pub(crate) fn load(&self) -> Load {
        self.queue.get().map_or(Load { busy: 0, waiting: 0 }, SlotQueue::load)
    }

    /// Refuses calls from now on, ends those that wait, and gives back what sessions hold when nothing that has begun
    /// needs them any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if process::check().is_ok()
            && let Some(queue) = self.queue.get()
        {
            for job in queue.close() {
                job.refuse(closed_meanwhile());
            }
        }
    }

    fn reopen(&self) -> Result<SlotQueue> {
        if self.provider == "cuda" {
            return Err(Error::new(
                ErrorKind::RuntimeUnavailable,
                "this router's sessions run on a GPU, which a forked process cannot use: open the router after the \
                 fork, or start workers by spawn",
            ));
        }
        let _running = Running::new();
        let runtime = env::runtime(self.options.onnxruntime.as_deref())?;
        let mut slots = empty_slots(self.size);
        for model in &self.models {
            model.seal.check()?;
            for slot in &mut slots {
                let (session, _) = session::open(runtime, &model.path, &self.options, self.intra_threads)?;
                slot.add(OpenSession { session, inputs: Arc::clone(&model.inputs), on_gpu: false });
            }
        }
        Ok(slot_queue(slots, self.options.max_waiting))
    }
}

impl Drop for SessionPool {
    fn drop(&mut self) {
        // Runners hold the queue: they have to be told.
        self.close();
    }
}

/// Models whose sessions nobody uses yet.
pub(crate) struct Opening {
    pool: SessionPool,
    slots: Vec<Slot>,
}

impl Opening {
    /// # Errors
    /// As [`SessionPool::open`].
    pub(crate) fn new(path: &Path, artifact: Option<&Artifact>, options: &SessionOptions) -> Result<Self> {
        options.check()?;
        process::check()?;
        let (size, intra_threads) = options.counts();
        let pool = SessionPool {
            models: Vec::new(),
            options: options.clone(),
            size,
            intra_threads,
            provider: "cpu",
            queue: PerProcess::new(),
            closed: AtomicBool::new(false),
        };
        let mut opening = Self { pool, slots: empty_slots(size) };
        opening.add(path, artifact)?;
        Ok(opening)
    }

    /// Opens one more model beside those that are there; its number is how many there were.
    ///
    /// # Errors
    /// As [`SessionPool::open`].
    pub(crate) fn add(&mut self, path: &Path, artifact: Option<&Artifact>) -> Result<()> {
        let graph = Graph::read(path)?;
        graph.check_external_files(path)?;
        let seal = Seal::new(path, &graph, artifact)?;
        let pool = &mut self.pool;
        let _running = Running::new();
        let runtime = env::runtime(pool.options.onnxruntime.as_deref())?;
        let specs = |outlets: &[ort::value::Outlet]| -> Arc<[TensorSpec]> {
            outlets.iter().map(TensorSpec::of).collect()
        };
        let mut known = None;
        for slot in &mut self.slots {
            let (session, provider) = session::open(runtime, path, &pool.options, pool.intra_threads)?;
            pool.provider = provider;
            let (inputs, _) =
                known.get_or_insert_with(|| (specs(session.inputs()), specs(session.outputs())));
            slot.add(OpenSession { inputs: Arc::clone(inputs), on_gpu: provider == "cuda", session });
        }
        let (inputs, outputs) = known.unwrap_or_default();
        pool.models.push(Model {
            path: path.to_path_buf(),
            seal,
            inputs,
            outputs,
            dynamically_quantized: graph.dynamically_quantized(),
        });
        Ok(())
    }

    /// What is known about the models so far.
    pub(crate) fn pool(&self) -> &SessionPool {
        &self.pool
    }

    pub(crate) fn finish(self) -> SessionPool {
        let Self { mut pool, slots } = self;
        let max_waiting = pool.options.max_waiting;
        pool.queue = PerProcess::of(slot_queue(slots, max_waiting));
        pool
    }
}

fn empty_slots(count: usize) -> Vec<Slot> {
    std::iter::repeat_with(Slot::default).take(count).collect()
}
