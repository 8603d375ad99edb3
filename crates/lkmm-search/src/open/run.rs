//! A program that is being run, in step with a graph.
//!
//! Threads can only go forward. As long as the graph only grows, so do they; when the search takes up another graph, the
//! program is restarted, and does again what the graph says.

use super::graph::Graph;
use super::node::{Act, Id, Node, Source};
use super::program::{Access, Answer, OpenError, OpenProgram, ReadKind, Step};
use super::traces::Traces;
use lkmm_model::event::Label;
use lkmm_model::program::{LocationId, Value};

pub(crate) struct Run<'p, P> {
    pub(crate) program: &'p mut P,
    /// What each thread does next, once that is known.
    steps: Vec<Option<Step>>,
}

impl<'p, P: OpenProgram> Run<'p, P> {
    pub(crate) fn new(program: &'p mut P) -> Self {
        Run { program, steps: Vec::new() }
    }

    fn restart(&mut self) {
        self.program.restart();
        self.steps.fill(None);
    }

    /// What a thread does next.
    pub(crate) fn step(&mut self, thread: usize) -> &Step {
        self.step_at(thread, None)
    }

    fn step_at(&mut self, thread: usize, expected: Option<u32>) -> &Step {
        if self.steps.len() <= thread {
            self.steps.resize(thread + 1, None);
        }
        self.steps[thread].get_or_insert_with(|| self.program.next(thread, expected))
    }

    /// How a thread ended, if it is known to have ended.
    pub(crate) fn known(&self, thread: usize) -> Option<&Step> {
        self.steps.get(thread)?.as_ref()
    }

    /// Goes past a step that asks nothing, or has been answered.
    pub(crate) fn take(&mut self, thread: usize) -> Step {
        self.steps[thread].take().expect("the step was looked at")
    }

    pub(crate) fn access(&mut self, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        self.program.access(thread, answer)
    }

    /// Answers the step of a thread.
    pub(crate) fn resume(&mut self, thread: usize, answer: Answer) {
        self.steps[thread] = None;
        self.program.resume(thread, answer);
    }

    /// Starts the program again and makes it do what it did in a graph. (At a read at which a thread is stuck, it waits.)
    /// What it knows of pointers that move is what they are now.
    pub(crate) fn replay(&mut self, graph: &mut Graph) -> Result<(), OpenError> {
        self.restart();
        for at in 0..graph.order.len() {
            let id = graph.order[at];
            if matches!(graph.node(id).act, Act::Join(_)) {
                // Who has joined others may look at what they have left.
                self.settle(graph, at);
            }
            if graph.node(id).act != Act::WriteAtOnce {
                self.redo(graph, id)?;
            }
        }
        self.settle(graph, graph.order.len());
        Ok(())
    }

    /// So many events have been done again: tells the program which writes are coherence-last.
    fn settle(&mut self, graph: &Graph, done: usize) {
        for writes in graph.co.iter().filter(|writes| writes.order.len() > 1) {
            let last = match done == graph.order.len() {
                true => writes.order.last(),
                false => writes.order.iter().rev().find(|write| graph.order[..done].contains(write)),
            };
            if let Some(value) = last.and_then(|&last| graph.node(last).value) {
                self.program.settle(writes.location, value);
            }
        }
    }

    /// Makes a thread do what it did at an event of a graph, which its thread has come to.
    fn redo(&mut self, graph: &mut Graph, id: Id) -> Result<(), OpenError> {
        if self.program.pointers_move() {
            return self.redo_moving(graph, id);
        }
        let (thread, node) = (id.thread as usize, graph.node(id));
        if self.known(thread).is_none() && !node.stuck {
            // It is not kept, for it has been taken already.
            let step = self.program.next(thread, node.location);
            if !is_same(&step, node) {
                return Err(changed(thread, node, &step));
            }
            if let Some(answer) = node.answer {
                self.program.resume(thread, answer);
            }
            return Ok(());
        }
        let step = self.step_at(thread, node.location);
        if !is_same(step, node) {
            return Err(changed(thread, node, step));
        }
        self.go_past(thread, node);
        Ok(())
    }

