//! Explores a closure, and says what came of it.
//!
//! `LOOM_SUITE_LOG` names a file for lines of `<test>\t<executions>\t<seconds>\t<outcome>\t<message>`, `LOOM_SUITE_SITES` one for the
//! operations that have an ordering.

use std::io::Write;
use std::time::{Duration, Instant};

/// loom's builder: its fields, and what the tools take from them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Builder {
    pub max_threads: usize,
    pub max_branches: usize,
    pub max_permutations: Option<usize>,
    pub max_duration: Option<Duration>,
    pub preemption_bound: Option<usize>,
    pub checkpoint_file: Option<std::path::PathBuf>,
    pub checkpoint_interval: usize,
    pub expect_explicit_explore: bool,
    pub location: bool,
    pub log: bool,
}

pub struct Outcome {
    pub executions: u64,
    pub finished: bool,
    pub failure: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    pub fn new() -> Self {
        let own = tool::model::Builder::new();
        Builder {
            max_threads: own.max_threads,
            max_branches: own.max_branches,
            max_permutations: own.max_permutations,
            max_duration: own.max_duration,
            preemption_bound: own.preemption_bound,
            checkpoint_file: None,
            checkpoint_interval: own.checkpoint_interval,
            expect_explicit_explore: false,
            location: own.location,
            log: own.log,
        }
    }

    pub fn checkpoint_file(&mut self, _file: &str) -> &mut Self {
        self
    }

    #[track_caller]
    pub fn check<F: Fn() + Send + Sync + 'static>(&self, f: F) {
        crate::atomics::prepare();
        let start = Instant::now();
        let outcome = crate::explore(self, f);
        let seconds = start.elapsed().as_secs_f64();
        crate::atomics::write_sites();
        let word = match &outcome {
            Outcome { failure: Some(_), .. } => "failed",
            Outcome { finished: true, .. } => "passed",
            _ => "unfinished",
        };
        let message = outcome.failure.unwrap_or_default();
        let line = message.lines().next().unwrap_or_default();
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("?");
        append("LOOM_SUITE_LOG", &format!("{name}\t{}\t{seconds}\t{word}\t{line}\n", outcome.executions));
        assert!(word != "failed", "{message}");
    }
}

#[track_caller]
pub fn model<F: Fn() + Send + Sync + 'static>(f: F) {
    Builder::new().check(f);
}

/// Appends to the file that a variable of the environment names.
pub fn append(variable: &str, text: &str) {
    let Some(path) = std::env::var_os(variable) else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("a file that can be written");
}
