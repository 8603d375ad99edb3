//! The exploration: graphs grown event by event, each complete one reached once.
//!
//! The next event is always that of the first thread, in a fixed order, that can go on. A read branches over the writes
//! that are there, a write over its places in the coherence order. What comes later than its reader is caught up with by
//! *revisits* ([`revisit`](super::revisit)): a new write may become the source of a read that is already there.
//! This is TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis: Truly Stateless, Optimal Dynamic Partial Order
//! Reduction, POPL 2022), for executions without a cycle of `po ∪ rf`; those with one begin in
//! [`late`](super::late).
//!
//! TruSt asks of a model that a consistent graph stays consistent when something is taken away from its end, and when the
//! next event is added as the coherence-last write or reads from it. The axioms that are checked on the way
//! ([`Model::allows_partial`]) are of that kind; the others wait for the complete execution. An event that is added thus,
//! and is the last of its thread, begins no edge of any relation: such a graph is not checked at all.
//!
//! **Atomic operations** are two events, and the write goes where atomicity leaves it no choice: right after what the read
//! reads from. The write is always the next event after its read, so that nothing comes between when it need not.
//!
//! **Locks.** An `LKR` reads from the initial write or from a `UL`, and its `LKW` comes right after that in `co`, as does
//! the `UL` after the `LKW`: this makes `rf` what `lock.cat` derives from `co`. An `LKR` that comes upon a lock that is
//! held reads from the last `LKW`, and its thread waits there until the `UL` revisits it; graphs in which it still waits
//! at the end do not count. Likewise `spin_trylock` and `spin_is_locked` are one read each, whose label follows from
//! what it reads.

use super::execution::execution;
use super::graph::{Graph, Id, Source};
use super::late;
use super::program::{Answer, OpenError, OpenProgram, ReadKind, Step};
use super::replay::Replay;
use super::{Found, Options, Statistics};
use lkmm_model::event::Label;
use lkmm_model::program::{LocationId, Value};
use rustc_hash::FxHashSet;

pub(crate) struct Explorer<'a, P: OpenProgram> {
    pub(crate) program: &'a P,
    pub(crate) options: &'a Options,
    pub(crate) replay: Replay<'a, P>,
    pub(crate) statistics: Statistics,
    /// The cores from which the search has set out.
    pub(crate) cores: FxHashSet<Vec<u32>>,
    /// The complete executions with a cycle that it has found.
    cyclic: FxHashSet<Vec<u32>>,
    found: &'a mut dyn FnMut(&Found),
    schedule: Vec<usize>,
}

/// How the threads ended: what each returned, and whether one of them was cut short.
#[derive(Default)]
struct Ending {
    results: Vec<Vec<Value>>,
    cut: bool,
}

/// What can be done with a graph.
enum Next {
    Step(usize, Step),
    /// All threads have ended.
    Complete(Ending),
    /// Some wait, or have no way to go on.
    Stuck,
    Failed(OpenError),
}

impl<'a, P: OpenProgram> Explorer<'a, P> {
    pub(crate) fn new(program: &'a P, options: &'a Options, found: &'a mut dyn FnMut(&Found)) -> Self {
        let mut schedule = options.schedule.clone();
        schedule.extend((0..program.threads()).filter(|thread| !options.schedule.contains(thread)));
        Explorer {
            program,
            options,
            replay: Replay::new(program),
            statistics: Statistics::default(),
            cores: FxHashSet::default(),
            cyclic: FxHashSet::default(),
            found,
            schedule,
        }
    }

    /// Explores everything that a consistent graph grows into.
    pub(crate) fn explore(&mut self, mut graph: Graph) -> Result<(), OpenError> {
        loop {
            match self.next(&graph)? {
                Next::Step(thread, Step::Read(kind, location)) => return self.read(graph, thread, kind, location),
                Next::Step(thread, Step::Write(location, value, event)) => {
                    self.check_use(&graph, location, event.label)?;
                    let write = graph.push(thread, event, Some(location), value);
                    return self.write(graph, write, location);
                }
                Next::Step(thread, Step::Other(location, event)) => {
                    graph.push(thread, event, location, None);
                }
                Next::Step(..) => unreachable!("other steps do not go on"),
                Next::Complete(ending) => return self.complete(graph, ending),
                Next::Stuck => {
                    self.statistics.stuck += 1;
                    return Ok(());
                }
                Next::Failed(error) => {
                    let consistent = self.options.model.judge(&execution(self.program, &graph)).violated.is_none();
                    return if consistent { Err(error) } else { Ok(()) };
                }
            }
        }
    }

