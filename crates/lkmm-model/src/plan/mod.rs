//! Plans: a model, specialised to what one search cannot change, and run on partial executions.
//!
//! While a search extends `rf` and `co`, everything else stays: events, program order, locations, dependencies. A
//! [`Plan`] evaluates every expression that depends on these alone *once*, drops what is thereby empty (no RCU in the
//! program, no RCU in the plan), and keeps for the rest a list of steps over bit matrices. Two more savings are
//! computed from static bounds on the domain and range of each relation: compositions that cannot meet are empty, and
//! each step computes only the rows that some later step will look at.
//!
//! A relation lives in a *slot*: `n` rows of one big vector. A step writes one slot and reads lower ones.

mod base;
mod compile;
mod run;

use crate::algebra::{Definition, NodeId, Requirement, Test};
use crate::event::Label;
use crate::event_set::EventSet;
use compile::Compiler;
use run::run;
use std::time::Instant;

/// What a plan is specialised to: the events of an execution and the relations that do not change.
#[derive(Clone, Debug)]
pub struct Frame<const W: usize> {
    /// What each event is. Initial writes come first.
    pub labels: Vec<Label>,
    /// The thread of each event; `None` for an initial write.
    pub threads: Vec<Option<u32>>,
    /// The location of each event.
    pub locations: Vec<Option<u32>>,
    /// The events that are part of an atomic read-modify-write.
    pub atomic: EventSet<W>,
    /// Initial writes of the observed locations.
    pub observed_init: EventSet<W>,
    /// Program order.
    pub po: Vec<EventSet<W>>,
    /// Read-modify-write pairs, without those of locks.
    pub rmw: Vec<EventSet<W>>,
    /// Address dependencies.
    pub addr: Vec<EventSet<W>>,
    /// Data dependencies.
    pub data: Vec<EventSet<W>>,
    /// Control dependencies.
    pub ctrl: Vec<EventSet<W>>,
}

