//! Entry points: explore a closure, and say what came of it.

use crate::draw::Size;
use crate::environment;
use crate::fault::{Fault, describe, fault, refused};
use crate::files;
use crate::hook;
use crate::lifetimes;
use crate::panics::SourcePlace;
use crate::progress;
use crate::replay::{self, Replayed, Token};
use crate::report::{Failure, FailureKind, Limits, Report};
use crate::runtime::{ClosureProgram, FILL, OTHER_FILL, STACK};
use crate::summary;
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models::{self, Model};
use lkmm_search::open::{DependencyMode, Ending, Found, OpenError, Options, Progress, Statistics, Strategy, explore};
use std::ops::ControlFlow;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The least size of a stack, in bytes: a panic must fit.
const LEAST_STACK: usize = 64 << 10;

/// In executions with more events no missing dependency is looked for.
const MANY_EVENTS: usize = 64;

/// Where a smaller execution that fails is looked for: so many executions beyond the first one that does.
const SMALLER_EXECUTIONS: u64 = 2000;

/// And at most so many that fail.
const KEPT: usize = 1000;

/// And at most for so long.
const SMALLER_TIME: Duration = Duration::from_millis(500);

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
        Builder { options, timeout: None, stack_size: STACK, leaks: false, replay: None, reports: None }
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

    /// The size of each thread's stack, in bytes: at least 64 KiB, and 256 KiB if nothing else is said.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes.max(LEAST_STACK);
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
    /// token comes from. Others are explored as usual.
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
        let (place, started) = (Location::caller(), Instant::now());
        let mut report = self.explore_from(place, Box::new(f));
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

    fn explore_from(&self, place: &Location<'_>, f: Box<dyn Fn() + Send + Sync>) -> Report {
        let caller = replay::caller(place);
        let asked_for = self.replay.clone().or_else(|| std::env::var("LKMM_REPLAY").ok());
        let token = asked_for.as_deref().map(Token::parse);
        if let (Some(None), Some(text)) = (&token, asked_for) {
            let failure = replay_failed(format!("{text:?} is not a replay token"));
            return Report::refused(failure);
        }
        let token = token.flatten().filter(|token| self.replay.is_some() || token.caller == caller);
        let mut program = ClosureProgram::with_stack_size(f, self.stack_size);
        let mut options = self.options.clone();
        options.max_executions = environment::max_executions().or(options.max_executions);
        options.strategy = environment::strategy().unwrap_or(options.strategy);
        let timeout = environment::timeout().or(self.timeout);
        options.deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        program.use_heap(|program| {
            let strategy = Strategy::Exhaustive;
            let once = Options { max_executions: Some(1), report_blocked: true, strategy, ..options.clone() };
            // What comes of it comes again.
            let _ = explore(program, &once, &mut |_| ControlFlow::Break(()));
        });
        // When an object is freed is no event, and a join orders it all the same.
        options.all_joins = program.has_heap();
        let progress = Arc::new(Progress::default());
        let shown = progress::show(place, progress.clone(), options.deadline, options.max_executions);
        options.progress = shown.is_some().then_some(progress);
        let is_replayed = token.is_some();
        options.at_once = is_replayed;
        let mut outcome = self.search(&mut program, &options, token.as_ref(), is_replayed, caller);
        if is_replayed && matches!(&outcome, (Ok(statistics), _) if statistics.is_complete) {
            // It may be one with load buffering, to which other answers lead.
            outcome = self.search(&mut program, &options, token.as_ref(), false, caller);
        }
        if let (Ok(_), Some(failing)) = &outcome {
            if !self.is_certain(&mut program, &options, failing, caller) {
                // What is initialised looks like what is not.
                program.fill_heap(None);
                outcome = self.search(&mut program, &options, token.as_ref(), is_replayed, caller);
            }
        }
        let report = match outcome {
            // Whatever the search made of that.
            _ if program.runtime().blocked.is_some() => {
                Report::refused(refused(&program, &OpenError::Outside { thread: 0 }))
            }
            (Ok(statistics), None) if program.runtime().has_refused => {
                let [before, now] = ["a pointer was read", "no object is there"].map(String::from);
                let error = OpenError::Nondeterminism { thread: 0, before, now };
                Report::of(&statistics, options.strategy, Limits::of(&program), Some(refused(&program, &error)))
            }
            (Ok(statistics), None) => Report::of(&statistics, options.strategy, Limits::of(&program), None),
            (Ok(statistics), Some(failing)) => {
                shown.iter().for_each(progress::Shown::fail);
                let first = statistics.executions;
                let (fault, execution, token) = match is_replayed {
                    true => failing,
                    false => {
                        let smaller = self.smaller(&mut program, &options, &failing, first, caller);
                        let is_certain = |smaller: &Failing| self.is_certain(&mut program, &options, smaller, caller);
                        smaller.filter(is_certain).unwrap_or(failing)
                    }
                };
                let mut failure = describe(&program, options.model, fault, execution.clone());
                failure.token = Some(token.to_string());
                if options.dependencies == DependencyMode::Declared {
                    let observed =
                        Options { dependencies: DependencyMode::Observed, at_once: false, ..options.clone() };
                    let again = self.search(&mut program, &observed, Some(&token), false, caller);
                    if matches!(again, (Ok(statistics), None) if statistics.is_complete) {
                        undeclared(&program, options.model, &execution, &mut failure);
                    }
                }
                Report::of(&statistics, options.strategy, Limits::of(&program), Some(failure))
            }
            (Err(error), _) => Report::refused(refused(&program, &error)),
        };
        match report.failure {
            None if is_replayed && !report.out_of_budget => {
                Report { complete: false, failure: Some(does_not_fit()), ..report }
            }
            _ => report,
        }
    }

    /// Explores a program until an execution fails: any, or only one with the answers of a token; and if asked for, no
    /// answers but these make sense.
    fn search(
        &self,
        program: &mut ClosureProgram,
        options: &Options,
        wanted: Option<&Token>,
        only: bool,
        caller: u32,
    ) -> (Result<Statistics, OpenError>, Option<Failing>) {
        // What is wanted is not left to chance.
        let strategy = if wanted.is_some() { Strategy::Exhaustive } else { options.strategy };
        let options = &Options { strategy, symmetry: wanted.is_none(), ..options.clone() };
        let mut failing = None;
        let outcome =
            self.failures(program, options, wanted.filter(|_| only), caller, &mut |(fault, execution, token)| {
                if wanted.is_some_and(|wanted| !wanted.is_same(&token)) {
                    return ControlFlow::Continue(());
                }
                failing = Some((fault, execution(), token));
                ControlFlow::Break(())
            });
        (outcome, failing)
    }

    /// Is it certain that an execution fails? What was read in it may have been initialised to what memory of the model heap is filled with:
    /// then, if that is something else, nothing uninitialised is read.
    fn is_certain(&self, program: &mut ClosureProgram, options: &Options, failing: &Failing, caller: u32) -> bool {
        let (Fault::Error(OpenError::Uninit { .. }), _, token) = failing else { return true };
        if !program.fills_heap() {
            return true;
        }
        let way = failing.0.way(program);
        program.fill_heap(Some(OTHER_FILL));
        let options = Options { max_executions: None, at_once: true, ..options.clone() };
        let again = self.search(program, &options, Some(token), true, caller);
        program.fill_heap(Some(FILL));
        again.1.is_some_and(|again| again.0.way(program) == way)
    }

    /// Of the executions that fail in the same way, the one that is the easiest to understand, as far as a little search
    /// finds it; `None` if that is the one that is known.
    fn smaller(
        &self,
        program: &mut ClosureProgram,
        options: &Options,
        failing: &Failing,
        first: u64,
        caller: u32,
    ) -> Option<Failing> {
        let until = Instant::now() + SMALLER_TIME;
        let deadline = Some(options.deadline.map_or(until, |deadline| deadline.min(until)));
        let most = first.saturating_add(SMALLER_EXECUTIONS);
        let max_executions = Some(options.max_executions.map_or(most, |executions| executions.min(most)));
        let options = Options { deadline, max_executions, ..options.clone() };
        let way = failing.0.way(program);
        let mut best = (Size::of(&failing.1), None);
        // (Panics are numbered in the order in which they are seen, and none of those before is forgotten.)
        let mut all = Vec::new();
        let _ = self.failures(program, &options, None, caller, &mut |(fault, execution, token)| {
            let execution = execution();
            all.push((Size::of(&execution), (fault, execution, token)));
            if all.len() >= KEPT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        for found in all {
            if found.0 < best.0 && found.1.0.way(program) == way {
                best = (found.0, Some(found.1));
            }
        }
        best.1
    }

    /// Explores a program, and hands over the executions that fail; if some are wanted, in a search that is led to them.
    fn failures(
        &self,
        program: &mut ClosureProgram,
        options: &Options,
        wanted: Option<&Token>,
        caller: u32,
        hand_over: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<Statistics, OpenError> {
        program.follow_pointers(options.dependencies == DependencyMode::Observed);
        let (observer, model) = (program.observer(), options.model);
        let lives = |found: &Found<'_>| {
            // SAFETY: the program is explored below; while an execution is looked at, it does nothing.
            let runtime = unsafe { observer.look() };
            let complete = matches!(found.ending(), Ending::Complete);
            let ended = complete || matches!(found.ending(), Ending::Failed(_));
            let leaks = self.leaks && complete;
            ended.then(|| lifetimes::fault(runtime, model, leaks, &|| found.execution())).flatten()
        };
        let found = &mut |found: &Found<'_>| {
            let life = lives(found).map(|fault| Fault::Life(Box::new(fault)));
            // SAFETY: as above.
            let wants_lock = |thread| unsafe { observer.wants_lock(thread) };
            let Some(fault) = life.or_else(|| fault(found, &wants_lock)) else { return ControlFlow::Continue(()) };
            // SAFETY: as above.
            let token = Token::of(unsafe { observer.look() }, caller);
            hand_over((fault, &|| found.execution(), token))
        };
        match wanted {
            None => explore(program, options, found),
            Some(token) => explore(&mut Replayed::new(program, token.clone()), options, found),
        }
    }
}

