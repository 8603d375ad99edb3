//! Executions one by one: those that a model allows, for pictures; and candidates, what could happen if no axiom forbade it.
//!
//! Candidates come from the same search, with the axioms switched off: every combination of control paths, of sources for reads and of orders for
//! writes whose values agree, and with which the condition comes out as asked. They are for explanations of why it does not.

use crate::combine::Choices;
use crate::run::{Goal, Run, Share, Shared, Stop, Visitor};
use crate::{Options, SearchError, explore_all};
use lkmm_model::graph::Execution;
use lkmm_model::program::Program;
use std::ops::ControlFlow;
use std::time::Instant;

/// Which candidates are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coherence {
    /// Those that are sequentially consistent at each location.
    Kept,
    /// All, but for a read-modify-write that reads what it writes itself.
    Ignored,
}

/// Hands over the candidates that satisfy the condition (or that do not), until the visitor breaks off. Of [`Options`] counts the deadline alone,
/// and what [`memory`](Options::memory) is for tables. Control paths that are cut, and what has no meaning, are left out.
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::Mode;
/// use lkmm_model::models;
/// use lkmm_search::{Coherence, Options, candidates};
/// use std::ops::ControlFlow;
///
/// // A thread does not read what was there before its own write.
/// let mut program = ProgramBuilder::new();
/// let x = program.location("x", 0);
/// let mut thread = program.thread();
/// thread.write(Mode::Once, x, 1);
/// let r0 = thread.read(Mode::Once, x, "r0");
/// program.exists(r0.is(0));
/// let program = program.finish();
/// let count = |coherence| {
///     let mut judgements = Vec::new();
///     candidates(&program, &Options::new(models::lkmm()), true, coherence, &mut |execution| {
///         judgements.push(models::lkmm().judge(&execution).violated);
///         ControlFlow::Continue(())
///     })?;
///     Ok::<_, lkmm_search::SearchError>(judgements)
/// };
/// assert_eq!(count(Coherence::Kept)?, []);
/// assert_eq!(count(Coherence::Ignored)?, [Some("coherence")]);
/// # Ok::<(), lkmm_search::SearchError>(())
/// ```
///
/// # Errors
/// When the time is up, or the program is too large.
pub fn candidates(
    program: &Program,
    options: &Options,
    holds: bool,
    coherence: Coherence,
    visit: &mut dyn FnMut(Execution) -> ControlFlow<()>,
) -> Result<(), SearchError> {
    if !holds && program.condition.is_none() {
        return Ok(());
    }
    let goal = if holds { Goal::Positive } else { Goal::Negative };
    hand_over(program, options, goal, Some(coherence), visit)
}

/// Hands over the executions that the model allows, in the order of the search, until the visitor breaks off. Of [`Options`] counts what counts for
/// [`candidates`], and the model. Control paths that are cut, and what has no meaning, are left out.
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::Mode;
/// use lkmm_model::models;
/// use lkmm_search::{Options, executions};
/// use std::ops::ControlFlow;
///
/// // A thread reads what another one writes, or what was there before.
/// let mut program = ProgramBuilder::new();
/// let x = program.location("x", 0);
/// program.thread().write(Mode::Once, x, 1);
/// program.thread().read(Mode::Once, x, "r0");
/// let mut sources = Vec::new();
/// executions(&program.finish(), &Options::new(models::lkmm()), &mut |execution| {
///     sources.push(execution.rf);
///     ControlFlow::Continue(())
/// })?;
/// sources.sort();
/// assert_eq!(sources, [[(0, 2)], [(1, 2)]]);
/// # Ok::<(), lkmm_search::SearchError>(())
/// ```
///
/// # Errors
/// When the time is up, or the program is too large.
pub fn executions(
    program: &Program,
    options: &Options,
    visit: &mut dyn FnMut(Execution) -> ControlFlow<()>,
) -> Result<(), SearchError> {
    hand_over(program, options, Goal::Everything, None, visit)
}

fn hand_over(
    program: &Program,
    options: &Options,
    goal: Goal,
    candidates: Option<Coherence>,
    visit: &mut dyn FnMut(Execution) -> ControlFlow<()>,
) -> Result<(), SearchError> {
    let started = Instant::now();
    let choices = Choices::new(program, options, started)?;
    let shared = Shared::default();
    let mut run = Run::new(program, options, goal, Share::WHOLE, started, &shared);
    run.visitor = Some(Visitor { candidates, visit });
    match explore_all(&mut run, &choices) {
        Err(Stop::Failed(error)) => Err(error),
        Ok(()) | Err(Stop::Answered | Stop::Cancelled | Stop::TooLarge) => Ok(()),
    }
}
