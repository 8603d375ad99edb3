//! Closed programs, run as open ones.
//!
//! The control paths of a thread are the branches of a decision tree: they begin alike, and part where a read decides
//! between them. A running thread keeps the paths that agree with all answers so far. Its next step is the one that these
//! have in common; where they read, they may differ in what kind of read it turns out to be, and in a fence before it
//! (a `cmpxchg` that fails has none). Dependencies are those of the paths: syntactic ones.
//!
//! A program whose paths part otherwise is no tree, and refused: the generator of random programs makes some, with
//! dependencies that no expression explains, different on each path.

use super::program::{Access, Answer, Dependencies, Event, OpenError, OpenProgram, ReadKind, Reasons, Step};
use lkmm_model::event::{Label, Mode};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::program::{
    Constraint, EventTemplate, Expr, IllegalOperation, LocationId, Observable, Path, Program, Value,
};

/// A closed program as an open one.
#[derive(Clone, Debug)]
pub struct ClosedProgram<'p> {
    program: &'p Program,
    declares: bool,
    threads: Vec<ClosedThread<'p>>,
}

/// A thread of a [`ClosedProgram`]: the control paths that it may be on.
#[derive(Clone, Debug)]
pub struct ClosedThread<'p> {
    program: &'p Program,
    number: usize,
    paths: Vec<Walk<'p>>,
}

/// How far a thread is on one of its paths, if it is on that path.
#[derive(Clone, Debug)]
struct Walk<'p> {
    path: &'p Path,
    /// Do its events have the dependencies of the path?
    declares: bool,
    /// The next event of the path.
    next: usize,
    /// The number that each event so far has in its thread; a fence before a read has the number of the read.
    numbers: Vec<u32>,
    events: u32,
    /// Of each event so far, the value it read.
    read: Vec<Option<Value>>,
    /// The expressions that are known.
    known: Vec<Option<Value>>,
    illegal: Option<IllegalOperation>,
}

impl<'p> ClosedProgram<'p> {
    /// Wraps a program.
    pub fn new(program: &'p Program) -> Self {
        ClosedProgram { program, declares: true, threads: Vec::new() }
    }

    /// Wraps a program, and says nothing of its dependencies, so that [those that show](super::DependencyMode::Observed)
    /// are all there is.
    pub fn without_dependencies(program: &'p Program) -> Self {
        ClosedProgram { declares: false, ..ClosedProgram::new(program) }
    }
}

/// The control path on which a thread has performed these events of an execution.
pub(super) fn path_of<'p>(
    program: &'p Program,
    thread: usize,
    execution: &Execution,
    events: &[EventId],
) -> Option<&'p Path> {
    let events: Vec<&lkmm_model::graph::Event> = events.iter().map(|&e| &execution.events[e as usize]).collect();
    let is_taken = |path: &&Path| {
        let like = |(template, event): (&EventTemplate, &&lkmm_model::graph::Event)| {
            template.label == event.label && template.origin == event.origin
        };
        let mut walk = Walk::new(path, true);
        walk.read = events.iter().map(|event| event.value.filter(|_| event.label.is_read())).collect();
        walk.evaluate();
        path.events.len() == events.len() && path.events.iter().zip(&events).all(like) && walk.is_possible()
    };
    program.threads[thread].paths.iter().find(is_taken)
}

impl OpenProgram for ClosedProgram<'_> {
    fn threads(&self) -> usize {
        self.program.threads.len()
    }

    fn restart(&mut self) {
        self.threads.clear();
        self.threads.extend(
            (0..self.program.threads.len()).map(|thread| ClosedThread::new(self.program, thread, self.declares)),
        );
    }

    fn next(&mut self, thread: usize, _: Option<LocationId>) -> Step {
        self.threads[thread].next().unwrap_or_else(Step::Error)
    }

    fn access(&mut self, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        self.threads[thread].clone().resume(answer)
    }

    fn resume(&mut self, thread: usize, answer: Answer) {
        // What is wrong with the answer, `access` has told.
        let _ = self.threads[thread].resume(answer);
    }

    fn initial(&self, location: LocationId) -> Value {
        self.program.locations[location as usize].init
    }

    fn observed_locations(&self) -> Vec<LocationId> {
        let location = |observable: &Observable| match *observable {
            Observable::Location(location) => Some(location),
            Observable::Register(..) => None,
        };
        let mut locations: Vec<LocationId> = self.program.observed.iter().filter_map(location).collect();
        locations.sort_unstable();
        locations.dedup();
        locations
    }
}

impl<'p> ClosedThread<'p> {
    fn new(program: &'p Program, number: usize, declares: bool) -> Self {
        let paths = program.threads[number].paths.iter().map(|path| Walk::new(path, declares)).collect();
        let mut thread = ClosedThread { program, number, paths };
        thread.decide();
        thread
    }

    /// Keeps the paths that are possible with what is known.
    fn decide(&mut self) {
        self.paths.iter_mut().for_each(Walk::evaluate);
        self.paths.retain(Walk::is_possible);
    }

