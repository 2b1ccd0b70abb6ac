//! Calls: on the caller's own thread where that is possible at once, else in the queue in front of the sessions.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use super::hooks::Watch;
use super::{Inner, Router};
use crate::features::Featurizer;
use crate::input::{Input, Readable, Subject};
use crate::jobs::{self, Pool, Slot, SlotLease, SlotQueue, closed, closed_meanwhile};
use crate::names::Read;
use crate::options::CallOptions;
use crate::{CancelToken, Error, ErrorKind, Result};

/// Work that takes less than this is done where it is asked for: handing it to another thread would cost more, and an
/// event loop or an interpreter lock can spare the time.
const IN_PLACE_NS: u64 = 50_000;

/// Time for a byte of a prompt in the hashed featurizer, measured on 100 words and rounded up.
const HASHED_NS_PER_BYTE: u64 = 12;

/// A router with what one call has for itself: sessions, and what stops it.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) inner: &'a Inner,
    pub(super) slot: &'a mut Slot,
    pub(super) stop: Option<&'a CancelToken>,
}

/// What stops a call, and what watches it.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) stop: Option<CancelToken>,
    pub(super) watch: Watch,
}

impl Call {
    /// A call that makes no decision, so that nobody watches it.
    pub(super) fn unwatched(stop: Option<CancelToken>) -> Self {
        Self { stop, watch: Watch::default() }
    }
}

