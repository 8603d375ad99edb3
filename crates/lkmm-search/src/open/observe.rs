//! Observed dependencies: those that show when a program is run.
//!
//! Code that runs shows no syntax, and a compiler keeps a dependency only if it carries something. So a later event of a
//! thread is said to depend on a load if a value really flows: the thread is run again up to that event with another value
//! for this load, and all its other reads answered as before, and the event goes to another location (`addr`), writes
//! another value (`data`), or does not happen (`ctrl`, of writes). What changes only when two loads change together is no
//! dependency. No compiler can remove one that is found so, and each is one that the syntax shows.
//!
//! The other values are those that the load can really return there: those of the writes that it can read from when all
//! that depends on it is taken away. So no thread is run with a value that it could not meet. Where these do not forbid the
//! execution, and others might, those count too that writes of other executions give ([`written`](super::written)).
//!
//! Events of the two runs are compared by where they stand in the source: the first, second … event of a line and column. A write
//! that is not there in the other run happens nevertheless if another one does the same in its stead: both arms of a branch
//! store the same, and a compiler may store it before the branch.
//!
//! Where a write depends on a load, those who read from it are told, in turn, the other value that it would write.
//!
//! Dependencies only forbid. They are looked for when an execution is complete, and only if they can matter: an
//! execution that is sequentially consistent and raises no flag is allowed whatever depends on what.

use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Act, Id, Node, Source};
use super::places::floor;
use super::program::{Answer, Dependencies, Event, OpenError, OpenProgram, ReadKind, Reasons, Step};
use lkmm_model::event::Label;
use lkmm_model::program::{LocationId, Value};

/// The values that stand in for that of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Those that it can return in this execution.
    InSight,
    /// Those that any write gives.
    OfAll,
}

/// What a thread does when it is run again, after the load that is answered otherwise.
#[derive(Default)]
struct Again {
    accesses: Vec<Access>,
    /// It was followed to its end, so that what is missing does not happen.
    to_the_end: bool,
}

/// An access of a thread that is run again.
struct Access {
    origin: u32,
    /// What it is, if it is a write.
    write: Option<Label>,
    /// `None`: one that this run alone has.
    location: Option<LocationId>,
    value: Option<Value>,
    /// The value cannot be compared: it is a pointer that this run alone has, or the name of a write.
    is_new: bool,
}

/// What a load is told instead of what it returned.
#[derive(Clone, Copy, Debug)]
enum StandIn {
    Answer(Answer),
    /// What it would read from there.
    Source(Source),
}