    /// A value is not known where it should be. (An illegal operation matters when its value does, and at the end: no
    /// execution may get there.)
    fn no_tree(&self) -> OpenError {
        let illegal = self.paths.iter().find_map(|walk| walk.illegal);
        illegal.map_or(OpenError::NoTree { thread: self.number }, OpenError::Illegal)
    }

    fn next(&mut self) -> Result<Step, OpenError> {
        let Some(first) = self.paths.first() else { return Ok(Step::Stuck) };
        if self.paths.iter().any(|walk| walk.template().is_none()) {
            return self.end();
        }
        let reads = |walk: &Walk| walk.access().is_some();
        if self.paths.iter().all(reads) && !self.begins_with_common_fence() {
            return self.read();
        }
        let event = first.event();
        let (location, value) = (first.location(), first.value());
        let same = |walk: &Walk| walk.event() == event && walk.location() == location && walk.value() == value;
        if !self.paths.iter().all(same) {
            return Err(self.no_tree());
        }
        if matches!(event.label, Label::Write(_)) && value.is_none() {
            return Err(self.no_tree());
        }
        let place = location.map(|address| {
            let nowhere = OpenError::BadAddress { value: address, origin: event.origin };
            self.program.location_at(address).ok_or(nowhere)
        });
        let location = place.transpose()?;
        self.paths.iter_mut().for_each(|walk| walk.pass(1));
        Ok(match (event.label, location) {
            (Label::Write(_) | Label::LockWrite | Label::Unlock, Some(location)) => Step::Write(location, value, event),
            _ => Step::Other(location, event),
        })
    }

    /// What comes next is a fence on all paths, whatever the read after it returns.
    fn begins_with_common_fence(&self) -> bool {
        self.paths.iter().all(|walk| walk.access().is_some_and(|(fenced, _)| fenced))
    }

    fn end(&self) -> Result<Step, OpenError> {
        let end = |walk: &Walk| {
            let known = |&expr: &u32| walk.known[expr as usize];
            let results: Option<Vec<Value>> = walk.path.finals.iter().map(known).collect();
            walk.template().is_none().then_some((results, walk.path.truncated))
        };
        let first = end(&self.paths[0]);
        let has_illegal = self.paths.iter().any(|walk| walk.illegal.is_some());
        if has_illegal || self.paths.iter().any(|walk| end(walk) != first) {
            return Err(self.no_tree());
        }
        match first {
            Some((Some(results), cut)) => Ok(Step::End { results, cut }),
            _ => Err(self.no_tree()),
        }
    }

    fn read(&self) -> Result<Step, OpenError> {
        let labels = || self.paths.iter().filter_map(|walk| walk.access()).map(|(_, template)| template.label);
        let all = |of: &[Label]| labels().all(|label| of.contains(&label));
        let kind = if labels().all(Label::is_read) {
            ReadKind::Ordinary
        } else if all(&[Label::LockRead]) {
            ReadKind::Lock
        } else if all(&[Label::LockRead, Label::LockFail]) {
            ReadKind::TryLock
        } else if all(&[Label::ReadLocked, Label::ReadUnlocked]) {
            ReadKind::IsLocked
        } else {
            return Err(self.no_tree());
        };
        let address = |walk: &Walk| walk.access().and_then(|(_, template)| walk.address(template));
        let first = address(&self.paths[0]);
        if self.paths.iter().any(|walk| address(walk) != first) {
            return Err(self.no_tree());
        }
        match first {
            // Where no location is, nothing can be read.
            Some(address) => Ok(self.program.location_at(address).map_or(Step::Stuck, |l| Step::Read(kind, l))),
            None => Err(self.no_tree()),
        }
    }

    fn resume(&mut self, answer: Answer) -> Result<Option<Access>, OpenError> {
        let fits = |label: Label| match answer {
            Answer::Value(_) => label.is_read(),
            Answer::Free => matches!(label, Label::LockRead | Label::ReadUnlocked),
            Answer::Held => matches!(label, Label::LockFail | Label::ReadLocked),
            Answer::Joined | Answer::Choice(_) => false,
        };
        self.paths.retain(|walk| walk.access().is_some_and(|(_, template)| fits(template.label)));
        if let Answer::Value(value) = answer {
            for walk in &mut self.paths {
                let fenced = walk.access().is_some_and(|(fenced, _)| fenced);
                walk.read.resize(walk.next + usize::from(fenced), None);
                walk.read.push(Some(value));
            }
        }
        self.decide();
        let Some(first) = self.paths.first().map(Walk::answered) else { return Ok(None) };
        if self.paths.iter().any(|walk| walk.answered() != first) {
            return Err(self.no_tree());
        }
        for walk in &mut self.paths {
            let fenced = walk.access().is_some_and(|(fenced, _)| fenced);
            walk.pass(1 + usize::from(fenced));
        }
        Ok(Some(Access { write: self.write_at_once(), ..first }))
    }

