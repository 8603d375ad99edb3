//! Entry points: explore a closure, and say what came of it.

use crate::environment;
use crate::files;
use crate::hook;
use crate::progress;
use crate::replay::{self, Token};
use crate::report::{Failure, FailureKind, Report};
use crate::runtime::STACK;
use crate::summary;
use crate::work::Work;
use lkmm_model::models::{self, Model};
use lkmm_search::open::{DependencyMode, Options, Progress, Strategy};
use std::num::NonZero;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The least size of a stack, in bytes: a panic must fit.
const LEAST_STACK: usize = 64 << 10;

/// More is a mistake.
const MOST_STACK: usize = 1 << 30;

/// Runs a closure under every execution that the memory model of Linux 6.12 allows.
///
/// ```
/// lkmm_check::model(|| assert!(lkmm_check::any(0..3) < 3));
/// ```
///
/// # Panics
/// With the report, if an execution fails.
#[track_caller]
pub fn model(f: impl Fn() + Send + Sync + 'static) {
    Builder::new().check(f);
}

/// How to explore.
///
/// ```
/// let report = lkmm_check::Builder::new().max_executions(1000).explore(|| ());
/// assert_eq!(report.executions(), 1);
/// assert!(report.complete());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    options: Options,
    timeout: Option<Duration>,
    jobs: usize,
    stack_size: usize,
    leaks: bool,
    replay: Option<String>,
    reports: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// All executions of the model of Linux 6.12, however long it takes.
    pub fn new() -> Self {
        let dependencies = DependencyMode::Observed;
        let options = Options { report_blocked: true, dependencies, ..Options::new(models::lkmm()) };
        Builder { options, timeout: None, jobs: 1, stack_size: STACK, leaks: false, replay: None, reports: None }
    }

    /// Under another memory model.
    pub fn model(mut self, model: &'static Model) -> Self {
        self.options.model = model;
        self
    }

    /// Which dependencies order events: those that show when a thread is run again with another value for one load, if
    /// nothing else is said; or only those that an operation declares (as `Rcu::dereference` of crate `lkmm` does). Under the
    /// [model heap](crate::heap!), an access to an object that another thread has allocated depends on the load that returned the pointer.
    pub fn dependencies(mut self, mode: DependencyMode) -> Self {
        self.options.dependencies = mode;
        self
    }

    /// Ends when so many executions have been explored. The environment variable `LKMM_MAX_EXECUTIONS` takes the place of
    /// what is said here.
    pub fn max_executions(mut self, executions: u64) -> Self {
        self.options.max_executions = Some(executions);
        self
    }

    /// Ends after this time. The environment variable `LKMM_TIMEOUT`, in seconds, takes the place of what is said here.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Which executions are explored: all, if nothing is said. `LKMM_RANDOM`, a number of walks, and `LKMM_SEED` (0 if it is
    /// not there) ask for [random walks](Strategy::Random) whatever is said here; otherwise `LKMM_PREEMPTIONS`, a number, for executions
    /// with no more [preemptions](Strategy::Preemptions).
    ///
    /// ```
    /// use lkmm_check::{Builder, Strategy, any};
    ///
    /// let report = Builder::new().strategy(Strategy::Random { seed: 1, n: 100 }).explore(|| _ = (any(0..1000), any(0..1000)));
    /// assert_eq!((report.executions(), report.sampled(), report.complete()), (100, true, false));
    /// assert_eq!(report.estimate(), Some(1e6));
    ///
    /// let report = Builder::new().strategy(Strategy::Preemptions(0)).explore(|| _ = any(0..3));
    /// assert_eq!((report.executions(), report.preemptions(), report.complete()), (3, Some(0), false));
    /// ```
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.options.strategy = strategy;
        self
    }

    /// Explores on so many processors (0: on all there are). On one, if nothing is said: tests run at the same time as others. The environment variable
    /// `LKMM_JOBS` takes the place of what is said here.
    ///
    /// It needs the [model heap](crate::heap!), by which the checker knows that the jobs have nothing in common that belongs to the model: each runs the
    /// closure in a thread of its own. One job alone explores a model without it, or one with atomics and locks that were made before. What does not belong
    /// to the model (statics and thread locals of `std`), the jobs have as threads have it. Which of several failures is found may
    /// differ from time to time.
    ///
    /// ```
    /// let report = lkmm_check::Builder::new().jobs(2).explore(|| _ = (lkmm_check::any(0..20), lkmm_check::any(0..20)));
    /// assert_eq!((report.executions(), report.complete()), (400, true));
    /// ```
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// The size of each thread's stack, in bytes: at least 64 KiB, at most 1 GiB, and 2 MiB if nothing else is said.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes.clamp(LEAST_STACK, MOST_STACK);
        self
    }

    /// Is it a failure if an object in which atomics or other shared variables were accessed is still there when all
    /// threads have ended? No, if nothing is said: many tests leave what they share to the end of the run. Only the
    /// [model heap](crate::heap!) knows.
    pub fn leaks(mut self, are_failures: bool) -> Self {
        self.leaks = are_failures;
        self
    }

    /// Runs one execution alone: that of a [token](Failure::replay_token).
    ///
    /// The environment variable `LKMM_REPLAY` does so too, for models that are explored from the place in the source that the
    /// token comes from. Others are explored as usual, and say so: on the standard error, at once, and in their reports.
    pub fn replay(mut self, token: impl Into<String>) -> Self {
        self.replay = Some(token.into());
        self
    }

    /// Writes failures to a folder, as text, JSON and SVG: files with the name of the test, or of the place in the source from
    /// which the model is explored.
    ///
    /// The environment variable `LKMM_REPORTS` does so too, for all models that do not name another folder.
    pub fn reports(mut self, folder: impl Into<PathBuf>) -> Self {
        self.reports = Some(folder.into());
        self
    }

    /// Explores the closure.
    ///
    /// # Panics
    /// With the report, if an execution fails, if the budget runs out before all have been explored that the
    /// [strategy](Self::strategy) asks for, or if that asks for none that there is ([`explore`](Self::explore) is for those who can live with some of them).
    #[track_caller]
    pub fn check(&self, f: impl Fn() + Send + Sync + 'static) {
        let report = self.explore(f);
        assert!(!report.out_of_budget() && report.failure().is_none() && !report.is_empty(), "{report}");
    }

    /// Explores the closure, until an execution fails, all have been explored, or the budget runs out.
    ///
    /// If the environment variable `LKMM_REPORTS` names a folder, a line of JSON on each model is added to `models.jsonl` there.
    /// (`cargo lkmm test` does this, and shows them as a table.)
    ///
    /// On a terminal, a line says how far a search is that takes longer than a second. The environment variable `LKMM_PROGRESS` says whether
    /// there is one: `auto`, `never`, or `always`, terminal or not.
    ///
    /// # Panics
    /// In a model: models do not nest. And if a variable of the environment that sets a budget has no meaning, or the code was built for
    /// benchmarks (`cargo lkmm bench`).
    #[track_caller]
    pub fn explore(&self, f: impl Fn() + Send + Sync + 'static) -> Report {
        if hook::UNCHECKED {
            panic!("this was built with LKMM_UNCHECKED, for benchmarks: there are no models in it");
        }
        assert!(hook::model().is_none(), "a model in a model: explore one after the other");
        let (place, started) = (Location::caller(), Instant::now());
        let mut report = self.explore_from(place, Arc::new(f));
        let time = started.elapsed();
        let folder = self.reports.clone().or_else(environment::reports);
        if let (Some(failure), Some(folder)) = (&mut report.failure, folder) {
            failure.file = Some(files::write(&folder, failure, place).map_err(|error| error.to_string()));
        }
        if let Some(folder) = environment::reports() {
            summary::add(&folder, place, &report, time);
        }
        report
    }

    fn explore_from(&self, place: &Location<'_>, f: Arc<dyn Fn() + Send + Sync>) -> Report {
        let caller = replay::caller(place);
        let asked_for = self.replay.clone().or_else(environment::replay);
        let token = asked_for.as_deref().map(Token::parse);
        if let (Some(None), Some(text)) = (&token, asked_for) {
            let failure = replay_failed(format!("{text:?} is not a replay token"));
            return Report::refused(failure);
        }
        let token = token.flatten();
        let is_of_another = self.replay.is_none() && token.as_ref().is_some_and(|token| token.caller != caller);
        let token = token.filter(|_| !is_of_another);
        if is_of_another {
            replay::say_of_another(place);
        }
        let mut options = self.options.clone();
        options.max_executions = environment::max_executions().or(options.max_executions);
        options.strategy = environment::strategy().unwrap_or(options.strategy);
        let timeout = environment::timeout().or(self.timeout);
        options.deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        options.at_once = token.is_some();
        let progress = Arc::new(Progress::default());
        let shown = progress::show(place, progress.clone(), options.deadline, options.max_executions);
        options.progress = shown.is_some().then_some(progress);
        let (stack_size, leaks) = (self.stack_size, self.leaks);
        let work = Work { closure: f, stack_size, leaks, options, token, caller, shown };
        let jobs = match environment::jobs().unwrap_or(self.jobs) {
            _ if work.token.is_some() => 1,
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            jobs => jobs,
        };
        let report = Report { is_token_of_another: is_of_another, ..work.by_all(jobs) };
        match report.failure {
            None if work.token.is_some() && !report.out_of_budget => {
                Report { complete: false, failure: Some(does_not_fit()), ..report }
            }
            _ => report,
        }
    }
}

fn replay_failed(message: String) -> Failure {
    Failure::new(FailureKind::Replay, message, Vec::new())
}

fn does_not_fit() -> Failure {
    let message = "no execution that fails has this replay token: it is of another test, or the code has changed";
    replay_failed(message.to_string())
}
