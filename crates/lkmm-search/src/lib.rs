//! Searches of the executions that a memory model allows.
//!
//! The [closed search](search) takes a [`Program`] whose control paths are known, as litmus tests are. It sees of a
//! memory model only that some requirements are checked on partial executions and others on complete ones.
#![forbid(unsafe_code)]

mod addresses;
mod candidate;
mod candidates;
mod combine;
mod explore;
pub mod open;
mod outcome;
mod run;
#[cfg(test)]
mod tests;
mod values;

pub use candidates::{Coherence, candidates, executions};
pub use outcome::{Outcome, SearchError, Verdict};

use combine::{Choices, Combination};
use lkmm_model::models::Model;
use lkmm_model::program::Program;
use run::{Goal, Part, Position, Run, Share, Shared, Stop};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

/// What is asked of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Every execution: states, counts, flags, verdict.
    AllExecutions,
    /// The verdict alone: one search for an execution that satisfies the condition, one for an execution that does not.
    /// (And for errors, like the other question: see [`search`].)
    Verdict,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The memory model.
    pub model: &'static Model,
    /// The question.
    pub question: Question,
    /// Threads to use, if there is [`memory`](Self::memory) for them; 1 searches on the calling thread.
    pub jobs: usize,
    /// The search fails when it takes longer.
    pub deadline: Option<Duration>,
    /// The search fails when there are more executions.
    pub max_executions: Option<u64>,
    /// Bytes that the final states may take, about; the search fails when there are more. The tables of what values depend on
    /// may take a quarter of that besides, or the search fails as well; and workers half of it, or there are fewer. (The
    /// rest of what a search needs is bounded by the size of its program.)
    pub memory: u64,
    /// Keep the first execution of each kind.
    pub witness: bool,
}

impl Options {
    /// All executions, on one thread, without limits but for 1 GiB of final states.
    pub fn new(model: &'static Model) -> Self {
        Options {
            model,
            question: Question::AllExecutions,
            jobs: 1,
            deadline: None,
            max_executions: None,
            memory: 1 << 30,
            witness: false,
        }
    }
}

/// Searches the executions of a closed program.
///
/// Errors come first, whatever the question: if the executions that the model allows include one that does what has no
/// meaning, that is the outcome, wherever the condition is decided, and also if the filter drops the execution or its path
/// is truncated. So both questions have the same errors. (Programs that cannot go wrong, which is nearly all of them,
/// are known by their expressions, and searched for the answer only.)
///
/// With several [`jobs`](Options::jobs), a search that proves to be large is begun again and shared out. Unless a budget
/// runs out, the outcome is the same for any number of them: it is what one worker finds who goes through all shares in
/// order, up to the first error, or the first execution that decides. ([`Outcome::judged`] alone, the work done, differs.)
///
/// Executions that are not sequentially consistent per location are not looked for, whatever the model says of them.
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::{Fence, Mode};
/// use lkmm_model::models;
/// use lkmm_search::{Options, Verdict, search};
///
/// // Store buffering: can both threads miss what the other one wrote?
/// let program = |fence: Option<Fence>| {
///     let mut program = ProgramBuilder::new();
///     let (x, y) = (program.location("x", 0), program.location("y", 0));
///     let [r0, r1] = [(x, y), (y, x)].map(|(own, other)| {
///         let mut thread = program.thread();
///         thread.write(Mode::Once, own, 1);
///         fence.into_iter().for_each(|fence| thread.fence(fence));
///         thread.read(Mode::Once, other, "r0")
///     });
///     program.exists(r0.is(0) & r1.is(0));
///     program.finish()
/// };
/// let options = Options::new(models::lkmm());
/// let outcome = search(&program(None), &options)?;
/// assert_eq!((outcome.verdict(), outcome.states.len()), (Verdict::Sometimes, 4));
/// let outcome = search(&program(Some(Fence::Mb)), &options)?;
/// assert_eq!((outcome.verdict(), outcome.states.len()), (Verdict::Never, 3));
/// # Ok::<(), lkmm_search::SearchError>(())
/// ```
///
/// # Errors
/// A [`SearchError`] when a budget runs out, or the program does what has no meaning.
pub fn search(program: &Program, options: &Options) -> Result<Outcome, SearchError> {
    let started = Instant::now();
    let choices = Choices::new(program, options, started)?;
    if choices.may_fail() {
        search_for(program, options, &choices, Goal::Errors, started)?;
    }
    let mut outcome = Outcome::default();
    for &goal in run::goals(options.question, program) {
        outcome.merge(search_for(program, options, &choices, goal, started)?);
    }
    Ok(outcome)
}

