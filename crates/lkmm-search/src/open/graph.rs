//! Execution graphs that grow.
//!
//! A graph holds, of each thread, the events that it has performed so far; of each read, the write that it reads from; of
//! each location, its writes in coherence order. Events are known by thread and number. Each carries a *stamp*, its place
//! in the order in which the graph was built, and a *clock*: of each thread, how many events it depends on by `po ∪ rf`
//! (itself included). As an event is added only after all that it depends on, a clock never changes while the event stays:
//! it is the event's prefix, and a cut of the graph by a clock is a graph again.
//!
//! The *core* is a part of the graph on which every later event counts as dependent: empty, but for graphs that grow from
//! a load-buffering cycle (see [`late`](super::late)), whose core holds the cycle.

use super::program::{Access, Answer, Event, ReadKind};
use lkmm_model::event::Label;
use lkmm_model::program::{LocationId, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An event of the graph: thread, and number in its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) thread: u32,
    pub(crate) index: u32,
}

/// A write that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    Initial,
    Event(Id),
}

/// Of each thread, a number of events.
pub(crate) type Clock = Arc<[u32]>;

/// A read's place in the graph.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) kind: ReadKind,
    pub(crate) source: Source,
    pub(crate) answer: Answer,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) event: Arc<Event>,
    pub(crate) fence_before: Option<Arc<Event>>,
    pub(crate) location: Option<LocationId>,
    /// What an ordinary write writes.
    pub(crate) value: Option<Value>,
    pub(crate) reading: Option<Reading>,
    pub(crate) stamp: u32,
    pub(crate) clock: Clock,
    /// The thread waits for a lock here, or cannot go on with what it read.
    pub(crate) stuck: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) threads: Vec<Vec<Node>>,
    /// Of each location, its writes, the initial one excepted.
    pub(crate) co: BTreeMap<LocationId, Vec<Id>>,
    pub(crate) core: Clock,
    stamps: u32,
}

