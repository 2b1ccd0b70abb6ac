//! One queue in front of a few equal resources, each of which serves one job at a time.
//!
//! First come, first served. A caller that finds a resource idle and nobody waiting leases it and works on its own
//! thread ([`Queue::lease`]); otherwise its jobs wait ([`Queue::submit`]) until a **runner**, a thread of the queue, takes
//! them: there are at most as many runners as resources. What waits can be withdrawn at any time (a cancellation, a deadline),
//! and comes back to whoever withdraws it.
//!
//! Nothing here knows what a resource or a job is, and nothing waits for a caller. `tests/loom` checks the
//! interleavings.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use crate::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Work that needs a resource.
pub(crate) trait Job<S>: Send + Sized + 'static {
    /// Does the work. It must not panic.
    fn run(&mut self, resource: &mut S);

    /// Tells whoever waits for the result. Called after the resource has gone back, with no lock held, so that it may
    /// ask for the next one.
    fn finish(self);
}

/// Why jobs were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue was closed.
    Closed,
    /// As many wait as may wait.
    Full,
}

/// How busy a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Resources in use.
    pub(crate) busy: usize,
    /// Submissions that wait; jobs of one submission count once.
    pub(crate) waiting: usize,
}

/// Starts a thread that calls [`Queue::serve`].
type Spawn<S, J> = fn(Queue<S, J>) -> io::Result<()>;

/// The queue and its resources. Clones share them.
pub(crate) struct Queue<S, J> {
    shared: Arc<Shared<S, J>>,
}

struct Shared<S, J> {
    state: Mutex<State<S, J>>,
    work: Condvar,
    /// How many submissions may wait; more are refused.
    max_waiting: usize,
    spawn: Spawn<S, J>,
}

impl<S, J> Clone for Queue<S, J> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct State<S, J> {
    idle: Vec<S>,
    busy: usize,
    /// By ticket, which is the order of arrival.
    waiting: BTreeMap<u64, VecDeque<J>>,
    /// Jobs in `waiting`.
    jobs: usize,
    next_ticket: u64,
    closed: bool,
    /// Runners that may still be started.
    unborn: usize,
    /// Runners that hold no job and will look at the queue before they park.
    looking: usize,
    /// Runners that wait for `work`, and how many of them were called.
    parked: usize,
    called: usize,
}

impl<S, J> State<S, J> {
    /// The next job and a resource for it, if there are both.
    fn take(&mut self) -> Option<(S, J)> {
        let resource = self.idle.pop()?;
        let Some(mut first) = self.waiting.first_entry() else {
            self.idle.push(resource);
            return None;
        };
        let job = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        let Some(job) = job else {
            self.idle.push(resource);
            return None;
        };
        self.jobs -= 1;
        self.busy += 1;
        Some((resource, job))
    }

    /// Takes a resource back; a closed queue hands it out again, to be dropped without the lock.
    fn give_back(&mut self, resource: S) -> Option<S> {
        self.busy -= 1;
        if self.closed {
            return Some(resource);
        }
        self.idle.push(resource);
        None
    }

    /// Submissions that cannot begin at once.
    fn waiting(&self) -> usize {
        self.waiting.len().saturating_sub(self.idle.len())
    }
}