/// Choices after which a search is shared out, if there are workers. (Tests share out nearly everything.)
const PATIENCE: u64 = if cfg!(test) { 0 } else { 20_000 };

fn search_for(
    program: &Program,
    options: &Options,
    choices: &Choices<'_>,
    goal: Goal,
    started: Instant,
) -> Result<Outcome, SearchError> {
    let shared = Shared::default();
    let jobs = choices.workers(options);
    let mut run = Run::new(program, options, goal, Share::WHOLE, started, &shared);
    run.patience = if jobs == 1 { u64::MAX } else { PATIENCE };
    match explore_all(&mut run, choices) {
        Ok(()) | Err(Stop::Answered) | Err(Stop::Cancelled) => return Ok(run.finish().outcome),
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::TooLarge) => {}
    }
    // What the first attempt counted does not count.
    let shared = Shared::default();
    let work = |index| {
        let mut run = Run::new(program, options, goal, Share { index, of: jobs }, started, &shared);
        let stop = explore_all(&mut run, choices).err();
        if let Some(stop) = &stop {
            run.tell(stop);
        }
        (run.position, stop, run.finish())
    };
    let results = std::thread::scope(|scope| {
        let spawn = |index| {
            let worker = std::thread::Builder::new().stack_size(STACK);
            (index, worker.spawn_scoped(scope, move || work(index)))
        };
        let workers: Vec<_> = (0..jobs).map(spawn).collect();
        let join = |(index, worker): (u32, std::io::Result<ScopedJoinHandle<'_, _>>)| match worker.map(|w| w.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // There are no more threads to be had: its share is done here.
            Err(_) => work(index),
        };
        workers.into_iter().map(join).collect()
    });
    sequential(results)
}

/// What one worker would have found who had done all shares in order.
fn sequential(results: Vec<(Position, Option<Stop>, Part)>) -> Result<Outcome, SearchError> {
    let mut whole = Part::default();
    let mut end: Option<(Position, Result<Outcome, SearchError>)> = None;
    let mut spent = None;
    for (position, stop, part) in results {
        let ended = match stop {
            Some(Stop::Failed(error)) if error.is_budget() => {
                spent = Some(error);
                None
            }
            Some(Stop::Failed(error)) => Some(Err(error)),
            Some(Stop::Answered) => Some(Ok(part.outcome.clone())),
            Some(Stop::Cancelled | Stop::TooLarge) | None => None,
        };
        if let Some(ended) = ended.filter(|_| end.as_ref().is_none_or(|(first, _)| position < *first)) {
            end = Some((position, ended));
        }
        whole.merge(part);
    }
    match (end, spent) {
        (Some((at, Ok(outcome))), _) => Ok(Outcome { truncated: whole.is_truncated_by(at), ..outcome }),
        (Some((_, Err(error))), _) | (None, Some(error)) => Err(error),
        (None, None) => Ok(whole.outcome),
    }
}

/// The stack of a worker: searches recurse once for each event.
const STACK: usize = 16 << 20;

/// Events of an execution, those of the initial writes included. It bounds the depth of recursion as well.
const MAX_EVENTS: usize = 1024;

/// Explores the share of a run in every combination of paths.
fn explore_all<'p>(run: &mut Run<'p>, choices: &'p Choices<'p>) -> Result<(), Stop> {
    for number in 0..choices.len() {
        run.check_deadline()?;
        run.position = Position { combination: number, subtree: 0 };
        let Some((paths, facts)) = choices.get(number, run.program, run.goal) else { continue };
        if run.outcome.truncated && paths.iter().any(|p| p.truncated) {
            continue;
        }
        let events = paths.iter().map(|p| p.events.len()).sum();
        if events > MAX_EVENTS {
            return Err(Stop::Failed(SearchError::TooManyEvents { events, limit: MAX_EVENTS }));
        }
        match addresses::explore(&Combination::new(run.program, paths, facts), run) {
            Ok(()) => {}
            // What is asked of a combination with a truncated path is only whether it has an execution.
            Err(Stop::Answered) if run.outcome.positive + run.outcome.negative == 0 => {}
            Err(Stop::Answered) if run.goal == Goal::Everything => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(())
}
