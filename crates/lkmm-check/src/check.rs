//! Entry points: explore a closure, and say what came of it.

use crate::environment;
use crate::hook;
use crate::lifetimes::{self, LifeFault, Wrong};
use crate::panics::SourcePlace;
use crate::picture::Picture;
use crate::replay::{self, Replayed, Token};
use crate::report::{Failure, FailureKind, Report};
use crate::runtime::{ClosureProgram, STACK};
use crate::summary;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models::{self, Model};
use lkmm_search::open::{DependencyMode, Ending, Found, OpenError, Options, Statistics, Strategy, Waiting, explore};
use std::ops::ControlFlow;
use std::panic::Location;
use std::time::{Duration, Instant};

/// The least size of a stack, in bytes: a panic must fit.
const LEAST_STACK: usize = 64 << 10;

/// In executions with more events no missing dependency is looked for.
const MANY_EVENTS: usize = 64;

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
        Builder { options, timeout: None, stack_size: STACK, leaks: false, replay: None }
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
    /// not there) ask for [random walks](Strategy::Random) whatever is said here.
    ///
    /// ```
    /// use lkmm_check::{Builder, Strategy, any};
    ///
    /// let report = Builder::new().strategy(Strategy::Random { seed: 1, n: 100 }).explore(|| _ = (any(0..1000), any(0..1000)));
    /// assert_eq!((report.executions(), report.sampled(), report.complete()), (100, true, false));
    /// assert_eq!(report.estimate(), Some(1e6));
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

    /// Explores the closure.
    ///
    /// # Panics
    /// With the report, if an execution fails, or if the budget runs out before all have been explored that the
    /// [strategy](Self::strategy) asks for ([`explore`](Self::explore) is for those who can live with some of them).
    #[track_caller]
    pub fn check(&self, f: impl Fn() + Send + Sync + 'static) {
        let report = self.explore(f);
        assert!(!report.out_of_budget() && report.failure().is_none(), "{report}");
    }

    /// Explores the closure, until an execution fails, all have been explored, or the budget runs out.
    ///
    /// If the environment variable `LKMM_REPORTS` names a folder, a line of JSON on each model is added to `models.jsonl` there, and
    /// the report of each that fails is written as text. (`cargo lkmm test` does this, and shows both.)
    ///
    /// # Panics
    /// In a model: models do not nest. And if a variable of the environment that sets a budget has no meaning, or the code was built for benchmarks (`cargo lkmm bench`).
    #[track_caller]
    pub fn explore(&self, f: impl Fn() + Send + Sync + 'static) -> Report {
        if hook::UNCHECKED {
            panic!("this was built with LKMM_UNCHECKED, for benchmarks: there are no models in it");
        }
        let (place, started) = (Location::caller(), Instant::now());
        let report = self.explore_from(place, Box::new(f));
        summary::add(place, &report, started.elapsed());
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
        let is_replayed = token.is_some();
        let mut outcome = self.search(&mut program, &options, token.as_ref(), is_replayed, caller);
        if is_replayed && matches!(&outcome, (Ok(statistics), _) if statistics.is_complete) {
            // It may be one with load buffering, to which other answers lead.
            outcome = self.search(&mut program, &options, token.as_ref(), false, caller);
        }
        let report = match outcome {
            (Ok(statistics), None) if program.runtime().has_refused => {
                let [before, now] = ["a pointer was read", "no object is there"].map(String::from);
                let error = OpenError::Nondeterminism { thread: 0, before, now };
                Report::of(&statistics, Some(refused(&program, &error)))
            }
            (Ok(statistics), None) => Report::of(&statistics, None),
            (Ok(statistics), Some((fault, execution, token))) => {
                let mut failure = describe(&program, options.model, fault, execution.clone());
                failure.token = Some(token.to_string());
                if options.dependencies == DependencyMode::Declared {
                    let observed = Options { dependencies: DependencyMode::Observed, ..options.clone() };
                    let again = self.search(&mut program, &observed, Some(&token), false, caller);
                    if matches!(again, (Ok(statistics), None) if statistics.is_complete) {
                        undeclared(&program, options.model, &execution, &mut failure);
                    }
                }
                Report::of(&statistics, Some(failure))
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
        program.follow_pointers(options.dependencies == DependencyMode::Observed);
        let mut failing = None;
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
            let Some(fault) = life.or_else(|| fault(found)) else { return ControlFlow::Continue(()) };
            // SAFETY: as above.
            let token = Token::of(unsafe { observer.look() }, caller);
            if wanted.is_some_and(|wanted| !wanted.is_same(&token)) {
                return ControlFlow::Continue(());
            }
            failing = Some((fault, found.execution(), token));
            ControlFlow::Break(())
        };
        // What is wanted is not left to chance.
        let strategy = if wanted.is_some() { Strategy::Exhaustive } else { options.strategy };
        let options = Options { strategy, ..options.clone() };
        let outcome = match wanted.filter(|_| only) {
            None => explore(program, &options, found),
            Some(token) => explore(&mut Replayed::new(program, token.clone()), &options, found),
        };
        (outcome, failing)
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
    Failure { kind: FailureKind::Replay, message, locations: Vec::new(), picture: None, token: None }
}

fn does_not_fit() -> Failure {
    let message = "no execution that fails has this replay token: it is of another test, or the code has changed";
    replay_failed(message.to_string())
}

/// An execution that fails.
type Failing = (Fault, Execution, Token);

/// What is wrong with an execution.
enum Fault {
    Panic(Vec<(usize, u32)>),
    Blocked(Vec<(usize, Waiting)>),
    Error(OpenError),
    Flag(&'static str),
    Life(Box<LifeFault>),
}

/// What is wrong with an execution, if something is: the first of what is listed here.
fn fault(found: &Found<'_>) -> Option<Fault> {
    match found.ending() {
        Ending::Failed(threads) => return Some(Fault::Panic(threads.clone())),
        Ending::Blocked(threads) => return Some(Fault::Blocked(threads.clone())),
        Ending::Error(error) => return Some(Fault::Error(error.clone())),
        Ending::Complete | Ending::Cut | Ending::Dead => {}
    }
    found.flags().iter().copied().find(|flag| kind_of(flag).is_some()).map(Fault::Flag)
}

/// What a flag of the model says of the program. (`mixed-accesses` says nothing that is wrong.)
fn kind_of(flag: &str) -> Option<FailureKind> {
    match flag {
        "data-race" => Some(FailureKind::DataRace),
        "unmatched-rcu-lock" | "unmatched-rcu-unlock" | "unmatched-srcu-lock" | "unmatched-srcu-unlock" => {
            Some(FailureKind::RcuMisuse)
        }
        "multiple-srcu-matches" | "invalid-sleep" | "srcu-bad-value-match" => Some(FailureKind::RcuMisuse),
        "mixed-lock-accesses" | "unpaired-LKW" | "unpaired-LKR" | "unmatched-unlock" => Some(FailureKind::LockMisuse),
        _ => None,
    }
}

fn describe(program: &ClosureProgram, model: &Model, fault: Fault, execution: Execution) -> Failure {
    let fault = match fault {
        Fault::Life(fault) => return describe_life(program, *fault),
        fault => fault,
    };
    let place = |origin: u32| program.place(origin).map(SourcePlace::from);
    let mut locations: Vec<SourcePlace> = Vec::new();
    let mut endings = Vec::new();
    let mut marked: Vec<EventId> = Vec::new();
    let (kind, message) = match fault {
        Fault::Panic(threads) => {
            let panic = |&(thread, number): &(usize, u32)| Some((thread, program.panic(number)?));
            let mut panics: Vec<_> = threads.iter().filter_map(panic).collect();
            // Causes first.
            panics.sort_by_key(|(_, panic)| panic.is_consequence);
            for (thread, panic) in &panics {
                let at =
                    panic.place.as_ref().map_or(String::new(), |place| format!(" at {}:{}", place.file, place.line));
                endings.push((*thread as u32, format!("panics{at}")));
                locations.extend(panic.place.clone());
            }
            (FailureKind::Panic, panics.first().map_or(String::new(), |(_, panic)| panic.message.clone()))
        }
        Fault::Blocked(threads) => {
            let mut kind = FailureKind::Livelock;
            for (thread, waiting) in threads {
                let (at, text) = match waiting {
                    Waiting::Lock(_) => {
                        kind = FailureKind::Deadlock;
                        (program.wants_lock(thread).map(SourcePlace::from), "waits for a lock".to_string())
                    }
                    Waiting::Join { thread, origin } => (place(origin), format!("waits for thread {thread}")),
                    Waiting::Write { origin } if program.is_grace_period(origin) => {
                        kind = FailureKind::Deadlock;
                        (place(origin), "waits for readers, being one".to_string())
                    }
                    Waiting::Write { origin } => (place(origin), "waits for another thread to write".to_string()),
                };
                let shown = at.as_ref().map_or(String::new(), |place| format!(" at {}:{}", place.file, place.line));
                endings.push((thread as u32, format!("{text}{shown}")));
                locations.extend(at);
            }
            let message = match kind {
                FailureKind::Deadlock => {
                    "threads wait for a lock that is never released, or for readers that never end"
                }
                _ => "threads wait for what no thread will do",
            };
            (kind, message.to_string())
        }
        Fault::Error(error) => {
            let failure = refused(program, &error);
            locations = failure.locations;
            (failure.kind, failure.message)
        }
        Fault::Flag(flag) => {
            marked = if flag == "data-race" { racing(model, &execution) } else { misusing(model, flag, &execution) };
            if !marked.is_empty() {
                locations.extend(marked.iter().filter_map(|&id| place(execution.events[id as usize].origin)));
            }
            (kind_of(flag).unwrap_or(FailureKind::DataRace), sentence(flag).to_string())
        }
        Fault::Life(_) => unreachable!("it was described above"),
    };
    Failure {
        kind,
        message,
        locations,
        picture: Some(Picture::new(execution, &place, &|origin| program.word(origin), endings, marked)),
        token: None,
    }
}

/// What is wrong with the life of an object.
fn describe_life(program: &ClosureProgram, fault: LifeFault) -> Failure {
    let (kind, message) = match fault.wrong {
        Wrong::UseAfterFree => (
            FailureKind::UseAfterFree,
            "an object is used, and nothing orders this before it is freed (the second place is the last operation before that)",
        ),
        Wrong::DoubleFree => {
            (FailureKind::DoubleFree, "an object is freed twice (the places are the last operations before that)")
        }
        Wrong::Leak => (FailureKind::Leak, "an object that was used at this place is never freed"),
    };
    let place = |origin: u32| match fault.noted(origin) {
        Some((place, _)) => place.map(SourcePlace::from),
        None => program.place(origin).map(SourcePlace::from),
    };
    let word = |origin: u32| fault.noted(origin).map_or_else(|| program.word(origin), |noted| noted.1);
    let locations = fault.places.iter().flatten().map(|&place| SourcePlace::from(place)).collect();
    let picture = Picture::new(fault.execution.clone(), &place, &word, Vec::new(), fault.marked.clone());
    Failure { kind, message: message.to_string(), locations, picture: Some(picture), token: None }
}

/// The two events of the first race.
fn racing(model: &Model, execution: &Execution) -> Vec<EventId> {
    let races = ["ww_race", "wr_race", "rw_race"];
    let pair = races.iter().find_map(|name| model.relation(execution, name)?.first().copied());
    pair.map_or(Vec::new(), |(a, b)| vec![a, b])
}

/// The events of RCU or SRCU that a flag is raised for.
fn misusing(model: &Model, flag: &str, execution: &Execution) -> Vec<EventId> {
    let sections = |name| model.relation(execution, name).unwrap_or_default();
    let (rcu, srcu) = (sections("rcu_rscs"), sections("srcu_rscs"));
    let events = |is: &dyn Fn(EventId, Label) -> bool| {
        let all = execution.events.iter().enumerate().map(|(id, event)| (id as EventId, event.label));
        all.filter(|&(id, label)| is(id, label)).map(|(id, _)| id).collect::<Vec<EventId>>()
    };
    let begins = |of: &[(EventId, EventId)], id| of.iter().filter(|&&(lock, _)| lock == id).count();
    let ends = |of: &[(EventId, EventId)], id| of.iter().filter(|&&(_, unlock)| unlock == id).count();
    match flag {
        "unmatched-rcu-lock" => events(&|id, label| label == Label::Fence(Fence::RcuLock) && begins(&rcu, id) == 0),
        "unmatched-rcu-unlock" => events(&|id, label| label == Label::Fence(Fence::RcuUnlock) && ends(&rcu, id) == 0),
        "unmatched-srcu-lock" => events(&|id, label| label == Label::Read(Mode::SrcuLock) && begins(&srcu, id) == 0),
        "unmatched-srcu-unlock" => events(&|id, label| label == Label::Write(Mode::SrcuUnlock) && ends(&srcu, id) == 0),
        "multiple-srcu-matches" => events(&|id, _| begins(&srcu, id) > 1 || ends(&srcu, id) > 1),
        "invalid-sleep" => {
            let is_in = |id, (lock, unlock)| execution.po.contains(&(lock, id)) && execution.po.contains(&(id, unlock));
            let sleeps = |id, label| label == Label::SyncSrcu && rcu.iter().any(|&section| is_in(id, section));
            let slept_in =
                |id| events(&sleeps).into_iter().any(|sync| rcu.iter().any(|&s| s.0 == id && is_in(sync, s)));
            events(&|id, label| sleeps(id, label) || slept_in(id))
        }
        _ => Vec::new(),
    }
}

fn sentence(flag: &str) -> &str {
    match flag {
        "data-race" => "two accesses are not ordered, of which at least one is plain, and one writes",
        "unmatched-rcu-lock" => "an RCU reader does not end",
        "unmatched-rcu-unlock" => "an RCU reader ends that has not begun",
        "unmatched-srcu-lock" => "an SRCU reader does not end",
        "unmatched-srcu-unlock" => "an SRCU reader ends that has not begun",
        "multiple-srcu-matches" => "an SRCU reader ends twice",
        "invalid-sleep" => "an RCU reader waits for SRCU readers",
        "srcu-bad-value-match" => "an SRCU reader ends with the index of another one",
        "unmatched-unlock" => "a lock is released that is not held",
        "mixed-lock-accesses" => "the memory of a lock is used otherwise",
        other => other,
    }
}

/// Why a program cannot be explored.
fn refused(program: &ClosureProgram, error: &OpenError) -> Failure {
    let (kind, origin) = match error {
        OpenError::StrayUnlock { origin } => (FailureKind::LockMisuse, Some(*origin)),
        OpenError::MixedLock(_) => (FailureKind::LockMisuse, None),
        OpenError::Nondeterminism { .. } => (FailureKind::Nondeterminism, None),
        _ => (FailureKind::TooLarge, None),
    };
    let locations = origin.and_then(|origin| program.place(origin)).map(SourcePlace::from).into_iter().collect();
    let mut message = error.to_string();
    if kind == FailureKind::Nondeterminism && !program.has_heap() {
        message.push_str(
            " (pointers differ from run to run, unless the crate of the test has the model heap: `lkmm::check::heap!();`)",
        );
    }
    Failure { kind, message, locations, picture: None, token: None }
}
