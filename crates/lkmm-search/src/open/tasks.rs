//! Graphs that are put by, and taken up again.
//!
//! The last one comes first, so that there are few at any time. If [others](super::team) explore the program, too, the first one goes to who has nothing
//! to do.

use super::explore::Explorer;
use super::graph::Graph;
use super::late;
use super::node::{Act, Id};
use super::program::{Answer, OpenError, OpenProgram, ReadKind, Step};
use super::run::{Reproduced, changed};
use super::team::Way;
use std::ops::ControlFlow;

/// So much is remembered of what threads did not do.
const MOST_REFUTED: usize = 1 << 17;

/// A graph that is put by.
pub(super) struct Task {
    pub(super) graph: Graph,
    state: State,
    /// Its [share](super::walk) of the search.
    pub(super) share: f64,
    way: Option<Vec<u32>>,
}

/// What is left to do before a graph can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing.
    Ready,
    /// A read has another source, and its thread is to be told; it is the last event of its thread.
    Redirected { read: Id, is_consistent: bool },
    /// The threads are to be asked whether they do the same with other answers.
    Core,
}

impl<P: OpenProgram> Explorer<'_, P> {
    /// Explores graphs until there are none left.
    pub(super) fn explore_all(&mut self) -> Result<ControlFlow<()>, OpenError> {
        while let Some(way) = self.team.take() {
            self.go(&way)?;
            if self.descend()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.tell();
        }
        if self.team.is_over() {
            return Ok(ControlFlow::Break(()));
        }
        self.listen();
        self.settle()
    }

    /// Goes back to the empty graph.
    pub(super) fn begin(&mut self) {
        self.tasks.clear();
        let way = (!self.team.is_alone()).then(Vec::new);
        self.tasks.push(Task { graph: Graph::new(self.roots), state: State::Ready, share: 1.0, way });
    }

    /// Goes to a graph that another worker has put by.
    fn go(&mut self, way: &Way) -> Result<(), OpenError> {
        self.begin();
        self.is_passed = true;
        for branch in &way.branches {
            let Some(mut task) = self.tasks.pop() else { break };
            (self.way, self.branches) = (task.way, 0);
            if self.take_up(&mut task.graph, task.state)? {
                let _ = self.grow(&mut task.graph, &mut task.share)?;
            }
            let is_next = |task: &Task| task.way.as_ref().is_some_and(|way| way.last() == Some(branch));
            let Some(at) = self.tasks.iter().position(is_next) else {
                let [before, now] = ["a step left several ways to go on", "it leaves fewer"].map(String::from);
                return Err(OpenError::Nondeterminism { thread: 0, before, origin: None, now });
            };
            let next = self.tasks.swap_remove(at);
            self.spare.extend(self.tasks.drain(..).map(|task| task.graph));
            self.tasks.push(next);
        }
        self.is_passed = false;
        self.tasks.iter_mut().for_each(|task| task.share = way.share);
        Ok(())
    }

    /// Gives away a graph that was put by long ago.
    fn give(&mut self) {
        let Some(at) = self.tasks.iter().position(|task| task.way.is_some()) else { return };
        let Task { graph, share, way, .. } = self.tasks.remove(at);
        self.spare.push(graph);
        self.team.give(Way { branches: way.unwrap_or_default(), share });
    }

    /// Explores what graphs grow into, until a budget or the caller ends it. A random walk goes one way.
    pub(super) fn descend(&mut self) -> Result<ControlFlow<()>, OpenError> {
        while let Some(Task { mut graph, state, mut share, way }) = self.tasks.pop() {
            if self.team.is_hungry() {
                self.give();
            }
            let is_out_of_budget = self.is_out_of_budget(&graph);
            if is_out_of_budget || self.is_impatient() {
                let goes_on = self.settle()?.is_continue();
                if is_out_of_budget || !goes_on {
                    return Ok(ControlFlow::Break(()));
                }
            }
            (self.way, self.branches) = (way, 0);
            let before = self.tasks.len();
            // (What stays of a graph says nothing of a core that was cut out of it.)
            let is_hopeless = state != State::Core && self.is_hopeless(&graph);
            let goes_on = !is_hopeless && self.take_up(&mut graph, state)?;
            let goes_on = self.share_out(before, &mut share, goes_on);
            if goes_on && self.grow(&mut graph, &mut share)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.statistics.share += share;
            self.spare.push(graph);
            if let (Some(progress), None) = (&self.options.progress, &self.walker) {
                progress.explored(share);
            }
        }
        Ok(if self.gave_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Runs the program along a graph that was put by. False if the graph is none after all.
    fn take_up(&mut self, graph: &mut Graph, state: State) -> Result<bool, OpenError> {
        self.statistics.runs += 1;
        match state {
            State::Ready => self.run.replay(graph)?,
            State::Redirected { read, is_consistent } => {
                self.run.replay(graph)?;
                let (thread, kind, location, source) = {
                    let node = graph.node(read);
                    let (Act::Read(kind, source), Some(location)) = (node.act, node.location) else {
                        unreachable!("a read is redirected")
                    };
                    (read.thread as usize, kind, location, source)
                };
                // It is asked, as when it is added.
                match self.run.step(thread) {
                    Step::Read(k, l) if *k == kind && *l == location => {}
                    step => return Err(changed(thread, graph.node(read), step)),
                }
                let answer = self.answer(graph, source, location, kind);
                if kind == ReadKind::Lock && answer == Answer::Held {
                    return Ok(is_consistent || self.is_consistent(graph)?);
                }
                let Some(access) = self.run.access(thread, answer)? else {
                    return Ok(is_consistent || self.is_consistent(graph)?);
                };
                let stamp = graph.pop(read).stamp;
                let read = self.push_read(graph, thread, kind, location, source, answer, &access);
                graph.restamp(read, stamp);
                if !is_consistent && !self.is_consistent(graph)? {
                    return Ok(false);
                }
                if let Some(write) = self.push_write_at_once(graph, thread, location, &access) {
                    self.add_write(graph, write, location)?;
                    let place = graph.rank(location, source);
                    graph.place(location, write, place);
                    if place + 1 < graph.co(location).len() && !self.is_consistent(graph)? {
                        return Ok(false);
                    }
                }
                self.run.resume(thread, answer);
            }
            State::Core => {
                // Only what comes out again is a core: another graph may lead to the same reads with other writes.
                let before = (!self.reads_opaque(graph)).then(|| self.key(graph));
                match self.run.reproduce(graph, &mut self.traces)? {
                    Reproduced::Same => {}
                    Reproduced::Otherwise(thread) => {
                        self.refute(graph, thread);
                        return Ok(false);
                    }
                    Reproduced::Changed => {
                        // It would again.
                        before.map(|before| self.takes_core(before));
                        return Ok(false);
                    }
                    Reproduced::OutOfSight => {
                        self.statistics.has_left_out |= self.is_consistent(graph)?;
                        return Ok(false);
                    }
                }
                let key = self.key(graph);
                if !self.takes_core(key) {
                    return Ok(false);
                }
                graph.freeze();
                return self.is_consistent(graph);
            }
        }
        Ok(true)
    }

    /// Has a thread read something whose value says only which write it is?
    fn reads_opaque(&self, graph: &Graph) -> bool {
        let is_opaque = |location| self.run.program.is_opaque(location);
        graph.reads().any(|read| graph.node(read).location.is_some_and(is_opaque))
    }

    /// Remembers that a thread does not do what a graph says.
    fn refute(&mut self, graph: &Graph, thread: usize) {
        if self.refuted.len() >= MOST_REFUTED {
            self.refuted.clear();
        }
        if late::is_on_its_own(self, graph, thread) {
            self.refuted.insert(late::conduct(thread, &graph.threads[thread], |_, node| node.answer));
        }
    }

    /// A graph to write to.
    pub(super) fn spare(&mut self) -> Graph {
        self.spare.pop().unwrap_or_default()
    }

    pub(super) fn copy(&mut self, graph: &Graph) -> Graph {
        let mut copy = self.spare();
        copy.clone_from(graph);
        copy
    }

    pub(super) fn give_back(&mut self, graph: Graph) {
        self.spare.push(graph);
    }

    /// Puts by a graph to which there is a way.
    pub(super) fn put_by(&mut self, graph: &Graph) {
        let graph = self.copy(graph);
        let way = self.way_on();
        self.tasks.push(Task { graph, state: State::Ready, share: 0.0, way });
    }

    /// Puts by a graph in which a read, the last event of its thread, has another source.
    pub(super) fn put_by_redirected(&mut self, graph: Graph, read: Id, is_consistent: bool) {
        let way = self.way_on();
        self.tasks.push(Task { graph, state: State::Redirected { read, is_consistent }, share: 0.0, way });
    }

    /// Puts by a graph whose threads may not do the same.
    pub(super) fn put_by_core(&mut self, graph: &Graph) {
        let graph = self.copy(graph);
        self.tasks.push(Task { graph, state: State::Core, share: 0.0, way: None });
    }

    /// The way to the graph that is put by next.
    fn way_on(&mut self) -> Option<Vec<u32>> {
        let branch = self.branches;
        self.branches += 1;
        self.way.as_ref().map(|way| way.iter().copied().chain([branch]).collect())
    }

    /// Does nobody else explore this program, or can nobody know what this walk has come upon?
    pub(super) fn is_alone(&self) -> bool {
        self.team.is_alone() || self.walker.is_some()
    }

    /// Is it known that this core is explored?
    pub(super) fn knows_core(&self, core: &[u32]) -> bool {
        if self.is_alone() { self.cores.contains(core) } else { self.team.knows_core(core) }
    }

    /// A core is explored, unless it has been.
    fn takes_core(&mut self, core: Vec<u32>) -> bool {
        if self.is_alone() { self.cores.insert(core) } else { self.team.take_core(core) }
    }

    /// An execution with a cycle has been found, unless it had been before.
    pub(super) fn takes_cyclic(&mut self, execution: Vec<u32>) -> bool {
        if self.is_alone() { self.cyclic.insert(execution) } else { self.team.take_cyclic(execution) }
    }

    /// Walks know nothing of each other.
    pub(super) fn forget(&mut self) {
        self.cores.clear();
        self.cyclic.clear();
    }
}