    fn redo_moving(&mut self, graph: &mut Graph, id: Id) -> Result<(), OpenError> {
        let thread = id.thread as usize;
        let location = graph.node(id).location;
        self.step_at(thread, location);
        self.renew_answer(graph, id);
        self.renew_value(graph, id);
        let (node, step) = (graph.node(id), self.steps[thread].as_ref().expect("the step was looked at"));
        if !is_same(step, node) {
            return Err(changed(thread, node, step));
        }
        if let (Act::Read(..), Some(answer)) = (node.act, node.answer) {
            // Where memory is allocated elsewhere, other pointers may be equal.
            let access = self.access(thread, answer)?;
            let write = access.and_then(|access| access.write);
            if write.is_some() != graph.has_write_at_once(id) {
                let step = self.steps[thread].as_ref().expect("the step was looked at");
                return Err(changed(thread, graph.node(id), step));
            }
            if let Some((_, value)) = write {
                self.renew(graph, Id { index: id.index + 1, ..id }, value);
            }
        }
        let node = *graph.node(id);
        self.go_past(thread, &node);
        Ok(())
    }

    /// Answers a read with what it reads from, as that is now.
    fn renew_answer(&self, graph: &mut Graph, id: Id) {
        let node = graph.node(id);
        if let (Act::Read(kind, source), Some(location), Some(_)) = (node.act, node.location, node.answer) {
            let answer = graph.answer(source, || self.program.initial(location), kind);
            graph.set_answer(id, answer);
        }
    }

    /// What a write writes is what it writes now, if only a pointer has moved.
    fn renew_value(&self, graph: &mut Graph, id: Id) {
        if let Some(Step::Write(_, value, _)) = self.steps[id.thread as usize] {
            self.renew(graph, id, value);
        }
    }

    fn renew(&self, graph: &mut Graph, id: Id, value: Option<Value>) {
        let node = graph.node(id);
        if let (Some(location), Some(before), Some(now)) = (node.location, node.value, value) {
            if self.has_moved(location, before, now) {
                graph.set_value(id, now);
            }
        }
    }

    /// Is this the same pointer as before?
    fn has_moved(&self, location: LocationId, before: Value, now: Value) -> bool {
        before != now && self.program.is_moving(location, before) && self.program.is_moving(location, now)
    }

    /// The same, but for what a thread did from one of its events on, and for the threads that it started then.
    /// (And for those that read a pointer that moves from there; and what others did from where they do something else, for they may look at what
    /// that thread has left in memory.) Yields how many events of each thread it has done again.
    pub(crate) fn replay_but(&mut self, graph: &mut Graph, from: Id) -> Result<Vec<u32>, OpenError> {
        self.restart();
        let mut lengths: Vec<u32> = graph.threads.iter().map(|nodes| nodes.len() as u32).collect();
        lengths[from.thread as usize] = from.index;
        for at in 0..graph.order.len() {
            let id = graph.order[at];
            let (thread, node) = (id.thread as usize, graph.node(id));
            if graph.start_of(thread).is_some_and(|start| !start.is_within(&lengths)) {
                lengths[thread] = 0;
            }
            if !id.is_within(&lengths) || node.act == Act::WriteAtOnce {
                continue;
            }
            let length = |child: u32| graph.threads[child as usize].len() as u32;
            if matches!(node.act, Act::Join(child) if lengths[child as usize] < length(child)) {
                lengths[thread] = id.index;
                continue;
            }
            if self.is_out_of_sight(graph, id, &lengths) {
                lengths[thread] = id.index;
                continue;
            }
            match self.redo(graph, id) {
                Err(OpenError::Nondeterminism { .. }) => lengths[thread] = id.index,
                done => done?,
            }
        }
        Ok(lengths)
    }

