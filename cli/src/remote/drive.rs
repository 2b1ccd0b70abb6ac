//! Threads that send what the core says, when it says so.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use routellm_core::augment::{Job, Journal, Outgoing, Reply, Step};
use routellm_core::{Error, ErrorKind, Result};

use super::http::Http;
use crate::interrupt;
use crate::progress::Bar;

/// How long it takes at most until Ctrl-C is heard.
const TICK: Duration = Duration::from_millis(100);

/// The most requests that threads are started for.
const THREADS: usize = 256;

/// Sends every request until it has its outcome, or nothing more can be kept.
pub(super) fn drive(job: &mut Job, journal: &mut Journal, http: &Http) -> Result<()> {
    let token = interrupt::token();
    let mut stage = job.stage();
    let mut bar = Bar::new(stage);
    let began = Instant::now();
    let now = || began.elapsed().as_millis() as u64;
    let (jobs, queue) = mpsc::channel::<Outgoing>();
    let queue = Mutex::new(queue);
    let (done, replies) = mpsc::channel::<(u64, Reply)>();
    let mut failed: Option<Error> = None;
    thread::scope(|scope| {
        // Dropped at the end of the loop: the threads end when it is.
        let jobs = jobs;
        let mut threads = 0;
        let mut in_flight = 0;
        let mut work = || -> Result<()> {
            loop {
                if token.is_cancelled() || failed.is_some() {
                    job.stop();
                }
                let (all, ready) = job.requests().progress();
                if stage != job.stage() {
                    stage = job.stage();
                    bar = Bar::new(stage);
                }
                bar.show(ready, all);
                match job.next(now())? {
                    Step::Finished => return Ok(()),
                    Step::Send(out) => {
                        if let Err(error) = journal.append(&out.journal) {
                            // It was not sent.
                            job.receive(out.attempt, &Reply::NotSent(error.to_string()), now())?;
                            failed.get_or_insert(error);
                            continue;
                        }
                        if in_flight == threads && threads < THREADS {
                            let (queue, done) = (&queue, done.clone());
                            scope.spawn(move || {
                                while let Some(out) = take(queue) {
                                    if done.send((out.attempt, http.post(out.endpoint, out.body))).is_err() {
                                        return;
                                    }
                                }
                            });
                            threads += 1;
                        }
                        in_flight += 1;
                        // A thread is there for as long as `jobs` is.
                        let _ = jobs.send(out);
                    }
                    Step::Wait(wait) => {
                        let wait = wait.map_or(TICK, Duration::from_millis).min(TICK);
                        match replies.recv_timeout(wait) {
                            Ok((attempt, reply)) => {
                                in_flight -= 1;
                                let received = job.receive(attempt, &reply, now())?;
                                if let Some(line) = received.journal.filter(|_| failed.is_none())
                                    && let Err(error) = journal.append(&line)
                                {
                                    failed = Some(error);
                                }
                            }
                            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
                        }
                    }
                    _ => return Err(Error::new(ErrorKind::Internal, "a step that is not known")),
                }
            }
        };
        let ended = work();
        drop(jobs);
        ended
    })?;
    ended(failed, token.is_cancelled())
}

/// Why the work has ended before its end, if it has.
pub(super) fn ended(failed: Option<Error>, cancelled: bool) -> Result<()> {
    if let Some(error) = failed {
        return Err(error.context(
            "nothing more is sent, because the journal cannot be written; make room and run it again",
        ));
    }
    if cancelled {
        let message = "interrupted; what was answered is kept: run the same again to go on";
        return Err(Error::new(ErrorKind::Cancelled, message));
    }
    Ok(())
}

fn take(queue: &Mutex<mpsc::Receiver<Outgoing>>) -> Option<Outgoing> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
