//! Searches of the executions that a memory model allows.
//!
//! The [closed search](search) takes a [`Program`] whose control paths are known, as litmus tests are. It sees of a
//! memory model only that some requirements are checked on partial executions and others on complete ones.
#![forbid(unsafe_code)]

mod addresses;
mod candidate;
mod combine;
mod explore;
mod goal;
mod outcome;
mod run;
mod values;

pub use outcome::{Outcome, SearchError, Verdict};

use combine::Choices;
use explore::Stop;
use lkmm_model::models::Model;
use lkmm_model::program::Program;
use run::{Goal, Run};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use values::Combination;

/// What is asked of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Every execution: states, counts, flags, verdict.
    AllExecutions,
    /// The verdict alone: one search for an execution that satisfies the condition, one for an execution that does not.
    Verdict,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The memory model.
    pub model: &'static Model,
    /// The question.
    pub question: Question,
    /// Threads to use; 1 searches on the calling thread.
    pub jobs: usize,
    /// The search fails when it takes longer.
    pub deadline: Option<Duration>,
    /// The search fails when there are more executions.
    pub max_executions: Option<u64>,
    /// Keep the first execution of each kind.
    pub witness: bool,
}

impl Options {
    /// All executions, on one thread, without limits.
    pub fn new(model: &'static Model) -> Self {
        Options {
            model,
            question: Question::AllExecutions,
            jobs: 1,
            deadline: None,
            max_executions: None,
            witness: false,
        }
    }
}

/// Searches the executions of a closed program.
///
/// # Errors
/// A [`SearchError`] when a budget runs out, or the program does what has no meaning.
pub fn search(program: &Program, options: &Options) -> Result<Outcome, SearchError> {
    let started = Instant::now();
    let choices = Choices::new(program);
    let mut outcome = Outcome::default();
    for &goal in run::goals(options.question) {
        outcome.merge(search_for(program, options, &choices, goal, started)?);
    }
    Ok(outcome)
}

fn search_for(
    program: &Program,
    options: &Options,
    choices: &Choices<'_>,
    goal: Goal,
    started: Instant,
) -> Result<Outcome, SearchError> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut run = Run::new(program, options, goal, started);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= choices.len() {
                break;
            }
            run.check_deadline()?;
            let Some((paths, facts)) = choices.get(number, program, goal) else { continue };
            if run.outcome.truncated && paths.iter().any(|p| p.truncated) {
                continue;
            }
            match addresses::explore(&Combination::new(program, paths, facts), &mut run) {
                Ok(()) => {}
                Err(Stop::Failed(error)) => {
                    next.store(u64::MAX / 2, Ordering::Relaxed);
                    return Err(error);
                }
                Err(Stop::Answered) if goal == Goal::Everything => {}
                Err(Stop::Answered) if run.outcome.positive + run.outcome.negative == 0 => {}
                Err(Stop::Answered) => {
                    next.store(u64::MAX / 2, Ordering::Relaxed);
                    break;
                }
            }
        }
        Ok(run.finish())
    };
    if options.jobs <= 1 || choices.len() == 1 {
        return work();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs).map(|_| scope.spawn(work)).collect();
        let mut outcome = Outcome::default();
        for worker in workers {
            match worker.join() {
                Ok(result) => outcome.merge(result?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(outcome)
    })
}
