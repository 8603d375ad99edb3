//! Threads that are kept running as long as the graph lets them.
//!
//! A thread can only go forward. When the search goes back and takes another branch, the thread's events may have other
//! answers than those it was given: then it is started again and given the new ones. As long as its answers are the
//! first ones of its events in the graph, it runs on from where it is.

use super::graph::{Graph, Node};
use super::program::{Access, Answer, Event, OpenError, OpenProgram, Step};

pub(crate) struct Replay<'p, P: OpenProgram> {
    program: &'p P,
    running: Vec<Option<Running<P::Thread>>>,
}

struct Running<T> {
    thread: T,
    /// The answer to each of its events so far; `None` for those that ask nothing.
    answers: Vec<Option<Answer>>,
    /// The step that comes after them, once it is known.
    step: Option<Step>,
}

impl<'p, P: OpenProgram> Replay<'p, P> {
    pub(crate) fn new(program: &'p P) -> Self {
        Replay { program, running: (0..program.threads()).map(|_| None).collect() }
    }

    /// What a thread does after its events in the graph.
    pub(crate) fn step(&mut self, graph: &Graph, thread: usize) -> Result<Step, OpenError> {
        let program = self.program;
        let running = self.run(graph, thread)?;
        Ok(running.step(program).clone())
    }

    /// What a thread does when the read that comes after its events in the graph has this answer.
    pub(crate) fn resume(&mut self, graph: &Graph, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        let program = self.program;
        let running = self.run(graph, thread)?;
        running.resume(program, answer)
    }

    /// Brings a thread to the end of its events in the graph.
    fn run(&mut self, graph: &Graph, thread: usize) -> Result<&mut Running<P::Thread>, OpenError> {
        let nodes = &graph.threads[thread];
        let slot = &mut self.running[thread];
        let fits = |running: &Running<P::Thread>| {
            running.answers.len() <= nodes.len()
                && running.answers.iter().zip(nodes).all(|(&answer, node)| answer == answer_of(node))
        };
        if !slot.as_ref().is_some_and(fits) {
            *slot = None;
        }
        let program = self.program;
        let running = slot.get_or_insert_with(|| Running::new(program, thread));
        for node in &nodes[running.answers.len()..] {
            match answer_of(node) {
                Some(answer) => {
                    running.resume(program, answer)?;
                }
                None => running.pass(program),
            }
        }
        Ok(running)
    }

    /// A thread's first events when its reads are answered like this, if they come out label for label. (What they depend
    /// on, and where they stand in the source, may differ.)
    pub(crate) fn reproduce(
        &self,
        nodes: &[Node],
        thread: usize,
        answers: &[Option<Answer>],
    ) -> Result<Option<Vec<Access>>, OpenError> {
        let mut running = Running::new(self.program, thread);
        let mut events = Vec::with_capacity(answers.len());
        for (node, &answer) in nodes.iter().zip(answers) {
            let access = match (running.step(self.program).clone(), answer) {
                (Step::Read(kind, location), Some(answer)) => {
                    let asked = node.reading.as_ref().map(|reading| reading.kind);
                    if asked != Some(kind) || node.location != Some(location) {
                        return Ok(None);
                    }
                    match running.resume(self.program, answer)? {
                        Some(access) => access,
                        None => return Ok(None),
                    }
                }
                (Step::Write(location, value, event), None)
                    if node.location == Some(location) && node.value == value =>
                {
                    running.pass(self.program);
                    Access { fence_before: None, event }
                }
                (Step::Other(location, event), None) if node.location == location => {
                    running.pass(self.program);
                    Access { fence_before: None, event }
                }
                _ => return Ok(None),
            };
            let same_fence = match (&access.fence_before, &node.fence_before) {
                (Some(a), Some(b)) => is_same(a, b),
                (None, None) => true,
                _ => false,
            };
            if !same_fence || !is_same(&access.event, &node.event) {
                return Ok(None);
            }
            events.push(access);
        }
        Ok(Some(events))
    }
}

/// Are the labels the same?
fn is_same(a: &Event, b: &Event) -> bool {
    a.label == b.label && a.atomic == b.atomic && a.rmw == b.rmw
}

impl<T> Running<T> {
    fn new<P: OpenProgram<Thread = T>>(program: &P, thread: usize) -> Self {
        Running { thread: program.start(thread), answers: Vec::new(), step: None }
    }

    fn step<P: OpenProgram<Thread = T>>(&mut self, program: &P) -> &Step {
        self.step.get_or_insert_with(|| program.next(&mut self.thread))
    }

    /// Goes past an event that asks nothing.
    fn pass<P: OpenProgram<Thread = T>>(&mut self, program: &P) {
        self.step(program);
        self.step = None;
        self.answers.push(None);
    }

    /// Goes past a read.
    fn resume<P: OpenProgram<Thread = T>>(&mut self, program: &P, answer: Answer) -> Result<Option<Access>, OpenError> {
        self.step(program);
        self.step = None;
        self.answers.push(Some(answer));
        program.resume(&mut self.thread, answer)
    }
}

/// What an event of the graph was answered.
fn answer_of(node: &Node) -> Option<Answer> {
    node.reading.as_ref().map(|reading| reading.answer)
}