/// A base relation that a search may still extend.
#[derive(Clone, Debug)]
pub enum Input<const W: usize> {
    /// It is known and will not change.
    Fixed(Vec<EventSet<W>>),
    /// It will hold no pair outside of these bounds on its domain and its range.
    Growing {
        /// Bound on the domain.
        domain: EventSet<W>,
        /// Bound on the range.
        range: EventSet<W>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Operation<const W: usize> {
    Or(usize, usize),
    And(usize, usize),
    Minus(usize, usize),
    Sequence(usize, usize),
    InverseSequence(usize, usize),
    Inverse(usize),
    Within(EventSet<W>, usize),
    Into(usize, EventSet<W>),
    /// Of a slot; the set is the part of its domain that is in its range.
    Closure(usize, EventSet<W>),
    DomainIdentity(usize),
    RangeIdentity(usize),
    /// Empties the variable of a fixed point.
    Enter,
    /// Ends the body that computed the given slot: if it grew, it becomes the variable and the body (which begins at
    /// the given step) runs again.
    Again(usize, usize),
    /// Ends the run if the requirement fails.
    Check(Test, usize, usize),
}

impl<const W: usize> Operation<W> {
    /// The slots that it reads. (The variable of a fixed point that goes on is the slot that it writes.)
    fn operands(&mut self) -> impl Iterator<Item = &mut usize> {
        let slots = match self {
            Operation::Or(a, b)
            | Operation::And(a, b)
            | Operation::Minus(a, b)
            | Operation::Sequence(a, b)
            | Operation::InverseSequence(a, b) => [Some(a), Some(b)],
            Operation::Inverse(a)
            | Operation::Within(_, a)
            | Operation::Into(a, _)
            | Operation::Closure(a, _)
            | Operation::DomainIdentity(a)
            | Operation::RangeIdentity(a)
            | Operation::Again(a, _)
            | Operation::Check(_, a, _) => [Some(a), None],
            Operation::Enter => [None, None],
        };
        slots.into_iter().flatten()
    }
}

#[derive(Clone, Copy, Debug)]
struct Step<const W: usize> {
    slot: usize,
    rows: EventSet<W>,
    operation: Operation<W>,
    /// So many rows are wanted that a loop over all of them, which the compiler vectorises, is faster.
    dense: bool,
}

impl<const W: usize> Step<W> {
    fn new(slot: usize, operation: Operation<W>) -> Self {
        Step { slot, rows: EventSet::EMPTY, operation, dense: false }
    }
}

/// The value of a node within a plan.
#[derive(Clone, Copy, Debug)]
enum Known<const W: usize> {
    Set(EventSet<W>),
    /// A relation, or a set as its identity.
    Fixed(usize),
    /// The same, computed by a step.
    Computed(usize),
    Empty,
}

/// A model specialised to a [`Frame`]; see the module's description.
pub struct Plan<'m, const W: usize> {
    definition: &'m Definition,
    n: usize,
    all: EventSet<W>,
    rows: Vec<EventSet<W>>,
    domains: Vec<EventSet<W>>,
    ranges: Vec<EventSet<W>>,
    known: Vec<Option<Known<W>>>,
    axioms: Vec<Step<W>>,
    flags: Vec<Step<W>>,
    inputs: [Option<usize>; 3],
    /// A requirement that no execution of this frame can meet.
    broken: Option<usize>,
    /// Flags that every execution of this frame raises.
    raised: Vec<usize>,
    order: Vec<u16>,
    deadline: Option<Instant>,
    expired: bool,
}

const RF: usize = 0;
const CO: usize = 1;
const DIFFERENT_VALUES: usize = 2;

impl<'m, const W: usize> Plan<'m, W> {
    /// Specialises a model.
    ///
    /// `skip_axiom` names axioms that the caller guarantees by other means; `skip_flag` tells which flags need no
    /// longer be looked for.
    ///
    /// With hundreds of events a plan may take seconds to make or to run. When the deadline passes meanwhile, that ends
    /// early, what it says means nothing, and [`is_expired`](Self::is_expired) tells so.
    pub fn new(
        definition: &'m Definition,
        frame: &Frame<W>,
        rf: Input<W>,
        co: Input<W>,
        skip_axiom: &dyn Fn(&Requirement) -> bool,
        skip_flag: &dyn Fn(&Requirement) -> bool,
        deadline: Option<Instant>,
    ) -> Self {
        let n = frame.labels.len();
        let mut plan = Plan {
            definition,
            n,
            all: EventSet::below(n),
            rows: Vec::with_capacity(n * 128),
            domains: Vec::with_capacity(128),
            ranges: Vec::with_capacity(128),
            known: vec![None; definition.nodes.len()],
            axioms: Vec::with_capacity(64),
            flags: Vec::new(),
            inputs: [None; 3],
            broken: None,
            raised: Vec::new(),
            order: Vec::with_capacity(n),
            // Below this size it is a matter of milliseconds, in which the clock need not be read.
            deadline: deadline.filter(|_| n > 64),
            expired: false,
        };
        let mut compiler = Compiler { plan: &mut plan, frame, base: [Some(rf), Some(co), None], steps: Vec::new() };
        for (index, axiom) in definition.axioms.iter().enumerate() {
            if !skip_axiom(axiom) && !compiler.require(index, axiom) {
                compiler.plan.broken = Some(index);
                return plan;
            }
        }
        let axioms = std::mem::take(&mut compiler.steps);
        for (index, flag) in definition.flags.iter().enumerate() {
            if !skip_flag(flag) && !compiler.require(index, flag) {
                compiler.plan.raised.push(index);
            }
        }
        let flags = std::mem::take(&mut compiler.steps);
        if plan.expired {
            return plan;
        }
        plan.axioms = axioms;
        plan.flags = flags;
        plan.restrict_rows();
        plan
    }

