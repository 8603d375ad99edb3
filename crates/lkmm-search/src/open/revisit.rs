//! Backward revisits: a new write becomes the source of a read that is already there.
//!
//! The read must not depend on the write. What was added after the read, and is not in the write's prefix, is taken away
//! (it may be added again). Many graphs would lead to the same one in this way, so only one may: the one in which the
//! read, and all that is taken away, was added *maximally*, that is, each read reads from the write that was coherence-last
//! among what was there then or is in the new write's prefix, each write was placed last among these, and none of them
//! was read by an event that came before it. (TruSt, section 4.)

use super::explore::Explorer;
use super::graph::{Act, Graph, Id, Node, Source};
use super::places::{is_taken, overwritten, positions};
use super::program::{Answer, OpenError, OpenProgram, ReadKind};
use lkmm_model::event::Label;
use lkmm_model::program::LocationId;

impl<P: OpenProgram> Explorer<'_, P> {
    /// Puts by every revisit by a write that has been added, and has no place in `co` yet.
    pub(super) fn revisit(&mut self, graph: &Graph, write: Id, location: LocationId) -> Result<(), OpenError> {
        // Where its place is taken, the one that took it must go, or be the one that is revisited.
        let latest = match taker(graph, write, location) {
            Some(taker) => graph.node(taker).stamp,
            None => u32::MAX,
        };
        for thread in 0..graph.threads.len() {
            let first = graph.clock(write)[thread] as usize;
            for index in first..graph.threads[thread].len() {
                let (read, node) = (Id::new(thread, index), &graph.threads[thread][index]);
                if node.location != Some(location) || node.stamp > latest || !can_read(graph, read, write) {
                    continue;
                }
                if is_maximal(graph, read, write) {
                    self.revisit_one(graph, write, read, location)?;
                }
            }
        }
        Ok(())
    }

    fn revisit_one(&mut self, graph: &Graph, write: Id, read: Id, location: LocationId) -> Result<(), OpenError> {
        let Node { act, stamp, .. } = *graph.node(read);
        let Act::Read(kind, _) = act else { return Ok(()) };
        let kept: Vec<u32> = graph
            .threads
            .iter()
            .zip(graph.clock(write))
            .map(|(nodes, &in_prefix)| {
                let before = nodes.partition_point(|node| node.stamp <= stamp) as u32;
                before.max(in_prefix)
            })
            .collect();
        let mut cut = self.spare();
        cut.become_cut(graph, &kept);
        cut.pop(read);
        let again = cut.push_open_read(&mut self.traces, read.thread as usize, kind, location, Source::Event(write));
        cut.restamp(again, stamp);
        let mut places = positions(&self.traces, &cut, write, location)?;
        places.start = places.clone().find(|&place| !is_taken(&cut, location, place)).unwrap_or(places.end);
        while let Some(place) = places.next() {
            places.start = places.clone().find(|&place| !is_taken(&cut, location, place)).unwrap_or(places.end);
            let mut placed = self.spare();
            if places.is_empty() {
                std::mem::swap(&mut placed, &mut cut);
            } else {
                placed.clone_from(&cut);
            }
            placed.place(location, write, place);
            let is_consistent = place + 1 == placed.co(location).len() && grew_maximally(&placed, read);
            self.put_by_redirected(placed, read, is_consistent);
        }
        self.give_back(cut);
        Ok(())
    }
}

/// The read of the atomic operation that has taken the place of a write.
fn taker(graph: &Graph, write: Id, location: LocationId) -> Option<Id> {
    let source = overwritten(graph, write)?;
    let place = graph.rank(location, source);
    let next = *graph.co(location).get(place)?;
    let node = graph.node(next);
    let is_taker = overwritten(graph, next) == Some(source);
    let read = match node.act {
        Act::WriteAtOnce => next.index - 1,
        _ => node.rmw?,
    };
    is_taker.then_some(Id { index: read, ..next })
}

/// May the event read from such a write, where it stands?
pub(super) fn can_read(graph: &Graph, read: Id, write: Id) -> bool {
    let node = graph.node(read);
    let (Act::Read(kind, _), Some(location)) = (node.act, node.location) else { return false };
    let inside = || graph.own_section(read.thread as usize, location, read.index as usize).is_some();
    match (graph.node(write).label, kind) {
        (Label::Write(_), kind) => kind == ReadKind::Ordinary,
        (_, ReadKind::Ordinary) => false,
        // Who waits for this section to end has the lock next.
        (Label::Unlock, ReadKind::Lock) => {
            let section = graph.own_section(write.thread as usize, location, write.index as usize);
            node.stuck && node.source() == section.map(Source::Event)
        }
        _ => !inside(),
    }
}

/// Was the read added maximally, and everything that goes when the write revisits it?
fn is_maximal(graph: &Graph, read: Id, write: Id) -> bool {
    let prefix = graph.clock(write);
    let in_prefix = |id: Id| id != write && id.is_within(prefix);
    let from = graph.node(read).stamp;
    let goes = |id: Id, node: &Node| node.stamp >= from && id != write && !in_prefix(id);
    graph.nodes().all(|(id, node)| {
        if let Some(Source::Event(source)) = node.source() {
            let written = graph.node(source);
            if goes(source, written) && (node.stamp <= written.stamp || in_prefix(id)) {
                return false;
            }
        }
        if !goes(id, node) {
            return true;
        }
        let is_last = |location: LocationId, source: Source| {
            let was_there = |&other: &Id| other != write && (graph.node(other).stamp <= node.stamp || in_prefix(other));
            !graph.later(location, source).iter().any(was_there)
        };
        match (node.act, node.location) {
            (Act::Read(_, source), Some(location)) => is_last(location, source),
            (Act::Write | Act::WriteAtOnce, Some(location)) => is_last(location, Source::Event(id)),
            (Act::Choose, _) => node.answer == Some(Answer::Choice(0)),
            _ => true,
        }
    })
}

/// Would a graph, in which a read was redirected to a write that came last, have come about by adding each event
/// maximally to what was there before the read? Then it is consistent, as that was.
fn grew_maximally(graph: &Graph, read: Id) -> bool {
    let from = graph.node(read).stamp;
    let mut added: Vec<Id> = Vec::new();
    for &id in &graph.order {
        let node = graph.node(id);
        if node.stamp < from && id != read {
            continue;
        }
        let was_there = |other: &Id| graph.node(*other).stamp < from || added.contains(other);
        let source = match node.act {
            Act::Read(_, source) => Some(source),
            Act::Write | Act::WriteAtOnce => Some(Source::Event(id)),
            _ => None,
        };
        if let (Some(source), Some(location)) = (source, node.location) {
            if graph.later(location, source).iter().any(was_there) {
                return false;
            }
        }
        added.push(id);
    }
    true
}
