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

mod carries;
mod closed;
mod cycles;
mod ending;
mod execution;
mod explore;
mod grace;
mod graph;
mod judge;
mod key;
mod late;
mod layout;
mod node;
mod observe;
mod places;
mod preemptions;
mod program;
mod progress;
mod revisit;
mod run;
mod schedule;
mod search;
mod stays;
mod symmetry;
mod tasks;
mod team;
mod traces;
mod walk;
mod written;

pub use carries::{Dependency, Kind, dependencies, false_dependencies, syntactic_dependencies};
pub use closed::{ClosedProgram, ClosedThread};
pub use program::{Access, Answer, Dependencies, Event, OpenError, OpenProgram, ReadKind, Reasons, Step, Within};
pub use progress::Progress;
pub use search::search;
pub use team::Team;

use explore::Explorer;
use graph::Graph;
use lkmm_model::graph::Execution;
use lkmm_model::models::Model;
use lkmm_model::program::{LocationId, Value};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;
use traces::Traces;

/// How to explore.
#[derive(Clone, Debug)]
pub struct Options {
    /// The memory model.
    pub model: &'static Model,
    /// The threads in the order in which the search prefers to run them; those that are not named come last. It decides
    /// the order in which executions are found, not which.
    pub schedule: Vec<usize>,
    /// The search ends when it has found so many executions.
    pub max_executions: Option<u64>,
    /// The search ends at this time.
    pub deadline: Option<Instant>,
    /// Which executions are explored.
    pub strategy: Strategy,
    /// Which dependencies order events.
    pub dependencies: DependencyMode,
    /// Judge each execution as soon as it is found, even if values that writes of other executions give might show more
    /// dependencies: for who looks for an execution that is known.
    pub at_once: bool,
    /// Hand over executions that end with threads that wait, too.
    pub report_blocked: bool,
    /// Hand over executions with the joins after which their threads did nothing more that the model knows of, too. Such joins order
    /// nothing that the model sees; those are left out of complete executions.
    pub all_joins: bool,
    /// Explore executions once that differ in nothing but which of several [symmetric](Step::Spawn) threads did what. Yes, if nothing
    /// is said.
    pub symmetry: bool,
    /// Where the search says how far it is.
    pub progress: Option<Arc<Progress>>,
}

impl Options {
    /// Threads in their own order, all executions, however long it takes.
    pub fn new(model: &'static Model) -> Self {
        Options {
            model,
            schedule: Vec::new(),
            max_executions: None,
            deadline: None,
            strategy: Strategy::Exhaustive,
            dependencies: DependencyMode::Declared,
            at_once: false,
            report_blocked: false,
            all_joins: false,
            symmetry: true,
            progress: None,
        }
    }
}

/// Which executions are explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// All, each once.
    Exhaustive,
    /// Those with at most so many preemptions, each once: for programs with so many that no search ends, and bugs that need
    /// no rare coincidence.
    ///
    /// The preemptions of an execution are counted in an order of its steps that has the fewest. (A step is an event, or an atomic operation,
    /// or a lock that is taken.) Where the next step is that of another thread, the one before is preempted, unless it
    ///
    /// * has done all that it does in this execution,
    /// * waits for a thread to end that has not yet, or
    /// * takes, with its next step, a lock that another thread holds.
    ///
    /// Who waits in a loop is preempted, since it goes on reading. So `n` is as large as the number of hand-overs by
    /// flags that it needs, and locks and joins are free.
    ///
    /// An execution that is sequentially consistent has the orders in which each read returns the newest value, and each write is
    /// the newest: the preemptions are those of a processor that runs one thread at a time. Any other has all orders in which a
    /// write comes before those who read from it, and spawns and joins are where they have to be: what is
    /// reordered is not counted. An execution with a cycle of `po ∪ rf` (load buffering) has no order, and is not among
    /// them, whatever the bound is.
    ///
    /// [Dependencies that show](DependencyMode::Observed) show by what is written in these executions and those that the search passes on its way to them.
    ///
    /// The order in which threads run one after the other is free: `n` threads with one step each have `n!` executions without a preemption.
    Preemptions(u32),
    /// Those that random walks come to: for programs with so many that a search which begins in a corner ends there.
    ///
    /// A walk goes the way of the search, and where that branches it takes each branch with the same probability. So every
    /// execution has a chance, but not the same: one behind many choices has less than one behind few, by orders of magnitude where
    /// there are many threads. A walk knows its own
    /// probability, and the mean of the inverses (0 where a walk comes to no execution) is an unbiased estimate of the number of
    /// executions (Knuth: Estimating the efficiency of backtrack programs, 1975); those with a cycle of `po ∪ rf` may count
    /// several times in it. Executions may be found, and are counted, more than once.
    ///
    /// [Dependencies that show](DependencyMode::Observed) show by what is written on some walk. If there are few, an execution may be taken for one
    /// that counts though a dependency forbids it.
    Random {
        /// Walks with the same seed are the same.
        seed: u64,
        /// The number of walks.
        n: u64,
    },
}