impl<S: Send + 'static, J: Job<S>> Queue<S, J> {
    pub(crate) fn new(resources: Vec<S>, max_waiting: usize, spawn: Spawn<S, J>) -> Self {
        let state = State {
            unborn: resources.len(),
            idle: resources,
            busy: 0,
            waiting: BTreeMap::new(),
            jobs: 0,
            next_ticket: 0,
            closed: false,
            looking: 0,
            parked: 0,
            called: 0,
        };
        let shared = Shared { state: Mutex::new(state), work: Condvar::new(), max_waiting, spawn };
        Self { shared: Arc::new(shared) }
    }

    /// An idle resource, if nobody waits for one.
    ///
    /// # Errors
    /// `Closed`.
    pub(crate) fn lease(&self) -> Result<Option<Lease<S, J>>, Refusal> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        if !state.waiting.is_empty() {
            return Ok(None);
        }
        let Some(resource) = state.idle.pop() else { return Ok(None) };
        state.busy += 1;
        drop(state);
        Ok(Some(Lease { queue: self.clone(), resource: Some(resource) }))
    }

    /// A place in the queue, to be used once.
    pub(crate) fn ticket(&self) -> u64 {
        let mut state = self.lock();
        state.next_ticket += 1;
        state.next_ticket
    }

    /// Lets `jobs` wait at the place `ticket`.
    ///
    /// # Errors
    /// `Closed`, `Full`; with the jobs.
    pub(crate) fn submit(&self, ticket: u64, jobs: VecDeque<J>) -> Result<(), (Refusal, VecDeque<J>)> {
        let state = self.lock();
        // Idle resources take as many at once: those do not wait.
        if !state.closed && state.waiting.len() >= self.shared.max_waiting.saturating_add(state.idle.len()) {
            return Err((Refusal::Full, jobs));
        }
        self.put(state, ticket, jobs)
    }

    /// Lets `jobs`, which follow from one that has run, wait at the place that it had.
    ///
    /// # Errors
    /// `Closed`; with the jobs.
    pub(crate) fn go_on(&self, ticket: u64, jobs: VecDeque<J>) -> Result<(), (Refusal, VecDeque<J>)> {
        self.put(self.lock(), ticket, jobs)
    }

    fn put(
        &self,
        mut state: MutexGuard<'_, State<S, J>>,
        ticket: u64,
        jobs: VecDeque<J>,
    ) -> Result<(), (Refusal, VecDeque<J>)> {
        if state.closed {
            return Err((Refusal::Closed, jobs));
        }
        if !jobs.is_empty() {
            state.jobs += jobs.len();
            state.waiting.insert(ticket, jobs);
            self.summon(state);
        }
        Ok(())
    }

    /// Takes back what still waits at the place `ticket`.
    pub(crate) fn withdraw(&self, ticket: u64) -> VecDeque<J> {
        let mut state = self.lock();
        let jobs = state.waiting.remove(&ticket).unwrap_or_default();
        state.jobs -= jobs.len();
        jobs
    }

    /// Ends the queue: nothing more is taken, idle resources are dropped now and the others when their jobs end.
    /// What waited comes back, to be ended by the caller.
    pub(crate) fn close(&self) -> Vec<J> {
        let mut state = self.lock();
        state.closed = true;
        state.jobs = 0;
        let idle = std::mem::take(&mut state.idle);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.shared.work.notify_all();
        drop(idle);
        waiting.into_values().flatten().collect()
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load { busy: state.busy, waiting: state.waiting() }
    }

    /// The life of a runner, until the queue is closed.
    pub(crate) fn serve(&self) {
        let mut state = self.lock();
        loop {
            state = self.work_off(state);
            if state.closed {
                state.looking -= 1;
                return;
            }
            state.looking -= 1;
            state.parked += 1;
            while state.called == 0 && !state.closed {
                state = self.shared.work.wait(state).expect("no user of the queue panics with its lock");
            }
            if state.called > 0 {
                // Whoever called has counted this runner among those that look.
                state.called -= 1;
            } else {
                state.parked -= 1;
                state.looking += 1;
            }
        }
    }

    /// Runs jobs until there is nothing to do. The caller counts as looking before and after.
    fn work_off<'a>(&'a self, mut state: MutexGuard<'a, State<S, J>>) -> MutexGuard<'a, State<S, J>> {
        while let Some((mut resource, mut job)) = state.take() {
            state.looking -= 1;
            drop(state);
            job.run(&mut resource);
            let dropped = self.lock().give_back(resource);
            drop(dropped);
            // Nobody is called to the resource: this thread looks again in a moment. It does not count as looking
            // before that, so that a job that is submitted meanwhile, perhaps by `finish` itself, finds another where
            // there is one.
            job.finish();
            state = self.lock();
            state.looking += 1;
        }
        state
    }

    /// Sees to it that as many runners look at the queue as could begin a job, as far as there are any. Where a resource
    /// is idle and every runner is busy, one of those tells what it has done, and looks after that.
    fn summon<'a>(&'a self, mut state: MutexGuard<'a, State<S, J>>) {
        while state.looking < state.idle.len().min(state.jobs) {
            if state.parked > 0 {
                state.looking += 1;
                state.parked -= 1;
                state.called += 1;
                self.shared.work.notify_one();
                continue;
            }
            if state.unborn == 0 {
                return;
            }
            state.unborn -= 1;
            state.looking += 1;
            drop(state);
            if (self.shared.spawn)(self.clone()).is_err() {
                // Without a thread the caller's does it: later than it likes, but nobody waits for ever.
                let mut state = self.lock();
                state.unborn += 1;
                let mut state = self.work_off(state);
                state.looking -= 1;
                return;
            }
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S, J>> {
        self.shared.state.lock().expect("no user of the queue panics with its lock")
    }
}

/// A resource on the caller's own thread. It goes back when dropped, also by a panic.
pub(crate) struct Lease<S: Send + 'static, J: Job<S>> {
    queue: Queue<S, J>,
    resource: Option<S>,
}

impl<S: Send + 'static, J: Job<S>> Lease<S, J> {
    pub(crate) fn resource(&mut self) -> &mut S {
        self.resource.as_mut().expect("a leased resource is there until the drop")
    }
}

impl<S: Send + 'static, J: Job<S>> Drop for Lease<S, J> {
    fn drop(&mut self) {
        let Some(resource) = self.resource.take() else { return };
        let mut state = self.queue.lock();
        let dropped = state.give_back(resource);
        self.queue.summon(state);
        drop(dropped);
    }
}
