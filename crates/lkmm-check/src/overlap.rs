//! Does somebody hold a real lock (of `std`) while others of the model run?
//!
//! A real lock orders nothing in the model. So what it prevents can fail there, and the search, which lets each thread run for as long as it can, may come
//! upon that before one thread wants a lock that another one holds. Who is told of the failure looks for a missing barrier, where the lock is what is
//! wrong. So before a failure is told, the threads are run against each other: memory is sequentially consistent, one thread is stopped at a step
//! of its, the others run as far as they can, and then it goes on; and so for each step. If the thread stops within a section of a real lock, and another one
//! comes to that lock, it is blocked, which the watcher tells as ever ([`blocked`](crate::blocked)).
//!
//! These runs are executions of the program like others: grace periods wait for readers, and locks of the model are kept. Models that do
//! not fail are not run so, and one that does is for a moment only. What is not found is a lock whose sections meet only after more than one such stop.

use crate::replay::Token;
use crate::runtime::ClosureProgram;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{Answer, OpenProgram, ReadKind, Step};
use rustc_hash::FxHashMap;
use std::time::{Duration, Instant};

/// For so long it is tried. (A thread that is blocked takes longer: the watcher ends that.)
const TIME: Duration = Duration::from_millis(100);

/// So many steps a run has at most: loops may wait for ever.
const STEPS: usize = 2000;

/// Runs threads against each other. Does one of them wait for something real? Choices are those of an execution, if there is one, or else the
/// first ones.
pub(crate) fn is_blocked(program: &mut ClosureProgram, chosen: Option<&Token>) -> bool {
    // (Elsewhere nobody would get the thread back.)
    if program.runtime().blocked.is_some() || cfg!(not(target_os = "linux")) {
        return program.runtime().blocked.is_some();
    }
    let until = Instant::now() + TIME;
    program.step_by_step(true);
    let mut stop = 0;
    loop {
        program.restart();
        let steps = Run::new(program, chosen, stop).run();
        stop += 1;
        if program.runtime().blocked.is_some() || stop > steps || Instant::now() >= until {
            break;
        }
    }
    program.step_by_step(false);
    program.runtime().blocked.is_some()
}

/// What a thread is at.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Ready,
    /// At a step that is to be answered.
    Asks(Step),
    /// For other threads to do something, since so many steps were taken.
    Waits(usize),
    /// For readers to end: of RCU, or of an SRCU domain.
    Grace(Option<LocationId>),
    /// It does not go on, though it has not ended.
    Stuck,
    Ended,
}

/// One run.
struct Run<'p> {
    program: &'p mut ClosureProgram,
    chosen: Option<&'p Token>,
    /// The thread is stopped that takes this step.
    stop: usize,
    steps: usize,
    threads: Vec<State>,
    /// How many choices each thread has made.
    choices: Vec<usize>,
    memory: FxHashMap<LocationId, Value>,
    held: FxHashMap<LocationId, bool>,
    /// How many readers there are, by their domain.
    readers: FxHashMap<Option<LocationId>, usize>,
}