impl<P: OpenProgram> Explorer<'_, P> {
    /// Adds to a complete graph the dependencies that show. False if there are none.
    pub(super) fn observe(&mut self, graph: &mut Graph, values: Values) -> Result<bool, OpenError> {
        let mut reasons: Vec<Vec<Reasons>> =
            graph.threads.iter().map(|nodes| vec![Reasons::default(); nodes.len()]).collect();
        let mut passed_on: Vec<(Id, Answer)> = Vec::new();
        for at in 0..graph.order.len() {
            let read = graph.order[at];
            let nodes = &graph.threads[read.thread as usize];
            let matters = nodes[read.index as usize + 1..].iter().any(|node| node.location.is_some());
            let is_opaque = |location| self.run.program.is_opaque(location);
            if !matters
                || !matches!(graph.node(read).act, Act::Read(ReadKind::Ordinary, _))
                || graph.node(read).location.is_some_and(is_opaque)
            {
                continue;
            }
            let stand_ins = match values {
                Values::OfAll => self.strangers(graph, read),
                Values::InSight => {
                    let mut stand_ins = self.stand_ins(graph, read)?;
                    let passed_on =
                        passed_on.iter().filter(|(to, answer)| *to == read && !self.moves(graph, read, *answer));
                    stand_ins.extend(passed_on.map(|(_, answer)| StandIn::Answer(*answer)));
                    stand_ins
                }
            };
            for stand_in in stand_ins {
                let again = self.run_again(graph, read, stand_in, values)?;
                let nodes = &graph.threads[read.thread as usize];
                compare(nodes, read.index as usize, &again, &mut reasons[read.thread as usize]);
                if values == Values::InSight {
                    pass_on(graph, read, &again, &mut passed_on);
                }
            }
        }
        let mut found = false;
        for (thread, reasons) in reasons.into_iter().enumerate() {
            for (index, reasons) in reasons.into_iter().enumerate().filter(|(_, r)| *r != Reasons::default()) {
                let id = Id::new(thread, index);
                let known = self.traces.reasons_of(graph.node(id).reasons).cloned().unwrap_or_default();
                let all = self.traces.reasons(&Dependencies::new(known.union(reasons)));
                found |= all != graph.node(id).reasons;
                graph.set_reasons(id, all);
            }
        }
        if found {
            graph.retrace(&mut self.traces);
        }
        Ok(found)
    }

    /// Is this answer to a read a pointer that is another one in the next run?
    fn moves(&self, graph: &Graph, read: Id, answer: Answer) -> bool {
        match (graph.node(read).location, answer) {
            (Some(location), Answer::Value(value)) => self.is_moving(location, value),
            _ => false,
        }
    }

    /// What a read might have been told instead.
    fn stand_ins(&mut self, graph: &Graph, read: Id) -> Result<Vec<StandIn>, OpenError> {
        let node = *graph.node(read);
        let (Act::Read(kind, _), Some(location), Some(told)) = (node.act, node.location, node.answer) else {
            return Ok(Vec::new());
        };
        let seen = self.seen_before(graph, read, location);
        let mut cut = self.spare();
        cut.become_cut(graph, &independent(graph, read));
        let (mut stand_ins, mut answers) = (Vec::new(), Vec::new());
        for rank in 0..=cut.co(location).len() {
            let source = rank.checked_sub(1).map_or(Source::Initial, |at| Source::Event(cut.co(location)[at]));
            let answer = self.answer(&cut, source, location, kind);
            if answer == told || answers.contains(&answer) || graph.rank(location, source) < seen {
                continue;
            }
            let again = Node { act: Act::Read(kind, source), answer: Some(answer), ..node };
            let again = cut.push(&mut self.traces, read.thread as usize, again);
            if self.is_consistent(&cut)? {
                answers.push(answer);
                stand_ins.push(match self.moves(graph, read, answer) {
                    true => StandIn::Source(source),
                    false => StandIn::Answer(answer),
                });
            }
            cut.pop(again);
        }
        self.give_back(cut);
        Ok(stand_ins)
    }

    /// The place in coherence order of what the thread of a read has seen of the location before: it is told nothing older.
    fn seen_before(&self, graph: &Graph, read: Id, location: LocationId) -> usize {
        let unordered = self.traces.unordered(graph.node(read).reasons);
        floor(graph, read.thread as usize, read.index as usize, location, unordered)
    }

    /// What a read is told in other executions.
    fn strangers(&self, graph: &Graph, read: Id) -> Vec<StandIn> {
        let node = graph.node(read);
        let Some(location) = node.location else { return Vec::new() };
        let initial = || self.run.program.initial(location);
        let told = graph.answer(node.source().unwrap_or(Source::Initial), initial, ReadKind::Ordinary);
        let is_first = self.seen_before(graph, read, location) == 0;
        let values = self.written.of(location).iter().copied().chain(is_first.then(initial));
        let fits = |&value: &Value| Answer::Value(value) != told && self.run.program.may_stand_in(location, value);
        values.filter(fits).map(Answer::Value).map(StandIn::Answer).collect()
    }

    /// What a thread does after a read when that is answered otherwise.
    fn run_again(
        &mut self,
        graph: &mut Graph,
        read: Id,
        stand_in: StandIn,
        values: Values,
    ) -> Result<Again, OpenError> {
        let (thread, index) = (read.thread as usize, read.index as usize);
        let kept = self.run.replay_but(graph, read)?;
        let graph = &*graph;
        let mut again = Again::default();
        let answer = match (stand_in, graph.node(read).act, graph.node(read).location) {
            (StandIn::Answer(answer), ..) => answer,
            (StandIn::Source(source), Act::Read(kind, _), Some(location)) => {
                let Some(answer) = self.answer_now(graph, &kept, source, location, kind) else { return Ok(again) };
                answer
            }
            _ => return Ok(again),
        };
        let rest = &graph.threads[thread][index + 1..];
        let mut chosen = rest.iter().filter(|node| node.act == Act::Choose);
        let mut stand_in = Some(answer);
        let is_wary = values == Values::OfAll;
        // A thread that goes astray is not followed for ever.
        for _ in 0..2 * rest.len() + 16 {
            match *self.run.step(thread) {
                Step::Read(kind, location) => {
                    let newest = graph.last(location);
                    let is_first = stand_in.is_some();
                    let told = match stand_in.take() {
                        Some(answer) => answer,
                        None => {
                            let newest_answer = self.answer(graph, newest, location, kind);
                            let Some(access) = self.run.access(thread, newest_answer)? else { return Ok(again) };
                            let told = match again.counterpart(rest, access.event.origin, kind) {
                                Some(node) => self.answer_again(graph, &kept, node, location, kind),
                                None => self.answer_now(graph, &kept, newest, location, kind),
                            };
                            let Some(told) = told else { return Ok(again) };
                            told
                        }
                    };
                    let Some(access) = self.run.access(thread, told)? else { return Ok(again) };
                    if !is_first {
                        again.accesses.push(self.access_again(graph, access.event.origin, location));
                        if is_wary && again.is_astray(rest) {
                            return Ok(again);
                        }
                    }
                    if let Some((event, value)) = access.write {
                        again.accesses.push(self.write_again(graph, &event, location, value, answer));
                    }
                    self.run.resume(thread, told);
                }
                Step::Write(..) => {
                    if let Step::Write(location, value, event) = self.run.take(thread) {
                        again.accesses.push(self.write_again(graph, &event, location, value, answer));
                        if is_wary && again.is_astray(rest) {
                            return Ok(again);
                        }
                    }
                }
                Step::Other(..) | Step::Spawn { .. } => drop(self.run.take(thread)),
                Step::Join { thread: child, .. } => {
                    if !self.has_ended(graph, child) {
                        return Ok(again);
                    }
                    self.run.resume(thread, Answer::Joined);
                }
                Step::Choose(n) => {
                    let told = chosen.next().and_then(|node| node.answer);
                    let fits = |answer: &Answer| matches!(answer, Answer::Choice(choice) if *choice < n);
                    self.run.resume(thread, told.filter(fits).unwrap_or(Answer::Choice(0)));
                }
                Step::End { cut: true, .. } => return Ok(again),
                Step::End { .. } | Step::Failed(_) | Step::Wait { .. } => {
                    again.to_the_end = true;
                    return Ok(again);
                }
                Step::Stuck | Step::Error(_) => return Ok(again),
            }
        }
        Ok(again)
    }

    /// What a write gives, when the first events of each thread have been run again; `None` if that points to what is not there now.
    fn answer_now(
        &self,
        graph: &Graph,
        kept: &[u32],
        source: Source,
        location: LocationId,
        kind: ReadKind,
    ) -> Option<Answer> {
        let answer = self.answer(graph, source, location, kind);
        match (source, answer) {
            (Source::Event(write), Answer::Value(value)) if !write.is_within(kept) => {
                (!self.is_moving(location, value)).then_some(answer)
            }
            _ => Some(answer),
        }
    }

    /// What a read was told in the first run, as that is now.
    fn answer_again(
        &self,
        graph: &Graph,
        kept: &[u32],
        node: &Node,
        location: LocationId,
        kind: ReadKind,
    ) -> Option<Answer> {
        match (node.answer, node.source()) {
            (Some(Answer::Value(value)), Some(source)) if self.is_moving(location, value) => {
                self.answer_now(graph, kept, source, location, kind)
            }
            (answer, _) => answer,
        }
    }

    /// Is this value of a location a pointer that is another one in the next run?
    fn is_moving(&self, location: LocationId, value: Value) -> bool {
        let program = &*self.run.program;
        program.pointers_move() && program.is_moving(location, value)
    }

    /// A read. Where pointers move, an object that no other event of the graph knows may be one that was there before.
    fn access_again(&self, graph: &Graph, origin: u32, location: LocationId) -> Access {
        let is_known =
            !self.run.program.moves(location) || graph.nodes().any(|(_, node)| node.location == Some(location));
        Access { origin, write: None, location: is_known.then_some(location), value: None, is_new: false }
    }

    /// A write. A pointer that moves, and is not what the load has returned, may be what was written before.
    fn write_again(
        &self,
        graph: &Graph,
        event: &Event,
        location: LocationId,
        value: Option<Value>,
        told: Answer,
    ) -> Access {
        let is_foreign = |value| Answer::Value(value) != told && self.is_moving(location, value);
        let is_new = self.run.program.is_opaque(location) || value.is_some_and(is_foreign);
        Access { write: Some(event.label), value, is_new, ..self.access_again(graph, event.origin, location) }
    }
}

