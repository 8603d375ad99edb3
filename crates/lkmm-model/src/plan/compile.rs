//! From the definition of a model to a plan: what does not depend on `rf` and `co` is computed here, once; for the rest, steps
//! with static bounds on domain and range.

use super::{CO, DIFFERENT_VALUES, Frame, Input, Known, Operation, Plan, RF, Step};
use crate::algebra::{BaseRelation, Node, NodeId, Requirement, Test};
use crate::event_set::EventSet;
use crate::relation;
use std::time::Instant;

pub(super) struct Compiler<'p, 'm, const W: usize> {
    pub(super) plan: &'p mut Plan<'m, W>,
    pub(super) frame: &'p Frame<W>,
    pub(super) base: [Option<Input<W>>; 3],
    pub(super) steps: Vec<Step<W>>,
}

impl<const W: usize> Compiler<'_, '_, W> {
    /// Compiles a requirement. False if it is already known to fail.
    pub(super) fn require(&mut self, index: usize, requirement: &Requirement) -> bool {
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
            Node::Set(set) => Known::Set(self.frame.set(set)),
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
        let rows = self.frame.brackets(open, close);
        self.fixed(|i| rows[i])
    }

    fn base_relation(&mut self, relation: BaseRelation) -> Known<W> {
        let rows = match relation {
            BaseRelation::Rf => return self.input(RF),
            BaseRelation::Co => return self.input(CO),
            BaseRelation::DifferentValues => {
                let all = self.plan.all;
                self.base[DIFFERENT_VALUES] = Some(Input::Growing { domain: all, range: all });
                return self.input(DIFFERENT_VALUES);
            }
            given => self.frame.relation(given),
        };
        self.fixed(|i| rows[i])
    }

    fn input(&mut self, which: usize) -> Known<W> {
        match self.base[which].take().expect("a definition lists no node twice") {
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
