//! What no revisit takes away from a graph.
//!
//! A graph on the way holds events that are not in what it leads to, since revisits take events away. But they take away only what was
//! added maximally ([`revisit`](super::revisit)). So these events stay, with all that they depend on:
//!
//! * a read or write that is *stale*: a later write, in coherence order, was there before it. As long as both are there, no
//!   revisit takes it away; and one that takes the other away keeps it in the prefix of its write.
//! * a write that revisited a read, and its prefix. To take the write away, a revisit would have to leave or take a read that reads
//!   from a later event, or have that write in its own prefix.
//! * a choice that is not the first one.
//!
//! What stays is a prefix of all that the graph leads to. So a graph can be given up, before the program is run along it, if what stays
//! has too many [preemptions](super::preemptions), or is of an execution for which [another one](super::symmetry) stands.

use super::Strategy;
use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Act, Id, Source};
use super::program::{Answer, OpenProgram};
use super::{preemptions, symmetry};

impl<P: OpenProgram> Explorer<'_, P> {
    /// Does a graph lead to nothing that is to be found, as far as this can be told?
    pub(super) fn is_hopeless(&self, graph: &Graph) -> bool {
        let bound = match self.options.strategy {
            Strategy::Preemptions(most) => Some(most),
            _ => None,
        };
        let has_symmetry = self.has_symmetry(graph);
        if bound.is_none() && !has_symmetry {
            return false;
        }
        let stays = what_stays(graph);
        stays.iter().any(|&n| n > 0)
            && (bound.is_some_and(|most| preemptions::lead_too_far(graph, &stays, most))
                || has_symmetry && symmetry::leads_to_mirrored(graph, &stays))
    }
}

/// How many events of each thread no revisit takes away.
fn what_stays(graph: &Graph) -> Vec<u32> {
    let mut stays = vec![0; graph.threads.len()];
    let mut keep = |id: Id| stays.iter_mut().zip(graph.clock(id)).for_each(|(n, &its)| *n = (*n).max(its));
    for (id, node) in graph.nodes() {
        let was_there = |later: &[Id]| later.iter().any(|&other| graph.node(other).stamp < node.stamp);
        let has_revisited = |source: Source| match source {
            Source::Event(write) if graph.node(write).stamp > node.stamp => Some(write),
            _ => None,
        };
        match (node.act, node.location) {
            (Act::Read(_, source), Some(location)) => {
                if let Some(write) = has_revisited(source) {
                    keep(write);
                }
                if was_there(graph.later(location, source)) {
                    keep(id);
                }
            }
            (Act::Write | Act::WriteAtOnce, Some(location)) if was_there(graph.later(location, Source::Event(id))) => {
                keep(id);
            }
            (Act::Choose, _) if node.answer != Some(Answer::Choice(0)) => keep(id),
            _ => {}
        }
    }
    leave_stuck(graph, &mut stays);
    stays
}

/// What a thread waits at has not been done.
pub(super) fn leave_stuck(graph: &Graph, lengths: &mut [u32]) {
    for (n, nodes) in lengths.iter_mut().zip(&graph.threads) {
        if n.checked_sub(1).is_some_and(|last| nodes[last as usize].stuck) {
            *n -= 1;
        }
    }
}
