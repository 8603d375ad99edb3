//! What writes give, over the whole search; and executions that rest on it.
//!
//! A dependency shows when a thread is run again with another value for a load ([`observe`](super::observe)): another value
//! that *any write of the program, of any execution*, gives to that location. In one execution few of them may be in sight.
//! Where two threads race to publish an index, whoever reads the winner's could have read the loser's, and gone elsewhere
//! with it; but the loser's is written in other executions only.
//!
//! So the set of an execution's dependencies depends on what the search has seen, and an execution must not be judged by
//! when it is found. Three facts make that possible.
//!
//! * Dependencies steer nothing: they are looked at when an execution is complete, and only say whether it counts.
//! * More values show more dependencies, and more dependencies forbid more executions and races, never fewer. So what is
//!   forbidden stays so.
//! * What would be allowed, with the same flags, if each access depended on each earlier load of its thread, stays allowed.
//!
//! What is neither is *doubtful*: it is kept until the search is through, and no value is missing any more, and then judged
//! for good. So each execution is judged by all values, whenever it was found, and counts once or not at all.
//!
//! That costs memory, and a failure that is in doubt is reported late. So no more than [`MOST`] says are kept, and none for
//! longer than it takes to run the program [`PATIENCE`] times: then they are judged by what has been seen so far. In a
//! search that goes on for longer, a value that turns up only later does not acquit them.
//!
//! A thread that is run with such a value may come to where it never gets: the value may be in sight there together with
//! things that this execution does not have. So it is followed no further than to the first access that is another one.
//! Pointers to what may not be there stand in for nothing ([`may_stand_in`](super::OpenProgram::may_stand_in)).

