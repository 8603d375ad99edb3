//! The open search on closed programs: the questions of the closed search, asked of the grounded executions.

use super::closed::ClosedProgram;
use super::{DependencyMode, Ending, Found, OpenError, explore};
use crate::combine::Choices;
use crate::outcome::{Outcome, SearchError};
use crate::run::STATE_OVERHEAD;
use crate::{Options, Question};
use lkmm_model::event::Label;
use lkmm_model::graph::Execution;
use lkmm_model::program::{LocationId, Observable, Program, Proposition, Value};
use std::mem::size_of;
use std::ops::ControlFlow;
use std::time::Instant;

/// Searches the grounded executions of a closed program by running it: with the dependencies of its control paths, or with
/// [those that show](DependencyMode::Observed) and no others.
///
/// Of the options, `jobs` means nothing: the search runs on the calling thread. What it keeps of executions with load
/// buffering does not count as `memory`. With [`Question::Verdict`] it ends when both answers are found, unless an
/// expression of the program can go wrong: then all executions are searched, for the errors.
///
/// # Errors
/// A [`SearchError`] when a budget runs out, or the program does what has no meaning or is beyond the open search.
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::Mode;
/// use lkmm_model::models;
/// use lkmm_search::Options;
/// use lkmm_search::open::{self, DependencyMode};
///
/// // Load buffering: both threads read what the other one writes later, and one writes what it has read times 0.
/// let mut program = ProgramBuilder::new();
/// let (x, y) = (program.location("x", 0), program.location("y", 0));
/// let mut thread = program.thread();
/// let r0 = thread.read(Mode::Once, x, "r0");
/// thread.write(Mode::Once, y, r0 * 0 + 1);
/// let mut thread = program.thread();
/// let r1 = thread.read(Mode::Once, y, "r1");
/// thread.write(Mode::Once, x, r1);
/// let (program, options) = (program.finish(), Options::new(models::lkmm()));
/// assert_eq!(open::search(&program, &options, DependencyMode::Declared)?.states.len(), 2);
/// // No compiler keeps that.
/// assert_eq!(open::search(&program, &options, DependencyMode::Observed)?.states.len(), 3);
/// # Ok::<(), lkmm_search::SearchError>(())
/// ```
pub fn search(program: &Program, options: &Options, dependencies: DependencyMode) -> Result<Outcome, SearchError> {
    let started = Instant::now();
    let only_verdict = options.question == Question::Verdict && !Choices::new(program, options, started)?.may_fail();
    let deadline = options.deadline.and_then(|limit| started.checked_add(limit));
    let of = match dependencies {
        DependencyMode::Declared => ClosedProgram::new,
        DependencyMode::Observed => ClosedProgram::without_dependencies,
    };
    let mut search = Search { program, options, outcome: Outcome::default(), spent: None };
    let open = super::Options { deadline, dependencies, ..super::Options::new(options.model) };
    let statistics = explore(&mut of(program), &open, &mut |found| {
        search.count(found);
        let Outcome { positive, negative, .. } = search.outcome;
        match only_verdict && positive > 0 && negative > 0 || search.spent.is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    let Search { mut outcome, spent, .. } = search;
    if let Some(error) = spent {
        return Err(error);
    }
    if options.question == Question::Verdict {
        outcome = outcome.verdict_alone();
    }
    let is_answered = only_verdict && outcome.positive > 0 && outcome.negative > 0;
    if !statistics.is_complete && !is_answered {
        return Err(SearchError::Timeout(options.deadline.unwrap_or_default()));
    }
    outcome.judged = statistics.judged;
    Ok(outcome)
}

/// What has been found so far.
struct Search<'p> {
    program: &'p Program,
    options: &'p Options,
    outcome: Outcome,
    /// The budget that has run out.
    spent: Option<SearchError>,
}

impl Search<'_> {
    fn count(&mut self, found: &Found<'_>) {
        let (program, options, outcome) = (self.program, self.options, &mut self.outcome);
        let execution = found.execution();
        let known = |observable| Some(final_value(program, &execution, found, observable));
        let holds = |p: &Option<Proposition>| p.as_ref().is_none_or(|p| p.evaluate(&known) == Some(true));
        if !holds(&program.filter) {
            return;
        }
        if *found.ending() == Ending::Cut {
            outcome.truncated = true;
            return;
        }
        let state: Vec<Value> = program.observed.iter().filter_map(|&observable| known(observable)).collect();
        let (count, witness) = match holds(&program.condition) {
            true => (&mut outcome.positive, &mut outcome.witness),
            false => (&mut outcome.negative, &mut outcome.counter_witness),
        };
        *count += 1;
        if options.witness && witness.is_none() {
            *witness = Some(Box::new(Execution { finals: state.clone(), ..execution }));
        }
        outcome.flags.extend(found.flags());
        if options.question == Question::Verdict {
            return;
        }
        let size = STATE_OVERHEAD + state.len() * size_of::<Value>();
        *outcome.states.entry(state).or_insert(0) += 1;
        let states = outcome.states.len() as u64;
        self.spent = match options.max_executions {
            Some(limit) if outcome.positive + outcome.negative > limit => Some(SearchError::TooManyExecutions(limit)),
            _ if states.saturating_mul(size as u64) > options.memory => {
                Some(SearchError::TooManyStates { states, memory: options.memory })
            }
            _ => None,
        };
    }
}

impl From<OpenError> for SearchError {
    fn from(error: OpenError) -> SearchError {
        match error {
            OpenError::BadAddress { value, origin } => SearchError::BadAddress { value, origin },
            OpenError::Illegal(operation) => SearchError::Illegal(operation),
            OpenError::TooManyEvents { events, limit } => SearchError::TooManyEvents { events, limit },
            OpenError::Endless { limit, .. } => SearchError::TooManyEvents { events: limit + 1, limit },
            error => SearchError::Open(error),
        }
    }
}

fn final_value(program: &Program, execution: &Execution, found: &Found<'_>, observable: Observable) -> Value {
    match observable {
        Observable::Register(thread, register) => found.results(thread as usize)[register as usize],
        Observable::Location(location) => {
            last_value(execution, location).unwrap_or(program.locations[location as usize].init)
        }
    }
}

/// The value of the coherence-last write of a location; `None` if nothing was written.
fn last_value(execution: &Execution, location: LocationId) -> Option<Value> {
    let events = &execution.events;
    let is_write = |&e: &usize| matches!(events[e].label, Label::Write(_)) && events[e].location == Some(location);
    let is_last = |&e: &usize| !execution.co.iter().any(|&(a, _)| a as usize == e);
    (0..events.len()).filter(is_write).find(is_last).and_then(|e| events[e].value)
}
