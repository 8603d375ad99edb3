//! The executions of an open program, by trying everything.
//!
//! The program is run (closures and all) after every graph that it can build: each thread takes its next step, a read from
//! any write that is there, a write to any place in the coherence order. A write may at that moment also take over any
//! reads of other threads, provided that all threads, run again, do the same (load buffering). The graphs are kept in a set;
//! those that are complete are judged by `lkmm-naive`'s own model. This is `lkmm_naive::enumerate_grounded` for programs that
//! are run. It shares with the search the interface to programs, and nothing else: no revisits, no plans, no layout.
//!
//! Locations are known by what the program calls them: it must give them the same numbers whenever it does the same,
//! without being told. A closure does if what its threads share is on their stacks.

use lkmm_model::event::{Fence, Label};
use lkmm_model::graph::{self, EventId, Execution};
use lkmm_model::program::{LocationId, Value};
use lkmm_naive::{has_cycle, judge};
use lkmm_search::open::{Access, Answer, Event, OpenProgram, ReadKind, Step};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Complete executions that the model allows.
    pub(crate) executions: u64,
    /// Those with a cycle of `po ∪ rf`.
    pub(crate) cyclic: u64,
    /// Graphs on the way.
    pub(crate) graphs: usize,
}

/// Counts the executions of a program.
///
/// # Panics
/// If it does what has no meaning, and if there are more graphs on the way than `limit`.
pub(crate) fn count(program: &mut impl OpenProgram, limit: usize) -> Counts {
    let start = Graph { threads: vec![Vec::new(); program.threads()], ..Graph::default() };
    let mut counts = Counts::default();
    let mut seen: HashSet<Key> = HashSet::from([start.key()]);
    let mut open = vec![start];
    while let Some(mut graph) = open.pop() {
        if !graph.run(program) || !graph.may_grow(program) {
            continue;
        }
        let mut has_ended = vec![None; graph.threads.len()];
        let mut next = Vec::new();
        for (thread, has_ended) in has_ended.iter_mut().enumerate() {
            if graph.has_started(program, thread) {
                let step = program.next(thread, None);
                *has_ended = Some(matches!(step, Step::End { cut: false, .. } | Step::Failed(_)));
                next.extend(graph.steps(program, thread, step));
            }
        }
        for (&thread, &child) in graph.waits_for.iter().filter(|&(_, &child)| has_ended[child] == Some(true)) {
            next.push(graph.with(thread, Node::link(Act::Join(child), Some(Answer::Joined))));
        }
        open.extend(next.into_iter().filter(|next| seen.insert(next.key())));
        assert!(seen.len() <= limit, "more than {limit} graphs");
        if has_ended.iter().all(|&ended| ended != Some(false)) {
            let x = graph.execution(program);
            if judge(&x).consistent {
                counts.executions += 1;
                counts.cyclic += u64::from(has_cycle(&x));
            }
        }
    }
    Counts { graphs: seen.len(), ..counts }
}

