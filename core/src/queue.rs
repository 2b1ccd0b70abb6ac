//! One queue in front of a few equal resources, each of which serves one job at a time.
//!
//! First come, first served. A caller that finds a resource idle and nobody waiting leases it and works on its own
//! thread ([`Queue::lease`]); otherwise its jobs wait ([`Queue::submit`]) until a **runner**, a thread of the queue, takes
//! them: there are at most as many runners as resources. What waits can be withdrawn at any time (a cancellation, a
//! deadline), and comes back to whoever withdraws it. A submission has begun when its first job was taken: what follows
//! from that one keeps its place, does not count as waiting, and runs even if the queue is closed meanwhile.
//!
//! Nothing here knows what a resource or a job is, and nothing waits for a caller. `tests/loom` checks the
//! interleavings.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use crate::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Work that needs a resource.
pub(crate) trait Job<S>: Send + Sized + 'static {
    /// Does the work, and returns the jobs that follow from it. It must not panic.
    fn run(&mut self, resource: &mut S) -> VecDeque<Self>;

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
    /// Submissions that have not begun; jobs of one submission count once.
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
    waiting: BTreeMap<u64, Submission<J>>,
    /// Jobs in `waiting`.
    jobs: usize,
    /// Submissions in `waiting` that have begun.
    begun: usize,
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

/// Jobs at one place; never none.
struct Submission<J> {
    jobs: VecDeque<J>,
    begun: bool,
}

/// A job on its way, with what it needs.
struct Turn<S, J> {
    ticket: u64,
    resource: S,
    job: J,
}

impl<S, J> State<S, J> {
    /// The next job and a resource for it, if there are both.
    fn take(&mut self) -> Option<Turn<S, J>> {
        let mut first = self.waiting.first_entry()?;
        let resource = self.idle.pop()?;
        let ticket = *first.key();
        let submission = first.get_mut();
        let job = submission.jobs.pop_front().expect("a place without jobs is given up");
        let begun = std::mem::replace(&mut submission.begun, true);
        match (begun, submission.jobs.is_empty()) {
            (false, false) => self.begun += 1,
            (true, true) => self.begun -= 1,
            _ => {}
        }
        if submission.jobs.is_empty() {
            first.remove();
        }
        self.jobs -= 1;
        self.busy += 1;
        Some(Turn { ticket, resource, job })
    }

    /// Takes out what waits at the place `ticket`.
    fn remove(&mut self, ticket: u64) -> VecDeque<J> {
        let Some(submission) = self.waiting.remove(&ticket) else { return VecDeque::new() };
        self.jobs -= submission.jobs.len();
        self.begun -= usize::from(submission.begun);
        submission.jobs
    }

    /// Takes a resource back. One that nobody will need any more comes out again, to be dropped without the lock.
    fn give_back(&mut self, resource: S) -> Option<S> {
        self.busy -= 1;
        if self.over() {
            return Some(resource);
        }
        self.idle.push(resource);
        None
    }

    /// Whether nothing more will come.
    fn over(&self) -> bool {
        self.closed && self.jobs == 0
    }

    /// Submissions that cannot begin at once.
    fn waiting(&self) -> usize {
        (self.waiting.len() - self.begun).saturating_sub(self.idle.len())
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
            begun: 0,
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
        let mut state = self.lock();
        if state.closed {
            return Err((Refusal::Closed, jobs));
        }
        // Idle resources take as many at once: those do not wait.
        let may_wait = self.shared.max_waiting.saturating_add(state.idle.len());
        if state.waiting.len() - state.begun >= may_wait {
            return Err((Refusal::Full, jobs));
        }
        if !jobs.is_empty() {
            state.jobs += jobs.len();
            state.waiting.insert(ticket, Submission { jobs, begun: false });
            self.summon(state);
        }
        Ok(())
    }

    /// Takes back what still waits at the place `ticket`.
    pub(crate) fn withdraw(&self, ticket: u64) -> VecDeque<J> {
        let mut state = self.lock();
        let jobs = state.remove(ticket);
        let idle = self.end_if_over(&mut state);
        drop(state);
        drop(idle);
        jobs
    }

    /// Ends the queue: nothing more is taken. What has begun runs to its end; resources are dropped as soon as nothing
    /// needs them. What had not begun comes back, to be ended by the caller.
    pub(crate) fn close(&self) -> Vec<J> {
        let mut state = self.lock();
        state.closed = true;
        let fresh: Vec<u64> =
            state.waiting.iter().filter(|(_, at)| !at.begun).map(|(&ticket, _)| ticket).collect();
        let refused: Vec<VecDeque<J>> = fresh.into_iter().map(|ticket| state.remove(ticket)).collect();
        let idle = self.end_if_over(&mut state);
        drop(state);
        drop(idle);
        refused.into_iter().flatten().collect()
    }

    /// Sends the runners home when nothing more will come. The idle resources come out, to be dropped without the lock.
    fn end_if_over(&self, state: &mut State<S, J>) -> Vec<S> {
        if !state.over() {
            return Vec::new();
        }
        self.shared.work.notify_all();
        std::mem::take(&mut state.idle)
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load { busy: state.busy, waiting: state.waiting() }
    }

    /// The life of a runner, until the queue is closed and nothing is left to do.
    pub(crate) fn serve(&self) {
        let mut state = self.lock();
        loop {
            state = self.work_off(state);
            state.looking -= 1;
            if state.over() {
                return;
            }
            state.parked += 1;
            while state.called == 0 && !state.over() {
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
        while let Some(Turn { ticket, mut resource, mut job }) = state.take() {
            state.looking -= 1;
            drop(state);
            let following = job.run(&mut resource);
            self.end_turn(ticket, following, resource);
            // This thread looks again in a moment. It does not count as looking before that, so that a job that is
            // submitted meanwhile, perhaps by `finish` itself, finds another where there is one.
            job.finish();
            state = self.lock();
            state.looking += 1;
        }
        state
    }

    /// Puts the jobs that follow from one that has run into the place that it had, and takes its resource back.
    fn end_turn(&self, ticket: u64, mut following: VecDeque<J>, resource: S) {
        let mut state = self.lock();
        let follows = !following.is_empty();
        if follows {
            state.jobs += following.len();
            if let Some(place) = state.waiting.get_mut(&ticket) {
                place.jobs.append(&mut following);
            } else {
                state.waiting.insert(ticket, Submission { jobs: following, begun: true });
                state.begun += 1;
            }
        }
        let spare = state.give_back(resource);
        let idle = self.end_if_over(&mut state);
        if follows {
            // The others may help. For the resource alone nobody is called: this thread looks again.
            self.summon(state);
        } else {
            drop(state);
        }
        drop((spare, idle));
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
        let spare = state.give_back(resource);
        self.queue.summon(state);
        drop(spare);
    }
}
