//! The exploration: graphs grown event by event, each complete one reached once.
//!
//! The next event is always that of the first thread, in a fixed order, that can go on. A read branches over the writes
//! that are there, a write over its places in the coherence order. What comes later than its reader is caught up with by
//! *revisits* ([`revisit`](super::revisit)): a new write may become the source of a read that is already there.
//! This is TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis: Truly Stateless, Optimal Dynamic Partial Order
//! Reduction, POPL 2022), for executions without a cycle of `po ∪ rf`; those with one begin in
//! [`late`](super::late).
//!
//! TruSt asks of a model that a consistent graph stays consistent when something is taken away from its end, and when the
//! next event is added as the coherence-last write or reads from it. The axioms that are checked on the way
//! ([`Judge::allows_partial`]) are of that kind; the others wait for the complete execution. An event that is added thus,
//! and is the last of its thread, begins no edge of any relation: such a graph is not checked at all.
//!
//! The program is run along one branch, that in which every event is added thus; the other branches are put by as graphs,
//! and taken up when this one has ended. So the program is run once for each graph that is put by, from its beginning.
//!
//! **Atomic operations** are two events, and the write goes where atomicity leaves it no choice: right after what the read
//! reads from. If that place is taken, by another atomic operation that reads the same, the new one can only come in
//! between by taking over the other one's read.
//!
//! **Locks.** An `LKR` reads from the initial write or from a `UL`, and its `LKW` comes right after that in `co`, as does
//! the `UL` after the `LKW`: this makes `rf` what `lock.cat` derives from `co`. A `spin_lock` that comes upon a lock that is
//! held is not taken up before it is free. But as with atomic operations, a new `LKW` may take over the `LKR` of another:
//! that thread then waits at its `LKR`, which reads from the `LKW`, until the `UL` takes that over. Likewise `spin_trylock`
//! and `spin_is_locked` are one read each, whose label follows from what it reads.

use super::graph::{Act, Graph, Id, Node, Source};
use super::judge::Judge;
use super::late::Conduct;
use super::places::{floor, is_held, is_taken, may_read, positions};
use super::program::{Access, Answer, Event, OpenError, OpenProgram, ReadKind, Step};
use super::revisit::may_overtake;
use super::run::{Reproduced, Run, changed};
use super::team::{Team, Way};
use super::traces::Traces;
use super::written::{Doubtful, Written};
use super::{Found, Options, Statistics, Strategy, late};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::models;
use lkmm_model::program::LocationId;
use rustc_hash::FxHashSet;
use std::ops::{ControlFlow, Range};
use std::time::Instant;

/// So much is remembered of what threads did not do.
const MOST_REFUTED: usize = 1 << 17;

pub(crate) struct Explorer<'a, P: OpenProgram> {
    pub(super) run: Run<'a, P>,
    pub(super) traces: Traces,
    pub(super) statistics: Statistics,
    /// Those who explore the program together.
    pub(super) team: &'a Team,
    /// The cores from which the search has set out, if this worker is alone or walks.
    cores: FxHashSet<Vec<u32>>,
    /// What threads did not do when their reads were taken over.
    pub(super) refuted: FxHashSet<Conduct>,
    pub(super) options: &'a Options,
    pub(super) judge: Judge,
    /// Tells which executions are sequentially consistent.
    pub(super) sequential: Judge,
    /// The complete executions with a cycle that it has found, likewise.
    cyclic: FxHashSet<Vec<u32>>,
    pub(super) found: &'a mut dyn FnMut(&Found<'_>) -> ControlFlow<()>,
    pub(super) roots: usize,
    pub(super) observed: Vec<LocationId>,
    /// The deadlocks through grace periods that it has found.
    pub(super) deadlocks: FxHashSet<Vec<u32>>,
    /// What writes gave to locations.
    pub(super) written: Written,
    /// The executions of which it is not known yet whether they count.
    pub(super) doubtful: Vec<Doubtful>,
    /// How many events they have.
    pub(super) doubtful_events: usize,
    /// After so many runs they are judged.
    pub(super) patience: u64,
    /// The graphs that are still to be explored, the next one last.
    pub(super) tasks: Vec<Task>,
    /// The [way](super::team) to the graph that is explored, if somebody else could go it.
    way: Option<Vec<u32>>,
    /// So many graphs have been put by since then.
    branches: u32,
    /// The graph lies on a way to another one, and is explored elsewhere.
    is_passed: bool,
    /// Graphs that are no longer needed.
    pub(super) spare: Vec<Graph>,
    /// The places of the schedule whose threads may be able to go on. (Threads that cannot wait for a spawn, an unlock, or a join.)
    cursor: Range<usize>,
    /// The joins that threads have done since their last event, in order. They order what comes after them: if nothing does, they
    /// are no part of the graph.
    joins: Vec<(usize, Node)>,
    /// Decides which of several ways a random walk takes.
    pub(super) walker: Option<fastrand::Rng>,
    /// The reads that a write revisits.
    pub(super) reads: Vec<Id>,
    /// How many events of each thread a revisit keeps.
    pub(super) kept: Vec<u32>,
}

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