impl Again {
    /// Is its last access another one than that of the first run?
    fn is_astray(&self, rest: &[Node]) -> bool {
        let Some(last) = self.accesses.last() else { return false };
        self.counterpart_of(self.accesses.len() - 1, rest).is_none_or(|node| last.goes_elsewhere(node))
    }

    /// What an access was in the first run, by where it stands in the source.
    fn counterpart_of<'n>(&self, number: usize, rest: &'n [Node]) -> Option<&'n Node> {
        let access = &self.accesses[number];
        let before = self.accesses[..number].iter().filter(|other| other.stands_where(access)).count();
        let like = |node: &&Node| {
            node.is_access() && node.origin == access.origin && node.is_write() == access.write.is_some()
        };
        rest.iter().filter(like).nth(before)
    }

    /// What became of an event after the read.
    fn like(&self, nodes: &[Node], read: usize, index: usize) -> Option<&Access> {
        let node = &nodes[index];
        let is_like =
            |other: &&Node| other.is_access() && other.origin == node.origin && other.is_write() == node.is_write();
        let before = nodes[read + 1..index].iter().filter(is_like).count();
        let like = |access: &&Access| access.origin == node.origin && access.write.is_some() == node.is_write();
        self.accesses.iter().filter(like).nth(before)
    }

    /// Does another write, that was not there in the first run, do the same as a write that is not there in this one?
    fn is_made_elsewhere(&self, nodes: &[Node], read: usize, index: usize) -> bool {
        let node = &nodes[index];
        let does_the_same = |other: &Access| {
            other.write == Some(node.label) && !other.goes_elsewhere(node) && !other.gives_another_value(node)
        };
        let is_new = |number: &usize| self.counterpart_of(*number, &nodes[read + 1..]).is_none();
        let new = (0..self.accesses.len()).filter(|&number| does_the_same(&self.accesses[number])).filter(is_new);
        let is_like = |&other: &usize| {
            let (other, missing) = (&nodes[other], self.like(nodes, read, other).is_none());
            missing && (other.label, other.location, other.value) == (node.label, node.location, node.value)
        };
        new.count() > (read + 1..index).filter(is_like).count()
    }

    /// The read that comes next in the first run, if it was there.
    fn counterpart<'n>(&self, rest: &'n [Node], origin: u32, kind: ReadKind) -> Option<&'n Node> {
        let before = self.accesses.iter().filter(|access| access.origin == origin && access.write.is_none()).count();
        let reads =
            rest.iter().filter(|node| matches!(node.act, Act::Read(k, _) if k == kind) && node.origin == origin);
        reads.into_iter().nth(before).filter(|node| node.answer.is_some())
    }
}

