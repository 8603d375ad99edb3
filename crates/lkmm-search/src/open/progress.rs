//! How far a search is, for those who wait for it: numbers that it leaves where another thread can look at them.

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
    /// Of walks; 0 if there are none.
    estimate: AtomicU64,
}

impl Progress {
    /// [`Statistics::executions`](super::Statistics::executions), so far.
    pub fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// What part of the search has been done, as far as is known: the whole is 1. For [random walks](super::Strategy::Random), what
    /// part of them.
    pub fn share(&self) -> f64 {
        // (Shares are sums of fractions.)
        f64::from_bits(self.share.load(Ordering::Relaxed)).min(1.0)
    }

    /// About how many executions there are. `None` if nothing is known yet.
    pub fn estimate(&self) -> Option<f64> {
        let (walked, share) = (f64::from_bits(self.estimate.load(Ordering::Relaxed)), self.share());
        let explored = || self.executions() as f64 / share;
        let estimate = if walked > 0.0 || share == 0.0 { walked } else { explored() };
        Some(estimate).filter(|&estimate| estimate > 0.0)
    }

    /// The search begins again.
    pub fn restart(&self) {
        [&self.executions, &self.share, &self.estimate]
            .into_iter()
            .for_each(|number| number.store(0, Ordering::Relaxed));
    }

    /// An execution was found. (The numbers need not fit each other to the last digit.)
    pub(super) fn found(&self) {
        self.executions.fetch_add(1, Ordering::Relaxed);
    }

    /// A search that goes everywhere has gone so far as well.
    pub(super) fn explored(&self, share: f64) {
        let more = |bits| Some((f64::from_bits(bits) + share).to_bits());
        let _ = self.share.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// So many of the walks have been taken. Each has made an estimate (0 where it came to nothing), of which this is the sum.
    pub(super) fn walked(&self, (walks, of): (u64, u64), estimates: f64) {
        self.share.store((walks as f64 / of as f64).to_bits(), Ordering::Relaxed);
        self.estimate.store((estimates / walks as f64).to_bits(), Ordering::Relaxed);
    }
}
