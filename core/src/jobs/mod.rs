//! Calls as jobs of the queue in front of the slots: one by one, or a batch in units.
//!
//! A slot holds what a call needs for itself while it runs. What that is, its owner knows.

mod pool;
mod slot;

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cancel::{CancelToken, StopGuard};
use crate::process::{self, PerProcess, Running};
use crate::queue::{Job, Lease, Queue, Refusal};
use crate::{Error, ErrorKind, Result};

pub use pool::Pool;
pub use slot::Slot;

/// The queue in front of the slots of a router.
pub(crate) type SlotQueue = Queue<Slot, Box<dyn SlotJob>>;

/// One job of a call.
pub(crate) trait SlotJob: Send {
    /// Returns the jobs that follow from this one.
    fn run(&mut self, slot: &mut Slot) -> VecDeque<Box<dyn SlotJob>>;

    /// Tells that it has run.
    fn finish(self: Box<Self>);

    /// Tells that it will not run.
    fn refuse(self: Box<Self>, error: Error);
}

impl Job<Slot> for Box<dyn SlotJob> {
    fn run(&mut self, slot: &mut Slot) -> VecDeque<Self> {
        let running = (!slot.is_empty()).then(Running::new);
        let following = (**self).run(slot);
        drop(running);
        process::park_if_ending();
        following
    }

    fn finish(self) {
        SlotJob::finish(self);
    }
}

/// A queue of `slots`, before which `max_waiting` calls may wait.
fn slot_queue(slots: Vec<Slot>, max_waiting: Option<usize>) -> SlotQueue {
    Queue::new(slots, max_waiting.unwrap_or(usize::MAX), |queue| {
        std::thread::Builder::new().name("routellm-runner".to_owned()).spawn(move || queue.serve()).map(drop)
    })
}

/// The queue of calls that need no session and yet take too long for their caller's thread.
///
/// # Errors
/// `Unsupported` in a child that was forked while a call was running.
pub(crate) fn workers() -> Result<&'static SlotQueue> {
    static WORKERS: PerProcess<SlotQueue> = PerProcess::new();
    process::check()?;
    WORKERS.get_or_try_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(slot_queue(std::iter::repeat_with(Slot::default).take(cores).collect(), None))
    })
}

/// A slot on the caller's own thread.
pub struct SlotLease {
    // Given back before the call counts as over.
    slot: LeasedSlot,
    _running: Option<Running>,
}

enum LeasedSlot {
    OfQueue(Lease<Slot, Box<dyn SlotJob>>),
    /// Of a featurizer or scorer without sessions.
    Empty(Slot),
}

impl SlotLease {
    pub(crate) fn new(lease: Lease<Slot, Box<dyn SlotJob>>) -> Self {
        Self { slot: LeasedSlot::OfQueue(lease), _running: Some(Running::new()) }
    }

    pub(crate) fn empty() -> Self {
        Self { slot: LeasedSlot::Empty(Slot::default()), _running: None }
    }

    /// The slot.
    pub fn slot(&mut self) -> &mut Slot {
        match &mut self.slot {
            LeasedSlot::OfQueue(lease) => lease.resource(),
            LeasedSlot::Empty(slot) => slot,
        }
    }
}

impl std::fmt::Debug for SlotLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlotLease").finish_non_exhaustive()
    }
}

/// The error of a call to a router that was closed.
pub(crate) fn closed() -> Error {
    Error::invalid_argument("the router is closed: open another one")
}

/// The error of a call that waited as its router was closed.
pub(crate) fn closed_meanwhile() -> Error {
    Error::new(ErrorKind::Cancelled, "the router was closed before this call's turn")
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Closed => closed(),
        Refusal::Full => Error::new(
            ErrorKind::ResourceExhausted,
            "every session is in use and as many calls wait as max_waiting allows: try again later, let on_error decide, \
             or open the router with more sessions",
        ),
    }
}

/// Runs `work`; a panic in it is an error of kind `Internal`.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Slots and scorers are sound after a panic: what a run changes is its own.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message");
        Err(Error::new(ErrorKind::Internal, format!("a defect of routellm: {text}")))
    })
}