use super::explore::Explorer;
use super::graph::Graph;
use super::judge::Verdict;
use super::node::Act;
use super::program::{Dependencies, OpenError, OpenProgram, ReadKind, Reasons};
use super::{Ending, observe};
use lkmm_model::event::{Label, Mode};
use lkmm_model::program::{LocationId, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::ControlFlow;
use std::time::Instant;

/// Doubtful executions of so many events together are kept: some 20 MiB.
const MOST: usize = 1 << 17;

/// So often the program is run before they are judged by what has been seen so far.
const PATIENCE: u64 = 1 << 15;

/// To look for what such an execution depends on takes about so many runs.
const COST: u64 = 16;

/// So many values of a location stand in for others. (To see that a value flows, one other value nearly always suffices.)
const MOST_VALUES: usize = 8;

/// The values that writes gave to locations.
#[derive(Debug, Default)]
pub(crate) struct Written {
    values: FxHashMap<LocationId, Vec<Value>>,
    /// How many there are.
    count: usize,
}

impl Written {
    /// Takes note of what is written in an execution.
    pub(super) fn note(&mut self, graph: &Graph) {
        for writes in &graph.co {
            self.add(writes.location, writes.order.iter().filter_map(|&id| graph.node(id).value));
        }
    }

    /// Takes note of values.
    fn add(&mut self, location: LocationId, values: impl Iterator<Item = Value>) {
        let known = self.values.entry(location).or_default();
        let before = known.len();
        for value in values {
            if known.len() < MOST_VALUES && !known.contains(&value) {
                known.push(value);
            }
        }
        self.count += known.len() - before;
    }

    pub(super) fn of(&self, location: LocationId) -> &[Value] {
        self.values.get(&location).map_or(&[], |values| values)
    }
}

/// An execution that a value may forbid that has not been seen yet.
pub(super) struct Doubtful {
    graph: Graph,
    ending: Ending,
    verdict: Verdict,
    is_cyclic: bool,
    /// So many values had been seen.
    seen: usize,
}

impl<P: OpenProgram> Explorer<'_, P> {
    /// Would another verdict be possible, if more dependencies showed?
    pub(super) fn is_doubtful(&mut self, graph: &Graph, verdict: &Verdict) -> Result<bool, OpenError> {
        if !verdict.is_consistent {
            return Ok(false);
        }
        let mut most = self.copy(graph);
        let mut is_more = false;
        for (thread, nodes) in graph.threads.iter().enumerate() {
            let mut reads: Vec<u32> = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                let id = super::node::Id::new(thread, index);
                // Which reader of SRCU ends is told by a data dependency.
                let depends = node.is_access() && node.label != Label::Write(Mode::SrcuUnlock);
                if depends && !reads.is_empty() {
                    let known = self.traces.reasons_of(node.reasons).cloned().unwrap_or_default();
                    let data = if node.is_write() { reads.clone() } else { Vec::new() };
                    let all = known.union(Reasons { addr: reads.clone(), data, ..Reasons::default() });
                    let all = self.traces.reasons(&Dependencies::new(all));
                    is_more |= all != node.reasons;
                    most.set_reasons(id, all);
                }
                let is_opaque = |location| self.run.program.is_opaque(location);
                if matches!(node.act, Act::Read(ReadKind::Ordinary, _))
                    && node.label != Label::Read(Mode::SrcuLock)
                    && !node.location.is_some_and(is_opaque)
                {
                    reads.push(index as u32);
                }
            }
        }
        if is_more {
            most.retrace(&mut self.traces);
            is_more = self.judge.judge_whole(&self.traces, &most)? != *verdict;
        }
        self.give_back(most);
        Ok(is_more)
    }

    /// Keeps an execution until more values have been seen.
    pub(super) fn defer(
        &mut self,
        graph: &Graph,
        ending: Ending,
        verdict: Verdict,
        is_cyclic: bool,
    ) -> Result<ControlFlow<()>, OpenError> {
        let graph = self.copy(graph);
        self.doubtful_events += graph.order.len();
        if self.doubtful.is_empty() {
            self.patience = self.statistics.runs + PATIENCE;
        }
        self.doubtful.push(Doubtful { graph, ending, verdict, is_cyclic, seen: self.written.count });
        if self.doubtful_events >= MOST { self.settle() } else { Ok(ControlFlow::Continue(())) }
    }

    /// Have executions been kept for too long?
    pub(super) fn is_impatient(&self) -> bool {
        !self.doubtful.is_empty() && self.statistics.runs + COST * self.doubtful.len() as u64 >= self.patience
    }

    /// Tells the others of the team what has been written here.
    pub(super) fn tell(&self) {
        if self.team.is_alone() {
            return;
        }
        let program = &*self.run.program;
        let named = self.written.values.iter().map(|(&location, values)| (program.name(location), values));
        let all = named.flat_map(|(name, values)| values.iter().map(move |&value| (name, value)));
        // (A pointer to an object of one execution stands in for nothing in another.)
        self.team.write(all.filter(|(_, value)| program.common(*value) == Some(*value)));
    }

    /// Takes note of what has been written elsewhere, where that may be of interest.
    pub(super) fn listen(&mut self) {
        if self.team.is_alone() {
            return;
        }
        let reads = |doubtful: &Doubtful| -> Vec<LocationId> {
            doubtful.graph.reads().filter_map(|read| doubtful.graph.node(read).location).collect()
        };
        let locations: FxHashSet<LocationId> = self.doubtful.iter().flat_map(reads).collect();
        for location in locations {
            let values = self.team.written(self.run.program.name(location));
            self.written.add(location, values.into_iter());
        }
    }

    /// Judges the executions that were kept, by all values that have been seen, and hands over those that are left.
    pub(super) fn settle(&mut self) -> Result<ControlFlow<()>, OpenError> {
        self.doubtful_events = 0;
        for doubtful in std::mem::take(&mut self.doubtful) {
            let Doubtful { mut graph, ending, mut verdict, is_cyclic, seen } = doubtful;
            let is_enough = |most: u64| self.team.executions() >= most;
            if self.options.max_executions.is_some_and(is_enough) {
                // It is not known whether this one counts.
                return Ok(ControlFlow::Break(()));
            }
            let is_late = self.options.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if seen != self.written.count && !is_late && self.observe(&mut graph, observe::Values::OfAll)? {
                verdict = self.judge.judge_whole(&self.traces, &graph)?;
            }
            if verdict.is_consistent {
                self.run_to_the_end(&mut graph)?;
                if self.hand_over(&graph, ending, verdict, is_cyclic)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            self.give_back(graph);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Runs the program along a complete graph, and its threads to their ends, for what they returned.
    pub(super) fn run_to_the_end(&mut self, graph: &mut Graph) -> Result<(), OpenError> {
        self.run.replay(graph)?;
        for thread in 0..graph.threads.len() {
            if graph.has_started(thread, self.roots) {
                self.run.step(thread);
            }
        }
        Ok(())
    }
}
