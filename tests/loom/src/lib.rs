//! Every interleaving of the queue in front of the sessions: `core/src/queue.rs` itself, compiled with locks that try
//! every order in which threads can take turns. A model that hangs in one of them fails as a deadlock.
//!
//! Deadlines and cancellations are what they are for the queue: somebody who withdraws at any time.

#![cfg(test)]

mod sync {
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
}

#[path = "../../../core/src/queue.rs"]
mod queue;

use std::collections::VecDeque;
use std::io;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use queue::{Job, Load, Queue, Refusal};

/// What became of the jobs of a model.
#[derive(Default)]
struct Ledger {
    ended: Mutex<usize>,
    changed: Condvar,
    ran: AtomicUsize,
    withdrawn: AtomicUsize,
}

impl Ledger {
    fn end(&self) {
        *self.ended.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    /// Waits until `count` jobs have ended, one way or the other: for ever, if one is forgotten.
    fn wait(&self, count: usize) {
        let mut ended = self.ended.lock().unwrap();
        while *ended < count {
            ended = self.changed.wait(ended).unwrap();
        }
    }

    fn ran(&self) -> usize {
        self.ran.load(Ordering::SeqCst)
    }
}

type TestQueue = Queue<u32, TestJob>;

struct TestJob {
    ledger: Arc<Ledger>,
    /// Submits one more job when it has run, as a callback may.
    then: Option<TestQueue>,
    /// Jobs that follow from it, as the parts of a batch do.
    follow: usize,
}

impl Job<u32> for TestJob {
    fn run(&mut self, resource: &mut u32) -> VecDeque<Self> {
        // Two jobs at once on one resource would be seen by loom as a race on the number.
        *resource += 1;
        self.ledger.ran.fetch_add(1, Ordering::SeqCst);
        (0..self.follow).map(|_| job(&self.ledger)).collect()
    }

    fn finish(self) {
        if let Some(queue) = self.then {
            submit(&queue, &self.ledger).map_err(|_| ()).unwrap();
        }
        self.ledger.end();
    }
}

fn job(ledger: &Arc<Ledger>) -> TestJob {
    TestJob { ledger: Arc::clone(ledger), then: None, follow: 0 }
}

/// A job from which `follow` others follow.
fn batch(ledger: &Arc<Ledger>, follow: usize) -> VecDeque<TestJob> {
    VecDeque::from([TestJob { follow, ..job(ledger) }])
}

fn submit(queue: &TestQueue, ledger: &Arc<Ledger>) -> Result<u64, Refusal> {
    let ticket = queue.ticket();
    queue.submit(ticket, VecDeque::from([job(ledger)])).map(|()| ticket).map_err(|(refusal, _)| refusal)
}

fn withdraw(queue: &TestQueue, ticket: u64) {
    for job in queue.withdraw(ticket) {
        job.ledger.withdrawn.fetch_add(1, Ordering::SeqCst);
        job.ledger.end();
    }
}

#[allow(clippy::unnecessary_wraps, reason = "a thread of the standard library may not be had")]
fn runner(queue: TestQueue) -> io::Result<()> {
    thread::spawn(move || queue.serve());
    Ok(())
}

fn no_thread(_: TestQueue) -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// Tries the model in every order with at most three switches that no lock forces: more find nothing new in programs of
/// this size, and take hours.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn a_job_behind_a_lease_runs_when_the_lease_ends() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, runner), Arc::new(Ledger::default()));
        let mut lease = queue.lease().unwrap().unwrap();
        let holder = thread::spawn(move || *lease.resource() += 1);
        submit(&queue, &ledger).unwrap();
        ledger.wait(1);
        holder.join().unwrap();
        assert_eq!(queue.load(), Load { busy: 0, waiting: 0 });
        assert!(queue.close().is_empty());
    });
}

#[test]
fn who_is_withdrawn_as_its_turn_comes_takes_no_one_elses_turn() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, runner), Arc::new(Ledger::default()));
        let lease = queue.lease().unwrap().unwrap();
        let first = submit(&queue, &ledger).unwrap();
        submit(&queue, &ledger).unwrap();
        let (other, its_ledger) = (queue.clone(), Arc::clone(&ledger));
        let deadline = thread::spawn(move || {
            withdraw(&other, first);
            drop(its_ledger);
        });
        drop(lease);
        ledger.wait(2);
        deadline.join().unwrap();
        let withdrawn = ledger.withdrawn.load(Ordering::SeqCst);
        assert_eq!(ledger.ran() + withdrawn, 2);
        assert!(withdrawn <= 1);
        assert!(queue.close().is_empty());
    });
}

#[test]
fn every_job_of_two_callers_runs_on_one_or_two_resources() {
    for resources in 1..=2 {
        check(move || {
            let queue = TestQueue::new(vec![0; resources], usize::MAX, runner);
            let ledger = Arc::new(Ledger::default());
            let (other, its_ledger) = (queue.clone(), Arc::clone(&ledger));
            let caller = thread::spawn(move || {
                submit(&other, &its_ledger).unwrap();
            });
            submit(&queue, &ledger).unwrap();
            caller.join().unwrap();
            ledger.wait(2);
            assert_eq!(ledger.ran(), 2);
            assert!(queue.close().is_empty());
        });
    }
}

