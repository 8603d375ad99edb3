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
use super::graph::{Act, Graph, Id, Node, Source};
use super::program::{Answer, Dependencies, OpenError, OpenProgram, ReadKind, Reasons, Step};
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
    location: LocationId,
    value: Option<Value>,
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
            if !matters || !matches!(graph.node(read).act, Act::Read(ReadKind::Ordinary, _)) {
                continue;
            }
            let answers = match values {
                Values::OfAll => self.strangers(graph, read),
                Values::InSight => {
                    let mut answers = self.stand_ins(graph, read)?;
                    answers.extend(passed_on.iter().filter(|(to, _)| *to == read).map(|(_, answer)| *answer));
                    answers
                }
            };
            for answer in answers {
                let again = self.run_again(graph, read, answer, values)?;
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

    /// What a read might have been told instead.
    fn stand_ins(&mut self, graph: &Graph, read: Id) -> Result<Vec<Answer>, OpenError> {
        let node = *graph.node(read);
        let (Act::Read(kind, _), Some(location), Some(told)) = (node.act, node.location, node.answer) else {
            return Ok(Vec::new());
        };
        let mut cut = self.spare();
        cut.become_cut(graph, &independent(graph, read));
        let mut answers: Vec<Answer> = Vec::new();
        for rank in 0..=cut.co(location).len() {
            let source = rank.checked_sub(1).map_or(Source::Initial, |at| Source::Event(cut.co(location)[at]));
            let answer = self.answer(&cut, source, location, kind);
            if answer == told || answers.contains(&answer) {
                continue;
            }
            let again = Node { act: Act::Read(kind, source), answer: Some(answer), ..node };
            let again = cut.push(&mut self.traces, read.thread as usize, again);
            if self.is_consistent(&cut)? {
                answers.push(answer);
            }
            cut.pop(again);
        }
        self.give_back(cut);
        Ok(answers)
    }

    /// What a read is told in other executions.
    fn strangers(&self, graph: &Graph, read: Id) -> Vec<Answer> {
        let node = graph.node(read);
        let Some(location) = node.location else { return Vec::new() };
        let initial = || self.run.program.initial(location);
        let told = graph.answer(node.source().unwrap_or(Source::Initial), initial, ReadKind::Ordinary);
        let values = self.written.of(location).iter().copied().chain([initial()]);
        let fits = |&value: &Value| Answer::Value(value) != told && self.run.program.may_stand_in(location, value);
        values.filter(fits).map(Answer::Value).collect()
    }

    /// What a thread does after a read when that is answered otherwise.
    fn run_again(&mut self, graph: &Graph, read: Id, answer: Answer, values: Values) -> Result<Again, OpenError> {
        let (thread, index) = (read.thread as usize, read.index as usize);
        let rest = &graph.threads[thread][index + 1..];
        self.run.replay_but(graph, read)?;
        let mut again = Again::default();
        let mut chosen = rest.iter().filter(|node| node.act == Act::Choose);
        let mut stand_in = Some(answer);
        let is_wary = values == Values::OfAll;
        // A thread that goes astray is not followed for ever.
        for _ in 0..2 * rest.len() + 16 {
            match *self.run.step(thread) {
                Step::Read(kind, location) => {
                    let newest = self.answer(graph, graph.last(location), location, kind);
                    let is_first = stand_in.is_some();
                    let told = match stand_in.take() {
                        Some(answer) => answer,
                        None => {
                            let Some(access) = self.run.access(thread, newest)? else { return Ok(again) };
                            again.counterpart(rest, access.event.origin, kind).unwrap_or(newest)
                        }
                    };
                    let Some(access) = self.run.access(thread, told)? else { return Ok(again) };
                    if !is_first {
                        again.add(access.event.origin, None, location, None);
                        if is_wary && again.is_astray(rest) {
                            return Ok(again);
                        }
                    }
                    if let Some((event, value)) = access.write {
                        again.add(event.origin, Some(event.label), location, value);
                    }
                    self.run.resume(thread, told);
                }
                Step::Write(..) => {
                    if let Step::Write(location, value, event) = self.run.take(thread) {
                        again.add(event.origin, Some(event.label), location, value);
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
}

impl Again {
    fn add(&mut self, origin: u32, write: Option<Label>, location: LocationId, value: Option<Value>) {
        self.accesses.push(Access { origin, write, location, value });
    }

    /// Is its last access another one than that of the first run?
    fn is_astray(&self, rest: &[Node]) -> bool {
        let Some(last) = self.accesses.last() else { return false };
        self.counterpart_of(self.accesses.len() - 1, rest).is_none_or(|node| node.location != Some(last.location))
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
            other.write == Some(node.label) && Some(other.location) == node.location && other.value == node.value
        };
        let is_new = |number: &usize| self.counterpart_of(*number, &nodes[read + 1..]).is_none();
        let new = (0..self.accesses.len()).filter(|&number| does_the_same(&self.accesses[number])).filter(is_new);
        let is_like = |&other: &usize| {
            let (other, missing) = (&nodes[other], self.like(nodes, read, other).is_none());
            missing && (other.label, other.location, other.value) == (node.label, node.location, node.value)
        };
        new.count() > (read + 1..index).filter(is_like).count()
    }

    /// What the read that comes next was told in the first run, if it was there.
    fn counterpart(&self, rest: &[Node], origin: u32, kind: ReadKind) -> Option<Answer> {
        let before = self.accesses.iter().filter(|access| access.origin == origin && access.write.is_none()).count();
        let reads =
            rest.iter().filter(|node| matches!(node.act, Act::Read(k, _) if k == kind) && node.origin == origin);
        reads.into_iter().nth(before)?.answer
    }
}

impl Access {
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
        let (Some(value), true) = (access.value, access.value != node.value) else { continue };
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
                if Some(access.location) != node.location {
                    add(&mut reasons.addr);
                }
                if node.is_write() && access.value != node.value {
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
