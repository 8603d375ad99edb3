//! A program that is being run, in step with a graph.
//!
//! Threads can only go forward. As long as the graph only grows, so do they; when the search takes up another graph, the
//! program is restarted, and does again what the graph says.

use super::graph::{Act, Graph, Id, Node};
use super::program::{Access, Answer, OpenError, OpenProgram, Step};
use super::traces::Traces;
use lkmm_model::event::Label;

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
    pub(crate) fn replay(&mut self, graph: &Graph) -> Result<(), OpenError> {
        self.restart();
        for &id in &graph.order {
            let (thread, node) = (id.thread as usize, graph.node(id));
            if node.act == Act::WriteAtOnce {
                continue;
            }
            let step = self.step_at(thread, node.location);
            if !is_same(step, node) {
                return Err(changed(thread, node, step));
            }
            self.go_past(thread, node);
        }
        Ok(())
    }

    /// The same, but for what a thread did from one of its events on, and for the threads that it started then.
    pub(crate) fn replay_but(&mut self, graph: &Graph, from: Id) -> Result<(), OpenError> {
        self.restart();
        let mut lengths: Vec<u32> = graph.threads.iter().map(|nodes| nodes.len() as u32).collect();
        lengths[from.thread as usize] = from.index;
        for &id in &graph.order {
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
            let step = self.step_at(thread, node.location);
            if !is_same(step, node) {
                return Err(changed(thread, node, step));
            }
            self.go_past(thread, node);
        }
        Ok(())
    }

    /// Starts the program again with answers that it has not been given before, and tells which thread does not do what the
    /// graph says, if there is one. Dependencies may differ, and are filled in.
    pub(crate) fn reproduce(&mut self, graph: &mut Graph, traces: &mut Traces) -> Result<Option<usize>, OpenError> {
        self.restart();
        for at in 0..graph.order.len() {
            let id = graph.order[at];
            let (thread, node) = (id.thread as usize, *graph.node(id));
            if node.act == Act::WriteAtOnce {
                continue;
            }
            let step = self.step_at(thread, node.location);
            if !is_same(step, &node) {
                return Ok(Some(thread));
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
                let Some(access) = self.access(thread, answer)? else { return Ok(Some(thread)) };
                let again = Node::of_read(&access, kind, location, source, answer, traces);
                if !looks_alike(&again, &node) {
                    return Ok(Some(thread));
                }
                graph.set_reasons(id, again.reasons);
                graph.set_origin(id, again.origin, again.fence_origin);
                let write = graph.threads[thread].get(id.index as usize + 1).filter(|n| n.act == Act::WriteAtOnce);
                match (&access.write, write.copied()) {
                    (Some((event, value)), Some(write)) => {
                        if *value != write.value || event.label != write.label {
                            return Ok(Some(thread));
                        }
                        let reasons = traces.reasons(&event.dependencies);
                        let write = Id { index: id.index + 1, ..id };
                        graph.set_reasons(write, reasons);
                        graph.set_origin(write, event.origin, event.origin);
                    }
                    (None, None) => {}
                    _ => return Ok(Some(thread)),
                }
            }
            self.go_past(thread, &node);
        }
        graph.retrace(traces);
        Ok(None)
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

/// The same answers led to another step.
pub(super) fn changed(thread: usize, node: &Node, step: &Step) -> OpenError {
    let before = format!("{:?}", (node.act, node.label, node.location, node.value));
    OpenError::Nondeterminism { thread, before, now: format!("{step:?}") }
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
        (Step::Choose(_), Act::Choose) => true,
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
