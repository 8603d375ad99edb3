//! What is done to check a model: one search, by one worker or several, and what follows when an execution fails.
//!
//! Each worker has a [copy of the program](ClosureProgram), and a thread to run it in. Who comes upon an execution that fails ends the search for
//! all, and then does by itself what is left: it makes sure, looks for an execution that fails in the same way and is easier to
//! understand, and says what went wrong.

use crate::draw::Size;
use crate::fault::{Fault, describe, fault, refused};
use crate::lifetimes::{self, Wrong};
use crate::overlap;
use crate::panics::SourcePlace;
use crate::progress::Shown;
use crate::replay::{Replayed, Token};
use crate::report::{Failure, FailureKind, Limits, Report};
use crate::runtime::{ClosureProgram, FILL, OTHER_FILL};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models::Model;
use lkmm_search::open::{
    DependencyMode, Ending, Found, OpenError, Options, Statistics, Strategy, Team, explore, explore_in,
};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// In executions with more events no missing dependency is looked for.
const MANY_EVENTS: usize = 64;

/// Where a smaller execution that fails is looked for: so many executions beyond the first one that does.
const SMALLER_EXECUTIONS: u64 = 2000;

/// And at most so many that fail.
const KEPT: usize = 1000;

/// And at most for so long.
const SMALLER_TIME: Duration = Duration::from_millis(500);

/// A model that is to be checked.
pub(crate) struct Work {
    pub(crate) closure: Arc<dyn Fn() + Send + Sync>,
    pub(crate) stack_size: usize,
    pub(crate) leaks: bool,
    pub(crate) options: Options,
    /// Only this execution is wanted.
    pub(crate) token: Option<Token>,
    pub(crate) caller: u32,
    pub(crate) shown: Option<Shown>,
}

/// A worker is about to come. If it panics instead, the others do not wait for it.
struct Comes<'t>(&'t Team);

impl Drop for Comes<'_> {
    fn drop(&mut self) {
        self.0.excuse();
    }
}

/// What one worker came to.
struct Part {
    statistics: Statistics,
    limits: Limits,
    failure: Option<Failure>,
    /// The program cannot be explored: that is the failure.
    is_refused: bool,
    /// It has explored all that there is by itself.
    is_whole: bool,
}

/// An execution that fails, at the moment when it is found.
type Seen<'f> = (Fault, &'f dyn Fn() -> Execution, Token);

/// An execution that fails.
type Failing = (Fault, Execution, Token);

/// What a search came to, and the execution with which it ended because it fails.
type Explored = (Result<Statistics, OpenError>, Option<Failing>);

impl Work {
    /// Explores the program by so many workers; by one alone if several would have memory in common.
    pub(crate) fn by_all(&self, workers: usize) -> Report {
        let program = self.program();
        let workers = if program.has_heap() && !program.captures() { workers } else { 1 };
        let team = Team::new(workers);
        let parts: Vec<Part> = thread::scope(|scope| {
            let name = thread::current().name().unwrap_or("lkmm").to_string();
            let others: Vec<_> = (1..workers)
                .filter_map(|_| {
                    let work = || self.by_one(|| self.program(), &team);
                    let worker = thread::Builder::new().name(name.clone()).spawn_scoped(scope, work);
                    // With fewer it takes longer.
                    worker.inspect_err(|_| team.excuse()).ok()
                })
                .collect();
            let ours = self.by_one(|| program, &team);
            let theirs = others.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            std::iter::once(ours).chain(theirs.collect::<Vec<_>>()).collect()
        });
        let has_failed = parts.iter().any(|part| part.failure.is_some() && !part.is_refused);
        let is_shared = workers > 1 && parts.iter().any(|part| part.limits.captures());
        if is_shared || team.is_at_odds() && !has_failed {
            self.options.progress.iter().for_each(|progress| progress.restart());
            return self.by_all(1);
        }
        self.report(&team, parts)
    }

    /// What all have come to.
    fn report(&self, team: &Team, parts: Vec<Part>) -> Report {
        let statistics: Vec<_> = parts.iter().map(|part| part.statistics).collect();
        let mut total = team.total(&statistics);
        let mut limits = parts.iter().map(|part| part.limits).reduce(Limits::and).expect("there is a worker");
        let (mut failure, mut refused) = (None, None);
        for part in parts {
            if part.is_whole {
                (total, limits, failure) = (part.statistics, part.limits, part.failure);
                break;
            }
            let first = if part.is_refused { &mut refused } else { &mut failure };
            *first = first.take().or(part.failure);
        }
        match (failure, refused) {
            (None, Some(refused)) => Report::refused(refused),
            (failure, _) => Report::of(&total, self.options.strategy, limits, failure),
        }
    }

    /// A copy of the program, which has been run once if there is the model heap.
    fn program(&self) -> ClosureProgram {
        let closure = self.closure.clone();
        let mut program = ClosureProgram::with_stack_size(Box::new(move || closure()), self.stack_size);
        program.use_heap(|program| {
            let strategy = Strategy::Exhaustive;
            let once = Options { max_executions: Some(1), strategy, progress: None, ..self.options.clone() };
            // What comes of it comes again.
            let _ = explore(program, &once, &mut |_| ControlFlow::Break(()));
        });
        program
    }

