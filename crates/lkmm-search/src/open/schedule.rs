//! Who goes on next.
//!
//! The next event is always that of the first thread, in a fixed order, that can go on, but for those that wait for other threads to end:
//! they come last, and have often no need to wait any more. This follows from the graph alone, as it must. The scan goes on where it stood:
//! a thread that cannot go on waits for a spawn, an unlock or a join, or for ever.
//!
//! A join is an event that orders what its thread does next. If that is nothing, it orders nothing, so joins go into the graph together with the
//! event that follows.

use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Act, Node};
use super::places::is_held;
use super::program::{Answer, OpenError, OpenProgram, ReadKind, Step};

/// A thread has waited until another one had ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    thread: usize,
    child: usize,
    origin: u32,
}

impl<P: OpenProgram> Explorer<'_, P> {
    /// What comes next: the first thread that can go on, and its step. A step that asks stays what the thread does next. Who waits for threads to
    /// end comes last.
    pub(super) fn next(&mut self, graph: &Graph) -> Option<(usize, Step)> {
        let places = self.options.schedule.len() + graph.threads.len();
        loop {
            let mut at = self.cursor.start;
            while at < self.cursor.end.min(places) {
                if let Some(next) = self.scheduled(at, graph).and_then(|thread| self.ready(graph, thread)) {
                    self.cursor.start = at;
                    return Some(next);
                }
                at += 1;
            }
            // Who has joined another one is the only thread that can go on.
            let joined =
                (0..places).find(|&at| self.scheduled(at, graph).is_some_and(|thread| self.join(graph, thread)))?;
            self.cursor = joined..joined + 1;
        }
    }

    /// Lets a thread that waits for others to end go on, if they have. Did it wait, and need not any more?
    fn join(&mut self, graph: &Graph, thread: usize) -> bool {
        let before = self.joins.len();
        while let Step::Join { thread: child, origin } = *self.run.step(thread) {
            if !self.has_ended(graph, child) {
                break;
            }
            self.joins.push(Join { thread, child, origin });
            self.run.resume(thread, Answer::Joined);
        }
        self.joins.len() > before
    }

    /// The thread at a place of the schedule, if it is there.
    fn scheduled(&self, at: usize, graph: &Graph) -> Option<usize> {
        let schedule = &self.options.schedule;
        let thread = match at.checked_sub(schedule.len()) {
            None => schedule[at],
            Some(thread) if schedule.contains(&thread) => return None,
            Some(thread) => thread,
        };
        let is_there = graph.has_started(thread, self.roots) && !graph.last_node(thread).is_some_and(|node| node.stuck);
        is_there.then_some(thread)
    }

    /// The step of a thread, if it can go on and waits for none to end.
    fn ready(&mut self, graph: &Graph, thread: usize) -> Option<(usize, Step)> {
        match *self.run.step(thread) {
            Step::End { .. } | Step::Failed(_) | Step::Stuck | Step::Wait { .. } | Step::Join { .. } => None,
            Step::Error(OpenError::Illegal(_) | OpenError::BadAddress { .. }) => None,
            Step::Error(OpenError::Sleep { .. } | OpenError::Uninit { .. }) => None,
            Step::Read(ReadKind::Lock, location) if is_held(graph, location) => None,
            Step::Read(kind, location) => Some((thread, Step::Read(kind, location))),
            Step::Choose(n) => Some((thread, Step::Choose(n))),
            _ => Some((thread, self.run.take(thread))),
        }
    }

    /// Others than those of whom it is known may be able to go on.
    pub(super) fn look_at_all(&mut self) {
        self.cursor = 0..usize::MAX;
    }

    /// Adds the joins that a thread has done.
    pub(super) fn add_joins(&mut self, graph: &mut Graph, thread: usize) {
        while let Some(at) = self.joins.iter().position(|join| join.thread == thread) {
            let Join { child, origin, .. } = self.joins.remove(at);
            self.add_joins(graph, child);
            let node = Node { answer: Some(Answer::Joined), ..self.link(Act::Join(child as u32), origin) };
            graph.push(&mut self.traces, thread, node);
        }
    }

    /// Adds the joins with which threads have ended.
    pub(super) fn add_last_joins(&mut self, graph: &mut Graph) {
        while let Some(&Join { thread, .. }) = self.joins.first() {
            self.add_joins(graph, thread);
        }
    }

    pub(super) fn has_ended(&mut self, graph: &Graph, thread: usize) -> bool {
        graph.has_started(thread, self.roots)
            && !graph.last_node(thread).is_some_and(|node| node.stuck)
            && matches!(self.run.step(thread), Step::End { .. } | Step::Failed(_))
    }
}