#[test]
fn a_parked_runner_is_called_again() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, runner), Arc::new(Ledger::default()));
        for count in 1..=2 {
            submit(&queue, &ledger).unwrap();
            ledger.wait(count);
        }
        assert_eq!(ledger.ran(), 2);
        assert!(queue.close().is_empty());
    });
}

#[test]
fn a_callback_may_submit() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, runner), Arc::new(Ledger::default()));
        let first = TestJob { ledger: Arc::clone(&ledger), then: Some(queue.clone()), follow: 0 };
        assert!(queue.submit(queue.ticket(), VecDeque::from([first])).is_ok());
        ledger.wait(2);
        assert_eq!(ledger.ran(), 2);
        assert!(queue.close().is_empty());
    });
}

#[test]
fn there_are_no_more_runners_than_resources() {
    // Beside loom's own types: what is counted is threads, in whatever order.
    static STARTED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

    fn counted(queue: TestQueue) -> io::Result<()> {
        STARTED.fetch_add(1, Ordering::SeqCst);
        runner(queue)
    }

    check(|| {
        STARTED.store(0, Ordering::SeqCst);
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, counted), Arc::new(Ledger::default()));
        let first = TestJob { ledger: Arc::clone(&ledger), then: Some(queue.clone()), follow: 0 };
        assert!(queue.submit(queue.ticket(), VecDeque::from([first])).is_ok());
        submit(&queue, &ledger).unwrap();
        ledger.wait(3);
        assert_eq!(ledger.ran(), 3);
        assert_eq!(STARTED.load(Ordering::SeqCst), 1);
        assert!(queue.close().is_empty());
    });
}

#[test]
fn closing_ends_every_job_once() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, runner), Arc::new(Ledger::default()));
        let (other, its_ledger) = (queue.clone(), Arc::clone(&ledger));
        let closer = thread::spawn(move || {
            for job in other.close() {
                job.ledger.withdrawn.fetch_add(1, Ordering::SeqCst);
                job.ledger.end();
            }
            drop(its_ledger);
        });
        let refused = submit(&queue, &ledger).is_err();
        closer.join().unwrap();
        if refused {
            assert_eq!(ledger.ran(), 0);
        } else {
            ledger.wait(1);
            assert_eq!(ledger.ran() + ledger.withdrawn.load(Ordering::SeqCst), 1);
        }
        assert_eq!(queue.lease().err(), Some(Refusal::Closed));
    });
}

#[test]
fn what_has_begun_runs_to_its_end_though_the_queue_is_closed() {
    for resources in 1..=2 {
        check(move || {
            let queue = TestQueue::new(vec![0; resources], usize::MAX, runner);
            let ledger = Arc::new(Ledger::default());
            let (other, its_ledger) = (queue.clone(), Arc::clone(&ledger));
            let closer = thread::spawn(move || {
                for job in other.close() {
                    job.ledger.withdrawn.fetch_add(1, Ordering::SeqCst);
                    job.ledger.end();
                }
                drop(its_ledger);
            });
            let begun = queue.submit(queue.ticket(), batch(&ledger, 2)).is_ok();
            closer.join().unwrap();
            if begun && ledger.withdrawn.load(Ordering::SeqCst) == 0 {
                ledger.wait(3);
                assert_eq!(ledger.ran(), 3);
            } else {
                assert_eq!(ledger.ran(), 0);
            }
        });
    }
}

#[test]
fn what_has_begun_does_not_wait_and_keeps_its_place() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], 0, runner), Arc::new(Ledger::default()));
        assert!(queue.submit(queue.ticket(), batch(&ledger, 1)).is_ok());
        ledger.wait(1);
        // The first job has ended; the one that follows waits, runs or has run.
        assert_eq!(queue.load().waiting, 0);
        ledger.wait(2);
        assert_eq!(ledger.ran(), 2);
        assert!(queue.close().is_empty());
    });
}

#[test]
fn what_follows_can_be_withdrawn() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, runner), Arc::new(Ledger::default()));
        let ticket = queue.ticket();
        assert!(queue.submit(ticket, batch(&ledger, 2)).is_ok());
        ledger.wait(1);
        withdraw(&queue, ticket);
        ledger.wait(3);
        assert_eq!(ledger.ran() + ledger.withdrawn.load(Ordering::SeqCst), 3);
        assert!(queue.close().is_empty());
    });
}

#[test]
fn without_threads_callers_do_the_work() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], usize::MAX, no_thread), Arc::new(Ledger::default()));
        let lease = queue.lease().unwrap().unwrap();
        let holder = thread::spawn(move || drop(lease));
        submit(&queue, &ledger).unwrap();
        ledger.wait(1);
        holder.join().unwrap();
        assert!(queue.close().is_empty());
    });
}

#[test]
fn no_more_wait_than_may_wait() {
    check(|| {
        let (queue, ledger) = (TestQueue::new(vec![0], 1, runner), Arc::new(Ledger::default()));
        let lease = queue.lease().unwrap().unwrap();
        submit(&queue, &ledger).unwrap();
        assert_eq!(queue.load(), Load { busy: 1, waiting: 1 });
        assert_eq!(submit(&queue, &ledger), Err(Refusal::Full));
        drop(lease);
        ledger.wait(1);
        assert!(queue.close().is_empty());
    });
}
