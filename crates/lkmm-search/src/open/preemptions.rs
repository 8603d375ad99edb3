//! A bound on preemptions: which executions threads can produce that are seldom interrupted.
//!
//! Most bugs need few preemptions (Musuvathi, Qadeer: Iterative context bounding, PLDI 2007), and there are far fewer executions with few than
//! there are executions. For graphs, Marmanis, Kokologiannakis and Vafeiadis have shown what a bound means (Reconciling
//! preemption bounding with DPOR, TACAS 2023): the preemptions of an execution are those of the order of its events that has the fewest.
//! [`Strategy::Preemptions`](super::Strategy::Preemptions) says which orders count.
//!
//! **The fewest** are found by going through what can be reached with none, with one, and so on: how far each thread has come, and which runs.
//! To stop a thread that can go on is of use only where it would release something, a lock or who waits for its end: for who waits
//! for that can be left for nothing. Anything else may as well be done earlier.
//!
//! **A graph on the way** is given up when what [stays](super::stays) of it has too many. For that is a prefix of all that the graph leads to, and a
//! prefix has no more preemptions than the whole: leave out of an order what is not in the prefix. Who is left then, and has more to do in the prefix,
//! had it before. If it waits for a lock in the whole, then so in the prefix: who takes the lock before it is in its own prefix. (That takes
//! orders of `po ∪ rf`; with those of `co` and `fr`, a prefix of an execution that is not sequentially consistent could have more than the
//! whole.) Complete executions are counted as a whole.

use super::Strategy;
use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Act, Id, Node, Source};
use super::program::OpenProgram;
use super::stays::leave_stuck;
use lkmm_model::event::Label;
use lkmm_model::program::LocationId;
use rustc_hash::FxHashSet;

impl<P: OpenProgram> Explorer<'_, P> {
    /// Are executions with load buffering looked for? They have no order.
    pub(super) fn wants_cycles(&self) -> bool {
        !matches!(self.options.strategy, Strategy::Preemptions(_))
    }

    /// Has a graph, to which nothing can be added, too many preemptions?
    pub(super) fn is_too_far(&self, graph: &Graph) -> bool {
        let Strategy::Preemptions(most) = self.options.strategy else { return false };
        let mut all: Vec<u32> = graph.threads.iter().map(|nodes| nodes.len() as u32).collect();
        leave_stuck(graph, &mut all);
        let sequential = Steps::new(graph, &all, Order::Memory);
        match sequential.are_acyclic() {
            true => !sequential.have_an_order(most),
            false => !Steps::new(graph, &all, Order::Dependence).have_an_order(most),
        }
    }
}

/// Has what stays of a graph too many preemptions?
pub(super) fn lead_too_far(graph: &Graph, stays: &[u32], most: u32) -> bool {
    !Steps::new(graph, stays, Order::Dependence).have_an_order(most)
}

/// What orders respect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `po`, `rf`, spawns and joins.
    Dependence,
    /// These, `co` and `fr`.
    Memory,
}

/// What a thread does without being interrupted: an event, or an atomic operation.
#[derive(Default)]
struct Step {
    /// So many steps of these threads come before.
    needs: Vec<(usize, usize)>,
    /// It takes this lock.
    takes: Option<LocationId>,
    /// It releases this lock.
    releases: Option<LocationId>,
    /// It waits for the end of this thread.
    joins: Option<usize>,
}

/// The steps of threads.
struct Steps {
    threads: Vec<Vec<Step>>,
    /// Who waits for the end of each thread, and with which step.
    joined: Vec<Vec<(usize, usize)>>,
}

/// How far each thread has come, and which one runs.
type State = (Vec<u32>, usize);