    /// Does a read return a pointer that is known from another run alone? The first events of each thread have been run again. (What is a
    /// pointer is known when its thread has come to the read.)
    fn is_out_of_sight(&mut self, graph: &Graph, read: Id, lengths: &[u32]) -> bool {
        if !self.program.pointers_move() {
            return false;
        }
        let node = graph.node(read);
        self.step_at(read.thread as usize, node.location);
        match (node.source(), node.location, node.answer) {
            (Some(Source::Event(write)), Some(location), Some(Answer::Value(value))) => {
                !write.is_within(lengths) && self.program.is_moving(location, value)
            }
            _ => false,
        }
    }

    /// Starts the program again with answers that it has not been given before. Labels must come out again, and so must what is written where it is read around
    /// a cycle. Other values are what they are now, as are dependencies.
    pub(crate) fn reproduce(&mut self, graph: &mut Graph, traces: &mut Traces) -> Result<Reproduced, OpenError> {
        self.restart();
        let kept = graph.sort();
        let mut done = vec![0; graph.threads.len()];
        for at in 0..graph.order.len() {
            let id = graph.order[at];
            if graph.node(id).act != Act::WriteAtOnce {
                if self.is_out_of_sight(graph, id, &done) {
                    return Ok(Reproduced::OutOfSight);
                }
                let reproduced = self.reproduce_one(graph, id, &kept, traces)?;
                if reproduced != Reproduced::Same {
                    return Ok(reproduced);
                }
            }
            done[id.thread as usize] = id.index + 1;
        }
        graph.retrace(traces);
        Ok(Reproduced::Same)
    }

    /// Makes a thread do what it did at an event of a graph, which has what it reads from behind it, unless it is on a cycle with that.
    fn reproduce_one(
        &mut self,
        graph: &mut Graph,
        id: Id,
        kept: &[Id],
        traces: &mut Traces,
    ) -> Result<Reproduced, OpenError> {
        let thread = id.thread as usize;
        let otherwise = Ok(Reproduced::Otherwise(thread));
        self.step_at(thread, graph.node(id).location);
        self.renew_answer(graph, id);
        if let Some(Step::Write(_, value, _)) = self.steps[thread] {
            if !self.rewrite(graph, id, value, kept) {
                return Ok(Reproduced::Changed);
            }
        }
        if let Act::Join(child) = graph.node(id).act {
            // Whatever it did, it may go on now.
            if !matches!(self.step(child as usize), Step::End { .. } | Step::Failed(_)) {
                return Ok(Reproduced::Otherwise(child as usize));
            }
        }
        let (node, step) = (*graph.node(id), self.steps[thread].as_ref().expect("the step was looked at"));
        if !is_same(step, &node) {
            return otherwise;
        }
        match step {
            Step::Write(_, _, event) | Step::Other(_, event) => {
                let reasons = traces.reasons(&event.dependencies);
                graph.set_reasons(id, reasons);
                // The same events may stand elsewhere: in the other arm of a branch.
                graph.set_origin(id, event.origin, event.origin);
            }
            _ => {}
        }
        if let (Act::Read(kind, source), Some(answer), Some(location), false) =
            (node.act, node.answer, node.location, node.stuck)
        {
            let Some(access) = self.access(thread, answer)? else { return otherwise };
            let again = Node::of_read(&access, kind, location, source, answer, traces);
            if !looks_alike(&again, &node) {
                return otherwise;
            }
            graph.set_reasons(id, again.reasons);
            graph.set_origin(id, again.origin, again.fence_origin);
            match (&access.write, graph.has_write_at_once(id)) {
                (Some((event, value)), true) => {
                    let write = Id { index: id.index + 1, ..id };
                    if event.label != graph.node(write).label {
                        return otherwise;
                    }
                    if !self.rewrite(graph, write, *value, kept) {
                        return Ok(Reproduced::Changed);
                    }
                    let reasons = traces.reasons(&event.dependencies);
                    graph.set_reasons(write, reasons);
                    graph.set_origin(write, event.origin, event.origin);
                }
                (None, false) => {}
                _ => return otherwise,
            }
        }
        self.go_past(thread, &node);
        Ok(Reproduced::Same)
    }

