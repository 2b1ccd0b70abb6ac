//! Progress on the standard error, where that is a terminal.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use routellm_core::{Control, Progress};

use crate::interrupt;

/// A control that shows progress and that Ctrl-C stops.
pub(crate) fn control() -> Control<'static> {
    // It draws nothing where nobody looks.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix:18} {bar:32} {pos}/{len} {msg} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut watched = Bar { bar, stage: String::new() };
    Control::new().cancel(interrupt::token()).progress(move |step| {
        watched.show(step);
        ControlFlow::Continue(())
    })
}

struct Bar {
    bar: ProgressBar,
    stage: String,
}

impl Bar {
    fn show(&mut self, step: Progress<'_>) {
        if self.stage != step.stage {
            step.stage.clone_into(&mut self.stage);
            self.bar.reset();
            self.bar.set_prefix(self.stage.clone());
        }
        self.bar.set_length(step.total as u64);
        self.bar.set_position(step.done as u64);
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
