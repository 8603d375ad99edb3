//! The open search: every execution of a program of which nothing is known but what its threads do when they are run.
//!
//! *The set that is explored.* An execution is **grounded** if it can be built step by step, where each step adds the next
//! event of a thread to a consistent graph: a read takes its value from any write that is there; a write goes anywhere in
//! the coherence order of its location, and may at that moment *take over* any reads that are already there, if their
//! threads, run again with the new value, produce the same labels for their events so far. Every graph on the way must be
//! consistent, as far as this can be said of a graph that is not complete. So every value that is read is one that some
//! real run produced, and values out of thin air need no axiom to rule them out.
//!
//! The search finds each grounded consistent execution once: those without a cycle of `po ∪ rf` by
//! exploration with revisits (`explore.rs`, `revisit.rs`), in memory linear in the program; those with one (load buffering)
//! from their cores (`late.rs`), which are remembered.
//!
//! `lkmm-naive` computes the same set from the definition, by trying everything.

mod closed;
mod execution;
mod explore;
mod graph;
mod late;
mod program;
mod replay;
mod revisit;
mod search;

pub use closed::{ClosedProgram, ClosedThread};
pub use program::{Access, Answer, Event, OpenError, OpenProgram, ReadKind, Step};
pub use search::search;

use explore::Explorer;
use graph::Graph;
use lkmm_model::graph::Execution;
use lkmm_model::models::Model;
use lkmm_model::program::Value;

/// How to explore.
#[derive(Clone, Debug)]
pub struct Options {
    /// The memory model.
    pub model: &'static Model,
    /// The threads in the order in which the search prefers to run them; those that are not named come last. It decides
    /// the order in which executions are found, not which.
    pub schedule: Vec<usize>,
}

impl Options {
    /// Threads in their own order.
    pub fn new(model: &'static Model) -> Self {
        Options { model, schedule: Vec::new() }
    }
}

/// An execution that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The execution.
    pub execution: Execution,
    /// What each thread [returned](Step::End).
    pub results: Vec<Vec<Value>>,
    /// A thread was cut short, so the execution does not count.
    pub cut: bool,
    /// The flags that it raises.
    pub flags: Vec<&'static str>,
    /// It has a cycle of `po ∪ rf`.
    pub is_cyclic: bool,
}

/// The work that was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Complete consistent executions.
    pub executions: u64,
    /// Those of them that have a cycle of `po ∪ rf`.
    pub cyclic: u64,
    /// Graphs that ended with a thread that waits, or could not go on with what it read.
    pub stuck: u64,
    /// Partial graphs whose consistency was checked.
    pub checks: u64,
    /// Complete graphs that were judged.
    pub judged: u64,
}

/// Explores the grounded executions of a program, and hands each to `found`, once.
///
/// # Errors
/// An [`OpenError`] if the program does what has no meaning, or what the search does not support.
pub fn explore<P: OpenProgram>(
    program: &P,
    options: &Options,
    found: &mut dyn FnMut(&Found),
) -> Result<Statistics, OpenError> {
    let mut explorer = Explorer::new(program, options, found);
    explorer.explore(Graph::new(program.threads()))?;
    Ok(explorer.statistics)
}
