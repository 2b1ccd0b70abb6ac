//! Progress on the standard error, where that is a terminal.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use routellm_core::{Control, Progress};

use crate::interrupt;

/// A control that shows progress and that Ctrl-C stops.
pub(crate) fn control() -> Control<'static> {
    let mut watched = Bar::new("");
    Control::new().cancel(interrupt::token()).progress(move |step| {
        watched.step(step);
        ControlFlow::Continue(())
    })
}

/// A bar of progress, until it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: String,
}

impl Bar {
    /// A bar for a stage.
    pub(crate) fn new(stage: &str) -> Self {
        // It draws nothing where nobody looks.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:18} {bar:32} {pos}/{len} {msg} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(stage.to_owned());
        Self { bar, stage: stage.to_owned() }
    }

    /// So much of all is done.
    pub(crate) fn show(&self, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
    }

    fn step(&mut self, step: Progress<'_>) {
        if self.stage != step.stage {
            step.stage.clone_into(&mut self.stage);
            self.bar.reset();
            self.bar.set_prefix(self.stage.clone());
        }
        self.show(step.done, step.total);
        let loss = step.loss.map(|loss| format!("loss {loss:.4}"));
        let rate =
            step.rate.map(|rate| if rate < 10.0 { format!("{rate:.2}/s") } else { format!("{rate:.0}/s") });
        self.bar.set_message(loss.into_iter().chain(rate).collect::<Vec<_>>().join(" "));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