impl Inner {
    /// The sessions of a router that has some.
    pub(super) fn pool(&self) -> Option<&Pool> {
        self.pipeline.slots()
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// Begins a call whose turn has come. The queue of a router's own sessions ends those that wait when the router is
    /// closed; that of the workers, which all routers share, lets them come here.
    pub(super) fn begin_turn(&self, stop: Option<&CancelToken>) -> Result<()> {
        let shared = self.pool().is_none() || Arc::strong_count(&self.pipeline) > 1;
        if shared && self.check_open().is_err() {
            return Err(closed_meanwhile());
        }
        stop.map_or(Ok(()), CancelToken::check)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !*self.closed.get_mut() {
            self.sharers.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Router {
    /// Refuses calls from now on, which are `InvalidArgument`. Calls that wait for their turn end as `Cancelled`. Those
    /// that have begun go on, batches to their last prompt, and the memory of the sessions is given back when the last
    /// of them has ended. Clones of this router are closed with it; routers that were [calibrated](Self::calibrate) from it,
    /// or it from them, go on. Closing twice does nothing.
    pub fn close(&self) {
        let was_open = !self.inner.closed.swap(true, Ordering::AcqRel);
        let last = was_open && self.inner.sharers.fetch_sub(1, Ordering::AcqRel) == 1;
        if let Some(pool) = self.inner.pool().filter(|_| last) {
            pool.close();
        }
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::Acquire)
    }

    /// Whether a prompt of this many bytes is expected to be decided in less than 50 microseconds, so that a host may do
    /// it in place, without handing it to another thread.
    pub fn is_quick(&self, bytes: usize) -> bool {
        self.is_quick_batch(1, bytes)
    }

    /// As [`is_quick`](Self::is_quick), for this many prompts of this many bytes in all.
    pub fn is_quick_batch(&self, prompts: usize, bytes: usize) -> bool {
        let (per_byte, read) = match self.inner.pipeline.featurizer() {
            Some(Featurizer::Hashed(hashed)) => {
                // About a feature for each three bytes, each of which is added to every column.
                let columns = hashed.projection().map_or(0, |projection| projection.columns() as u64);
                let most = hashed.spec().cap.max_bytes.saturating_mul(prompts);
                (HASHED_NS_PER_BYTE + columns / 10, bytes.min(most) as u64)
            }
            _ if self.inner.pool().is_some() => return false,
            _ => (0, 0),
        };
        let scoring = self.inner.pipeline.cost_ns().saturating_mul(prompts as u64);
        per_byte.saturating_mul(read).saturating_add(scoring) < IN_PLACE_NS
    }

    /// As [`is_quick`](Self::is_quick), for an embedding that the caller computed.
    pub fn is_quick_for_embedding(&self) -> bool {
        self.inner.pipeline.cost_ns() < IN_PLACE_NS
    }

    /// What a call reads of chats.
    pub fn read(&self, options: &CallOptions) -> Read {
        options.read.unwrap_or(self.inner.read)
    }

    /// What to score of an input.
    ///
    /// # Errors
    /// The outer one if it is no input at all, whatever `on_error` says.
    pub(super) fn subject<'a>(&self, input: Input<'a>, options: &CallOptions) -> Result<Readable<'a>> {
        check_read(&input, options)?;
        input.subject(self.read(options))
    }

    /// Runs `work` on this thread, with an idle session or without needing one; else, with a copy of the subject,
    /// when its turn in the queue comes. An embedding needs no session.
    pub(super) fn call<T: Send + 'static>(
        &self,
        subject: Subject<'_>,
        stop: Option<&CancelToken>,
        work: impl FnOnce(&mut Worker<'_>, &Subject<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.check_open()?;
        // Also where nothing takes long: a token that has no effect would be a surprise.
        stop.map_or(Ok(()), CancelToken::check)?;
        let Some(pool) = self.inner.pool().filter(|_| matches!(subject, Subject::Text(_))) else {
            return work(&mut Worker { inner: &self.inner, slot: &mut Slot::default(), stop }, &subject);
        };
        let queue = pool.queue()?;
        if let Some(lease) = queue.lease().map_err(|_| closed())? {
            let mut lease = SlotLease::new(lease);
            return work(&mut Worker { inner: &self.inner, slot: lease.slot(), stop }, &subject);
        }
        let subject = subject.into_owned(self.cap());
        wait(|done| self.submit(queue, stop.cloned(), move |worker| work(worker, &subject), done))?
    }

    /// Lets `work` run on a thread of this library, with a session of its own if the router has sessions, and hands
    /// `done` what it comes to: exactly once. What takes less time than handing it over is done in place, if it `may_be`.
    pub(super) fn start<T: Send + 'static>(
        &self,
        subject: Readable<'_>,
        may_be_quick: bool,
        stop: Option<CancelToken>,
        work: impl FnOnce(&mut Worker<'_>, &Subject<'_>) -> Result<T> + Send + 'static,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        let subject = match subject {
            Ok(subject) => subject,
            Err(error) => return done(Err(error)),
        };
        let quick = match &subject {
            Subject::Text(prompt) => self.is_quick(prompt.len()),
            Subject::Embedding(_) => self.is_quick_for_embedding(),
        };
        if quick && may_be_quick {
            return done(self.call(subject, stop.as_ref(), work));
        }
        let queue = match &subject {
            Subject::Text(_) => self.queue(),
            // It needs no session, and so waits for none.
            Subject::Embedding(_) => jobs::workers(),
        };
        match queue {
            Ok(queue) => {
                let subject = subject.into_owned(self.cap());
                self.submit(queue, stop, move |worker| work(worker, &subject), done);
            }
            Err(error) => done(Err(error)),
        }
    }

    /// The queue of this router's calls.
    pub(super) fn queue(&self) -> Result<&SlotQueue> {
        match self.inner.pool() {
            Some(pool) => pool.queue(),
            None => jobs::workers(),
        }
    }

    fn submit<T: Send + 'static>(
        &self,
        queue: &SlotQueue,
        stop: Option<CancelToken>,
        work: impl FnOnce(&mut Worker<'_>) -> Result<T> + Send + 'static,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        let inner = Arc::clone(&self.inner);
        let token = stop.clone();
        let run = move |slot: &mut Slot| {
            inner.begin_turn(token.as_ref())?;
            work(&mut Worker { inner: &inner, slot, stop: token.as_ref() })
        };
        jobs::start(queue, stop, run, done);
    }
}

/// # Errors
/// `InvalidArgument` if something is to be read of an embedding.
pub(super) fn check_read(input: &Input<'_>, options: &CallOptions) -> Result<()> {
    if options.read.is_some() && matches!(input, Input::Embedding(_)) {
        return Err(Error::invalid_argument("read has no effect on an embedding: it is for chats"));
    }
    Ok(())
}

/// Waits for what is handed to the function that `start` is given.
///
/// # Errors
/// `InvalidArgument` inside a callback; `Internal` if that function goes away uncalled: a defect.
pub(super) fn wait<T: Send + 'static>(start: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> Result<T> {
    jobs::check_may_wait()?;
    let (sender, receiver) = mpsc::sync_channel(1);
    start(Box::new(move |outcome| {
        // It fails only if this thread has stopped to wait, which it does not.
        let _ = sender.send(outcome);
    }));
    receiver.recv().map_err(|_| Error::new(ErrorKind::Internal, "a call ended without a result"))
}
