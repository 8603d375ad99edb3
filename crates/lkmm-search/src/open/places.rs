//! Where reads and writes may go in a graph, as far as coherence, atomicity and locks decide it.

use super::graph::Graph;
use super::node::{Act, Id, Source};
use super::program::{OpenError, ReadKind};
use super::traces::Traces;
use lkmm_model::event::Label;
use lkmm_model::program::LocationId;

/// Is the lock held?
pub(super) fn is_held(graph: &Graph, location: LocationId) -> bool {
    matches!(graph.last(location), Source::Event(id) if graph.node(id).label == Label::LockWrite)
}

/// May the next event of a thread, outside of a critical section of its own, read from this write?
pub(super) fn may_read(graph: &Graph, thread: usize, kind: ReadKind, source: Source) -> bool {
    match source {
        Source::Event(id) if graph.node(id).label == Label::LockWrite => match kind {
            ReadKind::Lock => false,
            _ => id.thread as usize != thread,
        },
        _ => true,
    }
}

/// The places that a write may have in the coherence order of its location: at least one.
pub(super) fn positions(
    traces: &Traces,
    graph: &Graph,
    write: Id,
    location: LocationId,
) -> Result<std::ops::Range<usize>, OpenError> {
    let node = graph.node(write);
    let follows = match node.label {
        Label::Unlock => match graph.own_section(write.thread as usize, location, write.index as usize) {
            Some(lock) => Some(Source::Event(lock)),
            None => return Err(OpenError::StrayUnlock { origin: node.origin }),
        },
        _ => overwritten(graph, write),
    };
    if let Some(source) = follows {
        let place = graph.rank(location, source);
        return Ok(place..place + 1);
    }
    let unordered = traces.unordered(node.reasons);
    let floor = floor(graph, write.thread as usize, write.index as usize, location, unordered);
    Ok(floor..graph.co(location).len() + 1)
}

/// The rank of the newest write to a location that a thread has seen in its first events: by coherence, what it reads next is no older, and what
/// it writes comes after. (But for those events that are not ordered with the next one.)
pub(super) fn floor(graph: &Graph, thread: usize, events: usize, location: LocationId, unordered: &[u32]) -> usize {
    let before = &graph.threads[thread][..events];
    let ranks = before.iter().enumerate().filter_map(|(index, node)| {
        if node.location != Some(location) || unordered.contains(&(index as u32)) {
            return None;
        }
        match node.source() {
            Some(source) => Some(graph.rank(location, source)),
            None if node.is_write() => Some(graph.rank(location, Source::Event(Id::new(thread, index)))),
            None => None,
        }
    });
    ranks.max().unwrap_or(0)
}

/// What the read of an atomic operation or of a lock reads from, of which this is the write.
pub(super) fn overwritten(graph: &Graph, write: Id) -> Option<Source> {
    let node = graph.node(write);
    let before = &graph.threads[write.thread as usize][..write.index as usize];
    let read = match (node.act, node.rmw) {
        (Act::WriteAtOnce, _) => before.last()?,
        (_, Some(read)) => &before[read as usize],
        _ => return None,
    };
    read.source()
}

/// Would a write at this place come between the read and the write of an atomic operation?
pub(super) fn is_taken(graph: &Graph, location: LocationId, position: usize) -> bool {
    let next = graph.co(location).get(position);
    let source = next.and_then(|&next| overwritten(graph, next));
    source.is_some_and(|source| graph.rank(location, source) == position)
}