thread_local! {
    /// Whether this thread is calling back.
    static CALLING_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Calls back. A panic of the one who is called ends there: the thread is needed by others.
fn tell(callback: impl FnOnce()) {
    let before = CALLING_BACK.replace(true);
    let _ = catch_unwind(AssertUnwindSafe(callback));
    CALLING_BACK.set(before);
}

/// # Errors
/// `InvalidArgument` on a thread that is calling back: what it would wait for may need this very thread.
pub(crate) fn check_may_wait() -> Result<()> {
    if !CALLING_BACK.get() {
        return Ok(());
    }
    Err(Error::invalid_argument(
        "every session is in use, and a callback must not wait for one: begin a call that does not wait instead",
    ))
}

/// A place in a queue and what takes it away: cancellation, or the deadline.
struct Place {
    queue: SlotQueue,
    ticket: u64,
    stop: Option<CancelToken>,
}

impl Place {
    fn new(queue: &SlotQueue, stop: Option<CancelToken>) -> Self {
        Self { queue: queue.clone(), ticket: queue.ticket(), stop }
    }

    /// Ends what waits here when it is to stop, until the guard is dropped.
    fn watch(&self) -> Result<Option<StopGuard>> {
        let Some(token) = &self.stop else { return Ok(None) };
        let place = Self { queue: self.queue.clone(), ticket: self.ticket, stop: self.stop.clone() };
        token.on_stop(move || place.leave()).map(Some)
    }

    fn submit(&self, jobs: VecDeque<Box<dyn SlotJob>>) {
        if let Err((refusal, jobs)) = self.queue.submit(self.ticket, jobs) {
            return jobs.into_iter().for_each(|job| job.refuse(refused(refusal)));
        }
        // What stopped the call before it had its place has found nothing there.
        self.leave_if_stopped();
    }

    fn leave_if_stopped(&self) {
        if self.stop.as_ref().is_some_and(|token| token.check().is_err()) {
            self.leave();
        }
    }

    fn leave(&self) {
        for job in self.queue.withdraw(self.ticket) {
            let reason = self.stop.as_ref().and_then(|token| token.check().err());
            job.refuse(reason.unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "the call was stopped")));
        }
    }
}

/// Lets `work` run with a slot of `queue` when its turn comes, and hands `done` what it comes to: once, on another
/// thread or, if the call cannot wait, on this one.
pub(crate) fn start<T: Send + 'static>(
    queue: &SlotQueue,
    stop: Option<CancelToken>,
    work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    done: impl FnOnce(Result<T>) + Send + 'static,
) {
    let place = Place::new(queue, stop);
    match place.watch() {
        Ok(guard) => {
            let job = Single { work: Some(work), outcome: None, done, guard };
            place.submit(VecDeque::from([Box::new(job) as Box<dyn SlotJob>]));
        }
        Err(error) => tell(|| done(Err(error))),
    }
}

struct Single<W, T, D> {
    work: Option<W>,
    outcome: Option<Result<T>>,
    done: D,
    guard: Option<StopGuard>,
}

impl<W, T, D> SlotJob for Single<W, T, D>
where
    W: FnOnce(&mut Slot) -> Result<T> + Send,
    T: Send,
    D: FnOnce(Result<T>) + Send,
{
    fn run(&mut self, slot: &mut Slot) -> VecDeque<Box<dyn SlotJob>> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(caught(|| work(slot)));
        }
        VecDeque::new()
    }

    fn finish(self: Box<Self>) {
        let Self { outcome, done, guard, .. } = *self;
        drop(guard);
        let outcome = outcome
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "a job has finished and never run")));
        tell(|| done(outcome));
    }

    fn refuse(mut self: Box<Self>, error: Error) {
        self.outcome = Some(Err(error));
        self.finish();
    }
}

/// Results of rows; `None` for those that did not run after another one's failure.
pub(crate) type RowResults<T> = Vec<Option<Result<T>>>;

/// Some rows of a batch, which run together.
pub(crate) struct Unit<T> {
    pub(crate) rows: Vec<usize>,
    /// Gives a result for each of `rows`.
    pub(crate) work: UnitWork<T>,
}

pub(crate) type UnitWork<T> = Box<dyn FnOnce(&mut Slot) -> Vec<Result<T>> + Send>;

/// A call on many rows, of which some have their results already.
pub(crate) struct Rows<T> {
    results: Mutex<RowResults<T>>,
    left: AtomicUsize,
    /// Whether the first failure ends the others.
    halts: bool,
    halted: AtomicBool,
    done: Mutex<Option<Done<T>>>,
    guard: Mutex<Option<StopGuard>>,
}

type Done<T> = Box<dyn FnOnce(RowResults<T>) + Send>;

