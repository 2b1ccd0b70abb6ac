//! Logs: lines of JSON, which a thread of its own writes, so that no request waits for a disk.

mod rotate;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::metrics::Metrics;
use rotate::Rotated;

/// Lines that may wait to be written. What comes beyond is dropped and counted.
const WAITING: usize = 16_384;

/// How long the end waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a line belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Requests,
    Decisions,
}

enum Line {
    Text(Place, String),
    /// Of feedback; tells how writing it went.
    Feedback(String, SyncSender<std::io::Result<()>>),
    /// Tells when everything before is written.
    Flush(SyncSender<()>),
    Files(Files),
    End,
}

/// The files that lines are written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) decisions: Option<PathBuf>,
    pub(crate) feedback: Option<PathBuf>,
    pub(crate) max_bytes: u64,
    pub(crate) keep: u32,
}

/// The logs.
#[derive(Debug)]
pub(crate) struct Logs {
    lines: SyncSender<Line>,
    metrics: Arc<Metrics>,
    thread: Option<JoinHandle<()>>,
}

impl Logs {
    pub(crate) fn new(metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let thread =
            std::thread::Builder::new().name("routellm-logs".to_owned()).spawn(move || write(&waiting))?;
        Ok(Self { lines, metrics, thread: Some(thread) })
    }

    fn send(&self, place: Place, value: &Value) {
        if self.lines.try_send(Line::Text(place, value.to_string())).is_err() {
            self.metrics.log_drops.add(1);
        }
    }

    /// A line on the standard error.
    pub(crate) fn line(&self, value: &Value) {
        self.send(Place::Requests, value);
    }

    /// A line in the file of decisions, if there is one.
    pub(crate) fn decision(&self, value: &Value) {
        self.send(Place::Decisions, value);
    }

    /// A line in the file of feedback; it is there when this returns.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn feedback(&self, value: &Value) -> std::io::Result<()> {
        let (done, wait) = sync_channel(1);
        // Feedback is worth waiting for.
        let _ = self.lines.send(Line::Feedback(value.to_string(), done));
        wait.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into()))
    }

    /// Waits until everything is written, but not for ever: nobody may read the standard error any more. Whether it was.
    pub(crate) fn flush(&self) -> bool {
        let (done, wait) = sync_channel(1);
        self.lines.try_send(Line::Flush(done)).is_ok() && wait.recv_timeout(PATIENCE).is_ok()
    }

    /// Exchanges the files.
    pub(crate) fn set_files(&self, files: Files) {
        let _ = self.lines.send(Line::Files(files));
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        // A thread that cannot write is left behind.
        let written = self.flush() && self.lines.try_send(Line::End).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| written) {
            let _ = thread.join();
        }
    }
}

fn write(waiting: &Receiver<Line>) {
    let (mut decisions, mut feedback) = (None::<Rotated>, None::<Rotated>);
    let mut files = Files::default();
    while let Ok(line) = waiting.recv() {
        match line {
            Line::Text(Place::Requests, text) => {
                // Nobody reads it any more: that stops nothing.
                let _ = writeln!(std::io::stderr(), "{text}");
            }
            Line::Text(Place::Decisions, text) => append(decisions.as_mut(), &text),
            Line::Feedback(text, done) => {
                let kept = feedback.as_mut().map_or(Ok(()), |file| file.line(&text));
                let _ = done.send(kept);
            }
            Line::Flush(done) => {
                let _ = done.send(());
            }
            Line::Files(new) if new != files => {
                let open = |path: &Option<PathBuf>, max, keep| {
                    path.as_deref().map(|path: &Path| Rotated::new(path, max, keep))
                };
                decisions = open(&new.decisions, new.max_bytes, new.keep);
                // Feedback is what an adapter learns from: none of it is thrown away.
                feedback = open(&new.feedback, u64::MAX, 0);
                files = new;
            }
            Line::Files(_) => {}
            Line::End => return,
        }
    }
}

fn append(file: Option<&mut Rotated>, text: &str) {
    let Some(file) = file else { return };
    if let Err(error) = file.line(text) {
        let told = serde_json::json!({
            "event": "log_failed",
            "file": file.path().display().to_string(),
            "error": error.to_string(),
        });
        let _ = writeln!(std::io::stderr(), "{told}");
    }
}
