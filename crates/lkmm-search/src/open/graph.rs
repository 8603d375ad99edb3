//! Execution graphs that grow.
//!
//! A graph holds, of each thread, the events that it has performed so far; of each read, the write that it reads from; of
//! each location, its writes in coherence order. Events are known by thread and number. Each carries a *stamp*, which says
//! in which order the graph was built, and a *clock*: of each thread, how many events it depends on by `po ∪ rf`
//! (itself included). As an event is added only after all that it depends on, a clock never changes while the event stays:
//! it is the event's prefix, and a cut of the graph by a clock is a graph again.
//!
//! The *core* is a part of the graph on which every later event counts as dependent: empty, but for graphs that grow from
//! a load-buffering cycle (see [`late`](super::late)), whose core holds the cycle.
//!
//! A graph is copied wherever the exploration branches, so it is a handful of flat vectors of plain data, and copying into
//! a graph that is no longer needed allocates nothing.

use super::node::{Act, Id, Node, Source, placeholder};
use super::program::{Answer, Event, ReadKind};
use super::traces::{Reasons, Traces};
use lkmm_model::event::Label;
use lkmm_model::program::{LocationId, Value};

/// The writes of a location, the initial one excepted, in coherence order.
#[derive(Debug)]
pub(crate) struct Writes {
    pub(crate) location: LocationId,
    pub(crate) order: Vec<Id>,
}

impl Clone for Writes {
    fn clone(&self) -> Self {
        Writes { location: self.location, order: self.order.clone() }
    }

    fn clone_from(&mut self, from: &Self) {
        self.location = from.location;
        self.order.clone_from(&from.order);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) threads: Vec<Vec<Node>>,
    /// Of each event of each thread, its clock.
    clocks: Vec<Vec<u32>>,
    /// The width of a clock.
    width: usize,
    /// Every event, each after those that it depends on; within a core, each after those before it in its thread.
    pub(crate) order: Vec<Id>,
    /// Sorted by location.
    pub(crate) co: Vec<Writes>,
    /// Every read, with its location, in no particular order.
    reads: Vec<(LocationId, Id)>,
    pub(crate) core: Vec<u32>,
    /// The event that started a thread.
    starts: Vec<Option<Id>>,
    /// The threads of classes, each after the first thread of its class.
    classes: Vec<(u32, u32)>,
    stamps: u32,
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        let mut graph = Graph::default();
        graph.clone_from(self);
        graph
    }

    fn clone_from(&mut self, from: &Self) {
        self.threads.clone_from(&from.threads);
        self.clocks.clone_from(&from.clocks);
        self.width = from.width;
        self.order.clone_from(&from.order);
        self.co.clone_from(&from.co);
        self.reads.clone_from(&from.reads);
        self.core.clone_from(&from.core);
        self.starts.clone_from(&from.starts);
        self.classes.clone_from(&from.classes);
        self.stamps = from.stamps;
    }
}