    fn next(&mut self, graph: &Graph) -> Result<Next, OpenError> {
        // The write of an atomic operation follows its read.
        let between = |&&thread: &&usize| {
            graph.threads[thread].last().is_some_and(|node| {
                node.reading.is_some() && (node.event.atomic || node.event.label == Label::LockRead)
            })
        };
        let between = self.schedule.iter().find(between).copied();
        let (mut stuck, mut failed) = (false, None);
        let mut ending = Ending { results: vec![Vec::new(); graph.threads.len()], cut: false };
        for i in 0..=self.schedule.len() {
            let thread = match i {
                0 => match between {
                    Some(thread) => thread,
                    None => continue,
                },
                _ => self.schedule[i - 1],
            };
            if graph.threads[thread].last().is_some_and(|node| node.stuck) {
                stuck = true;
                continue;
            }
            match self.replay.step(graph, thread)? {
                Step::Read(ReadKind::Lock, location)
                    if graph.own_section(thread, location, graph.threads[thread].len()).is_some() =>
                {
                    // It waits for itself.
                    stuck = true;
                }
                Step::End { results, cut } => {
                    ending.results[thread] = results;
                    ending.cut |= cut;
                }
                Step::Stuck => stuck = true,
                Step::Failed(error @ (OpenError::Illegal(_) | OpenError::BadAddress { .. })) => failed = Some(error),
                Step::Failed(error) => return Err(error),
                step => return Ok(Next::Step(thread, step)),
            }
        }
        Ok(match failed {
            _ if stuck => Next::Stuck,
            Some(error) => Next::Failed(error),
            None => Next::Complete(ending),
        })
    }

