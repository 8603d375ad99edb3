//! Symmetric threads: executions that differ in nothing but which thread did what are explored once.
//!
//! A program can declare that threads of a *class* run the same code and are told nothing that differs ([`Step::Spawn`](super::Step::Spawn)). Then any
//! permutation of them makes an execution from an execution, and one of each *orbit* is enough (Kokologiannakis, Marmanis,
//! Vafeiadis: SPORE: Combining symmetry and partial order reduction, PLDI 2024).
//!
//! **The one that is kept** is that in which the threads of a class are in order, by what they did: of each event in turn, the place in
//! coherence order of what it reads or writes, or its choice. These numbers go with the threads when they are permuted, so each orbit has
//! one such execution. (Threads that are equal in this have written nothing: if they read the same, to exchange them changes nothing.) A thread
//! that did less than another comes after it.
//!
//! **On the way**, a graph is given up when two threads are in the wrong order for good. That is so where what decides is among the
//! events that no revisit takes away ([`stays`](super::stays)): of two writes, the order in `co` never changes. And it is so where
//! the later thread has performed an atomic operation, and the earlier one, which comes to the same operation, can read nothing that is older: if all
//! that is older is taken by operations like this one.
//!
//! **Load buffering** begins with a cut that knows nothing of what stays. Every core of every orbit is still found: its write is added, with the same
//! prefix but for a permutation, on the way to an execution that is kept. So what grows from cores is not given up, and of
//! the executions with a cycle that is kept which is found first.

use super::Strategy;
use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Act, Id, Source};
use super::program::{Answer, OpenProgram, ReadKind};
use lkmm_model::event::Label;
use std::cmp::Ordering;

impl<P: OpenProgram> Explorer<'_, P> {
    /// Does one execution stand for others? (Random walks come to any.)
    pub(super) fn has_symmetry(&self, graph: &Graph) -> bool {
        let is_wanted = self.options.symmetry && !matches!(self.options.strategy, Strategy::Random { .. });
        is_wanted && !graph.classes().is_empty()
    }

    /// Is this another execution than the one that stands for its orbit?
    pub(super) fn is_mirrored(&self, graph: &Graph) -> bool {
        let is_acyclic = graph.core.iter().all(|&n| n == 0);
        is_acyclic && self.has_symmetry(graph) && neighbours(graph).any(|(a, b)| conduct(graph, a) > conduct(graph, b))
    }

    /// What tells one orbit of executions from another.
    pub(super) fn orbit(&self, graph: &Graph) -> Vec<u32> {
        let mut names: Vec<u32> = (0..graph.threads.len() as u32).collect();
        if self.has_symmetry(graph) {
            for class in classes(graph) {
                let mut sorted = class.clone();
                sorted.sort_by_cached_key(|&thread| conduct(graph, thread));
                class.iter().zip(sorted).for_each(|(&name, thread)| names[thread] = name as u32);
            }
        }
        self.key_under(graph, &names)
    }
}

/// Leads a graph to executions alone whose threads are in the wrong order?
pub(super) fn leads_to_mirrored(graph: &Graph, stays: &[u32]) -> bool {
    graph.core.iter().all(|&n| n == 0)
        && classes(graph).iter().any(|class| {
            let pairs = class.iter().enumerate().flat_map(|(at, &a)| class[at + 1..].iter().map(move |&b| (a, b)));
            pairs.into_iter().any(|(a, b)| is_out_of_order(graph, stays, class, (a, b)))
        })
}

/// The threads of each class, in their own order.
fn classes(graph: &Graph) -> Vec<Vec<usize>> {
    let mut classes: Vec<(u32, Vec<usize>)> = Vec::new();
    for &(class, thread) in graph.classes() {
        match classes.iter_mut().find(|known| known.0 == class) {
            Some((_, threads)) => threads.push(thread as usize),
            None => classes.push((class, vec![thread as usize])),
        }
    }
    classes.iter_mut().for_each(|(_, threads)| threads.sort_unstable());
    classes.into_iter().map(|(_, threads)| threads).collect()
}

/// Each thread of a class, and the next.
fn neighbours(graph: &Graph) -> impl Iterator<Item = (usize, usize)> {
    let pairs = |class: Vec<usize>| class.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    classes(graph).into_iter().flat_map(pairs)
}

/// What a thread did, in numbers that do not depend on which thread it is. The end comes after all.
fn conduct(graph: &Graph, thread: usize) -> Vec<u32> {
    let nodes = graph.threads[thread].iter().enumerate().filter(|(_, node)| !node.stuck);
    nodes.map(|(index, _)| number(graph, Id::new(thread, index))).chain([u32::MAX]).collect()
}

fn number(graph: &Graph, id: Id) -> u32 {
    let node = graph.node(id);
    match (node.act, node.location, node.answer) {
        (Act::Read(_, source), Some(location), _) => graph.rank(location, source) as u32,
        (Act::Write | Act::WriteAtOnce, ..) => node.rank,
        (Act::Choose, _, Some(Answer::Choice(choice))) => choice,
        _ => 0,
    }
}

/// What has become of two events at the same place of their threads.
fn compare(graph: &Graph, a: Id, b: Id) -> Option<Ordering> {
    let is_same = graph.node(a).location == graph.node(b).location;
    is_same.then(|| number(graph, a).cmp(&number(graph, b)))
}

/// Will the first of two threads of a class come after the second, whatever follows?
fn is_out_of_order(graph: &Graph, stays: &[u32], class: &[usize], (a, b): (usize, usize)) -> bool {
    for index in 0..stays[b] {
        let (ours, theirs) = (Id::new(a, index as usize), Id::new(b, index as usize));
        if index >= stays[a] {
            return is_taken_before(graph, stays, class, theirs);
        }
        match compare(graph, ours, theirs) {
            Some(Ordering::Equal) => {}
            order => return order == Some(Ordering::Greater),
        }
    }
    false
}

/// Has an atomic operation taken what all that come to the same operation could read, up to what it reads itself?
fn is_taken_before(graph: &Graph, stays: &[u32], class: &[usize], read: Id) -> bool {
    let takes = |read: Id| {
        let write = Id { index: read.index + 1, ..read };
        write.is_within(stays) && graph.node(write).act == Act::WriteAtOnce
    };
    let node = graph.node(read);
    let (Act::Read(kind, mut source), Some(location)) = (node.act, node.location) else { return false };
    // Who has read the same so far comes to the same operation, and does the same with the same answer.
    let is_alike = |other: Id| {
        let before = |thread: u32| (0..read.index as usize).map(move |index| Id::new(thread as usize, index));
        let mut both = before(other.thread).zip(before(read.thread));
        class.contains(&(other.thread as usize))
            && other.index == read.index
            && both.all(|(x, y)| compare(graph, x, y) == Some(Ordering::Equal))
    };
    if !takes(read) {
        return false;
    }
    while let Source::Event(write) = source {
        let by = graph.node(write);
        if by.label == Label::Unlock {
            // (Who only tries could have found the lock held.)
            if kind != ReadKind::Lock {
                return false;
            }
            let place = graph.rank(location, source);
            source = place.checked_sub(2).map_or(Source::Initial, |at| Source::Event(graph.co(location)[at]));
            continue;
        }
        if by.act != Act::WriteAtOnce || write.index == 0 {
            return false;
        }
        let taker = Id { index: write.index - 1, ..write };
        let is_sure = kind == ReadKind::Lock || is_alike(taker);
        match graph.node(taker).source() {
            Some(before) if is_sure => source = before,
            _ => return false,
        }
    }
    true
}