impl Graph {
    pub(crate) fn new(threads: usize) -> Graph {
        Graph {
            threads: vec![Vec::new(); threads],
            clocks: vec![Vec::new(); threads],
            width: threads,
            core: vec![0; threads],
            starts: vec![None; threads],
            ..Graph::default()
        }
    }

    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.threads[id.thread as usize][id.index as usize]
    }

    fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.threads[id.thread as usize][id.index as usize]
    }

    /// The events, thread by thread.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (Id, &Node)> {
        self.threads.iter().enumerate().flat_map(|(thread, nodes)| {
            nodes.iter().enumerate().map(move |(index, node)| (Id::new(thread, index), node))
        })
    }

    /// The prefix of an event.
    pub(crate) fn clock(&self, id: Id) -> &[u32] {
        let at = id.index as usize * self.width;
        &self.clocks[id.thread as usize][at..at + self.width]
    }

    /// What the next event of a thread depends on by `po`.
    pub(crate) fn clock_of_next(&self, thread: usize) -> &[u32] {
        match (self.threads[thread].len().checked_sub(1), self.starts[thread]) {
            (Some(last), _) => self.clock(Id::new(thread, last)),
            (None, Some(start)) => self.clock(start),
            (None, None) => &self.core,
        }
    }

    /// The reads of a location, in no particular order.
    pub(crate) fn reads_of(&self, location: LocationId) -> impl Iterator<Item = Id> + '_ {
        self.reads.iter().filter(move |read| read.0 == location).map(|read| read.1)
    }

    /// All reads, in no particular order.
    pub(crate) fn reads(&self) -> impl Iterator<Item = Id> + '_ {
        self.reads.iter().map(|read| read.1)
    }

    pub(crate) fn last_node(&self, thread: usize) -> Option<&Node> {
        self.threads[thread].last()
    }

    pub(crate) fn co(&self, location: LocationId) -> &[Id] {
        match self.co.binary_search_by_key(&location, |writes| writes.location) {
            Ok(at) => &self.co[at].order,
            Err(_) => &[],
        }
    }

    /// The coherence-last write of a location.
    pub(crate) fn last(&self, location: LocationId) -> Source {
        self.co(location).last().map_or(Source::Initial, |&id| Source::Event(id))
    }

    /// The place of a write in the coherence order of its location: 0 for the initial one.
    pub(crate) fn rank(&self, location: LocationId, source: Source) -> usize {
        match source {
            Source::Initial => 0,
            Source::Event(id) => {
                let rank = self.node(id).rank as usize;
                debug_assert_eq!(self.co(location)[rank - 1], id);
                rank
            }
        }
    }

    /// The writes that come after one in the coherence order of its location.
    pub(crate) fn later(&self, location: LocationId, source: Source) -> &[Id] {
        &self.co(location)[self.rank(location, source)..]
    }

    /// Numbers the writes of a location anew, from a place on.
    fn rank_from(&mut self, at: usize, first: usize) {
        let Graph { co, threads, .. } = self;
        for (id, rank) in co[at].order.iter().zip(1..).skip(first) {
            threads[id.thread as usize][id.index as usize].rank = rank;
        }
    }

    /// Makes room for a thread that is started by an event.
    fn start(&mut self, thread: usize, by: Id) {
        if thread >= self.width {
            let width = thread + 1;
            for clocks in &mut self.clocks {
                let wide = clocks
                    .chunks(self.width)
                    .flat_map(|clock| clock.iter().copied().chain(std::iter::repeat_n(0, width - clock.len())));
                *clocks = wide.collect();
            }
            self.width = width;
            self.threads.resize_with(width, Vec::new);
            self.clocks.resize_with(width, Vec::new);
            self.core.resize(width, 0);
            self.starts.resize(width, None);
        }
        self.starts[thread] = Some(by);
    }

    /// The event that started a thread.
    pub(crate) fn start_of(&self, thread: usize) -> Option<Id> {
        self.starts.get(thread).copied().flatten()
    }

    /// Says that a thread, which has just been started, belongs to the class that begins with this one.
    pub(crate) fn classify(&mut self, thread: usize, class: usize) {
        self.classes.push((class as u32, thread as u32));
    }

    /// The threads of classes, each after the first thread of its class.
    pub(crate) fn classes(&self) -> &[(u32, u32)] {
        &self.classes
    }

    /// Is the thread there?
    pub(crate) fn has_started(&self, thread: usize, roots: usize) -> bool {
        thread < roots || self.starts.get(thread).is_some_and(Option::is_some)
    }

    /// Has it more events than that which a model sees?
    pub(crate) fn is_longer_than(&self, events: usize) -> bool {
        let is_seen = |node: &Node| !matches!(node.act, Act::Spawn(_) | Act::Join(_) | Act::Choose);
        self.order.len() > events && self.nodes().filter(|(_, node)| is_seen(node)).count() > events
    }

    /// Has a thread done nothing for so long but read the same at one place of the source? Yields that place.
    pub(crate) fn repeats(&self, thread: usize, times: usize) -> Option<u32> {
        let nodes = &self.threads[thread];
        let (last, before) = nodes[nodes.len().checked_sub(times)?..].split_last()?;
        let is_same = |node: &Node| {
            (node.origin, node.location, node.answer) == (last.origin, last.location, last.answer)
                && matches!(node.act, Act::Read(..))
        };
        (last.answer.is_some() && is_same(last) && before.iter().rev().all(is_same)).then_some(last.origin)
    }

    /// Adds an event. Its stamp and trace are filled in; an ordinary write has no place in `co` yet.
    pub(crate) fn push(&mut self, traces: &mut Traces, thread: usize, mut node: Node) -> Id {
        let id = Id::new(thread, self.threads[thread].len());
        node.trace = traces.extend(thread, self.last_node(thread).map(|last| last.trace), &node);
        node.stamp = self.stamps;
        self.stamps += 1;
        self.push_clock(id, node.act);
        if let (Act::Read(..), Some(location)) = (node.act, node.location) {
            self.reads.push((location, id));
        }
        self.threads[thread].push(node);
        self.order.push(id);
        if let Act::Spawn(child) = node.act {
            self.start(child as usize, id);
        }
        id
    }

    /// Adds the clock of an event.
    fn push_clock(&mut self, id: Id, act: Act) {
        let thread = id.thread as usize;
        let mut clocks = std::mem::take(&mut self.clocks[thread]);
        let at = clocks.len();
        match (at.checked_sub(self.width), self.starts[thread]) {
            (Some(before), _) => clocks.extend_from_within(before..),
            (None, Some(start)) => clocks.extend_from_slice(self.clock(start)),
            (None, None) => clocks.extend_from_slice(&self.core),
        }
        let clock = &mut clocks[at..];
        let mut include = |its: &[u32]| clock.iter_mut().zip(its).for_each(|(mine, &its)| *mine = (*mine).max(its));
        match act {
            // (What it reads from its own thread came before it.)
            Act::Read(_, Source::Event(write)) if write.thread != id.thread => include(self.clock(write)),
            Act::Join(child) => match self.threads[child as usize].len().checked_sub(1) {
                Some(last) => include(self.clock(Id::new(child as usize, last))),
                None => self.starts[child as usize].into_iter().for_each(|start| {
                    if start.thread != id.thread {
                        include(self.clock(start));
                    }
                }),
            },
            _ => {}
        }
        clock[thread] = id.index + 1;
        self.clocks[thread] = clocks;
    }

    /// Takes away an event that is the last of its thread, and on which nothing depends.
    pub(crate) fn pop(&mut self, id: Id) -> Node {
        let thread = id.thread as usize;
        debug_assert_eq!(self.threads[thread].len(), id.index as usize + 1);
        if self.order.last() == Some(&id) {
            self.order.pop();
        } else {
            self.order.retain(|&other| other != id);
        }
        self.clocks[thread].truncate(id.index as usize * self.width);
        let node = self.threads[thread].pop().expect("the event is there");
        if matches!(node.act, Act::Read(..)) {
            // It is one of the last that were added.
            let at = self.reads.iter().rposition(|read| read.1 == id).expect("the read is there");
            self.reads.remove(at);
        }
        node
    }

    /// Adds a read that will be asked about later: what it is depends on its answer, which is not yet known to its thread.
    pub(crate) fn push_open_read(
        &mut self,
        traces: &mut Traces,
        thread: usize,
        kind: ReadKind,
        location: LocationId,
        source: Source,
    ) -> Id {
        let mut node = Node::of(&Event::new(placeholder(kind), 0), Act::Read(kind, source), traces);
        node.location = Some(location);
        node.stuck = true;
        self.push(traces, thread, node)
    }

    pub(crate) fn set_reasons(&mut self, id: Id, reasons: Reasons) {
        self.node_mut(id).reasons = reasons;
    }

    /// Says what a write writes: a pointer that has moved.
    pub(crate) fn set_value(&mut self, id: Id, value: Value) {
        self.node_mut(id).value = Some(value);
    }

    /// Says what a read was told.
    pub(crate) fn set_answer(&mut self, id: Id, answer: Answer) {
        self.node_mut(id).answer = Some(answer);
    }

    /// Does the write of an atomic operation, or of a lock, come in one step with a read?
    pub(crate) fn has_write_at_once(&self, read: Id) -> bool {
        let next = self.threads[read.thread as usize].get(read.index as usize + 1);
        next.is_some_and(|next| next.act == Act::WriteAtOnce)
    }

    /// Says where an event stands in the source, and the fence before it.
    pub(crate) fn set_origin(&mut self, id: Id, origin: u32, fence: u32) {
        let node = self.node_mut(id);
        (node.origin, node.fence_origin) = (origin, fence);
    }

    /// Finds the traces of all threads again.
    pub(crate) fn retrace(&mut self, traces: &mut Traces) {
        for (thread, nodes) in self.threads.iter_mut().enumerate() {
            let mut before = None;
            for node in nodes {
                node.trace = traces.extend(thread, before, node);
                before = Some(node.trace);
            }
        }
    }

    /// Lets a read read from another write, which does not make it another event. (Its clock stays.)
    pub(crate) fn take_over(&mut self, id: Id, source: Source, answer: Answer) {
        let node = self.node_mut(id);
        if let Act::Read(kind, _) = node.act {
            node.act = Act::Read(kind, source);
            node.answer = Some(answer);
        }
    }

    /// Takes a write out of the coherence order.
    pub(crate) fn unplace(&mut self, location: LocationId, position: usize) {
        if let Ok(at) = self.co.binary_search_by_key(&location, |writes| writes.location) {
            self.co[at].order.remove(position);
            self.rank_from(at, position);
            if self.co[at].order.is_empty() {
                self.co.remove(at);
            }
        }
    }

    /// Gives the last event of a thread another stamp.
    pub(crate) fn restamp(&mut self, id: Id, stamp: u32) {
        self.node_mut(id).stamp = stamp;
    }

    /// Puts a write into the coherence order.
    pub(crate) fn place(&mut self, location: LocationId, id: Id, position: usize) {
        match self.co.binary_search_by_key(&location, |writes| writes.location) {
            Ok(at) => {
                self.co[at].order.insert(position, id);
                self.rank_from(at, position);
            }
            Err(at) => {
                self.co.insert(at, Writes { location, order: vec![id] });
                self.rank_from(at, 0);
            }
        }
    }

    /// Makes this the graph of the first events of each thread of another one.
    pub(crate) fn become_cut(&mut self, from: &Graph, lengths: &[u32]) {
        self.threads.resize_with(from.width, Vec::new);
        self.clocks.resize_with(from.width, Vec::new);
        for (thread, &n) in lengths.iter().enumerate() {
            let n = n as usize;
            self.threads[thread].clear();
            self.threads[thread].extend_from_slice(&from.threads[thread][..n]);
            self.clocks[thread].clear();
            self.clocks[thread].extend_from_slice(&from.clocks[thread][..n * from.width]);
        }
        self.width = from.width;
        let kept = |id: &Id| id.is_within(lengths);
        self.order.clear();
        self.order.extend(from.order.iter().copied().filter(kept));
        self.reads.clear();
        self.reads.extend(from.reads.iter().copied().filter(|read| kept(&read.1)));
        self.co.clone_from(&from.co);
        self.co.iter_mut().for_each(|writes| writes.order.retain(kept));
        self.co.retain(|writes| !writes.order.is_empty());
        (0..self.co.len()).for_each(|at| self.rank_from(at, 0));
        self.core.clone_from(&from.core);
        self.starts.clear();
        self.starts.extend(from.starts.iter().map(|start| start.filter(kept)));
        self.classes.clear();
        self.classes.extend(from.classes.iter().filter(|class| self.starts[class.1 as usize].is_some()));
        self.stamps = from.stamps;
    }

    /// Makes all there is the core.
    pub(crate) fn freeze(&mut self) {
        self.core.clear();
        self.core.extend(self.threads.iter().map(|nodes| nodes.len() as u32));
        for (nodes, clocks) in self.threads.iter().zip(&mut self.clocks) {
            clocks.clear();
            for _ in nodes {
                clocks.extend_from_slice(&self.core);
            }
        }
    }

    /// What a read would be told by this write.
    pub(crate) fn answer(&self, source: Source, initial: impl FnOnce() -> Value, kind: ReadKind) -> Answer {
        let node = match source {
            Source::Initial if kind == ReadKind::Ordinary => return Answer::Value(initial()),
            Source::Initial => return Answer::Free,
            Source::Event(id) => self.node(id),
        };
        match node.label {
            Label::LockWrite => Answer::Held,
            Label::Unlock => Answer::Free,
            _ => Answer::Value(node.value.expect("an ordinary write has a value")),
        }
    }

    /// The `LKW` of the critical section of this lock that the next event of a thread stands in, after so many events.
    pub(crate) fn own_section(&self, thread: usize, location: LocationId, events: usize) -> Option<Id> {
        let last = self.threads[thread][..events].iter().rposition(|node| {
            node.location == Some(location) && matches!(node.label, Label::LockWrite | Label::Unlock)
        })?;
        let is_open = self.threads[thread][last].label == Label::LockWrite;
        is_open.then(|| Id::new(thread, last))
    }

    /// Does each read return the newest value, and is each write the newest, in the order in which the events were added?
    /// Then the graph is sequentially consistent. (It may be in another order.)
    pub(crate) fn grew_sequentially(&self) -> bool {
        let mut written = [0u32; 64];
        if self.co.len() > written.len() {
            return false;
        }
        self.order.iter().all(|&id| {
            let node = self.node(id);
            let Some(location) = node.location.filter(|_| node.is_access()) else { return true };
            let at = self.co.binary_search_by_key(&location, |writes| writes.location);
            match (node.source(), at) {
                (Some(source), Ok(at)) => self.rank(location, source) == written[at] as usize,
                (None, Ok(at)) => {
                    written[at] += 1;
                    node.rank == written[at]
                }
                (_, Err(_)) => true,
            }
        })
    }
}