    /// Forgets the slots that no step reads or writes: what the relations are that the model defines is not known any more. For those who keep
    /// many plans.
    pub fn compact(&mut self) {
        let mut is_used = vec![false; self.domains.len()];
        self.inputs.iter().flatten().for_each(|&slot| is_used[slot] = true);
        let steps = || self.axioms.iter().chain(&self.flags).copied();
        for mut step in steps() {
            is_used[step.slot] = true;
            step.operation.operands().for_each(|slot| is_used[*slot] = true);
        }
        let n = self.n;
        let kept: Vec<usize> = (0..is_used.len()).filter(|&slot| is_used[slot]).collect();
        self.rows = kept.iter().flat_map(|&slot| &self.rows[slot * n..(slot + 1) * n]).copied().collect();
        let mut numbers = vec![0; is_used.len()];
        kept.iter().enumerate().for_each(|(number, &slot)| numbers[slot] = number);
        self.inputs.iter_mut().flatten().for_each(|slot| *slot = numbers[*slot]);
        for step in self.axioms.iter_mut().chain(&mut self.flags) {
            step.slot = numbers[step.slot];
            step.operation.operands().for_each(|slot| *slot = numbers[*slot]);
        }
        self.axioms.shrink_to_fit();
        self.flags.shrink_to_fit();
        (self.known, self.domains, self.ranges) = (Vec::new(), Vec::new(), Vec::new());
    }

    /// Has the deadline passed while the plan was made or run?
    pub fn is_expired(&self) -> bool {
        self.expired
    }

    /// The axiom that no execution of the frame can meet, if there is one.
    pub fn broken(&self) -> Option<&'m Requirement> {
        self.broken.map(|i| &self.definition.axioms[i])
    }

    /// Flags that the frame raises in every execution.
    pub fn raised(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.raised.iter().map(|&i| self.definition.flags[i].name)
    }

    /// Can an execution raise a flag that the frame does not settle?
    pub fn has_open_flags(&self) -> bool {
        !self.flags.is_empty()
    }

    /// Does nothing depend on `rf` and `co`? Then every execution of the frame has the same judgement.
    pub fn is_settled(&self) -> bool {
        self.axioms.is_empty() && self.flags.is_empty()
    }

    /// So many bytes the plan takes, roughly.
    pub fn memory(&self) -> usize {
        let steps = self.axioms.len() + self.flags.len();
        size_of_val(&self.rows[..]) + steps * size_of::<Step<W>>() + self.known.len() * size_of::<Option<Known<W>>>()
    }

    /// Does a flag need to know whose values differ?
    pub fn needs_different_values(&self) -> bool {
        self.inputs[DIFFERENT_VALUES].is_some()
    }

    /// Empties `rf`, `co`, and what is said of values.
    pub fn clear_inputs(&mut self) {
        for slot in self.inputs.into_iter().flatten() {
            self.rows[slot * self.n..(slot + 1) * self.n].fill(EventSet::EMPTY);
        }
    }

    /// Adds or removes a pair of `rf`.
    #[inline]
    pub fn set_rf(&mut self, write: usize, read: usize, present: bool) {
        self.set(RF, write, read, present);
    }

    /// Adds or removes a pair of `co`.
    #[inline]
    pub fn set_co(&mut self, first: usize, second: usize, present: bool) {
        self.set(CO, first, second, present);
    }

    /// Says of two events whether their values differ.
    pub fn set_different_values(&mut self, a: usize, b: usize, present: bool) {
        self.set(DIFFERENT_VALUES, a, b, present);
    }

    #[inline]
    fn set(&mut self, input: usize, a: usize, b: usize, present: bool) {
        if let Some(slot) = self.inputs[input] {
            let row = &mut self.rows[slot * self.n + a];
            if present {
                row.insert(b);
            } else {
                row.remove(b);
            }
        }
    }