    /// Lets a write write what it writes now. False if that is another value, and those who read it would have to be told the one before.
    fn rewrite(&self, graph: &mut Graph, id: Id, value: Option<Value>, kept: &[Id]) -> bool {
        let node = graph.node(id);
        let (Some(location), Some(before), Some(now)) = (node.location, node.value, value) else { return true };
        if before != now {
            // (The value of what is opaque is but a name.)
            let is_same = self.program.is_opaque(location) || self.has_moved(location, before, now);
            if kept.contains(&id) && !is_same {
                return false;
            }
            graph.set_value(id, now);
        }
        true
    }

    fn go_past(&mut self, thread: usize, node: &Node) {
        match node.answer {
            Some(answer) => self.resume(thread, answer),
            // A thread that is stuck waits at its read.
            None if node.stuck => {}
            None => self.steps[thread] = None,
        }
    }
}

/// What came of giving a program other answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reproduced {
    /// It did the same.
    Same,
    /// This thread did something else.
    Otherwise(usize),
    /// A write gave another value, and is read around a cycle.
    Changed,
    /// It was to be told a pointer to what is not there yet, and will be elsewhere.
    OutOfSight,
}

/// The same answers led to another step.
pub(super) fn changed(thread: usize, node: &Node, step: &Step) -> OpenError {
    let (before, now) = (done(node), in_words(step));
    let now = if before == now { "the same with something else".to_string() } else { now };
    OpenError::Nondeterminism { thread, before: before.to_string(), origin: Some(node.origin), now }
}

/// What a thread did, in words.
fn done(node: &Node) -> &'static str {
    match (node.act, node.value) {
        (Act::Read(ReadKind::Ordinary, _), _) => "it read a variable",
        (Act::Read(..), _) => "it asked for a lock",
        (Act::Write | Act::WriteAtOnce, Some(_)) => "it wrote to a variable",
        (Act::Write | Act::WriteAtOnce, None) => "it released a lock",
        (Act::Fence, _) => "it came to a barrier, or an event of RCU",
        (Act::Spawn(_), _) => "it started a thread",
        (Act::Join(_), _) => "it waited for a thread to end",
        (Act::Choose, _) => "it chose a number",
    }
}

/// What a thread does, in words.
fn in_words(step: &Step) -> String {
    let words = match step {
        Step::Read(ReadKind::Ordinary, _) => "it read a variable",
        Step::Read(..) => "it asked for a lock",
        Step::Write(_, Some(_), _) => "it wrote to a variable",
        Step::Write(_, None, _) => "it released a lock",
        Step::Other(..) => "it came to a barrier, or an event of RCU",
        Step::Spawn { .. } => "it started a thread",
        Step::Join { .. } => "it waited for a thread to end",
        Step::Choose(_) => "it chose a number",
        Step::Wait { .. } => "it waited",
        Step::End { .. } => "it ended",
        Step::Failed(_) => "it failed",
        Step::Stuck => "it could not go on",
        Step::Error(error) => return error.to_string(),
    };
    words.to_string()
}

/// Is this what the thread did?
fn is_same(step: &Step, node: &Node) -> bool {
    match (step, node.act) {
        (Step::Read(kind, location), Act::Read(was, _)) => *kind == was && node.location == Some(*location),
        (Step::Write(location, value, event), Act::Write) => {
            node.location == Some(*location) && node.value == *value && is_like(event.label, node)
        }
        (Step::Other(location, event), Act::Fence) => node.location == *location && is_like(event.label, node),
        (Step::Spawn { thread, .. }, Act::Spawn(was)) | (Step::Join { thread, .. }, Act::Join(was)) => {
            *thread == was as usize
        }
        (Step::Choose(n), Act::Choose) => matches!(node.answer, Some(Answer::Choice(choice)) if choice < *n),
        _ => false,
    }
}

fn is_like(label: Label, node: &Node) -> bool {
    label == node.label
}

/// Are the labels the same?
fn looks_alike(a: &Node, b: &Node) -> bool {
    (a.label, a.fence_before, a.atomic, a.rmw) == (b.label, b.fence_before, b.atomic, b.rmw)
}
