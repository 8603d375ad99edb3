//! The exploration: graphs grown event by event, each complete one reached once.
//!
//! The next event follows from the graph ([`schedule`](super::schedule)). A read branches over the writes
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

use super::graph::Graph;
use super::judge::Judge;
use super::late::Conduct;
use super::node::{Act, Id, Node, Source};
use super::places::{floor, is_taken, may_read, positions};
use super::program::{Access, Answer, Event, OpenError, OpenProgram, ReadKind, Step};
use super::revisit::may_overtake;
use super::run::Run;
use super::schedule::Join;
use super::tasks::Task;
use super::team::Team;
use super::traces::Traces;
use super::written::{Doubtful, Written};
use super::{Found, Options, Statistics, Strategy, late};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::models::{self, MOST_EVENTS};
use lkmm_model::program::LocationId;
use rustc_hash::FxHashSet;
use std::ops::{ControlFlow, Range};
use std::time::Instant;

/// So often a thread may read the same, without doing anything else: it is taken to wait for something, and does not say so.
const MOST_REPEATED: usize = 200;

pub(crate) struct Explorer<'a, P: OpenProgram> {
    pub(super) run: Run<'a, P>,
    pub(super) traces: Traces,
    pub(super) statistics: Statistics,
    /// Those who explore the program together.
    pub(super) team: &'a Team,
    /// The cores from which the search has set out, if this worker is alone or walks.
    pub(super) cores: FxHashSet<Vec<u32>>,
    /// What threads did not do when their reads were taken over.
    pub(super) refuted: FxHashSet<Conduct>,
    pub(super) options: &'a Options,
    pub(super) judge: Judge,
    /// Tells which executions are sequentially consistent.
    pub(super) sequential: Judge,
    /// The complete executions with a cycle that it has found, likewise.
    pub(super) cyclic: FxHashSet<Vec<u32>>,
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
    pub(super) way: Option<Vec<u32>>,
    /// So many graphs have been put by since then.
    pub(super) branches: u32,
    /// The graph lies on a way to another one, and is explored elsewhere.
    pub(super) is_passed: bool,
    /// Graphs that are no longer needed.
    pub(super) spare: Vec<Graph>,
    /// The places of the schedule whose threads may be able to go on. (Threads that cannot wait for a spawn, an unlock, or a join.)
    pub(super) cursor: Range<usize>,
    /// The joins that threads have done since their last event, in order. They order what comes after them: if nothing does, they
    /// are no part of the graph.
    pub(super) joins: Vec<Join>,
    /// Decides which of several ways a random walk takes.
    pub(super) walker: Option<fastrand::Rng>,
    /// The reads that a write revisits.
    pub(super) reads: Vec<Id>,
    /// How many events of each thread a revisit keeps.
    pub(super) kept: Vec<u32>,
    /// So often it was asked whether the time has run out, and whether it has.
    steps: u32,
    pub(super) gave_up: bool,
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
            steps: 0,
            gave_up: false,
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

    /// Has a budget run out? The clock is read now and then while graphs are small.
    pub(super) fn is_out_of_budget(&self, graph: &Graph) -> bool {
        let is_over = |most: u64| self.team.executions() >= most;
        self.gave_up
            || self.options.max_executions.is_some_and(is_over)
            || self.team.is_over()
            || (self.statistics.runs % 64 == 0 || graph.order.len() > 64)
                && self.options.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Has the time run out? For loops that do not take up graphs; nothing is complete then.
    pub(super) fn is_too_late(&mut self) -> bool {
        self.steps = self.steps.wrapping_add(1);
        if self.steps % 64 == 0 {
            let has_passed = |deadline| Instant::now() >= deadline;
            self.gave_up |= self.team.is_over() || self.options.deadline.is_some_and(has_passed);
        }
        self.gave_up
    }

    /// Lets a graph grow until nothing can be added, and puts by what branches off.
    pub(super) fn grow(&mut self, graph: &mut Graph, share: &mut f64) -> Result<ControlFlow<()>, OpenError> {
        // (Who reads the newest value again and again does not branch.)
        if let Some(last) = graph.order.last().map(|last| last.thread as usize) {
            if let Some(origin) = graph.repeats(last, MOST_REPEATED) {
                return Err(OpenError::Endless { thread: last, origin, limit: MOST_REPEATED });
            }
        }
        let mut before = self.tasks.len();
        self.look_at_all();
        self.joins.clear();
        while let Some((thread, step)) = self.next(graph) {
            let goes_on = self.add(graph, thread, step)?;
            if graph.is_longer_than(MOST_EVENTS) {
                let origin = graph.last_node(thread).map_or(0, |node| node.origin);
                return Err(OpenError::Endless { thread, origin, limit: MOST_EVENTS });
            }
            if !self.share_out(before, share, goes_on) {
                return Ok(ControlFlow::Continue(()));
            }
            before = self.tasks.len();
        }
        self.overtake(graph)?;
        let goes_on = !self.is_passed && self.share_out(before, share, true);
        if goes_on { self.end(graph) } else { Ok(ControlFlow::Continue(())) }
    }

    /// Adds the next step of a thread to a graph. False if that leads nowhere.
    fn add(&mut self, graph: &mut Graph, thread: usize, step: Step) -> Result<bool, OpenError> {
        if !self.joins.is_empty() {
            self.add_joins(graph, thread);
        }
        match step {
            Step::Read(kind, location) => self.read(graph, thread, kind, location)?,
            Step::Write(location, value, event) => {
                self.check_use(graph, location, event.label)?;
                if event.label == Label::Unlock {
                    self.look_at_all();
                }
                let mut node = Node::of(&event, Act::Write, &mut self.traces);
                (node.location, node.value) = (Some(location), value);
                let write = graph.push(&mut self.traces, thread, node);
                return self.write(graph, write, location);
            }
            Step::Other(location, event) => {
                let mut node = Node::of(&event, Act::Fence, &mut self.traces);
                node.location = location;
                graph.push(&mut self.traces, thread, node);
            }
            Step::Spawn { thread: child, origin, class } => {
                let node = self.link(Act::Spawn(child as u32), origin);
                graph.push(&mut self.traces, thread, node);
                if let Some(class) = class {
                    graph.classify(child, class);
                }
                self.look_at_all();
            }
            Step::Choose(n) => self.choose(graph, thread, n),
            Step::Error(error) => return Err(error),
            Step::Join { .. } | Step::Wait { .. } | Step::End { .. } | Step::Failed(_) | Step::Stuck => {
                unreachable!("other steps do not go on")
            }
        }
        Ok(true)
    }

    /// A thread chooses a number.
    fn choose(&mut self, graph: &mut Graph, thread: usize, n: u32) {
        let node = self.link(Act::Choose, 0);
        for choice in (1..n).rev() {
            let node = Node { answer: Some(Answer::Choice(choice)), ..node };
            let chosen = graph.push(&mut self.traces, thread, node);
            self.put_by(graph);
            graph.pop(chosen);
        }
        let answer = Answer::Choice(0);
        graph.push(&mut self.traces, thread, Node { answer: Some(answer), ..node });
        self.run.resume(thread, answer);
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
    pub(super) fn link(&mut self, act: Act, origin: u32) -> Node {
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
                        self.put_by(graph);
                    }
                    graph.unplace(location, place);
                }
                graph.pop(write);
            }
            None => {
                if self.is_consistent(graph)? {
                    self.put_by(graph);
                }
            }
        }
        graph.pop(read);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn push_read(
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
    pub(super) fn push_write_at_once(
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
    pub(super) fn add_write(&mut self, graph: &Graph, write: Id, location: LocationId) -> Result<(), OpenError> {
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
                    self.put_by(graph);
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
}
