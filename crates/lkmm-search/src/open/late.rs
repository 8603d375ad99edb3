//! Load buffering: a write takes over reads that it depends on.
//!
//! Such an execution is reached from a graph in which the reads still have another source, under which their threads
//! produce the same events label for label. So, when a write is added: cut the graph down to the write's prefix, let any
//! set of the reads in it take over the value of the write, and run the threads again. Where all labels come out again,
//! what is read around a [cycle](super::cycles) is still written, and the graph is consistent, it is a *core*, from which
//! a search sets out as from the empty graph. Nothing in the core is ever taken away, but a later write may take over
//! reads of it in turn, and so make a larger core.
//!
//! Several graphs lead to one core, and several cores into one execution. TruSt's argument that each is reached once fails
//! here (it needs that a write is there whatever a read returns), so cores, and complete executions with a cycle, are
//! remembered. Executions without a cycle never are.
//!
//! Whether a thread does the same with other answers depends on these alone, so a thread that does not is not asked again,
//! unless it may have learned something in another way.

use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Act, Id, Node, Source};
use super::places::{overwritten, positions};
use super::program::{Answer, OpenError, OpenProgram};
use super::revisit::can_read;
use super::traces::Trace;
use lkmm_model::event::Label;
use lkmm_model::program::LocationId;

/// Puts by every core that the write, which has been added and has no place in `co` yet, makes.
pub(super) fn explore<P: OpenProgram>(
    explorer: &mut Explorer<'_, P>,
    graph: &Graph,
    write: Id,
    location: LocationId,
) -> Result<(), OpenError> {
    if !has_candidate(graph, write, location, &[]) {
        return Ok(());
    }
    let ordered = graph.before_by_threads(write);
    if !has_candidate(graph, write, location, &ordered) {
        return Ok(());
    }
    let mut prefix = explorer.spare();
    prefix.become_cut(graph, graph.clock(write));
    for position in positions(&explorer.traces, &prefix, write, location)? {
        prefix.place(location, write, position);
        let families = families(explorer, &prefix, write, location, &ordered);
        let mut choice = vec![0; families.len()];
        while next_choice(&mut choice, &families) {
            if explorer.is_too_late() {
                return Ok(());
            }
            let mut core = explorer.spare();
            core.clone_from(&prefix);
            for (family, chosen) in families.iter().zip(&choice) {
                let Some(chosen) = chosen.checked_sub(1) else { continue };
                for &index in &family.sets[chosen] {
                    let id = Id::new(family.thread, index);
                    let Act::Read(kind, _) = core.node(id).act else { continue };
                    let answer = explorer.answer(&core, Source::Event(write), location, kind);
                    core.take_over(id, Source::Event(write), answer);
                }
            }
            if core.is_cyclic() && !explorer.knows_core(&explorer.key(&core)) {
                explorer.put_by_core(&core);
            }
            explorer.give_back(core);
        }
        prefix.unplace(location, position);
    }
    explorer.give_back(prefix);
    Ok(())
}

/// Is there a read that might be taken over? Not one of those events of each thread that come before the write by spawns and joins: there `po` leads from it
/// to the write, and who reads from a write that comes after it in `po` violates coherence.
fn has_candidate(graph: &Graph, write: Id, location: LocationId, ordered: &[u32]) -> bool {
    let clock = graph.clock(write);
    let follows = overwritten(graph, write);
    graph.reads_of(location).any(|read| {
        read.thread != write.thread && read.is_within(clock) && !read.is_within(ordered) && {
            let nodes = &graph.threads[read.thread as usize];
            let fits = || follows.is_none() || follows == nodes[read.index as usize].source();
            (fits() || !is_half(nodes, read.index as usize)) && can_read(graph, read, write)
        }
    })
}

/// Is the event the read of an atomic operation, whose write comes right after what it reads from?
pub(super) fn is_half(nodes: &[Node], index: usize) -> bool {
    nodes.get(index + 1).is_some_and(|next| next.act == Act::WriteAtOnce)
}

/// The sets of reads of a thread that can read from a write: each but the empty one.
struct Family {
    thread: usize,
    sets: Vec<Vec<usize>>,
}

/// The families of all threads that have one.
fn families<P: OpenProgram>(
    explorer: &Explorer<'_, P>,
    graph: &Graph,
    write: Id,
    location: LocationId,
    ordered: &[u32],
) -> Vec<Family> {
    let target = graph.rank(location, Source::Event(write));
    let is_free = |read: &Id| read.thread != write.thread && !read.is_within(ordered);
    let can_be_taken = |read: &Id| is_free(read) && can_be_taken(graph, *read, write, target);
    let reads: Vec<Id> = graph.reads_of(location).filter(can_be_taken).collect();
    // What such a read leads to may be written with another value.
    let may_change = |id: Id| reads.iter().any(|read| read.is_within(graph.clock(id)));
    let families = (0..graph.threads.len()).filter_map(|thread| {
        let nodes = &graph.threads[thread];
        if !reads.iter().any(|read| read.thread as usize == thread) {
            return None;
        }
        let keeps = |node: &Node| !matches!(node.source(), Some(Source::Event(write)) if may_change(write));
        let knows_answers = is_on_its_own(explorer, graph, thread) && nodes.iter().all(keeps);
        let is_refuted = |taken: &[usize]| {
            let told = |index: usize, node: &Node| match node.act {
                Act::Read(kind, _) if taken.contains(&index) => {
                    Some(explorer.answer(graph, Source::Event(write), location, kind))
                }
                _ => node.answer,
            };
            explorer.refuted.contains(&conduct(thread, nodes, told))
        };
        let first = ordered[thread] as usize;
        let mut sets = coherent_subsets(explorer, graph, thread, first, write, location);
        let is_in_vain = |taken: &[usize]| {
            follows_nothing(explorer, graph, thread, taken, write) || knows_answers && is_refuted(taken)
        };
        sets.retain(|taken| !taken.is_empty() && !is_in_vain(taken));
        (!sets.is_empty()).then_some(Family { thread, sets })
    });
    families.collect()
}