    /// Checks the axioms on the present `rf` and `co`. On failure, the axiom that does not hold.
    #[inline]
    pub fn check(&mut self) -> Result<(), &'m Requirement> {
        if let Some(broken) = self.broken {
            return Err(&self.definition.axioms[broken]);
        }
        match run(&self.axioms, self.n, &mut self.rows, &mut self.order, self.deadline, &mut |_| false) {
            Ran::Failed(index) => Err(&self.definition.axioms[index]),
            Ran::Through => Ok(()),
            Ran::Expired => {
                self.expired = true;
                Ok(())
            }
        }
    }

    /// Looks for flags on a complete execution that [`check`](Self::check) has just accepted.
    pub fn flag(&mut self, mut raise: impl FnMut(&'static str)) {
        let definition = self.definition;
        let ran = run(&self.flags, self.n, &mut self.rows, &mut self.order, self.deadline, &mut |index| {
            raise(definition.flags[index].name);
            true
        });
        self.expired |= matches!(ran, Ran::Expired);
    }

    /// The pairs of a relation that some requirement looks at, after its steps were run.
    pub(crate) fn pairs(&self, node: NodeId) -> Vec<(u32, u32)> {
        match self.known[node as usize] {
            Some(Known::Fixed(slot) | Known::Computed(slot)) => {
                let rows = &self.rows[slot * self.n..(slot + 1) * self.n];
                let pairs = rows.iter().enumerate().flat_map(|(i, row)| row.iter().map(move |j| (i as u32, j as u32)));
                pairs.collect()
            }
            _ => Vec::new(),
        }
    }

    /// Walks the steps backwards, gives each the rows that a later step reads, and drops those that nobody reads.
    fn restrict_rows(&mut self) {
        let mut wanted = vec![EventSet::EMPTY; self.domains.len()];
        for steps in [&mut self.flags, &mut self.axioms] {
            for step in steps.iter_mut().rev() {
                let domain = self.domains[step.slot];
                step.rows = wanted[step.slot] & domain;
                let rows = step.rows;
                match step.operation {
                    Operation::Or(a, b) | Operation::And(a, b) | Operation::Minus(a, b) => {
                        wanted[a] |= rows;
                        wanted[b] |= rows;
                    }
                    Operation::Sequence(a, b) => {
                        wanted[a] |= rows;
                        if !rows.is_empty() {
                            wanted[b] |= self.ranges[a];
                        }
                    }
                    Operation::InverseSequence(a, b) if !rows.is_empty() => {
                        wanted[a] |= self.domains[a];
                        wanted[b] |= self.domains[a];
                    }
                    Operation::Inverse(a) | Operation::RangeIdentity(a) if !rows.is_empty() => {
                        wanted[a] |= self.domains[a];
                    }
                    Operation::Closure(a, _) if !rows.is_empty() => {
                        step.rows = domain;
                        wanted[a] |= domain;
                    }
                    Operation::Within(set, a) => wanted[a] |= rows & set,
                    Operation::Into(a, _) | Operation::DomainIdentity(a) => wanted[a] |= rows,
                    Operation::Enter => step.rows = domain,
                    Operation::Again(a, _) => {
                        step.rows = domain;
                        wanted[a] |= domain;
                    }
                    Operation::Check(test, a, _) => {
                        // A cycle goes only through events that are in domain and range.
                        step.rows = if test == Test::Empty { domain } else { domain & self.ranges[a] };
                        wanted[a] |= step.rows;
                    }
                    Operation::InverseSequence(..)
                    | Operation::Inverse(_)
                    | Operation::RangeIdentity(_)
                    | Operation::Closure(..) => {}
                }
            }
            // The loops of fixed points refer to steps by number.
            let mut number = 0;
            let numbers: Vec<usize> = steps
                .iter()
                .map(|step| {
                    let this = number;
                    number += usize::from(!step.rows.is_empty());
                    this
                })
                .collect();
            for step in steps.iter_mut() {
                if let Operation::Again(_, begin) = &mut step.operation {
                    *begin = numbers[*begin];
                }
            }
            steps.retain(|step| !step.rows.is_empty());
            for step in steps.iter_mut() {
                step.dense = step.rows.len() * 4 > self.n;
            }
        }
    }
}

/// How a run of steps ends.
enum Ran {
    Through,
    /// A check failed: the number of its requirement.
    Failed(usize),
    /// The deadline passed.
    Expired,
}
