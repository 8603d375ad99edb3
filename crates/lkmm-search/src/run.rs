//! The state of one search: the question, the budget, and the answer so far.

use crate::candidates::Coherence;
use crate::outcome::{Outcome, SearchError};
use crate::{Options, Question};
use lkmm_model::graph::Execution;
use lkmm_model::program::{Program, Value};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::mem::size_of;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a final state takes beside its values: an entry in the table of states while that grows, one in the sorted map that
/// is made of it, and the allocation.
pub(crate) const STATE_OVERHEAD: usize = 192;

/// Why the exploration of a candidate ends early.
pub(crate) enum Stop {
    /// The question is answered.
    Answered,
    /// The search is larger than the caller wants to do on one thread.
    TooLarge,
    /// Another worker has ended the search.
    Cancelled,
    /// It cannot be answered.
    Failed(SearchError),
}

/// Which executions a pass is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// One that ends in an error.
    Errors,
    /// All of them.
    Everything,
    /// One that satisfies the condition.
    Positive,
    /// One that does not.
    Negative,
}

/// Who wants executions, or candidates, whatever the model says of them.
pub(crate) struct Visitor<'p> {
    /// Which candidates. None if executions are wanted that the model allows.
    pub(crate) candidates: Option<Coherence>,
    pub(crate) visit: &'p mut dyn FnMut(Execution) -> ControlFlow<()>,
}

/// The part of a search that one worker does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl Share {
    pub(crate) const WHOLE: Share = Share { index: 0, of: 1 };
}

/// A place in the order of the search. All workers pass the same places in the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The combination of paths.
    pub(crate) combination: u64,
    /// Subtrees begun in it, by this worker or left to others.
    pub(crate) subtree: u64,
}

/// What one worker found in its share.
#[derive(Default)]
pub(crate) struct Part {
    pub(crate) outcome: Outcome,
    /// Where it first met an execution of a truncated path.
    truncated: Option<Position>,
    /// Where it found its witnesses.
    witness: Option<Position>,
    counter_witness: Option<Position>,
}

pub(crate) struct Run<'p> {
    pub(crate) program: &'p Program,
    pub(crate) options: &'p Options,
    pub(crate) goal: Goal,
    pub(crate) share: Share,
    pub(crate) outcome: Outcome,
    pub(crate) position: Position,
    /// Who gets the executions or candidates. None in a search that counts them.
    pub(crate) visitor: Option<Visitor<'p>>,
    truncated: Option<Position>,
    witness: Option<Position>,
    counter_witness: Option<Position>,
    /// More choices than this are too many for one thread.
    pub(crate) patience: u64,
    shared: &'p Shared,
    states: FxHashMap<Vec<Value>, u64>,
    started: Instant,
    ticks: u64,
    /// Cost of the choices since the clock was last read.
    unclocked: u64,
}

/// What the workers of a search have in common.
#[derive(Default)]
pub(crate) struct Shared {
    /// A budget has run out.
    cancelled: AtomicBool,
    /// Where the search ends, by an answer or an error, as far as is known. Nothing after that matters.
    end: Mutex<Option<Position>>,
    /// Final states that they keep. (A state that two workers find counts twice, since both keep it.)
    states: AtomicU64,
    /// Executions that they have counted.
    executions: AtomicU64,
}

impl<'p> Run<'p> {
    pub(crate) fn new(
        program: &'p Program,
        options: &'p Options,
        goal: Goal,
        share: Share,
        started: Instant,
        shared: &'p Shared,
    ) -> Self {
        Run {
            program,
            options,
            goal,
            share,
            outcome: Outcome::default(),
            position: Position::default(),
            visitor: None,
            truncated: None,
            witness: None,
            counter_witness: None,
            patience: u64::MAX,
            shared,
            states: FxHashMap::default(),
            started,
            ticks: 0,
            unclocked: 0,
        }
    }

    /// What a choice in a small program costs.
    pub(crate) const UNIT: u64 = 64;

    /// Called at every choice, with what it costs; fails when time is up. The clock is read once for every so many small
    /// choices, and at each large one, so that the deadline is kept however large the program is.
    #[inline]
    pub(crate) fn tick(&mut self, cost: u64) -> Result<(), Stop> {
        self.ticks += 1;
        self.unclocked += cost;
        if self.unclocked < 256 * Self::UNIT {
            return Ok(());
        }
        self.unclocked = 0;
        self.check_deadline()
    }

