//! The open search on closed programs: the same answer as the closed search gives, for grounded executions.

use super::closed::ClosedProgram;
use super::{DependencyMode, Ending, Found, OpenError, Options, explore};
use crate::outcome::Outcome;
use lkmm_model::event::Label;
use lkmm_model::graph::Execution;
use lkmm_model::program::{LocationId, Observable, Program, Proposition, Value};
use std::ops::ControlFlow;

/// Searches the grounded executions of a closed program by running it.
///
/// # Errors
/// As [`explore`].
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::Mode;
/// use lkmm_model::models;
/// use lkmm_search::open;
///
/// // Load buffering: both threads read what the other one writes later.
/// let mut program = ProgramBuilder::new();
/// let (x, y) = (program.location("x", 0), program.location("y", 0));
/// for (from, to) in [(x, y), (y, x)] {
///     let mut thread = program.thread();
///     thread.read(Mode::Once, from, "r0");
///     thread.write(Mode::Once, to, 1);
/// }
/// let outcome = open::search(&program.finish(), &open::Options::new(models::lkmm()))?;
/// assert_eq!(outcome.states.len(), 4);
/// # Ok::<(), open::OpenError>(())
/// ```
pub fn search(program: &Program, options: &Options) -> Result<Outcome, OpenError> {
    let of = match options.dependencies {
        DependencyMode::Declared => ClosedProgram::new,
        DependencyMode::Observed => ClosedProgram::without_dependencies,
    };
    let mut outcome = Outcome::default();
    let statistics = explore(&mut of(program), options, &mut |found: &Found<'_>| {
        let execution = found.execution();
        let known = |observable| Some(final_value(program, &execution, found, observable));
        let holds = |p: &Option<Proposition>| p.as_ref().is_none_or(|p| p.evaluate(&known) == Some(true));
        if !holds(&program.filter) {
            return ControlFlow::Continue(());
        }
        if *found.ending() == Ending::Cut {
            outcome.truncated = true;
            return ControlFlow::Continue(());
        }
        *(if holds(&program.condition) { &mut outcome.positive } else { &mut outcome.negative }) += 1;
        let state = program.observed.iter().filter_map(|&observable| known(observable)).collect();
        *outcome.states.entry(state).or_insert(0) += 1;
        outcome.flags.extend(found.flags());
        ControlFlow::Continue(())
    })?;
    outcome.judged = statistics.judged;
    Ok(outcome)
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