    /// The write that comes with the read before it, if that is so on all paths.
    fn write_at_once(&mut self) -> Option<(Event, Option<Value>)> {
        let next = |walk: &Walk| {
            let event = walk.template().map(|_| walk.event())?;
            let read = walk.events.checked_sub(1);
            let comes_with = event.label == Label::LockWrite || event.rmw.is_some() && event.rmw == read;
            let is_known = event.label == Label::LockWrite || walk.value().is_some();
            (comes_with && is_known).then(|| (event, walk.location(), walk.value()))
        };
        let first = next(self.paths.first()?)?;
        if self.paths.iter().any(|walk| next(walk).as_ref() != Some(&first)) {
            return None;
        }
        self.paths.iter_mut().for_each(|walk| walk.pass(1));
        Some((first.0, first.2))
    }
}

impl<'p> Walk<'p> {
    fn new(path: &'p Path, declares: bool) -> Self {
        let known = vec![None; path.exprs.len()];
        Walk { path, declares, next: 0, numbers: Vec::new(), events: 0, read: Vec::new(), known, illegal: None }
    }

    fn template(&self) -> Option<&'p EventTemplate> {
        self.path.events.get(self.next)
    }

    /// The read that comes next, and whether there is a fence before it.
    fn access(&self) -> Option<(bool, &'p EventTemplate)> {
        let asks = |template: &&EventTemplate| {
            let label = template.label;
            label.is_read() || label.is_lock_event() && !matches!(label, Label::LockWrite | Label::Unlock)
        };
        let first = self.template()?;
        if matches!(first.label, Label::Fence(_)) {
            return self.path.events.get(self.next + 1).filter(asks).map(|template| (true, template));
        }
        Some(first).filter(asks).map(|template| (false, template))
    }

    /// Goes past events that together count as one.
    fn pass(&mut self, events: usize) {
        self.next += events;
        self.numbers.resize(self.next, self.events);
        self.events += 1;
    }

    /// Evaluates what can be evaluated.
    fn evaluate(&mut self) {
        for (index, expr) in self.path.exprs.iter().enumerate() {
            if self.known[index].is_some() {
                continue;
            }
            self.known[index] = match *expr {
                Expr::Const(value) => Some(value),
                Expr::Read(event) => self.read.get(event as usize).copied().flatten(),
                Expr::Op(operator, a, b) => match (self.known[a as usize], self.known[b as usize]) {
                    (Some(a), Some(b)) => Value::apply(operator, a, b).unwrap_or_else(|illegal| {
                        self.illegal = Some(illegal);
                        None
                    }),
                    _ => None,
                },
            };
        }
    }

    fn is_possible(&self) -> bool {
        self.path.constraints.iter().all(|constraint| match *constraint {
            Constraint::Branch(expr, taken) => {
                self.known[expr as usize].and_then(Value::is_true).is_none_or(|truth| truth == taken)
            }
            Constraint::Equal(a, b) => match (self.known[a as usize], self.known[b as usize]) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            },
        })
    }

    fn address(&self, template: &EventTemplate) -> Option<Value> {
        self.known[template.address? as usize]
    }

    fn location(&self) -> Option<Value> {
        self.template().and_then(|template| self.address(template))
    }

    fn value(&self) -> Option<Value> {
        self.known[self.template()?.value? as usize]
    }

    /// The next event.
    fn event(&self) -> Event {
        self.event_at(self.next)
    }

    /// The read that comes next, with the fence before it.
    fn answered(&self) -> Access {
        match self.access() {
            Some((true, _)) => {
                let fence_before = Some(self.event_at(self.next));
                Access { fence_before, ..Access::new(self.event_at(self.next + 1)) }
            }
            _ => Access::new(self.event()),
        }
    }

    fn event_at(&self, at: usize) -> Event {
        let template = &self.path.events[at];
        // What an index of SRCU goes through says which sections there are, and is no matter of order.
        let is_srcu = |pair: &&(u32, u32)| {
            let label = |event: u32| self.path.events[event as usize].label;
            label(pair.0) == Label::Read(Mode::SrcuLock) || label(pair.1) == Label::Write(Mode::SrcuUnlock)
        };
        let data = self.path.data.iter().filter(|pair| self.declares || is_srcu(pair));
        let data: Vec<(u32, u32)> = data.copied().collect();
        let before = |pairs: &[(u32, u32)]| {
            let sources = pairs.iter().filter(|pair| pair.1 as usize == at);
            sources.filter_map(|pair| self.numbers.get(pair.0 as usize).copied()).collect::<Vec<u32>>()
        };
        Event {
            label: template.label,
            atomic: template.atomic,
            origin: template.origin,
            rmw: before(&self.path.rmw).first().copied(),
            dependencies: Dependencies::new(Reasons {
                addr: if self.declares { before(&self.path.addr) } else { Vec::new() },
                data: before(&data),
                ctrl: if self.declares { before(&self.path.ctrl) } else { Vec::new() },
                unordered: before(&self.path.unordered),
            }),
        }
    }
}