/// A failure that is none if the dependencies count that show: says so, and looks for one that would forbid it.
fn undeclared(program: &ClosureProgram, model: &Model, execution: &Execution, failure: &mut Failure) {
    let mut message =
        format!("a dependency that is not declared is all that prevents this: {} ({})", failure.kind, failure.message);
    if let Some((read, event, how)) = missing(model, execution) {
        let place = |id: EventId| program.place(execution.events[id as usize].origin).map(SourcePlace::from);
        if let (Some(from), Some(to)) = (place(read), place(event)) {
            let line = |place: &SourcePlace| format!("{}:{}", place.file, place.line);
            message.push_str(&format!("; declare that {} depends on {}: {how}", line(&to), line(&from)));
            failure.locations = vec![from, to];
        }
    }
    (failure.kind, failure.message) = (FailureKind::UndeclaredDependency, message);
}

/// The first dependency that alone forbids an execution, with what declares it.
fn missing(model: &Model, execution: &Execution) -> Option<(EventId, EventId, &'static str)> {
    if execution.events.len() > MANY_EVENTS {
        return None;
    }
    let label = |id: EventId| execution.events[id as usize].label;
    let thread = |id: EventId| execution.events[id as usize].thread;
    let candidates = execution.po.iter().copied().filter(|&(read, event)| {
        label(read).is_read() && thread(read) == thread(event) && execution.events[event as usize].location.is_some()
    });
    candidates.into_iter().find_map(|(read, event)| {
        let mut other = execution.clone();
        let how = if label(event).is_write() {
            other.data.push((read, event));
            "`dep::load` and `Dep::store_dep`, or `Dep::branch`"
        } else {
            other.addr.push((read, event));
            "`dep::load` and `Dep::deref`, or `Dep::index_into`"
        };
        model.judge(&other).violated.is_some().then_some((read, event, how))
    })
}

fn replay_failed(message: String) -> Failure {
    Failure::new(FailureKind::Replay, message, Vec::new())
}

fn does_not_fit() -> Failure {
    let message = "no execution that fails has this replay token: it is of another test, or the code has changed";
    replay_failed(message.to_string())
}

/// An execution that fails, at the moment when it is found.
type Seen<'f> = (Fault, &'f dyn Fn() -> Execution, Token);

/// An execution that fails.
type Failing = (Fault, Execution, Token);