impl Graph {
    pub(crate) fn new(threads: usize) -> Graph {
        Graph { threads: vec![Vec::new(); threads], co: BTreeMap::new(), core: vec![0; threads].into(), stamps: 0 }
    }

    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.threads[id.thread as usize][id.index as usize]
    }

    /// The events, thread by thread.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (Id, &Node)> {
        self.threads.iter().enumerate().flat_map(|(thread, nodes)| {
            let id = move |index: usize| Id { thread: thread as u32, index: index as u32 };
            nodes.iter().enumerate().map(move |(index, node)| (id(index), node))
        })
    }

    pub(crate) fn co(&self, location: LocationId) -> &[Id] {
        self.co.get(&location).map_or(&[], Vec::as_slice)
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
                1 + self.co(location).iter().position(|&w| w == id).expect("what is read has a place in co")
            }
        }
    }

    /// The clock of the next event of a thread, with what it reads from.
    pub(crate) fn next_clock(&self, thread: usize, source: Source) -> Clock {
        let before = self.threads[thread].last().map_or(&self.core, |node| &node.clock);
        let mut clock: Vec<u32> = before.to_vec();
        if let Source::Event(id) = source {
            clock.iter_mut().zip(self.node(id).clock.iter()).for_each(|(mine, &its)| *mine = (*mine).max(its));
        }
        clock[thread] = self.threads[thread].len() as u32 + 1;
        clock.into()
    }

    /// Adds an event that does not read.
    pub(crate) fn push(
        &mut self,
        thread: usize,
        event: Event,
        location: Option<LocationId>,
        value: Option<Value>,
    ) -> Id {
        let clock = self.next_clock(thread, Source::Initial);
        let id = Id { thread: thread as u32, index: self.threads[thread].len() as u32 };
        self.threads[thread].push(Node {
            event: Arc::new(event),
            fence_before: None,
            location,
            value,
            reading: None,
            stamp: self.stamps,
            clock,
            stuck: false,
        });
        self.stamps += 1;
        id
    }

    /// Adds a read whose outcome is still to be [settled](Self::settle).
    pub(crate) fn push_read(&mut self, thread: usize, kind: ReadKind, location: LocationId, source: Source) -> Id {
        let event = Event {
            label: placeholder(kind),
            atomic: false,
            origin: 0,
            addr: Vec::new(),
            data: Vec::new(),
            ctrl: Vec::new(),
            unordered: Vec::new(),
            rmw: None,
        };
        let clock = self.next_clock(thread, source);
        let id = self.push(thread, event, Some(location), None);
        let node = &mut self.threads[thread][id.index as usize];
        node.clock = clock;
        // The answer is filled in when it is settled.
        node.reading = Some(Reading { kind, source, answer: Answer::Held });
        id
    }

    /// Records what a read turned out to be; `None` if its thread is stuck at it.
    pub(crate) fn settle(&mut self, id: Id, answer: Answer, access: Option<Access>) {
        let node = &mut self.threads[id.thread as usize][id.index as usize];
        let reading = node.reading.as_mut().expect("a read is settled");
        reading.answer = answer;
        node.stuck = access.is_none();
        node.fence_before = None;
        match access {
            Some(access) => {
                node.fence_before = access.fence_before.map(Arc::new);
                node.event = Arc::new(access.event);
            }
            None => {
                let event = Arc::make_mut(&mut node.event);
                event.label = placeholder(reading.kind);
            }
        }
    }

    /// Lets a read that is the last event of its thread read from another write.
    pub(crate) fn redirect(&mut self, id: Id, source: Source) {
        let thread = id.thread as usize;
        let node = self.threads[thread].pop().expect("a read is redirected");
        let clock = self.next_clock(thread, source);
        let reading = node.reading.map(|reading| Reading { source, ..reading });
        self.threads[thread].push(Node { reading, clock, ..node });
    }

    /// Puts a write into the coherence order.
    pub(crate) fn place(&mut self, location: LocationId, id: Id, position: usize) {
        self.co.entry(location).or_default().insert(position, id);
    }

    /// The graph of the first events of each thread.
    pub(crate) fn cut(&self, lengths: &[u32]) -> Graph {
        let kept = |id: &Id| id.index < lengths[id.thread as usize];
        let co = self.co.iter().map(|(&location, writes)| {
            let writes: Vec<Id> = writes.iter().copied().filter(kept).collect();
            (location, writes)
        });
        Graph {
            threads: self.threads.iter().zip(lengths).map(|(nodes, &n)| nodes[..n as usize].to_vec()).collect(),
            co: co.filter(|(_, writes)| !writes.is_empty()).collect(),
            core: self.core.clone(),
            stamps: self.stamps,
        }
    }

    /// Makes all there is the core.
    pub(crate) fn freeze(&mut self) {
        self.core = self.threads.iter().map(|nodes| nodes.len() as u32).collect();
        for nodes in &mut self.threads {
            for node in nodes {
                node.clock = self.core.clone();
            }
        }
    }

    /// What the read at this event would be told by this write.
    pub(crate) fn answer(&self, source: Source, initial: Value, kind: ReadKind) -> Answer {
        let node = match source {
            Source::Initial if kind == ReadKind::Ordinary => return Answer::Value(initial),
            Source::Initial => return Answer::Free,
            Source::Event(id) => self.node(id),
        };
        match node.event.label {
            Label::LockWrite => Answer::Held,
            Label::Unlock => Answer::Free,
            _ => Answer::Value(node.value.expect("an ordinary write has a value")),
        }
    }

    /// The `LKW` of the critical section of this lock that the next event of a thread stands in, after so many events.
    pub(crate) fn own_section(&self, thread: usize, location: LocationId, events: usize) -> Option<Id> {
        let last = self.threads[thread][..events].iter().rposition(|node| {
            node.location == Some(location) && matches!(node.event.label, Label::LockWrite | Label::Unlock)
        })?;
        let is_open = self.threads[thread][last].event.label == Label::LockWrite;
        is_open.then_some(Id { thread: thread as u32, index: last as u32 })
    }

    /// Is there a cycle of `po` and `rf`?
    pub(crate) fn is_cyclic(&self) -> bool {
        let mut done: Vec<usize> = vec![0; self.threads.len()];
        loop {
            let mut progress = false;
            for (thread, nodes) in self.threads.iter().enumerate() {
                while let Some(node) = nodes.get(done[thread]) {
                    let ready = match &node.reading {
                        Some(Reading { source: Source::Event(w), .. }) => (w.index as usize) < done[w.thread as usize],
                        _ => true,
                    };
                    if !ready {
                        break;
                    }
                    done[thread] += 1;
                    progress = true;
                }
            }
            if !progress {
                return done.iter().zip(&self.threads).any(|(&n, nodes)| n < nodes.len());
            }
        }
    }

    /// What tells one graph of a program from another, whatever order it was built in. (Around a cycle, `rf` does not
    /// determine the values.)
    pub(crate) fn key(&self) -> Vec<u32> {
        let number = |id: Id| 1 + id.thread + id.index * self.threads.len() as u32;
        let mut key = Vec::new();
        for nodes in &self.threads {
            key.push(nodes.len() as u32);
            for reading in nodes.iter().filter_map(|node| node.reading.as_ref()) {
                key.push(match reading.source {
                    Source::Initial => 0,
                    Source::Event(id) => number(id),
                });
                match reading.answer {
                    Answer::Value(Value::Int(i)) => key.extend([0, i as u32]),
                    Answer::Value(Value::Address(location, offset)) => key.extend([1, location, offset as u32]),
                    Answer::Value(Value::Symbol(symbol)) => key.extend([2, symbol]),
                    Answer::Free => key.push(3),
                    Answer::Held => key.push(4),
                }
            }
        }
        // How many writes a location has follows from what its threads read.
        key.extend(self.co.values().flatten().map(|&id| number(id)));
        key
    }
}

/// The label of a read whose thread is stuck at it.
fn placeholder(kind: ReadKind) -> Label {
    match kind {
        ReadKind::Ordinary => Label::Read(lkmm_model::event::Mode::Once),
        ReadKind::Lock | ReadKind::TryLock => Label::LockRead,
        ReadKind::IsLocked => Label::ReadUnlocked,
    }
}
