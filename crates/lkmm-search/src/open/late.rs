//! Load buffering: a write takes over reads that it depends on.
//!
//! Such an execution is reached from a graph in which the reads still have another source, under which their threads
//! produce the same events label for label. So, when a write is added: cut the graph down to the write's prefix, let any
//! set of the reads in it take over the value of the write, and run their threads again. Where all labels come out again
//! and the graph is consistent, it is a *core*, from which a search sets out as from the empty graph. Nothing in the core
//! is ever taken away, but a later write may take over reads of it in turn, and so make a larger core.
//!
//! Several graphs lead to one core, and several cores into one execution. TruSt's argument that each is reached once fails
//! here (it needs that a write is there whatever a read returns), so cores, and complete executions with a cycle, are
//! remembered. Executions without a cycle never are.

use super::explore::{Explorer, positions};
use super::graph::{Graph, Id, Node, Source};
use super::program::{Answer, OpenError, OpenProgram};
use super::revisit::can_read;
use lkmm_model::event::Label;
use lkmm_model::program::LocationId;
use std::sync::Arc;

/// Explores what grows from every core that the write, which has been added and has no place in `co` yet, makes.
pub(crate) fn explore<P: OpenProgram>(
    explorer: &mut Explorer<'_, P>,
    graph: &Graph,
    write: Id,
    location: LocationId,
) -> Result<(), OpenError> {
    let prefix = &graph.node(write).clock;
    let is_candidate = |thread: u32, index: u32, node: &Node| {
        node.location == Some(location) && node.reading.is_some() && index < prefix[thread as usize]
    };
    let others = || graph.nodes().filter(|(id, _)| id.thread != write.thread);
    if !others().any(|(id, node)| is_candidate(id.thread, id.index, node)) {
        return Ok(());
    }
    let prefix = graph.cut(prefix);
    for position in positions(&prefix, write, location)? {
        let mut placed = prefix.clone();
        placed.place(location, write, position);
        let mut families = Vec::new();
        for thread in 0..placed.threads.len() {
            families.push(takeovers(explorer, &placed, thread, write, location)?);
        }
        if families.iter().all(|family| family.len() == 1) {
            continue;
        }
        // In the first choice, no read is taken over.
        for choice in choices(&families.iter().map(Vec::len).collect::<Vec<_>>()).into_iter().skip(1) {
            let mut core = placed.clone();
            for (thread, (family, &chosen)) in families.iter().zip(&choice).enumerate() {
                core.threads[thread].clone_from(&family[chosen]);
            }
            if !core.is_cyclic() || !explorer.cores.insert(core.key()) {
                continue;
            }
            core.freeze();
            if explorer.is_consistent(&core) {
                explorer.explore(core)?;
            }
        }
    }
    Ok(())
}

/// Every way in which reads of a thread can read from the write: its events, which have the same labels as before. The
/// first is what it is now.
fn takeovers<P: OpenProgram>(
    explorer: &Explorer<'_, P>,
    graph: &Graph,
    thread: usize,
    write: Id,
    location: LocationId,
) -> Result<Vec<Vec<Node>>, OpenError> {
    let nodes = &graph.threads[thread];
    let mut family = vec![nodes.clone()];
    if thread == write.thread as usize {
        return Ok(family);
    }
    for taken in coherent_subsets(graph, thread, write, location) {
        if taken.is_empty() {
            continue;
        }
        let answer_to = |(index, node): (usize, &Node)| {
            let reading = node.reading.as_ref()?;
            let source = if taken.contains(&index) { Source::Event(write) } else { reading.source };
            let written = match source {
                Source::Event(id) if id == write => graph.node(write).value.map(Answer::Value),
                _ => None,
            };
            Some(written.unwrap_or(reading.answer))
        };
        let answers: Vec<Option<Answer>> = nodes.iter().enumerate().map(answer_to).collect();
        let Some(events) = explorer.replay.reproduce(nodes, thread, &answers)? else { continue };
        let mut again = nodes.clone();
        for (index, (node, access)) in again.iter_mut().zip(events).enumerate() {
            node.event = Arc::new(access.event);
            node.fence_before = access.fence_before.map(Arc::new);
            if let (Some(reading), Some(answer)) = (&mut node.reading, answers[index]) {
                reading.answer = answer;
                if taken.contains(&index) {
                    reading.source = Source::Event(write);
                }
            }
        }
        family.push(again);
    }
    Ok(family)
}

/// The sets of reads of the thread that coherence allows to read from the write: what a thread sees of a location never
/// goes back.
fn coherent_subsets(graph: &Graph, thread: usize, write: Id, location: LocationId) -> Vec<Vec<usize>> {
    let target = graph.rank(location, Source::Event(write));
    let mut subsets = vec![Subset::default()];
    for (index, node) in graph.threads[thread].iter().enumerate().filter(|(_, n)| n.location == Some(location)) {
        let id = Id { thread: thread as u32, index: index as u32 };
        let rank = match (&node.reading, node.event.label) {
            (Some(reading), _) => graph.rank(location, reading.source),
            (None, Label::Write(_) | Label::LockWrite | Label::Unlock) => graph.rank(location, Source::Event(id)),
            _ => continue,
        };
        let can_be_taken = can_read(graph, id, write) && keeps_label(node, graph.node(write));
        let follows = |subset: &Subset, rank: usize| {
            subset.seen.iter().all(|(other, before)| node.event.unordered.contains(other) || *before <= rank)
        };
        let mut next = Vec::new();
        for mut subset in subsets {
            if can_be_taken && follows(&subset, target) {
                let mut with = subset.clone();
                with.taken.push(index);
                with.seen.push((id.index, target));
                next.push(with);
            }
            if follows(&subset, rank) {
                subset.seen.push((id.index, rank));
                next.push(subset);
            }
        }
        subsets = next;
    }
    subsets.into_iter().map(|subset| subset.taken).collect()
}

/// Reads of a thread that read from the write, and the ranks that the thread then sees, each with the event that sees it.
#[derive(Clone, Default)]
struct Subset {
    taken: Vec<usize>,
    seen: Vec<(u32, usize)>,
}

/// Is a read of a lock the same event when it reads from this write?
fn keeps_label(read: &Node, write: &Node) -> bool {
    match read.event.label {
        Label::LockFail | Label::ReadLocked => write.event.label == Label::LockWrite,
        Label::ReadUnlocked => write.event.label == Label::Unlock,
        Label::LockRead => false,
        _ => true,
    }
}

/// Every combination of one number below each of `sizes`.
fn choices(sizes: &[usize]) -> Vec<Vec<usize>> {
    sizes.iter().fold(vec![Vec::new()], |all, &size| {
        let extend = |choice: Vec<usize>| {
            (0..size).map(move |next| choice.iter().copied().chain([next]).collect::<Vec<usize>>())
        };
        all.into_iter().flat_map(extend).collect()
    })
}