impl<'p> Run<'p> {
    fn new(program: &'p mut ClosureProgram, chosen: Option<&'p Token>, stop: usize) -> Self {
        let (memory, held, readers) = (FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        let (threads, choices) = (vec![State::Ready], vec![0]);
        Run { program, chosen, stop, steps: 0, threads, choices, memory, held, readers }
    }

    /// Runs the threads to their ends, and yields how many steps they took.
    fn run(mut self) -> usize {
        let (mut current, mut stopped) = (0, None);
        while self.steps < STEPS && self.program.runtime().blocked.is_none() {
            let can_run = |thread: &usize| Some(*thread) != stopped && self.can_go_on(*thread);
            let others = || (0..self.threads.len()).find(can_run);
            match Some(current).filter(can_run).or_else(others) {
                Some(thread) => current = thread,
                None => match stopped.take() {
                    Some(thread) => {
                        current = thread;
                        continue;
                    }
                    None => break,
                },
            }
            self.steps += 1;
            self.step(current);
            if self.steps == self.stop {
                stopped = Some(current);
            }
        }
        self.steps
    }

    fn can_go_on(&self, thread: usize) -> bool {
        match &self.threads[thread] {
            State::Ready => true,
            State::Asks(Step::Join { thread, .. }) => self.threads.get(*thread) == Some(&State::Ended),
            State::Asks(Step::Read(ReadKind::Lock, lock)) => !self.is_held(*lock),
            State::Asks(_) => true,
            State::Waits(since) => *since < self.steps,
            State::Grace(domain) => self.readers.get(domain).is_none_or(|&readers| readers == 0),
            State::Stuck | State::Ended => false,
        }
    }

    fn is_held(&self, lock: LocationId) -> bool {
        self.held.get(&lock).is_some_and(|&held| held)
    }

    /// Takes a step of a thread.
    fn step(&mut self, thread: usize) {
        let state = match std::mem::replace(&mut self.threads[thread], State::Ready) {
            State::Asks(step) => self.answer(thread, &step),
            _ => self.next(thread),
        };
        self.threads[thread] = state;
    }

    /// Answers a thread.
    fn answer(&mut self, thread: usize, step: &Step) -> State {
        let answer = match *step {
            Step::Join { .. } => Answer::Joined,
            Step::Choose(below) => {
                let number = self.choices[thread];
                self.choices[thread] += 1;
                let choice = self.chosen.and_then(|token| token.choice(thread, number));
                Answer::Choice(choice.filter(|&choice| choice < below).unwrap_or(0))
            }
            Step::Read(ReadKind::Ordinary, at) => {
                Answer::Value(*self.memory.entry(at).or_insert_with(|| self.program.initial(at)))
            }
            Step::Read(_, lock) if self.is_held(lock) => Answer::Held,
            _ => Answer::Free,
        };
        if let Step::Read(_, at) = *step {
            let Ok(Some(access)) = self.program.access(thread, answer) else { return State::Stuck };
            match access.write {
                Some((_, Some(value))) => _ = self.memory.insert(at, value),
                Some((_, None)) => _ = self.held.insert(at, true),
                None => {}
            }
            if access.event.label == Label::Read(Mode::SrcuLock) {
                *self.readers.entry(Some(at)).or_default() += 1;
            }
        }
        self.program.resume(thread, answer);
        State::Ready
    }

    /// Lets a thread run up to its next step.
    fn next(&mut self, thread: usize) -> State {
        let step = self.program.next(thread, None);
        match step {
            Step::Write(at, Some(value), event) => {
                self.memory.insert(at, value);
                if event.label == Label::Write(Mode::SrcuUnlock) {
                    self.end_reader(Some(at));
                }
            }
            Step::Write(lock, None, _) => _ = self.held.insert(lock, false),
            Step::Spawn { thread, .. } => {
                let threads = self.threads.len().max(thread + 1);
                self.threads.resize(threads, State::Stuck);
                self.choices.resize(threads, 0);
                self.threads[thread] = State::Ready;
            }
            Step::Other(domain, event) => match event.label {
                Label::Fence(Fence::RcuLock) => *self.readers.entry(None).or_default() += 1,
                Label::Fence(Fence::RcuUnlock) => self.end_reader(None),
                Label::Fence(Fence::SyncRcu) => return State::Grace(None),
                Label::SyncSrcu => return State::Grace(domain),
                _ => {}
            },
            Step::Wait { .. } => return State::Waits(self.steps),
            Step::End { .. } | Step::Failed(_) => return State::Ended,
            Step::Stuck | Step::Error(_) => return State::Stuck,
            Step::Read(..) | Step::Join { .. } | Step::Choose(_) => return State::Asks(step),
        }
        State::Ready
    }

    fn end_reader(&mut self, domain: Option<LocationId>) {
        let readers = self.readers.entry(domain).or_default();
        *readers = readers.saturating_sub(1);
    }
}