    /// What one of them does.
    fn by_one(&self, program: impl FnOnce() -> ClosureProgram, team: &Team) -> Part {
        let comes = Comes(team);
        let mut program = program();
        std::mem::forget(comes);
        // When an object is freed is no event, and a join orders it all the same.
        let options = Options { all_joins: program.has_heap(), ..self.options.clone() };
        let mut is_whole = false;
        let mut outcome = self.explored(&mut program, &options, team);
        if let (Ok(_), Some(failing)) = &outcome {
            if !self.is_certain(&mut program, &options, failing) {
                // What is initialised looks like what is not.
                program.fill_heap(None);
                is_whole = true;
                self.options.progress.iter().for_each(|progress| progress.restart());
                outcome = self.explored(&mut program, &options, &Team::new(1));
            }
        }
        let blocked = program.runtime().blocked.is_some().then_some(OpenError::Outside { thread: 0 });
        let (statistics, found) = match (outcome, blocked) {
            // Whatever the search made of that.
            (_, Some(blocked)) => (Err(blocked), None),
            ((Ok(_), None), _) if program.runtime().has_refused => {
                let [before, now] = ["a pointer was read", "no object is there"].map(String::from);
                (Err(OpenError::Nondeterminism { thread: 0, before, origin: None, now }), None)
            }
            (outcome, None) => outcome,
        };
        let is_refused = statistics.is_err();
        let (statistics, failure) = match (statistics, found) {
            (Err(error), _) => {
                let mut failure = refused(&program, &error);
                // Who comes first to a real lock differs from run to run.
                let is_confused = matches!(error, OpenError::Nondeterminism { .. });
                if is_confused && overlap::is_blocked(&mut program, None) {
                    failure = refused(&program, &OpenError::Outside { thread: 0 });
                }
                (Statistics::default(), Some(failure))
            }
            (Ok(statistics), None) => (statistics, None),
            (Ok(statistics), Some(failing)) => {
                self.shown.iter().for_each(Shown::fail);
                let token = failing.2.clone();
                let mut failure = self.failure(&mut program, &options, failing, statistics.executions);
                // What a real lock would prevent is not what is wrong.
                if self.token.is_none() && overlap::is_blocked(&mut program, Some(&token)) {
                    failure = refused(&program, &OpenError::Outside { thread: 0 });
                }
                (statistics, Some(failure))
            }
        };
        Part { statistics, limits: Limits::of(&program), failure, is_refused, is_whole }
    }

    /// Explores a program until an execution fails, or only the one that is wanted.
    fn explored(&self, program: &mut ClosureProgram, options: &Options, team: &Team) -> Explored {
        let is_replayed = self.token.is_some();
        let explored = self.search(program, options, team, self.token.as_ref(), is_replayed);
        if is_replayed && matches!(&explored, (Ok(statistics), _) if statistics.is_complete) {
            // It may be one with load buffering, to which other answers lead.
            return self.search(program, options, &Team::new(1), self.token.as_ref(), false);
        }
        explored
    }

    /// What there is to say of an execution that fails, or of a smaller one; it is the first after so many.
    fn failure(&self, program: &mut ClosureProgram, options: &Options, failing: Failing, first: u64) -> Failure {
        let (fault, execution, token) = match self.token {
            Some(_) => failing,
            None => {
                let smaller = self.smaller(program, options, &failing, first);
                smaller.filter(|smaller| self.is_certain(program, options, smaller)).unwrap_or(failing)
            }
        };
        let mut failure = describe(program, options.model, fault, execution.clone());
        failure.token = Some(token.to_string());
        failure.test = thread::current().name().filter(|name| *name != "main").map(String::from);
        if options.dependencies == DependencyMode::Declared {
            let observed = Options { dependencies: DependencyMode::Observed, at_once: false, ..options.clone() };
            let again = self.search(program, &observed, &Team::new(1), Some(&token), false);
            if matches!(again, (Ok(statistics), None) if statistics.is_complete) {
                undeclared(program, options.model, &execution, &mut failure);
            }
        }
        failure
    }

    /// Explores a program until an execution fails: any, or only one with the answers of a token; and if asked for, no
    /// answers but these make sense.
    fn search(
        &self,
        program: &mut ClosureProgram,
        options: &Options,
        team: &Team,
        wanted: Option<&Token>,
        only: bool,
    ) -> Explored {
        // What is wanted is not left to chance.
        let strategy = if wanted.is_some() { Strategy::Exhaustive } else { options.strategy };
        let options = &Options { strategy, symmetry: wanted.is_none(), ..options.clone() };
        let mut failing = None;
        let outcome =
            self.failures(program, options, team, wanted.filter(|_| only), &mut |(fault, execution, token)| {
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
    fn is_certain(&self, program: &mut ClosureProgram, options: &Options, failing: &Failing) -> bool {
        let (Fault::Error(OpenError::Uninit { .. }), _, token) = failing else { return true };
        if !program.fills_heap() {
            return true;
        }
        let way = failing.0.way(program);
        program.fill_heap(Some(OTHER_FILL));
        let options = Options { max_executions: None, at_once: true, ..options.clone() };
        let again = self.search(program, &options, &Team::new(1), Some(token), true);
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
        let _ = self.failures(program, &options, &Team::new(1), None, &mut |(fault, execution, token)| {
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
        team: &Team,
        wanted: Option<&Token>,
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
            let is_race = matches!(&life, Some(Fault::Life(life)) if life.wrong == Wrong::Race);
            // A race of two accesses says more than one with what made the object.
            let fault = match fault(found, &wants_lock) {
                Some(fault) if life.is_none() || is_race => fault,
                _ => match life {
                    Some(life) => life,
                    None => return ControlFlow::Continue(()),
                },
            };
            // SAFETY: as above.
            let token = Token::of(unsafe { observer.look() }, self.caller);
            hand_over((fault, &|| found.execution(), token))
        };
        match wanted {
            None => explore_in(team, program, options, found),
            Some(token) => explore_in(team, &mut Replayed::new(program, token.clone()), options, found),
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
