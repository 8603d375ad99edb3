//! Backward revisits: a new write becomes the source of a read that is already there.
//!
//! The read must not depend on the write. What was added after the read, and is not in the write's prefix, is taken away
//! (it may be added again). Many graphs would lead to the same one in this way, so only one may: the one in which the
//! read, and all that is taken away, was added *maximally*, that is, each read reads from the write that was coherence-last
//! among what was there then or is in the new write's prefix, each write was placed last among these, and none of them
//! was read by an event that came before it. (TruSt, section 4.)

use super::explore::Explorer;
use super::graph::{Graph, Id, Node, Source};
use super::program::{OpenError, OpenProgram, ReadKind};
use lkmm_model::event::Label;
use lkmm_model::program::LocationId;

impl<P: OpenProgram> Explorer<'_, P> {
    /// Goes on with every revisit by a write that has been added, and has no place in `co` yet.
    pub(crate) fn revisit(&mut self, graph: &Graph, write: Id, location: LocationId) -> Result<(), OpenError> {
        let prefix = &graph.node(write).clock;
        for (read, node) in graph.nodes() {
            let depends = read.index < prefix[read.thread as usize];
            if node.location != Some(location) || depends || !can_read(graph, read, write) {
                continue;
            }
            if is_maximal(graph, read, write) {
                let kept = graph.threads.iter().zip(prefix.iter()).map(|(nodes, &in_prefix)| {
                    let before = nodes.partition_point(|n| n.stamp <= node.stamp) as u32;
                    before.max(in_prefix)
                });
                let mut graph = graph.cut(&kept.collect::<Vec<u32>>());
                graph.redirect(read, Source::Event(write));
                self.settle(&mut graph, read)?;
                self.place(graph, write, location)?;
            }
        }
        Ok(())
    }
}

/// May the event read from such a write, where it stands?
pub(crate) fn can_read(graph: &Graph, read: Id, write: Id) -> bool {
    let node = graph.node(read);
    let (Some(reading), Some(location)) = (&node.reading, node.location) else { return false };
    let is_ordinary = matches!(graph.node(write).event.label, Label::Write(_));
    let inside = || graph.own_section(read.thread as usize, location, read.index as usize).is_some();
    is_ordinary == (reading.kind == ReadKind::Ordinary) && (is_ordinary || !inside())
}

/// Was the read added maximally, and everything that goes when the write revisits it?
fn is_maximal(graph: &Graph, read: Id, write: Id) -> bool {
    let prefix = &graph.node(write).clock;
    let in_prefix = |id: Id| id != write && id.index < prefix[id.thread as usize];
    let from = graph.node(read).stamp;
    graph.nodes().filter(|&(id, node)| node.stamp >= from && id != write && !in_prefix(id)).all(|(id, node)| {
        let was_there = |other: Id| graph.node(other).stamp <= node.stamp || in_prefix(other);
        let is_last = |location: LocationId, source: Source| {
            let rank = graph.rank(location, source);
            graph.co(location)[rank..].iter().all(|&later| !was_there(later))
        };
        let read_before = || {
            let reads_it = |n: &Node| n.reading.as_ref().is_some_and(|r| r.source == Source::Event(id));
            graph.nodes().any(|(other, n)| reads_it(n) && was_there(other))
        };
        match (&node.reading, node.location) {
            (Some(reading), Some(location)) => is_last(location, reading.source),
            (None, Some(location)) if node.event.label != Label::SyncSrcu => {
                !read_before() && is_last(location, Source::Event(id))
            }
            _ => true,
        }
    })
}