impl Access {
    /// Does it go to another location than an event of the first run?
    fn goes_elsewhere(&self, node: &Node) -> bool {
        self.location.is_some() && self.location != node.location
    }

    /// Does it write something else than an event of the first run?
    fn gives_another_value(&self, node: &Node) -> bool {
        !self.is_new && self.value != node.value
    }

    /// Are they the same statement?
    fn stands_where(&self, other: &Access) -> bool {
        self.origin == other.origin && self.write.is_some() == other.write.is_some()
    }
}

/// A write that depends on a load can give those that read it other values.
fn pass_on(graph: &Graph, read: Id, again: &Again, passed_on: &mut Vec<(Id, Answer)>) {
    let nodes = &graph.threads[read.thread as usize];
    for (index, node) in nodes.iter().enumerate().skip(read.index as usize + 1).filter(|(_, node)| node.is_write()) {
        let Some(access) = again.like(nodes, read.index as usize, index) else { continue };
        let (Some(value), true) = (access.value, access.gives_another_value(node)) else { continue };
        let write = Source::Event(Id { index: index as u32, ..read });
        for (reader, _) in graph.nodes().filter(|(_, node)| node.source() == Some(write)) {
            let answer = (reader, Answer::Value(value));
            if !passed_on.contains(&answer) {
                passed_on.push(answer);
            }
        }
    }
}