/// An event: thread, and number in its thread.
type Place = (usize, usize);
/// What a read reads: a write, or (`None`) the initial one.
type Source = Option<Place>;
/// What tells two graphs apart.
type Key = (Vec<Vec<NodeKey>>, BTreeMap<LocationId, Vec<Place>>);
/// The same of two nodes. (Where they stand in the source, and what they depend on, follows from the answers.)
type NodeKey = (Act, [Option<(Label, bool, Option<u32>)>; 2], Option<LocationId>, Option<Value>, Option<Answer>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Act {
    Read(ReadKind, Source),
    Write,
    /// The write that comes with the read before it.
    WriteAtOnce,
    Other,
    Spawn(usize),
    Join(usize),
    Choose,
}

#[derive(Clone, Debug, PartialEq)]
struct Node {
    act: Act,
    event: Option<Event>,
    fence_before: Option<Event>,
    location: Option<LocationId>,
    /// What it writes.
    value: Option<Value>,
    answer: Option<Answer>,
}

impl Node {
    fn new(act: Act, event: Event, location: Option<LocationId>, value: Option<Value>) -> Node {
        Node { act, event: Some(event), fence_before: None, location, value, answer: None }
    }

    fn link(act: Act, answer: Option<Answer>) -> Node {
        Node { act, event: None, fence_before: None, location: None, value: None, answer }
    }

    fn label(&self) -> Option<Label> {
        self.event.as_ref().map(|event| event.label)
    }

    fn is(&self, label: Label, location: LocationId) -> bool {
        self.label() == Some(label) && self.location == Some(location)
    }

    fn key(&self) -> NodeKey {
        let bare = |event: &Option<Event>| event.as_ref().map(|e| (e.label, e.atomic, e.rmw));
        (self.act, [bare(&self.fence_before), bare(&self.event)], self.location, self.value, self.answer)
    }
}

/// A read and what comes with it, as nodes.
fn of_read(access: Access, kind: ReadKind, source: Source, location: LocationId, answer: Answer) -> Vec<Node> {
    let mut read = Node::new(Act::Read(kind, source), access.event, Some(location), None);
    (read.fence_before, read.answer) = (access.fence_before, Some(answer));
    let write = access.write.map(|(event, value)| Node::new(Act::WriteAtOnce, event, Some(location), value));
    [read].into_iter().chain(write).collect()
}

#[derive(Clone, Debug, Default)]
struct Graph {
    threads: Vec<Vec<Node>>,
    co: BTreeMap<LocationId, Vec<Place>>,
    /// The events as they were added.
    order: Vec<Place>,
    /// The threads that wait for others to end, after the program has been run.
    waits_for: BTreeMap<usize, usize>,
}

impl Graph {
    fn key(&self) -> Key {
        (self.threads.iter().map(|nodes| nodes.iter().map(Node::key).collect()).collect(), self.co.clone())
    }

    fn node(&self, (thread, index): Place) -> &Node {
        &self.threads[thread][index]
    }

    fn with(&self, thread: usize, node: Node) -> Graph {
        let mut graph = self.clone();
        graph.waits_for.clear();
        graph.order.push((thread, graph.threads[thread].len()));
        if let Act::Spawn(child) = node.act
            && graph.threads.len() <= child
        {
            graph.threads.resize(child + 1, Vec::new());
        }
        graph.threads[thread].push(node);
        graph
    }

    fn has_started(&self, program: &impl OpenProgram, thread: usize) -> bool {
        thread < program.threads() || self.threads.iter().flatten().any(|node| node.act == Act::Spawn(thread))
    }

    /// Runs the program up to here. False if it does something else; dependencies are filled in.
    fn run(&mut self, program: &mut impl OpenProgram) -> bool {
        program.restart();
        for (thread, index) in self.order.clone() {
            let before = self.node((thread, index)).clone();
            let again = match (program.next(thread, None), before.act, before.answer) {
                (_, Act::WriteAtOnce, _) => unreachable!("it is no step of its own"),
                (Step::Read(kind, location), Act::Read(_, source), Some(answer)) => {
                    match program.access(thread, answer).expect("a program with a meaning") {
                        Some(access) => of_read(access, kind, source, location, answer),
                        None => return false,
                    }
                }
                (Step::Write(location, value, event), _, _) => {
                    vec![Node::new(Act::Write, event, Some(location), value)]
                }
                (Step::Other(location, event), _, _) => vec![Node::new(Act::Other, event, location, None)],
                (Step::Spawn { thread: child, .. }, _, _) => vec![Node::link(Act::Spawn(child), None)],
                (Step::Join { thread: child, .. }, _, answer) => vec![Node::link(Act::Join(child), answer)],
                (Step::Choose(_), _, answer) => vec![Node::link(Act::Choose, answer)],
                _ => return false,
            };
            let comes_with_a_write =
                self.threads[thread].get(index + 1).is_some_and(|node| node.act == Act::WriteAtOnce);
            if again.len() != 1 + usize::from(comes_with_a_write) {
                return false;
            }
            for (offset, node) in again.into_iter().enumerate() {
                if node.key() != self.threads[thread][index + offset].key() {
                    return false;
                }
                self.threads[thread][index + offset] = node;
            }
            if let Some(answer) = before.answer {
                program.resume(thread, answer);
            }
        }
        true
    }

    /// What a read of this kind, at this place, is told by a write.
    fn answer(&self, program: &impl OpenProgram, kind: ReadKind, location: LocationId, source: Source) -> Answer {
        match (kind, source.map(|write| self.node(write))) {
            (ReadKind::Ordinary, None) => Answer::Value(program.initial(location)),
            (ReadKind::Ordinary, Some(write)) => Answer::Value(write.value.expect("a write has a value")),
            (_, Some(write)) if write.label() == Some(Label::LockWrite) => Answer::Held,
            _ => Answer::Free,
        }
    }

    /// The `LKW` of the critical section in which an event stands.
    fn section(&self, (thread, index): Place, location: LocationId) -> Source {
        let before = self.threads[thread].iter().enumerate().take(index);
        let mut of_lock =
            before.filter(|(_, node)| node.is(Label::LockWrite, location) || node.is(Label::Unlock, location));
        let (last, node) = of_lock.next_back()?;
        (node.label() == Some(Label::LockWrite)).then_some((thread, last))
    }

    /// The writes that are there and that a read at this place may read from.
    fn sources(&self, kind: ReadKind, place: Place, location: LocationId) -> Vec<Source> {
        let own = self.section(place, location);
        if kind != ReadKind::Ordinary && own.is_some() {
            return vec![own];
        }
        let is_source = |&(thread, index): &Place| match (kind, self.threads[thread][index].label()) {
            (ReadKind::Ordinary, Some(Label::Write(_))) => true,
            (ReadKind::Lock | ReadKind::TryLock | ReadKind::IsLocked, Some(Label::Unlock)) => true,
            (ReadKind::TryLock | ReadKind::IsLocked, Some(Label::LockWrite)) => thread != place.0,
            _ => false,
        };
        let writes = self.co.get(&location).into_iter().flatten().copied();
        [None].into_iter().chain(writes.filter(is_source).map(Some)).collect()
    }

    /// Everything that a step of a thread leads to. The program has been run up to here.
    fn steps(&mut self, program: &mut impl OpenProgram, thread: usize, step: Step) -> Vec<Graph> {
        let place = (thread, self.threads[thread].len());
        match step {
            Step::Read(kind, location) => {
                let mut graphs = Vec::new();
                for source in self.sources(kind, place, location) {
                    let answer = self.answer(program, kind, location, source);
                    let access = program.access(thread, answer).expect("a program with a meaning");
                    let Some(access) = access else { continue };
                    let mut nodes = of_read(access, kind, source, location, answer).into_iter();
                    let read = self.with(thread, nodes.next().expect("a read"));
                    match nodes.next() {
                        None => graphs.push(read),
                        Some(write) => {
                            let mut both = read;
                            both.threads[thread].push(write);
                            graphs.extend(both.placed(program, (thread, place.1 + 1), location));
                        }
                    }
                }
                graphs
            }
            Step::Write(location, value, event) => {
                self.with(thread, Node::new(Act::Write, event, Some(location), value)).placed(program, place, location)
            }
            Step::Other(location, event) => vec![self.with(thread, Node::new(Act::Other, event, location, None))],
            Step::Spawn { thread: child, .. } => vec![self.with(thread, Node::link(Act::Spawn(child), None))],
            Step::Join { thread: child, .. } => {
                self.waits_for.insert(thread, child);
                Vec::new()
            }
            Step::Choose(n) => {
                let choose = |n| self.with(thread, Node::link(Act::Choose, Some(Answer::Choice(n))));
                (0..n).map(choose).collect()
            }
            Step::Error(error) => panic!("{error}"),
            Step::Wait { .. } | Step::End { .. } | Step::Failed(_) | Step::Stuck => Vec::new(),
        }
    }

    /// Every place in `co` for a write that was added, with every set of reads that it takes over.
    fn placed(&self, program: &impl OpenProgram, write: Place, location: LocationId) -> Vec<Graph> {
        let order = self.co.get(&location).cloned().unwrap_or_default();
        let after = |source: Source| source.map_or(0, |w| 1 + order.iter().position(|&o| o == w).expect("a write"));
        let places: Vec<usize> = match self.node(write).label() {
            // A critical section comes right after what its LKR reads from, and its unlock right after its lock.
            Some(Label::LockWrite) => match self.node((write.0, write.1 - 1)).act {
                Act::Read(_, source) => vec![after(source)],
                _ => unreachable!("an LKW comes with its LKR"),
            },
            Some(Label::Unlock) => {
                vec![after(Some(self.section(write, location).expect("who unlocks holds the lock")))]
            }
            _ => (0..=order.len()).collect(),
        };
        let mut graphs = Vec::new();
        for place in places {
            let mut placed = self.clone();
            placed.co.entry(location).or_default().insert(place, write);
            let mut all = vec![placed.clone()];
            for &read in self.order.iter().filter(|read| read.0 != write.0) {
                let node = self.node(read);
                let Act::Read(kind, _) = node.act else { continue };
                let may = node.location == Some(location)
                    && node.label() != Some(Label::LockRead)
                    && placed.sources(kind, read, location).contains(&Some(write));
                if may {
                    let answer = placed.answer(program, kind, location, Some(write));
                    let mut taken = all.clone();
                    for graph in &mut taken {
                        let node = &mut graph.threads[read.0][read.1];
                        (node.act, node.answer) = (Act::Read(kind, Some(write)), Some(answer));
                    }
                    all.extend(taken);
                }
            }
            graphs.extend(all);
        }
        graphs
    }

    /// Is the graph consistent, as far as this can be asked of one that may not be complete?
    fn may_grow(&self, program: &impl OpenProgram) -> bool {
        let x = self.execution(program);
        let is_grace_period =
            |event: &graph::Event| matches!(event.label, Label::Fence(Fence::SyncRcu) | Label::SyncSrcu);
        match judge(&x).violated {
            None | Some("rcu" | "unmatched-locks") => true,
            Some("plain-coherence") => x.events.iter().any(is_grace_period),
            Some(_) => false,
        }
    }

    /// The execution. `po` crosses spawns and joins, with a full fence before the new threads of a run of spawns, and before
    /// what follows a run of joins.
    fn execution(&self, program: &impl OpenProgram) -> Execution {
        let accessed: BTreeSet<LocationId> = self.threads.iter().flatten().filter_map(|node| node.location).collect();
        let accessed: Vec<LocationId> = accessed.into_iter().collect();
        let initial = |location: LocationId| accessed.iter().position(|&l| l == location).expect("accessed") as EventId;
        let mut x = Execution { observed_locations: program.observed_locations(), ..Execution::default() };
        x.events.extend(accessed.iter().map(|&location| graph::Event {
            label: Label::Init,
            thread: None,
            location: Some(location),
            value: Some(program.initial(location)),
            atomic: false,
            origin: 0,
        }));
        // Of each node, the events that it is: a fence before it, and itself.
        let mut ids: BTreeMap<Place, [Option<EventId>; 2]> = BTreeMap::new();
        for (thread, nodes) in self.threads.iter().enumerate() {
            for (index, node) in nodes.iter().enumerate() {
                let before = nodes[..index].iter().rev().map(|node| node.act).find(|&act| act != Act::Choose);
                let mb = Event::new(Label::Fence(Fence::Mb), 0);
                let after_join = matches!(before, Some(Act::Join(_))).then(|| mb.clone());
                let (fence, own) = match node.act {
                    Act::Spawn(_) if matches!(before, Some(Act::Spawn(_))) => (None, None),
                    Act::Spawn(_) => (None, Some(mb)),
                    Act::Join(_) | Act::Choose => (None, None),
                    _ => (node.fence_before.clone().or(after_join), node.event.clone()),
                };
                let value = match node.answer {
                    Some(Answer::Value(value)) => Some(value),
                    _ => node.value,
                };
                let mut add = |event: Event, location: Option<LocationId>, value: Option<Value>| {
                    x.events.push(graph::Event {
                        label: event.label,
                        thread: Some(thread as u32),
                        location,
                        value,
                        atomic: event.atomic,
                        origin: event.origin,
                    });
                    x.events.len() as EventId - 1
                };
                let fence = fence.map(|event| add(event, None, None));
                let own = own.map(|event| add(event, node.location, value));
                ids.insert((thread, index), [fence, own]);
            }
        }
        let of = |place: Place| ids[&place][1].expect("an access is an event");
        // What comes before the next event of each thread. (`order` has no writes that come with reads.)
        let mut before: Vec<BTreeSet<EventId>> = vec![BTreeSet::new(); self.threads.len()];
        for &(thread, index) in &self.order {
            let comes_with = self.threads[thread].get(index + 1).is_some_and(|node| node.act == Act::WriteAtOnce);
            for index in index..=index + usize::from(comes_with) {
                let node = self.node((thread, index));
                for (event, id) in [&node.fence_before, &node.event].into_iter().zip(ids[&(thread, index)]) {
                    let Some(id) = id else { continue };
                    let reasons = event.as_ref().and_then(|event| event.dependencies.reasons());
                    let reasons = reasons.cloned().unwrap_or_default();
                    let pairs = |from: &[u32]| -> Vec<(EventId, EventId)> {
                        let places = from.iter().filter_map(|&i| ids[&(thread, i as usize)][1]);
                        places.map(|from| (from, id)).collect()
                    };
                    let unordered = pairs(&reasons.unordered);
                    x.po.extend(before[thread].iter().map(|&e| (e, id)).filter(|pair| !unordered.contains(pair)));
                    x.addr.extend(pairs(&reasons.addr));
                    x.data.extend(pairs(&reasons.data));
                    x.ctrl.extend(pairs(&reasons.ctrl));
                    before[thread].insert(id);
                }
                if let Some(read) = node.event.as_ref().and_then(|event| event.rmw) {
                    x.rmw.push((of((thread, read as usize)), of((thread, index))));
                }
                match node.act {
                    Act::Spawn(child) => before[child] = before[thread].clone(),
                    Act::Join(child) => {
                        let ended = before[child].clone();
                        before[thread].extend(ended);
                    }
                    Act::Read(_, source) => {
                        let location = node.location.expect("a read has a location");
                        x.rf.push((source.map_or_else(|| initial(location), of), of((thread, index))));
                    }
                    _ => {}
                }
            }
        }
        for (&location, writes) in &self.co {
            let order: Vec<EventId> = [initial(location)].into_iter().chain(writes.iter().map(|&w| of(w))).collect();
            x.co.extend(order.iter().enumerate().flat_map(|(i, &a)| order[i + 1..].iter().map(move |&b| (a, b))));
        }
        for pairs in [&mut x.po, &mut x.rf, &mut x.co, &mut x.rmw, &mut x.addr, &mut x.data, &mut x.ctrl] {
            pairs.sort_unstable();
            pairs.dedup();
        }
        x
    }
}