/// Which dependencies order events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyMode {
    /// Those that the program states.
    Declared,
    /// These, and those that show: running a thread again with another value for one load changes what it does later.
    Observed,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// All threads ended.
    Complete,
    /// All threads ended, but some were cut short: it does not count.
    Cut,
    /// Some threads [failed](Step::Failed): which, and why.
    Failed(Vec<(usize, u32)>),
    /// Some threads wait, for what will never be: a deadlock or a livelock.
    Blocked(Vec<(usize, Waiting)>),
    /// A thread did what has no meaning.
    Error(OpenError),
    /// Some thread waits for a value that another execution gives it.
    Dead,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A lock, which is never released.
    Lock(LocationId),
    /// The end of a thread.
    Join {
        /// The thread.
        thread: usize,
        /// [`Event::origin`] of the wait.
        origin: u32,
    },
    /// The end of readers which wait, in turn, for what comes of it that this thread goes on.
    Readers {
        /// [`Event::origin`] of the grace period.
        origin: u32,
    },
    /// Another value than the newest ones, which it has read.
    Write {
        /// [`Event::origin`] of the wait.
        origin: u32,
    },
}

/// An execution that was found.
pub struct Found<'a> {
    graph: &'a Graph,
    traces: &'a Traces,
    observed: &'a [LocationId],
    initial: &'a dyn Fn(LocationId) -> Value,
    results: &'a dyn Fn(usize) -> &'a [Value],
    ending: Ending,
    flags: &'a [&'static str],
    is_cyclic: bool,
}

impl Found<'_> {
    /// How it ended.
    pub fn ending(&self) -> &Ending {
        &self.ending
    }

    /// The flags that it raises, in the order of the model's definition.
    pub fn flags(&self) -> &[&'static str] {
        self.flags
    }

    /// Has it a cycle of `po ∪ rf`?
    pub fn is_cyclic(&self) -> bool {
        self.is_cyclic
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.graph.threads.len()
    }

    /// What a thread [returned](Step::End).
    pub fn results(&self, thread: usize) -> &[Value] {
        (self.results)(thread)
    }

    /// The execution itself.
    pub fn execution(&self) -> Execution {
        execution::execution(self.initial, self.observed, self.traces, self.graph)
    }
}

/// The work that was done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Consistent executions that were complete, or in which a thread failed.
    pub executions: u64,
    /// Those of them that have a cycle of `po ∪ rf`.
    pub cyclic: u64,
    /// Graphs that ended with a thread that waits, or could not go on with what it read.
    pub stuck: u64,
    /// Partial graphs whose consistency was checked.
    pub checks: u64,
    /// Complete graphs that were judged.
    pub judged: u64,
    /// How often the program was run from its beginning.
    pub runs: u64,
    /// What part of the search was done, as far as its branches tell: the whole is 1. From `executions` and this follows
    /// an estimate of how many there are.
    pub share: f64,
    /// The search came to its end: neither a budget nor its caller ended it.
    pub is_complete: bool,
    /// Executions may be missing in which a [pointer that moves](OpenProgram::pointers_move) is read before it is written.
    pub has_left_out: bool,
    /// Some executions stand for others, which differ in nothing but which of several [symmetric](Step::Spawn) threads did
    /// what.
    pub has_symmetry: bool,
    /// All executions within the [bound](Strategy::Preemptions) have been found.
    pub has_reached_bound: bool,
    /// All [random walks](Strategy::Random) were taken.
    pub has_sampled: bool,
}

/// Explores the grounded executions of a program, and hands each to `found`, once, until it breaks off.
///
/// # Errors
/// An [`OpenError`] if the program does what has no meaning, or what the search does not support.
pub fn explore<P: OpenProgram>(
    program: &mut P,
    options: &Options,
    found: &mut dyn FnMut(&Found<'_>) -> ControlFlow<()>,
) -> Result<Statistics, OpenError> {
    let team = Team::new(1);
    let alone = explore_in(&team, program, options, found)?;
    Ok(team.total(&[alone]))
}

/// Explores the grounded executions of a program together with others, each of whom has a copy of it and the same options. Each execution is
/// handed to one of them, once, until one breaks off. [`Team::total`] adds up what they did.
///
/// # Errors
/// As of [`explore`]. The others then break off.
pub fn explore_in<P: OpenProgram>(
    team: &Team,
    program: &mut P,
    options: &Options,
    found: &mut dyn FnMut(&Found<'_>) -> ControlFlow<()>,
) -> Result<Statistics, OpenError> {
    /// Whatever happens to one, the others do not wait for it.
    struct Leave<'t>(&'t Team, bool);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            if !self.1 {
                self.0.end();
            }
        }
    }
    let mut leave = Leave(team, false);
    let outcome = Explorer::new(program, options, team, found).explore();
    leave.1 = outcome.as_ref().is_ok_and(Statistics::is_over);
    outcome
}

impl Statistics {
    /// Has the search come to the end that its strategy has?
    pub fn is_over(&self) -> bool {
        self.is_complete || self.has_reached_bound || self.has_sampled
    }
}
