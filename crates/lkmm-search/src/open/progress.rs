//! How far a search is, for those who wait for it: numbers that it leaves where another thread can look at them.

use super::Statistics;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a search is. It is shared with the search through [`Options::progress`](super::Options::progress).
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::Mode;
/// use lkmm_model::models;
/// use lkmm_search::open::{self, Options, Progress};
/// use std::ops::ControlFlow;
/// use std::sync::Arc;
///
/// let mut program = ProgramBuilder::new();
/// let x = program.location("x", 0);
/// for value in 1..=3 {
///     program.thread().write(Mode::Once, x, value);
/// }
/// let (program, progress) = (program.finish(), Arc::new(Progress::default()));
/// let options = Options { progress: Some(progress.clone()), ..Options::new(models::lkmm()) };
/// let mut program = open::ClosedProgram::new(&program);
/// // (Another thread would look at it.)
/// open::explore(&mut program, &options, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!((progress.executions(), progress.estimate().map(f64::round)), (6, Some(6.0)));
/// # Ok::<(), lkmm_search::open::OpenError>(())
/// ```
#[derive(Debug, Default)]
pub struct Progress {
    executions: AtomicU64,
    /// The bits of an `f64`. (So the estimate.)
    share: AtomicU64,
    estimate: AtomicU64,
}

impl Progress {
    /// [`Statistics::executions`], so far.
    pub fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// What part of the search has been done, as far as is known: the whole is 1. For [random walks](super::Strategy::Random), what
    /// part of them.
    pub fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Ordering::Relaxed))
    }

    /// About how many executions there are. `None` if nothing is known yet.
    pub fn estimate(&self) -> Option<f64> {
        Some(f64::from_bits(self.estimate.load(Ordering::Relaxed))).filter(|&estimate| estimate > 0.0)
    }

    /// A search that goes everywhere is so far.
    pub(super) fn explored(&self, statistics: &Statistics) {
        let Statistics { executions, share, .. } = *statistics;
        // (Shares are sums of fractions.)
        let share = share.min(1.0);
        self.tell(executions, share, if share > 0.0 { executions as f64 / share } else { 0.0 });
    }

    /// So many of the walks have been taken. Each has made an estimate (0 where it came to nothing), of which this is the sum.
    pub(super) fn walked(&self, executions: u64, (walks, of): (u64, u64), estimates: f64) {
        self.tell(executions, walks as f64 / of as f64, estimates / walks as f64);
    }

    /// The numbers need not fit each other to the last digit.
    fn tell(&self, executions: u64, share: f64, estimate: f64) {
        self.executions.store(executions, Ordering::Relaxed);
        self.share.store(share.to_bits(), Ordering::Relaxed);
        self.estimate.store(estimate.to_bits(), Ordering::Relaxed);
    }
}