    /// Locks are locks and nothing else.
    fn check_use(&self, graph: &Graph, location: LocationId, label: Label) -> Result<(), OpenError> {
        let is_lock = label.is_lock_event();
        match graph.co(location).first() {
            Some(&write) if graph.node(write).event.label.is_lock_event() != is_lock => {
                Err(OpenError::MixedLock(location))
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self, graph: Graph, thread: usize, kind: ReadKind, location: LocationId) -> Result<(), OpenError> {
        if kind != ReadKind::Ordinary {
            self.check_use(&graph, location, Label::LockRead)?;
        }
        let last = graph.last(location);
        for source in sources(&graph, thread, kind, location) {
            let mut graph = graph.clone();
            let read = graph.push_read(thread, kind, location, source);
            self.settle(&mut graph, read)?;
            if source == last || self.is_consistent(&graph) {
                self.explore(graph)?;
            }
        }
        Ok(())
    }

    /// Tells the thread of a read, its last event, what it reads.
    pub(crate) fn settle(&mut self, graph: &mut Graph, read: Id) -> Result<(), OpenError> {
        let node = graph.node(read);
        let (Some(reading), Some(location)) = (&node.reading, node.location) else { return Ok(()) };
        let kind = reading.kind;
        let answer = graph.answer(reading.source, self.program.initial(location), kind);
        let access = if kind == ReadKind::Lock && answer == Answer::Held {
            None
        } else {
            let thread = read.thread as usize;
            let node = graph.threads[thread].pop().expect("the read is there");
            let access = self.replay.resume(graph, thread, answer)?;
            graph.threads[thread].push(node);
            access
        };
        graph.settle(read, answer, access);
        Ok(())
    }

    /// Goes on with a write that has been added, and has no place in `co` yet.
    fn write(&mut self, graph: Graph, write: Id, location: LocationId) -> Result<(), OpenError> {
        late::explore(self, &graph, write, location)?;
        self.revisit(&graph, write, location)?;
        self.place(graph, write, location)
    }

    /// Goes on with every place of a write in `co`.
    pub(crate) fn place(&mut self, graph: Graph, write: Id, location: LocationId) -> Result<(), OpenError> {
        let end = graph.co(location).len();
        for position in positions(&graph, write, location)? {
            if is_taken(&graph, location, position) {
                continue;
            }
            let mut graph = graph.clone();
            graph.place(location, write, position);
            if position == end || self.is_consistent(&graph) {
                self.explore(graph)?;
            }
        }
        Ok(())
    }

    pub(crate) fn is_consistent(&mut self, graph: &Graph) -> bool {
        self.statistics.checks += 1;
        self.options.model.allows_partial(&execution(self.program, graph))
    }

    fn complete(&mut self, graph: Graph, ending: Ending) -> Result<(), OpenError> {
        let Ending { results, cut } = ending;
        let is_cyclic = graph.core.iter().any(|&n| n > 0) && graph.is_cyclic();
        let execution = execution(self.program, &graph);
        let judgement = self.options.model.judge(&execution);
        self.statistics.judged += 1;
        if judgement.violated.is_some() || is_cyclic && !self.cyclic.insert(graph.key()) {
            return Ok(());
        }
        if !cut {
            self.statistics.executions += 1;
            self.statistics.cyclic += u64::from(is_cyclic);
        }
        (self.found)(&Found { execution, results, cut, flags: judgement.flags, is_cyclic });
        Ok(())
    }
}

/// The writes that the next event of a thread may read from.
fn sources(graph: &Graph, thread: usize, kind: ReadKind, location: LocationId) -> Vec<Source> {
    let writes = graph.co(location);
    let all = || std::iter::once(Source::Initial).chain(writes.iter().map(|&w| Source::Event(w)));
    if kind == ReadKind::Ordinary {
        return all().collect();
    }
    if let Some(own) = graph.own_section(thread, location, graph.threads[thread].len()) {
        return vec![Source::Event(own)];
    }
    let last = graph.last(location);
    all()
        .filter(|&source| match source {
            Source::Event(id) if graph.node(id).event.label == Label::LockWrite => match kind {
                ReadKind::Lock => source == last,
                _ => id.thread as usize != thread,
            },
            _ => true,
        })
        .collect()
}

/// The places that a write may have in the coherence order of its location.
pub(crate) fn positions(graph: &Graph, write: Id, location: LocationId) -> Result<Vec<usize>, OpenError> {
    let node = graph.node(write);
    let before = &graph.threads[write.thread as usize][..write.index as usize];
    let follows = match node.event.label {
        Label::Unlock => match graph.own_section(write.thread as usize, location, write.index as usize) {
            Some(lock) => Some(Source::Event(lock)),
            None => return Err(OpenError::StrayUnlock { origin: node.event.origin }),
        },
        _ => overwritten(graph, write),
    };
    if let Some(source) = follows {
        return Ok(vec![graph.rank(location, source)]);
    }
    // What the thread has seen of the location comes before.
    let seen = before.iter().enumerate().filter(|(index, node)| {
        node.location == Some(location) && !graph.node(write).event.unordered.contains(&(*index as u32))
    });
    let floor = seen.filter_map(|(index, node)| match (&node.reading, node.event.label) {
        (Some(reading), _) => Some(graph.rank(location, reading.source)),
        (None, Label::Write(_)) => {
            Some(graph.rank(location, Source::Event(Id { thread: write.thread, index: index as u32 })))
        }
        _ => None,
    });
    let floor = floor.max().unwrap_or(0);
    Ok((floor..=graph.co(location).len()).collect())
}

/// What the read of an atomic operation or of a lock reads from, of which this is the write.
fn overwritten(graph: &Graph, write: Id) -> Option<Source> {
    let node = graph.node(write);
    let before = &graph.threads[write.thread as usize][..write.index as usize];
    let read = match node.event.label {
        Label::LockWrite => before.iter().rev().find(|n| n.location == node.location && n.reading.is_some()),
        _ => node.event.rmw.map(|read| &before[read as usize]),
    };
    read?.reading.as_ref().map(|reading| reading.source)
}

/// Would a write at this place come between the read and the write of an atomic operation?
fn is_taken(graph: &Graph, location: LocationId, position: usize) -> bool {
    let next = graph.co(location).get(position);
    let source = next.and_then(|&next| overwritten(graph, next));
    source.is_some_and(|source| graph.rank(location, source) == position)
}
