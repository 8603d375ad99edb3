//! Entry points.

use crate::state;
use lkmm::check::{self, DependencyMode, Report};
use std::path::PathBuf;
use std::time::Duration;

/// Runs a closure under every execution that the memory model allows.
///
/// # Panics
/// With the report, if an execution fails.
#[track_caller]
pub fn model(f: impl Fn() + Send + Sync + 'static) {
    Builder::new().check(f);
}

/// How to explore. The fields are loom's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Builder {
    /// Does nothing: there may be any number of threads.
    pub max_threads: usize,
    /// Does nothing.
    pub max_branches: usize,
    /// Ends when so many executions have been explored, as if these were all.
    pub max_permutations: Option<usize>,
    /// Ends after this time, as if all had been explored.
    pub max_duration: Option<Duration>,
    /// Does nothing: all executions are explored.
    pub preemption_bound: Option<usize>,
    /// Does nothing.
    pub checkpoint_file: Option<PathBuf>,
    /// Does nothing.
    pub checkpoint_interval: usize,
    /// Does nothing: all is explored.
    pub expect_explicit_explore: bool,
    /// Does nothing: places are always known.
    pub location: bool,
    /// Does nothing.
    pub log: bool,
    /// Not loom's: which dependencies order events. None, as in C11, unless something else is said; in the kernel, those that show.
    pub dependencies: DependencyMode,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// All executions. The environment variables `LOOM_MAX_DURATION` (in seconds), `LOOM_MAX_PERMUTATIONS` and `LOOM_MAX_PREEMPTIONS` set
    /// the fields of these names.
    pub fn new() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
        Builder {
            max_threads: crate::MAX_THREADS,
            max_branches: 1000,
            max_permutations: number("LOOM_MAX_PERMUTATIONS"),
            max_duration: number("LOOM_MAX_DURATION").map(|seconds| Duration::from_secs(seconds as u64)),
            preemption_bound: number("LOOM_MAX_PREEMPTIONS"),
            checkpoint_file: None,
            checkpoint_interval: 20_000,
            expect_explicit_explore: false,
            location: true,
            log: false,
            dependencies: DependencyMode::Declared,
        }
    }

    /// Does nothing.
    pub fn checkpoint_file(&mut self, file: &str) -> &mut Self {
        self.checkpoint_file = Some(file.into());
        self
    }

    /// Explores the closure. If a limit is reached, this says so on the standard error.
    ///
    /// # Panics
    /// With the report, if an execution fails.
    #[track_caller]
    pub fn check(&self, f: impl Fn() + Send + Sync + 'static) {
        let report = self.explore(f);
        assert!(report.failure().is_none(), "{report}");
        if !report.complete() {
            eprintln!("{report}");
        }
    }

    /// Not loom's: explores the closure, and says what came of it.
    #[track_caller]
    pub fn explore(&self, f: impl Fn() + Send + Sync + 'static) -> Report {
        let mut builder = check::Builder::new().dependencies(self.dependencies);
        if let Some(executions) = self.max_permutations {
            builder = builder.max_executions(executions as u64);
        }
        if let Some(duration) = self.max_duration {
            builder = builder.timeout(duration);
        }
        builder.explore(move || state::run(&f))
    }
}
