//! Plans: a model, specialised to what one search cannot change, and run on partial executions.
//!
//! While a search extends `rf` and `co`, everything else stays: events, program order, locations, dependencies. A
//! [`Plan`] evaluates every expression that depends on these alone *once*, drops what is thereby empty (no RCU in the
//! program, no RCU in the plan), and keeps for the rest a list of steps over bit matrices. Two more savings are
//! computed from static bounds on the domain and range of each relation: compositions that cannot meet are empty, and
//! each step computes only the rows that some later step will look at.
//!
//! A relation lives in a *slot*: `n` rows of one big vector. A step writes one slot and reads lower ones.

use crate::algebra::{BaseRelation, BaseSet, Definition, Node, NodeId, Requirement, Test};
use crate::event::{Fence, Label, Mode};
use crate::event_set::EventSet;
use crate::relation;
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

    /// Does a flag need to know whose values differ?
    pub fn needs_different_values(&self) -> bool {
        self.inputs[DIFFERENT_VALUES].is_some()
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

/// Runs steps; stops at the first check that fails unless `go_on` says otherwise.
#[inline]
fn run<const W: usize>(
    steps: &[Step<W>],
    n: usize,
    data: &mut [EventSet<W>],
    order: &mut Vec<u16>,
    deadline: Option<Instant>,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Ran {
    let mut at = 0;
    // The slot whose topological order `order` holds: an acyclic relation is often closed next.
    let mut ordered = usize::MAX;
    while let Some(step) = steps.get(at) {
        at += 1;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ran::Expired;
        }
        let rows = step.rows;
        if let Operation::Check(test, a, requirement) = step.operation {
            let rows_of_a = &data[a * n..(a + 1) * n];
            let holds = match test {
                Test::Acyclic => relation::topological_order(rows_of_a, rows, order),
                Test::Irreflexive => relation::is_irreflexive(rows_of_a, rows),
                Test::Empty => rows.iter().all(|i| rows_of_a[i].is_empty()),
            };
            if test == Test::Acyclic {
                ordered = if holds { a } else { usize::MAX };
            }
            if !holds && !go_on(requirement) {
                return Ran::Failed(requirement);
            }
            continue;
        }
        if step.slot == ordered {
            ordered = usize::MAX;
        }
        let (lower, dst) = data.split_at_mut(step.slot * n);
        let slot = |s: usize| &lower[s * n..(s + 1) * n];
        match step.operation {
            Operation::Or(a, b) => pointwise(dst, slot(a), slot(b), step, |a, b| a | b),
            Operation::And(a, b) => pointwise(dst, slot(a), slot(b), step, |a, b| a & b),
            Operation::Minus(a, b) => pointwise(dst, slot(a), slot(b), step, |a, b| a - b),
            Operation::Sequence(a, b) => relation::sequence(dst, slot(a), slot(b), rows),
            Operation::InverseSequence(a, b) => relation::inverse_sequence(dst, slot(a), slot(b), rows),
            Operation::Inverse(a) => relation::inverse(dst, slot(a), rows),
            Operation::Within(set, a) => {
                let a = slot(a);
                for i in rows.iter() {
                    dst[i] = if set.contains(i) { a[i] } else { EventSet::EMPTY };
                }
            }
            Operation::Into(a, set) => pointwise(dst, slot(a), slot(a), step, |a, _| a & set),
            Operation::Closure(a, inner) => {
                let a_rows = slot(a);
                let acyclic = ordered == a || relation::topological_order(a_rows, inner, order);
                relation::closure(dst, a_rows, rows, inner, acyclic.then_some(&order[..]));
                ordered = if acyclic { a } else { usize::MAX };
            }
            Operation::DomainIdentity(a) => {
                let a = slot(a);
                for i in rows.iter() {
                    dst[i] = if a[i].is_empty() { EventSet::EMPTY } else { EventSet::of(i) };
                }
            }
            Operation::RangeIdentity(a) => {
                let range = relation::range(slot(a));
                for i in rows.iter() {
                    dst[i] = if range.contains(i) { EventSet::of(i) } else { EventSet::EMPTY };
                }
            }
            Operation::Enter => {
                for i in rows.iter() {
                    dst[i] = EventSet::EMPTY;
                }
            }
            Operation::Again(body, begin) => {
                // The body is above the variable.
                let (variable, above) = dst.split_at_mut(n);
                let offset = (body - step.slot - 1) * n;
                let mut grew = false;
                for i in rows.iter() {
                    grew |= variable[i] != above[offset + i];
                    variable[i] = above[offset + i];
                }
                if grew {
                    at = begin;
                }
            }
            Operation::Check(..) => {}
        }
    }
    Ran::Through
}

/// Combines two relations row by row. Rows outside of a relation's domain are empty in all operands, so a dense loop
/// keeps them empty.
#[inline]
fn pointwise<const W: usize>(
    dst: &mut [EventSet<W>],
    a: &[EventSet<W>],
    b: &[EventSet<W>],
    step: &Step<W>,
    combine: impl Fn(EventSet<W>, EventSet<W>) -> EventSet<W>,
) {
    if step.dense {
        for ((dst, &a), &b) in dst.iter_mut().zip(a).zip(b) {
            *dst = combine(a, b);
        }
    } else {
        for i in step.rows.iter() {
            dst[i] = combine(a[i], b[i]);
        }
    }
}

struct Compiler<'p, 'm, const W: usize> {
    plan: &'p mut Plan<'m, W>,
    frame: &'p Frame<W>,
    base: [Option<Input<W>>; 3],
    steps: Vec<Step<W>>,
}

impl<const W: usize> Compiler<'_, '_, W> {
    /// Compiles a requirement. False if it is already known to fail.
    fn require(&mut self, index: usize, requirement: &Requirement) -> bool {
        match self.value(requirement.node) {
            Known::Empty => true,
            Known::Set(set) => set.is_empty(),
            Known::Fixed(slot) => {
                let rows = &self.plan.rows[slot * self.plan.n..(slot + 1) * self.plan.n];
                match requirement.test {
                    Test::Acyclic => relation::topological_order(rows, self.plan.all, &mut self.plan.order),
                    Test::Irreflexive => relation::is_irreflexive(rows, self.plan.all),
                    Test::Empty => rows.iter().all(EventSet::is_empty),
                }
            }
            Known::Computed(slot) => {
                let operation = Operation::Check(requirement.test, slot, index);
                self.steps.push(Step::new(slot, operation));
                true
            }
        }
    }

    fn value(&mut self, node: NodeId) -> Known<W> {
        if let Some(known) = self.plan.known[node as usize] {
            return known;
        }
        let known = self.compute(self.plan.definition.nodes[node as usize]);
        self.plan.known[node as usize] = Some(known);
        known
    }

    fn compute(&mut self, node: Node) -> Known<W> {
        if self.plan.expired || self.plan.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.plan.expired = true;
            return Known::Empty;
        }
        let all = self.plan.all;
        match node {
            Node::Set(set) => Known::Set(self.base_set(set)),
            Node::SetOr(a, b) => match (self.value(a), self.value(b)) {
                (Known::Set(a), Known::Set(b)) => Known::Set(a | b),
                (a, b) => self.or(a, b),
            },
            Node::SetAnd(a, b) => match (self.value(a), self.value(b)) {
                (Known::Set(a), Known::Set(b)) => Known::Set(a & b),
                (a, b) => self.and(a, b),
            },
            Node::SetMinus(a, b) => match (self.value(a), self.value(b)) {
                (Known::Set(a), Known::Set(b)) => Known::Set(a - b),
                (a, b) => self.minus(a, b),
            },
            Node::Domain(a) => match self.value(a) {
                Known::Computed(a) => {
                    self.step(Operation::DomainIdentity(a), self.plan.domains[a], self.plan.domains[a])
                }
                Known::Fixed(a) => Known::Set(self.plan.domains[a]),
                other => other,
            },
            Node::Range(a) => match self.value(a) {
                Known::Computed(a) => self.step(Operation::RangeIdentity(a), self.plan.ranges[a], self.plan.ranges[a]),
                Known::Fixed(a) => Known::Set(self.plan.ranges[a]),
                other => other,
            },
            Node::Relation(relation) => self.base_relation(relation),
            Node::Identity(a) => match self.value(a) {
                Known::Set(set) => self.fixed(|i| if set.contains(i) { EventSet::of(i) } else { EventSet::EMPTY }),
                other => other,
            },
            Node::Cross(a, b) => match (self.value(a), self.value(b)) {
                (Known::Set(a), Known::Set(b)) => self.fixed(|i| if a.contains(i) { b } else { EventSet::EMPTY }),
                _ if self.plan.expired => Known::Empty,
                _ => unreachable!("a product of sets that depend on rf or co"),
            },
            Node::Or(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.or(a, b)
            }
            Node::And(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.and(a, b)
            }
            Node::Minus(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.minus(a, b)
            }
            Node::Sequence(a, b) => self.sequence(a, b),
            Node::Within(s, _) if self.is_empty_set(s) => Known::Empty,
            Node::Into(_, s) if self.is_empty_set(s) => Known::Empty,
            Node::Within(s, a) => match (self.value(s), self.value(a)) {
                (Known::Set(s), Known::Fixed(a)) => {
                    let rows = self.slot(a).to_vec();
                    self.fixed(|i| if s.contains(i) { rows[i] } else { EventSet::EMPTY })
                }
                (Known::Set(s), Known::Computed(a)) => {
                    let domain = self.plan.domains[a] & s;
                    if self.plan.domains[a] == domain {
                        return Known::Computed(a);
                    }
                    self.step(Operation::Within(s, a), domain, self.plan.ranges[a])
                }
                (_, Known::Empty) | (Known::Empty, _) => Known::Empty,
                (s, a) => self.compose(s, a),
            },
            Node::Into(a, s) => match (self.value(a), self.value(s)) {
                (Known::Fixed(a), Known::Set(s)) => {
                    let rows = self.slot(a).to_vec();
                    self.fixed(|i| rows[i] & s)
                }
                (Known::Computed(a), Known::Set(s)) => {
                    let range = self.plan.ranges[a] & s;
                    if self.plan.ranges[a] == range {
                        return Known::Computed(a);
                    }
                    self.step(Operation::Into(a, s), self.plan.domains[a], range)
                }
                (_, Known::Empty) | (Known::Empty, _) => Known::Empty,
                (a, s) => self.compose(a, s),
            },
            Node::Inverse(a) => match self.value(a) {
                Known::Fixed(a) => {
                    let mut rows = vec![EventSet::EMPTY; self.plan.n];
                    relation::inverse(&mut rows, self.slot(a), all);
                    self.fixed(|i| rows[i])
                }
                Known::Computed(a) => self.step(Operation::Inverse(a), self.plan.ranges[a], self.plan.domains[a]),
                other => other,
            },
            Node::Closure(a) => match self.value(a) {
                Known::Fixed(a) => {
                    let mut rows = vec![EventSet::EMPTY; self.plan.n];
                    let (n, plan) = (self.plan.n, &mut *self.plan);
                    let a = &plan.rows[a * n..(a + 1) * n];
                    let acyclic = relation::topological_order(a, all, &mut plan.order);
                    relation::closure(&mut rows, a, all, all, acyclic.then_some(&plan.order[..]));
                    self.fixed(|i| rows[i])
                }
                Known::Computed(a) => {
                    let (domain, range) = (self.plan.domains[a], self.plan.ranges[a]);
                    if !domain.meets(&range) {
                        return Known::Computed(a);
                    }
                    self.step(Operation::Closure(a, domain & range), domain, range)
                }
                other => other,
            },
            Node::Brackets(open, close) => match (self.value(open), self.value(close)) {
                (Known::Set(open), Known::Set(close)) => self.brackets(open, close),
                _ if self.plan.expired => Known::Empty,
                _ => unreachable!("brackets of sets that depend on rf or co"),
            },
            Node::Variable(_) => unreachable!("a variable outside of its fixed point"),
            Node::Fixpoint(variable, body) => self.fixpoint(variable, body),
        }
    }

    fn is_empty_set(&mut self, node: NodeId) -> bool {
        match self.value(node) {
            Known::Empty => true,
            Known::Set(set) => set.is_empty(),
            _ => false,
        }
    }

    fn slot(&self, slot: usize) -> &[EventSet<W>] {
        &self.plan.rows[slot * self.plan.n..(slot + 1) * self.plan.n]
    }

    fn new_slot(&mut self, domain: EventSet<W>, range: EventSet<W>) -> usize {
        self.plan.domains.push(domain);
        self.plan.ranges.push(range);
        self.plan.rows.resize(self.plan.domains.len() * self.plan.n, EventSet::EMPTY);
        self.plan.domains.len() - 1
    }

    /// A relation that is known now.
    fn fixed(&mut self, row: impl Fn(usize) -> EventSet<W>) -> Known<W> {
        let slot = self.new_slot(EventSet::EMPTY, EventSet::EMPTY);
        let n = self.plan.n;
        for i in 0..n {
            let row = row(i);
            self.plan.rows[slot * n + i] = row;
            self.plan.ranges[slot] |= row;
            if !row.is_empty() {
                self.plan.domains[slot].insert(i);
            }
        }
        if self.plan.domains[slot].is_empty() {
            self.plan.domains.pop();
            self.plan.ranges.pop();
            self.plan.rows.truncate(slot * n);
            return Known::Empty;
        }
        Known::Fixed(slot)
    }

    /// A relation that a step computes.
    fn step(&mut self, operation: Operation<W>, domain: EventSet<W>, range: EventSet<W>) -> Known<W> {
        if domain.is_empty() || range.is_empty() {
            return Known::Empty;
        }
        let slot = self.new_slot(domain, range);
        self.steps.push(Step::new(slot, operation));
        Known::Computed(slot)
    }

    /// The slot of a relation, or of the identity on a set; `None` if it is empty.
    fn place(&mut self, known: Known<W>) -> Option<(usize, bool)> {
        match known {
            Known::Empty => None,
            Known::Fixed(slot) => Some((slot, true)),
            Known::Computed(slot) => Some((slot, false)),
            Known::Set(set) => {
                let known = self.fixed(|i| if set.contains(i) { EventSet::of(i) } else { EventSet::EMPTY });
                self.place(known)
            }
        }
    }

    fn or(&mut self, a: Known<W>, b: Known<W>) -> Known<W> {
        match (self.place(a), self.place(b)) {
            (None, _) => b,
            (_, None) => a,
            (Some((a, true)), Some((b, true))) => {
                let n = self.plan.n;
                let rows: Vec<_> = (0..n).map(|i| self.plan.rows[a * n + i] | self.plan.rows[b * n + i]).collect();
                self.fixed(|i| rows[i])
            }
            (Some((a, _)), Some((b, _))) => {
                let domain = self.plan.domains[a] | self.plan.domains[b];
                let range = self.plan.ranges[a] | self.plan.ranges[b];
                self.step(Operation::Or(a, b), domain, range)
            }
        }
    }

    fn and(&mut self, a: Known<W>, b: Known<W>) -> Known<W> {
        match (self.place(a), self.place(b)) {
            (None, _) | (_, None) => Known::Empty,
            (Some((a, true)), Some((b, true))) => {
                let n = self.plan.n;
                let rows: Vec<_> = (0..n).map(|i| self.plan.rows[a * n + i] & self.plan.rows[b * n + i]).collect();
                self.fixed(|i| rows[i])
            }
            (Some((a, a_fixed)), Some((b, b_fixed))) => {
                let mut domain = self.plan.domains[a] & self.plan.domains[b];
                let mut range = self.plan.ranges[a] & self.plan.ranges[b];
                // A side that is known sharpens the bounds.
                for known in [(a, a_fixed), (b, b_fixed)].into_iter().filter(|k| k.1).map(|k| k.0) {
                    let rows = self.slot(known);
                    domain = domain.iter().filter(|&i| rows[i].meets(&range)).collect();
                    range &= domain.iter().fold(EventSet::EMPTY, |acc, i| acc | rows[i]);
                }
                self.step(Operation::And(a, b), domain, range)
            }
        }
    }

    fn minus(&mut self, a: Known<W>, b: Known<W>) -> Known<W> {
        match (self.place(a), self.place(b)) {
            (None, _) => Known::Empty,
            (_, None) => a,
            (Some((a, true)), Some((b, true))) => {
                let n = self.plan.n;
                let rows: Vec<_> = (0..n).map(|i| self.plan.rows[a * n + i] - self.plan.rows[b * n + i]).collect();
                self.fixed(|i| rows[i])
            }
            (Some((a, _)), Some((b, _))) => {
                self.step(Operation::Minus(a, b), self.plan.domains[a], self.plan.ranges[a])
            }
        }
    }

    fn sequence(&mut self, a: NodeId, b: NodeId) -> Known<W> {
        // `r^-1 ; s` needs no `r^-1`.
        if let Node::Inverse(inner) = self.plan.definition.nodes[a as usize] {
            if let (Known::Computed(a), b) = (self.value(inner), self.value(b)) {
                let Some((b, _)) = self.place(b) else { return Known::Empty };
                if !self.plan.domains[a].meets(&self.plan.domains[b]) {
                    return Known::Empty;
                }
                let (domain, range) = (self.plan.ranges[a], self.plan.ranges[b]);
                return self.step(Operation::InverseSequence(a, b), domain, range);
            }
        }
        let a = self.value(a);
        if matches!(a, Known::Empty) {
            return Known::Empty;
        }
        let b = self.value(b);
        self.compose(a, b)
    }

    fn compose(&mut self, a: Known<W>, b: Known<W>) -> Known<W> {
        match (self.place(a), self.place(b)) {
            (None, _) | (_, None) => Known::Empty,
            (Some((a, _)), Some((b, _))) if !self.plan.ranges[a].meets(&self.plan.domains[b]) => Known::Empty,
            (Some((a, true)), Some((b, true))) => {
                let mut rows = vec![EventSet::EMPTY; self.plan.n];
                relation::sequence(&mut rows, self.slot(a), self.slot(b), self.plan.all);
                self.fixed(|i| rows[i])
            }
            (Some((a, a_fixed)), Some((b, b_fixed))) => {
                // A side that is known sharpens the bounds.
                let domain = if a_fixed {
                    let meets = self.plan.domains[b];
                    self.plan.domains[a].iter().filter(|&i| self.slot(a)[i].meets(&meets)).collect()
                } else {
                    self.plan.domains[a]
                };
                let range = if b_fixed {
                    let from = self.plan.ranges[a];
                    from.iter().fold(EventSet::EMPTY, |acc, i| acc | self.slot(b)[i])
                } else {
                    self.plan.ranges[b]
                };
                self.step(Operation::Sequence(a, b), domain, range)
            }
        }
    }

    /// Compiles the body with growing bounds on the variable until they hold.
    fn fixpoint(&mut self, variable: u32, body: NodeId) -> Known<W> {
        let nodes = &self.plan.definition.nodes;
        let node = nodes.iter().position(|&n| n == Node::Variable(variable)).expect("a fixed point has its variable");
        let mut inside = Vec::new();
        self.compile_outside(body, node as NodeId, &mut inside);
        let (steps, slots) = (self.steps.len(), self.plan.domains.len());
        let (mut domain, mut range) = (EventSet::EMPTY, EventSet::EMPTY);
        loop {
            for &node in &inside {
                self.plan.known[node as usize] = None;
            }
            self.steps.truncate(steps);
            self.plan.domains.truncate(slots);
            self.plan.ranges.truncate(slots);
            self.plan.rows.truncate(slots * self.plan.n);
            let slot = self.new_slot(domain, range);
            self.plan.known[node] =
                Some(if domain.is_empty() || range.is_empty() { Known::Empty } else { Known::Computed(slot) });
            self.steps.push(Step::new(slot, Operation::Enter));
            let result = self.value(body);
            let Some((result, fixed)) = self.place(result) else { return Known::Empty };
            let (d, r) = (self.plan.domains[result], self.plan.ranges[result]);
            if (d - domain).is_empty() && (r - range).is_empty() {
                if fixed || result < slot {
                    // What is left of the body does not use the variable.
                    self.steps.truncate(steps);
                    return if fixed { Known::Fixed(result) } else { Known::Computed(result) };
                }
                let operation = Operation::Again(result, steps + 1);
                self.steps.push(Step::new(slot, operation));
                return Known::Computed(result);
            }
            (domain, range) = (domain | d, range | r);
        }
    }

    /// Compiles what a body uses and what does not depend on its variable, so that it stands before the loop; lists the
    /// nodes that do depend.
    fn compile_outside(&mut self, at: NodeId, variable: NodeId, inside: &mut Vec<NodeId>) -> bool {
        if at == variable || inside.contains(&at) {
            return true;
        }
        if at < variable {
            self.value(at);
            return false;
        }
        let operands = match self.plan.definition.nodes[at as usize] {
            Node::Set(_) | Node::Relation(_) | Node::Variable(_) => [None, None],
            Node::Domain(a) | Node::Range(a) | Node::Identity(a) | Node::Inverse(a) | Node::Closure(a) => {
                [Some(a), None]
            }
            Node::Fixpoint(_, a) => [Some(a), None],
            Node::SetOr(a, b) | Node::SetAnd(a, b) | Node::SetMinus(a, b) => [Some(a), Some(b)],
            Node::Cross(a, b) | Node::Brackets(a, b) => [Some(a), Some(b)],
            Node::Or(a, b) | Node::And(a, b) | Node::Minus(a, b) => [Some(a), Some(b)],
            Node::Sequence(a, b) | Node::Within(a, b) | Node::Into(a, b) => [Some(a), Some(b)],
        };
        let mut depends = false;
        for operand in operands.into_iter().flatten() {
            depends |= self.compile_outside(operand, variable, inside);
        }
        if depends {
            inside.push(at);
        } else {
            self.value(at);
        }
        depends
    }

    fn brackets(&mut self, open: EventSet<W>, close: EventSet<W>) -> Known<W> {
        let n = self.plan.n;
        let mut rows = vec![EventSet::EMPTY; n];
        let mut stacks: Vec<(Option<u32>, Vec<usize>)> = Vec::new();
        for i in (open | close).iter() {
            let thread = self.frame.threads[i];
            let at = match stacks.iter().position(|s| s.0 == thread) {
                Some(at) => at,
                None => {
                    stacks.push((thread, Vec::new()));
                    stacks.len() - 1
                }
            };
            if open.contains(i) {
                stacks[at].1.push(i);
            } else if let Some(j) = stacks[at].1.pop() {
                rows[j].insert(i);
            }
        }
        self.fixed(|i| rows[i])
    }

    fn base_set(&self, set: BaseSet) -> EventSet<W> {
        let labels = &self.frame.labels;
        let which = |p: &dyn Fn(Label) -> bool| (0..labels.len()).filter(|&i| p(labels[i])).collect();
        let mode = |m: Mode| which(&|l| l == Label::Read(m) || l == Label::Write(m));
        match set {
            BaseSet::All => self.plan.all,
            BaseSet::R => which(&|l| l.is_read()),
            BaseSet::W => which(&|l| l.is_write() || l == Label::Init),
            BaseSet::IW => which(&|l| l == Label::Init),
            BaseSet::ObservedInit => self.frame.observed_init,
            BaseSet::RMW => self.frame.atomic,
            BaseSet::Plain => mode(Mode::Plain),
            BaseSet::Once => mode(Mode::Once),
            BaseSet::Acquire => mode(Mode::Acquire),
            BaseSet::Release => mode(Mode::Release),
            BaseSet::Noreturn => mode(Mode::Noreturn),
            BaseSet::SrcuLock => mode(Mode::SrcuLock),
            BaseSet::SrcuUnlock => mode(Mode::SrcuUnlock),
            BaseSet::SyncSrcu => which(&|l| l == Label::SyncSrcu),
            BaseSet::Fence(fence) => self.fence(fence),
            BaseSet::LKR => which(&|l| l == Label::LockRead),
            BaseSet::LKW => which(&|l| l == Label::LockWrite),
            BaseSet::UL => which(&|l| l == Label::Unlock),
            BaseSet::LF => which(&|l| l == Label::LockFail),
            BaseSet::RL => which(&|l| l == Label::ReadLocked),
            BaseSet::RU => which(&|l| l == Label::ReadUnlocked),
        }
    }

    fn fence(&self, fence: Fence) -> EventSet<W> {
        (0..self.plan.n).filter(|&i| self.frame.labels[i] == Label::Fence(fence)).collect()
    }

    fn base_relation(&mut self, relation: BaseRelation) -> Known<W> {
        let frame = self.frame;
        let n = self.plan.n;
        let rows = match relation {
            BaseRelation::Po => frame.po.clone(),
            BaseRelation::Rmw => frame.rmw.clone(),
            BaseRelation::Addr => frame.addr.clone(),
            BaseRelation::Data => frame.data.clone(),
            BaseRelation::Ctrl => frame.ctrl.clone(),
            BaseRelation::Loc => classes(&frame.locations),
            BaseRelation::Int => classes(&frame.threads),
            BaseRelation::Ext => {
                let initial: EventSet<W> = (0..n).filter(|&i| frame.threads[i].is_none()).collect();
                let same = classes(&frame.threads);
                let all = self.plan.all;
                (0..n).map(|i| all - if initial.contains(i) { initial } else { same[i] }).collect()
            }
            BaseRelation::Rf => return self.input(RF),
            BaseRelation::Co => return self.input(CO),
            BaseRelation::DifferentValues => {
                let all = self.plan.all;
                self.base[DIFFERENT_VALUES] = Some(Input::Growing { domain: all, range: all });
                return self.input(DIFFERENT_VALUES);
            }
        };
        self.fixed(|i| rows[i])
    }

    fn input(&mut self, which: usize) -> Known<W> {
        match self.base[which].take().expect("each input is asked for once") {
            Input::Fixed(rows) => self.fixed(|i| rows[i]),
            Input::Growing { domain, range } => {
                if domain.is_empty() || range.is_empty() {
                    return Known::Empty;
                }
                let slot = self.new_slot(domain, range);
                self.plan.inputs[which] = Some(slot);
                Known::Computed(slot)
            }
        }
    }
}

/// Relates the events of one class to each other; those of no class to none.
fn classes<const W: usize>(class: &[Option<u32>]) -> Vec<EventSet<W>> {
    let mut members: Vec<EventSet<W>> = Vec::new();
    for (i, class) in class.iter().enumerate() {
        if let Some(class) = *class {
            if members.len() <= class as usize {
                members.resize(class as usize + 1, EventSet::EMPTY);
            }
            members[class as usize].insert(i);
        }
    }
    class.iter().map(|c| c.map_or(EventSet::EMPTY, |c| members[c as usize])).collect()
}