/// What can be done with a graph.
enum Next {
    Step(usize, Step),
    /// Nothing: all threads have ended, failed, or wait.
    Nothing,
}

impl<'a, P: OpenProgram> Explorer<'a, P> {
    pub(crate) fn new(
        program: &'a mut P,
        options: &'a Options,
        team: &'a Team,
        found: &'a mut dyn FnMut(&Found<'_>) -> ControlFlow<()>,
    ) -> Self {
        let (roots, observed) = (program.threads(), program.observed_locations());
        Explorer {
            run: Run::new(program),
            traces: Traces::default(),
            statistics: Statistics::default(),
            team,
            cores: FxHashSet::default(),
            refuted: FxHashSet::default(),
            options,
            judge: Judge::new(options.model, observed.clone()),
            sequential: Judge::new(models::sc(), Vec::new()),
            cyclic: FxHashSet::default(),
            found,
            roots,
            observed,
            deadlocks: FxHashSet::default(),
            written: Written::default(),
            doubtful: Vec::new(),
            doubtful_events: 0,
            patience: 0,
            tasks: Vec::new(),
            way: None,
            branches: 0,
            is_passed: false,
            spare: Vec::new(),
            cursor: 0..usize::MAX,
            joins: Vec::new(),
            walker: None,
            reads: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Explores what the empty graph grows into, as far as this is not done by others of the team: everything, or by random walks.
    pub(crate) fn explore(mut self) -> Result<Statistics, OpenError> {
        match self.options.strategy {
            Strategy::Exhaustive => self.statistics.is_complete = self.explore_all()?.is_continue(),
            Strategy::Preemptions(_) => self.statistics.has_reached_bound = self.explore_all()?.is_continue(),
            Strategy::Random { seed, n } => self.walk(seed, n)?,
        }
        Ok(self.statistics)
    }

    /// Explores graphs until there are none left.
    fn explore_all(&mut self) -> Result<ControlFlow<()>, OpenError> {
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
                return Err(OpenError::Nondeterminism { thread: 0, before, now });
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
        Ok(ControlFlow::Continue(()))
    }

    /// Has a budget run out? The clock is read now and then while graphs are small.
    fn is_out_of_budget(&self, graph: &Graph) -> bool {
        let is_over = |most: u64| self.team.executions() >= most;
        self.options.max_executions.is_some_and(is_over)
            || self.team.is_over()
            || (self.statistics.runs % 64 == 0 || graph.order.len() > 64)
                && self.options.deadline.is_some_and(|deadline| Instant::now() >= deadline)
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
                match self.run.reproduce(graph, &mut self.traces)? {
                    Reproduced::Same => {}
                    Reproduced::Otherwise(thread) => {
                        self.refute(graph, thread);
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

    /// Remembers that a thread does not do what a graph says.
    fn refute(&mut self, graph: &Graph, thread: usize) {
        if self.refuted.len() >= MOST_REFUTED {
            self.refuted.clear();
        }
        if late::is_on_its_own(graph, thread) {
            self.refuted.insert(late::conduct(thread, &graph.threads[thread], |_, node| node.answer));
        }
    }

    /// Lets a graph grow until nothing can be added, and puts by what branches off.
    fn grow(&mut self, graph: &mut Graph, share: &mut f64) -> Result<ControlFlow<()>, OpenError> {
        let mut before = self.tasks.len();
        self.look_at_all();
        self.joins.clear();
        loop {
            if !self.share_out(before, share, true) {
                return Ok(ControlFlow::Continue(()));
            }
            before = self.tasks.len();
            let next = self.next(graph);
            if let (Next::Step(thread, step), false) = (&next, self.joins.is_empty()) {
                if !matches!(step, Step::Join { .. }) {
                    self.add_joins(graph, *thread);
                }
            }
            match next {
                Next::Nothing => {
                    self.overtake(graph)?;
                    if self.is_passed {
                        return Ok(ControlFlow::Continue(()));
                    }
                    return match self.share_out(before, share, true) {
                        true => self.end(graph),
                        false => Ok(ControlFlow::Continue(())),
                    };
                }
                Next::Step(thread, Step::Read(kind, location)) => self.read(graph, thread, kind, location)?,
                Next::Step(thread, Step::Write(location, value, event)) => {
                    self.check_use(graph, location, event.label)?;
                    if event.label == Label::Unlock {
                        self.look_at_all();
                    }
                    let mut node = Node::of(&event, Act::Write, &mut self.traces);
                    (node.location, node.value) = (Some(location), value);
                    let write = graph.push(&mut self.traces, thread, node);
                    if !self.write(graph, write, location)? {
                        self.share_out(before, share, false);
                        return Ok(ControlFlow::Continue(()));
                    }
                }
                Next::Step(thread, Step::Other(location, event)) => {
                    let mut node = Node::of(&event, Act::Fence, &mut self.traces);
                    node.location = location;
                    graph.push(&mut self.traces, thread, node);
                }
                Next::Step(thread, Step::Spawn { thread: child, origin, class }) => {
                    let node = self.link(Act::Spawn(child as u32), origin);
                    graph.push(&mut self.traces, thread, node);
                    if let Some(class) = class {
                        graph.classify(child, class);
                    }
                    self.look_at_all();
                }
                Next::Step(thread, Step::Join { thread: child, origin }) => {
                    let node = Node { answer: Some(Answer::Joined), ..self.link(Act::Join(child as u32), origin) };
                    self.joins.push((thread, node));
                    self.run.resume(thread, Answer::Joined);
                }
                Next::Step(thread, Step::Choose(n)) => {
                    let node = self.link(Act::Choose, 0);
                    for choice in (1..n).rev() {
                        let node = Node { answer: Some(Answer::Choice(choice)), ..node };
                        let chosen = graph.push(&mut self.traces, thread, node);
                        self.put_by(graph, State::Ready);
                        graph.pop(chosen);
                    }
                    let answer = Answer::Choice(0);
                    graph.push(&mut self.traces, thread, Node { answer: Some(answer), ..node });
                    self.run.resume(thread, answer);
                }
                Next::Step(_, Step::Error(error)) => return Err(error),
                Next::Step(..) => unreachable!("other steps do not go on"),
            }
        }
    }

    /// What comes next: the first thread that can go on, and its step. A step that asks stays what the thread does next. Who waits for threads to
    /// end comes last.
    fn next(&mut self, graph: &Graph) -> Next {
        let places = self.options.schedule.len() + graph.threads.len();
        let mut at = self.cursor.start;
        while at < self.cursor.end.min(places) {
            if let Some(next) = self.scheduled(at, graph).and_then(|thread| self.ready(graph, thread)) {
                self.cursor.start = at;
                return next;
            }
            at += 1;
        }
        for at in 0..places {
            let Some(thread) = self.scheduled(at, graph) else { continue };
            if let Step::Join { thread: child, origin } = *self.run.step(thread) {
                if self.has_ended(graph, child) {
                    // Nobody else can go on before this thread has done more.
                    self.cursor = at..at + 1;
                    return Next::Step(thread, Step::Join { thread: child, origin });
                }
            }
        }
        Next::Nothing
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
    fn ready(&mut self, graph: &Graph, thread: usize) -> Option<Next> {
        match *self.run.step(thread) {
            Step::End { .. } | Step::Failed(_) | Step::Stuck | Step::Wait { .. } | Step::Join { .. } => None,
            Step::Error(OpenError::Illegal(_) | OpenError::BadAddress { .. }) => None,
            Step::Error(OpenError::Sleep { .. } | OpenError::Uninit { .. }) => None,
            Step::Read(ReadKind::Lock, location) if is_held(graph, location) => None,
            Step::Read(kind, location) => Some(Next::Step(thread, Step::Read(kind, location))),
            Step::Choose(n) => Some(Next::Step(thread, Step::Choose(n))),
            _ => Some(Next::Step(thread, self.run.take(thread))),
        }
    }

    /// Others than those of whom it is known may be able to go on.
    fn look_at_all(&mut self) {
        self.cursor = 0..usize::MAX;
    }

    /// Adds the joins that a thread has done.
    fn add_joins(&mut self, graph: &mut Graph, thread: usize) {
        while let Some(at) = self.joins.iter().position(|join| join.0 == thread) {
            let (_, node) = self.joins.remove(at);
            if let Act::Join(child) = node.act {
                self.add_joins(graph, child as usize);
            }
            graph.push(&mut self.traces, thread, node);
        }
    }

    /// Adds the joins with which threads have ended.
    pub(super) fn add_last_joins(&mut self, graph: &mut Graph) {
        while let Some(&(thread, _)) = self.joins.first() {
            self.add_joins(graph, thread);
        }
    }

    pub(super) fn has_ended(&mut self, graph: &Graph, thread: usize) -> bool {
        graph.has_started(thread, self.roots)
            && !graph.last_node(thread).is_some_and(|node| node.stuck)
            && matches!(self.run.step(thread), Step::End { .. } | Step::Failed(_))
    }

    /// Locks are locks and nothing else, for those who read them as well: an ordinary read of a lock never reads the
    /// coherence-last write while that is an `LKW`.
    fn check_use(&self, graph: &Graph, location: LocationId, label: Label) -> Result<(), OpenError> {
        let is_lock = label.is_lock_event();
        let is_other =
            |node: &Node| node.location == Some(location) && node.is_access() && node.label.is_lock_event() != is_lock;
        let is_mixed = match graph.co(location).first() {
            Some(&write) => is_other(graph.node(write)),
            None => false,
        };
        match is_mixed || is_lock && graph.nodes().any(|(_, node)| is_other(node)) {
            true => Err(OpenError::MixedLock(location)),
            false => Ok(()),
        }
    }

    /// An event that is none to the memory, but for the order that it brings.
    fn link(&mut self, act: Act, origin: u32) -> Node {
        Node::of(&Event::new(Label::Fence(Fence::Mb), origin), act, &mut self.traces)
    }

    /// The next event of a thread is a read.
    fn read(
        &mut self,
        graph: &mut Graph,
        thread: usize,
        kind: ReadKind,
        location: LocationId,
    ) -> Result<(), OpenError> {
        let label = if kind == ReadKind::Ordinary { Label::Read(Mode::Once) } else { Label::LockRead };
        self.check_use(graph, location, label)?;
        let last = graph.last(location);
        let own = (kind != ReadKind::Ordinary)
            .then(|| graph.own_section(thread, location, graph.threads[thread].len()))
            .flatten();
        if own.is_none() {
            self.branches(graph, thread, kind, location)?;
        }
        let source = match own {
            Some(own) => Source::Event(own),
            None if may_read(graph, thread, kind, last) => last,
            None => {
                graph.push_open_read(&mut self.traces, thread, kind, location, last);
                return Ok(());
            }
        };
        let answer = self.answer(graph, source, location, kind);
        let access = self.run.access(thread, answer);
        let access = match &access {
            Ok(Some(access)) => access,
            Ok(None) => {
                graph.push_open_read(&mut self.traces, thread, kind, location, source);
                return Ok(());
            }
            Err(error) => return Err(error.clone()),
        };
        self.push_read(graph, thread, kind, location, source, answer, access);
        if let Some(write) = self.push_write_at_once(graph, thread, location, access) {
            self.add_write(graph, write, location)?;
            let end = graph.co(location).len();
            graph.place(location, write, end);
        }
        self.run.resume(thread, answer);
        Ok(())
    }

    /// Puts by that threads which wait for a lock that is never released take it before it is taken for good.
    fn overtake(&mut self, graph: &mut Graph) -> Result<(), OpenError> {
        for thread in 0..graph.threads.len() {
            if !graph.has_started(thread, self.roots) || graph.last_node(thread).is_some_and(|node| node.stuck) {
                continue;
            }
            let Step::Read(ReadKind::Lock, location) = *self.run.step(thread) else { continue };
            if graph.own_section(thread, location, graph.threads[thread].len()).is_none() {
                self.branches(graph, thread, ReadKind::Lock, location)?;
            }
        }
        Ok(())
    }

    /// Puts by that the next event of a thread reads from the writes other than the last one.
    fn branches(
        &mut self,
        graph: &mut Graph,
        thread: usize,
        kind: ReadKind,
        location: LocationId,
    ) -> Result<(), OpenError> {
        let seen = floor(graph, thread, graph.threads[thread].len(), location, &[]);
        for rank in 0..graph.co(location).len() {
            let source = rank.checked_sub(1).map_or(Source::Initial, |at| Source::Event(graph.co(location)[at]));
            if may_read(graph, thread, kind, source) {
                self.branch(graph, thread, kind, location, (rank, source), seen)?;
            }
        }
        Ok(())
    }

    /// Puts by that the next event of a thread, which has seen the location's write of this rank, reads from a write that is not the
    /// last one.
    fn branch(
        &mut self,
        graph: &mut Graph,
        thread: usize,
        kind: ReadKind,
        location: LocationId,
        (rank, source): (usize, Source),
        seen: usize,
    ) -> Result<(), OpenError> {
        let answer = self.answer(graph, source, location, kind);
        // A thread that waits, or is stuck, at such a read has no way to go on: no later write takes it over.
        let access = self.run.access(thread, answer);
        let access = match &access {
            Ok(Some(access)) => access,
            Ok(None) => return Ok(()),
            Err(error) => return Err(error.clone()),
        };
        if rank < seen {
            let unordered = access.event.dependencies.reasons().map_or(&[][..], |reasons| &reasons.unordered);
            let events = graph.threads[thread].len();
            if unordered.is_empty() || rank < floor(graph, thread, events, location, unordered) {
                return Ok(());
            }
        }
        let is_taken_already = || is_taken(graph, location, rank);
        if kind == ReadKind::Ordinary
            && access.write.is_some()
            && is_taken_already()
            && !may_overtake(graph, thread, location, source)
        {
            return Ok(());
        }
        let read = self.push_read(graph, thread, kind, location, source, answer, access);
        match self.push_write_at_once(graph, thread, location, access) {
            Some(write) => {
                self.add_write(graph, write, location)?;
                let place = graph.rank(location, source);
                if !is_taken(graph, location, place) {
                    graph.place(location, write, place);
                    if self.is_consistent(graph)? {
                        self.put_by(graph, State::Ready);
                    }
                    graph.unplace(location, place);
                }
                graph.pop(write);
            }
            None => {
                if self.is_consistent(graph)? {
                    self.put_by(graph, State::Ready);
                }
            }
        }
        graph.pop(read);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn push_read(
        &mut self,
        graph: &mut Graph,
        thread: usize,
        kind: ReadKind,
        location: LocationId,
        source: Source,
        answer: Answer,
        access: &Access,
    ) -> Id {
        let node = Node::of_read(access, kind, location, source, answer, &mut self.traces);
        graph.push(&mut self.traces, thread, node)
    }

    /// Adds the write that comes with a read.
    fn push_write_at_once(
        &mut self,
        graph: &mut Graph,
        thread: usize,
        location: LocationId,
        access: &Access,
    ) -> Option<Id> {
        let (event, value) = access.write.as_ref()?;
        let mut node = Node::of(event, Act::WriteAtOnce, &mut self.traces);
        (node.location, node.value) = (Some(location), *value);
        Some(graph.push(&mut self.traces, thread, node))
    }

    /// What a read is told by a write.
    pub(super) fn answer(&self, graph: &Graph, source: Source, location: LocationId, kind: ReadKind) -> Answer {
        graph.answer(source, || self.run.program.initial(location), kind)
    }

    /// Puts by what a write, which has been added and has no place in `co` yet, makes possible for earlier reads.
    fn add_write(&mut self, graph: &Graph, write: Id, location: LocationId) -> Result<(), OpenError> {
        if self.wants_cycles() && !self.is_passed {
            late::explore(self, graph, write, location)?;
        }
        self.revisit(graph, write, location)
    }

    /// Goes on with a write that has been added, and has no place in `co` yet: puts by all places but the last one. False
    /// if there is none for it.
    fn write(&mut self, graph: &mut Graph, write: Id, location: LocationId) -> Result<bool, OpenError> {
        self.add_write(graph, write, location)?;
        let end = graph.co(location).len();
        let places = positions(&self.traces, graph, write, location)?;
        for place in places.start..places.end - 1 {
            if !is_taken(graph, location, place) {
                graph.place(location, write, place);
                if self.is_consistent(graph)? {
                    self.put_by(graph, State::Ready);
                }
                graph.unplace(location, place);
            }
        }
        let place = places.end - 1;
        if is_taken(graph, location, place) {
            return Ok(false);
        }
        graph.place(location, write, place);
        Ok(place == end || self.is_consistent(graph)?)
    }

    pub(super) fn is_consistent(&mut self, graph: &Graph) -> Result<bool, OpenError> {
        self.statistics.checks += 1;
        self.judge.allows_partial(&self.traces, graph)
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
    fn put_by(&mut self, graph: &Graph, state: State) {
        let graph = self.copy(graph);
        let way = self.way_on();
        self.tasks.push(Task { graph, state, share: 0.0, way });
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
    fn is_alone(&self) -> bool {
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
