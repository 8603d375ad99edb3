//! Backward revisits: a new write becomes the source of a read that is already there.
//!
//! The read must not depend on the write. What was added after the read, and is not in the write's prefix, is taken away
//! (it may be added again). Many graphs would lead to the same one in this way, so only one may: the one in which the
//! read, and all that is taken away, was added *maximally*, that is, each read reads from the write that was coherence-last
//! among what was there then or is in the new write's prefix, each write was placed last among these, and none of them
//! was read by an event that came before it. (TruSt, section 4.)

use super::explore::Explorer;
use super::graph::Graph;
use super::late::is_half;
use super::node::{Act, Id, Node, Source};
use super::places::{floor, is_taken, overwritten, positions};
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
        let prefix = graph.clock(write);
        let may =
            |&read: &Id| !read.is_within(prefix) && graph.node(read).stamp <= latest && can_read(graph, read, write);
        let mut reads = std::mem::take(&mut self.reads);
        reads.clear();
        reads.extend(graph.reads_of(location).filter(may).filter(|&read| is_maximal(graph, read, write)));
        reads.sort_unstable();
        let done = reads.iter().try_for_each(|&read| self.revisit_one(graph, write, read, location));
        self.reads = reads;
        done
    }

    fn revisit_one(&mut self, graph: &Graph, write: Id, read: Id, location: LocationId) -> Result<(), OpenError> {
        let Node { act, stamp, .. } = *graph.node(read);
        let Act::Read(kind, _) = act else { return Ok(()) };
        let mut cut = self.spare();
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        kept.extend(graph.threads.iter().zip(graph.clock(write)).map(|(nodes, &in_prefix)| {
            let goes = nodes[in_prefix as usize..].iter().rev().take_while(|node| node.stamp > stamp).count();
            (nodes.len() - goes) as u32
        }));
        cut.become_cut(graph, &kept);
        self.kept = kept;
        cut.pop(read);
        let again = cut.push_open_read(&mut self.traces, read.thread as usize, kind, location, Source::Event(write));
        cut.restamp(again, stamp);
        let mut places = positions(&self.traces, &cut, write, location)?;
        // What the reader has seen of the location comes before, too.
        let unordered = self.traces.unordered(graph.node(read).reasons);
        let seen = floor(&cut, read.thread as usize, read.index as usize, location, unordered);
        places.start = places.start.max(seen);
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

/// Can an atomic operation, the next event of a thread, come between a write and the atomic operation that reads from it? Only
/// by taking over that one's read, or one that came before it; or else there is load buffering. (Not all of what
/// [`is_maximal`] asks for is looked at, but nothing has to be added to the graph for it.)
pub(super) fn may_overtake(graph: &Graph, thread: usize, location: LocationId, source: Source) -> bool {
    let co = graph.co(location);
    let Some(taker) = co.get(graph.rank(location, source)) else { return true };
    let latest = graph.node(*taker).stamp;
    let own = graph.clock_of_next(thread);
    let its = match source {
        Source::Initial => &[],
        Source::Event(id) => graph.clock(id),
    };
    let in_prefix = |id: Id| id.is_within(own) || id.is_within(its);
    let is_in_its_place = |read: Id| {
        let nodes = &graph.threads[read.thread as usize];
        let reads_it = || nodes[read.index as usize].source() == Some(source);
        read.thread as usize != thread && (!is_half(nodes, read.index as usize) || reads_it())
    };
    // The last one that could be taken over and would go.
    let mut last = None;
    for read in graph.reads_of(location) {
        let stamp = graph.node(read).stamp;
        if in_prefix(read) {
            if is_in_its_place(read) {
                return true;
            }
        } else if stamp <= latest {
            last = last.max(Some(stamp));
        }
    }
    // A read that reads from a write that came later than it, and would go, forbids what goes as far back as that write.
    let goes_no_further = |read: Id, from: u32| match graph.node(read).source() {
        Some(Source::Event(write)) => {
            let stamp = graph.node(write).stamp;
            from <= stamp && graph.node(read).stamp <= stamp && !in_prefix(write)
        }
        _ => false,
    };
    last.is_some_and(|last| !graph.reads().any(|read| goes_no_further(read, last)))
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
    let was_added_maximally = |id: Id, node: &Node| {
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
    };
    // Does it read from a write that goes and came later than it?
    let reads_later = |id: Id| {
        let node = graph.node(id);
        let Some(Source::Event(source)) = node.source() else { return false };
        let written = graph.node(source);
        written.stamp >= from && (node.stamp <= written.stamp || in_prefix(id)) && source != write && !in_prefix(source)
    };
    // Where one is not maximal it is mostly the read itself. What goes are the last events of each thread.
    !reads_later(read)
        && was_added_maximally(read, graph.node(read))
        && !graph.reads().any(reads_later)
        && graph.threads.iter().zip(prefix).enumerate().all(|(thread, (nodes, &kept))| {
            let last = nodes[kept as usize..].iter().enumerate().rev();
            last.take_while(|(_, node)| node.stamp >= from)
                .all(|(at, node)| was_added_maximally(Id::new(thread, kept as usize + at), node))
        })
}

/// Would a graph, in which a read was redirected to a write that came last, have come about by adding each event
/// maximally to what was there before the read? Then it is consistent, as that was.
fn grew_maximally(graph: &Graph, read: Id) -> bool {
    let from = graph.node(read).stamp;
    // The place in the coherence order of the last write that was there, of each location.
    let mut last = [0u32; 64];
    if graph.co.len() > last.len() {
        return false;
    }
    for (last, writes) in last.iter_mut().zip(&graph.co) {
        let before = writes.order.iter().rposition(|&write| graph.node(write).stamp < from);
        *last = before.map_or(0, |at| at as u32 + 1);
    }
    graph.order.iter().all(|&id| {
        let node = graph.node(id);
        let Some(location) = node.location.filter(|_| node.stamp >= from && node.is_access()) else { return true };
        let Ok(at) = graph.co.binary_search_by_key(&location, |writes| writes.location) else { return true };
        let rank = node.source().map_or(node.rank, |source| graph.rank(location, source) as u32);
        let is_last = last[at] <= rank;
        last[at] = last[at].max(node.rank);
        is_last
    })
}