/// Would a thread follow what is no pointer? It did something at an address that it had from one of these reads alone. With another answer it cannot do that
/// again, and it is better not to try.
fn follows_nothing<P: OpenProgram>(
    explorer: &Explorer<'_, P>,
    graph: &Graph,
    thread: usize,
    taken: &[usize],
    write: Id,
) -> bool {
    let nodes = &graph.threads[thread];
    let is_pointer = graph.node(write).value.is_none_or(|value| explorer.run.program.may_be_followed(value));
    !is_pointer
        && taken.iter().any(|&read| {
            let reasons = |node: &Node| explorer.traces.reasons_of(node.reasons);
            let is_followed = |node: &Node| reasons(node).is_some_and(|reasons| reasons.addr.contains(&(read as u32)));
            let mut others = nodes.iter().enumerate().filter(|(index, _)| !taken.contains(index));
            nodes.iter().any(is_followed) && !others.any(|(_, node)| node.answer == nodes[read].answer)
        })
}

/// Goes on to the next choice of a set of each family, 0 being none. False if there is none left.
fn next_choice(choice: &mut [usize], families: &[Family]) -> bool {
    for (chosen, family) in choice.iter_mut().zip(families).rev() {
        if *chosen < family.sets.len() {
            *chosen += 1;
            return true;
        }
        *chosen = 0;
    }
    false
}

/// Can a read be taken over by a write that has this rank?
fn can_be_taken(graph: &Graph, read: Id, write: Id, target: usize) -> bool {
    let nodes = &graph.threads[read.thread as usize];
    let node = &nodes[read.index as usize];
    let (Some(source), Some(location)) = (node.source(), node.location) else { return false };
    // The write of an atomic operation stays where it is: right after what its read reads from.
    let is_in_place = !is_half(nodes, read.index as usize) || target == graph.rank(location, source) + 1;
    is_in_place && can_read(graph, read, write) && keeps_label(node, graph.node(write))
}

/// Does a thread know nothing but what it was told? Those that it has joined may have returned something, objects that it has read hold something,
/// and the one that started it may have handed on what it was told.
pub(super) fn is_on_its_own<P: OpenProgram>(explorer: &Explorer<'_, P>, graph: &Graph, thread: usize) -> bool {
    let is_opaque = |location| explorer.run.program.is_opaque(location);
    let learns = |node: &Node| match node.act {
        Act::Join(_) => true,
        Act::Read(..) => node.location.is_some_and(is_opaque),
        _ => false,
    };
    if graph.threads[thread].iter().any(learns) {
        return false;
    }
    let mut start = graph.start_of(thread);
    while let Some(by) = start {
        let before = &graph.threads[by.thread as usize][..by.index as usize];
        if before.iter().any(|node| node.answer.is_some()) {
            return false;
        }
        start = graph.start_of(by.thread as usize);
    }
    true
}

/// What a thread is to do, given what it is told: its trace, and the answers on the way.
pub(super) type Conduct = (usize, Option<Trace>, Vec<Answer>);

/// What a thread is to do when it is told something else than before.
pub(super) fn conduct(thread: usize, nodes: &[Node], told: impl Fn(usize, &Node) -> Option<Answer>) -> Conduct {
    let answers = nodes.iter().enumerate().filter_map(|(index, node)| told(index, node));
    (thread, nodes.last().map(|node| node.trace), answers.collect())
}

/// The sets of reads of the thread, from its first one on that may, that coherence allows to read from the write: what a thread sees of a location never
/// goes back.
fn coherent_subsets<P: OpenProgram>(
    explorer: &Explorer<'_, P>,
    graph: &Graph,
    thread: usize,
    first: usize,
    write: Id,
    location: LocationId,
) -> Vec<Vec<usize>> {
    let target = graph.rank(location, Source::Event(write));
    let mut subsets = vec![Subset::default()];
    let nodes = &graph.threads[thread];
    for (index, node) in nodes.iter().enumerate().filter(|(_, n)| n.location == Some(location)) {
        let id = Id::new(thread, index);
        let rank = match (node.source(), node.is_write()) {
            (Some(source), _) => graph.rank(location, source),
            (None, true) => graph.rank(location, Source::Event(id)),
            _ => continue,
        };
        let can_be_taken = index >= first && can_be_taken(graph, id, write, target);
        let unordered = explorer.traces.unordered(node.reasons);
        let follows = |subset: &Subset, rank: usize| {
            subset.seen.iter().all(|(other, before)| unordered.contains(other) || *before <= rank)
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
    match read.label {
        Label::LockFail | Label::ReadLocked => write.label == Label::LockWrite,
        Label::ReadUnlocked => write.label == Label::Unlock,
        Label::LockRead => false,
        _ => true,
    }
}