impl Steps {
    /// The steps of the first events of each thread, of which there are so many.
    fn new(graph: &Graph, lengths: &[u32], order: Order) -> Steps {
        let events: Vec<&[Node]> = graph.threads.iter().zip(lengths).map(|(nodes, &n)| &nodes[..n as usize]).collect();
        let begins = |node: &&Node| node.act != Act::WriteAtOnce;
        // So many steps of its thread there are up to an event.
        let up_to = |id: Id| {
            (id.thread as usize, events[id.thread as usize][..=id.index as usize].iter().filter(begins).count())
        };
        let mut steps = Steps { threads: Vec::new(), joined: vec![Vec::new(); events.len()] };
        for (thread, nodes) in events.iter().enumerate() {
            let mut own: Vec<Step> = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                let id = Id::new(thread, index);
                if node.act != Act::WriteAtOnce {
                    own.push(Step::default());
                }
                let at = own.len() - 1;
                let Some(step) = own.last_mut() else { continue };
                step.needs.extend(graph.start_of(thread).filter(|_| index == 0).map(up_to));
                match node.act {
                    Act::Read(_, Source::Event(write)) => step.needs.push(up_to(write)),
                    Act::Join(child) => {
                        let child = child as usize;
                        step.needs.push((child, events[child].iter().filter(begins).count()));
                        step.joins = Some(child);
                        steps.joined[child].push((thread, at));
                    }
                    _ => {}
                }
                match node.label {
                    Label::LockRead => step.takes = node.location,
                    Label::Unlock => step.releases = node.location,
                    _ => {}
                }
                if order == Order::Memory && node.is_write() {
                    step.needs.extend(overwritten(graph, id).into_iter().map(up_to));
                }
                // What it does itself it need not wait for.
                step.needs.retain(|&(other, n)| other != thread || n > at + 1);
            }
            steps.threads.push(own);
        }
        steps
    }

    fn is_over(&self, done: &[u32], thread: usize) -> bool {
        done[thread] as usize == self.threads[thread].len()
    }

    /// Can a thread do its next step?
    fn is_next(&self, done: &[u32], thread: usize) -> bool {
        let next = self.threads[thread].get(done[thread] as usize);
        next.is_some_and(|step| step.needs.iter().all(|&(other, n)| done[other] as usize >= n))
    }

    /// Is there any order?
    fn are_acyclic(&self) -> bool {
        let mut done = vec![0; self.threads.len()];
        while let Some(thread) = (0..done.len()).find(|&thread| self.is_next(&done, thread)) {
            done[thread] += 1;
        }
        (0..done.len()).all(|thread| self.is_over(&done, thread))
    }

    /// Is there an order with so few preemptions?
    fn have_an_order(&self, most: u32) -> bool {
        let mut seen: FxHashSet<State> = FxHashSet::default();
        let mut free: Vec<State> = vec![(vec![0; self.threads.len()], usize::MAX)];
        for _ in 0..=most {
            let mut costly = Vec::new();
            while let Some(state) = free.pop() {
                if (0..state.0.len()).all(|thread| self.is_over(&state.0, thread)) {
                    return true;
                }
                if seen.contains(&state) {
                    continue;
                }
                match self.can_be_left(&state) {
                    true => self.go_on(&state, true, &mut free),
                    false => self.go_on(&state, false, &mut costly),
                }
                seen.insert(state);
            }
            free = costly;
        }
        false
    }

    /// Is it no preemption to go from here to another thread?
    fn can_be_left(&self, (done, running): &State) -> bool {
        let Some(step) = self.threads.get(*running).and_then(|steps| steps.get(done[*running] as usize)) else {
            return true;
        };
        let is_held =
            |lock: LocationId| (0..done.len()).any(|other| other != *running && self.holds(done, other, lock));
        step.takes.is_some_and(is_held) || step.joins.is_some_and(|child| !self.is_over(done, child))
    }

    /// Does a thread hold a lock?
    fn holds(&self, done: &[u32], thread: usize, lock: LocationId) -> bool {
        let before = self.threads[thread][..done[thread] as usize].iter().rev();
        let uses = |step: &&Step| step.takes == Some(lock) || step.releases == Some(lock);
        before.clone().find(uses).is_some_and(|step| step.takes == Some(lock))
    }

    /// Adds where another thread comes to when it runs on. If one can do all that it has to do, and releases nothing, there is nothing
    /// better (unless that costs something).
    fn go_on(&self, (done, running): &State, is_free: bool, states: &mut Vec<State>) {
        let before = states.len();
        for thread in (0..done.len()).filter(|&thread| thread != *running) {
            let mut releases = false;
            let mut state = (done.clone(), thread);
            while self.is_next(&state.0, thread) {
                let at = state.0[thread] as usize;
                if self.releases(thread, at) {
                    releases |= !self.is_awaited(done, thread, at);
                    if state.0[thread] > done[thread] {
                        states.push(state.clone());
                    }
                }
                state.0[thread] += 1;
            }
            if state.0[thread] == done[thread] {
                continue;
            }
            if is_free && !releases && self.is_over(&state.0, thread) {
                states.truncate(before);
                states.push(state);
                return;
            }
            states.push(state);
        }
    }

    /// Does this step of a thread release others?
    fn releases(&self, thread: usize, at: usize) -> bool {
        self.threads[thread][at].releases.is_some()
            || at + 1 == self.threads[thread].len() && !self.joined[thread].is_empty()
    }

    /// Does this step release nobody but a thread that has nothing to do before but to wait for others to end?
    fn is_awaited(&self, done: &[u32], thread: usize, at: usize) -> bool {
        let [(by, join)] = self.joined[thread][..] else { return false };
        let from = done[by] as usize;
        self.threads[thread][at].releases.is_none()
            && from <= join
            && self.threads[by][from..join].iter().all(|step| step.joins.is_some())
    }
}

/// What comes before a write at its location: the write before it, and the reads of that.
fn overwritten(graph: &Graph, write: Id) -> Vec<Id> {
    let node = graph.node(write);
    let Some(location) = node.location else { return Vec::new() };
    let place = graph.rank(location, Source::Event(write));
    let before = place.checked_sub(2).map_or(Source::Initial, |at| Source::Event(graph.co(location)[at]));
    let reads = graph.reads_of(location).filter(|&read| graph.node(read).source() == Some(before));
    let mut all: Vec<Id> = reads.filter(|&read| !graph.node(read).stuck).collect();
    if let Source::Event(before) = before {
        all.push(before);
    }
    all
}
