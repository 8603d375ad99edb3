//! The progress bar: on a terminal, and only when a run takes long enough to wait for.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How long a run may take before the bar appears.
const PATIENCE: Duration = Duration::from_millis(500);

pub(crate) struct Progress {
    bar: ProgressBar,
    start: Instant,
    wanted: bool,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} tests  {elapsed}") {
            bar.set_style(style);
        }
        Progress { bar, start: Instant::now(), wanted: total > 1 && std::io::stderr().is_terminal() }
    }

    /// Counts one more test, and prints with the bar out of the way.
    pub(crate) fn step<T>(&mut self, print: impl FnOnce() -> T) -> T {
        if self.wanted && self.start.elapsed() > PATIENCE {
            self.wanted = false;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        let printed = self.bar.suspend(print);
        self.bar.inc(1);
        printed
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