/// Finds what became of the events after a read, and what thereby depends on it.
fn compare(nodes: &[Node], read: usize, again: &Again, reasons: &mut [Reasons]) {
    for (index, node) in nodes.iter().enumerate().skip(read + 1).filter(|(_, node)| node.is_access()) {
        let reasons = &mut reasons[index];
        let add = |pairs: &mut Vec<u32>| {
            if pairs.last() != Some(&(read as u32)) {
                pairs.push(read as u32);
            }
        };
        match again.like(nodes, read, index) {
            // That an atomic operation may not write at all is no branch: its read comes before its write as it is.
            None if node.rmw == Some(read as u32) => {}
            None if node.is_write() && again.to_the_end && !again.is_made_elsewhere(nodes, read, index) => {
                add(&mut reasons.ctrl);
            }
            None => {}
            Some(access) => {
                if access.goes_elsewhere(node) {
                    add(&mut reasons.addr);
                }
                if node.is_write() && access.gives_another_value(node) {
                    add(&mut reasons.data);
                }
            }
        }
    }
}

/// Of each thread, how many events do not depend on one.
fn independent(graph: &Graph, on: Id) -> Vec<u32> {
    let mut kept: Vec<u32> = graph.threads.iter().map(|nodes| nodes.len() as u32).collect();
    kept[on.thread as usize] = on.index;
    cut_back(graph, kept)
}

/// Of the first events of each thread, those that need no other ones: how many of each thread.
pub(super) fn cut_back(graph: &Graph, mut kept: Vec<u32>) -> Vec<u32> {
    loop {
        let mut changed = false;
        for (thread, nodes) in graph.threads.iter().enumerate() {
            let goes = |node: &Node| match node.act {
                Act::Read(_, Source::Event(source)) => !source.is_within(&kept),
                Act::Join(child) => (kept[child as usize] as usize) < graph.threads[child as usize].len(),
                _ => false,
            };
            let first = match graph.start_of(thread) {
                Some(start) if !start.is_within(&kept) => 0,
                _ => nodes.iter().position(goes).unwrap_or(nodes.len()) as u32,
            };
            if first < kept[thread] {
                kept[thread] = first;
                changed = true;
            }
        }
        if !changed {
            return kept;
        }
    }
}