    /// When time will be up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.options.deadline.and_then(|limit| self.started.checked_add(limit))
    }

    /// Fails when time is up, and when the search has ended before this place.
    pub(crate) fn check_deadline(&self) -> Result<(), Stop> {
        if self.ticks > self.patience {
            return Err(Stop::TooLarge);
        }
        if self.shared.cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        if self.share.of > 1 && self.shared.end().is_some_and(|end| end < self.position) {
            return Err(Stop::Cancelled);
        }
        match self.options.deadline {
            Some(limit) if self.started.elapsed() >= limit => Err(Stop::Failed(SearchError::Timeout(limit))),
            _ => Ok(()),
        }
    }

    /// Is a candidate wanted even if it is not sequentially consistent at each location?
    pub(crate) fn ignores_coherence(&self) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.candidates == Some(Coherence::Ignored))
    }

    /// Does the model decide what is an execution?
    pub(crate) fn is_judged(&self) -> bool {
        self.visitor.as_ref().is_none_or(|visitor| visitor.candidates.is_none())
    }

    pub(crate) fn wants_witness(&self, holds: bool) -> bool {
        let kept = if holds { &self.outcome.witness } else { &self.outcome.counter_witness };
        self.options.witness && kept.is_none()
    }

    pub(crate) fn keep_witness(&mut self, holds: bool, execution: Box<Execution>) {
        let (kept, at) = if holds {
            (&mut self.outcome.witness, &mut self.witness)
        } else {
            (&mut self.outcome.counter_witness, &mut self.counter_witness)
        };
        *kept = Some(execution);
        *at = Some(self.position);
    }

    /// Notes an execution of a truncated path.
    pub(crate) fn truncate(&mut self) {
        self.outcome.truncated = true;
        self.truncated.get_or_insert(self.position);
    }

    /// Tells the other workers that this one has stopped.
    pub(crate) fn tell(&self, stop: &Stop) {
        match stop {
            Stop::Failed(error) if error.is_budget() => self.shared.cancelled.store(true, Ordering::Relaxed),
            Stop::Answered | Stop::Failed(_) => {
                let mut end = self.shared.end();
                *end = Some(end.map_or(self.position, |end| end.min(self.position)));
            }
            Stop::Cancelled | Stop::TooLarge => {}
        }
    }

    /// Counts an execution.
    pub(crate) fn count(&mut self, state: Vec<Value>, holds: bool, thin_air: bool) -> Result<(), Stop> {
        let outcome = &mut self.outcome;
        *(if holds { &mut outcome.positive } else { &mut outcome.negative }) += 1;
        outcome.thin_air |= thin_air;
        match self.goal {
            Goal::Everything => self.keep_state(state)?,
            Goal::Positive | Goal::Negative | Goal::Errors => return Err(Stop::Answered),
        }
        match self.options.max_executions {
            Some(limit) if self.shared.executions.fetch_add(1, Ordering::Relaxed) >= limit => {
                Err(Stop::Failed(SearchError::TooManyExecutions(limit)))
            }
            _ => Ok(()),
        }
    }

    fn keep_state(&mut self, state: Vec<Value>) -> Result<(), Stop> {
        let size = STATE_OVERHEAD + state.len() * size_of::<Value>();
        match self.states.entry(state) {
            Entry::Occupied(mut known) => *known.get_mut() += 1,
            Entry::Vacant(new) => {
                new.insert(1);
                let kept = self.shared.states.fetch_add(1, Ordering::Relaxed) + 1;
                if kept.saturating_mul(size as u64) > self.options.memory {
                    return Err(Stop::Failed(SearchError::TooManyStates { states: kept, memory: self.options.memory }));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Part {
        // Millions of states take seconds to sort, and when a budget has run out there is no outcome to put them into.
        if !self.shared.cancelled.load(Ordering::Relaxed) {
            self.outcome.states = self.states.into_iter().collect();
        }
        let Run { outcome, truncated, witness, counter_witness, .. } = self;
        Part { outcome, truncated, witness, counter_witness }
    }
}

impl Shared {
    fn end(&self) -> MutexGuard<'_, Option<Position>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Adds the answer of another worker to the same question: as if one had done both shares.
    pub(crate) fn merge(&mut self, mut other: Part) {
        let is_first = |other: Option<Position>, this: Option<Position>| {
            other.is_some_and(|other| this.is_none_or(|this| other < this))
        };
        if is_first(other.witness, self.witness) {
            (self.witness, self.outcome.witness) = (other.witness, other.outcome.witness.take());
        }
        if is_first(other.counter_witness, self.counter_witness) {
            (self.counter_witness, self.outcome.counter_witness) =
                (other.counter_witness, other.outcome.counter_witness.take());
        }
        if is_first(other.truncated, self.truncated) {
            self.truncated = other.truncated;
        }
        self.outcome.merge(other.outcome);
    }

    /// Had it met an execution of a truncated path when it came here?
    pub(crate) fn is_truncated_by(&self, position: Position) -> bool {
        self.truncated.is_some_and(|at| at <= position)
    }
}

impl Outcome {
    /// Adds the answer to another part of the same question.
    pub(crate) fn merge(&mut self, other: Outcome) {
        self.positive += other.positive;
        self.negative += other.negative;
        if self.states.is_empty() {
            self.states = other.states;
        } else {
            for (state, count) in other.states {
                *self.states.entry(state).or_insert(0) += count;
            }
        }
        self.flags.extend(other.flags);
        self.truncated |= other.truncated;
        self.thin_air |= other.thin_air;
        self.judged += other.judged;
        self.witness = self.witness.take().or(other.witness);
        self.counter_witness = self.counter_witness.take().or(other.counter_witness);
    }
}

/// The goals that a question asks of a program. (Without a condition, every execution is positive.)
pub(crate) fn goals(question: Question, program: &Program) -> &'static [Goal] {
    match question {
        Question::AllExecutions => &[Goal::Everything],
        Question::Verdict if program.condition.is_none() => &[Goal::Positive],
        Question::Verdict => &[Goal::Positive, Goal::Negative],
    }
}