/// Lets `plan` part the rows of a batch into units, and the units run as their turns come. The batch has one
/// place in the queue, and what follows from its plan keeps it. `results` holds those rows that need no scoring.
pub(crate) fn start_rows<T: Send + 'static>(
    queue: &SlotQueue,
    stop: Option<CancelToken>,
    results: RowResults<T>,
    halts: bool,
    plan: impl FnOnce(&mut Slot) -> Result<Vec<Unit<T>>> + Send + 'static,
    done: impl FnOnce(RowResults<T>) + Send + 'static,
) {
    let place = Place::new(queue, stop);
    let guard = place.watch();
    let rows = Arc::new(Rows {
        results: Mutex::new(results),
        left: AtomicUsize::new(0),
        halts,
        halted: AtomicBool::new(false),
        done: Mutex::new(Some(Box::new(done))),
        guard: Mutex::default(),
    });
    match guard {
        Err(error) => rows.end(&error),
        Ok(guard) => {
            *rows.guard.lock().unwrap_or_else(PoisonError::into_inner) = guard;
            let stop = place.stop.clone();
            let job = Plan {
                place: Place { queue: queue.clone(), ticket: place.ticket, stop },
                rows,
                make: Some(plan),
                planned: Ok(0),
            };
            place.submit(VecDeque::from([Box::new(job) as Box<dyn SlotJob>]));
        }
    }
}

impl<T> Rows<T> {
    fn record(&self, rows: &[usize], outcomes: Vec<Result<T>>) {
        if self.halts && outcomes.iter().any(Result::is_err) {
            self.halted.store(true, Ordering::Relaxed);
        }
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        for (&row, outcome) in rows.iter().zip(outcomes) {
            results[row] = Some(outcome);
        }
    }

    fn finish_unit(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish();
        }
    }

    /// Every row without a result fails.
    fn end(&self, error: &Error) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        for result in results.iter_mut().filter(|result| result.is_none()) {
            *result = Some(Err(error.copy()));
        }
        drop(results);
        self.finish();
    }

    fn finish(&self) {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(guard);
        let results = std::mem::take(&mut *self.results.lock().unwrap_or_else(PoisonError::into_inner));
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            tell(|| done(results));
        }
    }
}

/// The first job of a batch: it makes the others.
struct Plan<T, P> {
    place: Place,
    rows: Arc<Rows<T>>,
    make: Option<P>,
    /// How many units there are.
    planned: Result<usize>,
}

impl<T, P> SlotJob for Plan<T, P>
where
    T: Send + 'static,
    P: FnOnce(&mut Slot) -> Result<Vec<Unit<T>>> + Send,
{
    fn run(&mut self, slot: &mut Slot) -> VecDeque<Box<dyn SlotJob>> {
        let Some(make) = self.make.take() else { return VecDeque::new() };
        let units = match caught(|| make(slot)) {
            Ok(units) => units,
            Err(error) => {
                self.planned = Err(error);
                return VecDeque::new();
            }
        };
        self.planned = Ok(units.len());
        self.rows.left.store(units.len(), Ordering::Release);
        let job = |unit: Unit<T>| {
            let job = UnitJob { rows: Arc::clone(&self.rows), which: unit.rows, work: Some(unit.work) };
            Box::new(job) as Box<dyn SlotJob>
        };
        units.into_iter().map(job).collect()
    }

    fn finish(self: Box<Self>) {
        match self.planned {
            Ok(0) => self.rows.finish(),
            // What stopped the call while this ran has found nothing to withdraw.
            Ok(_) => self.place.leave_if_stopped(),
            Err(error) => self.rows.end(&error),
        }
    }

    fn refuse(self: Box<Self>, error: Error) {
        self.rows.end(&error);
    }
}

struct UnitJob<T> {
    rows: Arc<Rows<T>>,
    which: Vec<usize>,
    work: Option<UnitWork<T>>,
}

impl<T: Send> SlotJob for UnitJob<T> {
    fn run(&mut self, slot: &mut Slot) -> VecDeque<Box<dyn SlotJob>> {
        let Some(work) = self.work.take() else { return VecDeque::new() };
        if self.rows.halted.load(Ordering::Relaxed) {
            return VecDeque::new();
        }
        match caught(|| Ok(work(slot))) {
            Ok(outcomes) => self.rows.record(&self.which, outcomes),
            Err(error) => {
                self.rows.record(&self.which, self.which.iter().map(|_| Err(error.copy())).collect());
            }
        }
        VecDeque::new()
    }

    fn finish(self: Box<Self>) {
        self.rows.finish_unit();
    }

    fn refuse(self: Box<Self>, error: Error) {
        self.rows.record(&self.which, self.which.iter().map(|_| Err(error.copy())).collect());
        self.rows.finish_unit();
    }
}
